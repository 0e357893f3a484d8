#!/bin/bash
# title: NTP over PTP, between NICs that stamp only PTP event frames, in steps of 8 ns, an exchange a second
# topology: 0-1
# icount: 0
DIRECT=1
. "$VMLAB/guest/realtime.sh"
ports ts_step_ns 8
ports ptp_only 1

utcd_over_ptp() { utcd_by_nics 'type = "system"' 'transport = "ptp"'; }
chronyd_over_ptp() {
    chronyd chronyd B <<END
hwtimestamp * rxfilter ptp
ptpport 319
server 198.18.0.1 port 319 iburst minpoll 0 maxpoll 0 xleave
makestep 0.001 3
END
}

hardware_server 'ptp-listen = ["198.18.0.1:319"]'
for noise in 8 50; do
    ports ts_noise_ns $noise
    follow "± $noise ns" utcd utcd_over_ptp
    follow "± $noise ns" chronyd chronyd_over_ptp
    # 0.7 of what chronyd reached on the bench that this one was made of, 200 ns; see 23.
    tell limit "± $noise ns" utcd rms 1.4e-7
done
# 2 programs, 2 times 300 s.
check "requests that came over PTP and were not stamped by the NIC" \
    "$(utcctl truth status --json | awk -F'[:,]' '
        { for (i = 1; i < NF; i++) {
            if ($i ~ /"answered"/) answered = $(i + 1)
            if ($i ~ /"hardware_stamped"/) stamped = $(i + 1) } }
        END { if (answered > 1000) print answered - stamped }')" 5
finish
