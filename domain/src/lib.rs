//! The rules of Lakeside as pure values and functions: what an order is, when stock may be promised, how a
//! paid order is split over nodes, and which step of the saga is undone by which.
//!
//! Nothing here waits, reads a clock, draws a random number or knows of AWS: time and ids come in as values.
//! The invariants are named `I1` to `I8` as in `ARCHITECTURE.md`.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod adjustment;
pub mod allocation;
pub mod events;
pub mod idempotency;
pub mod ids;
pub mod label;
pub mod level;
pub mod listing;
pub mod loyalty;
pub mod money;
pub mod notice;
pub mod order;
pub mod order_status;
pub mod partner;
pub mod payment;
pub mod quantity;
pub mod rebalancing;
pub mod reconciliation;
pub mod reservation;
pub mod saga;
pub mod stock;
pub mod time;
