#!/bin/bash
# wander.sh SEED PPT W KNOB...: oscillators whose frequency error, 1e-12, begins at PPT and
# walks at random by W in one second (W is a ratio per root second), in five steps a second.
# All KNOBs walk alike.
seed=$1 start=$2 w=$3
shift 3
exec 5<> <(:)
while read -r ppt; do
    for knob in "$@"; do echo "$ppt" > "$knob"; done
    read -r -t 0.2 -u 5
done < <(awk -v seed="$seed" -v ppt="$start" -v w="$w" 'BEGIN {
    srand(seed)
    pi = atan2(0, -1)
    for (;;) {
        printf "%d\n", ppt
        ppt += w * 1e12 * sqrt(0.2) * sqrt(-2 * log(1 - rand())) * cos(2 * pi * rand())
    }
}')
