//! Tells a marketplace how much may be promised of a SKU.
//!
//! Consumes: the command PublishStock, from the FIFO queue of one marketplace.
//! Emits: MarketplaceStockPublished, through the outbox.
//! Idempotency key: the marketplace, the SKU and the version. One record per marketplace and SKU forever says which
//! version was decided last; what is not newer is absorbed without a call. A lease around the call, and one key at the
//! marketplace for every attempt. What may or may not have arrived is told again, for a level is absolute.
//! Retries: when the marketplace turns us away, leaves the outcome open or is not reached in time, when another attempt is
//! under way, or when the table or the secrets are not there.
//! Parks: what is no PublishStock, marketplaces that are not ours, and credentials that open nothing, which may be put
//! right before the deliveries run out. A level that is refused is recorded, and is no failure.

use std::collections::HashMap;

use lakeside_contracts::{commands::PublishStock, events::MarketplaceStockPublished};
use lakeside_domain::{
    idempotency::Durations,
    ids::{MarketplaceId, Sku},
    listing::{Level, ListingStatus, ListingStep, begin},
    time::Timestamp,
};
use lakeside_kit::{
    attempt::{self, Attempt, READINGS, UnderWay, Written, under_lease},
    clock::Pauses,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    metrics::{LISTINGS_PUBLISHED, LISTINGS_REFUSED, Metrics},
    outbox::{Cause, Entry, event_id, fact_entry},
    outside::{OutsideError, patiently},
    runtime::Invocation,
    secret::{Secret, SecretCache, SecretError, Secrets},
    sqs::{DecodeError, Failures, Message, each_in_order},
};

use crate::{
    listing_record::{ListingRecord, status_name},
    marketplaces::{Answer, LevelRequest, Marketplaces},
};

const FUNCTION: &str = "publish-stock";

/// A day: leases are one per version, and the record, which has no end, says all that a completed one does.
const LEASE_SECONDS: u32 = 24 * 3600;

/// The growth squad's table, as far as listings need it.
pub trait ListingStore {
    /// The listing, read consistently.
    async fn listing(
        &self,
        marketplace: &MarketplaceId,
        sku: &Sku,
    ) -> Result<Option<ListingRecord>, StoreError>;
    /// Records what the marketplace said and completes the lease, if the listing has no such new version yet and the lease
    /// is still the holder's.
    async fn settle_listing(
        &self,
        listing: &ListingRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError>;
}

/// Why a level could not be told.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The message is no command.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// Nobody knows where that is.
    #[error("`{0}` is none of our marketplaces")]
    Unknown(MarketplaceId),
    /// Another attempt has the lease.
    #[error(transparent)]
    UnderWay(#[from] UnderWay),
    /// Others wrote in between, again and again.
    #[error("the listing is contended")]
    Contended,
    /// The current credential opens nothing.
    #[error("`{0}` does not take our credential")]
    Unauthorized(MarketplaceId),
    /// The marketplace.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The credential cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for PublishError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Unknown(_) | Self::Unauthorized(_) => Disposition::Park,
            Self::UnderWay(_) | Self::Contended => Disposition::Retry,
            Self::Outside(error) => error.disposition(),
            Self::Secret(error) => error.disposition(),
            Self::Store(error) => error.disposition(),
        }
    }
}

/// How long leases last that are taken at `now`.
pub fn durations(now: Timestamp, deadline: Timestamp) -> Durations {
    Durations { record: LEASE_SECONDS, ..attempt::durations(now, deadline) }
}

/// Handles a batch in order. Of the levels of one listing only the newest is told: behind it, the others would be news of
/// yesterday, and if it fails it comes back.
pub async fn handle(
    store: &(impl ListingStore + Leases),
    marketplaces: &impl Marketplaces,
    credentials: &SecretCache<impl Secrets>,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    invocation: &Invocation,
    messages: &[Message],
) -> Failures {
    let newest = newest(messages);
    each_in_order(messages, async |message| -> Result<(), PublishError> {
        let command = read(message)?;
        let known = newest.get(&(command.marketplace.clone(), command.sku.clone()));
        if known.is_some_and(|version| *version > command.version) {
            report(&command, "ABSORBED");
            return Ok(());
        }
        let attempt = Attempt::at_message(invocation, &message.id);
        let outcome = publish(store, marketplaces, credentials, clock, &attempt, &command).await;
        if let Err(PublishError::Unauthorized(_)) = outcome {
            report(&command, "UNAUTHORIZED");
        }
        let outcome = outcome?;
        report(&command, outcome);
        match outcome {
            "PUBLISHED" => metrics.record(&[LISTINGS_PUBLISHED.of(1)]),
            "REFUSED" => metrics.record(&[LISTINGS_REFUSED.of(1)]),
            _ => {}
        }
        Ok(())
    })
    .await
}

fn read(message: &Message) -> Result<PublishStock, PublishError> {
    Ok(message.json("command")?)
}

/// The highest version of each listing in the batch.
fn newest(messages: &[Message]) -> HashMap<(MarketplaceId, Sku), u64> {
    let mut newest = HashMap::new();
    for command in messages.iter().filter_map(|message| read(message).ok()) {
        let version = newest.entry((command.marketplace, command.sku)).or_insert(command.version);
        *version = command.version.max(*version);
    }
    newest
}

/// Sees to it that the marketplace shows this level or a newer one; answers how.
async fn publish(
    store: &(impl ListingStore + Leases),
    marketplaces: &impl Marketplaces,
    credentials: &SecretCache<impl Secrets>,
    clock: &impl Pauses,
    attempt: &Attempt,
    command: &PublishStock,
) -> Result<&'static str, PublishError> {
    let PublishStock { marketplace, sku, available, version, .. } = command;
    let level = Level { available: *available, version: *version };
    let request = LevelRequest { marketplace: marketplace.clone(), sku: sku.clone(), level };
    for _ in 0..READINGS {
        let current = store.listing(marketplace, sku).await?;
        if begin(current.map(|listing| listing.level.version), level) == ListingStep::Absorb {
            return Ok("ABSORBED");
        }
        let key = LeaseKey::new(FUNCTION, format!("{marketplace}#{sku}#{version}"));
        let told = under_lease(store, clock, key, attempt, async |held| -> Result<_, PublishError> {
            let status = match show(marketplaces, credentials, clock, attempt, &request).await? {
                Answer::Shown => ListingStatus::Published,
                Answer::Refused(reason) => ListingStatus::Refused { reason },
                Answer::Unauthorized => return Err(PublishError::Unauthorized(marketplace.clone())),
                Answer::Superseded => {
                    // Whoever told the newer level records that; there is nothing to say of this one.
                    store.release(held).await?;
                    return Ok(Some("SUPERSEDED"));
                }
            };
            settle(store, clock.now(), command, level, status, held).await
        })
        .await?;
        if let Some(outcome) = told {
            return Ok(outcome);
        }
    }
    Err(PublishError::Contended)
}

/// Asks the marketplace. A credential that it turns down may have been replaced since it was read: once.
async fn show(
    marketplaces: &impl Marketplaces,
    credentials: &SecretCache<impl Secrets>,
    clock: &impl Pauses,
    attempt: &Attempt,
    request: &LevelRequest,
) -> Result<Answer, PublishError> {
    let marketplace = &request.marketplace;
    let id = marketplaces.secret_of(marketplace).ok_or_else(|| PublishError::Unknown(marketplace.clone()))?;
    let current = credentials.get(id, clock.now()).await?;
    let ask = async |credential: &Secret| {
        patiently(clock, attempt.deadline, async |patience| {
            marketplaces.show(request, credential, patience).await
        })
        .await
    };
    let answer = ask(&current.secret).await?;
    if answer != Answer::Unauthorized {
        return Ok(answer);
    }
    match credentials.replaced(id, &current, clock.now()).await? {
        Some(replaced) => Ok(ask(&replaced.secret).await?),
        None => Ok(Answer::Unauthorized),
    }
}

async fn settle(
    store: &impl ListingStore,
    now: Timestamp,
    command: &PublishStock,
    level: Level,
    status: ListingStatus,
    held: &Held,
) -> Result<Option<&'static str>, PublishError> {
    let (marketplace, sku) = (command.marketplace.clone(), command.sku.clone());
    let outbox = match status {
        ListingStatus::Published => {
            let fact = event_id::<MarketplaceStockPublished>(&format!("{marketplace}/{sku}"), level.version);
            let cause = Cause {
                correlation_id: command.metadata.correlation_id,
                causation_id: command.metadata.causation_id,
            };
            let Level { available, version } = level;
            let published = MarketplaceStockPublished {
                marketplace: marketplace.clone(),
                sku: sku.clone(),
                available,
                version,
            };
            vec![fact_entry(fact, cause, now, published)?]
        }
        ListingStatus::Refused { .. } => Vec::new(),
    };
    let outcome = status_name(&status);
    let listing = ListingRecord { marketplace, sku, level, status, updated_at: now };
    let written = store.settle_listing(&listing, &outbox, held).await?;
    Ok((written == Written::Yes).then_some(outcome))
}

/// The alarms on refused levels and credentials count these lines.
fn report(command: &PublishStock, outcome: &'static str) {
    let PublishStock { marketplace, sku, version, .. } = command;
    if matches!(outcome, "REFUSED" | "UNAUTHORIZED") {
        tracing::warn!(%marketplace, %sku, version, outcome, "the marketplace shows an old level");
    } else {
        tracing::info!(%marketplace, %sku, version, outcome, "level decided");
    }
}

#[cfg(test)]
mod tests;
