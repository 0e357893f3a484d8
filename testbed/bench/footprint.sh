#!/usr/bin/env bash
# Resident memory and CPU time of utcd beside chronyd and ntpd-rs on the same work: each
# follows one chronyd over a veth pair with a poll every second, and steers nothing of
# the host (utcd: a virtual clock; chronyd: -x; ntpd-rs: without CAP_SYS_TIME, where it
# may refuse to run).
#
#   cargo build --release && sudo testbed/bench/footprint.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-120}
utcd=${UTCD:-target/release/utcd}
export PATH=${XDG_CACHE_HOME:-$HOME/.cache}/utcd-ci/bin:$PATH:/usr/sbin
dir=$(mktemp -d)
server=utcd-foot-s$$ client=utcd-foot-c$$
pids=()

cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    ip netns del "$server" 2>/dev/null || true
    ip netns del "$client" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

ip netns add "$server"
ip netns add "$client"
ip link add v0 netns "$server" type veth peer name v0 netns "$client"
ip -n "$server" addr add 192.168.77.1/24 dev v0
ip -n "$client" addr add 192.168.77.2/24 dev v0
for ns in "$server" "$client"; do ip -n "$ns" link set v0 up; ip -n "$ns" link set lo up; done

cat >"$dir/server.conf" <<EOF
local stratum 1
allow all
cmdport 0
pidfile $dir/server.pid
bindcmdaddress /
EOF
ip netns exec "$server" chronyd -x -d -u root -f "$dir/server.conf" >"$dir/server.log" 2>&1 &
pids+=($!)
sleep 1

cat >"$dir/chrony.conf" <<EOF
server 192.168.77.1 iburst minpoll 0 maxpoll 0
cmdport 0
pidfile $dir/chrony.pid
bindcmdaddress /
EOF
cat >"$dir/utcd.toml" <<EOF
[[clock]]
type = "virtual"
initial-offset = "10 ms"
initial-frequency = "20 ppm"
drift-file = "none"
[[source.ntp]]
server = "192.168.77.1"
min-poll = 0
max-poll = 0
[metrics]
listen = "127.0.0.1:9319"
[control]
socket = "$dir/control.sock"
EOF
cat >"$dir/ntp.toml" <<EOF
[[source]]
mode = "server"
address = "192.168.77.1"
[synchronization]
minimum-agreeing-sources = 1
[source-defaults]
poll-interval-limits = { min = 0, max = 0 }
initial-poll-interval = 0
[observability]
log-level = "error"
EOF

ticks=$(getconf CLK_TCK)
# measure NAME COMMAND...: the CPU time that the last $seconds cost, and the peak of memory.
measure() {
    local name=$1 pid start
    shift
    ip netns exec "$client" "$@" >"$dir/$name.log" 2>&1 &
    pid=$!
    pids+=($pid)
    sleep 10
    if ! kill -0 $pid 2>/dev/null; then
        printf '%-8s does not run here: %s\n' "$name" "$(tail -n 1 "$dir/$name.log")"
        return
    fi
    start=$(cpu $pid)
    sleep "$seconds"
    awk -v name="$name" -v used=$(($(cpu $pid) - start)) -v hz="$ticks" -v s="$seconds" \
        '/^VmRSS/ {rss=$2} /^VmHWM/ {peak=$2} /^Threads/ {threads=$2}
         END {printf "%-8s %6.1f MB resident, %6.1f MB at most, %d threads, %6.2f s CPU per hour\n",
              name, rss/1024, peak/1024, threads, used/hz/s*3600}' /proc/$pid/status
    kill $pid
}
cpu() { awk '{print $14 + $15}' "/proc/$1/stat"; }

printf '# %s s each, %s\n' "$seconds" "$(uname -sr)"
measure utcd "$utcd" --config "$dir/utcd.toml"
measure chronyd chronyd -x -d -u root -f "$dir/chrony.conf"
if command -v ntp-daemon >/dev/null; then
    chmod 755 "$dir" && chmod 644 "$dir/ntp.toml"
    measure ntpd-rs setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
        --bounding-set=-all "$(command -v ntp-daemon)" --config "$dir/ntp.toml"
fi
