//! The inventory squad's table.

use std::collections::BTreeSet;

use anyhow::Context;
use lakeside_domain::{
    allocation::{Allocation, AllocationStatus, Shipment},
    ids::{NodeId, OrderId, ShipmentId, Sku},
    level::Level,
    quantity::Quantity,
    reservation::{Guard, Line, Plan, Reservation, ReservationStatus, Take},
    stock::PoolId,
};
use lakeside_inventory::{
    adjust_stock::AdjustmentStore,
    allocate::{AllocationStore, NewAllocation},
    inventory_table::{allocation_key, node_key, pool_key, reservation_key},
    memory::{Counts, MemoryInventory},
    publish_levels::LevelStore,
    reconcile_stock::ReconcileStore,
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
    sweep_reservations::SweepStore,
};
use lakeside_kit::{dynamo::Key, outbox::Entry};

use crate::{at, contracts, event, goods, order, same};

/// What the functions see of the table.
pub trait Ports:
    ReservationStore + ReleaseStore + AllocationStore + SweepStore + LevelStore + AdjustmentStore + ReconcileStore
{
}

impl<T> Ports for T where
    T: ReservationStore
        + ReleaseStore
        + AllocationStore
        + SweepStore
        + LevelStore
        + AdjustmentStore
        + ReconcileStore
{
}

/// What is in the table, past its ports.
pub trait Books {
    /// Writes a pool, as it is.
    async fn put_pool(&self, sku: &Sku, pool: PoolId, counts: Counts) -> anyhow::Result<()>;
    /// Writes a node.
    async fn put_node(&self, sku: &Sku, node: &NodeId, on_hand: i64) -> anyhow::Result<()>;
    /// Says how many pools a SKU should have.
    async fn put_wanted_pools(&self, sku: &Sku, count: u8) -> anyhow::Result<()>;
    /// Writes a reservation, without events.
    async fn put_reservation(&self, reservation: &Reservation) -> anyhow::Result<()>;
    /// Writes an allocation, without events.
    async fn put_allocation(&self, allocation: &Allocation) -> anyhow::Result<()>;
    /// The counts of a pool, if there is one.
    async fn pool(&self, sku: &Sku, pool: PoolId) -> anyhow::Result<Option<Counts>>;
    /// Units on hand, if there is such a node.
    async fn node(&self, sku: &Sku, node: &NodeId) -> anyhow::Result<Option<i64>>;
    /// How often an item of stock was written since it was put there.
    async fn version(&self, key: &Key) -> anyhow::Result<u64>;
    /// The outbox of an item.
    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>>;
}

impl Books for MemoryInventory {
    async fn put_pool(&self, sku: &Sku, pool: PoolId, counts: Counts) -> anyhow::Result<()> {
        MemoryInventory::put_pool(self, sku, pool, counts);
        Ok(())
    }

    async fn put_node(&self, sku: &Sku, node: &NodeId, on_hand: i64) -> anyhow::Result<()> {
        MemoryInventory::put_node(self, sku, node, on_hand);
        Ok(())
    }

    async fn put_wanted_pools(&self, sku: &Sku, count: u8) -> anyhow::Result<()> {
        self.wanted_pools.borrow_mut().insert(sku.clone(), count);
        Ok(())
    }

    async fn put_reservation(&self, reservation: &Reservation) -> anyhow::Result<()> {
        self.reservations.borrow_mut().insert(reservation.order_id, reservation.clone());
        self.outboxes.write(reservation_key(reservation.order_id), reservation.order_id, &[]);
        Ok(())
    }

    async fn put_allocation(&self, allocation: &Allocation) -> anyhow::Result<()> {
        self.allocations.borrow_mut().insert(allocation.order_id, allocation.clone());
        self.outboxes.write(allocation_key(allocation.order_id), allocation.order_id, &[]);
        Ok(())
    }

    async fn pool(&self, sku: &Sku, pool: PoolId) -> anyhow::Result<Option<Counts>> {
        Ok(self.pools.borrow().get(&(sku.clone(), pool)).copied())
    }

    async fn node(&self, sku: &Sku, node: &NodeId) -> anyhow::Result<Option<i64>> {
        Ok(self.nodes.borrow().get(&(sku.clone(), node.clone())).copied())
    }

    async fn version(&self, key: &Key) -> anyhow::Result<u64> {
        Ok(self.writes.version(key))
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        Ok(self.outboxes.of(key))
    }
}

const POOL: PoolId = PoolId(0);
const END: i64 = 10_000;

/// An order of three units of goods of its own, and the table's items about it.
struct Scene {
    order_id: OrderId,
    sku: Sku,
    node: NodeId,
}

/// How often pool and node were written.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Versions {
    pool: u64,
    node: u64,
}

/// What the scene's items say.
#[derive(Debug, PartialEq)]
struct Picture {
    pool: Option<Counts>,
    node: Option<i64>,
    versions: Versions,
    reservation: Option<Reservation>,
    allocation: Option<Allocation>,
    reservation_outbox: Vec<Entry>,
    allocation_outbox: Vec<Entry>,
}

impl Scene {
    /// Goods with these counts in a pool, and so many units at a node.
    async fn with(books: &impl Books, counts: Counts, on_hand: i64) -> anyhow::Result<Self> {
        let scene = Self { order_id: order(), sku: goods()?, node: NodeId::parse("wh-east")? };
        books.put_pool(&scene.sku, POOL, counts).await?;
        books.put_node(&scene.sku, &scene.node, on_hand).await?;
        Ok(scene)
    }

    fn takes(&self) -> Vec<Take> {
        vec![Take { sku: self.sku.clone(), pool: POOL, units: 3 }]
    }

    fn reservation(&self, status: ReservationStatus) -> Reservation {
        Reservation { order_id: self.order_id, status, takes: self.takes(), expires_at: at(END) }
    }

    fn new_reservation(&self, status: ReservationStatus) -> NewReservation {
        let outbox = vec![event(self.order_id, "Reserved")];
        NewReservation { reservation: self.reservation(status), outbox }
    }

    fn guarded(&self, guard: Guard) -> Plan {
        Plan { guards: [((self.sku.clone(), POOL), guard)].into(), ..Plan::default() }
    }

    fn taking(&self) -> Plan {
        self.guarded(Guard { take: 3, at_most: None })
    }

    fn allocation(&self, status: AllocationStatus) -> anyhow::Result<Allocation> {
        let lines = vec![Line { sku: self.sku.clone(), quantity: Quantity::new(3)? }];
        let shipment_id = ShipmentId::derive(self.order_id, &self.node);
        let shipments = vec![Shipment { shipment_id, node: self.node.clone(), lines }];
        Ok(Allocation { order_id: self.order_id, status, shipments })
    }

    fn new_allocation(&self) -> anyhow::Result<NewAllocation> {
        Ok(NewAllocation {
            allocation: self.allocation(AllocationStatus::Allocated)?,
            reservation: self.reservation(ReservationStatus::Held),
            allocation_outbox: vec![event(self.order_id, "Allocated")],
            reservation_outbox: vec![event(self.order_id, "Committed")],
        })
    }

    async fn versions(&self, books: &impl Books) -> anyhow::Result<Versions> {
        let pool = books.version(&pool_key(&self.sku, POOL)).await?;
        Ok(Versions { pool, node: books.version(&node_key(&self.sku, &self.node)).await? })
    }

    async fn picture(&self, ports: &impl Ports, books: &impl Books) -> anyhow::Result<Picture> {
        Ok(Picture {
            pool: books.pool(&self.sku, POOL).await?,
            node: books.node(&self.sku, &self.node).await?,
            versions: self.versions(books).await?,
            reservation: ReleaseStore::reservation(ports, self.order_id).await?,
            allocation: ReleaseStore::allocation(ports, self.order_id).await?,
            reservation_outbox: books.outbox(&reservation_key(self.order_id)).await?,
            allocation_outbox: books.outbox(&allocation_key(self.order_id)).await?,
        })
    }
}

pub(crate) const fn counts(available: i64, held: i64, sold: i64) -> Counts {
    Counts { available, held, sold, received: available + held + sold }
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

    reserving_moves_units_and_writes_the_reservation_with_its_events {
        let scene = Scene::with(books, counts(5, 1, 1), 0).await?;
        let new = scene.new_reservation(ReservationStatus::Held);
        same("outcome", ports.reserve(&scene.taking(), std::slice::from_ref(&new)).await?, Committed::Yes)?;
        let picture = scene.picture(ports, books).await?;
        same("pool", picture.pool, Some(counts(2, 4, 1)))?;
        same("reservation", picture.reservation.as_ref(), Some(&new.reservation))?;
        same("outbox", picture.reservation_outbox, new.outbox)?;
        let known = ports.reservations(&[order(), scene.order_id]).await?;
        same("known", known, [(scene.order_id, new.reservation)].into())?;
    }

    every_write_of_stock_raises_the_version_of_what_it_writes_by_one {
        let scene = Scene::with(books, counts(5, 0, 0), 3).await?;
        let written = async |pool, node| same("versions", scene.versions(books).await?, Versions { pool, node });
        written(0, 0).await?;
        let new = scene.new_reservation(ReservationStatus::Held);
        ports.reserve(&scene.taking(), std::slice::from_ref(&new)).await?;
        written(1, 0).await?;
        ports.renew(&new.reservation, at(END + 1)).await?;
        ports.renew(&Reservation { expires_at: at(END + 1), ..new.reservation.clone() }, at(END)).await?;
        written(1, 0).await?;
        let allocation = scene.new_allocation()?;
        ports.allocate(&allocation, at(0)).await?;
        written(2, 1).await?;
        let sold = scene.reservation(ReservationStatus::Committed);
        ports.release_allocation(&allocation.allocation, &sold).await?;
        written(3, 2).await?;
        ports.release_reservation(&new.reservation, &[]).await?;
        written(4, 2).await?;
        let swept = Scene { order_id: order(), ..scene };
        ports.reserve(&swept.taking(), &[swept.new_reservation(ReservationStatus::Held)]).await?;
        ports.release_ended(&swept.reservation(ReservationStatus::Held), &[]).await?;
        same("versions", swept.versions(books).await?, Versions { pool: 6, node: 2 })?;
    }

    a_pool_that_is_only_looked_at_is_not_written {
        let scene = Scene::with(books, counts(2, 0, 0), 0).await?;
        let refusal = [scene.new_reservation(ReservationStatus::Refused)];
        let short = scene.guarded(Guard { take: 0, at_most: Some(2) });
        same("outcome", ports.reserve(&short, &refusal).await?, Committed::Yes)?;
        same("versions", scene.versions(books).await?, Versions { pool: 0, node: 0 })?;
    }

    the_levels_of_a_sku_are_those_of_all_its_pools {
        let scene = Scene::with(books, counts(5, 1, 1), 9).await?;
        same("without others", ports.pools(&goods()?).await?, Vec::new())?;
        books.put_pool(&scene.sku, PoolId(1), counts(4, 0, 0)).await?;
        ports.reserve(&scene.taking(), &[scene.new_reservation(ReservationStatus::Held)]).await?;
        let should = vec![Level { units: 2, version: 1 }, Level { units: 4, version: 0 }];
        same("levels", ports.pools(&scene.sku).await?, should)?;
    }

    a_reservation_that_exists_is_not_written_again {
        let scene = Scene::with(books, counts(6, 0, 0), 0).await?;
        let new = scene.new_reservation(ReservationStatus::Held);
        same("first", ports.reserve(&scene.taking(), std::slice::from_ref(&new)).await?, Committed::Yes)?;
        refused!(scene, ports, books, ports.reserve(&scene.taking(), std::slice::from_ref(&new)));
        let closed = Scene::with(books, counts(6, 0, 0), 0).await?;
        same("close", ports.close_reservation(closed.order_id, at(1)).await?, Committed::Yes)?;
        let late = [closed.new_reservation(ReservationStatus::Held)];
        refused!(closed, ports, books, ports.reserve(&closed.taking(), &late));
    }

    a_pool_with_less_than_a_plan_takes_refuses_the_whole_transaction {
        let rich = Scene::with(books, counts(3, 0, 0), 0).await?;
        let poor = Scene::with(books, counts(2, 5, 5), 0).await?;
        let mut plan = rich.taking();
        plan.guards.extend(poor.taking().guards);
        let new = [rich.new_reservation(ReservationStatus::Held), poor.new_reservation(ReservationStatus::Held)];
        let before = rich.picture(ports, books).await?;
        refused!(poor, ports, books, ports.reserve(&plan, &new));
        same("the other order", rich.picture(ports, books).await?, before)?;
    }

    the_last_unit_can_be_taken {
        let scene = Scene::with(books, counts(3, 0, 0), 0).await?;
        let new = [scene.new_reservation(ReservationStatus::Held)];
        same("outcome", ports.reserve(&scene.taking(), &new).await?, Committed::Yes)?;
        same("pool", books.pool(&scene.sku, POOL).await?, Some(counts(0, 3, 0)))?;
    }

    a_refusal_stands_while_the_pool_is_as_short_as_it_was_read_and_takes_nothing {
        let scene = Scene::with(books, counts(2, 0, 0), 0).await?;
        let refusal = [scene.new_reservation(ReservationStatus::Refused)];
        let short = |units| scene.guarded(Guard { take: 0, at_most: Some(units) });
        refused!(scene, ports, books, ports.reserve(&short(1), &refusal));
        same("as short", ports.reserve(&short(2), &refusal).await?, Committed::Yes)?;
        same("pool", books.pool(&scene.sku, POOL).await?, Some(counts(2, 0, 0)))?;
    }

    a_plan_may_take_from_a_pool_and_rely_on_its_shortness {
        let scene = Scene::with(books, counts(4, 0, 0), 0).await?;
        let new = [scene.new_reservation(ReservationStatus::Held)];
        let both = |units| scene.guarded(Guard { take: 3, at_most: Some(units) });
        refused!(scene, ports, books, ports.reserve(&both(3), &new));
        same("as short", ports.reserve(&both(4), &new).await?, Committed::Yes)?;
        same("pool", books.pool(&scene.sku, POOL).await?, Some(counts(1, 3, 0)))?;
    }

    /// On DynamoDB a comparison with an attribute that is not there does not hold.
    a_pool_that_does_not_exist_has_no_units_and_is_as_short_as_can_be {
        let mut scene = Scene::with(books, counts(9, 0, 0), 0).await?;
        scene.sku = goods()?;
        let new = [scene.new_reservation(ReservationStatus::Held)];
        refused!(scene, ports, books, ports.reserve(&scene.taking(), &new));
        let refusal = [scene.new_reservation(ReservationStatus::Refused)];
        let short = scene.guarded(Guard { take: 0, at_most: Some(0) });
        same("outcome", ports.reserve(&short, &refusal).await?, Committed::Yes)?;
        same("pool", books.pool(&scene.sku, POOL).await?, None)?;
    }

    a_hold_is_renewed_and_its_outbox_stays {
        let scene = Scene::with(books, counts(3, 0, 0), 0).await?;
        let new = scene.new_reservation(ReservationStatus::Held);
        ports.reserve(&scene.taking(), std::slice::from_ref(&new)).await?;
        same("outcome", ports.renew(&new.reservation, at(END + 1)).await?, Committed::Yes)?;
        let picture = scene.picture(ports, books).await?;
        same("outbox", picture.reservation_outbox, new.outbox)?;
        let renewed = Reservation { expires_at: at(END + 1), ..new.reservation };
        same("reservation", picture.reservation, Some(renewed))?;
    }

    a_hold_is_renewed_only_from_the_end_at_which_it_was_read {
        let scene = Scene::with(books, counts(0, 3, 0), 0).await?;
        let held = scene.reservation(ReservationStatus::Held);
        refused!(scene, ports, books, ports.renew(&held, at(END + 1)));
        books.put_reservation(&Reservation { expires_at: at(END - 1), ..held.clone() }).await?;
        refused!(scene, ports, books, ports.renew(&held, at(END + 1)));
    }

    what_is_not_held_is_not_renewed {
        let statuses = [ReservationStatus::Committed, ReservationStatus::Released, ReservationStatus::Refused];
        for status in statuses {
            let scene = Scene::with(books, counts(0, 3, 0), 0).await?;
            books.put_reservation(&scene.reservation(status)).await?;
            refused!(scene, ports, books, ports.renew(&scene.reservation(status), at(END + 1)));
        }
    }

    a_release_puts_the_units_back_and_replaces_the_events {
        let scene = Scene::with(books, counts(5, 0, 1), 0).await?;
        let new = scene.new_reservation(ReservationStatus::Held);
        ports.reserve(&scene.taking(), std::slice::from_ref(&new)).await?;
        let outbox = [event(scene.order_id, "Released")];
        same("outcome", ports.release_reservation(&new.reservation, &outbox).await?, Committed::Yes)?;
        let picture = scene.picture(ports, books).await?;
        same("pool", picture.pool, Some(counts(5, 0, 1)))?;
        same("reservation", picture.reservation, Some(scene.reservation(ReservationStatus::Released)))?;
        same("outbox", picture.reservation_outbox, outbox.to_vec())?;
    }

    what_is_not_held_is_not_released_though_its_pool_holds_enough_for_others {
        let statuses = [ReservationStatus::Committed, ReservationStatus::Released, ReservationStatus::Refused];
        for status in statuses {
            let scene = Scene::with(books, counts(0, 9, 9), 0).await?;
            books.put_reservation(&scene.reservation(status)).await?;
            refused!(scene, ports, books, ports.release_reservation(&scene.reservation(status), &[]));
        }
        let nobody = Scene::with(books, counts(0, 9, 9), 0).await?;
        let unknown = nobody.reservation(ReservationStatus::Held);
        refused!(nobody, ports, books, ports.release_reservation(&unknown, &[]));
    }

    a_pool_gives_back_only_what_it_holds {
        let scene = Scene::with(books, counts(9, 2, 9), 0).await?;
        let held = scene.reservation(ReservationStatus::Held);
        books.put_reservation(&held).await?;
        refused!(scene, ports, books, ports.release_reservation(&held, &[]));
    }

    /// On DynamoDB the index lags behind; whoever uses it reads the hold itself.
    a_hold_that_has_ended_is_found_while_it_holds {
        let scene = Scene::with(books, counts(3, 0, 0), 3).await?;
        let found = async |end| anyhow::Ok(ports.ended_holds(at(end)).await?.contains(&scene.order_id));
        ports.reserve(&scene.taking(), &[scene.new_reservation(ReservationStatus::Held)]).await?;
        same("before its end", found(END - 1).await?, false)?;
        same("at its end", found(END).await?, true)?;
        let new = scene.new_allocation()?;
        ports.allocate(&new, at(0)).await?;
        same("when it is sold", found(END).await?, false)?;
        ports.release_allocation(&new.allocation, &scene.reservation(ReservationStatus::Committed)).await?;
        same("when it holds again", found(END).await?, true)?;
        ports.renew(&new.reservation, at(END + 1)).await?;
        same("when it is renewed", found(END).await?, false)?;
        let held = Reservation { expires_at: at(END + 1), ..new.reservation };
        ports.release_reservation(&held, &[]).await?;
        same("when it is released", found(END + 1).await?, false)?;
        let short = Scene::with(books, counts(0, 0, 0), 0).await?;
        let refusal = [short.new_reservation(ReservationStatus::Refused)];
        ports.reserve(&short.guarded(Guard { take: 0, at_most: Some(0) }), &refusal).await?;
        same("a refusal", ports.ended_holds(at(END)).await?.contains(&short.order_id), false)?;
    }

    a_forsaken_hold_is_swept_with_its_events {
        let scene = Scene::with(books, counts(5, 0, 1), 0).await?;
        let new = scene.new_reservation(ReservationStatus::Held);
        ports.reserve(&scene.taking(), std::slice::from_ref(&new)).await?;
        let outbox = [event(scene.order_id, "Released")];
        same("outcome", ports.release_ended(&new.reservation, &outbox).await?, Committed::Yes)?;
        let picture = scene.picture(ports, books).await?;
        same("pool", picture.pool, Some(counts(5, 0, 1)))?;
        same("reservation", picture.reservation, Some(scene.reservation(ReservationStatus::Released)))?;
        same("outbox", picture.reservation_outbox, outbox.to_vec())?;
        refused!(scene, ports, books, ports.release_ended(&new.reservation, &outbox));
    }

    a_hold_is_swept_only_as_it_was_read_and_from_what_its_pool_holds {
        let statuses = [ReservationStatus::Committed, ReservationStatus::Released, ReservationStatus::Refused];
        for status in statuses {
            let scene = Scene::with(books, counts(0, 9, 9), 0).await?;
            books.put_reservation(&scene.reservation(status)).await?;
            refused!(scene, ports, books, ports.release_ended(&scene.reservation(status), &[]));
        }
        let renewed = Scene::with(books, counts(0, 9, 0), 0).await?;
        let held = renewed.reservation(ReservationStatus::Held);
        books.put_reservation(&Reservation { expires_at: at(END + 1), ..held.clone() }).await?;
        refused!(renewed, ports, books, ports.release_ended(&held, &[]));
        let short = Scene::with(books, counts(9, 2, 9), 0).await?;
        let held = short.reservation(ReservationStatus::Held);
        books.put_reservation(&held).await?;
        refused!(short, ports, books, ports.release_ended(&held, &[]));
    }

    a_reservation_is_closed_only_if_there_is_none {
        let scene = Scene::with(books, counts(3, 0, 0), 0).await?;
        same("outcome", ports.close_reservation(scene.order_id, at(5)).await?, Committed::Yes)?;
        let status = ReservationStatus::Released;
        let order_id = scene.order_id;
        let closed = Reservation { order_id, status, takes: Vec::new(), expires_at: at(5) };
        let picture = scene.picture(ports, books).await?;
        same("reservation", picture.reservation, Some(closed))?;
        same("outbox", picture.reservation_outbox, Vec::new())?;
        let held = Scene::with(books, counts(0, 3, 0), 0).await?;
        books.put_reservation(&held.reservation(ReservationStatus::Held)).await?;
        refused!(held, ports, books, ports.close_reservation(held.order_id, at(5)));
    }

    an_allocation_sells_the_hold_and_takes_the_units_from_the_node {
        let scene = Scene::with(books, counts(1, 3, 2), 3).await?;
        books.put_reservation(&scene.reservation(ReservationStatus::Held)).await?;
        let new = scene.new_allocation()?;
        same("outcome", ports.allocate(&new, at(END - 1)).await?, Committed::Yes)?;
        let should = Picture {
            pool: Some(counts(1, 0, 5)),
            node: Some(0),
            versions: Versions { pool: 1, node: 1 },
            reservation: Some(scene.reservation(ReservationStatus::Committed)),
            allocation: Some(new.allocation),
            reservation_outbox: new.reservation_outbox,
            allocation_outbox: new.allocation_outbox,
        };
        same("what is there", scene.picture(ports, books).await?, should)?;
    }

    a_hold_is_not_sold_at_its_end {
        let scene = Scene::with(books, counts(0, 3, 0), 3).await?;
        books.put_reservation(&scene.reservation(ReservationStatus::Held)).await?;
        let new = scene.new_allocation()?;
        refused!(scene, ports, books, ports.allocate(&new, at(END)));
        same("before", ports.allocate(&new, at(END - 1)).await?, Committed::Yes)?;
    }

    what_is_not_held_is_not_sold_though_its_pool_holds_enough_for_others {
        let statuses = [ReservationStatus::Committed, ReservationStatus::Released, ReservationStatus::Refused];
        for status in statuses {
            let scene = Scene::with(books, counts(0, 9, 0), 9).await?;
            books.put_reservation(&scene.reservation(status)).await?;
            refused!(scene, ports, books, ports.allocate(&scene.new_allocation()?, at(0)));
        }
        let nobody = Scene::with(books, counts(0, 9, 0), 9).await?;
        refused!(nobody, ports, books, ports.allocate(&nobody.new_allocation()?, at(0)));
    }

    a_pool_sells_only_what_it_holds {
        let scene = Scene::with(books, counts(9, 2, 9), 9).await?;
        books.put_reservation(&scene.reservation(ReservationStatus::Held)).await?;
        refused!(scene, ports, books, ports.allocate(&scene.new_allocation()?, at(0)));
    }

    a_node_ships_only_what_it_has {
        let scene = Scene::with(books, counts(0, 3, 0), 2).await?;
        books.put_reservation(&scene.reservation(ReservationStatus::Held)).await?;
        refused!(scene, ports, books, ports.allocate(&scene.new_allocation()?, at(0)));
        let mut elsewhere = Scene::with(books, counts(0, 3, 0), 9).await?;
        elsewhere.node = NodeId::parse("wh-none")?;
        books.put_reservation(&elsewhere.reservation(ReservationStatus::Held)).await?;
        refused!(elsewhere, ports, books, ports.allocate(&elsewhere.new_allocation()?, at(0)));
    }

    an_order_that_has_an_allocation_gets_no_other {
        for status in [AllocationStatus::Allocated, AllocationStatus::Released] {
            let scene = Scene::with(books, counts(0, 9, 0), 9).await?;
            books.put_reservation(&scene.reservation(ReservationStatus::Held)).await?;
            books.put_allocation(&scene.allocation(status)?).await?;
            refused!(scene, ports, books, ports.allocate(&scene.new_allocation()?, at(0)));
        }
    }

    a_released_allocation_holds_the_units_again_and_says_nothing {
        let scene = Scene::with(books, counts(1, 3, 2), 3).await?;
        books.put_reservation(&scene.reservation(ReservationStatus::Held)).await?;
        let new = scene.new_allocation()?;
        ports.allocate(&new, at(0)).await?;
        let committed = scene.reservation(ReservationStatus::Committed);
        same("outcome", ports.release_allocation(&new.allocation, &committed).await?, Committed::Yes)?;
        let should = Picture {
            pool: Some(counts(1, 3, 2)),
            node: Some(3),
            versions: Versions { pool: 2, node: 2 },
            reservation: Some(scene.reservation(ReservationStatus::Held)),
            allocation: Some(scene.allocation(AllocationStatus::Released)?),
            reservation_outbox: Vec::new(),
            allocation_outbox: Vec::new(),
        };
        same("what is there", scene.picture(ports, books).await?, should)?;
        refused!(scene, ports, books, ports.release_allocation(&new.allocation, &committed));
    }

    an_allocation_is_released_only_while_it_stands_the_units_are_sold_and_the_node_is_known {
        let (committed, held) = (ReservationStatus::Committed, ReservationStatus::Held);
        let (allocated, released) = (AllocationStatus::Allocated, AllocationStatus::Released);
        for (sold, reservation, allocation) in [(9, committed, released), (9, held, allocated), (2, committed, allocated)] {
            let scene = Scene::with(books, counts(9, 9, sold), 9).await?;
            books.put_reservation(&scene.reservation(reservation)).await?;
            books.put_allocation(&scene.allocation(allocation)?).await?;
            let allocated = scene.allocation(allocated)?;
            refused!(scene, ports, books, ports.release_allocation(&allocated, &scene.reservation(committed)));
        }
        let mut scene = Scene::with(books, counts(0, 0, 3), 9).await?;
        scene.node = NodeId::parse("wh-none")?;
        books.put_reservation(&scene.reservation(committed)).await?;
        books.put_allocation(&scene.allocation(allocated)?).await?;
        let allocated = scene.allocation(allocated)?;
        refused!(scene, ports, books, ports.release_allocation(&allocated, &scene.reservation(committed)));
    }

    an_allocation_is_closed_only_if_there_is_none {
        let scene = Scene::with(books, counts(0, 0, 3), 0).await?;
        same("outcome", ports.close_allocation(scene.order_id).await?, Committed::Yes)?;
        let (order_id, status) = (scene.order_id, AllocationStatus::Released);
        let closed = Allocation { order_id, status, shipments: Vec::new() };
        let picture = scene.picture(ports, books).await?;
        same("allocation", picture.allocation, Some(closed))?;
        same("outbox", picture.allocation_outbox, Vec::new())?;
        let standing = Scene::with(books, counts(0, 0, 3), 0).await?;
        books.put_allocation(&standing.allocation(AllocationStatus::Allocated)?).await?;
        refused!(standing, ports, books, ports.close_allocation(standing.order_id));
    }

    pools_and_nodes_are_read_and_goods_without_any_have_none {
        let scene = Scene::with(books, counts(2, 3, 4), 5).await?;
        books.put_pool(&scene.sku, PoolId(7), counts(1, 0, 0)).await?;
        let unknown = goods()?;
        let skus: BTreeSet<&Sku> = [&scene.sku, &unknown].into();
        let available = ports.availability(&skus).await?;
        same("pools", available.get(&scene.sku).cloned(), Some([(POOL, 2), (PoolId(7), 1)].into()))?;
        same("no pools", available.get(&unknown).cloned().unwrap_or_default(), [].into())?;
        let on_hand = ports.on_hand(&skus).await?;
        let at_node = on_hand.get(&scene.node).context("the node")?;
        same("node", at_node.clone(), [(scene.sku.clone(), 5)].into())?;
    }
}
