//! Holds the stock of orders: all lines or none, a batch of orders in as few transactions as possible.
//!
//! Consumes: OrderCreated, so that stock goes to who came first even when orchestration is slow; and the saga's
//! command ReserveStock, which also waits for the answer. Whichever comes first decides, the other finds it decided.
//! Emits: StockReserved or StockReservationFailed, through the outbox.
//! Idempotency key: the order id, forever: one reservation record per order.
//! Retries: when the table is busy or does not answer, others keep overtaking, or the saga cannot be answered.
//! Parks: what is neither of the two, and requests that name a SKU twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lakeside_contracts::{
    Delivery, EventData, WireTime,
    commands::{Command, ReserveStockResult},
    envelope,
    events::{OrderCreated, StockReservationFailed, StockReserved},
};
use lakeside_domain::{
    ids::{OrderId, ReasonCode, Sku},
    reservation::{
        Availability, Line, OUT_OF_STOCK, Plan, Request, RequestError, Reservation, ReservationStatus, plan,
    },
    time::Timestamp,
};
use lakeside_kit::{
    clock::Clock,
    disposition::{Disposed, Disposition},
    dynamo::{MAX_ACTIONS, StoreError},
    metrics::{Measure, Metrics, RESERVATIONS_FAILED, RESERVATIONS_MADE},
    outbox::{Cause, Entry, entry},
    sqs::{DecodeError, Failures, Message, followed, followed_now},
    task_token::{AnswerError, TaskTokens},
};

use crate::stock_error::{ATTEMPTS, Committed};

/// The reason code given to the saga for an order whose stock was released before it asked.
pub const RESERVATION_CLOSED: &str = "RESERVATION_CLOSED";

/// A reservation as it is to be written, with its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReservation {
    /// The record.
    pub reservation: Reservation,
    /// Its event.
    pub outbox: Vec<Entry>,
}

/// The inventory squad's table, as far as reserving needs it.
pub trait ReservationStore {
    /// Those of `orders` that have a reservation, whatever came of it; read consistently.
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError>;
    /// What the pools of `skus` have available; read consistently.
    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError>;
    /// Writes all of `reservations` and takes their units, if `plan`'s guards hold and none of the orders has a
    /// reservation yet.
    async fn reserve(&self, plan: &Plan, reservations: &[NewReservation]) -> Result<Committed, StoreError>;
    /// Lets `held` last until `expires_at`, if it is still held until when it says.
    async fn renew(&self, held: &Reservation, expires_at: Timestamp) -> Result<Committed, StoreError>;
}

/// Why a message could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// It is neither an event nor a command.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// The event is not what it says it is.
    #[error(transparent)]
    Event(#[from] envelope::DecodeError),
    /// The command is for another function.
    #[error("`{0}` is no command for this function")]
    Unexpected(&'static str),
    /// The request cannot be reserved as it stands.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Others wrote in between, again and again.
    #[error("the stock is contended")]
    Contended,
    /// The order alone needs more than one transaction holds.
    #[error("order {0} touches too many pools for one transaction")]
    TooLarge(OrderId),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The saga.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl Disposed for ReserveError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_)
            | Self::Event(_)
            | Self::Unexpected(_)
            | Self::Request(_)
            | Self::TooLarge(_) => Disposition::Park,
            Self::Contended => Disposition::Retry,
            Self::Store(error) => error.disposition(),
            Self::Answer(error) => error.disposition(),
        }
    }
}

/// A message that was read.
#[derive(Debug)]
struct Trigger<'a> {
    message: &'a Message,
    request: Request,
    task_token: Option<String>,
    cause: Cause,
}

/// How the function is set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long stock is held, in seconds. Longer than a saga may take: the saga releases what it does not sell, and
    /// the end of the hold is only the net below it.
    pub hold_seconds: u32,
}

/// Handles a batch: decides all of its orders together, then answers the sagas that wait.
pub async fn handle(
    store: &impl ReservationStore,
    tokens: &impl TaskTokens,
    clock: &impl Clock,
    metrics: &impl Metrics,
    settings: Settings,
    messages: &[Message],
) -> Failures {
    let mut failures = Failures::default();
    let mut triggers = Vec::with_capacity(messages.len());
    for message in messages {
        match read(message) {
            Ok(trigger) => triggers.push(trigger),
            Err(error) => followed_now(message, || failures.push(&message.id, &error)),
        }
    }
    let mut decided = HashMap::new();
    let outcome = decide(store, clock, metrics, settings, &triggers, &mut decided).await;
    for trigger in &triggers {
        followed(trigger.message, async {
            let answered = match decided.get(&trigger.request.order_id()) {
                Some(Some(reservation)) => answer(store, tokens, clock, settings, trigger, reservation).await,
                Some(None) => Err(ReserveError::TooLarge(trigger.request.order_id())),
                None => Ok(()),
            };
            if let Err(error) = answered {
                failures.push(&trigger.message.id, &error);
            } else if let (Err(error), None) = (&outcome, decided.get(&trigger.request.order_id())) {
                failures.push(&trigger.message.id, error);
            }
        })
        .await;
    }
    failures
}

fn read(message: &Message) -> Result<Trigger<'_>, ReserveError> {
    let body: serde_json::Value = message.json("event or command")?;
    let (order_id, lines, task_token, causation_id) = if body.get("command").is_some() {
        match message.command()? {
            Command::ReserveStock(command) => {
                (command.order_id, command.lines, Some(command.task_token), command.metadata.causation_id)
            }
            other => return Err(ReserveError::Unexpected(other.name())),
        }
    } else {
        let delivery: Delivery = message.delivery()?;
        let event = delivery.decode::<OrderCreated>()?;
        let lines = event.data.lines.iter().map(Into::into).collect();
        (event.data.order_id, lines, None, event.metadata.event_id.as_uuid())
    };
    let request = Request::new(order_id, lines.iter().map(Line::from).collect())?;
    Ok(Trigger { message, cause: Cause::of(request.order_id(), causation_id), request, task_token })
}

/// Decides every order of the batch, in the order of arrival, and puts what came of it into `decided`: nothing for an
/// order that is too large, which must not keep the others from theirs.
///
/// An error leaves those undecided that are not in `decided`.
async fn decide(
    store: &impl ReservationStore,
    clock: &impl Clock,
    metrics: &impl Metrics,
    settings: Settings,
    triggers: &[Trigger<'_>],
    decided: &mut HashMap<OrderId, Option<Reservation>>,
) -> Result<(), ReserveError> {
    let mut causes: HashMap<OrderId, &Trigger<'_>> = HashMap::new();
    let mut requests: Vec<&Request> = Vec::new();
    for trigger in triggers {
        causes.entry(trigger.request.order_id()).or_insert_with(|| {
            requests.push(&trigger.request);
            trigger
        });
    }
    for _ in 0..ATTEMPTS {
        let undecided: Vec<OrderId> =
            requests.iter().map(|r| r.order_id()).filter(|id| !decided.contains_key(id)).collect();
        if undecided.is_empty() {
            return Ok(());
        }
        let known = store.reservations(&undecided).await?;
        decided.extend(known.into_iter().map(|(order_id, reservation)| (order_id, Some(reservation))));
        let mut pending: Vec<Request> =
            requests.iter().filter(|r| !decided.contains_key(&r.order_id())).map(|r| (*r).clone()).collect();
        if pending.is_empty() {
            return Ok(());
        }
        let skus: BTreeSet<&Sku> = pending.iter().flat_map(Request::lines).map(|line| &line.sku).collect();
        let availability = store.availability(&skus).await?;
        let plan = loop {
            if let Some(plan) = fitting(&pending, &availability) {
                break plan;
            }
            decided.insert(pending.remove(0).order_id(), None);
        };
        if pending.is_empty() {
            return Ok(());
        }
        let now = clock.now();
        let reservations = records(&plan, &pending, &causes, now, settings)?;
        if store.reserve(&plan, &reservations).await? == Committed::Yes {
            metrics.record(&measures(&plan));
            for NewReservation { reservation, .. } in reservations {
                let order_id = reservation.order_id;
                let line = || tracing::info!(status = ?reservation.status, "stock decided");
                if let Some(trigger) = causes.get(&order_id) {
                    followed_now(trigger.message, line);
                }
                decided.insert(order_id, Some(reservation));
            }
        }
    }
    let all_decided = requests.iter().all(|r| decided.contains_key(&r.order_id()));
    if all_decided { Ok(()) } else { Err(ReserveError::Contended) }
}

/// What is counted of a plan that was written.
fn measures(plan: &Plan) -> Vec<Measure> {
    let measures = [RESERVATIONS_MADE.of(plan.grants.len()), RESERVATIONS_FAILED.of(plan.refusals.len())];
    measures.into_iter().filter(|measure| measure.value > 0).collect()
}

/// The plan for as many of the first `requests` as one transaction holds; none if the first alone is too large.
fn fitting(requests: &[Request], availability: &Availability) -> Option<Plan> {
    let mut count = requests.len();
    loop {
        let chunk = requests.get(..count).unwrap_or_default();
        let plan = plan(chunk, availability);
        if plan.guards.len().saturating_add(chunk.len()) <= MAX_ACTIONS {
            return Some(plan);
        }
        count /= 2;
        if count == 0 {
            return None;
        }
    }
}

fn records(
    plan: &Plan,
    requests: &[Request],
    causes: &HashMap<OrderId, &Trigger<'_>>,
    now: Timestamp,
    settings: Settings,
) -> Result<Vec<NewReservation>, StoreError> {
    let lines: BTreeMap<OrderId, &[Line]> = requests.iter().map(|r| (r.order_id(), r.lines())).collect();
    let expires_at = now.plus_seconds(settings.hold_seconds);
    let mut records = Vec::new();
    for grant in &plan.grants {
        let order_id = grant.order_id;
        let reserved = StockReserved {
            order_id,
            lines: lines.get(&order_id).copied().unwrap_or_default().iter().map(Into::into).collect(),
            expires_at: WireTime(expires_at),
        };
        records.push(NewReservation {
            reservation: Reservation {
                order_id,
                status: ReservationStatus::Held,
                takes: grant.takes.clone(),
                expires_at,
            },
            outbox: vec![event(causes, order_id, now, reserved)?],
        });
    }
    for refusal in &plan.refusals {
        let order_id = refusal.order_id;
        let failed = StockReservationFailed {
            order_id,
            reason: ReasonCode::constant(OUT_OF_STOCK),
            shortages: refusal.shortages.iter().map(Into::into).collect(),
        };
        records.push(NewReservation {
            reservation: Reservation {
                order_id,
                status: ReservationStatus::Refused,
                takes: Vec::new(),
                expires_at,
            },
            outbox: vec![event(causes, order_id, now, failed)?],
        });
    }
    Ok(records)
}

/// The event of an order, in the trace of what triggered it.
fn event<T: EventData>(
    causes: &HashMap<OrderId, &Trigger<'_>>,
    order_id: OrderId,
    now: Timestamp,
    data: T,
) -> Result<Entry, StoreError> {
    match causes.get(&order_id) {
        Some(trigger) => followed_now(trigger.message, || entry(order_id, trigger.cause, now, data)),
        None => entry(order_id, Cause::of(order_id, order_id.as_uuid()), now, data),
    }
}

async fn answer(
    store: &impl ReservationStore,
    tokens: &impl TaskTokens,
    clock: &impl Clock,
    settings: Settings,
    trigger: &Trigger<'_>,
    reservation: &Reservation,
) -> Result<(), ReserveError> {
    let Some(token) = &trigger.task_token else { return Ok(()) };
    let reservation = lasting(store, clock, settings, reservation.clone()).await?;
    let refused = |code| ReserveStockResult::Refused { reason: ReasonCode::constant(code) };
    let result = match reservation.status {
        ReservationStatus::Held | ReservationStatus::Committed => {
            ReserveStockResult::Reserved { expires_at: WireTime(reservation.expires_at) }
        }
        ReservationStatus::Refused => refused(OUT_OF_STOCK),
        ReservationStatus::Released => refused(RESERVATION_CLOSED),
    };
    tokens.succeed(token, &result).await?;
    Ok(())
}

/// The reservation, held for long enough for the saga that asks now.
async fn lasting(
    store: &impl ReservationStore,
    clock: &impl Clock,
    settings: Settings,
    mut current: Reservation,
) -> Result<Reservation, ReserveError> {
    let order_id = current.order_id;
    for _ in 0..ATTEMPTS {
        let Some(expires_at) = current.renewal(clock.now(), settings.hold_seconds) else {
            return Ok(current);
        };
        if store.renew(&current, expires_at).await? == Committed::Yes {
            tracing::info!("hold renewed for a late saga");
            return Ok(Reservation { expires_at, ..current });
        }
        current = store.reservations(&[order_id]).await?.remove(&order_id).unwrap_or(current);
    }
    Err(ReserveError::Contended)
}

#[cfg(test)]
mod tests;
