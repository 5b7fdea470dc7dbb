//! Load: orders that arrive by a schedule, whatever becomes of those before them, and what came of all of them.
//!
//! The schedule, the mix, percentiles and the reconciliation know no cloud; `driving` sends over a port, and `reading` is
//! where the cloud is asked.

pub mod driving;
pub mod facts;
pub mod figures;
pub mod guard;
pub mod machine;
pub mod mix;
pub mod outcome;
pub mod plots;
pub mod reading;
pub mod reconciliation;
pub mod report;
pub mod run;
pub mod schedule;
