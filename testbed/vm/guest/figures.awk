# The figures of a column of truth, ns; see figures in bench.sh.
$1 >= start {
    error = $column - zero
    size = error < 0 ? -error : error
    if (size > near) since = ""
    else if (since == "") since = $1
    if (within == "" && since != "" && $1 - since >= 30) within = since - start
    if ($1 < start + settle) next
    n++
    sum += error
    squares += error * error
    if (size > largest) largest = size
}
function figure(quantity, value) { printf "@figure\t%s\t%s\t%s\n", label, quantity, value }
function time(ns) { return n ? sprintf("%.3e", ns * 1e-9) : "never" }
END {
    mean = n ? sum / n : 0
    variance = n ? squares / n - mean * mean : 0
    figure("rms", time(n ? sqrt(squares / n) : 0))
    figure("max", time(largest))
    figure("deviation", time(sqrt(variance > 0 ? variance : 0)))
    figure("within " near / 1000 " µs", within == "" ? "never" : sprintf("%.1f", within))
}
