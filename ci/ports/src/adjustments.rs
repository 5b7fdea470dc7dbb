//! The inventory squad's table, as far as no order is the reason: adjusting, reconciling, evening out.

use std::collections::BTreeSet;

use lakeside_domain::{
    adjustment::{
        Adjustment, Changes, Effect, Kind, Line, NODE_SHORT, PoolChange, Refusal, STOCK_PROMISED, Units,
    },
    ids::{AdjustmentId, NodeId, OrderId, ReasonCode, Sku},
    rebalancing::Move,
    reconciliation::{NodeCount, PoolCounts, SkuStock},
    stock::PoolId,
};
use lakeside_inventory::{
    adjust_stock::NewAdjustment,
    adjustment_record::{AdjustmentRecord, AdjustmentStatus, adjustment_key},
    memory::Counts,
    reconcile_stock::Position,
    stock_error::Committed,
};
use lakeside_kit::outbox::Entry;

use crate::{
    at, contracts, event, goods,
    inventory::{Books, Ports, counts},
    order, same,
};

const POOLS: [PoolId; 2] = [PoolId(0), PoolId(1)];
/// Pages of SKUs that a walk over a table of tests has at most.
const PAGES: usize = 100_000;

/// A change under an id of its own, of goods of its own.
struct Scene {
    id: AdjustmentId,
    sku: Sku,
    node: NodeId,
}

/// What the scene's items say.
#[derive(Debug, PartialEq)]
struct Picture {
    pools: [Option<Counts>; 2],
    node: Option<i64>,
    record: Option<AdjustmentRecord>,
    outbox: Vec<Entry>,
}

impl Scene {
    fn new() -> anyhow::Result<Self> {
        let id = AdjustmentId::from_uuid(order().as_uuid());
        Ok(Self { id, sku: goods()?, node: NodeId::parse("wh-east")? })
    }

    /// Goods with these counts in one pool, and so many units at the node.
    async fn with(books: &impl Books, counts: Counts, on_hand: i64) -> anyhow::Result<Self> {
        let scene = Self::new()?;
        books.put_pool(&scene.sku, PoolId(0), counts).await?;
        books.put_node(&scene.sku, &scene.node, on_hand).await?;
        Ok(scene)
    }

    fn events(&self, name: &str) -> Vec<Entry> {
        vec![event(OrderId::from_uuid(self.id.as_uuid()), name)]
    }

    fn adjustment(&self) -> anyhow::Result<Adjustment> {
        let lines = vec![Line { sku: self.sku.clone(), units: Units::new(-3)? }];
        Ok(Adjustment { adjustment_id: self.id, kind: Kind::Count, node: self.node.clone(), lines })
    }

    /// Three units in the first pool and at the node.
    fn change(&self, effect: Effect) -> anyhow::Result<NewAdjustment> {
        let units = if effect == Effect::Add { 3 } else { -3 };
        let change = PoolChange { sku: self.sku.clone(), pool: PoolId(0), effect, units: 3 };
        let changes = Changes { node: [(self.sku.clone(), units)].into(), pools: vec![change.clone()] };
        let record = AdjustmentRecord {
            adjustment: self.adjustment()?,
            fingerprint: "f".into(),
            status: AdjustmentStatus::Applied,
            reason: None,
            pools: vec![change],
            decided_at: at(5),
        };
        Ok(NewAdjustment { record, decision: Ok(changes), outbox: self.events("Adjusted") })
    }

    fn refusal(&self, refusal: Refusal) -> anyhow::Result<NewAdjustment> {
        let record = AdjustmentRecord {
            adjustment: self.adjustment()?,
            fingerprint: "f".into(),
            status: AdjustmentStatus::Refused,
            reason: Some(ReasonCode::constant(refusal.reason)),
            pools: Vec::new(),
            decided_at: at(5),
        };
        Ok(NewAdjustment { record, decision: Err(refusal), outbox: self.events("Refused") })
    }

    fn promised(&self, most: [u64; 2]) -> anyhow::Result<NewAdjustment> {
        let pools = POOLS.into_iter().zip(most).map(|(pool, most)| ((self.sku.clone(), pool), most));
        self.refusal(Refusal { pools: pools.collect(), ..Refusal::outright(STOCK_PROMISED) })
    }

    fn node_short(&self, most: u64) -> anyhow::Result<NewAdjustment> {
        let node = Some((self.sku.clone(), most));
        self.refusal(Refusal { node, ..Refusal::outright(NODE_SHORT) })
    }

    async fn picture(&self, ports: &impl Ports, books: &impl Books) -> anyhow::Result<Picture> {
        Ok(Picture {
            pools: [books.pool(&self.sku, PoolId(0)).await?, books.pool(&self.sku, PoolId(1)).await?],
            node: books.node(&self.sku, &self.node).await?,
            record: ports.adjustment(self.id).await?,
            outbox: books.outbox(&adjustment_key(self.id)).await?,
        })
    }
}

/// A write that must be refused, and leave everything as it was.
macro_rules! refused {
    ($scene:expr, $ports:expr, $books:expr, $write:expr) => {{
        let before = $scene.picture($ports, $books).await?;
        same("outcome", $write.await?, Committed::Stale)?;
        same("what is there", $scene.picture($ports, $books).await?, before)?;
    }};
}

contracts! {
    (ports: Ports, books: Books)

    the_first_receipt_begins_pool_and_node_and_the_next_adds_to_them {
        let scene = Scene::new()?;
        let new = scene.change(Effect::Add)?;
        same("outcome", ports.adjust(&new).await?, Committed::Yes)?;
        let should = Picture {
            pools: [Some(counts(3, 0, 0)), None],
            node: Some(3),
            record: Some(new.record.clone()),
            outbox: new.outbox,
        };
        same("what is there", scene.picture(ports, books).await?, should)?;
        let next = Scene { id: Scene::new()?.id, ..scene };
        same("outcome", ports.adjust(&next.change(Effect::Add)?).await?, Committed::Yes)?;
        let picture = next.picture(ports, books).await?;
        same("counts", (picture.pools[0], picture.node), (Some(counts(6, 0, 0)), Some(6)))?;
    }

    a_receipt_adds_to_what_is_promised_and_sold {
        let scene = Scene::with(books, counts(1, 2, 4), 3).await?;
        same("outcome", ports.adjust(&scene.change(Effect::Add)?).await?, Committed::Yes)?;
        let picture = scene.picture(ports, books).await?;
        same("counts", (picture.pools[0], picture.node), (Some(counts(4, 2, 4)), Some(6)))?;
    }

    the_first_pool_makes_a_sku_known {
        let scene = Scene::new()?;
        ports.adjust(&scene.change(Effect::Add)?).await?;
        let (mut position, mut known) = (Position::default(), Vec::new());
        for _ in 0..PAGES {
            let page = ports.skus(&position).await?;
            known.extend(page.skus);
            position = page.next;
            if position == Position::default() {
                break;
            }
        }
        same("times that it is met", known.iter().filter(|sku| **sku == scene.sku).count(), 1)?;
    }

    a_count_takes_what_was_never_there_and_a_sale_what_is_sold {
        let missing = Scene::with(books, counts(3, 2, 4), 5).await?;
        same("outcome", ports.adjust(&missing.change(Effect::Remove)?).await?, Committed::Yes)?;
        let picture = missing.picture(ports, books).await?;
        same("counts", (picture.pools[0], picture.node), (Some(counts(0, 2, 4)), Some(2)))?;
        let sold = Scene::with(books, counts(3, 2, 4), 5).await?;
        same("outcome", ports.adjust(&sold.change(Effect::Sell)?).await?, Committed::Yes)?;
        let picture = sold.picture(ports, books).await?;
        same("counts", (picture.pools[0], picture.node), (Some(counts(0, 2, 7)), Some(2)))?;
    }

    an_adjustment_is_made_once_and_a_refusal_stands {
        let scene = Scene::with(books, counts(9, 0, 0), 9).await?;
        same("first", ports.adjust(&scene.change(Effect::Sell)?).await?, Committed::Yes)?;
        refused!(scene, ports, books, ports.adjust(&scene.change(Effect::Sell)?));
        let short = Scene::with(books, counts(2, 0, 0), 9).await?;
        same("refusal", ports.adjust(&short.promised([2, 0])?).await?, Committed::Yes)?;
        refused!(short, ports, books, ports.adjust(&short.change(Effect::Add)?));
    }

    a_pool_gives_only_what_is_available {
        for effect in [Effect::Remove, Effect::Sell] {
            let scene = Scene::with(books, counts(2, 9, 9), 9).await?;
            refused!(scene, ports, books, ports.adjust(&scene.change(effect)?));
            let mut unknown = Scene::with(books, counts(9, 0, 0), 9).await?;
            let goods = std::mem::replace(&mut unknown.sku, goods()?);
            books.put_node(&unknown.sku, &unknown.node, 9).await?;
            refused!(unknown, ports, books, ports.adjust(&unknown.change(effect)?));
            same("other goods", books.pool(&goods, PoolId(0)).await?, Some(counts(9, 0, 0)))?;
        }
    }

    a_node_gives_only_what_it_has {
        for effect in [Effect::Remove, Effect::Sell] {
            let scene = Scene::with(books, counts(9, 0, 0), 2).await?;
            refused!(scene, ports, books, ports.adjust(&scene.change(effect)?));
            let mut elsewhere = Scene::with(books, counts(9, 0, 0), 9).await?;
            elsewhere.node = NodeId::parse("wh-none")?;
            refused!(elsewhere, ports, books, ports.adjust(&elsewhere.change(effect)?));
        }
    }

    a_refusal_for_orders_stands_while_no_pool_has_more_and_no_other_has_come {
        let scene = Scene::with(books, counts(2, 5, 0), 9).await?;
        refused!(scene, ports, books, ports.adjust(&scene.promised([1, 0])?));
        books.put_pool(&scene.sku, PoolId(1), counts(1, 0, 0)).await?;
        refused!(scene, ports, books, ports.adjust(&scene.promised([2, 0])?));
        let new = scene.promised([2, 1])?;
        same("as short", ports.adjust(&new).await?, Committed::Yes)?;
        let should = Picture {
            pools: [Some(counts(2, 5, 0)), Some(counts(1, 0, 0))],
            node: Some(9),
            record: Some(new.record),
            outbox: new.outbox,
        };
        same("what is there", scene.picture(ports, books).await?, should)?;
        let unknown = Scene::new()?;
        same("no pools", ports.adjust(&unknown.promised([0, 0])?).await?, Committed::Yes)?;
    }

    a_refusal_for_a_node_stands_while_it_has_no_more {
        let scene = Scene::with(books, counts(9, 0, 0), 2).await?;
        refused!(scene, ports, books, ports.adjust(&scene.node_short(1)?));
        same("as short", ports.adjust(&scene.node_short(2)?).await?, Committed::Yes)?;
        let unknown = Scene::new()?;
        same("no node", ports.adjust(&unknown.node_short(0)?).await?, Committed::Yes)?;
    }

    what_there_is_is_read_at_one_node_and_in_all_pools {
        let scene = Scene::with(books, counts(2, 3, 4), 5).await?;
        books.put_pool(&scene.sku, PoolId(1), counts(1, 0, 0)).await?;
        books.put_node(&scene.sku, &NodeId::parse("wh-west")?, 7).await?;
        let unknown = goods()?;
        let skus: BTreeSet<&Sku> = [&scene.sku, &unknown].into();
        let stock = ports.stock_at(&scene.node, &skus).await?;
        same("on hand", stock.on_hand, [(scene.sku.clone(), 5)].into())?;
        same("pools", stock.pools.get(&scene.sku).cloned(), Some([(PoolId(0), 2), (PoolId(1), 1)].into()))?;
    }

    all_items_of_a_sku_are_read_to_be_compared {
        let scene = Scene::with(books, counts(2, 3, 4), 5).await?;
        books.put_wanted_pools(&scene.sku, 3).await?;
        let counts = PoolCounts { available: 2, held: 3, sold: 4, received: 9, version: 0 };
        let should = SkuStock {
            pools: [(PoolId(0), counts)].into(),
            nodes: [(scene.node.clone(), NodeCount { on_hand: 5, version: 0 })].into(),
            wanted_pools: Some(3),
        };
        same("stock", ports.stock_of(&scene.sku).await?, should)?;
        same("nothing", ports.stock_of(&goods()?).await?, SkuStock::default())?;
    }

    units_move_with_what_was_received_and_begin_a_pool {
        let scene = Scene::with(books, counts(5, 1, 1), 6).await?;
        let step = Move { from: PoolId(0), to: PoolId(1), units: 2, seen: 0 };
        same("outcome", ports.move_units(&scene.sku, step).await?, Committed::Yes)?;
        let picture = scene.picture(ports, books).await?;
        same("pools", picture.pools, [Some(counts(3, 1, 1)), Some(counts(2, 0, 0))])?;
        refused!(scene, ports, books, ports.move_units(&scene.sku, step));
        let again = Move { seen: 2, ..step };
        same("outcome", ports.move_units(&scene.sku, again).await?, Committed::Yes)?;
        let picture = scene.picture(ports, books).await?;
        same("pools", picture.pools, [Some(counts(1, 1, 1)), Some(counts(4, 0, 0))])?;
    }

    a_pool_moves_only_what_is_available {
        let scene = Scene::with(books, counts(1, 9, 9), 10).await?;
        let step = Move { from: PoolId(0), to: PoolId(1), units: 2, seen: 0 };
        refused!(scene, ports, books, ports.move_units(&scene.sku, step));
    }

    a_walk_goes_on_where_it_was_left {
        let position = Position { shard: 2, after: Some(goods()?) };
        ports.keep_position(&position).await?;
        same("position", ports.position().await?, position)?;
        ports.keep_position(&Position::default()).await?;
        same("position", ports.position().await?, Position::default())?;
    }
}
