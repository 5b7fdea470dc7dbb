//! The levels in memory, for tests.

use std::{cell::RefCell, collections::BTreeMap};

use lakeside_domain::ids::Sku;
use lakeside_kit::{
    attempt::Written,
    conditions,
    dynamo::StoreError,
    memory::{Lifted, Trouble},
};

use crate::feed_summit_outfitters::{Level, Levels};

/// The contract's own example of what the function hears.
pub const EXAMPLE: &str =
    include_str!("../../../../contracts/events/inventory/stock-level-changed/examples/v1.json");

conditions! {
    NewerLevel: "a level is replaced by no older one",
    ToldBefore: "a level keeps the time at which it was first told",
}

/// The table.
#[derive(Debug, Default)]
pub struct MemoryLevels {
    /// What is in it.
    pub levels: RefCell<BTreeMap<Sku, Level>>,
    /// What goes wrong with it.
    pub trouble: Trouble,
    lifted: Lifted<Condition>,
}

impl MemoryLevels {
    /// From now on `condition` is not enforced, as if it were missing from its expression.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
    }
}

impl Levels for MemoryLevels {
    async fn keep(&self, level: &Level) -> Result<Written, StoreError> {
        self.trouble.write(Written::Stale, || {
            let mut levels = self.levels.borrow_mut();
            let kept = levels.get(&level.sku);
            let is_no_older = kept.is_none_or(|kept| kept.version <= level.version);
            let is_news = kept.is_none_or(|kept| kept.version != level.version || kept.as_of > level.as_of);
            if !self.lifted.passes(Condition::NewerLevel, is_no_older)
                || !self.lifted.passes(Condition::ToldBefore, is_news)
            {
                return Written::Stale;
            }
            levels.insert(level.sku.clone(), level.clone());
            Written::Yes
        })
    }
}
