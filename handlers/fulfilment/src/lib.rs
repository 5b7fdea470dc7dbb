//! The fulfilment squad: the saga's beginning and its recovery, its cancellation, payments and
//! the key to them, and shipping labels.

#![allow(async_fn_in_trait, reason = "a function handles one invocation at a time on one thread")]

pub mod address;
pub mod approval_record;
pub mod cancel_fulfilment;
pub mod capture_payment;
pub mod carrier;
pub mod create_label;
pub mod directory;
pub mod effect;
pub mod executions;
pub mod fulfilment_table;
pub mod http_carrier;
pub mod http_processor;
pub mod http_processor_keys;
pub mod label_record;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod payment_record;
pub mod processor;
pub mod processor_keys;
#[cfg(test)]
mod real_sandbox;
pub mod recover_fulfilment;
pub mod refund_payment;
pub mod rotate_processor_key;
#[cfg(test)]
mod scripted;
pub mod start_fulfilment;
pub mod step_functions;
pub mod void_label;

pub use lakeside_kit::{outbound, outside};
