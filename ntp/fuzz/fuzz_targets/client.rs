//! A client that is fed any packets, whose origin may be the right one, accounts for
//! each of them.
//!
//! The input is a row of packets: a byte of choices, a byte of length, and the packet.
#![no_main]

use std::sync::LazyLock;

use clock_models::comparison::{Stamp, StampedBy};
use clock_models::time::{Duration, LeapTable, Timestamp};
use libfuzzer_sys::fuzz_target;
use ntp::client::{Client, ClientConfig};

static LEAP: LazyLock<LeapTable> = LazyLock::new(LeapTable::built_in);

fuzz_target!(|input: &[u8]| {
    let start = Timestamp::from_secs(1_795_322_804);
    let mut now = Timestamp::EPOCH;
    let mut client = Client::new(ClientConfig::default(), now).expect("the default is good");
    let (mut rest, mut packets, mut nonce, mut token) = (input, 0, 0_u64, None);
    while let [choices, length, tail @ ..] = rest {
        let (packet, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        let stamp = |at| Stamp { at, uncertainty: 1e-6, by: StampedBy::Kernel };
        if choices & 1 == 1
            && let Some(at) = client.poll_timeout()
        {
            now = at.max(now);
            if let Some(request) = client.handle_timeout(now, [nonce + 1, nonce]).request {
                nonce += 1;
                token = Some(request.token);
            }
        }
        if choices & 2 == 2
            && let Some(token) = token.take()
        {
            let _ = client.handle_transmitted(token, stamp(now));
        }
        let mut packet = packet.to_vec();
        if choices & 4 == 4
            && let Some(origin) = packet.get_mut(24..32)
        {
            origin.copy_from_slice(&nonce.to_be_bytes());
        }
        now += Duration::from_nanos(1_000_000);
        let near = start + now.since_epoch();
        let _ = client.handle_response(&packet, stamp(now), near, &LEAP);
        packets += 1;
    }
    let rejected: u64 = client.rejected().values().sum();
    let no_answer = client.rejected().get("no-answer").unwrap_or(&0);
    // One answer may still wait for its transmit time stamp.
    assert!(packets - (client.accepted() + rejected - no_answer) <= 1);
});
