#!/bin/bash
# title: PTP on a PHC: stamps ± 50 ns in steps of 8 ns, no jitter, W 1e-8
# topology: 0-1,0-2,0-3
# timeout: 2700
. "$VMLAB/guest/accuracy.sh"
conditions 50 8 0 1e-8
compare 0.75 44 22 0.5
finish
