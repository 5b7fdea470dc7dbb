//! Customers who change their minds: before, during and after.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use anyhow::{Context, ensure};
use lakeside_contracts::Delivery;
use lakeside_domain::{allocation::AllocationStatus, order_status::Status, reservation::ReservationStatus};
use lakeside_e2e::{
    api::NewOrder,
    capture::{Capture, publish_again},
    cloud::table,
    contract_check::ContractCheck,
    customer::Customer,
    poll::eventually,
    records::{self, OrderRecords},
    shop::{PATIENCE, Shop},
    stock::{Goods, level},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const BY_CUSTOMER: &str = "CANCELLED_BY_CUSTOMER";
const MINUTES: Duration = Duration::from_mins(5);

/// Asks for the cancellation of an order and expects the wish to be taken.
async fn ask(shop: &Shop, customer: &Customer, order: &NewOrder) -> anyhow::Result<()> {
    let reply = shop.cloud.api.cancel(Some(&customer.token), &order.id(), Some("{}")).await?;
    ensure!(reply.status == StatusCode::ACCEPTED, "{}: {}", reply.status, reply.body);
    ensure!(
        reply.json()? == json!({ "orderId": order.id(), "status": "CANCELLATION_REQUESTED" }),
        "{}",
        reply.body
    );
    Ok(())
}

/// Waits until whoever hears of cancellations has heard of all of them.
async fn heard(shop: &Shop) -> anyhow::Result<()> {
    for function in ["cancel-order", "cancel-fulfilment", "order-status"] {
        shop.cloud.drained(&shop.cloud.name(function), MINUTES).await?;
    }
    Ok(())
}

/// Waits until the records of an order are as `ready` wants them.
async fn until(
    shop: &Shop,
    order: &NewOrder,
    what: &str,
    ready: impl Fn(&OrderRecords) -> bool,
) -> anyhow::Result<OrderRecords> {
    eventually(what, PATIENCE, async || {
        let records = shop.records(order.order_id).await?;
        Ok(if ready(&records) {
            ControlFlow::Break(records)
        } else {
            ControlFlow::Continue(format!("the order is {:?}", records.state()))
        })
    })
    .await
}

/// An order that waits for a person's approval, its goods, of which there are two, and the token of its saga.
async fn waiting(shop: &Shop) -> anyhow::Result<(NewOrder, Goods, String)> {
    let threshold = shop.cloud.approval_threshold_minor().await?;
    let goods = shop.goods_at(threshold + 1, &[("wh-one", 2)], 1).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    let asked = until(shop, &order, "a request for approval", |records| records.approval().is_some()).await?;
    let token =
        asked.approval().and_then(|approval| approval.get("taskToken")?.as_str()).context("a token")?;
    Ok((order, goods, token.to_owned()))
}

/// Nothing is kept of `order`, of whose goods there are `units`.
async fn undone(shop: &Shop, goods: &Goods, units: u64, order: &NewOrder) -> anyhow::Result<OrderRecords> {
    let level = level(&shop.cloud, &goods.sku).await?;
    ensure!((level.available, level.held, level.sold) == (units, 0, 0), "{level:?}");
    let kept = shop.cloud.sandbox.payment(order.order_id).await?.map_or(0, |payment| payment.kept());
    ensure!(kept == 0, "{kept} were kept");
    let labels = shop.cloud.sandbox.labels(order.order_id).await?;
    ensure!(labels.iter().all(|label| label.status != "created"), "{labels:?}");
    shop.records(order.order_id).await
}

fn status_of(records: &OrderRecords) -> Option<&str> {
    records.approval()?.get("status")?.as_str()
}

#[tokio::test]
async fn an_order_that_waits_for_approval_is_cancelled_at_once_and_asking_twice_is_asking_once()
-> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let (order, goods, token) = waiting(&shop).await?;
    let mut capture = Capture::of_orders(&shop.cloud, &[order.order_id]).await?;
    ask(&shop, &shop.customer, &order).await?;
    ask(&shop, &shop.customer, &order).await?;
    let view = shop.ended(order.order_id).await?;
    assert_eq!((view.status, view.reason.context("a reason")?.as_str()), (Status::Cancelled, BY_CUSTOMER));
    shop.sees(order.order_id, &["OrderCancellationRequested", "StockReleased", "OrderCancelled"]).await?;
    let records = undone(&shop, &goods, 2, &order).await?;
    assert_eq!(shop.cloud.sandbox.payment(order.order_id).await?, None, "nobody was charged");
    assert_eq!((records.payment_status(), status_of(&records)), (Some("CANCELLED"), Some("CANCELLED")));
    assert!(shop.cloud.answer_task(&token, &json!({ "decision": "APPROVED" })).await.is_err(), "too late");

    // Asked once more, and the request told again: nothing changes and nothing is said.
    ask(&shop, &shop.customer, &order).await?;
    capture.hear(&shop.cloud, &[order.order_id], &["OrderCancelled"], PATIENCE).await?;
    let told: Vec<Delivery> = capture
        .heard
        .iter()
        .filter(|event| event.detail_type == "OrderCancellationRequested")
        .cloned()
        .collect();
    assert_eq!(told.len(), 1, "asked twice, said once");
    for event in &told {
        assert_eq!(ContractCheck::default().faults(event)?, Vec::<String>::new());
    }
    publish_again(&shop.cloud, &[told.clone(), told].concat()).await?;
    heard(&shop).await?;
    assert_eq!(undone(&shop, &goods, 2, &order).await?, records);
    capture.close(&shop.cloud).await
}

#[tokio::test]
async fn a_cancellation_that_overtakes_its_order_is_kept_for_it_and_for_nobody_else_s() -> anyhow::Result<()>
{
    let shop = Shop::open().await?;
    let somebody = Customer::sign_up(&shop.cloud).await?;
    let tent = shop.goods(3).await?;
    let (cancelled, wanted) = (NewOrder::of(&[(&tent, 1)]), NewOrder::of(&[(&tent, 1)]));
    ask(&shop, &shop.customer, &cancelled).await?;
    ask(&shop, &somebody, &wanted).await?;
    for (order, customer) in [(&cancelled, &shop.customer), (&wanted, &somebody)] {
        let kept = eventually("a cancellation without an order", PATIENCE, async || {
            let items =
                records::with_key(&shop.cloud, table::ORDERS, &format!("ORDER#{}", order.id())).await?;
            Ok(items
                .into_iter()
                .next()
                .map_or_else(|| ControlFlow::Continue("none".into()), ControlFlow::Break))
        })
        .await?;
        assert_eq!(kept["sk"], json!(format!("CANCELLATION#{}", customer.id)));
        assert!(kept["ttl"].is_number(), "{kept}");
    }
    shop.place_and_expect(&cancelled, Status::Rejected, Some(BY_CUSTOMER)).await?;
    shop.place_and_expect(&wanted, Status::Fulfilled, None).await?;
    let level = level(&shop.cloud, &tent.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (2, 0, 1));
    let records = shop.records(cancelled.order_id).await?;
    assert_eq!((records.reservation()?, records.payment_status()), (None, None), "nobody heard of an order");
    Ok(())
}

/// A request as `cancel-order` publishes it.
fn request(order: &NewOrder) -> anyhow::Result<Delivery> {
    let id = order.id();
    Ok(serde_json::from_value(json!({
        "source": "lakeside.orders", "detail-type": "OrderCancellationRequested",
        "detail": {
            "metadata": {
                "eventId": Uuid::new_v4(), "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": id,
                "causationId": id, "schemaVersion": 1,
            },
            "data": { "orderId": id, "total": { "amount": order.total_minor(), "currency": "USD" } },
        },
    }))?)
}

#[tokio::test]
async fn an_order_that_is_shipped_stays_shipped_whatever_its_customer_asks_and_whoever_hears_of_it_late()
-> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(3).await?;
    let order = NewOrder::of(&[(&tent, 2)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let before = shop.records(order.order_id).await?;
    ask(&shop, &shop.customer, &order).await?;
    heard(&shop).await?;
    assert_eq!(shop.records(order.order_id).await?, before);

    // A request that was recorded in time and is heard when all is bought.
    publish_again(&shop.cloud, &[request(&order)?]).await?;
    until(&shop, &order, "the end of its labels", |records| status_of(records) == Some("CANCELLED")).await?;
    for function in ["cancel-fulfilment", "advance-order", "refund-payment"] {
        shop.cloud.drained(&shop.cloud.name(function), MINUTES).await?;
    }
    let after = shop.records(order.order_id).await?;
    assert_eq!((after.state(), after.payment_status()), (Some("FULFILLED"), Some("CAPTURED")));
    assert_eq!(after.label_statuses(), ["CREATED"]);
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    assert_eq!((payment.charges, payment.kept()), (1, order.total_minor()));
    let level = level(&shop.cloud, &tent.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (1, 0, 2));
    Ok(())
}

#[tokio::test]
async fn an_order_that_is_paid_and_not_labelled_is_given_back() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(3).await?;
    let order = NewOrder::of(&[(&tent, 2)]).shipped_to("addr_sandbox_carrier_down");
    shop.cloud.api.submit(&shop.customer, &order).await?;
    until(&shop, &order, "a label that is not bought", |records| records.label_statuses() == ["REQUESTED"])
        .await?;
    ask(&shop, &shop.customer, &order).await?;
    let view = shop.ended(order.order_id).await?;
    assert_eq!((view.status, view.reason.context("a reason")?.as_str()), (Status::Cancelled, BY_CUSTOMER));
    shop.sees(order.order_id, &["PaymentCaptured", "OrderCancellationRequested", "PaymentRefunded"]).await?;
    let records = undone(&shop, &tent, 3, &order).await?;
    let (reservation, allocation) =
        (records.reservation()?.context("one")?, records.allocation()?.context("one")?);
    assert_eq!(
        (reservation.status, allocation.status),
        (ReservationStatus::Released, AllocationStatus::Released)
    );
    Ok(())
}

#[tokio::test]
async fn nobody_cancels_the_order_of_somebody_else() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let mallory = Customer::sign_up(&shop.cloud).await?;
    let (order, goods, token) = waiting(&shop).await?;
    shop.sees(order.order_id, &["StockReserved"]).await?;
    let before = shop.records(order.order_id).await?;
    ask(&shop, &mallory, &order).await?;
    heard(&shop).await?;
    assert_eq!(shop.records(order.order_id).await?, before);
    shop.cloud.answer_task(&token, &json!({ "decision": "APPROVED" })).await?;
    let view = shop.ended(order.order_id).await?;
    assert_eq!(view.status, Status::Fulfilled);
    let seen: BTreeSet<String> = view.timeline.into_iter().map(|entry| entry.event).collect();
    assert!(!seen.contains("OrderCancellationRequested"), "{seen:?}");
    let level = level(&shop.cloud, &goods.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (1, 0, 1));
    Ok(())
}

#[tokio::test]
async fn the_door_takes_a_cancellation_from_customers_alone_and_reads_no_body() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let api = &shop.cloud.api;
    let id = Uuid::new_v4().to_string();
    for token in [None, Some("token")] {
        assert_eq!(api.cancel(token, &id, Some("{}")).await?.status, StatusCode::UNAUTHORIZED);
    }
    let marker = Uuid::new_v4().simple().to_string();
    let bodies = [None, Some("{}"), Some("{\"email\":\"jane@example.com\"}"), Some("not json")];
    for (position, body) in bodies.into_iter().enumerate() {
        // No UUID, so that what came of it is found by the digest of its own text.
        let id = format!("{marker}\",\"n\":\"{position}");
        let reply = api.cancel(Some(&shop.customer.token), &id, body).await?;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{body:?}: {}", reply.body);
        let answer = reply.json()?;
        assert_eq!(answer["status"], "CANCELLATION_REQUESTED", "{answer}");
        assert_eq!(answer.as_object().map(serde_json::Map::len), Some(2), "{answer}");
        let digest = json!(hex::encode(Sha256::digest(id.as_bytes())));
        let refused = eventually("the refusal", PATIENCE, async || {
            let items = records::all(&shop.cloud, table::ORDERS).await?;
            let found = items.into_values().find(|item| item.get("orderIdDigest") == Some(&digest));
            Ok(found.map_or_else(|| ControlFlow::Continue("no record".into()), ControlFlow::Break))
        })
        .await?;
        assert_eq!(refused.get("reason").and_then(Value::as_str), Some("INVALID_ORDER_ID"));
    }
    Ok(())
}
