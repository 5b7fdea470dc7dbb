//! What the command line does, each command as thin as it can be.

pub mod dlq;
pub mod order;
pub mod saga;
pub mod trace;
