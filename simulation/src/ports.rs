//! The functions' ports over the simulated world. Each call takes time, lets others go on, and may go wrong.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
    time::Duration,
};

use lakeside_contracts::commands::FulfilOrder;
use lakeside_domain::{
    allocation::{Allocation, OnHand},
    idempotency::{Acquisition, Durations, Owner},
    ids::{OrderId, ShipmentId, Sku},
    label::{LabelStatus, Purchase},
    money::{Currency, Money},
    order::Catalogue,
    payment::{Charge, PaymentStatus, Reversal},
    reservation::{Availability, Plan, Reservation},
    time::Timestamp,
};
use lakeside_fulfilment::{
    capture_payment::CaptureStore,
    carrier::{self, Carrier},
    create_label::LabelStore,
    effect::{Written, durations},
    executions::{Execution, Executions, ExecutionsError, Started},
    label_record::{self, ClosedRecord, LabelRecord},
    outside::{OutsideError, Reply},
    payment_record::{self, PaymentRecord},
    processor::{self, Processor},
    refund_payment::RefundStore,
    void_label::VoidStore,
};
use lakeside_inventory::{
    allocate::{AllocationStore, NewAllocation},
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
};
use lakeside_kit::{
    clock::{Clock, Pauses},
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    outbox::Entry,
    publish_outbox::{Bus, BusError},
    runtime::Invocation,
    task_token::{AnswerError, Answered, TaskTokens},
};
use lakeside_orders::{
    advance_order, order_ingest,
    order_record::{ConflictRecord, Creation, OrderRecord, RefusedRecord, Saved},
    order_status::{StatusView, ViewFact},
};
use serde::Serialize;

use crate::{buses::BusEvent, faults::Fault, functions::TIMEOUT, mutants::Mutant, world::World};

/// All ports, as one invocation has them.
pub struct Port {
    world: Rc<World>,
    skew: i64,
    /// Nobody waits for it, and it takes its time.
    zombie: bool,
    pub invocation: Invocation,
    durations: Durations,
}

fn lost() -> StoreError {
    StoreError::Unavailable("no answer".into())
}

impl Port {
    pub fn new(world: &Rc<World>, zombie: bool) -> Self {
        let skew = if world.strikes(Fault::ClockSkew) { world.engine.between(-900, 900) } else { 0 };
        let now = Timestamp::from_millis(world.engine.now() + skew);
        // Lambda's own clock says when the invocation ends.
        let deadline = Timestamp::from_millis(world.engine.now() + TIMEOUT);
        let invocation = Invocation { request_id: world.engine.uuid().to_string(), deadline };
        let durations = durations(now, deadline);
        Self { world: Rc::clone(world), skew, zombie, invocation, durations }
    }

    pub fn hold_seconds(&self) -> u32 {
        self.world.hold_seconds
    }

    /// One call of a port.
    async fn call<T>(
        &self,
        what: &'static str,
        effect: impl FnOnce(&Rc<World>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let world = &self.world;
        self.before(what).await;
        if world.strikes(Fault::Throttled) || world.strikes(Fault::Conflict) {
            return Err(StoreError::Busy);
        }
        if world.strikes(Fault::ServerError) {
            return Err(lost());
        }
        let answer = effect(world);
        self.after(what).await;
        if world.strikes(Fault::ReplyLost) { Err(lost()) } else { answer }
    }

    async fn before(&self, what: &'static str) {
        let engine = &self.world.engine;
        let slow = self.world.strikes(Fault::SlowCall);
        let asleep = self.zombie && engine.chance(0.4);
        let sluggish = engine.chance(self.world.sluggish);
        engine
            .sleep(match (asleep, slow, sluggish) {
                (true, ..) => engine.between(500, 400_000),
                (_, true, _) => engine.between(500, 90_000),
                (.., true) => engine.between(12, 6_000),
                _ => engine.between(1, 12),
            })
            .await;
        if self.world.strikes(Fault::CrashBeforeCall) {
            engine.note(|| format!("crash before {what}"));
            engine.crash().await;
        }
        engine.note(|| what.to_owned());
    }

    async fn after(&self, what: &'static str) {
        let engine = &self.world.engine;
        if self.world.strikes(Fault::CrashAfterCall) {
            engine.note(|| format!("crash after {what}"));
            engine.crash().await;
        }
        engine.sleep(engine.between(0, 6)).await;
    }
}

impl Clock for Port {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.world.engine.now() + self.skew)
    }
}

impl Pauses for Port {
    async fn pause(&self, at_least: Duration, at_most: Duration) {
        let millis = |d: Duration| i64::try_from(d.as_millis()).unwrap();
        let engine = &self.world.engine;
        engine.sleep(engine.between(millis(at_least), millis(at_most))).await;
    }
}

impl order_ingest::Orders for Port {
    async fn prices(&self, skus: &[Sku]) -> Result<Catalogue, StoreError> {
        self.call("read prices", |world| {
            let orders = world.orders.borrow();
            let price = |sku: &Sku| Some((sku.clone(), Money::new(*orders.prices.get(sku)?, Currency::USD)));
            Ok(skus.iter().filter_map(price).collect())
        })
        .await
    }

    async fn create(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Creation, StoreError> {
        self.call("create order", |world| Ok(world.create_order(record, outbox))).await
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        self.call("record conflict", |world| {
            world.orders.borrow_mut().conflicts.push(conflict.clone());
            Ok(())
        })
        .await
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.call("record refused", |world| {
            world.orders.borrow_mut().refused.insert(message_id.to_owned(), refused.clone());
            Ok(())
        })
        .await
    }
}

impl advance_order::Orders for Port {
    async fn load(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        self.call("read order", |world| Ok(world.orders.borrow().records.get(&order_id).cloned())).await
    }

    async fn save(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        self.call("save order", |world| Ok(world.save_order(record, outbox))).await
    }
}

impl StatusView for Port {
    async fn record(&self, fact: &ViewFact) -> Result<(), StoreError> {
        self.call("record fact", |world| {
            let mut status = world.status.borrow_mut();
            if let Some(customer) = &fact.customer_id {
                status.owners.entry(fact.order_id).or_insert_with(|| customer.to_string());
            }
            let facts = status.facts.entry(fact.order_id).or_default();
            facts.entry(fact.event_id).or_insert_with(|| fact.known.clone());
            Ok(())
        })
        .await
    }
}

impl ReservationStore for Port {
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError> {
        self.call("read reservations", |world| {
            let inventory = world.inventory.borrow();
            let found = |id: &OrderId| Some((*id, inventory.reservations.get(id)?.clone()));
            Ok(orders.iter().filter_map(found).collect())
        })
        .await
    }

    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError> {
        self.call("read pools", |world| Ok(world.available(skus))).await
    }

    async fn reserve(&self, plan: &Plan, new: &[NewReservation]) -> Result<Committed, StoreError> {
        let outcome = self.call("reserve", |world| Ok(world.reserve(plan, new))).await?;
        if outcome == Committed::Stale && self.world.planted(Mutant::StaleIsSoldOut) {
            let refused: Vec<NewReservation> = new.iter().map(sold_out).collect();
            return self.call("reserve", |world| Ok(world.reserve(&Plan::default(), &refused))).await;
        }
        Ok(outcome)
    }

    async fn renew(&self, held: &Reservation, expires_at: Timestamp) -> Result<Committed, StoreError> {
        self.call("renew hold", |world| Ok(world.renew(held, expires_at))).await
    }
}

fn sold_out(new: &NewReservation) -> NewReservation {
    let mut refused = new.clone();
    refused.reservation.status = lakeside_domain::reservation::ReservationStatus::Refused;
    refused.reservation.takes.clear();
    refused
}

impl ReleaseStore for Port {
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.call("read reservation", |world| {
            Ok(world.inventory.borrow().reservations.get(&order_id).cloned())
        })
        .await
    }

    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        self.call("read allocation", |world| Ok(world.inventory.borrow().allocations.get(&order_id).cloned()))
            .await
    }

    async fn release_reservation(
        &self,
        held: &Reservation,
        outbox: &[Entry],
    ) -> Result<Committed, StoreError> {
        self.call("release stock", |world| Ok(world.release_reservation(held, outbox))).await
    }

    async fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Result<Committed, StoreError> {
        self.call("close reservation", |world| Ok(world.close_reservation(order_id, now))).await
    }

    async fn release_allocation(
        &self,
        allocated: &Allocation,
        committed: &Reservation,
    ) -> Result<Committed, StoreError> {
        self.call("release allocation", |world| Ok(world.release_allocation(allocated, committed))).await
    }

    async fn close_allocation(&self, order_id: OrderId) -> Result<Committed, StoreError> {
        self.call("close allocation", |world| Ok(world.close_allocation(order_id))).await
    }
}

impl AllocationStore for Port {
    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        ReleaseStore::allocation(self, order_id).await
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        ReleaseStore::reservation(self, order_id).await
    }

    async fn on_hand(&self, skus: &BTreeSet<&Sku>) -> Result<OnHand, StoreError> {
        self.call("read nodes", |world| {
            let mut on_hand = OnHand::new();
            for ((sku, node), units) in &world.inventory.borrow().nodes {
                if skus.contains(sku) {
                    let units = u64::try_from(*units).unwrap_or_default();
                    on_hand.entry(node.clone()).or_default().insert(sku.clone(), units);
                }
            }
            Ok(on_hand)
        })
        .await
    }

    async fn allocate(&self, new: &NewAllocation, now: Timestamp) -> Result<Committed, StoreError> {
        self.call("allocate", |world| Ok(world.allocate(new, now))).await
    }
}

impl Leases for Port {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        self.call("take lease", |world| Ok(world.take_lease(key, owner, now, self.durations))).await
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        self.call("give up lease", |world| {
            world.release_lease(held);
            Ok(())
        })
        .await
    }
}

impl Port {
    async fn put_payment(
        &self,
        what: &'static str,
        payment: &PaymentRecord,
        before: &[&str],
        guard: Option<Mutant>,
        outbox: &[Entry],
        held: Option<&Held>,
    ) -> Result<Written, StoreError> {
        self.call(what, |world| Ok(world.put_payment(payment, before, guard, outbox, held, self.durations)))
            .await
    }

    async fn put_label(
        &self,
        what: &'static str,
        label: &LabelRecord,
        before: &[&str],
        guard: Option<Mutant>,
        outbox: &[Entry],
        held: Option<&Held>,
    ) -> Result<Written, StoreError> {
        self.call(what, |world| Ok(world.put_label(label, before, guard, outbox, held, self.durations))).await
    }
}

impl CaptureStore for Port {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        self.call("read payment", |world| Ok(world.fulfilment.borrow().payments.get(&order_id).cloned()))
            .await
    }

    async fn begin_capture(&self, capturing: &PaymentRecord) -> Result<Written, StoreError> {
        let guard = Some(Mutant::CaptureAfterRefund);
        self.put_payment("begin capture", capturing, &["", "CAPTURING"], guard, &[], None).await
    }

    async fn settle_capture(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        let guard = Some(Mutant::SettleCaptureUnconditional);
        self.put_payment("settle capture", payment, &["CAPTURING"], guard, outbox, Some(held)).await
    }
}

impl RefundStore for Port {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        CaptureStore::payment(self, order_id).await
    }

    async fn close_payment(&self, voided: &PaymentRecord) -> Result<Written, StoreError> {
        let guard = Some(Mutant::ClosePaymentUnconditional);
        self.put_payment("close payment", voided, &[""], guard, &[], None).await
    }

    async fn begin_reversal(
        &self,
        reversing: &PaymentRecord,
        from: &PaymentStatus,
    ) -> Result<Written, StoreError> {
        let from = payment_record::status_name(from);
        self.put_payment("begin reversal", reversing, &[from], None, &[], None).await
    }

    async fn settle_reversal(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.put_payment("settle reversal", payment, &["REVERSING"], None, outbox, Some(held)).await
    }
}

impl LabelStore for Port {
    async fn label(
        &self,
        order_id: OrderId,
        shipment_id: ShipmentId,
    ) -> Result<Option<LabelRecord>, StoreError> {
        self.call("read label", |world| {
            Ok(world.fulfilment.borrow().labels.get(&(order_id, shipment_id)).cloned())
        })
        .await
    }

    async fn labels_closed(&self, order_id: OrderId) -> Result<bool, StoreError> {
        self.call("read closed", |world| {
            Ok(world.fulfilment.borrow().closed.contains(&order_id)
                && !world.planted(Mutant::LabelAfterClosing))
        })
        .await
    }

    async fn begin_label(&self, requested: &LabelRecord) -> Result<Written, StoreError> {
        self.call("begin label", |world| {
            let closed = world.fulfilment.borrow().closed.contains(&requested.order_id);
            if closed && !world.planted(Mutant::LabelAfterClosing) {
                return Ok(Written::Stale);
            }
            Ok(world.put_label(requested, &["", "REQUESTED"], None, &[], None, self.durations))
        })
        .await
    }

    async fn settle_label(
        &self,
        label: &LabelRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        let guard = Some(Mutant::SettleLabelUnconditional);
        self.put_label("settle label", label, &["REQUESTED"], guard, outbox, Some(held)).await
    }
}

impl VoidStore for Port {
    async fn close_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        self.call("close labels", |world| {
            world.fulfilment.borrow_mut().closed.insert(closed.order_id);
            Ok(())
        })
        .await
    }

    async fn labels(&self, order_id: OrderId) -> Result<Vec<LabelRecord>, StoreError> {
        self.call("read labels", |world| {
            let fulfilment = world.fulfilment.borrow();
            Ok(fulfilment.labels.values().filter(|label| label.order_id == order_id).cloned().collect())
        })
        .await
    }

    async fn settle_void(
        &self,
        voided: &LabelRecord,
        from: &LabelStatus,
        held: &Held,
    ) -> Result<Written, StoreError> {
        let from = label_record::status_name(from);
        self.put_label("settle void", voided, &[from], None, &[], Some(held)).await
    }
}

impl Processor for Port {
    async fn charge(
        &self,
        request: &processor::ChargeRequest,
        patience: Duration,
    ) -> Result<Reply<Charge>, OutsideError> {
        self.before("charge").await;
        let reply = self.world.charge(request, patience).await;
        self.after("charge").await;
        reply
    }

    async fn reverse(&self, order_id: OrderId, patience: Duration) -> Result<Reply<Reversal>, OutsideError> {
        self.before("reverse").await;
        let reply = self.world.reverse(order_id, patience).await;
        self.after("reverse").await;
        reply
    }

    async fn look_up(
        &self,
        order_id: OrderId,
        patience: Duration,
    ) -> Result<processor::Standing, OutsideError> {
        self.before("look up payment").await;
        self.world.payment_standing(order_id, patience).await
    }
}

impl Carrier for Port {
    async fn buy(
        &self,
        request: &carrier::LabelRequest,
        patience: Duration,
    ) -> Result<Reply<Purchase>, OutsideError> {
        self.before("buy label").await;
        let reply = self.world.buy(request, patience).await;
        self.after("buy label").await;
        reply
    }

    async fn void(&self, shipment_id: ShipmentId, patience: Duration) -> Result<(), OutsideError> {
        self.before("void label").await;
        let reply = self.world.void(shipment_id, patience).await;
        self.after("void label").await;
        reply
    }

    async fn look_up(
        &self,
        shipment_id: ShipmentId,
        patience: Duration,
    ) -> Result<carrier::Standing, OutsideError> {
        self.before("look up label").await;
        self.world.label_standing(shipment_id, patience).await
    }
}

impl TaskTokens for Port {
    async fn succeed<R: Serialize>(&self, token: &str, result: &R) -> Result<Answered, AnswerError> {
        self.before("answer saga").await;
        let world = &self.world;
        if world.strikes(Fault::Throttled) || world.strikes(Fault::ServerError) {
            return Err(AnswerError("no answer".into()));
        }
        if world.strikes(Fault::LostToken) {
            return Ok(Answered::Delivered);
        }
        let answer = serde_json::to_value(result).unwrap();
        let slot = world.tokens.borrow().get(token).cloned();
        let awaited = slot.as_ref().is_some_and(|slot| slot.fill(&world.engine, answer.clone()));
        if world.strikes(Fault::DoubleToken)
            && let Some(slot) = slot
        {
            slot.fill(&world.engine, answer);
        }
        self.after("answer saga").await;
        if world.strikes(Fault::ReplyLost) {
            return Err(AnswerError("no answer".into()));
        }
        Ok(if awaited { Answered::Delivered } else { Answered::NotAwaited })
    }
}

impl Bus for Port {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError> {
        self.before("put events").await;
        let world = &self.world;
        if world.strikes(Fault::Throttled) || world.strikes(Fault::ServerError) {
            return Err(BusError("no answer".into()));
        }
        let mut refused = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            if world.strikes(Fault::PartialPut) {
                refused.push(position);
                continue;
            }
            let mut event = BusEvent::from(entry);
            if world.planted(Mutant::EventIdPerPublication) {
                let (known, fresh) = (entry.event_id.to_string(), world.engine.uuid().to_string());
                event.detail = event.detail.replace(&known, &fresh);
            }
            world.publish(event);
        }
        self.after("put events").await;
        if world.strikes(Fault::ReplyLost) {
            return Err(BusError("no answer".into()));
        }
        Ok(if world.planted(Mutant::PartialPutIgnored) { Vec::new() } else { refused })
    }
}

impl Executions for Port {
    async fn start(&self, name: &str, input: &FulfilOrder) -> Result<Started, ExecutionsError> {
        self.before("start saga").await;
        let world = &self.world;
        if world.strikes(Fault::Throttled) || world.strikes(Fault::ServerError) {
            return Err(ExecutionsError::Unavailable("no answer".into()));
        }
        let mut name = name.to_owned();
        if world.planted(Mutant::ExecutionNamePerAttempt) {
            name.push_str(&world.engine.uuid().to_string());
        }
        let mut started = world.start_saga(&name, input);
        if world.strikes(Fault::DuplicateStart) {
            started = world.start_saga(&name, input);
        }
        self.after("start saga").await;
        if world.strikes(Fault::ReplyLost) {
            return Err(ExecutionsError::Unavailable("no answer".into()));
        }
        Ok(if started { Started::Yes } else { Started::NameTaken })
    }

    async fn describe(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        self.before("describe saga").await;
        let executions = self.world.executions.borrow();
        Ok(executions.get(name).map(|known| Execution {
            input: serde_json::to_string(&known.input).unwrap(),
            error: known.error.map(str::to_owned),
        }))
    }

    async fn entered(&self, name: &str, state: &str) -> Result<bool, ExecutionsError> {
        self.before("read saga's history").await;
        Ok(self.world.executions.borrow().get(name).is_some_and(|known| known.last_state == state))
    }
}
