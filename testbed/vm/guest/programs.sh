# Sourced in the guest by bench.sh: the programs that keep clocks, ours and the peers.
#
# Each runs in a namespace under a name; its log is $RUN/NAME.log.
declare -A running
background=()

start() {       # start NAME NAMESPACE COMMAND...
    local name=$1 namespace=$2
    shift 2
    ip netns exec "$namespace" "$@" >> "$RUN/$name.log" 2>&1 &
    running[$name]=$!
}

stop() {        # stop NAME...
    local name
    for name in "$@"; do
        kill "${running[$name]}" 2>/dev/null
        wait "${running[$name]}" 2>/dev/null
        unset "running[$name]"
    done
}

# What watches and what lets oscillators walk.
stop_background() {
    [ ${#background[@]} = 0 ] || kill "${background[@]}" 2>/dev/null
    background=()
}

stop_all() {
    stop "${!running[@]}"
    stop_background
}

# How PTP messages travel (L2, UDPv4, UDPv6) and how the path is measured (E2E, P2P), in the
# words of ptp4l. A scenario may say so before.
TRANSPORT=${TRANSPORT:-L2}
MECHANISM=${MECHANISM:-E2E}

# ptp_rate LOG: lines of ptp4l's configuration for so many exchanges, 2^-LOG a second.
ptp_rate() {
    printf 'network_transport %s\ndelay_mechanism %s\n' "$TRANSPORT" "$MECHANISM"
    printf '%s '"$1"'\n' logSyncInterval logMinDelayReqInterval logMinPdelayReqInterval
}

# ptp4l_master NAME NAMESPACE LOG_INTERVAL INTERFACE...: a grandmaster with the PHC of the
# interfaces, which it does not steer. EXTRA: more lines of configuration.
ptp4l_master() {
    local name=$1 namespace=$2 rate=$3 interface arguments=()
    shift 3
    { printf '[global]\nuds_address %s/%s.uds\nmasterOnly 1\n' "$RUN" "$name"
      ptp_rate "$rate"; printf '%b\n' "${EXTRA:-}"; } > "$RUN/$name.cfg"
    for interface in "$@"; do arguments+=(-i "$interface"); done
    start "$name" "$namespace" ptp4l -f "$RUN/$name.cfg" "${arguments[@]}" -H -m
}

# ptp4l_client NAME NAMESPACE LOG_INTERVAL INTERFACE SERVO: steers the PHC of the interface.
ptp4l_client() {
    { printf '[global]\nuds_address %s/%s.uds\nslaveOnly 1\nclock_servo %s\n' "$RUN" "$1" "$5"
      ptp_rate "$3"; printf '%b\n' "${EXTRA:-}"; } > "$RUN/$1.cfg"
    start "$1" "$2" ptp4l -f "$RUN/$1.cfg" -i "$4" -H -m
}

# utcd NAME NAMESPACE [LINE...]: with the configuration on standard input, and more lines of
# it. (Not behind a pipe: it would run in a shell of its own, which nobody could stop.)
utcd() {
    local name=$1 namespace=$2
    shift 2
    { cat
      printf '[control]\nsocket = "%s/%s.sock"\n[metrics]\nlisten = "none"\n' "$RUN" "$name"
      printf '%s\n' "$@"; } > "$RUN/$name.toml"
    start "$name" "$namespace" "$UTCD" --config "$RUN/$name.toml"
}

utcctl() {      # utcctl NAME ARGUMENT...: asks the utcd of that name
    local name=$1
    shift
    "$(dirname "$UTCD")/utcctl" --socket "$RUN/$name.sock" "$@"
}

# state_is STATE: of the first clock of the utcd of that name.
state_is() { utcctl utcd clocks --json | head -n 1 | grep -q "\"state\":\"$1\""; }
# told PATTERN: whether it has said so.
told() { grep -qE "$1" "$RUN/utcd.log"; }

# events: of each that has a time: ns off the nearest second, and U and bound, ns.
events() {
    local number='([-+.e0-9]+)'
    utcctl utcd events --json |
        sed -nE "s/.*\"tai_nanoseconds\":$number,\"uncertainty\":$number,\"bound\":$number.*\"traceable\":true.*/\1 \2 \3/p" |
        awk '{ print ($1 > 5e8 ? $1 - 1e9 : $1) + 0, $2 * 1e9, $3 * 1e9 }'
}
# check_events COUNT: the last so many, which are at full seconds.
check_events() {
    local all outside_u outside_bound largest
    read -r all outside_u outside_bound largest < <(events | tail -n "$1" | awk '
        { error = $1 < 0 ? -$1 : $1; n++ }
        error > $2 { u++ } error > $3 { b++ } error > most { most = error }
        END { print n + 0, u + 0, b + 0, most + 0 }')
    expect "an event for each second" test "$all" = "$1"
    check "events: ns off the truth" "$largest" $NEAR_NS
    check "events of $all that U does not cover" "$outside_u" $((all / 20))
    check "events of $all that the bound does not cover" "$outside_bound" 0
}

# chronyd NAME NAMESPACE [OPTION...]: with the configuration on standard input.
chronyd() {
    local name=$1 namespace=$2 dir=$RUN/$1.d
    shift 2
    mkdir -p "$dir"
    chmod 770 "$dir"
    { cat; printf 'cmdport 0\npidfile %s/pid\nbindcmdaddress %s/sock\n' "$dir" "$dir"; } \
        > "$RUN/$name.conf"
    start "$name" "$namespace" chronyd -d -u root "$@" -f "$RUN/$name.conf"
}
