//! What can be set for an association.

/// The shortest poll interval that can be set, log2 s: 1/64 s.
pub(super) const MIN_POLL: i8 = -6;
/// The longest, log2 s: 36 h (MAXPOLL, RFC 5905 figure 6).
pub(super) const MAX_POLL: i8 = 17;

/// What can be set for an association.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClientConfig {
    /// Shortest poll interval, log2 s, −6 (1/64 s) to 17 (36 h).
    ///
    /// 4 (16 s) by default: short enough to follow a crystal while its frequency is
    /// being learnt; the interval grows from there as soon as the estimate allows.
    pub min_poll: i8,
    /// Longest poll interval, log2 s, up to 17. 10 (17 min) by default.
    pub max_poll: i8,
    /// Begin with a few requests in quick succession, and again when a server that was
    /// unreachable comes back. `true` by default.
    pub burst: bool,
    /// Root distance (half the root delay plus the root dispersion) from which on a
    /// server is refused, s. 3 by default.
    pub max_root_distance: f64,
    /// Longest round-trip delay that is accepted, s. 3 by default.
    pub max_delay: f64,
    /// Ask for interleaved mode (RFC 9769 section 2), in which the server tells by its next
    /// answer when one really left. Each answer is complete only then. A server that does
    /// not know that mode is followed in basic mode. `false` by default.
    pub interleaved: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            min_poll: 4,
            max_poll: 10,
            burst: true,
            max_root_distance: 3.0,
            max_delay: 3.0,
            interleaved: false,
        }
    }
}

/// A setting that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// Poll intervals that are out of range, or exchanged.
    #[error(
        "poll intervals from 2^{min} s to 2^{max} s: both exponents must lie in \
         {MIN_POLL}..={MAX_POLL}, the first not above the second"
    )]
    Poll {
        /// `min_poll`.
        min: i8,
        /// `max_poll`.
        max: i8,
    },
    /// `max_root_distance` or `max_delay` is not above 0 s, or not finite.
    #[error("a limit of {0} s: it must be above 0 s, such as 3 s")]
    Limit(f64),
}

impl ClientConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let (min, max) = (self.min_poll, self.max_poll);
        if min < MIN_POLL || min > max || max > MAX_POLL {
            return Err(ConfigError::Poll { min, max });
        }
        let limits = [self.max_root_distance, self.max_delay];
        match limits.into_iter().find(|limit| !(limit.is_finite() && *limit > 0.0)) {
            Some(limit) => Err(ConfigError::Limit(limit)),
            None => Ok(()),
        }
    }
}
