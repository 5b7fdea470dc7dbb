//! The versions of one secret, as a rotation sees them.

use crate::secret::{Secret, SecretError};

/// Which version stands at which stage, if any does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stages {
    /// `AWSCURRENT`: what everybody reads.
    pub current: Option<String>,
    /// `AWSPREVIOUS`: what was current before.
    pub previous: Option<String>,
    /// `AWSPENDING`: what a rotation is about to make current.
    pub pending: Option<String>,
}

/// One secret that is rotated. Secrets Manager has the new version pending before it asks for the first step.
pub trait SecretVersions {
    /// Which versions are in use.
    async fn stages(&self) -> Result<Stages, SecretError>;

    /// The value of a version; `None` if it has none.
    async fn value(&self, version: &str) -> Result<Option<Secret>, SecretError>;

    /// Gives the pending version its value. A value it has stays.
    async fn fill(&self, version: &str, value: &Secret) -> Result<(), SecretError>;

    /// Makes a version current in the place of `current`, which becomes the previous one. Refused if another one is current.
    async fn promote(&self, version: &str, current: &str) -> Result<(), SecretError>;

    /// Has a version pend no longer.
    async fn give_up(&self, version: &str) -> Result<(), SecretError>;
}
