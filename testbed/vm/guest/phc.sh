# Sourced by the scenarios of faults on a PHC: utcd keeps that of clock 1 by PTP from a ptp4l on
# clock 0; needs the wire 0-1.
. "$VMLAB/guest/accuracy.sh"
NEAR_NS=100
TRUTH=$SIM/clock1/vs_clock0_ns

# begin [SECONDS [LINE...]]: from 0.78 ms and 15 ppm off; so long, by default 90 s, until it is
# on time; more lines for the configuration of utcd.
begin() {
    wire A hts0 B hts1
    ports delay_ns 500
    ports ts_noise_ns 8
    ports ts_step_ns 8
    setc 1 phase_ns $((780000 - $(cat "$TRUTH")))
    wander 15000000 1e-9 1
    watch faults "$TRUTH"
    ptp4l_master master A 0 hts0
    utcd_client utcd B hts1 0 "${@:2}"
    claim faults "$TRUTH" utcd
    sleep "${1:-90}"
    check "locked, ns off the truth" "$(cat "$TRUTH")" $NEAR_NS
}

# during LABEL MOST FROM: the largest error since FROM.
during() {
    check "$1: ns off the truth meanwhile" "$(largest faults 1 "$3" "$(uptime_s)" 0)" "$2"
}

# after LABEL SECONDS: so long after the fault it is right again, and stays so for 20 s.
after() {
    local from
    sleep "$2"
    from=$(uptime_s)
    sleep 20
    check "$1: ns off the truth $2 s later" \
        "$(largest faults 1 "$from" "$(uptime_s)" 0)" $NEAR_NS
    expect "$1: locked" state_is locked
}

# counted REASON LEAST: utcd counted so many messages that it could not use for that reason.
counted() {
    local number
    number=$(utcctl utcd sources --json | grep -oE "\"$1\":[0-9]+" | head -n 1 | cut -d: -f2)
    [ "${number:-0}" -ge "$2" ] || { echo "${number:-0}, not $2"; return 1; }
}

# link_down_for SECONDS: of the client.
link_down_for() {
    ip -n B link set hts1 down
    sleep "$1"
    ip -n B link set hts1 up
}
