//! Random sequences of operations on few items: played on two tables, they must come to the same.
//!
//! A step is a handful of bytes, of which each squad's sequence makes an operation, often one on what is there and
//! sometimes one on what is not.

pub mod fulfilment;
pub mod growth;
pub mod inventory;
pub mod orders;

use std::fmt::Debug;

/// One operation.
pub type Step = [u8; 4];

/// What came of a sequence: a line per operation, and what was there at the end.
pub type Story = Vec<String>;

/// One of `all`, by a byte.
fn one<T>(all: &[T], byte: u8) -> &T {
    let [first, ..] = all else { unreachable!("there is always one to choose") };
    usize::from(byte).checked_rem(all.len()).and_then(|n| all.get(n)).unwrap_or(first)
}

/// Errors are alike, whatever they say.
fn told(what: &str, outcome: Result<impl Debug, impl Debug>) -> String {
    outcome.map_or_else(|_| format!("{what}: an error"), |outcome| format!("{what}: {outcome:?}"))
}
