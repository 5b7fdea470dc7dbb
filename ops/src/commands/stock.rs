//! `lakeside stock`: look, book, and compare.

use std::time::Duration;

use lakeside_contracts::WireTime;
use lakeside_domain::{
    adjustment::Kind,
    ids::{AdjustmentId, Sku},
    reconciliation::SkuStock,
};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    arguments::stock::{StockAdjustOptions, StockReconcileOptions, StockTask, Why},
    clock,
    cloud::Cloud,
    failure::{Failure, Kind as FailureKind, Result},
    output::{Output, Paint, table},
    stock::{
        adjusting::{Change, Decided, booking, command, decided, refusal},
        books::{Hold, NodeShown, Off, PoolShown, Reconciled, level, nodes, off, pools, sentences},
    },
};

/// Between two looks at what became of a command.
const INTERVAL: Duration = Duration::from_millis(500);

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, task: StockTask) -> Result<()> {
    match task {
        StockTask::Get(options) => get(cloud, output, &options.sku).await,
        StockTask::Adjust(options) => adjust(cloud, output, &options).await,
        StockTask::Reconcile(options) => reconcile(cloud, output, options).await,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    sku: &'a Sku,
    available: Option<u64>,
    version: Option<u64>,
    wanted_pools: Option<u8>,
    pools: Vec<PoolShown>,
    nodes: Vec<NodeShown>,
    holds: Vec<Hold>,
    all_holds: bool,
    differences: Vec<Off>,
}

async fn get(cloud: &Cloud, output: Output, sku: &Sku) -> Result<()> {
    let stock = cloud.stock_of(sku).await?;
    let (holds, all_holds) = cloud.holds_of(sku).await?;
    let level = level(&stock);
    let shown = Shown {
        sku,
        available: level.map(|level| level.units),
        version: level.map(|level| level.version),
        wanted_pools: stock.wanted_pools,
        pools: pools(&stock),
        nodes: nodes(&stock),
        holds,
        all_holds,
        differences: off(&stock),
    };
    output.show(&shown, || draw(output, &shown, &stock, clock::now()))
}

fn draw(output: Output, shown: &Shown<'_>, stock: &SkuStock, now: WireTime) -> String {
    let heading = match (shown.available, shown.version) {
        (Some(units), Some(version)) => format!("{}: {units} may be promised, version {version}", shown.sku),
        _ => format!("{}: a count is below zero", shown.sku),
    };
    let mut parts = vec![output.paint(Paint::Bold, heading)];
    let pool = |shown: &PoolShown| {
        let counts = shown.counts;
        let number = |count: i64| count.to_string();
        [
            shown.pool.0.to_string(),
            number(counts.available),
            number(counts.held),
            number(counts.sold),
            number(counts.received),
            counts.version.to_string(),
        ]
    };
    parts.push(table(
        ["pool", "available", "held", "sold", "received", "version"],
        shown.pools.iter().map(pool),
    ));
    let node = |node: &NodeShown| [node.node.to_string(), node.on_hand.to_string(), node.version.to_string()];
    parts.push(table(["node", "on hand", "version"], shown.nodes.iter().map(node)));
    if !shown.holds.is_empty() {
        let held = |hold: &Hold| {
            let left = if hold.expires_at.0 <= now.0 {
                format!("over since {}", clock::between(hold.expires_at, now))
            } else {
                format!("for {}", clock::between(now, hold.expires_at))
            };
            [hold.order_id.to_string(), hold.units.to_string(), left]
        };
        parts.push(table(["held by", "units", ""], shown.holds.iter().map(held)));
    }
    if !shown.all_holds {
        parts.push("there are more holds than were looked at: these end soonest".into());
    }
    parts.push(match shown.differences.as_slice() {
        [] => output.paint(Paint::Good, "pools and nodes agree"),
        differences => {
            let said = format!("pools and nodes do not agree: {}", sentences(differences));
            format!("{}\n  next: lakeside stock reconcile {}", output.paint(Paint::Bad, said), shown.sku)
        }
    });
    if let Some(wanted) = stock.wanted_pools {
        parts.push(format!("{wanted} pools are wanted"));
    }
    parts.join("\n\n")
}

impl Why {
    const fn kind(self) -> Kind {
        match self {
            Self::Count => Kind::Count,
            Self::Receipt => Kind::Receipt,
        }
    }
}

async fn adjust(cloud: &Cloud, output: Output, options: &StockAdjustOptions) -> Result<()> {
    let StockAdjustOptions { sku, node, on_hand, by, first, .. } = options;
    let kind = options.kind.kind();
    let change = match (on_hand, by) {
        (Some(units), _) => Change::OnHand(*units),
        (None, Some(by)) => Change::By(*by),
        (None, None) => {
            return Err(Failure::usage("say how many there are by --on-hand, or the change by --by"));
        }
    };
    let stock = match cloud.stock_of(sku).await {
        Err(failure) if *first && failure.kind == FailureKind::NotFound => SkuStock::default(),
        read => read?,
    };
    let booking = booking(sku, node, &stock, kind, change, *first)?;
    let Some(units) = booking.by else {
        let same = format!("{} of {sku} are at {node} already: nothing is booked", booking.on_hand);
        return output
            .show(&json!({ "sku": sku, "node": node, "onHand": booking.on_hand, "booked": 0 }), || same);
    };
    let id = options.id.unwrap_or_else(|| AdjustmentId::from_uuid(Uuid::new_v4()));
    let after = booking.on_hand.saturating_add(units.count());
    let what = format!(
        "{:+} {sku} at {node} are to be booked as {} under {id}: {} by the books, {after} afterwards, and as many more or fewer may be promised",
        units.count(),
        kind.name(),
        booking.on_hand
    );
    let command = command(id, kind, node.clone(), sku.clone(), units);
    if options.dry_run {
        return output.show(&json!({ "dryRun": true, "would": what, "command": command }), || {
            format!("dry run: {what}")
        });
    }
    output.confirm(options.yes, &what)?;
    // Another change under this id would stay as a conflict.
    let known = decided(&command, &cloud.adjustment(&command).await?)?;
    if known.is_none() {
        cloud.send_adjustment(&command).await?;
    }
    let begun = Instant::now();
    let outcome = loop {
        if let Some(outcome) = decided(&command, &cloud.adjustment(&command).await?)? {
            break outcome;
        }
        if begun.elapsed() >= Duration::from_secs(options.timeout) {
            return Err(Failure::wrong(format!(
                "nobody has decided {id} within {} s: see `lakeside doctor`, and say the same again with --id {id}, which books it once",
                options.timeout
            )));
        }
        sleep(INTERVAL).await;
    };
    match outcome {
        Decided::Applied => {
            let document =
                json!({ "id": id, "sku": sku, "node": node, "onHand": after, "booked": units.count() });
            output.show(&document, || format!("{:+} {sku} at {node} booked under {id}", units.count()))
        }
        Decided::Refused(reason) => {
            Err(Failure::wrong(format!("{id} was refused for {reason}: {}", refusal(&reason))))
        }
    }
}

async fn reconcile(cloud: &Cloud, output: Output, options: StockReconcileOptions) -> Result<()> {
    let skus = if options.skus.is_empty() { cloud.skus().await? } else { options.skus };
    let found = compare(cloud, output, &skus).await?;
    output.show(&found, || draw_reconciled(output, &found))?;
    judge(&found)
}

/// Compares pools and nodes of these SKUs, with a bar on terminals.
pub async fn compare(cloud: &Cloud, output: Output, skus: &[Sku]) -> Result<Reconciled> {
    let bar = output.bar(skus.len(), "{bar:40} {pos}/{len} SKUs compared");
    let found = cloud.reconcile(skus, |done| bar.set_position(u64::try_from(done).unwrap_or(u64::MAX))).await;
    bar.finish_and_clear();
    found
}

/// The differences as a table, and how many agree.
pub fn draw_reconciled(output: Output, found: &Reconciled) -> String {
    let rows = found.different.iter().map(|(sku, differences)| [sku.to_string(), sentences(differences)]);
    let mut parts = Vec::new();
    if !found.agrees() {
        parts.push(table(["sku", "difference"], rows));
    }
    let unsettled = match found.unsettled {
        0 => String::new(),
        count => format!(", {count} changed too fast to be judged"),
    };
    let paint = if found.agrees() { Paint::Good } else { Paint::Bad };
    let different = found.different.len();
    parts.push(output.paint(paint, format!("{} SKUs agree, {different} do not{unsettled}", found.agree)));
    parts.join("\n\n")
}

/// Books that differ are something wrong.
fn judge(found: &Reconciled) -> Result<()> {
    if found.agrees() {
        return Ok(());
    }
    Err(Failure::wrong(format!(
        "pools and nodes of {} SKUs do not agree: somebody wrote past the functions; see docs/runbooks/stock-difference.md",
        found.different.len()
    )))
}
