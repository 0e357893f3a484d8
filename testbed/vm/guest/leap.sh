# Sourced by the scenarios of leap seconds: the end of 2026, or the midnight that LEAP names, in
# a machine whose servers know of a leap second then.
. "$VMLAB/guest/realtime.sh"
LEAP=${LEAP:-1798761600}    # 2027-01-01T00:00:00Z
date -s "@$((LEAP - 150))" > /dev/null
watch leap "$TRUTH" "$SIM/clock0/vs_tai_ns"

# leap_flag: what the kernel is told to do at the end of this UTC day.
leap_flag() { busybox adjtimex | grep -oE 'INS|DEL'; }
# no_leap_flag: nothing.
no_leap_flag() { ! leap_flag; }

# through LABEL AFTER_NS: runs through the leap second. TAI - UTC is AFTER_NS from then on.
through() {
    local from
    sleep 100
    from=$(uptime_s)
    progress "$1: locked, 50 s to go"
    expect "$1: the kernel is told to" test "$(leap_flag)" = "$( ((${2%000000000} > 37)) && echo INS || echo DEL)"
    check "$1: ns off the truth before" "$(off)" $NEAR_NS
    sleep 110
    progress "$1: passed"
    expect "$1: the kernel is told to no more" no_leap_flag
    # What the truth shows (TAI) says which second it is; 20 ms around its begin are left out,
    # since the two readings of a sample are not made at once.
    check "$1: ns off the truth, before, in and after" \
        "$(awk -v from="$from" -v leap=$LEAP -v before=$TAI_UTC_NS -v after="$2" -v shift=$((TAI_UTC_NS - zero)) '
            $1 < from { next }
            {
                tai = $2 + ($3 + shift) * 1e-9
                passed = tai - (leap + (after < before ? after : before) * 1e-9)
                if (passed < -0.02) { n++; error = $3 + shift - before }
                else if (passed > 0.02) { m++; error = $3 + shift - after }
                else next
                if (error < 0) error = -error
                if (error > most) most = error
            }
            END { if (n > 100 && m > 100) printf "%.0f\n", most }' "$RUN/leap.truth")" $NEAR_NS
    check "$1: ns that CLOCK_TAI is off" \
        "$(largest leap 2 "$from" "$(uptime_s)" $((zero - TAI_UTC_NS)))" $NEAR_NS
}

# announced_by_ptp LEAP61 LEAP59: a grandmaster says so, and utcd knows it from nobody else.
announced_by_ptp() {
    phc_ctl -Q -- CLOCK_REALTIME freq 0
    setc 0 phase_ns $((TAI_UTC_NS - $(cat "$TRUTH")))
    ptp4l_master master A 0 hts0
    sleep 5
    ip netns exec A pmc -u -b 0 -s "$RUN/master.uds" "set GRANDMASTER_SETTINGS_NP
        clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance 0x4e5d currentUtcOffset 37
        leap61 $1 leap59 $2 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1
        frequencyTraceable 1 timeSource 0x20" > "$RUN/pmc.log"
    utcd_by_ptp "[leap-seconds]" 'file = "none"'
}
