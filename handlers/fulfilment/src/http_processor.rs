//! The payment processor over HTTP, opened with a key that is read while the function runs.

use std::time::{Duration, Instant};

use lakeside_domain::{
    ids::{OrderId, ReasonCode},
    money::Money,
    payment::{Charge, PAYMENT_CLOSED, Reversal},
};
use lakeside_kit::{
    clock::{Clock, SystemClock},
    secret::{Secret, SecretCache, Secrets},
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    outbound::{Answer, Outgoing, Server},
    outside::{OutsideError, Reply},
    processor::{ChargeRequest, PAYMENT_DECLINED, Processor, Standing, reversal_key},
};

/// The processor behind a server, and what opens it.
pub struct HttpProcessor<S> {
    server: Server,
    secret_id: String,
    keys: SecretCache<S>,
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

impl<S: Secrets> HttpProcessor<S> {
    /// The processor behind `server`, opened with the secret called `secret_id`.
    pub fn new(server: Server, secret_id: impl Into<String>, keys: SecretCache<S>) -> Self {
        Self { server, secret_id: secret_id.into(), keys }
    }

    /// Makes `call` within `patience`. A key that is turned down may have been replaced since it was read: once.
    async fn opened(
        &self,
        patience: Duration,
        call: impl AsyncFn(Server, Duration) -> Result<Answer, OutsideError>,
    ) -> Result<Answer, OutsideError> {
        let ends = Instant::now().checked_add(patience);
        let left = || ends.map_or(patience, |ends| ends.saturating_duration_since(Instant::now()));
        let ask = async |key: &Secret| {
            let answer = call(self.server.bearing(key), left()).await?;
            // Nothing is wrong with the request: it is ours to be let in.
            if matches!(answer.status, 401 | 403) { Err(OutsideError::Unauthorized) } else { Ok(answer) }
        };
        let asking = async {
            let current = self.keys.get(&self.secret_id, SystemClock.now()).await?;
            match ask(&current.secret).await {
                Err(OutsideError::Unauthorized) => {}
                answered => return answered,
            }
            match self.keys.replaced(&self.secret_id, &current, SystemClock.now()).await? {
                Some(replaced) => ask(&replaced.secret).await,
                None => Err(OutsideError::Unauthorized),
            }
        };
        let out_of_time = |_| Err(OutsideError::Unknown("no answer in time".into()));
        timeout(patience, asking).await.unwrap_or_else(out_of_time)
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

impl<S: Secrets> Processor for HttpProcessor<S> {
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
        let post = async |server: Server, patience| {
            let outgoing = Outgoing { path: &["v1", "payments"], key: Some(&key), body: Some(&body) };
            server.post(outgoing, patience).await
        };
        let answer = self.opened(patience, post).await?;
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
        let post = async |server: Server, patience| {
            server.post(Outgoing::<()> { path: &path, key: Some(&key), body: None }, patience).await
        };
        let answer = self.opened(patience, post).await?;
        match (answer.status, answer.json::<Answered>().and_then(|said| said.status)) {
            (200, Some(Status::Refunded)) => Ok(Reply::Final(Reversal::Refunded)),
            (200, Some(Status::Cancelled)) => Ok(Reply::Final(Reversal::Cancelled)),
            (202, _) => Ok(Reply::Underway),
            _ => Err(answer.unexpected()),
        }
    }

    async fn look_up(&self, order_id: OrderId, patience: Duration) -> Result<Standing, OutsideError> {
        let reference = order_id.to_string();
        let get =
            async |server: Server, patience| server.get(&["v1", "payments", &reference], patience).await;
        let answer = self.opened(patience, get).await?;
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
