//! The payment processor over HTTP.

use std::time::Duration;

use lakeside_domain::{
    ids::{OrderId, ReasonCode},
    money::Money,
    payment::{Charge, PAYMENT_CLOSED, Reversal},
};
use serde::{Deserialize, Serialize};

use crate::{
    outbound::{Outgoing, Server},
    outside::{OutsideError, Reply},
    processor::{ChargeRequest, PAYMENT_DECLINED, Processor, Standing, reversal_key},
};

/// The processor behind a server.
#[derive(Debug, Clone)]
pub struct HttpProcessor {
    server: Server,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChargeBody<'a> {
    reference: OrderId,
    amount: Money,
    payment_method: &'a str,
}

#[derive(Deserialize)]
struct Answered {
    status: Option<Status>,
    reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Processing,
    Captured,
    Declined,
    Refunded,
    Cancelled,
    Reversed,
    #[serde(other)]
    Other,
}

impl HttpProcessor {
    /// The processor behind `server`.
    pub const fn new(server: Server) -> Self {
        Self { server }
    }
}

/// Their words become one of our codes, because a code may travel and words may not.
fn reason(words: Option<&str>) -> ReasonCode {
    ReasonCode::constant(match words {
        Some("card_declined") => "CARD_DECLINED",
        Some("insufficient_funds") => "INSUFFICIENT_FUNDS",
        _ => PAYMENT_DECLINED,
    })
}

impl Processor for HttpProcessor {
    async fn charge(
        &self,
        request: &ChargeRequest,
        patience: Duration,
    ) -> Result<Reply<Charge>, OutsideError> {
        let body = ChargeBody {
            reference: request.order_id,
            amount: request.amount,
            payment_method: request.payment_method.as_str(),
        };
        let key = request.idempotency_key();
        let outgoing = Outgoing { path: &["v1", "payments"], key: &key, body: Some(&body) };
        let answer = self.server.post(outgoing, patience).await?;
        let said: Option<Answered> = answer.json();
        match (answer.status, said.as_ref().and_then(|said| said.status)) {
            (200 | 201, Some(Status::Captured)) => Ok(Reply::Final(Charge::Captured)),
            (402, _) => {
                let reason = reason(said.as_ref().and_then(|said| said.reason.as_deref()));
                Ok(Reply::Final(Charge::Declined { reason }))
            }
            (409, Some(Status::Reversed)) => {
                Ok(Reply::Final(Charge::Declined { reason: ReasonCode::constant(PAYMENT_CLOSED) }))
            }
            (202, _) | (409, Some(Status::Processing)) => Ok(Reply::Underway),
            _ => Err(answer.unexpected()),
        }
    }

    async fn reverse(&self, order_id: OrderId, patience: Duration) -> Result<Reply<Reversal>, OutsideError> {
        let reference = order_id.to_string();
        let key = reversal_key(order_id);
        let path = ["v1", "payments", &reference, "reversal"];
        let outgoing = Outgoing::<()> { path: &path, key: &key, body: None };
        let answer = self.server.post(outgoing, patience).await?;
        match (answer.status, answer.json::<Answered>().and_then(|said| said.status)) {
            (200, Some(Status::Refunded)) => Ok(Reply::Final(Reversal::Refunded)),
            (200, Some(Status::Cancelled)) => Ok(Reply::Final(Reversal::Cancelled)),
            (202, _) => Ok(Reply::Underway),
            _ => Err(answer.unexpected()),
        }
    }

    async fn look_up(&self, order_id: OrderId, patience: Duration) -> Result<Standing, OutsideError> {
        let reference = order_id.to_string();
        let answer = self.server.get(&["v1", "payments", &reference], patience).await?;
        match (answer.status, answer.json::<Answered>().and_then(|said| said.status)) {
            (404, _) => Ok(Standing::Absent),
            (200, Some(Status::Processing)) => Ok(Standing::Processing),
            (200, Some(Status::Captured)) => Ok(Standing::Captured),
            (200, Some(Status::Declined)) => Ok(Standing::Declined),
            (200, Some(Status::Refunded)) => Ok(Standing::Reversed(Reversal::Refunded)),
            (200, Some(Status::Cancelled)) => Ok(Standing::Reversed(Reversal::Cancelled)),
            _ => Err(answer.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests;
