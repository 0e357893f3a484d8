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

progress "named by a receiver's sentences"
mkfifo "$RUN/gnss"
"$VMLAB/guest/nmea.sh" "$RUN/gnss" "$TRUTH" &
background+=($!)
utcd_by_pulses "[[source.nmea]]
name = \"sentences\"
device = \"$RUN/gnss\""
# Locked by the sentences, the clock is slewed by what they were wrong by.
sleep 150
again "named by sentences"
expect "named by sentences: they are heard" source_has sentences '"state":"candidate"'
stop utcd

progress "named by NTP"
put_off
utcd_by_ntp_and_pulses "[[event]]
name = \"end\"
device = \"$PPS\"
edge = \"falling\"
cable-delay = \"$((DELAY_NS + 100000000)) ns\"
uncertainty = \"$UNCERTAINTY_NS ns\""
claim faults "$TRUTH" utcd
begin=$(uptime_s)
sleep 60
again "named by NTP"
# The ends of the pulses, for each of which the kernel keeps another stamp.
check_events 30

progress "3 pulses lost, then 3 more ones"
from=$(uptime_s)
gnss drop 3
sleep 10
before=$(refused pulse not-a-second)
gnss spike_ns 300000000
sleep 3
gnss spike_ns 500000000
sleep 3
# So near to the second that it is taken for the pulse, which is refused then; or the kernel,
# which keeps the last one, has the pulse before utcd has looked.
gnss spike_ns 999300000
sleep 10
check "lost and more: pulses less than 3 that are refused" \
    $((3 - $(refused pulse not-a-second) + before)) 1
expect "lost and more: the pulses lead" leads pulse
late "lost and more" $NEAR_NS "$from"

progress "no pulses, and no NTP"
stop truth
sleep 10
from=$(uptime_s)
gnss on 0
sleep 60
expect "no pulses: holdover" state_is holdover
late "no pulses" 10000 "$from"
gnss on 1
again "pulses again"

progress "the device is gone for 30 s"
from=$(uptime_s)
gnss plugged 0
sleep 30
expect "device gone: it is said" told "there is no PPS device $PPS"
gnss plugged 1
again "device back"
late "device gone" 10000 "$from"

# Not at first, when the clock is slewed by 60 µs from NTP to the pulses.
claims "until here" faults -1 "$begin" 30 "$zero"

progress "the other edge"
stop utcd
EDGE=falling
ntp_server
zero=$TAI_UTC_NS
utcd_by_ntp_and_pulses
sleep 30
expect "wrong edge: it is said" told 'is it the other edge'
expect "wrong edge: NTP leads" leads 198.18.0.1
gnss inverted 1
again "the line inverted"
finish
