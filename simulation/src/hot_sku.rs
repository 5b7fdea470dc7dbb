//! What a rush on one SKU costs: the very function `reserve-stock`, as many of it at once as its mapping lets, over a
//! table whose transactions conflict as DynamoDB's do. Counts are exact; times follow from the latencies below, which are
//! an assumption.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap, HashSet},
    fmt::Write as _,
    rc::Rc,
};

use lakeside_domain::{
    ids::{OrderId, Sku},
    reservation::{Availability, Plan, Reservation, ReservationStatus},
    stock::PoolId,
    time::Timestamp,
};
use lakeside_inventory::{
    inventory_table::{pool_key, reservation_key},
    memory::{Counts, MemoryInventory},
    reserve_stock::{self, NewReservation, ReservationStore, Settings},
    stock_error::Committed,
};
use lakeside_kit::{
    clock::Clock,
    dynamo::{ATTEMPTS, BACKOFF, Key, StoreError},
    memory::Answers,
    sqs::Message,
};
use serde_json::json;

use crate::engine::{EPOCH, Engine};

/// Milliseconds from a function to the table, and the same back.
const WAY: (i64, i64) = (1, 3);
/// Milliseconds for which a transaction has its items to itself.
const TRANSACTION: (i64, i64) = (4, 8);
/// Milliseconds that a message is hidden which could not be handled: six times the function's timeout.
const HIDDEN: i64 = 60_000;
/// A message that was received so often is given up.
const MAX_RECEIVES: u32 = 5;
/// A transactional write costs two units for each begun kilobyte of its item, and so does a condition check.
const UNITS_PER_KILOBYTE: u64 = 2;
const KILOBYTE: usize = 1024;

/// Who wants what.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Orders of one unit each, all there at once.
    pub orders: u32,
    /// Units that there are.
    pub units: i64,
    /// Invocations at the same time.
    pub concurrency: u32,
}

/// The load of `docs/benchmarks.md`: the concurrency is the mapping's default.
pub const LOAD: Load = Load { orders: 5_000, units: 1_000, concurrency: 10 };

/// How it is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Design {
    /// Pools of the SKU.
    pub pools: u8,
    /// Orders of one invocation at most.
    pub batch: usize,
}

/// What that cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Transactions that were sent, those included that were not applied.
    pub transactions: u64,
    /// Of these, cancelled because another one had an item of theirs.
    pub conflicts: u64,
    /// Of these, cancelled because a condition did not hold any more.
    pub stale: u64,
    /// Write capacity units of all of them.
    pub write_units: u64,
    /// Of these, on the pools.
    pub pool_units: u64,
    /// Orders that got their unit.
    pub reserved: usize,
    /// Orders that were told that there is none.
    pub refused: usize,
    /// Of these, told so while there was one.
    pub falsely_refused: usize,
    /// Messages that came back once more.
    pub redelivered: u64,
    /// Messages that were given up.
    pub given_up: u64,
    /// Until the last order was decided.
    pub millis: i64,
}

struct Table {
    engine: Engine,
    sku: Sku,
    stock: MemoryInventory,
    /// Items that a transaction has to itself.
    taken: RefCell<HashSet<Key>>,
    cost: Cell<Cost>,
}

impl Table {
    fn count(&self, change: impl FnOnce(&mut Cost)) {
        let mut cost = self.cost.get();
        change(&mut cost);
        self.cost.set(cost);
    }

    async fn wait(&self, (least, most): (i64, i64)) {
        self.engine.sleep(self.engine.between(least, most)).await;
    }

    fn available(&self) -> i64 {
        self.stock.pools.borrow().values().map(|counts| counts.available).sum()
    }
}

/// What an item costs to write.
fn units(bytes: usize) -> u64 {
    UNITS_PER_KILOBYTE * bytes.div_ceil(KILOBYTE).max(1) as u64
}

fn size(new: &NewReservation) -> usize {
    let events: usize = new.outbox.iter().map(|entry| serde_json::to_string(entry).unwrap().len()).sum();
    serde_json::to_string(&new.reservation).unwrap().len() + events
}

impl ReservationStore for Table {
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError> {
        self.wait(WAY).await;
        let known = self.stock.reservations(orders);
        self.wait(WAY).await;
        Ok(known)
    }

    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError> {
        self.wait(WAY).await;
        let availability = self.stock.availability(skus);
        self.wait(WAY).await;
        Ok(availability)
    }

    /// As the adapter does: conflicts are tried again, with jitter, so many times.
    async fn reserve(&self, plan: &Plan, new: &[NewReservation]) -> Result<Committed, StoreError> {
        let pools = plan.guards.keys().map(|(sku, pool)| pool_key(sku, *pool));
        let orders = new.iter().map(|new| reservation_key(new.reservation.order_id));
        let items: Vec<Key> = pools.chain(orders).collect();
        // A pool's item is far below a kilobyte.
        let on_pools = plan.guards.len() as u64 * units(0);
        let cost = on_pools + new.iter().map(|new| units(size(new))).sum::<u64>();
        for attempt in 1..=ATTEMPTS {
            self.wait(WAY).await;
            self.count(|c| {
                c.transactions += 1;
                c.write_units += cost;
                c.pool_units += on_pools;
            });
            if items.iter().any(|item| self.taken.borrow().contains(item)) {
                self.count(|c| c.conflicts += 1);
                self.wait(WAY).await;
                let ceiling = BACKOFF.saturating_mul(2_u32.saturating_pow(attempt));
                self.wait((0, i64::try_from(ceiling.as_millis()).unwrap())).await;
                continue;
            }
            self.taken.borrow_mut().extend(items.iter().cloned());
            self.wait(TRANSACTION).await;
            let left = self.available();
            let committed = self.stock.reserve(plan, new);
            self.taken.borrow_mut().retain(|item| !items.contains(item));
            if committed == Committed::Stale {
                self.count(|c| c.stale += 1);
            } else {
                let refused =
                    new.iter().filter(|n| n.reservation.status == ReservationStatus::Refused).count();
                let granted = i64::try_from(new.len() - refused).unwrap();
                self.count(|c| c.falsely_refused += if left > granted { refused } else { 0 });
            }
            self.wait(WAY).await;
            return Ok(committed);
        }
        Err(StoreError::Busy)
    }

    async fn renew(&self, _: &Reservation, _: Timestamp) -> Result<Committed, StoreError> {
        Ok(Committed::Yes)
    }
}

impl Clock for Table {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.engine.now())
    }
}

struct Waiting {
    message: Message,
    visible_at: i64,
    receives: u32,
}

fn created(engine: &Engine, sku: &Sku) -> Message {
    let (order_id, event_id) = (engine.uuid(), engine.uuid());
    let usd = json!({"amount": 1_000, "currency": "USD"});
    let body = json!({
        "source": "lakeside.orders", "detail-type": "OrderCreated",
        "detail": {
            "metadata": {
                "eventId": event_id, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": order_id,
                "causationId": event_id, "schemaVersion": 1,
            },
            "data": {
                "orderId": order_id, "customerId": "1c9d6f0e-6e2f-4f39-9a43-0c2a4f6f6d10", "channel": "web",
                "lines": [{"sku": sku, "quantity": 1, "unitPrice": usd}], "total": usd,
                "paymentMethod": "pm_1Q2w3E4r", "shippingAddressId": "addr_7x8y9z",
            },
        },
    });
    Message {
        id: event_id.to_string(),
        body: body.to_string(),
        attributes: HashMap::new(),
        ..Message::default()
    }
}

/// One consumer: takes a batch whenever there is one, until all messages are gone.
async fn consume(table: Rc<Table>, queue: Rc<RefCell<Vec<Waiting>>>, open: Rc<Cell<u32>>, batch: usize) {
    let answers = Answers::default();
    while open.get() > 0 {
        let now = table.engine.now();
        let mut taken = Vec::new();
        {
            let mut queue = queue.borrow_mut();
            while taken.len() < batch {
                let Some(next) = queue.iter().position(|waiting| waiting.visible_at <= now) else { break };
                taken.push(queue.swap_remove(next));
            }
        }
        if taken.is_empty() {
            table.engine.sleep(50).await;
            continue;
        }
        let messages: Vec<Message> = taken.iter().map(|waiting| waiting.message.clone()).collect();
        let settings = Settings { hold_seconds: 14_400 };
        let failures = reserve_stock::handle(&*table, &answers, &*table, &(), settings, &messages).await;
        for mut waiting in taken {
            if !failures.ids().contains(&waiting.message.id) {
                open.set(open.get() - 1);
                let millis = table.engine.now() - EPOCH;
                table.count(|c| c.millis = c.millis.max(millis));
                continue;
            }
            waiting.receives += 1;
            if waiting.receives >= MAX_RECEIVES {
                open.set(open.get() - 1);
                table.count(|c| c.given_up += 1);
                continue;
            }
            table.count(|c| c.redelivered += 1);
            waiting.visible_at = table.engine.now() + HIDDEN;
            queue.borrow_mut().push(waiting);
        }
    }
}

/// Meets `load` as `design` does. `spread` says what each pool has; the units are spread evenly if it is empty.
pub fn run(seed: u64, load: Load, design: Design, spread: &[i64]) -> Cost {
    let engine = Engine::new(seed);
    let sku = Sku::parse("TENT-2P").unwrap();
    let stock = MemoryInventory::default();
    for pool in 0..design.pools {
        let even = load.units / i64::from(design.pools)
            + i64::from(i64::from(pool) < load.units % i64::from(design.pools));
        let units =
            spread.get(usize::from(pool)).copied().unwrap_or(if spread.is_empty() { even } else { 0 });
        stock.pools.borrow_mut().insert((sku.clone(), PoolId(pool)), Counts::received(units));
    }
    let messages: Vec<Waiting> = (0..load.orders)
        .map(|_| Waiting { message: created(&engine, &sku), visible_at: EPOCH, receives: 0 })
        .collect();
    let table = Rc::new(Table { engine, sku, stock, taken: RefCell::default(), cost: Cell::default() });
    let (queue, open) = (Rc::new(RefCell::new(messages)), Rc::new(Cell::new(load.orders)));
    for _ in 0..load.concurrency {
        let consumer = consume(Rc::clone(&table), Rc::clone(&queue), Rc::clone(&open), design.batch);
        table.engine.spawn(consumer);
    }
    table.engine.run(EPOCH + 86_400_000, || open.get() == 0);
    let mut cost = table.cost.get();
    for reservation in table.stock.reservations.borrow().values() {
        match reservation.status {
            ReservationStatus::Refused => cost.refused += 1,
            _ => cost.reserved += 1,
        }
    }
    let held: i64 = table.stock.pools.borrow().values().map(|counts| counts.held).sum();
    assert_eq!(usize::try_from(held).unwrap(), cost.reserved, "{} is oversold", table.sku);
    table.engine.clear();
    cost
}

/// The designs that are compared, the plain one first and the shipped one last.
pub const DESIGNS: [Design; 6] = [
    Design { pools: 1, batch: 1 },
    Design { pools: 8, batch: 1 },
    Design { pools: 1, batch: 10 },
    Design { pools: 2, batch: 10 },
    Design { pools: 4, batch: 10 },
    Design { pools: 8, batch: 10 },
];

/// The comparison as tables in Markdown: while there is something to be had, and with all who come too late.
pub fn report() -> String {
    let in_time = Load { orders: u32::try_from(LOAD.units).unwrap(), ..LOAD };
    compared(in_time) + "\n" + &compared(LOAD)
}

fn compared(load: Load) -> String {
    let Load { orders, units, concurrency } = load;
    let mut text =
        format!("{orders} orders of one unit each, {units} units, {concurrency} invocations at once:\n\n");
    text.push_str(
        "| pools | batch | transactions | conflicts | overtaken | write units | of these on pools | redelivered | simulated |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    let costs = DESIGNS.map(|design| (design, run(1, load, design, &[])));
    for (Design { pools, batch }, cost) in &costs {
        let Cost { transactions, conflicts, stale, write_units, pool_units, redelivered, millis, .. } = cost;
        let (seconds, tenths) = (millis / 1000, millis / 100 % 10);
        let _infallible = writeln!(
            text,
            "| {pools} | {batch} | {transactions} | {conflicts} | {stale} | {write_units} | {pool_units} | {redelivered} | {seconds}.{tenths} s |",
        );
    }
    let [(_, plain), .., (_, shipped)] = &costs;
    let times = |of: fn(&Cost) -> u64| {
        let tenths = of(plain) * 10 / of(shipped).max(1);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let _infallible = writeln!(
        text,
        "\nThe first takes {} times the transactions of the last, {} times the conflicts, {} times the write units\non the \
         pools, and {} times the write units in all.",
        times(|c| c.transactions),
        times(|c| c.conflicts),
        times(|c| c.pool_units),
        times(|c| c.write_units),
    );
    text
}
