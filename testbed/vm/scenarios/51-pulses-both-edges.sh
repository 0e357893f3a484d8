#!/bin/bash
# title: A PHC by pulses both edges of which its driver stamps, named by a receiver's sentences
# topology: 0-1
. "$VMLAB/guest/phc.sh"
WIDTH_NS=100000000
zero=0

told_of() { utcctl utcd sources --json | sed 's/,{"name":/\n{"name":/g' | grep "{\"name\":\"$1\""; }
source_has() { told_of "$1" | grep -qE "$2"; }      # source_has NAME PATTERN
by_pulses() {       # by_pulses [LINE...]: more lines for the source of the pulses
    utcd utcd B <<END
[[clock]]
name = "nic"
type = "phc"
interface = "hts1"
drift-file = "none"
[[source.nmea]]
name = "sentences"
clock = "nic"
device = "$RUN/gnss"
delay-uncertainty = "150 ms"
[[source.pps]]
name = "pulse"
clock = "nic"
channel = 0
prefer = true
$(printf '%s\n' "$@")
[source.pps.origin]
clock = "UTC"
uncertainty = "10 ns"
END
}

wire A hts0 B hts1
setc 1 extts_source 0
setc 1 extts_width_ns $WIDTH_NS
setc 1 phase_ns $((780000 - $(cat "$TRUTH")))
mkfifo "$RUN/gnss"
"$VMLAB/guest/nmea.sh" "$RUN/gnss" "$SIM/clock0/vs_utc_ns" &
background+=($!)

progress "without the width"
by_pulses
expect "no width: it is said what to do" wait_for 60 source_has pulse '"reason":"brings two edges'
expect "no width: both edges are shown" source_has pulse 'channel 0, maybe both edges'
sleep 30
expect "no width: the sentences lead" source_has sentences '"state":"leader"'
expect "no width: no pulse is taken" source_has pulse '"accepted":0,'
stop utcd

progress "with the width"
by_pulses 'width = "100 ms"'
expect "width: the pulses lead" wait_for 60 source_has pulse '"state":"leader"'
expect "width: the other edges are counted" source_has pulse '"trailing-edge":[0-9]'
sleep 120
check "width: ns off the truth" "$(cat "$TRUTH")" $NEAR_NS
expect "width: locked" state_is locked
stop utcd

progress "the clock named by PTP"
ports delay_ns 500
ptp4l_master master A 0 hts0
utcd_client utcd B hts1 0 '[[source.pps]]
name = "pulse"
clock = "nic"
channel = 0'
expect "PTP: the edge that fits is taken" wait_for 60 source_has pulse '"accepted":[1-9]'
expect "PTP: the others are counted" wait_for 10 source_has pulse '"not-a-second":[0-9]'
sleep 30
check "PTP: ns off the truth" "$(cat "$TRUTH")" $NEAR_NS
finish
