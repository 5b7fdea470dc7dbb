use lakeside_contracts::commands::{CommandMetadata, OrderCommand};
use lakeside_domain::{
    idempotency::Owner,
    ids::{ReasonCode, ShipmentId, TrackingNumber},
};
use lakeside_kit::{
    clock::Clock,
    memory::{ManualClock, MemoryMetrics},
};
use uuid::Uuid;

use super::*;
use crate::{
    memory::MemoryFulfilment,
    outside::OutsideError,
    scripted::{ScriptedCarrier, invocation, lost, script},
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));

fn shipment(n: u128) -> ShipmentId {
    ShipmentId::from_uuid(Uuid::from_u128(n))
}

fn created() -> LabelStatus {
    LabelStatus::Created { tracking_number: TrackingNumber::parse("LS1").unwrap() }
}

#[derive(Default)]
struct World {
    table: MemoryFulfilment,
    carrier: ScriptedCarrier,
    clock: ManualClock,
    metrics: MemoryMetrics,
}

impl World {
    fn with(
        labels: &[(u128, LabelStatus)],
        voids: impl IntoIterator<Item = Result<(), OutsideError>>,
    ) -> Self {
        let world = Self {
            carrier: ScriptedCarrier { voids: script(voids), ..Default::default() },
            ..Default::default()
        };
        for (n, status) in labels {
            let (shipment_id, updated_at) = (shipment(*n), world.clock.now());
            let label = LabelRecord { order_id: ORDER, shipment_id, status: status.clone(), updated_at };
            world.table.labels.borrow_mut().insert((ORDER, shipment_id), label);
        }
        world
    }

    async fn run(&self) -> Result<VoidLabelsResult, EffectError> {
        let metadata = CommandMetadata { correlation_id: ORDER.as_uuid(), causation_id: ORDER.as_uuid() };
        let command = Command::VoidLabels(OrderCommand { order_id: ORDER, metadata });
        let invocation = invocation(&self.clock, &format!("request-{}", self.clock.now().as_millis()));
        self.clock.advance(1);
        handle(&self.table, &self.carrier, &self.clock, &self.metrics, &invocation, command).await
    }

    fn asked(&self) -> usize {
        self.carrier.keys.borrow().len()
    }
}

#[tokio::test]
async fn what_was_or_may_have_been_bought_is_voided_and_nothing_else() {
    let refused = LabelStatus::Refused { reason: ReasonCode::constant("UNDELIVERABLE") };
    let labels = [(1, created()), (2, LabelStatus::Requested), (3, refused.clone())];
    let world = World::with(&labels, [Ok(()), Ok(())]);
    assert_eq!(world.run().await.unwrap(), VoidLabelsResult::Voided);
    assert_eq!(world.table.label_status(ORDER, shipment(1)), Some(LabelStatus::Voided));
    assert_eq!(world.table.label_status(ORDER, shipment(2)), Some(LabelStatus::Voided));
    assert_eq!(world.table.label_status(ORDER, shipment(3)), Some(refused));
    assert_eq!(world.asked(), 2);
    assert_eq!(world.metrics.total(COMPENSATIONS), 2);
}

#[tokio::test]
async fn an_order_without_labels_gets_none_any_more() {
    let world = World::with(&[], []);
    assert_eq!(world.run().await.unwrap(), VoidLabelsResult::Voided);
    assert_eq!(world.table.labels_closed(ORDER), Some(Closing::Compensation));
}

#[tokio::test]
async fn voiding_twice_asks_the_carrier_once() {
    let world = World::with(&[(1, created())], [Ok(())]);
    world.run().await.unwrap();
    world.run().await.unwrap();
    assert_eq!(world.asked(), 1);
    assert_eq!(world.metrics.total(COMPENSATIONS), 1);
}

#[tokio::test]
async fn a_carrier_that_does_not_answer_leaves_the_label_to_the_next_attempt() {
    let world = World::with(&[(1, created())], [lost(), Ok(())]);
    assert!(matches!(world.run().await, Err(EffectError::Outside(OutsideError::Unknown(_)))));
    assert_eq!(world.table.label_status(ORDER, shipment(1)), Some(created()));
    assert_eq!(world.table.labels_closed(ORDER), Some(Closing::Compensation));
    assert_eq!(world.run().await.unwrap(), VoidLabelsResult::Voided);
}

#[tokio::test]
async fn a_purchase_recorded_in_between_is_voided_too() {
    let world = World::with(&[(1, LabelStatus::Requested)], [Ok(()), Ok(())]);
    world.table.before_write(1, |table| {
        table.labels.borrow_mut().get_mut(&(ORDER, shipment(1))).unwrap().status = created();
    });
    assert_eq!(world.run().await.unwrap(), VoidLabelsResult::Voided);
    assert_eq!(world.table.label_status(ORDER, shipment(1)), Some(LabelStatus::Voided));
}

#[tokio::test]
async fn two_attempts_at_once_void_once() {
    let world = World::with(&[(1, created())], []);
    let key = LeaseKey::new(FUNCTION, shipment(1).to_string());
    world.table.leases.take(&key, &Owner("other".into()), world.clock.now());
    assert!(matches!(world.run().await, Err(EffectError::InProgress)));
    assert_eq!(world.asked(), 0);
}
