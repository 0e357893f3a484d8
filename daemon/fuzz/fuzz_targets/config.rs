//! Any text is a configuration or a list of problems that can be shown; a configuration
//! reads back from its own display as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use utcd::config::Config;

fuzz_target!(|text: &str| {
    match Config::parse(text, "fuzz.toml") {
        Ok(config) => {
            let shown = config.to_string();
            let again = Config::parse(&shown, "shown").expect("what is shown can be read");
            assert_eq!(again, config, "{shown}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
