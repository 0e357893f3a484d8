#!/bin/bash
# title: CLOCK_REALTIME through a switch that adds nothing, an exchange a second
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
beside_peers
tell limit NTP utcd rms 1e-4
finish
