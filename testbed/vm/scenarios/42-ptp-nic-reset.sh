#!/bin/bash
# title: PTP on a PHC: a NIC that is reset, a processor taken away, a clock stepped far
# topology: 0-1
. "$VMLAB/guest/phc.sh"
. "$VMLAB/guest/served.sh"
# source_stamped: the source's last exchange was stamped by the NIC.
source_stamped() { utcctl utcd sources --json | grep -q '"time_stamps":"hardware"'; }

begin 90 '[serve.ntp]
listen = ["198.18.0.2:123"]'
pid=${running[utcd]}

progress "the NIC is reset"
from=$(uptime_s)
setp 1 reset 1
after "NIC reset" 60
claims "NIC reset" faults 1 "$from" 40
expect "NIC reset: it is said" told 'source .* stamps no more'
expect "NIC reset: the stamps are the NIC's again" source_stamped

progress "the NIC is reset again, while it stamps for the NTP server, too"
ask
sleep 10
answers_stamped "before"
setp 1 reset 1
sleep 20
# The source and the server both ask for them: whoever misses four first.
answers_stamped "reset again"
stop asker
after "reset again" 30

progress "a busy real-time task takes the processor for 15 s"
from=$(uptime_s)
starve "starved for 15 s" 15
after "starved for 15 s" 20
# A slew that nobody ends goes on: some ns in half a second, thirty times as much in 15 s.
during "starved for 15 s" 300 "$from"

progress "the PHC stepped by 60 s by hand"
phc_ctl -Q -- "$(phc 1)" adj 60
after "PHC stepped by 60 s" 40
expect "none of this needed a restart" kill -0 "$pid"
stop utcd
mv "$RUN/utcd.log" "$RUN/utcd-by-ptp.log"

progress "the NIC is reset while it stamps NTP over PTP, and nothing else"
# It stamps nothing at first.
setp 1 reset 1
utcd utcd B <<END
[[clock]]
name = "nic"
type = "phc"
interface = "hts1"
mode = "observe"
[serve.ntp]
listen = ["127.0.0.1:123"]
ptp-listen = ["198.18.0.2:319"]
local-stratum = 1
END
ask 'transport = "ptp"'
sleep 10
answers_stamped "over PTP"
filter=$(receive_filter)
setp 1 reset 1
sleep 20
expect "over PTP, reset: the NTP server says it" told 'NTP server: hts1 stamps no more'
answers_stamped "over PTP, reset"
expect "over PTP, reset: no more is stamped than before, $filter" \
    test "$(receive_filter)" = "${filter:-unknown}"
stop asker utcd

progress "the NIC forgets to stamp for an NTP client, and its driver does not know"
utcd giver A <<END
[[clock]]
name = "nic"
type = "phc"
interface = "hts0"
mode = "observe"
[serve.ntp]
listen = ["198.18.0.1:123"]
local-stratum = 1
END
utcd utcd B <<END
[[clock]]
name = "nic"
type = "phc"
interface = "hts1"
mode = "observe"
[[source.ntp]]
server = "198.18.0.1"
min-poll = 0
max-poll = 0
END
sleep 10
expect "client: the NIC stamps" source_stamped
setp 1 forgotten 1
sleep 20
expect "client, forgotten: it is said" told 'source .* stamps no more'
expect "client, forgotten: the stamps are the NIC's again" source_stamped
finish
