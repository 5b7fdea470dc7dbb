//! The orders squad's table of what customers see.

use lakeside_contracts::WireTime;
use lakeside_domain::{
    events::EventId,
    ids::{CustomerId, OrderId},
    order_status::KnownFact,
};
use lakeside_orders::{
    customer_orders::{CustomerView, Listed, Page, Position},
    order_query::{self, View},
    order_status::{self, Known, ViewFact},
};
use uuid::Uuid;

use crate::{at, contracts, order, same};

/// What the functions see of the table.
pub trait Ports: order_status::StatusView + order_query::StatusView + CustomerView {}

impl<T: order_status::StatusView + order_query::StatusView + CustomerView> Ports for T {}

/// The view is read through its ports alone.
pub trait Books {}

impl<T> Books for T {}

fn fact(order_id: OrderId, customer: Option<&str>, event: &str, seconds: i64) -> anyhow::Result<ViewFact> {
    Ok(ViewFact {
        order_id,
        event_id: EventId::from_uuid(Uuid::new_v4()),
        customer_id: customer.map(CustomerId::parse).transpose()?,
        known: Known { event: event.into(), occurred_at: WireTime(at(seconds * 1_000)), reason: None },
    })
}

fn view(customer: Option<&str>, facts: &[&ViewFact]) -> anyhow::Result<Option<View>> {
    let facts = facts.iter().map(|fact| fact.known.clone().into()).collect();
    let customer_id = customer.map(CustomerId::parse).transpose()?;
    Ok(sorted(Some(View { customer_id, facts })))
}

/// Facts come in no order.
pub(crate) fn sorted(view: Option<View>) -> Option<View> {
    view.map(|mut view| {
        view.facts.sort_by_key(|fact: &KnownFact| (fact.occurred_at, fact.event.clone()));
        view
    })
}

/// A customer that nobody else has.
fn somebody() -> anyhow::Result<CustomerId> {
    Ok(CustomerId::parse(&Uuid::new_v4().to_string())?)
}

/// The one order of a customer, as it is listed.
fn listed(fact: &ViewFact, seconds: i64, facts: &[&ViewFact]) -> Page {
    let position = Position { placed_at: at(seconds * 1_000), order_id: fact.order_id };
    let facts = facts.iter().map(|fact| fact.known.clone().into()).collect();
    Page { orders: vec![Listed { position, facts }], next: None }
}

fn in_order(mut page: Page) -> Page {
    for listed in &mut page.orders {
        listed.facts.sort_by_key(|fact: &KnownFact| (fact.occurred_at, fact.event.clone()));
    }
    page
}

contracts! {
    (ports: Ports, _books: Books)

    a_customer_has_their_own_orders_newest_first_page_by_page {
        let (me, you) = (somebody()?, somebody()?);
        let mut mine = Vec::new();
        for seconds in [3, 1, 5, 2, 4] {
            let fact = fact(order(), Some(me.as_str()), "OrderCreated", seconds)?;
            ports.record(&fact).await?;
            mine.push(Position { placed_at: fact.known.occurred_at.0, order_id: fact.order_id });
            ports.record(&ViewFact { customer_id: Some(you.clone()), order_id: order(), ..fact }).await?;
            ports.record(&self::fact(order(), None, "StockReserved", seconds)?).await?;
        }
        mine.sort_unstable_by(|one, other| other.cmp(one));
        let mut after = None;
        let mut seen = Vec::new();
        for pages in 1.. {
            let page = ports.page(&me, 2, after).await?;
            seen.extend(page.orders.iter().map(|listed| listed.position));
            same("facts", page.orders.iter().filter(|listed| listed.facts.len() == 1).count(), page.orders.len())?;
            after = page.next;
            if after.is_none() {
                same("pages", pages, 3)?;
                break;
            }
        }
        same("mine", seen, mine.clone())?;
        same("a full page", ports.page(&me, 5, None).await?.next, None)?;
        let theirs = ports.page(&you, 2, mine.get(1).copied()).await?;
        same("yours behind a place in mine", theirs.orders.len(), 2)?;
        same("nobody's", ports.page(&somebody()?, 5, None).await?, Page::default())?;
    }

    an_order_was_placed_when_it_was_created_or_else_when_its_customer_was_first_told_of {
        let facts = |me: &CustomerId| {
            let created = fact(order(), Some(me.as_str()), "OrderCreated", 1)?;
            let rejected = ViewFact { order_id: created.order_id, ..fact(order(), Some(me.as_str()), "OrderRejected", 9)? };
            anyhow::Ok((created, rejected))
        };
        let me = somebody()?;
        let (created, rejected) = facts(&me)?;
        ports.record(&rejected).await?;
        same("rejected", in_order(ports.page(&me, 5, None).await?), listed(&rejected, 9, &[&rejected]))?;
        ports.record(&created).await?;
        same("then created", in_order(ports.page(&me, 5, None).await?), listed(&created, 1, &[&created, &rejected]))?;
        let me = somebody()?;
        let (created, rejected) = facts(&me)?;
        for fact in [&created, &rejected, &created] {
            ports.record(fact).await?;
        }
        same("created first", in_order(ports.page(&me, 5, None).await?), listed(&created, 1, &[&created, &rejected]))?;
    }

    an_order_of_which_nothing_is_known_has_no_view {
        same("view", ports.load(order()).await?, None)?;
    }

    facts_add_up_in_any_order_and_each_is_there_once {
        let order_id = order();
        let (late, early) = (fact(order_id, None, "Late", 9)?, fact(order_id, Some("ada"), "Early", 1)?);
        ports.record(&late).await?;
        same("without an owner", ports.load(order_id).await?, view(None, &[&late])?)?;
        for _ in 0..2 {
            ports.record(&early).await?;
        }
        same("view", sorted(ports.load(order_id).await?), view(Some("ada"), &[&late, &early])?)?;
    }

    a_fact_stays_as_it_was_first_recorded {
        let order_id = order();
        let first = fact(order_id, Some("ada"), "First", 1)?;
        ports.record(&first).await?;
        let other = ViewFact { event_id: first.event_id, ..fact(order_id, None, "Other", 2)? };
        ports.record(&other).await?;
        same("view", ports.load(order_id).await?, view(Some("ada"), &[&first])?)?;
    }

    an_order_belongs_to_whom_it_was_first_said_to_belong_to {
        let order_id = order();
        let (first, other) = (fact(order_id, Some("ada"), "A", 1)?, fact(order_id, Some("mallory"), "B", 2)?);
        ports.record(&first).await?;
        ports.record(&other).await?;
        same("view", sorted(ports.load(order_id).await?), view(Some("ada"), &[&first, &other])?)?;
        let (me, you) = (somebody()?, somebody()?);
        let mine = fact(order(), Some(me.as_str()), "OrderCreated", 1)?;
        let yours = ViewFact { order_id: mine.order_id, ..fact(order(), Some(you.as_str()), "OrderRejected", 2)? };
        ports.record(&mine).await?;
        ports.record(&yours).await?;
        same("in my list", in_order(ports.page(&me, 5, None).await?), listed(&mine, 1, &[&mine, &yours]))?;
        same("in yours", ports.page(&you, 5, None).await?, Page::default())?;
    }
}
