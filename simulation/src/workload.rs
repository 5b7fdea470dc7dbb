//! What happens in a simulated day: a catalogue with little stock, and customers who want it.

use std::rc::Rc;

use lakeside_domain::{
    ids::{NodeId, OrderId, Sku},
    stock::PoolId,
};
use serde_json::json;

use crate::{
    faults::Fault,
    partners::{DECLINED, UNDELIVERABLE},
    tables::Counts,
    world::World,
};

const NODES: [&str; 3] = ["wh-east", "wh-west", "store-lake"];
/// Submissions come during the first ten minutes.
const OPENING: i64 = 600_000;

/// One submission of an order at the door.
#[derive(Debug, Clone)]
pub struct Submission {
    pub order_id: OrderId,
    pub customer: &'static str,
    pub body: String,
}

/// Puts goods on sale.
pub fn stock(world: &World) -> Vec<Sku> {
    let engine = &world.engine;
    let skus: Vec<Sku> = (0..=engine.below(3)).map(|n| Sku::parse(&format!("SKU-{n}")).unwrap()).collect();
    let mut orders = world.orders.borrow_mut();
    let mut inventory = world.inventory.borrow_mut();
    let plenty = *engine.pick(&[3, 6, 14]);
    for sku in &skus {
        orders.prices.insert(sku.clone(), engine.between(100, 1_500));
        let pools = 1 + u8::try_from(engine.below(3)).unwrap();
        let mut received = 0;
        for pool in 0..pools {
            let units = engine.between(0, plenty);
            received += units;
            let counts = Counts { available: units, held: 0, sold: 0, received: units };
            inventory.pools.insert((sku.clone(), PoolId(pool)), counts);
        }
        for node in NODES.iter().take(2) {
            let units = engine.between(0, received);
            received -= units;
            inventory.nodes.insert((sku.clone(), NodeId::parse(node).unwrap()), units);
        }
        inventory.nodes.insert((sku.clone(), NodeId::parse(NODES[2]).unwrap()), received);
    }
    skus
}

/// What customers send to the door, some of it twice, some of it under an id that is taken.
pub fn submissions(world: &World, skus: &[Sku]) -> Vec<Submission> {
    let engine = &world.engine;
    let mut submissions: Vec<Submission> = Vec::new();
    for _ in 0..engine.between(3, 14) {
        let order_id = OrderId::from_uuid(engine.uuid());
        let customer = *engine.pick(&["ada", "grace"]);
        let first = Submission { order_id, customer, body: body(world, skus) };
        let copies = if engine.chance(0.3) { engine.between(2, 4) } else { 1 };
        submissions.extend((0..copies).map(|_| first.clone()));
        if engine.chance(0.2) {
            submissions.push(Submission { body: body(world, skus), ..first.clone() });
        }
        if engine.chance(0.1) {
            submissions.push(Submission { customer: "mallory", ..first });
        }
    }
    submissions
}

fn body(world: &World, skus: &[Sku]) -> String {
    let engine = &world.engine;
    let orders = world.orders.borrow();
    let mut total = 0;
    let mut lines = Vec::new();
    for sku in skus {
        if lines.is_empty() || engine.chance(0.5) {
            let quantity = engine.between(1, 3);
            total += quantity * orders.prices[sku];
            lines.push(json!({"sku": sku, "quantity": quantity}));
        }
    }
    if engine.chance(0.05) {
        total -= 1;
    }
    json!({
        "channel": "web", "lines": lines, "expectedTotal": {"amount": total, "currency": "USD"},
        "paymentMethod": if engine.chance(0.15) { DECLINED } else { "pm_1" },
        "shippingAddressId": if engine.chance(0.1) { UNDELIVERABLE } else { "addr_1" },
    })
    .to_string()
}

/// Lets everything begin.
pub fn open(world: &Rc<World>, submissions: &[Submission]) {
    let burst = world.engine.chance(0.5);
    for submission in submissions {
        let (world, submission) = (Rc::clone(world), submission.clone());
        let delay = if burst { world.engine.between(0, 3) } else { world.engine.between(0, OPENING) };
        world.clone().engine.after(delay, move || {
            let id = submission.order_id.to_string();
            let attributes = [("orderId", id.as_str()), ("principal", submission.customer)];
            world.send("order-ingest", submission.body.clone(), &attributes);
        });
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
            if during.strikes(Fault::Redrive) {
                during.redrive();
                during.publish_parked();
            }
        });
    }
}
