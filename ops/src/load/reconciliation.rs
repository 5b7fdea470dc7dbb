//! Whether what was accepted and what became of it agree, once everything has ended.

use std::collections::BTreeSet;

use lakeside_domain::ids::OrderId;
use serde::Serialize;

use super::{
    driving::Answer,
    facts::{Facts, OrderFacts, StockFacts},
    mix::What,
};

/// Faults of one kind that are told one by one.
const TOLD: usize = 5;

/// One thing that was reconciled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// What was counted.
    pub counted: String,
    /// What is off, in one sentence each; nothing if all is well.
    pub faults: Vec<String>,
}

impl Check {
    fn of(name: &'static str, counted: String, mut faults: Vec<String>) -> Self {
        let more = faults.len().saturating_sub(TOLD);
        faults.truncate(TOLD);
        if more > 0 {
            faults.push(format!("and {more} more"));
        }
        Self { name, counted, faults }
    }
}

/// Judges what was read.
pub fn reconcile(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![acceptance(facts), bad_input(facts), endings(facts), duplicates(facts)];
    checks.extend([reservations(facts), stock(facts), charges(facts)]);
    checks.extend(processor(facts));
    checks.push(dead_letters(facts));
    checks
}

fn acceptance(facts: &Facts) -> Check {
    let orders = facts.answered().filter(|(request, _)| !matches!(request.what, What::Bad(_)));
    let (mut count, mut faults) = (0, Vec::new());
    for (request, sent) in orders {
        count += 1;
        match sent.answer {
            Answer::Status(202) => {}
            Answer::Status(status) => {
                faults.push(format!("the order {} was answered {status}", request.order_id));
            }
            Answer::Silence => faults.push(format!("the order {} was not answered", request.order_id)),
        }
    }
    Check::of("acceptance", format!("{count} orders sent, {} accepted", count - faults.len()), faults)
}

fn bad_input(facts: &Facts) -> Check {
    let (mut count, mut faults) = (0, Vec::new());
    for (request, sent) in facts.answered() {
        let What::Bad(flaw) = request.what else { continue };
        count += 1;
        if !matches!(sent.answer, Answer::Status(400..=499)) {
            faults.push(format!("bad input ({flaw:?}) was answered {:?}", sent.answer));
        }
        if facts.orders.contains_key(&request.order_id) {
            faults.push(format!("bad input ({flaw:?}) became the order {}", request.order_id));
        }
    }
    Check::of("bad input", format!("{count} sent, and refused with 4xx"), faults)
}

fn endings(facts: &Facts) -> Check {
    let accepted = facts.accepted();
    let mut faults = Vec::new();
    let mut ended = [("FULFILLED", 0_usize), ("CANCELLED", 0), ("REJECTED", 0)];
    for id in &accepted {
        let Some(order) = facts.orders.get(id) else {
            faults.push(format!("the order {id} was accepted and is recorded nowhere"));
            continue;
        };
        if let Some((_, count)) = ended.iter_mut().find(|(state, _)| *state == order.state) {
            *count += 1;
        }
        faults.extend(ending(*id, order));
    }
    let told: Vec<String> =
        ended.iter().map(|(state, count)| format!("{count} {}", state.to_lowercase())).collect();
    Check::of("endings", format!("{} accepted: {}", accepted.len(), told.join(", ")), faults)
}

/// What is wrong with how one order ended.
fn ending(id: OrderId, order: &OrderFacts) -> Option<String> {
    if !order.ended() {
        return Some(format!("the order {id} is still {}", order.state));
    }
    let told: Vec<&str> = order.endings.iter().map(|(event, _)| event.as_str()).collect();
    let due = match order.state.as_str() {
        "FULFILLED" => "OrderFulfilled",
        "CANCELLED" => "OrderCancelled",
        _ => "OrderRejected",
    };
    (told != [due]).then(|| format!("the order {id} is {}, and its customer was told {told:?}", order.state))
}

fn duplicates(facts: &Facts) -> Check {
    let repeated = facts.repeated();
    let conflicts = repeated.iter().filter_map(|id| {
        let conflicts = facts.orders.get(id)?.conflicts;
        (conflicts > 0)
            .then(|| format!("the order {id} was sent again, and taken for {conflicts} other orders"))
    });
    let again = facts.requests.iter().filter(|request| matches!(request.what, What::Again(_))).count();
    Check::of(
        "duplicates",
        format!("{again} of {} orders, without effect", repeated.len()),
        conflicts.collect(),
    )
}

fn reservations(facts: &Facts) -> Check {
    let mut faults = Vec::new();
    let mut committed = 0_usize;
    for (id, order) in facts.orders.iter().filter(|(_, order)| order.ended()) {
        let status = order.reservation.as_deref();
        let fulfilled = order.state == "FULFILLED";
        committed += usize::from(status == Some("COMMITTED"));
        if fulfilled != (status == Some("COMMITTED")) || status == Some("HELD") {
            faults.push(format!("the order {id} is {}, and its reservation {status:?}", order.state));
        }
    }
    Check::of("reservations", format!("{committed} committed, none held"), faults)
}

fn stock(facts: &Facts) -> Check {
    let (mut sold, mut faults) = (0, Vec::new());
    for (sku, (before, after)) in &facts.stock {
        let fulfilled: u64 = facts
            .orders
            .values()
            .filter(|order| order.state == "FULFILLED")
            .flat_map(|order| &order.units)
            .filter(|(ordered, _)| ordered == sku)
            .map(|(_, units)| units)
            .sum();
        let fulfilled = i64::try_from(fulfilled).unwrap_or(i64::MAX);
        let deducted = after.sold.saturating_sub(before.sold);
        sold += fulfilled;
        faults.extend(balance(sku, after));
        if deducted < fulfilled {
            faults.push(format!("{fulfilled} {sku} were sold and {deducted} deducted: oversold"));
        } else if deducted > fulfilled && !facts.shared {
            faults.push(format!("{fulfilled} {sku} were sold and {deducted} deducted"));
        }
    }
    Check::of("stock", format!("{sold} units of {} SKUs sold and deducted", facts.stock.len()), faults)
}

/// What is wrong with how one SKU stands.
fn balance(sku: &str, stock: &StockFacts) -> Option<String> {
    let StockFacts { available, held, sold, received, on_hand } = *stock;
    if [available, held, sold, on_hand].iter().any(|count| *count < 0) {
        return Some(format!("a count of {sku} is negative: {stock:?}"));
    }
    if available + held + sold != received {
        return Some(format!("{available} + {held} + {sold} of {sku} are not the {received} received"));
    }
    (available + held != on_hand)
        .then(|| format!("{} of {sku} may be had, and {on_hand} are on hand", available + held))
}

fn charges(facts: &Facts) -> Check {
    let (mut count, mut amount, mut faults) = (0_usize, 0_i64, Vec::new());
    for (id, order) in facts.orders.iter().filter(|(_, order)| order.ended()) {
        let fulfilled = order.state == "FULFILLED";
        match &order.payment {
            Some((status, captured)) if status == "CAPTURED" => {
                count += 1;
                amount = amount.saturating_add(*captured);
                if !fulfilled || *captured != order.total {
                    faults.push(format!(
                        "the order {id} over {} is {}, and {captured} were captured",
                        order.total, order.state
                    ));
                }
            }
            other if fulfilled => {
                faults.push(format!("the order {id} is fulfilled and its payment {other:?}"));
            }
            _ => {}
        }
    }
    Check::of("charges", format!("{count} captured, {amount} minor units"), faults)
}

/// The processor's own books, where they can be read.
fn processor(facts: &Facts) -> Option<Check> {
    let charged = facts.charged.as_ref()?;
    let ours: BTreeSet<OrderId> = facts.requests.iter().map(|request| request.order_id).collect();
    let (mut count, mut kept, mut faults) = (0_u64, 0_i64, Vec::new());
    for id in &ours {
        let seen = charged.get(id).copied().unwrap_or_default();
        let order = facts.orders.get(id);
        let due = order.filter(|order| order.state == "FULFILLED").map_or(0, |order| order.total);
        count += seen.charges;
        kept = kept.saturating_add(seen.kept);
        if seen.charges > 1 {
            faults.push(format!("the order {id} was charged {} times", seen.charges));
        }
        if seen.kept != due {
            faults.push(format!("the processor kept {} of the order {id}, which owes {due}", seen.kept));
        }
    }
    Some(Check::of("processor", format!("{count} charges, {kept} minor units kept"), faults))
}

fn dead_letters(facts: &Facts) -> Check {
    let more = facts.dead_letters.iter().filter(|(_, (before, after))| after > before);
    let faults: Vec<String> =
        more.map(|(queue, (before, after))| format!("{} letters of {queue}", after - before)).collect();
    let counted = format!("{} queues", facts.dead_letters.len());
    if facts.shared {
        return Check::of("dead letters", format!("{counted}, which others fill too"), Vec::new());
    }
    Check::of("dead letters", format!("{counted}, nothing came into them"), faults)
}

#[cfg(test)]
mod tests;
