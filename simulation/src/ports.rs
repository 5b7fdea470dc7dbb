//! The functions' ports over the simulated world. Each call takes time, lets others go on, and may go wrong.

mod adjustments;
mod fulfilment;
mod growth;
mod inventory;
mod orders;
mod outside;
mod services;

use std::{rc::Rc, time::Duration};

use lakeside_domain::{idempotency::Durations, time::Timestamp};
use lakeside_fulfilment::effect::durations;
use lakeside_kit::{
    clock::{Clock, Pauses},
    dynamo::StoreError,
    metrics::{Measure, Metrics},
    runtime::Invocation,
};

use self::adjustments::LastReading;
use crate::{faults::Fault, functions::Guest, mutants::Mutant, world::World};

/// What a clock may be off by, in milliseconds.
pub const MAX_SKEW: i64 = 900;

/// All ports, as one invocation has them.
pub struct Port {
    world: Rc<World>,
    skew: i64,
    /// Nobody waits for it, and it takes its time.
    zombie: bool,
    /// It runs the version that was rolled out last.
    newer: bool,
    /// What the function's runtime does when it panics.
    panics: Box<dyn Fn()>,
    pub invocation: Invocation,
    durations: Durations,
    last_reading: LastReading,
}

fn lost() -> StoreError {
    StoreError::Unavailable("no answer".into())
}

impl Port {
    /// As an invocation has it that begins now and may take `timeout` milliseconds.
    pub fn new(world: &Rc<World>, timeout: i64, zombie: bool, panics: impl Fn() + 'static) -> Self {
        let skew =
            if world.strikes(Fault::ClockSkew) { world.engine.between(-MAX_SKEW, MAX_SKEW) } else { 0 };
        let now = Timestamp::from_millis(world.engine.now() + skew);
        // Lambda's own clock says when the invocation ends.
        let deadline = Timestamp::from_millis(world.engine.now() + timeout);
        let invocation = Invocation { request_id: world.engine.uuid().to_string(), deadline };
        let mut durations = durations(now, deadline);
        if world.planted(Mutant::LeaseWithoutMargin) {
            durations.in_progress -= 2;
        }
        let (world, newer) = (Rc::clone(world), world.is_newer());
        let last_reading = LastReading::default();
        Self { world, skew, zombie, newer, panics: Box::new(panics), invocation, durations, last_reading }
    }

    pub const fn world(&self) -> &Rc<World> {
        &self.world
    }

    pub fn guest(&self, function: &str) -> Option<Guest> {
        self.world.guests.borrow().get(function).cloned()
    }

    /// Whether a planted bug keeps `cancel-fulfilment` from doing anything.
    pub fn is_deaf(&self) -> bool {
        self.world.planted(Mutant::CancellationUnheard)
    }

    pub fn hold_seconds(&self) -> u32 {
        self.world.hold_seconds[usize::from(self.newer)]
    }

    /// One call of a port.
    pub async fn call<T>(
        &self,
        what: &'static str,
        effect: impl Fn(&Rc<World>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let world = &self.world;
        self.before(what).await;
        if world.strikes(Fault::Throttled) || world.strikes(Fault::Conflict) {
            return Err(StoreError::Busy);
        }
        if world.strikes(Fault::ServerError) {
            return Err(lost());
        }
        let mut answer = effect(world);
        self.after(what).await;
        if world.strikes(Fault::TokenForgotten) {
            world.engine.note(|| format!("{what} once more"));
            answer = effect(world);
        }
        if world.strikes(Fault::ReplyLost) { Err(lost()) } else { answer }
    }

    async fn before(&self, what: &'static str) {
        let engine = &self.world.engine;
        let slow = self.world.strikes(Fault::SlowCall);
        let (asleep, sluggish) = match self.world.focus {
            Some(focus) => {
                let slow = focus.is_on(what) && engine.chance(0.7);
                (self.zombie && slow, slow)
            }
            None => (self.zombie && engine.chance(0.4), engine.chance(self.world.sluggish)),
        };
        engine
            .sleep(match (asleep, slow, sluggish) {
                (true, ..) => engine.between(500, *engine.pick(&[5_000, 40_000, 400_000])),
                (_, true, _) => engine.between(500, 90_000),
                (.., true) => engine.between(12, 6_000),
                _ => engine.between(1, 12),
            })
            .await;
        if self.world.strikes(Fault::CrashBeforeCall) {
            engine.note(|| format!("crash before {what}"));
            engine.crash().await;
        }
        if self.world.strikes(Fault::HandlerPanic) {
            engine.note(|| format!("panic before {what}"));
            (self.panics)();
            engine.crash().await;
        }
        engine.note(|| what.to_owned());
    }

    async fn after(&self, what: &'static str) {
        let engine = &self.world.engine;
        if self.world.strikes(Fault::CrashAfterCall) {
            engine.note(|| format!("crash after {what}"));
            engine.crash().await;
        }
        engine.sleep(engine.between(0, 6)).await;
    }
}

impl Clock for Port {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.world.engine.now() + self.skew)
    }
}

impl Metrics for Port {
    fn record(&self, measures: &[Measure]) {
        self.world.counted.tell(measures);
    }
}

impl Pauses for Port {
    async fn pause(&self, at_least: Duration, at_most: Duration) {
        let millis = |d: Duration| i64::try_from(d.as_millis()).unwrap();
        let engine = &self.world.engine;
        engine.sleep(engine.between(millis(at_least), millis(at_most))).await;
    }
}
