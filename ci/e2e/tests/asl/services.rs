//! The saga with real queues, a real table and a real bus of the emulator; functions alone are played by the test.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use lakeside_domain::order::CANCELLED_BY_CUSTOMER;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{
    PATIENCE, Script, Stage, assert_command, assert_compensated, assert_valid, cloud, order, success,
};

/// Puts what exists in the place of placeholders.
fn fill_in(template: &mut Value, existing: &HashMap<&str, String>) {
    match template {
        Value::String(text) => {
            if let Some(filled) = existing.get(text.as_str()) {
                text.clone_from(filled);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, existing)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill_in(field, existing)),
        _ => {}
    }
}

async fn receive(sqs: &aws_sdk_sqs::Client, queue: &str) -> Value {
    let deadline = Instant::now().checked_add(PATIENCE).unwrap();
    while Instant::now() < deadline {
        let received = sqs.receive_message().queue_url(queue).wait_time_seconds(5).send().await.unwrap();
        if let Some(message) = received.messages.unwrap_or_default().pop() {
            let receipt = message.receipt_handle.unwrap();
            sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await.unwrap();
            return serde_json::from_str(&message.body.unwrap()).unwrap();
        }
    }
    panic!("nothing came to {queue}")
}

/// A table, a bus and a queue that hears what is published on it.
struct Services {
    name: String,
    facts: String,
    sqs: aws_sdk_sqs::Client,
    dynamo: aws_sdk_dynamodb::Client,
    events: aws_sdk_eventbridge::Client,
}

impl Services {
    async fn create() -> Self {
        let cloud = cloud().await;
        let name = format!("asl-{}", Uuid::new_v4());
        let sqs = aws_sdk_sqs::Client::new(&cloud.config);
        let facts = sqs.create_queue().queue_name(format!("{name}-facts")).send().await.unwrap();
        let services = Self {
            name,
            facts: facts.queue_url.unwrap(),
            sqs,
            dynamo: aws_sdk_dynamodb::Client::new(&cloud.config),
            events: aws_sdk_eventbridge::Client::new(&cloud.config),
        };
        services.create_table().await;
        services.create_bus().await;
        services
    }

    async fn create_table(&self) {
        let key = |field: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(field).key_type(kind).build().unwrap()
        };
        let text = |field: &str| {
            let text = AttributeDefinition::builder().attribute_type(ScalarAttributeType::S);
            text.attribute_name(field).build().unwrap()
        };
        self.dynamo
            .create_table()
            .table_name(&self.name)
            .set_key_schema(Some(vec![key("pk", KeyType::Hash), key("sk", KeyType::Range)]))
            .set_attribute_definitions(Some(vec![text("pk"), text("sk")]))
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
    }

    async fn create_bus(&self) {
        self.events.create_event_bus().name(&self.name).send().await.unwrap();
        let pattern = json!({ "source": ["lakeside.fulfilment"], "detail-type": ["FulfilmentCompleted"] });
        let rule = self.events.put_rule().event_bus_name(&self.name).name("facts");
        let rule = rule.event_pattern(pattern.to_string()).send().await.unwrap();
        let asked = self.sqs.get_queue_attributes().queue_url(&self.facts);
        let attributes = asked.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap().attributes;
        let facts = attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "events.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": facts,
            "Condition": { "ArnEquals": { "aws:SourceArn": rule.rule_arn.unwrap() } },
        }] });
        let opened = self.sqs.set_queue_attributes().queue_url(&self.facts);
        opened.attributes(QueueAttributeName::Policy, policy.to_string()).send().await.unwrap();
        let target = Target::builder().id("facts").arn(facts).build().unwrap();
        let targets = self.events.put_targets().event_bus_name(&self.name).rule("facts");
        targets.targets(target).send().await.unwrap();
    }

    async fn strike(self) {
        let Self { name, facts, sqs, dynamo, events } = self;
        let _ = events.remove_targets().event_bus_name(&name).rule("facts").ids("facts").send().await;
        let _ = events.delete_rule().event_bus_name(&name).name("facts").send().await;
        let _ = events.delete_event_bus().name(&name).send().await;
        let _ = dynamo.delete_table().table_name(&name).send().await;
        let _ = sqs.delete_queue().queue_url(facts).send().await;
    }
}

#[tokio::test]
async fn queues_table_and_bus_are_really_called() {
    let services = Services::create().await;
    let (sqs, name) = (&services.sqs, &services.name);
    let commands = sqs.create_queue().queue_name(format!("{name}-commands")).send().await.unwrap();
    let commands = commands.queue_url.unwrap();
    let existing: HashMap<&str, String> = HashMap::from([
        ("reserve_stock_queue_url", commands.clone()),
        ("capture_payment_queue_url", commands.clone()),
        ("fulfilment_table_name", name.clone()),
        ("fulfilment_bus_name", name.clone()),
    ]);
    let is_function = |_: &str, task: &Value| task["Resource"].as_str().unwrap().contains(":lambda:");
    let stage = Stage::of(is_function, |definition| fill_in(definition, &existing)).await;
    let answer = async |token: String, output: Value| {
        let answered = stage.sfn.send_task_success().task_token(token).output(output.to_string());
        answered.send().await.unwrap();
    };
    let people_and_workers = async {
        let reserve = receive(sqs, &commands).await;
        assert_command("ReserveStock", &reserve);
        answer(token_of(&reserve), success("ReserveStock", &Value::Null)).await;
        let token = approval_token(&services.dynamo, name).await;
        answer(token, json!({ "decision": "APPROVED" })).await;
        let capture = receive(sqs, &commands).await;
        assert_command("CapturePayment", &capture);
        answer(token_of(&capture), success("CapturePayment", &Value::Null)).await;
        receive(sqs, &services.facts).await
    };
    let input = order();
    let (run, event) = tokio::join!(stage.play(&input, Script::default()), people_and_workers);
    assert!(run.entered("Fulfilled"), "{run:?}");
    assert_eq!(event["source"], "lakeside.fulfilment");
    assert_eq!(event["detail-type"], "FulfilmentCompleted");
    assert_valid("events/fulfilment/fulfilment-completed/v1.schema.json", &event["detail"]);

    stage.strike().await;
    let _ = sqs.delete_queue().queue_url(&commands).send().await;
    services.strike().await;
}

#[tokio::test]
async fn an_approval_that_the_customer_cancelled_first_is_not_asked_for() {
    let services = Services::create().await;
    let name = &services.name;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let pk = format!("APPROVAL#{}", order()["orderId"].as_str().unwrap());
    let closed = services.dynamo.put_item().table_name(name).item("pk", text(&pk));
    let closed = closed.item("sk", text("APPROVAL")).item("status", text("CANCELLED"));
    closed.send().await.unwrap();

    let existing: HashMap<&str, String> = HashMap::from([("fulfilment_table_name", name.clone())]);
    let other_than_table = |_: &str, task: &Value| !task["Resource"].as_str().unwrap().contains(":dynamodb:");
    let stage = Stage::of(other_than_table, |definition| fill_in(definition, &existing)).await;
    let run = stage.play(&order(), Script::default()).await;
    assert_compensated(&run, "RequestApproval", CANCELLED_BY_CUSTOMER, &["ReleaseStock"]);

    let key = services.dynamo.get_item().table_name(name).key("pk", text(&pk)).key("sk", text("APPROVAL"));
    let item = key.send().await.unwrap().item.unwrap();
    assert_eq!((&item["status"], item.get("taskToken")), (&text("CANCELLED"), None));
    stage.strike().await;
    services.strike().await;
}

fn token_of(command: &Value) -> String {
    command["taskToken"].as_str().unwrap().to_owned()
}

async fn approval_token(dynamo: &aws_sdk_dynamodb::Client, table: &str) -> String {
    let order_id = order()["orderId"].as_str().unwrap().to_owned();
    let deadline = Instant::now().checked_add(PATIENCE).unwrap();
    loop {
        let found = dynamo
            .get_item()
            .table_name(table)
            .key("pk", AttributeValue::S(format!("APPROVAL#{order_id}")))
            .key("sk", AttributeValue::S("APPROVAL".to_owned()))
            .send()
            .await
            .unwrap();
        if let Some(item) = found.item {
            assert_eq!(item["status"], AttributeValue::S("PENDING".to_owned()));
            let AttributeValue::M(total) = &item["total"] else { panic!("{item:?}") };
            assert_eq!(total["amount"], AttributeValue::N("36800".to_owned()));
            return item["taskToken"].as_s().unwrap().clone();
        }
        assert!(Instant::now() < deadline, "no approval was requested");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
