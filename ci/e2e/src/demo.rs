//! The demo: orders on their way, and a sale at a store; what everybody did who heard of them; then whether the books agree.

mod reactors;

use std::{ops::ControlFlow, time::Duration};

use anyhow::{Context, bail, ensure};
use lakeside_domain::stock::Counts;
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    adjustments::Adjustment,
    api::NewOrder,
    books::{Books, Snapshot, dollars},
    cloud::Cloud,
    customer::Customer,
    demo_stock::goods,
    journey::{CANCELLED, DECLINED, FULFILLED, Hop, Journey, Story, follow},
    partner::{Partner, STORE},
    poll::eventually,
    records::OrderRecords,
    stock::level,
    terminal::{bold, dim, green, red},
};

/// An order takes seconds; a cold cloud on a busy machine takes longer.
const DEADLINE: Duration = Duration::from_mins(2);

/// Runs the demo.
///
/// # Errors
/// With what is off, in one sentence.
pub async fn run(cloud: &Cloud) -> anyhow::Result<()> {
    let jane = Customer::sign_up(cloud).await?;
    let joe = Customer::sign_up(cloud).await?.preferring(cloud, "SMS").await?;
    let tent = goods("TENT-2P")?;
    let (kayak, paddle) = (goods("KAYAK-SEA")?, goods("PADDLE-CARBON")?);

    heading("1. One line, from one warehouse");
    let order = NewOrder::of(&[(&tent, 1)]);
    let journey = show(cloud, &jane, &order, FULFILLED).await?;
    reactors::growth(cloud, &jane, order.order_id, "ACCRUED", &["CONFIRMED", "FULFILLED"]).await?;
    reactors::stock(cloud, &jane, &tent.sku).await?;
    ensure!(journey.parcels() == 1, "the order left in {} parcels instead of one", journey.parcels());

    heading("2. Two lines that lie in different places");
    let order = NewOrder::of(&[(&kayak, 1), (&paddle, 2)]);
    let journey = show(cloud, &joe, &order, FULFILLED).await?;
    reactors::growth(cloud, &joe, order.order_id, "ACCRUED", &["CONFIRMED", "FULFILLED"]).await?;
    ensure!(journey.parcels() == 2, "the order left in {} parcels instead of two", journey.parcels());

    heading("3. The card is declined");
    declined(cloud, &jane, &NewOrder::of(&[(&tent, 2)]).paid_with("pm_sandbox_declined")).await?;

    heading("4. A large order, cancelled while it waits for approval");
    cancelled(cloud, &joe).await?;
    reactors::list(cloud, &joe).await?;

    heading("5. A sale over the counter of a store");
    over_the_counter(cloud, &jane).await?;

    heading("Reconciliation");
    cloud.quiet(DEADLINE).await?;
    let books = Snapshot::take(cloud).await?.audit()?;
    print(&books);
    match books.faults().as_slice() {
        [] => Ok(()),
        [fault] => bail!("the books do not agree: {fault}"),
        [fault, others @ ..] => bail!("the books do not agree: {fault} (and {} more)", others.len()),
    }
}

async fn declined(cloud: &Cloud, customer: &Customer, order: &NewOrder) -> anyhow::Result<()> {
    let sku = goods("TENT-2P")?.sku;
    let before = level(cloud, &sku).await?;
    println!("  {:>9}  {:<10} {sku}: {}", "", "stock", counts(before));
    show(cloud, customer, order, DECLINED).await?;
    cloud.saga_ended(order.order_id, DEADLINE).await?;
    let after = level(cloud, &sku).await?;
    println!("  {:>9}  {:<10} {sku}: {}", "", "stock", counts(after));
    ensure!(before == after, "stock did not return to where it was: {}", counts(after));
    let payment = cloud.sandbox.payment(order.order_id).await?;
    let (taken, kept) = payment.map_or((0, 0), |payment| (payment.captured_amount, payment.kept()));
    println!("  {:>9}  {:<10} {} charged, {} kept", "", "processor", dollars(taken), dollars(kept));
    reactors::growth(cloud, customer, order.order_id, "OPEN", &["CANCELLED"]).await?;
    ensure!(kept == 0, "{} stayed charged for the declined order", dollars(kept));
    Ok(())
}

/// A person must approve the order, and while it waits for that, its customer cancels it.
async fn cancelled(cloud: &Cloud, customer: &Customer) -> anyhow::Result<()> {
    let kayak = goods("KAYAK-SEA")?;
    let before = level(cloud, &kayak.sku).await?;
    let quantity = cloud.approval_threshold_minor().await?.div_euclid(kayak.price_minor).saturating_add(1);
    let order = NewOrder::of(&[(&kayak, quantity)]);
    let change_of_mind = async {
        eventually("a request for approval", DEADLINE, async || {
            let records = OrderRecords::read(cloud, order.order_id).await?;
            Ok(match records.approval() {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue("nobody is asked".to_owned()),
            })
        })
        .await?;
        let reply = cloud.api.cancel(Some(&customer.token), &order.id(), None).await?;
        ensure!(reply.status == StatusCode::ACCEPTED, "the door answered {}", reply.status);
        println!("  {}", dim(format!("PUT /orders/{}/cancellation by its customer", order.order_id)));
        Ok(())
    };
    tokio::try_join!(show(cloud, customer, &order, CANCELLED), change_of_mind)?;
    cloud.saga_ended(order.order_id, DEADLINE).await?;
    let after = level(cloud, &kayak.sku).await?;
    ensure!(before == after, "stock did not return to where it was: {}", counts(after));
    ensure!(cloud.sandbox.payment(order.order_id).await?.is_none(), "the cancelled order was charged");
    reactors::growth(cloud, customer, order.order_id, "OPEN", &["CANCELLED"]).await?;
    reactors::stock(cloud, customer, &kayak.sku).await
}

/// A store sells what its customer takes along.
async fn over_the_counter(cloud: &Cloud, customer: &Customer) -> anyhow::Result<()> {
    let bag = goods("SLEEPING-BAG-DOWN")?;
    let store = Partner::admit(cloud, STORE).await?;
    let node = STORE.node.context("a store has a node")?;
    let sale = Adjustment::of("STORE_SALE", node, &bag, 1);
    reactors::stock(cloud, customer, &bag.sku).await?;
    let body = json!({ "lines": [{ "sku": bag.sku, "quantity": 1 }] }).to_string();
    let reply = store.put(cloud, ("sales", &sale.id.to_string()), body).await?;
    store.revoke(cloud).await?;
    ensure!(reply.status == StatusCode::ACCEPTED, "the door answered {}", reply.status);
    println!("  {}", dim(format!("PUT /partner/sales/{} by {}: 202", sale.id, STORE.id)));
    match sale.decided(cloud).await? {
        (status, None) if status == "APPLIED" => {}
        (status, reason) => bail!("the sale is {status}, {}", reason.unwrap_or_default()),
    }
    reactors::stock(cloud, customer, &bag.sku).await
}

async fn show(cloud: &Cloud, customer: &Customer, order: &NewOrder, story: Story) -> anyhow::Result<Journey> {
    println!("  {}", dim(format!("PUT /orders/{} by customer {}", order.order_id, customer.id)));
    let journey = follow(cloud, customer, order, story, DEADLINE, tell).await?;
    let status = serde_json::to_value(story.ends)?;
    let status = status.as_str().unwrap_or_default();
    println!("  {}", dim(format!("GET /orders/{} by its customer: {status}", order.order_id)));
    Ok(journey)
}

fn tell(hop: &Hop) {
    let Hop { name, after_ms, detail } = hop;
    let seconds = Duration::from_millis(u64::try_from(*after_ms).unwrap_or_default()).as_secs_f64();
    println!("  {seconds:>7.2} s  {} {detail}", bold(format!("{name:<10}")));
}

fn heading(text: &str) {
    println!("\n{}", bold(text));
}

fn counts(counts: Counts) -> String {
    let Counts { available, held, sold, received } = counts;
    format!("{available} available, {held} held, {sold} sold of {received}")
}

/// Shows what was reconciled.
pub fn print(books: &Books) {
    println!(
        "  {}",
        dim(format!(
            "{:<20} {:>9} {:>5} {:>5} {:>9} {:>8}",
            "sold so far", "available", "held", "sold", "received", "at nodes"
        ))
    );
    for (sku, books) in books.stock.iter().filter(|(_, books)| books.sold > 0) {
        println!(
            "  {sku:<20} {:>9} {:>5} {:>5} {:>9} {:>8}",
            books.available, books.held, books.sold, books.received, books.on_hand
        );
    }
    println!();
    for check in &books.checks {
        let verdict = if check.faults.is_empty() { green("ok").to_string() } else { red("OFF").to_string() };
        println!("  {:<13} {:<52} {verdict}", check.name, check.counted);
        for fault in &check.faults {
            println!("    {}", red(fault));
        }
    }
}
