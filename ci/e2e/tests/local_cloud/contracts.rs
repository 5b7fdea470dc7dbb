//! What the functions say fits the committed contracts and is about nobody, and it is heard by those who are said to.

use std::collections::BTreeMap;

use anyhow::Context as _;
use lakeside_catalogue::listeners;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    capture::{Capture, DOMAINS},
    contract_check::ContractCheck,
    shop::{PATIENCE, Shop},
};
use serde_json::{Value, json};

#[tokio::test]
async fn every_event_fits_its_contract_and_names_nobody() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods_at(1_000, &[("wh-one", 5)], 1).await?;
    let stove = shop.goods_at(500, &[("store-two", 5)], 1).await?;
    let fulfilled = NewOrder::of(&[(&tent, 1), (&stove, 1)]);
    let declined = NewOrder::of(&[(&tent, 1)]).paid_with("pm_sandbox_declined");
    let undeliverable = NewOrder::of(&[(&tent, 1)]).shipped_to("addr_sandbox_undeliverable");
    let sold_out = NewOrder::of(&[(&tent, 100)]);
    let stories: [(&NewOrder, Status, &[&str]); 4] = [
        (
            &fulfilled,
            Status::Fulfilled,
            &[
                "OrderCreated",
                "StockReserved",
                "PaymentCaptured",
                "OrderConfirmed",
                "WarehouseAllocated",
                "StockCommitted",
                "ShipmentLabelled",
                "FulfilmentCompleted",
                "OrderFulfilled",
            ],
        ),
        (
            &declined,
            Status::Cancelled,
            &["PaymentDeclined", "StockReleased", "FulfilmentFailed", "OrderCancelled"],
        ),
        (&undeliverable, Status::Cancelled, &["PaymentRefunded", "StockReleased", "OrderCancelled"]),
        (&sold_out, Status::Rejected, &["StockReservationFailed", "OrderRejected", "FulfilmentFailed"]),
    ];
    let ids: Vec<_> = stories.iter().map(|(order, ..)| order.order_id).collect();
    let mut capture = Capture::of_orders(&shop.cloud, &ids).await?;
    for (order, status, _) in stories {
        assert_eq!(shop.place(order).await?.status, status);
    }
    for (order, _, events) in stories {
        capture.hear(&shop.cloud, &[order.order_id], events, PATIENCE).await?;
    }
    let mut check = ContractCheck::default();
    for event in &capture.heard {
        assert_eq!(check.faults(event)?, Vec::<String>::new());
        let text = event.detail.to_string();
        for secret in [&shop.customer.email, &shop.customer.token] {
            assert!(!text.contains(secret.as_str()), "{} tells who the customer is", event.detail_type);
        }
    }
    capture.close(&shop.cloud).await
}

/// Whose events a rule hears is no matter of the pages, which are written for every account.
fn of_any_account(mut pattern: Value) -> Value {
    if let Some(pattern) = pattern.as_object_mut() {
        pattern.remove("account");
    }
    pattern
}

#[tokio::test]
async fn the_rules_on_the_buses_are_those_that_the_pages_of_events_are_written_from() -> anyhow::Result<()> {
    let cloud = Shop::open().await?.cloud;
    let own = |name: &str| cloud.name(name.strip_prefix("lakeside-").unwrap_or(name));
    let mut written = BTreeMap::new();
    for rule in listeners::rules(&lakeside_catalogue::workspace(), "local")? {
        written.insert((own(&rule.bus), own(&rule.name)), (of_any_account(rule.pattern), rule.listener));
    }
    let account = cloud.state_machine_arn.split(':').nth(4).context("an ARN without account")?;
    let mut applied = BTreeMap::new();
    for domain in DOMAINS {
        let bus = cloud.name(domain.name());
        let mut next = None;
        loop {
            let request = cloud.events.list_rules().event_bus_name(&bus).name_prefix(cloud.name(""));
            let page = request.set_next_token(next).send().await?;
            for rule in page.rules() {
                let name = rule.name().context("a rule without name")?.to_owned();
                let pattern: Value = serde_json::from_str(rule.event_pattern().unwrap_or_default())?;
                let heard = pattern.get("account");
                assert!(heard.is_none_or(|heard| *heard == json!([account])), "{name} hears {heard:?}");
                let targets =
                    cloud.events.list_targets_by_rule().rule(&name).event_bus_name(&bus).send().await?;
                let [target] = targets.targets() else { anyhow::bail!("{name} has not one target") };
                applied.insert((bus.clone(), name), (of_any_account(pattern), target.arn().to_owned()));
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
    }
    assert!(!applied.is_empty());
    assert_eq!(applied.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
    for (rule, (pattern, target)) in &applied {
        let Some((expected, listener)) = written.get(rule) else { continue };
        assert_eq!(pattern, expected, "{rule:?}");
        assert!(target.contains(&cloud.name(listener)), "{rule:?} feeds {target} and not {listener}");
    }
    Ok(())
}
