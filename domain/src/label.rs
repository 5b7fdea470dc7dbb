//! The shipping label of one parcel: bought at most once, voided at most once, never bought after the order's
//! labels were closed.

use serde::{Deserialize, Serialize};

use crate::ids::{ReasonCode, TrackingNumber};

/// The reason code given to a label that is asked for after the order's labels were voided.
pub const LABELS_CLOSED: &str = "LABELS_CLOSED";

/// Why no label of an order may be bought any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Closing {
    /// What the saga did is undone.
    #[default]
    Compensation,
    /// The customer cancelled the order.
    Cancellation,
}

/// Where a label stands. There is no record before the first attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LabelStatus {
    /// The carrier was or is about to be asked; the outcome is unknown.
    Requested,
    /// Bought.
    #[serde(rename_all = "camelCase")]
    Created {
        /// The parcel's number.
        tracking_number: TrackingNumber,
    },
    /// The carrier does not take the parcel.
    Refused {
        /// Why.
        reason: ReasonCode,
    },
    /// Given back, or closed before it was bought. Final.
    Voided,
}

/// What the carrier said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purchase {
    /// Bought.
    Created {
        /// The parcel's number.
        tracking_number: TrackingNumber,
    },
    /// Not taken.
    Refused {
        /// Why.
        reason: ReasonCode,
    },
}

/// What to do about a command to create a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelStep {
    /// Ask the carrier, under the parcel's own idempotency key.
    Buy,
    /// It was decided before.
    Decided(Purchase),
}

/// What a command to create a label means for one that stands at `current`.
pub fn begin(current: Option<&LabelStatus>) -> LabelStep {
    match current {
        None | Some(LabelStatus::Requested) => LabelStep::Buy,
        Some(LabelStatus::Created { tracking_number }) => {
            LabelStep::Decided(Purchase::Created { tracking_number: tracking_number.clone() })
        }
        Some(LabelStatus::Refused { reason }) => {
            LabelStep::Decided(Purchase::Refused { reason: reason.clone() })
        }
        Some(LabelStatus::Voided) => LabelStep::Decided(closed()),
    }
}

/// The status after the carrier's answer, or `None` if the label has moved on.
pub fn record(current: &LabelStatus, purchase: &Purchase) -> Option<LabelStatus> {
    if *current != LabelStatus::Requested {
        return None;
    }
    Some(match purchase {
        Purchase::Created { tracking_number } => {
            LabelStatus::Created { tracking_number: tracking_number.clone() }
        }
        Purchase::Refused { reason } => LabelStatus::Refused { reason: reason.clone() },
    })
}

/// Whether the carrier must be told when the order's labels are voided.
pub const fn needs_voiding(current: &LabelStatus) -> bool {
    matches!(current, LabelStatus::Requested | LabelStatus::Created { .. })
}

/// The answer to a label that may not be bought any more.
pub fn closed() -> Purchase {
    Purchase::Refused { reason: ReasonCode::constant(LABELS_CLOSED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voided_label_is_never_bought() {
        assert_eq!(begin(Some(&LabelStatus::Voided)), LabelStep::Decided(closed()));
        let bought = Purchase::Created { tracking_number: TrackingNumber::parse("LS1").unwrap() };
        assert_eq!(record(&LabelStatus::Voided, &bought), None);
    }

    #[test]
    fn an_unknown_purchase_is_asked_again_and_voided_at_the_carrier() {
        assert_eq!(begin(Some(&LabelStatus::Requested)), LabelStep::Buy);
        assert!(needs_voiding(&LabelStatus::Requested));
        assert!(!needs_voiding(&LabelStatus::Voided));
    }
}
