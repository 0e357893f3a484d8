# Sourced by the scenario of pulses that the kernel stamps: CLOCK_REALTIME by a receiver on
# /dev/ppsN whose pulses begin the seconds of clock 0, the truth, and by NTP, which names the
# seconds and is 60 µs off.
DIRECT=1
. "$VMLAB/guest/realtime.sh"
SETTLE=60
SECONDS_MEASURED=${SECONDS_MEASURED:-180}
NEAR_NS=2000
GNSS=$SIM/gnss
PPS=/dev/pps$(cat "$GNSS/pps")
EDGE=rising

gnss() { echo "$2" > "$GNSS/$1"; }      # gnss KNOB VALUE

# interrupts LATENCY_NS JITTER_NS: how late the kernel hears of an edge. DELAY_NS and
# UNCERTAINTY_NS (k = 2 of what is uniform: 2/√12 of it) are what the programs are told of it.
interrupts() {
    gnss latency_ns "$1"
    gnss jitter_ns "$2"
    DELAY_NS=$(($1 + $2 / 2))
    UNCERTAINTY_NS=$(($2 * 58 / 100))
}

utcd_by_pulses() {      # utcd_by_pulses [LINE...]: more lines for its configuration
    utcd utcd B "$@" <<END
[[clock]]
type = "system"
drift-file = "none"
[[source.pps]]
name = "pulse"
device = "$PPS"
edge = "$EDGE"
cable-delay = "$DELAY_NS ns"
uncertainty = "$UNCERTAINTY_NS ns"
prefer = true
[source.pps.origin]
clock = "UTC"
uncertainty = "10 ns"
END
}
utcd_by_ntp_and_pulses() { utcd_by_pulses "$by_ntp" "$@"; }
chronyd_by_pulses() {
    chronyd chronyd B <<END
server 198.18.0.1 iburst minpoll 0 maxpoll 0
refclock PPS $PPS refid PPS poll $CHRONYD_POLL prefer offset $(awk "BEGIN { print $DELAY_NS / 1e9 }")
makestep 0.001 3
END
}

# told_of NAME: what utcd tells of the source of that name.
told_of() { utcctl utcd sources --json | sed 's/,{"name":/\n{"name":/g' | grep "{\"name\":\"$1\""; }
source_has() { told_of "$1" | grep -qE "$2"; }      # source_has NAME PATTERN
# refused NAME REASON: how many were.
refused() {
    local count
    count=$(told_of "$1" | sed -nE "s/.*\"$2\":([0-9]+).*/\1/p")
    echo "${count:-0}"
}
