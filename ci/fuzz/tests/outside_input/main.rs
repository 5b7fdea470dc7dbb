//! What comes from outside is read without a panic, and refused clearly where it makes no sense.
//!
//! Every target starts from the committed examples of the contracts and breaks them in ways that JSON allows, that
//! its readers disagree about, or that it forbids. A target is an ordinary test: a fixed seed, a few seconds. It runs
//! for longer with `LAKESIDE_FUZZ_SECONDS`, from another seed with `LAKESIDE_FUZZ_SEED`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod adjustments;
mod api;
mod batch;
mod corpus;
mod explore;
mod fulfilment_ports;
mod inventory_ports;
mod levels;
mod mutation;
mod orders_ports;
mod partners;
mod queries;
mod queues;
mod rotations;
mod streams;
mod sync_commands;
mod values;
