#!/bin/bash
# run.sh - run one command in a throw-away VM, with NICs that time-stamp.
#
#   run.sh [options] -- COMMAND [ARG...]
#
#   --timeout S        give up after S seconds of wall time, boot included (600)
#   --share DIR        let the guest write to this host directory; it appears at
#                      the same path (repeatable).  All else of the host's root
#                      is visible read-only; what the guest writes is discarded
#   --sim TOPO         load hwtsim: simulated ports hts0, hts1, ... with PHCs; 0-1 is
#                      one wire between clocks 0 and 1, 0-1,1-2 a chain of three
#   --accel WHAT       auto, kvm, tcg, or kvm,tcg (auto: KVM where it works, with TCG
#                      to fall back on, else TCG)
#   --icount SHIFT     TCG only: virtual time, 2^SHIFT ns an instruction, idle
#                      time skipped: fast, repeatable, apart from the host's load
#   --smp N, --mem MB  CPUs (1), memory (1024)
#   --module "M ARGS"  load a module before the command (repeatable)
#   --env NAME[=VALUE] pass a variable (repeatable); PATH, HOME, LANG, TERM go along
#   --append ARGS      more kernel command line
#   --kernel-log FILE  keep the guest's kernel log here
#   --qemu BINARY      another qemu-system-x86_64
#   --qemu-arg ARG     one more argument for QEMU (repeatable)
#
# Exit status: the command's own; 124 on timeout; 125 when the VM itself failed.
# The command's stdout and stderr are streamed, joined, to stdout; it reads
# nothing on stdin.  The clocks it sets are the guest's: the host's are not touched,
# and the guest has no network but the wires between its own NICs.
set -uo pipefail
{   # read to the end before it runs, so that editing this file harms no run under way
. "$(dirname "$0")/common.sh"

timeout=600 accel=${VMLAB_ACCEL:-auto} icount='' smp=1 mem=1024
append='' klog='' qemu=${VMLAB_QEMU:-}
shares=() modules=() envs=() qargs=()
while [ $# -gt 0 ]; do
    case $1 in
        --timeout)    timeout=$2; shift 2 ;;
        --share)      shares+=("$(realpath -e -- "$2")") || vmlab_die "no directory $2"; shift 2 ;;
        --sim)        modules+=("hwtsim topo=$2"); shift 2 ;;
        --accel)      accel=$2; shift 2 ;;
        --icount)     icount=$2; shift 2 ;;
        --smp)        smp=$2; shift 2 ;;
        --mem)        mem=$2; shift 2 ;;
        --module)     modules+=("$2"); shift 2 ;;
        --env)        envs+=("$2"); shift 2 ;;
        --append)     append=$2; shift 2 ;;
        --kernel-log) klog=$(realpath -m -- "$2"); shift 2 ;;
        --qemu)       qemu=$2; shift 2 ;;
        --qemu-arg)   qargs+=("$2"); shift 2 ;;
        --)           shift; break ;;
        -h|--help)    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *)            vmlab_die "unknown option $1 (see --help)" ;;
    esac
done
[ $# -gt 0 ] || vmlab_die "no command given"
[ -f "$VMLAB_DIR/vmlinux" ] || vmlab_die "no image in $VMLAB_DIR: run build.sh first"
: "${qemu:=qemu-system-x86_64}"
command -v "$qemu" >/dev/null || vmlab_die "no $qemu: run setup.sh first"

# KVM is worth using only where the CPU has real virtualization (the vmx or svm
# flag).  Some sandboxes offer a /dev/kvm that opens but runs the guest kernel
# by software emulation: slower than TCG, and it stops at the first instruction
# its emulator lacks.
kvm_works() {
    [ -r /dev/kvm ] && [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo
}
IFS=, read -ra tries <<< "$accel"
if [ -n "$icount" ]; then
    case $accel in auto|tcg) ;; *) vmlab_die "--icount needs --accel tcg" ;; esac
    tries=(tcg)
elif [ "$accel" = auto ]; then
    if kvm_works; then tries=(kvm tcg); else tries=(tcg); fi
fi

run=$(mktemp -d "${TMPDIR:-/tmp}/vmlab.XXXXXX") || vmlab_die "no temporary folder"
qpid='' cpid=''
# shellcheck disable=SC2317 # called by the traps
cleanup() {
    [ -z "$qpid" ] || kill -KILL "$qpid" 2>/dev/null
    [ -z "$cpid" ] || kill "$cpid" 2>/dev/null
    [ -z "$klog" ] || cp -f "$run/kernel.log" "$klog" 2>/dev/null
    rm -rf "$run"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What the guest is to do, for guest/stage2.sh.
ctl=$run/ctl
mkdir "$ctl"
cp "$VMLAB_HERE/guest/stage2.sh" "$ctl/stage2.sh"
printf '%s\0' "$@" > "$ctl/argv"
printf '%s\n' "$PWD" > "$ctl/cwd"
printf '%s\n' "${modules[@]}" > "$ctl/modules"
{
    for v in PATH HOME LANG TERM; do
        [ -z "${!v:-}" ] || printf '%s=%s\0' "$v" "${!v}"
    done
    printf 'VMLAB=%s\0' "$VMLAB_HERE"
    for e in "${envs[@]}"; do
        case $e in
            *=*) printf '%s\0' "$e" ;;
            *)   [ -z "${!e+x}" ] || printf '%s=%s\0' "$e" "${!e}" ;;
        esac
    done
} > "$ctl/env"

fsdev() {   # fsdev ID TAG PATH MORE: one 9p share
    printf '%s\n' -fsdev "local,id=$1,path=${3//,/,,},security_model=none,multidevs=remap$4" \
                  -device "virtio-9p-pci,fsdev=$1,mount_tag=$2"
}
args=()
add() { mapfile -t -O ${#args[@]} args; }
add < <(fsdev root root / ,readonly=on)
add < <(fsdev kmod kmod "$VMLAB_DIR/modules" ,readonly=on)
add < <(fsdev ctl ctl "$ctl" "")
: > "$ctl/shares"
for i in "${!shares[@]}"; do
    add < <(fsdev "s$i" "share$i" "${shares[$i]}" "")
    printf 'share%s %s\n' "$i" "${shares[$i]}" >> "$ctl/shares"
done
boot() {    # boot ACCEL: one VM, from start to power-off
    local a=(-accel "$1")
    case $1 in
        kvm) a+=(-cpu host) ;;
        tcg) a+=(-cpu max,la57=off) ;;
        *)   vmlab_die "unknown accelerator $1" ;;
    esac
    [ -z "$icount" ] || a+=(-icount "shift=$icount,sleep=off")
    rm -f "$ctl/up" "$ctl/status" "$run/out"
    mkfifo "$run/out"           # QEMU writes the job's output here; cat streams it
    cat "$run/out" &
    cpid=$!
    "$qemu" -nodefaults -no-user-config -display none -no-reboot \
        -machine q35,usb=off,vmport=off "${a[@]}" -smp "$smp" -m "$mem" \
        -rtc base=utc,clock=vm -nic none \
        -kernel "$VMLAB_DIR/vmlinux" -initrd "$VMLAB_DIR/initrd.cpio" \
        -append "console=ttyS0 quiet panic=-1 net.ifnames=0 nokaslr mitigations=off random.trust_cpu=on no_timer_check $append" \
        -serial "file:$run/kernel.log" \
        -device virtio-serial-pci -chardev "file,id=out,path=$run/out" \
        -device virtserialport,chardev=out,name=vmlab.out \
        "${args[@]}" "${qargs[@]}" \
        < /dev/null > "$run/qemu.err" 2>&1 &
    qpid=$!
}

# wait_for SECONDS FILE: until QEMU ends (0), FILE appears (1) or time is up (2)
wait_for() {
    local end=$((SECONDS + $1))
    while [ -d "/proc/$qpid" ] && kill -0 "$qpid" 2>/dev/null; do
        [ -z "${2:-}" ] || [ ! -e "$2" ] || return 1
        [ $SECONDS -le $end ] || return 2
        sleep 0.1
    done
    return 0
}
stop() { kill -KILL "$qpid" 2>/dev/null; wait "$qpid" 2>/dev/null; qpid=; wait "$cpid" 2>/dev/null; cpid=; }

SECONDS=0
for t in "${tries[@]}"; do
    [ -n "$icount" ] || vmlab_say "in real time by $t: the load of this machine shows in all figures"
    boot "$t"
    if [ "$t" = kvm ] && [ ${#tries[@]} -gt 1 ]; then
        wait_for 30 "$ctl/up"       # KVM boots in a few seconds, or not at all
        if [ ! -e "$ctl/up" ]; then
            vmlab_say "KVM did not boot the guest; using TCG"
            stop
            continue
        fi
    fi
    wait_for $((timeout - SECONDS))
    [ $? != 2 ] || { vmlab_say "timeout after $timeout s"; stop; exit 124; }
    wait "$qpid"; qpid=
    wait "$cpid"; cpid=
    break
done

if [ -s "$ctl/status" ]; then
    exit "$(cat "$ctl/status")"
fi
vmlab_say "the VM ended without a status; QEMU said:"
cat "$run/qemu.err" >&2
vmlab_say "end of the guest's kernel log:"
tail -n 25 "$run/kernel.log" >&2
exit 125
}
