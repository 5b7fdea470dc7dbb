//! Whether a contract may become what it is about to become.
//!
//! [`schema`] reads a JSON Schema and refuses what it does not understand, [`changes`] says how one differs from the one
//! before, [`rules`] says whom each kind of difference breaks, and [`gate`] asks that of every contract of a checkout.

pub mod changes;
pub mod gate;
mod patterns;
pub mod repository;
pub mod rules;
pub mod schema;
