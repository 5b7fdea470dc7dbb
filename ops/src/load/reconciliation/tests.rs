use std::time::Duration;

use super::{
    super::{
        driving::Sent,
        facts::Charged,
        mix::{Flaw, Request, tests::mix},
    },
    *,
};

/// Two orders, of which one was sent twice, and bad input; all of it as it should be.
fn sound() -> Facts {
    let template = mix().requests(&[None; 8], 1);
    let mut new = template.into_iter().filter(|request| request.what == What::New);
    let (first, second, third) = (new.next().unwrap(), new.next().unwrap(), new.next().unwrap());
    let again = Request { what: What::Again(0), ..first.clone() };
    let bad = Request { what: What::Bad(Flaw::NoLines), ..third };
    let answers = [202, 202, 202, 400];
    let sent = answers.iter().enumerate().map(|(request, status)| Sent {
        request,
        at: Duration::ZERO,
        latency: Duration::from_millis(5),
        answer: Answer::Status(*status),
    });
    let fulfilled = OrderFacts {
        state: "FULFILLED".into(),
        total: 1_000,
        units: vec![("TENT-2P".into(), 1)],
        endings: vec![("OrderFulfilled".into(), 5)],
        reservation: Some("COMMITTED".into()),
        payment: Some(("CAPTURED".into(), 1_000)),
        conflicts: 0,
    };
    let cancelled = OrderFacts {
        state: "CANCELLED".into(),
        endings: vec![("OrderCancelled".into(), 6)],
        reservation: Some("RELEASED".into()),
        payment: Some(("DECLINED".into(), 1_000)),
        ..fulfilled.clone()
    };
    let before = StockFacts { available: 9, held: 0, sold: 1, received: 10, on_hand: 9 };
    let after = StockFacts { available: 8, sold: 2, on_hand: 8, ..before };
    Facts {
        orders: [(first.order_id, fulfilled), (second.order_id, cancelled)].into(),
        charged: Some([(first.order_id, Charged { charges: 1, kept: 1_000 })].into()),
        requests: vec![first, second, again, bad],
        sent: sent.collect(),
        stock: [("TENT-2P".to_owned(), (before, after))].into(),
        dead_letters: [("order-ingest".to_owned(), (3, 3))].into(),
        shared: false,
    }
}

/// The checks that find something after this change.
fn found(change: impl Fn(&mut Facts)) -> Vec<&'static str> {
    let mut facts = sound();
    change(&mut facts);
    reconcile(&facts).into_iter().filter(|check| !check.faults.is_empty()).map(|check| check.name).collect()
}

/// The first order, which was fulfilled.
fn first(facts: &mut Facts) -> &mut OrderFacts {
    let id = facts.requests[0].order_id;
    facts.orders.get_mut(&id).unwrap()
}

/// The second, which was cancelled.
fn second(facts: &mut Facts) -> &mut OrderFacts {
    let id = facts.requests[1].order_id;
    facts.orders.get_mut(&id).unwrap()
}

fn after(facts: &mut Facts) -> &mut StockFacts {
    &mut facts.stock.get_mut("TENT-2P").unwrap().1
}

#[test]
fn what_is_as_it_should_be_has_no_fault() {
    assert_eq!(found(|_| {}), [""; 0]);
    let counted: Vec<String> = reconcile(&sound()).into_iter().map(|check| check.counted).collect();
    assert_eq!(counted[0], "3 orders sent, 3 accepted");
    assert_eq!(counted[2], "2 accepted: 1 fulfilled, 1 cancelled, 0 rejected");
    assert_eq!(counted[3], "1 of 1 orders, without effect");
    assert_eq!(counted[7], "1 charges, 1000 minor units kept");
}

#[test]
fn an_order_that_the_door_turned_away_is_a_fault() {
    assert_eq!(found(|facts| facts.sent[2].answer = Answer::Status(503)), ["acceptance"]);
    assert_eq!(found(|facts| facts.sent[2].answer = Answer::Silence), ["acceptance"]);
}

#[test]
fn bad_input_is_refused_and_becomes_no_order() {
    assert_eq!(found(|facts| facts.sent[3].answer = Answer::Status(500)), ["bad input"]);
    assert_eq!(found(|facts| facts.sent[3].answer = Answer::Status(202)), ["bad input"]);
    let recorded = found(|facts| {
        let order = OrderFacts { state: "CREATED".into(), ..OrderFacts::default() };
        facts.orders.insert(facts.requests[3].order_id, order);
    });
    assert_eq!(recorded, ["bad input"]);
}

#[test]
fn every_accepted_order_has_exactly_one_ending() {
    assert_eq!(found(|facts| second(facts).state = "CREATED".into()), ["endings"]);
    assert_eq!(found(|facts| first(facts).endings.clear()), ["endings"]);
    assert_eq!(found(|facts| second(facts).endings.push(("OrderFulfilled".into(), 7))), ["endings"]);
    let vanished = found(|facts| {
        let id = facts.requests[1].order_id;
        facts.orders.remove(&id);
    });
    assert_eq!(vanished, ["endings"]);
}

#[test]
fn an_order_that_is_sent_again_is_the_same_order() {
    assert_eq!(found(|facts| first(facts).conflicts = 1), ["duplicates"]);
}

#[test]
fn a_reservation_is_committed_for_fulfilled_orders_alone_and_never_left_behind() {
    assert_eq!(found(|facts| second(facts).reservation = Some("HELD".into())), ["reservations"]);
    assert_eq!(found(|facts| second(facts).reservation = Some("COMMITTED".into())), ["reservations"]);
    assert_eq!(found(|facts| first(facts).reservation = None), ["reservations"]);
}

#[test]
fn no_unit_is_sold_twice_and_none_vanishes() {
    let oversold = |facts: &mut Facts| {
        let stock = after(facts);
        (stock.sold, stock.available, stock.on_hand) = (1, 9, 9);
    };
    assert_eq!(found(oversold), ["stock"]);
    assert_eq!(found(|facts| after(facts).received = 11), ["stock"]);
    assert_eq!(found(|facts| after(facts).on_hand = 7), ["stock"]);
    let negative = |facts: &mut Facts| {
        let stock = after(facts);
        (stock.available, stock.received, stock.on_hand) = (-1, 1, -1);
    };
    assert_eq!(found(negative), ["stock"]);
}

#[test]
fn what_others_buy_is_no_fault_only_where_others_are_expected() {
    let others = |facts: &mut Facts| {
        let stock = after(facts);
        (stock.sold, stock.available, stock.on_hand) = (5, 5, 5);
        facts.dead_letters.insert("order-ingest".into(), (3, 4));
    };
    assert_eq!(found(others), ["stock", "dead letters"]);
    let shared = |facts: &mut Facts| {
        others(facts);
        facts.shared = true;
    };
    assert_eq!(found(shared), [""; 0]);
}

#[test]
fn charges_are_those_of_fulfilled_orders_over_their_totals() {
    assert_eq!(found(|facts| first(facts).payment = None), ["charges"]);
    assert_eq!(found(|facts| first(facts).payment = Some(("CAPTURED".into(), 999))), ["charges"]);
    assert_eq!(found(|facts| second(facts).payment = Some(("CAPTURED".into(), 1_000))), ["charges"]);
}

#[test]
fn the_processor_charged_once_and_kept_what_is_owed() {
    let book = |charged: Charged| {
        found(move |facts| {
            let id = facts.requests[0].order_id;
            facts.charged.as_mut().unwrap().insert(id, charged);
        })
    };
    assert_eq!(book(Charged { charges: 2, kept: 1_000 }), ["processor"]);
    assert_eq!(book(Charged { charges: 1, kept: 0 }), ["processor"]);
    let blind = reconcile(&Facts { charged: None, ..sound() });
    assert!(blind.iter().all(|check| check.name != "processor"), "what was not read is not judged");
}

#[test]
fn only_the_first_faults_of_a_kind_are_told() {
    let faults: Vec<String> = (0..9).map(|n| n.to_string()).collect();
    let check = Check::of("stock", String::new(), faults);
    assert_eq!(check.faults, ["0", "1", "2", "3", "4", "and 4 more"]);
}
