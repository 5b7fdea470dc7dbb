//! The versions of pools and nodes, and the part of the table's stream that is about them.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use lakeside_kit::dynamo::Key;

/// A write of a pool or a node, as the stream carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockWrite {
    /// Which.
    pub key: Key,
    /// What it had, if it was there: units that are available or on hand, and its version.
    pub old: Option<(i64, u64)>,
    /// What it has now.
    pub new: (i64, u64),
}

/// How often each item was written, and the stream of these writes.
#[derive(Debug, Default)]
pub struct StockWrites {
    /// Whether writes leave versions as they are, as if that were missing from their expressions.
    pub unversioned: Cell<bool>,
    versions: RefCell<HashMap<Key, u64>>,
    stream: RefCell<Vec<StockWrite>>,
}

impl StockWrites {
    /// An item was put there, past the functions and so without a version.
    pub fn put(&self, key: Key, before: Option<i64>, now: i64) {
        let old = before.map(|units| (units, self.version(&key)));
        self.versions.borrow_mut().remove(&key);
        self.stream.borrow_mut().push(StockWrite { key, old, new: (now, 0) });
    }

    /// An item was changed.
    pub fn write(&self, key: Key, before: i64, now: i64) {
        let version = self.version(&key);
        let after = if self.unversioned.get() { version } else { version.saturating_add(1) };
        self.versions.borrow_mut().insert(key.clone(), after);
        let write = StockWrite { key, old: Some((before, version)), new: (now, after) };
        self.stream.borrow_mut().push(write);
    }

    /// How often an item was written since it was put there.
    pub fn version(&self, key: &Key) -> u64 {
        self.versions.borrow().get(key).copied().unwrap_or_default()
    }

    /// Takes what the stream carries.
    pub fn take(&self) -> Vec<StockWrite> {
        self.stream.take()
    }
}
