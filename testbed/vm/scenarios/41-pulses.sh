#!/bin/bash
# title: Pulses on a PHC: events stamped in UTC with U, and one pulse a second put out
# topology: 0-1
# timeout: 900
. "$VMLAB/guest/bench.sh"
NEAR_NS=100
ADVANCE_NS=150

wire A hts0 B hts1
ports delay_ns 500
ports ts_noise_ns 8
ports ts_step_ns 8
setc 1 phase_ns $((780000 - $(clk 1 vs_clock0_ns)))
wander 15000000 1e-9 1
# The input of clock 1 gets the full seconds of clock 0, which is the truth.
setc 1 extts_source 0
utcd utcd B <<END
[[clock]]
name = "nic"
type = "phc"
interface = "hts1"
drift-file = "none"
[[source.ptp]]
clock = "nic"
interface = "hts1"
transport = "ethernet"
[source.ptp.origin]
clock = "UTC"
uncertainty = "1 ns"
[[event]]
name = "second"
clock = "nic"
channel = 0
uncertainty = "20 ns"
[[output]]
clock = "nic"
channel = 0
advance = "$ADVANCE_NS ns"
[record]
directory = "$RUN/record"
END

# pulses LABEL: those that are put out begin the seconds, but for the advance.
pulses() {
    expect "$1: pulses are put out" grep -qx Y "$SIM/clock1/output_on"
    check "$1: pulse, ns off the truth" $(($(clk 1 output_vs_clock0_ns) + ADVANCE_NS)) $NEAR_NS
}

sleep 10
expect "before there is a master: events have no time, and say why" sh -c \
    "$(dirname "$UTCD")/utcctl --socket $RUN/utcd.sock events --json | grep -q '\"utc\":null.*\"not_traceable_because\":\"no source'"
expect "before there is a master: no pulses" grep -qx N "$SIM/clock1/output_on"

ptp4l_master master A 0 hts0
expect "locked" wait_for 120 state_is locked
sleep 120
check_events 90
progress "U of the last event: $(events | tail -n 1 | cut -d' ' -f2) ns"
# ptp4l gives the time of clock 0 as TAI.
now=$(phc_ctl "$(phc 0)" get | sed -nE 's/.*clock time is ([0-9]+)\..*/\1/p')
second=$(utcctl utcd events --json | tail -n 1 | sed -nE 's/.*"tai_seconds":([0-9]+).*/\1/p')
check "events: s between the last one and now" $((now - second)) 2
expect "events are recorded" sh -c "grep -c ',event,nic,' $RUN/record/*.csv"

pulses "locked"
# Clock 0 stamps what clock 1 puts out.
setc 0 extts_source 1
setc 0 extts_output 1
device=/sys/class/ptp/ptp$(clk 0 ptp)
echo "0 1" > "$device/extts_enable"
sleep 3
read -r _ _ ns < "$device/fifo"
[ "${ns:-0}" -lt 500000000 ] || ns=$((ns - 1000000000))
check "locked: pulse by the input of clock 0, ns off" $((${ns:-1000000} + ADVANCE_NS)) $NEAR_NS
echo "0 0" > "$device/extts_enable"

progress "the PHC stepped by hand"
phc_ctl -Q -- "$(phc 1)" adj 0.3
sleep 60
pulses "PHC stepped by 0.3 s"
expect "PHC stepped by 0.3 s: programmed anew" sh -c \
    "$(dirname "$UTCD")/utcctl --socket $RUN/utcd.sock status --json | grep -qE '\"programmed\":([2-9]|[1-9][0-9])'"

stop utcd
expect "utcd has ended: so have the pulses" grep -qx N "$SIM/clock1/output_on"
finish
