#!/bin/bash
# title: PTP on a PHC by the better of two grandmasters behind a switch, which fail and return
# topology: 0-1,2-1,3-1
# icount: 0
. "$VMLAB/guest/phc.sh"
TRUTH=$SIM/clock2/vs_clock0_ns
# What the switch takes is not the same both ways; it forwards by software.
NEAR_NS=1000
far A hts0 B hts2 hts1 hts3
switch_port hts5
end_of_wire C hts4 0 3
wait_up C hts4
ports delay_ns 500
ports ts_noise_ns 8
ports ts_step_ns 8
for clock in 0 3; do setc $clock osc_ppt 0; done
setc 3 phase_ns $((-$(clk 3 vs_clock0_ns)))
setc 2 phase_ns $((780000 - $(cat "$TRUTH")))
wander 15000000 1e-9 2

# grandmaster NAME NAMESPACE INTERFACE PRIORITY: listens to the other, and steers nothing.
grandmaster() {
    EXTRA="masterOnly 0\nfree_running 1\npriority1 $4\nclockIdentity ${4}000.fffe.000000" \
        ptp4l_master "$1" "$2" 0 "$3"
}
# led_by IDENTITY: of all masters that it told of this is the last.
led_by() { grep 'master .*, was' "$RUN/utcd.log" | tail -n 1 | grep -q "master $1.*, was"; }

grandmaster first A hts0 100
grandmaster second C hts4 200
await_master first 1
watch faults "$TRUTH"
utcd_client utcd B hts2
claim faults "$TRUTH" utcd
begun=$(uptime_s)
sleep 90
check "ns off the truth" "$(cat "$TRUTH")" $NEAR_NS
expect "the better one is followed" led_by 100000

progress "the first grandmaster dies"
from=$(uptime_s)
stop first
after "the first dies" 30
during "the first dies" $NEAR_NS "$from"
expect "the first dies: the second is followed" led_by 200000

progress "the first grandmaster returns"
from=$(uptime_s)
grandmaster first A hts0 100
after "the first returns" 40
during "the first returns" $NEAR_NS "$from"
expect "the first returns: it is followed" led_by 100000

progress "the first grandmaster loses its reference"
from=$(uptime_s)
ip netns exec A pmc -u -b 0 -s "$RUN/first.uds" "set PRIORITY1 250" > "$RUN/pmc.log"
after "the first is worse" 40
during "the first is worse" $NEAR_NS "$from"
expect "the first is worse: the second is followed" led_by 200000

claims "all of it" faults 1 "$begun" 90
finish
