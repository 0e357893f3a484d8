# Sourced in the guest by every scenario: the knobs of hwtsim, wires, programs, figures.
#
# What a scenario finds goes to standard output in lines that begin with @, their fields
# separated by tabs; `testbed vm run` makes tables and verdicts of them:
#
#   @figure CASE PROGRAM QUANTITY VALUE     a time in s, or "never"
#   @limit CASE PROGRAM QUANTITY MOST       what the figure may be at most
#   @reach CASE QUANTITY RATIO [KNOWN]      utcd: at most RATIO of the best other program, or of
#                                           what is KNOWN of that where it is more
#   @check VERDICT LABEL DETAIL             VERDICT is ok or FAIL
#   @progress TEXT
#   @end                                    the scenario came to its end
. "$VMLAB/guest/network.sh"
. "$VMLAB/guest/programs.sh"
SIM=/sys/kernel/debug/hwtsim
RUN=/run/bench
NEAR_NS=1000
mkdir -p $RUN
sysctl -qw kernel.printk="3 4 1 3"

# --- the knobs of hwtsim ------------------------------------------------------------------
clk()  { cat "$SIM/clock$1/$2"; }               # clk N KNOB -> value
setc() { echo "$3" > "$SIM/clock$1/$2"; }       # setc N KNOB VALUE
setp() { echo "$3" > "$SIM/port$1/$2"; }        # setp N KNOB VALUE
phc()  { echo "/dev/ptp$(clk "$1" ptp)"; }      # phc N -> device of clock N
ports() {                                       # ports KNOB VALUE: of every port
    local port
    for port in "$SIM"/port*; do echo "$2" > "$port/$1"; done
}

# --- what comes out -----------------------------------------------------------------------
tell() { local IFS=$'\t'; printf '@%s\n' "$*"; }
progress() { tell progress "$*"; }
failed=0

check() {       # check LABEL VALUE LIMIT: |VALUE| <= LIMIT, whole numbers
    local v=${2#-}
    if [ -n "$v" ] && [ "$v" -le "$3" ] 2>/dev/null; then
        tell check ok "$1" "$2 (limit $3)"
    else
        failed=$((failed + 1))
        tell check FAIL "$1" "${2:-nothing} (limit $3)"
    fi
}

expect() {      # expect LABEL COMMAND...: the command succeeds
    local label=$1 out
    shift
    if out=$("$@" 2>&1); then
        tell check ok "$label" ""
    else
        failed=$((failed + 1))
        tell check FAIL "$label" "$(tail -n 1 <<< "$out")"
        printf '%s\n' "$out"
    fi
}

is() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }

finish() {      # the last command of a scenario
    expect "the kernel has nothing to complain of" \
        sh -c '! dmesg | grep -E "WARNING:|BUG:|Oops|Call Trace"'
    stop_all
    [ -z "${LOGS:-}" ] || cp "$RUN"/*.{log,truth,claims,toml,cfg,conf} "$LOGS" 2>/dev/null
    tell end
    [ $failed = 0 ]
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local i seconds=$1
    shift
    for ((i = 0; i < seconds * 10; i++)); do
        "$@" > /dev/null 2>&1 && return
        sleep 0.1
    done
    return 1
}

# starve LABEL SECONDS: nothing else runs for so long, not even the 5 % that Linux keeps for the
# others.
starve() {
    local from=$(uptime_s)
    sysctl -qw kernel.sched_rt_runtime_us=-1
    echo 0 | tee /sys/kernel/debug/sched/fair_server/cpu*/runtime > /dev/null
    chrt -f 99 timeout "$2" chrt -f 98 sh -c 'while :; do :; done'
    check "$1: s that nothing else ran, less $2" \
        "$(awk "BEGIN { printf \"%.0f\", $(longest_gap faults "$from") - $2 }")" 1
}

# longest_gap NAME FROM: the longest time, s, that nothing was written into $RUN/NAME.truth.
longest_gap() {
    sleep 1
    awk -v from="$2" '
        $1 >= from && last && $1 - last > most { most = $1 - last }
        { last = $1 }
        END { print most }' "$RUN/$1.truth"
}

# --- the truth ----------------------------------------------------------------------------
uptime_s() { local up; read -r up _ < /proc/uptime; echo "$up"; }

# watch NAME FILE...: writes what the truth FILEs say into $RUN/NAME.truth, from now on.
watch() {
    local name=$1
    shift
    "$VMLAB/guest/watch.sh" "$@" > "$RUN/$name.truth" &
    background+=($!)
}

# wander PPT W CLOCK...: lets the oscillators of the clocks walk.
wander() {
    local start=$1 w=$2 knobs=() clock
    shift 2
    for clock in "$@"; do knobs+=("$SIM/clock$clock/osc_ppt"); done
    "$VMLAB/guest/wander.sh" "${SEED:-1}" "$start" "$w" "${knobs[@]}" &
    background+=($!)
}

# figures CASE PROGRAM NAME COLUMN START SETTLE [ZERO]: of what $RUN/NAME.truth says in its
# COLUMN (from 1), less ZERO ns: rms, largest and standard deviation from SETTLE seconds after
# START (uptime) on, and how long after START it came within NEAR_NS and stayed for 30 s.
figures() {
    awk -v column=$(($4 + 2)) -v start="$5" -v settle="$6" -v zero="${7:-0}" \
        -v near="$NEAR_NS" \
        -v label="$1"$'\t'"$2" -f "$VMLAB/guest/figures.awk" "$RUN/$3.truth"
}

# largest NAME COLUMN FROM TO ZERO: the largest error, ns, that $RUN/NAME.truth has in its
# COLUMN from FROM to TO (uptime).
largest() {
    awk -v column=$(($2 + 2)) -v from="$3" -v to="$4" -v zero="$5" '
        $1 < from || $1 > to { next }
        { seen = 1; error = $column - zero; if (error < 0) error = -error }
        error > most { most = error }
        END { if (seen) printf "%.0f\n", most }' "$RUN/$1.truth"
}

# claim NAME FILE UTCD: writes what the utcd of that name claims of its first clock into
# $RUN/NAME.claims, and what the truth FILE says then: time since boot, s, truth, ns, and
# offset, U and bound, s.
claim() {
    local line now truth number='([-+.e0-9]+)'
    wait_for 20 test -S "$RUN/$3.sock"
    while read -r line; do
        read -r truth < "$2"
        read -r now _ < /proc/uptime
        [[ $line =~ '"offset":'$number,'"uncertainty":'$number,'"bound":'$number ]] &&
            echo "$now $truth ${BASH_REMATCH[*]:1}"
    done < <(utcctl "$3" clocks --json --watch 1) > "$RUN/$1.claims" &
    background+=($!)
}

# claimed CASE NAME START SETTLE: the median of U in $RUN/NAME.claims from SETTLE seconds after
# START on, as a figure of utcd.
claimed() {
    tell figure "$1" utcd "U claimed" "$(
        awk -v from="$(awk "BEGIN { print $3 + $4 }")" '$1 >= from { print $4 }' "$RUN/$2.claims" | sort -g |
            awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }')"
}

# claims LABEL NAME SIGN START SETTLE [ZERO]: checks what $RUN/NAME.claims says from SETTLE
# seconds after START on. The clock is off by SIGN times the truth less ZERO ns. U is to cover
# 95 %; an error lasts for some seconds, so that four minutes hold some 30 independent ones. More
# than one in eight was out in 2 of 70 runs (98 % of all of their claims were covered), more than
# one in six in none.
claims() {
    local seconds outside_u outside_bound
    read -r seconds outside_u outside_bound < <(
        awk -v sign="$3" -v from="$(($5 + ${4%.*}))" -v zero="${6:-0}" '
            $1 < from { next }
            { n++; error = sign * ($2 - zero) * 1e-9 - $3; if (error < 0) error = -error }
            # The truth is told in whole nanoseconds, and up to a second after the claim, in which
            # the clock goes on to be corrected.
            { error -= 1e-9 }
            error > $4 { u++ }
            error > $5 { b++ }
            END { print n + 0, u + 0, b + 0 }' "$RUN/$2.claims")
    expect "$1: claims are made" test "$seconds" -ge 30
    check "$1: claims of $seconds that U does not cover" "$outside_u" $((seconds / 6))
    check "$1: claims of $seconds that the bound does not cover" "$outside_bound" 0
}
