#!/bin/bash
# title: A leap second deleted, announced by PTP and unknown to the table of the client
# topology: 0-1,1-2
LEAP=1814400000             # 2027-07-01T00:00:00Z, past the expiry of the built-in table
. "$VMLAB/guest/leap.sh"
announced_by_ptp 0 1
through "deleted, by PTP" 36000000000
expect "the leap second was taken in" told "its sources announce a deleted leap second"
finish
