#!/bin/bash
# title: The bench does what it promises, by ptp4l, phc2sys and chronyd
# topology: 0-1,1-2
. "$VMLAB/guest/bench.sh"

wire A hts0 B hts1          # hts2 (clock 1) and hts3 (clock 2) stay for later
ports delay_ns 500

# --- a frequency step must not move the phase --------------------------------
phc_ctl -Q "$(phc 1)" freq 0
setc 1 osc_ppt 0
before=$(clk 1 vs_clock0_ns)
phc_ctl -Q "$(phc 1)" freq 500
phc_ctl -Q "$(phc 1)" freq 0
check "adjfine leaves no phase step, ns" $(($(clk 1 vs_clock0_ns) - before)) 2000

# --- ptp4l over every transport ----------------------------------------------
pair() {        # pair LABEL TRANSPORT MASTER-CONF SLAVE-CONF LIMIT-NS SECONDS
    phc_ctl -Q "$(phc 1)" freq 0
    setc 0 osc_ppt -3000000     # -3 ppm
    setc 1 osc_ppt 12345000     # +12.345 ppm
    setc 1 phase_ns 777777
    printf '[global]\nuds_address /run/m\n%b\n' "$3" > /run/m.cfg
    printf '[global]\nuds_address /run/s\n%b\n' "$4" > /run/s.cfg
    ip netns exec A ptp4l -f /run/m.cfg -i hts0 "$2" -H -m > /run/m.log 2>&1 & local m=$!
    ip netns exec B ptp4l -f /run/s.cfg -i hts1 "$2" -H -m > /run/s.log 2>&1 & local s=$!
    sleep "$6"
    check "ptp4l $1: true offset, ns" "$(clk 1 vs_clock0_ns)" "$5"
    kill $m $s
    wait $m $s 2>/dev/null
}
M='masterOnly 1' S='slaveOnly 1' P='delay_mechanism P2P'
pair "UDPv4 E2E" -4 "$M" "$S" 5 90
pair "UDPv6 E2E" -6 "$M" "$S" 5 90
pair "L2 E2E"    -2 "$M" "$S" 5 90
pair "L2 P2P"    -2 "$M\n$P" "$S\n$P" 5 90
pair "UDPv4 one-step" -4 "$M\ntwoStepFlag 0" "$S" 5 90
setp 0 delay_ns 1500            # 1000 ns longer one way: half of it shows
pair "UDPv4, asymmetry 1000" -4 "$M" "$S" 505 90
check "and the asymmetry is seen, ns off 500" $(($(clk 1 vs_clock0_ns) + 500)) 10
setp 0 delay_ns 500

# --- faults --------------------------------------------------------------------
setp 0 tx_late_us 3000          # stamps handed over 3 ms late; ptp4l's patience is 1 ms
pair "UDPv4, TX stamps 3 ms late" -4 "$M\ntx_timestamp_timeout 10" "$S" 5 90
setp 0 tx_late_us 0
setp 0 ts_noise_ns 20; setp 1 ts_noise_ns 20; setp 0 ts_step_ns 8; setp 1 ts_step_ns 8
pair "UDPv4, stamps +-20 ns in steps of 8" -4 "$M" "$S" 100 120
setp 0 ts_noise_ns 0; setp 1 ts_noise_ns 0; setp 0 ts_step_ns 0; setp 1 ts_step_ns 0

# --- boundary clock: A - B - C ----------------------------------------------
ip link set hts2 netns B
ip netns add C
ip link set hts3 netns C
ip -n B addr add 198.18.1.2/24 dev hts2; ip -n B link set hts2 up
ip -n C addr add 198.18.1.3/24 dev hts3; ip -n C link set hts3 up
setc 2 osc_ppt -20000000
printf '[global]\nuds_address /run/m\npriority1 10\n' > /run/m.cfg
printf '[global]\nuds_address /run/b\n[hts1]\n[hts2]\n' > /run/b.cfg
printf '[global]\nuds_address /run/s\nslaveOnly 1\n' > /run/s.cfg
ip netns exec A ptp4l -f /run/m.cfg -i hts0 -4 -H -m > /run/m.log 2>&1 & m=$!
ip netns exec B ptp4l -f /run/b.cfg -4 -H -m > /run/b.log 2>&1 & b=$!
ip netns exec C ptp4l -f /run/s.cfg -i hts3 -4 -H -m > /run/s.log 2>&1 & s=$!
sleep 150
check "boundary clock: B off A, ns" "$(clk 1 vs_clock0_ns)" 5
check "boundary clock: C off A, ns" "$(clk 2 vs_clock0_ns)" 10

# --- PHC to system clock ------------------------------------------------------
phc2sys -s "$(phc 1)" -c CLOCK_REALTIME -O 0 -R 4 -m > /run/p.log 2>&1 & p=$!
sleep 60
check "phc2sys: CLOCK_REALTIME off PHC, ns" "$(clk 1 vs_utc_ns)" 500

# --- pulses -------------------------------------------------------------------
d=/sys/class/ptp/ptp$(clk 1 ptp)
pps=$(for x in /sys/class/pps/pps*; do grep -qx "ptp$(clk 1 ptp)" "$x/name" && echo "$x"; done)
echo 1 > "$d/pps_enable"; sleep 3
a=$(cat "$pps/assert"); a=${a%#*}; ns=$((10#${a#*.})); [ $ns -lt 500000000 ] || ns=$((ns - 1000000000))
check "PPS: kernel's stamp off the second, ns" $ns 500
echo 0 > "$d/pps_enable"
echo "0 1" > "$d/extts_enable"; sleep 2
read -r _ sec ns < "$d/fifo"; [ "${ns:-0}" -lt 500000000 ] || ns=$((ns - 1000000000))
check "EXTTS: clock 0's second by clock 1, ns" "${ns:-none}" 20
echo "0 0" > "$d/extts_enable"
kill $m $b $s $p
wait $m $b $s $p 2>/dev/null

# --- NTP with hardware stamps, and NTP over PTP where only PTP is stamped --------
mkdir -m 770 /run/ca /run/cb
ntp() {         # ntp LABEL SERVER-LINES CLIENT-LINES
    printf 'local stratum 1\nallow all\ncmdport 0\npidfile /run/ca/pid\nbindcmdaddress /run/ca/sock\n%b\n' "$2" > /run/ca/conf
    printf 'cmdport 0\npidfile /run/cb/pid\nbindcmdaddress /run/cb/sock\n%b\n' "$3" > /run/cb/conf
    ip netns exec A chronyd -x -d -u root -f /run/ca/conf > /run/ca/log 2>&1 & local a=$!
    ip netns exec B chronyd -x -d -u root -f /run/cb/conf > /run/cb/log 2>&1 & local b=$!
    sleep 45
    chronyc -h /run/cb/sock ntpdata > /run/cb/data
    expect "$1: TX stamp from hardware" grep -q 'TX timestamping : Hardware' /run/cb/data
    expect "$1: RX stamp from hardware" grep -q 'RX timestamping : Hardware' /run/cb/data
    check "$1: offset, ns" "$(awk '/^Offset/ { printf "%d", $3 * 1e9 }' /run/cb/data)" 3000
    kill $a $b
    wait $a $b 2>/dev/null
}
L='server 198.18.0.1 minpoll -2 maxpoll -2 xleave'
ntp "NTP" 'hwtimestamp *' "hwtimestamp *\n$L"
setp 0 ptp_only 1; setp 1 ptp_only 1
ntp "NTP over PTP" 'hwtimestamp * rxfilter ptp\nptpport 319' \
    "hwtimestamp * rxfilter ptp\nptpport 319\n$L port 319 extfield F323"

finish
