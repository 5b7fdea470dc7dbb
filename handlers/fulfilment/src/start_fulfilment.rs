//! Starts the saga of each accepted order.
//!
//! Consumes: OrderCreated.
//! Emits: nothing itself; the saga's terminal events get their ids here, derived from the order, so that they are the
//! same however often the saga runs.
//! Idempotency key: the order id, which names the execution; a taken name is compared with what was to be started.
//! Retries: when Step Functions throttles, does not answer, or does not show an execution yet.
//! Parks: what is no OrderCreated, and a name that belongs to another order.

use lakeside_contracts::{
    Domain, Event, EventData,
    commands::{CommandMetadata, FulfilOrder, TerminalEventIds},
    events::{FulfilmentCompleted, FulfilmentFailed, FulfilmentParked, OrderCreated},
};
use lakeside_domain::{events::EventId, ids::OrderId};
use lakeside_kit::sqs::{Failures, Message, each};
use uuid::Uuid;

use crate::executions::{Executions, SagaError, fulfilment_name, start_once};

/// How the function is set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Above this total, in minor units, a person must approve before the order is paid.
    pub approval_threshold: i64,
}

/// Handles a batch, each message on its own.
pub async fn handle(executions: &impl Executions, settings: Settings, messages: &[Message]) -> Failures {
    each(messages, async |message| -> Result<(), SagaError> {
        let event = message.delivery()?.decode::<OrderCreated>()?;
        let input = fulfil_order(event, settings);
        start_once(executions, &fulfilment_name(input.order_id), &input).await
    })
    .await
}

fn fulfil_order(event: Event<OrderCreated>, settings: Settings) -> FulfilOrder {
    let Event { metadata, data: order } = event;
    let order_id = order.order_id;
    FulfilOrder {
        order_id,
        lines: order.lines.iter().map(Into::into).collect(),
        total: order.total,
        payment_method: order.payment_method,
        shipping_address_id: order.shipping_address_id,
        requires_approval: order.total.amount() > settings.approval_threshold,
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
