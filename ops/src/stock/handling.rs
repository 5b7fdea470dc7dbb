//! What people do with stock: look, and book what was counted. Whoever asks goes through the same guards.

use std::time::Duration;

use lakeside_contracts::commands::AdjustStock;
use lakeside_domain::{
    adjustment::Kind,
    ids::{AdjustmentId, NodeId, Sku},
    reconciliation::{Difference, SkuStock, differences},
};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{
    adjusting::{Change, Decided, booking, command, decided, refusal},
    books::{Hold, NodeShown, PoolShown, level, nodes, pools},
};
use crate::{
    cloud::Cloud,
    failure::{Failure, Kind as FailureKind, Result},
};

/// For how long is waited for what becomes of a command, if nobody says otherwise.
pub const PATIENCE_SECONDS: u64 = 60;
/// Between two looks at what became of it.
const INTERVAL: Duration = Duration::from_millis(500);

/// What there is of a SKU, and who holds units of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Which.
    pub sku: Sku,
    /// What may be promised; nothing while a count is below zero.
    pub available: Option<u64>,
    /// The version of that.
    pub version: Option<u64>,
    /// How many pools it should have, where operations have said so.
    pub wanted_pools: Option<u8>,
    /// Its pools.
    pub pools: Vec<PoolShown>,
    /// What lies where.
    pub nodes: Vec<NodeShown>,
    /// Who holds units.
    pub holds: Vec<Hold>,
    /// Whether these are all who do.
    pub all_holds: bool,
    /// What does not agree.
    pub differences: Vec<Difference>,
}

/// Looks at the stock of a SKU.
///
/// # Errors
/// If there is none, or the table refuses.
pub async fn look(cloud: &Cloud, sku: &Sku) -> Result<Shown> {
    let stock = cloud.stock_of(sku).await?;
    let (holds, all_holds) = cloud.holds_of(sku).await?;
    let level = level(&stock);
    Ok(Shown {
        sku: sku.clone(),
        available: level.map(|level| level.units),
        version: level.map(|level| level.version),
        wanted_pools: stock.wanted_pools,
        pools: pools(&stock),
        nodes: nodes(&stock),
        holds,
        all_holds,
        differences: differences(&stock),
    })
}

/// What somebody wants booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Of which SKU.
    pub sku: Sku,
    /// Where.
    pub node: NodeId,
    /// How it changes.
    pub change: Change,
    /// Why.
    pub kind: Kind,
    /// Whether it is right that the node has never had any.
    pub first: bool,
    /// Under which id it is booked once.
    pub id: AdjustmentId,
}

/// What is about to be booked, for somebody to agree to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What will happen, for people.
    pub what: String,
    /// What is sent.
    pub command: AdjustStock,
}

/// What was booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Booked {
    /// Under which id; nothing where the books say so already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<AdjustmentId>,
    /// Of which SKU.
    pub sku: Sku,
    /// Where.
    pub node: NodeId,
    /// How many lie there now.
    pub on_hand: i64,
    /// By how many that has changed.
    pub booked: i64,
}

/// Books what was counted or came in, if the books may be changed so and `agree` says yes; nothing if it says no.
///
/// # Errors
/// If a guard or `agree` refuses, it is refused, or nobody decides it within `patience`.
pub async fn adjust(
    cloud: &Cloud,
    wish: &Wish,
    patience: Duration,
    agree: impl FnOnce(&Offer) -> Result<bool>,
) -> Result<Option<Booked>> {
    let Wish { sku, node, change, kind, first, id } = wish;
    let stock = match cloud.stock_of(sku).await {
        Err(failure) if *first && failure.kind == FailureKind::NotFound => SkuStock::default(),
        read => read?,
    };
    let booking = booking(sku, node, &stock, *kind, *change, *first)?;
    let Some(units) = booking.by else {
        let (sku, node) = (sku.clone(), node.clone());
        return Ok(Some(Booked { id: None, sku, node, on_hand: booking.on_hand, booked: 0 }));
    };
    let after = booking.on_hand.saturating_add(units.count());
    let what = format!(
        "{:+} {sku} at {node} are to be booked as {} under {id}: {} by the books, {after} afterwards, and as many more or fewer may be promised",
        units.count(),
        kind.name(),
        booking.on_hand
    );
    let offer = Offer { what, command: command(*id, *kind, node.clone(), sku.clone(), units) };
    if !agree(&offer)? {
        return Ok(None);
    }
    match send_once(cloud, &offer.command, patience).await? {
        Decided::Applied => {
            let (sku, node) = (sku.clone(), node.clone());
            Ok(Some(Booked { id: Some(*id), sku, node, on_hand: after, booked: units.count() }))
        }
        Decided::Refused(reason) => {
            Err(Failure::wrong(format!("{id} was refused for {reason}: {}", refusal(&reason))))
        }
    }
}

/// Sends a command, unless it was sent before, and waits for what becomes of it.
async fn send_once(cloud: &Cloud, command: &AdjustStock, patience: Duration) -> Result<Decided> {
    let id = command.adjustment_id;
    // Another change under this id would stay as a conflict.
    if decided(command, &cloud.adjustment(command).await?)?.is_none() {
        cloud.send_adjustment(command).await?;
    }
    let begun = Instant::now();
    loop {
        if let Some(outcome) = decided(command, &cloud.adjustment(command).await?)? {
            return Ok(outcome);
        }
        if begun.elapsed() >= patience {
            return Err(Failure::wrong(format!(
                "nobody has decided {id} within {} s: see `lakeside doctor`, and say the same again with --id {id}, which books it once",
                patience.as_secs()
            )));
        }
        sleep(INTERVAL).await;
    }
}
