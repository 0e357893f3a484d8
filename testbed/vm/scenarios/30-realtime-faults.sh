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
steps() { grep -c 'stepped by' "$RUN/utcd.log"; }
before=$(steps)
kill -9 "${running[utcd]}"
stop utcd
from=$(uptime_s)
sleep 20
utcd_by_ntp
recovered "killed and restarted" 20
check "killed and restarted: ns off the truth meanwhile" \
    "$(largest faults 1 "$from" "$(uptime_s)" "$zero")" $NEAR_NS
expect "killed and restarted: no step" test "$(steps)" = "$before"

progress "a busy real-time task takes the processor for 15 s"
from=$(uptime_s)
starve "starved for 15 s" 15
recovered "starved for 15 s" 20
check "starved for 15 s: ns off the truth meanwhile" \
    "$(largest faults 1 "$from" "$(uptime_s)" "$zero")" $NEAR_NS
finish
