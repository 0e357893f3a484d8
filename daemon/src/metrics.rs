//! The metrics for Prometheus, made from one snapshot.
//!
//! A value that is not known is absent, never 0: an offset of 0 is a claim. The names and
//! meanings are also in `docs/src/reference/metrics.md`.

use std::collections::BTreeMap;

use prometheus::TextEncoder;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use crate::connections::{SharedCounts, Trouble};
use crate::status::{
    ClockState, ClockStatus, EventStatus, OutputStatus, SelectionState, SourceStatus, Status,
};

/// Of the text.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Name, help, and where the value comes from.
type Row<T, V> = (&'static str, &'static str, fn(&T) -> V);

const CLOCK_GAUGES: &[Row<ClockStatus, Option<f64>>] = &[
    ("utcd_clock_offset_seconds", "Clock less UTC, positive when the clock is fast.", |clock| {
        clock.offset
    }),
    (
        "utcd_clock_uncertainty_seconds",
        "Expanded uncertainty U of the clock's offset, k = 2.",
        |clock| clock.uncertainty,
    ),
    ("utcd_clock_bound_seconds", "Hard bound of the error of the clock's offset.", |clock| {
        clock.bound
    }),
    (
        "utcd_clock_frequency_ratio",
        "Frequency of the clock's oscillator against UTC less 1, positive when it is fast.",
        |clock| clock.frequency,
    ),
    (
        "utcd_clock_frequency_standard_uncertainty_ratio",
        "Standard uncertainty of the clock's frequency, k = 1.",
        |clock| clock.frequency_uncertainty,
    ),
    (
        "utcd_clock_traceable",
        "1 if an unbroken, valid chain leads from the clock to a declared origin, else 0.",
        |clock| Some(f64::from(u8::from(clock.traceable))),
    ),
    ("utcd_clock_chain_links", "Links of the clock's traceability chain.", |clock| {
        Some(clock.chain.len() as f64)
    }),
    (
        "utcd_clock_steerable",
        "1 if the clock does what it is told, 0 if the kernel refuses that.",
        |clock| clock.disciplined.then(|| f64::from(u8::from(clock.refusal.is_none()))),
    ),
    (
        "utcd_clock_holdover_seconds",
        "Time the clock has been in holdover, 0 when it is not.",
        |clock| Some(clock.holdover),
    ),
    ("utcd_clock_tai_offset_seconds", "TAI less UTC in force at the clock.", |clock| {
        Some(clock.tai_offset as f64)
    }),
    (
        "utcd_clock_max_frequency_ratio",
        "How far the frequency of a clock in hardware can be set to either side.",
        |clock| clock.max_frequency,
    ),
    (
        "utcd_clock_frequency_limited",
        "1 while the clock would have to run at a frequency beyond its range, else 0.",
        |clock| {
            clock.max_frequency.map(|_| f64::from(u8::from(clock.impossible_frequency.is_some())))
        },
    ),
    (
        "utcd_clock_stratum",
        "Stratum at which the clock is served, 16 when unsynchronised.",
        |clock| Some(f64::from(clock.stratum)),
    ),
    (
        "utcd_clock_root_delay_seconds",
        "Round-trip delay from the clock to its primary reference (RFC 5905).",
        |clock| Some(clock.root_delay),
    ),
    (
        "utcd_clock_root_dispersion_seconds",
        "Error of the clock against its primary reference besides half the root delay (RFC 5905).",
        |clock| Some(clock.root_dispersion),
    ),
];

const CLOCK_COUNTERS: &[Row<ClockStatus, u64>] = &[
    ("utcd_clock_steps_total", "Steps made of the clock.", |clock| clock.steps),
    (
        "utcd_clock_interference_total",
        "How often another program was seen to change the clock.",
        |clock| clock.interference,
    ),
];

const SOURCE_GAUGES: &[Row<SourceStatus, Option<f64>>] = &[
    (
        "utcd_source_offset_seconds",
        "The compared clock less the source, positive when the clock is fast.",
        |source| source.offset,
    ),
    (
        "utcd_source_uncertainty_seconds",
        "Expanded uncertainty U of the source's offset, k = 2.",
        |source| source.uncertainty,
    ),
    ("utcd_source_bound_seconds", "Hard bound of the error of the source's offset.", |source| {
        source.bound
    }),
    (
        "utcd_source_delay_seconds",
        "Round-trip delay (NTP), or twice the mean path delay (PTP).",
        |source| source.delay,
    ),
    (
        "utcd_source_delay_floor_seconds",
        "Floor of the round-trip delay, as the estimator found it.",
        |source| source.delay_floor,
    ),
    (
        "utcd_source_jitter_seconds",
        "Standard deviation of the offset that one exchange shows by itself, as found.",
        |source| source.jitter,
    ),
    (
        "utcd_source_wander_ratio",
        "Random walk of the frequency of the clock's oscillator in one second, as the estimator \
         found it by the source.",
        |source| source.wander,
    ),
    (
        "utcd_source_host_latency_seconds",
        "Receive time stamp of the kernel less that of the network interface, of one packet.",
        |source| source.host_latency,
    ),
    (
        "utcd_source_reachability_ratio",
        "Part of the last eight polls that the source answered.",
        |source| Some(f64::from(source.reach.count_ones()) / 8.0),
    ),
    ("utcd_source_poll_interval_seconds", "Time between exchanges with the source.", |source| {
        Some(source.poll_interval)
    }),
    ("utcd_source_age_seconds", "Time since the last good comparison with the source.", |source| {
        source.age
    }),
    ("utcd_source_stratum", "Stratum of the source (NTP), or stepsRemoved + 1 (PTP).", |source| {
        source.stratum.map(f64::from)
    }),
];

/// The whole page.
///
/// `servers` are the daemon's own servers whose connections are counted, each with the
/// value of its label.
///
/// # Errors
/// Only if the encoder fails, which no snapshot should make it do.
pub fn text(
    status: &Status,
    servers: &[(&'static str, SharedCounts)],
) -> Result<String, prometheus::Error> {
    let mut page = Page::default();
    page.gauge(
        "utcd_build_info",
        "1, with the version of the daemon.",
        [(vec![("version", status.version.as_str())], Some(1.0))],
    );
    page.clocks(&status.clocks);
    page.sources(&status.sources);
    page.events(&status.events);
    page.outputs(&status.outputs);
    page.suspends(status);
    page.leap_table(status);
    page.ntp_server(status);
    page.recorder(status);
    page.servers(servers);
    TextEncoder::new().encode_to_string(&page.0)
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

#[derive(Default)]
struct Page(Vec<MetricFamily>);

impl Page {
    fn clocks(&mut self, clocks: &[ClockStatus]) {
        for (name, help, value) in CLOCK_GAUGES {
            let samples = clocks.iter().map(|clock| (of_clock(clock), value(clock)));
            self.gauge(name, help, samples);
        }
        let states = clocks.iter().flat_map(|clock| {
            ClockState::ALL.map(|state| {
                let labels = vec![("clock", clock.name.as_str()), ("state", state.name())];
                (labels, Some(f64::from(u8::from(clock.state == state))))
            })
        });
        self.gauge("utcd_clock_state", "1 for the state the clock is in, else 0.", states);
        for (name, help, value) in CLOCK_COUNTERS {
            self.counter(name, help, clocks.iter().map(|clock| (of_clock(clock), value(clock))));
        }
    }

    fn sources(&mut self, sources: &[SourceStatus]) {
        for (name, help, value) in SOURCE_GAUGES {
            let samples = sources.iter().map(|source| (of_source(source), value(source)));
            self.gauge(name, help, samples);
        }
        let states = sources.iter().flat_map(|source| {
            SelectionState::ALL.map(|state| {
                let labels = vec![("source", source.name.as_str()), ("state", state.name())];
                (labels, Some(f64::from(u8::from(source.state == state))))
            })
        });
        self.gauge("utcd_source_state", "1 for what selection made of the source, else 0.", states);
        self.counter(
            "utcd_source_accepted_total",
            "Comparisons with the source that were accepted.",
            sources.iter().map(|source| (of_source(source), source.accepted)),
        );
        let rejected = sources.iter().flat_map(|source| {
            source.rejected.iter().map(|(reason, &count)| {
                (vec![("source", source.name.as_str()), ("reason", reason.as_str())], count)
            })
        });
        self.counter(
            "utcd_source_rejected_total",
            "Packets and exchanges with the source that were refused, by reason.",
            rejected,
        );
    }

    fn events(&mut self, events: &[EventStatus]) {
        fn of(event: &EventStatus) -> Labels<'_> {
            vec![("event", &event.name)]
        }
        self.gauge(
            "utcd_event_uncertainty_seconds",
            "Expanded uncertainty U of the time of the last event of the input, k = 2.",
            events.iter().map(|event| (of(event), event.uncertainty)),
        );
        self.gauge(
            "utcd_event_input_up",
            "1 if the input is listened to, 0 if its device cannot be had.",
            events
                .iter()
                .map(|event| (of(event), Some(f64::from(u8::from(event.fault.is_none()))))),
        );
        self.counter(
            "utcd_event_stamped_total",
            "External events stamped.",
            events.iter().map(|event| (of(event), event.stamped)),
        );
        self.counter(
            "utcd_event_without_time_total",
            "External events stamped while the clock could not tell the time.",
            events.iter().map(|event| (of(event), event.without_time)),
        );
        self.counter(
            "utcd_event_trailing_edges_total",
            "Edges that ended a pulse, and are no events.",
            events.iter().map(|event| (of(event), event.trailing_edges)),
        );
        let lost = events.iter().flat_map(|event| {
            event.lost.iter().map(|(reason, &count)| {
                (vec![("event", event.name.as_str()), ("reason", reason.as_str())], count)
            })
        });
        self.counter(
            "utcd_event_lost_total",
            "Edges of the input that were lost, by reason.",
            lost,
        );
    }

    fn outputs(&mut self, outputs: &[OutputStatus]) {
        fn of(output: &OutputStatus) -> Labels<'_> {
            vec![("output", &output.name)]
        }
        self.gauge(
            "utcd_output_on",
            "1 while the output has pulses, else 0.",
            outputs.iter().map(|output| (of(output), Some(f64::from(u8::from(output.on))))),
        );
        self.counter(
            "utcd_output_programmed_total",
            "How often the clock was programmed for the pulses of the output.",
            outputs.iter().map(|output| (of(output), output.programmed)),
        );
    }

    fn suspends(&mut self, status: &Status) {
        let suspends = status.suspends;
        self.counter(
            "utcd_suspends_total",
            "How often the host was suspended since utcd started.",
            [(vec![], suspends.count)],
        );
        self.family(
            "utcd_suspended_seconds_total",
            "For how long the host was suspended since utcd started.",
            MetricType::COUNTER,
            std::iter::once((vec![], suspends.seconds)),
        );
    }

    fn leap_table(&mut self, status: &Status) {
        let leap = &status.leap;
        // A snapshot from before the table was read has no expiry either.
        let expires = Some(leap.expires).filter(|_| !leap.table.is_empty());
        self.gauge(
            "utcd_leap_table_expiry_timestamp_seconds",
            "Unix time at which the leap-second table expires.",
            [(vec![], expires)],
        );
        self.gauge(
            "utcd_leap_next_timestamp_seconds",
            "Unix time of the midnight of the next announced leap second.",
            [(vec![], leap.next)],
        );
    }

    fn ntp_server(&mut self, status: &Status) {
        let Some(server) = &status.ntp_server else { return };
        self.counter(
            "utcd_ntp_server_answered_total",
            "NTP requests answered.",
            [(vec![], server.answered)],
        );
        self.counter(
            "utcd_ntp_server_dropped_total",
            "NTP packets not answered, by reason.",
            server
                .dropped
                .iter()
                .map(|(reason, &count)| (vec![("reason", reason.as_str())], count)),
        );
        self.counter(
            "utcd_ntp_server_stamp_faults_total",
            "Transmit stamps of NTP answers that did not come as they should, by reason.",
            server
                .stamp_faults
                .iter()
                .map(|(reason, &count)| (vec![("reason", reason.as_str())], count)),
        );
    }

    fn recorder(&mut self, status: &Status) {
        let Some(recorder) = &status.recorder else { return };
        for (name, help, count) in [
            ("utcd_recorder_rows_total", "Rows recorded.", recorder.rows),
            (
                "utcd_recorder_dropped_total",
                "Rows not recorded: the disk refused them, or was too slow.",
                recorder.dropped,
            ),
            ("utcd_recorder_errors_total", "How often the disk refused.", recorder.errors),
        ] {
            self.counter(name, help, [(vec![], count)]);
        }
    }

    fn servers(&mut self, servers: &[(&'static str, SharedCounts)]) {
        self.counter(
            "utcd_server_connections_total",
            "Connections that a local server took on.",
            servers.iter().map(|(server, counts)| (vec![("server", *server)], counts.accepted())),
        );
        let broken = servers.iter().flat_map(|(server, counts)| {
            Trouble::ALL.map(|trouble| {
                (vec![("server", *server), ("reason", trouble.name())], counts.of(trouble))
            })
        });
        self.counter(
            "utcd_server_refused_total",
            "Connections that a local server refused or broke off, by reason.",
            broken,
        );
    }

    fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, Option<f64>)>,
    ) {
        let known = |(labels, value): (Labels<'a>, Option<f64>)| {
            Some((labels, value.filter(|value| value.is_finite())?))
        };
        self.family(name, help, MetricType::GAUGE, samples.into_iter().filter_map(known));
    }

    fn counter<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, u64)>,
    ) {
        let samples = samples.into_iter().map(|(labels, count)| (labels, count as f64));
        self.family(name, help, MetricType::COUNTER, samples);
    }

    fn family<'a>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        samples: impl Iterator<Item = (Labels<'a>, f64)>,
    ) {
        // Prometheus throws a whole page away for one sample that occurs twice.
        let unique: BTreeMap<_, _> = samples.collect();
        if unique.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        let metrics = unique.into_iter().map(|(labels, value)| metric(kind, &labels, value));
        family.set_metric(metrics.collect());
        self.0.push(family);
    }
}

fn of_clock(clock: &ClockStatus) -> Labels<'_> {
    vec![("clock", &clock.name)]
}

fn of_source(source: &SourceStatus) -> Labels<'_> {
    vec![("source", &source.name)]
}

fn metric(kind: MetricType, labels: &Labels<'_>, value: f64) -> Metric {
    let pairs = labels.iter().map(|&(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    });
    let mut metric = Metric::from_label(pairs.collect());
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}
