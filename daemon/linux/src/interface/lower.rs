//! The NIC below a VLAN, a bond or a macvlan, out of sysfs.

use std::fs;
use std::path::Path;

/// Where the kernel shows the interfaces of a network namespace.
const SYSFS: &str = "/sys/class/net";
/// A VLAN on a bond of NICs is a depth of two; more than this is a loop.
const DEPTH: usize = 8;

/// The interface that frames of `interface` leave by and come in by: the one below, and of
/// a bond the active one at this moment. Itself, where nothing is below, or several are and
/// none is the active one.
pub(super) fn nic(interface: &str) -> String {
    walk(Path::new(SYSFS), interface)
}

fn walk(sysfs: &Path, interface: &str) -> String {
    let mut name = interface.to_owned();
    for _ in 0..DEPTH {
        match below(&sysfs.join(&name)) {
            // One below in another network namespace is out of reach; the upper one
            // passes on what is asked of it.
            Some(lower) if sysfs.join(&lower).exists() => name = lower,
            _ => break,
        }
    }
    name
}

fn below(interface: &Path) -> Option<String> {
    match fs::read_to_string(interface.join("bonding/active_slave")) {
        Ok(active) => Some(active.trim().to_owned()).filter(|active| !active.is_empty()),
        Err(_) => the_only_lower(interface),
    }
}

fn the_only_lower(interface: &Path) -> Option<String> {
    let entries = fs::read_dir(interface).ok()?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut lower = names.filter_map(|name| name.strip_prefix("lower_").map(str::to_owned));
    let first = lower.next()?;
    lower.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A folder like sysfs that goes away with the test.
    struct Sysfs(PathBuf);

    impl Sysfs {
        fn new(name: &str, interfaces: &[(&str, &[&str])]) -> Self {
            let root = std::env::temp_dir().join(format!("utcd-{name}-{}", std::process::id()));
            for (interface, lowers) in interfaces {
                fs::create_dir_all(root.join(interface)).unwrap();
                for lower in *lowers {
                    fs::create_dir(root.join(interface).join(format!("lower_{lower}"))).unwrap();
                }
            }
            Self(root)
        }

        fn bond(&self, name: &str, active: &str) {
            let folder = self.0.join(name).join("bonding");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("active_slave"), format!("{active}\n")).unwrap();
        }
    }

    impl Drop for Sysfs {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_vlan_on_a_bond_leads_to_the_active_one_and_follows_it() {
        let sysfs = Sysfs::new(
            "bond",
            &[("a", &[]), ("b", &[]), ("bond0", &["a", "b"]), ("bond0.7", &["bond0"])],
        );
        for active in ["a", "b"] {
            sysfs.bond("bond0", active);
            assert_eq!(walk(&sysfs.0, "bond0.7"), active);
        }
        sysfs.bond("bond0", "");
        assert_eq!(walk(&sysfs.0, "bond0.7"), "bond0", "none is active");
    }

    #[test]
    fn of_a_bridge_no_port_is_the_nic() {
        let sysfs = Sysfs::new("bridge", &[("a", &[]), ("b", &[]), ("br0", &["a", "b"])]);
        assert_eq!(walk(&sysfs.0, "br0"), "br0");
    }

    #[test]
    fn a_loop_or_a_lower_out_of_reach_ends_the_walk() {
        let sysfs = Sysfs::new("loop", &[("a", &["b"]), ("b", &["a"]), ("m", &["elsewhere"])]);
        assert!(["a", "b"].contains(&walk(&sysfs.0, "a").as_str()));
        assert_eq!(walk(&sysfs.0, "m"), "m");
    }
}
