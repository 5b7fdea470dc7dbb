//! Telling again what was said on a bus: who hears it, how much it is, and how it goes.

pub mod aftermath;
pub mod archives;
pub mod carrying_out;
pub mod choosing;
pub mod following;
pub mod hearers;
pub mod planning;
pub mod window;
