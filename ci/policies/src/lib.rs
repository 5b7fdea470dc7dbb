//! The platform's policies on what `terraform show -json` says of a plan, without conftest.
//!
//! The rules are the files of `platform-terraform/policies`, as conftest runs them. Here they are run by the tests: on
//! plans in which exactly one rule finds a fault, and on the real plans of all roots and profiles.

mod rules;
mod suite;
mod verdict;

pub use rules::{Rule, rules, without};
pub use suite::{Granted, Suite};
pub use verdict::{Summary, Verdict};
