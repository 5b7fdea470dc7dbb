//! Deterministic simulation of the functions under faults.
//!
//! The very handlers that Lambda runs are run here over ports whose clock, queues, buses, tables, saga and partners
//! are simulated, one thread and one seed deciding everything. Every call of a port is a point at which others go on,
//! at which an invocation may die, and at which an answer may be lost. `ARCHITECTURE.md` names the invariants.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a simulation whose own state is broken must stop at once"
)]
#![allow(missing_docs, reason = "a tool without users of its types")]

mod buses;
mod counted;
mod engine;
pub mod faults;
pub mod fifo;
mod finals;
mod functions;
pub mod hot_sku;
mod invariants;
mod levels;
pub mod listings;
mod mappings;
pub mod mutants;
mod partners;
pub mod planting;
mod ports;
mod post;
mod queues;
pub mod run;
mod saga;
pub mod shrink;
pub mod soak;
mod streams;
mod subscriptions;
mod tables;
pub mod telemetry;
mod terraform;
pub mod testing;
mod workload;
mod world;
