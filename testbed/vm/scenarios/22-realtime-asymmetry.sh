#!/bin/bash
# title: CLOCK_REALTIME through 3 ms to the client and 1 ms from it: 1 ms of error is due
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
slow hts2 delay 3ms 100us distribution normal
slow hts1 delay 1ms 100us distribution normal
beside_peers
for by in "NTP, kernel's stamps" "NTP, NIC's stamps" "PTP, NIC's stamps"; do tell limit "$by" utcd rms 1.2e-3; done
finish
