//! Buys the label of one parcel.
//!
//! Consumes: the saga's command CreateLabel, synchronously.
//! Emits: ShipmentLabelled, through the outbox.
//! Idempotency key: the shipment id. One label record per parcel forever, a lease around the purchase, and one key at
//! the carrier for every attempt.
//! Retries: the saga, while the error type says so.
//! Refuses: a parcel the carrier does not take, one whose address the directory does not have, and one whose order's
//! labels were voided.
//! Answers: that the customer cancelled the order, where that was recorded before the purchase began.

use lakeside_contracts::{
    commands::{Command, CreateLabel, CreateLabelResult},
    events::ShipmentLabelled,
};
use lakeside_domain::{
    ids::{OrderId, ReasonCode, ShipmentId},
    label::{Closing, LabelStatus, LabelStep, Purchase, begin, closed, record as record_purchase},
    time::Timestamp,
};
use lakeside_kit::{
    clock::Pauses,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    metrics::{LABELS_CREATED, LABELS_REFUSED, Metrics},
    outbox::{Cause, Entry, entry},
    runtime::Invocation,
};

use crate::{
    address::{ADDRESS_UNKNOWN, Addresses},
    carrier::{Carrier, LabelRequest, Standing},
    effect::{Attempt, EffectError, READINGS, Written, under_lease},
    label_record::LabelRecord,
    outside::{OutsideError, Reply, patiently},
};

const FUNCTION: &str = "create-label";

/// The fulfilment squad's table, as far as buying labels needs it.
pub trait LabelStore {
    /// The parcel's label, read consistently.
    async fn label(
        &self,
        order_id: OrderId,
        shipment_id: ShipmentId,
    ) -> Result<Option<LabelRecord>, StoreError>;
    /// Why no label of the order may be bought any more, if so, read consistently.
    async fn labels_closed(&self, order_id: OrderId) -> Result<Option<Closing>, StoreError>;
    /// Records that the carrier is about to be asked, if the order's labels are not closed and there is no label yet
    /// or it is at that.
    async fn begin_label(&self, requested: &LabelRecord) -> Result<Written, StoreError>;
    /// Records what the carrier said and completes the lease, if the label still waits for that and the lease is
    /// still the holder's.
    async fn settle_label(
        &self,
        label: &LabelRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError>;
}

/// Handles one command.
///
/// # Errors
/// [`EffectError`]; a label that may have been bought is on record.
pub async fn handle(
    store: &(impl LabelStore + Leases),
    carrier: &impl Carrier,
    addresses: &impl Addresses,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    invocation: &Invocation,
    command: Command,
) -> Result<CreateLabelResult, EffectError> {
    let command = match command {
        Command::CreateLabel(command) => command,
        other => return Err(EffectError::Unexpected(other.name())),
    };
    let shipment_id = command.shipment.shipment_id;
    let attempt = Attempt::of(invocation);
    let outcome = buy(store, carrier, addresses, clock, metrics, &attempt, &command).await?;
    tracing::info!(%shipment_id, ?outcome, "label decided");
    Ok(outcome)
}

/// What has become of the label, recorded.
async fn buy(
    store: &(impl LabelStore + Leases),
    carrier: &impl Carrier,
    addresses: &impl Addresses,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    attempt: &Attempt,
    command: &CreateLabel,
) -> Result<CreateLabelResult, EffectError> {
    let shipment_id = command.shipment.shipment_id;
    for _ in 0..READINGS {
        let current = store.label(command.order_id, shipment_id).await?;
        if let LabelStep::Decided(purchase) = begin(current.as_ref().map(|l| &l.status)) {
            return Ok(result(shipment_id, purchase));
        }
        // What another attempt may have bought is on record, and given back when the saga undoes the order.
        match store.labels_closed(command.order_id).await? {
            None => {}
            Some(Closing::Compensation) => return Ok(result(shipment_id, closed())),
            Some(Closing::Cancellation) => return Ok(CreateLabelResult::Cancelled),
        }
        let tried_before = current.is_some();
        let key = LeaseKey::new(FUNCTION, shipment_id.to_string());
        let decided = under_lease(store, clock, key, attempt, async |held| {
            let requested = requested(command, clock.now());
            if store.begin_label(&requested).await? == Written::Stale {
                return Ok(None);
            }
            let purchase =
                purchase(carrier, addresses, clock, attempt.deadline, command, tried_before).await?;
            record(store, clock.now(), metrics, command, &requested, held, purchase).await
        })
        .await?;
        if let Some(purchase) = decided {
            return Ok(result(shipment_id, purchase));
        }
    }
    Err(EffectError::Contended)
}

fn requested(command: &CreateLabel, now: Timestamp) -> LabelRecord {
    LabelRecord {
        order_id: command.order_id,
        shipment_id: command.shipment.shipment_id,
        status: LabelStatus::Requested,
        updated_at: now,
    }
}

/// Asks the carrier. An attempt made before is looked up first, because the carrier forgets keys after a while.
async fn purchase(
    carrier: &impl Carrier,
    addresses: &impl Addresses,
    clock: &impl Pauses,
    deadline: Timestamp,
    command: &CreateLabel,
    tried_before: bool,
) -> Result<Purchase, EffectError> {
    let shipment_id = command.shipment.shipment_id;
    let look_up = async || patiently(clock, deadline, async |p| carrier.look_up(shipment_id, p).await).await;
    if tried_before && let Some(purchase) = decided(look_up().await?)? {
        return Ok(purchase);
    }
    let Some(address) = addresses.address(&command.shipping_address_id).await? else {
        return Ok(Purchase::Refused { reason: ReasonCode::constant(ADDRESS_UNKNOWN) });
    };
    let request = LabelRequest {
        order_id: command.order_id,
        shipment: command.shipment.clone(),
        ship_to: command.shipping_address_id.clone(),
        address,
    };
    match patiently(clock, deadline, async |p| carrier.buy(&request, p).await).await {
        Ok(Reply::Final(purchase)) => Ok(purchase),
        Ok(Reply::Underway) => decided(look_up().await?)?.ok_or(EffectError::Underway),
        Err(OutsideError::Unknown(cause)) => {
            decided(look_up().await?)?.ok_or(EffectError::Outside(OutsideError::Unknown(cause)))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the carrier's books say about the label; `None` if they do not know of it.
fn decided(standing: Standing) -> Result<Option<Purchase>, EffectError> {
    match standing {
        Standing::Absent => Ok(None),
        Standing::Processing => Err(EffectError::Underway),
        Standing::Decided(purchase) => Ok(Some(purchase)),
    }
}

async fn record(
    store: &impl LabelStore,
    now: Timestamp,
    metrics: &impl Metrics,
    command: &CreateLabel,
    requested: &LabelRecord,
    held: &Held,
    purchase: Purchase,
) -> Result<Option<Purchase>, EffectError> {
    let (order_id, shipment_id) = (command.order_id, command.shipment.shipment_id);
    let Some(status) = record_purchase(&requested.status, &purchase) else { return Ok(None) };
    let outbox = match &purchase {
        Purchase::Created { tracking_number } => {
            let cause = Cause::of(order_id, command.metadata.causation_id);
            let tracking_number = tracking_number.clone();
            let labelled = ShipmentLabelled { order_id, shipment_id, tracking_number };
            vec![entry(shipment_id, cause, now, labelled)?]
        }
        Purchase::Refused { .. } => Vec::new(),
    };
    let written = store.settle_label(&requested.moved_to(status, now), &outbox, held).await?;
    if written == Written::Stale {
        return Ok(None);
    }
    let decision = match &purchase {
        Purchase::Created { .. } => LABELS_CREATED,
        Purchase::Refused { .. } => LABELS_REFUSED,
    };
    metrics.record(&[decision.of(1)]);
    Ok(Some(purchase))
}

fn result(shipment_id: ShipmentId, purchase: Purchase) -> CreateLabelResult {
    match purchase {
        Purchase::Created { tracking_number } => CreateLabelResult::Labelled { shipment_id, tracking_number },
        Purchase::Refused { reason } => CreateLabelResult::Refused { reason },
    }
}

#[cfg(test)]
mod tests;
