//! An order, as far as the poller has looked at it.

use lakeside_contracts::WireTime;
use lakeside_domain::ids::OrderId;

use crate::{
    console::{
        overview::{Journey, WINDOW_MILLIS},
        sources::{OrderState, Refused, Source},
        stages::stage,
    },
    failure::Failure,
    saga::{
        executions::Listed,
        history::{RECOVERY_PREFIX, Visit},
    },
};

/// Stands in the place of a saga's status.
const NO_SAGA: &str = "NO_SAGA";

/// A saga, as far as it was looked at.
#[derive(Debug, Clone)]
pub struct Seen {
    /// As Step Functions lists it.
    pub listed: Listed,
    /// The order.
    pub order_id: Option<OrderId>,
    /// When it was looked at.
    pub looked_at: Option<WireTime>,
    /// Where it is, or was last.
    pub visit: Option<Visit>,
    /// Where the record stands.
    pub order: Option<OrderState>,
}

impl Seen {
    /// A saga that nobody has looked at.
    pub fn of(listed: Listed) -> Self {
        let order_id = order_of(&listed.name);
        Self { listed, order_id, looked_at: None, visit: None, order: None }
    }

    /// An order without a saga, whose record alone says where it stands.
    pub fn refused(Refused { order_id, at }: Refused) -> Self {
        let status = NO_SAGA.to_owned();
        Self::of(Listed { name: order_id.to_string(), status, started_at: at, stopped_at: Some(at) })
    }

    /// Whether there is only a record.
    pub fn has_no_saga(&self) -> bool {
        self.listed.status == NO_SAGA
    }

    /// Whether it is still at it.
    pub fn runs(&self) -> bool {
        self.listed.status == "RUNNING"
    }

    /// As it is shown.
    pub fn shown(&self) -> Journey {
        let Self { listed, order_id, looked_at, visit, order } = self;
        let state = visit.as_ref().map(|visit| visit.state.as_str());
        let stage = looked_at.map(|_| stage(&listed.status, state, order.as_ref().map(|order| order.status)));
        let since = match (listed.stopped_at, visit) {
            (Some(stopped), _) => stopped,
            (None, Some(visit)) => visit.entered_at,
            (None, None) => listed.started_at,
        };
        Journey {
            order_id: order_id.map_or_else(|| listed.name.clone(), |id| id.to_string()),
            name: listed.name.clone(),
            stage,
            state: state.map(str::to_owned),
            since,
            started_at: listed.started_at,
            stopped_at: listed.stopped_at,
            failures: visit.as_ref().map_or(0, |visit| visit.failures.len()),
            reason: order.as_ref().and_then(|order| order.reason.clone()),
            total: order.as_ref().and_then(|order| order.total.clone()),
        }
    }
}

/// The order that an execution is of: recoveries have its id in their names.
pub fn order_of(name: &str) -> Option<OrderId> {
    let name = name.strip_prefix(RECOVERY_PREFIX).unwrap_or(name);
    OrderId::parse(name.get(..36)?).ok()
}

/// Whether it is shown, if it has ended.
pub fn is_recent(saga: &Listed, now: WireTime) -> bool {
    saga.stopped_at.is_none_or(|at| now.0.as_millis() - at.0.as_millis() <= WINDOW_MILLIS)
}

/// Looks where it is.
pub async fn read(source: &impl Source, mut seen: Seen) -> Result<Seen, Failure> {
    if seen.runs() {
        seen.visit = source.whereabouts(&seen.listed.name).await?;
    }
    if let Some(order_id) = seen.order_id
        && (!seen.runs() || seen.order.is_none())
    {
        seen.order = source.order_state(order_id).await?;
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    #[test]
    fn a_recovery_is_of_its_order() {
        let id = OrderId::parse(ID).ok();
        assert_eq!(order_of(ID), id);
        assert_eq!(order_of(&format!("recover-{ID}-2")), id);
        assert_eq!(order_of("x"), None);
    }
}
