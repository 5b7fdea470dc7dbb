//! The single checks of a reconciliation.

use std::collections::BTreeMap;

use lakeside_domain::reservation::{Reservation, ReservationStatus};

use super::{Check, ListingBooks, OrderBooks, SkuBooks};
use crate::{
    growth::MINOR_PER_POINT,
    levels::Levels,
    records::is_final,
    sandbox::{Label, Ledger, Level, Listing, Payment},
};

/// I1, and units sold = units of fulfilled orders and of sales at stores, and units held = units of live reservations.
pub fn stock(stock: &BTreeMap<String, SkuBooks>) -> Check {
    let mut faults = Vec::new();
    for (sku, books) in stock {
        let SkuBooks { available, held, sold, received, fulfilled, sold_at_stores, reserved, .. } = *books;
        if available.saturating_add(held).saturating_add(sold) != received {
            faults.push(format!(
                "{sku} has {available} available, {held} held and {sold} sold of {received} received"
            ));
        }
        if sold != fulfilled.saturating_add(sold_at_stores) {
            faults.push(format!(
                "{sku} has {sold} units sold, but fulfilled orders have {fulfilled}, and stores sold {sold_at_stores}"
            ));
        }
        if held != reserved {
            faults.push(format!("{sku} has {held} units held, but reservations have {reserved}"));
        }
    }
    let sold: u64 = stock.values().map(|books| books.sold).sum();
    Check { name: "stock", counted: format!("{} SKUs, {sold} units sold", stock.len()), faults }
}

/// What left the nodes is what was sold.
pub fn nodes(stock: &BTreeMap<String, SkuBooks>) -> Check {
    let faults = stock
        .iter()
        .filter(|(_, books)| books.on_hand != books.available.saturating_add(books.held))
        .map(|(sku, books)| {
            format!(
                "{sku} has {} units at the nodes, but {} not yet sold",
                books.on_hand,
                books.available.saturating_add(books.held)
            )
        })
        .collect();
    let on_hand: u64 = stock.values().map(|books| books.on_hand).sum();
    Check { name: "nodes", counted: format!("{on_hand} units on hand"), faults }
}

/// What others read of the stock is what there is. Levels of goods that inventory has never had are made up by tests.
pub fn view(stock: &BTreeMap<String, Levels>, seen: &BTreeMap<String, Levels>) -> Check {
    let faults = stock
        .iter()
        .filter(|(sku, there)| seen.get(*sku) != Some(there))
        .map(|(sku, there)| format!("of {sku} there are {there:?}, but seen are {:?}", seen.get(sku)))
        .collect();
    Check { name: "view of stock", counted: format!("{} SKUs seen", stock.len()), faults }
}

/// I8: none is stranded.
pub fn reservations(reservations: &[Reservation]) -> Check {
    let faults = reservations
        .iter()
        .filter(|reservation| reservation.status == ReservationStatus::Held)
        .map(|reservation| format!("the reservation of order {} is still held", reservation.order_id))
        .collect();
    Check { name: "reservations", counted: format!("{} made", reservations.len()), faults }
}

/// I3: one charge per order, and at rest all of it or nothing.
pub fn payments(orders: &[OrderBooks], ledger: &Ledger) -> Check {
    let by_reference: BTreeMap<&str, &Payment> =
        ledger.payments.iter().map(|payment| (payment.reference.as_str(), payment)).collect();
    let mut faults = Vec::new();
    for order in orders {
        let payment = by_reference.get(order.order_id.as_str());
        let kept = payment.map_or(0, |payment| payment.kept());
        let owed = if order.state == "FULFILLED" { order.total } else { 0 };
        if kept != owed {
            faults.push(format!(
                "order {} is {} and costs {}, but {kept} were kept",
                order.order_id, order.state, order.total
            ));
        }
    }
    for payment in &ledger.payments {
        if payment.charges > 1 {
            faults.push(format!("order {} was charged {} times", payment.reference, payment.charges));
        }
        if !orders.iter().any(|order| order.order_id == payment.reference) {
            faults.push(format!("there is a payment for `{}`, which is no order", payment.reference));
        }
    }
    let kept: i64 = ledger.payments.iter().map(Payment::kept).sum();
    let charged = ledger.payments.iter().filter(|payment| payment.charges > 0).count();
    Check { name: "payments", counted: format!("{charged} charges, {} kept", dollars(kept)), faults }
}

/// One label for each parcel of a fulfilled order, and none for any other.
pub fn labels(orders: &[OrderBooks], parcels: &BTreeMap<String, usize>, ledger: &Ledger) -> Check {
    let mut valid: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for Label { reference, order_id, status, issued } in &ledger.labels {
        if *issued > 1 {
            faults.push(format!("parcel {reference} was labelled {issued} times"));
        }
        if status == "created" {
            *valid.entry(order_id.as_deref().unwrap_or_default()).or_default() += 1;
        }
    }
    for order in orders {
        let labelled = valid.remove(order.order_id.as_str()).unwrap_or_default();
        let expected = match order.state.as_str() {
            "FULFILLED" => parcels.get(&order.order_id).copied().unwrap_or_default(),
            _ => 0,
        };
        if labelled != expected || (order.state == "FULFILLED" && expected == 0) {
            faults.push(format!(
                "order {} is {} with {expected} parcels and {labelled} labels",
                order.order_id, order.state
            ));
        }
    }
    faults.extend(valid.keys().map(|order| format!("there is a label for `{order}`, which is no order")));
    let count = ledger.labels.iter().filter(|label| label.status == "created").count();
    Check { name: "labels", counted: format!("{count} valid"), faults }
}

/// L1: an account has the points of its fulfilled orders.
pub fn loyalty(orders: &[OrderBooks], accounts: &BTreeMap<String, i64>) -> Check {
    let mut earned: BTreeMap<&str, i64> = BTreeMap::new();
    for order in orders.iter().filter(|order| order.state == "FULFILLED") {
        let points = earned.entry(&order.customer_id).or_default();
        *points = points.saturating_add(order.total / MINOR_PER_POINT);
    }
    let mut faults = Vec::new();
    for (customer, points) in &earned {
        let account = accounts.get(*customer).copied().unwrap_or_default();
        if account != *points {
            faults.push(format!("customer {customer} has {account} points and has earned {points}"));
        }
    }
    for (customer, account) in accounts {
        if *account != 0 && !earned.contains_key(customer.as_str()) {
            faults.push(format!("customer {customer} has {account} points and no fulfilled order"));
        }
    }
    let points: i64 = accounts.values().sum();
    Check { name: "loyalty", counted: format!("{points} points on {} accounts", accounts.len()), faults }
}

/// Everything that was to be told was told, or it is known why not.
pub fn notices(notices: &BTreeMap<String, usize>) -> Check {
    let faults = ["WAITING", "SENDING", "UNCERTAIN", "UNDELIVERABLE"]
        .iter()
        .filter_map(|status| Some((status, notices.get(*status)?)))
        .map(|(status, count)| format!("{count} notices are {status}"))
        .collect();
    let counted = tally(notices.iter().map(|(status, count)| (status.as_str(), *count)));
    Check { name: "notices", counted, faults }
}

/// P1: each marketplace shows the newest level that it was told and took, and all of them were told the same.
pub fn listings(listings: &[ListingBooks], ledger: &Ledger) -> Check {
    let shown: BTreeMap<(&str, &str), &Listing> =
        ledger.listings.iter().map(|l| ((l.marketplace.as_str(), l.sku.as_str()), l)).collect();
    let mut faults = Vec::new();
    let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
    for listing in listings {
        let version = newest.entry(&listing.sku).or_default();
        *version = listing.version.max(*version);
    }
    for ListingBooks { marketplace, sku, available, version, status } in listings {
        if newest.get(sku.as_str()) != Some(version) {
            faults.push(format!("{marketplace} was told version {version} of {sku}, and others a newer one"));
        }
        let level = shown.get(&(marketplace.as_str(), sku.as_str())).and_then(|listing| listing.level);
        let should = Level { available: *available, version: *version };
        if status == "PUBLISHED" && level != Some(should) {
            faults.push(format!("{marketplace} shows {level:?} of {sku} instead of {should:?}"));
        }
    }
    for Listing { marketplace, sku, updates, .. } in &ledger.listings {
        if updates.iter().zip(updates.iter().skip(1)).any(|(one, next)| one.version >= next.version) {
            faults.push(format!("{marketplace} went back to an older level of {sku}: {updates:?}"));
        }
        let known = |l: &ListingBooks| l.marketplace == *marketplace && l.sku == *sku;
        if !listings.iter().any(known) {
            faults.push(format!("{marketplace} has heard of {sku}, and nobody knows"));
        }
    }
    let published = listings.iter().filter(|listing| listing.status == "PUBLISHED").count();
    let counted = format!("{published} shown, {} refused", listings.len().saturating_sub(published));
    Check { name: "listings", counted, faults }
}

/// I4: every order has ended.
pub fn orders(orders: &[OrderBooks]) -> Check {
    let faults = orders
        .iter()
        .filter(|order| !is_final(&order.state))
        .map(|order| format!("order {} has not ended, it is {}", order.order_id, order.state))
        .collect();
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for order in orders {
        *states.entry(&order.state).or_default() += 1;
    }
    Check { name: "orders", counted: tally(states), faults }
}

/// No saga runs any more.
pub fn sagas(running: Option<usize>, executions: &BTreeMap<String, usize>) -> Check {
    let faults = running.map(|count| format!("{count} sagas have not ended")).into_iter().collect();
    let counted = tally(executions.iter().map(|(status, count)| (status.as_str(), *count)));
    Check { name: "sagas", counted, faults }
}

/// I4: nothing waits for a person.
pub fn dead_letters(depths: &BTreeMap<String, u64>) -> Check {
    let faults = depths
        .iter()
        .filter(|(_, depth)| **depth > 0)
        .map(|(queue, depth)| format!("{queue} holds {depth} messages"))
        .collect();
    let messages: u64 = depths.values().sum();
    let counted = format!("{messages} messages in {} queues", depths.len());
    Check { name: "dead letters", counted, faults }
}

fn tally<'a>(counts: impl IntoIterator<Item = (&'a str, usize)>) -> String {
    let parts: Vec<String> =
        counts.into_iter().map(|(name, count)| format!("{count} {}", name.to_lowercase())).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

/// An amount for people.
pub fn dollars(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}USD {}.{:02}", minor / 100, minor % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(state: &str) -> OrderBooks {
        OrderBooks {
            order_id: "o".into(),
            customer_id: "c".into(),
            state: state.into(),
            total: 100,
            lines: Vec::new(),
        }
    }

    fn ledger(captured: i64, refunded: i64, charges: u32) -> Ledger {
        let payment = Payment {
            reference: "o".into(),
            status: String::new(),
            captured_amount: captured,
            refunded_amount: refunded,
            charges,
        };
        Ledger { payments: vec![payment], ..Ledger::default() }
    }

    #[test]
    fn money_is_kept_for_fulfilled_orders_only_and_taken_once() {
        assert_eq!(payments(&[order("FULFILLED")], &ledger(100, 0, 1)).faults, Vec::<String>::new());
        assert_eq!(payments(&[order("CANCELLED")], &ledger(100, 100, 1)).faults, Vec::<String>::new());
        assert_eq!(payments(&[order("FULFILLED")], &ledger(100, 100, 1)).faults.len(), 1);
        assert_eq!(payments(&[order("CANCELLED")], &ledger(100, 0, 1)).faults.len(), 1);
        assert_eq!(payments(&[order("FULFILLED")], &ledger(200, 100, 2)).faults.len(), 1);
        assert_eq!(payments(&[], &ledger(0, 0, 0)).faults.len(), 1);
    }

    #[test]
    fn an_account_has_the_points_of_its_fulfilled_orders_and_no_others() {
        let faults = |state: &str, points: i64| {
            loyalty(&[order(state)], &[("c".to_owned(), points)].into()).faults.len()
        };
        assert_eq!(faults("FULFILLED", 1), 0);
        assert_eq!(faults("CANCELLED", 0), 0);
        assert_eq!(faults("FULFILLED", 2), 1);
        assert_eq!(faults("FULFILLED", 0), 1);
        assert_eq!(faults("CANCELLED", 1), 1);
    }

    #[test]
    fn stock_is_neither_lost_nor_sold_unseen() {
        let sound = SkuBooks {
            available: 5,
            held: 1,
            sold: 4,
            received: 10,
            on_hand: 6,
            fulfilled: 3,
            sold_at_stores: 1,
            reserved: 1,
        };
        let faults = |books: SkuBooks| {
            let books = [("TENT".to_owned(), books)].into();
            stock(&books).faults.len() + nodes(&books).faults.len()
        };
        assert_eq!(faults(sound), 0);
        assert_eq!(faults(SkuBooks { received: 11, ..sound }), 1);
        assert_eq!(faults(SkuBooks { fulfilled: 2, ..sound }), 1);
        assert_eq!(faults(SkuBooks { sold_at_stores: 0, ..sound }), 1);
        assert_eq!(faults(SkuBooks { reserved: 0, ..sound }), 1);
        assert_eq!(faults(SkuBooks { on_hand: 5, ..sound }), 1);
    }

    #[test]
    fn the_view_of_stock_has_of_each_sku_what_the_table_has_and_nothing_else() {
        let levels = |available, on_hand| {
            let levels =
                Levels { available: Some(available), nodes: [("wh-one".to_owned(), on_hand)].into() };
            BTreeMap::from([("TENT".to_owned(), levels)])
        };
        let faults = |stock: &BTreeMap<_, _>, seen: &BTreeMap<_, _>| view(stock, seen).faults.len();
        assert_eq!(faults(&levels(3, 5), &levels(3, 5)), 0);
        assert_eq!(faults(&levels(3, 5), &levels(2, 5)), 1);
        assert_eq!(faults(&levels(3, 5), &levels(3, 4)), 1);
        assert_eq!(faults(&levels(3, 5), &BTreeMap::new()), 1);
        let mut elsewhere = levels(3, 5);
        for levels in elsewhere.values_mut() {
            levels.nodes.insert("wh-two".to_owned(), 1);
        }
        assert_eq!(faults(&levels(3, 5), &elsewhere), 1);
        assert_eq!(faults(&BTreeMap::new(), &levels(3, 5)), 0, "a test has made it up");
    }

    #[test]
    fn a_fulfilled_order_has_as_many_labels_as_parcels() {
        let label = |status: &str| Label {
            reference: "s".into(),
            order_id: Some("o".into()),
            status: status.into(),
            issued: 1,
        };
        let check = |state: &str, status: &str| {
            let books = Ledger { labels: vec![label(status)], ..Ledger::default() };
            labels(&[order(state)], &[("o".to_owned(), 1)].into(), &books).faults.len()
        };
        assert_eq!(check("FULFILLED", "created"), 0);
        assert_eq!(check("CANCELLED", "voided"), 0);
        assert_eq!(check("FULFILLED", "voided"), 1);
        assert_eq!(check("CANCELLED", "created"), 1);
    }

    #[test]
    fn a_marketplace_shows_the_newest_level_that_it_took() {
        let level = |version| Level { available: 5, version };
        let record = |marketplace: &str, version, status: &str| ListingBooks {
            marketplace: marketplace.into(),
            sku: "TENT".into(),
            available: 5,
            version,
            status: status.into(),
        };
        let shows = |marketplace: &str, updates: &[u64]| Listing {
            marketplace: marketplace.into(),
            sku: "TENT".into(),
            level: updates.last().copied().map(level),
            calls: 1,
            updates: updates.iter().copied().map(level).collect(),
        };
        let faults = |records: &[ListingBooks], shown: Vec<Listing>| {
            listings(records, &Ledger { listings: shown, ..Ledger::default() }).faults.len()
        };
        assert_eq!(faults(&[record("a", 2, "PUBLISHED")], vec![shows("a", &[1, 2])]), 0);
        assert_eq!(faults(&[record("a", 2, "REFUSED")], vec![shows("a", &[1])]), 0);
        assert_eq!(faults(&[record("a", 2, "PUBLISHED")], vec![shows("a", &[1])]), 1, "behind");
        assert_eq!(faults(&[record("a", 2, "PUBLISHED")], vec![]), 1, "never heard");
        assert_eq!(faults(&[record("a", 1, "PUBLISHED")], vec![shows("a", &[2, 1])]), 1, "gone back");
        assert_eq!(faults(&[], vec![shows("a", &[1])]), 1, "unknown");
        let both = [record("a", 2, "PUBLISHED"), record("b", 1, "PUBLISHED")];
        assert_eq!(faults(&both, vec![shows("a", &[2]), shows("b", &[1])]), 1, "not told the same");
    }

    #[test]
    fn amounts_are_written_with_cents() {
        assert_eq!(dollars(41_205), "USD 412.05");
        assert_eq!(dollars(-5), "-USD 0.05");
    }
}
