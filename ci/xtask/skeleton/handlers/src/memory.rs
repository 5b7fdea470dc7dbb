//! The facts in memory, for tests.

use std::{cell::RefCell, collections::BTreeMap};

use lakeside_domain::events::EventId;
use lakeside_kit::{attempt::Written, dynamo::StoreError, memory::Trouble};

use crate::<module>::{Fact, Facts};

/// The contract's own example of what the function hears.
pub const EXAMPLE: &str = include_str!("../../../../contracts/<event>/examples/v1.json");

/// The table.
#[derive(Debug, Default)]
pub struct MemoryFacts {
    /// What is in it.
    pub facts: RefCell<BTreeMap<EventId, Fact>>,
    /// What goes wrong with it.
    pub trouble: Trouble,
}

impl Facts for MemoryFacts {
    async fn keep(&self, fact: &Fact) -> Result<Written, StoreError> {
        self.trouble.write(Written::Stale, || {
            let mut facts = self.facts.borrow_mut();
            if facts.contains_key(&fact.event_id) {
                return Written::Stale;
            }
            facts.insert(fact.event_id, fact.clone());
            Written::Yes
        })
    }
}
