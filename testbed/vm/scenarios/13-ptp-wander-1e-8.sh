#!/bin/bash
# title: PTP on a PHC: stamps ± 50 ns in steps of 8 ns, jitter 0 to 0 ns, W 1e-8
# topology: 0-1,0-2,0-3
. "$VMLAB/guest/accuracy.sh"
conditions 50 8 0 1e-8
compare 0.75
finish
