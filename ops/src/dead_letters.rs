//! Messages that were given up: what they are about, why, and sending them back.

pub mod dropping;
pub mod grouping;
pub mod handling;
pub mod letter;
pub mod moving;
pub mod queues;
