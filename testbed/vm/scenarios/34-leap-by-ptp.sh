#!/bin/bash
# title: A leap second inserted, announced by PTP and unknown to the table of the client
# topology: 0-1,1-2
LEAP=1814400000             # 2027-07-01T00:00:00Z, past the expiry of the built-in table
. "$VMLAB/guest/leap.sh"
phc_ctl -Q -- CLOCK_REALTIME freq 0
setc 0 phase_ns $((TAI_UTC_NS - $(cat "$TRUTH")))
ptp4l_master master A 0 hts0
sleep 5
ip netns exec A pmc -u -b 0 -s "$RUN/master.uds" "set GRANDMASTER_SETTINGS_NP
    clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance 0x4e5d currentUtcOffset 37 leap61 1
    leap59 0 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 1
    timeSource 0x20" > "$RUN/pmc.log"
utcd_by_ptp "[leap-seconds]" 'file = "none"'
through "inserted, by PTP" 38000000000
expect "the leap second was taken in" told "its sources announce an inserted leap second"
finish
