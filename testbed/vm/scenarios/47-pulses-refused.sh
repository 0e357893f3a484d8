#!/bin/bash
# title: A driver that refuses to stamp pulses and to put them out, and does so later
# topology: 0-1
. "$VMLAB/guest/phc.sh"
ADVANCE_NS=150

# shown PATTERN: whether `utcctl status` shows it.
shown() { utcctl utcd status --json | grep -qE "$1"; }
# refusals KNOB WHAT: each error that WHAT is refused with, in turn, is told and shown.
refusals() {
    local error number text
    for error in "95 the driver of the PTP hardware clock cannot $2" \
        "16 the PTP hardware clock is busy, cannot $2" \
        "22 the kernel refuses to $2: EINVAL"; do
        number=${error%% *} text=${error#* }
        setc 1 "$1" "$number"
        expect "$1 $number: told" wait_for 15 told "$text"
        expect "$1 $number: shown" wait_for 5 shown "$text"
    done
    setc 1 "$1" 0
}
on() { grep -qx Y "$SIM/clock1/output_on"; }
on_time() {     # on_time LABEL
    sleep 3
    check "$1: pulse, ns off the truth" $(($(clk 1 output_vs_clock0_ns) + ADVANCE_NS)) $NEAR_NS
}

setc 1 extts_refusal 95
setc 1 output_refusal 95
wire A hts0 B hts1
ports delay_ns 500
setc 1 extts_source 0
setc 1 phase_ns $((780000 - $(cat "$TRUTH")))
watch faults "$TRUTH"
ptp4l_master master A 0 hts0
pulses() {      # pulses [LINE...]: more lines for the output
    utcd_client utcd B hts1 0 "[[event]]
name = \"second\"
channel = 0
[[output]]
name = \"pulses\"
channel = 0
advance = \"$ADVANCE_NS ns\"" "$@"
}
pulses
expect "locked" wait_for 60 state_is locked
refusals extts_refusal "stamp external pulses"
expect "stamped, once the driver does" wait_for 15 told 'event second: works again'
refusals output_refusal "put out periodic pulses"
expect "put out, once the driver does" wait_for 15 on
expect "put out: it is told" told 'output pulses: one pulse a second'
on_time "put out"
expect "stamped: with a time" sh -c \
    "$(dirname "$UTCD")/utcctl --socket $RUN/utcd.sock events --json | grep -q tai_nanoseconds"
stop utcd

progress "a driver that knows no phase"
setc 1 output_flags 0
pulses
expect "no phase: put out" wait_for 60 on
on_time "no phase"
stop utcd

progress "no such pin"
pulses "pin = 0"
expect "no such pin: told" wait_for 60 told 'there is no pin 0: the PTP hardware clock has 0'
expect "no such pin: the clock is kept" wait_for 30 state_is locked
expect "no such pin: no pulses" sh -c "grep -qx N $SIM/clock1/output_on"
check "no such pin: ns off the truth" "$(cat "$TRUTH")" $NEAR_NS
finish
