# Settings shared by setup.sh, build.sh and run.sh.  Sourced, not run.
#
# Everything the bench generates lives in $VMLAB_DIR (default: a cache folder
# of the calling user).  Nothing is written to the host's /boot or /lib/modules.

VMLAB_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VMLAB_DIR=${VMLAB_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/utcd-vm}

# Debian meta-packages that give the guest kernel.  On bookworm the 6.12 series
# comes from bookworm-security; change these two for another series.
VMLAB_KERNEL_META=${VMLAB_KERNEL_META:-linux-image-6.12-amd64}
VMLAB_HEADERS_META=${VMLAB_HEADERS_META:-linux-headers-6.12-amd64}
VMLAB_SOURCE_PKG=${VMLAB_SOURCE_PKG:-linux-source-6.12}

vmlab_say() { printf 'vmlab: %s\n' "$*" >&2; }
# The exit status where our own module does not compile, which is no lack of this machine.
VMLAB_DOES_NOT_COMPILE=2
vmlab_die() { printf 'vmlab: error: %s\n' "$*" >&2; exit 125; }
