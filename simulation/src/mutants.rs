//! Planted bugs: each takes one guard away. What the simulation does not notice, nothing guards.

macro_rules! mutants {
    ($($name:ident: $guard:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant { $($name),+ }
        pub const ALL: &[Mutant] = &[$(Mutant::$name),+];
        impl Mutant {
            /// The guard that is taken away.
            pub const fn guard(self) -> &'static str {
                match self { $(Self::$name => $guard),+ }
            }
        }
    };
}

mutants! {
    OrderCreateUnconditional: "an order is written only if there is none under its id",
    OrderSaveUnconditional: "an order replaces the version it was read at only",
    ReserveWithoutStock: "units are reserved only if they are available",
    ReserveTwice: "an order is reserved only if it has no reservation",
    ReserveWhatFits: "all lines of an order are reserved or none",
    StaleIsSoldOut: "a reservation that was overtaken is decided again",
    AllocateEndedHold: "a hold is sold only while it is live",
    AllocateReleasedHold: "only what is held is sold",
    AllocateTwice: "an order is allocated only if it has no allocation",
    AllocateWithoutStock: "a node ships only what it has",
    ReleaseTwice: "only a held reservation is released",
    CloseUnconditional: "a reservation is closed only if there is none",
    ReleaseAllocationTwice: "only a standing allocation is released",
    CloseAllocationUnconditional: "an allocation is closed only if there is none",
    CaptureAfterRefund: "a charge begins only on a payment that is open",
    SettleCaptureUnconditional: "the outcome of a charge is recorded only on a payment that waits for it",
    SettleWithoutLease: "an outcome is recorded by the holder of the lease only",
    ClosePaymentUnconditional: "a payment is closed only if there is none",
    LeaseIgnored: "a lease is given to one attempt at a time",
    LeaseReleasedByAnybody: "a lease is given up by its holder only, and never once completed",
    ChargeKeyPerAttempt: "every attempt at a charge carries the same idempotency key",
    LabelKeyPerAttempt: "every attempt at a label carries the same idempotency key",
    ProcessorForgetsReversal: "a reversal closes the payment's reference at the processor",
    LabelAfterClosing: "no label is bought after the order's labels were closed",
    SettleLabelUnconditional: "the outcome of a purchase is recorded only on a label that waits for it",
    EventIdPerPublication: "a fact has the same event id however often it is published",
    PartialPutIgnored: "events that the bus did not take are published again",
    FailuresSwallowed: "a message that could not be handled is reported",
    NoDeadLetterQueue: "a message that is given up is kept",
    StreamSkipsFailures: "a stream goes on only behind what was published",
    ExecutionNamePerAttempt: "an order has one saga, under its own id",
    NoRecovery: "a saga that died is compensated",
    NoTokenTimeout: "a saga does not wait for an answer forever",
    NoRefund: "a payment that was begun is refunded when the saga fails",
    NoRelease: "stock that may be held is released when the saga fails",
    NoVoid: "labels that may be bought are voided when the saga fails",
    NoReleaseOfAllocation: "an allocation that may stand is released when the saga fails",
    UnknownIsDeclined: "a charge whose outcome is unknown is not taken for declined",
    ThrottledIsDeclined: "a charge that was turned away is not taken for declined",
    NoLookUp: "an attempt made before is looked up before another one",
    LeaseWithoutMargin: "a lease outlasts its holder by what clocks may differ",
    FinalStateForgotten: "what is final stays as it is",
    ConflictHidden: "another submission under the same id is recorded as a conflict",
    CompletionForgotten: "an execution that may have told the order's completion is not recovered",
    StreamFromLatest: "a stream is read from its beginning",
    DualWrite: "events are written together with what they tell of",
    UnknownIsRefused: "a step whose outcome is unknown counts as done",
}

/// Guards whose removal the simulation has not noticed yet. The lease's are proven by the model of
/// `domain/tests/lease_protocol`; the others are second locks on doors that something else keeps shut, or stand against
/// races that have not come up.
pub const UNNOTICED: &[Mutant] = &[
    Mutant::AllocateEndedHold,
    Mutant::AllocateReleasedHold,
    Mutant::AllocateTwice,
    Mutant::CloseAllocationUnconditional,
    Mutant::ClosePaymentUnconditional,
    Mutant::SettleWithoutLease,
    Mutant::LeaseIgnored,
    Mutant::LabelAfterClosing,
];
