//! What is said on the buses can be read again from S3, by domain and day, fits its contract and names nobody.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use lakeside_contracts::{Delivery, Domain};
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    capture::{Capture, correlation_id, event_id},
    cloud::Cloud,
    contract_check::ContractCheck,
    poll::eventually,
    shop::{PATIENCE, Shop},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Firehose takes at most this many records in one request.
const MAX_RECORDS: usize = 500;

/// The rule of a domain: what it hears, and the name of the stream that it hands events to.
async fn rule(cloud: &Cloud, domain: Domain) -> anyhow::Result<(String, String)> {
    let (name, bus) = (cloud.name(&format!("analytics-{domain}")), cloud.name(domain.name()));
    let described = cloud.events.describe_rule().name(&name).event_bus_name(&bus).send().await?;
    let pattern = described.event_pattern.context("a rule without pattern")?;
    let targets = cloud.events.list_targets_by_rule().rule(&name).event_bus_name(&bus).send().await?;
    let [target] = targets.targets() else { anyhow::bail!("{name} has not one target") };
    let stream = target.arn().split_once(":deliverystream/").context("no stream")?.1;
    Ok((pattern, stream.to_owned()))
}

/// An event as EventBridge hands it over.
fn envelope(event: &Delivery) -> Value {
    json!({
        "version": "0", "id": event.id, "account": "000000000000", "region": "us-east-1", "resources": [],
        "time": event.detail.pointer("/metadata/occurredAt"), "source": event.source,
        "detail-type": event.detail_type, "detail": event.detail,
    })
}

/// Does what the emulator's rules do not do: hands the events that a domain's rule hears to its stream.
async fn hand_over(cloud: &Cloud, domain: Domain, events: &[&Delivery]) -> anyhow::Result<()> {
    let (pattern, stream) = rule(cloud, domain).await?;
    let mut records = Vec::new();
    for event in events {
        let event = envelope(event).to_string();
        let tested = cloud.events.test_event_pattern().event_pattern(&pattern).event(&event).send().await?;
        ensure!(tested.result, "the rule of {domain} does not hear {event}");
        records.push(json!({ "Data": BASE64_STANDARD.encode(event) }));
    }
    for records in records.chunks(MAX_RECORDS) {
        let body = json!({ "DeliveryStreamName": stream, "Records": records });
        let put = cloud.signed.json("firehose", "Firehose_20150804.PutRecordBatch", &body).await?;
        ensure!(put.get("FailedPutCount") == Some(&json!(0)), "{stream} did not take everything: {put}");
    }
    Ok(())
}

/// The keys below a prefix of the bucket.
async fn keys(cloud: &Cloud, bucket: &str, prefix: &str) -> anyhow::Result<Vec<String>> {
    let mut keys = Vec::new();
    let mut after = String::new();
    loop {
        let prefix = prefix.replace('/', "%2F").replace('=', "%3D");
        let path = format!("/{bucket}?list-type=2&prefix={prefix}&start-after={after}");
        let listed = cloud.signed.text("s3", &path).await?;
        let found = listed.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0));
        keys.extend(found.map(str::to_owned));
        if !listed.contains("<IsTruncated>true</IsTruncated>") {
            return Ok(keys);
        }
        let last = keys.last().context("a page without keys")?;
        after = last.replace('/', "%2F").replace('=', "%3D");
    }
}

/// The events about this order that lie in the bucket below a prefix, each with its object's key.
async fn kept(
    cloud: &Cloud,
    bucket: &str,
    prefix: &str,
    order: Uuid,
) -> anyhow::Result<Vec<(String, Delivery)>> {
    let mut kept = Vec::new();
    for key in keys(cloud, bucket, prefix).await? {
        let object = cloud.signed.text("s3", &format!("/{bucket}/{}", key.replace('=', "%3D"))).await?;
        for line in object.lines() {
            let event: Delivery = serde_json::from_str(line).with_context(|| format!("{key}: `{line}`"))?;
            if correlation_id(&event) == Some(order) {
                kept.push((key.clone(), event));
            }
        }
    }
    Ok(kept)
}

/// Whether `text` is a day as Athena computes it.
fn is_day(text: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.chars().all(|c| c.is_ascii_digit());
    matches!(text.split('-').collect::<Vec<_>>()[..], [y, m, d] if digits(y, 4) && digits(m, 2) && digits(d, 2))
}

#[tokio::test]
async fn every_event_of_an_order_is_kept_by_domain_and_day_and_names_nobody() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    let mut capture = Capture::of_orders(cloud, &[order.order_id]).await?;
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let last_of_each = ["OrderFulfilled", "StockCommitted", "FulfilmentCompleted", "CustomerNotified"];
    capture.hear(cloud, &[order.order_id], &last_of_each, PATIENCE).await?;

    let wanted = json!({ "DatabaseName": cloud.name("analytics").replace('-', "_"), "Name": "events" });
    let table = cloud.signed.json("glue", "AWSGlue.GetTable", &wanted).await?;
    let location = table.pointer("/Table/StorageDescriptor/Location").and_then(Value::as_str);
    let bucket = location.and_then(|location| location.strip_prefix("s3://")?.strip_suffix("/events/"));
    let bucket = bucket.context("a table that lies nowhere")?;

    let mut check = ContractCheck::default();
    for domain in Domain::ALL {
        let said: Vec<&Delivery> =
            capture.heard.iter().filter(|event| event.source == domain.source()).collect();
        assert!(!said.is_empty(), "{domain} said nothing");
        hand_over(cloud, domain, &said).await?;

        let prefix = format!("events/domain={domain}/");
        let kept = eventually("the events in S3", Duration::from_mins(1), async || {
            let kept = kept(cloud, bucket, &prefix, order.order_id).await?;
            Ok(if kept.len() >= said.len() {
                ControlFlow::Break(kept)
            } else {
                ControlFlow::Continue(format!("{} of {} from {domain}", kept.len(), said.len()))
            })
        })
        .await?;
        let ids = |events: &mut dyn Iterator<Item = &Delivery>| -> BTreeSet<String> {
            events.filter_map(|event| event_id(event).map(str::to_owned)).collect()
        };
        assert_eq!(ids(&mut kept.iter().map(|(_, event)| event)), ids(&mut said.iter().copied()));
        for (key, event) in &kept {
            let day = key.strip_prefix(&format!("{prefix}day=")).and_then(|rest| rest.split('/').next());
            assert!(day.is_some_and(is_day), "{key}");
            assert_eq!(event.source, domain.source(), "{key}");
            assert_eq!(check.faults(event)?, Vec::<String>::new());
            for secret in [&shop.customer.email, &shop.customer.contact.phone] {
                assert!(
                    !event.detail.to_string().contains(secret.as_str()),
                    "{key} tells who the customer is"
                );
            }
        }
    }
    assert_eq!(keys(cloud, bucket, "errors/").await?, Vec::<String>::new());
    capture.close(cloud).await
}
