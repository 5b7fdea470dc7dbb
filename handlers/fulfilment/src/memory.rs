//! The fulfilment squad's table in memory, for tests and simulations: feature `memory`. Its conditions are those of
//! [`crate::fulfilment_table`], which the contracts in `ci/ports` hold both to.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    fmt,
    rc::Rc,
};

use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    ids::{OrderId, ShipmentId},
    label::{Closing, LabelStatus},
    payment::PaymentStatus,
    time::Timestamp,
};
use lakeside_kit::{
    conditions,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    memory::{LeaseCondition, Lifted, MemoryLeases, Outboxes},
    outbox::Entry,
};

use crate::{
    approval_record::{ApprovalRecord, ApprovalStatus},
    cancel_fulfilment::CancelStore,
    capture_payment::CaptureStore,
    create_label::LabelStore,
    effect::Written,
    fulfilment_table::{label_key, payment_key},
    label_record::{self, ClosedRecord, LabelRecord},
    payment_record::{self, PaymentRecord},
    refund_payment::RefundStore,
    start_fulfilment::Payments,
    void_label::VoidStore,
};

conditions! {
    CaptureOpen: "a charge begins only on a payment that is open",
    CaptureAwaited: "the outcome of a charge is recorded only on a payment that waits for it",
    ClosePaymentFirst: "a payment is closed only if there is none",
    ReversalUnchanged: "a reversal begins only on the payment that was read",
    ReversalAwaited: "the outcome of a reversal is recorded only on a payment that waits for it",
    LabelsOpen: "no label is begun after the order's labels were closed",
    LabelAbsentOrRequested: "a label is begun only if nothing has come of it",
    LabelAwaited: "the outcome of a purchase is recorded only on a label that waits for it",
    CloseLabelsFirst: "labels are closed once, and for good",
    VoidUnchanged: "a label is voided only as it was read",
    LeaseFree: "a lease is given to one attempt at a time",
    LeaseCompletedByHolder: "an outcome is recorded by the holder of the lease only",
    LeaseReleasedByHolder: "a lease is given up by its holder only, and never once completed",
}

type Meanwhile = Box<dyn FnOnce(&MemoryFulfilment)>;

/// The table, as an invocation has it. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryFulfilment {
    /// Around its effects.
    pub leases: MemoryLeases,
    items: Rc<Items>,
}

/// What is in the table.
#[derive(Default)]
pub struct Items {
    /// One per order.
    pub payments: RefCell<BTreeMap<OrderId, PaymentRecord>>,
    /// One per parcel.
    pub labels: RefCell<BTreeMap<(OrderId, ShipmentId), LabelRecord>>,
    /// The orders that may have no labels any more, since when and why.
    pub closed: RefCell<BTreeMap<OrderId, ClosedRecord>>,
    /// One per order that was to be approved or was cancelled.
    pub approvals: RefCell<BTreeMap<OrderId, ApprovalRecord>>,
    /// What the items' outboxes hold.
    pub outboxes: Outboxes,
    lifted: Lifted<Condition>,
    writes: Cell<usize>,
    meanwhile: RefCell<HashMap<usize, Meanwhile>>,
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("payments", &self.payments)
            .field("labels", &self.labels)
            .field("closed", &self.closed)
            .field("approvals", &self.approvals)
            .finish_non_exhaustive()
    }
}

impl std::ops::Deref for MemoryFulfilment {
    type Target = Items;

    fn deref(&self) -> &Items {
        &self.items
    }
}

impl Default for MemoryFulfilment {
    fn default() -> Self {
        Self::new(Durations { in_progress: 22, record: 3600 })
    }
}

impl MemoryFulfilment {
    /// An empty table, with leases as long as `durations`.
    pub fn new(durations: Durations) -> Self {
        Self { leases: MemoryLeases::new(durations), items: Rc::default() }
    }

    /// The same table, leases from here on as long as `durations`.
    #[must_use]
    pub fn lasting(&self, durations: Durations) -> Self {
        Self { leases: self.leases.lasting(durations), items: Rc::clone(&self.items) }
    }

    /// Does not enforce `condition` any more.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
        match condition {
            Condition::LeaseFree => self.leases.lift(LeaseCondition::Free),
            Condition::LeaseCompletedByHolder => self.leases.lift(LeaseCondition::CompletedByHolder),
            Condition::LeaseReleasedByHolder => self.leases.lift(LeaseCondition::ReleasedByHolder),
            _ => {}
        }
    }

    /// Lets others act just before the `write`-th conditional write, the first being number one.
    pub fn before_write(&self, write: usize, meanwhile: impl FnOnce(&Self) + 'static) {
        self.meanwhile.borrow_mut().insert(write, Box::new(meanwhile));
    }

    fn others_act(&self) {
        self.writes.set(self.writes.get().saturating_add(1));
        let meanwhile = self.meanwhile.borrow_mut().remove(&self.writes.get());
        if let Some(meanwhile) = meanwhile {
            meanwhile(self);
        }
    }

    /// The order's payment.
    pub fn payment(&self, order_id: OrderId) -> Option<PaymentRecord> {
        self.payments.borrow().get(&order_id).cloned()
    }

    /// Where the order's payment stands.
    pub fn payment_status(&self, order_id: OrderId) -> Option<PaymentStatus> {
        self.payment(order_id).map(|payment| payment.status)
    }

    /// The parcel's label.
    pub fn label(&self, order_id: OrderId, shipment_id: ShipmentId) -> Option<LabelRecord> {
        self.labels.borrow().get(&(order_id, shipment_id)).cloned()
    }

    /// Where the parcel's label stands.
    pub fn label_status(&self, order_id: OrderId, shipment_id: ShipmentId) -> Option<LabelStatus> {
        self.label(order_id, shipment_id).map(|label| label.status)
    }

    /// Why the order may have no labels any more, if so.
    pub fn labels_closed(&self, order_id: OrderId) -> Option<Closing> {
        self.closed.borrow().get(&order_id).map(|closed| closed.closing)
    }

    /// All labels of the order.
    pub fn labels(&self, order_id: OrderId) -> Vec<LabelRecord> {
        self.labels.borrow().values().filter(|label| label.order_id == order_id).cloned().collect()
    }

    /// As [`CaptureStore::begin_capture`].
    pub fn begin_capture(&self, capturing: &PaymentRecord) -> Written {
        let open = matches!(self.payment_status(capturing.order_id), None | Some(PaymentStatus::Capturing));
        self.put_payment(Condition::CaptureOpen, open, capturing, &[], None)
    }

    /// As [`CaptureStore::settle_capture`].
    pub fn settle_capture(&self, payment: &PaymentRecord, outbox: &[Entry], held: &Held) -> Written {
        let awaited = self.payment_is_at(payment.order_id, &PaymentStatus::Capturing);
        self.put_payment(Condition::CaptureAwaited, awaited, payment, outbox, Some(held))
    }

    /// As [`RefundStore::close_payment`].
    pub fn close_payment(&self, voided: &PaymentRecord) -> Written {
        let first = !self.payments.borrow().contains_key(&voided.order_id);
        self.put_payment(Condition::ClosePaymentFirst, first, voided, &[], None)
    }

    /// As [`RefundStore::begin_reversal`].
    pub fn begin_reversal(&self, reversing: &PaymentRecord, from: &PaymentStatus) -> Written {
        let unchanged = self.payment_is_at(reversing.order_id, from);
        self.put_payment(Condition::ReversalUnchanged, unchanged, reversing, &[], None)
    }

    /// As [`RefundStore::settle_reversal`].
    pub fn settle_reversal(&self, payment: &PaymentRecord, outbox: &[Entry], held: &Held) -> Written {
        let awaited = self.payment_is_at(payment.order_id, &PaymentStatus::Reversing);
        self.put_payment(Condition::ReversalAwaited, awaited, payment, outbox, Some(held))
    }

    /// As [`LabelStore::begin_label`].
    pub fn begin_label(&self, requested: &LabelRecord) -> Written {
        let open = self.labels_closed(requested.order_id).is_none();
        if !self.lifted.passes(Condition::LabelsOpen, open) {
            return Written::Stale;
        }
        let label = self.label(requested.order_id, requested.shipment_id);
        let undecided = label.is_none_or(|label| label.status == LabelStatus::Requested);
        self.put_label(Condition::LabelAbsentOrRequested, undecided, requested, &[], None)
    }

    /// As [`LabelStore::settle_label`].
    pub fn settle_label(&self, label: &LabelRecord, outbox: &[Entry], held: &Held) -> Written {
        let awaited = self.label_is_at(label, &LabelStatus::Requested);
        self.put_label(Condition::LabelAwaited, awaited, label, outbox, Some(held))
    }

    /// As [`VoidStore::close_labels`].
    pub fn close_labels(&self, closed: &ClosedRecord) {
        let first = self.labels_closed(closed.order_id).is_none();
        if self.lifted.passes(Condition::CloseLabelsFirst, first) {
            self.closed.borrow_mut().insert(closed.order_id, closed.clone());
        }
    }

    /// What the state machine writes when it asks for an approval; answers whether it may.
    pub fn request_approval(&self, order_id: OrderId, task_token: &str) -> bool {
        let mut approvals = self.approvals.borrow_mut();
        if approvals.get(&order_id).is_some_and(|known| known.status == ApprovalStatus::Cancelled) {
            return false;
        }
        let (status, task_token) = (ApprovalStatus::Pending, Some(task_token.to_owned()));
        approvals.insert(order_id, ApprovalRecord { order_id, status, task_token, cancelled_at: None });
        true
    }

    /// As [`CancelStore::cancel_approval`].
    pub fn cancel_approval(&self, order_id: OrderId, now: Timestamp) -> Option<String> {
        let mut approvals = self.approvals.borrow_mut();
        let status = ApprovalStatus::Cancelled;
        let approval = approvals.entry(order_id).or_insert(ApprovalRecord {
            order_id,
            status,
            task_token: None,
            cancelled_at: None,
        });
        approval.status = status;
        approval.cancelled_at.get_or_insert(now);
        approval.task_token.clone()
    }

    /// As [`VoidStore::settle_void`].
    pub fn settle_void(&self, voided: &LabelRecord, from: &LabelStatus, held: &Held) -> Written {
        let unchanged = self.label_is_at(voided, from);
        self.put_label(Condition::VoidUnchanged, unchanged, voided, &[], Some(held))
    }

    /// Conditions compare the status and not what it carries.
    fn payment_is_at(&self, order_id: OrderId, status: &PaymentStatus) -> bool {
        let now = self.payment_status(order_id);
        now.is_some_and(|now| payment_record::status_name(&now) == payment_record::status_name(status))
    }

    fn label_is_at(&self, label: &LabelRecord, status: &LabelStatus) -> bool {
        let now = self.label(label.order_id, label.shipment_id);
        now.is_some_and(|now| label_record::status_name(&now.status) == label_record::status_name(status))
    }

    fn put_payment(
        &self,
        condition: Condition,
        holds: bool,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: Option<&Held>,
    ) -> Written {
        if !self.lifted.passes(condition, holds) {
            return Written::Stale;
        }
        let (order_id, result) = (payment.order_id, payment_record::status_name(&payment.status));
        if held.is_some_and(|held| !self.leases.complete(held, result, payment.updated_at)) {
            return Written::Stale;
        }
        self.payments.borrow_mut().insert(order_id, payment.clone());
        self.outboxes.write(payment_key(order_id), order_id, outbox);
        Written::Yes
    }

    fn put_label(
        &self,
        condition: Condition,
        holds: bool,
        label: &LabelRecord,
        outbox: &[Entry],
        held: Option<&Held>,
    ) -> Written {
        if !self.lifted.passes(condition, holds) {
            return Written::Stale;
        }
        let result = label_record::status_name(&label.status);
        if held.is_some_and(|held| !self.leases.complete(held, result, label.updated_at)) {
            return Written::Stale;
        }
        let key = (label.order_id, label.shipment_id);
        self.labels.borrow_mut().insert(key, label.clone());
        self.outboxes.write(label_key(key.0, key.1), key.0, outbox);
        Written::Yes
    }
}

impl Leases for MemoryFulfilment {
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

impl CaptureStore for MemoryFulfilment {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        Ok(self.payment(order_id))
    }

    async fn begin_capture(&self, capturing: &PaymentRecord) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.begin_capture(capturing))
    }

    async fn settle_capture(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.settle_capture(payment, outbox, held))
    }
}

impl Payments for MemoryFulfilment {
    async fn is_known(&self, order_id: OrderId) -> Result<bool, StoreError> {
        Ok(self.payment(order_id).is_some())
    }
}

impl RefundStore for MemoryFulfilment {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        Ok(self.payment(order_id))
    }

    async fn close_payment(&self, voided: &PaymentRecord) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.close_payment(voided))
    }

    async fn begin_reversal(
        &self,
        reversing: &PaymentRecord,
        from: &PaymentStatus,
    ) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.begin_reversal(reversing, from))
    }

    async fn settle_reversal(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.settle_reversal(payment, outbox, held))
    }
}

impl LabelStore for MemoryFulfilment {
    async fn label(
        &self,
        order_id: OrderId,
        shipment_id: ShipmentId,
    ) -> Result<Option<LabelRecord>, StoreError> {
        Ok(self.label(order_id, shipment_id))
    }

    async fn labels_closed(&self, order_id: OrderId) -> Result<Option<Closing>, StoreError> {
        Ok(self.labels_closed(order_id))
    }

    async fn begin_label(&self, requested: &LabelRecord) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.begin_label(requested))
    }

    async fn settle_label(
        &self,
        label: &LabelRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.settle_label(label, outbox, held))
    }
}

impl VoidStore for MemoryFulfilment {
    async fn close_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        self.close_labels(closed);
        Ok(())
    }

    async fn labels(&self, order_id: OrderId) -> Result<Vec<LabelRecord>, StoreError> {
        Ok(self.labels(order_id))
    }

    async fn settle_void(
        &self,
        voided: &LabelRecord,
        from: &LabelStatus,
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.settle_void(voided, from, held))
    }
}

impl CancelStore for MemoryFulfilment {
    async fn cancel_payment(&self, cancelled: &PaymentRecord) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.close_payment(cancelled))
    }

    async fn cancel_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        self.close_labels(closed);
        Ok(())
    }

    async fn cancel_approval(&self, order_id: OrderId, now: Timestamp) -> Result<Option<String>, StoreError> {
        Ok(self.cancel_approval(order_id, now))
    }
}
