#!/bin/bash
# title: PTP and NTP on a PHC: latencies of the NICs' stamps, declared for the speed of the link
# topology: 0-1
# timeout: 1800
. "$VMLAB/guest/accuracy.sh"
DIRECT=1
. "$VMLAB/guest/realtime.sh"

# A NIC whose stamps are 1000 ns late of what comes, and 200 ns early of what goes: its wire
# takes so much longer, and 500 ns besides. It may as well be the other end whose stamps are 200
# ns late and 1000 ns early.
setp 0 delay_ns 1500
setp 1 delay_ns 700
ports ts_noise_ns 8
ports ts_step_ns 8
wander 15000000 1e-9 1
truth=$SIM/clock1/vs_clock0_ns

# off_by LABEL NS: the clock comes to be so far off.
off_by() {
    sleep 120
    check "$1: ns from where it is to be" $(($(cat "$truth") - $2)) 60
}

# interface NAME LATENCY...: the lines that declare its latencies, each "SPEED INGRESS EGRESS"; 0
# is every other speed.
interface() {
    local latency speed ingress egress
    printf '[[interface]]\nname = "%s"\n' "$1"
    for latency in "${@:2}"; do
        read -r speed ingress egress <<< "$latency"
        printf '[[interface.latency]]\ningress = "%s ns"\negress = "%s ns"\n' $ingress $egress
        printf 'uncertainty = "20 ns"\n'
        [ "$speed" = 0 ] || printf 'speed = %s\n' "$speed"
    done
}

# shown NAME NAMESPACE INTERFACE INGRESS EGRESS SPEED: where the interface is, utcctl sees it.
shown() {
    ip netns exec "$2" "$(dirname "$UTCD")/utcctl" --socket "$RUN/$1.sock" interfaces |
        grep -q "$3 .*$4 .*s .*$5 .*s .*20.0 ns .*$6"
}
in_budget() { utcctl "$1" chain | grep -q 'interface latency'; }

# --- PTP ----------------------------------------------------------------------------------
ptp4l_master master A 0 hts0
await_master master 1
utcd_client undeclared B hts1 0
off_by undeclared -400
stop undeclared
utcd_client declared B hts1 0 "$(interface hts1 '1000 1000 200' '0 9000 0')"
off_by declared 0
expect "declared: in force" shown declared B hts1 1.00 200 '1 Gbit/s'
expect "declared: in the budget" in_budget declared
stop declared
utcd_client missing B hts1 0 "$(interface hts1 '100 1000 0')"
off_by missing -400
expect "missing: said" grep -q 'no latency of hts1 is declared for 1000 Mbit/s' "$RUN/missing.log"
stop missing master

# --- NTP ----------------------------------------------------------------------------------
ntp_client() {      # ntp_client NAME LINE [LINE...]: with that line for its source
    utcd "$1" B "${@:3}" <<END
[[clock]]
name = "nic"
type = "phc"
interface = "hts1"
drift-file = "none"
[[source.ntp]]
server = "198.18.0.1"
min-poll = 0
max-poll = 0
time-stamps = "hardware"
interleaved = true
$2
END
}
hardware_server
ntp_client ntp ''
off_by "NTP, undeclared" -400
stop ntp
ntp_client ntp '' "$(interface hts1 '1000 1000 200')"
off_by "NTP, declared to the client" 0
expect "NTP, declared to the client: in the budget" in_budget ntp
stop ntp truth

hardware_server 'ptp-listen = ["198.18.0.1:319"]' \
    "$(interface hts0 '1000 200 1000' '100 200 2000')"
ntp_client ntp ''
off_by "NTP, declared to the server" 0
expect "NTP, declared to the server: in force" shown truth A hts0 200 1.00 '1 Gbit/s'
ports speed 100
off_by "NTP, the link at another speed" 500
expect "NTP, the link at another speed: in force" shown truth A hts0 200 2.00 '100 Mbit/s'
stop ntp
ports speed 1000
ntp_client over_ptp 'transport = "ptp"'
off_by "NTP over PTP, declared to the server" 0
stop over_ptp
ports speed 10
ntp_client missing ''
off_by "NTP, missing" -400
expect "NTP, missing: said" grep -q 'no latency of hts0 is declared for 10 Mbit/s' "$RUN/truth.log"
finish
