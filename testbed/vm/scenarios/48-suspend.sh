#!/bin/bash
# title: CLOCK_REALTIME by NTP and a PHC by PTP while the machine is suspended
# topology: 0-1
. "$VMLAB/guest/accuracy.sh"
DIRECT=1
. "$VMLAB/guest/realtime.sh"
NIC_TRUTH=$SIM/clock1/vs_clock0_ns
NIC_NEAR_NS=1000

# suspend SECONDS: the kernel's own test of a suspend to RAM. Everything is frozen, the clocks
# of the kernel stop, and it asks its RTC how long that was; only the devices keep their power.
suspend() {
    progress "suspended for $1 s"
    echo "$1" > /sys/module/suspend/parameters/pm_test_delay
    echo core > /sys/power/pm_test
    echo mem > /sys/power/state
}

claims_nothing() {      # claims_nothing NAME: the utcd of that name
    ! utcctl "$1" clocks --json | grep -qE '"(uncertainty|bound)":[0-9]'
}

# awake LABEL FROM: all is said and right, and was since FROM.
awake() {
    local name from=$2 now
    for name in utcd nic; do expect "$1: $name claims nothing at once" claims_nothing $name; done
    sleep 40
    now=$(uptime_s)
    for name in utcd nic; do
        expect "$1: $name says it" grep -q 'the host was suspended for' "$RUN/$name.log"
        expect "$1: $name names no intruder" \
            sh -c "! grep -E 'somebody else|another program' $RUN/$name.log"
        expect "$1: $name needs no restart" kill -0 "${running[$name]}"
    done
    sleep 10
    check "$1: CLOCK_REALTIME, ns off the truth 40 s later" \
        "$(largest faults 1 "$now" "$(uptime_s)" "$zero")" $NEAR_NS
    check "$1: PHC, ns off the truth 40 s later" \
        "$(largest faults 2 "$now" "$(uptime_s)" 0)" $NIC_NEAR_NS
    claims "$1: CLOCK_REALTIME" system -1 "$from" 0 "$zero"
    claims "$1: PHC" nic 1 "$from" 0
}

hardware_server
put_off
setc 1 phase_ns $((780000 - $(cat "$NIC_TRUTH")))
watch faults "$TRUTH" "$NIC_TRUTH"
ptp4l_master master A 0 hts0
utcd_by_ntp
utcd_client nic B hts1
claim system "$TRUTH" utcd
claim nic "$NIC_TRUTH" nic
sleep 60
check "locked: CLOCK_REALTIME, ns off the truth" "$(off)" $NEAR_NS
check "locked: PHC, ns off the truth" "$(cat "$NIC_TRUTH")" $NIC_NEAR_NS

# The RTC is slow: CLOCK_REALTIME wakes 0.3 s behind.
echo 300000000 > "$SIM/rtc_slow_ns"
from=$(uptime_s)
suspend 3
awake "PHC runs on" "$from"

from=$(uptime_s)
suspend 3
setp 1 reset 1
awake "NIC loses its power" "$from"
finish
