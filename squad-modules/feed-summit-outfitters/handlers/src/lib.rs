//! The consumer `feed-summit-outfitters`: a marketplace's view of what may be sold, from `StockLevelChanged`.

#![allow(async_fn_in_trait, reason = "a function handles one invocation at a time on one thread")]

pub mod feed_summit_outfitters;
pub mod level_table;
#[cfg(test)]
mod memory;
