//! Any bytes are a recording or an error that can be shown; a recording that is written
//! again reads as the same text.
#![no_main]

use clock_models::recording::{Replay, csv};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match csv::parse(bytes) {
        Ok(recording) => {
            let text = |rows: &[_]| rows.iter().map(csv::line).collect::<String>();
            let shown = text(&recording.rows);
            let again = csv::parse((csv::head(&recording.header) + &shown).as_bytes());
            assert_eq!(text(&again.expect("what is written can be read").rows), shown);
            let mut replay = Replay::default();
            for row in &recording.rows {
                let _ = replay.take(row);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
