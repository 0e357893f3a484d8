#!/bin/bash
# title: The service as systemd starts it: sandbox, stamps of the NIC, reload, watchdog, restart
# topology: 0-1,1-2
# set: short
# systemd is PID 1 of a PID namespace of its own, in the client's network namespace; the rest
# is as an administrator installs it.
. "$VMLAB/guest/realtime.sh"
. "$VMLAB/guest/served.sh"
# First, since it has its NIC stamp PTP and nothing else; the NTP server asks for more.
ptp4l_master master A 0 hts0
sleep 2
hardware_server
put_off
# Only who has CAP_NET_RAW gets the datagram back with its transmit stamp.
sysctl -qw net.core.tstamp_allow_data=0

cp "$UTCD" /usr/sbin/utcd
mkdir -p /etc/utcd /etc/systemd/system/utcd.service.d
cp "$VMLAB/../../systemd/utcd.service" /etc/systemd/system/
systemd-sysusers "$VMLAB/../../systemd/sysusers.d/utcd.conf"
cat > /etc/utcd/utcd.toml <<END
[[clock]]
type = "system"
$by_ntp
[[source.ptp]]
interface = "hts3"
transport = "ethernet"
[serve.ntp]
listen = ["0.0.0.0:123"]
END
chmod 644 /etc/utcd/utcd.toml
# Here is no udev to do as 60-utcd.rules says.
chgrp utcd /dev/ptp*
chmod 660 /dev/ptp*
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

ln -s /run/utcd/control.sock "$RUN/utcd.sock"
# stamped_by_nic LABEL: what NTP and PTP bring, and the requests that the NTP server answers.
stamped_by_nic() {
    expect "$1: two sources are stamped by the NIC" \
        is "$(utcctl utcd sources --json | grep -o '"time_stamps":"hardware"' | wc -l)" 2
    answers_stamped "$1"
}

# Not awaited: on a busy host the answer may come later than systemctl waits for it.
inside systemctl start --no-block utcd
expect "starts, and says that it is ready" wait_for 60 inside systemctl -q is-active utcd
ask "interleaved = true"
sleep 20
check "ns off the truth" "$(off)" $NEAR_NS
stamped_by_nic "started"
expect "the stamps of what left tell the NIC: answers in interleaved mode" \
    test "$(answered interleaved)" -gt 5
expect "runs as its own user" is "$(inside stat -c %U "/proc/$(shown MainPID)")" utcd
expect "has four capabilities" is "$(status_of CapEff)" 0000000002003400
expect "gets no more privileges" is "$(status_of NoNewPrivs)" 1
expect "has its system calls filtered" is "$(status_of Seccomp)" 2

progress "the NIC is reset"
before=$(receive_filter)
# Stopped meanwhile: it asks for stamps before each request of NTP.
inside kill -STOP "$(shown MainPID)"
setp 3 reset 1
expect "reset: the NIC stamps nothing" is "$(receive_filter)" none
inside kill -CONT "$(shown MainPID)"
sleep 10
expect "reset: the NIC stamps as before" is "$(receive_filter)" "${before:-unknown}"
stamped_by_nic "reset"
check "reset: ns off the truth" "$(off)" $NEAR_NS

progress "reloads"
pid=$(shown MainPID)
sed -i 's/^max-poll = 0/max-poll = 1/' /etc/utcd/utcd.toml
inside systemctl reload --no-block utcd
sleep 10
expect "reloaded: it is said" told 'reloaded /etc'
expect "reloaded: by the same process" is "$(shown MainPID)" "$pid"

# restarted SINCE: once more than it had been then.
restarted() { is "$(shown NRestarts)" $(($1 + 1)); }

progress "the discipline hangs: waiting for the watchdog"
before=$(shown NRestarts)
inside kill -STOP "$pid"
sleep 60
expect "hung: restarted by the watchdog" restarted "$before"
expect "hung: by another process" test "$(shown MainPID)" != "$pid"
check "hung: ns off the truth" "$(off)" $NEAR_NS

progress "killed"
before=$(shown NRestarts)
inside kill -KILL "$(shown MainPID)"
sleep 20
expect "killed: restarted" restarted "$before"
check "killed: ns off the truth" "$(off)" $NEAR_NS

progress "another program steps the clock"
cp /bin/sleep "$RUN/phc2sys"
inside "$RUN/phc2sys" 60 &
background+=($!)
sleep 1
phc_ctl -Q -- CLOCK_REALTIME adj 0.05
sleep 3
expect "stepped: it is said, and who runs that may have done it" \
    told 'moved it by .*: perhaps phc2sys \(pid [0-9]+\)'

expect "systemctl stop" inside systemctl stop utcd
expect "stopped: it was no failure" is "$(shown Result)" success
finish
