//! The reconciliation: whether stock, money, labels and orders agree once everything has come to rest.
//!
//! [`Snapshot::take`] reads, [`Snapshot::audit`] judges. The invariants are those of `ARCHITECTURE.md`.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_sdk_sfn::types::ExecutionStatus;
use lakeside_domain::{
    allocation::{Allocation, AllocationStatus},
    reservation::{Reservation, ReservationStatus},
    stock::Pool,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    cloud::{Cloud, table},
    consumers,
    levels::Levels,
    queues::is_for_dead_letters,
    records,
    sandbox::Ledger,
};

mod audit;

pub use audit::dollars;

/// Everything that must agree, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Every item of every table.
    pub items: BTreeMap<String, Value>,
    /// The books of processor, carrier and marketplaces.
    pub ledger: Ledger,
    /// How many executions of the saga there were, by status.
    pub executions: BTreeMap<String, usize>,
    /// Messages in dead-letter queues.
    pub dead_letters: BTreeMap<String, u64>,
}

/// One thing that was reconciled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// What was counted.
    pub counted: String,
    /// What is off, in one sentence each; nothing if all is well.
    pub faults: Vec<String>,
}

/// Where one SKU stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SkuBooks {
    /// May still be promised.
    pub available: u64,
    /// Promised.
    pub held: u64,
    /// Sold.
    pub sold: u64,
    /// Ever received.
    pub received: u64,
    /// At warehouses and stores.
    pub on_hand: u64,
    /// Units of fulfilled orders.
    pub fulfilled: u64,
    /// Units that stores sold over their counters.
    pub sold_at_stores: u64,
    /// Units of reservations that are held.
    pub reserved: u64,
}

/// The outcome of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Every check that was made.
    pub checks: Vec<Check>,
    /// Every SKU.
    pub stock: BTreeMap<String, SkuBooks>,
}

impl Books {
    /// Everything that is off.
    pub fn faults(&self) -> Vec<&str> {
        self.checks.iter().flat_map(|check| &check.faults).map(String::as_str).collect()
    }
}

impl Snapshot {
    /// Reads everything.
    ///
    /// # Errors
    /// If something cannot be read.
    pub async fn take(cloud: &Cloud) -> anyhow::Result<Self> {
        let mut items = BTreeMap::new();
        for table in table::ALL {
            items.extend(records::all(cloud, table).await?);
        }
        for consumer in consumers::names()? {
            items.extend(records::all(cloud, &consumer).await?);
        }
        let mut executions = BTreeMap::new();
        for execution in cloud.executions(None).await? {
            *executions.entry(execution.status.as_str().to_owned()).or_default() += 1;
        }
        let depths = cloud.queue_depths().await?;
        Ok(Self {
            items,
            ledger: cloud.sandbox.ledger().await?,
            executions,
            dead_letters: depths.into_iter().filter(|(name, _)| is_for_dead_letters(name)).collect(),
        })
    }

    /// Judges what was read.
    ///
    /// # Errors
    /// If a record is not of its form.
    pub fn audit(&self) -> anyhow::Result<Books> {
        let orders = self.orders()?;
        let stock = self.stock(&orders)?;
        let checks = vec![
            audit::stock(&stock),
            audit::nodes(&stock),
            audit::view(
                &self.levels("inventory SKU#", Levels::add_stock),
                &self.levels("store-stock SKU#", Levels::add_seen),
            ),
            audit::reservations(&self.typed::<Reservation>("inventory RESERVATION#")?),
            audit::payments(&orders, &self.ledger),
            audit::labels(&orders, &self.allocations()?, &self.ledger),
            audit::loyalty(&orders, &self.accounts()?),
            audit::notices(&self.notices()),
            audit::listings(&self.listings()?, &self.ledger),
            audit::orders(&orders),
            audit::sagas(self.executions.get(ExecutionStatus::Running.as_str()).copied(), &self.executions),
            audit::dead_letters(&self.dead_letters),
        ];
        Ok(Books { checks, stock })
    }

    fn of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.items.iter().filter_map(move |(key, item)| Some((key.strip_prefix(prefix)?, item)))
    }

    fn typed<T: DeserializeOwned>(&self, prefix: &str) -> anyhow::Result<Vec<T>> {
        self.of(prefix)
            .map(|(key, item)| {
                serde_json::from_value(item.clone()).with_context(|| format!("{prefix}{key} is malformed"))
            })
            .collect()
    }

    fn orders(&self) -> anyhow::Result<Vec<OrderBooks>> {
        self.of("orders ORDER#")
            .filter(|(key, _)| key.ends_with(" ORDER"))
            .map(|(key, item)| {
                OrderBooks::read(item).with_context(|| format!("the order {key} is malformed"))
            })
            .collect()
    }

    fn allocations(&self) -> anyhow::Result<BTreeMap<String, usize>> {
        let allocations = self.typed::<Allocation>("inventory ALLOCATION#")?;
        let allocated = allocations.into_iter().filter(|a| a.status == AllocationStatus::Allocated);
        Ok(allocated.map(|a| (a.order_id.to_string(), a.shipments.len())).collect())
    }

    fn accounts(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        self.of("growth ACCOUNT#")
            .map(|(key, item)| {
                let points = item.get("points").and_then(Value::as_i64);
                let customer = key.split_once(' ').map_or(key, |(customer, _)| customer).to_owned();
                Ok((customer, points.with_context(|| format!("the account {key} has no points"))?))
            })
            .collect()
    }

    fn notices(&self) -> BTreeMap<String, usize> {
        let mut notices = BTreeMap::new();
        for status in self.of("growth NOTICE#").filter_map(|(_, item)| item.get("status")?.as_str()) {
            *notices.entry(status.to_owned()).or_default() += 1;
        }
        notices
    }

    fn levels(&self, prefix: &str, add: fn(&mut Levels, &str, &Value)) -> BTreeMap<String, Levels> {
        let mut levels: BTreeMap<String, Levels> = BTreeMap::new();
        for (key, item) in self.of(prefix) {
            let (sku, sk) = key.split_once(' ').unwrap_or_default();
            add(levels.entry(sku.to_owned()).or_default(), sk, item);
        }
        levels
    }

    /// What left pools over the counters of stores.
    fn store_sales(&self) -> Vec<(String, u64)> {
        let changes = self.of("inventory ADJUSTMENT#").filter_map(|(_, item)| item.get("pools")?.as_array());
        changes
            .flatten()
            .filter(|change| change.get("effect").and_then(Value::as_str) == Some("SELL"))
            .filter_map(|change| {
                Some((change.get("sku")?.as_str()?.to_owned(), change.get("units")?.as_u64()?))
            })
            .collect()
    }

    fn listings(&self) -> anyhow::Result<Vec<ListingBooks>> {
        self.typed("growth LISTING#")
    }

    fn stock(&self, orders: &[OrderBooks]) -> anyhow::Result<BTreeMap<String, SkuBooks>> {
        let mut stock: BTreeMap<String, SkuBooks> = BTreeMap::new();
        for (key, item) in self.of("inventory SKU#") {
            let (sku, part) = key.split_once(' ').unwrap_or_default();
            let books = stock.entry(sku.to_owned()).or_default();
            if part.starts_with("POOL#") {
                let pool: Pool =
                    serde_json::from_value(item.clone()).with_context(|| format!("{key} is not sound"))?;
                let counts = pool.counts();
                books.available = books.available.saturating_add(counts.available);
                books.held = books.held.saturating_add(counts.held);
                books.sold = books.sold.saturating_add(counts.sold);
                books.received = books.received.saturating_add(counts.received);
            } else if part.starts_with("NODE#") {
                let on_hand = item.get("on_hand").and_then(Value::as_u64);
                let on_hand = on_hand.with_context(|| format!("{key} counts nothing"))?;
                books.on_hand = books.on_hand.saturating_add(on_hand);
            }
        }
        for order in orders.iter().filter(|order| order.state == "FULFILLED") {
            for (sku, units) in &order.lines {
                let books = stock.entry(sku.clone()).or_default();
                books.fulfilled = books.fulfilled.saturating_add(*units);
            }
        }
        for (sku, units) in self.store_sales() {
            let books = stock.entry(sku).or_default();
            books.sold_at_stores = books.sold_at_stores.saturating_add(units);
        }
        for reservation in self.typed::<Reservation>("inventory RESERVATION#")? {
            if reservation.status == ReservationStatus::Held {
                for take in reservation.takes {
                    let books = stock.entry(take.sku.to_string()).or_default();
                    books.reserved = books.reserved.saturating_add(take.units);
                }
            }
        }
        Ok(stock)
    }
}

/// What the reconciliation needs of a listing: the newest level of which we know what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ListingBooks {
    marketplace: String,
    sku: String,
    available: u64,
    version: u64,
    status: String,
}

/// What the reconciliation needs of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OrderBooks {
    order_id: String,
    customer_id: String,
    state: String,
    total: i64,
    lines: Vec<(String, u64)>,
}

impl OrderBooks {
    /// Reads the stored order; one that was refused at once has no lines and no total.
    fn read(item: &Value) -> Option<Self> {
        let lines = item.pointer("/order/lines").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        Some(Self {
            order_id: item.get("orderId")?.as_str()?.to_owned(),
            customer_id: item.get("customerId")?.as_str()?.to_owned(),
            state: item.pointer("/state/state")?.as_str()?.to_owned(),
            total: item.pointer("/order/total/amount").and_then(Value::as_i64).unwrap_or_default(),
            lines: lines
                .iter()
                .map(|line| Some((line.get("sku")?.as_str()?.to_owned(), line.get("quantity")?.as_u64()?)))
                .collect::<Option<_>>()?,
        })
    }
}
