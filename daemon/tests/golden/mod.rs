//! Texts that a reviewer has looked at, and the snapshot they are made from.
//!
//! After a wanted change: `UTCD_WRITE_GOLDEN=1 cargo test -p utcd`, then read the diff.

use std::fs;
use std::path::{Path, PathBuf};

use utcd::status::Status;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A host with two clocks and four sources, one of them with a hostile name.
pub(crate) fn sample() -> Status {
    serde_json::from_str(&fs::read_to_string(path("status.json")).unwrap()).unwrap()
}

/// Compares with the golden file, or writes it where the environment asks for that.
#[track_caller]
pub(crate) fn check(name: &str, text: &str) {
    if std::env::var_os("UTCD_WRITE_GOLDEN").is_some() {
        fs::write(path(name), text).unwrap();
    }
    let golden = fs::read_to_string(path(name)).unwrap_or_default();
    assert!(text == golden, "{name} differs from what it was:\n{text}");
}
