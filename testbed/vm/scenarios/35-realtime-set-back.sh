#!/bin/bash
# title: CLOCK_REALTIME by NTP, and an administrator who sets it back by an hour
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
ntp_server
put_off
watch faults "$TRUTH"
utcd_by_ntp
sleep 60
check "locked, ns off the truth" "$(off)" $NEAR_NS
date -s '1 hour ago' > /dev/null
recovered "set back by an hour" 60
finish
