#!/bin/bash
# title: CLOCK_REALTIME by NTP while others meddle with it, and utcd is killed
# topology: 0-1,1-2
# set: short
. "$VMLAB/guest/realtime.sh"
ntp_server
put_off
watch faults "$TRUTH"
utcd_by_ntp
sleep 60
check "locked, ns off the truth" "$(off)" $NEAR_NS

progress "somebody steps the clock by 50 ms"
phc_ctl -Q -- CLOCK_REALTIME adj 0.05
recovered "stepped by 50 ms" 30
expect "stepped by 50 ms: it is said" told 'another program|somebody'

progress "somebody sets the frequency 100 ppm off"
phc_ctl -Q -- CLOCK_REALTIME freq 100000
recovered "frequency set 100 ppm off" 60

progress "killed, and started again 20 s later"
kill -9 "${running[utcd]}"
stop utcd
from=$(uptime_s)
sleep 20
utcd_by_ntp
recovered "killed and restarted" 20
check "killed and restarted: ns off the truth meanwhile" \
    "$(largest faults 1 "$from" "$(uptime_s)" "$zero")" $NEAR_NS
expect "killed and restarted: no step" sh -c "! grep -A 1000 Killed $RUN/utcd.log | grep -q stepped"

progress "a busy real-time task takes the processor for 20 s"
from=$(uptime_s)
timeout 20 chrt -f 99 sh -c 'while :; do :; done'
recovered "starved for 20 s" 20
check "starved for 20 s: ns off the truth meanwhile" \
    "$(largest faults 1 "$from" "$(uptime_s)" "$zero")" $NEAR_NS
finish
