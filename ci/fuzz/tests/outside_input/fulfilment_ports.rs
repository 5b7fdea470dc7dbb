//! The fulfilment squad's table and partners, in memory. Partners say yes to everything and remember it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use lakeside_contracts::commands::FulfilOrder;
use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    ids::{AddressId, OrderId, ShipmentId, TrackingNumber},
    label::{Closing, LabelStatus, Purchase},
    payment::{Charge, PaymentStatus, Reversal},
    time::Timestamp,
};
use lakeside_fulfilment::{
    address::{Address, Addresses},
    cancel_fulfilment::CancelStore,
    capture_payment::CaptureStore,
    carrier::{self, Carrier, LabelRequest},
    create_label::LabelStore,
    effect::Written,
    executions::{Execution, Executions, ExecutionsError, Started},
    label_record::{ClosedRecord, LabelRecord},
    outside::{OutsideError, Reply},
    payment_record::PaymentRecord,
    processor::{self, ChargeRequest, Processor},
    refund_payment::RefundStore,
    start_fulfilment::Payments,
    void_label::VoidStore,
};
use lakeside_kit::{
    clock::Clock,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    memory::{ManualClock, MemoryLeases},
    outbox::Entry,
    runtime::Invocation,
};

pub struct FulfilmentTable {
    pub payments: RefCell<HashMap<OrderId, PaymentRecord>>,
    pub labels: RefCell<BTreeMap<ShipmentId, LabelRecord>>,
    pub closed: RefCell<HashSet<OrderId>>,
    pub published: RefCell<Vec<Entry>>,
    leases: MemoryLeases,
}

impl Default for FulfilmentTable {
    fn default() -> Self {
        Self {
            payments: RefCell::default(),
            labels: RefCell::default(),
            closed: RefCell::default(),
            published: RefCell::default(),
            leases: MemoryLeases::new(Durations { in_progress: 22, record: 3600 }),
        }
    }
}

impl FulfilmentTable {
    fn keep(&self, payment: &PaymentRecord) -> Written {
        self.payments.borrow_mut().insert(payment.order_id, payment.clone());
        Written::Yes
    }

    fn settle(&self, held: &Held, now: Timestamp, outbox: &[Entry]) -> bool {
        let mine = self.leases.complete(held, "", now);
        if mine {
            self.published.borrow_mut().extend_from_slice(outbox);
        }
        mine
    }

    fn settle_payment(&self, payment: &PaymentRecord, outbox: &[Entry], held: &Held) -> Written {
        if !self.settle(held, payment.updated_at, outbox) {
            return Written::Stale;
        }
        self.payments.borrow_mut().insert(payment.order_id, payment.clone());
        Written::Yes
    }

    fn settle_label(&self, label: &LabelRecord, outbox: &[Entry], held: &Held) -> Written {
        if !self.settle(held, label.updated_at, outbox) {
            return Written::Stale;
        }
        self.labels.borrow_mut().insert(label.shipment_id, label.clone());
        Written::Yes
    }
}

impl Leases for FulfilmentTable {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        self.leases.acquire(key, owner, now).await
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        self.leases.release(held).await
    }
}

impl CaptureStore for FulfilmentTable {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        Ok(self.payments.borrow().get(&order_id).cloned())
    }

    async fn begin_capture(&self, capturing: &PaymentRecord) -> Result<Written, StoreError> {
        Ok(self.keep(capturing))
    }

    async fn settle_capture(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        Ok(self.settle_payment(payment, outbox, held))
    }
}

impl Payments for FulfilmentTable {
    async fn is_known(&self, order_id: OrderId) -> Result<bool, StoreError> {
        Ok(self.payments.borrow().contains_key(&order_id))
    }
}

impl RefundStore for FulfilmentTable {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        CaptureStore::payment(self, order_id).await
    }

    async fn close_payment(&self, voided: &PaymentRecord) -> Result<Written, StoreError> {
        Ok(self.keep(voided))
    }

    async fn begin_reversal(
        &self,
        reversing: &PaymentRecord,
        _: &PaymentStatus,
    ) -> Result<Written, StoreError> {
        Ok(self.keep(reversing))
    }

    async fn settle_reversal(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        Ok(self.settle_payment(payment, outbox, held))
    }
}

impl LabelStore for FulfilmentTable {
    async fn label(&self, _: OrderId, shipment_id: ShipmentId) -> Result<Option<LabelRecord>, StoreError> {
        Ok(self.labels.borrow().get(&shipment_id).cloned())
    }

    async fn labels_closed(&self, order_id: OrderId) -> Result<Option<Closing>, StoreError> {
        Ok(self.closed.borrow().contains(&order_id).then_some(Closing::Compensation))
    }

    async fn begin_label(&self, requested: &LabelRecord) -> Result<Written, StoreError> {
        self.labels.borrow_mut().insert(requested.shipment_id, requested.clone());
        Ok(Written::Yes)
    }

    async fn settle_label(
        &self,
        label: &LabelRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        Ok(FulfilmentTable::settle_label(self, label, outbox, held))
    }
}

impl VoidStore for FulfilmentTable {
    async fn close_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        self.closed.borrow_mut().insert(closed.order_id);
        Ok(())
    }

    async fn labels(&self, order_id: OrderId) -> Result<Vec<LabelRecord>, StoreError> {
        Ok(self.labels.borrow().values().filter(|l| l.order_id == order_id).cloned().collect())
    }

    async fn settle_void(
        &self,
        voided: &LabelRecord,
        _: &LabelStatus,
        held: &Held,
    ) -> Result<Written, StoreError> {
        Ok(FulfilmentTable::settle_label(self, voided, &[], held))
    }
}

/// The saga waits for the approval of every order, under the order's id as its token.
impl CancelStore for FulfilmentTable {
    async fn cancel_payment(&self, cancelled: &PaymentRecord) -> Result<Written, StoreError> {
        Ok(self.keep(cancelled))
    }

    async fn cancel_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        self.closed.borrow_mut().insert(closed.order_id);
        Ok(())
    }

    async fn cancel_approval(&self, order_id: OrderId, _: Timestamp) -> Result<Option<String>, StoreError> {
        Ok(Some(order_id.to_string()))
    }
}

/// Processor and carrier in one.
#[derive(Default)]
pub struct Partners {
    pub charges: RefCell<Vec<ChargeRequest>>,
    pub reversals: RefCell<Vec<OrderId>>,
}

impl Processor for Partners {
    async fn charge(&self, request: &ChargeRequest, _: Duration) -> Result<Reply<Charge>, OutsideError> {
        self.charges.borrow_mut().push(request.clone());
        Ok(Reply::Final(Charge::Captured))
    }

    async fn reverse(&self, order_id: OrderId, _: Duration) -> Result<Reply<Reversal>, OutsideError> {
        self.reversals.borrow_mut().push(order_id);
        Ok(Reply::Final(Reversal::Refunded))
    }

    async fn look_up(&self, _: OrderId, _: Duration) -> Result<processor::Standing, OutsideError> {
        Ok(processor::Standing::Absent)
    }
}

impl Addresses for Partners {
    async fn address(&self, _: &AddressId) -> Result<Option<Address>, StoreError> {
        Ok(Some(Address::of_nobody()))
    }
}

impl Carrier for Partners {
    async fn buy(&self, _: &LabelRequest, _: Duration) -> Result<Reply<Purchase>, OutsideError> {
        let tracking_number = TrackingNumber::parse("LS000000001").unwrap();
        Ok(Reply::Final(Purchase::Created { tracking_number }))
    }

    async fn void(&self, _: ShipmentId, _: Duration) -> Result<(), OutsideError> {
        Ok(())
    }

    async fn look_up(&self, _: ShipmentId, _: Duration) -> Result<carrier::Standing, OutsideError> {
        Ok(carrier::Standing::Absent)
    }
}

/// A state machine that remembers what was started.
#[derive(Default)]
pub struct Sagas {
    pub started: RefCell<HashMap<String, FulfilOrder>>,
    /// What is said of executions, by name.
    pub described: HashMap<String, Execution>,
}

impl Executions for Sagas {
    async fn start(&self, name: &str, input: &FulfilOrder) -> Result<Started, ExecutionsError> {
        self.started.borrow_mut().insert(name.into(), input.clone());
        Ok(Started::Yes)
    }

    async fn describe(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Ok(self.described.get(name).cloned())
    }

    async fn entered(&self, _: &str, _: &str) -> Result<bool, ExecutionsError> {
        Ok(false)
    }
}

/// An invocation with twenty seconds left on `clock`.
pub fn invocation(clock: &ManualClock) -> Invocation {
    Invocation { request_id: "request".into(), deadline: clock.now().plus_seconds(20) }
}
