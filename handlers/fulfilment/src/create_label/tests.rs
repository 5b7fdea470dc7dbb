use lakeside_contracts::{commands::CommandMetadata, commands::OrderCommand, events::Line, events::Shipment};
use lakeside_domain::{
    idempotency::Owner,
    ids::{AddressId, NodeId, ReasonCode, Sku, TrackingNumber},
    quantity::Quantity,
};
use lakeside_kit::{
    clock::Clock,
    disposition::{Disposed, Disposition},
    memory::{ManualClock, MemoryMetrics},
};
use uuid::Uuid;

use super::*;
use crate::{
    address::Address,
    label_record::ClosedRecord,
    memory::MemoryFulfilment,
    outside::OutsideError,
    scripted::{ScriptedCarrier, invocation, lost, script, throttled},
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));
const SHIPMENT: ShipmentId = ShipmentId::from_uuid(Uuid::from_u128(2));

fn command() -> Command {
    let lines = vec![Line { sku: Sku::parse("TENT").unwrap(), quantity: Quantity::new(1).unwrap() }];
    Command::CreateLabel(CreateLabel {
        order_id: ORDER,
        shipment: Shipment { shipment_id: SHIPMENT, node: NodeId::parse("wh-east").unwrap(), lines },
        shipping_address_id: AddressId::parse("addr_1").unwrap(),
        metadata: CommandMetadata { correlation_id: ORDER.as_uuid(), causation_id: ORDER.as_uuid() },
    })
}

fn closed_for(closing: Closing) -> ClosedRecord {
    ClosedRecord { order_id: ORDER, closed_at: Timestamp::from_millis(0), closing }
}

fn created() -> Purchase {
    Purchase::Created { tracking_number: TrackingNumber::parse("LS1").unwrap() }
}

fn labelled() -> CreateLabelResult {
    result(SHIPMENT, created())
}

/// A directory with one address in it, or none.
struct OneAddress(bool);

impl Addresses for OneAddress {
    async fn address(&self, id: &AddressId) -> Result<Option<Address>, StoreError> {
        assert_eq!(id.as_str(), "addr_1");
        Ok(self.0.then(Address::of_nobody))
    }
}

impl Default for OneAddress {
    fn default() -> Self {
        Self(true)
    }
}

#[derive(Default)]
struct World {
    table: MemoryFulfilment,
    addresses: OneAddress,
    carrier: ScriptedCarrier,
    clock: ManualClock,
    metrics: MemoryMetrics,
}

impl World {
    fn asking(
        purchases: impl IntoIterator<Item = Result<Reply<Purchase>, OutsideError>>,
        look_ups: impl IntoIterator<Item = Result<Standing, OutsideError>>,
    ) -> Self {
        let carrier = ScriptedCarrier {
            purchases: script(purchases),
            look_ups: script(look_ups),
            ..Default::default()
        };
        Self { carrier, ..Default::default() }
    }

    async fn run(&self) -> Result<CreateLabelResult, EffectError> {
        let invocation = invocation(&self.clock, &format!("request-{}", self.clock.now().as_millis()));
        self.clock.advance(1);
        handle(
            &self.table,
            &self.carrier,
            &self.addresses,
            &self.clock,
            &self.metrics,
            &invocation,
            command(),
        )
        .await
    }

    fn purchases(&self) -> usize {
        self.carrier.keys.borrow().len()
    }
}

#[tokio::test]
async fn a_parcel_gets_one_label_however_often_it_is_asked_for() {
    let world = World::asking([Ok(Reply::Final(created()))], []);
    assert_eq!(world.run().await.unwrap(), labelled());
    assert_eq!(world.run().await.unwrap(), labelled());
    assert_eq!(*world.carrier.keys.borrow(), [SHIPMENT.to_string()]);
    assert_eq!(world.table.outboxes.published(), ["ShipmentLabelled"]);
    assert_eq!((world.metrics.total(LABELS_CREATED), world.metrics.total(LABELS_REFUSED)), (1, 0));
}

#[tokio::test]
async fn a_refused_parcel_is_an_answer_and_no_event() {
    let reason = ReasonCode::constant("UNDELIVERABLE");
    let world = World::asking([Ok(Reply::Final(Purchase::Refused { reason: reason.clone() }))], []);
    for _ in 0..2 {
        assert_eq!(world.run().await.unwrap(), CreateLabelResult::Refused { reason: reason.clone() });
    }
    assert!(world.table.outboxes.published().is_empty());
    assert_eq!((world.metrics.total(LABELS_CREATED), world.metrics.total(LABELS_REFUSED)), (0, 1));
}

#[tokio::test]
async fn a_parcel_whose_address_nobody_has_is_refused_once_and_for_all() {
    let reason = ReasonCode::constant(ADDRESS_UNKNOWN);
    let mut world = World { addresses: OneAddress(false), ..World::asking([], []) };
    for _ in 0..2 {
        assert_eq!(world.run().await.unwrap(), CreateLabelResult::Refused { reason: reason.clone() });
        world.addresses = OneAddress(true);
    }
    assert_eq!(world.purchases(), 0);
}

#[tokio::test]
async fn a_label_that_was_bought_is_found_though_its_address_is_gone() {
    let look_ups = [Ok(Standing::Absent), Ok(Standing::Decided(created()))];
    let mut world = World::asking([lost()], look_ups);
    world.run().await.unwrap_err();
    world.addresses = OneAddress(false);
    assert_eq!(world.run().await.unwrap(), labelled());
}

#[tokio::test]
async fn a_purchase_whose_answer_was_lost_is_found_by_looking_it_up() {
    let world = World::asking([lost()], [Ok(Standing::Decided(created()))]);
    assert_eq!(world.run().await.unwrap(), labelled());
    assert_eq!(world.purchases(), 1);
}

#[tokio::test]
async fn an_unknown_outcome_is_worth_another_attempt_which_looks_first() {
    let look_ups = [Ok(Standing::Absent), Ok(Standing::Decided(created()))];
    let world = World::asking([lost()], look_ups);
    assert_eq!(world.run().await.unwrap_err().disposition(), Disposition::Retry);
    assert_eq!(world.table.label_status(ORDER, SHIPMENT), Some(LabelStatus::Requested));
    assert_eq!(world.run().await.unwrap(), labelled());
    assert_eq!(world.purchases(), 1);
}

#[tokio::test]
async fn turned_away_it_stays_away_as_long_as_told() {
    let world = World::asking([throttled(2), Ok(Reply::Final(created()))], []);
    assert_eq!(world.run().await.unwrap(), labelled());
    assert!(world.clock.now().as_millis() >= 2000);
}

#[tokio::test]
async fn a_request_the_carrier_rejects_is_parked() {
    let world = World::asking([Err(OutsideError::Refused { status: 400 })], []);
    assert_eq!(world.run().await.unwrap_err().disposition(), Disposition::Park);
}

#[tokio::test]
async fn two_attempts_at_once_ask_the_carrier_once() {
    let world = World::asking([], []);
    let key = LeaseKey::new(FUNCTION, SHIPMENT.to_string());
    world.table.leases.take(&key, &Owner("other".into()), world.clock.now());
    assert!(matches!(world.run().await, Err(EffectError::InProgress)));
    assert_eq!(world.purchases(), 0);
}

#[tokio::test]
async fn no_label_is_bought_once_the_orders_labels_are_closed() {
    let world = World::asking([], []);
    world.table.close_labels(&closed_for(Closing::Compensation));
    assert_eq!(world.run().await.unwrap(), result(SHIPMENT, closed()));
    assert_eq!(world.table.label_status(ORDER, SHIPMENT), None);
}

#[tokio::test]
async fn labels_that_close_just_before_the_purchase_prevent_it() {
    let world = World::asking([], []);
    world.table.before_write(1, |table| {
        table.close_labels(&closed_for(Closing::Compensation));
    });
    assert_eq!(world.run().await.unwrap(), result(SHIPMENT, closed()));
    assert_eq!(world.purchases(), 0);
}

#[tokio::test]
async fn no_label_is_bought_for_an_order_that_its_customer_cancelled_and_the_saga_hears_why() {
    let world = World::asking([], []);
    world.table.close_labels(&closed_for(Closing::Cancellation));
    assert_eq!(world.run().await.unwrap(), CreateLabelResult::Cancelled);
    let world = World::asking([], []);
    world.table.before_write(1, |table| {
        table.close_labels(&closed_for(Closing::Cancellation));
    });
    assert_eq!(world.run().await.unwrap(), CreateLabelResult::Cancelled);
    assert_eq!(world.table.label_status(ORDER, SHIPMENT), None);
}

#[tokio::test]
async fn a_label_that_was_bought_before_the_cancellation_stays_bought() {
    let world = World::asking([Ok(Reply::Final(created()))], []);
    world.table.before_write(2, |table| {
        table.close_labels(&closed_for(Closing::Cancellation));
    });
    assert_eq!(world.run().await.unwrap(), labelled());
    assert_eq!(world.run().await.unwrap(), labelled());
}

#[tokio::test]
async fn a_label_voided_between_its_purchase_and_its_record_stays_void() {
    let world = World::asking([Ok(Reply::Final(created()))], []);
    world.table.before_write(2, |table| {
        table.close_labels(&closed_for(Closing::Compensation));
        table.labels.borrow_mut().get_mut(&(ORDER, SHIPMENT)).unwrap().status = LabelStatus::Voided;
    });
    assert_eq!(world.run().await.unwrap(), result(SHIPMENT, closed()));
    assert!(world.table.outboxes.published().is_empty());
}

#[tokio::test]
async fn another_command_is_parked() {
    let world = World::default();
    let metadata = CommandMetadata { correlation_id: ORDER.as_uuid(), causation_id: ORDER.as_uuid() };
    let command = Command::VoidLabels(OrderCommand { order_id: ORDER, metadata });
    let invocation = invocation(&world.clock, "request");
    let error =
        handle(&world.table, &world.carrier, &world.addresses, &world.clock, &(), &invocation, command)
            .await
            .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Park);
}
