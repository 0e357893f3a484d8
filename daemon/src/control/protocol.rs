//! The words of the control socket: one JSON object to a line, both ways.
//!
//! ```text
//! → {"get":"status"}
//! ← {"version":1,"status":{…}}
//! → {"get":"status","every":2}
//! ← {"version":1,"status":{…}}     now, and again when it has changed
//! → {"get":"events","every":0.5}
//! ← {"version":1,"events":[…]}      those that are kept, then those that have come
//! ```

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::ExternalEvent;
use crate::status::Status;

/// Version of the protocol. A new field is no new version; a changed meaning is.
pub const VERSION: u32 = 1;

/// Shortest and longest time between two pushes that a client may ask for, s.
const EVERY: std::ops::RangeInclusive<f64> = 0.1..=3600.0;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The snapshot of every clock and source.
    Status,
    /// The configuration in force, as text.
    Config,
    /// The last external events; pushed, only those that have come since.
    Events,
}

/// What a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What it wants.
    pub get: Topic,
    /// If given, the answer is pushed again whenever it has changed, but no oftener than
    /// this, s. It ends when the client closes or sends anything more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<f64>,
}

/// Why a line is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It is no JSON, or not of this form.
    #[error("this is no request ({0}); send a line such as {{\"get\":\"status\"}}")]
    Form(#[from] serde_json::Error),
    /// The time between pushes is out of range.
    #[error("\"every\" is {0}; it must lie between 0.1 and 3600 seconds")]
    Every(f64),
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// Whatever is not exactly one request.
    pub fn parse(line: &[u8]) -> Result<Self, RequestError> {
        let request: Self = serde_json::from_slice(line)?;
        match request.every {
            Some(every) if !EVERY.contains(&every) => Err(RequestError::Every(every)),
            _ => Ok(request),
        }
    }

    /// Time between pushes, where they are asked for.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.every.and_then(|every| Duration::try_from_secs_f64(every).ok())
    }
}

/// What the daemon sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply<'a> {
    /// [`VERSION`].
    pub version: u32,
    /// The answer.
    #[serde(flatten)]
    pub body: Body<'a>,
}

/// The answer itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Body<'a> {
    /// To [`Topic::Status`].
    Status(Cow<'a, Status>),
    /// To [`Topic::Config`].
    Config(Cow<'a, str>),
    /// To [`Topic::Events`], the oldest first.
    Events(Vec<ExternalEvent>),
    /// There is no answer, and the daemon closes the connection.
    Error {
        /// For programs: a [`Trouble`](crate::connections::Trouble) or `stopping`.
        kind: Cow<'a, str>,
        /// For people.
        message: Cow<'a, str>,
    },
}

impl<'a> Reply<'a> {
    /// An answer in this version of the protocol.
    pub(super) const fn new(body: Body<'a>) -> Self {
        Self { version: VERSION, body }
    }

    /// An error of this kind.
    pub(super) fn error(kind: &'a str, message: impl Into<Cow<'a, str>>) -> Self {
        Self::new(Body::Error { kind: kind.into(), message: message.into() })
    }

    /// As one line with its end.
    pub(super) fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_lines_of_json() {
        let once = Request { get: Topic::Status, every: None };
        assert_eq!(serde_json::to_string(&once).unwrap(), r#"{"get":"status"}"#);
        assert_eq!(Request::parse(b"{\"get\":\"status\"}\r\n").unwrap(), once);
        let pushed = Request::parse(br#"{"get":"config","every":0.5}"#).unwrap();
        assert_eq!(pushed.interval(), Some(Duration::from_millis(500)));
    }

    #[test]
    fn what_is_no_request_is_refused_with_an_example() {
        for line in ["", "\n", "[]", "{}", r#"{"get":"secrets"}"#, r#"{"get":"status","set":1}"#] {
            let error = Request::parse(line.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(r#"{"get":"status"}"#), "{error}");
        }
    }

    #[test]
    fn pushes_are_neither_a_flood_nor_never() {
        for every in ["0", "-1", "0.09", "1e9"] {
            let line = format!(r#"{{"get":"status","every":{every}}}"#);
            let error = Request::parse(line.as_bytes()).unwrap_err();
            assert!(matches!(error, RequestError::Every(_)), "{error}");
        }
    }

    #[test]
    fn replies_carry_the_version_beside_the_answer() {
        let line = Reply::error("busy", "later").to_line().unwrap();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"version\":1,\"error\":{\"kind\":\"busy\",\"message\":\"later\"}}\n"
        );
    }

    #[test]
    fn a_status_survives_the_way() {
        let status = Status { uptime: 0.1, version: "ü\n\"".into(), ..Status::default() };
        let sent = Reply::new(Body::Status(Cow::Owned(status)));
        let received: Reply<'_> = serde_json::from_slice(&sent.to_line().unwrap()).unwrap();
        assert_eq!(received, sent);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::parse(&line);
        }
    }
}
