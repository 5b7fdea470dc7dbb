//! Promising stock to orders: all lines of an order or none, orders in the order of their arrival, and never
//! "sold out" while there is enough.
//!
//! [`plan`] decides a whole batch at once from the counts that were read, and says under which conditions the
//! decision holds; the store applies it only if they still do. This module never writes and never asks who pays.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ids::{OrderId, Sku},
    quantity::{Quantity, QuantityError},
    stock::PoolId,
    time::Timestamp,
};

/// The reason code of a reservation that failed for want of stock.
pub const OUT_OF_STOCK: &str = "OUT_OF_STOCK";

/// One line to reserve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
}

/// An order that wants stock.
///
/// INVARIANT (one line per SKU): otherwise each line would be compared with all that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    order_id: OrderId,
    lines: Vec<Line>,
}

/// A request that cannot be reserved as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing to reserve.
    #[error("the order has no lines")]
    NoLines,
    /// One SKU on two lines.
    #[error("sku `{0}` stands on more than one line")]
    DuplicateSku(Sku),
}

impl Request {
    /// A request for all of `lines`.
    ///
    /// # Errors
    /// [`RequestError`] if there are none, or a SKU stands twice.
    pub fn new(order_id: OrderId, lines: Vec<Line>) -> Result<Self, RequestError> {
        if lines.is_empty() {
            return Err(RequestError::NoLines);
        }
        let mut seen = BTreeSet::new();
        if let Some(line) = lines.iter().find(|line| !seen.insert(&line.sku)) {
            return Err(RequestError::DuplicateSku(line.sku.clone()));
        }
        Ok(Self { order_id, lines })
    }

    /// Whose.
    pub const fn order_id(&self) -> OrderId {
        self.order_id
    }

    /// What; each SKU once.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

/// Units taken from one pool for one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// What.
    pub sku: Sku,
    /// From where.
    pub pool: PoolId,
    /// How many.
    pub units: u64,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReservationStatus {
    /// The units are held until `expires_at`.
    Held,
    /// The units are sold.
    Committed,
    /// The units went back, or were never taken because the release came first. Final.
    Released,
    /// There was not enough. Final.
    Refused,
}

/// The record of an order's reservation: one per order, forever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// Whose.
    pub order_id: OrderId,
    /// Where it stands.
    pub status: ReservationStatus,
    /// What was taken from which pool. Empty when refused.
    pub takes: Vec<Take>,
    /// The hold is live only while `expires_at` is in the future.
    pub expires_at: Timestamp,
}

/// What a command to release means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseStep {
    /// There is no reservation: record that there may be none any more.
    Close,
    /// Put the units back.
    Release,
    /// There is nothing to put back.
    Done,
    /// The units are sold: the allocation must be released first.
    AllocationFirst,
}

/// What a command to release the stock means for a reservation that stands at `current`.
pub fn begin_release(current: Option<&Reservation>) -> ReleaseStep {
    match current.map(|reservation| reservation.status) {
        None => ReleaseStep::Close,
        Some(ReservationStatus::Held) => ReleaseStep::Release,
        Some(ReservationStatus::Released | ReservationStatus::Refused) => ReleaseStep::Done,
        Some(ReservationStatus::Committed) => ReleaseStep::AllocationFirst,
    }
}

/// A saga that asks within this time of the hold's beginning finds enough of it left.
const PUNCTUAL_SECONDS: u32 = 900;

impl Reservation {
    /// What is reserved, whatever pools it came from.
    ///
    /// # Errors
    /// [`QuantityError`] if the units of a SKU are no order's quantity: the record is damaged.
    pub fn lines(&self) -> Result<Vec<Line>, QuantityError> {
        let mut units: BTreeMap<&Sku, i64> = BTreeMap::new();
        for take in &self.takes {
            let sum = units.entry(&take.sku).or_default();
            *sum = sum.saturating_add(i64::try_from(take.units).unwrap_or(i64::MAX));
        }
        units
            .into_iter()
            .map(|(sku, units)| Ok(Line { sku: sku.clone(), quantity: Quantity::new(units)? }))
            .collect()
    }

    /// Until when the hold lasts if its saga asks for it at `now`, where that is to be written down: a saga that comes
    /// late needs the full time again, and may have it as long as nobody gave the units back.
    ///
    /// `hold_seconds` is the full time.
    pub fn renewal(&self, now: Timestamp, hold_seconds: u32) -> Option<Timestamp> {
        let full = now.plus_seconds(hold_seconds);
        let late = full > self.expires_at.plus_seconds(PUNCTUAL_SECONDS);
        (self.status == ReservationStatus::Held && late).then_some(full)
    }

    /// Whether the hold ended by `ended_by`, long enough ago for whatever was to sell the units to be over too.
    pub fn is_forsaken(&self, ended_by: Timestamp) -> bool {
        self.status == ReservationStatus::Held && self.expires_at <= ended_by
    }

    /// Whether a payment may still turn this hold into a sale at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.status == ReservationStatus::Held && self.expires_at > now
    }
}

/// What each pool of each SKU has available, as it was read.
pub type Availability = BTreeMap<Sku, BTreeMap<PoolId, u64>>;

/// A line that could not be reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// What.
    pub sku: Sku,
    /// How many were asked for.
    pub requested: Quantity,
}

/// An order that gets its stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose.
    pub order_id: OrderId,
    /// From where.
    pub takes: Vec<Take>,
}

/// An order that gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whose.
    pub order_id: OrderId,
    /// Every line there was not enough of.
    pub shortages: Vec<Shortage>,
}

/// What must be true of a pool when the plan is applied, and what is taken from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guard {
    /// Units the grants take: the pool must still have at least as many.
    pub take: u64,
    /// A refusal relied on the pool having no more than this. A pool that does not exist has nothing.
    pub at_most: Option<u64>,
}

/// The decision about a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Orders that get all they asked for.
    pub grants: Vec<Grant>,
    /// Orders that get nothing.
    pub refusals: Vec<Refusal>,
    /// The conditions under which this is right, per pool. A pool that is not mentioned does not matter.
    pub guards: BTreeMap<(Sku, PoolId), Guard>,
}

/// Decides a batch of requests in the order given.
///
/// A SKU that `availability` does not know has no units. Every batch begins at a pool of its own, so that concurrent
/// batches spread over a hot SKU's pools instead of each touching all of them; a line may be taken from several.
pub fn plan(requests: &[Request], availability: &Availability) -> Plan {
    let mut left = availability.clone();
    let mut plan = Plan::default();
    let by = requests.first().map_or(Uuid::nil(), |first| first.order_id.as_uuid());
    for request in requests {
        let shortages: Vec<Shortage> = request
            .lines
            .iter()
            .filter(|line| total(&left, &line.sku) < u128::from(line.quantity.units()))
            .map(|line| Shortage { sku: line.sku.clone(), requested: line.quantity })
            .collect();
        if shortages.is_empty() {
            let units = request
                .lines
                .iter()
                .flat_map(|line| take(&mut left, &line.sku, line.quantity.units(), by))
                .collect();
            plan.grants.push(Grant { order_id: request.order_id, takes: units });
        } else {
            for shortage in &shortages {
                for (pool, seen) in shortness(availability, &shortage.sku) {
                    plan.guards.entry((shortage.sku.clone(), pool)).or_default().at_most = Some(seen);
                }
            }
            plan.refusals.push(Refusal { order_id: request.order_id, shortages });
        }
    }
    for grant in &plan.grants {
        for take in &grant.takes {
            let guard = plan.guards.entry((take.sku.clone(), take.pool)).or_default();
            guard.take = guard.take.saturating_add(take.units);
        }
    }
    plan
}

/// All that the pools of a SKU have.
pub(crate) fn total(left: &Availability, sku: &Sku) -> u128 {
    left.get(sku).into_iter().flatten().map(|(_, units)| u128::from(*units)).sum()
}

/// What must stay so for a SKU to be as short as it was read: no pool has more, and the pool that would come next, for
/// the pools of a SKU are numbered without a gap, has nothing.
pub(crate) fn shortness(availability: &Availability, sku: &Sku) -> Vec<(PoolId, u64)> {
    let known = availability.get(sku).into_iter().flatten().map(|(pool, seen)| (*pool, *seen));
    let mut seen: Vec<(PoolId, u64)> = known.collect();
    let next = seen.last().map_or(Some(0), |(PoolId(last), _)| last.checked_add(1));
    seen.extend(next.map(|next| (PoolId(next), 0)));
    seen
}

/// Takes `units` of a SKU out of `left`, which has enough, beginning at the pool that is `by`'s own.
pub(crate) fn take(left: &mut Availability, sku: &Sku, units: u64, by: Uuid) -> Vec<Take> {
    let Some(pools) = left.get_mut(sku) else { return Vec::new() };
    let first = preferred(by, pools.len());
    let (before, after): (Vec<_>, Vec<_>) =
        pools.iter_mut().enumerate().partition(|(position, _)| *position < first);
    let mut wanted = units;
    let mut takes = Vec::new();
    for (_, (pool, units)) in after.into_iter().chain(before) {
        let taken = wanted.min(*units);
        if taken == 0 {
            continue;
        }
        *units = units.saturating_sub(taken);
        wanted = wanted.saturating_sub(taken);
        takes.push(Take { sku: sku.clone(), pool: *pool, units: taken });
    }
    takes
}

/// The position of the pool that is tried first.
fn preferred(by: Uuid, pools: usize) -> usize {
    let last_byte = by.as_bytes().last().copied().unwrap_or_default();
    usize::from(last_byte).checked_rem(pools).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    fn request(n: u128, lines: &[(&str, i64)]) -> Request {
        Request {
            order_id: OrderId::from_uuid(Uuid::from_u128(n)),
            lines: lines
                .iter()
                .map(|(s, q)| Line { sku: sku(s), quantity: Quantity::new(*q).unwrap() })
                .collect(),
        }
    }

    fn one_pool(stock: &[(&str, u64)]) -> Availability {
        stock.iter().map(|(s, n)| (sku(s), [(PoolId(0), *n)].into())).collect()
    }

    #[test]
    fn an_order_gets_all_of_its_lines_or_nothing() {
        let plan = plan(&[request(1, &[("TENT", 1), ("STOVE", 1)])], &one_pool(&[("TENT", 5), ("STOVE", 0)]));
        assert!(plan.grants.is_empty());
        assert_eq!(
            plan.refusals[0].shortages,
            [Shortage { sku: sku("STOVE"), requested: Quantity::new(1).unwrap() }]
        );
        assert!(!plan.guards.contains_key(&(sku("TENT"), PoolId(0))), "nothing is taken of the other line");
    }

    #[test]
    fn only_a_hold_that_has_ended_is_forsaken() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let ended = |status| Reservation {
            order_id: OrderId::from_uuid(Uuid::nil()),
            status,
            takes: Vec::new(),
            expires_at: at(100),
        };
        assert!(!ended(ReservationStatus::Held).is_forsaken(Timestamp::from_millis(99_999)));
        assert!(ended(ReservationStatus::Held).is_forsaken(at(100)));
        for final_status in
            [ReservationStatus::Committed, ReservationStatus::Released, ReservationStatus::Refused]
        {
            assert!(!ended(final_status).is_forsaken(at(1_000)));
        }
    }

    #[test]
    fn a_saga_that_comes_late_gets_the_full_hold_unless_it_was_given_up() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let hold = |status| Reservation {
            order_id: OrderId::from_uuid(Uuid::nil()),
            status,
            takes: Vec::new(),
            expires_at: at(3600),
        };
        let held = hold(ReservationStatus::Held);
        assert_eq!(held.renewal(at(900), 3600), None);
        assert_eq!(held.renewal(at(901), 3600), Some(at(4501)));
        assert_eq!(held.renewal(at(9000), 3600), Some(at(12_600)), "nobody has given the units back yet");
        for status in [ReservationStatus::Committed, ReservationStatus::Released, ReservationStatus::Refused]
        {
            assert_eq!(hold(status).renewal(at(9000), 3600), None);
        }
    }

    #[test]
    fn first_come_first_served() {
        let requests = [request(1, &[("TENT", 2)]), request(2, &[("TENT", 2)]), request(3, &[("TENT", 1)])];
        let plan = plan(&requests, &one_pool(&[("TENT", 3)]));
        assert_eq!(
            plan.grants.iter().map(|g| g.order_id).collect::<Vec<_>>(),
            [requests[0].order_id, requests[2].order_id]
        );
        assert_eq!(plan.refusals[0].order_id, requests[1].order_id);
        assert_eq!(plan.guards[&(sku("TENT"), PoolId(0))], Guard { take: 3, at_most: Some(3) });
    }

    #[test]
    fn an_unknown_sku_has_no_units() {
        let plan = plan(&[request(1, &[("KAYAK", 1)])], &Availability::new());
        assert_eq!(plan.refusals.len(), 1);
        assert_eq!(plan.guards[&(sku("KAYAK"), PoolId(0))], Guard { take: 0, at_most: Some(0) });
    }

    #[test]
    fn a_line_may_come_from_several_pools_before_it_is_sold_out() {
        let stock: Availability = [(sku("TENT"), [(PoolId(0), 2), (PoolId(1), 2)].into())].into();
        let plan = plan(&[request(1, &[("TENT", 3)])], &stock);
        assert_eq!(plan.grants[0].takes.iter().map(|t| t.units).sum::<u64>(), 3);
        assert_eq!(plan.grants[0].takes.len(), 2);
    }

    #[test]
    fn a_batch_takes_from_one_pool_as_long_as_that_has_enough_and_another_batch_from_another() {
        let stock: Availability = [(sku("TENT"), (0..4).map(|pool| (PoolId(pool), 9)).collect())].into();
        for first in 0..4 {
            let batch: Vec<Request> = (0..9).map(|n| request(first + n, &[("TENT", 1)])).collect();
            let guards = plan(&batch, &stock).guards;
            let pool = PoolId(u8::try_from(first).unwrap());
            assert_eq!(guards, [((sku("TENT"), pool), Guard { take: 9, at_most: None })].into());
        }
    }

    #[test]
    fn a_request_names_each_sku_once() {
        let line = Line { sku: sku("TENT"), quantity: Quantity::new(1).unwrap() };
        let order = OrderId::from_uuid(Uuid::from_u128(1));
        assert_eq!(Request::new(order, vec![]), Err(RequestError::NoLines));
        assert_eq!(
            Request::new(order, vec![line.clone(), line]),
            Err(RequestError::DuplicateSku(sku("TENT")))
        );
    }

    #[test]
    fn a_release_that_comes_first_closes_the_reservation() {
        assert_eq!(begin_release(None), ReleaseStep::Close);
    }

    #[test]
    fn a_hold_is_live_strictly_before_its_end() {
        let at = Timestamp::from_millis;
        let hold = Reservation {
            order_id: OrderId::from_uuid(Uuid::from_u128(1)),
            status: ReservationStatus::Held,
            takes: Vec::new(),
            expires_at: at(1000),
        };
        assert!(hold.is_live(at(999)));
        assert!(!hold.is_live(at(1000)));
        assert!(!Reservation { status: ReservationStatus::Released, ..hold }.is_live(at(0)));
    }

    prop_compose! {
        fn stock()(pools in prop::collection::vec(prop::collection::vec(0..12_u64, 1..4), 3)) -> Availability {
            ["A", "B", "C"].iter().zip(pools).map(|(name, counts)| {
                (sku(name), (0_u8..).map(PoolId).zip(counts).collect())
            }).collect()
        }
    }

    prop_compose! {
        fn batch()(orders in prop::collection::vec(prop::collection::btree_map(0..3_usize, 1..6_i64, 1..4), 1..12)) -> Vec<Request> {
            (1_u128..).zip(orders).map(|(n, lines)| {
                let lines: Vec<(&str, i64)> = lines.into_iter().map(|(s, q)| (["A", "B", "C"][s], q)).collect();
                request(n, &lines)
            }).collect()
        }
    }

    proptest! {
        #[test]
        fn nothing_is_oversold_and_every_order_is_decided_once(stock in stock(), batch in batch()) {
            let plan = plan(&batch, &stock);
            prop_assert_eq!(plan.grants.len() + plan.refusals.len(), batch.len());
            for ((sku, pool), guard) in &plan.guards {
                prop_assert!(guard.take <= stock[sku].get(pool).copied().unwrap_or_default());
            }
            for grant in &plan.grants {
                let request = batch.iter().find(|r| r.order_id == grant.order_id).unwrap();
                for line in &request.lines {
                    let taken: u64 = grant.takes.iter().filter(|t| t.sku == line.sku).map(|t| t.units).sum();
                    prop_assert_eq!(taken, line.quantity.units());
                }
            }
        }

        #[test]
        fn an_order_is_refused_only_when_the_pools_together_have_too_little(stock in stock(), batch in batch()) {
            let plan = plan(&batch, &stock);
            let mut left: BTreeMap<&Sku, u64> = stock.iter().map(|(s, p)| (s, p.values().sum())).collect();
            for request in &batch {
                if plan.grants.iter().any(|g| g.order_id == request.order_id) {
                    for line in &request.lines {
                        *left.get_mut(&line.sku).unwrap() -= line.quantity.units();
                    }
                } else {
                    prop_assert!(request.lines.iter().any(|l| left[&l.sku] < l.quantity.units()));
                    let refusal = plan.refusals.iter().find(|r| r.order_id == request.order_id).unwrap();
                    for shortage in &refusal.shortages {
                        for (pool, seen) in &stock[&shortage.sku] {
                            prop_assert_eq!(plan.guards[&(shortage.sku.clone(), *pool)].at_most, Some(*seen));
                        }
                        let next = PoolId(u8::try_from(stock[&shortage.sku].len()).unwrap());
                        prop_assert_eq!(plan.guards[&(shortage.sku.clone(), next)].at_most, Some(0));
                    }
                }
            }
        }
    }
}
