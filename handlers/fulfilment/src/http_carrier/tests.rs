use lakeside_contracts::events::Shipment;
use lakeside_domain::{
    ids::{AddressId, NodeId, Sku},
    quantity::Quantity,
};
use lakeside_sandbox::Options;
use uuid::Uuid;

use super::*;
use crate::{
    address::Address,
    real_sandbox::{Sandbox, quick},
};

const SHIPMENT: ShipmentId = ShipmentId::from_uuid(Uuid::from_u128(2));
/// Long for an answer over loopback.
const PATIENCE: Duration = Duration::from_secs(10);
/// Short against the sandbox's hanging.
const IMPATIENCE: Duration = Duration::from_millis(200);

fn request(ship_to: &str) -> LabelRequest {
    let lines = vec![Line { sku: Sku::parse("TENT").unwrap(), quantity: Quantity::new(1).unwrap() }];
    LabelRequest {
        order_id: OrderId::from_uuid(Uuid::from_u128(1)),
        shipment: Shipment { shipment_id: SHIPMENT, node: NodeId::parse("wh-east").unwrap(), lines },
        ship_to: AddressId::parse(ship_to).unwrap(),
        address: Address::of_nobody(),
    }
}

async fn carrier(options: Options) -> (HttpCarrier, Sandbox) {
    let sandbox = Sandbox::start(options).await;
    (HttpCarrier::new(sandbox.server()), sandbox)
}

#[tokio::test]
async fn a_label_asked_for_again_is_the_same_label_and_can_be_voided() {
    let (carrier, _sandbox) = carrier(quick()).await;
    assert_eq!(carrier.look_up(SHIPMENT, PATIENCE).await.unwrap(), Standing::Absent);
    let Reply::Final(first) = carrier.buy(&request("addr_1"), PATIENCE).await.unwrap() else {
        panic!("final")
    };
    assert!(matches!(first, Purchase::Created { .. }));
    assert_eq!(carrier.buy(&request("addr_1"), PATIENCE).await.unwrap(), Reply::Final(first.clone()));
    assert_eq!(carrier.look_up(SHIPMENT, PATIENCE).await.unwrap(), Standing::Decided(first));
    for _ in 0..2 {
        carrier.void(SHIPMENT, PATIENCE).await.unwrap();
    }
    assert_eq!(carrier.look_up(SHIPMENT, PATIENCE).await.unwrap(), Standing::Decided(closed()));
}

#[tokio::test]
async fn an_address_nobody_delivers_to_is_refused_with_a_reason_of_ours() {
    let (carrier, _sandbox) = carrier(quick()).await;
    let refused = Purchase::Refused { reason: ReasonCode::constant(UNDELIVERABLE) };
    let reply = carrier.buy(&request("addr_sandbox_undeliverable"), PATIENCE).await.unwrap();
    assert_eq!(reply, Reply::Final(refused));
}

#[tokio::test]
async fn no_label_appears_after_it_was_voided() {
    let (carrier, _sandbox) = carrier(quick()).await;
    carrier.void(SHIPMENT, PATIENCE).await.unwrap();
    assert_eq!(carrier.buy(&request("addr_1"), PATIENCE).await.unwrap(), Reply::Final(closed()));
}

#[tokio::test]
async fn no_answer_and_a_failure_over_there_leave_the_outcome_unknown() {
    for address in ["addr_sandbox_timeout_lands", "addr_sandbox_carrier_down"] {
        let (carrier, _sandbox) = carrier(quick()).await;
        let error = carrier.buy(&request(address), IMPATIENCE).await.unwrap_err();
        assert!(matches!(error, OutsideError::Unknown(_)), "{address}: {error}");
    }
}

#[tokio::test]
async fn what_hangs_is_under_way() {
    let (carrier, _sandbox) = carrier(Options { landing_delay: Duration::from_mins(10), ..quick() }).await;
    carrier.buy(&request("addr_sandbox_timeout_lands"), IMPATIENCE).await.unwrap_err();
    assert_eq!(carrier.look_up(SHIPMENT, PATIENCE).await.unwrap(), Standing::Processing);
}
