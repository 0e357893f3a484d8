# Sourced by the scenarios of CLOCK_REALTIME. The truth is an oscillator that nobody steers:
# clock 0 of hwtsim, whose PHC a grandmaster gives by PTP, and beside it a clock in software
# that a utcd gives by NTP. Both are read from CLOCK_MONOTONIC_RAW, which steering does not
# touch. Needs the wires 0-1,1-2: A is the server, B the client, a switch between them.
. "$VMLAB/guest/bench.sh"
SETTLE=120
SECONDS_MEASURED=${SECONDS_MEASURED:-180}
START_OFF_NS=-40000000      # CLOCK_REALTIME less the truth at the start, where it is 15 ppm slow
TAI_UTC_NS=37000000000

far A hts0 B hts3 hts1 hts2
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
    phc_ctl -Q -- CLOCK_REALTIME freq 0
    setc 0 osc_ppt 0
    setc 0 phase_ns $((TAI_UTC_NS - $(cat "$TRUTH")))
    { cat <<END
[[clock]]
name = "truth"
type = "virtual"
mode = "observe"
[serve.ntp]
listen = ["198.18.0.1:123"]
local-stratum = 1
END
      [ $# = 0 ] || printf '%s\n' "$@"; } | utcd truth A
    wait_for 20 test -S "$RUN/truth.sock"
    zero=$(cat "$TRUTH")
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local i seconds=$1
    shift
    for ((i = 0; i < seconds * 10; i++)); do
        "$@" > /dev/null 2>&1 && return
        sleep 0.1
    done
    return 1
}

utcd_by_ntp() {         # utcd_by_ntp [LINE...]: more lines for its configuration
    { printf '[[clock]]\ntype = "system"\ndrift-file = "%s/utcd.drift"\n' "$RUN"
      printf '[[source.ntp]]\nserver = "198.18.0.1"\nmin-poll = 0\nmax-poll = 0\n'
      [ $# = 0 ] || printf '%s\n' "$@"; } | utcd utcd B
}
utcd_by_ptp() {
    utcd utcd B <<END
[[clock]]
type = "system"
drift-file = "none"
[[source.ptp]]
interface = "hts3"
transport = "ethernet"
END
}
chronyd_by_ntp() {
    printf 'server 198.18.0.1 iburst minpoll 0 maxpoll 0\nmakestep 0.001 3\n' | chronyd chronyd B
}
linuxptp_by_ptp() {
    ptp4l_client ptp4l B 0 hts3 linreg
    start phc2sys B phc2sys -s hts3 -c CLOCK_REALTIME -O -37 -m
}

# follow CASE PROGRAM COMMAND: lets the programs that COMMAND starts follow from the same
# beginning, and gives the figures.
follow() {
    local label=$1 program=$2 name=${1// /-}-${2// /-} begin
    put_off
    watch "$name" "$TRUTH"
    begin=$(uptime_s)
    "$3"
    sleep $SETTLE
    progress "$label, $program: measuring"
    sleep "$SECONDS_MEASURED"
    stop_clients
    figures "$label" "$program" "$name" 1 "$begin" $SETTLE "$zero"
}

stop_clients() {
    local name
    for name in "${!running[@]}"; do
        case $name in truth | master) ;; *) stop "$name" ;; esac
    done
    stop_background
}
