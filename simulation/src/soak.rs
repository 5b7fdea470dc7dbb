//! Very many seeds on all cores, in parts: what was run is remembered, and the next call goes on behind it.

use std::{
    fs, io,
    io::{IsTerminal, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::run::{Outcome, Simulation};

/// Seeds that are run between two notes of how far it has come.
const STRETCH: u64 = 400;
/// How often progress is told where nobody watches.
const REPORT: Duration = Duration::from_secs(30);

/// How a soak came out.
pub enum Soaked {
    /// Every seed keeps every promise.
    Done,
    /// This one does not.
    Broken(Box<Outcome>),
}

/// Runs the seeds below `seeds` from where `state` says that the last call stopped.
///
/// # Panics
/// If a run does.
///
/// # Errors
/// If `state` cannot be read or written, or is no number.
pub fn soak(seeds: u64, state: &Path) -> io::Result<Soaked> {
    let mut next = match fs::read_to_string(state) {
        Ok(text) => text
            .trim()
            .parse()
            .map_err(|_| io::Error::other("the state is no number: delete it to begin anew"))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let cores = thread::available_parallelism()?.get();
    let (began, first, mut told) = (Instant::now(), next, Instant::now());
    while next < seeds {
        let end = seeds.min(next.saturating_add(STRETCH));
        let broken = thread::scope(|scope| {
            let parts: Vec<_> = (0..cores)
                .map(|core| scope.spawn(move || stretch((next..end).skip(core).step_by(cores))))
                .collect();
            // A run that panics has told why; the soak must not go on as if it had not happened.
            parts.into_iter().filter_map(|part| part.join().expect("a run panicked")).min_by_key(|o| o.seed)
        });
        if let Some(broken) = broken {
            fs::write(state, broken.seed.to_string())?;
            return Ok(Soaked::Broken(Box::new(broken)));
        }
        next = end;
        fs::write(state, next.to_string())?;
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        tell(next, seeds, (next - first).saturating_mul(1000) / millis, &mut told);
    }
    Ok(Soaked::Done)
}

fn stretch(seeds: impl Iterator<Item = u64>) -> Option<Outcome> {
    let simulation = Simulation::default();
    seeds.map(|seed| simulation.run(seed, None)).find(|outcome| outcome.violation.is_some())
}

/// `rate` is in seeds a second.
fn tell(done: u64, all: u64, rate: u64, told: &mut Instant) {
    let mut out = io::stderr().lock();
    let left = (all - done) / rate.max(1) / 60;
    let line = format!("{done} of {all} seeds, {rate} a second, {left} min left");
    // That progress cannot be told is no reason to stop.
    if out.is_terminal() {
        const WIDTH: u64 = 30;
        let full = usize::try_from(done * WIDTH / all.max(1)).unwrap_or_default();
        let _ = write!(out, "\r[{:<30}] {line}  ", "#".repeat(full));
        if done == all {
            let _ = writeln!(out);
        }
    } else if told.elapsed() >= REPORT || done == all {
        *told = Instant::now();
        let _ = writeln!(out, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soak_goes_on_where_the_last_one_stopped_and_refuses_a_state_that_is_none() {
        let state = std::env::temp_dir().join(format!("lakeside-soak-{}", std::process::id()));
        fs::write(&state, "8").unwrap();
        assert!(matches!(soak(10, &state), Ok(Soaked::Done)));
        assert_eq!(fs::read_to_string(&state).unwrap(), "10");
        assert!(matches!(soak(10, &state), Ok(Soaked::Done)));
        fs::write(&state, "ten").unwrap();
        assert!(soak(10, &state).is_err());
        fs::remove_file(&state).unwrap();
    }
}
