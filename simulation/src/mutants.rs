//! Planted bugs: each takes one guard away. What the simulation does not notice, nothing guards.
//!
//! The conditions of the tables' writes are all among them, because their own enumerations are the list.

use std::{fmt, sync::LazyLock};

use lakeside_fulfilment::memory::Condition as Fulfilment;
use lakeside_growth::memory::Condition as Growth;
use lakeside_inventory::memory::{Condition as Inventory, store_stock::Condition as StoreStock};
use lakeside_orders::memory::Condition as Orders;

macro_rules! mutants {
    ($($name:ident: $guard:literal),+ $(,)?) => {
        /// What is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant {
            /// A write to one of the orders squad's tables misses a condition.
            Orders(Orders),
            /// A write to the inventory squad's table does.
            Inventory(Inventory),
            /// A write to the fulfilment squad's table does.
            Fulfilment(Fulfilment),
            /// A write to the growth squad's table does.
            Growth(Growth),
            /// A write to the inventory squad's view of stock does.
            StoreStock(StoreStock),
            $($name),+
        }

        /// Every bug there is to plant.
        pub static ALL: LazyLock<Vec<Mutant>> = LazyLock::new(|| {
            let orders = Orders::ALL.iter().copied().map(Mutant::Orders);
            let inventory = Inventory::ALL.iter().copied().map(Mutant::Inventory);
            let fulfilment = Fulfilment::ALL.iter().copied().map(Mutant::Fulfilment);
            let growth = Growth::ALL.iter().copied().map(Mutant::Growth);
            let store_stock = StoreStock::ALL.iter().copied().map(Mutant::StoreStock);
            orders.chain(inventory).chain(fulfilment).chain(growth).chain(store_stock).chain([$(Mutant::$name),+]).collect()
        });

        impl Mutant {
            /// The guard that is taken away.
            pub const fn guard(self) -> &'static str {
                match self {
                    Self::Orders(condition) => condition.says(),
                    Self::Inventory(condition) => condition.says(),
                    Self::Fulfilment(condition) => condition.says(),
                    Self::Growth(condition) => condition.says(),
                    Self::StoreStock(condition) => condition.says(),
                    $(Self::$name => $guard),+
                }
            }
        }
    };
}

/// The name on the command line.
impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Orders(condition) => write!(f, "orders::{condition:?}"),
            Self::Inventory(condition) => write!(f, "inventory::{condition:?}"),
            Self::Fulfilment(condition) => write!(f, "fulfilment::{condition:?}"),
            Self::Growth(condition) => write!(f, "growth::{condition:?}"),
            Self::StoreStock(condition) => write!(f, "store_stock::{condition:?}"),
            other => write!(f, "{other:?}"),
        }
    }
}

mutants! {
    ReserveWhatFits: "all lines of an order are reserved or none",
    StaleIsSoldOut: "a reservation that was overtaken is decided again",
    ConflictIsSoldOut: "a transaction that conflicts is tried again",
    ChargeKeyPerAttempt: "every attempt at a charge carries the same idempotency key",
    LabelKeyPerAttempt: "every attempt at a label carries the same idempotency key",
    ProcessorForgetsReversal: "a reversal closes the payment's reference at the processor",
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
    NodeAlone: "what changes at a node changes in a pool too",
    OneReading: "what differs is read again before it is believed",
    NoNextPool: "who finds a SKU sold out looks for a pool that has come since",
    UnknownIsRefused: "a step whose outcome is unknown counts as done",
    RecordedAfterwards: "that a message is sent is recorded before it is",
    UnknownIsUnsent: "a message of which nobody knows whether it went out counts as sent",
    ClientSendsAgain: "a message that got no answer is not sent again by the client",
    EarlyFactDropped: "a fact that comes before its order waits for it",
    LookedForOnce: "a fact that begins to wait looks for its order again",
    NoticesExpire: "what was told is remembered for longer than anything can be said again",
    WishIgnored: "a customer is told by the way they wish, or not at all",
    AddressOnTheBus: "where a customer can be reached is said on no bus",
    PointsOnCreation: "points are given when an order is fulfilled",
    ReversalForgotten: "points of an order that is undone after all are taken back",
    AccountApart: "an account changes together with its order's record",
    StockUnversioned: "every write of stock makes its version higher",
    LevelReadEventually: "a level is read after the write that it tells of",
    CancelledByAnybody: "an order is cancelled by its own customer only",
    CancellationUnheard: "a customer's cancellation reaches the saga",
}

/// Guards against races so rare that it takes a few thousand seeds to notice that one is gone.
pub const RARE: &[Mutant] = &[
    Mutant::Inventory(Inventory::SweepHeld),
    Mutant::Inventory(Inventory::SweepUnchanged),
    Mutant::Inventory(Inventory::MoveAvailable),
    Mutant::OneReading,
];

/// Guards whose removal nothing notices. The README says of each whether it is a second lock or of no use today.
/// That the adapters have every condition is shown by `ci/ports`.
pub const UNNOTICED: &[Mutant] = &[
    Mutant::Orders(Orders::FactFirst),
    Mutant::Orders(Orders::OwnerFirst),
    Mutant::Inventory(Inventory::RenewHeld),
    Mutant::Inventory(Inventory::RenewUnchanged),
    Mutant::Inventory(Inventory::ReleaseCovered),
    Mutant::Inventory(Inventory::SweepCovered),
    Mutant::Inventory(Inventory::AllocateHeld),
    Mutant::Inventory(Inventory::AllocateCovered),
    Mutant::Inventory(Inventory::UndoCommitted),
    Mutant::Inventory(Inventory::UndoCovered),
    Mutant::Inventory(Inventory::UndoNodeExists),
    Mutant::Inventory(Inventory::UndoStanding),
    Mutant::Inventory(Inventory::MoveShort),
    Mutant::Fulfilment(Fulfilment::ReversalAwaited),
    Mutant::Fulfilment(Fulfilment::VoidUnchanged),
    Mutant::Fulfilment(Fulfilment::LeaseCompletedByHolder),
    Mutant::Growth(Growth::PointsToTake),
    Mutant::Growth(Growth::CustomerOnce),
    Mutant::Growth(Growth::LeaseCompletedByHolder),
    Mutant::Growth(Growth::SettledFromWhereItStood),
    Mutant::LeaseWithoutMargin,
];
