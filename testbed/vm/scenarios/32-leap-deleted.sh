#!/bin/bash
# title: A leap second deleted, known from the table
# topology: 0-1,1-2
. "$VMLAB/guest/leap.sh"
table=("[leap-seconds]" "file = \"$VMLAB/../data/leap-second-deleted.list\"")
ntp_server "${table[@]}"
utcd_by_ntp "${table[@]}"
through deleted 36000000000
finish
