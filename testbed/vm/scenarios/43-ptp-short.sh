#!/bin/bash
# title: PTP on a PHC in a minute: on time, stamps lost, the link down for 1 s
# topology: 0-1
# set: short
. "$VMLAB/guest/phc.sh"
begin 45

progress "transmit stamps dropped"
from=$(uptime_s)
setp 1 tx_drop 10
sleep 12
during "10 transmit stamps dropped" $NEAR_NS "$from"
expect "10 transmit stamps dropped: counted" counted transmit-stamp-missing 5

progress "link down for 1 s"
# After 45 s the frequency is known to some 10 ppb, ptp4l gives no time for 8 s after the link, and
# utcd is on time 4 s later: up to 139 ns off in one of twenty runs.
NEAR_NS=200
from=$(uptime_s)
link_down_for 1
after "link down for 1 s" 20
during "link down for 1 s" $NEAR_NS "$from"
finish
