//! Changes stock other than by an order: receipts, counts, and what stores sell over their counters.
//!
//! Consumes: the command AdjustStock; and sales as the partners' door writes them to the same queue: the body as it was
//! sent, `saleId`, `node` and `principal` as message attributes. Whatever has a `saleId` is a sale: a partner commands
//! nothing else.
//! Emits: StockAdjusted or StockAdjustmentRefused, through the outbox.
//! Idempotency key: the adjustment's id, which is the sale's, forever: one record per id. The same change again is
//! absorbed; another one under the same id is recorded as a conflict and changes nothing.
//! Retries: when the table is busy or does not answer, or others keep overtaking.
//! Parks: what is neither of the two, and sales that do not say where they were made.

use std::collections::BTreeSet;

use lakeside_contracts::{
    api::{PlaceOrderLine, RecordSale},
    commands::AdjustStock,
    events::{StockAdjusted, StockAdjustmentRefused},
};
use lakeside_domain::{
    adjustment::{Adjustment, Changes, Kind, Line, Refusal, Stock, Units, decide},
    ids::{AdjustmentId, IdError, NodeId, ReasonCode, Sku},
    quantity::Quantity,
    time::Timestamp,
};
use lakeside_kit::{
    clock::Clock,
    disposition::{Disposed, Disposition},
    dynamo::{MAX_ACTIONS, StoreError},
    metrics::{ADJUSTMENTS_REFUSED, Metrics},
    outbox::{Cause, Entry, entry},
    sqs::{DecodeError, Failures, Message, each},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    adjustment_record::{AdjustmentRecord, AdjustmentStatus, ConflictRecord, RefusedRecord},
    stock_error::{ATTEMPTS, Committed},
};

/// The reason code of a sale whose id is no UUID.
pub const INVALID_SALE_ID: &str = "INVALID_SALE_ID";
/// The reason code of a change that touches more pools than one transaction holds.
pub const TOO_LARGE: &str = "TOO_LARGE";

/// A change as it is to be recorded, with its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAdjustment {
    /// The record.
    pub record: AdjustmentRecord,
    /// What changes, or why nothing does.
    pub decision: Result<Changes, Refusal>,
    /// Its event.
    pub outbox: Vec<Entry>,
}

/// The inventory squad's table, as far as adjusting needs it.
pub trait AdjustmentStore {
    /// The record under this id, read consistently.
    async fn adjustment(&self, id: AdjustmentId) -> Result<Option<AdjustmentRecord>, StoreError>;
    /// What there is of `skus` in their pools and at `node`; read consistently.
    async fn stock_at(&self, node: &NodeId, skus: &BTreeSet<&Sku>) -> Result<Stock, StoreError>;
    /// Writes the record and makes its changes, if they can be made, or if what the refusal relies on still holds, and
    /// if there is no record under its id yet.
    async fn adjust(&self, new: &NewAdjustment) -> Result<Committed, StoreError>;
    /// Keeps another change under an id that is taken; writing it twice is writing it once.
    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError>;
    /// Keeps a sale that has no id to be recorded under.
    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError>;
}

/// Why a message could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum AdjustError {
    /// It is neither a command nor a sale.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The sale does not say where it was made.
    #[error("the sale names no node")]
    Node(#[source] Option<IdError>),
    /// The sale does not say who sent it.
    #[error("the sale names no principal")]
    Principal,
    /// Others wrote in between, again and again.
    #[error("the stock of adjustment {0} is contended")]
    Contended(AdjustmentId),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for AdjustError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Decode(_) | Self::Node(_) | Self::Principal => Disposition::Park,
            Self::Contended(_) => Disposition::Retry,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// A change that was read but not yet judged.
struct Request {
    adjustment: Adjustment,
    fingerprint: String,
    cause: Cause,
}

/// Handles a batch, each change on its own.
pub async fn handle(
    store: &impl AdjustmentStore,
    clock: &impl Clock,
    metrics: &impl Metrics,
    messages: &[Message],
) -> Failures {
    each(messages, async |message| {
        if let Some(request) = read(store, clock.now(), message).await? {
            adjust(store, clock, metrics, &request).await?;
        }
        Ok::<_, AdjustError>(())
    })
    .await
}

/// Reads a message; `None` if it is a sale whose id is no UUID, which is recorded and over.
async fn read(
    store: &impl AdjustmentStore,
    now: Timestamp,
    message: &Message,
) -> Result<Option<Request>, AdjustError> {
    let Some(sale_id) = message.attributes.get("saleId") else {
        let command: AdjustStock = parsed(message, "adjustment")?;
        let fingerprint = fingerprint(&command)?;
        let AdjustStock { adjustment_id, kind, node, lines, .. } = command;
        let lines = lines.into_iter().map(Into::into).collect();
        let adjustment = Adjustment { adjustment_id, kind, node, lines };
        let cause = Cause::message(adjustment_id, &message.id);
        return Ok(Some(Request { adjustment, fingerprint, cause }));
    };
    let principal = message.attributes.get("principal").ok_or(AdjustError::Principal)?;
    let node = message.attributes.get("node").ok_or(AdjustError::Node(None))?;
    let node = NodeId::parse(node).map_err(|e| AdjustError::Node(Some(e)))?;
    let Ok(adjustment_id) = AdjustmentId::parse(sale_id) else {
        tracing::warn!(message_id = message.id, reason = INVALID_SALE_ID, "sale refused");
        let sale_id_digest = digest(sale_id.as_bytes());
        let refused = RefusedRecord { reason: INVALID_SALE_ID.into(), sale_id_digest, received_at: now };
        store.record_refused(&message.id, &refused).await?;
        return Ok(None);
    };
    let sale: RecordSale = parsed(message, "sale")?;
    let fingerprint = fingerprint(&(principal, &node, &sale))?;
    // A line that slipped past the door is refused, as a sale of nothing.
    let lines: Option<Vec<Line>> = sale.lines.iter().map(sold).collect();
    let kind = Kind::StoreSale;
    let adjustment = Adjustment { adjustment_id, kind, node, lines: lines.unwrap_or_default() };
    Ok(Some(Request { adjustment, fingerprint, cause: Cause::message(adjustment_id, &message.id) }))
}

/// Reads a body as the door does: of a field that is written twice, the last one counts.
fn parsed<T: serde::de::DeserializeOwned>(
    message: &Message,
    expected: &'static str,
) -> Result<T, DecodeError> {
    let body: serde_json::Value = message.json(expected)?;
    serde_json::from_value(body).map_err(|source| DecodeError { expected, source })
}

fn sold(line: &PlaceOrderLine) -> Option<Line> {
    let quantity = Quantity::new(line.quantity).ok()?;
    let units = Units::new(i64::try_from(quantity.units()).ok()?).ok()?;
    Some(Line { sku: Sku::parse(&line.sku).ok()?, units })
}

/// Of what was understood, so that white space and the order of fields do not make another change.
fn fingerprint(understood: &impl Serialize) -> Result<String, DecodeError> {
    let canonical =
        serde_json::to_vec(understood).map_err(|source| DecodeError { expected: "adjustment", source })?;
    Ok(digest(&canonical))
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

async fn adjust(
    store: &impl AdjustmentStore,
    clock: &impl Clock,
    metrics: &impl Metrics,
    request: &Request,
) -> Result<(), AdjustError> {
    let adjustment = &request.adjustment;
    let id = adjustment.adjustment_id;
    for _ in 0..ATTEMPTS {
        if let Some(first) = store.adjustment(id).await? {
            return repeated(store, clock.now(), &first, request).await;
        }
        let stock = store.stock_at(&adjustment.node, &adjustment.skus()).await?;
        let decision = decide(adjustment, &stock).and_then(fitting);
        let new = record(request, decision, clock.now())?;
        if store.adjust(&new).await? == Committed::Yes {
            let (status, reason) = (new.record.status, new.record.reason.as_ref().map(ReasonCode::as_str));
            if new.record.status == AdjustmentStatus::Refused {
                metrics.record(&[ADJUSTMENTS_REFUSED.of(1)]);
            }
            tracing::info!(kind = adjustment.kind.name(), ?status, reason, "stock adjusted");
            return Ok(());
        }
    }
    Err(AdjustError::Contended(id))
}

/// What is to be changed, if it fits one transaction with its record.
fn fitting(changes: Changes) -> Result<Changes, Refusal> {
    let actions = changes.node.len().saturating_add(changes.pools.len()).saturating_add(1);
    if actions <= MAX_ACTIONS { Ok(changes) } else { Err(Refusal::outright(TOO_LARGE)) }
}

async fn repeated(
    store: &impl AdjustmentStore,
    now: Timestamp,
    first: &AdjustmentRecord,
    request: &Request,
) -> Result<(), AdjustError> {
    let adjustment_id = request.adjustment.adjustment_id;
    if first.fingerprint == request.fingerprint {
        tracing::info!("the same adjustment again");
        return Ok(());
    }
    tracing::warn!("conflicting adjustment recorded");
    let fingerprint = request.fingerprint.clone();
    Ok(store.record_conflict(&ConflictRecord { adjustment_id, fingerprint, received_at: now }).await?)
}

fn record(
    request: &Request,
    decision: Result<Changes, Refusal>,
    now: Timestamp,
) -> Result<NewAdjustment, StoreError> {
    let Request { adjustment, fingerprint, cause } = request;
    let Adjustment { adjustment_id, kind, node, lines } = adjustment.clone();
    let (status, reason, pools, event) = match &decision {
        Ok(changes) => {
            let lines = lines.iter().map(Into::into).collect();
            let adjusted = StockAdjusted { adjustment_id, kind, node, lines };
            let event = entry(adjustment_id, *cause, now, adjusted)?;
            (AdjustmentStatus::Applied, None, changes.pools.clone(), event)
        }
        Err(refusal) => {
            let reason = ReasonCode::constant(refusal.reason);
            let refused = StockAdjustmentRefused { adjustment_id, kind, node, reason: reason.clone() };
            let event = entry(adjustment_id, *cause, now, refused)?;
            (AdjustmentStatus::Refused, Some(reason), Vec::new(), event)
        }
    };
    let (adjustment, fingerprint, decided_at) = (adjustment.clone(), fingerprint.clone(), now);
    let record = AdjustmentRecord { adjustment, fingerprint, status, reason, pools, decided_at };
    Ok(NewAdjustment { record, decision, outbox: vec![event] })
}

#[cfg(test)]
mod tests;
