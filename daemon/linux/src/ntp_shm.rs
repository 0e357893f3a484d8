//! Shared memory by which other programs (gpsd, for one) tell the time: the segments of
//! ntpd's driver 28, System V keys `NTP0` and up.
//!
//! A segment is a `struct shmTime` of ntpd: 96 bytes where `time_t` has 64 bits. A writer
//! fills it in and sets `valid`, the reader takes it and clears `valid`.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use clock_models::time::{Duration, Timestamp, Utc};
use nix::errno::Errno;
use nix::libc;

/// `NTP0`, the key of unit 0; unit n has this + n.
const KEY: u32 = 0x4e54_5030;
/// Words of a segment.
pub const WORDS: usize = 24;
/// No clock shows more seconds, s.
const MOST_SECONDS: i64 = 1 << 40;
const BYTES: usize = WORDS * size_of::<u32>();

// Where the fields are, in words.
const MODE: usize = 0;
const COUNT: usize = 1;
const CLOCK_SECONDS: usize = 2;
const CLOCK_MICROS: usize = 4;
const RECEIVE_SECONDS: usize = 6;
const RECEIVE_MICROS: usize = 8;
const VALID: usize = 12;
const CLOCK_NANOS: usize = 13;
const RECEIVE_NANOS: usize = 14;

/// What a writer told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShmSample {
    /// The time of the reference.
    pub time: Timestamp<Utc>,
    /// What `CLOCK_REALTIME` showed then.
    pub stamp: Timestamp<Utc>,
}

/// Why what is in a segment is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShmFault {
    /// It was written while it was read.
    #[error("the segment was written while it was read")]
    Torn,
    /// Neither mode 0 nor mode 1, or fractions of a second that are none.
    #[error("what is in the segment is no time")]
    Malformed,
}

impl ShmFault {
    /// For counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torn => "torn",
            Self::Malformed => "malformed",
        }
    }
}

/// Why a segment cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShmError {
    /// It belongs to another user.
    #[error(
        "not allowed to use the shared memory NTP{0}: another user made it; start utcd before \
         the program that writes there, or use a unit from 2 on"
    )]
    NotPermitted(u32),
    /// It is not as large as this one.
    #[error(
        "the shared memory NTP{0} is of another size than here: a 32-bit program made it; \
         remove it (ipcrm -M {key:#x})", key = KEY + .0
    )]
    OtherSize(u32),
    /// The kernel's own reason.
    #[error("the kernel refuses the shared memory NTP{unit}: {reason}")]
    Refused {
        /// The unit.
        unit: u32,
        /// Its reason.
        reason: Errno,
    },
}

/// A segment.
#[derive(Debug)]
pub struct NtpShm {
    unit: u32,
    /// By which the kernel knows it, and no other one as long as it is attached.
    id: libc::c_int,
    address: NonNull<[AtomicU32; WORDS]>,
}

impl NtpShm {
    /// Attaches the segment of a unit, and makes it, for this user alone, if there is none
    /// yet. It stays when this one is dropped.
    ///
    /// # Errors
    /// [`ShmError`].
    pub fn attach(unit: u32) -> Result<Self, ShmError> {
        let refused = |reason| match reason {
            Errno::EACCES | Errno::EPERM => ShmError::NotPermitted(unit),
            Errno::EINVAL => ShmError::OtherSize(unit),
            reason => ShmError::Refused { unit, reason },
        };
        let id = match get(unit, 0) {
            Err(Errno::ENOENT) => get(unit, libc::IPC_CREAT | 0o600),
            result => result,
        };
        let id = id.map_err(refused)?;
        // SAFETY: the kernel chooses an address that nothing else has, or fails.
        let address = unsafe { libc::shmat(id, std::ptr::null(), 0) };
        if address as isize == -1 {
            return Err(refused(Errno::last()));
        }
        NonNull::new(address.cast())
            .map(|address| Self { unit, id, address })
            .ok_or(ShmError::Refused { unit, reason: Errno::ENOMEM })
    }

    /// False once it was removed (`ipcrm`): a writer that begins after that has another one.
    #[must_use]
    pub fn is_current(&self) -> bool {
        get(self.unit, 0) == Ok(self.id)
    }

    fn words(&self) -> &[AtomicU32; WORDS] {
        // SAFETY: `attach` has mapped a segment of `BYTES` or more at a page's begin, for
        // reading and writing; it stays until this one is dropped. Any bits are an
        // `AtomicU32`, and those may change under a shared reference.
        unsafe { self.address.as_ref() }
    }

    /// Takes what a writer has left, or `None` if nothing is new.
    ///
    /// # Errors
    /// Why it is not used; it is gone then, too.
    pub fn take(&self) -> Result<Option<ShmSample>, ShmFault> {
        let shared = self.words();
        if shared[VALID].load(Ordering::Acquire) == 0 {
            return Ok(None);
        }
        let words: [u32; WORDS] = std::array::from_fn(|i| shared[i].load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let count = shared[COUNT].load(Ordering::Relaxed);
        shared[VALID].store(0, Ordering::Release);
        match words[MODE] {
            // Mode 1 counts before it writes, and again after.
            1 if words[COUNT] != count => Err(ShmFault::Torn),
            0 | 1 => sample(&words).map(Some).ok_or(ShmFault::Malformed),
            _ => Err(ShmFault::Malformed),
        }
    }
}

impl Drop for NtpShm {
    fn drop(&mut self) {
        // SAFETY: it is attached there, and nothing refers to it any more.
        unsafe { libc::shmdt(self.address.as_ptr().cast()) };
    }
}

fn get(unit: u32, flags: libc::c_int) -> nix::Result<libc::c_int> {
    let key = KEY.wrapping_add(unit).cast_signed();
    // SAFETY: shmget(2) takes no pointers.
    Errno::result(unsafe { libc::shmget(key, BYTES, flags) })
}

/// What the words of a segment say; `None` if that is no time.
#[must_use]
pub fn sample(words: &[u32; WORDS]) -> Option<ShmSample> {
    let time = |seconds: usize, micros: usize, nanos: usize| {
        let [a, b, c, d] = words[seconds].to_ne_bytes();
        let [e, f, g, h] = words[seconds + 1].to_ne_bytes();
        let seconds = i64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        let (micros, nanos) = (words[micros], words[nanos]);
        // Writers that know no nanoseconds leave something else there.
        let nanos = if nanos / 1000 == micros { nanos } else { micros.checked_mul(1000)? };
        let part = Duration::from_nanos(i64::from(nanos));
        let is_sound = part < Duration::SECOND && (-MOST_SECONDS..=MOST_SECONDS).contains(&seconds);
        is_sound.then(|| Timestamp::from_secs(seconds) + part)
    };
    Some(ShmSample {
        time: time(CLOCK_SECONDS, CLOCK_MICROS, CLOCK_NANOS)?,
        stamp: time(RECEIVE_SECONDS, RECEIVE_MICROS, RECEIVE_NANOS)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A segment as a writer leaves it, with 42 ns beyond the microseconds.
    fn written(mode: u32, count: u32) -> [u32; WORDS] {
        let mut words = [0; WORDS];
        (words[MODE], words[COUNT], words[VALID]) = (mode, count, 1);
        for (word, value) in [(CLOCK_SECONDS, 1_795_322_804_u64), (RECEIVE_SECONDS, 1_795_322_803)]
        {
            let bytes = value.to_ne_bytes();
            words[word] = u32::from_ne_bytes(bytes[..4].try_into().unwrap());
            words[word + 1] = u32::from_ne_bytes(bytes[4..].try_into().unwrap());
        }
        (words[RECEIVE_MICROS], words[RECEIVE_NANOS]) = (999_990, 999_990_042);
        words
    }

    /// The unit of a segment that no test and no program beside has.
    fn unit() -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(0x1000_0000);
        NEXT.fetch_add(1 << 22, Ordering::Relaxed) + std::process::id()
    }

    fn remove(unit: u32) {
        let id = get(unit, 0).unwrap();
        // SAFETY: IPC_RMID takes no structure.
        unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
    }

    #[test]
    fn what_another_program_writes_is_taken_once() {
        let unit = unit();
        let reader = NtpShm::attach(unit).unwrap();
        let writer = NtpShm::attach(unit).unwrap();
        remove(unit);
        assert_eq!(reader.take(), Ok(None));
        for mode in [0, 1] {
            for (shared, word) in writer.words().iter().zip(written(mode, 7)) {
                shared.store(word, Ordering::Relaxed);
            }
            let taken = reader.take().unwrap().unwrap();
            assert_eq!(taken.time, Timestamp::from_secs(1_795_322_804));
            assert_eq!(taken.time - taken.stamp, Duration::from_nanos(9_958));
            assert_eq!(reader.take(), Ok(None));
        }
        for (shared, word) in writer.words().iter().zip(written(2, 7)) {
            shared.store(word, Ordering::Relaxed);
        }
        assert_eq!(reader.take(), Err(ShmFault::Malformed));
    }

    #[test]
    fn a_segment_that_was_removed_is_current_no_more_whoever_makes_the_next() {
        let unit = unit();
        let old = NtpShm::attach(unit).unwrap();
        assert!(old.is_current());
        remove(unit);
        assert!(!old.is_current());
        let new = NtpShm::attach(unit).unwrap();
        assert!(new.is_current() && !old.is_current());
        remove(unit);
    }

    #[test]
    fn nanoseconds_that_do_not_fit_are_left_out() {
        let mut words = written(1, 0);
        words[RECEIVE_NANOS] = 5;
        let sample = sample(&words).unwrap();
        assert_eq!(sample.time - sample.stamp, Duration::from_nanos(10_000));
    }

    #[test]
    fn parts_of_a_second_that_are_none_are_refused() {
        for micros in [1_000_000, u32::MAX] {
            let mut words = written(1, 0);
            words[CLOCK_MICROS] = micros;
            assert_eq!(sample(&words), None);
        }
    }

    proptest! {
        #[test]
        fn any_words_are_a_time_or_none(words in any::<[u32; WORDS]>()) {
            let _ = sample(&words);
        }
    }
}
