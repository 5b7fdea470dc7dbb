//! Partners that answer by a script and remember what they were asked, for tests.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    time::Duration,
};

use lakeside_contracts::commands::FulfilOrder;
use lakeside_domain::{
    ids::{OrderId, ShipmentId},
    label::Purchase,
    payment::{Charge, Reversal},
    time::Timestamp,
};
use lakeside_kit::{clock::Clock, memory::ManualClock, runtime::Invocation};

use crate::{
    carrier::{self, Carrier, LabelRequest, void_key},
    executions::{Execution, ExecutionStatus, Executions, ExecutionsError, Started},
    outside::{OutsideError, Reply},
    processor::{self, ChargeRequest, Processor, reversal_key},
};

/// What is answered, in order; asked once more, the test fails.
type Script<T> = RefCell<VecDeque<Result<T, OutsideError>>>;

pub fn script<T>(answers: impl IntoIterator<Item = Result<T, OutsideError>>) -> Script<T> {
    RefCell::new(answers.into_iter().collect())
}

fn next<T>(script: &Script<T>) -> Result<T, OutsideError> {
    script.borrow_mut().pop_front().expect("nobody else asks")
}

pub fn lost<T>() -> Result<T, OutsideError> {
    Err(OutsideError::Unknown("lost".into()))
}

pub fn throttled<T>(seconds: u64) -> Result<T, OutsideError> {
    Err(OutsideError::Throttled { retry_after: Duration::from_secs(seconds) })
}

#[derive(Default)]
pub struct ScriptedProcessor {
    pub charges: Script<Reply<Charge>>,
    pub reversals: Script<Reply<Reversal>>,
    pub look_ups: Script<processor::Standing>,
    /// The idempotency keys of the requests with an effect.
    pub keys: RefCell<Vec<String>>,
}

impl Processor for ScriptedProcessor {
    async fn charge(&self, request: &ChargeRequest, _: Duration) -> Result<Reply<Charge>, OutsideError> {
        self.keys.borrow_mut().push(request.idempotency_key());
        next(&self.charges)
    }

    async fn reverse(&self, order_id: OrderId, _: Duration) -> Result<Reply<Reversal>, OutsideError> {
        self.keys.borrow_mut().push(reversal_key(order_id));
        next(&self.reversals)
    }

    async fn look_up(&self, _: OrderId, _: Duration) -> Result<processor::Standing, OutsideError> {
        next(&self.look_ups)
    }
}

#[derive(Default)]
pub struct ScriptedCarrier {
    pub purchases: Script<Reply<Purchase>>,
    pub voids: Script<()>,
    pub look_ups: Script<carrier::Standing>,
    /// The idempotency keys of the requests with an effect.
    pub keys: RefCell<Vec<String>>,
}

impl Carrier for ScriptedCarrier {
    async fn buy(&self, request: &LabelRequest, _: Duration) -> Result<Reply<Purchase>, OutsideError> {
        self.keys.borrow_mut().push(request.idempotency_key());
        next(&self.purchases)
    }

    async fn void(&self, shipment_id: ShipmentId, _: Duration) -> Result<(), OutsideError> {
        self.keys.borrow_mut().push(void_key(shipment_id));
        next(&self.voids)
    }

    async fn look_up(&self, _: ShipmentId, _: Duration) -> Result<carrier::Standing, OutsideError> {
        next(&self.look_ups)
    }
}

/// How an execution stands that was started and not ended.
pub const RUNNING: ExecutionStatus = ExecutionStatus::Running { redriven: false };

/// A state machine that remembers what was started.
#[derive(Default)]
pub struct MemoryExecutions {
    pub started: RefCell<HashMap<String, Execution>>,
    /// The last state that all of them have entered.
    pub last_state: RefCell<Option<String>>,
}

impl Executions for MemoryExecutions {
    async fn start(&self, name: &str, input: &FulfilOrder) -> Result<Started, ExecutionsError> {
        let mut started = self.started.borrow_mut();
        if started.contains_key(name) {
            return Ok(Started::NameTaken);
        }
        let input = serde_json::to_string(input).expect("inputs are JSON");
        started.insert(name.into(), Execution { input, status: RUNNING, error: None });
        Ok(Started::Yes)
    }

    async fn describe(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Ok(self.started.borrow().get(name).cloned())
    }

    async fn entered(&self, _: &str, state: &str) -> Result<bool, ExecutionsError> {
        Ok(self.last_state.borrow().as_deref() == Some(state))
    }
}

/// An invocation with twenty seconds left on `clock`.
pub fn invocation(clock: &ManualClock, request_id: &str) -> Invocation {
    let deadline = Timestamp::from_millis(clock.now().as_millis() + 20_000);
    Invocation { request_id: request_id.into(), deadline }
}
