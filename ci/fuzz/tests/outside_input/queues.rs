//! Events and commands on the queues of every function that has one.

use std::collections::HashMap;

use futures::executor::block_on;
use lakeside_contracts::{
    Delivery, EventData,
    commands::{Command, FulfilOrder, PublishStock},
    events::{
        FulfilmentCompleted, FulfilmentFailed, FulfilmentParked, NodeStockChanged,
        OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderCreated, OrderFulfilled,
        OrderRejected, PaymentCaptured, StockLevelChanged, StockReservationFailed,
    },
};
use lakeside_domain::{
    idempotency::Durations,
    ids::{OrderId, Sku},
    loyalty::Rate,
    money::{Currency, Money},
    order::OrderState,
};
use lakeside_fulfilment::{
    cancel_fulfilment, capture_payment,
    executions::{Execution, ExecutionStatus, RECOVERY_PREFIX},
    recover_fulfilment, refund_payment, start_fulfilment,
};
use lakeside_growth::{
    accrue_loyalty,
    memory::{
        MemoryContacts, MemoryGrowth, MemoryPost,
        listings::{MemoryListings, MemoryMarketplaces, MemoryQueues},
    },
    notify_customer, publish_stock, route_stock,
};
use lakeside_inventory::{memory::store_stock::MemoryStoreStock, project_store_stock, reserve_stock};
use lakeside_kit::{
    memory::{Answers, ManualClock, MemorySecrets},
    outbox::Entry,
    secret::SecretCache,
    sqs::{Failures, Message},
};
use lakeside_orders::{advance_order, order_status};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json, to_value};

use crate::{
    batch::{GOOD, ODD, batch, events_fit, fits, message, refused},
    corpus::{Contract, ORDER, OTHER_ORDER, about_another_order, contract, contracts},
    explore::explore,
    fulfilment_ports::{FulfilmentTable, Partners, Sagas, invocation},
    inventory_ports::InventoryTable,
    mutation::{mutated, mutations, unknown_fields},
    orders_ports::{OrdersTable, StatusTable},
};

const NOW: i64 = 1_795_770_060_000;
const SOURCES: [&str; 3] = ["lakeside.orders", "lakeside.inventory", "lakeside.fulfilment"];
const CASES: u32 = 8_000;

/// What a function has done with a batch.
struct Done {
    failures: Failures,
    /// Whether the good message had its effect.
    good: bool,
    published: Vec<Entry>,
    /// What else it gave to others: contract and document.
    said: Vec<(&'static str, Value)>,
}

fn other_order() -> OrderId {
    OrderId::parse(OTHER_ORDER).unwrap()
}

/// What a function that acts on a message has understood of it: the contract and what can be written under it.
fn understood(body: &str) -> Option<(&'static str, Value)> {
    fn event<T: EventData>(delivery: &Delivery) -> Option<(&'static str, Value)> {
        Some((T::DETAIL_TYPE, to_value(delivery.decode::<T>().ok()?).ok()?))
    }
    if let Ok(command) = serde_json::from_str::<Command>(body) {
        return Some((command.name(), to_value(&command).ok()?));
    }
    if let Ok(command) = serde_json::from_str::<PublishStock>(body) {
        return Some(("PublishStock", to_value(&command).ok()?));
    }
    let delivery = serde_json::from_str(body).ok()?;
    event::<OrderCreated>(&delivery)
        .or_else(|| event::<StockReservationFailed>(&delivery))
        .or_else(|| event::<PaymentCaptured>(&delivery))
        .or_else(|| event::<FulfilmentCompleted>(&delivery))
        .or_else(|| event::<FulfilmentFailed>(&delivery))
        .or_else(|| event::<FulfilmentParked>(&delivery))
        .or_else(|| event::<OrderConfirmed>(&delivery))
        .or_else(|| event::<OrderFulfilled>(&delivery))
        .or_else(|| event::<OrderCancelled>(&delivery))
        .or_else(|| event::<OrderRejected>(&delivery))
        .or_else(|| event::<StockLevelChanged>(&delivery))
        .or_else(|| event::<NodeStockChanged>(&delivery))
        .or_else(|| event::<OrderCancellationRequested>(&delivery))
}

/// The contracts that a function reads, mostly; the others it must refuse.
fn seeds(reads: &'static [&'static str]) -> impl Strategy<Value = &'static Contract> {
    let all: Vec<&Contract> = contracts("events/").chain(contracts("commands/")).collect();
    prop_oneof![4 => select(reads).prop_map(contract), 1 => select(all)]
}

/// Delivers broken messages beside good ones to a function that reads `reads`.
fn deliver(reads: &'static [&'static str], function: impl Fn(&[Message]) -> Done) {
    let changes = prop_oneof![
        4 => mutations().prop_map(|mutations| (mutations, false)),
        1 => unknown_fields().prop_map(|fields| (fields, true)),
    ];
    let inputs = (seeds(reads), changes, select(reads), any::<bool>());
    explore(CASES, &inputs, |(seed, (mutations, only_unknown), good, good_first)| {
        let body = mutated(&seed.message(), &mutations);
        let good = message(GOOD, about_another_order(&contract(good).message()).to_string());
        let done = function(&batch(good, message(ODD, body.clone()), good_first));
        let failed = refused(&done.failures)?;
        prop_assert!(done.good, "the good message was not handled");
        events_fit(&done.published)?;
        for (title, document) in &done.said {
            fits(title, document)?;
        }
        if failed {
            let sound = mutations.is_empty() || (only_unknown && is_json(&body));
            prop_assert!(!sound || !reads.contains(&seed.title.as_str()), "refused what it should read");
        } else {
            let Some((title, document)) = understood(&body) else {
                return Err(TestCaseError::fail("it was handled, but nobody can read it"));
            };
            prop_assert!(reads.contains(&title));
            fits(title, &document)?;
        }
        Ok(())
    });
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

#[test]
fn advance_order_applies_what_fits_and_refuses_the_rest() {
    let reads = &[
        "StockReservationFailed",
        "PaymentCaptured",
        "FulfilmentCompleted",
        "FulfilmentFailed",
        "FulfilmentParked",
    ];
    deliver(reads, |batch| {
        let table = OrdersTable::with_orders(&[ORDER, OTHER_ORDER]);
        let failures = block_on(advance_order::handle(&table, &ManualClock::at(NOW), &(), batch));
        let record = &table.records.borrow()[&other_order()];
        // What is parked is for people: it is read, and changes nothing.
        let parked = batch.iter().any(|m| m.id == GOOD && m.body.contains("FulfilmentParked"));
        let good = parked || record.state != OrderState::Created;
        Done { failures, good, published: table.published.take(), said: Vec::new() }
    });
}

#[test]
fn reserve_stock_reserves_what_fits_and_refuses_the_rest() {
    deliver(&["OrderCreated", "ReserveStock"], |batch| {
        let (table, answers) = (InventoryTable::default(), Answers::default());
        let settings = reserve_stock::Settings { hold_seconds: 900 };
        let clock = ManualClock::at(NOW);
        let failures = block_on(reserve_stock::handle(&table, &answers, &clock, &(), settings, batch));
        let good = table.reservations.borrow().contains_key(&other_order());
        Done { failures, good, published: table.published.take(), said: Vec::new() }
    });
}

#[test]
fn project_store_stock_keeps_what_fits_and_refuses_the_rest() {
    deliver(&["StockLevelChanged", "NodeStockChanged"], |batch| {
        let view = MemoryStoreStock::default();
        let failures = block_on(project_store_stock::handle(&view, batch));
        let node = batch.iter().any(|m| m.id == GOOD && m.body.contains("NodeStockChanged"));
        let sku = Sku::parse("TENT-2P").unwrap();
        let good = if node {
            view.on_hand.borrow().keys().any(|(_, of)| *of == sku)
        } else {
            view.available.borrow().contains_key(&sku)
        };
        Done { failures, good, published: Vec::new(), said: Vec::new() }
    });
}

#[test]
fn start_fulfilment_starts_what_fits_and_refuses_the_rest() {
    deliver(&["OrderCreated"], |batch| {
        let sagas = Sagas::default();
        let settings = start_fulfilment::Settings { approval_threshold: 100_000 };
        let failures =
            block_on(start_fulfilment::handle(&sagas, &FulfilmentTable::default(), settings, batch));
        let started = sagas.started.take();
        let good = started.contains_key(OTHER_ORDER);
        let said = started.values().map(|input| ("FulfilOrder", to_value(input).unwrap())).collect();
        Done { failures, good, published: Vec::new(), said }
    });
}

#[test]
fn cancel_fulfilment_closes_what_fits_and_refuses_the_rest() {
    deliver(&["OrderCancellationRequested"], |batch| {
        let (table, answers) = (FulfilmentTable::default(), Answers::default());
        let clock = ManualClock::at(NOW);
        let failures = block_on(cancel_fulfilment::handle(&table, &answers, &clock, batch));
        let paid = table.payments.borrow().get(&other_order()).is_some_and(|p| p.amount.amount() == 36_800);
        let answered = answers.given.borrow().iter().any(|(token, _)| token == OTHER_ORDER);
        let good = paid && answered && table.closed.borrow().contains(&other_order());
        Done { failures, good, published: table.published.take(), said: Vec::new() }
    });
}

#[test]
fn capture_payment_charges_what_fits_and_refuses_the_rest() {
    deliver(&["CapturePayment"], |batch| {
        let (table, partners, answers) =
            (FulfilmentTable::default(), Partners::default(), Answers::default());
        let clock = ManualClock::at(NOW);
        let invocation = invocation(&clock);
        let handled = capture_payment::handle(&table, &partners, &answers, &clock, &(), &invocation, batch);
        let failures = block_on(handled);
        let charges = partners.charges.borrow();
        let good = charges.iter().any(|charge| charge.order_id == other_order());
        Done { failures, good, published: table.published.take(), said: Vec::new() }
    });
}

#[test]
fn refund_payment_reverses_what_fits_and_refuses_the_rest() {
    deliver(&["RefundPayment"], |batch| {
        let (table, partners, answers) =
            (FulfilmentTable::default(), Partners::default(), Answers::default());
        let clock = ManualClock::at(NOW);
        let invocation = invocation(&clock);
        // There is something to give back to whom it is about.
        let capture =
            message("capture", about_another_order(&contract("CapturePayment").message()).to_string());
        let before = [capture];
        let captured =
            capture_payment::handle(&table, &partners, &answers, &clock, &(), &invocation, &before);
        assert!(block_on(captured).ids().is_empty());
        let handled = refund_payment::handle(&table, &partners, &answers, &clock, &(), &invocation, batch);
        let failures = block_on(handled);
        let good = *partners.reversals.borrow() == [other_order()];
        Done { failures, good, published: table.published.take(), said: Vec::new() }
    });
}

fn growth_table() -> MemoryGrowth {
    MemoryGrowth::new(Durations { in_progress: 22, record: 3600 })
}

#[test]
fn accrue_loyalty_counts_what_fits_and_refuses_the_rest() {
    deliver(&["OrderCreated", "OrderFulfilled", "OrderCancelled", "OrderRejected"], |batch| {
        let table = growth_table();
        let rate = Rate::new(Money::new(100, Currency::USD)).unwrap();
        let clock = ManualClock::at(NOW);
        let failures = block_on(accrue_loyalty::handle(&table, &clock, rate, batch));
        let good = table.points.borrow().contains_key(&other_order());
        Done { failures, good, published: table.outboxes.entries(), said: Vec::new() }
    });
}

#[test]
fn notify_customer_tells_what_fits_and_refuses_the_rest() {
    let reads = &["OrderCreated", "OrderConfirmed", "OrderFulfilled", "OrderCancelled", "OrderRejected"];
    deliver(reads, |batch| {
        let (table, clock) = (growth_table(), ManualClock::at(NOW));
        let (contacts, post) = (MemoryContacts::default(), MemoryPost::default());
        let invocation = invocation(&clock);
        let handled = notify_customer::handle(&table, &contacts, &post, &clock, &(), &invocation, batch);
        let failures = block_on(handled);
        let noticed = table.notices.borrow().keys().any(|(order_id, _)| *order_id == other_order());
        let good = noticed || table.customers.borrow().contains_key(&other_order());
        Done { failures, good, published: table.outboxes.entries(), said: Vec::new() }
    });
}

#[test]
fn route_stock_hands_on_what_fits_and_refuses_the_rest() {
    deliver(&["StockLevelChanged"], |batch| {
        let queues = MemoryQueues::of(&["alpine-market", "trailhead"]);
        let failures = block_on(route_stock::handle(&queues, batch));
        let sent = queues.asked.borrow();
        let of_other =
            sent.iter().filter(|routed| routed.command.metadata.correlation_id == other_order().as_uuid());
        let good = of_other.count() >= 2;
        let said = sent.iter().map(|routed| ("PublishStock", to_value(&routed.command).unwrap())).collect();
        Done { failures, good, published: Vec::new(), said }
    });
}

#[test]
fn publish_stock_tells_what_fits_and_refuses_the_rest() {
    const MARKETPLACES: [&str; 2] = ["alpine-market", "trailhead"];
    deliver(&["PublishStock"], |batch| {
        let clock = ManualClock::at(NOW);
        let table = MemoryListings::new(Durations { in_progress: 12, record: 3600 });
        let (marketplaces, secrets) = (MemoryMarketplaces::of(&MARKETPLACES), MemorySecrets::default());
        for name in MARKETPLACES {
            secrets.put(name, name);
        }
        let credentials = SecretCache::new(secrets, 300);
        let invocation = invocation(&clock);
        let handled =
            publish_stock::handle(&table, &marketplaces, &credentials, &clock, &(), &invocation, batch);
        let failures = block_on(handled);
        let told = contract("PublishStock").example.clone();
        let good = table.listings.borrow().values().any(|listing| {
            Some(listing.sku.as_str()) == told["sku"].as_str()
                && Some(listing.marketplace.as_str()) == told["marketplace"].as_str()
                && Some(listing.level.version) >= told["version"].as_u64()
        });
        Done { failures, good, published: table.published.take(), said: Vec::new() }
    });
}

#[test]
fn order_status_keeps_what_is_about_an_order_and_refuses_the_rest() {
    let about_orders = contracts("events/").filter(|contract| {
        let of_an_order = contract.example.pointer("/data/orderId").is_some();
        of_an_order && !contract.folder.starts_with("events/growth/")
    });
    let inputs = (select(about_orders.collect::<Vec<_>>()), mutations(), any::<bool>());
    explore(CASES * 2, &inputs, |(seed, mutations, good_first)| {
        let view = StatusTable::default();
        let good = message(GOOD, about_another_order(&seed.message()).to_string());
        let odd = message(ODD, mutated(&seed.message(), &mutations));
        let ours = odd.delivery().is_ok_and(|delivery| SOURCES.contains(&delivery.source.as_str()));
        let failed = refused(&block_on(order_status::handle(&view, &batch(good, odd, good_first))))?;
        let facts = view.0.borrow();
        prop_assert!(facts.iter().any(|fact| fact.order_id == other_order()));
        prop_assert_eq!(facts.len(), if failed { 1 } else { 2 });
        prop_assert!(!(failed && mutations.is_empty()));
        prop_assert!(failed || ours);
        for fact in facts.iter() {
            let kept = to_value(&fact.known).unwrap();
            prop_assert_eq!(serde_json::from_value::<order_status::Known>(kept).unwrap(), fact.known.clone());
        }
        Ok(())
    });
}

fn status_change(name: &str, status: &str, error: Option<&str>, input: &str) -> Value {
    json!({
        "version": "0", "id": "6b0c1b0e-2b97-4e7a-b45f-538736779101", "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {
            "executionArn": format!("arn:aws:states:eu-central-1:1:execution:s:{name}"),
            "stateMachineArn": "arn:aws:states:eu-central-1:1:stateMachine:s", "name": name,
            "status": status, "startDate": 1_795_770_060_000_i64, "stopDate": 1_795_770_061_000_i64,
            "input": input, "output": null, "error": error, "cause": "c",
        },
    })
}

#[test]
fn recover_fulfilment_compensates_orders_and_nothing_else() {
    let example = &contract("FulfilOrder").example;
    let statuses = select(vec!["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED", "RUNNING", "PENDING_REDRIVE"]);
    let errors = select(vec![Some("States.Runtime"), Some("FulfilmentParked"), None]);
    let now = select(vec![
        ExecutionStatus::Failed,
        ExecutionStatus::Running { redriven: false },
        ExecutionStatus::Running { redriven: true },
        ExecutionStatus::Succeeded,
    ]);
    let described = prop::option::of((mutations(), now));
    let inputs = (mutations(), (mutations(), statuses, errors), any::<bool>(), described);
    explore(CASES, &inputs, |(of_input, (of_event, status, error), good_first, described)| {
        let (runtime, other) = ("States.Runtime", about_another_order(example).to_string());
        let good = status_change(OTHER_ORDER, "FAILED", Some(runtime), &other);
        let odd = mutated(&status_change(ORDER, status, error, &mutated(example, &of_input)), &of_event);
        let is = |status, input| Execution { input, status, error: Some(runtime.into()) };
        let dead = described.as_ref().is_some_and(|(_, now)| *now == ExecutionStatus::Failed);
        let mut known = HashMap::from([(OTHER_ORDER.to_owned(), is(ExecutionStatus::Failed, other))]);
        if let Some((mutations, now)) = described {
            known.insert(ORDER.to_owned(), is(now, mutated(example, &mutations)));
        }
        let sagas = Sagas { described: known, ..Sagas::default() };
        let batch = batch(message(GOOD, good.to_string()), message(ODD, odd), good_first);
        let failed = refused(&block_on(recover_fulfilment::handle(&sagas, &batch)))?;
        let started = sagas.started.take();
        let recovery = |order: &str| format!("{RECOVERY_PREFIX}{order}");
        prop_assert!(started.contains_key(&recovery(OTHER_ORDER)));
        prop_assert!(!(failed && started.len() > 1));
        if of_input.is_empty() && of_event.is_empty() {
            let died = matches!(status, "FAILED" | "TIMED_OUT" | "ABORTED");
            let left_behind = dead && died && error != Some("FulfilmentParked");
            prop_assert_eq!(started.contains_key(&recovery(ORDER)), left_behind);
        }
        for (name, input) in &started {
            prop_assert_eq!(name, &recovery(&input.order_id.to_string()));
            let document = to_value(input).unwrap();
            fits("FulfilOrder", &document)?;
            prop_assert_eq!(&serde_json::from_value::<FulfilOrder>(document).unwrap(), input);
        }
        Ok(())
    });
}
