//! Checking an installation: what is looked at, and what follows from it.

pub mod checks;
pub mod findings;
pub mod looks;
