//! What logs, metrics and spans cost: the very function `order-ingest`, over a table in memory, with and without them.

use std::{
    fmt::Write,
    fs, io,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use lakeside_domain::{
    ids::Sku,
    money::{Currency, Money},
    time::Timestamp,
};
use lakeside_kit::{
    memory::{Log, ManualClock, Spans},
    metrics::{Emf, Metrics},
    sqs::{Message, report as tell},
};
use lakeside_orders::{memory::MemoryOrders, order_ingest};
use serde_json::json;
use uuid::Uuid;

const MESSAGES: u32 = 10_000;
const BATCH: usize = 10;
const ROUNDS: usize = 9;

/// What a function says of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Nothing,
    Metrics,
    Logs,
    Both,
    Spans,
}

const VARIANTS: [(Variant, &str); 5] = [
    (Variant::Nothing, "neither"),
    (Variant::Metrics, "metrics"),
    (Variant::Logs, "logs"),
    (Variant::Both, "both"),
    (Variant::Spans, "spans too"),
];

/// Measures all of them in turn, so that what disturbs one disturbs the others, and prints the median of each.
pub fn report() -> String {
    let messages: Vec<Message> = (1..=MESSAGES).map(submission).collect();
    let lines = Emf::init("lakeside-order-ingest".into(), io::sink()).unwrap();
    let mut measured = VARIANTS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((variant, _), took) in VARIANTS.into_iter().zip(&mut measured) {
            took.push(run(variant, &lines, &messages));
        }
    }
    let mut text = format!("{MESSAGES} submissions in batches of {BATCH}, median of {ROUNDS} rounds\n");
    for ((_, name), took) in VARIANTS.into_iter().zip(&mut measured) {
        took.sort();
        let micros = took[ROUNDS / 2].as_secs_f64() * 1e6 / f64::from(MESSAGES);
        writeln!(text, "{name:<9} {micros:>6.1} µs of CPU time a message").unwrap();
    }
    text
}

fn submission(n: u32) -> Message {
    let order_id = Uuid::from_u128(n.into()).to_string();
    let body = json!({
        "channel": "web", "lines": [{"sku": "TENT", "quantity": 1}],
        "expectedTotal": {"amount": 19_900, "currency": "USD"},
        "paymentMethod": "pm_1", "shippingAddressId": "addr_1",
    });
    let attributes = [("orderId", order_id.clone()), ("principal", "customer-1".to_owned())];
    Message {
        id: order_id,
        body: body.to_string(),
        attributes: attributes.map(|(name, text)| (name.to_owned(), text)).into(),
        receive_count: 1,
        sent_at: Some(Timestamp::from_millis(0)),
        ..Message::default()
    }
}

/// The time in which all messages are handled.
fn run(variant: Variant, lines: &Emf<io::Sink>, messages: &[Message]) -> Duration {
    let table = MemoryOrders::default();
    table.prices.borrow_mut().insert(Sku::parse("TENT").unwrap(), Money::new(19_900, Currency::USD));
    let counted = matches!(variant, Variant::Metrics | Variant::Both | Variant::Spans);
    let (log, spans) = (Log::default(), Spans::new().unwrap());
    let began = Spent::now();
    let work = handle(&table, counted, lines, messages, &spans);
    // As deployed: what is below `info` is not written.
    match variant {
        Variant::Nothing | Variant::Metrics => ready(work),
        Variant::Logs | Variant::Both => ready(log.at("info", work)),
        Variant::Spans => ready(log.with_spans("info", &spans, work)),
    }
    began.elapsed()
}

async fn handle(
    table: &MemoryOrders,
    counted: bool,
    lines: &Emf<io::Sink>,
    messages: &[Message],
    spans: &Spans,
) {
    for batch in messages.chunks(BATCH) {
        if counted {
            ingest(table, lines, batch).await;
        } else {
            ingest(table, &(), batch).await;
        }
        spans.forget();
    }
}

async fn ingest(table: &MemoryOrders, metrics: &impl Metrics, batch: &[Message]) {
    let failures = order_ingest::handle(table, &ManualClock::at(1000), metrics, batch).await;
    tell(metrics, batch, &failures);
    assert!(failures.ids().is_empty());
}

/// A table in memory never lets anybody wait.
fn ready<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a table in memory let somebody wait"),
    }
}

/// The time that this process has spent on a processor, or the time of day where no system tells that.
enum Spent {
    OnCpu(Duration),
    Since(Instant),
}

impl Spent {
    fn now() -> Self {
        on_cpu().map_or_else(|| Self::Since(Instant::now()), Self::OnCpu)
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::OnCpu(before) => on_cpu().unwrap_or_default().saturating_sub(*before),
            Self::Since(began) => began.elapsed(),
        }
    }
}

fn on_cpu() -> Option<Duration> {
    let statistics = fs::read_to_string("/proc/self/schedstat").ok()?;
    statistics.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
