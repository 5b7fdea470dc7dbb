//! `lakeside order`: place, read, watch and cancel.

use std::{collections::BTreeSet, time::Duration};

use lakeside_contracts::{
    WireTime,
    api::{ExpectedTotal, OrderStatusView, PlaceOrder, PlaceOrderLine},
};
use lakeside_domain::{ids::OrderId, order_status::Status};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    arguments::{CancelOptions, OrderTask, PlaceOptions, Token, WatchOptions},
    clock,
    cloud::Cloud,
    door::{Door, Reply, encoded},
    failure::{Failure, Result},
    output::{Output, Paint, table},
    records::Records,
    trace::{
        evidence::Evidence,
        timeline::{Standing, standings},
    },
};

/// Between two looks at an order.
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    order_id: OrderId,
    view: Option<OrderStatusView>,
    records: Vec<Standing>,
}

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, task: OrderTask) -> Result<()> {
    match task {
        OrderTask::Get(whose) => get(cloud, output, whose.order_id).await,
        OrderTask::Place(options) => place(cloud, output, options).await,
        OrderTask::Cancel(options) => cancel(cloud, output, &options).await,
        OrderTask::Watch(WatchOptions { whose, timeout }) => {
            watch(cloud, output, whose.order_id, Duration::from_secs(timeout)).await
        }
    }
}

async fn get(cloud: &Cloud, output: Output, order_id: OrderId) -> Result<()> {
    let records = Records::read(cloud, order_id).await?;
    if records.is_empty() {
        return Err(Failure::not_found(format!(
            "no order {order_id} is recorded; `lakeside trace {order_id}` looks further"
        )));
    }
    // What became of a request for an approval is known to the saga alone.
    let executions =
        if records.approval.is_some() { cloud.executions_of(order_id).await? } else { Vec::new() };
    let evidence = Evidence {
        order_id,
        records,
        executions,
        dead_letters: Vec::new(),
        consumers: Vec::new(),
        logs: Vec::new(),
        now: clock::now(),
    };
    let seen = Seen { order_id, view: evidence.records.view(order_id), records: standings(&evidence) };
    output.show(&seen, || {
        let customer = seen.view.as_ref().map_or_else(
            || "its customer sees nothing of it yet".into(),
            |view| format!("its customer sees {}{}", word(view.status), why(view)),
        );
        let rows = seen.records.iter().map(|r| [r.record.to_owned(), r.status.clone(), r.detail.clone()]);
        format!(
            "{}\n{customer}\n\n{}",
            output.paint(Paint::Bold, order_id),
            table(["record", "status", ""], rows)
        )
    })
}

async fn place(cloud: &Cloud, output: Output, options: PlaceOptions) -> Result<()> {
    let PlaceOptions {
        id,
        lines,
        expected_total,
        currency,
        payment_method,
        address,
        channel,
        watch: follow,
        dry_run,
        token,
    } = options;
    let order_id = id.unwrap_or_else(|| OrderId::from_uuid(Uuid::new_v4()));
    let amount = match expected_total {
        Some(amount) => amount,
        None => catalogue_total(cloud, &lines, &currency).await?,
    };
    let body = PlaceOrder {
        channel,
        lines: lines.into_iter().map(|(sku, quantity)| PlaceOrderLine { sku, quantity }).collect(),
        expected_total: ExpectedTotal { amount, currency },
        payment_method,
        shipping_address_id: address,
    };
    let path = format!("orders/{}", encoded(&order_id.to_string()));
    if dry_run {
        return output
            .show(&json!({ "put": path, "body": body }), || format!("would PUT /{path}\n{:#}", json!(body)));
    }
    let reply = ask(cloud, &token, Method::PUT, &path, Some(json!(body).to_string())).await?;
    accepted(&reply)?;
    if follow {
        output.remark(&format!("order {order_id} is accepted"));
        return watch(cloud, output, order_id, Duration::from_mins(5)).await;
    }
    output.show(&json!({ "orderId": order_id, "status": "ACCEPTED" }), || {
        format!("{order_id} is accepted; follow it with `lakeside order watch {order_id}`")
    })
}

/// What the catalogue says that these lines cost.
async fn catalogue_total(cloud: &Cloud, lines: &[(String, i64)], currency: &str) -> Result<i64> {
    let mut total = 0_i64;
    for (sku, units) in lines {
        let price = price(cloud, sku, currency).await?;
        let sum = price.checked_mul(*units).and_then(|cost| total.checked_add(cost));
        total = sum.ok_or_else(|| Failure::usage("the lines cost more than can be counted"))?;
    }
    Ok(total)
}

/// What the catalogue says that one unit costs.
pub async fn price(cloud: &Cloud, sku: &str, currency: &str) -> Result<i64> {
    let items = cloud.partition("orders", &format!("SKU#{sku}")).await?;
    let price = items.iter().find_map(|item| {
        let price = item.get("price")?;
        let same = price.get("currency").and_then(Value::as_str) == Some(currency);
        price.get("amount")?.as_i64().filter(|_| same)
    });
    price.ok_or_else(|| {
        Failure::not_found(format!(
            "the catalogue has no price of `{sku}` in {currency}: name goods that are sold, or to `order place` say --expected-total"
        ))
    })
}

async fn cancel(cloud: &Cloud, output: Output, options: &CancelOptions) -> Result<()> {
    let order_id = options.whose.order_id;
    output.confirm(
        options.yes,
        &format!("order {order_id} is to be cancelled, unless it is shipped already"),
    )?;
    let path = format!("orders/{}/cancellation", encoded(&order_id.to_string()));
    let reply = ask(cloud, &options.token, Method::PUT, &path, None).await?;
    accepted(&reply)?;
    output.show(&json!({ "orderId": order_id, "status": "CANCELLATION_REQUESTED" }), || {
        format!("the cancellation is asked for; see what comes of it with `lakeside order watch {order_id}`")
    })
}

async fn ask(
    cloud: &Cloud,
    asker: &Token,
    method: Method,
    path: &str,
    body: Option<String>,
) -> Result<Reply> {
    let token = asker.token.as_deref().ok_or_else(|| {
        Failure::usage(
            "the door wants to know who asks: give the customer's ID token by --token or LAKESIDE_TOKEN",
        )
    })?;
    let url = asker.door.clone().unwrap_or_else(|| cloud.environment.platform.api.url.clone());
    let door = Door::new(cloud.http.clone(), url);
    door.send(method, path, &[("authorization", token)], body).await
}

/// What the door refuses, it says why.
fn accepted(reply: &Reply) -> Result<()> {
    if reply.status == StatusCode::ACCEPTED {
        return Ok(());
    }
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let said = |name| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let said = format!("{} {}", said("message"), said("detail"));
    Err(match reply.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::unreachable(format!(
            "the door does not let this token in ({}): it may have ended, sign in again",
            reply.status
        )),
        status => Failure::wrong(format!("the door answered {status}: {}", said.trim())),
    })
}

async fn watch(cloud: &Cloud, output: Output, order_id: OrderId, patience: Duration) -> Result<()> {
    let end = Instant::now() + patience;
    let mut told = BTreeSet::new();
    let mut first: Option<WireTime> = None;
    loop {
        let view = Records::read(cloud, order_id).await?.view(order_id);
        for entry in view.iter().flat_map(|view| &view.timeline) {
            let first = *first.get_or_insert(entry.occurred_at);
            if told.insert((entry.occurred_at, entry.event.clone())) && !output.json {
                let after = clock::between(first, entry.occurred_at);
                output.line(&format!("+{after:>10}  {}", entry.event))?;
            }
        }
        if let Some(view) = view.filter(|view| is_end(view.status)) {
            output.show(&view, || {
                let good = view.status == Status::Fulfilled;
                let paint = if good { Paint::Good } else { Paint::Bad };
                format!("{}{}", output.paint(paint, word(view.status)), why(&view))
            })?;
            return if view.status == Status::Fulfilled {
                Ok(())
            } else {
                Err(Failure::wrong(format!("the order ended as {}{}", word(view.status), why(&view))))
            };
        }
        if Instant::now() >= end {
            return Err(Failure::wrong(format!(
                "the order has not ended within {} s: `lakeside trace {order_id}` says where it is",
                patience.as_secs()
            )));
        }
        sleep(INTERVAL).await;
    }
}

const fn is_end(status: Status) -> bool {
    matches!(status, Status::Fulfilled | Status::Cancelled | Status::Rejected)
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Accepted => "ACCEPTED",
        Status::Confirmed => "CONFIRMED",
        Status::Cancelled => "CANCELLED",
        Status::Fulfilled => "FULFILLED",
        Status::Rejected => "REJECTED",
    }
}

fn why(view: &OrderStatusView) -> String {
    view.reason.as_ref().map(|reason| format!(" for {reason}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn a_refusal_of_the_door_says_whether_it_is_the_token_or_the_order() {
        let reply = |status, body: &str| Reply { status, body: body.into() };
        assert_eq!(accepted(&reply(StatusCode::ACCEPTED, "")), Ok(()));
        assert_eq!(accepted(&reply(StatusCode::UNAUTHORIZED, "")).unwrap_err().kind, Kind::Unreachable);
        let refused =
            accepted(&reply(StatusCode::BAD_REQUEST, r#"{"message":"Invalid request body"}"#)).unwrap_err();
        assert_eq!(refused.kind, Kind::Wrong);
        assert!(refused.sentence.contains("Invalid request body"));
    }
}
