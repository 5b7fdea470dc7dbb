//! What must hold after everything else has run: run last, and alone.

use std::collections::{BTreeMap, BTreeSet};

use lakeside_contracts::Delivery;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    adjustments::reconcile,
    api::NewOrder,
    books::Snapshot,
    capture::{Capture, DOMAINS},
    cloud::{Cloud, table},
    consumers,
    contract_check::ContractCheck,
    directory::PERSONAL,
    growth::Growth,
    levels::caught_up,
    logs, mailbox, records,
    replay::{AFTERMATH, replay},
    shop::{PATIENCE, Shop},
};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn a_replay_of_everything_changes_nothing_fits_the_contracts_and_names_nobody() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    // Pools that are uneven would be evened out meanwhile.
    cloud.quiet(PATIENCE).await?;
    let reconciled = reconcile(cloud, &[]).await?;
    assert_eq!(reconciled.get("different"), Some(&json!({})), "{reconciled}");
    // On a cloud where nothing has run yet there would be nothing to replay. And once this order is seen in the stock,
    // the stream has brought everything that was written before.
    let goods = shop.goods(5).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    Growth::settled(cloud, order.order_id, "ACCRUED", &[("FULFILLED", "SENT")], PATIENCE).await?;
    caught_up(cloud, &goods.sku, PATIENCE).await?;
    cloud.quiet(PATIENCE).await?;
    let before = Snapshot::take(cloud).await?;

    let name = format!("e2e-{}", Uuid::new_v4().simple());
    let mut capture = Capture::of_replay(cloud, &name).await?;
    for domain in DOMAINS {
        replay(cloud, &cloud.name(domain.name()), &format!("{name}-{domain}"), &[]).await?;
    }
    cloud.quiet(AFTERMATH).await?;
    capture.take_in(cloud).await?;
    let heard = std::mem::take(&mut capture.heard);
    capture.close(cloud).await?;

    let after = Snapshot::take(cloud).await?;
    let changed: Vec<_> = after
        .items
        .iter()
        .filter(|(key, item)| before.items.get(*key) != Some(item))
        .map(|(key, item)| (key, before.items.get(key), item))
        .collect();
    assert!(changed.is_empty(), "{changed:#?}");
    assert_eq!(after, before);
    fits_the_contracts(&heard)?;
    names_nobody(&shop, &order, &heard).await
}

fn fits_the_contracts(heard: &[Delivery]) -> anyhow::Result<()> {
    let mut kinds = BTreeMap::<&str, usize>::new();
    for event in heard {
        *kinds.entry(event.detail_type.as_str()).or_default() += 1;
    }
    for event in [
        "OrderCreated",
        "StockReserved",
        "StockLevelChanged",
        "NodeStockChanged",
        "PaymentCaptured",
        "OrderFulfilled",
        "CustomerNotified",
    ] {
        assert!(kinds.contains_key(event), "{event}: {kinds:?}");
    }
    println!("replayed {} events: {kinds:?}", heard.len());
    let mut check = ContractCheck::default();
    for event in heard {
        assert_eq!(check.faults(event)?, Vec::<String>::new());
    }
    Ok(())
}

/// Nothing that the directory says of anybody is said anywhere else: in tables, in what was ever said, in logs and queues.
async fn names_nobody(shop: &Shop, order: &NewOrder, heard: &[Delivery]) -> anyhow::Result<()> {
    let cloud = &shop.cloud;
    let directory = records::all(cloud, table::DIRECTORY).await?;
    let secrets: BTreeSet<String> = directory
        .values()
        .flat_map(|item| PERSONAL.iter().filter_map(|name| item.get(*name)?.as_str()))
        .map(str::to_lowercase)
        .collect();
    let own = &shop.customer.contact;
    for needed in
        [own.email.as_str(), &own.phone, "wilhelmina quistgaard", "17 larkspur hollow", "quillhaven"]
    {
        assert!(secrets.contains(needed), "{needed} is not in the directory");
    }

    let mut said: Vec<(String, String)> = Vec::new();
    for table in table::ALL.into_iter().map(str::to_owned).chain(consumers::names()?) {
        let items = records::all(cloud, &table).await?;
        assert!(!items.is_empty(), "{table}");
        said.extend(items.iter().map(|(key, item)| (key.clone(), item.to_string())));
    }
    said.extend(heard.iter().map(|event| (event.detail_type.clone(), event.detail.to_string())));
    let lines = logs::all(cloud).await?;
    assert!(lines.iter().any(|line| line.contains(&order.id())), "the logs do not know the order");
    said.extend(lines.into_iter().map(|line| ("log".to_owned(), line)));
    let waiting = mailbox::show(cloud, "/_ministack/sqs/messages").await?;
    said.extend(texts(&waiting).into_iter().map(|text| ("queue".to_owned(), text.to_owned())));

    println!("{} texts searched for {} secrets", said.len(), secrets.len());
    let told: Vec<String> = said
        .iter()
        .filter_map(|(place, text)| {
            let text = text.to_lowercase();
            let secret = secrets.iter().find(|secret| text.contains(secret.as_str()))?;
            Some(format!("{place} says {secret}"))
        })
        .collect();
    assert_eq!(told, Vec::<String>::new());
    Ok(())
}

/// Every text in `value`.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn stock_payments_labels_and_orders_agree_and_no_dead_letter_waits() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    cloud.quiet(PATIENCE).await?;
    let books = Snapshot::take(&cloud).await?.audit()?;
    for check in &books.checks {
        println!("{:<13} {}", check.name, check.counted);
    }
    assert_eq!(books.faults(), Vec::<&str>::new());
    Ok(())
}
