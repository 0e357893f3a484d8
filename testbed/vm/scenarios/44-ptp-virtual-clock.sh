#!/bin/bash
# title: PTP on a virtual clock of a PHC, with its stamps bound to it; the physical clock is refused
# topology: 0-1
. "$VMLAB/guest/accuracy.sh"
NEAR_NS=100

wire A hts0 B hts1
ports delay_ns 500
ports ts_noise_ns 8
ports ts_step_ns 8
setc 1 osc_ppt 0
setc 1 phase_ns $((780000 - $(clk 1 vs_clock0_ns)))

# What a device shows less clock 0, ns: both are held against CLOCK_REALTIME, which nobody steers.
off() {
    local of_realtime
    of_realtime=$(phc_ctl -q "$1" cmp | sed -n 's/.*CLOCK_REALTIME is \(-\?[0-9]*\)ns.*/\1/p')
    echo $((-of_realtime - $(clk 0 vs_utc_ns)))
}
check "what is measured is the truth, of the physical clock, ns" \
    $(($(off "$(phc 1)") - $(clk 1 vs_clock0_ns))) $NEAR_NS
setc 1 osc_ppt 15000000

physical=/sys/class/ptp/ptp$(clk 1 ptp)
echo 2 > "$physical/n_vclocks"
virtuals=("$physical"/ptp[0-9]*)
virtual=$(basename "${virtuals[1]}")
other=$(basename "${virtuals[0]}")

keep() {        # keep NAME PLACE: a utcd of that name keeps the clock at PLACE by PTP
    utcd "$1" B <<END
[[clock]]
name = "nic"
type = "phc"
$2
drift-file = "none"
[[source.ptp]]
clock = "nic"
interface = "hts1"
transport = "ethernet"
time-stamps = "hardware"
END
}
ptp4l_master master A 0 hts0
await_master master 1
keep utcd "device = \"/dev/$virtual\""
sleep 60
progress "settled"
expect "it stamps on the virtual clock" told "time stamps by the hardware, on $virtual"
expect "locked" state_is locked
for i in 1 2 3 4 5; do
    sleep 3
    check "the virtual clock, ns off the truth, $i" "$(off "/dev/$virtual")" $NEAR_NS
done
other_off=$(off "/dev/$other")
expect "the other one runs free" test "${other_off#-}" -gt 1000000

keep physical 'interface = "hts1"'
expect "of the physical clock it is said that its virtual clocks hold it" \
    wait_for 40 grep -q 'in use by something else.*virtual clocks' "$RUN/physical.log"
sleep 5
expect "and it stays so" sh -c "! grep -q 'steered again' $RUN/physical.log"
stop physical
check "the virtual clock, ns off the truth afterwards" "$(off "/dev/$virtual")" $NEAR_NS
finish
