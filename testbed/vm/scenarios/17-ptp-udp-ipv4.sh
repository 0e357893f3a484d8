#!/bin/bash
# title: PTP on a PHC, over UDP/IPv4: stamps ± 8 ns in steps of 8 ns, no jitter, W 1e-9
# topology: 0-1,0-2,0-3
# timeout: 2700
TRANSPORT=UDPv4 MECHANISM=E2E
. "$VMLAB/guest/accuracy.sh"
conditions 8 8 0 1e-9
compare 0.7 7.8 3.8 0.5
finish
