//! The inventory squad's table on DynamoDB. Every change of stock is one transaction that moves units between
//! counts under the condition that they are there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ConditionCheck, KeysAndAttributes, Put, TransactWriteItem, Update},
};
use futures::future::try_join_all;
use lakeside_domain::{
    allocation::{Allocation, AllocationStatus, OnHand},
    ids::{NodeId, OrderId, Sku},
    level::Level,
    reservation::{Availability, Guard, Plan, Reservation, ReservationStatus},
    stock::{Pool, PoolId},
    time::Timestamp,
};
use lakeside_kit::{
    dynamo::{Item, Key, SK, StoreError, Transacted, get, number, string, transact},
    outbox::{self, Entry, attach},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    allocate::{AllocationStore, NewAllocation},
    publish_levels::{LevelStore, PoolLevel},
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
    sweep_reservations::SweepStore,
};

const BATCH_READS: usize = 5;

/// The index of holds by their end: its name, and its partition key, which only an item that holds units has.
const HELD_INDEX: &str = "held-by-end";
const HELD: &str = "heldShard";
/// Partitions of the index, so that no single one takes all of its writes.
const HELD_SHARDS: u8 = 4;
/// Holds read from each of them at most.
const ENDED_HOLDS: i32 = 100;

/// The table.
#[derive(Debug, Clone)]
pub struct InventoryTable {
    client: Client,
    table: String,
}

/// A node's item. Like a pool's it also has a `version`, which every write makes one higher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStock {
    /// Units that are there and not set aside.
    pub on_hand: u64,
}

/// The key of a pool's item.
pub fn pool_key(sku: &Sku, pool: PoolId) -> Key {
    Key::new(format!("SKU#{sku}"), format!("POOL#{}", pool.0))
}

/// The key of a node's item.
pub fn node_key(sku: &Sku, node: &NodeId) -> Key {
    Key::new(format!("SKU#{sku}"), format!("NODE#{node}"))
}

/// The key of an order's reservation.
pub fn reservation_key(order_id: OrderId) -> Key {
    Key::new(format!("RESERVATION#{order_id}"), "RESERVATION")
}

fn held_shard(order_id: OrderId) -> AttributeValue {
    let last = order_id.as_uuid().as_bytes().last().copied().unwrap_or_default();
    held_partition(last.checked_rem(HELD_SHARDS).unwrap_or_default())
}

fn held_partition(shard: u8) -> AttributeValue {
    string(format!("HELD#{shard}"))
}

/// The key of an order's allocation.
pub fn allocation_key(order_id: OrderId) -> Key {
    Key::new(format!("ALLOCATION#{order_id}"), "ALLOCATION")
}

/// What must be true of the end of a hold.
#[derive(Debug, Clone, Copy)]
enum Hold {
    Any,
    LiveAt(Timestamp),
    Until(Timestamp),
}

impl InventoryTable {
    /// The table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.table
    }

    /// The items of a SKU whose sort key begins with `prefix`: the rest of the sort key, and the item.
    pub(crate) async fn of_sku<T: DeserializeOwned>(
        &self,
        sku: &Sku,
        prefix: &str,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", string(format!("SKU#{sku}")))
            .expression_attribute_values(":prefix", string(prefix))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item?;
            let Some(AttributeValue::S(sk)) = item.get(SK).cloned() else { continue };
            let Some(rest) = sk.strip_prefix(prefix) else { continue };
            found.push((rest.to_owned(), Key::new(format!("SKU#{sku}"), &sk).read(item)?));
        }
        Ok(found)
    }

    pub(crate) async fn commit(&self, actions: Vec<TransactWriteItem>) -> Result<Committed, StoreError> {
        Ok(match transact(&self.client, actions).await? {
            Transacted::Applied => Committed::Yes,
            Transacted::Refused(_) => Committed::Stale,
        })
    }

    /// Writes a record that there is none of yet.
    pub(crate) fn first<T: Serialize>(
        &self,
        key: &Key,
        record: &T,
        outbox: &[Entry],
    ) -> Result<TransactWriteItem, StoreError> {
        self.first_item(key.item_of(record)?, outbox)
    }

    fn first_item(&self, mut item: Item, outbox: &[Entry]) -> Result<TransactWriteItem, StoreError> {
        attach(&mut item, outbox)?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(refused)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Moves units between two counts of an item, if the first has them.
    fn shift(&self, key: &Key, from: &str, to: &str, units: u64) -> Result<TransactWriteItem, StoreError> {
        self.update_stock(key, &format!("{from} = {from} - :units, {to} = {to} + :units"))
            .condition_expression(format!("{from} >= :units"))
            .expression_attribute_values(":units", number(units))
            .build()
            .map(update_action)
            .map_err(refused)
    }

    /// An update of a pool's or node's counts, which makes its version one higher.
    pub(crate) fn update_stock(
        &self,
        key: &Key,
        set: &str,
    ) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        self.update(key, &format!("SET {set}, version = if_not_exists(version, :none) + :one"))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":one", number(1))
    }

    fn update(&self, key: &Key, expression: &str) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder().table_name(&self.table).set_key(Some(key.to_item())).update_expression(expression)
    }

    /// Takes what a plan's grants take of one pool, if the plan's reading of it still holds.
    fn guard(&self, key: &Key, guard: &Guard) -> Result<TransactWriteItem, StoreError> {
        let mut conditions = Vec::new();
        let mut values: Item = HashMap::new();
        if guard.take > 0 {
            conditions.push("available >= :take");
            values.insert(":take".into(), number(guard.take));
        }
        if let Some(at_most) = guard.at_most {
            conditions.push("(attribute_not_exists(pk) OR available <= :at_most)");
            values.insert(":at_most".into(), number(at_most));
        }
        let condition = conditions.join(" AND ");
        if guard.take > 0 {
            let mut update = self
                .update_stock(key, "available = available - :take, held = held + :take")
                .condition_expression(condition);
            for (name, value) in values {
                update = update.expression_attribute_values(name, value);
            }
            return update.build().map(update_action).map_err(refused);
        }
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key.to_item()))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(refused)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// The reservation's next status, if it stands at `before`, and holds as `hold` says.
    fn turn(
        &self,
        order_id: OrderId,
        before: ReservationStatus,
        after: ReservationStatus,
        hold: Hold,
        entries: &[Entry],
    ) -> Result<TransactWriteItem, StoreError> {
        let mut set = vec!["#status = :after"];
        let mut remove = Vec::new();
        let mut condition = "#status = :before".to_owned();
        let mut values: Item =
            [(":before".into(), status(before)?), (":after".into(), status(after)?)].into();
        match hold {
            Hold::Any => {}
            Hold::LiveAt(now) => {
                condition.push_str(" AND expiresAt > :until");
                values.insert(":until".into(), number(now.as_millis()));
            }
            Hold::Until(end) => {
                condition.push_str(" AND expiresAt = :until");
                values.insert(":until".into(), number(end.as_millis()));
            }
        }
        if after == ReservationStatus::Held {
            set.push("heldShard = :shard");
            values.insert(":shard".into(), held_shard(order_id));
        } else {
            remove.push(HELD);
        }
        if entries.is_empty() {
            remove.push(outbox::ATTRIBUTE);
        } else {
            set.push("outbox = :outbox");
            values.insert(":outbox".into(), outbox::attribute(entries)?);
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression = format!("{expression} REMOVE {}", remove.join(", "));
        }
        self.update(&reservation_key(order_id), &expression)
            .condition_expression(condition)
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(values))
            .build()
            .map(update_action)
            .map_err(refused)
    }

    /// The moves between two counts of all pools that a reservation took from.
    fn pools(
        &self,
        reservation: &Reservation,
        from: &str,
        to: &str,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        reservation
            .takes
            .iter()
            .map(|take| self.shift(&pool_key(&take.sku, take.pool), from, to, take.units))
            .collect()
    }

    async fn reservation_of(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        get(&self.client, &self.table, &reservation_key(order_id)).await
    }

    async fn allocation_of(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        get(&self.client, &self.table, &allocation_key(order_id)).await
    }
}

/// What the index knows of a hold.
#[derive(Deserialize)]
struct HeldKey {
    pk: String,
}

pub(crate) fn refused(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Refused(error.into())
}

pub(crate) fn update_action(update: Update) -> TransactWriteItem {
    TransactWriteItem::builder().update(update).build()
}

fn status(status: impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(status)
        .map_err(|e| StoreError::Malformed { key: "status".into(), source: e.into() })
}

impl ReservationStore for InventoryTable {
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError> {
        let keys: Vec<Item> = orders.iter().map(|id| reservation_key(*id).to_item()).collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let mut wanted = Some(wanted.build().map_err(refused)?);
        let mut found = HashMap::new();
        for _ in 0..BATCH_READS {
            let Some(keys) = wanted.take() else { return Ok(found) };
            let read = self.client.batch_get_item().request_items(&self.table, keys).send().await?;
            for item in read.responses.unwrap_or_default().into_values().flatten() {
                let reservation: Reservation = Key::new("RESERVATION", "RESERVATION").read(item)?;
                found.insert(reservation.order_id, reservation);
            }
            wanted = read.unprocessed_keys.unwrap_or_default().into_values().next();
        }
        if wanted.is_some() { Err(StoreError::Busy) } else { Ok(found) }
    }

    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError> {
        let read = skus.iter().map(async |sku| {
            let mut pools = BTreeMap::new();
            for (id, pool) in self.of_sku::<Pool>(sku, "POOL#").await? {
                if let Ok(id) = id.parse() {
                    pools.insert(PoolId(id), pool.available());
                }
            }
            Ok::<_, StoreError>(((*sku).clone(), pools))
        });
        Ok(try_join_all(read).await?.into_iter().collect())
    }

    async fn reserve(&self, plan: &Plan, reservations: &[NewReservation]) -> Result<Committed, StoreError> {
        let mut actions = Vec::new();
        for new in reservations {
            let order_id = new.reservation.order_id;
            let mut item = reservation_key(order_id).item_of(&new.reservation)?;
            if new.reservation.status == ReservationStatus::Held {
                item.insert(HELD.into(), held_shard(order_id));
            }
            actions.push(self.first_item(item, &new.outbox)?);
        }
        for ((sku, pool), guard) in &plan.guards {
            actions.push(self.guard(&pool_key(sku, *pool), guard)?);
        }
        self.commit(actions).await
    }

    async fn renew(&self, held: &Reservation, expires_at: Timestamp) -> Result<Committed, StoreError> {
        let update = self
            .update(&reservation_key(held.order_id), "SET expiresAt = :until")
            .condition_expression("#status = :held AND expiresAt = :known")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":held", status(ReservationStatus::Held)?)
            .expression_attribute_values(":known", number(held.expires_at.as_millis()))
            .expression_attribute_values(":until", number(expires_at.as_millis()));
        self.commit(vec![update.build().map(update_action).map_err(refused)?]).await
    }
}

impl ReleaseStore for InventoryTable {
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.reservation_of(order_id).await
    }

    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        self.allocation_of(order_id).await
    }

    async fn release_reservation(
        &self,
        held: &Reservation,
        outbox: &[Entry],
    ) -> Result<Committed, StoreError> {
        let mut actions = self.pools(held, "held", "available")?;
        let (before, after) = (ReservationStatus::Held, ReservationStatus::Released);
        actions.push(self.turn(held.order_id, before, after, Hold::Any, outbox)?);
        self.commit(actions).await
    }

    async fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Result<Committed, StoreError> {
        let status = ReservationStatus::Released;
        let closed = Reservation { order_id, status, takes: Vec::new(), expires_at: now };
        self.commit(vec![self.first(&reservation_key(order_id), &closed, &[])?]).await
    }

    async fn release_allocation(
        &self,
        allocated: &Allocation,
        committed: &Reservation,
    ) -> Result<Committed, StoreError> {
        let order_id = allocated.order_id;
        let mut actions = self.pools(committed, "sold", "held")?;
        for shipment in &allocated.shipments {
            for line in &shipment.lines {
                let update = self
                    .update_stock(&node_key(&line.sku, &shipment.node), "on_hand = on_hand + :units")
                    .condition_expression("attribute_exists(pk)")
                    .expression_attribute_values(":units", number(line.quantity.units()));
                actions.push(update.build().map(update_action).map_err(refused)?);
            }
        }
        let (before, after) = (ReservationStatus::Committed, ReservationStatus::Held);
        actions.push(self.turn(order_id, before, after, Hold::Any, &[])?);
        let update = self
            .update(&allocation_key(order_id), "SET #status = :after REMOVE outbox")
            .condition_expression("#status = :before")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":before", status(AllocationStatus::Allocated)?)
            .expression_attribute_values(":after", status(AllocationStatus::Released)?);
        actions.push(update.build().map(update_action).map_err(refused)?);
        self.commit(actions).await
    }

    async fn close_allocation(&self, order_id: OrderId) -> Result<Committed, StoreError> {
        let closed = Allocation { order_id, status: AllocationStatus::Released, shipments: Vec::new() };
        self.commit(vec![self.first(&allocation_key(order_id), &closed, &[])?]).await
    }
}

impl LevelStore for InventoryTable {
    async fn pools(&self, sku: &Sku) -> Result<Vec<Level>, StoreError> {
        let pools = self.of_sku::<PoolLevel>(sku, "POOL#").await?;
        Ok(pools.into_iter().map(|(_, pool)| pool.into()).collect())
    }
}

impl SweepStore for InventoryTable {
    async fn ended_holds(&self, ended_by: Timestamp) -> Result<Vec<OrderId>, StoreError> {
        let shards = (0..HELD_SHARDS).map(async |shard| {
            let found = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(HELD_INDEX)
                .key_condition_expression("heldShard = :shard AND expiresAt <= :ended")
                .expression_attribute_values(":shard", held_partition(shard))
                .expression_attribute_values(":ended", number(ended_by.as_millis()))
                .limit(ENDED_HOLDS)
                .send()
                .await?;
            let mut orders = Vec::new();
            for item in found.items.unwrap_or_default() {
                let key: HeldKey = Key::new("RESERVATION", "RESERVATION").read(item)?;
                orders.extend(key.pk.strip_prefix("RESERVATION#").and_then(|id| OrderId::parse(id).ok()));
            }
            Ok::<_, StoreError>(orders)
        });
        Ok(try_join_all(shards).await?.into_iter().flatten().collect())
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.reservation_of(order_id).await
    }

    async fn release_ended(&self, held: &Reservation, outbox: &[Entry]) -> Result<Committed, StoreError> {
        let mut actions = self.pools(held, "held", "available")?;
        let (before, after) = (ReservationStatus::Held, ReservationStatus::Released);
        actions.push(self.turn(held.order_id, before, after, Hold::Until(held.expires_at), outbox)?);
        self.commit(actions).await
    }
}

impl AllocationStore for InventoryTable {
    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        self.allocation_of(order_id).await
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.reservation_of(order_id).await
    }

    async fn on_hand(&self, skus: &BTreeSet<&Sku>) -> Result<OnHand, StoreError> {
        let read = skus.iter().map(async |sku| {
            Ok::<_, StoreError>(((*sku).clone(), self.of_sku::<NodeStock>(sku, "NODE#").await?))
        });
        let mut on_hand = OnHand::new();
        for (sku, nodes) in try_join_all(read).await? {
            for (node, stock) in nodes {
                if let Ok(node) = NodeId::parse(&node) {
                    on_hand.entry(node).or_default().insert(sku.clone(), stock.on_hand);
                }
            }
        }
        Ok(on_hand)
    }

    async fn allocate(&self, new: &NewAllocation, now: Timestamp) -> Result<Committed, StoreError> {
        let order_id = new.allocation.order_id;
        let mut actions = self.pools(&new.reservation, "held", "sold")?;
        for shipment in &new.allocation.shipments {
            for line in &shipment.lines {
                let update = self
                    .update_stock(&node_key(&line.sku, &shipment.node), "on_hand = on_hand - :units")
                    .condition_expression("on_hand >= :units")
                    .expression_attribute_values(":units", number(line.quantity.units()));
                actions.push(update.build().map(update_action).map_err(refused)?);
            }
        }
        let (before, after) = (ReservationStatus::Held, ReservationStatus::Committed);
        actions.push(self.turn(order_id, before, after, Hold::LiveAt(now), &new.reservation_outbox)?);
        actions.push(self.first(&allocation_key(order_id), &new.allocation, &new.allocation_outbox)?);
        self.commit(actions).await
    }
}
