#!/bin/sh
# Makes the table of docs/src/results.md anew, with 50 seeds or as many as it is told. Takes
# a quarter of an hour on two cores.
set -eu
cd "$(dirname "$0")/../.."
seeds=${1:-50}
table=$(mktemp)
trap 'rm -f "$table"' EXIT
{
    echo "\$ testbed matrix --seeds $seeds"
    cargo run --release --quiet -p testbed -- matrix --seeds "$seeds"
} > "$table"
page=docs/src/results.md
awk -v table="$table" '
    /^```console$/ && !made { print; while ((getline line < table) > 0) print line; made = skip = 1; next }
    /^```$/ { skip = 0 }
    !skip
' "$page" > "$page.new"
mv "$page.new" "$page"
