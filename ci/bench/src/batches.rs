//! What Lambda hands to the functions: batches of SQS messages, the same in every run.

#![expect(clippy::indexing_slicing, reason = "what is indexed is JSON that is made here")]

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    makes::Function,
    table::{PRICE, SKUS, SOLD_OUT},
};

/// Messages of a batch.
pub const SIZE: u64 = 10;

/// A customer of whom there are orders.
const CUSTOMER: &str = "5a1f0c7e-2b97-4e7a-b45f-538736779101";

/// The id of the order with this number.
fn order_id(number: u64) -> String {
    Uuid::from_u128(0x7e57_d004_2b97_4e7a_b45f_0000_0000_0000 | u128::from(number)).to_string()
}

fn sku(number: u64) -> String {
    format!("SKU-{}", number % SKUS)
}

/// Lines of an order: one to three.
fn lines(number: u64) -> Vec<(String, i64)> {
    (0..=number % 3).map(|line| (sku(number + line), 1 + i64::from(u8::from(line == 1)))).collect()
}

fn message(id: u64, body: &str, attributes: &[(&str, String)]) -> Value {
    let attributes: serde_json::Map<String, Value> = attributes
        .iter()
        .map(|(name, value)| {
            let value = json!({ "stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String" });
            ((*name).to_owned(), value)
        })
        .collect();
    json!({
        "messageId": Uuid::from_u128(0x0e57_0000_0000_4000_8000_0000_0000_0000 | u128::from(id)).to_string(),
        "receiptHandle": "AQEB",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795680060000",
            "SenderId": "AROA",
            "ApproximateFirstReceiveTimestamp": "1795680060001",
        },
        "messageAttributes": attributes,
        "md5OfBody": "00000000000000000000000000000000",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:lakeside-bench",
        "awsRegion": "us-east-1",
    })
}

fn submission(lines: &[(String, i64)], total: i64) -> Value {
    let lines: Vec<Value> =
        lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
    json!({
        "channel": "web",
        "lines": lines,
        "expectedTotal": { "amount": total, "currency": "USD" },
        "paymentMethod": "pm_1",
        "shippingAddressId": "addr_1",
    })
}

fn total(lines: &[(String, i64)]) -> i64 {
    lines.iter().map(|(_, quantity)| quantity * PRICE).sum()
}

fn submitted(id: u64, order_id: &str, body: &Value) -> Value {
    let attributes = [("orderId", order_id.to_owned()), ("principal", CUSTOMER.to_owned())];
    message(id, &body.to_string(), &attributes)
}

fn good_submission(number: u64) -> Value {
    let lines = lines(number);
    submitted(number, &order_id(number), &submission(&lines, total(&lines)))
}

fn created(id: u64, number: u64, lines: &[(String, i64)]) -> Value {
    let unit_price = json!({ "amount": PRICE, "currency": "USD" });
    let total = json!({ "amount": total(lines), "currency": "USD" });
    let lines: Vec<Value> = lines
        .iter()
        .map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity, "unitPrice": unit_price }))
        .collect();
    let event_id =
        Uuid::from_u128(0xe000_0000_0000_4000_8000_0000_0000_0000 | u128::from(number)).to_string();
    let event = json!({
        "version": "0",
        "id": event_id,
        "detail-type": "OrderCreated",
        "source": "lakeside.orders",
        "account": "000000000000",
        "time": "2026-11-27T09:01:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "metadata": {
                "eventId": event_id,
                "occurredAt": "2026-11-27T09:01:00.000Z",
                "correlationId": order_id(number),
                "causationId": event_id,
                "schemaVersion": 1,
            },
            "data": {
                "orderId": order_id(number),
                "customerId": CUSTOMER,
                "channel": "web",
                "lines": lines,
                "total": total,
                "paymentMethod": "pm_1",
                "shippingAddressId": "addr_1",
            },
        },
    });
    message(id, &event.to_string(), &[])
}

/// The command of the saga for the same order.
fn command(id: u64, number: u64, lines: &[(String, i64)]) -> Value {
    let lines: Vec<Value> =
        lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
    let command = json!({
        "command": "ReserveStock",
        "orderId": order_id(number),
        "lines": lines,
        "taskToken": format!("token-{number}"),
        "metadata": { "correlationId": order_id(number), "causationId": order_id(number) },
    });
    message(id, &command.to_string(), &[])
}

/// A batch of [`SIZE`] orders that nothing is wrong with, each new.
pub fn plain(function: Function, batch: u64) -> Value {
    let numbers = batch * SIZE..(batch + 1) * SIZE;
    let records: Vec<Value> = match function {
        Function::OrderIngest => numbers.map(good_submission).collect(),
        Function::ReserveStock => numbers.map(|number| created(number, number, &lines(number))).collect(),
    };
    json!({ "Records": records })
}

/// Batches with everything in them that the functions tell apart.
pub fn telling(function: Function) -> Vec<Value> {
    let batches = match function {
        Function::OrderIngest => telling_submissions(),
        Function::ReserveStock => telling_requests(),
    };
    batches.into_iter().map(|records| json!({ "Records": records })).collect()
}

fn telling_submissions() -> Vec<Vec<Value>> {
    let one = |sku: &str, quantity: i64| submission(&[(sku.to_owned(), quantity)], quantity * PRICE);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut body = one("SKU-1", 1);
        change(&mut body);
        body
    };
    let cents_off = submission(&[("SKU-1".to_owned(), 1)], PRICE + 1);
    let twice = submission(&[("SKU-1".to_owned(), 1), ("SKU-1".to_owned(), 2)], 3 * PRICE);
    let many: Vec<_> = (0..21).map(|number| (format!("SKU-{number}"), 1)).collect();
    let partner = changed(&|body| {
        body.as_object_mut().map(|fields| fields.remove("channel"));
    });
    let partners = |channel: &str| {
        let attributes = [
            ("orderId", order_id(930)),
            ("principal", "partner_1".to_owned()),
            ("channel", channel.to_owned()),
        ];
        message(930, &partner.to_string(), &attributes)
    };
    vec![
        vec![
            good_submission(1),
            submitted(902, "no-uuid", &one("SKU-1", 1)),
            submitted(903, &order_id(903), &one("NOWHERE", 1)),
            submitted(904, &order_id(904), &cents_off),
            submitted(905, &order_id(905), &twice),
            submitted(906, &order_id(906), &submission(&many, 21 * PRICE)),
            submitted(907, &order_id(907), &submission(&[], 0)),
            submitted(908, &order_id(908), &one("SKU-1", 1_000)),
            submitted(909, &order_id(909), &changed(&|body| body["channel"] = "fax".into())),
            submitted(910, &order_id(910), &changed(&|body| body["paymentMethod"] = "4111".into())),
        ],
        vec![
            good_submission(1),
            submitted(911, &order_id(1), &one("SKU-2", 1)),
            submitted(912, &order_id(912), &changed(&|body| body["more"] = 1.into())),
            submitted(913, &order_id(913), &changed(&|body| body["lines"][0]["quantity"] = json!(2.0))),
            submitted(914, &order_id(914), &changed(&|body| body["lines"][0]["quantity"] = json!(1.5))),
            submitted(915, &order_id(915), &changed(&|body| body["lines"][0]["sku"] = "lower".into())),
            message(916, &one("SKU-1", 1).to_string(), &[("orderId", order_id(916))]),
            message(917, "no JSON", &[("orderId", order_id(917)), ("principal", CUSTOMER.to_owned())]),
            submitted(918, &order_id(918).to_uppercase(), &one("SKU-3", 2)),
            submitted(
                919,
                &order_id(919),
                &changed(&|body| body["expectedTotal"]["currency"] = "EUR".into()),
            ),
        ],
        vec![partners("marketplace")],
        vec![partners("web")],
    ]
}

fn telling_requests() -> Vec<Vec<Value>> {
    let one = |sku: &str, quantity: i64| vec![(sku.to_owned(), quantity)];
    let twice = [("SKU-1".to_owned(), 1), ("SKU-1".to_owned(), 1)];
    let all = [("SKU-1".to_owned(), 1), (SOLD_OUT.to_owned(), 1)];
    vec![
        vec![
            created(1, 1, &lines(1)),
            created(2, 2, &lines(2)),
            created(3, 1, &lines(1)),
            created(4, 4, &one(SOLD_OUT, 2)),
            created(5, 5, &all),
            created(6, 6, &all),
            created(7, 7, &one("NOWHERE", 1)),
            created(8, 8, &twice),
            message(9, "no JSON", &[]),
            message(10, &json!({ "command": "ReleaseStock", "orderId": order_id(1) }).to_string(), &[]),
        ],
        vec![
            command(11, 1, &lines(1)),
            command(12, 4, &one(SOLD_OUT, 2)),
            command(13, 13, &lines(13)),
            created(14, 13, &lines(13)),
        ],
    ]
}
