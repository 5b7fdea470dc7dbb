//! The definition run by the emulator, with the test as every worker.
//!
//! Every task's call is replaced by a message to the test that carries the rendered arguments and a task token, so
//! that the test decides how each attempt ends. Everything else is the committed definition: expressions, Retry,
//! Catch, Choice, Map and variables are evaluated by the emulator. Only waits between retries are cut to nothing;
//! how long they are is asked of TestState.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sfn::{config::Credentials, types::ExecutionStatus};
use futures::{StreamExt, stream};
use lakeside_contracts::commands::{
    ApprovalResult, CapturePaymentResult, RefundPaymentResult, ReleaseResult, VoidLabelsResult,
};
use lakeside_e2e::{asl::Definition, settings::Settings};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{FAILED, PARKED, PLACEHOLDERS, is_compensation, last_step};

pub const PATIENCE: Duration = Duration::from_mins(2);
/// Good enough where nothing is deployed and the emulator does not enforce IAM.
pub const UNCHECKED_ROLE: &str = "arn:aws:iam::000000000000:role/saga-under-test";
/// An error that no Retry names, as a function's panic would be.
pub const UNEXPECTED: &str = "Unexpected";

pub struct Cloud {
    pub config: SdkConfig,
    /// A role that exists, since the emulator looks: the one of the deployed saga.
    pub role: String,
}

pub async fn cloud() -> Cloud {
    let settings = Settings::load().unwrap();
    let setting = |name: &str| settings.get(name).unwrap_or_else(|error| panic!("{error}"));
    let credentials = Credentials::new(
        setting("AWS_ACCESS_KEY_ID"),
        setting("AWS_SECRET_ACCESS_KEY"),
        None,
        None,
        "lakeside-settings",
    );
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(setting("AWS_ENDPOINT_URL"))
        .region(Region::new(setting("AWS_REGION")))
        .credentials_provider(credentials)
        .load()
        .await;
    let role = match settings.get("LAKESIDE_STATE_MACHINE_ARN") {
        Ok(saga) => {
            let sfn = aws_sdk_sfn::Client::new(&config);
            sfn.describe_state_machine().state_machine_arn(saga).send().await.unwrap().role_arn
        }
        Err(_) => UNCHECKED_ROLE.to_owned(),
    };
    Cloud { config, role }
}

pub fn committed(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts").join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

pub fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

pub fn assert_valid(schema: &str, instance: &Value) {
    let schema = jsonschema::validator_for(&committed(schema)).unwrap();
    let faults: Vec<String> = schema.iter_errors(instance).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{instance} breaks its contract: {faults:?}");
}

/// An order that wants approval, so that it passes every step.
pub fn order() -> Value {
    let mut order = committed("commands/fulfil-order/examples/v1.json");
    order["requiresApproval"] = json!(true);
    order
}

pub fn recovery() -> Value {
    let mut order = order();
    order["mode"] = json!("COMPENSATE");
    order
}

pub fn shipments() -> Vec<Value> {
    let shipment = &committed("commands/create-label/examples/v1.json")["shipment"];
    (1..=3)
        .map(|n| {
            let mut shipment = shipment.clone();
            shipment["shipmentId"] = json!(shipment_id(n));
            shipment
        })
        .collect()
}

pub fn shipment_id(n: u32) -> String {
    format!("7e57d004-2b97-4e7a-b45f-5387367792{n:02}")
}

pub fn typed(result: impl Serialize) -> Value {
    serde_json::to_value(result).unwrap()
}

/// What a worker answers when nothing goes wrong.
pub fn success(state: &str, arguments: &Value) -> Value {
    match state {
        "ReserveStock" => json!({ "outcome": "RESERVED", "expiresAt": "2026-11-23T08:15:30.250Z" }),
        "RequestApproval" => typed(ApprovalResult::Approved),
        "CapturePayment" => typed(CapturePaymentResult::Captured),
        "AllocateStock" => json!({ "outcome": "ALLOCATED", "shipments": shipments() }),
        "CreateLabel" => json!({
            "outcome": "LABELLED",
            "shipmentId": arguments["Payload"]["shipment"]["shipmentId"],
            "trackingNumber": "LS0000000001",
        }),
        "VoidLabels" => typed(VoidLabelsResult::Voided),
        "ReleaseAllocation" | "ReleaseStock" => typed(ReleaseResult::Released),
        "RefundPayment" => typed(RefundPaymentResult::Refunded),
        "PublishCompleted" | FAILED | PARKED => json!({ "FailedEntryCount": 0, "Entries": [] }),
        other => panic!("nobody knows how `{other}` succeeds"),
    }
}

/// How an attempt ends.
#[derive(Debug, Clone)]
pub enum Act {
    Answer(Value),
    Fail(String),
    /// Never; the task runs into its timeout.
    Silence,
}

/// Which state's attempts end otherwise than well. The last act repeats.
#[derive(Debug, Clone, Default)]
pub struct Script(HashMap<String, Vec<Act>>);

impl Script {
    pub fn with(mut self, state: &str, acts: impl IntoIterator<Item = Act>) -> Self {
        self.0.insert(state.to_owned(), acts.into_iter().collect());
        self
    }

    pub fn fails(self, state: &str, error: &str) -> Self {
        self.with(state, [Act::Fail(error.to_owned())])
    }

    pub fn answers(self, state: &str, answer: Value) -> Self {
        self.with(state, [Act::Answer(answer)])
    }

    pub fn act(&self, heard: &Heard, attempt: usize) -> Act {
        // The labels of a Map are told apart by their shipment.
        let shipment = heard.arguments["Payload"]["shipment"]["shipmentId"].as_str().unwrap_or_default();
        let acts = self.0.get(&format!("{}/{shipment}", heard.state)).or_else(|| self.0.get(&heard.state));
        acts.and_then(|acts| acts.get(attempt.min(acts.len().saturating_sub(1))))
            .cloned()
            .unwrap_or_else(|| Act::Answer(success(&heard.state, &heard.arguments)))
    }
}

/// A call that a task made.
#[derive(Debug, Clone)]
pub struct Heard {
    pub state: String,
    pub arguments: Value,
}

/// A scene's script, and what was heard of it so far.
#[derive(Debug, Default)]
pub struct Scene {
    pub script: Script,
    pub heard: Vec<Heard>,
}

pub type Scenes = Arc<Mutex<HashMap<String, Scene>>>;

pub fn lock(scenes: &Scenes) -> MutexGuard<'_, HashMap<String, Scene>> {
    scenes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an execution went.
#[derive(Debug)]
pub struct Run {
    pub status: ExecutionStatus,
    pub error: Option<String>,
    pub cause: Option<String>,
    /// Outer states in the order in which they were entered.
    pub states: Vec<String>,
    pub heard: Vec<Heard>,
}

impl Run {
    pub fn attempts(&self, state: &str) -> usize {
        self.heard.iter().filter(|heard| heard.state == state).count()
    }

    pub fn entered(&self, state: &str) -> bool {
        self.states.iter().any(|entered| entered == state)
    }

    pub fn compensations(&self) -> Vec<&str> {
        self.states.iter().map(String::as_str).filter(|state| is_compensation(state)).collect()
    }

    pub fn arguments(&self, state: &str) -> &Value {
        let heard = self.heard.iter().find(|heard| heard.state == state);
        &heard.unwrap_or_else(|| panic!("`{state}` called nobody: {:?}", self.states)).arguments
    }

    /// The detail of the event that `state` publishes, after a look at its contract.
    pub fn event(&self, state: &str) -> Value {
        let entries = self.arguments(state)["Entries"].as_array().unwrap().clone();
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(entry["Source"], "lakeside.fulfilment");
        assert_eq!(entry["EventBusName"], "fulfilment_bus_name");
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        let event = kebab(entry["DetailType"].as_str().unwrap());
        assert_valid(&format!("events/fulfilment/{event}/v1.schema.json"), &detail);
        detail
    }

    pub fn after(&self, state: &str) -> Option<&str> {
        let position = self.states.iter().position(|entered| entered == state)?;
        self.states.get(position.checked_add(1)?).map(String::as_str)
    }
}

/// The definition with the test as its workers.
pub struct Stage {
    pub sfn: aws_sdk_sfn::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub machine: String,
    pub queue: String,
    pub scenes: Scenes,
    pub workers: JoinHandle<()>,
}

impl Stage {
    pub async fn of_the_definition() -> Self {
        Self::of(|_, _| true, |_| {}).await
    }

    /// `replaced` chooses the tasks whose calls come to the test; `adapt` has the last word on the definition.
    pub async fn of(replaced: impl Fn(&str, &Value) -> bool, adapt: impl Fn(&mut Value)) -> Self {
        let cloud = cloud().await;
        let (sfn, sqs) = (aws_sdk_sfn::Client::new(&cloud.config), aws_sdk_sqs::Client::new(&cloud.config));
        let name = format!("asl-{}", Uuid::new_v4());
        let queue = sqs.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();

        // Each placeholder stands for itself, so that tests can tell which one went where.
        let text = PLACEHOLDERS.iter().fold(Definition::text().unwrap(), |text, placeholder| {
            text.replace(&format!("${{{placeholder}}}"), placeholder)
        });
        let mut definition: Value = serde_json::from_str(&text).unwrap();
        replace_calls(&mut definition, &queue, &replaced);
        adapt(&mut definition);
        let created = sfn
            .create_state_machine()
            .name(&name)
            .definition(definition.to_string())
            .role_arn(&cloud.role)
            .send()
            .await
            .unwrap();
        let scenes = Scenes::default();
        let workers = tokio::spawn(work(sfn.clone(), sqs.clone(), queue.clone(), Arc::clone(&scenes)));
        Self { sfn, sqs, machine: created.state_machine_arn, queue, scenes, workers }
    }

    pub async fn play(&self, input: &Value, script: Script) -> Run {
        let name = Uuid::new_v4().to_string();
        lock(&self.scenes).insert(name.clone(), Scene { script, heard: Vec::new() });
        let started = self
            .sfn
            .start_execution()
            .state_machine_arn(&self.machine)
            .name(&name)
            .input(input.to_string())
            .send()
            .await
            .unwrap();
        let deadline = Instant::now().checked_add(PATIENCE).unwrap();
        let ended = loop {
            let execution =
                self.sfn.describe_execution().execution_arn(&started.execution_arn).send().await.unwrap();
            if execution.status != ExecutionStatus::Running {
                break execution;
            }
            assert!(Instant::now() < deadline, "it never ended: {:?}", lock(&self.scenes).get(&name));
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let history = self
            .sfn
            .get_execution_history()
            .execution_arn(&started.execution_arn)
            .max_results(1000)
            .send()
            .await
            .unwrap();
        let entered = |event: &aws_sdk_sfn::types::HistoryEvent| {
            Some(event.state_entered_event_details()?.name().to_owned())
        };
        let scene = lock(&self.scenes).remove(&name).unwrap();
        Run {
            status: ended.status,
            error: ended.error,
            cause: ended.cause,
            states: history.events.iter().filter_map(entered).collect(),
            heard: scene.heard,
        }
    }

    /// Plays all, several at a time.
    pub async fn play_all<T>(&self, scenes: impl IntoIterator<Item = (T, Value, Script)>) -> Vec<(T, Run)> {
        stream::iter(scenes)
            .map(|(what, input, script)| async move { (what, self.play(&input, script).await) })
            .buffer_unordered(16)
            .collect()
            .await
    }

    pub async fn strike(self) {
        self.workers.abort();
        // Left-overs harm nobody; the emulator is thrown away.
        let _ = self.sfn.delete_state_machine().state_machine_arn(&self.machine).send().await;
        let _ = self.sqs.delete_queue().queue_url(&self.queue).send().await;
    }
}

pub fn replace_calls(machine: &mut Value, queue: &str, replaced: &impl Fn(&str, &Value) -> bool) {
    for (name, state) in machine["States"].as_object_mut().unwrap() {
        if let Some(inner) = state.get_mut("ItemProcessor") {
            replace_calls(inner, queue, replaced);
        }
        for retrier in state.get_mut("Retry").and_then(Value::as_array_mut).into_iter().flatten() {
            retrier["IntervalSeconds"] = json!(0);
        }
        if state["Type"] == "Task" && replaced(name, state) {
            let call = json!({
                "state": name,
                "execution": "{% $states.context.Execution.Name %}",
                "token": "{% $states.context.Task.Token %}",
                "lambda": state["Resource"].as_str().unwrap().contains(":lambda:"),
                "arguments": state["Arguments"],
            });
            state["Arguments"] = json!({ "QueueUrl": queue, "MessageBody": call });
            state["Resource"] = json!("arn:aws:states:::sqs:sendMessage.waitForTaskToken");
        }
    }
}

/// Answers every call as its scene's script says.
pub async fn work(sfn: aws_sdk_sfn::Client, sqs: aws_sdk_sqs::Client, queue: String, scenes: Scenes) {
    loop {
        let received = sqs
            .receive_message()
            .queue_url(&queue)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .send()
            .await
            .unwrap();
        for message in received.messages.unwrap_or_default() {
            let call: Value = serde_json::from_str(message.body.as_deref().unwrap()).unwrap();
            let heard = Heard {
                state: call["state"].as_str().unwrap().to_owned(),
                arguments: call["arguments"].clone(),
            };
            let act = {
                let mut scenes = lock(&scenes);
                let Some(scene) = scenes.get_mut(call["execution"].as_str().unwrap()) else { continue };
                let same = |other: &&Heard| other.state == heard.state && other.arguments == heard.arguments;
                let by_state = |other: &&Heard| other.state == heard.state;
                // Published events differ in their time only; labels in their shipment.
                let attempt = if heard.state == "CreateLabel" {
                    scene.heard.iter().filter(same).count()
                } else {
                    scene.heard.iter().filter(by_state).count()
                };
                let act = scene.script.act(&heard, attempt);
                scene.heard.push(heard);
                act
            };
            let token = call["token"].as_str().unwrap();
            match act {
                Act::Answer(answer) => {
                    let lambda = call["lambda"] == true;
                    let output =
                        if lambda { json!({ "StatusCode": 200, "Payload": answer }) } else { answer };
                    sfn.send_task_success()
                        .task_token(token)
                        .output(output.to_string())
                        .send()
                        .await
                        .unwrap();
                }
                Act::Fail(error) => {
                    let failed = sfn.send_task_failure().task_token(token).error(error).cause("as scripted");
                    failed.send().await.unwrap();
                }
                Act::Silence => {}
            }
            let receipt = message.receipt_handle.unwrap();
            sqs.delete_message().queue_url(&queue).receipt_handle(receipt).send().await.unwrap();
        }
    }
}

pub fn assert_compensated(run: &Run, step: &str, reason: &str, undone: &[&str]) {
    assert_eq!(run.status, ExecutionStatus::Succeeded, "{step} {reason}: {run:?}");
    assert_eq!(run.compensations(), undone, "{step} {reason}");
    assert_eq!(run.states.last().unwrap(), "Compensated", "{step} {reason}");
    assert!(!run.entered(last_step()) && !run.entered(PARKED), "{step} {reason}");
    let order_id = &order()["orderId"];
    assert_eq!(run.event(FAILED)["data"], json!({ "orderId": order_id, "step": step, "reason": reason }));
}

pub fn assert_parked(run: &Run, step: &str, reason: &str) {
    assert_eq!(run.status, ExecutionStatus::Failed, "{step}: {run:?}");
    assert_eq!(run.error.as_deref(), Some("FulfilmentParked"), "{step}");
    let order_id = &order()["orderId"];
    assert_eq!(run.event(PARKED)["data"], json!({ "orderId": order_id, "step": step, "reason": reason }));
    let cause: Value = serde_json::from_str(run.cause.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&cause["orderId"], &cause["step"], &cause["reason"]),
        (order_id, &json!(step), &json!(reason))
    );
    assert!(cause["error"].is_string(), "{cause}");
}

pub fn assert_command(name: &str, command: &Value) {
    assert_eq!(command["command"], name);
    assert_eq!(command["orderId"], order()["orderId"]);
    assert_valid(&format!("commands/{}/v1.schema.json", kebab(name)), command);
}
