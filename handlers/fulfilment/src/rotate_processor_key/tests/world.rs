//! A secret and a processor in memory. Whatever an attempt does to them is done call by call: it may die before or after any
//! of them, sleep, or not hear the answer.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{Future, pending, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use lakeside_kit::{clock::Clock, memory::ManualClock};

use super::*;

pub const SECRET: &str =
    "arn:aws:secretsmanager:eu-central-1:111122223333:secret:lakeside/payment-processor-AbCdEf";
pub const OWNER: &str = "lakeside-fulfilment";
/// As in the sandbox.
const ROOM: usize = 4;
/// When Lambda ends an attempt.
pub const TIMEOUT_SECONDS: u32 = 60;

pub struct Key {
    pub id: KeyId,
    pub secret: String,
    pub label: String,
    pub created: Timestamp,
    pub alive: bool,
}

/// What happens to a call of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    DiesBefore,
    DiesAfter,
    /// It is done, and the attempt does not hear of it.
    Unheard,
    /// The attempt sleeps until it is woken.
    Sleeps,
}

#[derive(Default)]
pub struct World {
    pub clock: ManualClock,
    pub stages: RefCell<Stages>,
    pub values: RefCell<BTreeMap<String, String>>,
    pub keys: RefCell<Vec<Key>>,
    /// Keys that are made open nothing.
    pub duds: Cell<bool>,
    /// The processor turns this key down, for the moment.
    pub turned_down: RefCell<Option<String>>,
    /// Calls of the processor.
    pub asked: Cell<usize>,
}

/// The world as one attempt reaches it.
pub struct Port {
    pub world: Rc<World>,
    calls: Cell<usize>,
    fate: Option<(usize, Fate)>,
}

/// An attempt under way.
pub type Attempt = Pin<Box<dyn Future<Output = Result<(), RotationError>>>>;

impl World {
    /// A secret whose first key was made by the processor's staff.
    pub fn with_a_key() -> Rc<Self> {
        let world = Rc::new(Self::default());
        world.put_by_hand("by-hand-0");
        world
    }

    /// Makes a key; answers it.
    pub fn make_key(&self, label: &str) -> String {
        let mut keys = self.keys.borrow_mut();
        let secret = format!("sk_{}", keys.len());
        let id = KeyId(format!("key_{}", keys.len()));
        let alive = !self.duds.get();
        keys.push(Key { id, secret: secret.clone(), label: label.into(), created: self.clock.now(), alive });
        secret
    }

    /// Somebody makes a key and puts it.
    pub fn put_by_hand(&self, version: &str) {
        let secret = self.make_key(&format!("{OWNER}/{version}"));
        self.values.borrow_mut().insert(version.into(), secret);
        let mut stages = self.stages.borrow_mut();
        stages.previous = stages.current.replace(version.into());
    }

    /// Secrets Manager has a new version pend before it asks for the first step.
    pub fn begin(&self, version: &str) {
        self.stages.borrow_mut().pending = Some(version.into());
    }

    pub fn value_at(&self, stage: impl Fn(&Stages) -> &Option<String>) -> Option<String> {
        self.values.borrow().get(stage(&self.stages.borrow()).as_ref()?).cloned()
    }

    pub fn current(&self) -> String {
        self.value_at(|stages| &stages.current).unwrap()
    }

    pub fn previous(&self) -> Option<String> {
        self.value_at(|stages| &stages.previous)
    }

    pub fn opens(&self, secret: &str) -> bool {
        self.keys.borrow().iter().any(|key| key.secret == secret && key.alive)
    }

    pub fn revoke(&self, secret: &str) {
        self.keys
            .borrow_mut()
            .iter_mut()
            .filter(|key| key.secret == secret)
            .for_each(|key| key.alive = false);
    }

    pub fn alive(&self) -> Vec<String> {
        self.keys.borrow().iter().filter(|key| key.alive).map(|key| key.secret.clone()).collect()
    }

    /// INVARIANT (a key that works): whoever reads the secret, or has read it before the last rotation, is let in.
    pub fn check(&self) {
        for secret in self.value_at(|stages| &stages.current).iter().chain(&self.previous()) {
            assert!(self.opens(secret), "{secret} is dead: {:?}", self.stages.borrow());
        }
    }

    /// The world as an attempt reaches it that nothing happens to.
    pub fn port(self: &Rc<Self>) -> Port {
        Port { world: Rc::clone(self), calls: Cell::new(0), fate: None }
    }

    /// Begins an attempt at a step.
    pub fn attempt(self: &Rc<Self>, step: Step, version: &str, fate: Option<(usize, Fate)>) -> Attempt {
        let port = Port { fate, ..self.port() };
        let request =
            RotationRequest { step, secret_id: SECRET.into(), client_request_token: version.into() };
        let deadline = self.clock.now().plus_seconds(TIMEOUT_SECONDS);
        let invocation = Invocation { request_id: "request".into(), deadline };
        let rotated = Rotated { secret_id: SECRET.into(), owner: OWNER.into() };
        Box::pin(
            async move { handle(&rotated, &port, &port, &port.world.clock, &invocation, &request).await },
        )
    }

    /// Takes a step; `None` if the attempt died or sleeps.
    pub fn take(
        self: &Rc<Self>,
        step: Step,
        version: &str,
        fate: Option<(usize, Fate)>,
    ) -> Option<Result<(), RotationError>> {
        go_on(&mut self.attempt(step, version, fate))
    }

    /// Takes a step to its end.
    pub fn step(self: &Rc<Self>, step: Step, version: &str) -> Result<(), RotationError> {
        self.take(step, version, None).unwrap()
    }

    /// Rotates as Secrets Manager does.
    pub fn rotate(self: &Rc<Self>, version: &str) -> Result<(), RotationError> {
        self.begin(version);
        STEPS.into_iter().try_for_each(|step| self.step(step, version))
    }
}

pub const STEPS: [Step; 4] = [Step::CreateSecret, Step::SetSecret, Step::TestSecret, Step::FinishSecret];

/// Lets an attempt go on until it ends, dies or sleeps.
pub fn go_on(attempt: &mut Attempt) -> Option<Result<(), RotationError>> {
    match attempt.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(taken) => Some(taken),
        Poll::Pending => None,
    }
}

impl Port {
    /// Makes a call; `None` if its answer is not heard.
    async fn call<T>(&self, effect: impl FnOnce(&World) -> T) -> Option<T> {
        let number = self.calls.replace(self.calls.get() + 1);
        let fate = self.fate.filter(|(at, _)| *at == number).map(|(_, fate)| fate);
        match fate {
            Some(Fate::DiesBefore) => pending().await,
            Some(Fate::Sleeps) => {
                let mut slept = false;
                poll_fn(
                    |_| if std::mem::replace(&mut slept, true) { Poll::Ready(()) } else { Poll::Pending },
                )
                .await;
            }
            _ => {}
        }
        let answer = effect(&self.world);
        self.world.check();
        match fate {
            Some(Fate::DiesAfter) => pending().await,
            Some(Fate::Unheard) => None,
            _ => Some(answer),
        }
    }

    async fn secret<T>(
        &self,
        effect: impl FnOnce(&World) -> Result<T, SecretError>,
    ) -> Result<T, SecretError> {
        self.call(effect).await.unwrap_or_else(|| Err(SecretError::Unavailable("lost".into())))
    }

    /// A call by somebody who is let in.
    async fn processor<T>(
        &self,
        opener: &Secret,
        effect: impl FnOnce(&World) -> Result<T, OutsideError>,
    ) -> Result<T, OutsideError> {
        self.world.asked.set(self.world.asked.get() + 1);
        let let_in = |world: &World| {
            let turned_down = world.turned_down.borrow().as_deref() == Some(opener.reveal());
            if world.opens(opener.reveal()) && !turned_down {
                effect(world)
            } else {
                Err(OutsideError::Unauthorized)
            }
        };
        self.call(let_in).await.unwrap_or_else(|| Err(OutsideError::Unknown("lost".into())))
    }
}

impl SecretVersions for Port {
    async fn stages(&self) -> Result<Stages, SecretError> {
        self.secret(|world| Ok(world.stages.borrow().clone())).await
    }

    async fn value(&self, version: &str) -> Result<Option<Secret>, SecretError> {
        self.secret(|world| Ok(world.values.borrow().get(version).map(Secret::new))).await
    }

    async fn fill(&self, version: &str, value: &Secret) -> Result<(), SecretError> {
        self.secret(|world| {
            let mut values = world.values.borrow_mut();
            if !values.contains_key(version) {
                values.insert(version.into(), value.reveal().into());
                world.stages.borrow_mut().pending = Some(version.into());
            }
            Ok(())
        })
        .await
    }

    async fn promote(&self, version: &str, current: &str) -> Result<(), SecretError> {
        self.secret(|world| {
            let mut stages = world.stages.borrow_mut();
            if stages.current.as_deref() != Some(current) {
                return Err(SecretError::Refused("another version is current".into()));
            }
            stages.previous = stages.current.replace(version.into());
            Ok(())
        })
        .await
    }

    async fn give_up(&self, version: &str) -> Result<(), SecretError> {
        self.secret(|world| {
            let mut stages = world.stages.borrow_mut();
            if stages.pending.as_deref() != Some(version) {
                return Err(SecretError::Refused("it does not pend".into()));
            }
            stages.pending = None;
            Ok(())
        })
        .await
    }
}

impl ProcessorKeys for Port {
    async fn identify(&self, key: &Secret, _: Duration) -> Result<Option<KeyId>, OutsideError> {
        let found = |world: &World| {
            let keys = world.keys.borrow();
            Ok(keys.iter().find(|known| known.secret == key.reveal()).map(|known| known.id.clone()))
        };
        match self.processor(key, found).await {
            Err(OutsideError::Unauthorized) => Ok(None),
            answered => answered,
        }
    }

    async fn list(&self, opener: &Secret, _: Duration) -> Result<Vec<KnownKey>, OutsideError> {
        self.processor(opener, |world| {
            let known =
                |key: &Key| KnownKey { id: key.id.clone(), label: key.label.clone(), created: key.created };
            Ok(world.keys.borrow().iter().filter(|key| key.alive).map(known).collect())
        })
        .await
    }

    async fn issue(&self, opener: &Secret, label: &str, _: Duration) -> Result<Issued, OutsideError> {
        self.processor(opener, |world| {
            if world.alive().len() >= ROOM {
                return Ok(Issued::TooMany);
            }
            Ok(Issued::Key(Secret::new(world.make_key(label))))
        })
        .await
    }

    async fn revoke(&self, opener: &Secret, id: &KeyId, _: Duration) -> Result<(), OutsideError> {
        self.processor(opener, |world| {
            world.keys.borrow_mut().iter_mut().filter(|key| key.id == *id).for_each(|key| key.alive = false);
            Ok(())
        })
        .await
    }
}
