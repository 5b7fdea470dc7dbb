//! The squad's bus: publishing to it in order, and telling a stream how far that came.

use std::{error::Error as StdError, time::Duration};

use aws_lambda_events::event::{
    dynamodb::EventRecord,
    streams::{KinesisBatchItemFailure, KinesisEventResponse},
};
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};

use crate::{clock::Pauses, correlation::Announced, disposition::chain, outbox::Entry};

/// EventBridge takes at most this many entries in one request.
pub const MAX_ENTRIES: usize = 10;
const ATTEMPTS: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(50);

/// The bus did not take some or all of the entries.
#[derive(Debug, thiserror::Error)]
#[error("the bus does not answer")]
pub struct BusError(#[source] pub Box<dyn StdError + Send + Sync>);

/// Where events are published.
pub trait Bus {
    /// Publishes up to [`MAX_ENTRIES`] entries and answers the positions of those that were not taken.
    async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError>;
}

/// Publishes `entries` in order, each with the position of the stream record that it comes from, and tells `taken` what
/// the bus took; answers the first position whose entries could not all be published.
pub async fn publish(
    bus: &impl Bus,
    clock: &impl Pauses,
    entries: &[(usize, Entry)],
    taken: impl Fn(&[Entry]),
) -> Option<usize> {
    for chunk in entries.chunks(MAX_ENTRIES) {
        if let Some((position, _)) = unpublished(bus, clock, chunk, &taken).await.first() {
            return Some(*position);
        }
    }
    None
}

/// Says of each event that it is on its way; answers what they say of themselves.
pub fn report(entries: &[Entry]) -> Vec<Announced> {
    let announced: Vec<Announced> = entries.iter().map(Announced::by).collect();
    for (entry, Announced { correlation, .. }) in entries.iter().zip(&announced) {
        let Entry { event_id, detail_type, .. } = entry;
        let line = || tracing::info!(%event_id, event_type = detail_type, "event published");
        correlation.span().in_scope(line);
    }
    announced
}

/// What a stream's mapping is told of a batch: it delivers the record at `failed` and everything after it again.
pub fn answer(records: &[EventRecord], failed: Option<usize>) -> KinesisEventResponse {
    let mut response = KinesisEventResponse::default();
    if let Some(record) = failed.and_then(|position| records.get(position)) {
        let mut failure = KinesisBatchItemFailure::default();
        failure.item_identifier.clone_from(&record.change.sequence_number);
        response.batch_item_failures.push(failure);
    }
    response
}

/// Sends `chunk` and resends exactly what was not taken; answers what still was not.
async fn unpublished(
    bus: &impl Bus,
    clock: &impl Pauses,
    chunk: &[(usize, Entry)],
    taken: &impl Fn(&[Entry]),
) -> Vec<(usize, Entry)> {
    let mut left = chunk.to_vec();
    for attempt in 1..=ATTEMPTS {
        let mut entries: Vec<Entry> = left.iter().map(|(_, entry)| entry.clone()).collect();
        match bus.put(&entries).await {
            Ok(failed) if failed.is_empty() => {
                taken(&entries);
                return Vec::new();
            }
            Ok(failed) => {
                tracing::warn!(failed = failed.len(), attempt, "the bus did not take every entry");
                let mut positions = 0..;
                entries.retain(|_| positions.next().is_some_and(|position| !failed.contains(&position)));
                if !entries.is_empty() {
                    taken(&entries);
                }
                left = failed.into_iter().filter_map(|position| left.get(position).cloned()).collect();
            }
            Err(error) => tracing::warn!(error = chain(&error), attempt, "the bus did not answer"),
        }
        if attempt < ATTEMPTS {
            let wait = BACKOFF.saturating_mul(2_u32.saturating_pow(attempt));
            clock.pause(wait / 2, wait).await;
        }
    }
    left
}

/// A custom bus of EventBridge.
#[derive(Debug, Clone)]
pub struct EventBridgeBus {
    client: Client,
    name: String,
}

impl EventBridgeBus {
    /// The bus called `name`.
    pub const fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }
}

impl Bus for EventBridgeBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError> {
        let entries = entries
            .iter()
            .map(|entry| {
                PutEventsRequestEntry::builder()
                    .event_bus_name(&self.name)
                    .source(&entry.source)
                    .detail_type(&entry.detail_type)
                    .detail(&entry.detail)
                    .set_trace_header(entry.trace_header.as_ref().map(ToString::to_string))
                    .build()
            })
            .collect();
        let answer = self
            .client
            .put_events()
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|e| BusError(e.into()))?;
        let failed = answer.entries().iter().enumerate().filter(|(_, entry)| entry.error_code().is_some());
        Ok(failed.map(|(position, _)| position).collect())
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::events::EventId;

    use super::*;
    use crate::{memory::endpoint::Endpoint, trace::TraceHeader};

    #[tokio::test]
    async fn the_bus_is_given_the_trace_of_each_event_that_has_one() {
        let endpoint = Endpoint::listen().unwrap();
        let bus = EventBridgeBus::new(Client::new(&endpoint.config()), "orders".into());
        let entry = |name: &str, trace_header| Entry {
            event_id: EventId::derive("lakeside.orders", "a", name, 1),
            source: "lakeside.orders".into(),
            detail_type: name.into(),
            detail: "{}".into(),
            trace_header,
        };
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        bus.put(&[entry("A", TraceHeader::parse(header)), entry("B", None)]).await.unwrap();
        let request = endpoint.requests().remove(0);
        let (_, body) = request.split_once("\n\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["Entries"][0]["TraceHeader"], header);
        assert_eq!(body["Entries"][1].get("TraceHeader"), None);
    }
}
