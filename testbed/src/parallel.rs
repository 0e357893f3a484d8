//! Independent runs on all cores.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does every job, on as many threads as there are cores; the results are in the order of
/// the jobs, whichever thread did them. Shows on standard error how far it is, if that is
/// a terminal.
pub fn run<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    let watched = std::io::stderr().is_terminal();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return };
            let result = work(job);
            // Poisoned only by a panic of another worker, which the scope passes on.
            let Ok(mut done) = done.lock() else { return };
            done.push((index, result));
            if watched {
                let _ = write!(std::io::stderr(), "{}", bar(done.len(), jobs.len()));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(worker);
        }
    });
    if watched {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    let mut results = done.into_inner().unwrap_or_default();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// A line that shows how much is done, in place of the one before.
fn bar(done: usize, of: usize) -> String {
    const WIDTH: usize = 40;
    let full = WIDTH * done / of.max(1);
    format!("\r[{}{}] {done} of {of} runs", "=".repeat(full), " ".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bar_fills_as_runs_are_done() {
        assert_eq!(super::bar(20, 80).matches('=').count(), 10);
        assert_eq!(super::bar(80, 80).matches('=').count(), 40);
        assert!(super::bar(20, 80).ends_with("] 20 of 80 runs"));
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..100).collect();
        let squares = super::run(&jobs, |job| job * job);
        assert!(squares.iter().zip(&jobs).all(|(square, job)| *square == job * job));
        assert_eq!(squares.len(), 100);
    }
}
