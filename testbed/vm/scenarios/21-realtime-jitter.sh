#!/bin/bash
# title: CLOCK_REALTIME through 1 ms ± 0.3 ms of delay each way, 5 % of the frames lost
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
for port in hts1 hts2; do slow $port delay 1ms 300us distribution normal loss 5%; done
beside_peers
tell reach NTP rms 0.7
finish
