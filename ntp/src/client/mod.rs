//! An association with one server: asks it for the time, and believes it or not.
//!
//! ```text
//!            handle_timeout          handle_transmitted   handle_response
//! waiting ──────────────────► asked ──────────────────────────────────────► answer
//!    ▲                          │ (the two in either order)                   │
//!    └──────────────────────────┴─────────────────────────────────────────────┘
//!                        poll_timeout says when to ask again
//! ```
//!
//! A request tells nothing about the host that sends it: all is zero but version, mode,
//! poll interval and a random transmit time stamp, which the answer has to echo
//! (draft-ietf-ntp-data-minimization). Who cannot see the request cannot forge an answer.
//!
//! In interleaved mode (RFC 9769) a request also names the answer before, by the server's
//! receive time stamp, and a usable answer is one whose departure the next one tells.

mod check;
mod config;
mod interleaved;
mod rejection;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use clock_models::comparison::{Comparison, Stamp, StampedBy};
use clock_models::time::{Duration, Free, LeapTable, NtpTimestamp, Timestamp, Utc};

use crate::packet::{Header, LeapIndicator, Mode, ReferenceId, Version};
use check::{Form, Reply, Scale};
use interleaved::{Complete, Holding, Interleaving};
use schedule::Schedule;

pub use config::{ClientConfig, ConfigError};
pub use rejection::Rejection;

/// How long an answer waits for the transmit time stamp of its request. Kernels deliver
/// it within microseconds and network interfaces within milliseconds, or never.
const STAMP_PATIENCE: Duration = Duration::SECOND;
/// The intervals between polls are spread by as much to either side, in thousandths, so
/// that clients which started together do not stay together.
const SPREAD: u64 = 20;

/// A request to be sent. One that cannot be sent is dropped, and is then unanswered.
#[derive(Debug)]
#[must_use = "a request is sent"]
pub struct Request {
    /// What to send.
    pub bytes: [u8; Header::LEN],
    /// To be handed back with the time at which it left.
    pub token: TransmitToken,
}

/// Stands for one request that awaits its transmit time stamp.
///
/// It can be used only once:
///
/// ```compile_fail,E0382
/// # use clock_models::comparison::Stamp;
/// # use ntp::client::{Client, TransmitToken};
/// fn twice(client: &mut Client, token: TransmitToken, stamp: Stamp) {
///     let _ = client.handle_transmitted(token, stamp);
///     let _ = client.handle_transmitted(token, stamp);
/// }
/// ```
#[derive(Debug)]
pub struct TransmitToken(NtpTimestamp);

/// What the passing of time brought.
#[derive(Debug)]
#[must_use = "a request is sent"]
pub struct Wake {
    /// Why the exchange before came to nothing, if it did so now.
    pub failed: Option<Rejection>,
    /// The next request, if it is due.
    pub request: Option<Request>,
}

/// A usable answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The server's clock against the time base, both ways.
    pub comparison: Comparison,
    /// When it came in (T4).
    pub received: Timestamp<Free>,
    /// Round-trip delay, s, by the time base. Negative within the doubt of the stamps.
    pub delay: f64,
    /// Who took the worse of the two stamps.
    pub stamped_by: StampedBy,
    /// The leap second that the server announces.
    pub leap: LeapIndicator,
    /// Stratum of the server, 1 to 15.
    pub stratum: u8,
    /// What the server follows.
    pub reference_id: ReferenceId,
    /// Precision of the server's clock, log2 s, as it states it.
    pub precision: i8,
    /// The server stamped its departure, and told it afterwards (RFC 9769); otherwise it
    /// foretold it.
    pub interleaved: bool,
}

/// One request and what became of it.
#[derive(Debug)]
struct Exchange {
    /// The random transmit time stamp; never zero.
    nonce: NtpTimestamp,
    /// The receive time stamp, which an interleaved answer echoes, where that is asked for.
    interleaved_nonce: Option<NtpTimestamp>,
    sent: Timestamp<Free>,
    /// The factor of the interval after it, in thousandths.
    spread: i64,
    /// T1, once it is known.
    transmit: Option<Stamp>,
    phase: Phase,
}

impl Exchange {
    /// The mode of an answer that echoes this `origin`, if it answers this request.
    fn echoed(&self, origin: NtpTimestamp) -> Option<(&Self, Form)> {
        if origin == self.nonce {
            return Some((self, Form::Basic));
        }
        (self.interleaved_nonce == Some(origin)).then_some((self, Form::Interleaved))
    }
}

#[derive(Debug)]
enum Phase {
    /// No answer yet.
    Asked,
    /// An answer came, but not yet the transmit time stamp.
    Heard(Reply),
    /// Nothing more can come of it.
    Over,
}

/// An association with one server at one address.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    schedule: Schedule,
    started: Timestamp<Free>,
    exchange: Option<Exchange>,
    /// The exchange before, to tell a late or doubled answer from a forged one.
    previous: Option<Exchange>,
    /// T3 of the last answer.
    server_transmit: Option<NtpTimestamp>,
    interleaving: Interleaving,
    stopped: Option<Rejection>,
    last_answer: Option<Answer>,
    sent: u64,
    accepted: u64,
    rejected: BTreeMap<&'static str, u64>,
}

impl Client {
    /// An association that begins at `now` with a burst of requests.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(config: ClientConfig, now: Timestamp<Free>) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            schedule: Schedule::new(&config),
            started: now,
            exchange: None,
            previous: None,
            server_transmit: None,
            interleaving: Interleaving::default(),
            stopped: None,
            last_answer: None,
            sent: 0,
            accepted: 0,
            rejected: BTreeMap::new(),
        })
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` once the server
    /// has sent us away. Any other call may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp<Free>> {
        if self.stopped.is_some() {
            return None;
        }
        let poll = self.next_poll();
        Some(self.stamp_deadline().map_or(poll, |deadline| deadline.min(poll)))
    }

    /// Gives up what has waited too long, and asks again if it is time to. A call that
    /// is too early does nothing.
    ///
    /// `random` are two independent, uniformly distributed numbers. The first protects
    /// against forged answers: it must be unpredictable.
    pub fn handle_timeout(&mut self, now: Timestamp<Free>, random: [u64; 2]) -> Wake {
        let ask = self.stopped.is_none() && now >= self.next_poll();
        let stamp_overdue = self.stamp_deadline().is_some_and(|deadline| now >= deadline);
        let failed = match self.exchange.as_ref().map(|exchange| &exchange.phase) {
            Some(Phase::Asked) if ask => Some(Rejection::NoAnswer),
            Some(Phase::Heard(_)) if ask || stamp_overdue => Some(Rejection::NoTransmitStamp),
            _ => None,
        };
        if let Some(reason) = failed {
            self.fail(reason);
        }
        Wake { failed, request: ask.then(|| self.ask(now, random)) }
    }

    /// The request of `token` left at `transmit`, whoever says so. May come before or
    /// after the answer, or never: the exchange is then given up in good time.
    ///
    /// Gives the answer if that had come before.
    ///
    /// # Errors
    /// Why the exchange that is now complete is of no use.
    pub fn handle_transmitted(
        &mut self,
        token: TransmitToken,
        transmit: Stamp,
    ) -> Result<Option<Answer>, Rejection> {
        match &mut self.exchange {
            Some(exchange) if exchange.nonce == token.0 => exchange.transmit = Some(transmit),
            // Of an exchange that has been given up, and counted as such.
            _ => return Ok(None),
        }
        self.conclude()
    }

    /// A packet came from the server's address at `receive`.
    ///
    /// `near` is UTC to within 68 years, for the era of the server's time stamps; `leap`
    /// takes them to TAI. Gives the answer, or `None` if it must wait for the transmit
    /// time stamp.
    ///
    /// # Errors
    /// Why the packet is of no use.
    pub fn handle_response(
        &mut self,
        bytes: &[u8],
        receive: Stamp,
        near: Timestamp<Utc>,
        leap: &LeapTable,
    ) -> Result<Option<Answer>, Rejection> {
        let (header, form) = check::answer_header(bytes)
            .and_then(|header| Ok((header, self.check_origin(header.origin)?)))
            .inspect_err(|reason| self.count(*reason))?;
        let (max_distance, scale) = (self.config.max_root_distance, Scale { near, leap });
        let reply = Reply::new(header, form, receive, max_distance, &scale)
            .and_then(|reply| self.check_progress(reply))
            .inspect_err(|reason| self.fail(*reason))?;
        if let Some(exchange) = &mut self.exchange {
            exchange.phase = Phase::Heard(reply);
        }
        let before = match form {
            Form::Interleaved => self.interleaving.told(header.transmit, &scale),
            Form::Basic => None,
        };
        // What is wrong with the exchange before is no fault of this one.
        let before = before.map(|complete| {
            let answer = complete.and_then(|complete| self.believe(complete));
            answer.inspect_err(|reason| self.count(*reason))
        });
        let now = self.conclude();
        before.unwrap_or(now)
    }

    /// How far, in s, the last comparison lay from what was predicted, and the standard
    /// deviation that had been predicted for that. Fits lengthen the poll interval,
    /// misfits shorten it; during a burst neither does.
    pub fn handle_fit(&mut self, residual: f64, expected: f64) {
        self.schedule.fitted(residual, expected);
    }

    /// So many answers turned out to be of no use: a burst goes on for as many requests.
    pub const fn prolong_burst(&mut self, answers: u8) {
        self.schedule.prolong_burst(answers);
    }

    fn next_poll(&self) -> Timestamp<Free> {
        let Some(exchange) = &self.exchange else { return self.started };
        let pending = !matches!(exchange.phase, Phase::Over);
        exchange.sent + self.schedule.interval(pending) * exchange.spread / 1000
    }

    /// Until when an answer waits for the transmit time stamp.
    fn stamp_deadline(&self) -> Option<Timestamp<Free>> {
        match &self.exchange.as_ref()?.phase {
            Phase::Heard(reply) => Some(reply.receive.at + STAMP_PATIENCE),
            Phase::Asked | Phase::Over => None,
        }
    }

    fn ask(&mut self, now: Timestamp<Free>, [nonce, spread]: [u64; 2]) -> Request {
        // Zero means "unknown": some servers do not answer it.
        let nonce = NtpTimestamp::from_bits(nonce.max(1));
        // At most 1000 + SPREAD.
        let spread = (1000 - SPREAD + spread % (2 * SPREAD + 1)) as i64;
        let named = self.config.interleaved.then(|| self.interleaving.named()).flatten();
        let interleaved_nonce = named.map(|_| NtpTimestamp::from_bits(!nonce.to_bits()));
        let exchange = Exchange {
            nonce,
            interleaved_nonce,
            sent: now,
            spread,
            transmit: None,
            phase: Phase::Asked,
        };
        self.previous = self.exchange.replace(exchange);
        self.schedule.sent();
        self.sent += 1;
        let header = Header {
            poll: self.schedule.poll(),
            origin: named.unwrap_or(NtpTimestamp::ZERO),
            receive: interleaved_nonce.unwrap_or(NtpTimestamp::ZERO),
            transmit: nonce,
            ..Header::blank(Version::V4, Mode::Client)
        };
        Request { bytes: header.emit(), token: TransmitToken(nonce) }
    }

    /// Is this the answer that is awaited, and in which mode?
    fn check_origin(&self, origin: NtpTimestamp) -> Result<Form, Rejection> {
        if let Some((exchange, form)) = self.exchange.as_ref().and_then(|e| e.echoed(origin)) {
            return match exchange.phase {
                Phase::Asked => Ok(form),
                Phase::Heard(_) | Phase::Over => Err(Rejection::Duplicate),
            };
        }
        match self.previous.as_ref().and_then(|e| e.echoed(origin)).map(|(e, _)| &e.phase) {
            Some(Phase::Asked) => Err(Rejection::Late),
            Some(Phase::Heard(_) | Phase::Over) => Err(Rejection::Duplicate),
            None => Err(Rejection::OriginMismatch),
        }
    }

    /// Does the server's clock run?
    fn check_progress(&mut self, reply: Reply) -> Result<Reply, Rejection> {
        let now = Some(reply.transmit_time());
        if std::mem::replace(&mut self.server_transmit, now) == now {
            return Err(Rejection::FrozenClock);
        }
        Ok(reply)
    }

    /// Completes the exchange if both the answer and the transmit time stamp are there.
    fn conclude(&mut self) -> Result<Option<Answer>, Rejection> {
        let Some(exchange) = &mut self.exchange else { return Ok(None) };
        let (Phase::Heard(reply), Some(transmit)) = (&exchange.phase, exchange.transmit) else {
            return Ok(None);
        };
        let complete = Complete { reply: *reply, transmit, believed: false };
        exchange.phase = Phase::Over;
        let now = match self.config.interleaved {
            true => self.hold(complete),
            false => Some(complete),
        };
        let answer = now.map(|complete| self.believe(complete)).transpose();
        let answer = answer.inspect_err(|reason| self.fail(*reason))?;
        self.schedule.succeeded();
        Ok(answer.flatten())
    }

    /// Keeps an exchange until the server tells when its answer had left; gives it back if it
    /// is believed as it is.
    fn hold(&mut self, complete: Complete) -> Option<Complete> {
        let Holding { now, lost } = self.interleaving.hold(complete);
        if lost {
            self.count(Rejection::NotInterleaved);
        }
        now
    }

    /// Makes an answer of a whole exchange.
    fn believe(&mut self, complete: Complete) -> Result<Option<Answer>, Rejection> {
        let answer = complete.reply.answer(complete.transmit, &self.config)?;
        self.accepted += 1;
        self.last_answer = Some(answer);
        Ok(Some(answer))
    }

    /// Ends the exchange without a usable answer.
    fn fail(&mut self, reason: Rejection) {
        self.count(reason);
        if let Some(exchange) = &mut self.exchange
            && reason != Rejection::NoAnswer
        {
            exchange.phase = Phase::Over;
        }
        match reason {
            Rejection::KissRate => self.schedule.slow_down(),
            Rejection::KissDeny | Rejection::KissRestricted => self.stopped = Some(reason),
            _ => {}
        }
        self.schedule.failed();
    }

    fn count(&mut self, reason: Rejection) {
        *self.rejected.entry(reason.name()).or_default() += 1;
    }

    /// The last eight polls, newest in the lowest bit; set where a usable answer came.
    #[must_use]
    pub const fn reach(&self) -> u8 {
        self.schedule.reach()
    }

    /// Poll interval outside of bursts and retries, log2 s.
    #[must_use]
    pub const fn poll(&self) -> i8 {
        self.schedule.poll()
    }

    /// Polls in a row, up to the last that ended, that brought no usable answer. When
    /// it grows, the name of the server is better resolved again.
    #[must_use]
    pub const fn unanswered(&self) -> u32 {
        self.schedule.unanswered()
    }

    /// The kiss-o'-death (DENY or RSTR) that ended the association.
    #[must_use]
    pub const fn stopped(&self) -> Option<Rejection> {
        self.stopped
    }

    /// The last usable answer.
    #[must_use]
    pub const fn last_answer(&self) -> Option<&Answer> {
        self.last_answer.as_ref()
    }

    /// Requests handed out.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Usable answers.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Packets refused and exchanges failed, by [`Rejection::name`].
    #[must_use]
    pub const fn rejected(&self) -> &BTreeMap<&'static str, u64> {
        &self.rejected
    }
}
