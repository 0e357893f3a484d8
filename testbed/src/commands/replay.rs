//! `testbed replay`: recordings through the estimators and the selection once more.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use clock_models::estimator::Estimate;
use clock_models::recording::Believed;
use clock_models::units::{Time, parse_ratio, parse_time};
use serde_json::{Value, json};
use testbed::recording;
use testbed::recording::kept::{Kept, Round};
use testbed::recording::replay::{Comparand, Outcome as Replayed, Settings, Summary, replay};
use testbed::report::series::section;
use testbed::series::Series;

use super::Outcome;
use super::report::ReportArguments;

/// Run estimators and selection over recordings and compare with what was recorded.
///
/// Exits with 1 if something differs although nothing was changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  testbed replay /var/lib/utcd/record/*.csv
  testbed replay week.parquet --from '1 d' --to '2 d' --csv > day.csv
  testbed replay week.parquet --prior none --without ntp2.nim.ac.cn")]
pub(crate) struct Arguments {
    /// Recordings, oldest first.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Leave out comparisons earlier than this after the first row, such as "90 min".
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<f64>,
    /// Leave out comparisons later than this after the first row.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<f64>,
    /// Leave out a source; may be given again.
    #[arg(long, value_name = "SOURCE")]
    without: Vec<String>,
    /// Start every estimator with this frequency of the reference against the oscillator and
    /// its standard deviation, such as "-12 ppm,0.1 ppm", or with none.
    #[arg(long, value_name = "FREQUENCY", value_parser = parse_prior, allow_hyphen_values = true)]
    prior: Option<Prior>,
    /// Print every estimate as CSV.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    report: ReportArguments,
}

#[derive(Debug, Clone, Copy)]
struct Prior(Option<(f64, f64)>);

fn parse_prior(text: &str) -> Result<Prior, String> {
    if text == "none" {
        return Ok(Prior(None));
    }
    let (frequency, deviation) =
        text.split_once(',').ok_or("write a frequency, a comma and its standard deviation")?;
    let ratio = |text: &str| parse_ratio(text.trim()).map_err(|error| error.to_string());
    let (frequency, deviation) = (ratio(frequency)?, ratio(deviation)?);
    if deviation <= 0.0 {
        return Err("the standard deviation must be above 0".to_owned());
    }
    Ok(Prior(Some((frequency, deviation))))
}

/// False if the recording is not reproduced with the settings of the daemon.
pub(crate) fn execute(arguments: Arguments) -> Outcome {
    let Arguments { files, from, to, without, prior, csv, json, report } = arguments;
    let recording = recording::read_all(&files)?;
    let settings = Settings { prior: prior.map(|Prior(prior)| prior), from, to, without };
    let is_source = |name: &String| recording.rows.iter().any(|r| r.event.source() == Some(name));
    if let Some(name) = settings.without.iter().find(|name| !is_source(name)) {
        return Err(format!("--without {name}: the recording has no source of that name").into());
    }
    let summary = replay(&recording.rows, &settings);
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", to_json(&summary))?;
    } else if csv {
        write_csv(&mut out, &summary)?;
    } else {
        write_table(&mut out, &summary)?;
    }
    for remark in recording.remarks.iter().chain(&summary.remarks) {
        writeln!(io::stderr(), "testbed: {remark}")?;
    }
    if report.wanted() {
        let replayed = summary.sources.iter().map(Replayed::series);
        let kept = summary.clocks.iter().map(Kept::series);
        let shown: Vec<Series> =
            recording::of_rows(&recording.rows).into_iter().chain(replayed).chain(kept).collect();
        let sections = shown.iter().map(|series| section(series, None)).collect();
        report.write("Replay", Vec::new(), sections)?;
    }
    Ok(settings.change() || summary.is_reproduced())
}

fn write_table(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    for source in &summary.sources {
        write_source(out, source)?;
    }
    if summary.sources.is_empty() {
        writeln!(out, "no comparisons in this range")?;
    }
    summary.clocks.iter().try_for_each(|clock| write_clock(out, clock))
}

fn write_source(out: &mut impl Write, source: &Replayed) -> io::Result<()> {
    let mut line = |name: &str, value: String| writeln!(out, "  {name:<16} {value}");
    let restarts = match (source.restarts, source.recorded_restarts) {
        (here, there) if here == there => here.to_string(),
        (here, there) => format!("{here}, recorded: {there}"),
    };
    let difference = match source.different {
        0 => "none: every estimate is the recorded one, bit for bit".to_owned(),
        different => format!(
            "in {different} estimates; rms {}, largest {}",
            Time(source.rms()),
            Time(source.largest)
        ),
    };
    line("Source", source.source.clone())?;
    line("Comparisons", source.comparisons.to_string())?;
    line("Restarts", restarts)?;
    line("Difference", difference)?;
    let Some(last) = &source.last else { return line("Noise", "no estimate yet".to_owned()) };
    line("Floor of delay", Time(last.delay_floor).to_string())?;
    line("Queueing delay", Time(last.jitter).to_string())?;
    line("Wander", format!("{:.1e} per √s", last.wander))?;
    line("Type A, k = 1", Time(last.offset_deviation).to_string())?;
    line(
        "Frequency",
        format!("{:+.3e}, standard deviation {:.1e}", last.frequency, last.frequency_deviation),
    )
}

fn write_clock(out: &mut impl Write, clock: &Kept) -> io::Result<()> {
    let mut line = |name: &str, value: String| writeln!(out, "  {name:<16} {value}");
    let difference = match clock.different {
        0 => "none: offset, uncertainty and leader are the recorded ones, bit for bit".to_owned(),
        different => {
            let [rms, largest] = clock.offset_difference();
            format!(
                "in {different} rounds, {} of them by another leader; offset: rms {}, largest {}; \
                 U: largest {}",
                clock.other_leader,
                Time(rms),
                Time(largest),
                Time(clock.largest_expanded()),
            )
        }
    };
    line("Clock", clock.clock.clone())?;
    line("Rounds", clock.rounds.to_string())?;
    line("Difference", difference)?;
    let Some(Round { replayed: last, .. }) = clock.points.last() else { return Ok(()) };
    let [offset, expanded, bound] = [last.offset, last.path_expanded, last.path_bound]
        .map(|value| value.map_or_else(|| "none".to_owned(), |value| Time(value).to_string()));
    line("Leader", last.leader.clone().unwrap_or_else(|| "none".to_owned()))?;
    line("Offset", format!("{offset}; against the leader: U (k = 2) {expanded}, bound {bound}"))
}

fn write_csv(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    writeln!(
        out,
        "source,time,offset,offset_deviation,frequency,bound,recorded_offset,difference"
    )?;
    for source in &summary.sources {
        for point in &source.points {
            let Figures { replayed, recorded, difference } = Figures::new(point);
            let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:?}"));
            let estimate = |of: fn(&Estimate) -> f64| number(point.replayed.as_ref().map(of));
            writeln!(
                out,
                "{},{:?},{},{},{},{},{},{}",
                source.source,
                point.time,
                number(replayed),
                estimate(|e| e.offset_deviation),
                estimate(|e| e.frequency),
                estimate(|e| e.bound),
                number(recorded),
                number(difference),
            )?;
        }
    }
    Ok(())
}

/// Offsets of the clock, s, by both estimates, and what the replayed one is more.
struct Figures {
    replayed: Option<f64>,
    recorded: Option<f64>,
    difference: Option<f64>,
}

impl Figures {
    fn new(point: &Comparand) -> Self {
        let difference = point.replayed.zip(point.recorded);
        Self {
            replayed: point.replayed.map(|estimate| point.offset(&estimate)),
            recorded: point.recorded.map(|estimate| point.offset(&estimate)),
            difference: difference.map(|(here, there)| (there.offset - here.offset).seconds()),
        }
    }
}

fn to_json(summary: &Summary) -> Value {
    let point = |point: &Comparand| {
        let Figures { replayed, recorded, difference } = Figures::new(point);
        json!({
            "time": point.time,
            "offset": replayed,
            "offset_deviation": point.replayed.map(|e| e.offset_deviation),
            "frequency": point.replayed.map(|e| e.frequency),
            "bound": point.replayed.map(|e| e.bound),
            "recorded_offset": recorded,
            "difference": difference,
        })
    };
    let source = |source: &Replayed| {
        json!({
            "source": source.source,
            "comparisons": source.comparisons,
            "restarts": source.restarts,
            "recorded_restarts": source.recorded_restarts,
            "different": source.different,
            "rms_difference": source.rms(),
            "max_difference": source.largest,
            "points": source.points.iter().map(point).collect::<Vec<_>>(),
        })
    };
    let believed = |believed: &Believed| {
        json!({
            "offset": believed.offset,
            "path_expanded": believed.path_expanded,
            "path_bound": believed.path_bound,
            "leader": believed.leader,
        })
    };
    let round = |round: &Round| {
        json!({
            "time": round.time,
            "replayed": believed(&round.replayed),
            "recorded": believed(&round.recorded),
        })
    };
    let clock = |clock: &Kept| {
        let [rms, largest] = clock.offset_difference();
        json!({
            "clock": clock.clock,
            "rounds": clock.rounds,
            "different": clock.different,
            "other_leader": clock.other_leader,
            "rms_difference": rms,
            "max_difference": largest,
            "max_expanded_difference": clock.largest_expanded(),
            "points": clock.points.iter().map(round).collect::<Vec<_>>(),
        })
    };
    json!({
        "reproduced": summary.is_reproduced(),
        "remarks": summary.remarks,
        "sources": summary.sources.iter().map(source).collect::<Vec<_>>(),
        "clocks": summary.clocks.iter().map(clock).collect::<Vec<_>>(),
    })
}
