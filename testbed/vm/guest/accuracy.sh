# Sourced by the scenarios of PTP. `compare`: ptp4l with both of its servos and utcd follow one
# grandmaster at the same time, each with a PHC and a wire of its own, in the same conditions;
# needs the wires 0-1,0-2,0-3.
. "$VMLAB/guest/bench.sh"
SETTLE=180
SECONDS_MEASURED=${SECONDS_MEASURED:-220}

declare -A transport_of=([L2]=ethernet [UDPv4]=udp-ipv4 [UDPv6]=udp-ipv6)

# MIN_DELAY: what utcd knows of the way there and back. DRIFT_FILE: where it keeps the frequency.
utcd_client() {     # utcd_client NAME NAMESPACE INTERFACE [LOG_INTERVAL [LINE...]]
    utcd "$1" "$2" "${@:5}" <<END
[[clock]]
name = "nic"
type = "phc"
interface = "$3"
drift-file = "${DRIFT_FILE:-none}"
[[source.ptp]]
clock = "nic"
interface = "$3"
transport = "${transport_of[$TRANSPORT]}"
delay-mechanism = "${MECHANISM,,}"
min-delay = "${MIN_DELAY:-0 s}"
log-min-pdelay-req-interval = ${4:-0}
END
}

# conditions NOISE_NS STEP_NS JITTER_NS W: from now on. utcd knows that the wire is 500 ns long in
# each direction, less what four stamps may be off by: U is not that of a wire of which nothing is
# known, and covers only what is right. In scenarios of faults it does not know: where a clock is
# slewed fast, a claim of a second ago and the truth of now are further apart than such a U.
conditions() {
    MIN_DELAY="$((1000 - 4 * $1)) ns"
    ports ts_noise_ns "$1"
    ports ts_step_ns "$2"
    ports jitter_ns "$3"
    walk=$4
}

# accuracy CASE LOG_INTERVAL: starts 0.78 ms and 15 ppm off.
accuracy() {
    local label=$1 rate=$2 name=ptp$2 clock begin=()
    ptp4l_master "master$rate" A "$rate" hts0 hts2 hts4
    await_master "master$rate" 3
    for clock in 1 2 3; do
        phc_ctl -Q -- "$(phc $clock)" freq 0
        setc $clock phase_ns $((780000 - $(clk $clock vs_clock0_ns)))
    done
    wander 15000000 "$walk" 1 2 3
    watch "$name" "$SIM"/clock{1,2,3}/vs_clock0_ns
    begin[1]=$(uptime_s); ptp4l_client pi B1 "$rate" hts1 pi
    begin[2]=$(uptime_s); ptp4l_client linreg B2 "$rate" hts3 linreg
    begin[3]=$(uptime_s); utcd_client utcd B3 hts5 "$rate"
    claim "$name" "$SIM/clock3/vs_clock0_ns" utcd
    sleep $((SETTLE / 2)); progress "$label: settled for $((SETTLE / 2)) s"
    sleep $((SETTLE / 2)); progress "$label: measuring"
    sleep "$SECONDS_MEASURED"
    stop_all
    figures "$label" "ptp4l pi" "$name" 1 "${begin[1]}" $SETTLE
    figures "$label" "ptp4l linreg" "$name" 2 "${begin[2]}" $SETTLE
    figures "$label" utcd "$name" 3 "${begin[3]}" $SETTLE
    claimed "$label" "$name" "${begin[3]}" $SETTLE
    claims "$label, utcd" "$name" 1 "${begin[3]}" $SETTLE
}

# await_master NAME PORTS: until ptp4l gives time on all of its ports. What a grandmaster takes
# to find itself the best one is part of nobody's settling.
await_master() {
    local patience=30
    until [ "$(grep -c 'to MASTER on ANNOUNCE_RECEIPT' "$RUN/$1.log")" -ge "$2" ]; do
        [ $((patience--)) -gt 0 ] || { echo "$1 does not become master" >&2; return 1; }
        sleep 1
    done
}

# compare RATIO BEST_1 BEST_8 [TIME_RATIO]: at an exchange a second and at eight. utcd's errors
# are to be at most RATIO of the better peer's, in this run or on the bench that this one was made
# of (BEST_1 and BEST_8, ns, rms), whichever are more: in 220 s both peers scatter by a quarter
# from run to run. And never more than in this run. It is to be within 1 µs in TIME_RATIO of its
# time, likewise: linreg took 9 to 20 s there at one a second, and 4 to 6 s at eight.
compare() {
    wire A hts0 B1 hts1 1
    wire A hts2 B2 hts3 2
    wire A hts4 B3 hts5 3
    ports delay_ns 500
    accuracy "1/s" 0
    accuracy "8/s" -3
    judge 1/s "$1" "$2" 9 "${4:-}"
    judge 8/s "$1" "$3" 4 "${4:-}"
}

judge() {       # judge CASE RATIO BEST_NS BEST_S [TIME_RATIO]
    tell reach "$1" rms "$2" "${3}e-9"
    tell reach "$1" rms 1
    [ -z "$5" ] || tell reach "$1" "within 1 µs" "$5" "$4"
}
