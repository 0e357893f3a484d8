# Sourced in the guest by bench.sh: wires between namespaces.
#
# wire NS_A IF_A NS_B IF_B [N]: puts the two ends of a wire into namespaces of their own,
# made where need be, and waits until the link is up. The ends are 198.18.N.1/24 and .2 (the
# range for benchmarks, RFC 2544) and fd00:198:18:N::1/64 and ::2; N is 0 if left out.
wire() {
    local subnet=${5:-0}
    end_of_wire "$1" "$2" "$subnet" 1
    end_of_wire "$3" "$4" "$subnet" 2
    wait_up "$1" "$2"
    wait_up "$3" "$4"
}

namespace() {
    [ -e "/run/netns/$1" ] || { ip netns add "$1" && ip -n "$1" link set lo up; }
}

end_of_wire() {     # end_of_wire NS IF SUBNET HOST
    namespace "$1"
    ip link set "$2" netns "$1"
    ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0"
    ip -n "$1" addr add "198.18.$3.$4/24" dev "$2"
    ip -n "$1" link set "$2" up
    ip -n "$1" addr add "fd00:198:18:$3::$4/64" dev "$2" nodad
}

wait_up() {         # wait_up NS IF
    local i
    for ((i = 0; i < 100; i++)); do
        ip -n "$1" -o link show "$2" | grep -q LOWER_UP && return
        sleep 0.1
    done
    echo "link $2 stays down"
    return 1
}

# far NS_A IF_A NS_B IF_B IF_1 IF_2: as wire, with a switch between the two ends, which are
# wired to its ports IF_1 and IF_2. What `slow` does to the frames happens in the switch,
# behind the stamps of both ends, as in a network.
far() {
    namespace switch
    ip -n switch link add br0 type bridge mcast_snooping 0
    ip -n switch link set br0 up
    switch_port "$5"
    switch_port "$6"
    wire "$1" "$2" "$3" "$4"
}

switch_port() {     # switch_port IF: one more port of that switch
    ip link set "$1" netns switch
    ip -n switch link set "$1" master br0 up
}

# slow IF ARGUMENTS...: what the switch does to frames that leave by its port IF; see
# netem(8).
slow() {
    local port=$1
    shift
    ip netns exec switch tc qdisc replace dev "$port" root netem limit 1000 "$@"
}
