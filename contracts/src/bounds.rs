//! What the schemas say and the types alone do not, checked where a document is read: nobody acts on an event or a
//! command that its contract forbids. Fields that the reader does not know are no business of this module.

use lakeside_domain::{level::Level, loyalty::Points, money::Money, order::MAX_LINES};
use serde::{Deserialize, Deserializer, de::Error};

use crate::SCHEMA_VERSION;

/// The largest amount: what a JSON number holds exactly in every reader.
pub const MAX_AMOUNT: i64 = 9_007_199_254_740_991;
/// The most units of a SKU that there can be anywhere.
pub const MAX_STOCK: u64 = Level::MAX_UNITS;
/// The longest task token.
pub const MAX_TOKEN: usize = 2048;
/// The longest name from the source code.
const MAX_NAME: usize = 64;

pub fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        SCHEMA_VERSION => Ok(SCHEMA_VERSION),
        other => Err(D::Error::custom(format_args!("schema version `{other}` is not known"))),
    }
}

pub fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    let money = Money::deserialize(deserializer)?;
    if (0..=MAX_AMOUNT).contains(&money.amount()) {
        Ok(money)
    } else {
        Err(D::Error::custom(format_args!("amount `{}` is out of range", money.amount())))
    }
}

/// At least one, and no more than a JSON number holds.
pub fn points<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Points, D::Error> {
    let points = Points::deserialize(deserializer)?;
    if (1..=MAX_AMOUNT.unsigned_abs()).contains(&points.count()) {
        Ok(points)
    } else {
        Err(D::Error::custom(format_args!("`{}` points are out of range", points.count())))
    }
}

/// How many units there are.
pub fn stock<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, 0, MAX_STOCK, "units of stock")
}

/// How often an item of stock was written.
pub fn stock_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, 1, MAX_AMOUNT.unsigned_abs(), "version of stock")
}

fn within<'de, D: Deserializer<'de>>(
    deserializer: D,
    least: u64,
    most: u64,
    what: &str,
) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(D::Error::custom(format_args!("`{number}` is out of range for a {what}")))
    }
}

/// At least one.
pub fn some<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items = Vec::deserialize(deserializer)?;
    if items.is_empty() { Err(D::Error::invalid_length(0, &"one or more")) } else { Ok(items) }
}

/// As many as an order may have.
pub fn lines<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let lines: Vec<T> = some(deserializer)?;
    if lines.len() > MAX_LINES {
        return Err(D::Error::invalid_length(lines.len(), &"no more lines than an order has"));
    }
    Ok(lines)
}

/// A name from the source code.
pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let fits = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.len() <= MAX_NAME
        && name.chars().all(|c| c.is_ascii_alphabetic());
    if fits { Ok(name) } else { Err(D::Error::custom("the name is malformed")) }
}

pub fn task_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let token = String::deserialize(deserializer)?;
    if (1..=MAX_TOKEN).contains(&token.chars().count()) {
        Ok(token)
    } else {
        Err(D::Error::custom("the task token is malformed"))
    }
}

/// A whole number, however it is written: to JSON, `2`, `2.0` and `2e0` are one number, and `-0` is `0`.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Whole(i64),
        Other(f64),
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 53 bits")]
    match Number::deserialize(deserializer)? {
        Number::Whole(n) => Ok(n),
        #[expect(clippy::cast_precision_loss, reason = "the bound is what a float holds exactly")]
        Number::Other(n) if n.fract() == 0.0 && n.abs() <= MAX_AMOUNT as f64 => Ok(n as i64),
        Number::Other(n) => Err(D::Error::custom(format_args!("`{n}` is no whole number in range"))),
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::adjustment::Kind;
    use serde_json::{Value, json};

    use crate::{
        Event,
        api::PlaceOrder,
        commands::{AdjustStock, Command, PublishStock},
        events::{FulfilmentFailed, OrderCreated, StockLevelChanged},
        generate::documents,
    };

    fn example(folder: &str) -> Value {
        let path = format!("{folder}/examples/v1.json");
        let document = documents().unwrap().into_iter().find(|d| d.path == path).unwrap();
        serde_json::from_str(&document.text).unwrap()
    }

    fn with(mut document: Value, pointer: &str, value: Value) -> Value {
        *document.pointer_mut(pointer).unwrap() = value;
        document
    }

    #[test]
    fn what_a_contract_forbids_is_not_read() {
        let created = example("events/orders/order-created");
        assert!(serde_json::from_value::<Event<OrderCreated>>(created.clone()).is_ok());
        let line = created["data"]["lines"][0].clone();
        for (pointer, value) in [
            ("/metadata/schemaVersion", json!(2)),
            ("/metadata/occurredAt", json!("-000001-01-01T00:00:00.000Z")),
            ("/data/total/amount", json!(-1)),
            ("/data/total/amount", json!(super::MAX_AMOUNT + 1)),
            ("/data/lines/0/unitPrice/amount", json!(-1)),
            ("/data/lines", json!([])),
            ("/data/lines", json!(vec![line; 21])),
        ] {
            let document = with(created.clone(), pointer, value);
            assert!(serde_json::from_value::<Event<OrderCreated>>(document).is_err(), "{pointer}");
        }
        let failed = example("events/fulfilment/fulfilment-failed");
        for step in ["", "capture", "Capture payment", &"A".repeat(65)] {
            let document = with(failed.clone(), "/data/step", json!(step));
            assert!(serde_json::from_value::<Event<FulfilmentFailed>>(document).is_err(), "{step}");
        }
        let level = example("events/inventory/stock-level-changed");
        assert!(serde_json::from_value::<Event<StockLevelChanged>>(level.clone()).is_ok());
        for (pointer, value) in [
            ("/data/available", json!(-1)),
            ("/data/available", json!(super::MAX_STOCK + 1)),
            ("/data/version", json!(0)),
            ("/data/version", json!(super::MAX_AMOUNT + 1)),
        ] {
            let document = with(level.clone(), pointer, value);
            assert!(serde_json::from_value::<Event<StockLevelChanged>>(document).is_err(), "{pointer}");
        }
        let publish = example("commands/publish-stock");
        assert!(serde_json::from_value::<PublishStock>(publish.clone()).is_ok());
        for (pointer, value) in [
            ("/command", json!("AdjustStock")),
            ("/marketplace", json!("Alpine Market")),
            ("/available", json!(super::MAX_STOCK + 1)),
            ("/version", json!(0)),
        ] {
            let document = with(publish.clone(), pointer, value);
            assert!(serde_json::from_value::<PublishStock>(document).is_err(), "{pointer}");
        }
        let adjust = example("commands/adjust-stock");
        assert!(serde_json::from_value::<AdjustStock>(adjust.clone()).is_ok());
        for kind in Kind::ALL {
            let document = with(adjust.clone(), "/kind", json!(kind.name()));
            assert_eq!(serde_json::from_value::<AdjustStock>(document).unwrap().kind, kind);
        }
        for (pointer, value) in [
            ("/command", json!("ReserveStock")),
            ("/lines", json!([])),
            ("/lines/0/units", json!(0)),
            ("/lines/0/units", json!(1_000_001)),
            ("/adjustmentId", json!("7e57d004")),
        ] {
            let document = with(adjust.clone(), pointer, value);
            assert!(serde_json::from_value::<AdjustStock>(document).is_err(), "{pointer}");
        }
        let capture = example("commands/capture-payment");
        for (pointer, value) in [
            ("/amount/amount", json!(-36_800)),
            ("/taskToken", json!("")),
            ("/taskToken", json!("a".repeat(2049))),
        ] {
            let document = with(capture.clone(), pointer, value);
            assert!(serde_json::from_value::<Command>(document).is_err(), "{pointer}");
        }
    }

    #[test]
    fn a_reader_ignores_a_field_it_does_not_know_wherever_it_stands() {
        let mut command = example("commands/capture-payment");
        command["note"] = json!(1);
        command["amount"]["note"] = json!(1);
        command["metadata"]["note"] = json!(1);
        assert!(serde_json::from_value::<Command>(command).is_ok());
    }

    #[test]
    fn a_client_may_write_a_whole_number_as_it_likes() {
        let body = example("api/place-order");
        for (amount, read) in [("36800", 36_800), ("36800.0", 36_800), ("3.68e4", 36_800), ("-0", 0)] {
            let text = body.to_string().replace("36800", amount);
            let body: PlaceOrder = serde_json::from_str(&text).unwrap();
            assert_eq!(body.expected_total.amount, read, "{amount}");
        }
        for amount in ["0.5", "1e300", "9007199254740993.0", "\"1\"", "null"] {
            let text = body.to_string().replace("36800", amount);
            assert!(serde_json::from_str::<PlaceOrder>(&text).is_err(), "{amount}");
        }
    }
}
