#!/bin/bash
# title: The pulses of a receiver on /dev/ppsN, lost, too many, stopped, of the wrong edge
# topology: 0-1
# timeout: 900
. "$VMLAB/guest/pulses.sh"

# late LABEL MOST FROM: the largest error since FROM.
late() { check "$1: ns off the truth meanwhile" "$(largest faults 1 "$3" "$(uptime_s)" "$zero")" "$2"; }
leads() { source_has "$1" '"state":"leader"'; }
# again LABEL: the clock follows the pulses, and is right.
again() {
    expect "$1: the pulses lead again" wait_for 30 leads pulse
    sleep 10
    check "$1: ns off the truth" "$(off)" $NEAR_NS
    expect "$1: locked" state_is locked
}

ports delay_ns 500
interrupts 12000 2000
ntp_server
# The pulses are the seconds of clock 0.
zero=$TAI_UTC_NS
put_off
watch faults "$TRUTH"

progress "nobody names the second"
utcd_by_pulses
sleep 10
expect "nobody names the second: it is said" source_has pulse '"no_name"|unnamed|"state":"unusable"'
told_of pulse
expect "nobody names the second: unsynchronised" state_is unsynchronised
stop utcd

progress "locked"
utcd_by_ntp_and_pulses "[[event]]
name = \"end\"
device = \"$PPS\"
edge = \"falling\"
cable-delay = \"$((DELAY_NS + 100000000)) ns\"
uncertainty = \"$UNCERTAINTY_NS ns\""
claim faults "$TRUTH" utcd
sleep 30
again "locked"
told_of pulse
told_of 198.18.0.1

progress "3 pulses lost, then 3 more ones"
from=$(uptime_s)
gnss drop 3
sleep 10
before=$(refused pulse not-a-second)
gnss spike_ns 300000000
sleep 3
gnss spike_ns 999000000
sleep 3
gnss spike_ns 999800000
sleep 10
check "lost and more: pulses refused" $(($(refused pulse not-a-second) - before)) 3
late "lost and more" $NEAR_NS "$from"
told_of pulse

progress "no pulses, and no NTP"
stop truth
sleep 10
from=$(uptime_s)
gnss on 0
sleep 60
told_of pulse
expect "no pulses: holdover" state_is holdover
late "no pulses" 10000 "$from"
gnss on 1
again "pulses again"

progress "the device is gone for 30 s"
from=$(uptime_s)
gnss plugged 0
sleep 30
told_of pulse
expect "device gone: it is said" told "there is no PPS device $PPS"
gnss plugged 1
again "device back"
late "device gone" 10000 "$from"

progress "the other edge"
stop utcd
EDGE=falling
ntp_server
zero=$TAI_UTC_NS
utcd_by_ntp_and_pulses
sleep 30
told_of pulse
expect "wrong edge: it is said" told 'is it the other edge'
expect "wrong edge: NTP leads" leads 198.18.0.1
gnss inverted 1
again "the line inverted"
claims "all the time" faults -1 0 0 "$zero"
finish
