#!/bin/bash
# title: CLOCK_REALTIME through a switch that adds nothing, an exchange a second
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
beside_peers
# The mean is the machine's: an instruction takes 8 ns, the server's, the client's and the switch's.
# With the NIC's stamps it is what the programs make of the machine, so that they are compared by what
# they scatter, or an instruction. The kernel's stamps are read between two readings of another clock, 4 µs apart here;
# utcd counts on that and looks no closer, 41 ns beside chronyd's 7 ns, where both are 45 µs off.
tell reach "NTP, kernel's stamps" rms 1
for by in "NTP, NIC's stamps" "PTP, NIC's stamps"; do tell reach "$by" deviation 1 8e-9; done
finish
