//! The processor and the carrier.

use std::{rc::Rc, time::Duration};

use lakeside_domain::{
    ids::{AddressId, OrderId, ReasonCode, ShipmentId},
    label::Purchase,
    payment::{Charge, Reversal},
};
use lakeside_fulfilment::{
    address::{Address, Addresses},
    carrier::{self, Carrier},
    outside::{OutsideError, Reply},
    processor::{self, Processor},
};

use lakeside_kit::dynamo::StoreError;

use super::Port;
use crate::{
    mutants::Mutant,
    world::{Attempt, World},
};

/// An attempt that is under way for as long as this is there.
pub struct Alone {
    world: Rc<World>,
    attempt: Attempt,
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.world.attempts.borrow_mut().retain(|attempt| *attempt != self.attempt);
    }
}

impl Port {
    /// Checks that no other attempt is at the same effect whose time is not over.
    pub(super) fn alone(&self, at: String) -> Alone {
        let world = Rc::clone(&self.world);
        let deadline = self.invocation.deadline.as_millis();
        let attempt = Attempt { at, invocation: self.invocation.request_id.clone(), deadline };
        let now = world.engine.now();
        let beside = |other: &Attempt| other.at == attempt.at && other.deadline > now;
        let crowded = world.attempts.borrow().iter().any(beside);
        world.check(!crowded || deadline <= now, "one attempt at a time", || {
            format!("two attempts at the {}", attempt.at)
        });
        world.attempts.borrow_mut().push(attempt.clone());
        Alone { world, attempt }
    }
}

impl Processor for Port {
    async fn charge(
        &self,
        request: &processor::ChargeRequest,
        patience: Duration,
    ) -> Result<Reply<Charge>, OutsideError> {
        let _alone = self.alone(format!("charge of {}", request.order_id));
        self.before("charge").await;
        let reply = self.world.charge(request, patience).await;
        self.after("charge").await;
        let declined = match &reply {
            Err(OutsideError::Unknown(_)) => self.world.planted(Mutant::UnknownIsDeclined),
            Err(OutsideError::Throttled { .. }) => self.world.planted(Mutant::ThrottledIsDeclined),
            _ => false,
        };
        if declined {
            return Ok(Reply::Final(Charge::Declined { reason: ReasonCode::constant("CARD_DECLINED") }));
        }
        reply
    }

    async fn reverse(&self, order_id: OrderId, patience: Duration) -> Result<Reply<Reversal>, OutsideError> {
        let _alone = self.alone(format!("reversal of {order_id}"));
        self.before("reverse").await;
        let reply = self.world.reverse(order_id, patience).await;
        self.after("reverse").await;
        reply
    }

    async fn look_up(
        &self,
        order_id: OrderId,
        patience: Duration,
    ) -> Result<processor::Standing, OutsideError> {
        self.before("look up payment").await;
        if self.world.planted(Mutant::NoLookUp) {
            return Ok(processor::Standing::Absent);
        }
        self.world.payment_standing(order_id, patience).await
    }
}

/// The directory has every address: what it does not have is refused before anything happens.
impl Addresses for Port {
    async fn address(&self, _: &AddressId) -> Result<Option<Address>, StoreError> {
        Ok(Some(Address::of_nobody()))
    }
}

impl Carrier for Port {
    async fn buy(
        &self,
        request: &carrier::LabelRequest,
        patience: Duration,
    ) -> Result<Reply<Purchase>, OutsideError> {
        let _alone = self.alone(format!("purchase of {}", request.shipment.shipment_id));
        self.before("buy label").await;
        let reply = self.world.buy(request, patience).await;
        self.after("buy label").await;
        reply
    }

    async fn void(&self, shipment_id: ShipmentId, patience: Duration) -> Result<(), OutsideError> {
        let _alone = self.alone(format!("voiding of {shipment_id}"));
        self.before("void label").await;
        let reply = self.world.void(shipment_id, patience).await;
        self.after("void label").await;
        reply
    }

    async fn look_up(
        &self,
        shipment_id: ShipmentId,
        patience: Duration,
    ) -> Result<carrier::Standing, OutsideError> {
        self.before("look up label").await;
        self.world.label_standing(shipment_id, patience).await
    }
}
