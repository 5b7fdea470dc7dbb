//! Running a target: so many cases from a seed that is fixed, or as many as fit the time given.

use std::{
    env,
    time::{Duration, Instant},
};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};

/// Cases between two looks at the clock.
const ROUND: u32 = 256;

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// Tries `cases` inputs, or for as long as `LAKESIDE_FUZZ_SECONDS` says, and fails with the smallest input that fails
/// and the seed that leads to it.
pub fn explore<S: Strategy>(cases: u32, inputs: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let time = setting("LAKESIDE_FUZZ_SECONDS").map(Duration::from_secs);
    let first_seed = setting("LAKESIDE_FUZZ_SEED").unwrap_or(1);
    let started = Instant::now();
    let mut tried = 0;
    for seed in first_seed.. {
        let round = ROUND.min(cases.saturating_sub(tried));
        let round = if time.is_some() { ROUND } else { round };
        let config = Config { cases: round, failure_persistence: None, ..Config::default() };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        match runner.run(inputs, &test) {
            Ok(()) => tried += round,
            Err(TestError::Fail(why, input)) => {
                panic!("{why}\nsmallest input: {input:?}\nagain with LAKESIDE_FUZZ_SEED={seed}")
            }
            Err(TestError::Abort(why)) => panic!("{why}, LAKESIDE_FUZZ_SEED={seed}"),
        }
        let enough = time.map_or(tried >= cases, |time| started.elapsed() >= time);
        if enough {
            break;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{tried} cases, {:.0} a second", f64::from(tried) / seconds);
}
