//! The carrier over HTTP.

use std::time::Duration;

use lakeside_contracts::events::Line;
use lakeside_domain::{
    ids::{OrderId, ReasonCode, ShipmentId, TrackingNumber},
    label::{Purchase, closed},
};
use serde::{Deserialize, Serialize};

use crate::{
    carrier::{Carrier, LABEL_REFUSED, LabelRequest, Standing, UNDELIVERABLE, void_key},
    outbound::{Outgoing, Server},
    outside::{OutsideError, Reply},
};

/// The carrier behind a server.
#[derive(Debug, Clone)]
pub struct HttpCarrier {
    server: Server,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LabelBody<'a> {
    reference: ShipmentId,
    order_id: OrderId,
    node: &'a str,
    ship_to: ShipTo<'a>,
    lines: &'a [Line],
}

/// The address, and our reference of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShipTo<'a> {
    reference: &'a str,
    name: &'a str,
    street: &'a str,
    city: &'a str,
    postal_code: &'a str,
    country: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    status: Option<Status>,
    reason: Option<String>,
    tracking_number: Option<TrackingNumber>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Processing,
    Created,
    Voided,
    NotCreated,
    #[serde(other)]
    Other,
}

impl HttpCarrier {
    /// The carrier behind `server`.
    pub const fn new(server: Server) -> Self {
        Self { server }
    }
}

impl Carrier for HttpCarrier {
    async fn buy(&self, request: &LabelRequest, patience: Duration) -> Result<Reply<Purchase>, OutsideError> {
        let body = LabelBody {
            reference: request.shipment.shipment_id,
            order_id: request.order_id,
            node: request.shipment.node.as_str(),
            ship_to: ShipTo {
                reference: request.ship_to.as_str(),
                name: request.address.name.reveal(),
                street: request.address.street.reveal(),
                city: request.address.city.reveal(),
                postal_code: request.address.postal_code.reveal(),
                country: request.address.country.reveal(),
            },
            lines: &request.shipment.lines,
        };
        let key = request.idempotency_key();
        let outgoing = Outgoing { path: &["v1", "labels"], key: Some(&key), body: Some(&body) };
        let answer = self.server.post(outgoing, patience).await?;
        match (answer.status, answer.json::<Answered>()) {
            (200 | 201, Some(Answered { tracking_number: Some(tracking_number), .. })) => {
                Ok(Reply::Final(Purchase::Created { tracking_number }))
            }
            // Without a reason the request itself is at fault, which another address would not mend.
            (422, Some(Answered { reason: Some(reason), .. })) => {
                let code = if reason == "undeliverable" { UNDELIVERABLE } else { LABEL_REFUSED };
                Ok(Reply::Final(Purchase::Refused { reason: ReasonCode::constant(code) }))
            }
            (409, Some(Answered { status: Some(Status::Voided | Status::NotCreated), .. })) => {
                Ok(Reply::Final(closed()))
            }
            (202, _) | (409, Some(Answered { status: Some(Status::Processing), .. })) => Ok(Reply::Underway),
            _ => Err(answer.unexpected()),
        }
    }

    async fn void(&self, shipment_id: ShipmentId, patience: Duration) -> Result<(), OutsideError> {
        let reference = shipment_id.to_string();
        let key = void_key(shipment_id);
        let path = ["v1", "labels", &reference, "void"];
        let outgoing = Outgoing::<()> { path: &path, key: Some(&key), body: None };
        let answer = self.server.post(outgoing, patience).await?;
        match (answer.status, answer.json::<Answered>().and_then(|said| said.status)) {
            (200, Some(Status::Voided | Status::NotCreated)) => Ok(()),
            _ => Err(answer.unexpected()),
        }
    }

    async fn look_up(&self, shipment_id: ShipmentId, patience: Duration) -> Result<Standing, OutsideError> {
        let reference = shipment_id.to_string();
        let answer = self.server.get(&["v1", "labels", &reference], patience).await?;
        let Some(said) = answer.json::<Answered>().filter(|_| answer.status == 200) else {
            return if answer.status == 404 { Ok(Standing::Absent) } else { Err(answer.unexpected()) };
        };
        match (said.status, said.tracking_number) {
            (Some(Status::Processing), _) => Ok(Standing::Processing),
            (Some(Status::Created), Some(tracking_number)) => {
                Ok(Standing::Decided(Purchase::Created { tracking_number }))
            }
            (Some(Status::Voided | Status::NotCreated), _) => Ok(Standing::Decided(closed())),
            _ => Err(answer.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests;
