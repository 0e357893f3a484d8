//! How long each statistic of stability takes on a file of phase, an 8-byte little-endian
//! float for each point: `testbed/bench/stability.py` makes one, and compares.

use std::error::Error;
use std::io::{self, Write};

use clock_models::stability::{Deviation, Statistic, deviations};

const STATISTICS: [Statistic; 4] =
    [Statistic::Oadev, Statistic::Mdev, Statistic::Tdev, Statistic::Mtie];

/// So often, and the fastest counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo passes `--bench`, too.
    let Some(file) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        return Ok(());
    };
    let bytes = std::fs::read(file)?;
    let (points, _) = bytes.as_chunks();
    let phase: Vec<f64> = points.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let factors: Vec<usize> = (0..18).map(|power| 1 << power).collect();
    let mut out = io::stdout().lock();
    for statistic in STATISTICS {
        let (took, found) = fastest(|| deviations(statistic, &phase, 1.0, &factors, None))?;
        let (told, _) = fastest(|| deviations(statistic, &phase, 1.0, &factors, Some(0.683)))?;
        let values: Vec<String> = found.iter().map(|d| format!("{:e}", d.value)).collect();
        writeln!(out, "{} {took} {told} {}", statistic.name(), values.join(","))?;
    }
    Ok(())
}

fn fastest(work: impl Fn() -> Vec<Deviation>) -> Result<(f64, Vec<Deviation>), Box<dyn Error>> {
    let mut fastest = (f64::INFINITY, Vec::new());
    for _ in 0..ROUNDS {
        let start = processor_time()?;
        let found = work();
        let took = processor_time()? - start;
        if took < fastest.0 {
            fastest = (took, found);
        }
    }
    Ok(fastest)
}

/// What this process has used of the processor, s: on a busy machine the time that passes
/// says little.
fn processor_time() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("/proc/self/schedstat is empty")?;
    Ok(1e-9 * nanoseconds.parse::<f64>()?)
}
