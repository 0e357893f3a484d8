#!/bin/bash
# title: PTP on a PHC: a NIC that is reset, a processor taken away, a clock stepped far
# topology: 0-1
. "$VMLAB/guest/phc.sh"
# answers_stamped LABEL: the NIC stamps the requests that the NTP server answers.
answers_stamped() {
    local before
    before=$(stamped)
    sleep 10
    expect "$1: the requests of NTP are stamped by the NIC" test "$(stamped)" -gt "$before"
}
stamped() { utcctl utcd status --json | sed -nE 's/.*"hardware_stamped":([0-9]+).*/\1/p'; }

begin 90 '[serve.ntp]
listen = ["198.18.0.2:123"]'
pid=${running[utcd]}

progress "the NIC is reset"
from=$(uptime_s)
setp 1 reset 1
after "NIC reset" 60
claims "NIC reset" faults 1 "$from" 40
expect "NIC reset: it is said" told 'source .* stamps no more'
expect "NIC reset: the stamps are the NIC's again" \
    sh -c "$(dirname "$UTCD")/utcctl --socket $RUN/utcd.sock sources --json | grep -q '\"time_stamps\":\"hardware\"'"

progress "the NIC is reset again, while it stamps for the NTP server, too"
utcd asker A <<END
[[clock]]
type = "virtual"
[[source.ntp]]
server = "198.18.0.2"
min-poll = 0
max-poll = 0
END
sleep 10
answers_stamped "before"
setp 1 reset 1
sleep 20
expect "reset again: the NTP server says it" told 'NTP server: hts1 stamps no more'
answers_stamped "reset again"
stop asker
after "reset again" 30

progress "a busy real-time task takes the processor for 20 s"
from=$(uptime_s)
timeout 20 chrt -f 99 sh -c 'while :; do :; done'
after "starved for 20 s" 20
during "starved for 20 s" $NEAR_NS "$from"

progress "the PHC stepped by 60 s by hand"
phc_ctl -Q -- "$(phc 1)" adj 60
after "PHC stepped by 60 s" 40
expect "none of this needed a restart" kill -0 "$pid"
finish
