#!/bin/bash
# title: CLOCK_REALTIME by NTP, and a machine that is suspended for a minute
# topology: 0-1,1-2
# The kernel puts CLOCK_REALTIME on by the time it slept, to the second. The truth sleeps with
# the machine: so it is as if the clock had been stepped by 60 s or so.
. "$VMLAB/guest/realtime.sh"
ntp_server
put_off
watch faults "$TRUTH"
utcd_by_ntp
sleep 60
check "locked, ns off the truth" "$(off)" $NEAR_NS
before=$EPOCHSECONDS
rtcwake -m freeze -s 60 > "$RUN/rtcwake.log" 2>&1
expect "it was suspended for about a minute" test $((EPOCHSECONDS - before)) -ge 55
recovered "suspended for a minute" 60
finish
