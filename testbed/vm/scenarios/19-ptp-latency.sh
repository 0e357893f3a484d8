#!/bin/bash
# title: PTP on a PHC: latencies of the NIC's stamps, declared for the speed of its link
# topology: 0-1
. "$VMLAB/guest/accuracy.sh"

# A NIC whose stamps are 1000 ns late of what comes, and 200 ns early of what goes: its wire
# takes so much longer, and 500 ns besides.
wire A hts0 B hts1
setp 0 delay_ns 1500
setp 1 delay_ns 700
ports ts_noise_ns 8
ports ts_step_ns 8
wander 15000000 1e-9 1
truth=$SIM/clock1/vs_clock0_ns
ptp4l_master master A 0 hts0
await_master master 1

# follow NAME OFF_NS [LINE...]: with these lines of configuration, the clock comes to be so far
# off.
follow() {
    utcd_client "$1" B hts1 0 "${@:3}"
    sleep 120
    check "$1: ns from where it is to be" $(($(cat "$truth") - $2)) 60
}

interface='[[interface]]
name = "hts1"
[[interface.latency]]
'
follow undeclared -400
stop undeclared
follow declared 0 "$interface" 'speed = 1000' 'ingress = "1000 ns"' 'egress = "200 ns"' \
    'uncertainty = "20 ns"' '[[interface.latency]]' 'ingress = "9 us"'
# Where the interface is, utcctl sees it.
shown() {
    ip netns exec B "$(dirname "$UTCD")/utcctl" --socket "$RUN/declared.sock" interfaces |
        grep -q 'hts1 .*1.00 .*s .*200 ns .*20.0 ns .*1 Gbit/s'
}
expect "declared: in force" shown
in_budget() { utcctl declared chain | grep -q 'interface latency'; }
expect "declared: in the budget" in_budget
stop declared
follow missing -400 "$interface" 'speed = 100' 'ingress = "1000 ns"'
expect "missing: said" grep -q 'no latency of hts1 is declared for 1000 Mbit/s' "$RUN/missing.log"
finish
