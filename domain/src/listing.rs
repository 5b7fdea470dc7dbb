//! What a marketplace is told of a SKU: the newest level, and never an older one after it.
//!
//! A level is absolute and carries a version, so that telling it again changes nothing and nobody has to ask what came
//! of an attempt that was lost: it is told again. Only the newest version is worth telling; what a marketplace has
//! refused to list, it refuses again, so that a refusal is final for its version.

use serde::{Deserialize, Serialize};

use crate::ids::ReasonCode;

/// How much may be promised of a SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Units.
    pub available: u64,
    /// Higher than that of every level before.
    pub version: u64,
}

/// What came of the newest level that a marketplace was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ListingStatus {
    /// It shows the level. Final for this version.
    Published,
    /// It does not take the level. Final for this version.
    Refused {
        /// Why.
        reason: ReasonCode,
    },
}

/// What to do about a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingStep {
    /// Tell it.
    Publish,
    /// As new a level was decided before: there is nothing to do.
    Absorb,
}

/// What a level means to a listing whose newest decided version is `decided`.
pub const fn begin(decided: Option<u64>, level: Level) -> ListingStep {
    match decided {
        Some(version) if version >= level.version => ListingStep::Absorb,
        _ => ListingStep::Publish,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn level(version: u64) -> Level {
        Level { available: 5, version }
    }

    #[test]
    fn only_a_newer_level_is_told() {
        assert_eq!(begin(None, level(1)), ListingStep::Publish);
        assert_eq!(begin(Some(1), level(2)), ListingStep::Publish);
        assert_eq!(begin(Some(2), level(2)), ListingStep::Absorb);
        assert_eq!(begin(Some(3), level(2)), ListingStep::Absorb);
    }
}
