//! The money of one order: captured at most once, given back at most once, and never captured after it was
//! given back, or after its order was cancelled.
//!
//! The record is written *before* the processor is called, so that a crash leaves a trace of what may have
//! happened. A reversal closes the payment for good: a charge whose answer was lost is found by asking the
//! processor, not by guessing. Amounts never change here; they are the order's total.

use serde::{Deserialize, Serialize};

use crate::ids::ReasonCode;

/// The reason code given to a capture that comes after the payment was reversed.
pub const PAYMENT_CLOSED: &str = "PAYMENT_CLOSED";

/// Where a payment stands. There is no record before the first attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// The processor was or is about to be asked; the outcome is unknown.
    Capturing,
    /// The money is ours.
    Captured,
    /// The processor said no; no money moved.
    Declined {
        /// Why.
        reason: ReasonCode,
    },
    /// The processor was or is about to be asked to give back or cancel whatever there is.
    Reversing,
    /// The money went back. Final.
    Refunded,
    /// Nothing was captured and nothing can be any more. Final.
    Voided,
    /// The customer cancelled the order before the first attempt. Final.
    Cancelled,
}

/// What the processor said to a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    /// Captured.
    Captured,
    /// Refused.
    Declined {
        /// Why.
        reason: ReasonCode,
    },
}

/// What the processor said to a reversal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reversal {
    /// There was money and it went back.
    Refunded,
    /// There was none, and the reference is closed.
    Cancelled,
}

/// What to do about a command to capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureStep {
    /// Ask the processor, under the order's own idempotency key.
    Charge,
    /// It was decided before.
    Decided(Charge),
    /// Tell that the customer cancelled the order.
    Cancelled,
}

/// What a command to capture means for a payment that stands at `current`.
pub fn begin_capture(current: Option<&PaymentStatus>) -> CaptureStep {
    match current {
        None | Some(PaymentStatus::Capturing) => CaptureStep::Charge,
        Some(PaymentStatus::Captured) => CaptureStep::Decided(Charge::Captured),
        Some(PaymentStatus::Declined { reason }) => {
            CaptureStep::Decided(Charge::Declined { reason: reason.clone() })
        }
        Some(PaymentStatus::Reversing | PaymentStatus::Refunded | PaymentStatus::Voided) => {
            CaptureStep::Decided(closed())
        }
        Some(PaymentStatus::Cancelled) => CaptureStep::Cancelled,
    }
}

/// The status after the processor's answer, or `None` if the payment has moved on and the answer is only history.
pub fn record_charge(current: &PaymentStatus, charge: &Charge) -> Option<PaymentStatus> {
    match (current, charge) {
        (PaymentStatus::Capturing, Charge::Captured) => Some(PaymentStatus::Captured),
        (PaymentStatus::Capturing, Charge::Declined { reason }) => {
            Some(PaymentStatus::Declined { reason: reason.clone() })
        }
        _ => None,
    }
}

/// What to do about a command to refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReversalStep {
    /// No attempt was ever made: record that none may be.
    Void,
    /// Ask the processor to give back or cancel.
    Reverse,
    /// It was done before, or no money can have moved.
    Done(Reversal),
}

/// What a command to refund means for a payment that stands at `current`.
pub fn begin_reversal(current: Option<&PaymentStatus>) -> ReversalStep {
    match current {
        None => ReversalStep::Void,
        Some(PaymentStatus::Capturing | PaymentStatus::Captured | PaymentStatus::Reversing) => {
            ReversalStep::Reverse
        }
        Some(PaymentStatus::Refunded) => ReversalStep::Done(Reversal::Refunded),
        Some(PaymentStatus::Declined { .. } | PaymentStatus::Voided | PaymentStatus::Cancelled) => {
            ReversalStep::Done(Reversal::Cancelled)
        }
    }
}

/// The status after the processor's answer to a reversal.
pub const fn record_reversal(reversal: Reversal) -> PaymentStatus {
    match reversal {
        Reversal::Refunded => PaymentStatus::Refunded,
        Reversal::Cancelled => PaymentStatus::Voided,
    }
}

fn closed() -> Charge {
    Charge::Declined { reason: ReasonCode::constant(PAYMENT_CLOSED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declined() -> PaymentStatus {
        PaymentStatus::Declined { reason: ReasonCode::parse("CARD_DECLINED").unwrap() }
    }

    #[test]
    fn a_reversed_payment_is_never_charged() {
        for status in [PaymentStatus::Reversing, PaymentStatus::Refunded, PaymentStatus::Voided] {
            assert_eq!(begin_capture(Some(&status)), CaptureStep::Decided(closed()), "{status:?}");
        }
    }

    #[test]
    fn a_charge_that_comes_home_late_changes_nothing() {
        for status in [PaymentStatus::Reversing, PaymentStatus::Refunded, PaymentStatus::Voided, declined()] {
            assert_eq!(record_charge(&status, &Charge::Captured), None, "{status:?}");
        }
        assert_eq!(
            record_charge(&PaymentStatus::Capturing, &Charge::Captured),
            Some(PaymentStatus::Captured)
        );
    }

    #[test]
    fn an_unknown_outcome_is_reversed_at_the_processor() {
        assert_eq!(begin_reversal(Some(&PaymentStatus::Capturing)), ReversalStep::Reverse);
    }

    #[test]
    fn a_refund_before_any_attempt_closes_the_payment() {
        assert_eq!(begin_reversal(None), ReversalStep::Void);
        let voided = record_reversal(Reversal::Cancelled);
        assert_eq!(begin_capture(Some(&voided)), CaptureStep::Decided(closed()));
    }

    #[test]
    fn a_payment_of_a_cancelled_order_is_neither_charged_nor_given_back() {
        let cancelled = PaymentStatus::Cancelled;
        assert_eq!(begin_capture(Some(&cancelled)), CaptureStep::Cancelled);
        assert_eq!(record_charge(&cancelled, &Charge::Captured), None);
        assert_eq!(begin_reversal(Some(&cancelled)), ReversalStep::Done(Reversal::Cancelled));
    }

    #[test]
    fn a_refund_happens_once() {
        assert_eq!(begin_reversal(Some(&PaymentStatus::Refunded)), ReversalStep::Done(Reversal::Refunded));
        assert_eq!(begin_reversal(Some(&declined())), ReversalStep::Done(Reversal::Cancelled));
    }
}
