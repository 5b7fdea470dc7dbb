//! Stands in for the companies Lakeside depends on, the payment processor, the carrier and the marketplaces, so that the
//! platform can be run and broken on one machine.
//!
//! It is strict where the real ones are: an idempotency key belongs to one request, more than so many requests
//! a second are turned away, and a second key for the same order is a second charge (the ledger counts them).
//! Which fault happens is chosen by the payment method's or the address's handle, by the SKU or by a key's label;
//! `README.md` has the tables.
//! Everything is in memory and gone when the process ends.

mod callbacks;
mod carrier;
mod idempotency;
mod keys;
mod marketplaces;
mod processor;
mod rate;
mod server;

pub use server::{Options, serve};
