//! Everything that is to be said of one order, in one document.

use lakeside_domain::ids::OrderId;
use serde::Serialize;

use super::{
    evidence::{Evidence, Lying},
    timeline::{Entry, Standing, entries, standings},
    verdict::{Verdict, judge},
};
use crate::consumers::Consumer;

/// The timeline, the records, and the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Traced {
    /// The order.
    pub order_id: OrderId,
    /// What happened, oldest first.
    pub timeline: Vec<Entry>,
    /// Where each record stands.
    pub records: Vec<Standing>,
    /// Dead letters about it.
    pub dead_letters: Vec<Lying>,
    /// The consumers that it passes.
    pub consumers: Vec<Consumer>,
    /// Where it is, or why it is stuck.
    pub verdict: Verdict,
}

impl Traced {
    /// Says what the evidence comes to.
    pub fn of(evidence: &Evidence) -> Self {
        Self {
            order_id: evidence.order_id,
            timeline: entries(evidence),
            records: standings(evidence),
            dead_letters: evidence.dead_letters.clone(),
            consumers: evidence.consumers.clone(),
            verdict: judge(evidence),
        }
    }
}
