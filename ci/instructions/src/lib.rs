//! What an order costs in instructions: the functions that it passes, over tables in memory, and the domain's decisions.
//!
//! Each is prepared apart from what is counted: of a function, one batch of [`BATCH`] messages, with what it leaves behind.

pub mod decisions;
mod deliveries;
pub mod functions;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Messages in a batch, as every mapping of the order's path has it.
pub const BATCH: u32 = 10;

/// What nothing in memory makes wait, at once.
///
/// # Panics
/// If it waits all the same.
#[allow(clippy::panic, reason = "a count of something else would be worse than none")]
fn ready<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a table in memory let somebody wait"),
    }
}
