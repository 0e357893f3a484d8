//! Any bytes get an answer that is no longer than they are, or a named drop.
#![no_main]

use clock_models::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use ntp::server::{self, ServerState};

fuzz_target!(|bytes: &[u8]| {
    let now = Timestamp::from_secs(1_795_322_804);
    let state = ServerState { precision: -24, synchronised: None };
    match server::respond(bytes, now, &state) {
        Ok(response) => {
            let answer = response.finish(now);
            assert!(answer.len() <= bytes.len());
            assert_eq!(answer[24..32], bytes[40..48]);
        }
        Err(dropped) => assert!(!dropped.name().is_empty()),
    }
});
