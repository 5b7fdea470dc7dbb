//! One order on its way, told hop by hop as the buses announce them.

use std::{ops::ControlFlow, time::Duration};

use anyhow::{Context, bail};
use lakeside_cli::events::describe;
use lakeside_contracts::{Delivery, EventData, WireTime, events as wire};
use lakeside_domain::order_status::Status;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    api::NewOrder,
    books::dollars,
    capture::{Capture, event_id},
    cloud::Cloud,
    customer::Customer,
    poll::eventually,
};

/// One hop of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// What happened, in one word.
    pub name: &'static str,
    /// Milliseconds since the order was submitted.
    pub after_ms: i64,
    /// What is worth knowing about it.
    pub detail: String,
}

/// What is to be heard, in the order in which it is told; the last ends the journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Story {
    chapters: &'static [(&'static str, &'static str)],
    /// The status that the customer sees in the end.
    pub ends: Status,
}

/// All goes well.
pub const FULFILLED: Story = Story {
    chapters: &[
        (wire::OrderCreated::DETAIL_TYPE, "created"),
        (wire::StockReserved::DETAIL_TYPE, "reserved"),
        (wire::PaymentCaptured::DETAIL_TYPE, "paid"),
        (wire::WarehouseAllocated::DETAIL_TYPE, "allocated"),
        (wire::ShipmentLabelled::DETAIL_TYPE, "labelled"),
        (wire::OrderFulfilled::DETAIL_TYPE, "fulfilled"),
    ],
    ends: Status::Fulfilled,
};

/// The card is declined.
pub const DECLINED: Story = Story {
    chapters: &[
        (wire::OrderCreated::DETAIL_TYPE, "created"),
        (wire::StockReserved::DETAIL_TYPE, "reserved"),
        (wire::PaymentDeclined::DETAIL_TYPE, "declined"),
        (wire::StockReleased::DETAIL_TYPE, "released"),
        (wire::OrderCancelled::DETAIL_TYPE, "cancelled"),
    ],
    ends: Status::Cancelled,
};

/// The customer cancels it before it is paid.
pub const CANCELLED: Story = Story {
    chapters: &[
        (wire::OrderCreated::DETAIL_TYPE, "created"),
        (wire::StockReserved::DETAIL_TYPE, "reserved"),
        (wire::OrderCancellationRequested::DETAIL_TYPE, "unwanted"),
        (wire::StockReleased::DETAIL_TYPE, "released"),
        (wire::OrderCancelled::DETAIL_TYPE, "cancelled"),
    ],
    ends: Status::Cancelled,
};

/// A journey that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// Every hop.
    pub hops: Vec<Hop>,
}

impl Journey {
    /// From the door's 202 to the last hop.
    pub fn duration(&self) -> Duration {
        let after = |hop: Option<&Hop>| hop.map_or(0, |hop| hop.after_ms);
        let accepted = after(self.hops.first());
        let millis = after(self.hops.last()).saturating_sub(accepted);
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }

    /// The number of parcels.
    pub fn parcels(&self) -> usize {
        self.hops.iter().filter(|hop| hop.name == "labelled").count()
    }
}

/// Submits `order` and follows it to the end of `story`, telling each hop as soon as all before it are told.
///
/// # Errors
/// If the door refuses the order, or its story does not end within `deadline`, or the customer sees another end.
pub async fn follow(
    cloud: &Cloud,
    customer: &Customer,
    order: &NewOrder,
    story: Story,
    deadline: Duration,
    mut tell: impl FnMut(&Hop),
) -> anyhow::Result<Journey> {
    let mut capture = Capture::of_orders(cloud, &[order.order_id]).await?;
    let submitted = now_ms();
    let reply = cloud.api.put(Some(&customer.token), &order.id(), order.body()).await?;
    if reply.status != StatusCode::ACCEPTED {
        bail!("the door answered {} instead of 202: {}", reply.status, reply.body);
    }
    let accepted = Hop {
        name: "accepted",
        after_ms: now_ms() - submitted,
        detail: format!("202, {}", dollars(order.total_minor())),
    };
    tell(&accepted);
    let mut telling = Telling { hops: vec![accepted], chapters: story.chapters, parcels: 1 };
    let outcome = eventually("the end of the order's journey", deadline, async || {
        capture.take_in(cloud).await?;
        telling.go_on(&capture.heard, submitted, &mut tell)?;
        Ok(telling.chapters.first().map_or(ControlFlow::Break(()), |(_, name)| {
            ControlFlow::Continue(format!("order {} was not {name}", order.order_id))
        }))
    })
    .await;
    capture.close(cloud).await?;
    outcome?;
    eventually("the end in the customer's view", deadline, async || {
        let seen = cloud.api.view(customer, order.order_id).await?.map(|view| view.status);
        Ok(match seen {
            Some(status) if status == story.ends => ControlFlow::Break(()),
            other => ControlFlow::Continue(format!("the customer sees {other:?}")),
        })
    })
    .await?;
    Ok(Journey { hops: telling.hops })
}

/// What was told and what is left to tell.
struct Telling {
    hops: Vec<Hop>,
    chapters: &'static [(&'static str, &'static str)],
    parcels: usize,
}

impl Telling {
    /// Tells every chapter for which all that belongs to it was heard.
    fn go_on(
        &mut self,
        heard: &[Delivery],
        submitted: i64,
        tell: &mut impl FnMut(&Hop),
    ) -> anyhow::Result<()> {
        while let Some(((detail_type, name), rest)) = self.chapters.split_first() {
            let mut events: Vec<&Delivery> =
                heard.iter().filter(|event| event.detail_type == *detail_type).collect();
            events.sort_by_key(|event| event_id(event));
            events.dedup_by_key(|event| event_id(event));
            events.sort_by_key(|event| occurred_at(event));
            let wanted = if *detail_type == wire::ShipmentLabelled::DETAIL_TYPE { self.parcels } else { 1 };
            if events.len() < wanted {
                return Ok(());
            }
            for event in events {
                if *detail_type == wire::WarehouseAllocated::DETAIL_TYPE {
                    self.parcels = event.decode::<wire::WarehouseAllocated>()?.data.shipments.len();
                }
                let hop = Hop { name, after_ms: occurred_ms(event)? - submitted, detail: describe(event)? };
                tell(&hop);
                self.hops.push(hop);
            }
            self.chapters = rest;
        }
        Ok(())
    }
}

fn occurred_at(event: &Delivery) -> &str {
    event.detail.pointer("/metadata/occurredAt").and_then(Value::as_str).unwrap_or_default()
}

fn occurred_ms(event: &Delivery) -> anyhow::Result<i64> {
    let time = WireTime::try_from(occurred_at(event).to_owned()).context("an event without time")?;
    Ok(time.0.as_millis())
}

fn now_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(detail_type: &str, id: u32, data: &Value) -> Delivery {
        serde_json::from_value(json!({
            "source": if detail_type.starts_with("Order") { "lakeside.orders" }
                else if detail_type.starts_with("Warehouse") { "lakeside.inventory" }
                else { "lakeside.fulfilment" },
            "detail-type": detail_type,
            "detail": {
                "metadata": {
                    "eventId": format!("00000000-0000-0000-0000-00000000000{id}"),
                    "occurredAt": format!("1970-01-01T00:00:00.00{id}Z"),
                    "correlationId": ORDER,
                    "causationId": ORDER,
                    "schemaVersion": 1,
                },
                "data": data,
            },
        }))
        .unwrap()
    }

    const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";
    const LAST_CHAPTERS: &[(&str, &str)] = &[
        ("WarehouseAllocated", "allocated"),
        ("ShipmentLabelled", "labelled"),
        ("OrderFulfilled", "fulfilled"),
    ];

    #[test]
    fn a_chapter_waits_for_those_before_it_and_is_told_once() {
        let label = |id: u32| {
            let parcel = format!("00000000-0000-0000-0000-00000000001{id}");
            let data = json!({ "orderId": ORDER, "shipmentId": parcel, "trackingNumber": format!("LS{id}") });
            event("ShipmentLabelled", id, &data)
        };
        let parcel = |node: &str| json!({ "shipmentId": ORDER, "node": node, "lines": [{ "sku": "TENT", "quantity": 1 }] });
        let shipments = json!({ "orderId": ORDER, "shipments": [parcel("a"), parcel("b")] });
        let mut heard = vec![event("OrderFulfilled", 4, &json!({ "orderId": ORDER })), label(3), label(3)];
        let mut telling = Telling { hops: Vec::new(), chapters: LAST_CHAPTERS, parcels: 1 };
        let mut told = Vec::new();
        telling.go_on(&heard, 0, &mut |hop| told.push(hop.clone())).unwrap();
        assert_eq!(told, []);
        heard.push(event("WarehouseAllocated", 1, &shipments));
        telling.go_on(&heard, 0, &mut |hop| told.push(hop.clone())).unwrap();
        assert_eq!(told.len(), 1);
        heard.push(label(2));
        telling.go_on(&heard, 0, &mut |hop| told.push(hop.clone())).unwrap();
        let names: Vec<_> = told.iter().map(|hop| (hop.name, hop.after_ms)).collect();
        assert_eq!(names, [("allocated", 1), ("labelled", 2), ("labelled", 3), ("fulfilled", 4)]);
        assert!(telling.chapters.is_empty());
    }
}
