//! The configuration: what is accepted, what is refused and how, and what is shipped.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of the tests may fail them too"
)]

use std::path::{Path, PathBuf};

use utcd::config::{
    ArbitraryTimescale, Clock, ClockMode, ClockType, Config, ConfigError, ControlSocket, Date,
    EMBEDDED, Problem, PtpTransport, reference_page, utc_date,
};

const TODAY: Date = Date { year: 2026, month: 11, day: 22 };

/// A valid beginning, to which a test adds what it is about.
const SOURCE: &str = "[[source.ntp]]\nserver = \"ntp.example\"\n";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn examples() -> Vec<PathBuf> {
    let directory = std::fs::read_dir(repository().join("docs/examples")).unwrap();
    let paths: Vec<PathBuf> = directory.map(|entry| entry.unwrap().path()).collect();
    assert!(paths.len() >= 3, "{paths:?}");
    paths
}

fn parse(text: &str) -> Config {
    Config::parse(text, "test.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn problems(text: &str) -> Vec<Problem> {
    match Config::parse(text, "test.toml") {
        Err(ConfigError::Invalid(problems)) => problems,
        other => panic!("{text}\nwas expected to be refused: {other:?}"),
    }
}

/// The one problem of a text, as line, column, and everything that is said.
fn problem(text: &str) -> (usize, usize, String) {
    match problems(text).as_slice() {
        [one] => (one.line, one.column, one.to_string()),
        several => panic!("{several:#?}"),
    }
}

#[test]
fn a_server_alone_is_enough_and_the_rest_has_defaults() {
    let config = parse(SOURCE);
    let [clock] = config.clocks.as_slice() else { panic!("{:?}", config.clocks) };
    assert_eq!((clock.name.as_str(), clock.clock_type), ("system", ClockType::System));
    assert_eq!(clock.mode, ClockMode::Discipline);
    assert_eq!((clock.step_threshold, clock.max_steps), (Some(1e-3), 3));
    assert_eq!(clock.panic_threshold, Some(Some(1000.0)));
    assert_eq!(clock.max_slew_rate, 500.0 * 1e-6);
    assert_eq!(clock.drift_file.as_deref(), Some(Path::new("/var/lib/utcd/system.drift")));
    let [source] = config.sources.ntp.as_slice() else { panic!("{:?}", config.sources) };
    assert_eq!((source.common.name.as_str(), source.host()), ("ntp.example", "ntp.example"));
    assert_eq!((source.port(), source.min_poll, source.max_poll, source.burst), (123, 6, 10, true));
    assert_eq!((source.common.clock.as_str(), source.common.select), ("system", true));
    assert!(config.serve.ntp.is_none());
    assert_eq!(config.metrics.listen, Some("127.0.0.1:9319".parse().unwrap()));
    assert_eq!(config.control.socket, ControlSocket::Path("/run/utcd/control.sock".into()));
    assert_eq!(config.control.mode, 0o666);
}

#[test]
fn the_embedded_default_measures_the_system_clock_and_steers_a_virtual_one() {
    let config = Config::embedded().unwrap();
    let [clock, system] = config.clocks.as_slice() else { panic!("{:?}", config.clocks) };
    assert_eq!((clock.clock_type, clock.mode), (ClockType::Virtual, ClockMode::Discipline));
    assert_eq!((clock.initial_offset, clock.initial_frequency), (10.0 * 1e-3, 20.0 * 1e-6));
    assert_eq!((system.clock_type, system.mode), (ClockType::System, ClockMode::Observe));
    assert!(config.clocks.iter().all(|clock| clock.drift_file.is_none()));
    let server = config.serve.ntp.as_ref().unwrap();
    assert_eq!((server.clock.as_str(), server.local_stratum), ("system", Some(10)));
    assert_eq!(server.listen, ["127.0.0.1:11123".parse().unwrap()]);
    let source = &config.sources.ntp[0];
    assert_eq!((source.host(), source.port()), ("127.0.0.1", 11123));
    assert_eq!(source.common.clock, "virtual");
    assert!(config.warnings(TODAY).is_empty());
}

#[test]
fn every_shipped_example_is_valid_and_without_warnings() {
    for path in examples() {
        let config = Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.warnings(TODAY), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn the_examples_say_what_their_names_promise() {
    let load = |name: &str| Config::load(&repository().join("docs/examples").join(name)).unwrap();
    let office = load("office.toml");
    let hosts: Vec<&str> = office.sources.ntp.iter().map(|source| source.host()).collect();
    assert_eq!(hosts, ["ntp1.nim.ac.cn", "ntp2.nim.ac.cn"]);
    for source in office.every_source() {
        assert_eq!(source.origin.as_ref().map(|origin| origin.clock.as_str()), Some("UTC(NIM)"));
    }
    let factory = load("factory.toml");
    let ptp = &factory.sources.ptp[0];
    assert_eq!((ptp.interface.as_str(), ptp.domain), ("eth0", 0));
    assert_eq!(ptp.transport, PtpTransport::Ethernet);
    assert_eq!(ptp.arbitrary_timescale, ArbitraryTimescale::Refuse);
    assert_eq!(factory.sources.ntp.len(), 1);
    let lab = load("lab.toml");
    assert!(lab.clocks.iter().all(|clock| clock.mode == ClockMode::Observe));
    assert!(
        lab.every_source()
            .filter(|s| s.origin.as_ref().is_some_and(|o| o.certificate.is_some()))
            .count()
            >= 2
    );
}

#[test]
fn the_effective_configuration_reads_back_as_itself() {
    let texts = examples().into_iter().map(|path| std::fs::read_to_string(path).unwrap());
    let texts = texts.chain([EMBEDDED, SOURCE].map(str::to_owned)).chain(std::iter::once(format!(
        "{SOURCE}\n[metrics]\nlisten = \"none\"\n[[source.ntp]]\npool = \"p.example\"\n"
    )));
    for text in texts {
        let config = parse(&text);
        let shown = config.to_string();
        assert_eq!(parse(&shown), config, "{shown}");
        let table = toml::to_string(&config).unwrap();
        assert_eq!(parse(&table), config, "{table}");
    }
}

#[test]
fn the_effective_configuration_has_defaults_units_and_meanings() {
    let shown = parse(SOURCE).to_string();
    let line = |start: &str| shown.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(line("step-threshold").starts_with("step-threshold = \"1 ms\""));
    assert!(line("step-threshold").contains("# A larger offset is stepped"));
    assert!(line("max-slew-rate").contains("\"500 ppm\""));
    assert!(shown.contains("\n[[source.ntp]]\n") && shown.contains("\n[leap-seconds]\n"));
    assert!(!shown.contains("[source]") && !shown.contains("[serve]"));
    let json = serde_json::to_value(parse(SOURCE)).unwrap();
    assert_eq!(json["clock"][0]["step-threshold"], "1 ms");
    let certificate = with("", "", "expires = 2027-08-16");
    let json = serde_json::to_value(parse(&certificate)).unwrap();
    assert_eq!(json["source"]["ntp"][0]["origin"]["expires"], "2027-08-16");
}

#[test]
fn an_unknown_key_is_shown_with_the_key_that_was_meant() {
    let text = "[[clock]]\nstep-treshold = \"1 ms\"\n[[source.ntp]]\nserver = \"ntp.example\"\n";
    let (line, column, shown) = problem(text);
    assert_eq!((line, column), (2, 1));
    assert_eq!(
        shown,
        "\
test.toml:2:1: there is no key \"step-treshold\" here
  |
2 | step-treshold = \"1 ms\"
  | ^^^^^^^^^^^^^
  = write step-threshold"
    );
}

#[test]
fn every_kind_of_wrong_value_is_refused_at_its_place_with_what_to_write() {
    for (key, column, expected) in [
        ("step-threshold = 1", 18, ["has no unit", "\"100 ms\""]),
        ("step-threshold = \"1 parsec\"", 18, ["\"1 parsec\" is no time", "units: d, h"]),
        ("step-threshold = \"-1 ms\"", 18, ["out of range", "above 0 s"]),
        ("step-threshold = \"nan s\"", 18, ["is no time", "100 ms"]),
        ("step-threshold = true", 18, ["a boolean does not belong", "\"100 ms\""]),
        ("max-slew-rate = \"1000 ppm\"", 17, ["out of range", "at most 500 ppm"]),
        ("max-slew-rate = \"0 ppm\"", 17, ["out of range", "at least 1 ppb"]),
        ("max-steps = -1", 13, ["out of range", "from 0 to"]),
        ("max-steps = \"3\"", 13, ["a string does not belong", "without quotes"]),
        ("max-steps = 99999999999999999999999", 13, ["out of range", "from 0 to"]),
        ("min-sources = 0", 15, ["out of range", "from 1 to"]),
        ("mode = \"observ\"", 8, ["\"discipline\", \"observe\"", "= write \"observe\""]),
        ("mode = 1", 8, ["an integer does not belong", "\"discipline\" or \"observe\""]),
        ("drift-file = \"drift\"", 14, ["relative path", "from /"]),
        ("name = \"a/b\"", 8, ["slashes", "\"hall-3\""]),
        ("name = \"\"", 8, ["it is empty", "\"hall-3\""]),
        ("max-steps = 3 s", 13, ["must be quoted", "in quotes"]),
        ("step-threshold = 5 ms", 18, ["must be quoted", "\"100 ms\""]),
    ] {
        let (line, at, shown) = problem(&format!("[[clock]]\n{key}\n{SOURCE}"));
        assert_eq!((line, at), (2, column), "{shown}");
        for part in expected {
            assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
        }
    }
}

#[test]
fn every_kind_of_wrong_section_is_refused_with_what_to_write() {
    for (text, expected) in [
        ("[clock]\n", "write [[clock]]"),
        ("[[metrics]]\n", "write [metrics]"),
        ("[source.ntp]\nserver = \"a\"\n", "write [[source.ntp]]"),
        ("[[source.ntp]]\nserver = \"http://a/\"\n", "scheme"),
        ("[[source.ntp]]\nserver = \"[::1]:123\"\n", "key port"),
        ("[[source.ntp]]\nserver = \"a b\"\n", "letters, digits"),
        ("[[source.ntp]]\nserver = \"a..b\"\n", "letters, digits"),
        ("[[source.ntp]]\nserver = \"a\"\nport = 0\n", "from 1 to 65535"),
        ("[[source.ntp]]\nserver = \"a\"\nmin-poll = 18\n", "from -3 to 17"),
        ("[[source.ntp]]\nserver = \"a\"\nburst = \"yes\"\n", "true or false"),
        ("[[source.ptp]]\n", "the key interface is missing"),
        ("[[source.ptp]]\ninterface = \"sixteen-bytes-xx\"\n", "15 bytes"),
        ("[[source.ptp]]\ninterface = \"eth0\"\ndomain = 128\n", "from 0 to 127"),
        ("[[source.ptp]]\ninterface = \"eth0\"\ntransport = \"ipv4\"\n", "\"udp-ipv4\""),
        ("[[source.ptp]]\ninterface = \"eth0\"\n[source.ptp.origin]\n", "clock is missing"),
        ("[serve.ntp]\nlisten = \"0.0.0.0:123\"\n", "square brackets"),
        ("[serve.ntp]\nlisten = []\n", "empty"),
        ("[serve.ntp]\nlisten = [\"[::]:1\", \"[::]:1\"]\n", "twice"),
        ("[serve.ntp]\nlisten = [\"*:123\"]\n", "\"[::]:123\""),
        ("[serve.ntp]\nlocal-stratum = 16\n", "from 1 to 15"),
        ("[metrics]\nlisten = \"localhost\"\n", "no IP address with a port"),
        ("[control]\nmode = 666\n", "\"0660\""),
        ("[control]\nmode = \"0999\"\n", "\"0660\""),
        ("[log]\nlevel = \"warning\"\n", "write \"error\" or \"warn\""),
        ("[record]\nmax-file-size = 16\n", "this size has no unit"),
        ("[record]\nmax-file-size = true\n", "a whole number and a unit in quotes"),
        ("[record]\nmax-file-size = \"16 MiB\"\n", "units: GB, MB, kB, B"),
        ("[record]\nmax-file-size = \"9 kB\"\n", "at least 10 kB"),
        ("[record]\nmax-file-age = \"0 s\"\n", "at least 1 s"),
        ("[record]\ndirectory = \"records\"\n", "from /"),
        ("[record]\nformat = \"parquet\"\n", "the keys here are directory, max-file-size"),
        ("[metrcs]\n", "write metrics"),
        ("[frobnicate]\n", "the keys here are clock, source"),
    ] {
        let (_, _, shown) = problem(text);
        assert!(shown.contains(expected), "{expected:?} is not in:\n{shown}");
    }
}

#[test]
fn a_control_socket_beyond_what_the_system_takes_is_refused() {
    let (_, _, shown) = problem(&format!("[control]\nsocket = \"/{}\"\n", "x".repeat(107)));
    assert!(shown.contains("107 bytes"), "{shown}");
}

/// A disciplined system clock on one server, with lines added to each section.
fn with(clock: &str, source: &str, origin: &str) -> String {
    let mut text = format!("[[clock]]\ntype = \"system\"\n{clock}\n{SOURCE}{source}\n");
    if !origin.is_empty() {
        text += &format!("[source.ntp.origin]\nclock = \"UTC(NIM)\"\n{origin}\n");
    }
    text
}

#[test]
fn contradictions_within_a_section_are_refused_at_their_key() {
    for (text, place, expected) in [
        (with("step-threshold = \"1000 s\"", "", ""), (3, 18), "not below panic-threshold"),
        (with("initial-offset = \"1 ms\"", "", ""), (3, 18), "type \"virtual\" only"),
        (with("initial-frequency = \"1 ppm\"", "", ""), (3, 21), "type \"virtual\" only"),
        (with("min-sources = 2", "", ""), (3, 15), "there are 1"),
        (with("", "pool = \"b\"", ""), (6, 8), "two addresses"),
        (with("", "count = 2", ""), (6, 9), "write pool instead of server"),
        (with("", "min-poll = 11", ""), (6, 12), "min-poll 11 is above max-poll 10"),
        (with("", "max-poll = 5", ""), (6, 12), "min-poll 6 is above max-poll 5"),
        (with("", "min-delay = \"3 s\"", ""), (6, 13), "not below max-delay"),
        (with("", "", "certificate = \"1\""), (9, 15), "certificate without an uncertainty"),
        (with("", "", "deviation = \"1 ns\""), (9, 13), "deviation without an uncertainty"),
        (with("", "", "coverage-factor = 0"), (9, 19), "a number above 0"),
        (with("", "", "coverage-factor = -1.5"), (9, 19), "a number above 0"),
        (with("", "", "coverage-factor = nan"), (9, 19), "a number above 0"),
        (with("", "", "uncertainty = \"0 s\""), (9, 15), "above 0 s"),
        (with("", "", "issued = 2027-01-02\nexpires = 2027-01-01"), (10, 11), "before 2027-01-02"),
        (with("", "", "issued = \"tomorrow\""), (9, 10), "2026-08-17"),
        (with("", "", "issued = 2026-08-17T10:00:00Z"), (9, 10), "2026-08-17"),
    ] {
        let (line, column, shown) = problem(&text);
        assert!(shown.contains(expected), "{expected:?} is not in:\n{shown}");
        assert_eq!((line, column), place, "{shown}");
    }
    let (line, _, shown) = problem("[[source.ntp]]\nport = 123\n");
    assert!(line == 1 && shown.contains("no address"), "{shown}");
}

#[test]
fn recordings_keep_room_for_what_is_new() {
    let text = |most: &str| {
        format!("{SOURCE}[record]\nmax-file-size = \"1 MB\"\nmax-total-size = \"{most}\"\n")
    };
    let record = parse(&text("2 MB")).record.unwrap();
    assert_eq!((record.max_file_size, record.max_total_size), (1_000_000, 2_000_000));
    let (line, column, shown) = problem(&text("1999 kB"));
    assert!((line, column) == (5, 18) && shown.contains("below twice max-file-size"), "{shown}");
    assert_eq!(parse(SOURCE).record, None);
}

#[test]
fn a_source_that_is_never_followed_cannot_be_preferred_trusted_or_required() {
    for key in ["prefer", "trust", "require"] {
        let text = "[[clock]]\nmode = \"observe\"\n".to_owned() + SOURCE + "select = false\n";
        let (line, _, shown) = problem(&format!("{text}{key} = true\n"));
        assert_eq!(line, 6, "{shown}");
        assert!(shown.contains("contradicts select = false"), "{shown}");
    }
}

#[test]
fn a_clock_that_is_disciplined_needs_a_source_that_may_be_followed() {
    for text in ["", "# nothing yet\n", "[log]\n"] {
        assert!(problem(text).2.contains("no source is there for it"));
    }
    let (line, _, shown) = problem("[[clock]]\nmode = \"discipline\"\n");
    assert!(line == 2 && shown.contains("write [[source.ntp]]"), "{shown}");
    let (line, _, _) = problem(&format!("[[clock]]\nname = \"a\"\n{SOURCE}select = false\n"));
    assert_eq!(line, 1);
    parse("[[clock]]\nmode = \"observe\"\n");
}

#[test]
fn every_server_of_a_pool_counts_as_a_source() {
    let text = |least: u32, pool: &str| {
        format!("[[clock]]\nmin-sources = {least}\n[[source.ntp]]\npool = \"p.example\"\n{pool}\n")
    };
    assert_eq!(parse(&text(4, "")).sources.ntp[0].count, Some(4));
    parse(&text(2, "count = 2"));
    assert!(problem(&text(5, "")).2.contains("there are 4"));
    assert!(problem(&text(3, "count = 2")).2.contains("there are 2"));
}

#[test]
fn names_refer_to_what_there_is_and_to_one_thing_only() {
    let (line, column, shown) = problem(&format!("{SOURCE}clock = \"sytem\"\n"));
    assert_eq!((line, column), (3, 9), "{shown}");
    assert!(shown.contains("= write \"system\""), "{shown}");
    let (line, _, shown) = problem(&format!("{SOURCE}[serve.ntp]\nclock = \"phc\"\n"));
    assert!(line == 4 && shown.contains("the clocks are system"), "{shown}");
    let (line, _, shown) = problem(&format!("{SOURCE}{SOURCE}"));
    assert!(line == 3 && shown.contains("two sources of the name \"ntp.example\""), "{shown}");
    let ptp = "[[source.ptp]]\ninterface = \"eth0\"\nname = \"ntp.example\"\n";
    let (line, column, shown) = problem(&format!("{ptp}{SOURCE}"));
    assert!((line, column) == (3, 8) && shown.contains("two sources"), "{shown}");
    let observed = "[[clock]]\nname = \"a\"\nmode = \"observe\"\n";
    let (line, column, shown) = problem(&format!("{observed}{observed}"));
    assert!((line, column) == (5, 8) && shown.contains("two clocks of the name \"a\""), "{shown}");
}

#[test]
fn an_interface_has_one_latency_for_each_speed() {
    let latency = |speed: &str| format!("[[interface.latency]]\n{speed}\ningress = \"320 ns\"\n");
    let eth0 = "[[source.ntp]]\nserver = \"x\"\n[[interface]]\nname = \"eth0\"\n".to_owned();
    let config = parse(&(eth0.clone() + &latency("speed = 1000") + &latency("")));
    let declared = &config.interfaces[0].latency;
    assert_eq!((declared[0].speed, declared[0].ingress), (Some(1000), 320e-9));
    assert_eq!((declared[1].speed, declared[1].egress), (None, 0.0));
    for (text, place, expected) in [
        (eth0.clone() + &latency("") + &latency(""), 8, "two latencies for this speed"),
        (
            eth0.clone() + &latency("speed = 100") + &latency("speed = 100"),
            9,
            "two latencies for this speed",
        ),
        (eth0.clone() + "[[interface]]\nname = \"eth0\"\n", 6, "is described twice"),
        (eth0.clone() + &latency("uncertainty = \"-1 ns\""), 6, "uncertainty"),
    ] {
        let (line, _, shown) = problem(&text);
        assert!(line == place && shown.contains(expected), "{line}: {shown}");
    }
}

#[test]
fn a_clock_has_one_owner_and_a_drift_file_of_its_own() {
    let clock = |name: &str, rest: &str| format!("[[clock]]\nname = \"{name}\"\n{rest}\n");
    let source = |name: &str, clock: &str| {
        format!("[[source.ntp]]\nserver = \"{name}\"\nclock = \"{clock}\"\n")
    };
    let sources = source("x", "a") + &source("y", "b");
    let twice = clock("a", "") + &clock("b", "mode = \"discipline\"") + &sources;
    let (line, _, shown) = problem(&twice);
    assert!(line == 6 && shown.contains("one owner only"), "{shown}");
    parse(&(clock("a", "") + &clock("b", "type = \"virtual\"") + &sources));
    let drift = "drift-file = \"/d\"";
    let shared = clock("a", drift) + &clock("b", &format!("type = \"virtual\"\n{drift}"));
    let (line, column, shown) = problem(&(shared + &sources));
    assert!((line, column) == (7, 14) && shown.contains("that of another clock"), "{shown}");
}

#[test]
fn all_problems_of_a_file_are_told_at_once_in_its_order() {
    let text = "[log]\nlevel = \"loud\"\n[[source.ntp]]\nserver = \"a\"\nport = 0\nprot = 1\n";
    let lines: Vec<usize> = problems(text).iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 5, 6]);
    let error = Config::parse(text, "test.toml").unwrap_err().to_string();
    assert_eq!(error.matches("test.toml:").count(), 3);
    let syntax = problems("a = \nb = 1 2\nb = 3\n");
    assert!(syntax.len() >= 2, "{syntax:#?}");
}

#[test]
fn a_certificate_that_does_not_hold_today_is_a_warning() {
    let days = "issued = 2026-08-17\nexpires = 2027-08-16";
    let text = with("", "", &format!("{days}\nuncertainty = \"1 ns\"\ncertificate = \"7\""));
    let config = parse(&text);
    let on = |year, month, day| config.warnings(Date { year, month, day });
    assert_eq!(on(2026, 8, 16), ["ntp.example: certificate 7 is valid only from 2026-08-17"]);
    assert_eq!(on(2026, 8, 17), Vec::<String>::new());
    assert_eq!(on(2027, 8, 16), Vec::<String>::new());
    assert_eq!(on(2027, 8, 17), ["ntp.example: certificate 7 expired on 2027-08-16"]);
}

#[test]
fn posix_time_falls_on_the_day_that_the_calendar_says() {
    for (seconds, day) in [
        (0, "1970-01-01"),
        (-1, "1969-12-31"),
        (86_399, "1970-01-01"),
        (951_782_400, "2000-02-29"),
        (951_868_800, "2000-03-01"),
        (1_735_603_200, "2024-12-31"),
        (1_795_305_600, "2026-11-22"),
        (4_107_542_400, "2100-03-01"),
        (253_402_300_799, "9999-12-31"),
    ] {
        assert_eq!(utc_date(seconds).unwrap().to_string(), day);
    }
    for seconds in [i64::MIN, i64::MAX, 253_402_300_800] {
        assert_eq!(utc_date(seconds), None);
    }
}

#[test]
fn asymmetry_and_deviation_correct_the_offset_with_the_signs_of_their_definitions() {
    // The way from the source takes 2 µs longer than the way to it, so that the clock
    // seems 1 µs fast; the source itself is 0.25 µs fast on UTC(k).
    let origin = "deviation = \"250 ns\"\nuncertainty = \"100 ns\"";
    let config = parse(&with("", "asymmetry = \"1 us\"", origin));
    let source = config.every_source().next().unwrap();
    assert!((source.correction() - -0.75e-6).abs() < 1e-15);
}

#[test]
fn the_control_socket_of_a_user_follows_the_xdg_specification() {
    let per_user = ControlSocket::PerUser;
    let path = |dir: Option<&str>| per_user.path(dir.map(AsRef::as_ref), 1000);
    assert_eq!(path(Some("/run/user/1000")), Path::new("/run/user/1000/utcd/control.sock"));
    assert_eq!(path(None), Path::new("/tmp/utcd-1000/control.sock"));
    assert_eq!(path(Some("relative")), Path::new("/tmp/utcd-1000/control.sock"));
    let fixed = ControlSocket::Path("/run/utcd/control.sock".into());
    assert_eq!(fixed.path(Some("/run/user/1".as_ref()), 1), Path::new("/run/utcd/control.sock"));
}

#[test]
fn the_default_of_a_section_is_what_an_empty_one_means() {
    let config = parse(&format!("[[clock]]\n{SOURCE}"));
    let drift_file = Some("/var/lib/utcd/system.drift".into());
    let (step_threshold, panic_threshold) = (Some(1e-3), Some(Some(1000.0)));
    let name = "system".into();
    let default = Clock { name, drift_file, step_threshold, panic_threshold, ..Clock::default() };
    assert_eq!(config.clocks, [default]);
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let directory = std::env::temp_dir().join(format!("utcd-config-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        std::fs::write(&path, bytes).unwrap();
        Config::load(&path).unwrap_err().to_string()
    };
    let latin = write("latin.toml", b"[log]\n# caf\xe9\nlevel = \"info\"\n");
    let huge = write("huge.toml", &vec![b'#'; (1 << 20) + 1]);
    let missing = Config::load(&directory.join("missing.toml")).unwrap_err().to_string();
    let folder = Config::load(&directory).unwrap_err().to_string();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(latin.contains("latin.toml:2:6: this is not UTF-8"), "{latin}");
    assert!(huge.contains("larger than 1 MiB"), "{huge}");
    assert!(missing.contains("missing.toml: cannot be read: No such file"), "{missing}");
    assert!(folder.contains("directory"), "{folder}");
}

#[test]
fn the_reference_page_is_that_of_the_schema() {
    let path = repository().join("docs/src/reference/configuration.md");
    if std::env::var_os("UTCD_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, reference_page()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page == reference_page(), "renew it: UTCD_WRITE_REFERENCE=1 cargo test --test config");
}

#[test]
fn the_configurations_in_the_reference_page_are_valid() {
    let page = reference_page();
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        parse(block.split("```").next().unwrap());
    }
}

/// Knuth's MMIX generator: the same damage in every run.
struct Damage(u64);

impl Damage {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    /// One change to a text: a byte, a piece cut out or doubled, or a telling token.
    fn change(&mut self, text: &mut Vec<u8>) {
        const TOKENS: [&str; 12] =
            ["\"", "[[", "]]", "=", "\n", "-", "1e999", "nan", "\"none\"", "é", "\u{0}", "'''"];
        let start = self.below(text.len() + 1);
        let end = (start + self.below(40)).min(text.len());
        match self.below(4) {
            0 => text.iter_mut().skip(start).take(1).for_each(|byte| *byte = self.below(256) as u8),
            1 => drop(text.drain(start..end)),
            2 => drop(text.splice(start..start, text[start..end].to_vec())),
            _ => drop(text.splice(start..start, TOKENS[self.below(TOKENS.len())].bytes())),
        }
    }
}

#[test]
fn damaged_files_are_read_or_refused_and_never_more() {
    let mut originals: Vec<Vec<u8>> =
        examples().into_iter().map(|path| std::fs::read(path).unwrap()).collect();
    originals.sort();
    originals.push(EMBEDDED.into());
    let mut damage = Damage(2026);
    let (mut read, mut refused) = (0, 0);
    for round in 0..20_000 {
        let mut text = originals[round % originals.len()].clone();
        for _ in 0..=damage.below(4) {
            damage.change(&mut text);
        }
        match Config::parse(&String::from_utf8_lossy(&text), "damaged.toml") {
            Ok(config) => {
                read += 1;
                if read % 8 == 0 {
                    assert_eq!(parse(&config.to_string()), config);
                }
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().starts_with("damaged.toml:"), "{error}");
            }
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} {refused}");
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = 100_000;
    for text in [
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}", "{a=".repeat(deep)),
        format!("{}a = 1", "a.".repeat(deep)),
        format!("[{}a]", "a.".repeat(deep)),
    ] {
        assert!(!problems(&text).is_empty());
    }
}

/// Two virtual clocks, `a` that follows a server, and `b`.
const TWO: &str = "\
[[clock]]
name = \"a\"
type = \"virtual\"
drift-file = \"none\"
[[clock]]
name = \"b\"
type = \"virtual\"
drift-file = \"none\"
[[source.ntp]]
server = \"ntp.example\"
clock = \"a\"
";

fn of(of: &str, clock: &str) -> String {
    format!("[[source.clock]]\nof = \"{of}\"\nclock = \"{clock}\"\n")
}

#[test]
fn a_clock_may_follow_another_clock_of_the_host() {
    let config = parse(&(TWO.to_owned() + &of("a", "b")));
    let [source] = config.sources.clock.as_slice() else { panic!("{:?}", config.sources) };
    assert_eq!((source.common.name.as_str(), source.of.as_str()), ("a-for-b", "a"));
    assert_eq!(source.interval, 1.0);
    assert_eq!(config.every_source().count(), 2);
}

#[test]
fn a_clock_that_would_follow_itself_is_refused_with_the_circle() {
    let (_, _, text) = problem(&(TWO.to_owned() + &of("a", "b") + &of("b", "a")));
    assert!(text.contains("clock \"b\" would follow itself: b ← a"), "{text}");
    let (_, _, text) = problem(&(TWO.to_owned() + &of("a", "b") + &of("b", "b")));
    assert!(text.contains("clock \"b\" would follow itself"), "{text}");
    let watched = of("b", "a") + "select = false\n";
    assert_eq!(parse(&(TWO.to_owned() + &of("a", "b") + &watched)).sources.clock.len(), 2);
}

#[test]
fn a_clock_to_follow_must_exist_and_is_compared_neither_too_often_nor_too_seldom() {
    let (_, _, text) = problem(&(TWO.to_owned() + &of("a", "b") + &of("aa", "b")));
    assert!(text.contains("no clock of the name \"aa\"") && text.contains("write \"a\""), "{text}");
    for interval in ["50 ms", "65 s"] {
        let text = TWO.to_owned() + &of("a", "b") + &format!("interval = \"{interval}\"\n");
        let (_, _, text) = problem(&text);
        assert!(text.contains("at least") || text.contains("at most"), "{text}");
    }
}

#[test]
fn a_phc_is_given_by_its_interface_or_its_device() {
    let phc = |keys: &str| format!("[[clock]]\ntype = \"phc\"\n{keys}{SOURCE}");
    let config = parse(&phc("interface = \"eth0\"\n"));
    let [clock] = config.clocks.as_slice() else { panic!("{:?}", config.clocks) };
    assert_eq!((clock.clock_type, clock.name.as_str()), (ClockType::Phc, "eth0"));
    assert_eq!((clock.step_threshold, clock.panic_threshold), (Some(20e-6), Some(None)));
    assert_eq!(parse(&phc("device = \"/dev/ptp1\"\n")).clocks[0].name, "ptp1");
    let panics = phc("device = \"/dev/ptp1\"\npanic-threshold = \"1 s\"\n");
    assert_eq!(parse(&panics).clocks[0].panic_threshold, Some(Some(1.0)));
    for (keys, complaint) in [
        ("", "which PTP hardware clock it is"),
        ("interface = \"eth0\"\ndevice = \"/dev/ptp0\"\n", "given twice"),
        ("interface = \"eth0\"\ntimescale = \"utc\"\n", "keeps PTP hardware clocks on TAI"),
    ] {
        let (_, _, text) = problem(&phc(keys));
        assert!(text.contains(complaint), "{text}");
    }
    let observed = "device = \"/dev/ptp_kvm\"\ntimescale = \"utc\"\nmode = \"observe\"\n";
    parse(&phc(observed));
}

#[test]
fn only_a_phc_has_a_device_and_only_one_owner() {
    for key in ["interface = \"eth0\"", "device = \"/dev/ptp0\"", "timescale = \"utc\""] {
        let (_, _, text) = problem(&format!("[[clock]]\n{key}\n{SOURCE}"));
        assert!(text.contains("type \"phc\" only"), "{text}");
    }
    let twice = "[[clock]]\nname = \"a\"\ntype = \"phc\"\ninterface = \"eth0\"\n\
                 [[clock]]\nname = \"b\"\ntype = \"phc\"\ninterface = \"eth0\"\n";
    let both = twice.to_owned() + SOURCE + "clock = \"a\"\n" + &of("a", "b");
    let (_, _, text) = problem(&both);
    assert!(text.contains("disciplined twice"), "{text}");
}

#[test]
fn programs_tell_the_time_by_a_socket_or_a_segment_of_their_own() {
    let sock = "[[source.sock]]\npath = \"/run/utcd/ttyS0.sock\"\n";
    let shm = "[[source.shm]]\nunit = 1\n";
    let config = parse(&format!("{sock}{shm}"));
    let names: Vec<_> = config.every_source().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["ttyS0.sock", "shm-1"]);
    assert!(config.every_source().all(|source| source.clock == "system"));
    let (_, _, text) = problem(&format!("{sock}{sock}name = \"b\"\n"));
    assert!(text.contains("this socket is that of another source"), "{text}");
    let (_, _, text) = problem(&format!("{shm}{shm}name = \"b\"\n"));
    assert!(text.contains("this unit is that of another source"), "{text}");
}

#[test]
fn pulses_are_put_out_by_a_phc_that_is_kept() {
    let base = "[[source.ntp]]\nserver = \"::1\"\nclock = \"nic\"\n[[clock]]\nname = \"nic\"\n\
         type = \"phc\"\ninterface = \"eth0\"\n[[clock]]\nname = \"other\"\ntype = \"phc\"\n\
         interface = \"eth1\"\nmode = \"observe\"\n[[clock]]\nname = \"soft\"\n\
         type = \"virtual\"\nmode = \"observe\"\n";
    let output = |keys: &str| format!("{base}[[output]]\n{keys}");
    let config = parse(&output("pin = 1\nadvance = \"150 ns\"\n[[output]]\nchannel = 1\n"));
    let names: Vec<_> = config.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["nic-output-0", "nic-output-1"]);
    for (keys, complaint) in [
        ("clock = \"soft\"\n", "clock \"soft\" puts out no pulses"),
        ("clock = \"other\"\n", "clock \"other\" is only observed"),
        ("[[output]]\nname = \"b\"\n", "this channel is that of another output"),
        ("name = \"b\"\n[[output]]\nname = \"b\"\nchannel = 1\n", "two outputs of the name"),
        ("pin = 2\n[[output]]\nchannel = 1\npin = 2\n", "this pin is that of another output"),
        ("pin = 2\n[[event]]\nclock = \"nic\"\nchannel = 0\npin = 2\n", "event or source"),
    ] {
        let (_, _, text) = problem(&output(keys));
        assert!(text.contains(complaint), "{keys}: {text}");
    }
}

#[test]
fn events_come_by_a_device_or_by_a_channel_that_is_theirs_alone() {
    let base = "[[source.ntp]]\nserver = \"::1\"\nclock = \"system\"\n[[clock]]\nname = \"system\"\n\
         [[clock]]\nname = \"nic\"\ntype = \"phc\"\ninterface = \"eth0\"\nmode = \"observe\"\n";
    let event = |keys: &str| format!("{base}[[event]]\n{keys}");
    let config = parse(&event("device = \"/dev/pps1\"\nedge = \"falling\"\n"));
    assert_eq!((&*config.events[0].name, &*config.events[0].clock), ("pps1", "system"));
    let config = parse(&event("clock = \"nic\"\nchannel = 2\npin = 0\n"));
    assert_eq!(config.events[0].name, "nic-channel-2");
    for (keys, complaint) in [
        ("", "where the pulses come from is not said"),
        ("channel = 0\n", "clock \"system\" has no channel"),
        ("clock = \"nick\"\nchannel = 0\n", "there is no clock of the name \"nick\""),
        ("device = \"/dev/pps0\"\nchannel = 0\nclock = \"nic\"\n", "the pulses come two ways"),
        ("device = \"/dev/pps0\"\npin = 0\n", "pin belongs to the channel"),
        ("device = \"/dev/pps0\"\nwidth = \"1 ms\"\n", "tells the edges that come by a device"),
        (
            "clock = \"nic\"\nchannel = 0\n[[event]]\nname = \"b\"\nclock = \"nic\"\nchannel = 0\n",
            "this channel is that of another event",
        ),
        (
            "device = \"/dev/pps0\"\n[[event]]\ndevice = \"/run/pps0\"\n",
            "there are two events of the name \"pps0\"",
        ),
        (
            "clock = \"nic\"\nchannel = 0\n[[source.pps]]\nclock = \"nic\"\nchannel = 0\n",
            "this channel is that of an [[event]], too",
        ),
    ] {
        let (_, _, text) = problem(&event(keys));
        assert!(text.contains(complaint), "{keys}: {text}");
    }
}

#[test]
fn pulses_come_by_a_device_or_by_a_channel_of_the_clock_that_is_compared() {
    let pps = |keys: &str| format!("{SOURCE}[[source.pps]]\n{keys}");
    let config = parse(&pps("device = \"/dev/pps0\"\ncable-delay = \"25 ns\"\n"));
    let [source] = config.sources.pps.as_slice() else { panic!("{:?}", config.sources) };
    assert_eq!((source.common.name.as_str(), source.cable_delay), ("pps0", 25.0 * 1e-9));
    assert_eq!(config.every_source().count(), 2);
    let (_, _, text) = problem(&pps(""));
    assert!(text.contains("where the pulses come from"), "{text}");
    let (_, _, text) = problem(&pps("device = \"/dev/pps0\"\npin = 1\n"));
    assert!(text.contains("pin belongs to the channel"), "{text}");
    let (_, _, text) = problem(&pps("channel = 0\n"));
    assert!(text.contains("clock \"system\" has no channel"), "{text}");
    let nic = "[[clock]]\nname = \"nic\"\ntype = \"phc\"\ninterface = \"eth0\"\n";
    let config = parse(&(nic.to_owned() + &pps("channel = 0\npin = 1\n")));
    assert_eq!(config.sources.pps[0].common.name, "nic-channel-0");
    for (keys, complaint) in [
        ("device = \"/dev/pps0\"\nwidth = \"100 ms\"\n", "tells the edges that come by a device"),
        ("channel = 0\nclock = \"nic\"\nwidth = \"500 ms\"\n", "cannot be told from the one"),
        ("channel = 0\nclock = \"nic\"\nwidth = \"0 s\"\n", "width"),
        ("channel = 0\nclock = \"nic\"\nwidth = \"1 s\"\n", "width"),
    ] {
        let (_, _, text) = problem(&(nic.to_owned() + &pps(keys)));
        assert!(text.contains(complaint), "{keys}: {text}");
    }
    let config = parse(&(nic.to_owned() + &pps("channel = 0\nwidth = \"100 ms\"\n")));
    assert_eq!(config.sources.pps[0].width, Some(0.1));
    let both = nic.to_owned() + &pps("channel = 0\ndevice = \"/dev/pps0\"\n");
    let (_, _, text) = problem(&both);
    assert!(text.contains("the pulses come two ways"), "{text}");
}

#[test]
fn pulses_alone_name_no_second() {
    let pps = "[[source.pps]]\ndevice = \"/dev/pps0\"\n";
    let (_, _, text) = problem(pps);
    assert!(text.contains("name no second") && text.contains("[[source.nmea]]"), "{text}");
    let nmea = "[[source.nmea]]\ndevice = \"/dev/ttyS0\"\n";
    let config = parse(&(pps.to_owned() + nmea));
    assert_eq!(config.sources.nmea[0].common.name, "ttyS0");
    assert_eq!((config.sources.nmea[0].speed, config.sources.nmea[0].delay), (9600, 0.1));
    let (_, _, text) = problem(&(nmea.to_owned() + "speed = 9601\n"));
    assert!(text.contains("no serial line has a speed of 9601"), "{text}");
}

#[test]
fn gpsd_is_asked_on_this_host_unless_told_otherwise() {
    let config = parse("[[source.gpsd]]\n");
    let [source] = config.sources.gpsd.as_slice() else { panic!("{:?}", config.sources) };
    assert_eq!((source.host.as_str(), source.port), ("127.0.0.1", 2947));
    assert_eq!(source.common.name, "gpsd");
    assert_eq!(config.every_source().count(), 1);
}

#[test]
fn ntp_may_travel_in_ptp_messages() {
    let config = parse("[[source.ntp]]\nserver = \"a\"\ntransport = \"ptp\"\n");
    assert_eq!(config.sources.ntp[0].port(), 319);
    let config = parse("[[source.ntp]]\nserver = \"a\"\ntransport = \"ptp\"\nport = 10319\n");
    assert_eq!(config.sources.ntp[0].port(), 10319);
    let (_, _, text) = problem("[[source.ntp]]\nserver = \"a\"\ntransport = \"ptpv2\"\n");
    assert!(text.contains("write \"udp\" or \"ptp\" or"), "{text}");
    let twice = "[[source.ntp]]\nserver = \"a\"\ntransport = \"ptp\"\n\
                 [[source.ntp]]\nname = \"b\"\nserver = \"a\"\ntransport = \"ptp-experimental\"\n";
    let (_, _, text) = problem(twice);
    assert!(text.contains("go to one source only"), "{text}");
    parse(&twice.replace("\"ptp-experimental\"", "\"udp\""));
}

#[test]
fn a_server_over_ptp_beside_a_ptp_source_names_its_address() {
    let both = |transport: &str, listen: &str| {
        format!(
            "{SOURCE}[[source.ptp]]\ninterface = \"eth0\"\ntransport = \"{transport}\"\n\
             [serve.ntp]\nptp-listen = [\"{listen}\"]\n"
        )
    };
    let (_, _, text) = problem(&both("udp-ipv4", "0.0.0.0:319"));
    assert!(text.contains("come by eth0 would go to the PTP source"), "{text}");
    assert!(text.contains("name the address of eth0"), "{text}");
    problem(&both("udp-ipv6", "[::]:319"));
    for (transport, listen) in [
        ("udp-ipv4", "192.0.2.1:319"),
        ("udp-ipv4", "[::]:319"),
        ("udp-ipv4", "0.0.0.0:10319"),
        ("ethernet", "0.0.0.0:319"),
    ] {
        parse(&both(transport, listen));
    }
    let none = parse(&format!("{SOURCE}[serve.ntp]\n"));
    assert_eq!(none.serve.ntp.unwrap().ptp_listen, None);
}
