#!/bin/bash
# title: A leap second inserted, announced by PTP and unknown to the table of the client
# topology: 0-1,1-2
LEAP=1814400000             # 2027-07-01T00:00:00Z, past the expiry of the built-in table
. "$VMLAB/guest/leap.sh"
announced_by_ptp 1 0
through "inserted, by PTP" 38000000000
expect "the leap second was taken in" told "its sources announce an inserted leap second"
finish
