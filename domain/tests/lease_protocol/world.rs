//! The table, the provider and the attempts between them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    hash::{Hash, Hasher},
    mem::discriminant,
};

use lakeside_domain::{
    idempotency::{Acquisition, Lease, LeaseLost, Owner, acquire, complete, release},
    payment::{CaptureStep, Charge, PaymentStatus, begin_capture, record_charge},
    time::Timestamp,
};

use crate::protocol::{Fence, Protocol, ProviderKey};

/// Where an attempt is: what it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Nothing; the command is not delivered yet.
    Begin,
    /// Read the payment again.
    Read,
    /// Take the lease.
    Acquire { tried_before: bool },
    /// Record the payment as begun.
    Record { tried_before: bool },
    /// Ask the provider what it knows.
    LookUp,
    /// Send the request.
    Send,
    /// Wait for the reply.
    Await,
    /// Ask what became of the request.
    LookUpAfter,
    /// Write the outcome and complete the lease.
    Settle,
    /// Give the lease up; then read again, or leave it to the next delivery.
    Release { again: bool },
    /// Nothing: the outcome is reported.
    Done,
    /// Nothing: the attempt failed, or ended when the outcome was known.
    Gone,
    /// Nothing: the attempt ended while it was at the effect, the outcome open.
    Crashed,
}

impl Step {
    const fn is_at_the_effect(self) -> bool {
        matches!(
            self,
            Self::Record { .. } | Self::LookUp | Self::Send | Self::Await | Self::LookUpAfter | Self::Settle
        )
    }

    const fn is_last(self) -> bool {
        matches!(self, Self::Done | Self::Gone | Self::Crashed)
    }
}

/// One delivery of the command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    pub step: Step,
    /// Until when it has the effect for itself; `None` when it has not, or not any more.
    pub alone_until: Option<Timestamp>,
    /// Whether a request of its own is on its way to the provider.
    pub request_under_way: bool,
    /// Ticks for which it, or its request, can go on.
    ticks_left: u32,
}

impl Attempt {
    pub const fn undelivered() -> Self {
        Self { step: Step::Begin, alone_until: None, request_under_way: false, ticks_left: 0 }
    }

    fn go_to(&mut self, step: Step) {
        self.step = step;
        if !step.is_at_the_effect() {
            self.alone_until = None;
        }
    }
}

/// Somebody else's system: deduplicates by key until the key expires, and can be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Provider {
    pub effects: u8,
    /// Until when each key is known.
    pub keys: BTreeMap<usize, Timestamp>,
}

/// What time it is, always: as time passes, everything in the future comes closer and nothing in the past goes
/// further away. So the states are finite, and time need not end.
pub const NOW: Timestamp = Timestamp::from_millis(0);

const fn a_tick_nearer(time: Timestamp) -> Timestamp {
    let nearer = time.as_millis() - 1000;
    if nearer < NOW.as_millis() { NOW } else { Timestamp::from_millis(nearer) }
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    pub lease: Option<Lease>,
    pub payment: Option<PaymentStatus>,
    pub provider: Provider,
    pub attempts: Vec<Attempt>,
    /// Whether a completed record was ever changed before it expired.
    pub reverted: bool,
    /// Whether anybody but the holder ever completed or released the lease.
    pub usurped: bool,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.lease {
            None => 0_u8.hash(state),
            Some(Lease::InProgress { owner, deadline, expires_at }) => {
                (1_u8, owner, deadline, expires_at).hash(state);
            }
            Some(Lease::Completed { result, expires_at }) => (2_u8, result, expires_at).hash(state),
        }
        // Nothing is declined here, so that no status carries more than its name.
        self.payment.as_ref().map(discriminant).hash(state);
        (&self.provider, &self.attempts, self.reverted, self.usurped).hash(state);
    }
}

/// What can happen next. Attempts are named by their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Time passes.
    Tick,
    /// The table removes an expired lease.
    Purge,
    /// The attempt takes its step.
    Go(usize),
    /// The attempt's step takes effect, and it never hears of it.
    LoseReply(usize),
    /// The attempt's step fails, and it gives up.
    Fail(usize),
    /// The attempt ends without another word. A request it has sent goes on.
    Crash(usize),
    /// The attempt's request reaches the provider.
    Arrive(usize),
}

fn owner(of: usize) -> Owner {
    Owner(of.to_string())
}

pub fn is_held_by(lease: Option<&Lease>, attempt: usize) -> bool {
    matches!(lease, Some(Lease::InProgress { owner: holder, .. }) if *holder == owner(attempt))
}

impl World {
    pub fn at_first(protocol: &Protocol) -> Self {
        Self {
            lease: None,
            payment: None,
            provider: Provider::default(),
            attempts: vec![Attempt::undelivered(); protocol.attempts],
            reverted: false,
            usurped: false,
        }
    }

    pub fn is_completed(&self) -> bool {
        matches!(&self.lease, Some(Lease::Completed { expires_at, .. }) if *expires_at > NOW)
    }

    pub fn has_expired_lease(&self) -> bool {
        matches!(
            &self.lease,
            Some(Lease::InProgress { expires_at, .. } | Lease::Completed { expires_at, .. })
                if *expires_at <= NOW
        )
    }

    /// The same world with its attempts in order: they differ in nothing but their names, which the provider must not
    /// have seen ([`ProviderKey::PerAttempt`]).
    pub fn representative(&self) -> Self {
        let mut order: Vec<usize> = (0..self.attempts.len()).collect();
        order.sort_by_key(|i| (&self.attempts[*i], is_held_by(self.lease.as_ref(), *i)));
        let mut same = self.clone();
        for (new, old) in order.into_iter().enumerate() {
            same.attempts[new].clone_from(&self.attempts[old]);
            if is_held_by(self.lease.as_ref(), old)
                && let Some(Lease::InProgress { owner: holder, .. }) = &mut same.lease
            {
                *holder = owner(new);
            }
        }
        same
    }

    pub fn actions(&self) -> Vec<Action> {
        let mut actions = vec![Action::Tick];
        if self.has_expired_lease() {
            actions.push(Action::Purge);
        }
        for (i, attempt) in self.attempts.iter().enumerate() {
            if attempt.request_under_way {
                actions.push(Action::Arrive(i));
            }
            match attempt.step {
                Step::Begin => {
                    actions.push(Action::Go(i));
                    // Attempts differ in nothing but their place: the next one to begin may as well be this one.
                    break;
                }
                Step::Done | Step::Gone | Step::Crashed => continue,
                Step::Read => actions.push(Action::Go(i)),
                Step::LookUp | Step::Send | Step::LookUpAfter => {
                    actions.extend([Action::Go(i), Action::Fail(i)]);
                }
                Step::Record { .. } | Step::Settle | Step::Release { .. } => {
                    actions.extend([Action::Go(i), Action::LoseReply(i), Action::Fail(i)]);
                }
                Step::Await if attempt.request_under_way => actions.push(Action::LoseReply(i)),
                Step::Acquire { .. } | Step::Await => {
                    actions.extend([Action::Go(i), Action::LoseReply(i)]);
                }
            }
            actions.push(Action::Crash(i));
        }
        actions
    }

    pub fn after(&self, protocol: &Protocol, action: Action) -> Self {
        let mut next = self.clone();
        match action {
            Action::Tick => next.tick(),
            Action::Purge => next.lease = None,
            Action::Go(i) => next.go(protocol, i),
            Action::LoseReply(i) => next.lose_reply(protocol, i),
            Action::Fail(i) => next.fail(i),
            Action::Crash(i) => next.end(i),
            Action::Arrive(i) => next.arrive(protocol, i),
        }
        next.judge(self, action);
        next
    }

    fn judge(&mut self, before: &Self, action: Action) {
        if action == Action::Tick || self.lease == before.lease {
            return;
        }
        self.reverted |= before.is_completed();
        if let Action::Go(i) | Action::LoseReply(i) = action
            && matches!(before.attempts[i].step, Step::Settle | Step::Release { .. })
        {
            self.usurped |= !is_held_by(before.lease.as_ref(), i);
        }
    }

    pub fn tick(&mut self) {
        if let Some(Lease::InProgress { deadline, .. }) = &mut self.lease {
            *deadline = a_tick_nearer(*deadline);
        }
        if let Some(Lease::InProgress { expires_at, .. } | Lease::Completed { expires_at, .. }) =
            &mut self.lease
        {
            *expires_at = a_tick_nearer(*expires_at);
        }
        self.provider.keys.retain(|_, expires_at| {
            *expires_at = a_tick_nearer(*expires_at);
            *expires_at > NOW
        });
        for i in 0..self.attempts.len() {
            let attempt = &mut self.attempts[i];
            attempt.alone_until = attempt.alone_until.map(a_tick_nearer).filter(|until| *until > NOW);
            if attempt.step == Step::Begin {
                continue;
            }
            if let Some(left) = attempt.ticks_left.checked_sub(1) {
                attempt.ticks_left = left;
            } else {
                attempt.request_under_way = false;
                self.end(i);
            }
        }
    }

    fn end(&mut self, i: usize) {
        let is_open = self.payment != Some(PaymentStatus::Captured);
        let attempt = &mut self.attempts[i];
        if !attempt.step.is_last() {
            let crashed = is_open && attempt.step.is_at_the_effect();
            attempt.go_to(if crashed { Step::Crashed } else { Step::Gone });
        }
        self.settle_down(i);
    }

    /// An attempt that is over and has nothing under way is over in the same way whenever it was.
    fn settle_down(&mut self, i: usize) {
        let attempt = &mut self.attempts[i];
        if attempt.step.is_last() && !attempt.request_under_way {
            attempt.ticks_left = 0;
        }
    }

    pub fn go(&mut self, protocol: &Protocol, i: usize) {
        let step = self.write(protocol, i);
        self.attempts[i].go_to(step);
        self.settle_down(i);
    }

    /// What the step does is done, but the attempt stays where it is: it may try again, or give up.
    fn lose_reply(&mut self, protocol: &Protocol, i: usize) {
        if self.attempts[i].step == Step::Await {
            let unknown = if protocol.look_up { Step::LookUpAfter } else { Step::Release { again: false } };
            self.attempts[i].go_to(unknown);
        } else {
            let before = self.attempts[i].clone();
            self.write(protocol, i);
            self.attempts[i] = before;
        }
    }

    fn fail(&mut self, i: usize) {
        if let Step::Release { again } = self.attempts[i].step {
            self.attempts[i].go_to(if again { Step::Read } else { Step::Gone });
        } else {
            self.attempts[i].go_to(Step::Release { again: false });
        }
        self.settle_down(i);
    }

    /// Does what the step does and says which one follows.
    fn write(&mut self, protocol: &Protocol, i: usize) -> Step {
        match self.attempts[i].step {
            Step::Begin => {
                self.attempts[i].ticks_left = protocol.pace.longest_life;
                self.read()
            }
            Step::Read => self.read(),
            Step::Acquire { tried_before } if protocol.lease => self.acquire(protocol, i, tried_before),
            Step::Acquire { tried_before } => self.begin(protocol, i, tried_before),
            Step::Record { tried_before } if protocol.recorded_before => {
                let is_open = matches!(&self.payment, None | Some(PaymentStatus::Capturing));
                if !is_open {
                    return Step::Release { again: true };
                }
                self.payment = Some(PaymentStatus::Capturing);
                if tried_before && protocol.look_up { Step::LookUp } else { Step::Send }
            }
            Step::Record { .. } => Step::Send,
            Step::LookUp if self.provider.effects == 0 => Step::Send,
            Step::LookUpAfter if self.provider.effects == 0 => Step::Release { again: false },
            Step::LookUp | Step::Await | Step::LookUpAfter => Step::Settle,
            Step::Send => {
                self.attempts[i].request_under_way = true;
                Step::Await
            }
            Step::Settle => self.settle(protocol, i),
            Step::Release { again } => {
                self.release(protocol, i);
                if again { Step::Read } else { Step::Gone }
            }
            last @ (Step::Done | Step::Gone | Step::Crashed) => last,
        }
    }

    fn read(&self) -> Step {
        match begin_capture(self.payment.as_ref()) {
            CaptureStep::Decided(_) | CaptureStep::Cancelled => Step::Done,
            CaptureStep::Charge => Step::Acquire { tried_before: self.payment.is_some() },
        }
    }

    fn acquire(&mut self, protocol: &Protocol, i: usize, tried_before: bool) -> Step {
        match acquire(self.lease.as_ref(), &owner(i), NOW, protocol.pace.durations) {
            Acquisition::Acquired(lease) => {
                self.lease = Some(lease);
                self.begin(protocol, i, tried_before)
            }
            // As `DynamoLeases` has it: the first try was applied and its reply lost.
            Acquisition::Busy { .. } if is_held_by(self.lease.as_ref(), i) => {
                self.begin(protocol, i, tried_before)
            }
            Acquisition::Busy { .. } => Step::Gone,
            Acquisition::Completed(_) => Step::Read,
        }
    }

    fn begin(&mut self, protocol: &Protocol, i: usize, tried_before: bool) -> Step {
        let until = match &self.lease {
            Some(Lease::InProgress { deadline, .. }) => *deadline,
            _ => NOW.plus_seconds(protocol.pace.durations.in_progress),
        };
        self.attempts[i].alone_until = Some(until);
        Step::Record { tried_before }
    }

    /// One transaction: all of it or nothing.
    fn settle(&mut self, protocol: &Protocol, i: usize) -> Step {
        let stale = Step::Release { again: true };
        let expected = protocol.recorded_before.then_some(PaymentStatus::Capturing);
        let status = record_charge(&PaymentStatus::Capturing, &Charge::Captured);
        if self.payment != expected || status.is_none() {
            return stale;
        }
        if protocol.lease {
            let Ok(lease) = self.completed(protocol, i) else { return stale };
            self.lease = Some(lease);
        }
        self.payment = status;
        Step::Done
    }

    fn completed(&self, protocol: &Protocol, i: usize) -> Result<Lease, LeaseLost> {
        if protocol.fence == Fence::OpenToComplete {
            let expires_at = NOW.plus_seconds(protocol.pace.durations.record);
            return Ok(Lease::Completed { result: String::new(), expires_at });
        }
        complete(self.lease.as_ref(), &owner(i), String::new(), NOW, protocol.pace.durations)
    }

    fn release(&mut self, protocol: &Protocol, i: usize) {
        if protocol.fence == Fence::OpenToRelease || release(self.lease.as_ref(), &owner(i)).is_ok() {
            self.lease = None;
        }
    }

    pub fn arrive(&mut self, protocol: &Protocol, i: usize) {
        self.attempts[i].request_under_way = false;
        let key = match protocol.key {
            ProviderKey::PerOrder => 0,
            ProviderKey::PerAttempt => i,
        };
        if let Entry::Vacant(unknown) = self.provider.keys.entry(key) {
            unknown.insert(NOW.plus_seconds(protocol.pace.key));
            self.provider.effects += 1;
        }
        self.settle_down(i);
    }
}
