#!/bin/bash
# title: A leap second inserted, known from the table
# topology: 0-1,1-2
. "$VMLAB/guest/leap.sh"
table=("[leap-seconds]" "file = \"$VMLAB/../data/leap-second-inserted.list\"")
ntp_server "${table[@]}"
utcd_by_ntp "${table[@]}"
through inserted 38000000000
finish
