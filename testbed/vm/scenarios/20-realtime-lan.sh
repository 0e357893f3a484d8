#!/bin/bash
# title: CLOCK_REALTIME through a switch that adds nothing, an exchange a second
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
beside_peers
# The mean is that of the server's way from its stamp to the wire.
tell reach NTP deviation 0.7
finish
