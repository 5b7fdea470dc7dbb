//! What the door said and what was read afterwards, side by side.

use std::collections::{BTreeMap, BTreeSet};

use lakeside_domain::ids::OrderId;

use super::{
    driving::{Answer, Sent},
    mix::{Request, What},
};

/// What is known of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFacts {
    /// Its state, such as `FULFILLED`.
    pub state: String,
    /// Its total in minor units.
    pub total: i64,
    /// What was ordered.
    pub units: Vec<(String, u64)>,
    /// The endings that its customer was told of, and when, in milliseconds after the epoch.
    pub endings: Vec<(String, i64)>,
    /// Where the reservation stands, if there is one.
    pub reservation: Option<String>,
    /// Where the payment stands, and over how much it is.
    pub payment: Option<(String, i64)>,
    /// Submissions under its id that were taken for others than the first.
    pub conflicts: usize,
}

impl OrderFacts {
    /// Whether it will not change any more.
    pub fn ended(&self) -> bool {
        matches!(self.state.as_str(), "FULFILLED" | "CANCELLED" | "REJECTED")
    }
}

/// Where one SKU stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StockFacts {
    /// May still be promised.
    pub available: i64,
    /// Promised.
    pub held: i64,
    /// Sold.
    pub sold: i64,
    /// Ever received.
    pub received: i64,
    /// At warehouses and stores.
    pub on_hand: i64,
}

/// One order's money at the processor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Charged {
    /// How many times money was taken.
    pub charges: u64,
    /// Minor units that stayed.
    pub kept: i64,
}

/// Everything that must agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// What was sent.
    pub requests: Vec<Request>,
    /// What was answered.
    pub sent: Vec<Sent>,
    /// What became of it, of those that are recorded.
    pub orders: BTreeMap<OrderId, OrderFacts>,
    /// The goods, before and after.
    pub stock: BTreeMap<String, (StockFacts, StockFacts)>,
    /// The processor's books, if they could be read.
    pub charged: Option<BTreeMap<OrderId, Charged>>,
    /// Letters in dead-letter queues, before and after.
    pub dead_letters: BTreeMap<String, (u64, u64)>,
    /// Whether others order the same goods, or fill the same dead-letter queues.
    pub shared: bool,
}

impl Facts {
    /// Every request with its answer.
    pub fn answered(&self) -> impl Iterator<Item = (&Request, &Sent)> {
        self.sent.iter().filter_map(|sent| Some((self.requests.get(sent.request)?, sent)))
    }

    /// The orders that the door accepted.
    pub fn accepted(&self) -> BTreeSet<OrderId> {
        accepted(&self.requests, &self.sent)
    }

    /// The orders that were sent more than once.
    pub fn repeated(&self) -> BTreeSet<OrderId> {
        repeated(&self.requests)
    }
}

/// The orders that the door accepted.
pub fn accepted(requests: &[Request], sent: &[Sent]) -> BTreeSet<OrderId> {
    let taken = sent.iter().filter(|sent| sent.answer == Answer::Status(202));
    let taken = taken.filter_map(|sent| requests.get(sent.request));
    taken.filter(|request| !matches!(request.what, What::Bad(_))).map(|request| request.order_id).collect()
}

/// The orders that were sent more than once.
pub fn repeated(requests: &[Request]) -> BTreeSet<OrderId> {
    let again = requests.iter().filter(|request| matches!(request.what, What::Again(_)));
    again.map(|request| request.order_id).collect()
}
