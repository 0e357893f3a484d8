# Sourced by the scenarios in which utcd, in namespace B, gives the time by NTP.
#
# ask [LINE...]: a client of it in namespace A, so that there are requests; more lines for its
# source.
ask() {
    utcd asker A <<END
[[clock]]
type = "virtual"
[[source.ntp]]
server = "198.18.0.2"
min-poll = 0
max-poll = 0
$(printf '%s\n' "$@")
END
}

# answered HOW: so many requests (hardware_stamped, interleaved).
answered() { utcctl utcd status --json | sed -nE "s/.*\"$1\":([0-9]+).*/\1/p"; }

# answers_stamped LABEL: the NIC stamps the requests that are answered.
answers_stamped() {
    local before
    before=$(answered hardware_stamped)
    sleep 10
    expect "$1: the requests of NTP are stamped by the NIC" \
        test "$(answered hardware_stamped)" -gt "$before"
}

# receive_filter: what the NIC stamps of what comes.
receive_filter() {
    ip netns exec B "$(dirname "$UTCD")/utcctl" interfaces --json |
        sed -nE 's/.*"in_force":\{[^}]*"receive":"([^"]*)".*/\1/p'
}
