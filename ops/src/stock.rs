//! Stock: what there is of a SKU, and what of it may be booked.

pub mod adjusting;
pub mod books;
pub mod handling;
pub mod inventory;
