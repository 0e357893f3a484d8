# Sourced by the scenarios of CLOCK_REALTIME. The truth is an oscillator that nobody steers:
# clock 0 of hwtsim, whose PHC a grandmaster gives by PTP, and beside it a clock in software
# that a utcd gives by NTP. Both are read from CLOCK_MONOTONIC_RAW, which steering does not
# touch. Needs the wires 0-1,1-2: A is the server, B the client, a switch between them; with
# DIRECT=1 the wire 0-1 between A and B.
. "$VMLAB/guest/bench.sh"
SETTLE=120
SECONDS_MEASURED=${SECONDS_MEASURED:-180}
# How near to the truth a clock on time is, ns. An instruction takes 8 ns in virtual time, so a
# server's way from its transmit stamp to the wire takes 100 µs, and half of it shows.
NEAR_NS=100000
START_OFF_NS=-40000000      # CLOCK_REALTIME less the truth at the start, where it is 15 ppm slow
TAI_UTC_NS=37000000000

if [ -n "${DIRECT:-}" ]; then wire A hts0 B hts1; else far A hts0 B hts3 hts1 hts2; fi
ports delay_ns 500

# What the truth file says when CLOCK_REALTIME is right, ns; until a server is started, as
# the grandmaster has it.
zero=$TAI_UTC_NS
TRUTH=$SIM/clock0/vs_utc_ns
# What CLOCK_REALTIME is off the truth, ns.
off() { echo $((zero - $(cat "$TRUTH"))); }

# Puts CLOCK_REALTIME where every program begins.
put_off() {
    phc_ctl -Q -- CLOCK_REALTIME freq -15000
    phc_ctl -Q -- CLOCK_REALTIME adj "$(awk "BEGIN { printf \"%.9f\", ($START_OFF_NS - $(off)) / 1e9 }")"
}

# ntp_server [LINE...]: the truth by NTP, in namespace A; more lines for its configuration.
# CLOCK_REALTIME runs at the rate of the truth until the server has started, so that it does
# not matter when the clock in software begins at what CLOCK_REALTIME shows.
ntp_server() {
    true_phc
    utcd truth A "$@" <<END
[[clock]]
name = "truth"
type = "virtual"
mode = "observe"
[serve.ntp]
listen = ["198.18.0.1:123"]
local-stratum = 1
END
    wait_for 20 test -S "$RUN/truth.sock"
    zero=$(cat "$TRUTH")
}

# true_phc: clock 0 shows TAI, and CLOCK_REALTIME is right.
true_phc() {
    phc_ctl -Q -- CLOCK_REALTIME freq 0
    setc 0 osc_ppt 0
    setc 0 phase_ns $((TAI_UTC_NS - $(cat "$TRUTH")))
    zero=$TAI_UTC_NS
}

# hardware_server [LINE...]: the truth by NTP, stamped by the NIC whose PHC is the truth; more
# lines for what is served.
hardware_server() {
    true_phc
    utcd truth A <<END
[[clock]]
name = "truth"
type = "phc"
interface = "hts0"
mode = "observe"
[serve.ntp]
listen = ["198.18.0.1:123"]
local-stratum = 1
$(printf '%s\n' "$@")
END
    wait_for 20 test -S "$RUN/truth.sock"
}

# A source for the configuration of utcd: the server, asked once a second.
by_ntp='[[source.ntp]]
server = "198.18.0.1"
min-poll = 0
max-poll = 0'

# utcd_by_ntp [LINE...]: CLOCK_REALTIME with stamps of the kernel; more lines for its configuration.
utcd_by_ntp() {
    utcd utcd B "$@" <<END
[[clock]]
type = "system"
drift-file = "$RUN/utcd.drift"
$by_ntp
time-stamps = "software"
END
}
# utcd_by_nics CLOCK [LINE...]: the clock that the lines CLOCK say, by NTP with stamps of the
# NICs; more lines for its source.
utcd_by_nics() {
    utcd utcd B <<END
[[clock]]
$1
drift-file = "none"
$by_ntp
time-stamps = "hardware"
interleaved = true
$(printf '%s\n' "${@:2}")
END
}
system_by_nics() { utcd_by_nics 'type = "system"'; }
# utcd_by_ptp [LINE...]: CLOCK_REALTIME by PTP with stamps of the NIC; more lines for its
# configuration.
utcd_by_ptp() {
    utcd utcd B "$@" <<END
[[clock]]
type = "system"
drift-file = "none"
[[source.ptp]]
interface = "hts3"
transport = "ethernet"
time-stamps = "hardware"
END
}
chronyd_by_ntp() {
    chronyd chronyd B <<END
server 198.18.0.1 iburst minpoll 0 maxpoll 0
makestep 0.001 3
END
}
chronyd_by_nics() {
    chronyd chronyd B <<END
hwtimestamp *
server 198.18.0.1 iburst minpoll 0 maxpoll 0 xleave
makestep 0.001 3
END
}
linuxptp_by_ptp() {
    ptp4l_client ptp4l B 0 hts3 linreg
    start phc2sys B phc2sys -s hts3 -c CLOCK_REALTIME -w -z "$RUN/ptp4l.uds" -m
}

# follow CASE PROGRAM COMMAND: lets the programs that COMMAND starts follow from the same
# beginning, and gives the figures.
follow() {
    local label=$1 program=$2 name="$1 $2" begin
    name=${name//[ ,\']/-}
    put_off
    watch "$name" "$TRUTH"
    begin=$(uptime_s)
    "$3"
    [[ $program != utcd* ]] || claim "$name" "$TRUTH" utcd
    sleep $SETTLE
    progress "$label, $program: measuring"
    sleep "$SECONDS_MEASURED"
    stop_clients
    figures "$label" "$program" "$name" 1 "$begin" $SETTLE "$zero"
    [[ $program != utcd* ]] || claims "$label, $program" "$name" -1 "$begin" $SETTLE "$zero"
}

stop_clients() {
    local name
    for name in "${!running[@]}"; do
        case $name in truth | master) ;; *) stop "$name" ;; esac
    done
    stop_background
}

# recovered LABEL SECONDS: so long after a fault CLOCK_REALTIME is right again, and stays so
# for 10 s; needs `watch faults "$TRUTH"`.
recovered() {
    local from
    sleep "$2"
    from=$(uptime_s)
    sleep 10
    check "$1: ns off the truth $2 s later" \
        "$(largest faults 1 "$from" "$(uptime_s)" "$zero")" $NEAR_NS
    expect "$1: locked" state_is locked
}

# beside_peers: utcd and the peers, one after the other. ptp4l sets its NIC to stamp PTP alone,
# so the server comes after it.
beside_peers() {
    ptp4l_master master A 0 hts0
    hardware_server
    follow "NTP, kernel's stamps" utcd utcd_by_ntp
    follow "NTP, kernel's stamps" chronyd chronyd_by_ntp
    follow "NTP, NIC's stamps" utcd system_by_nics
    follow "NTP, NIC's stamps" chronyd chronyd_by_nics
    follow "PTP, NIC's stamps" utcd utcd_by_ptp
    follow "PTP, NIC's stamps" "ptp4l, phc2sys" linuxptp_by_ptp
}
