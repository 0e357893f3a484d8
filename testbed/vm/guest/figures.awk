# The figures of a column of truth, ns; see figures in bench.sh.
$1 >= start {
    error = $column - zero
    if (error < 0) error = -error
    if (error > near) since = ""
    else if (since == "") since = $1
    if (within == "" && since != "" && $1 - since >= 30) within = since - start
    if ($1 < start + settle) next
    n++
    squares += error * error
    if (error > largest) largest = error
}
function figure(quantity, value) { printf "@figure\t%s\t%s\t%s\n", label, quantity, value }
END {
    figure("rms", n ? sprintf("%.3e", sqrt(squares / n) * 1e-9) : "never")
    figure("max", n ? sprintf("%.3e", largest * 1e-9) : "never")
    figure("within " near / 1000 " µs", within == "" ? "never" : sprintf("%.1f", within))
}
