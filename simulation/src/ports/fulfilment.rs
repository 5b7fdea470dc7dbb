//! The fulfilment squad's table.

use lakeside_domain::{
    idempotency::{Acquisition, Owner},
    ids::{OrderId, ShipmentId},
    label::LabelStatus,
    payment::PaymentStatus,
    time::Timestamp,
};
use lakeside_fulfilment::{
    capture_payment::CaptureStore,
    create_label::LabelStore,
    effect::Written,
    label_record::{self, ClosedRecord, LabelRecord},
    payment_record::{self, PaymentRecord},
    refund_payment::RefundStore,
    void_label::VoidStore,
};
use lakeside_kit::{
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    outbox::Entry,
};

use super::Port;
use crate::mutants::Mutant;

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
