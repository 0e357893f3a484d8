#!/bin/bash
# title: PTP on a PHC: a NIC that is reset, a processor taken away, a clock stepped far
# topology: 0-1
. "$VMLAB/guest/phc.sh"
begin
pid=${running[utcd]}

progress "the NIC is reset"
from=$(uptime_s)
setp 1 reset 1
after "NIC reset" 60
claims "NIC reset" faults 1 "$from" 40
expect "NIC reset: it is said" told 'stamps no more'
expect "NIC reset: the stamps are the NIC's again" \
    sh -c "$(dirname "$UTCD")/utcctl --socket $RUN/utcd.sock sources --json | grep -q '\"time_stamps\":\"hardware\"'"

progress "a busy real-time task takes the processor for 20 s"
from=$(uptime_s)
timeout 20 chrt -f 99 sh -c 'while :; do :; done'
after "starved for 20 s" 20
during "starved for 20 s" $NEAR_NS "$from"

progress "the PHC stepped by 60 s by hand"
phc_ctl -Q -- "$(phc 1)" adj 60
after "PHC stepped by 60 s" 40
expect "none of this needed a restart" kill -0 "$pid"
finish
