#!/bin/bash
# title: A leap second deleted, announced by NTP and unknown to the table of the client
# topology: 0-1,1-2
LEAP=1814400000             # 2027-07-01T00:00:00Z, past the expiry of the built-in table
. "$VMLAB/guest/leap.sh"
ntp_server "[leap-seconds]" "file = \"$VMLAB/../data/leap-second-out-in-june.list\""
utcd_by_ntp "[leap-seconds]" 'file = "none"'
through "deleted, by NTP" 36000000000
expect "the leap second was taken in" told "its sources announce a deleted leap second"
finish
