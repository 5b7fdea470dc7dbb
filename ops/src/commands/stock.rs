//! `lakeside stock`: look, book, and compare.

use std::time::Duration;

use lakeside_contracts::WireTime;
use lakeside_domain::{
    adjustment::Kind,
    ids::{AdjustmentId, Sku},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    arguments::stock::{StockAdjustOptions, StockReconcileOptions, StockTask, Why},
    clock,
    cloud::Cloud,
    failure::Result,
    output::{Output, Paint, table},
    stock::{
        adjusting::Change,
        books::{Hold, NodeShown, PoolShown, Reconciled, sentences},
        handling::{self, Offer, Shown, Wish},
    },
};

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, task: StockTask) -> Result<()> {
    match task {
        StockTask::Get(options) => get(cloud, output, &options.sku).await,
        StockTask::Adjust(options) => adjust(cloud, output, &options).await,
        StockTask::Reconcile(options) => reconcile(cloud, output, options).await,
    }
}

async fn get(cloud: &Cloud, output: Output, sku: &Sku) -> Result<()> {
    let shown = handling::look(cloud, sku).await?;
    output.show(&shown, || draw(output, &shown, clock::now()))
}

fn draw(output: Output, shown: &Shown, now: WireTime) -> String {
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
    if let Some(wanted) = shown.wanted_pools {
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
    let StockAdjustOptions { sku, node, on_hand, by, kind, first, id, timeout, yes, dry_run } = options;
    let wish = Wish {
        sku: sku.clone(),
        node: node.clone(),
        change: Change::asked(*on_hand, *by)?,
        kind: kind.kind(),
        first: *first,
        id: id.unwrap_or_else(|| AdjustmentId::from_uuid(Uuid::new_v4())),
    };
    let agree = |Offer { what, command }: &Offer| {
        if *dry_run {
            let document = json!({ "dryRun": true, "would": what, "command": command });
            output.show(&document, || format!("dry run: {what}"))?;
            return Ok(false);
        }
        output.confirm(*yes, what)?;
        Ok(true)
    };
    let booked = handling::adjust(cloud, &wish, Duration::from_secs(*timeout), agree).await?;
    booked.map_or(Ok(()), |booked| {
        output.show(&booked, || match &booked.id {
            Some(id) => format!("{:+} {sku} at {node} booked under {id}", booked.booked),
            None => format!("{} of {sku} are at {node} already: nothing is booked", booked.on_hand),
        })
    })
}

async fn reconcile(cloud: &Cloud, output: Output, options: StockReconcileOptions) -> Result<()> {
    let skus = if options.skus.is_empty() { cloud.skus().await? } else { options.skus };
    let found = compare(cloud, output, &skus).await?;
    output.show(&found, || draw_reconciled(output, &found))?;
    found.agreed()
}

/// Compares pools and nodes of these SKUs, with a bar on terminals.
async fn compare(cloud: &Cloud, output: Output, skus: &[Sku]) -> Result<Reconciled> {
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
