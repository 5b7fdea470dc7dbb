//! One dead letter.

use std::collections::BTreeMap;

use lakeside_contracts::WireTime;
use lakeside_domain::ids::OrderId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::redact;

/// A message of a dead-letter queue, with all that it takes to send it on or to write it down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// SQS's id.
    pub id: String,
    /// When it was first sent.
    pub sent_at: WireTime,
    /// The text.
    pub body: String,
    /// String attributes.
    pub attributes: BTreeMap<String, String>,
    /// The group, on a FIFO queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The deduplication id, on a FIFO queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication: Option<String>,
    /// X-Ray's header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What deletes it, as long as it is hidden from others.
    #[serde(skip)]
    pub receipt: String,
}

/// Bodies may hold task tokens: nothing of them is printed by accident.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("id", &self.id).field("sent_at", &self.sent_at).finish_non_exhaustive()
    }
}

/// What a letter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// The event's type, the command's name, or what else it is.
    pub what: String,
    /// The order.
    pub order_id: Option<OrderId>,
}

impl Letter {
    /// What it is about.
    pub fn about(&self) -> About {
        let body: Option<Value> = serde_json::from_str(&self.body).ok();
        let text = |pointer: &str| body.as_ref()?.pointer(pointer)?.as_str();
        let word = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ').then(|| text.to_owned())
        };
        let what = text("/detail-type")
            .or_else(|| text("/command"))
            .and_then(word)
            .or_else(|| text("/requestContext/condition").map(|_| "position in a stream".into()))
            .or_else(|| self.attributes.get("orderId").map(|_| "what the door took".into()))
            .or_else(|| body.as_ref().map(|_| "JSON of no known form".into()))
            .unwrap_or_else(|| "no JSON".into());
        let order_id =
            ["/detail/data/orderId", "/detail/metadata/correlationId", "/orderId", "/metadata/correlationId"]
                .iter()
                .find_map(|pointer| text(pointer))
                .or_else(|| text("/detail/name").map(|name| name.trim_start_matches("recover-")))
                .or_else(|| self.attributes.get("orderId").map(String::as_str))
                .and_then(|id| OrderId::parse(id).ok());
        About { what, order_id }
    }

    /// What EventBridge says about it, if it never reached its queue.
    pub fn undelivered(&self) -> Option<String> {
        let code = self.attributes.get("ERROR_CODE")?;
        Some(format!("EventBridge could not deliver it: {}", redact::line(code)))
    }

    /// Why a stream or schedule gave it up.
    pub fn given_up(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        Some(redact::line(body.pointer("/requestContext/condition")?.as_str()?))
    }

    /// What of it may be shown.
    pub fn shown(&self) -> Value {
        redact::body(&self.body)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::of_millis;

    pub const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    pub fn letter(id: &str, body: &Value) -> Letter {
        Letter {
            id: id.into(),
            sent_at: of_millis(1000),
            body: body.to_string(),
            attributes: BTreeMap::new(),
            group: None,
            deduplication: None,
            trace: None,
            receipt: format!("receipt-{id}"),
        }
    }

    #[test]
    fn a_letter_knows_its_order_whatever_it_is() {
        let order_id = OrderId::parse(ORDER).ok();
        let event = json!({ "detail-type": "OrderCreated", "detail": { "metadata": {}, "data": { "orderId": ORDER } } });
        let about = letter("1", &event).about();
        assert_eq!(about, About { what: "OrderCreated".into(), order_id });
        let command = json!({ "command": "CapturePayment", "orderId": ORDER });
        assert_eq!(letter("2", &command).about(), About { what: "CapturePayment".into(), order_id });
        let died =
            json!({ "detail-type": "Step Functions Execution Status Change", "detail": { "name": ORDER } });
        assert_eq!(letter("3", &died).about().order_id, order_id);
        let mut submission = letter("4", &json!({ "channel": "web" }));
        submission.attributes.insert("orderId".into(), ORDER.into());
        assert_eq!(submission.about(), About { what: "what the door took".into(), order_id });
        assert_eq!(letter("5", &json!("x")).about().what, "JSON of no known form");
    }

    #[test]
    fn a_letter_prints_nothing_of_its_body() {
        let printed = format!("{:?}", letter("1", &json!({ "taskToken": "secret" })));
        assert!(!printed.contains("secret"));
    }
}
