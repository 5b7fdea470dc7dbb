//! What is modelled: the protocol as it is, and the knobs that make other protocols of it.

use lakeside_domain::idempotency::Durations;

/// How long things last. A second of the domain is a tick here: what counts is which ends first.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Leases and their records.
    pub durations: Durations,
    /// Ticks for which the provider knows a key.
    pub key: u32,
    /// Ticks after which an attempt, or a request that it has sent, surely does nothing more.
    pub longest_life: u32,
}

/// The fewest ticks that tell a lease, a life, a key and a record apart, in this order. A life that is longer than the
/// lease makes attempts worse than they are: Lambda ends them before their deadline.
pub const COARSE: Pace = Pace { durations: Durations { in_progress: 1, record: 4 }, longest_life: 2, key: 3 };

/// The same order, with moments at which nothing ends in between.
pub const FINE: Pace = Pace { durations: Durations { in_progress: 2, record: 6 }, longest_life: 4, key: 5 };

/// The key that goes to the provider with an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKey {
    /// The same for every attempt.
    PerOrder,
    /// Another one for each.
    PerAttempt,
}

/// What completing and releasing ask of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// Both, that it is in progress under the caller.
    Whole,
    /// Completing, nothing.
    OpenToComplete,
    /// Releasing, nothing.
    OpenToRelease,
}

/// A way to make an effect outside.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// Deliveries of the command.
    pub attempts: usize,
    /// How long things last.
    pub pace: Pace,
    /// Whether a lease is taken.
    pub lease: bool,
    /// What its holder must prove.
    pub fence: Fence,
    /// The provider's key.
    pub key: ProviderKey,
    /// Whether the effect is recorded as begun before the provider is asked.
    pub recorded_before: bool,
    /// Whether the effect is looked up before another try and after a lost reply.
    pub look_up: bool,
}

/// The protocol as it is, in the fewest attempts between which everything can go wrong.
pub const AS_BUILT: Protocol = Protocol {
    attempts: 2,
    pace: COARSE,
    lease: true,
    fence: Fence::Whole,
    key: ProviderKey::PerOrder,
    recorded_before: true,
    look_up: true,
};
