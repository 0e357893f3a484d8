#!/bin/bash
# title: The service as systemd starts it: sandbox, reload, watchdog, restart
# topology: 0-1,1-2
# set: short
# systemd is PID 1 of a PID namespace of its own, in the client's network namespace; the rest
# is as an administrator installs it.
. "$VMLAB/guest/realtime.sh"
ntp_server
put_off

cp "$UTCD" /usr/sbin/utcd
mkdir -p /etc/utcd /etc/systemd/system/utcd.service.d
cp "$VMLAB/../../systemd/utcd.service" /etc/systemd/system/
systemd-sysusers "$VMLAB/../../systemd/sysusers.d/utcd.conf"
cat > /etc/utcd/utcd.toml <<END
[[clock]]
type = "system"
$by_ntp
END
chmod 644 /etc/utcd/utcd.toml
# Here is no journal.
printf '[Service]\nStandardError=append:%s/utcd.log\n' "$RUN" \
    > /etc/systemd/system/utcd.service.d/log.conf
printf '[Unit]\nDescription=Nothing but what is asked for\n' > /etc/systemd/system/bench.target

# What else is installed on the host is not to be started.
rm -rf /lib/systemd/system-generators/* /{lib,etc}/systemd/system/*.wants

mkdir /sys/fs/cgroup/bench
sh -c "echo \$\$ > /sys/fs/cgroup/bench/cgroup.procs
    exec nsenter --net=/run/netns/B unshare --pid --fork --mount --mount-proc --cgroup \
        sh -c 'umount /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup
            exec env -i container=bench PATH=$PATH /lib/systemd/systemd --unit=bench.target'" \
    > "$RUN/systemd.log" 2>&1 &
background+=($!)
expect "systemd runs" wait_for 60 test -S /run/systemd/private
init=$(pgrep -o -x systemd)
inside() { timeout 120 nsenter -t "$init" --mount --pid --cgroup -- "$@"; }
shown() { inside systemctl show -P "$1" utcd; }
status_of() { inside sed -n "s/^$1:[[:space:]]*//p" "/proc/$(shown MainPID)/status"; }
is() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }

# Not awaited: on a busy host the answer may come later than systemctl waits for it.
inside systemctl start --no-block utcd
expect "starts, and says that it is ready" wait_for 60 inside systemctl -q is-active utcd
sleep 20
check "ns off the truth" "$(off)" $NEAR_NS
expect "runs as its own user" is "$(inside stat -c %U "/proc/$(shown MainPID)")" utcd
expect "has three capabilities" is "$(status_of CapEff)" 0000000002002400
expect "gets no more privileges" is "$(status_of NoNewPrivs)" 1
expect "has its system calls filtered" is "$(status_of Seccomp)" 2

progress "reloads"
pid=$(shown MainPID)
sed -i 's/^max-poll = 0/max-poll = 1/' /etc/utcd/utcd.toml
inside systemctl reload --no-block utcd
sleep 10
expect "reloaded: it is said" told 'reload'
expect "reloaded: by the same process" is "$(shown MainPID)" "$pid"

progress "the discipline hangs: waiting for the watchdog"
inside kill -STOP "$pid"
sleep 60
expect "hung: restarted by the watchdog" is "$(shown NRestarts)" 1
expect "hung: by another process" test "$(shown MainPID)" != "$pid"
check "hung: ns off the truth" "$(off)" $NEAR_NS

progress "killed"
inside kill -KILL "$(shown MainPID)"
sleep 20
expect "killed: restarted" is "$(shown NRestarts)" 2
check "killed: ns off the truth" "$(off)" $NEAR_NS

expect "systemctl stop" inside systemctl stop utcd
expect "stopped: it was no failure" is "$(shown Result)" success
finish
