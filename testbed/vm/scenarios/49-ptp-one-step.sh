#!/bin/bash
# title: PTP peer to peer: Pdelay_Req answered in two steps, and in one by a NIC that can
# topology: 0-1
# timeout: 1800
MECHANISM=P2P
. "$VMLAB/guest/accuracy.sh"
wire A hts0 B hts1
ports delay_ns 500
wander 2000000 1e-9 1

# What ptp4l, which asks, takes the link for, ns.
link_delay() {
    pmc -u -b 0 -s "$RUN/$1.uds" 'GET PORT_DATA_SET' | awk '/peerMeanPathDelay/ { print $2 }'
}
# Second parts of answers that it has had.
follow_ups() {
    pmc -u -b 0 -s "$RUN/$1.uds" 'GET PORT_STATS_NP' |
        awk '/rx_Pdelay_Resp_Follow_Up/ { print $2 }'
}
in_force() { ip netns exec B hwstamp_ctl -i hts1 2>&1 | awk '/tx_type/ { print $2 }' | tail -n 1; }
set_stamps() { ip netns exec B hwstamp_ctl -i hts1 -t "$1" -r "$2" > /dev/null; }
# shown PATTERN: where the interface is, utcctl sees it.
shown() {
    ip netns exec B "$(dirname "$UTCD")/utcctl" --socket "$RUN/utcd.sock" interfaces |
        grep -qE "hts1 .*$1"
}

# answers LABEL MASTER STEPS PATTERN: utcd is locked, its answers are in so many steps and
# right, and utcctl says why.
answers() {
    local label=$1 master=$2 before
    sleep 60
    before=$(follow_ups "$master")
    sleep 20
    check "$label: ns that the link is taken for too long" $(($(link_delay "$master") - 500)) 3
    check "$label: ns off the master" "$(cat "$SIM/clock1/vs_clock0_ns")" 60
    expect "$label: locked" state_is locked
    expect "$label: shown" shown "$4"
    case $3 in
        1) expect "$label: no second part" test "$(follow_ups "$master")" = "$before" ;;
        2) expect "$label: second parts" test "$(follow_ups "$master")" -gt "$before" ;;
    esac
}

ptp4l_master master A 0 hts0
await_master master 1
utcd_client utcd B hts1 0
answers "not offered" master 2 'on, .*Pdelay_Resp in two steps: the NIC does not offer one step'
stop utcd

setp 1 one_step_p2p 1
utcd_client utcd B hts1 0
answers "found in use" master 2 'on, .*in two steps: the NIC was found stamping what goes'
expect "found in use: left so" test "$(in_force)" = 1
stop utcd

set_stamps 0 0
utcd_client utcd B hts1 0
answers "granted" master 1 'onestep-p2p, .*Pdelay_Resp in one step'
ip netns exec A tcpdump -i hts0 -Q in -Z root -c 3 -w "$RUN/one.pcap" \
    'ether proto 0x88f7 and ether[14] & 15 = 3' 2> /dev/null
# twoStepFlag, requestReceiptTimestamp, and how long the NIC says that it kept each request.
dissected() {
    tshark -r "$RUN/one.pcap" -T fields -e ptp.v2.flags.twostep \
        -e ptp.v2.pdrs.requestreceipttimestamp.seconds \
        -e ptp.v2.pdrs.requestreceipttimestamp.nanoseconds \
        -e ptp.v2.correction.ns -e _ws.malformed 2> /dev/null |
        awk '$1 + $2 + $3 == 0 && $4 > 1000 && NF == 4 { n++ } END { exit n != 3 }'
}
expect "granted: as tshark has it" dissected
# Another program, which needs stamps of what it sends.
set_stamps 1 12
answers "taken" master 2 'on, .*in two steps: another program has set the NIC otherwise'
stop utcd

# A NIC that stamps 1000 ns too late what comes, and 200 ns too early what goes.
setp 0 delay_ns 1500
setp 1 delay_ns 700
set_stamps 0 0
utcd_client utcd B hts1 0 '[[interface]]' 'name = "hts1"' '[[interface.latency]]' \
    'ingress = "1000 ns"' 'egress = "200 ns"'
answers "with latencies" master 1 'onestep-p2p, '
stop utcd
ports delay_ns 500

for refusal in 2 3; do
    setp 1 one_step_p2p $refusal
    set_stamps 0 0
    utcd_client utcd B hts1 0
    answers "refused ($refusal)" master 2 'on, .*in two steps: the driver refuses one step'
    stop utcd
done
stop master

setp 1 one_step_p2p 1
set_stamps 0 0
TRANSPORT=UDPv4
ptp4l_master master4 A 0 hts0
await_master master4 1
utcd_client utcd B hts1 0
answers "UDP/IPv4, granted" master4 1 'onestep-p2p, '
finish
