//! What happens in a simulated day: a catalogue with little stock, and customers who want it, or do not any more.

use std::{collections::BTreeMap, rc::Rc};

use lakeside_contracts::events::OrderCancelled;
use lakeside_domain::{
    ids::{AdjustmentId, NodeId, OrderId, ReasonCode, Sku},
    money::{Currency, Money},
    order::OrderState,
    stock::PoolId,
    time::Timestamp,
};
use lakeside_inventory::memory::Counts;
use lakeside_kit::outbox::{Cause, entry};
use serde_json::{Value, json};

use crate::{
    buses::{ARCHIVED, BusEvent},
    faults::Fault,
    partners::{DECLINED, UNDELIVERABLE},
    world::World,
};

/// Who buys, and who would like to with somebody else's order.
pub const CUSTOMERS: [&str; 3] = ["ada", "grace", "mallory"];
/// A marketplace that orders for customers of its own.
const PARTNER: &str = "partner-acme";
/// One order in so many is the partner's.
const OF_PARTNER: u128 = 7;
const NODES: [&str; 3] = ["wh-east", "wh-west", "store-lake"];
/// Submissions come during the first ten minutes.
const OPENING: i64 = 600_000;

/// One submission of an order at the door.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The place of its order in the day.
    pub order: usize,
    pub order_id: OrderId,
    pub customer: &'static str,
    pub body: String,
}

impl Submission {
    fn is_partner_s(&self) -> bool {
        self.customer == PARTNER
    }
}

/// One request at the door to cancel an order.
#[derive(Debug, Clone)]
pub struct Cancellation {
    /// The place of its order in the day.
    pub order: usize,
    pub order_id: OrderId,
    /// Its customer, or somebody else.
    pub customer: &'static str,
    /// So long after the first submission of its order, or before it.
    after: i64,
}

/// What comes to the door.
#[derive(Debug)]
pub struct Day {
    pub submissions: Vec<Submission>,
    pub cancellations: Vec<Cancellation>,
    pub asked: Vec<Asked>,
}

impl Day {
    /// A day of customers who want these goods.
    pub fn draw(world: &World, skus: &[Sku]) -> Self {
        let submissions = submissions(world, skus);
        let cancellations = cancellations(world, &submissions);
        let asked = adjustments(world, skus);
        Self { submissions, cancellations, asked }
    }

    /// How many orders it has.
    pub fn orders(&self) -> usize {
        self.submissions.last().map_or(0, |last| last.order + 1)
    }

    /// Leaves orders out, by their places.
    pub fn leave_out(&mut self, orders: &[usize]) {
        self.submissions.retain(|submission| !orders.contains(&submission.order));
        self.cancellations.retain(|cancellation| !orders.contains(&cancellation.order));
    }
}

/// Puts goods on sale.
pub fn stock(world: &World) -> Vec<Sku> {
    let engine = &world.engine;
    let skus: Vec<Sku> = (0..=engine.below(3)).map(|n| Sku::parse(&format!("SKU-{n}")).unwrap()).collect();
    let mut prices = world.orders.prices.borrow_mut();
    let plenty = *engine.pick(if world.kind { &[14, 30, 60, 100] } else { &[3, 6, 14, 30] });
    for sku in &skus {
        prices.insert(sku.clone(), Money::new(engine.between(100, 1_500), Currency::USD));
        // Some goods are in the catalogue before they have come in.
        if engine.chance(0.15) {
            continue;
        }
        let pools = 1 + u8::try_from(engine.below(3)).unwrap();
        let mut received = 0;
        for pool in 0..pools {
            let units = engine.between(0, plenty);
            received += units;
            world.inventory.put_pool(sku, PoolId(pool), Counts::received(units));
        }
        for node in NODES.iter().take(2) {
            let units = engine.between(0, received);
            received -= units;
            world.inventory.put_node(sku, &NodeId::parse(node).unwrap(), units);
        }
        world.inventory.put_node(sku, &NodeId::parse(NODES[2]).unwrap(), received);
    }
    skus
}

/// What customers send to the door, some of it twice, some of it under an id that is taken.
fn submissions(world: &World, skus: &[Sku]) -> Vec<Submission> {
    let engine = &world.engine;
    let mut submissions: Vec<Submission> = Vec::new();
    // Where much fails late, much is undone.
    let luck = if world.kind {
        Luck { declined: 0.1, undeliverable: 0.05 }
    } else {
        Luck { declined: *engine.pick(&[0.15, 0.15, 0.5]), undeliverable: *engine.pick(&[0.1, 0.1, 0.6]) }
    };
    let burst = world.strikes(Fault::HotSku);
    let skus = if burst { &skus[..1] } else { skus };
    let orders = if burst { engine.below(20) + 20 } else { engine.below(12) + 3 };
    for order in 0..usize::try_from(orders).unwrap() {
        let order_id = OrderId::from_uuid(engine.uuid());
        let customer = *engine.pick(&CUSTOMERS[..2]);
        let first = Submission { order, order_id, customer, body: body(world, skus, &luck) };
        let of_others = Submission { customer: CUSTOMERS[2], ..first.clone() };
        let first =
            if order_id.as_uuid().as_u128().is_multiple_of(OF_PARTNER) { of_partner(&first) } else { first };
        let copies = if engine.chance(0.3) { engine.between(2, 4) } else { 1 };
        submissions.extend((0..copies).map(|_| first.clone()));
        if engine.chance(0.2) {
            let other = Submission { body: body(world, skus, &luck), ..first.clone() };
            submissions.push(if first.is_partner_s() { of_partner(&other) } else { other });
        }
        if engine.chance(0.1) {
            submissions.push(of_others);
        }
    }
    submissions
}

/// As the partner sends it: without a channel, which comes from the door.
fn of_partner(submission: &Submission) -> Submission {
    let mut body: Value = serde_json::from_str(&submission.body).unwrap();
    body.as_object_mut().unwrap().remove("channel");
    Submission { customer: PARTNER, body: body.to_string(), ..submission.clone() }
}

/// Who changes their mind, some of them twice and some before their order comes; and who tries it with an order of
/// somebody else.
fn cancellations(world: &World, submissions: &[Submission]) -> Vec<Cancellation> {
    let engine = &world.engine;
    let fickle = *engine.pick(&[0.0, 0.1, 0.3, 0.8]);
    let mut cancellations = Vec::new();
    for first in submissions.chunk_by(|one, other| one.order == other.order).filter_map(<[_]>::first) {
        if !engine.chance(fickle) {
            continue;
        }
        // The door takes no cancellations from partners.
        let own = engine.chance(0.8) && !first.is_partner_s();
        let customer = if own { first.customer } else { CUSTOMERS[2] };
        let latest = *engine.pick(&[50, 1_000, 10_000, 300_000, 3_600_000]);
        let copies = if engine.chance(0.2) { 2 } else { 1 };
        cancellations.extend((0..copies).map(|_| {
            let after = engine.between(-latest / 4, latest);
            Cancellation { order: first.order, order_id: first.order_id, customer, after }
        }));
    }
    cancellations
}

/// A change of stock that no order makes, as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    pub id: AdjustmentId,
    pub body: String,
    /// Who and where, if it is a sale that a partner tells of.
    pub partner: Option<(&'static str, &'static str)>,
}

/// What warehouses and stores ask for, some of it twice, some of it under an id that is taken.
fn adjustments(world: &World, skus: &[Sku]) -> Vec<Asked> {
    let engine = &world.engine;
    let mut wanted_pools = world.inventory.wanted_pools.borrow_mut();
    for sku in skus {
        if engine.chance(0.3) {
            wanted_pools.insert(sku.clone(), 1 + u8::try_from(engine.below(4)).unwrap());
        }
    }
    let mut asked = Vec::new();
    for _ in 0..engine.below(*engine.pick(&[1, 4, 12])) {
        let id = AdjustmentId::from_uuid(engine.uuid());
        let first = adjustment(world, skus, id);
        let copies = if engine.chance(0.3) { engine.between(2, 4) } else { 1 };
        asked.extend((0..copies).map(|_| first.clone()));
        if engine.chance(0.2) {
            asked.push(adjustment(world, skus, id));
        }
    }
    asked
}

fn adjustment(world: &World, skus: &[Sku], id: AdjustmentId) -> Asked {
    let engine = &world.engine;
    let kind = *engine.pick(&["RECEIPT", "COUNT", "STORE_SALE"]);
    let partner = (kind == "STORE_SALE" && engine.chance(0.5))
        .then(|| (*engine.pick(&["lake", "mere"]), *engine.pick(&NODES)));
    let mut lines = Vec::new();
    for sku in skus {
        if lines.is_empty() || engine.chance(0.4) {
            let most = if kind == "RECEIPT" { 6 } else { 3 };
            let units = engine.between(1, most) * if kind == "COUNT" && engine.chance(0.6) { -1 } else { 1 };
            let name = if partner.is_some() { "quantity" } else { "units" };
            lines.push(json!({"sku": sku, name: units}));
        }
    }
    let body = match partner {
        Some(_) => json!({ "lines": lines }),
        None => json!({
            "command": "AdjustStock", "adjustmentId": id, "kind": kind, "node": *engine.pick(&NODES), "lines": lines,
        }),
    };
    Asked { id, body: body.to_string(), partner }
}

/// Lets warehouses and stores ask, while orders come and for a while after.
pub fn ask(world: &Rc<World>, asked: &[Asked]) {
    for asked in asked {
        let (world, asked) = (Rc::clone(world), asked.clone());
        let last = *world.engine.pick(&[3, OPENING, 6 * OPENING]);
        let delay = world.engine.between(0, last);
        world.clone().engine.after(delay, move || {
            let id = asked.id.to_string();
            let attributes = asked.partner.map(|(principal, node)| {
                vec![("saleId", id.as_str()), ("principal", principal), ("node", node)]
            });
            world.send("adjust-stock", asked.body.clone(), &attributes.unwrap_or_default());
        });
    }
}

struct Luck {
    declined: f64,
    undeliverable: f64,
}

fn body(world: &World, skus: &[Sku], luck: &Luck) -> String {
    let engine = &world.engine;
    let prices = world.orders.prices.borrow();
    let mut total = 0;
    let mut lines = Vec::new();
    for sku in skus {
        if lines.is_empty() || engine.chance(0.5) {
            let quantity = engine.between(1, 3);
            total += quantity * prices[sku].amount();
            lines.push(json!({"sku": sku, "quantity": quantity}));
        }
    }
    if engine.chance(0.05) {
        total -= 1;
    }
    json!({
        "channel": "web", "lines": lines, "expectedTotal": {"amount": total, "currency": "USD"},
        "paymentMethod": if engine.chance(luck.declined) { DECLINED } else { "pm_1" },
        "shippingAddressId": if engine.chance(luck.undeliverable) { UNDELIVERABLE } else { "addr_1" },
    })
    .to_string()
}

/// Lets everything begin.
pub fn open(world: &Rc<World>, day: &Day) {
    let burst = world.engine.chance(0.5);
    let mut begins: BTreeMap<usize, i64> = BTreeMap::new();
    for submission in &day.submissions {
        let (world, submission) = (Rc::clone(world), submission.clone());
        let delay = if burst { world.engine.between(0, 3) } else { world.engine.between(0, OPENING) };
        begins.entry(submission.order).or_insert(delay);
        world.clone().engine.after(delay, move || {
            let id = submission.order_id.to_string();
            let mut attributes = vec![("orderId", id.as_str()), ("principal", submission.customer)];
            if submission.is_partner_s() {
                attributes.push(("channel", "marketplace"));
            }
            world.send("order-ingest", submission.body.clone(), &attributes);
        });
    }
    for cancellation in &day.cancellations {
        let (world, cancellation) = (Rc::clone(world), cancellation.clone());
        let delay = begins.get(&cancellation.order).map_or(0, |begin| begin + cancellation.after);
        world.clone().engine.after(delay, move || {
            let id = cancellation.order_id.to_string();
            let attributes = [("orderId", id.as_str()), ("principal", cancellation.customer)];
            world.send("cancel-order", "{}".to_owned(), &attributes);
        });
    }
    let engine = &world.engine;
    if world.strikes(Fault::Deployment) {
        let (at, world) = (engine.between(0, 3_600_000), Rc::clone(world));
        engine.after(at, move || world.deploy());
    }
    if world.strikes(Fault::BusOutage) {
        let (at, lasts) = (engine.between(0, OPENING), engine.between(60_000, 3_600_000));
        let source = format!("lakeside.{}", engine.pick(&ARCHIVED));
        let world = Rc::clone(world);
        engine.after(at, move || world.cut_off(&source, world.engine.now() + lasts));
    }
    for _ in 0..2 {
        let at = world.engine.between(60_000, 7_200_000);
        let during = Rc::clone(world);
        world.engine.after(at, move || {
            if during.strikes(Fault::Replay) {
                during.replay();
            }
            if during.strikes(Fault::ReplayOfWindow) {
                during.replay_of_window();
            }
            during.undo_after_all();
            if during.strikes(Fault::Redrive) {
                during.redrive();
                during.publish_parked();
            }
        });
    }
}

impl World {
    /// The orders that are fulfilled by now.
    pub fn fulfilled(&self) -> Vec<OrderId> {
        let orders = self.orders.records.borrow();
        let fulfilled = orders.values().filter(|record| record.state == OrderState::Fulfilled);
        fulfilled.map(|record| record.order_id).collect()
    }

    /// Somebody says that a fulfilled order is undone after all.
    fn undo_after_all(self: &Rc<Self>) {
        let fulfilled = self.fulfilled();
        if fulfilled.is_empty() || !self.strikes(Fault::UndoneAfterAll) {
            return;
        }
        let order_id = *self.engine.pick(&fulfilled);
        self.engine.note(|| format!("order {order_id} is undone after all"));
        self.undone.borrow_mut().insert(order_id);
        let now = Timestamp::from_millis(self.engine.now());
        let undone = OrderCancelled { order_id, reason: ReasonCode::constant("RETURNED") };
        let undone = entry(order_id, Cause::of(order_id, order_id.as_uuid()), now, undone).unwrap();
        self.publish(BusEvent::from(&undone));
    }
}
