//! The values that everything else is made of, read from text.

use std::fmt::Display;

use jsonschema::Validator;
use lakeside_contracts::WireTime;
use lakeside_domain::{
    ids::{AddressId, CustomerId, IdError, NodeId, OrderId, PaymentMethod, ReasonCode, Sku, TrackingNumber},
    money::{Currency, Money},
    quantity::Quantity,
};
use proptest::prelude::*;
use serde_json::json;

use crate::{
    explore::explore,
    mutation::{texts, values},
};

/// `good` with something added or cut off, or anything else.
fn nearly(good: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        1 => texts(),
        1 => Just(good.to_owned()),
        2 => (texts(), 0..=good.len()).prop_map(move |(text, at)| {
            let (front, back) = good.split_at(at);
            format!("{front}{text}{back}")
        }),
        1 => (0..=good.len()).prop_map(move |at| good[..at].to_owned()),
        2 => ("[ -~]", 0..good.len()).prop_map(move |(c, at)| {
            format!("{}{c}{}", &good[..at], &good[at + 1..])
        }),
    ]
}

/// A kind of identifier: its pattern, a good one, and what reading a text and writing it again comes to.
struct Kind {
    pattern: Validator,
    good: &'static str,
    reread: fn(&str) -> Option<String>,
}

fn kind(pattern: &str, good: &'static str, reread: fn(&str) -> Option<String>) -> Kind {
    let pattern = jsonschema::validator_for(&json!({"type": "string", "pattern": pattern})).unwrap();
    assert!(reread(good).is_some());
    Kind { pattern, good, reread }
}

fn written<T: Display>(parsed: Result<T, IdError>) -> Option<String> {
    parsed.ok().map(|value| value.to_string())
}

#[test]
fn identifiers_are_what_their_patterns_say_and_read_back() {
    let kinds = [
        kind(OrderId::PATTERN, "7e57d004-2b97-4e7a-b45f-538736779101", |t| written(OrderId::parse(t))),
        kind(Sku::PATTERN, "TENT-2P", |t| written(Sku::parse(t))),
        kind(CustomerId::PATTERN, "1c9d6f0e-6e2f", |t| written(CustomerId::parse(t))),
        kind(PaymentMethod::PATTERN, "pm_1Q2w3E4r", |t| written(PaymentMethod::parse(t))),
        kind(AddressId::PATTERN, "addr_7x8y9z", |t| written(AddressId::parse(t))),
        kind(NodeId::PATTERN, "wh-east", |t| written(NodeId::parse(t))),
        kind(TrackingNumber::PATTERN, "LS000000001", |t| written(TrackingNumber::parse(t))),
        kind(ReasonCode::PATTERN, "OUT_OF_STOCK", |t| written(ReasonCode::parse(t))),
    ];
    let inputs = (0..kinds.len()).prop_flat_map(|n| (Just(n), nearly(kinds[n].good)));
    explore(100_000, &inputs, |(n, text)| {
        let Kind { pattern, reread, .. } = &kinds[n];
        let read = reread(&text);
        prop_assert_eq!(read.is_some(), pattern.is_valid(&json!(text)));
        if let Some(read) = read {
            prop_assert!(read.eq_ignore_ascii_case(&text));
            prop_assert_eq!(reread(&read), Some(read));
        }
        Ok(())
    });
}

#[test]
fn times_read_back_to_the_millisecond() {
    explore(100_000, &nearly("2026-11-27T09:01:00.000Z"), |text| {
        if let Ok(time) = WireTime::try_from(text) {
            prop_assert_eq!(WireTime::try_from(time.to_string()), Ok(time));
        }
        Ok(())
    });
}

#[test]
fn quantities_and_amounts_are_exact_or_refused() {
    let inputs = (values(), "[A-Z]{3}", any::<i64>(), any::<i64>());
    explore(100_000, &inputs, |(value, code, amount, units)| {
        if let Ok(quantity) = serde_json::from_value::<Quantity>(value.clone()) {
            prop_assert_eq!(json!(quantity), value.clone());
        }
        let money = json!({"amount": value, "currency": code});
        if let Ok(read) = serde_json::from_value::<Money>(money.clone()) {
            prop_assert_eq!(json!(read), money);
        }
        let money = Money::new(amount, Currency::USD);
        prop_assert_eq!(serde_json::from_value::<Money>(json!(money)).unwrap(), money);
        if let Ok(quantity) = Quantity::new(units % 2000) {
            let exact = i64::try_from(i128::from(amount) * i128::from(quantity.units())).ok();
            prop_assert_eq!(money.times(quantity).ok().map(Money::amount), exact);
        }
        Ok(())
    });
}
