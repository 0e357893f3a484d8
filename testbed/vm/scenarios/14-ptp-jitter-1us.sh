#!/bin/bash
# title: PTP on a PHC: stamps ± 8 ns in steps of 8 ns, jitter 0 to 1000 ns, W 1e-9
# topology: 0-1,0-2,0-3
# timeout: 2700
. "$VMLAB/guest/accuracy.sh"
conditions 8 8 1000 1e-9
compare 0.4 68 102 0.5
finish
