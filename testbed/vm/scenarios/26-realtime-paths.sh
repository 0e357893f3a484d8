#!/bin/bash
# title: CLOCK_REALTIME and PHCs along any path: NTP, system, PHC, PTP, PHC; and the system clock by what tells it best
# topology: 0-1,2-3
# icount: 0
DIRECT=1
. "$VMLAB/guest/realtime.sh"
NEAR_NS=1000
wire B hts2 C hts3 1
ports ts_noise_ns 8
ports ts_step_ns 8
for clock in 1 2 3; do setc $clock osc_ppt $((clock * 5000000)); setc $clock phase_ns $((clock * 1000000)); done
true_phc

# near LABEL FROM CLOCK...: every one of these is on TAI since FROM, as clock 0 is.
near() {
    local label=$1 from=$2 clock
    shift 2
    for clock in "$@"; do
        check "$label: PHC $clock, ns off the truth" \
            "$(largest paths "$clock" "$from" "$(uptime_s)" 0)" $NEAR_NS
    done
}
# on_time LABEL: CLOCK_REALTIME.
on_time() {
    check "$1: CLOCK_REALTIME, ns off the truth" \
        "$(largest paths 4 "$2" "$(uptime_s)" "$zero")" $NEAR_NS
}
watch paths "$SIM"/clock{1,2,3}/vs_clock0_ns "$TRUTH"

progress "a grandmaster's PHC by the system clock by NTP"
put_off
hardware_server
# The PHC that stamps is only compared.
utcd utcd B <<END
[[clock]]
name = "system"
drift-file = "none"
$by_ntp
clock = "system"
time-stamps = "hardware"
interleaved = true
[[clock]]
name = "giver"
type = "phc"
interface = "hts2"
drift-file = "none"
[[source.clock]]
clock = "giver"
of = "system"
[[clock]]
name = "stamps"
type = "phc"
interface = "hts1"
mode = "observe"
[[source.clock]]
clock = "stamps"
of = "system"
END
claim system "$TRUTH" utcd
ptp4l_master giver B 0 hts2
utcd taker C <<END
[[clock]]
name = "nic"
type = "phc"
interface = "hts3"
drift-file = "none"
[[source.ptp]]
interface = "hts3"
transport = "ethernet"
END
claim taker "$SIM/clock3/vs_clock0_ns" taker
from=$(uptime_s)
sleep 60
begun=$(uptime_s)
sleep 60
near "in a row" "$begun" 2 3
on_time "in a row" "$begun"
claims "in a row: CLOCK_REALTIME" system -1 "$from" 60 "$zero"
claims "in a row: the last PHC" taker 1 "$from" 60
# What utcd says of the one that it leaves alone.
shown=$(utcctl utcd clocks --json | sed -nE 's/.*"name":"stamps".*"offset":([-+.e0-9]+).*/\1/p')
check "compared: ns that it is told wrong" \
    "$(awk "BEGIN { printf \"%.0f\", ${shown:-1} * 1e9 - $(clk 1 vs_clock0_ns) }")" 100000
stop_clients

progress "the system clock by NTP, until a PHC that follows PTP tells it better"
put_off
watch paths "$SIM"/clock{1,2,3}/vs_clock0_ns "$TRUTH"
ptp4l_master master A 0 hts0
mv "$RUN/utcd.log" "$RUN/utcd-in-a-row.log"
utcd utcd B <<END
[[clock]]
name = "system"
drift-file = "none"
$by_ntp
clock = "system"
time-stamps = "software"
[[clock]]
name = "nic"
type = "phc"
interface = "hts1"
drift-file = "none"
[[source.ptp]]
clock = "nic"
interface = "hts1"
transport = "ethernet"
[[source.clock]]
clock = "system"
of = "nic"
END
# followed: whom the system clock followed, one after the other.
followed() { sed -n 's/.*clock system: follows //p' "$RUN/utcd.log" | paste -sd ' '; }
by_the_best() { is "$(followed)" "198.18.0.1 nic-for-system"; }
sleep 60
from=$(uptime_s)
sleep 30
near "both" "$from" 1
on_time "both" "$from"
expect "both: first NTP is followed, then the PHC" by_the_best

progress "PTP is gone"
stop master
from=$(uptime_s)
sleep 60
on_time "no PTP" "$from"
expect "no PTP: the PHC in holdover still tells better than NTP" by_the_best
progress "PTP is back"
ptp4l_master master A 0 hts0
sleep 60
from=$(uptime_s)
sleep 30
near "PTP again" "$from" 1
on_time "PTP again" "$from"
expect "PTP again: the PHC is followed" by_the_best
finish
