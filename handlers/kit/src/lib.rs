//! What every function shares: how it starts, how a batch is answered, how DynamoDB is written, the outbox,
//! the lease around external effects, and the answers to task tokens.
//!
//! A function is a library module that is generic over narrow ports, and a binary that only wires it. Nothing
//! here knows a squad's rules.

#![allow(async_fn_in_trait, reason = "a function handles one invocation at a time on one thread")]

pub mod attempt;
pub mod bus;
pub mod clock;
pub mod config;
pub mod correlation;
pub mod disposition;
pub mod door;
pub mod dynamo;
mod https;
pub mod lease;
mod log_line;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod metrics;
mod otlp;
pub mod outbound;
pub mod outbox;
pub mod outside;
pub mod personal;
pub mod publish_outbox;
pub mod runtime;
pub mod secret;
pub mod secret_versions;
pub mod secrets_manager;
pub mod sqs;
pub mod task_token;
pub mod trace;
