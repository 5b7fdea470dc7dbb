use std::sync::Mutex;

use lakeside_domain::ids::OrderId;

use super::*;
use crate::{
    clock::of_millis,
    console::{
        sources::{OrderState, Refused},
        stages::Stage,
    },
    environment::tests::environment,
    failure::Result,
    saga::{executions::Listed, history::Visit},
};

const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

/// A cloud with sagas of which each is at `state`, and a count of what it was asked.
#[derive(Default)]
struct Fake {
    sagas: Vec<Listed>,
    refused: Vec<Refused>,
    state: &'static str,
    order: Option<OrderState>,
    depth: Depth,
    asked: Mutex<Vec<String>>,
}

impl Fake {
    fn ask(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Source for Fake {
    async fn sagas(&self, running: bool) -> Result<(Vec<Listed>, bool)> {
        self.ask("sagas");
        let wanted = self.sagas.iter().filter(|saga| !running || saga.status == "RUNNING");
        Ok((wanted.cloned().collect(), false))
    }
    async fn refused(&self, since: WireTime) -> Result<(Vec<Refused>, bool, usize)> {
        self.ask(format!("refused {}", since.0.as_millis()));
        Ok((self.refused.iter().filter(|refused| refused.at >= since).copied().collect(), false, 1))
    }
    async fn whereabouts(&self, name: &str) -> Result<Option<Visit>> {
        self.ask(format!("history {name}"));
        Ok(Some(Visit {
            state: self.state.into(),
            entered_at: of_millis(7),
            left_at: None,
            failures: Vec::new(),
        }))
    }
    async fn order_state(&self, order_id: OrderId) -> Result<Option<OrderState>> {
        self.ask(format!("order {order_id}"));
        Ok(self.order.clone())
    }
    async fn lies_in(&self, url: &str) -> Result<Depth> {
        self.ask(url);
        Ok(self.depth)
    }
    async fn mappings(&self) -> Result<(BTreeMap<String, String>, usize)> {
        self.ask("mappings");
        Ok((BTreeMap::from([("test-capture-payment".into(), "Disabled".into())]), 1))
    }
    async fn ages(&self, queues: &[String], _: WireTime) -> Result<BTreeMap<String, u64>> {
        self.ask("ages");
        assert_eq!(queues, ["test-capture-payment"]);
        Ok(BTreeMap::from([("test-capture-payment".into(), 90)]))
    }
}

fn saga(number: usize, status: &str) -> Listed {
    let name = format!("{}{number:03}", &ID[..33]);
    let stopped_at = (status != "RUNNING").then(|| of_millis(10));
    Listed { name, status: status.into(), started_at: of_millis(5), stopped_at }
}

fn poller() -> Poller {
    Poller::new(environment().queues)
}

fn created() -> OrderState {
    OrderState { status: "CREATED", reason: None, total: Some("USD 1.00".into()) }
}

#[tokio::test]
async fn a_look_makes_no_more_calls_than_it_may_and_everybody_has_their_turn() {
    let sagas = (0..50).map(|number| saga(number, "RUNNING")).collect();
    let fake = Fake { sagas, state: "CapturePayment", order: Some(created()), ..Fake::default() };
    let mut poller = poller();
    for _ in 0..40 {
        let overview = poller.look(&fake, 12, of_millis(20)).await;
        let asked = fake.take();
        assert!(asked.len() <= 12, "{asked:?}");
        assert!(asked.iter().any(|what| what.starts_with("http")), "queues are not starved: {asked:?}");
        if overview.unseen == 0 {
            assert_eq!(overview.stages["PAYING"], 50);
            return;
        }
    }
    panic!("not everybody was looked at");
}

#[tokio::test]
async fn a_running_order_is_asked_again_and_one_that_ended_never() {
    let order = Some(OrderState { status: "FULFILLED", reason: None, total: None });
    let fake = Fake { sagas: vec![saga(1, "SUCCEEDED")], order, ..Fake::default() };
    let mut poller = poller();
    let overview = poller.look(&fake, 50, of_millis(20)).await;
    assert_eq!(overview.orders[0].stage, Some(Stage::Fulfilled));
    assert_eq!(fake.take().iter().filter(|what| what.starts_with("order")).count(), 1);
    poller.look(&fake, 50, of_millis(30)).await;
    assert_eq!(fake.take().iter().filter(|what| what.starts_with("order")).count(), 0);
    // An hour later it is not shown any more.
    let later = poller.look(&fake, 50, of_millis(20 + WINDOW_MILLIS)).await;
    assert!(later.orders.is_empty());
}

#[tokio::test]
async fn an_order_that_was_refused_is_shown_for_an_hour_though_it_has_no_saga() {
    let (order_id, now) = (OrderId::parse(ID).unwrap(), 2 * WINDOW_MILLIS);
    let refused = vec![Refused { order_id, at: of_millis(now - 1000) }];
    let order = OrderState { status: "REJECTED", reason: Some("UNKNOWN_SKU".into()), total: None };
    let fake = Fake { refused, order: Some(order), ..Fake::default() };
    let mut poller = poller();
    let overview = poller.look(&fake, 50, of_millis(now)).await;
    let shown = &overview.orders[0];
    assert_eq!((shown.order_id.as_str(), shown.stage), (ID, Some(Stage::Rejected)));
    assert_eq!((shown.reason.as_deref(), overview.stages["REJECTED"]), (Some("UNKNOWN_SKU"), 1));
    let asked = fake.take();
    assert!(asked.contains(&format!("refused {}", now - WINDOW_MILLIS)), "{asked:?}");
    // Its end is final, and only what is new is asked for.
    let again = poller.look(&fake, 50, of_millis(now + 1000)).await;
    let asked = fake.take();
    assert!(asked.contains(&format!("refused {}", now - 60_000)), "{asked:?}");
    assert!(!asked.iter().any(|what| what.starts_with("order")), "{asked:?}");
    assert_eq!(again.orders.len(), 1);
    let later = poller.look(&fake, 50, of_millis(now + WINDOW_MILLIS)).await;
    assert!(later.orders.is_empty());
}

#[tokio::test]
async fn a_queue_says_who_does_not_listen_how_much_lies_there_and_for_how_long() {
    let mut fake = Fake { depth: Depth { waiting: 3, in_flight: 1 }, ..Fake::default() };
    let mut poller = poller();
    poller.look(&fake, 50, of_millis(20)).await;
    let overview = poller.look(&fake, 50, of_millis(30)).await;
    let queue = overview.queues.iter().find(|queue| queue.queue == "capture-payment").unwrap();
    assert_eq!((queue.waiting, queue.in_flight, queue.dead_letters), (Some(3), Some(1), Some(4)));
    assert_eq!((queue.listens, queue.oldest_seconds), (Some(false), Some(90)));
    assert_eq!(queue.busy_since, Some(of_millis(20)));
    let positions = overview.queues.iter().find(|queue| queue.waiting.is_none()).unwrap();
    assert_eq!((positions.listens, positions.dead_letters), (None, Some(4)));
    fake.depth = Depth::default();
    let empty = poller.look(&fake, 50, of_millis(40)).await;
    assert!(empty.queues.iter().all(|queue| queue.busy_since.is_none()));
}

#[tokio::test]
async fn nobody_watches_and_nothing_is_asked() {
    let (board, fake) = (Board::new(), Fake::default());
    let (interval, many) = (Duration::from_millis(2), Duration::from_millis(40));
    let watched = async {
        sleep(many).await;
        assert_eq!(fake.take(), Vec::<String>::new());
        let mut first = board.watch();
        let mut second = board.watch();
        first.changed().await.unwrap();
        second.changed().await.unwrap();
        assert_eq!(fake.take().iter().filter(|what| *what == "sagas").count(), 2, "one look for both");
        drop((first, second));
        sleep(many).await;
        fake.take();
        sleep(many).await;
        assert_eq!(fake.take(), Vec::<String>::new());
    };
    tokio::select! {
        () = board.keep(&fake, poller(), 50, interval) => {}
        () = watched => {}
    }
}
