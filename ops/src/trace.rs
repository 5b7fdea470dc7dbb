//! The whole journey of one order: everything that is known of it, and where it stands.

pub mod evidence;
pub mod report;
pub mod timeline;
pub mod verdict;
