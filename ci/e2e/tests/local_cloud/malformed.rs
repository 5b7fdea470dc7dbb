//! One bad message does not stop the good ones beside it.

use std::{collections::HashMap, ops::ControlFlow, time::Duration};

use anyhow::{Context, ensure};
use aws_sdk_sqs::types::{Message, MessageAttributeValue, SendMessageBatchRequestEntry};
use lakeside_domain::order_status::Status;
use lakeside_e2e::{api::NewOrder, poll::eventually, queues::is_for_dead_letters, shop::Shop};
use serde_json::{Value, json};
use uuid::Uuid;

/// Every delivery but the first waits for the visibility timeout.
const RETRIES: Duration = Duration::from_mins(10);

fn attribute(text: &str) -> anyhow::Result<MessageAttributeValue> {
    Ok(MessageAttributeValue::builder().data_type("String").string_value(text).build()?)
}

/// What API Gateway would send.
fn entry(shop: &Shop, order: &NewOrder, body: String) -> anyhow::Result<SendMessageBatchRequestEntry> {
    Ok(SendMessageBatchRequestEntry::builder()
        .id(order.id())
        .message_body(body)
        .message_attributes("orderId", attribute(&order.id())?)
        .message_attributes("principal", attribute(&shop.customer.id)?)
        .build()?)
}

#[tokio::test]
async fn nine_of_ten_are_processed_and_the_malformed_one_reaches_the_dead_letters() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(20).await?;
    let queue = shop.cloud.name("order-ingest");
    let marker = format!("{{\"no order\": \"{}\"", Uuid::new_v4());
    let mut entries = Vec::new();
    let mut good = Vec::new();
    for position in 0..10 {
        let order = NewOrder::of(&[(&tent, 1)]);
        if position == 4 {
            entries.push(entry(&shop, &order, marker.clone())?);
        } else {
            entries.push(entry(&shop, &order, order.body())?);
            good.push(order);
        }
    }
    let url = shop.cloud.queue_url(&queue).await?;
    let sent = shop.cloud.sqs.send_message_batch().queue_url(&url).set_entries(Some(entries)).send().await?;
    ensure!(sent.failed().is_empty(), "{:?}", sent.failed());

    for order in &good {
        let view = shop.ended(order.order_id).await?;
        assert_eq!(view.status, Status::Fulfilled);
    }
    let dead_letters = shop.cloud.queue_url(&format!("{queue}-dlq")).await?;
    let dead = eventually("the arrival of the malformed message", RETRIES, async || {
        let messages = shop
            .cloud
            .sqs
            .receive_message()
            .queue_url(&dead_letters)
            .max_number_of_messages(10)
            .visibility_timeout(1)
            .send()
            .await?
            .messages
            .unwrap_or_default();
        let count = messages.len();
        Ok(match messages.into_iter().find(|message| message.body.as_ref() == Some(&marker)) {
            Some(message) => ControlFlow::Break(message),
            None => ControlFlow::Continue(format!("{count} other messages are there")),
        })
    })
    .await?;
    // As operations would after a look at it; what is left counts against the reconciliation.
    let Message { receipt_handle, .. } = dead;
    let handle = receipt_handle.context("a message without handle")?;
    shop.cloud.sqs.delete_message().queue_url(&dead_letters).receipt_handle(handle).send().await?;
    Ok(())
}

#[tokio::test]
async fn every_dead_letter_queue_has_an_alarm_above_zero() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let alarms = dead_letter_alarms(&shop).await?;
    let queues = shop.cloud.queue_depths().await?;
    let dead_letters: Vec<&String> = queues.keys().filter(|name| is_for_dead_letters(name)).collect();
    assert!(dead_letters.len() >= 7, "{dead_letters:?}");
    for queue in dead_letters {
        let alarm = alarms.get(queue).with_context(|| format!("no alarm on {queue}"))?;
        assert_eq!(alarm.get("Threshold").and_then(Value::as_f64), Some(0.0), "{queue}");
        assert_eq!(text(alarm, "ComparisonOperator"), Some("GreaterThanThreshold"), "{queue}");
        let actions = alarm.get("AlarmActions").and_then(Value::as_array);
        assert!(actions.is_some_and(|actions| !actions.is_empty()), "{queue}");
    }
    Ok(())
}

/// The alarms on numbers of messages, by queue.
async fn dead_letter_alarms(shop: &Shop) -> anyhow::Result<HashMap<String, Value>> {
    let (mut alarms, mut request) = (HashMap::new(), json!({ "MaxRecords": 100 }));
    loop {
        let target = "GraniteServiceVersion20100801.DescribeAlarms";
        let page = shop.cloud.signed.json("monitoring", target, &request).await?;
        for alarm in page.get("MetricAlarms").and_then(Value::as_array).context("no alarms")? {
            let queue = alarm.pointer("/Dimensions/0/Value").and_then(Value::as_str);
            if let (Some("ApproximateNumberOfMessagesVisible"), Some(queue)) =
                (text(alarm, "MetricName"), queue)
            {
                alarms.insert(queue.to_owned(), alarm.clone());
            }
        }
        let Some(token) = text(&page, "NextToken") else { return Ok(alarms) };
        request = json!({ "MaxRecords": 100, "NextToken": token });
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}
