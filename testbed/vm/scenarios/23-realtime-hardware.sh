#!/bin/bash
# title: NTP with stamps of the NICs at both ends, ± 8 ns in steps of 8 ns, an exchange a second
# topology: 0-1
DIRECT=1
. "$VMLAB/guest/realtime.sh"
ports ts_noise_ns 8
ports ts_step_ns 8

by_hardware() {
    utcd utcd B <<END
[[clock]]
type = "system"
drift-file = "none"
[[source.ntp]]
server = "198.18.0.1"
min-poll = 0
max-poll = 0
time-stamps = "hardware"
interleaved = true
END
}
chronyd_by_hardware() {
    chronyd chronyd B <<END
hwtimestamp *
server 198.18.0.1 iburst minpoll 0 maxpoll 0 xleave
makestep 0.001 3
END
}

hardware_server
follow hardware utcd by_hardware
follow hardware chronyd chronyd_by_hardware
tell reach hardware deviation 0.7
finish
