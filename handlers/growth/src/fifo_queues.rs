//! The marketplaces' queues on SQS.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
};

use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue},
};
use lakeside_domain::ids::MarketplaceId;
use lakeside_kit::trace::{self, TraceHeader};
use serde::Deserialize;

use crate::route_stock::{MarketplaceQueues, QueueError, Routed};

/// The URLs of the queues, as the setting `MARKETPLACE_QUEUES` has them: JSON, by marketplace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Urls(BTreeMap<MarketplaceId, String>);

impl FromStr for Urls {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// FIFO queues, one per marketplace.
#[derive(Debug, Clone)]
pub struct FifoQueues {
    client: Client,
    urls: Urls,
}

impl FifoQueues {
    /// Those at `urls`.
    pub const fn new(client: Client, urls: Urls) -> Self {
        Self { client, urls }
    }
}

impl MarketplaceQueues for FifoQueues {
    fn marketplaces(&self) -> Vec<MarketplaceId> {
        self.urls.0.keys().cloned().collect()
    }

    async fn send(&self, routed: &Routed) -> Result<(), QueueError> {
        let Some(url) = self.urls.0.get(&routed.command.marketplace) else {
            return Err(QueueError::Refused("the marketplace has no queue".into()));
        };
        let body = serde_json::to_string(&routed.command).map_err(|e| QueueError::Refused(e.into()))?;
        let sent = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(body)
            .message_group_id(&routed.group)
            .message_deduplication_id(&routed.deduplication_id)
            .set_message_system_attributes(trace_attribute(trace::current())?)
            .send()
            .await;
        sent.map(|_| ()).map_err(understood)
    }
}

/// The system attribute by which the trace goes on behind the queue.
fn trace_attribute(
    header: Option<TraceHeader>,
) -> Result<Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>>, QueueError> {
    let attribute = |header: TraceHeader| {
        let text =
            MessageSystemAttributeValue::builder().data_type("String").string_value(header.to_string());
        let text = text.build().map_err(|e| QueueError::Refused(e.into()))?;
        Ok(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, text)]))
    };
    header.map(attribute).transpose()
}

fn understood<E, R>(error: SdkError<E, R>) -> QueueError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = match &error {
        SdkError::ServiceError(service) => service.err().code(),
        _ => None,
    };
    match code {
        Some(
            "AccessDenied"
            | "AccessDeniedException"
            | "AWS.SimpleQueueService.NonExistentQueue"
            | "InvalidMessageContents"
            | "InvalidParameterValue"
            | "MissingParameter"
            | "QueueDoesNotExist",
        ) => QueueError::Refused(error.into()),
        _ => QueueError::Unavailable(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::error::ErrorMetadata;
    use lakeside_contracts::commands::PublishStock;
    use lakeside_kit::{
        disposition::{Disposed, Disposition},
        memory::endpoint::Endpoint,
    };

    use super::*;

    fn answered(code: &str) -> Disposition {
        let error = ErrorMetadata::builder().code(code).build();
        understood(SdkError::service_error(error, ())).disposition()
    }

    #[tokio::test]
    async fn a_level_goes_on_in_the_trace_that_it_came_in() {
        let endpoint = Endpoint::listen().unwrap();
        let urls = r#"{"alpine-market": "http://queue"}"#.parse().unwrap();
        let queues = FifoQueues::new(Client::new(&endpoint.config()), urls);
        let routed = Routed {
            command: serde_json::from_str(include_str!(
                "../../../contracts/commands/publish-stock/examples/v1.json"
            ))
            .unwrap(),
            group: "g".into(),
            deduplication_id: "d".into(),
        };
        let routed = Routed {
            command: PublishStock {
                marketplace: MarketplaceId::parse("alpine-market").unwrap(),
                ..routed.command
            },
            ..routed
        };
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        trace::following(TraceHeader::parse(header), queues.send(&routed)).await.unwrap();
        queues.send(&routed).await.unwrap();
        let attribute = |request: &String| {
            let (_, body) = request.split_once("\n\n").unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            body["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str().map(str::to_owned)
        };
        let sent: Vec<_> = endpoint.requests().iter().map(attribute).collect();
        assert_eq!(sent, [Some(header.to_owned()), None]);
    }

    #[test]
    fn a_missing_grant_or_queue_is_for_people_and_everything_else_passes() {
        for refused in ["AccessDenied", "QueueDoesNotExist", "InvalidParameterValue"] {
            assert_eq!(answered(refused), Disposition::Park, "{refused}");
        }
        for passing in ["RequestThrottled", "KmsThrottled", "InternalError", ""] {
            assert_eq!(answered(passing), Disposition::Retry, "{passing}");
        }
        let lost: SdkError<ErrorMetadata, ()> = SdkError::timeout_error("no answer");
        assert_eq!(understood(lost).disposition(), Disposition::Retry);
    }

    #[test]
    fn urls_are_by_marketplace() {
        let urls: Urls = r#"{"alpine-market": "http://queue"}"#.parse().unwrap();
        assert_eq!(urls.0.len(), 1);
        for bad in ["", "[]", r#"{"Alpine": "http://queue"}"#, r#"{"alpine": 1}"#] {
            assert!(bad.parse::<Urls>().is_err(), "{bad}");
        }
    }
}
