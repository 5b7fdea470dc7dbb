//! The growth squad: loyalty points, what customers are told of their orders, and what marketplaces are told of our stock.

#![allow(async_fn_in_trait, reason = "a function handles one invocation at a time on one thread")]

pub mod accrue_loyalty;
pub mod aws_post;
pub mod contact;
pub mod directory;
pub mod fifo_queues;
pub mod growth_table;
pub mod http_marketplaces;
pub mod listing_record;
pub mod listing_table;
pub mod loyalty_record;
pub mod marketplaces;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod notice_record;
pub mod notify_customer;
pub mod post;
pub mod publish_stock;
pub mod route_stock;
