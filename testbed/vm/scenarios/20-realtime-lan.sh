#!/bin/bash
# title: CLOCK_REALTIME through a switch that adds nothing, an exchange a second
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
beside_peers
# The mean is that of the server's way from its stamp to the wire. An instruction takes 8 ns here,
# which is about what either scatters by: no worse than chronyd is all that can be asked.
tell reach NTP deviation 1
finish
