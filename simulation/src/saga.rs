//! Executions of the saga: the domain's table of steps and compensations, which the state machine in `asl/` is checked
//! against, with the state machine's waits and retries.

use std::{collections::BTreeMap, rc::Rc};

use lakeside_contracts::{
    commands::{Command, CommandMetadata, CreateLabel, FulfilOrder, OrderCommand, SagaMode},
    events::Shipment,
};
use lakeside_domain::{
    ids::OrderId,
    order::CANCELLED_BY_CUSTOMER,
    saga::{STEPS, owed_compensations},
};
use serde_json::{Value, json};

use crate::{
    buses::BusEvent,
    engine::Slot,
    faults::Fault,
    functions::{Failed, invoke},
    mutants::Mutant,
    subscriptions::STATE_MACHINE,
    world::{World, of_next_version},
};

pub type Executions = BTreeMap<String, Execution>;

pub struct Execution {
    pub input: FulfilOrder,
    pub running: bool,
    pub error: Option<&'static str>,
    pub last_state: &'static str,
}

const PARKED: &str = "FulfilmentParked";
const ABORTED: &str = "Aborted";

/// How a step ended that did not succeed.
enum Stopped {
    /// It was refused: nothing of it happened.
    Refused(&'static str),
    /// Nobody knows what happened of it.
    Unknown(&'static str),
    /// The execution was ended from outside.
    Aborted,
}

fn same_input(one: &FulfilOrder, other: &FulfilOrder) -> bool {
    serde_json::to_string(one).unwrap() == serde_json::to_string(other).unwrap()
}

/// The reason that the state machine gives for a refused step.
fn refusal(step: &str) -> &'static str {
    match step {
        "ReserveStock" => "OUT_OF_STOCK",
        "RequestApproval" => "APPROVAL_DENIED",
        "CapturePayment" => "PAYMENT_DECLINED",
        "AllocateStock" => "ALLOCATION_REFUSED",
        _ => "LABEL_REFUSED",
    }
}

impl World {
    /// Starts an execution unless there is one of that name. Answers whether one runs with this input.
    pub fn start_saga(self: &Rc<Self>, name: &str, input: &FulfilOrder) -> bool {
        if let Some(known) = self.executions.borrow().get(name) {
            // A start that is repeated while the execution runs is the same start.
            return known.running && same_input(&known.input, input);
        }
        let execution = Execution { input: input.clone(), running: true, error: None, last_state: "Start" };
        self.executions.borrow_mut().insert(name.to_owned(), execution);
        self.engine.note(|| format!("saga {name} begins"));
        let saga = Saga { world: Rc::clone(self), name: name.to_owned(), order: input.clone() };
        self.engine.spawn(async move { saga.run().await });
        true
    }

    /// What operations do with an execution that nobody dares to recover: they look at the order. Answers whether
    /// that settles the message.
    pub fn settle_by_hand(self: &Rc<Self>, body: &str) -> bool {
        let event: Value = serde_json::from_str(body).unwrap();
        let name = event["detail"]["name"].as_str().unwrap().to_owned();
        let (order, completing) = {
            let executions = self.executions.borrow();
            let execution = &executions[&name];
            (execution.input.clone(), execution.last_state == "PublishCompleted")
        };
        if !completing {
            return false;
        }
        if !self.is_told_fulfilled(order.order_id) {
            self.repair(order);
        }
        true
    }

    fn is_told_fulfilled(&self, order_id: OrderId) -> bool {
        let order = order_id.to_string();
        self.archive
            .borrow()
            .iter()
            .map(|published| &published.event)
            .any(|event| event.detail_type == "FulfilmentCompleted" && event.detail.contains(&order))
    }

    fn repair(self: &Rc<Self>, order: FulfilOrder) {
        let name = format!("repair-{}", self.engine.uuid());
        self.start_saga(&name, &FulfilOrder { mode: Some(SagaMode::Compensate), ..order });
    }

    /// What operations do with sagas that were parked, or whose recovery died: they compensate again, or say again
    /// that an order is complete.
    pub fn repair_parked(self: &Rc<Self>) {
        let stuck: Vec<(String, FulfilOrder)> = self
            .executions
            .borrow()
            .iter()
            .filter(|(name, execution)| {
                // An order's own saga is recovered by the platform itself.
                let own = name.starts_with(&execution.input.order_id.to_string());
                execution.error == Some(PARKED) || execution.error == Some(ABORTED) && !own
            })
            .map(|(name, execution)| (name.clone(), execution.input.clone()))
            .collect();
        for (name, order) in stuck {
            self.executions.borrow_mut().get_mut(&name).unwrap().error = Some("Repaired");
            if !self.is_told_fulfilled(order.order_id) {
                self.repair(order);
            }
        }
    }

    /// Ends an execution from outside, as `StopExecution` does.
    pub fn stop_saga(&self, name: &str) {
        let mut executions = self.executions.borrow_mut();
        let execution = executions.get_mut(name).unwrap();
        execution.running = false;
        execution.error = Some(ABORTED);
    }

    /// Hands out a task token, and waits for its answer so long as `patience` says.
    pub fn await_answer(
        self: &Rc<Self>,
        patience: i64,
    ) -> (String, impl Future<Output = Option<Value>> + use<>) {
        let token = self.engine.uuid().to_string();
        let slot = Slot::default();
        self.tokens.borrow_mut().insert(token.clone(), slot.clone());
        let (world, awaited) = (Rc::clone(self), token.clone());
        let answer = async move {
            let answer = slot.wait(&world.engine, patience).await;
            world.tokens.borrow_mut().remove(&awaited);
            answer
        };
        (token, answer)
    }

    pub fn sagas_running(&self) -> usize {
        self.executions.borrow().values().filter(|execution| execution.running).count()
    }

    pub fn sagas_stuck(&self) -> usize {
        let stuck = |e: &&Execution| e.error == Some(PARKED);
        self.executions.borrow().values().filter(stuck).count()
    }
}

struct Saga {
    world: Rc<World>,
    name: String,
    order: FulfilOrder,
}

impl Saga {
    async fn run(self) {
        self.tell("RUNNING", None);
        let ended = self.drive().await;
        let (status, error) = match ended {
            None => ("SUCCEEDED", None),
            Some(ABORTED) => ("ABORTED", Some(ABORTED)),
            Some(error) => ("FAILED", Some(error)),
        };
        self.world.engine.note(|| format!("saga {} ends {status}", self.name));
        {
            let mut executions = self.world.executions.borrow_mut();
            let execution = executions.get_mut(&self.name).unwrap();
            execution.running = false;
            execution.error = error;
        }
        if error.is_none() || !self.world.planted(Mutant::NoRecovery) {
            self.tell(status, error.filter(|error| *error != ABORTED));
        }
    }

    /// What Step Functions itself says of the execution, good or bad: the rule decides who hears it.
    fn tell(&self, status: &str, error: Option<&str>) {
        let detail = json!({
            "stateMachineArn": STATE_MACHINE, "name": self.name, "status": status,
            "input": serde_json::to_string(&self.order).unwrap(), "error": error,
        });
        self.world.publish(BusEvent {
            source: "aws.states".into(),
            detail_type: "Step Functions Execution Status Change".into(),
            detail: detail.to_string(),
        });
    }

    /// Answers the error that the execution ends with.
    async fn drive(&self) -> Option<&'static str> {
        if self.order.mode == Some(SagaMode::Compensate) {
            return self.undo("CreateLabels", "Recovery", "RECOVERED").await;
        }
        let mut shipments: Vec<Shipment> = Vec::new();
        let mut before = None;
        for step in STEPS {
            if self.enter(step.name) {
                return Some(ABORTED);
            }
            match self.step(step.name, &mut shipments).await {
                Ok(()) => before = Some(step.name),
                Err(Stopped::Aborted) => return Some(ABORTED),
                Err(Stopped::Refused(reason)) => {
                    // Labels that were bought beside a refused one are owed too.
                    let owed = if step.name == "CreateLabels" { Some(step.name) } else { before };
                    return match owed {
                        Some(owed) => self.undo(owed, step.name, reason).await,
                        None => self.end("FulfilmentFailed", Some((step.name, reason))).await,
                    };
                }
                Err(Stopped::Unknown(reason)) => {
                    if self.world.planted(Mutant::UnknownIsRefused) {
                        return self.undo(before.unwrap_or(""), step.name, reason).await;
                    }
                    return self.undo(step.name, step.name, reason).await;
                }
            }
        }
        None
    }

    /// Enters a state; answers whether the execution is aborted there.
    fn enter(&self, state: &'static str) -> bool {
        self.world.executions.borrow_mut().get_mut(&self.name).unwrap().last_state = state;
        self.world.strikes(Fault::SagaAborted)
    }

    async fn step(&self, step: &'static str, shipments: &mut Vec<Shipment>) -> Result<(), Stopped> {
        let refused = Err(Stopped::Refused(refusal(step)));
        match step {
            "ReserveStock" => {
                let command = json!({"lines": self.order.lines});
                match self.ask("reserve-stock", step, command, 900_000).await {
                    Some(answer) if answer["outcome"] == "RESERVED" => Ok(()),
                    Some(_) => refused,
                    None => Err(Stopped::Unknown("RESERVATION_UNKNOWN")),
                }
            }
            "RequestApproval" => self.approval().await,
            "CapturePayment" => {
                let command = json!({"amount": self.order.total, "paymentMethod": self.order.payment_method});
                match self.ask("capture-payment", step, command, 3_000_000).await {
                    Some(answer) if answer["outcome"] == "CAPTURED" => Ok(()),
                    Some(answer) if answer["outcome"] == "CANCELLED" => {
                        Err(Stopped::Refused(CANCELLED_BY_CUSTOMER))
                    }
                    Some(_) => refused,
                    None => Err(Stopped::Unknown("PAYMENT_UNKNOWN")),
                }
            }
            "AllocateStock" => match self.call(&Command::AllocateStock(self.command())).await {
                Ok(answer) if answer["outcome"] == "ALLOCATED" => {
                    *shipments = serde_json::from_value(answer["shipments"].clone()).unwrap();
                    Ok(())
                }
                Ok(_) => refused,
                Err(_) => Err(Stopped::Unknown("ALLOCATION_UNKNOWN")),
            },
            "CreateLabels" => self.labels(shipments).await,
            "PublishCompleted" => {
                // The emission may be heard although the execution ends here.
                self.end("FulfilmentCompleted", None).await;
                let aborted = (0..4).any(|_| self.world.strikes(Fault::SagaAborted));
                if aborted { Err(Stopped::Aborted) } else { Ok(()) }
            }
            other => panic!("the domain's table has a step `{other}` that the simulation does not know"),
        }
    }

    async fn approval(&self) -> Result<(), Stopped> {
        if !self.order.requires_approval {
            return Ok(());
        }
        let world = &self.world;
        let (token, answer) = world.await_answer(7_199_000);
        world.engine.sleep(world.engine.between(1, 30)).await;
        if !world.fulfilment.request_approval(self.order.order_id, &token) {
            return Err(Stopped::Refused(CANCELLED_BY_CUSTOMER));
        }
        // People decide as they like, but the same for the same order.
        let decision = match self.order.order_id.as_uuid().as_u128() % 8 {
            0 => None,
            1 => Some("DENIED"),
            _ => Some("APPROVED"),
        };
        if let (Some(decision), Some(slot)) = (decision, world.tokens.borrow().get(&token).cloned()) {
            let (world, delay) = (Rc::clone(world), world.engine.between(1_000, 3_000_000));
            world.clone().engine.after(delay, move || {
                slot.fill(&world.engine, json!({ "decision": decision }));
            });
        }
        match answer.await {
            Some(answer) if answer["decision"] == "APPROVED" => Ok(()),
            Some(answer) if answer["decision"] == "CANCELLED" => Err(Stopped::Refused(CANCELLED_BY_CUSTOMER)),
            Some(_) => Err(Stopped::Refused(refusal("RequestApproval"))),
            None => Err(Stopped::Refused("APPROVAL_TIMED_OUT")),
        }
    }

    async fn labels(&self, shipments: &[Shipment]) -> Result<(), Stopped> {
        let answers: Vec<Slot<Result<Value, Failed>>> = shipments
            .iter()
            .map(|shipment| {
                let command = Command::CreateLabel(CreateLabel {
                    order_id: self.order.order_id,
                    shipment: shipment.clone(),
                    shipping_address_id: self.order.shipping_address_id.clone(),
                    metadata: self.order.metadata,
                });
                let (world, answer) = (Rc::clone(&self.world), Slot::default());
                let filled = answer.clone();
                self.world.engine.spawn(async move {
                    let labelled = call(&world, &command).await;
                    filled.fill(&world.engine, labelled);
                });
                answer
            })
            .collect();
        let (mut labelled, mut refused, mut cancelled) = (0, 0, 0);
        for answer in &answers {
            match answer.wait(&self.world.engine, i64::MAX / 4).await {
                Some(Ok(answer)) if answer["outcome"] == "LABELLED" => labelled += 1,
                Some(Ok(answer)) if answer["outcome"] == "REFUSED" => refused += 1,
                Some(Ok(answer)) if answer["outcome"] == "CANCELLED" => cancelled += 1,
                _ => {}
            }
        }
        if labelled == shipments.len() {
            Ok(())
        } else if refused > 0 {
            Err(Stopped::Refused(refusal("CreateLabels")))
        } else if cancelled > 0 {
            Err(Stopped::Refused(CANCELLED_BY_CUSTOMER))
        } else {
            Err(Stopped::Unknown("LABEL_UNKNOWN"))
        }
    }

    fn command(&self) -> OrderCommand {
        let CommandMetadata { correlation_id, causation_id } = self.order.metadata;
        let metadata = CommandMetadata { correlation_id, causation_id };
        OrderCommand { order_id: self.order.order_id, metadata }
    }

    async fn call(&self, command: &Command) -> Result<Value, Failed> {
        call(&self.world, command).await
    }

    /// Sends a command with a task token and waits for its answer, but not forever.
    async fn ask(&self, queue: &str, command: &str, mut body: Value, patience: i64) -> Option<Value> {
        let world = &self.world;
        let patience =
            if world.planted(Mutant::NoTokenTimeout) { i64::MAX / 4 } else { patience / world.haste };
        let (token, answer) = world.await_answer(patience);
        body["command"] = command.into();
        body["taskToken"] = token.into();
        body["orderId"] = json!(self.order.order_id);
        body["metadata"] = json!(self.order.metadata);
        let body = body.to_string();
        world.send(queue, if world.is_newer() { of_next_version(&body) } else { body }, &[]);
        answer.await
    }

    /// Runs every compensation that is owed, then says how the saga ended.
    async fn undo(&self, step: &str, failed: &'static str, reason: &'static str) -> Option<&'static str> {
        for compensation in owed_compensations(step) {
            if self.enter(compensation) {
                return Some(ABORTED);
            }
            let skipped = match compensation {
                "RefundPayment" => Mutant::NoRefund,
                "ReleaseStock" => Mutant::NoRelease,
                "VoidLabels" => Mutant::NoVoid,
                _ => Mutant::NoReleaseOfAllocation,
            };
            if !self.world.planted(skipped) && !self.compensate(compensation).await {
                self.end("FulfilmentParked", Some((failed, reason))).await;
                return Some(PARKED);
            }
        }
        self.end("FulfilmentFailed", Some((failed, reason))).await
    }

    async fn compensate(&self, compensation: &str) -> bool {
        for attempt in 0..13 {
            let done = match compensation {
                "RefundPayment" => {
                    let command = json!({"amount": self.order.total});
                    self.ask("refund-payment", compensation, command, 3_000_000).await.is_some()
                }
                "ReleaseStock" => self.invoke(Command::ReleaseStock(self.command())).await,
                "ReleaseAllocation" => self.invoke(Command::ReleaseAllocation(self.command())).await,
                "VoidLabels" => self.invoke(Command::VoidLabels(self.command())).await,
                other => panic!(
                    "the domain's table has a compensation `{other}` that the simulation does not know"
                ),
            };
            if done {
                return true;
            }
            let ceiling = (2_000_i64 << attempt).min(300_000);
            self.world.engine.sleep(self.world.engine.between(0, ceiling)).await;
        }
        false
    }

    async fn invoke(&self, command: Command) -> bool {
        invoke(&self.world, &command).await.is_ok()
    }

    /// Says on the bus how the saga ended.
    async fn end(&self, event: &str, why: Option<(&str, &str)>) -> Option<&'static str> {
        let order = &self.order;
        let event_id = match event {
            "FulfilmentCompleted" => order.event_ids.completed,
            "FulfilmentFailed" => order.event_ids.failed,
            _ => order.event_ids.parked,
        };
        let mut data = json!({"orderId": order.order_id});
        if let Some((step, reason)) = why {
            data["step"] = step.into();
            data["reason"] = reason.into();
        }
        let millis = self.world.engine.now();
        let occurred_at = lakeside_contracts::WireTime(lakeside_domain::time::Timestamp::from_millis(millis));
        let detail = json!({
            "metadata": {
                "eventId": event_id, "occurredAt": occurred_at, "correlationId": order.metadata.correlation_id,
                "causationId": order.metadata.causation_id, "schemaVersion": 1,
            },
            "data": data,
        })
        .to_string();
        self.world.engine.sleep(self.world.engine.between(1, 30)).await;
        let (source, detail_type) = ("lakeside.fulfilment".to_owned(), event.to_owned());
        let because = why.map(|(step, reason)| format!("{step} {reason}")).unwrap_or_default();
        self.world.engine.note(|| format!("{event} of {}: {because}", order.order_id));
        if self.world.strikes(Fault::ReplyLost) {
            let (source, detail_type, detail) = (source.clone(), detail_type.clone(), detail.clone());
            self.world.publish(BusEvent { source, detail_type, detail });
        }
        self.world.publish(BusEvent { source, detail_type, detail });
        None
    }
}

/// Invokes a function for a step that goes forward, with the state machine's retries.
async fn call(world: &Rc<World>, command: &Command) -> Result<Value, Failed> {
    let (mut retries, mut deaths) = (6, 2);
    loop {
        let failed = match invoke(world, command).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        let left = match failed {
            Failed::Retry => &mut retries,
            Failed::Died => &mut deaths,
            Failed::Park => return Err(failed),
        };
        if *left == 0 {
            return Err(failed);
        }
        *left -= 1;
        world.engine.sleep(world.engine.between(0, 20_000)).await;
    }
}
