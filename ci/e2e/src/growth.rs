//! What growth has done for an order.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use serde_json::Value;
use uuid::Uuid;

use crate::{
    cloud::{Cloud, table},
    poll::eventually,
    records::with_key,
};

/// Minor units of a total that earn a point, as the squad's settings have it by default.
pub const MINOR_PER_POINT: i64 = 100;

/// What growth knows of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Growth {
    /// Where its points stand and how many they are, such as `ACCRUED`.
    pub award: Option<(String, i64)>,
    /// Where the telling of each fact stands and by which way, such as `SENT` by `SMS`.
    pub notices: BTreeMap<String, (String, Option<String>)>,
}

impl Growth {
    /// Reads it.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn of(cloud: &Cloud, order_id: Uuid) -> anyhow::Result<Self> {
        let mut growth = Self::default();
        for item in with_key(cloud, table::GROWTH, &format!("LOYALTY#{order_id}")).await? {
            let points = item.pointer("/award/points").and_then(Value::as_i64).unwrap_or_default();
            growth.award = text(&item, "/award/status").map(|status| (status, points));
        }
        for item in with_key(cloud, table::GROWTH, &format!("NOTICE#{order_id}")).await? {
            if let (Some(what), Some(status)) = (text(&item, "/what"), text(&item, "/status")) {
                growth.notices.insert(what, (status, text(&item, "/channel")));
            }
        }
        Ok(growth)
    }

    /// Where the telling of one fact stands.
    pub fn notice(&self, what: &str) -> Option<&str> {
        self.notices.get(what).map(|(status, _)| status.as_str())
    }

    /// Waits until the points of the order stand at `award` and each of these facts at this status.
    ///
    /// # Errors
    /// If that takes longer than `deadline`.
    pub async fn settled(
        cloud: &Cloud,
        order_id: Uuid,
        award: &str,
        notices: &[(&str, &str)],
        deadline: Duration,
    ) -> anyhow::Result<Self> {
        eventually(&format!("what growth does for order {order_id}"), deadline, async || {
            let growth = Self::of(cloud, order_id).await?;
            let stands = growth.award.as_ref().is_some_and(|(status, _)| status == award)
                && notices.iter().all(|(what, status)| growth.notice(what) == Some(status));
            Ok(if stands { ControlFlow::Break(growth) } else { ControlFlow::Continue(format!("{growth:?}")) })
        })
        .await
    }
}

/// The points of a customer's account.
///
/// # Errors
/// If the table refuses.
pub async fn points(cloud: &Cloud, customer_id: &str) -> anyhow::Result<i64> {
    let items = with_key(cloud, table::GROWTH, &format!("ACCOUNT#{customer_id}")).await?;
    Ok(items.first().and_then(|account| account.get("points")?.as_i64()).unwrap_or_default())
}

fn text(item: &Value, pointer: &str) -> Option<String> {
    item.pointer(pointer)?.as_str().map(str::to_owned)
}
