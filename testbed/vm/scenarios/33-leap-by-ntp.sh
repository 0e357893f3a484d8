#!/bin/bash
# title: A leap second inserted, announced by NTP and unknown to the table of the client
# topology: 0-1,1-2
. "$VMLAB/guest/leap.sh"
ntp_server "[leap-seconds]" "file = \"$VMLAB/../data/leap-second-inserted.list\""
utcd_by_ntp "[leap-seconds]" 'file = "none"'
through "inserted, by NTP" 38000000000
finish
