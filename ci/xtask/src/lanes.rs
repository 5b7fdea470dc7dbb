//! Work that goes on beside other work.

use std::thread;

use anyhow::anyhow;

/// Does both at the same time, and answers what came of each.
pub fn both<A, B: Send>(
    first: impl FnOnce() -> anyhow::Result<A>,
    second: impl FnOnce() -> anyhow::Result<B> + Send,
) -> (anyhow::Result<A>, anyhow::Result<B>) {
    thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        (first, second.join().unwrap_or_else(|_| Err(anyhow!("what went on beside it panicked"))))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn each_goes_on_while_the_other_waits_for_it() {
        let meeting = Barrier::new(2);
        let meet = || Ok(meeting.wait().is_leader());
        let (first, second) = both(meet, meet);
        assert_ne!(first.unwrap(), second.unwrap());
    }

    #[test]
    fn a_failure_of_one_takes_nothing_from_the_other() {
        let (first, second) = both(|| Ok(1), || Err::<(), _>(anyhow!("no")));
        assert_eq!((first.unwrap(), second.unwrap_err().to_string()), (1, "no".to_owned()));
        let (first, second) = both(|| Err::<(), _>(anyhow!("no")), || Ok(2));
        assert_eq!((first.unwrap_err().to_string(), second.unwrap()), ("no".to_owned(), 2));
    }
}
