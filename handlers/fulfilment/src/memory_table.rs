//! The table in memory, with the conditions of the one on DynamoDB, for tests.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, HashSet},
};

use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    ids::{OrderId, ShipmentId},
    label::LabelStatus,
    payment::PaymentStatus,
    time::Timestamp,
};
use lakeside_kit::{
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    memory::MemoryLeases,
    outbox::Entry,
};

use crate::{
    capture_payment::CaptureStore,
    create_label::LabelStore,
    effect::Written,
    label_record::{self, ClosedRecord, LabelRecord},
    payment_record::{self, PaymentRecord},
    refund_payment::RefundStore,
    void_label::VoidStore,
};

type Meanwhile = Box<dyn FnOnce(&MemoryTable)>;

pub struct MemoryTable {
    pub payments: RefCell<HashMap<OrderId, PaymentRecord>>,
    pub labels: RefCell<BTreeMap<ShipmentId, LabelRecord>>,
    pub closed: RefCell<HashSet<OrderId>>,
    pub leases: MemoryLeases,
    pub published: RefCell<Vec<String>>,
    writes: Cell<usize>,
    /// What others do just before a write, the first being number one.
    meanwhile: RefCell<HashMap<usize, Meanwhile>>,
}

impl Default for MemoryTable {
    fn default() -> Self {
        Self {
            payments: RefCell::default(),
            labels: RefCell::default(),
            closed: RefCell::default(),
            leases: MemoryLeases::new(Durations { in_progress: 22, record: 3600 }),
            published: RefCell::default(),
            writes: Cell::default(),
            meanwhile: RefCell::default(),
        }
    }
}

impl MemoryTable {
    pub fn payment_status(&self, order_id: OrderId) -> Option<PaymentStatus> {
        self.payments.borrow().get(&order_id).map(|p| p.status.clone())
    }

    pub fn label_status(&self, shipment_id: ShipmentId) -> Option<LabelStatus> {
        self.labels.borrow().get(&shipment_id).map(|l| l.status.clone())
    }

    /// Lets others act just before the `write`-th conditional write.
    pub fn before_write(&self, write: usize, meanwhile: impl FnOnce(&Self) + 'static) {
        self.meanwhile.borrow_mut().insert(write, Box::new(meanwhile));
    }

    fn others_act(&self) {
        self.writes.set(self.writes.get() + 1);
        let meanwhile = self.meanwhile.borrow_mut().remove(&self.writes.get());
        if let Some(meanwhile) = meanwhile {
            meanwhile(self);
        }
    }

    fn payment_at(&self, order_id: OrderId) -> Option<&'static str> {
        self.payment_status(order_id).map(|s| payment_record::status_name(&s))
    }

    fn label_at(&self, shipment_id: ShipmentId) -> Option<&'static str> {
        self.label_status(shipment_id).map(|s| label_record::status_name(&s))
    }

    fn begin_payment(&self, payment: &PaymentRecord, stands: impl FnOnce(Option<&str>) -> bool) -> Written {
        self.others_act();
        if !stands(self.payment_at(payment.order_id)) {
            return Written::Stale;
        }
        self.payments.borrow_mut().insert(payment.order_id, payment.clone());
        Written::Yes
    }

    fn settle_payment(&self, payment: &PaymentRecord, from: &str, outbox: &[Entry], held: &Held) -> Written {
        self.others_act();
        let stands = self.payment_at(payment.order_id) == Some(from);
        if !stands || !self.leases.complete(held, "", payment.updated_at) {
            return Written::Stale;
        }
        self.payments.borrow_mut().insert(payment.order_id, payment.clone());
        self.publish(outbox);
        Written::Yes
    }

    fn settle(&self, label: &LabelRecord, from: &str, outbox: &[Entry], held: &Held) -> Written {
        self.others_act();
        let stands = self.label_at(label.shipment_id) == Some(from);
        if !stands || !self.leases.complete(held, "", label.updated_at) {
            return Written::Stale;
        }
        self.labels.borrow_mut().insert(label.shipment_id, label.clone());
        self.publish(outbox);
        Written::Yes
    }

    fn publish(&self, outbox: &[Entry]) {
        self.published.borrow_mut().extend(outbox.iter().map(|e| e.detail_type.clone()));
    }
}

impl Leases for MemoryTable {
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

impl CaptureStore for MemoryTable {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        Ok(self.payments.borrow().get(&order_id).cloned())
    }

    async fn begin_capture(&self, capturing: &PaymentRecord) -> Result<Written, StoreError> {
        Ok(self.begin_payment(capturing, |at| matches!(at, None | Some("CAPTURING"))))
    }

    async fn settle_capture(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        Ok(self.settle_payment(payment, "CAPTURING", outbox, held))
    }
}

impl RefundStore for MemoryTable {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        CaptureStore::payment(self, order_id).await
    }

    async fn close_payment(&self, voided: &PaymentRecord) -> Result<Written, StoreError> {
        Ok(self.begin_payment(voided, |at| at.is_none()))
    }

    async fn begin_reversal(
        &self,
        reversing: &PaymentRecord,
        from: &PaymentStatus,
    ) -> Result<Written, StoreError> {
        Ok(self.begin_payment(reversing, |at| at == Some(payment_record::status_name(from))))
    }

    async fn settle_reversal(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        Ok(self.settle_payment(payment, "REVERSING", outbox, held))
    }
}

impl LabelStore for MemoryTable {
    async fn label(
        &self,
        _order_id: OrderId,
        shipment_id: ShipmentId,
    ) -> Result<Option<LabelRecord>, StoreError> {
        Ok(self.labels.borrow().get(&shipment_id).cloned())
    }

    async fn labels_closed(&self, order_id: OrderId) -> Result<bool, StoreError> {
        Ok(self.closed.borrow().contains(&order_id))
    }

    async fn begin_label(&self, requested: &LabelRecord) -> Result<Written, StoreError> {
        self.others_act();
        if self.closed.borrow().contains(&requested.order_id)
            || !matches!(self.label_at(requested.shipment_id), None | Some("REQUESTED"))
        {
            return Ok(Written::Stale);
        }
        self.labels.borrow_mut().insert(requested.shipment_id, requested.clone());
        Ok(Written::Yes)
    }

    async fn settle_label(
        &self,
        label: &LabelRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        Ok(self.settle(label, "REQUESTED", outbox, held))
    }
}

impl VoidStore for MemoryTable {
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
        from: &LabelStatus,
        held: &Held,
    ) -> Result<Written, StoreError> {
        Ok(self.settle(voided, label_record::status_name(from), &[], held))
    }
}
