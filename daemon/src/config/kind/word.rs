//! Enumerations, whose values are written as words.

use std::fmt::Debug;
use std::marker::PhantomData;

use toml::de::DeValue;

use super::super::error::{Wrong, nearest};
use super::{Scalar, mistyped, quoted};

/// One of the words of an enumeration, see [`words`].
pub(in crate::config) struct Word<E>(PhantomData<E>);

/// One word of the enumeration `E`.
pub(in crate::config) const fn word<E>() -> Word<E> {
    Word(PhantomData)
}

/// An enumeration whose values are written as words.
pub(in crate::config) trait Words:
    Copy + Debug + Default + PartialEq + 'static
{
    /// Every value with its word and its meaning.
    const ALL: &'static [(Self, &'static str, &'static str)];
}

impl<E: Words> Scalar for Word<E> {
    type Value = E;

    fn read(&self, given: &DeValue<'_>) -> Result<E, Wrong> {
        let known: Vec<String> = E::ALL.iter().map(|(_, word, _)| quoted(word)).collect();
        let one_of = format!("write {}", known.join(" or "));
        let text = given.as_str().ok_or_else(|| mistyped(given, &one_of))?;
        let found = E::ALL.iter().find(|(_, word, _)| *word == text).map(|(value, ..)| *value);
        found.ok_or_else(|| {
            let meant = nearest(text, E::ALL.iter().map(|(_, word, _)| *word));
            let help = meant.map_or(one_of, |word| format!("write {}", quoted(word)));
            Wrong::new(format!("{} is none of {}", quoted(text), known.join(", ")), help)
        })
    }

    fn show(&self, value: &E) -> Option<String> {
        E::ALL.iter().find(|(other, ..)| other == value).map(|(_, word, _)| quoted(word))
    }

    fn describe(&self) -> String {
        "one of the words below".to_owned()
    }

    fn words(&self) -> Vec<(&'static str, &'static str)> {
        E::ALL.iter().map(|(_, word, meaning)| (*word, *meaning)).collect()
    }
}

/// Declares an enumeration and the words for its values, the first being the default of
/// Rust code (the default of a key is given with the key).
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident {
        $(#[doc = $meaning0:literal])+ $value0:ident = $word0:literal,
        $($(#[doc = $meaning:literal])+ $value:ident = $word:literal,)*
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $name {
            $(#[doc = $meaning0])+
            #[default]
            $value0,
            $($(#[doc = $meaning])+ $value,)*
        }

        impl $name {
            /// The word in the configuration.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    Self::$value0 => $word0,
                    $(Self::$value => $word,)*
                }
            }
        }

        impl $crate::config::kind::Words for $name {
            const ALL: &'static [(Self, &'static str, &'static str)] = &[
                (Self::$value0, $word0, concat!($($meaning0),+).trim_ascii()),
                $((Self::$value, $word, concat!($($meaning),+).trim_ascii()),)*
            ];
        }
    };
}
pub(in crate::config) use words;
