//! What no key can know alone: names that refer to each other, and contradictions.

mod clocks;
mod network;
mod pulses;
mod sources;

use std::ops::Range;

use toml::de::DeTable;

use super::error::{Problems, Wrong, nearest};
use super::schema::Config;

impl Config {
    /// Looks for contradictions in what was read from `root`, once it is filled in.
    pub(super) fn check(&self, root: &DeTable<'_>, problems: &mut Problems) {
        let mut checker = Checker { config: self, root, problems };
        checker.clocks();
        checker.sources();
        checker.events();
        checker.outputs();
        checker.interfaces();
        if let Some(server) = &self.serve.ntp {
            checker.known_clock(&server.clock, "serve.ntp", "clock");
            checker.ptp_port(server);
        }
        if let Some(record) = &self.record
            && record.max_total_size / 2 < record.max_file_size
        {
            let what = "max-total-size is below twice max-file-size: what is new would soon go";
            checker.refuse("record", "max-total-size", what, "raise it, or lower max-file-size");
        }
        // A misspelt name would leave its clock without a source: one problem, not two.
        if checker.problems.is_empty() {
            checker.supplies();
        }
    }
}

struct Checker<'a, 'i> {
    config: &'a Config,
    root: &'a DeTable<'i>,
    problems: &'a mut Problems,
}

impl Checker<'_, '_> {
    /// Notes a problem at `key` of the section with the dotted key `at`.
    fn refuse(&mut self, at: &str, key: &str, what: impl Into<String>, help: impl Into<String>) {
        let path = format!("{at}.{key}");
        // A key that is left out has no place: its section is shown then.
        let enclosing = std::iter::successors(Some(path.as_str()), |p| Some(p.rsplit_once('.')?.0));
        let place = enclosing.filter_map(|path| place(self.root, path)).next();
        self.problems.add(place.unwrap_or(0..0), Wrong::new(what, help));
    }

    /// Refuses the clock's name under the `key` of `at`, if there is no such clock.
    fn known_clock(&mut self, name: &str, at: &str, key: &str) {
        let names = self.config.clocks.iter().map(|clock| clock.name.as_str());
        if names.clone().any(|known| known == name) {
            return;
        }
        let help = match nearest(name, names.clone()) {
            Some(near) => format!("write {near:?}"),
            None => format!("the clocks are {}", names.collect::<Vec<_>>().join(", ")),
        };
        self.refuse(at, key, format!("there is no clock of the name {name:?}"), help);
    }
}

/// Where the value of a dotted key stands, such as `clock.0.name`.
fn place(root: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut found = root.get(first)?;
    for key in rest.split('.').filter(|key| !key.is_empty()) {
        found = match key.parse::<usize>() {
            Ok(index) => found.get_ref().get(index)?,
            Err(_) => found.get_ref().get(key)?,
        };
    }
    Some(found.span())
}
