//! What does not get in.

use std::{ops::ControlFlow, time::Duration};

use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    cloud::{Cloud, table},
    customer::{Customer, foreign_pool},
    poll::eventually,
    records,
    shop::Shop,
};
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Nothing is recorded under any of these ids, although an order that came after them is.
async fn nothing_came_of(cloud: &Cloud, order_ids: &[String]) -> anyhow::Result<()> {
    for id in order_ids {
        for table in [table::ORDERS, table::ORDER_STATUS] {
            let items = records::with_key(cloud, table, &format!("ORDER#{id}")).await?;
            assert_eq!(items, Vec::<Value>::new(), "{id}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_malformed_body_is_refused_and_not_queued() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let good = NewOrder::of(&[(&tent, 1)]);
    let with = |pointer: &str, value: Value| {
        let mut body = json!(good.request);
        if let Some(field) = body.pointer_mut(pointer) {
            *field = value;
        }
        body.to_string()
    };
    let without = |name: &str| {
        let mut body = json!(good.request);
        body.as_object_mut().map(|fields| fields.remove(name));
        body.to_string()
    };
    let mut unknown_field = json!(good.request);
    unknown_field["email"] = "jane@example.com".into();
    let bodies = [
        ("empty", String::new()),
        ("not JSON", "not json".to_owned()),
        ("cut off", good.body().trim_end_matches('}').to_owned()),
        ("a list", "[]".to_owned()),
        ("unknown field", unknown_field.to_string()),
        ("quantity 0", with("/lines/0/quantity", json!(0))),
        ("quantity -1", with("/lines/0/quantity", json!(-1))),
        ("quantity 1.5", with("/lines/0/quantity", json!(1.5))),
        ("quantity 1000", with("/lines/0/quantity", json!(1000))),
        ("quantity as text", with("/lines/0/quantity", json!("1"))),
        ("no lines", with("/lines", json!([]))),
        ("SKU with a space", with("/lines/0/sku", json!("TENT 2P"))),
        ("negative total", with("/expectedTotal/amount", json!(-1))),
        ("fractional total", with("/expectedTotal/amount", json!(10.5))),
        ("card number for a handle", with("/paymentMethod", json!("4111111111111111"))),
        ("address for a handle", with("/shippingAddressId", json!("12 Main Street"))),
        ("unknown channel", with("/channel", json!("fax"))),
        ("no total", without("expectedTotal")),
        ("no payment method", without("paymentMethod")),
    ];
    let mut ids = Vec::new();
    for (what, body) in bodies {
        let id = Uuid::new_v4().to_string();
        let reply = shop.cloud.api.put(Some(&shop.customer.token), &id, body).await?;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{what}: {}", reply.body);
        ids.push(id);
    }
    shop.place_and_expect(&good, Status::Fulfilled, None).await?;
    nothing_came_of(&shop.cloud, &ids).await
}

#[tokio::test]
async fn a_token_that_is_missing_or_bad_or_foreign_is_refused() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let foreigner = Customer::sign_up_in(&shop.cloud, &foreign_pool(&shop.cloud).await?).await?;
    let good = &shop.customer.token;
    let (signed_part, signature) = good.rsplit_once('.').unwrap_or_default();
    let swapped: String = signature.chars().rev().collect();
    let mut ids = Vec::new();
    for (what, token) in [
        ("none", None),
        ("no token at all", Some("token".to_owned())),
        ("bad signature", Some(format!("{signed_part}.{swapped}"))),
        ("no signature", Some(format!("{signed_part}."))),
        ("another pool's", Some(foreigner.token)),
    ] {
        let order = NewOrder::of(&[(&tent, 1)]);
        let reply = shop.cloud.api.put(token.as_deref(), &order.id(), order.body()).await?;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{what}: {}", reply.body);
        let reply = shop.cloud.api.get(token.as_deref(), &order.id()).await?;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{what}: {}", reply.body);
        ids.push(order.id());
    }
    shop.place_and_expect(&NewOrder::of(&[(&tent, 1)]), Status::Fulfilled, None).await?;
    nothing_came_of(&shop.cloud, &ids).await
}

#[tokio::test]
async fn an_expired_token_is_refused() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let customer = Customer::with_short_lived_token(&cloud).await?;
    let id = Uuid::new_v4().to_string();
    eventually("the end of the token", Duration::from_secs(20), async || {
        let status = cloud.api.get(Some(&customer.token), &id).await?.status;
        Ok(match status {
            StatusCode::UNAUTHORIZED => ControlFlow::Break(()),
            other => ControlFlow::Continue(format!("still answered {other}")),
        })
    })
    .await
}

fn url_encoded(text: &str) -> anyhow::Result<String> {
    let mut url = Url::parse("https://lakeside.example")?;
    url.query_pairs_mut().append_key_only(text);
    Ok(url.query().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_order_id_that_is_no_uuid_is_refused_with_a_reason() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let victim = Uuid::new_v4();
    // Each is unique, so that the record of its refusal is found among those of other runs.
    let marker = Uuid::new_v4().simple().to_string();
    let ids = [
        format!("order-{marker}"),
        format!("{marker}{}", "x".repeat(256 - marker.len())),
        format!("{marker}\",\"orderId\":\"{victim}"),
        format!("{marker}\"}}{{\"x\":1"),
        format!("{victim}&MessageAttribute.9.Name=principal&x={marker}"),
        format!("{victim}&MessageBody=%7B%7D&x={marker}"),
        format!("{victim}\n\t{marker}"),
        format!("../{marker}/%2e%2e?x=1#y"),
        format!("{marker} ' OR 1=1 --"),
        format!("{{{victim}}}{marker}"),
        victim.simple().to_string(),
    ];
    let order = NewOrder::of(&[(&tent, 1)]);
    let mut queued = Vec::new();
    for id in &ids {
        let reply = shop.cloud.api.put(Some(&shop.customer.token), id, order.body()).await?;
        if id.contains('/') && reply.status == StatusCode::FORBIDDEN {
            // The emulator takes an escaped slash for a path that does not exist; AWS takes it for an id.
            continue;
        }
        queued.push(id);
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{id}: {}", reply.body);
        // The reply names what was sent, URL-encoded, and nothing that was sent becomes part of its structure.
        assert_eq!(reply.json()?, json!({ "orderId": url_encoded(id)?, "status": "ACCEPTED" }));
    }
    for id in queued {
        let digest = hex::encode(Sha256::digest(id.as_bytes()));
        let refused = eventually(&format!("the refusal of `{id}`"), Duration::from_mins(1), async || {
            let orders = records::all(&shop.cloud, table::ORDERS).await?;
            let found: Vec<Value> = orders
                .into_values()
                .filter(|item| item.get("orderIdDigest") == Some(&json!(digest)))
                .collect();
            Ok(if found.is_empty() {
                ControlFlow::Continue("no record".to_owned())
            } else {
                ControlFlow::Break(found)
            })
        })
        .await?;
        assert_eq!(refused.len(), 1, "{id}");
        assert!(refused.iter().all(|item| item["reason"] == "INVALID_ORDER_ID"), "{refused:?}");
    }
    nothing_came_of(&shop.cloud, &[victim.to_string(), order.id()]).await?;
    let level = lakeside_e2e::stock::level(&shop.cloud, &tent.sku).await?;
    assert_eq!(level.available, 10);
    Ok(())
}

#[tokio::test]
async fn an_order_against_the_rules_is_rejected_with_a_reason() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let mut cheap = NewOrder::of(&[(&tent, 1)]);
    cheap.request.expected_total.amount = 1;
    let mut unknown = NewOrder::of(&[(&tent, 1)]);
    for line in &mut unknown.request.lines {
        line.sku = "NO-SUCH-SKU".into();
    }
    let twice = NewOrder::of(&[(&tent, 1), (&tent, 1)]);
    for (order, reason) in [(cheap, "PRICE_MISMATCH"), (unknown, "UNKNOWN_SKU"), (twice, "DUPLICATE_SKU")] {
        shop.place_and_expect(&order, Status::Rejected, Some(reason)).await?;
        assert_eq!(shop.cloud.sandbox.payment(order.order_id).await?, None);
    }
    let level = lakeside_e2e::stock::level(&shop.cloud, &tent.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (10, 0, 0));
    Ok(())
}
