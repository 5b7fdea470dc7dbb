//! A customer's orders, page by page.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use lakeside_contracts::api::OrderList;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{api::NewOrder, customer::Customer, shop::Shop};
use reqwest::StatusCode;
use serde_json::json;

async fn page(shop: &Shop, customer: &Customer, parameters: &[(&str, &str)]) -> anyhow::Result<OrderList> {
    let reply = shop.cloud.api.list(Some(&customer.token), parameters).await?;
    ensure!(reply.status == StatusCode::OK, "{}: {}", reply.status, reply.body);
    serde_json::from_str(&reply.body).with_context(|| format!("`{}` is no list", reply.body))
}

/// The ids of all orders of a customer, two at a time.
async fn all(shop: &Shop, customer: &Customer) -> anyhow::Result<Vec<String>> {
    let mut seen = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let mut parameters = vec![("limit", "2")];
        parameters.extend(next.as_deref().map(|next| ("next", next)));
        let list = page(shop, customer, &parameters).await?;
        ensure!(list.orders.len() == 2 || list.next.is_none(), "a page in the middle is full");
        seen.extend(list.orders.iter().map(|order| order.order_id.to_string()));
        next = list.next;
        if next.is_none() {
            return Ok(seen);
        }
    }
}

#[tokio::test]
async fn two_customers_see_their_own_orders_newest_first_and_no_others() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let other = Shop { customer: Customer::sign_up(&shop.cloud).await?, cloud: shop.cloud.clone() };
    let tent = shop.goods(20).await?;
    assert_eq!(page(&shop, &shop.customer, &[]).await?.orders, []);
    let mut placed = Vec::new();
    for units in [1, 1, 100, 1, 1] {
        let order = NewOrder::of(&[(&tent, units)]);
        let reason = (units > 1).then_some("OUT_OF_STOCK");
        let status = if reason.is_some() { Status::Rejected } else { Status::Fulfilled };
        shop.place_and_expect(&order, status, reason).await?;
        placed.push(order.id());
        other.place_and_expect(&NewOrder::of(&[(&tent, 1)]), Status::Fulfilled, None).await?;
    }
    placed.reverse();
    assert_eq!(all(&shop, &shop.customer).await?, placed);
    let theirs: BTreeSet<String> = all(&other, &other.customer).await?.into_iter().collect();
    assert_eq!(theirs.len(), 5);
    assert!(placed.iter().all(|id| !theirs.contains(id)));

    let list = page(&shop, &shop.customer, &[]).await?;
    let statuses: Vec<Status> = list.orders.iter().map(|order| order.status).collect();
    let rejected =
        [Status::Fulfilled, Status::Fulfilled, Status::Rejected, Status::Fulfilled, Status::Fulfilled];
    assert_eq!((statuses, list.next), (rejected.to_vec(), None));
    let reason = list.orders.get(2).and_then(|order| order.reason.as_ref()).context("a reason")?;
    assert_eq!(reason.as_str(), "OUT_OF_STOCK");
    Ok(())
}

#[tokio::test]
async fn a_list_is_its_customer_s_and_a_cursor_of_somebody_else_is_refused() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let mallory = Customer::sign_up(&shop.cloud).await?;
    let tent = shop.goods(5).await?;
    for _ in 0..2 {
        shop.place_and_expect(&NewOrder::of(&[(&tent, 1)]), Status::Fulfilled, None).await?;
    }
    let next = page(&shop, &shop.customer, &[("limit", "1")]).await?.next.context("a cursor")?;
    for (customer, parameters) in [
        (&mallory, [("next", next.as_str())]),
        (&shop.customer, [("next", "00")]),
        (&shop.customer, [("next", "")]),
        (&shop.customer, [("limit", "0")]),
        (&shop.customer, [("limit", "51")]),
        (&shop.customer, [("limit", "all&next=1")]),
    ] {
        let reply = shop.cloud.api.list(Some(&customer.token), &parameters).await?;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{parameters:?}: {}", reply.body);
        assert!(reply.json()?["message"].is_string(), "{}", reply.body);
    }
    assert_eq!(page(&shop, &mallory, &[]).await?.orders, []);
    for token in [None, Some("token")] {
        assert_eq!(shop.cloud.api.list(token, &[]).await?.status, StatusCode::UNAUTHORIZED);
    }
    Ok(())
}

#[tokio::test]
async fn a_cancelled_order_is_in_the_list_with_its_reason() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(1).await?;
    let order = NewOrder::of(&[(&tent, 1)]).paid_with("pm_sandbox_declined");
    shop.place_and_expect(&order, Status::Cancelled, Some("PAYMENT_DECLINED")).await?;
    let placed = shop.cloud.api.view(&shop.customer, order.order_id).await?.context("a view")?;
    let placed =
        placed.timeline.into_iter().find(|entry| entry.event == "OrderCreated").context("its beginning")?;
    let reply = shop.cloud.api.list(Some(&shop.customer.token), &[]).await?;
    let expected = json!({
        "orderId": order.id(), "status": "CANCELLED", "reason": "PAYMENT_DECLINED", "placedAt": placed.occurred_at,
    });
    assert_eq!(reply.json()?, json!({ "orders": [expected] }));
    Ok(())
}
