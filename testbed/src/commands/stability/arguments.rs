//! What `testbed stability` can be asked.

use std::path::PathBuf;

use clap::Args;
use clock_models::stability::{MASKS, Mask, Statistic, Taus, factors};
use testbed::readers::{Format, Options, Quantity};

use crate::commands::report::ReportArguments;

/// Say how stable the clock of a record is. Exits with 1 if it exceeds a mask.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A log of chronyd, ptp4l or phc2sys, or a text of one or two columns.
    pub(super) file: PathBuf,
    /// Which, comma-separated, or `all` [default: oadev,mdev,tdev,mtie, or what the mask limits].
    #[arg(long, value_name = "LIST", value_parser = parse_statistics)]
    pub(super) statistics: Option<Statistics>,
    /// Averaging times: octave, decade, all, or seconds, comma-separated.
    #[arg(long, default_value = "octave", value_parser = parse_taus)]
    pub(super) taus: ChosenTaus,
    /// Probability that the true value is between `low` and `high`.
    #[arg(long, default_value = "0.683", value_parser = parse_probability)]
    pub(super) confidence: f64,
    /// Compare with the limits of a mask, such as g.8262-1. A name that is none lists them.
    #[arg(long, value_name = "NAME", value_parser = parse_mask)]
    pub(super) mask: Option<&'static Mask>,
    /// The format, if it is not to be found by the content.
    #[arg(long, value_parser = parse_format)]
    format: Option<Format>,
    /// Which source or clock, if the file has several.
    #[arg(long, value_name = "NAME")]
    pub(super) source: Option<String>,
    /// Analyse frequencies: the values of a text are such, or those that a log has.
    #[arg(long)]
    pub(super) frequency: bool,
    /// The interval between points, s; needed for a text of one column.
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive)]
    tau0: Option<f64>,
    /// Points per second, instead of --tau0.
    #[arg(long, value_name = "HERTZ", value_parser = parse_positive, conflicts_with = "tau0")]
    rate: Option<f64>,
    /// Multiply the values of a text by this: 1e-9 if they are nanoseconds.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = parse_positive)]
    scale: f64,
    /// The times of a text are days, such as MJD, and not seconds.
    #[arg(long)]
    days: bool,
    /// How many standard deviations from its neighbours an outlier is.
    #[arg(long, value_name = "TIMES", default_value = "5", value_parser = parse_positive)]
    pub(super) outliers: f64,
    /// Take outliers for missing points.
    #[arg(long)]
    pub(super) remove_outliers: bool,
    /// Write JSON, in s and ratios.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) report: ReportArguments,
}

const EXAMPLES: &str = "\
Examples:
  testbed stability ptp4l.log --mask g.8273.2-ab
  testbed stability /var/log/chrony/tracking.log --remove-outliers
  testbed stability counter.txt --tau0 1 --scale 1e-9 --statistics all --taus decade
  testbed stability y.txt --frequency --rate 10 --json";

/// What is computed.
#[derive(Debug, Clone)]
pub(super) struct Statistics(pub(super) Vec<Statistic>);

/// The averaging times.
#[derive(Debug, Clone)]
pub(super) enum ChosenTaus {
    Series(Taus),
    Seconds(Vec<f64>),
}

impl ChosenTaus {
    /// The averaging factors for a record of `points` phases every `interval` s.
    pub(super) fn factors(&self, points: usize, interval: f64) -> Vec<usize> {
        match self {
            Self::Series(taus) => factors(*taus, points),
            Self::Seconds(taus) => {
                taus.iter().map(|tau| (tau / interval).round().max(1.0) as usize).collect()
            }
        }
    }
}

impl Arguments {
    /// The interval between points, s, if it was told.
    pub(super) fn interval(&self) -> Option<f64> {
        self.tau0.or(self.rate.map(|rate| 1.0 / rate))
    }

    /// How the file is to be read.
    pub(super) fn options(&self) -> Options {
        Options {
            format: self.format,
            quantity: if self.frequency { Quantity::Frequency } else { Quantity::Phase },
            interval: self.interval(),
            scale: self.scale,
            time_scale: if self.days { 86_400.0 } else { 1.0 },
        }
    }

    /// What is computed: what was asked for, and whatever the mask limits.
    pub(super) fn chosen_statistics(&self) -> Vec<Statistic> {
        let limited = self.mask.iter().flat_map(|mask| mask.curves).map(|curve| curve.statistic);
        let mut chosen: Vec<Statistic> = match (&self.statistics, self.mask) {
            (Some(Statistics(chosen)), _) => chosen.iter().copied().chain(limited).collect(),
            (None, Some(_)) => limited.collect(),
            (None, None) => {
                vec![Statistic::Oadev, Statistic::Mdev, Statistic::Tdev, Statistic::Mtie]
            }
        };
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }
}

fn parse_statistics(text: &str) -> Result<Statistics, String> {
    if text.eq_ignore_ascii_case("all") {
        return Ok(Statistics(Statistic::ALL.to_vec()));
    }
    let one = |name: &str| {
        let is_named = |statistic: &&Statistic| statistic.name().eq_ignore_ascii_case(name.trim());
        Statistic::ALL.iter().find(is_named).copied().ok_or_else(|| {
            let names: Vec<&str> = Statistic::ALL.iter().map(|s| s.name()).collect();
            format!("{name:?}: the statistics are {}, all", names.join(", "))
        })
    };
    text.split(',').map(one).collect::<Result<_, _>>().map(Statistics)
}

fn parse_taus(text: &str) -> Result<ChosenTaus, String> {
    match text {
        "octave" => Ok(ChosenTaus::Series(Taus::Octave)),
        "decade" => Ok(ChosenTaus::Series(Taus::Decade)),
        "all" => Ok(ChosenTaus::Series(Taus::All)),
        _ => {
            let wrong = |_| format!("{text:?}: octave, decade, all, or seconds such as 1,10,100");
            let taus = text.split(',').map(|tau| parse_positive(tau.trim()));
            taus.collect::<Result<_, _>>().map(ChosenTaus::Seconds).map_err(wrong)
        }
    }
}

fn parse_probability(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|p| *p > 0.0 && *p < 1.0);
    value.ok_or_else(|| format!("{text:?}: a probability is between 0 and 1, such as 0.95"))
}

fn parse_positive(text: &str) -> Result<f64, String> {
    // Between these bounds, quotients and products of two of them are finite.
    let value = text.parse().ok().filter(|value| (1e-100..=1e100).contains(value));
    value.ok_or_else(|| format!("{text:?}: write a positive number"))
}

fn parse_format(text: &str) -> Result<Format, String> {
    let named = Format::ALL.iter().find(|(name, _)| *name == text);
    named.map(|(_, format)| *format).ok_or_else(|| {
        let names = Format::ALL.map(|(name, _)| name);
        format!("the formats are {}", names.join(", "))
    })
}

fn parse_mask(text: &str) -> Result<&'static Mask, String> {
    Mask::by_name(text).ok_or_else(|| {
        let line = |mask: &Mask| format!("\n  {:<12} {}", mask.name, mask.subject);
        format!("the masks are{}", MASKS.iter().map(line).collect::<String>())
    })
}
