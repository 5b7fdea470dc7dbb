//! What marketplaces show: the newest level, whatever order levels come in, and however badly the marketplaces behave.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use anyhow::Context;
use lakeside_domain::ids::Sku;
use lakeside_e2e::{
    capture::Capture,
    cloud::Cloud,
    contract_check::ContractCheck,
    logs,
    marketplaces::{MARKETPLACES, level_changed, listing, put_credential, say, settled, told, unique_sku},
    poll::eventually,
    sandbox::Level,
    shop::PATIENCE,
};
use serde_json::Value;
use uuid::Uuid;

/// Long enough for several deliveries of a message that waits behind a marketplace's bad days.
const DELIVERIES: Duration = Duration::from_mins(10);

const fn level(available: u64, version: u64) -> Level {
    Level { available, version }
}

/// Every marketplace shows `last` of the SKU, and never went back.
async fn shown(cloud: &Cloud, sku: &Sku, last: Level) -> anyhow::Result<()> {
    let listings = cloud.sandbox.listings(sku.as_str()).await?;
    for (marketplace, _) in MARKETPLACES {
        let listing = listings.get(marketplace).with_context(|| format!("{marketplace} has no {sku}"))?;
        assert_eq!(listing.level, Some(last), "{marketplace}");
        let versions: Vec<u64> = listing.updates.iter().map(|update| update.version).collect();
        assert!(versions.is_sorted(), "{marketplace} went back: {versions:?}");
    }
    Ok(())
}

#[tokio::test]
async fn levels_in_any_order_end_at_the_newest_everywhere_and_are_told_once() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let (sku, story) = (unique_sku("E2E-LEVEL-")?, Uuid::new_v4());
    let mut capture = Capture::of_orders(&cloud, &[story]).await?;
    let levels = [level(5, 1), level(4, 3), level(3, 2)];
    for said in levels {
        say(&cloud, &sku, said, story).await?;
    }
    settled(&cloud, &sku, "PUBLISHED", level(4, 3), PATIENCE).await?;
    told(&cloud, DELIVERIES).await?;
    shown(&cloud, &sku, level(4, 3)).await?;
    let before = cloud.sandbox.listings(sku.as_str()).await?;

    // Told again, backwards, and as a later fact that says the same: the queue does not know that one again.
    for said in levels.iter().rev() {
        say(&cloud, &sku, *said, story).await?;
        let mut again = level_changed(&sku, *said, story)?;
        *again.detail.pointer_mut("/metadata/eventId").context("an event has an id")? =
            Uuid::new_v4().to_string().into();
        lakeside_e2e::capture::publish_again(&cloud, &[again]).await?;
    }
    capture.hear(&cloud, &[story], &["MarketplaceStockPublished"], PATIENCE).await?;
    told(&cloud, DELIVERIES).await?;
    assert_eq!(cloud.sandbox.listings(sku.as_str()).await?, before, "nobody was asked again");

    capture.take_in(&cloud).await?;
    let mut check = ContractCheck::default();
    for event in &capture.heard {
        assert_eq!(check.faults(event)?, Vec::<String>::new());
    }
    let newest = capture.heard.iter().filter(|event| {
        event.detail_type == "MarketplaceStockPublished"
            && event.detail.pointer("/data/version").and_then(Value::as_u64) == Some(3)
    });
    // A stream may hand over what it told already: it is one fact by its id.
    let newest: BTreeSet<Option<&str>> =
        newest.map(|event| event.detail.pointer("/metadata/eventId").and_then(Value::as_str)).collect();
    assert_eq!(newest.len(), MARKETPLACES.len(), "{:?}", capture.kinds());
    capture.close(&cloud).await
}

#[tokio::test]
async fn marketplaces_that_leave_the_outcome_open_are_asked_until_it_is_sure() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let mut skus = Vec::new();
    for kind in
        ["SANDBOX-TIMEOUT-LANDS-", "SANDBOX-TIMEOUT-LOST-", "SANDBOX-ERROR-ONCE-", "SANDBOX-ERROR-AFTER-"]
    {
        let sku = unique_sku(kind)?;
        say(&cloud, &sku, level(7, 1), Uuid::new_v4()).await?;
        skus.push(sku);
    }
    for sku in &skus {
        settled(&cloud, sku, "PUBLISHED", level(7, 1), DELIVERIES).await?;
        shown(&cloud, sku, level(7, 1)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_level_that_is_refused_is_recorded_and_asked_for_once() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let sku = unique_sku("SANDBOX-REFUSED-")?;
    for _ in 0..2 {
        say(&cloud, &sku, level(7, 1), Uuid::new_v4()).await?;
    }
    settled(&cloud, &sku, "REFUSED", level(7, 1), PATIENCE).await?;
    told(&cloud, DELIVERIES).await?;
    for (marketplace, listing) in cloud.sandbox.listings(sku.as_str()).await? {
        assert_eq!((listing.level, listing.calls), (None, 1), "{marketplace}");
    }
    let lines = logs::all(&cloud).await?;
    let alarmed = |line: &&String| line.contains(sku.as_str()) && line.contains("\"outcome\":\"REFUSED\"");
    assert_eq!(lines.iter().filter(alarmed).count(), MARKETPLACES.len());
    Ok(())
}

#[tokio::test]
async fn a_marketplace_that_turns_us_away_hears_everything_in_the_end() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let before = cloud.sandbox.ledger().await?.turned_away;
    let mut skus = Vec::new();
    let mut news = Vec::new();
    for _ in 0..20 {
        let sku = unique_sku("E2E-MANY-")?;
        news.push(level_changed(&sku, level(9, 1), Uuid::new_v4())?);
        skus.push(sku);
    }
    lakeside_e2e::capture::publish_again(&cloud, &news).await?;
    for sku in &skus {
        settled(&cloud, sku, "PUBLISHED", level(9, 1), DELIVERIES).await?;
    }
    let after = cloud.sandbox.ledger().await?.turned_away;
    assert!(after.values().sum::<u32>() > before.values().sum(), "twenty at once were too few: {after:?}");
    Ok(())
}

#[tokio::test]
async fn a_credential_that_opens_nothing_alarms_and_levels_go_on_when_it_is_put_right() -> anyhow::Result<()>
{
    let cloud = Cloud::open()?;
    let (marketplace, first) = MARKETPLACES[1];
    let sku = unique_sku("E2E-KEY-")?;
    // Its staff revoke what we have, and tell us the new one later.
    let issued = format!("sandbox-{}", Uuid::new_v4());
    cloud.sandbox.open_marketplace(marketplace, &issued).await?;
    say(&cloud, &sku, level(7, 1), Uuid::new_v4()).await?;
    let alarmed = eventually("an alarming line in the log", PATIENCE, async || {
        let lines = logs::all(&cloud).await?;
        let alarming =
            |line: &&String| line.contains(sku.as_str()) && line.contains("\"outcome\":\"UNAUTHORIZED\"");
        Ok(match lines.iter().find(alarming) {
            Some(line) => ControlFlow::Break(line.clone()),
            None => ControlFlow::Continue("nobody complains".to_owned()),
        })
    })
    .await;
    let refused = listing(&cloud, marketplace, &sku).await;

    // Right again before anything is judged: others go through the same door.
    put_credential(&cloud, marketplace, &issued).await?;
    settled(&cloud, &sku, "PUBLISHED", level(7, 1), DELIVERIES).await?;
    alarmed?;
    assert_eq!(refused?, None, "what was not let in was not taken");
    shown(&cloud, &sku, level(7, 1)).await?;

    let lines = logs::all(&cloud).await?;
    for secret in [first, issued.as_str()] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "a credential is in the log");
    }
    // As the seeder has it, which may run again on this cloud.
    put_credential(&cloud, marketplace, first).await?;
    cloud.sandbox.open_marketplace(marketplace, first).await
}
