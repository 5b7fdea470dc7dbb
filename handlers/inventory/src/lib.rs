//! The inventory squad: holding stock for orders, choosing where it leaves from, putting it back, and telling how much
//! there is.

#![allow(async_fn_in_trait, reason = "a function handles one invocation at a time on one thread")]

pub mod adjust_stock;
pub mod adjustment_record;
mod adjustment_table;
pub mod allocate;
#[cfg(test)]
mod goods;
pub mod inventory_table;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod project_store_stock;
pub mod publish_levels;
pub mod reconcile_stock;
pub mod release_stock;
pub mod reserve_stock;
pub mod stock_error;
pub mod stock_query;
pub mod store_stock_table;
pub mod sweep_reservations;
