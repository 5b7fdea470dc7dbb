//! Changes of stock that no order makes: commands, and sales as the door writes them.

use std::collections::BTreeMap;

use futures::executor::block_on;
use lakeside_domain::{
    ids::{AdjustmentId, NodeId, Sku},
    stock::PoolId,
};
use lakeside_inventory::{
    adjust_stock,
    memory::{Counts, MemoryInventory},
    reconcile_stock,
};
use lakeside_kit::{memory::ManualClock, outbox::Entry, sqs::Message};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{
    batch::{GOOD, ODD, batch, events_fit, message, refused},
    corpus::contract,
    explore::explore,
    mutation::{mutated, mutations, texts},
};

const NOW: i64 = 1_795_770_060_000;
const CASES: u32 = 8_000;
const GOOD_ID: &str = "0a57d004-2b97-4e7a-b45f-5387367791ff";
const ODD_ID: &str = "7e57d004-2b97-4e7a-b45f-538736779106";
const UNITS: i64 = 50;

/// Some of what the examples are about, some of it promised.
fn stocked() -> MemoryInventory {
    let table = MemoryInventory::default();
    let node = NodeId::parse("wh-east").unwrap();
    for name in ["TENT-2P", "STOVE-GAS"] {
        let sku = Sku::parse(name).unwrap();
        let counts = Counts { held: UNITS - 3, available: 3, ..Counts::received(UNITS) };
        table.pools.borrow_mut().insert((sku.clone(), PoolId(0)), counts);
        table.nodes.borrow_mut().insert((sku, node.clone()), UNITS);
    }
    table
}

/// What of the stock does not balance.
fn unbalanced(table: &MemoryInventory) -> Vec<String> {
    let mut unsold: BTreeMap<Sku, i64> = BTreeMap::new();
    let mut faults = Vec::new();
    for ((sku, _), counts) in table.pools.borrow().iter() {
        *unsold.entry(sku.clone()).or_default() += counts.available + counts.held;
        faults.extend((!counts.balance()).then(|| format!("{sku}: {counts:?}")));
    }
    for ((sku, _), on_hand) in table.nodes.borrow().iter() {
        *unsold.entry(sku.clone()).or_default() -= on_hand;
        faults.extend((*on_hand < 0).then(|| format!("{sku}: {on_hand}")));
    }
    faults.extend(unsold.into_iter().filter(|(_, n)| *n != 0).map(|(sku, n)| format!("{sku}: {n} too many")));
    faults
}

/// Everything that was ever said.
fn said(table: &MemoryInventory) -> Vec<Entry> {
    table.outboxes.take_changes().into_iter().flat_map(|change| change.new).collect()
}

fn good() -> Message {
    let body = contract("AdjustStock").message().to_string();
    message(GOOD, body.replace(ODD_ID, GOOD_ID))
}

#[test]
fn adjust_stock_makes_what_fits_and_refuses_the_rest() {
    let attribute = |right: &'static str| prop_oneof![4 => Just(Some(right.to_owned())), 1 => texts().prop_map(Some), 1 => Just(None)];
    let attributes = (attribute(ODD_ID), attribute("store-lake"), attribute("lake"));
    let inputs = (select(vec!["AdjustStock", "RecordSale"]), mutations(), attributes, any::<bool>());
    explore(CASES, &inputs, |(title, mutations, (sale_id, node, principal), good_first)| {
        let table = stocked();
        let mut odd = message(ODD, mutated(&contract(title).message(), &mutations));
        let whole = (sale_id.as_deref(), node.as_deref(), principal.as_deref())
            == (Some(ODD_ID), Some("store-lake"), Some("lake"));
        let is_sale = title == "RecordSale" && sale_id.is_some();
        if title == "RecordSale" {
            for (name, text) in [("saleId", sale_id), ("node", node), ("principal", principal)] {
                odd.attributes.extend(text.map(|text| (name.to_owned(), text)));
            }
        }
        let batch = batch(good(), odd, good_first);
        let failed = refused(&block_on(adjust_stock::handle(&table, &ManualClock::at(NOW), &(), &batch)))?;
        prop_assert!(table.adjustment(AdjustmentId::parse(GOOD_ID).unwrap()).is_some());
        prop_assert_eq!(unbalanced(&table), Vec::<String>::new());
        events_fit(&said(&table))?;
        let kept = table.adjustments.borrow().len()
            + table.refused_sales.borrow().len()
            + table.adjustment_conflicts.borrow().len();
        prop_assert_eq!(kept, if failed { 1 } else { 2 });
        let sound = mutations.is_empty() && if title == "RecordSale" { is_sale && whole } else { true };
        prop_assert!(!(sound && failed), "refused what it should read");
        let before = table.adjustments.borrow().clone();
        block_on(adjust_stock::handle(&table, &ManualClock::at(NOW + 1), &(), &batch));
        prop_assert_eq!(&*table.adjustments.borrow(), &before, "the same again changed something");
        Ok(())
    });
}

#[test]
fn reconcile_stock_looks_at_what_it_is_asked_for_and_refuses_the_rest() {
    let example: Value = json!({"skus": ["TENT-2P", "KAYAK"]});
    explore(CASES / 4, &mutations(), |mutations| {
        let body = mutated(&example, &mutations);
        let Ok(request) = serde_json::from_str::<reconcile_stock::Request>(&body) else {
            prop_assert!(!mutations.is_empty());
            return Ok(());
        };
        let asked = request.skus.len();
        let found = block_on(reconcile_stock::handle(&stocked(), &(), request)).unwrap();
        prop_assert_eq!(found.agree, if asked == 0 { 2 } else { asked });
        prop_assert!(found.different.is_empty());
        Ok(())
    });
}
