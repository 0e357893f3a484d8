#!/bin/bash
# title: A leap second deleted, known from the table
# topology: 0-1,1-2
. "$VMLAB/guest/leap.sh"
ntp_server '[leap-seconds]' "file = \"$VMLAB/../data/leap-second-deleted.list\""
utcd_by_ntp '[leap-seconds]' "file = \"$VMLAB/../data/leap-second-deleted.list\""
through "deleted" 36000000000
finish
