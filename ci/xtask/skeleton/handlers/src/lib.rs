//! The consumer `<name>`: what it makes of `<Event>`.

#![allow(async_fn_in_trait, reason = "a function handles one invocation at a time on one thread")]

pub mod fact_table;
#[cfg(test)]
mod memory;
pub mod <module>;
