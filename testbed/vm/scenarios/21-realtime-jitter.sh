#!/bin/bash
# title: CLOCK_REALTIME through 1 ms ± 0.3 ms of delay each way, 5 % of the frames lost
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
for port in hts1 hts2; do slow $port delay 1ms 300us distribution normal loss 5%; done
beside_peers
# The mean is that of the machine, and of the jitter: over 1400 s -77 µs for utcd and -68 µs for
# chronyd; in 180 s of it anything from -30 to -120 µs for either.
# A straight line through all exchanges, the best that there is where the oscillators never change,
# is known to 0.21 ms * 2 / sqrt(n) at its end: 38 µs after two minutes, 24 µs after five.
for by in "NTP, kernel's stamps" "NTP, NIC's stamps" "PTP, NIC's stamps"; do tell reach "$by" deviation 1; done
finish
