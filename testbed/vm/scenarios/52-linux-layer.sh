#!/bin/bash
# title: The tests of the Linux layer that need NICs: their stamps, bonds, VLANs, clocks, pulses
# topology: 0-1
# set: short
. "$VMLAB/guest/bench.sh"

# test_binary NAME: the newest, beside the daemon or of a debug build.
test_binary() {
    find "${UTCD%/*}/deps" "$VMLAB/../../target/debug/deps" -maxdepth 1 -type f -executable \
        -regex ".*/$1-[0-9a-f]+" -printf '%T@ %p\n' 2> /dev/null | sort -gr | head -n 1 | cut -d' ' -f2
}

# passes NAME [FILTER]: of those tests none fails, and none is skipped.
passes() {
    local binary log=$RUN/$1.log
    binary=$(test_binary "$1")
    progress "$1"
    expect "$1: is built (cargo test -p utcd-linux --no-run)" test -x "$binary"
    # Read as a whole: virtual time runs on while the host reads page after page.
    cp "$binary" "$RUN/$1"
    UTCD_VM=1 timeout 3000 "$RUN/$1" --test-threads 1 --nocapture "${@:2}" > "$log" 2>&1
    expect "$1: passes" grep -qE '^test result: ok\. [1-9]' "$log"
    expect "$1: nothing is skipped" sh -c "! grep '^skipped' $log"
    grep -E 'panicked|FAILED' -A 3 "$log"
}

passes clocks
passes utcd_linux every_method
passes hardware
finish
