#!/bin/bash
# title: CLOCK_REALTIME by a PHC, read by cross time stamps: a PHC on time, and one that follows PTP
# topology: 0-1
# icount: 0
DIRECT=1
. "$VMLAB/guest/realtime.sh"
ports ts_noise_ns 8
ports ts_step_ns 8

# utcd_by_phc [LINE...]: the system clock by the clock named nic; more lines say what that is.
utcd_by_phc() {
    utcd utcd B "$@" <<END
[[clock]]
name = "system"
drift-file = "none"
[[source.clock]]
clock = "system"
of = "nic"
END
}
utcd_by_true_phc() {
    utcd_by_phc '[source.clock.origin]' 'clock = "UTC"' 'uncertainty = "1 ns"' \
        '[[clock]]' 'name = "nic"' 'type = "phc"' "device = \"$(phc 0)\"" 'mode = "observe"'
}
utcd_by_ptp_and_phc() {
    utcd_by_phc '[[clock]]' 'name = "nic"' 'type = "phc"' 'interface = "hts1"' \
        'drift-file = "none"' \
        '[[source.ptp]]' 'clock = "nic"' 'interface = "hts1"' 'transport = "ethernet"'
}
phc2sys_by_true_phc() {
    start phc2sys B phc2sys -s "$(phc 0)" -c CLOCK_REALTIME -O -37 -m
}
linuxptp_by_ptp_and_phc() {
    ptp4l_client ptp4l B 0 hts1 linreg
    start phc2sys B phc2sys -s hts1 -c CLOCK_REALTIME -w -z "$RUN/ptp4l.uds" -m
}
# put_phc_off: the client's PHC begins 0.78 ms and 15 ppm off.
put_phc_off() {
    phc_ctl -Q -- "$(phc 1)" freq 0
    setc 1 osc_ppt 15000000
    setc 1 phase_ns $((780000 - $(clk 1 vs_clock0_ns)))
}

# judge CASE: 0.7 of what phc2sys reached on the bench that this one was made of, 8 to 23 ns;
# and of the deviation that it has in this run. (Reading two clocks of the kernel one after the
# other takes some instructions more on one side: at 8 ns each that would be most of what is
# measured. See the README.)
judge() {
    tell limit "$1" utcd rms 1.61e-8
    tell reach "$1" deviation 0.7
}

true_phc
follow "PHC on time" utcd utcd_by_true_phc
follow "PHC on time" phc2sys phc2sys_by_true_phc
judge "PHC on time"

ptp4l_master master A 0 hts0
put_phc_off
follow "PHC by PTP" utcd utcd_by_ptp_and_phc
put_phc_off
follow "PHC by PTP" "ptp4l, phc2sys" linuxptp_by_ptp_and_phc
judge "PHC by PTP"
finish
