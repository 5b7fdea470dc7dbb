//! The carrier's rules. Labels belong to a reference (the shipment); voiding closes the reference for good, so
//! that no label appears for it later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::idempotency::{Answer, Keys};

/// A body of `POST /v1/labels`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelRequest {
    pub reference: String,
    pub order_id: String,
    pub node: String,
    pub ship_to: ShipTo,
    pub lines: Vec<LabelLine>,
}

/// Where the parcel goes. The reference chooses what goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShipTo {
    pub reference: String,
    pub name: String,
    pub street: String,
    pub city: String,
    pub postal_code: String,
    pub country: String,
}

/// What is in the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelLine {
    pub sku: String,
    pub quantity: u64,
}

impl LabelRequest {
    /// What is wrong with the request, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        if !crate::server::is_reference(&self.reference) {
            return Some("reference must be 1 to 255 visible characters");
        }
        if self.order_id.is_empty() || self.node.is_empty() {
            return Some("orderId and node must not be empty");
        }
        let ShipTo { reference, name, street, city, postal_code, country } = &self.ship_to;
        if !reference.starts_with("addr_") {
            return Some("the reference of shipTo must start with `addr_`");
        }
        if [name, street, city, postal_code, country].into_iter().any(String::is_empty) {
            return Some("shipTo must be a whole address");
        }
        if self.lines.is_empty() || self.lines.iter().any(|line| line.sku.is_empty() || line.quantity == 0) {
            return Some("lines must name what is in the parcel");
        }
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Processing,
    Created,
    Voided,
    /// Closed before there was a label.
    NotCreated,
}

struct Label {
    id: String,
    tracking_number: String,
    order_id: Option<String>,
    status: Status,
    issued: u32,
}

/// How a request is answered.
#[derive(Debug, PartialEq)]
pub enum Reply {
    Answer(Answer),
    /// No answer now; the label is there after a while.
    HangThenLand,
}

/// The carrier's books.
#[derive(Default)]
pub struct Carrier {
    labels: BTreeMap<String, Label>,
    keys: Keys<LabelRequest>,
    issued_ids: u64,
}

impl Carrier {
    /// Makes one label per key.
    pub fn create(&mut self, key: &str, request: &LabelRequest) -> Reply {
        let attempts = match self.keys.take(key, request) {
            Ok(seen) => seen.attempts,
            Err(answer) => return Reply::Answer(answer),
        };
        let status = self.labels.get(&request.reference).map(|label| label.status);
        if matches!(status, Some(Status::Voided | Status::NotCreated)) {
            let voided = Answer::new(409, json!({ "reference": request.reference, "status": "voided" }));
            self.keys.settle(key, voided.clone());
            return Reply::Answer(voided);
        }
        match request.ship_to.reference.as_str() {
            "addr_sandbox_carrier_down" => Reply::Answer(Answer::error(503, "carrier is down")),
            "addr_sandbox_undeliverable" => {
                let refused = Answer::new(422, json!({ "reason": "undeliverable" }));
                self.keys.settle(key, refused.clone());
                Reply::Answer(refused)
            }
            "addr_sandbox_timeout_lands" if attempts == 1 => {
                self.label(request, Status::Processing);
                Reply::HangThenLand
            }
            "addr_sandbox_timeout_lands" => Reply::Answer(Answer::processing(&request.reference)),
            _ => Reply::Answer(self.issue(key, request)),
        }
    }

    /// The label of a request that hung appears, unless the reference was voided in the meantime.
    pub fn land(&mut self, key: &str, request: &LabelRequest) {
        let status = self.labels.get(&request.reference).map(|label| label.status);
        if matches!(status, Some(Status::Processing | Status::Created)) {
            self.issue(key, request);
        }
    }

    /// Voids the label, or makes sure that there never is one.
    pub fn void(&mut self, reference: &str) -> Answer {
        let label = self.labels.entry(reference.to_owned()).or_insert_with(|| Label {
            id: String::new(),
            tracking_number: String::new(),
            order_id: None,
            status: Status::NotCreated,
            issued: 0,
        });
        label.status = match label.status {
            Status::Created | Status::Voided => Status::Voided,
            Status::Processing | Status::NotCreated => Status::NotCreated,
        };
        Answer::new(200, json!({ "status": label.status }))
    }

    /// The body of `GET /v1/labels/{reference}`.
    pub fn look_up(&self, reference: &str) -> Option<Value> {
        self.labels.get(reference).map(|label| {
            let issued = label.issued > 0;
            json!({
                "reference": reference,
                "orderId": label.order_id,
                "status": label.status,
                "labelId": issued.then_some(&label.id),
                "trackingNumber": issued.then_some(&label.tracking_number),
            })
        })
    }

    /// Every reference ever named, in order.
    pub fn ledger(&self) -> Vec<Value> {
        self.labels
            .iter()
            .map(|(reference, label)| {
                json!({
                    "reference": reference,
                    "orderId": label.order_id,
                    "status": label.status,
                    "issued": label.issued,
                })
            })
            .collect()
    }

    fn issue(&mut self, key: &str, request: &LabelRequest) -> Answer {
        let label = self.label(request, Status::Created);
        label.status = Status::Created;
        label.issued = label.issued.saturating_add(1);
        let answer =
            Answer::new(201, json!({ "labelId": label.id, "trackingNumber": label.tracking_number }));
        self.keys.settle(key, answer.clone());
        answer
    }

    fn label(&mut self, request: &LabelRequest, status: Status) -> &mut Label {
        let issued = &mut self.issued_ids;
        self.labels.entry(request.reference.clone()).or_insert_with(|| {
            *issued = issued.saturating_add(1);
            Label {
                id: format!("label_{issued:08}"),
                tracking_number: format!("LS{issued:010}"),
                order_id: Some(request.order_id.clone()),
                status,
                issued: 0,
            }
        })
    }
}
