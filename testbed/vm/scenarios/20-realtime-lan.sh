#!/bin/bash
# title: CLOCK_REALTIME through a switch that adds nothing, an exchange a second
# topology: 0-1,1-2
. "$VMLAB/guest/realtime.sh"
ntp_server
ptp4l_master master A 0 hts0
follow NTP utcd utcd_by_ntp
follow NTP chronyd chronyd_by_ntp
follow PTP "utcd, software stamps" utcd_by_ptp
follow PTP "ptp4l, phc2sys" linuxptp_by_ptp
finish
