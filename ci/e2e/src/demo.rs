//! The demo: three orders on their way, then whether the books agree.

use std::time::Duration;

use anyhow::{bail, ensure};
use lakeside_domain::stock::Counts;
use uuid::Uuid;

use crate::{
    api::NewOrder,
    books::{Books, Snapshot, dollars},
    cloud::Cloud,
    customer::Customer,
    demo_stock::goods,
    growth::{self, Growth},
    journey::{DECLINED, FULFILLED, Hop, Journey, Story, follow},
    mailbox,
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
    growth(cloud, &jane, order.order_id, "ACCRUED", &["CONFIRMED", "FULFILLED"]).await?;
    ensure!(journey.parcels() == 1, "the order left in {} parcels instead of one", journey.parcels());

    heading("2. Two lines that lie in different places");
    let order = NewOrder::of(&[(&kayak, 1), (&paddle, 2)]);
    let journey = show(cloud, &joe, &order, FULFILLED).await?;
    growth(cloud, &joe, order.order_id, "ACCRUED", &["CONFIRMED", "FULFILLED"]).await?;
    ensure!(journey.parcels() == 2, "the order left in {} parcels instead of two", journey.parcels());

    heading("3. The card is declined");
    declined(cloud, &jane, &NewOrder::of(&[(&tent, 2)]).paid_with("pm_sandbox_declined")).await?;

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
    growth(cloud, customer, order.order_id, "OPEN", &["CANCELLED"]).await?;
    ensure!(kept == 0, "{} stayed charged for the declined order", dollars(kept));
    Ok(())
}

/// What growth did for the customer: points, and what they were told.
async fn growth(
    cloud: &Cloud,
    customer: &Customer,
    order_id: Uuid,
    award: &str,
    told: &[&str],
) -> anyhow::Result<()> {
    let sent: Vec<(&str, &str)> = told.iter().map(|what| (*what, "SENT")).collect();
    let growth = Growth::settled(cloud, order_id, award, &sent, DEADLINE).await?;
    let points = growth.award.map_or(0, |(_, points)| points);
    let account = growth::points(cloud, &customer.id).await?;
    println!("  {:>9}  {:<10} {points} for this order, {account} on the account", "", "points");
    for (what, (_, channel)) in growth.notices {
        let channel = channel.unwrap_or_default();
        println!("  {:>9}  {:<10} {what} by {channel}", "", "told");
    }
    let arrived = mailbox::of(cloud, &customer.contact).await?;
    let about_this = arrived.iter().filter(|text| text.contains(&order_id.to_string())).count();
    ensure!(about_this == told.len(), "the customer got {about_this} messages instead of {}", told.len());
    Ok(())
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

fn print(books: &Books) {
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
