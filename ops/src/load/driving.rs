//! Sends requests, and times the answers.
//!
//! With a schedule every request is sent when it is due, and its latency counts from that moment: one that has to wait for
//! others, or for this process, has waited as its customer would have. Without one, so many are under way at a time, and
//! latency counts from the sending.

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

use super::mix::Request;

/// Requests under way at once, so that no machine runs out of connections. What has to wait has its time counted.
const ROOM: usize = 500;

/// Where requests go.
pub trait Target {
    /// Sends one and says how it was answered.
    async fn send(&self, request: &Request) -> Answer;
}

/// How a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// By this HTTP status.
    Status(u16),
    /// Not at all, or not in time.
    Silence,
}

/// A request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Which.
    pub request: usize,
    /// From when its latency counts, after the beginning.
    pub at: Duration,
    /// From then to its answer.
    pub latency: Duration,
    /// The answer.
    pub answer: Answer,
}

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each when it is due.
    Schedule,
    /// So many at a time.
    AtOnce(usize),
}

/// Sends all requests, and tells `watcher` of each answer.
pub async fn drive(
    target: &impl Target,
    requests: &[Request],
    pace: Pace,
    began: Instant,
    watcher: impl Fn(&Sent),
) -> Vec<Sent> {
    let room = match pace {
        Pace::Schedule => ROOM,
        Pace::AtOnce(count) => count.max(1),
    };
    let one = async |number: usize, request: &Request| {
        let due = request.due.filter(|_| pace == Pace::Schedule).map(|due| began + due.at);
        let since = due.unwrap_or_else(Instant::now);
        let answer = target.send(request).await;
        Sent { request: number, at: since.duration_since(began), latency: since.elapsed(), answer }
    };
    let mut sent = Vec::with_capacity(requests.len());
    let mut under_way = FuturesUnordered::new();
    let mut waiting = requests.iter().enumerate().peekable();
    loop {
        let next = waiting.peek().map(|(_, request)| {
            began + request.due.filter(|_| pace == Pace::Schedule).map_or(Duration::ZERO, |due| due.at)
        });
        let next = next.filter(|_| under_way.len() < room);
        tokio::select! {
            biased;
            () = sleep_until(next.unwrap_or(began)), if next.is_some() => {
                if let Some((number, request)) = waiting.next() {
                    under_way.push(one(number, request));
                }
            }
            Some(answered) = under_way.next() => {
                watcher(&answered);
                sent.push(answered);
            }
            else => return sent,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::sleep;

    use super::{
        super::{mix::tests::mix, schedule::Profile},
        *,
    };

    /// A door that stands still for a while.
    struct Door {
        began: Instant,
        from: Duration,
        until: Duration,
        most: Cell<usize>,
        now: Cell<usize>,
    }

    impl Door {
        fn still(from: u64, until: u64) -> Self {
            let (from, until) = (Duration::from_millis(from), Duration::from_millis(until));
            Self { began: Instant::now(), from, until, most: Cell::new(0), now: Cell::new(0) }
        }
    }

    impl Target for Door {
        async fn send(&self, _: &Request) -> Answer {
            self.now.set(self.now.get() + 1);
            self.most.set(self.most.get().max(self.now.get()));
            sleep(Duration::from_millis(1)).await;
            if (self.from..self.until).contains(&self.began.elapsed()) {
                sleep_until(self.began + self.until).await;
            }
            self.now.set(self.now.get() - 1);
            Answer::Status(202)
        }
    }

    fn requests(a_second: f64, seconds: f64) -> Vec<Request> {
        let even = Profile::even(a_second, seconds);
        let due: Vec<_> = even.due(usize::MAX).into_iter().map(Some).collect();
        mix().requests(&due, 1)
    }

    #[tokio::test]
    async fn a_door_that_stands_still_is_seen_by_everybody_who_was_due_meanwhile() {
        let door = Door::still(100, 500);
        let sent = drive(&door, &requests(100.0, 0.6), Pace::Schedule, door.began, |_| {}).await;
        assert_eq!(sent.len(), 60);
        let of = |at: u64, answered: u64| {
            let due = Duration::from_millis(at)..Duration::from_millis(at + 50);
            let wait = Duration::from_millis(answered - at - 50);
            sent.iter().filter(|sent| due.contains(&sent.at)).all(|sent| sent.latency >= wait)
        };
        assert!(
            of(110, 500) && of(200, 500) && of(300, 500) && of(400, 500),
            "not the first alone: {sent:?}"
        );
    }

    #[tokio::test]
    async fn a_request_that_found_no_room_has_waited_since_it_was_due() {
        // Nobody answers for the first 600 ms, and by then more are due than there is room for.
        let door = Door::still(0, 600);
        let sent = drive(&door, &requests(2_000.0, 0.5), Pace::Schedule, door.began, |_| {}).await;
        assert_eq!((sent.len(), door.most.get()), (1_000, ROOM));
        let late = sent.iter().find(|sent| sent.request == ROOM + 100).unwrap();
        assert!(late.latency >= Duration::from_millis(290), "due after 300 ms: {late:?}");
    }

    #[tokio::test]
    async fn ten_at_a_time_are_never_eleven() {
        let door = Door::still(0, 0);
        let sent = drive(&door, &requests(1.0, 100.0), Pace::AtOnce(10), door.began, |_| {}).await;
        assert_eq!((sent.len(), door.most.get()), (100, 10));
        assert!(door.began.elapsed() < Duration::from_secs(10), "nobody waits for the schedule");
    }
}
