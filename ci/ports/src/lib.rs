//! What the squads' tables promise to the functions that write to them, as cases that any table can be held to: those
//! in memory, on which tests and the simulation rest, and the adapters on DynamoDB.
//!
//! Each case looks at the outcome, at what is in the table afterwards, and at the outbox that its stream would carry.
//! It has goods and orders of its own, so that all of them can share one table. A suite answers the cases that failed.

#![allow(async_fn_in_trait, reason = "cases run one after the other on one thread")]

pub mod adjustments;
pub mod dynamo;
pub mod fulfilment;
pub mod inventory;
pub mod leases;
pub mod listings;
pub mod loyalty;
pub mod notices;
pub mod orders;
pub mod random;
pub mod status;
pub mod store_stock;

use std::fmt::Debug;

use anyhow::ensure;
use lakeside_domain::{
    events::EventId,
    ids::{OrderId, Sku},
    time::Timestamp,
};
use lakeside_kit::outbox::Entry;
use uuid::Uuid;

/// A case that a table does not keep.
#[derive(Debug)]
pub struct Failure {
    /// Its name.
    pub case: &'static str,
    /// What was different.
    pub why: anyhow::Error,
}

/// A suite: `failures` runs every case over a table and its books.
macro_rules! contracts {
    (($ports:ident: $port:path, $books:ident: $book:path) $($(#[doc = $says:literal])* $case:ident $body:block)+) => {
        $(
            $(#[doc = $says])*
            async fn $case<P: $port, B: $book>($ports: &P, $books: &B) -> anyhow::Result<()> {
                let _ = $books;
                $body
                Ok(())
            }
        )+

        /// The cases that a table does not keep; `books` are over the same table.
        pub async fn failures<P: $port, B: $book>(ports: &P, books: &B) -> Vec<$crate::Failure> {
            let mut failures = Vec::new();
            $(
                if let Err(why) = $case(ports, books).await {
                    failures.push($crate::Failure { case: stringify!($case), why });
                }
            )+
            failures
        }
    };
}
pub(crate) use contracts;

#[expect(clippy::needless_pass_by_value, reason = "what is compared is made for it")]
fn same<T: PartialEq + Debug>(what: &str, is: T, should: T) -> anyhow::Result<()> {
    ensure!(is == should, "{what}: {is:?} instead of {should:?}");
    Ok(())
}

/// An order that nobody else has.
pub fn order() -> OrderId {
    OrderId::from_uuid(Uuid::new_v4())
}

/// Goods that nobody else has.
///
/// # Errors
/// Never in practice: the SKU is well-formed.
pub fn goods() -> anyhow::Result<Sku> {
    let suffix = Uuid::new_v4().simple().to_string().to_uppercase();
    Ok(Sku::parse(&format!("PORT-{}", suffix.get(..20).unwrap_or_default()))?)
}

/// An event about an order.
pub fn event(order_id: OrderId, name: &str) -> Entry {
    Entry {
        event_id: EventId::derive("lakeside.ports", &order_id.to_string(), name, 1),
        source: "lakeside.ports".into(),
        detail_type: name.into(),
        detail: "{}".into(),
        trace_header: None,
    }
}

/// So many milliseconds after the epoch.
pub const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}
