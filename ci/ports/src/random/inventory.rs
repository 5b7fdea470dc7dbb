//! Sequences on the inventory squad's table.

use std::collections::BTreeSet;

use lakeside_domain::{
    adjustment::{self, Adjustment, Kind, Units, decide},
    allocation::{Allocation, AllocationStatus, Shipment},
    ids::{AdjustmentId, NodeId, OrderId, ShipmentId, Sku},
    quantity::Quantity,
    rebalancing::Move,
    reservation::{Line, Request, Reservation, ReservationStatus, Take, plan},
    stock::PoolId,
};
use lakeside_inventory::{
    adjust_stock::NewAdjustment,
    adjustment_record::{AdjustmentRecord, AdjustmentStatus, adjustment_key},
    allocate::NewAllocation,
    inventory_table::{allocation_key, node_key, pool_key, reservation_key},
    memory::Counts,
    release_stock::ReleaseStore,
    reserve_stock::NewReservation,
};

use super::{Step, Story, one, told};
use crate::{
    at, event, goods,
    inventory::{Books, Ports},
    order,
};

const POOLS: [PoolId; 2] = [PoolId(0), PoolId(1)];
const END: i64 = 10_000;

/// Orders and goods that nobody else has.
#[derive(Debug)]
pub struct Cast {
    orders: [OrderId; 3],
    skus: [Sku; 2],
    nodes: [NodeId; 2],
}

impl Cast {
    /// A new one.
    ///
    /// # Errors
    /// Never in practice: all names are well-formed.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            orders: [order(), order(), order()],
            skus: [goods()?, goods()?],
            nodes: [NodeId::parse("wh-east")?, NodeId::parse("wh-west")?],
        })
    }

    fn invented(&self, order_id: OrderId, [_, _, a, b]: Step) -> Reservation {
        let (sku, pool) = (one(&self.skus, a).clone(), *one(&POOLS, b));
        let takes = vec![Take { sku, pool, units: 1 + u64::from(a / 2 % 3) }];
        Reservation { order_id, status: ReservationStatus::Held, takes, expires_at: at(END) }
    }

    fn shipped(&self, reservation: &Reservation, node: u8) -> anyhow::Result<Allocation> {
        let (order_id, node) = (reservation.order_id, one(&self.nodes, node).clone());
        let shipment_id = ShipmentId::derive(order_id, &node);
        let shipments = vec![Shipment { shipment_id, node, lines: reservation.lines()? }];
        Ok(Allocation { order_id, status: AllocationStatus::Allocated, shipments })
    }

    /// Plays the steps.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn play(
        &self,
        ports: &impl Ports,
        books: &impl Books,
        steps: &[Step],
    ) -> anyhow::Result<Story> {
        for sku in &self.skus {
            for pool in POOLS {
                books.put_pool(sku, pool, Counts::received(3)).await?;
            }
            // The second node has nothing of the second SKU, not even an item.
            for node in self.nodes.iter().take(if sku == one(&self.skus, 0) { 2 } else { 1 }) {
                books.put_node(sku, node, 3).await?;
            }
        }
        let mut story = Story::new();
        for step in steps {
            story.push(self.step(ports, *step).await?);
        }
        for order_id in self.orders {
            story.push(format!("{:?}", ReleaseStore::reservation(ports, order_id).await?));
            story.push(format!("{:?}", ReleaseStore::allocation(ports, order_id).await?));
            story.push(format!("{:?}", books.outbox(&reservation_key(order_id)).await?));
            story.push(format!("{:?}", books.outbox(&allocation_key(order_id)).await?));
        }
        for id in self.orders.map(|order_id| AdjustmentId::from_uuid(order_id.as_uuid())) {
            story.push(format!("{:?}", ports.adjustment(id).await?));
            story.push(format!("{:?}", books.outbox(&adjustment_key(id)).await?));
        }
        for sku in &self.skus {
            for pool in POOLS {
                story.push(format!("{:?}", books.pool(sku, pool).await?));
                story.push(format!("{:?}", books.version(&pool_key(sku, pool)).await?));
            }
            for node in &self.nodes {
                story.push(format!("{:?}", books.node(sku, node).await?));
                story.push(format!("{:?}", books.version(&node_key(sku, node)).await?));
            }
        }
        Ok(story)
    }

    async fn step(&self, ports: &impl Ports, step: Step) -> anyhow::Result<String> {
        let [kind, who, a, b] = step;
        let order_id = *one(&self.orders, who);
        let known = ReleaseStore::reservation(ports, order_id).await?;
        let reservation = known.filter(|_| b % 5 > 0).unwrap_or_else(|| self.invented(order_id, step));
        let read = Reservation {
            expires_at: at(reservation.expires_at.as_millis() + i64::from(a % 3 == 0)),
            ..reservation.clone()
        };
        Ok(match kind % 14 {
            0..3 => self.reserve(ports, step).await?,
            3 => told("renew", ports.renew(&read, at(END + i64::from(b))).await),
            4 => {
                let outbox = [event(order_id, "Released")];
                told("release", ports.release_reservation(&reservation, &outbox).await)
            }
            5 => told("close reservation", ports.close_reservation(order_id, at(i64::from(a))).await),
            6 | 7 => {
                let new = NewAllocation {
                    allocation: self.shipped(&reservation, a)?,
                    reservation,
                    allocation_outbox: vec![event(order_id, "Allocated")],
                    reservation_outbox: vec![event(order_id, "Committed")],
                };
                told("allocate", ports.allocate(&new, at(END - 2 + i64::from(b % 4))).await)
            }
            8 => {
                let standing = ReleaseStore::allocation(ports, order_id).await?;
                let allocated = match standing {
                    Some(allocation) => allocation,
                    None => self.shipped(&reservation, a)?,
                };
                told("release allocation", ports.release_allocation(&allocated, &reservation).await)
            }
            9 => {
                let outbox = [event(order_id, "Swept")];
                told("sweep", ports.release_ended(&read, &outbox).await)
            }
            10 => told("close allocation", ports.close_allocation(order_id).await),
            11 | 12 => self.adjust(ports, step).await?,
            _ => {
                let (from, to) = (*one(&POOLS, a), *one(&POOLS, a.wrapping_add(1)));
                let step = Move { from, to, units: 1 + u64::from(b % 3), seen: u64::from(b / 3 % 4) };
                told("move", ports.move_units(one(&self.skus, who), step).await)
            }
        })
    }

    /// A change, decided on what was read or on what is not so any more.
    async fn adjust(&self, ports: &impl Ports, [_, who, a, b]: Step) -> anyhow::Result<String> {
        let (sku, node) = (one(&self.skus, a).clone(), one(&self.nodes, a / 2).clone());
        let kind = *one(&Kind::ALL, a / 4);
        let units = 1 + i64::from(b % 3);
        let units = Units::new(if kind == Kind::Count { -units } else { units })?;
        let adjustment_id = AdjustmentId::from_uuid(one(&self.orders, who).as_uuid());
        let lines = vec![adjustment::Line { sku, units }];
        let adjustment = Adjustment { adjustment_id, kind, node, lines };
        let mut read = ports.stock_at(&adjustment.node, &adjustment.skus()).await?;
        let pools = read.pools.values_mut().flat_map(std::collections::BTreeMap::values_mut);
        for units in pools {
            *units = (*units + u64::from(b / 3 % 3)).saturating_sub(1);
        }
        for units in read.on_hand.values_mut() {
            *units = (*units + u64::from(b / 9 % 3)).saturating_sub(1);
        }
        let decision = decide(&adjustment, &read);
        let status = if decision.is_ok() { AdjustmentStatus::Applied } else { AdjustmentStatus::Refused };
        let pools = decision.as_ref().map(|changes| changes.pools.clone()).unwrap_or_default();
        let (fingerprint, decided_at) = (a.to_string(), at(i64::from(b)));
        let record = AdjustmentRecord { adjustment, fingerprint, status, reason: None, pools, decided_at };
        let outbox = vec![event(*one(&self.orders, who), "Adjusted")];
        Ok(told("adjust", ports.adjust(&NewAdjustment { record, decision, outbox }).await))
    }

    /// One or two orders, decided on what was read or on what is not so any more.
    async fn reserve(&self, ports: &impl Ports, [_, who, a, b]: Step) -> anyhow::Result<String> {
        let mut requests = Vec::new();
        // Two orders next to each other, so never one order twice, which no caller does and DynamoDB refuses.
        let first = usize::from(who) % self.orders.len();
        let orders = self.orders.iter().cycle().skip(first).take(1 + usize::from(b % 2));
        for order_id in orders {
            let mut lines = Vec::new();
            for (sku, units) in self.skus.iter().zip([a % 4, a / 4 % 4]).filter(|(_, units)| *units > 0) {
                lines.push(Line { sku: sku.clone(), quantity: Quantity::new(i64::from(units))? });
            }
            if !lines.is_empty() {
                requests.push(Request::new(*order_id, lines)?);
            }
        }
        if requests.is_empty() {
            return Ok("nothing to reserve".into());
        }
        let skus: BTreeSet<&Sku> = self.skus.iter().collect();
        let mut read = ports.availability(&skus).await?;
        for units in read.values_mut().flat_map(std::collections::BTreeMap::values_mut) {
            *units = (*units + u64::from(b / 2 % 3)).saturating_sub(1);
        }
        let plan = plan(&requests, &read);
        let granted = plan.grants.iter().map(|g| (g.order_id, ReservationStatus::Held, g.takes.clone()));
        let refused = plan.refusals.iter().map(|r| (r.order_id, ReservationStatus::Refused, Vec::new()));
        let new: Vec<NewReservation> = granted
            .chain(refused)
            .map(|(order_id, status, takes)| NewReservation {
                reservation: Reservation { order_id, status, takes, expires_at: at(END) },
                outbox: vec![event(order_id, "Decided")],
            })
            .collect();
        Ok(told("reserve", ports.reserve(&plan, &new).await))
    }
}
