#!/bin/bash
# title: PTP on a PHC: lost and late stamps, links that fail, clocks that step, a kill
# topology: 0-1
# timeout: 1800
. "$VMLAB/guest/phc.sh"
DRIFT_FILE=$RUN/utcd.drift
begin
pid=${running[utcd]}

progress "transmit stamps dropped"
from=$(uptime_s)
setp 1 tx_drop 10
sleep 30
during "10 transmit stamps dropped" $NEAR_NS "$from"
after "10 transmit stamps dropped" 0
expect "10 transmit stamps dropped: counted" counted transmit-stamp-missing 5

progress "transmit stamps late"
from=$(uptime_s)
setp 1 tx_late_us 500000
sleep 60
setp 1 tx_late_us 0
during "transmit stamps 0.5 s late" $NEAR_NS "$from"
after "transmit stamps 0.5 s late" 10

progress "receive stamps missing"
from=$(uptime_s)
setp 1 rx_drop 20
sleep 30
during "20 receive stamps missing" $NEAR_NS "$from"
after "20 receive stamps missing" 0
expect "20 receive stamps missing: counted" counted no-receive-stamp 10

progress "link down for 1 s"
from=$(uptime_s)
link_down_for 1
after "link down for 1 s" 20
during "link down for 1 s" $NEAR_NS "$from"

progress "link down for 10 min"
from=$(uptime_s)
ip -n B link set hts1 down; sleep 600
during "link down for 10 min" 100000 "$from"
claims "link down for 10 min" faults 1 "$from" 0
ip -n B link set hts1 up
after "link down for 10 min" 30

progress "the PHC stepped by hand"
phc_ctl -Q -- "$(phc 1)" adj 0.001
after "PHC stepped by 1 ms" 40

progress "somebody else steers the PHC"
phc_ctl -Q -- "$(phc 1)" freq 50000
after "PHC set 50 ppm off" 60
expect "PHC set 50 ppm off: it is said" told 'steers its frequency'

progress "phc2sys steers the PHC"
start phc2sys B phc2sys -s "$(phc 0)" -c "$(phc 1)" -O 0 -m
sleep 20
expect "phc2sys steers the PHC: it is named" told 'phc2sys \(pid [0-9]+'
stop phc2sys
after "phc2sys steers the PHC" 60

progress "the master's clock steps"
phc_ctl -Q -- "$(phc 0)" adj 0.002
after "master stepped by 2 ms" 90

progress "another grandmaster"
stop master
EXTRA='clockIdentity 123456.fffe.789abc' ptp4l_master master2 A 0 hts0
after "another grandmaster" 60

progress "killed, and started again 20 s later"
expect "none of this needed a restart" kill -0 "$pid"
steps() { grep -c 'stepped by' "$RUN/utcd.log"; }
before=$(steps)
kill -9 "$pid"
stop utcd
expect "killed: the frequency is kept" grep -qE "1[45]\.[0-9]" "$DRIFT_FILE"
from=$(uptime_s)
sleep 20
utcd_client utcd B hts1
after "killed and restarted" 30
during "killed and restarted" 1000 "$from"
expect "killed and restarted: no step" test "$(steps)" = "$before"
finish
