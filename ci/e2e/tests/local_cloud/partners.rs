//! Marketplaces and stores at their own door.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    adjustments::Adjustment,
    api::{NewOrder, Reply},
    cloud::{Cloud, table},
    logs,
    partner::{HASTY, MARKET, Partner, RATIONED, STORE},
    poll::eventually,
    records,
    shop::{PATIENCE, Shop},
    stock::{level, on_hand},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Waits until the partner sees the order fulfilled.
async fn fulfilled(cloud: &Cloud, partner: &Partner, order_id: Uuid) -> anyhow::Result<()> {
    eventually(&format!("the end of order {order_id}"), PATIENCE, async || {
        let reply = partner.order(cloud, order_id).await?;
        Ok(match reply.status {
            StatusCode::OK if reply.json()?.get("status").is_some_and(|status| status == "FULFILLED") => {
                ControlFlow::Break(())
            }
            StatusCode::OK | StatusCode::NOT_FOUND => ControlFlow::Continue(reply.body),
            other => anyhow::bail!("order {order_id} was answered {other}: {}", reply.body),
        })
    })
    .await?;
    cloud.saga_ended(order_id, PATIENCE).await?;
    Ok(())
}

fn not_found(reply: &Reply) -> anyhow::Result<()> {
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.json()?, json!({ "message": "order not found" }));
    Ok(())
}

#[tokio::test]
async fn an_order_of_a_partner_is_fulfilled_in_its_channel_and_shown_to_nobody_else() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(10).await?;
    for (known, channel, other) in [(MARKET, "marketplace", STORE), (STORE, "store", MARKET)] {
        let (partner, other) = (Partner::admit(cloud, known).await?, Partner::admit(cloud, other).await?);
        let order = NewOrder::of(&[(&tent, 1)]);
        let reply = partner.put_order(cloud, &order).await?;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
        assert_eq!(reply.json()?, json!({ "orderId": order.id(), "status": "ACCEPTED" }));
        fulfilled(cloud, &partner, order.order_id).await?;

        let records = shop.records(order.order_id).await?;
        let record = records.order().context("an order")?;
        assert_eq!(record["customerId"], partner.principal());
        assert_eq!(record["order"]["channel"], channel);

        not_found(&other.order(cloud, order.order_id).await?)?;
        not_found(&cloud.api.get(Some(&shop.customer.token), &order.id()).await?)?;

        // Neither may anybody else change it.
        assert_eq!(other.put_order(cloud, &order).await?.status, StatusCode::ACCEPTED);
        eventually("the record of the conflict", Duration::from_mins(1), async || {
            let records = shop.records(order.order_id).await?;
            assert_eq!(records.order(), Some(record));
            Ok(match records.conflicts().as_slice() {
                [conflict] if conflict["customerId"] == other.principal() => ControlFlow::Break(()),
                others => ControlFlow::Continue(format!("there are {}", others.len())),
            })
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_order_of_a_customer_is_no_partner_s() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let partner = Partner::admit(&shop.cloud, MARKET).await?;
    not_found(&partner.order(&shop.cloud, order.order_id).await?)
}

#[tokio::test]
async fn a_credential_that_is_missing_or_wrong_or_revoked_opens_nothing() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(10).await?;
    let (partner, revoked) = (Partner::admit(cloud, MARKET).await?, Partner::admit(cloud, MARKET).await?);
    revoked.revoke(cloud).await?;
    let (id, secret) = partner.credential.split_once('.').context("a credential")?;
    let turned: String = secret.chars().rev().collect();
    let digests = records::with_key(cloud, table::PARTNERS, "PARTNER#demo-market").await?;
    let digest = digests
        .first()
        .and_then(|item| item.pointer("/credentialDigests/0")?.as_str().map(str::to_owned))
        .context("a digest")?;
    let digest_as_secret: String = digest.chars().take(43).collect();
    let mut ids = Vec::new();
    for (what, header, status) in [
        ("none", None, StatusCode::UNAUTHORIZED),
        ("no scheme", Some(partner.credential.clone()), StatusCode::UNAUTHORIZED),
        ("another scheme", Some(format!("Basic {}", partner.credential)), StatusCode::UNAUTHORIZED),
        ("cut off", Some(format!("Bearer {id}.{}", &secret[1..])), StatusCode::UNAUTHORIZED),
        ("no secret", Some(format!("Bearer {id}")), StatusCode::UNAUTHORIZED),
        ("a customer's token", Some(shop.customer.token.clone()), StatusCode::UNAUTHORIZED),
        ("the same as a bearer's", Some(format!("Bearer {}", shop.customer.token)), StatusCode::UNAUTHORIZED),
        ("another secret", Some(format!("Bearer {id}.{turned}")), StatusCode::FORBIDDEN),
        ("the digest", Some(format!("Bearer {id}.{digest_as_secret}")), StatusCode::FORBIDDEN),
        ("another partner's", Some(format!("Bearer demo-store.{secret}")), StatusCode::FORBIDDEN),
        ("nobody's", Some(format!("Bearer demo-nobody.{secret}")), StatusCode::FORBIDDEN),
        ("revoked", Some(revoked.bearer()), StatusCode::FORBIDDEN),
    ] {
        let order = NewOrder::of(&[(&tent, 1)]);
        let (order_id, body) = (order.id(), order.partner_body().to_string());
        let all = partner.headers(header.as_deref().unwrap_or_default());
        let headers = if header.is_some() { &all[..] } else { &all[1..] };
        for (method, body) in [(Method::PUT, Some(body)), (Method::GET, None)] {
            let reply = cloud.api.partner(method, headers, ("orders", &order_id), body).await?;
            assert_eq!(reply.status, status, "{what}: {}", reply.body);
            assert!(!reply.body.contains(secret), "{what}: {}", reply.body);
        }
        ids.push(order_id);
    }
    // The partner's own credential opens the partners' door, and no other.
    let order = NewOrder::of(&[(&tent, 1)]);
    for header in [partner.bearer(), partner.credential.clone()] {
        let reply = cloud.api.put(Some(&header), &order.id(), order.body()).await?;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.body);
        let reply = cloud.api.get(Some(&header), &order.id()).await?;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.body);
    }
    ids.push(order.id());
    let good = NewOrder::of(&[(&tent, 1)]);
    assert_eq!(partner.put_order(cloud, &good).await?.status, StatusCode::ACCEPTED);
    fulfilled(cloud, &partner, good.order_id).await?;
    for id in ids {
        for table in [table::ORDERS, table::ORDER_STATUS] {
            let items = records::with_key(cloud, table, &format!("ORDER#{id}")).await?;
            assert_eq!(items, Vec::<Value>::new(), "{id}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_partner_whose_record_makes_no_sense_is_neither_admitted_nor_refused() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let partner = Partner::admit(&cloud, MARKET).await?;
    let id = format!("broken-{}", &Uuid::new_v4().simple().to_string()[..8]);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let (pk, sk) = (text(&format!("PARTNER#{id}")), text("PARTNER"));
    let table = cloud.name(table::PARTNERS);
    // A store must have a node.
    let role = AttributeValue::M([("kind".to_owned(), text("STORE"))].into());
    cloud
        .dynamodb
        .put_item()
        .table_name(&table)
        .item("pk", pk.clone())
        .item("sk", sk.clone())
        .item("partnerId", text(&id))
        .item("role", role)
        .send()
        .await?;
    let header = format!("Bearer {id}.{}", "x".repeat(43));
    let path = ("orders", "7e57d004-2b97-4e7a-b45f-5387367791cd");
    let reply = cloud.api.partner(Method::GET, &partner.headers(&header), path, None).await?;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
    assert_eq!(reply.json()?, json!({ "message": "try again" }));

    // Nothing of it was remembered.
    cloud.dynamodb.delete_item().table_name(&table).key("pk", pk).key("sk", sk).send().await?;
    let reply = cloud.api.partner(Method::GET, &partner.headers(&header), path, None).await?;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.body);
    assert_eq!(reply.json()?, json!({ "message": "this credential does not allow that" }));
    Ok(())
}

#[tokio::test]
async fn a_partner_s_body_that_says_what_is_not_its_to_say_is_refused() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(10).await?;
    let partner = Partner::admit(cloud, STORE).await?;
    let order = NewOrder::of(&[(&tent, 1)]).partner_body();
    let sale = json!({ "lines": [{ "sku": tent.sku, "quantity": 1 }] });
    let with = |body: &Value, name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body.to_string()
    };
    let lines = |quantity: Value| json!([{ "sku": tent.sku, "quantity": quantity }]);
    for (what, body) in [
        ("orders", String::new()),
        ("orders", "not json".into()),
        ("orders", with(&order, "channel", "marketplace".into())),
        ("orders", with(&order, "channel", "web".into())),
        ("orders", with(&order, "principal", "partner-demo-market".into())),
        ("orders", with(&order, "lines", json!([]))),
        ("orders", with(&order, "lines", lines(json!(0)))),
        ("orders", with(&order, "paymentMethod", "4111111111111111".into())),
        ("sales", String::new()),
        ("sales", with(&sale, "node", "wh-one".into())),
        ("sales", with(&sale, "lines", json!([]))),
        ("sales", with(&sale, "lines", lines(json!(-1)))),
        ("sales", with(&sale, "lines", lines(json!(1.5)))),
        ("sales", order.to_string()),
    ] {
        let id = Uuid::new_v4().to_string();
        let reply = partner.put(cloud, (what, &id), body.clone()).await?;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{what} {body}: {}", reply.body);
    }
    Ok(())
}

#[tokio::test]
async fn a_store_records_what_it_sold_and_nobody_else_does() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods_at(1_000, &[("store-denver", 5), ("wh-one", 5)], 1).await?;
    let sale = Adjustment::of("STORE_SALE", "store-denver", &tent, 2);
    let (id, body) =
        (sale.id.to_string(), json!({ "lines": [{ "sku": tent.sku, "quantity": 2 }] }).to_string());
    let market = Partner::admit(cloud, MARKET).await?;
    let reply = market.put(cloud, ("sales", &id), body.clone()).await?;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.body);
    // An answer that is remembered for orders does not open the way for sales either.
    assert_eq!(market.order(cloud, Uuid::new_v4()).await?.status, StatusCode::NOT_FOUND);
    let reply = market.put(cloud, ("sales", &id), body.clone()).await?;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.body);
    assert_eq!(sale.records(cloud).await?, Vec::<Value>::new());

    let store = Partner::admit(cloud, STORE).await?;
    let hostile = format!("{}&MessageAttribute.3.Value.StringValue=wh-one", Uuid::new_v4());
    for id in [&hostile, &id, &id] {
        let reply = store.put(cloud, ("sales", id), body.clone()).await?;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
        assert_eq!(reply.json()?["status"], "ACCEPTED");
    }
    assert_eq!(sale.decided(cloud).await?, ("APPLIED".to_owned(), None));
    cloud.drained(&cloud.name("adjust-stock"), Duration::from_mins(2)).await?;
    let [record] = sale.records(cloud).await?.try_into().map_err(|all| anyhow::anyhow!("{all:?}"))?;
    assert_eq!(record["node"], "store-denver", "{record}");
    let level = level(cloud, &tent.sku).await?;
    assert_eq!((level.available, level.sold, on_hand(cloud, &tent.sku).await?), (8, 2, 8));
    Ok(())
}

#[tokio::test]
async fn a_plan_that_is_used_up_lets_nothing_through() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let hasty = Partner::admit(&cloud, HASTY).await?;
    let replies = try_join_all((0..20).map(|_| hasty.order(&cloud, Uuid::new_v4()))).await?;
    let throttled = replies.iter().filter(|reply| reply.status == StatusCode::TOO_MANY_REQUESTS).count();
    let answered = replies.iter().filter(|reply| reply.status == StatusCode::NOT_FOUND).count();
    assert_eq!(throttled + answered, replies.len(), "{replies:?}");
    assert!(throttled > 0 && answered > 0, "{answered} of {} were answered", replies.len());

    // The cloud may have seen this partner today, so it is only known what it has at most.
    let rationed = Partner::admit(&cloud, RATIONED).await?;
    let mut answered = 0;
    let used_up = loop {
        let reply = rationed.order(&cloud, Uuid::new_v4()).await?;
        if reply.status != StatusCode::NOT_FOUND {
            break reply;
        }
        answered += 1;
        assert!(answered <= 3, "a day has three requests");
    };
    assert_eq!(used_up.status, StatusCode::TOO_MANY_REQUESTS, "{}", used_up.body);
    let message = "the requests that the plan has for this day are used up";
    assert_eq!(used_up.json()?, json!({ "message": message }));

    // Others have plans of their own.
    let market = Partner::admit(&cloud, MARKET).await?;
    assert_eq!(market.order(&cloud, Uuid::new_v4()).await?.status, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn the_authorizer_names_the_plan_s_key() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let apis = cloud.signed.get("apigateway", "/restapis").await?;
    let apis = apis.get("item").and_then(Value::as_array).context("a list of APIs")?;
    let api = apis.iter().find(|api| api["name"] == *cloud.name("api")).context("the door")?;
    let api_id = api["id"].as_str().context("an id")?;
    for known in [MARKET, STORE] {
        let partner = Partner::admit(&cloud, known).await?;
        let function = format!("{}:live", cloud.name("authorize-partner"));
        let request = json!({
            "type": "TOKEN",
            "authorizationToken": partner.bearer(),
            "methodArn": format!("arn:aws:execute-api:us-east-1:000000000000:{api_id}/live/GET/partner/orders/1"),
        });
        let answer = cloud.signed.invoke(&function, &request).await?;
        assert_eq!(answer["principalId"], partner.principal());
        assert_eq!(answer["usageIdentifierKey"], partner.plan_key);
    }
    Ok(())
}

#[tokio::test]
async fn a_credential_is_nowhere_but_with_its_partner() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(10).await?;
    let partner = Partner::admit(cloud, MARKET).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    assert_eq!(partner.put_order(cloud, &order).await?.status, StatusCode::ACCEPTED);
    fulfilled(cloud, &partner, order.order_id).await?;

    let (_, secret) = partner.credential.split_once('.').context("a credential")?;
    for table in table::ALL {
        for (key, item) in records::all(cloud, table).await? {
            assert!(!item.to_string().contains(secret), "{key}");
        }
    }
    let lines = logs::all(cloud).await?;
    assert!(lines.iter().any(|line| line.contains("partner admitted")), "the log of authorize-partner");
    assert_eq!(lines.iter().find(|line| line.contains(secret)), None);
    Ok(())
}
