#!/usr/bin/env bash
# utcd, chronyd and ntpd-rs in turn steer CLOCK_REALTIME after the same server: time
# until the clock is right, memory, CPU. ONLY IN A THROW-AWAY VIRTUAL MACHINE: it sets
# the clock of the machine that it runs on.
#
# The server is utcd with a clock in software, 250 ms and 30 ppm off, which the steering
# of the system clock does not touch: so it also knows the truth.
#
#   UTCD=/path/to/utcd testbed/bench/steering.sh [SECONDS] throw-away-machine
set -euo pipefail
[[ ${*: -1} == throw-away-machine ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
seconds=$1
utcd=${UTCD:-target/release/utcd}
here=$(cd "$(dirname "$0")" && pwd)
export PATH=${XDG_CACHE_HOME:-$HOME/.cache}/utcd-ci/bin:$HOME/.cargo/bin:$PATH:/usr/sbin
dir=$(mktemp -d)
ip link set lo up

cat >"$dir/truth.toml" <<EOF
[[clock]]
name = "truth"
type = "virtual"
mode = "observe"
initial-offset = "250 ms"
initial-frequency = "30 ppm"
[serve.ntp]
listen = ["127.0.0.1:1123"]
local-stratum = 1
[metrics]
listen = "none"
[control]
socket = "$dir/truth.sock"
EOF
cat >"$dir/utcd.toml" <<EOF
[[clock]]
type = "system"
drift-file = "none"
[[source.ntp]]
server = "127.0.0.1"
port = 1123
min-poll = 0
max-poll = 0
[metrics]
listen = "127.0.0.1:9319"
[control]
socket = "$dir/control.sock"
EOF
cat >"$dir/chrony.conf" <<EOF
server 127.0.0.1 port 1123 iburst minpoll 0 maxpoll 0
makestep 0.001 3
cmdport 0
pidfile $dir/chrony.pid
bindcmdaddress /
EOF
cat >"$dir/ntp.toml" <<EOF
[[source]]
mode = "server"
address = "127.0.0.1:1123"
[source-defaults]
poll-interval-limits = { min = 0, max = 4 }
initial-poll-interval = 0
[synchronization]
minimum-agreeing-sources = 1
[observability]
log-level = "error"
EOF

# follow NAME COMMAND...: from the same start, 250 ms off and with the frequency at zero.
follow() {
    local name=$1 truth
    shift
    python3 "$here/watch_clock.py" reset
    "$utcd" --config "$dir/truth.toml" >"$dir/truth.log" 2>&1 &
    truth=$!
    sleep 1
    python3 "$here/watch_clock.py" "$name" "$seconds" "$dir/$name.log" "$@" ||
        tail -n 3 "$dir/$name.log"
    kill $truth
    wait $truth || true
}

follow utcd "$utcd" --config "$dir/utcd.toml"
follow chronyd chronyd -d -u root -f "$dir/chrony.conf"
if command -v ntp-daemon >/dev/null; then
    follow ntpd-rs ntp-daemon --config "$dir/ntp.toml"
fi
