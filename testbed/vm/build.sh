#!/bin/bash
# build.sh - build the guest image under $VMLAB_DIR.
#
#   ./build.sh [--force] [--no-kmod]
#
# Makes: vmlinux       the Debian kernel, unpacked (boots faster than bzImage)
#        initrd.cpio   busybox, the few modules needed to reach the root share
#        modules/      the kernel's whole module tree, shared into the guest
#        version       package versions, and the kernel's config beside it
# The kernel package is downloaded and unpacked, never installed: the host's
# /boot and boot loader stay as they are.  Needs no root (beyond setup.sh).
#
# Also builds the module under kmod/ for that kernel, unless --no-kmod is given.
set -euo pipefail
. "$(dirname "$0")/common.sh"

force='' kmod=1
for a in "$@"; do
    case $a in
        --force) force=1 ;;
        --no-kmod) kmod= ;;
        *) vmlab_die "unknown option $a" ;;
    esac
done

mkdir -p "$VMLAB_DIR"
cd "$VMLAB_DIR"
exec 9> lock            # one build at a time
flock 9

dep_of() {      # the first dependency of a meta-package: linux-image-6.12.x...
    apt-cache depends --no-recommends --no-suggests "$1" |
        awk '$1 == "Depends:" && $2 ~ /^linux-(image|headers)-[0-9].*-amd64$/ { print $2; exit }'
}
candidate() { apt-cache policy "$1" | awk '$1 == "Candidate:" { print $2 }'; }

kpkg=$(dep_of "$VMLAB_KERNEL_META")
[ -n "$kpkg" ] || vmlab_die "apt knows no $VMLAB_KERNEL_META (apt-get update?)"
kver=${kpkg#linux-image-}
want="$kpkg $(candidate "$kpkg")"

if [ -z "$force" ] && [ "$(head -1 version 2>/dev/null)" = "$want" ] &&
   [ vmlinux -nt "$VMLAB_HERE/build.sh" ] &&
   [ initrd.cpio -nt "$VMLAB_HERE/guest/init" ]; then
    vmlab_say "image is up to date: $want"
else
    vmlab_say "building image: $want"
    rm -rf tmp && mkdir -p tmp/deb tmp/root
    ( cd tmp/deb && apt-get download -q "$kpkg" 2> >(grep -v unsandboxed >&2) )
    dpkg -x tmp/deb/"$kpkg"_*.deb tmp/root
    cp tmp/root/boot/config-"$kver" config

    # The x86 boot protocol's header gives the offset (0x248) and length
    # (0x24c) of the compressed kernel inside the bzImage, counted from the end
    # of the set-up sectors (their number is the byte at 0x1f1, 0 meaning 4).
    bz=tmp/root/boot/vmlinuz-$kver
    num() { od -An -v -t "$2" -j "$1" -N "$3" "$bz" | tr -d ' '; }
    sects=$(num $((0x1f1)) u1 1); [ "$sects" != 0 ] || sects=4
    off=$(( (sects + 1) * 512 + $(num $((0x248)) u4 4) ))
    len=$(num $((0x24c)) u4 4)
    tail -c +$((off + 1)) "$bz" | head -c "$len" > tmp/payload || true
    # A 4-byte length follows the compressed data; the tools call that trailing
    # garbage and exit non-zero, so judge them by what came out.
    case $(od -An -t x1 -N4 tmp/payload | tr -d ' ') in
        28b52ffd) zstd -qdc tmp/payload > tmp/vmlinux 2>/dev/null || true ;;
        fd377a58) xz -qdc --single-stream tmp/payload > tmp/vmlinux 2>/dev/null || true ;;
        1f8b*)    gzip -qdc tmp/payload > tmp/vmlinux 2>/dev/null || true ;;
        *) vmlab_die "kernel is compressed in a way this script does not know" ;;
    esac
    [ "$(od -An -t x1 -N4 tmp/vmlinux | tr -d ' ')" = 7f454c46 ] ||
        vmlab_die "could not unpack the kernel"

    depmod -b tmp/root "$kver"
    mods=tmp/root/lib/modules/$kver

    # initramfs: the modules on the way to the 9p root, in load order.
    ird=tmp/initrd
    mkdir -p $ird/bin $ird/modules
    cp "$(command -v busybox)" $ird/bin/busybox
    cp "$VMLAB_HERE/guest/init" $ird/init
    chmod 755 $ird/init
    for m in virtio_pci 9pnet_virtio 9p overlay; do
        modprobe -S "$kver" -d "$PWD/tmp/root" --show-depends "$m"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
    while read -r f; do
        name=$(basename "$f"); name=${name%.xz}; name=${name%.zst}
        case $f in
            *.xz)  xz -dc "$f" > "$ird/modules/$name" ;;
            *.zst) zstd -qdc "$f" > "$ird/modules/$name" ;;
            *)     cp "$f" "$ird/modules/$name" ;;
        esac
        echo "$name" >> $ird/modules.load
    done
    ( cd $ird && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 ) > tmp/initrd.cpio

    rm -rf modules
    mv "$mods" modules
    mv tmp/vmlinux vmlinux
    mv tmp/initrd.cpio initrd.cpio
    echo "$want" > version
    rm -rf tmp
fi

[ -z "$kmod" ] || "$VMLAB_HERE/kmod/build.sh" "$kver"
