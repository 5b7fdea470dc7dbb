//! Sequences on the fulfilment squad's table.

use lakeside_domain::{
    idempotency::Owner,
    ids::{OrderId, ShipmentId},
    label::Closing,
    payment::PaymentStatus,
};
use lakeside_fulfilment::{
    capture_payment::CaptureStore,
    fulfilment_table::{label_key, payment_key},
    label_record::LabelRecord,
    payment_record::PaymentRecord,
};
use lakeside_kit::lease::{Held, LeaseKey};
use uuid::Uuid;

use super::{Step, Story, one, told};
use crate::{
    at, event,
    fulfilment::{Books, Ports, closed, label_statuses, payment, payment_statuses},
    order,
};

/// Orders, parcels and leases that nobody else has.
#[derive(Debug)]
pub struct Cast {
    orders: [OrderId; 2],
    parcels: [ShipmentId; 2],
    leases: [LeaseKey; 2],
}

impl Default for Cast {
    fn default() -> Self {
        let lease = || LeaseKey::new("ports", Uuid::new_v4().to_string());
        let parcel = || ShipmentId::from_uuid(Uuid::new_v4());
        Self { orders: [order(), order()], parcels: [parcel(), parcel()], leases: [lease(), lease()] }
    }
}

impl Cast {
    /// Plays the steps.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn play(
        &self,
        ports: &impl Ports,
        books: &impl Books,
        steps: &[Step],
    ) -> anyhow::Result<Story> {
        let mut story = Story::new();
        let mut now = 0;
        for step in steps {
            let [_, _, _, b] = step;
            // Deadlines are 22 seconds away and 11 is half of that.
            now += i64::from(b / 4 % 3) * 11_000;
            story.push(self.step(ports, *step, now).await?);
        }
        for order_id in self.orders {
            story.push(format!("{:?}", CaptureStore::payment(ports, order_id).await?));
            story.push(format!("{:?}", books.outbox(&payment_key(order_id)).await?));
            story.push(format!("{:?}", books.closed(order_id).await?));
            story.push(format!("{:?}", books.approval(order_id).await?));
            story.push(format!("{:?}", ports.labels(order_id).await?));
            for parcel in self.parcels {
                story.push(format!("{:?}", books.outbox(&label_key(order_id, parcel)).await?));
            }
        }
        for key in &self.leases {
            story.push(format!("{:?}", books.lease(key).await?));
        }
        Ok(story)
    }

    async fn step(&self, ports: &impl Ports, [kind, who, a, b]: Step, now: i64) -> anyhow::Result<String> {
        let order_id = *one(&self.orders, who);
        let held =
            Held { key: one(&self.leases, b).clone(), owner: Owner((*one(&["a", "b"], b / 2)).into()) };
        let status = one(&payment_statuses(), a).clone();
        let payment = PaymentRecord { updated_at: at(now), ..payment(order_id, status.clone()) };
        let label_status = one(&label_statuses()?, a).clone();
        let shipment_id = *one(&self.parcels, who / 2);
        let label = LabelRecord { order_id, shipment_id, status: label_status.clone(), updated_at: at(now) };
        let outbox = [event(order_id, "Settled")];
        Ok(match kind % 16 {
            0..3 => told("take", ports.acquire(&held.key, &held.owner, at(now)).await),
            3 => told("give up", ports.release(&held).await),
            4 => told("begin capture", ports.begin_capture(&payment).await),
            5 => told("settle capture", ports.settle_capture(&payment, &outbox, &held).await),
            6 => told("close payment", ports.close_payment(&payment).await),
            7 => told("begin reversal", ports.begin_reversal(&payment, one(&payment_statuses(), b)).await),
            8 => told("settle reversal", ports.settle_reversal(&payment, &outbox, &held).await),
            9 => told("begin label", ports.begin_label(&label).await),
            10 => told("settle label", ports.settle_label(&label, &outbox, &held).await),
            11 => told("settle void", ports.settle_void(&label, one(&label_statuses()?, b), &held).await),
            12 => told(
                "cancel payment",
                ports.cancel_payment(&payment.moved_to(PaymentStatus::Cancelled, at(now))).await,
            ),
            13 => told(
                "cancel labels",
                ports.cancel_labels(&closed(order_id, now, Closing::Cancellation)).await,
            ),
            14 => told("cancel approval", ports.cancel_approval(order_id, at(now)).await),
            _ => {
                told("close labels", ports.close_labels(&closed(order_id, now, Closing::Compensation)).await)
            }
        })
    }
}
