//! The orders squad's table of what customers see.

use lakeside_contracts::WireTime;
use lakeside_domain::{
    events::EventId,
    ids::{CustomerId, OrderId},
    order_status::KnownFact,
};
use lakeside_orders::{
    order_query::{self, View},
    order_status::{self, Known, ViewFact},
};
use uuid::Uuid;

use crate::{at, contracts, order, same};

/// What the functions see of the table.
pub trait Ports: order_status::StatusView + order_query::StatusView {}

impl<T: order_status::StatusView + order_query::StatusView> Ports for T {}

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

contracts! {
    (ports: Ports, _books: Books)

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
    }
}
