//! What goes wrong, how often, and how often it did.

use std::cell::{Cell, RefCell};

use crate::engine::Engine;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $name),+ }
        pub const ALL: &[Fault] = &[$(Fault::$name),+];
    };
}

faults! {
    /// An invocation dies before a call of a port takes effect.
    CrashBeforeCall,
    /// An invocation dies after a call of a port took effect.
    CrashAfterCall,
    /// A call took effect and its answer is lost.
    ReplyLost,
    /// A call is turned away.
    Throttled,
    /// A call fails without effect, and nobody knows that.
    ServerError,
    /// A transaction conflicts with another one for longer than is waited for.
    Conflict,
    /// A call takes seconds.
    SlowCall,
    /// A clock is seconds off.
    ClockSkew,
    /// A queue delivers a message twice.
    DuplicateDelivery,
    /// A message is delivered minutes late, and so after later ones.
    LateDelivery,
    /// What a function did with a batch is not heard of.
    BatchResponseLost,
    /// A message is delivered again while it is still worked on.
    RedeliveryWhileProcessing,
    /// A bus takes some of the events only.
    PartialPut,
    /// The answer to a saga that waits is lost.
    LostToken,
    /// The answer to a saga comes twice.
    DoubleToken,
    /// A saga is aborted between two steps.
    SagaAborted,
    /// A saga is started twice.
    DuplicateStart,
    /// An invocation runs into its timeout.
    InvocationTimeout,
    /// Nobody waits for an invocation any more, and it goes on for minutes.
    Zombie,
    /// The records of a stream are delivered again although they were handled.
    StreamRedelivered,
    /// The processor or the carrier does not answer, and nothing happened.
    OutsideLost,
    /// The processor or the carrier does not answer, and it happens all the same.
    OutsideLandsUnheard,
    /// The processor or the carrier does not answer, and is at it for a while.
    OutsideLandsLater,
    /// A request to the processor or the carrier is on its way for minutes, and nobody there knows of it until then.
    OutsideArrivesLater,
    /// The processor or the carrier turns away.
    OutsideThrottled,
    /// The processor or the carrier forgets an idempotency key.
    OutsideForgetsKey,
    /// The processor takes a charge, and declines it minutes later.
    DelayedDecline,
    /// The processor says that a reversal failed, and it did.
    RefundFails,
    /// The post turns a message away because there are too many.
    PostThrottled,
    /// The post refuses a message, as it does until somebody has looked.
    PostRefuses,
    /// The post says that there is nobody at that address.
    PostKnowsNobody,
    /// The post does not answer, and sends nothing.
    PostLost,
    /// The post does not answer, and sends the message all the same.
    PostTakesUnheard,
    /// The post does not answer, and sends the message minutes later.
    PostTakesLater,
    /// The post takes a message, which comes back.
    PostBounces,
    /// An order is undone that was fulfilled. No function says so yet; points are taken back all the same.
    UndoneAfterAll,
    /// A request is sent again by the client after DynamoDB has forgotten its token.
    TokenForgotten,
    /// An index has not heard yet of what was written.
    StaleIndex,
    /// A hold outlives whatever was to sell it.
    HoldForsaken,
    /// The pools of a SKU have so little of each other's that units are moved.
    PoolsUneven,
    /// DynamoDB deletes a record before its time.
    TtlEarly,
    /// A record is there long after its time.
    TtlLate,
    /// A new version is rolled out while sagas run; for a while both versions work.
    Deployment,
    /// A squad's bus takes nothing for minutes.
    BusOutage,
    /// A stream has tried for too long and discards what it cannot publish.
    StreamDiscards,
    /// A saga is answered when it does not wait any more.
    LateToken,
    /// Everybody wants the same.
    HotSku,
    /// An invocation panics: the function answers with an error, and nothing of its batch is deleted.
    HandlerPanic,
    /// A message that nobody can read.
    Poison,
    /// A message that nobody can read and that is as long as a message may be, and one that is longer.
    Oversize,
    /// A message that nobody can read, in front of its group on a FIFO queue.
    FifoPoison,
    /// Everything that was ever said is said again.
    Replay,
    /// What was said on one bus during some time is said again, to all rules or to some.
    ReplayOfWindow,
    /// A replay finds nothing of an event, because the archive lags.
    NotYetArchived,
    /// What was given up is tried again.
    Redrive,
}

pub struct Faults {
    rates: RefCell<Vec<f64>>,
    without: Vec<Fault>,
    counts: RefCell<Vec<u64>>,
    on: Cell<bool>,
}

impl Faults {
    /// Rates drawn from the seed. In some worlds everything goes wrong now and then; in others few things do, and
    /// those all the time; and in `kind` ones little does, for too much trouble keeps an order from getting where
    /// trouble is interesting.
    ///
    /// If `focused`, many invocations outlive their end, to be overtaken where the world is slow.
    /// Those of `without` never strike, though chance is asked about them too.
    pub fn draw(engine: &Engine, focused: bool, kind: bool, without: &[Fault]) -> Self {
        let few = engine.chance(0.5);
        let rates = ALL
            .iter()
            .map(|fault| {
                let rate: f64 = if kind {
                    *engine.pick(&[0.0, 0.0, 0.001, 0.004, 0.02])
                } else if few {
                    if engine.chance(0.1) { 0.4 } else { 0.0 }
                } else {
                    *engine.pick(&[0.0, 0.0, 0.005, 0.02, 0.12])
                };
                match fault {
                    Fault::Zombie if focused => 0.3,
                    // These are up to the whole world, once.
                    Fault::Deployment | Fault::BusOutage => 0.25,
                    Fault::UndoneAfterAll => 0.5,
                    Fault::HotSku => 0.1,
                    // Each of these ends an order's hopes, and others are to be seen to come through.
                    Fault::SagaAborted | Fault::LostToken | Fault::LateDelivery | Fault::Poison => rate / 8.0,
                    // A third way for an invocation to die, and two kill enough of them.
                    Fault::HandlerPanic => rate / 4.0,
                    // Long to read, and in every other respect poison.
                    Fault::Oversize => rate / 32.0,
                    _ => rate,
                }
            })
            .collect();
        Self {
            rates: RefCell::new(rates),
            without: without.to_vec(),
            counts: RefCell::new(vec![0; ALL.len()]),
            on: Cell::new(true),
        }
    }

    /// Whether `fault` happens now. It is counted if it does.
    pub fn strike(&self, engine: &Engine, fault: Fault) -> bool {
        let rate = self.rates.borrow()[fault as usize];
        let strikes = self.on.get() && engine.chance(rate) && !self.without.contains(&fault);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    pub fn count(&self, fault: Fault) {
        self.counts.borrow_mut()[fault as usize] += 1;
    }

    /// Lets `fault` never happen.
    pub fn rule_out(&self, fault: Fault) {
        self.rates.borrow_mut()[fault as usize] = 0.0;
    }

    /// From now on nothing goes wrong.
    pub fn stop(&self) {
        self.on.set(false);
    }

    pub fn counts(&self) -> Vec<u64> {
        self.counts.borrow().clone()
    }
}
