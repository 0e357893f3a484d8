//! Sections of the configuration: what [`section!`](section) makes of a declaration.
//!
//! A declaration is the schema: key, field, kind, default and meaning stand together,
//! and the reader, the effective configuration and the reference page come from it.

use std::marker::PhantomData;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problems, Wrong, nearest};
use super::kind::Scalar;

/// What holds where a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// It must be given.
    Required,
    /// This value, as it would stand in the file.
    Text(&'static str),
    /// Nothing is set, or `fill_in` sets it: told in words.
    Otherwise(&'static str),
}

/// What a section holds under one key, for showing and describing.
pub(super) struct Entry {
    pub(super) key: &'static str,
    pub(super) meaning: &'static str,
    pub(super) absent: Absent,
    pub(super) body: Body,
}

pub(super) enum Body {
    Value {
        /// As TOML, if it is set.
        text: Option<String>,
        /// What may be written.
        may_be: String,
        /// Where that is words: each with its meaning.
        words: Vec<(&'static str, &'static str)>,
    },
    Tables {
        about: &'static str,
        /// `[[key]]`, not `[key]`.
        repeated: bool,
        given: Vec<Vec<Entry>>,
        /// The entries of an empty one.
        blank: fn() -> Vec<Entry>,
    },
}

/// A table with known keys. Its `Default` is what an empty table means.
pub(super) trait Section: Default {
    /// What the section is about.
    const ABOUT: &'static str;
    fn read(from: &mut Keys<'_, '_>) -> Self;
    fn entries(&self) -> Vec<Entry>;
}

/// What can stand under a key: a value, a table or tables.
pub(super) trait Kind {
    type Value: Default;
    /// Takes what is given under the dotted key `path`, or says what is wrong with it.
    fn take(
        &self,
        given: &Spanned<DeValue<'_>>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Self::Value>;
    fn body(&self, value: &Self::Value) -> Body;
}

impl<S: Scalar> Kind for S
where
    S::Value: Default,
{
    type Value = S::Value;

    fn take(
        &self,
        given: &Spanned<DeValue<'_>>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<S::Value> {
        let complain = |wrong: Wrong| {
            let key = path.rsplit('.').next().unwrap_or(path);
            problems.add(given.span(), Wrong::new(format!("{key}: {}", wrong.what), wrong.help));
        };
        self.read(given.get_ref()).map_err(complain).ok()
    }

    fn body(&self, value: &S::Value) -> Body {
        Body::Value { text: self.show(value), may_be: self.describe(), words: self.words() }
    }
}

/// A table `[key]`; left out, it means the same as an empty one.
pub(super) struct Table<S>(PhantomData<S>);
/// A table `[key]` that may be left out.
pub(super) struct MaybeTable<S>(PhantomData<S>);
/// Any number of tables `[[key]]`.
pub(super) struct Tables<S>(PhantomData<S>);

/// One table; left out, it means the same as an empty one.
pub(super) const fn table<S>() -> Table<S> {
    Table(PhantomData)
}

/// A table that may be left out.
pub(super) const fn maybe_table<S>() -> MaybeTable<S> {
    MaybeTable(PhantomData)
}

/// Any number of tables.
pub(super) const fn tables<S>() -> Tables<S> {
    Tables(PhantomData)
}

impl<S: Section> Kind for Table<S> {
    type Value = S;

    fn take(&self, given: &Spanned<DeValue<'_>>, path: &str, problems: &mut Problems) -> Option<S> {
        let DeValue::Table(table) = given.get_ref() else {
            let what = format!("{path} is a section, and there is one of it");
            problems.add(given.span(), Wrong::new(what, format!("write [{path}]")));
            return None;
        };
        Some(read_section(table, given.span(), path, problems))
    }

    fn body(&self, value: &S) -> Body {
        shown_tables::<S>(false, vec![value.entries()])
    }
}

impl<S: Section> Kind for MaybeTable<S> {
    type Value = Option<S>;

    fn take(
        &self,
        given: &Spanned<DeValue<'_>>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Option<S>> {
        table().take(given, path, problems).map(Some)
    }

    fn body(&self, value: &Option<S>) -> Body {
        shown_tables::<S>(false, value.iter().map(Section::entries).collect())
    }
}

impl<S: Section> Kind for Tables<S> {
    type Value = Vec<S>;

    fn take(
        &self,
        given: &Spanned<DeValue<'_>>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Vec<S>> {
        let DeValue::Array(items) = given.get_ref() else {
            let what = format!("{path} is a section of which there may be several");
            problems.add(given.span(), Wrong::new(what, format!("write [[{path}]]")));
            return None;
        };
        let table = table();
        Some(items.iter().filter_map(|item| table.take(item, path, problems)).collect())
    }

    fn body(&self, value: &Vec<S>) -> Body {
        shown_tables::<S>(true, value.iter().map(Section::entries).collect())
    }
}

fn shown_tables<S: Section>(repeated: bool, given: Vec<Vec<Entry>>) -> Body {
    Body::Tables { about: S::ABOUT, repeated, given, blank: || S::default().entries() }
}

/// The keys of one table, while they are read.
pub(super) struct Keys<'a, 'i> {
    table: &'a DeTable<'i>,
    place: Range<usize>,
    /// The dotted key of the table; empty at the root.
    path: &'a str,
    problems: &'a mut Problems,
    known: Vec<&'static str>,
}

/// Reads a table and refuses the keys that it should not have.
pub(super) fn read_section<S: Section>(
    table: &DeTable<'_>,
    place: Range<usize>,
    path: &str,
    problems: &mut Problems,
) -> S {
    let mut keys = Keys { table, place, path, problems, known: Vec::new() };
    let section = S::read(&mut keys);
    keys.refuse_unknown();
    section
}

/// What an empty table means.
pub(super) fn defaults<S: Section>() -> S {
    read_section(&DeTable::new(), 0..0, "", &mut Problems::default())
}

impl Keys<'_, '_> {
    /// The value of a key, or what holds in its absence. After a problem, which is noted,
    /// any value will do: the configuration is refused.
    pub(super) fn take<K: Kind>(
        &mut self,
        key: &'static str,
        kind: &K,
        absent: Absent,
    ) -> K::Value {
        self.known.push(key);
        let path = match self.path {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        let value = match (self.table.get(key), absent) {
            (Some(given), _) => kind.take(given, &path, self.problems),
            (None, Absent::Text(text)) => match DeValue::parse(text) {
                Ok(value) => kind.take(&value, &path, self.problems),
                Err(_) => self.complain(format!("the default of {path} is broken"), ""),
            },
            (None, Absent::Required) => {
                let help = format!("add {key} = … to this section");
                self.complain(format!("the key {key} is missing"), help)
            }
            (None, Absent::Otherwise(_)) => None,
        };
        value.unwrap_or_default()
    }

    fn complain<T>(&mut self, what: String, help: impl Into<String>) -> Option<T> {
        self.problems.add(self.place.clone(), Wrong::new(what, help));
        None
    }

    fn refuse_unknown(self) {
        for (key, _) in self.table.iter() {
            if self.known.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let help = match nearest(key.get_ref(), self.known.iter().copied()) {
                Some(known) => format!("write {known}"),
                None => format!("the keys here are {}", self.known.join(", ")),
            };
            let what = format!("there is no key {:?} here", key.get_ref());
            self.problems.add(key.span(), Wrong::new(what, help));
        }
    }
}

/// Declares a section: a struct, and how it is read, shown and described.
///
/// `"key" => field: Type = kind, absent;` with the meaning as doc comment. A first line
/// `with field: Type;` takes in the keys of another section.
macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident {
        $(with $shared:ident: $shared_type:ty;)?
        $(
            $(#[doc = $meaning:literal])+
            $key:literal => $field:ident: $type:ty = $kind:expr, $absent:expr;
        )+
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(
                /// What it has in common with its like.
                pub $shared: $shared_type,
            )?
            $(
                $(#[doc = $meaning])+
                #[doc = concat!("\n\nKey: `", $key, "`.")]
                pub $field: $type,
            )+
        }

        impl Default for $name {
            fn default() -> Self {
                $crate::config::section::defaults()
            }
        }

        impl $crate::config::section::Section for $name {
            const ABOUT: &'static str = concat!($($about),+).trim_ascii();

            fn read(from: &mut $crate::config::section::Keys<'_, '_>) -> Self {
                Self {
                    $($shared: $crate::config::section::Section::read(from),)?
                    $($field: from.take($key, &$kind, $absent),)+
                }
            }

            fn entries(&self) -> Vec<$crate::config::section::Entry> {
                let own = [$($crate::config::section::Entry {
                    key: $key,
                    meaning: concat!($($meaning),+).trim_ascii(),
                    absent: $absent,
                    body: $crate::config::section::Kind::body(&$kind, &self.$field),
                }),+];
                let entries = own.into_iter();
                $(let entries = entries
                    .chain($crate::config::section::Section::entries(&self.$shared));)?
                entries.collect()
            }
        }
    };
}
pub(super) use section;
