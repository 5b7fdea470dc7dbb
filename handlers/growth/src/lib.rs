//! The growth squad: loyalty points, and what customers are told of their orders.

#![allow(async_fn_in_trait, reason = "a function handles one invocation at a time on one thread")]

pub mod accrue_loyalty;
pub mod aws_post;
pub mod contact;
pub mod directory;
pub mod growth_table;
pub mod loyalty_record;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod notice_record;
pub mod notify_customer;
pub mod post;
