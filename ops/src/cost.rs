//! Cost: what an order uses of each service, counted in a run, times list prices that are kept as data.
//!
//! Money and quantities are whole numbers of small units, so that nothing is rounded before it is shown.

pub mod amounts;
pub mod bill;
pub mod data;
