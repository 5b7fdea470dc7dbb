//! What the command line does, each command as thin as it can be.

pub mod cost;
pub mod dlq;
pub mod doctor;
pub mod events;
pub mod load;
pub mod order;
pub mod saga;
pub mod stock;
pub mod trace;
