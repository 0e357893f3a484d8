#!/bin/bash
# title: CLOCK_REALTIME by the pulses of a receiver that the kernel stamps (/dev/ppsN)
# topology: 0-1
. "$VMLAB/guest/pulses.sh"

ports delay_ns 500
ntp_server
# The pulses are the seconds of clock 0.
zero=$TAI_UTC_NS

beside_chronyd() {      # beside_chronyd CASE
    follow "$1" utcd utcd_by_ntp_and_pulses
    for CHRONYD_POLL in 0 4; do
        follow "$1" "chronyd, poll $CHRONYD_POLL" chronyd_by_pulses
    done
}
interrupts 12000 2000
beside_chronyd "12 µs late, ± 1 µs"
interrupts 12000 20000
beside_chronyd "22 µs late, ± 10 µs"
finish
