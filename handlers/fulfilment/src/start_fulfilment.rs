//! Starts the saga of each accepted order.
//!
//! Consumes: OrderCreated.
//! Emits: nothing itself; the saga's terminal events get their ids here, derived from the order, so that they are the
//! same however often the saga runs.
//! Idempotency key: the order id, which names the execution; a taken name is compared with what was to be started.
//! Retries: when Step Functions throttles, does not answer, or does not show an execution yet; when the table does not answer.
//! Parks: what is no OrderCreated, and a name that belongs to another order.
//!
//! Sagas do not move between Regions, so one may be started anew for an order that was paid. Whoever could approve it has
//! done so: nobody is asked again.

use lakeside_contracts::{
    Domain, Event, EventData,
    commands::{CommandMetadata, FulfilOrder, TerminalEventIds},
    events::{FulfilmentCompleted, FulfilmentFailed, FulfilmentParked, OrderCreated},
};
use lakeside_domain::{events::EventId, ids::OrderId};
use lakeside_kit::{
    dynamo::StoreError,
    sqs::{Failures, Message, each},
};
use uuid::Uuid;

use crate::executions::{Executions, SagaError, fulfilment_name, start_once};

/// How the function is set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Above this total, in minor units, a person must approve before the order is paid.
    pub approval_threshold: i64,
}

/// The fulfilment squad's table, as far as starting sagas needs it.
pub trait Payments {
    /// Whether there is a payment of the order, whatever became of it. A saga pays only what was approved, and takes what
    /// is recorded for the answer.
    async fn is_known(&self, order_id: OrderId) -> Result<bool, StoreError>;
}

/// Handles a batch, each message on its own.
pub async fn handle(
    executions: &impl Executions,
    payments: &impl Payments,
    settings: Settings,
    messages: &[Message],
) -> Failures {
    each(messages, async |message| -> Result<(), SagaError> {
        let mut input = fulfil_order(message.delivery()?.decode::<OrderCreated>()?);
        input.requires_approval =
            input.total.amount() > settings.approval_threshold && !payments.is_known(input.order_id).await?;
        start_once(executions, &fulfilment_name(input.order_id), &input).await
    })
    .await
}

/// As if nobody had to approve it.
fn fulfil_order(event: Event<OrderCreated>) -> FulfilOrder {
    let Event { metadata, data: order } = event;
    let order_id = order.order_id;
    FulfilOrder {
        order_id,
        lines: order.lines.iter().map(Into::into).collect(),
        total: order.total,
        payment_method: order.payment_method,
        shipping_address_id: order.shipping_address_id,
        requires_approval: false,
        metadata: CommandMetadata {
            correlation_id: order_id.as_uuid(),
            causation_id: metadata.event_id.as_uuid(),
        },
        event_ids: TerminalEventIds {
            completed: terminal::<FulfilmentCompleted>(order_id),
            failed: terminal::<FulfilmentFailed>(order_id),
            parked: terminal::<FulfilmentParked>(order_id),
        },
        mode: None,
    }
}

/// The id of an event that ends a saga: it happens to an order at most once.
fn terminal<T: EventData>(order_id: OrderId) -> Uuid {
    EventId::derive(Domain::Fulfilment.source(), &order_id.to_string(), T::DETAIL_TYPE, 1).as_uuid()
}

#[cfg(test)]
mod tests;
