#!/bin/bash
# title: CLOCK_REALTIME through a switch that adds nothing, an exchange a second
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
beside_peers
# The mean is the machine's: an instruction takes 8 ns, the server's, the client's and the switch's.
# That is about what either scatters by, too: no worse than the peer is all that can be asked.
for by in "NTP, kernel's stamps" "NTP, NIC's stamps" "PTP, NIC's stamps"; do tell reach "$by" deviation 1; done
finish
