//! Two makes of a function side by side: ours, and the same in Python with Powertools. Both run as Lambda runs them,
//! against the Runtime API, and write to a DynamoDB that answers from this process.

pub mod batches;
pub mod makes;
pub mod measured;
pub mod runtime_api;
pub mod sandbox;
pub mod table;
