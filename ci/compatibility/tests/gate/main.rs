//! The contracts gate: each rule by its pair of fixtures, all of them against generated documents, and whole checkouts.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod checkouts;
mod documents;
mod fixtures;
mod properties;
