//! Goods of tests, and what is left of them.

use lakeside_domain::{
    ids::{NodeId, Sku},
    stock::PoolId,
};

use crate::memory::{Counts, MemoryInventory};

pub fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

/// A table with these units at these nodes, all of a SKU in one pool.
pub fn stocked(stock: &[(&str, &str, i64)]) -> MemoryInventory {
    let table = MemoryInventory::default();
    for (name, node, units) in stock {
        let node = NodeId::parse(node).unwrap();
        *table.nodes.borrow_mut().entry((sku(name), node)).or_default() += units;
        let received = pool(&table, name).received + units;
        table.pools.borrow_mut().insert((sku(name), PoolId(0)), Counts::received(received));
    }
    table
}

pub fn pool(table: &MemoryInventory, name: &str) -> Counts {
    table.pools.borrow().get(&(sku(name), PoolId(0))).copied().unwrap_or_default()
}

/// Moves units of a SKU from available to held.
pub fn hold(table: &MemoryInventory, name: &str, units: i64) {
    let now = pool(table, name);
    let after = Counts { available: now.available - units, held: now.held + units, ..now };
    table.pools.borrow_mut().insert((sku(name), PoolId(0)), after);
}
