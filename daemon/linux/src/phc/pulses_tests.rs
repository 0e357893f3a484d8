use std::io::Write as _;

use super::*;

const SECOND: Duration = Duration::SECOND;

fn nanos(n: i64) -> Duration {
    Duration::from_nanos(n)
}

fn output(period: i64, phase: i64, width: Option<i64>) -> PeriodicOutput {
    PeriodicOutput { period: nanos(period), phase: nanos(phase), width: width.map(nanos) }
}

/// An event as the kernel writes it.
fn event(sec: i64, nsec: u32, channel: u32, flags: u32) -> [u8; EVENT_SIZE] {
    let mut bytes = [0; EVENT_SIZE];
    bytes[..8].copy_from_slice(&sec.to_ne_bytes());
    bytes[8..12].copy_from_slice(&nsec.to_ne_bytes());
    bytes[16..20].copy_from_slice(&channel.to_ne_bytes());
    bytes[20..24].copy_from_slice(&flags.to_ne_bytes());
    bytes
}

#[test]
fn a_stamp_has_its_channel_and_its_time() {
    let stamp = ExternalStamp::parse(&event(1_795_000_037, 999_999_992, 3, 1)).unwrap();
    assert_eq!(stamp.channel, 3);
    assert_eq!(stamp.at, Timestamp::from_secs(1_795_000_037) + nanos(999_999_992));
}

#[test]
fn stamps_are_waited_for_until_they_are_wanted_no_more() {
    let (device, mut clock) =
        nix::unistd::pipe().map(|(r, w)| (r, std::fs::File::from(w))).unwrap();
    let (stop, stopped) = nix::unistd::pipe().map(|(r, w)| (w, r)).unwrap();
    let mut stamps = ExternalStamps { device };
    for second in [1, 2] {
        clock.write_all(&event(second, 0, 3, 1)).unwrap();
    }
    assert_eq!(stamps.wait(stopped.as_fd()), Ok(true));
    for second in [1, 2] {
        let at = Timestamp::from_secs(second);
        assert_eq!(stamps.take(), Ok(Some(ExternalStamp { channel: 3, at })));
    }
    assert_eq!(stamps.take(), Ok(None));
    drop(stop);
    assert_eq!(stamps.wait(stopped.as_fd()), Ok(false));
}

#[test]
fn an_event_that_tells_a_difference_is_no_stamp() {
    assert_eq!(ExternalStamp::parse(&event(0, 12, 0, EVENT_OFFSET)), None);
}

#[test]
fn edges_are_asked_for_by_their_flags() {
    for (edges, flags) in [(Edges::Rising, 0b1011), (Edges::Falling, 0b1101), (Edges::Both, 0b1111)]
    {
        let request = external_request(2, edges, EXTERNAL_STRICT);
        assert_eq!((request.index, request.flags), (2, flags));
        assert_eq!(external_request(2, edges, 0).flags, flags & 0b0111);
    }
}

#[test]
fn a_pin_tells_its_name_and_function() {
    let mut description = describe(1, PinFunction::PeriodicOutput { channel: 4 });
    description.name[..4].copy_from_slice(b"SDP1");
    let function = PinFunction::PeriodicOutput { channel: 4 };
    assert_eq!(Pin::parse(&description), Pin { index: 1, name: "SDP1".to_owned(), function });
    description.function = 3;
    assert_eq!(Pin::parse(&description).function, PinFunction::Other);
    description.name = [0xff; 64];
    assert!(!Pin::parse(&description).name.is_empty());
}

#[test]
fn a_pulse_per_second_is_asked_for_by_phase_and_width() {
    let request = phased(1, &output(1_000_000_000, 250, Some(100_000_000))).unwrap();
    assert_eq!(request.start, ClockTime { sec: 0, nsec: 250, reserved: 0 });
    assert_eq!(request.period, ClockTime { sec: 1, nsec: 0, reserved: 0 });
    assert_eq!(request.on, ClockTime { sec: 0, nsec: 100_000_000, reserved: 0 });
    assert_eq!((request.index, request.flags), (1, OUTPUT_PHASE | OUTPUT_DUTY_CYCLE));
}

#[test]
fn without_a_width_the_kernel_is_told_none() {
    let request = phased(0, &output(1_000_000_000, 0, None)).unwrap();
    assert_eq!((request.flags, request.on), (OUTPUT_PHASE, ClockTime::default()));
}

#[test]
fn an_output_that_cannot_be_is_refused() {
    for impossible in [
        output(0, 0, None),
        output(-1, 0, None),
        output(1000, 1000, None),
        output(1000, -1, None),
        output(1000, 0, Some(1000)),
        output(1000, 0, Some(0)),
    ] {
        assert_eq!(phased(0, &impossible), None, "{impossible:?}");
    }
}

#[test]
fn an_output_with_a_start_begins_at_its_phase_half_a_second_off_at_least() {
    let now = Timestamp::from_secs(100);
    for (phase, first) in [(0, 101_000), (499, 101_499), (501, 100_501)] {
        let request = started(0, &output(1_000_000_000, phase * 1_000_000, None), now).unwrap();
        assert_eq!(request.start.since_epoch(), nanos(first * 1_000_000), "{phase}");
        assert_eq!(request.flags, 0);
    }
    let slow = started(0, &output(10_000_000_000, 0, Some(5)), now + nanos(1)).unwrap();
    assert_eq!(slow.start.since_epoch(), SECOND * 110);
    assert_eq!(slow.flags, OUTPUT_DUTY_CYCLE);
}

#[test]
fn a_channel_that_is_not_there_says_how_many_are() {
    let error = within("pin", 4, 4).unwrap_err().to_string();
    assert!(error.contains("no pin 4: the PTP hardware clock has 4, numbered from 0"), "{error}");
    assert_eq!(within("pin", 3, 4), Ok(()));
}

#[test]
fn what_an_older_kernel_or_a_plain_driver_does_not_know_is_asked_otherwise() {
    assert_eq!(accepted(Ok(())), Ok(true));
    for unknown in [Errno::ENOTTY, Errno::EINVAL, Errno::EOPNOTSUPP] {
        assert_eq!(accepted(Err(unknown)), Ok(false));
    }
    assert_eq!(accepted(Err(Errno::EBUSY)), Err(PhcError::Busy { what: OUTPUT }));
}
