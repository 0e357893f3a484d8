#!/bin/bash
# title: PTP on a PHC: stamps in steps of 1 ns, no jitter, W 1e-9
# topology: 0-1,0-2,0-3
# timeout: 2700
. "$VMLAB/guest/accuracy.sh"
conditions 0 1 0 1e-9
compare 1 1.4 0.6 0.5
finish
