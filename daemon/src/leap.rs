//! Which leap table is in force: the system's, or the one built in where it is newer.

use std::path::Path;

use clock_models::time::{LeapTable, Timestamp, Utc};

use crate::status::LeapStatus;

/// A table, and where it came from.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The table.
    pub table: LeapTable,
    /// The file, or `built in`.
    pub name: String,
}

/// Chooses the table that knows the future best.
///
/// A file that is missing, damaged or older costs its use, never the service.
#[must_use]
pub fn choose(file: Option<&Path>) -> Chosen {
    let built_in = Chosen { table: LeapTable::built_in(), name: "built in".to_owned() };
    let Some(path) = file else { return built_in };
    let read = std::fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| LeapTable::parse(&text).map_err(|error| error.to_string()));
    match read {
        Ok(table) if table.expires() >= built_in.table.expires() => {
            Chosen { table, name: path.display().to_string() }
        }
        Ok(table) => {
            tracing::debug!(
                "{} expires {}, before the table built into utcd, which is used",
                path.display(),
                table.expires()
            );
            built_in
        }
        Err(error) => {
            tracing::warn!(
                "{}: {error}; the leap table built into utcd is used (install tzdata, or set \
                 file under [leap-seconds])",
                path.display()
            );
            built_in
        }
    }
}

/// The table in force as it is published at `now`; `name` is where it came from.
#[must_use]
pub fn status(name: &str, table: &LeapTable, now: Timestamp<Utc>) -> LeapStatus {
    let next = table.next_event(now);
    LeapStatus {
        table: name.to_owned(),
        expires: table.expires().since_epoch().seconds(),
        expired: now > table.expires(),
        next: next.map(|event| event.midnight.since_epoch().seconds()),
        by_sources: next.is_some_and(|next| table.announced().any(|event| event == next)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock_models::time::LeapEvent;
    use std::path::PathBuf;

    #[test]
    fn a_missing_or_damaged_file_is_replaced_by_the_built_in_table() {
        assert_eq!(choose(None).name, "built in");
        assert_eq!(choose(Some(Path::new("/nowhere/leap-seconds.list"))).name, "built in");
        let path = std::env::temp_dir().join(format!("utcd-leap-{}", std::process::id()));
        std::fs::write(&path, "#@ nonsense").unwrap();
        assert_eq!(choose(Some(&path)).name, "built in");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_as_good_as_the_built_in_table_is_used() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../clock-models/data/leap-seconds.list");
        let chosen = choose(Some(&path));
        assert_eq!(chosen.name, path.display().to_string());
        let at = |seconds| status("", &chosen.table, Timestamp::from_secs(seconds));
        assert!(at(4_000_000_000).expired);
        assert!(!at(1_795_322_804).expired);
    }

    #[test]
    fn what_sources_announced_is_shown_as_that_until_it_has_passed() {
        let mut table = LeapTable::built_in();
        let midnight = Timestamp::from_secs(1_814_400_000);
        table.announce(LeapEvent { midnight, tai_minus_utc: 38, inserted: true });
        let at = |seconds| status("", &table, Timestamp::from_secs(seconds));
        let before = at(1_814_399_999);
        assert_eq!((before.next, before.by_sources), (Some(1_814_400_000.0), true));
        let after = at(1_814_400_000);
        assert_eq!((after.next, after.by_sources), (None, false));
    }
}
