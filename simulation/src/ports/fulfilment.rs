//! The fulfilment squad's table.

use lakeside_domain::{
    idempotency::{Acquisition, Owner},
    ids::{OrderId, ShipmentId},
    label::{Closing, LabelStatus},
    payment::PaymentStatus,
    time::Timestamp,
};
use lakeside_fulfilment::{
    cancel_fulfilment::CancelStore,
    capture_payment::CaptureStore,
    create_label::LabelStore,
    effect::Written,
    label_record::{ClosedRecord, LabelRecord},
    memory::MemoryFulfilment,
    payment_record::PaymentRecord,
    refund_payment::RefundStore,
    start_fulfilment::Payments,
    void_label::VoidStore,
};
use lakeside_kit::{
    clock::Clock,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    outbox::Entry,
};

use super::Port;

impl Leases for Port {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        self.call("take lease", |world| {
            Ok(world.take_lease(&world.fulfilment.leases, key, owner, now, self.durations))
        })
        .await
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        self.call("give up lease", |world| {
            world.give_lease_up(&world.fulfilment.leases, held, self.now());
            Ok(())
        })
        .await
    }
}

impl Port {
    /// One write to the table, which goes to its stream.
    async fn write(
        &self,
        what: &'static str,
        write: impl Fn(&MemoryFulfilment) -> Written,
    ) -> Result<Written, StoreError> {
        self.call(what, |world| {
            let written = write(&world.fulfilment.lasting(self.durations));
            world.flow("fulfilment", &world.fulfilment.outboxes);
            Ok(written)
        })
        .await
    }
}

impl CaptureStore for Port {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        self.call("read payment", |world| Ok(world.fulfilment.payment(order_id))).await
    }

    async fn begin_capture(&self, capturing: &PaymentRecord) -> Result<Written, StoreError> {
        self.write("begin capture", |table| table.begin_capture(capturing)).await
    }

    async fn settle_capture(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.write("settle capture", |table| table.settle_capture(payment, outbox, held)).await
    }
}

impl Payments for Port {
    async fn is_known(&self, order_id: OrderId) -> Result<bool, StoreError> {
        Ok(CaptureStore::payment(self, order_id).await?.is_some())
    }
}

impl RefundStore for Port {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        CaptureStore::payment(self, order_id).await
    }

    async fn close_payment(&self, voided: &PaymentRecord) -> Result<Written, StoreError> {
        self.write("close payment", |table| table.close_payment(voided)).await
    }

    async fn begin_reversal(
        &self,
        reversing: &PaymentRecord,
        from: &PaymentStatus,
    ) -> Result<Written, StoreError> {
        self.write("begin reversal", |table| table.begin_reversal(reversing, from)).await
    }

    async fn settle_reversal(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.write("settle reversal", |table| table.settle_reversal(payment, outbox, held)).await
    }
}

impl LabelStore for Port {
    async fn label(
        &self,
        order_id: OrderId,
        shipment_id: ShipmentId,
    ) -> Result<Option<LabelRecord>, StoreError> {
        self.call("read label", |world| Ok(world.fulfilment.label(order_id, shipment_id))).await
    }

    async fn labels_closed(&self, order_id: OrderId) -> Result<Option<Closing>, StoreError> {
        self.call("read closed", |world| Ok(world.fulfilment.labels_closed(order_id))).await
    }

    async fn begin_label(&self, requested: &LabelRecord) -> Result<Written, StoreError> {
        self.write("begin label", |table| table.begin_label(requested)).await
    }

    async fn settle_label(
        &self,
        label: &LabelRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.write("settle label", |table| table.settle_label(label, outbox, held)).await
    }
}

impl VoidStore for Port {
    async fn close_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        self.call("close labels", |world| {
            world.fulfilment.close_labels(closed);
            Ok(())
        })
        .await
    }

    async fn labels(&self, order_id: OrderId) -> Result<Vec<LabelRecord>, StoreError> {
        self.call("read labels", |world| Ok(world.fulfilment.labels(order_id))).await
    }

    async fn settle_void(
        &self,
        voided: &LabelRecord,
        from: &LabelStatus,
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.write("settle void", |table| table.settle_void(voided, from, held)).await
    }
}

impl CancelStore for Port {
    async fn cancel_payment(&self, cancelled: &PaymentRecord) -> Result<Written, StoreError> {
        self.write("cancel payment", |table| table.close_payment(cancelled)).await
    }

    async fn cancel_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        self.close_labels(closed).await
    }

    async fn cancel_approval(&self, order_id: OrderId, now: Timestamp) -> Result<Option<String>, StoreError> {
        self.call("cancel approval", |world| Ok(world.fulfilment.cancel_approval(order_id, now))).await
    }
}
