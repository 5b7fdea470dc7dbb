//! The fulfilment squad's table.

use lakeside_domain::{
    idempotency::{Acquisition, Lease},
    ids::{OrderId, ReasonCode, ShipmentId, TrackingNumber},
    label::{Closing, LabelStatus},
    money::{Currency, Money},
    payment::PaymentStatus,
};
use lakeside_fulfilment::{
    approval_record::{ApprovalRecord, ApprovalStatus},
    cancel_fulfilment::CancelStore,
    capture_payment::CaptureStore,
    create_label::LabelStore,
    effect::Written,
    fulfilment_table::{label_key, payment_key},
    label_record::{self, ClosedRecord, LabelRecord},
    memory::MemoryFulfilment,
    payment_record::{self, PaymentRecord},
    refund_payment::RefundStore,
    start_fulfilment::Payments,
    void_label::VoidStore,
};
use lakeside_kit::{
    dynamo::Key,
    lease::{Held, LeaseKey, Leases},
    outbox::Entry,
};
use uuid::Uuid;

use crate::{
    at, contracts, event,
    leases::{self, completed, held, in_progress, owner, taken},
    order, same,
};

/// What the functions see of the table.
pub trait Ports:
    CaptureStore + RefundStore + LabelStore + VoidStore + CancelStore + Payments + Leases
{
}

impl<T: CaptureStore + RefundStore + LabelStore + VoidStore + CancelStore + Payments + Leases> Ports for T {}

/// What is in the table, past its ports.
pub trait Books: leases::Books {
    /// Writes a payment, without events.
    async fn put_payment(&self, payment: &PaymentRecord) -> anyhow::Result<()>;
    /// Writes a label, without events.
    async fn put_label(&self, label: &LabelRecord) -> anyhow::Result<()>;
    /// Since when and why the order's labels are closed.
    async fn closed(&self, order_id: OrderId) -> anyhow::Result<Option<ClosedRecord>>;
    /// Asks for an approval as the saga does, to be answered under this token.
    async fn put_approval(&self, order_id: OrderId, task_token: &str) -> anyhow::Result<()>;
    /// The request for an approval.
    async fn approval(&self, order_id: OrderId) -> anyhow::Result<Option<ApprovalRecord>>;
    /// The outbox of an item.
    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>>;
}

impl leases::Books for MemoryFulfilment {
    async fn lease(&self, key: &LeaseKey) -> anyhow::Result<Option<Lease>> {
        Ok(self.leases.get(key))
    }
}

impl Books for MemoryFulfilment {
    async fn put_payment(&self, payment: &PaymentRecord) -> anyhow::Result<()> {
        self.payments.borrow_mut().insert(payment.order_id, payment.clone());
        self.outboxes.write(payment_key(payment.order_id), payment.order_id, &[]);
        Ok(())
    }

    async fn put_label(&self, label: &LabelRecord) -> anyhow::Result<()> {
        self.labels.borrow_mut().insert((label.order_id, label.shipment_id), label.clone());
        self.outboxes.write(label_key(label.order_id, label.shipment_id), label.order_id, &[]);
        Ok(())
    }

    async fn closed(&self, order_id: OrderId) -> anyhow::Result<Option<ClosedRecord>> {
        Ok(self.closed.borrow().get(&order_id).cloned())
    }

    async fn put_approval(&self, order_id: OrderId, task_token: &str) -> anyhow::Result<()> {
        let (status, task_token) = (ApprovalStatus::Pending, Some(task_token.to_owned()));
        let pending = ApprovalRecord { order_id, status, task_token, cancelled_at: None };
        self.approvals.borrow_mut().insert(order_id, pending);
        Ok(())
    }

    async fn approval(&self, order_id: OrderId) -> anyhow::Result<Option<ApprovalRecord>> {
        Ok(self.approvals.borrow().get(&order_id).cloned())
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        Ok(self.outboxes.of(key))
    }
}

pub(crate) fn payment(order_id: OrderId, status: PaymentStatus) -> PaymentRecord {
    PaymentRecord { order_id, amount: Money::new(19_900, Currency::USD), status, updated_at: at(1_000) }
}

pub(crate) fn payment_statuses() -> [PaymentStatus; 7] {
    let reason = ReasonCode::constant("CARD_DECLINED");
    [
        PaymentStatus::Capturing,
        PaymentStatus::Captured,
        PaymentStatus::Declined { reason },
        PaymentStatus::Reversing,
        PaymentStatus::Refunded,
        PaymentStatus::Voided,
        PaymentStatus::Cancelled,
    ]
}

pub(crate) const fn closed(order_id: OrderId, millis: i64, closing: Closing) -> ClosedRecord {
    ClosedRecord { order_id, closed_at: at(millis), closing }
}

fn label(order_id: OrderId, status: LabelStatus) -> LabelRecord {
    let shipment_id = ShipmentId::from_uuid(Uuid::new_v4());
    LabelRecord { order_id, shipment_id, status, updated_at: at(1_000) }
}

pub(crate) fn label_statuses() -> anyhow::Result<[LabelStatus; 4]> {
    let reason = ReasonCode::constant("UNDELIVERABLE");
    let tracking_number = TrackingNumber::parse("LS1")?;
    Ok([
        LabelStatus::Requested,
        LabelStatus::Created { tracking_number },
        LabelStatus::Refused { reason },
        LabelStatus::Voided,
    ])
}

/// What is there of a payment and of a lease.
async fn payment_picture(
    ports: &impl Ports,
    books: &impl Books,
    order_id: OrderId,
    held: &Held,
) -> anyhow::Result<(Option<PaymentRecord>, Vec<Entry>, Option<Lease>)> {
    let payment = CaptureStore::payment(ports, order_id).await?;
    Ok((payment, books.outbox(&payment_key(order_id)).await?, books.lease(&held.key).await?))
}

async fn label_picture(
    ports: &impl Ports,
    books: &impl Books,
    label: &LabelRecord,
    held: &Held,
) -> anyhow::Result<(Option<LabelRecord>, Vec<Entry>, Option<Lease>)> {
    let record = ports.label(label.order_id, label.shipment_id).await?;
    let outbox = books.outbox(&label_key(label.order_id, label.shipment_id)).await?;
    Ok((record, outbox, books.lease(&held.key).await?))
}

contracts! {
    (ports: Ports, books: Books)

    a_charge_begins_on_no_payment_and_on_one_that_is_at_it {
        let order_id = order();
        let first = payment(order_id, PaymentStatus::Capturing);
        let again = first.moved_to(PaymentStatus::Capturing, at(2_000));
        for capturing in [first, again] {
            same("outcome", ports.begin_capture(&capturing).await?, Written::Yes)?;
            let now = RefundStore::payment(ports, order_id).await?;
            same("payment", now, Some(capturing))?;
        }
    }

    a_payment_is_known_whatever_became_of_it_and_to_no_other_order {
        same("without a payment", ports.is_known(order()).await?, false)?;
        for status in payment_statuses() {
            let standing = payment(order(), status);
            books.put_payment(&standing).await?;
            same("with a payment", ports.is_known(standing.order_id).await?, true)?;
            same("of another order", ports.is_known(order()).await?, false)?;
        }
    }

    a_charge_begins_on_no_other_payment {
        for status in payment_statuses().into_iter().skip(1) {
            let standing = payment(order(), status);
            books.put_payment(&standing).await?;
            let capturing = standing.moved_to(PaymentStatus::Capturing, at(2_000));
            same("outcome", ports.begin_capture(&capturing).await?, Written::Stale)?;
            same("payment", CaptureStore::payment(ports, standing.order_id).await?, Some(standing))?;
        }
    }

    the_outcome_of_a_charge_its_event_and_the_end_of_the_lease_are_one_write {
        let (order_id, held) = (order(), taken(ports, "a").await?);
        ports.begin_capture(&payment(order_id, PaymentStatus::Capturing)).await?;
        let captured = payment(order_id, PaymentStatus::Captured);
        let outbox = vec![event(order_id, "Captured")];
        same("outcome", ports.settle_capture(&captured, &outbox, &held).await?, Written::Yes)?;
        let lease = completed(payment_record::status_name(&captured.status), captured.updated_at);
        let should = (Some(captured), outbox, Some(lease));
        same("what is there", payment_picture(ports, books, order_id, &held).await?, should)?;
    }

    the_outcome_of_a_charge_is_recorded_only_on_a_payment_that_waits_for_it {
        for status in payment_statuses().into_iter().skip(1).map(Some).chain([None]) {
            let (order_id, held) = (order(), taken(ports, "a").await?);
            if let Some(status) = status {
                books.put_payment(&payment(order_id, status)).await?;
            }
            let before = payment_picture(ports, books, order_id, &held).await?;
            let late = payment(order_id, PaymentStatus::Captured);
            let written = ports.settle_capture(&late, &[event(order_id, "Captured")], &held).await?;
            same("outcome", written, Written::Stale)?;
            same("what is there", payment_picture(ports, books, order_id, &held).await?, before)?;
        }
    }

    the_outcome_of_a_charge_or_a_reversal_is_recorded_by_the_holder_of_the_lease_only {
        let mine = taken(ports, "a").await?;
        let foreign = Held { key: mine.key.clone(), owner: owner("b") };
        let nobodys = held("a");
        for held in [&foreign, &nobodys] {
            let order_id = order();
            books.put_payment(&payment(order_id, PaymentStatus::Capturing)).await?;
            let before = payment_picture(ports, books, order_id, held).await?;
            let captured = payment(order_id, PaymentStatus::Captured);
            same("charge", ports.settle_capture(&captured, &[], held).await?, Written::Stale)?;
            same("what is there", payment_picture(ports, books, order_id, held).await?, before)?;
            books.put_payment(&payment(order_id, PaymentStatus::Reversing)).await?;
            let before = payment_picture(ports, books, order_id, held).await?;
            let refunded = payment(order_id, PaymentStatus::Refunded);
            same("reversal", ports.settle_reversal(&refunded, &[], held).await?, Written::Stale)?;
            same("what is there", payment_picture(ports, books, order_id, held).await?, before)?;
        }
    }

    an_outcome_is_not_recorded_under_a_lease_that_is_completed {
        let (order_id, held) = (order(), taken(ports, "a").await?);
        books.put_payment(&payment(order_id, PaymentStatus::Capturing)).await?;
        ports.settle_capture(&payment(order_id, PaymentStatus::Captured), &[], &held).await?;
        books.put_payment(&payment(order_id, PaymentStatus::Capturing)).await?;
        let again = payment(order_id, PaymentStatus::Captured);
        same("outcome", ports.settle_capture(&again, &[], &held).await?, Written::Stale)?;
    }

    a_payment_is_closed_only_if_there_is_none {
        let order_id = order();
        let voided = payment(order_id, PaymentStatus::Voided);
        same("outcome", ports.close_payment(&voided).await?, Written::Yes)?;
        same("payment", RefundStore::payment(ports, order_id).await?, Some(voided))?;
        for status in payment_statuses() {
            let standing = payment(order(), status);
            books.put_payment(&standing).await?;
            let voided = standing.moved_to(PaymentStatus::Voided, at(2_000));
            same("outcome", ports.close_payment(&voided).await?, Written::Stale)?;
            same("payment", RefundStore::payment(ports, standing.order_id).await?, Some(standing))?;
        }
    }

    a_payment_is_cancelled_only_if_there_is_none {
        let order_id = order();
        let cancelled = payment(order_id, PaymentStatus::Cancelled);
        same("outcome", ports.cancel_payment(&cancelled).await?, Written::Yes)?;
        same("payment", RefundStore::payment(ports, order_id).await?, Some(cancelled))?;
        for status in payment_statuses() {
            let standing = payment(order(), status);
            books.put_payment(&standing).await?;
            let cancelled = standing.moved_to(PaymentStatus::Cancelled, at(2_000));
            same("outcome", ports.cancel_payment(&cancelled).await?, Written::Stale)?;
            same("payment", RefundStore::payment(ports, standing.order_id).await?, Some(standing))?;
        }
    }

    a_reversal_begins_only_on_the_payment_that_was_read {
        for from in payment_statuses() {
            for status in payment_statuses() {
                let standing = payment(order(), status);
                books.put_payment(&standing).await?;
                let reversing = standing.moved_to(PaymentStatus::Reversing, at(2_000));
                let written = ports.begin_reversal(&reversing, &from).await?;
                let (outcome, now) = if standing.status == from {
                    (Written::Yes, reversing)
                } else {
                    (Written::Stale, standing)
                };
                same("outcome", written, outcome)?;
                same("payment", RefundStore::payment(ports, now.order_id).await?, Some(now))?;
            }
        }
        let nobody = payment(order(), PaymentStatus::Reversing);
        let written = ports.begin_reversal(&nobody, &PaymentStatus::Captured).await?;
        same("of no payment", written, Written::Stale)?;
    }

    the_outcome_of_a_reversal_is_recorded_only_on_a_payment_that_waits_for_it {
        for status in payment_statuses() {
            let (order_id, held) = (order(), taken(ports, "a").await?);
            books.put_payment(&payment(order_id, status.clone())).await?;
            let before = payment_picture(ports, books, order_id, &held).await?;
            let refunded = payment(order_id, PaymentStatus::Refunded);
            let outbox = vec![event(order_id, "Refunded")];
            let written = ports.settle_reversal(&refunded, &outbox, &held).await?;
            let (outcome, now) = if status == PaymentStatus::Reversing {
                let lease = completed("REFUNDED", refunded.updated_at);
                (Written::Yes, (Some(refunded), outbox, Some(lease)))
            } else {
                (Written::Stale, before)
            };
            same("outcome", written, outcome)?;
            same("what is there", payment_picture(ports, books, order_id, &held).await?, now)?;
        }
    }

    a_label_is_begun_only_if_nothing_has_come_of_it {
        let requested = label(order(), LabelStatus::Requested);
        same("first", ports.begin_label(&requested).await?, Written::Yes)?;
        for status in label_statuses()? {
            let standing = label(order(), status);
            books.put_label(&standing).await?;
            let again = standing.moved_to(LabelStatus::Requested, at(2_000));
            let (outcome, now) = if standing.status == LabelStatus::Requested {
                (Written::Yes, again.clone())
            } else {
                (Written::Stale, standing.clone())
            };
            same("outcome", ports.begin_label(&again).await?, outcome)?;
            same("label", ports.label(now.order_id, now.shipment_id).await?, Some(now))?;
        }
    }

    no_label_is_begun_after_the_orders_labels_were_closed {
        let order_id = order();
        same("open", ports.labels_closed(order_id).await?, None)?;
        ports.close_labels(&closed(order_id, 5, Closing::Compensation)).await?;
        same("closed", ports.labels_closed(order_id).await?, Some(Closing::Compensation))?;
        let late = label(order_id, LabelStatus::Requested);
        same("outcome", ports.begin_label(&late).await?, Written::Stale)?;
        same("label", ports.label(order_id, late.shipment_id).await?, None)?;
        let other = label(order(), LabelStatus::Requested);
        same("of another order", ports.begin_label(&other).await?, Written::Yes)?;
        ports.cancel_labels(&closed(other.order_id, 5, Closing::Cancellation)).await?;
        let again = other.moved_to(LabelStatus::Requested, at(2_000));
        same("of a cancelled order", ports.begin_label(&again).await?, Written::Stale)?;
        same("label", ports.label(other.order_id, other.shipment_id).await?, Some(other))?;
    }

    labels_are_closed_once {
        for first in [Closing::Compensation, Closing::Cancellation] {
            let order_id = order();
            let wanted = closed(order_id, 5, first);
            match first {
                Closing::Compensation => ports.close_labels(&wanted).await?,
                Closing::Cancellation => ports.cancel_labels(&wanted).await?,
            }
            ports.close_labels(&closed(order_id, 6, Closing::Compensation)).await?;
            ports.cancel_labels(&closed(order_id, 7, Closing::Cancellation)).await?;
            same("closed", books.closed(order_id).await?, Some(wanted))?;
            same("why", ports.labels_closed(order_id).await?, Some(first))?;
        }
    }

    an_approval_is_cancelled_once_and_its_token_is_told_each_time {
        let (asked, unasked) = (order(), order());
        books.put_approval(asked, "token").await?;
        for (order_id, token) in [(asked, Some("token".to_owned())), (unasked, None)] {
            let cancelled = ApprovalRecord {
                order_id,
                status: ApprovalStatus::Cancelled,
                task_token: token.clone(),
                cancelled_at: Some(at(5)),
            };
            for now in [at(5), at(6)] {
                same("token", ports.cancel_approval(order_id, now).await?, token.clone())?;
                same("approval", books.approval(order_id).await?, Some(cancelled.clone()))?;
            }
        }
    }

    the_outcome_of_a_purchase_is_recorded_only_on_a_label_that_waits_for_it {
        let [_, created, ..] = label_statuses()?;
        for status in label_statuses()? {
            let held = taken(ports, "a").await?;
            let standing = label(order(), status);
            books.put_label(&standing).await?;
            let before = label_picture(ports, books, &standing, &held).await?;
            let bought = standing.moved_to(created.clone(), at(2_000));
            let outbox = vec![event(standing.order_id, "Labelled")];
            let written = ports.settle_label(&bought, &outbox, &held).await?;
            let (outcome, now) = if standing.status == LabelStatus::Requested {
                (Written::Yes, (Some(bought.clone()), outbox, Some(completed("CREATED", at(2_000)))))
            } else {
                (Written::Stale, before)
            };
            same("outcome", written, outcome)?;
            same("what is there", label_picture(ports, books, &bought, &held).await?, now)?;
        }
    }

    a_label_is_voided_only_as_it_was_read {
        for from in label_statuses()? {
            for status in label_statuses()? {
                let held = taken(ports, "a").await?;
                let standing = label(order(), status);
                books.put_label(&standing).await?;
                let before = label_picture(ports, books, &standing, &held).await?;
                let voided = standing.moved_to(LabelStatus::Voided, at(2_000));
                let written = ports.settle_void(&voided, &from, &held).await?;
                let (outcome, now) = if label_record::status_name(&from) == label_record::status_name(&standing.status) {
                    (Written::Yes, (Some(voided), Vec::new(), Some(completed("VOIDED", at(2_000)))))
                } else {
                    (Written::Stale, before)
                };
                same("outcome", written, outcome)?;
                same("what is there", label_picture(ports, books, &standing, &held).await?, now)?;
            }
        }
    }

    the_outcome_of_a_label_is_recorded_by_the_holder_of_the_lease_only {
        let mine = taken(ports, "a").await?;
        let foreign = Held { key: mine.key.clone(), owner: owner("b") };
        let [_, created, ..] = label_statuses()?;
        for held in [foreign, held("a")] {
            let standing = label(order(), LabelStatus::Requested);
            books.put_label(&standing).await?;
            let before = label_picture(ports, books, &standing, &held).await?;
            let bought = standing.moved_to(created.clone(), at(2_000));
            same("purchase", ports.settle_label(&bought, &[], &held).await?, Written::Stale)?;
            let voided = standing.moved_to(LabelStatus::Voided, at(2_000));
            let written = ports.settle_void(&voided, &LabelStatus::Requested, &held).await?;
            same("void", written, Written::Stale)?;
            same("what is there", label_picture(ports, books, &standing, &held).await?, before)?;
        }
    }

    an_order_has_all_of_its_labels_and_no_others {
        let order_id = order();
        let mut labels: Vec<LabelRecord> = label_statuses()?.map(|status| label(order_id, status)).into();
        for label in &labels {
            books.put_label(label).await?;
        }
        books.put_label(&label(order(), LabelStatus::Requested)).await?;
        ports.close_labels(&closed(order_id, 5, Closing::Compensation)).await?;
        labels.sort_by_key(|label| label.shipment_id.to_string());
        same("labels", ports.labels(order_id).await?, labels.clone())?;
        for label in labels {
            same("of another order", ports.label(order(), label.shipment_id).await?, None)?;
        }
    }

    a_completed_lease_is_given_to_nobody_until_it_expires {
        let (order_id, held) = (order(), taken(ports, "a").await?);
        books.put_payment(&payment(order_id, PaymentStatus::Capturing)).await?;
        ports.settle_capture(&payment(order_id, PaymentStatus::Captured), &[], &held).await?;
        let done = Acquisition::Completed("CAPTURED".into());
        same("another", ports.acquire(&held.key, &owner("b"), at(3_600_999)).await?, done.clone())?;
        same("its holder", ports.acquire(&held.key, &owner("a"), at(3_600_999)).await?, done)?;
        same("record", books.lease(&held.key).await?, Some(completed("CAPTURED", at(1_000))))?;
        let then = ports.acquire(&held.key, &owner("b"), at(3_601_000)).await?;
        same("expired", then, Acquisition::Acquired(in_progress("b", 3_601_000)))?;
    }

    a_completed_lease_is_not_given_up {
        let (order_id, held) = (order(), taken(ports, "a").await?);
        books.put_payment(&payment(order_id, PaymentStatus::Capturing)).await?;
        ports.settle_capture(&payment(order_id, PaymentStatus::Captured), &[], &held).await?;
        ports.release(&held).await?;
        same("record", books.lease(&held.key).await?, Some(completed("CAPTURED", at(1_000))))?;
    }
}
