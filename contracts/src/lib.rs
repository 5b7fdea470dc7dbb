//! The public language of Lakeside: the events on the buses, the commands of the saga, the bodies of the API.
//!
//! These types are the one source. `generate-contracts` writes the JSON Schema files and examples beside this
//! crate from them, and `--check` fails when the committed files differ. Readers tolerate fields they do not
//! know, because contracts only ever grow; writers may not add any, because the schemas forbid them.
//!
//! Everything here is a reference, a count, a code or a time. No name, address, mail, phone or card.

pub mod announced;
pub mod api;
mod bounds;
pub mod commands;
mod convert;
pub mod envelope;
pub mod events;
pub mod generate;
pub mod openapi;
pub mod registry;
mod schema;
mod wire_time;

pub use envelope::{Delivery, Domain, Event, EventData, Metadata, SCHEMA_VERSION};
pub use wire_time::WireTime;
