#!/bin/bash
# nmea.sh LINE FILE: a receiver that tells each second of the truth 100 ms after it began, by a
# sentence (RMC) that it writes to LINE. FILE says what the truth less CLOCK_REALTIME is, ns, on
# TAI.
exec 5<> <(:) 6<> "$1"
tai_utc_ns=37000000000
true_us() {     # since the epoch, UTC
    local off
    read -r off < "$file"
    now=$((${EPOCHREALTIME/./} + (off - tai_utc_ns) / 1000))
}
file=$2
while :; do
    true_us
    rest=$((1100000 - now % 1000000))
    read -r -t "$((rest / 1000000)).$(printf %06d $((rest % 1000000)))" -u 5
    true_us
    printf -v body 'GNRMC,%(%H%M%S)T.00,A,,,,,,,%(%d%m%y)T,,,A' $((now / 1000000)) $((now / 1000000))
    sum=0
    for ((i = 0; i < ${#body}; i++)); do
        printf -v octet %d "'${body:i:1}"
        sum=$((sum ^ octet))
    done
    printf '$%s*%02X\r\n' "$body" "$sum" >&6
done
