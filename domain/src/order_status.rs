//! What a customer sees of an order: a status that follows from the set of facts that are known, whatever the
//! order in which they arrived.

use serde::{Deserialize, Serialize};

use crate::{ids::ReasonCode, time::Timestamp};

/// The public status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Accepted; stock and payment are under way.
    Accepted,
    /// Paid.
    Confirmed,
    /// Undone after it was accepted.
    Cancelled,
    /// Every parcel is labelled.
    Fulfilled,
    /// Refused.
    Rejected,
}

/// One fact about an order, as the view keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFact {
    /// The event's detail-type.
    pub event: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Why, where the event says so.
    pub reason: Option<ReasonCode>,
}

/// The status that `facts` add up to, with the reason the deciding fact gives.
///
/// `None` until the orders domain itself has said something: nobody knows yet whose order it is.
pub fn status(facts: &[KnownFact]) -> Option<(Status, Option<ReasonCode>)> {
    facts
        .iter()
        .filter_map(|fact| {
            let status = match fact.event.as_str() {
                "OrderCreated" => Status::Accepted,
                "OrderConfirmed" => Status::Confirmed,
                "OrderCancelled" => Status::Cancelled,
                "OrderFulfilled" => Status::Fulfilled,
                "OrderRejected" => Status::Rejected,
                _ => return None,
            };
            Some((status, fact.reason.clone()))
        })
        .max_by_key(|(status, _)| *status)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact(event: &str) -> KnownFact {
        KnownFact { event: event.into(), occurred_at: Timestamp::from_millis(0), reason: None }
    }

    #[test]
    fn an_order_is_unknown_until_the_orders_domain_speaks() {
        assert_eq!(status(&[fact("StockReserved")]), None);
        assert_eq!(status(&[fact("StockReserved"), fact("OrderCreated")]), Some((Status::Accepted, None)));
    }

    #[test]
    fn the_deciding_fact_gives_the_reason() {
        let reason = ReasonCode::parse("PAYMENT_DECLINED").ok();
        let cancelled = KnownFact { reason: reason.clone(), ..fact("OrderCancelled") };
        assert_eq!(status(&[cancelled, fact("OrderCreated")]), Some((Status::Cancelled, reason)));
    }

    proptest! {
        #[test]
        fn a_status_never_regresses_on_late_facts(order in Just(vec![
            "OrderCreated", "StockReserved", "OrderConfirmed", "PaymentCaptured", "OrderFulfilled",
        ]).prop_shuffle()) {
            let mut known = Vec::new();
            let mut last = None;
            for event in order {
                known.push(fact(event));
                let now = status(&known);
                prop_assert!(now >= last);
                last = now;
            }
            prop_assert_eq!(last.map(|(s, _)| s), Some(Status::Fulfilled));
        }
    }
}
