//! Who says what and who listens, read from where it is decided: contracts, functions and Terraform.

pub mod events;
pub mod functions;
pub mod listeners;
pub mod pages;
pub mod plans;
pub mod root;
mod terraform_functions;

use std::path::PathBuf;

/// The checkout.
pub fn workspace() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
