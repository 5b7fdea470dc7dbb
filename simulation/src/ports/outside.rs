//! The processor and the carrier.

use std::time::Duration;

use lakeside_domain::{
    ids::{OrderId, ShipmentId},
    label::Purchase,
    payment::{Charge, Reversal},
};
use lakeside_fulfilment::{
    carrier::{self, Carrier},
    outside::{OutsideError, Reply},
    processor::{self, Processor},
};

use super::Port;

impl Processor for Port {
    async fn charge(
        &self,
        request: &processor::ChargeRequest,
        patience: Duration,
    ) -> Result<Reply<Charge>, OutsideError> {
        self.before("charge").await;
        let reply = self.world.charge(request, patience).await;
        self.after("charge").await;
        reply
    }

    async fn reverse(&self, order_id: OrderId, patience: Duration) -> Result<Reply<Reversal>, OutsideError> {
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
        self.world.payment_standing(order_id, patience).await
    }
}

impl Carrier for Port {
    async fn buy(
        &self,
        request: &carrier::LabelRequest,
        patience: Duration,
    ) -> Result<Reply<Purchase>, OutsideError> {
        self.before("buy label").await;
        let reply = self.world.buy(request, patience).await;
        self.after("buy label").await;
        reply
    }

    async fn void(&self, shipment_id: ShipmentId, patience: Duration) -> Result<(), OutsideError> {
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
