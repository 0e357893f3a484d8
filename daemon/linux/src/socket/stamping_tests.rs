use super::*;
use clock_models::time::Duration;

fn nanos(n: i64) -> Duration {
    Duration::from_nanos(n)
}

#[test]
fn a_stamp_of_the_program_is_in_the_middle_and_as_uncertain_as_the_wait() {
    let stamp = user_space(Timestamp::EPOCH, Timestamp::from_epoch(nanos(1_000_000)));
    assert_eq!(stamp.at.since_epoch(), nanos(500_000));
    assert!((stamp.uncertainty - 289.4e-6).abs() < 0.1e-6);
    let at_once = user_space(Timestamp::EPOCH, Timestamp::EPOCH);
    assert!((at_once.uncertainty - USER_SPACE_UNCERTAINTY).abs() < 1e-12);
}

#[test]
fn a_virtual_clock_stamps_where_the_nic_has_the_clock_that_it_is_one_of() {
    let asked = Hardware::Virtual { clock: 5, of: 1 };
    assert_eq!(asked.on(Some(1)), asked);
    for other in [Some(2), Some(5), None] {
        assert_eq!(asked.on(other), Hardware::Wanted);
    }
    assert_eq!(Hardware::Unwanted.on(Some(1)), Hardware::Unwanted);
}

#[test]
fn the_older_option_gives_kernel_stamps_of_what_comes() {
    use crate::clock::{ATTEMPTS, Conversion, cross_read, raw_now};
    let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = receiver.local_addr().unwrap();
    let socket = Socket::from(receiver);
    assert_eq!(receive_only(&socket), StampedBy::Kernel);
    let mut conversion = Conversion::new(cross_read(ATTEMPTS));
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // The kernel starts to stamp in the background, when the first socket asks for it.
    for _ in 0..5000 {
        let before = raw_now();
        sender.send_to(b"late", to).unwrap();
        let message = super::super::message::receive(&socket, &mut [0; 8], 0).unwrap();
        let now = cross_read(ATTEMPTS);
        // None too if this test did not run for a second meanwhile.
        if let Some(stamp) = message.control.stamp.and_then(|s| conversion.convert(s, &now)) {
            let slack = Duration::from_seconds(3.0 * stamp.uncertainty).unwrap() + nanos(1000);
            assert!(before - slack <= stamp.at && stamp.at <= raw_now() + slack);
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("no kernel stamp in five thousand datagrams");
}
