#!/bin/bash
# kmod/build.sh KVER - build hwtsim for the guest kernel, into $VMLAB_DIR/modules/extra.
# Called by build.sh; does nothing when the module is newer than its source.
#
# Debian's headers packages depend on the kernel image, so installing them would
# fill the host's /boot.  They are downloaded and unpacked instead; the one
# absolute path in them is put right.  Needs gcc and make.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
kver=$1
cd "$VMLAB_DIR"
[ -d modules ] || vmlab_die "run build.sh first"
for t in gcc make; do command -v $t >/dev/null || vmlab_die "needs $t"; done

ko=modules/extra/hwtsim.ko
if [ "$ko" -nt "$here/hwtsim.c" ] && [ "$ko" -nt "$here/build.sh" ] && [ "$ko" -nt vmlinux ]; then
    exit 0
fi

image_version=$(awk 'NR == 1 { print $2 }' version)
hdr=$VMLAB_DIR/headers
if [ "$(cat "$hdr/version" 2>/dev/null)" != "$kver $image_version" ]; then
    rm -rf "$hdr" hdr.deb
    mkdir -p "$hdr" hdr.deb
    base=${kver%-amd64}
    ( cd hdr.deb && apt-get download -q \
        "linux-headers-$kver=$image_version" "linux-headers-$base-common=$image_version" \
        "linux-kbuild-$base=$image_version" 2> >(grep -v unsandboxed >&2) )
    for d in hdr.deb/*.deb; do dpkg -x "$d" "$hdr"; done
    rm -rf hdr.deb
    sed -i "s,/usr/,$hdr/usr/,g" "$hdr/usr/src/linux-headers-$kver/Makefile"
    echo "$kver $image_version" > "$hdr/version"
fi

build() {   # build DIR (no BTF: that would need pahole)
    make -s -C "$hdr/usr/src/linux-headers-$kver" M="$1" CC="${KCC:-gcc}" \
         CONFIG_DEBUG_INFO_BTF_MODULES= modules
}

rm -rf kmod.tmp
mkdir -p kmod.tmp modules/extra
cp "$here"/Kbuild "$here"/*.c kmod.tmp/
build "$VMLAB_DIR/kmod.tmp" || exit $VMLAB_DOES_NOT_COMPILE
cp kmod.tmp/*.ko modules/extra/
rm -rf kmod.tmp

# depmod wants the tree at lib/modules/KVER
mkdir -p dep.tmp/lib/modules
ln -sfn "$VMLAB_DIR/modules" "dep.tmp/lib/modules/$kver"
depmod -b "$VMLAB_DIR/dep.tmp" "$kver"
rm -rf dep.tmp
vmlab_say "modules built: $(cd modules/extra && echo *.ko)"
