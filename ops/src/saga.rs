//! The saga of an order: what it did, what may be done with it, and how it looks.

pub mod actions;
pub mod approval;
pub mod drawing;
pub mod executions;
pub mod guards;
pub mod history;
