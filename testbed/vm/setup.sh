#!/bin/bash
# setup.sh - install, from Debian's archive only, what the VM bench needs.
#
#   sudo testbed/vm/setup.sh
#
# Any QEMU from Debian 12 on will do.  Safe to run again; does nothing when all is there.
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ "$(id -u)" = 0 ] || vmlab_die "run as root (it installs packages)"
export DEBIAN_FRONTEND=noninteractive
have_qemu() { command -v qemu-system-x86_64 >/dev/null; }

tools=(busybox-static cpio kmod zstd xz-utils gcc make linuxptp chrony ethtool iproute2
       procps systemd tcpdump tshark)

need=()
for p in "${tools[@]}"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' ||
        need+=("$p")
done

if [ ${#need[@]} -gt 0 ] || ! have_qemu; then
    apt-get update -q
fi

# Installing chrony or linuxptp must not start a daemon that touches the clock
# of this machine: deny service starts while dpkg configures packages.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi

if [ ${#need[@]} -gt 0 ]; then
    vmlab_say "installing: ${need[*]}"
    apt-get install -qy --no-install-recommends "${need[@]}"
fi
if ! have_qemu; then
    vmlab_say "installing QEMU"
    apt-get install -qy --no-install-recommends qemu-system-x86
fi
have_qemu || vmlab_die "no usable QEMU"
vmlab_say "ready: $(qemu-system-x86_64 --version | head -1)"
