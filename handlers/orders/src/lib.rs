//! The orders squad: accepting orders, moving them along, cancelling them, and showing them to their owners, some of
//! whom are partners.

#![allow(async_fn_in_trait, reason = "a function handles one invocation at a time on one thread")]

pub mod advance_order;
pub mod authorize_partner;
pub mod cancel_order;
pub mod customer_orders;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod order_ingest;
pub mod order_query;
pub mod order_record;
pub mod order_status;
pub mod orders_table;
pub mod partners_table;
pub mod status_table;
