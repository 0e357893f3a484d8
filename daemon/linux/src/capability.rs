//! What this program may do.

use std::fs;
use std::os::linux::fs::MetadataExt as _;

/// CAP_NET_RAW of linux/capability.h.
const NET_RAW: u32 = 13;
/// USER_NS_INIT_INO of linux/nsfs.h: the user namespace that the host began with.
const INITIAL_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// CAP_NET_RAW is in force, and on the whole host: not only in a user namespace (a container
/// without privileges).
pub(crate) fn net_raw_of_host() -> bool {
    let initial = fs::metadata("/proc/self/ns/user")
        .is_ok_and(|namespace| namespace.st_ino() == INITIAL_USER_NAMESPACE);
    initial && fs::read_to_string("/proc/thread-self/status").is_ok_and(|s| in_force(&s, NET_RAW))
}

/// Whether the effective set has it, of what proc_pid_status(5) says.
fn in_force(status: &str, capability: u32) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .is_some_and(|set| set & (1 << capability) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_set_counts() {
        let service = "CapPrm:\t0000000002003400\nCapEff:\t0000000002003400\n";
        assert!(in_force(service, NET_RAW));
        let dropped = "CapPrm:\t0000000002003400\nCapEff:\t0000000002001400\n";
        assert!(!in_force(dropped, NET_RAW));
        for strange in ["", "CapEff:\n", "CapEff:\tall\n"] {
            assert!(!in_force(strange, NET_RAW), "{strange:?}");
        }
    }
}
