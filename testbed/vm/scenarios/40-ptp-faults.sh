#!/bin/bash
# title: PTP on a PHC: lost and late stamps, links that fail, clocks that step, a kill
# topology: 0-1
# timeout: 1800
. "$VMLAB/guest/accuracy.sh"
NEAR_NS=100

wire A hts0 B hts1
ports delay_ns 500
ports ts_noise_ns 8
ports ts_step_ns 8
truth=$SIM/clock1/vs_clock0_ns
setc 1 phase_ns $((780000 - $(cat "$truth")))
wander 15000000 1e-9 1
watch faults "$truth"
ptp4l_master master A 0 hts0
utcd_client utcd B hts1
sleep 90
check "locked, ns off the truth" "$(cat "$truth")" $NEAR_NS
pid=${running[utcd]}

# during LABEL MOST FROM: the largest error since FROM.
during() {
    check "$1: ns off the truth meanwhile" "$(largest faults 1 "$3" "$(uptime_s)" 0)" "$2"
}
# after LABEL SECONDS: so long after the fault it is right again, and stays so for 20 s.
after() {
    local from
    sleep "$2"
    from=$(uptime_s)
    sleep 20
    check "$1: ns off the truth $2 s later" \
        "$(largest faults 1 "$from" "$(uptime_s)" 0)" $NEAR_NS
    expect "$1: locked" state_is locked
}

progress "transmit stamps dropped"
from=$(uptime_s)
setp 1 tx_drop 10
sleep 30
during "10 transmit stamps dropped" $NEAR_NS "$from"

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

progress "link down for 1 s"
from=$(uptime_s)
ip -n B link set hts1 down; sleep 1; ip -n B link set hts1 up
after "link down for 1 s" 20
during "link down for 1 s" $NEAR_NS "$from"

progress "link down for 10 min"
from=$(uptime_s)
ip -n B link set hts1 down; sleep 600
during "link down for 10 min" 100000 "$from"
ip -n B link set hts1 up
after "link down for 10 min" 30

progress "the PHC stepped by hand"
phc_ctl -Q -- "$(phc 1)" adj 0.001
after "PHC stepped by 1 ms" 40

progress "somebody else steers the PHC"
phc_ctl -Q -- "$(phc 1)" freq 50000
after "PHC set 50 ppm off" 60
expect "PHC set 50 ppm off: it is said" grep -qE 'another program|somebody' "$RUN/utcd.log"

progress "the master's clock steps"
phc_ctl -Q -- "$(phc 0)" adj 0.002
after "master stepped by 2 ms" 90

progress "another grandmaster"
stop master
EXTRA='clockIdentity 123456.fffe.789abc' ptp4l_master master2 A 0 hts0
after "another grandmaster" 60

progress "killed, and started again 20 s later"
expect "none of this needed a restart" kill -0 "$pid"
kill -9 "$pid"
stop utcd
from=$(uptime_s)
sleep 20
utcd_client utcd B hts1
after "killed and restarted" 30
during "killed and restarted" 1000 "$from"
finish
