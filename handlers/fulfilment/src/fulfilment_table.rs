//! The fulfilment squad's table on DynamoDB. What is known of an effect outside is written before it is made and again
//! when its outcome is, each time under the condition that the record still stands where it was read.

use aws_sdk_dynamodb::{
    Client,
    error::BuildError,
    operation::put_item::PutItemError,
    types::{AttributeValue, ConditionCheck, Put, ReturnValue, TransactWriteItem},
};
use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    ids::{OrderId, ShipmentId},
    label::{Closing, LabelStatus},
    payment::PaymentStatus,
    time::Timestamp,
};
use lakeside_kit::{
    dynamo::{Item, Key, SK, StoreError, Transacted, get, number, string, transact},
    lease::{DynamoLeases, Held, LeaseKey, Leases},
    outbox::{Entry, attach},
};
use serde::Serialize;

use crate::{
    approval_record::ApprovalRecord,
    cancel_fulfilment::CancelStore,
    capture_payment::CaptureStore,
    create_label::LabelStore,
    effect::Written,
    label_record::{self, ClosedRecord, LabelRecord},
    payment_record::{self, PaymentRecord},
    refund_payment::RefundStore,
    start_fulfilment::Payments,
    void_label::VoidStore,
};

/// What begins the sort key of a label.
const SHIPMENT: &str = "SHIPMENT#";

/// The table, during one invocation.
#[derive(Debug, Clone)]
pub struct FulfilmentTable {
    client: Client,
    table: String,
    leases: DynamoLeases,
}

/// The key of an order's payment.
pub fn payment_key(order_id: OrderId) -> Key {
    Key::new(format!("PAYMENT#{order_id}"), "PAYMENT")
}

/// The key of a parcel's label.
pub fn label_key(order_id: OrderId, shipment_id: ShipmentId) -> Key {
    Key::new(format!("LABEL#{order_id}"), format!("{SHIPMENT}{shipment_id}"))
}

/// The key of what closes an order's labels.
pub fn closed_key(order_id: OrderId) -> Key {
    Key::new(format!("LABEL#{order_id}"), "CLOSED")
}

/// The key of an order's request for an approval, which the saga writes.
pub fn approval_key(order_id: OrderId) -> Key {
    Key::new(format!("APPROVAL#{order_id}"), "APPROVAL")
}

fn refused(error: BuildError) -> StoreError {
    StoreError::Refused(error.into())
}

/// What a record must look like to be written over.
#[derive(Clone, Copy)]
enum Before {
    Absent,
    AbsentOr(&'static str),
    At(&'static str),
}

impl FulfilmentTable {
    /// The table called `table`, with leases as long as `durations`.
    pub fn new(client: Client, table: String, durations: Durations) -> Self {
        let leases = DynamoLeases::new(client.clone(), table.clone(), durations);
        Self { client, table, leases }
    }

    /// Writes `record` under `key`, if what is there is as `before` says.
    fn put<T: Serialize>(
        &self,
        key: &Key,
        record: &T,
        outbox: &[Entry],
        before: Before,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut item = key.item_of(record)?;
        attach(&mut item, outbox)?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match before {
            Before::Absent => put.condition_expression("attribute_not_exists(pk)"),
            Before::AbsentOr(status) => {
                at(put.condition_expression("attribute_not_exists(pk) OR #status = :before"), status)
            }
            Before::At(status) => at(put.condition_expression("#status = :before"), status),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(refused)?).build())
    }

    async fn write(&self, actions: Vec<TransactWriteItem>) -> Result<Written, StoreError> {
        Ok(match transact(&self.client, actions).await? {
            Transacted::Applied => Written::Yes,
            Transacted::Refused(_) => Written::Stale,
        })
    }

    async fn payment_of(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        get(&self.client, &self.table, &payment_key(order_id)).await
    }

    async fn put_payment(
        &self,
        payment: &PaymentRecord,
        before: Before,
        outbox: &[Entry],
        held: Option<&Held>,
    ) -> Result<Written, StoreError> {
        let mut actions = vec![self.put(&payment_key(payment.order_id), payment, outbox, before)?];
        if let Some(held) = held {
            let result = payment_record::status_name(&payment.status);
            actions.push(self.leases.completion(held, result, payment.updated_at)?);
        }
        self.write(actions).await
    }

    async fn settle(
        &self,
        label: &LabelRecord,
        before: &LabelStatus,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        let key = label_key(label.order_id, label.shipment_id);
        let record = self.put(&key, label, outbox, Before::At(label_record::status_name(before)))?;
        let result = label_record::status_name(&label.status);
        self.write(vec![record, self.leases.completion(held, result, label.updated_at)?]).await
    }
}

fn at(
    put: aws_sdk_dynamodb::types::builders::PutBuilder,
    status: &str,
) -> aws_sdk_dynamodb::types::builders::PutBuilder {
    put.expression_attribute_names("#status", "status").expression_attribute_values(":before", string(status))
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

const CAPTURING: &str = payment_record::status_name(&PaymentStatus::Capturing);
const REVERSING: &str = payment_record::status_name(&PaymentStatus::Reversing);
const REQUESTED: &str = label_record::status_name(&LabelStatus::Requested);

impl CaptureStore for FulfilmentTable {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        self.payment_of(order_id).await
    }

    async fn begin_capture(&self, capturing: &PaymentRecord) -> Result<Written, StoreError> {
        self.put_payment(capturing, Before::AbsentOr(CAPTURING), &[], None).await
    }

    async fn settle_capture(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.put_payment(payment, Before::At(CAPTURING), outbox, Some(held)).await
    }
}

impl Payments for FulfilmentTable {
    async fn is_known(&self, order_id: OrderId) -> Result<bool, StoreError> {
        Ok(self.payment_of(order_id).await?.is_some())
    }
}

impl RefundStore for FulfilmentTable {
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError> {
        self.payment_of(order_id).await
    }

    async fn close_payment(&self, voided: &PaymentRecord) -> Result<Written, StoreError> {
        self.put_payment(voided, Before::Absent, &[], None).await
    }

    async fn begin_reversal(
        &self,
        reversing: &PaymentRecord,
        from: &PaymentStatus,
    ) -> Result<Written, StoreError> {
        self.put_payment(reversing, Before::At(payment_record::status_name(from)), &[], None).await
    }

    async fn settle_reversal(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.put_payment(payment, Before::At(REVERSING), outbox, Some(held)).await
    }
}

impl LabelStore for FulfilmentTable {
    async fn label(
        &self,
        order_id: OrderId,
        shipment_id: ShipmentId,
    ) -> Result<Option<LabelRecord>, StoreError> {
        get(&self.client, &self.table, &label_key(order_id, shipment_id)).await
    }

    async fn labels_closed(&self, order_id: OrderId) -> Result<Option<Closing>, StoreError> {
        let closed: Option<ClosedRecord> = get(&self.client, &self.table, &closed_key(order_id)).await?;
        Ok(closed.map(|closed| closed.closing))
    }

    async fn begin_label(&self, requested: &LabelRecord) -> Result<Written, StoreError> {
        let open = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(closed_key(requested.order_id).to_item()))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(refused)?;
        let open = TransactWriteItem::builder().condition_check(open).build();
        let key = label_key(requested.order_id, requested.shipment_id);
        self.write(vec![open, self.put(&key, requested, &[], Before::AbsentOr(REQUESTED))?]).await
    }

    async fn settle_label(
        &self,
        label: &LabelRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.settle(label, &LabelStatus::Requested, outbox, held).await
    }
}

impl VoidStore for FulfilmentTable {
    async fn close_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(closed_key(closed.order_id).item_of(closed)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put {
            Err(error)
                if !matches!(
                    error.as_service_error(),
                    Some(PutItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    async fn labels(&self, order_id: OrderId) -> Result<Vec<LabelRecord>, StoreError> {
        let pk = format!("LABEL#{order_id}");
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", string(&pk))
            .expression_attribute_values(":prefix", string(SHIPMENT))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut labels = Vec::new();
        while let Some(item) = pages.next().await {
            labels.push(read_label(&pk, item?)?);
        }
        Ok(labels)
    }

    async fn settle_void(
        &self,
        voided: &LabelRecord,
        from: &LabelStatus,
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.settle(voided, from, &[], held).await
    }
}

impl CancelStore for FulfilmentTable {
    async fn cancel_payment(&self, cancelled: &PaymentRecord) -> Result<Written, StoreError> {
        self.close_payment(cancelled).await
    }

    async fn cancel_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError> {
        self.close_labels(closed).await
    }

    async fn cancel_approval(&self, order_id: OrderId, now: Timestamp) -> Result<Option<String>, StoreError> {
        let key = approval_key(order_id);
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.to_item()))
            .update_expression(
                "SET #status = :cancelled, orderId = :order, cancelledAt = if_not_exists(cancelledAt, :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":cancelled", string("CANCELLED"))
            .expression_attribute_values(":order", string(order_id.to_string()))
            .expression_attribute_values(":now", number(now.as_millis()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await?;
        let approval: Option<ApprovalRecord> = updated.attributes.map(|item| key.read(item)).transpose()?;
        Ok(approval.and_then(|approval| approval.task_token))
    }
}

fn read_label(pk: &str, item: Item) -> Result<LabelRecord, StoreError> {
    let sk = match item.get(SK) {
        Some(AttributeValue::S(sk)) => sk.clone(),
        _ => String::new(),
    };
    Key::new(pk, sk).read(item)
}
