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
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sfn::{
    config::{
        ConfigBag, Credentials, Intercept, RuntimeComponents,
        interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
    types::{
        ExecutionStatus, InspectionErrorDetails, InspectionLevel, MockErrorOutput, MockInput,
        TestExecutionStatus, TestStateConfiguration,
    },
};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::{StreamExt, stream};
use lakeside_contracts::commands::{
    AllocateStockResult, ApprovalResult, CapturePaymentResult, CreateLabelResult, RefundPaymentResult,
    ReleaseResult, ReserveStockResult, VoidLabelsResult,
};
use lakeside_domain::{
    ids::ReasonCode,
    order::CANCELLED_BY_CUSTOMER,
    saga::{STEPS, owed_compensations},
};
use lakeside_e2e::{
    asl::{Definition, list},
    settings::Settings,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    FAILED, PARKED, PLACEHOLDERS, compensations, is_compensation, last_step, tasks, waits_for_token, words,
};

const PATIENCE: Duration = Duration::from_mins(2);
/// Good enough where nothing is deployed and the emulator does not enforce IAM.
const UNCHECKED_ROLE: &str = "arn:aws:iam::000000000000:role/saga-under-test";
/// An error that no Retry names, as a function's panic would be.
const UNEXPECTED: &str = "Unexpected";
/// The error of a request for approval that the customer's cancellation has closed.
const CLOSED: &str = "DynamoDb.ConditionalCheckFailedException";

struct Cloud {
    config: SdkConfig,
    /// A role that exists, since the emulator looks: the one of the deployed saga.
    role: String,
}

async fn cloud() -> Cloud {
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

/// TestState goes to a host name with a prefix, which an address has not got.
#[derive(Debug)]
struct PlainHost;

impl Intercept for PlainHost {
    fn name(&self) -> &'static str {
        "PlainHost"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let plain = context.request().uri().replacen("//sync-", "//", 1);
        context.request_mut().set_uri(plain)?;
        Ok(())
    }
}

fn committed(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts").join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

fn assert_valid(schema: &str, instance: &Value) {
    let schema = jsonschema::validator_for(&committed(schema)).unwrap();
    let faults: Vec<String> = schema.iter_errors(instance).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{instance} breaks its contract: {faults:?}");
}

/// An order that wants approval, so that it passes every step.
fn order() -> Value {
    let mut order = committed("commands/fulfil-order/examples/v1.json");
    order["requiresApproval"] = json!(true);
    order
}

fn recovery() -> Value {
    let mut order = order();
    order["mode"] = json!("COMPENSATE");
    order
}

fn shipments() -> Vec<Value> {
    let shipment = &committed("commands/create-label/examples/v1.json")["shipment"];
    (1..=3)
        .map(|n| {
            let mut shipment = shipment.clone();
            shipment["shipmentId"] = json!(shipment_id(n));
            shipment
        })
        .collect()
}

fn shipment_id(n: u32) -> String {
    format!("7e57d004-2b97-4e7a-b45f-5387367792{n:02}")
}

fn typed(result: impl Serialize) -> Value {
    serde_json::to_value(result).unwrap()
}

fn because(reason: &str) -> ReasonCode {
    ReasonCode::parse(reason).unwrap()
}

/// What a worker answers when nothing goes wrong.
fn success(state: &str, arguments: &Value) -> Value {
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
enum Act {
    Answer(Value),
    Fail(String),
    /// Never; the task runs into its timeout.
    Silence,
}

/// Which state's attempts end otherwise than well. The last act repeats.
#[derive(Debug, Clone, Default)]
struct Script(HashMap<String, Vec<Act>>);

impl Script {
    fn with(mut self, state: &str, acts: impl IntoIterator<Item = Act>) -> Self {
        self.0.insert(state.to_owned(), acts.into_iter().collect());
        self
    }

    fn fails(self, state: &str, error: &str) -> Self {
        self.with(state, [Act::Fail(error.to_owned())])
    }

    fn answers(self, state: &str, answer: Value) -> Self {
        self.with(state, [Act::Answer(answer)])
    }

    fn act(&self, heard: &Heard, attempt: usize) -> Act {
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
struct Heard {
    state: String,
    arguments: Value,
}

/// A scene's script, and what was heard of it so far.
#[derive(Debug, Default)]
struct Scene {
    script: Script,
    heard: Vec<Heard>,
}

type Scenes = Arc<Mutex<HashMap<String, Scene>>>;

fn lock(scenes: &Scenes) -> MutexGuard<'_, HashMap<String, Scene>> {
    scenes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an execution went.
#[derive(Debug)]
struct Run {
    status: ExecutionStatus,
    error: Option<String>,
    cause: Option<String>,
    /// Outer states in the order in which they were entered.
    states: Vec<String>,
    heard: Vec<Heard>,
}

impl Run {
    fn attempts(&self, state: &str) -> usize {
        self.heard.iter().filter(|heard| heard.state == state).count()
    }

    fn entered(&self, state: &str) -> bool {
        self.states.iter().any(|entered| entered == state)
    }

    fn compensations(&self) -> Vec<&str> {
        self.states.iter().map(String::as_str).filter(|state| is_compensation(state)).collect()
    }

    fn arguments(&self, state: &str) -> &Value {
        let heard = self.heard.iter().find(|heard| heard.state == state);
        &heard.unwrap_or_else(|| panic!("`{state}` called nobody: {:?}", self.states)).arguments
    }

    /// The detail of the event that `state` publishes, after a look at its contract.
    fn event(&self, state: &str) -> Value {
        let entries = self.arguments(state)["Entries"].as_array().unwrap().clone();
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(entry["Source"], "lakeside.fulfilment");
        assert_eq!(entry["EventBusName"], "fulfilment_bus_name");
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        let event = kebab(entry["DetailType"].as_str().unwrap());
        assert_valid(&format!("events/fulfilment/{event}/v1.schema.json"), &detail);
        detail
    }

    fn after(&self, state: &str) -> Option<&str> {
        let position = self.states.iter().position(|entered| entered == state)?;
        self.states.get(position.checked_add(1)?).map(String::as_str)
    }
}

/// The definition with the test as its workers.
struct Stage {
    sfn: aws_sdk_sfn::Client,
    sqs: aws_sdk_sqs::Client,
    machine: String,
    queue: String,
    scenes: Scenes,
    workers: JoinHandle<()>,
}

impl Stage {
    async fn of_the_definition() -> Self {
        Self::of(|_, _| true, |_| {}).await
    }

    /// `replaced` chooses the tasks whose calls come to the test; `adapt` has the last word on the definition.
    async fn of(replaced: impl Fn(&str, &Value) -> bool, adapt: impl Fn(&mut Value)) -> Self {
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

    async fn play(&self, input: &Value, script: Script) -> Run {
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
    async fn play_all<T>(&self, scenes: impl IntoIterator<Item = (T, Value, Script)>) -> Vec<(T, Run)> {
        stream::iter(scenes)
            .map(|(what, input, script)| async move { (what, self.play(&input, script).await) })
            .buffer_unordered(16)
            .collect()
            .await
    }

    async fn strike(self) {
        self.workers.abort();
        // Left-overs harm nobody; the emulator is thrown away.
        let _ = self.sfn.delete_state_machine().state_machine_arn(&self.machine).send().await;
        let _ = self.sqs.delete_queue().queue_url(&self.queue).send().await;
    }
}

fn replace_calls(machine: &mut Value, queue: &str, replaced: &impl Fn(&str, &Value) -> bool) {
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
async fn work(sfn: aws_sdk_sfn::Client, sqs: aws_sdk_sqs::Client, queue: String, scenes: Scenes) {
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

/// The reason published when the outcome of a step is not known.
fn unknown(step: &str) -> &'static str {
    match step {
        "ReserveStock" => "RESERVATION_UNKNOWN",
        "RequestApproval" => "APPROVAL_UNKNOWN",
        "CapturePayment" => "PAYMENT_UNKNOWN",
        "AllocateStock" => "ALLOCATION_UNKNOWN",
        "CreateLabels" => "LABEL_UNKNOWN",
        other => panic!("`{other}` fails otherwise"),
    }
}

/// The task that does a step's work.
fn worker_of(step: &str) -> &str {
    if step == "CreateLabels" { "CreateLabel" } else { step }
}

/// An order, and a script, on which the task `state` is called.
fn scene_with(state: &str) -> (Value, Script) {
    if is_compensation(state) || state == FAILED {
        (recovery(), Script::default())
    } else if state == PARKED {
        (order(), Script::default().fails(last_step(), UNEXPECTED))
    } else {
        (order(), Script::default())
    }
}

fn assert_compensated(run: &Run, step: &str, reason: &str, undone: &[&str]) {
    assert_eq!(run.status, ExecutionStatus::Succeeded, "{step} {reason}: {run:?}");
    assert_eq!(run.compensations(), undone, "{step} {reason}");
    assert_eq!(run.states.last().unwrap(), "Compensated", "{step} {reason}");
    assert!(!run.entered(last_step()) && !run.entered(PARKED), "{step} {reason}");
    let order_id = &order()["orderId"];
    assert_eq!(run.event(FAILED)["data"], json!({ "orderId": order_id, "step": step, "reason": reason }));
}

fn assert_parked(run: &Run, step: &str, reason: &str) {
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

#[tokio::test]
async fn an_order_passes_every_step_with_commands_and_event_as_agreed() {
    let stage = Stage::of_the_definition().await;
    let run = stage.play(&order(), Script::default()).await;
    assert_eq!(run.status, ExecutionStatus::Succeeded, "{run:?}");
    assert_eq!(
        run.states,
        [
            "Start",
            "ReserveStock",
            "StockReserved?",
            "ApprovalRequired?",
            "RequestApproval",
            "Approved?",
            "CapturePayment",
            "PaymentCaptured?",
            "AllocateStock",
            "StockAllocated?",
            "CreateLabels",
            "LabelsCreated?",
            "PublishCompleted",
            "Fulfilled",
        ]
    );
    let order = order();
    for (state, queue) in
        [("ReserveStock", "reserve_stock_queue_url"), ("CapturePayment", "capture_payment_queue_url")]
    {
        assert_eq!(run.arguments(state)["QueueUrl"], queue);
        assert_command(state, &run.arguments(state)["MessageBody"]);
    }
    let reserve = &run.arguments("ReserveStock")["MessageBody"];
    assert_eq!((&reserve["lines"], &reserve["metadata"]), (&order["lines"], &order["metadata"]));
    let capture = &run.arguments("CapturePayment")["MessageBody"];
    assert_eq!((&capture["amount"], &capture["paymentMethod"]), (&order["total"], &order["paymentMethod"]));

    let approval = run.arguments("RequestApproval");
    let item = &approval["Item"];
    assert_eq!(approval["TableName"], "fulfilment_table_name");
    assert_eq!(item["pk"]["S"], json!(format!("APPROVAL#{}", order["orderId"].as_str().unwrap())));
    assert_eq!((&item["sk"]["S"], &item["status"]["S"]), (&json!("APPROVAL"), &json!("PENDING")));
    assert_eq!(item["orderId"]["S"], order["orderId"]);
    assert_eq!(item["total"], json!({ "M": { "amount": { "N": "36800" }, "currency": { "S": "USD" } } }));
    assert!(!item["taskToken"]["S"].as_str().unwrap().is_empty());
    assert!(item["requestedAt"]["S"].as_str().unwrap().ends_with('Z'));

    assert_eq!(run.arguments("AllocateStock")["FunctionName"], "allocate_function_arn");
    assert_command("AllocateStock", &run.arguments("AllocateStock")["Payload"]);
    let labels: Vec<&Heard> = run.heard.iter().filter(|heard| heard.state == "CreateLabel").collect();
    assert_eq!(labels.len(), shipments().len());
    for label in labels {
        assert_eq!(label.arguments["FunctionName"], "create_label_function_arn");
        assert_command("CreateLabel", &label.arguments["Payload"]);
        assert!(shipments().contains(&label.arguments["Payload"]["shipment"]));
    }

    let completed = run.event("PublishCompleted");
    assert_eq!(completed["data"], json!({ "orderId": order["orderId"] }));
    assert_eq!(completed["metadata"]["eventId"], order["eventIds"]["completed"]);
    assert_eq!(completed["metadata"]["correlationId"], order["metadata"]["correlationId"]);
    assert_eq!(completed["metadata"]["causationId"], order["metadata"]["causationId"]);
    stage.strike().await;
}

fn assert_command(name: &str, command: &Value) {
    assert_eq!(command["command"], name);
    assert_eq!(command["orderId"], order()["orderId"]);
    assert_valid(&format!("commands/{}/v1.schema.json", kebab(name)), command);
}

#[tokio::test]
async fn a_recovery_undoes_everything_with_commands_and_event_as_agreed() {
    let stage = Stage::of_the_definition().await;
    let run = stage.play(&recovery(), Script::default()).await;
    assert_compensated(&run, "Recovery", "RECOVERED", &compensations());
    assert_eq!(run.event(FAILED)["metadata"]["eventId"], order()["eventIds"]["failed"]);
    for (state, function) in [
        ("VoidLabels", "void_label_function_arn"),
        ("ReleaseAllocation", "release_stock_function_arn"),
        ("ReleaseStock", "release_stock_function_arn"),
    ] {
        assert_eq!(run.arguments(state)["FunctionName"], function);
        assert_command(state, &run.arguments(state)["Payload"]);
    }
    assert_eq!(run.arguments("RefundPayment")["QueueUrl"], "refund_payment_queue_url");
    assert_command("RefundPayment", &run.arguments("RefundPayment")["MessageBody"]);
    assert_eq!(run.heard.len(), 5, "nothing is done forward: {run:?}");
    stage.strike().await;
}

#[tokio::test]
async fn an_order_below_the_threshold_needs_no_approval_and_one_that_does_not_say_so_does() {
    let stage = Stage::of_the_definition().await;
    let mut small = order();
    small["requiresApproval"] = json!(false);
    let mut silent = order();
    silent.as_object_mut().unwrap().remove("requiresApproval");
    for (input, asked) in [(small, false), (silent, true)] {
        let run = stage.play(&input, Script::default()).await;
        assert_eq!((run.entered("RequestApproval"), run.entered("Fulfilled")), (asked, true));
    }
    stage.strike().await;
}

#[tokio::test]
async fn refusals_and_answers_that_are_not_understood_take_the_right_way_back_and_are_not_retried() {
    let gone = || because("ANYTHING");
    let rows: Vec<(&str, Value, &str, &[&str])> = vec![
        ("ReserveStock", typed(ReserveStockResult::Refused { reason: gone() }), "OUT_OF_STOCK", &[]),
        ("ReserveStock", json!({ "outcome": "?" }), "RESERVATION_UNKNOWN", &["ReleaseStock"]),
        ("ReserveStock", json!({}), "RESERVATION_UNKNOWN", &["ReleaseStock"]),
        ("ReserveStock", json!("RESERVED"), "RESERVATION_UNKNOWN", &["ReleaseStock"]),
        ("RequestApproval", typed(ApprovalResult::Denied), "APPROVAL_DENIED", &["ReleaseStock"]),
        ("RequestApproval", typed(ApprovalResult::Cancelled), CANCELLED_BY_CUSTOMER, &["ReleaseStock"]),
        ("RequestApproval", json!({ "decision": "approved" }), "APPROVAL_DENIED", &["ReleaseStock"]),
        ("RequestApproval", json!({}), "APPROVAL_DENIED", &["ReleaseStock"]),
        (
            "CapturePayment",
            typed(CapturePaymentResult::Declined { reason: gone() }),
            "PAYMENT_DECLINED",
            &["ReleaseStock"],
        ),
        ("CapturePayment", typed(CapturePaymentResult::Cancelled), CANCELLED_BY_CUSTOMER, &["ReleaseStock"]),
        ("CapturePayment", json!({ "outcome": "?" }), "PAYMENT_UNKNOWN", &["RefundPayment", "ReleaseStock"]),
        ("CapturePayment", json!({}), "PAYMENT_UNKNOWN", &["RefundPayment", "ReleaseStock"]),
        (
            "AllocateStock",
            typed(AllocateStockResult::Refused { reason: gone() }),
            "ALLOCATION_REFUSED",
            &["RefundPayment", "ReleaseStock"],
        ),
        (
            "AllocateStock",
            json!({ "outcome": "ALLOCATED" }),
            "ALLOCATION_UNKNOWN",
            &["ReleaseAllocation", "RefundPayment", "ReleaseStock"],
        ),
        (
            "AllocateStock",
            json!({ "outcome": "ALLOCATED", "shipments": [] }),
            "ALLOCATION_UNKNOWN",
            &["ReleaseAllocation", "RefundPayment", "ReleaseStock"],
        ),
        (
            "AllocateStock",
            json!({}),
            "ALLOCATION_UNKNOWN",
            &["ReleaseAllocation", "RefundPayment", "ReleaseStock"],
        ),
    ];
    let stage = Stage::of_the_definition().await;
    let scenes = rows.into_iter().map(|(step, answer, reason, undone)| {
        ((step, reason, undone), order(), Script::default().answers(step, answer))
    });
    for ((step, reason, undone), run) in stage.play_all(scenes).await {
        assert_compensated(&run, step, reason, undone);
        assert_eq!(run.attempts(step), 1, "{step} {reason}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn one_bad_label_voids_all_but_only_after_every_label_has_settled() {
    let refused = || typed(CreateLabelResult::Refused { reason: because("UNDELIVERABLE") });
    let cancelled = || typed(CreateLabelResult::Cancelled);
    let second = format!("CreateLabel/{}", shipment_id(2));
    let third = format!("CreateLabel/{}", shipment_id(3));
    let rows = vec![
        ("LABEL_REFUSED", Script::default().answers("CreateLabel", refused())),
        ("LABEL_REFUSED", Script::default().answers(&second, refused())),
        ("LABEL_REFUSED", Script::default().answers(&second, refused()).fails(&third, UNEXPECTED)),
        (CANCELLED_BY_CUSTOMER, Script::default().answers("CreateLabel", cancelled())),
        (CANCELLED_BY_CUSTOMER, Script::default().answers(&second, cancelled())),
        (CANCELLED_BY_CUSTOMER, Script::default().answers(&second, cancelled()).fails(&third, UNEXPECTED)),
        ("LABEL_REFUSED", Script::default().answers(&second, cancelled()).answers(&third, refused())),
        ("LABEL_UNKNOWN", Script::default().fails(&third, UNEXPECTED)),
        ("LABEL_UNKNOWN", Script::default().fails("CreateLabel", UNEXPECTED)),
        ("LABEL_UNKNOWN", Script::default().answers(&second, json!({}))),
        ("LABEL_UNKNOWN", Script::default().answers(&second, json!({ "outcome": "?" }))),
    ];
    let stage = Stage::of_the_definition().await;
    let scenes = rows.into_iter().map(|(reason, script)| (reason, order(), script));
    for (reason, run) in stage.play_all(scenes).await {
        assert_compensated(&run, "CreateLabels", reason, &compensations());
        assert_eq!(run.attempts("CreateLabel"), shipments().len(), "{reason}");
    }
    let mut single = success("AllocateStock", &Value::Null);
    single["shipments"] = json!([shipments()[0]]);
    let run = stage.play(&order(), Script::default().answers("AllocateStock", single)).await;
    assert!(run.entered("Fulfilled"), "a single parcel is a list of one: {run:?}");
    stage.strike().await;
}

#[tokio::test]
async fn a_step_that_fails_unexpectedly_is_not_retried_and_counts_as_done() {
    let stage = Stage::of_the_definition().await;
    let steps = STEPS.iter().map(|step| step.name).filter(|step| *step != last_step());
    // The name of a refusal is no error that a Retry knows.
    let errors = [UNEXPECTED, "OutOfStock", "PaymentDeclined", "States.HeartbeatTimeout", CLOSED];
    let scenes = steps.flat_map(|step| {
        errors.map(|error| ((step, error), order(), Script::default().fails(worker_of(step), error)))
    });
    for ((step, error), run) in stage.play_all(scenes).await {
        let reason = match (step, error) {
            ("RequestApproval", "States.HeartbeatTimeout") => "APPROVAL_TIMED_OUT",
            ("RequestApproval", CLOSED) => CANCELLED_BY_CUSTOMER,
            _ => unknown(step),
        };
        assert_compensated(&run, step, reason, &owed_compensations(step));
        let calls = if step == "CreateLabels" { shipments().len() } else { 1 };
        assert_eq!(run.attempts(worker_of(step)), calls, "{step} {error}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn what_is_retried_goes_on_once_it_succeeds() {
    let stage = Stage::of_the_definition().await;
    let definition = Definition::load().unwrap();
    let mut scenes = Vec::new();
    for (state, task) in tasks(&definition) {
        for error in list(task, "Retry").flat_map(|retrier| words(&retrier["ErrorEquals"])) {
            let error = if error == "States.ALL" { UNEXPECTED } else { error };
            let (input, script) = scene_with(state);
            let script = script.with(
                state,
                [Act::Fail(error.to_owned()), Act::Fail(error.to_owned()), Act::Answer(success_of(state))],
            );
            scenes.push(((state, error, input.get("mode").is_some()), input, script));
        }
    }
    assert!(scenes.len() > 30, "the table is not empty");
    for ((state, error, recovering), run) in stage.play_all(scenes).await {
        let labels = if state == "CreateLabel" { shipments().len() } else { 1 };
        assert_eq!(run.attempts(state), labels * 3, "{state} {error}");
        let end = match state {
            PARKED => "Parked",
            _ if recovering => "Compensated",
            _ => "Fulfilled",
        };
        assert_eq!(run.states.last().unwrap(), end, "{state} {error}");
    }
    stage.strike().await;
}

/// A success that does not depend on what was asked.
fn success_of(state: &str) -> Value {
    success(state, &json!({ "Payload": { "shipment": { "shipmentId": shipment_id(1) } } }))
}

#[tokio::test]
async fn what_fails_for_good_is_tried_as_often_as_its_retry_says_and_then_caught() {
    let stage = Stage::of_the_definition().await;
    let definition = Definition::load().unwrap();
    let mut scenes = Vec::new();
    for (state, task) in tasks(&definition) {
        for retrier in list(task, "Retry") {
            let error = words(&retrier["ErrorEquals"])[0];
            let error = if error == "States.ALL" { UNEXPECTED } else { error };
            let retries = usize::try_from(retrier["MaxAttempts"].as_u64().unwrap()).unwrap();
            let catcher = list(task, "Catch")
                .find(|catcher| {
                    words(&catcher["ErrorEquals"]).iter().any(|e| *e == error || *e == "States.ALL")
                })
                .unwrap();
            let (input, script) = scene_with(state);
            let caught = catcher["Next"].as_str().unwrap();
            scenes.push(((state, error, retries, caught), input, script.fails(state, error)));
        }
    }
    for ((state, error, retries, caught), run) in stage.play_all(scenes).await {
        let labels = if state == "CreateLabel" { shipments().len() } else { 1 };
        assert_eq!(run.attempts(state), labels * (retries + 1), "{state} {error}");
        match state {
            "CreateLabel" => assert_compensated(&run, "CreateLabels", "LABEL_UNKNOWN", &compensations()),
            PARKED => assert_parked(&run, last_step(), "COMPLETION_UNKNOWN"),
            _ => assert_eq!(run.after(state), Some(caught), "{state} {error}"),
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_compensation_that_keeps_failing_parks_the_order_with_its_name_and_the_reason_it_was_owed_for() {
    let stage = Stage::of_the_definition().await;
    let refused = typed(CreateLabelResult::Refused { reason: because("UNDELIVERABLE") });
    let scenes = compensations().into_iter().chain([FAILED]).flat_map(|state| {
        let failing = Script::default().answers("CreateLabel", refused.clone());
        let lying = failing.clone().answers(state, json!({ "outcome": "DONE_I_GUESS" }));
        let mut scenes = vec![(state, order(), failing.fails(state, UNEXPECTED))];
        // An event bus answers nothing that could be misunderstood.
        if state != FAILED {
            scenes.push((state, order(), lying));
        }
        scenes
    });
    for (state, run) in stage.play_all(scenes).await {
        assert_parked(&run, state, "LABEL_REFUSED");
        let tried = compensations().into_iter().take_while(|name| *name != state).chain([state]);
        assert_eq!(run.compensations(), tried.filter(|name| *name != FAILED).collect::<Vec<_>>());
        assert_eq!(run.event(PARKED)["metadata"]["eventId"], order()["eventIds"]["parked"]);
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_completion_that_cannot_be_said_is_parked_and_nothing_is_undone() {
    let stage = Stage::of_the_definition().await;
    let run = stage.play(&order(), Script::default().fails(last_step(), "EventBridge.FailedEntry")).await;
    assert_parked(&run, last_step(), "COMPLETION_UNKNOWN");
    assert!(run.compensations().is_empty());
    stage.strike().await;
}

#[tokio::test]
async fn a_lost_token_runs_into_its_timeout_and_is_compensated() {
    let stage = Stage::of(
        |_, _| true,
        |definition| {
            for state in definition["States"].as_object_mut().unwrap().values_mut() {
                if state.get("HeartbeatSeconds").is_some() {
                    state["TimeoutSeconds"] = json!(2);
                }
            }
        },
    )
    .await;
    let definition = Definition::load().unwrap();
    let waiting =
        tasks(&definition).into_iter().filter(|(name, task)| waits_for_token(task) && !is_compensation(name));
    let scenes: Vec<_> =
        waiting.map(|(name, _)| (name, order(), Script::default().with(name, [Act::Silence]))).collect();
    assert_eq!(scenes.len(), 3);
    for (step, run) in stage.play_all(scenes).await {
        let reason = if step == "RequestApproval" { "APPROVAL_TIMED_OUT" } else { unknown(step) };
        assert_compensated(&run, step, reason, &owed_compensations(step));
    }
    // A refund without answer is asked for again.
    let script = Script::default()
        .answers("CapturePayment", json!({}))
        .with("RefundPayment", [Act::Silence, Act::Answer(typed(RefundPaymentResult::NothingToRefund))]);
    let run = stage.play(&order(), script).await;
    assert_compensated(&run, "CapturePayment", "PAYMENT_UNKNOWN", &["RefundPayment", "ReleaseStock"]);
    assert_eq!(run.attempts("RefundPayment"), 2);
    stage.strike().await;
}

#[tokio::test]
async fn teststate_waits_between_retries_as_written_and_gives_up_when_it_should() {
    let cloud = cloud().await;
    let config = aws_sdk_sfn::config::Builder::from(&cloud.config).interceptor(PlainHost).build();
    let sfn = aws_sdk_sfn::Client::from_conf(config);
    let definition = Definition::load().unwrap();
    let mut asked = 0;
    for (name, task) in tasks(&definition) {
        // The emulator asks the catchers before the retriers, AWS after them; without catchers they agree.
        let mut without_catch = task.clone();
        without_catch.as_object_mut().unwrap().remove("Catch");
        without_catch["QueryLanguage"] = json!("JSONata");
        for retrier in list(task, "Retry") {
            let error = words(&retrier["ErrorEquals"])[0];
            let error = if error == "States.ALL" { UNEXPECTED } else { error };
            let attempts = i32::try_from(retrier["MaxAttempts"].as_i64().unwrap()).unwrap();
            let wait = |retries: i32| {
                retrier["IntervalSeconds"].as_f64().unwrap()
                    * retrier["BackoffRate"].as_f64().unwrap().powi(retries)
            };
            for retries in 0..=attempts {
                let answer = sfn
                    .test_state()
                    .definition(without_catch.to_string())
                    .role_arn(&cloud.role)
                    .input("{}")
                    .inspection_level(InspectionLevel::Debug)
                    .mock(mocked(error))
                    .state_configuration(
                        TestStateConfiguration::builder().retrier_retry_count(retries).build(),
                    )
                    .send()
                    .await
                    .unwrap();
                asked += 1;
                let retriable = answer.status() == Some(&TestExecutionStatus::Retriable);
                assert_eq!(retriable, retries < attempts, "{name} {error} after {retries}");
                let waited = answer.inspection_data().and_then(|data| data.error_details());
                let waited = waited.and_then(InspectionErrorDetails::retry_backoff_interval_seconds);
                // Beyond the cap the emulator goes on doubling, which AWS does not.
                if retriable && wait(retries) <= retrier["MaxDelaySeconds"].as_f64().unwrap() {
                    assert_eq!(waited.map(f64::from), Some(wait(retries)), "{name} {error} after {retries}");
                }
            }
        }
        let refused = sfn
            .test_state()
            .definition(task_in_jsonata(task).to_string())
            .role_arn(&cloud.role)
            .input("{}")
            .mock(mocked("Refused"))
            .send()
            .await
            .unwrap();
        let caught = list(task, "Catch").last().unwrap();
        assert_eq!(refused.status(), Some(&TestExecutionStatus::CaughtError), "{name}");
        assert_eq!(refused.next_state(), caught["Next"].as_str(), "{name}");
    }
    assert!(asked > 100, "the table is not empty");
}

fn task_in_jsonata(task: &Value) -> Value {
    let mut task = task.clone();
    task["QueryLanguage"] = json!("JSONata");
    task
}

fn mocked(error: &str) -> MockInput {
    MockInput::builder()
        .error_output(MockErrorOutput::builder().error(error).cause("as scripted").build())
        .build()
}

#[tokio::test]
async fn teststate_takes_each_branch_of_each_choice() {
    let labelled = || json!({ "outcome": "LABELLED" });
    let rows: &[(&str, Value, Value, &str)] = &[
        ("Start", json!({ "mode": "COMPENSATE" }), json!({}), "VoidLabels"),
        ("Start", json!({}), json!({}), "ReserveStock"),
        ("Start", json!({ "mode": "compensate" }), json!({}), "ReserveStock"),
        ("StockReserved?", json!({ "outcome": "RESERVED" }), json!({}), "ApprovalRequired?"),
        ("StockReserved?", json!({ "outcome": "REFUSED" }), json!({}), FAILED),
        ("StockReserved?", Value::Null, json!({}), "ReleaseStock"),
        ("ApprovalRequired?", json!({}), json!({ "order": { "requiresApproval": false } }), "CapturePayment"),
        ("ApprovalRequired?", json!({}), json!({ "order": { "requiresApproval": true } }), "RequestApproval"),
        ("ApprovalRequired?", json!({}), json!({ "order": {} }), "RequestApproval"),
        ("Approved?", json!({ "decision": "APPROVED" }), json!({}), "CapturePayment"),
        ("Approved?", json!({ "decision": "DENIED" }), json!({}), "ReleaseStock"),
        ("Approved?", json!({ "decision": "CANCELLED" }), json!({}), "ReleaseStock"),
        ("Approved?", json!([]), json!({}), "ReleaseStock"),
        ("PaymentCaptured?", json!({ "outcome": "CAPTURED" }), json!({}), "AllocateStock"),
        ("PaymentCaptured?", json!({ "outcome": "DECLINED" }), json!({}), "ReleaseStock"),
        ("PaymentCaptured?", json!({ "outcome": "CANCELLED" }), json!({}), "ReleaseStock"),
        ("PaymentCaptured?", json!("CAPTURED"), json!({}), "RefundPayment"),
        ("StockAllocated?", json!({ "outcome": "ALLOCATED", "shipments": [{}] }), json!({}), "CreateLabels"),
        (
            "StockAllocated?",
            json!({ "outcome": "ALLOCATED", "shipments": [] }),
            json!({}),
            "ReleaseAllocation",
        ),
        (
            "StockAllocated?",
            json!({ "outcome": "ALLOCATED", "shipments": 1 }),
            json!({}),
            "ReleaseAllocation",
        ),
        ("StockAllocated?", json!({ "outcome": "REFUSED" }), json!({}), "RefundPayment"),
        (
            "LabelsCreated?",
            json!([labelled(), labelled()]),
            json!({ "shipments": [1, 2] }),
            "PublishCompleted",
        ),
        ("LabelsCreated?", json!([labelled(), {}]), json!({ "shipments": [1, 2] }), "VoidLabels"),
        ("LabelsCreated?", json!([labelled()]), json!({ "shipments": [1, 2] }), "VoidLabels"),
        ("LabelsCreated?", json!([]), json!({ "shipments": [1] }), "VoidLabels"),
        (
            "LabelsCreated?",
            json!([labelled(), { "outcome": "CANCELLED" }]),
            json!({ "shipments": [1, 2] }),
            "VoidLabels",
        ),
    ];
    let cloud = cloud().await;
    let config = aws_sdk_sfn::config::Builder::from(&cloud.config).interceptor(PlainHost).build();
    let sfn = aws_sdk_sfn::Client::from_conf(config);
    let definition = Definition::load().unwrap();
    for (choice, input, variables, next) in rows {
        let answer = sfn
            .test_state()
            .definition(definition.json().to_string())
            .state_name(*choice)
            .role_arn(&cloud.role)
            .input(input.to_string())
            // AWS takes the variables from their own field; the emulator knows them only in the context.
            .variables(variables.to_string())
            .context(json!({ "variables": variables }).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), Some(&TestExecutionStatus::Succeeded), "{choice} {input}: {answer:?}");
        assert_eq!(answer.next_state(), Some(*next), "{choice} {input}");
    }
    // Every exit of every choice is in the table.
    for (name, state) in definition.states().filter(|(_, state)| state["Type"] == "Choice") {
        for (_, to) in definition.exits(name).unwrap() {
            let taken = rows.iter().any(|(choice, _, _, next)| *choice == name && Some(*next) == to);
            assert!(taken, "no row takes `{name}` to {to:?}: {state}");
        }
    }
}

/// Puts what exists in the place of placeholders.
fn fill_in(template: &mut Value, existing: &HashMap<&str, String>) {
    match template {
        Value::String(text) => {
            if let Some(filled) = existing.get(text.as_str()) {
                text.clone_from(filled);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, existing)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill_in(field, existing)),
        _ => {}
    }
}

async fn receive(sqs: &aws_sdk_sqs::Client, queue: &str) -> Value {
    let deadline = Instant::now().checked_add(PATIENCE).unwrap();
    while Instant::now() < deadline {
        let received = sqs.receive_message().queue_url(queue).wait_time_seconds(5).send().await.unwrap();
        if let Some(message) = received.messages.unwrap_or_default().pop() {
            let receipt = message.receipt_handle.unwrap();
            sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await.unwrap();
            return serde_json::from_str(&message.body.unwrap()).unwrap();
        }
    }
    panic!("nothing came to {queue}")
}

/// A table, a bus and a queue that hears what is published on it.
struct Services {
    name: String,
    facts: String,
    sqs: aws_sdk_sqs::Client,
    dynamo: aws_sdk_dynamodb::Client,
    events: aws_sdk_eventbridge::Client,
}

impl Services {
    async fn create() -> Self {
        let cloud = cloud().await;
        let name = format!("asl-{}", Uuid::new_v4());
        let sqs = aws_sdk_sqs::Client::new(&cloud.config);
        let facts = sqs.create_queue().queue_name(format!("{name}-facts")).send().await.unwrap();
        let services = Self {
            name,
            facts: facts.queue_url.unwrap(),
            sqs,
            dynamo: aws_sdk_dynamodb::Client::new(&cloud.config),
            events: aws_sdk_eventbridge::Client::new(&cloud.config),
        };
        services.create_table().await;
        services.create_bus().await;
        services
    }

    async fn create_table(&self) {
        let key = |field: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(field).key_type(kind).build().unwrap()
        };
        let text = |field: &str| {
            let text = AttributeDefinition::builder().attribute_type(ScalarAttributeType::S);
            text.attribute_name(field).build().unwrap()
        };
        self.dynamo
            .create_table()
            .table_name(&self.name)
            .set_key_schema(Some(vec![key("pk", KeyType::Hash), key("sk", KeyType::Range)]))
            .set_attribute_definitions(Some(vec![text("pk"), text("sk")]))
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
    }

    async fn create_bus(&self) {
        self.events.create_event_bus().name(&self.name).send().await.unwrap();
        let pattern = json!({ "source": ["lakeside.fulfilment"], "detail-type": ["FulfilmentCompleted"] });
        let rule = self.events.put_rule().event_bus_name(&self.name).name("facts");
        let rule = rule.event_pattern(pattern.to_string()).send().await.unwrap();
        let asked = self.sqs.get_queue_attributes().queue_url(&self.facts);
        let attributes = asked.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap().attributes;
        let facts = attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "events.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": facts,
            "Condition": { "ArnEquals": { "aws:SourceArn": rule.rule_arn.unwrap() } },
        }] });
        let opened = self.sqs.set_queue_attributes().queue_url(&self.facts);
        opened.attributes(QueueAttributeName::Policy, policy.to_string()).send().await.unwrap();
        let target = Target::builder().id("facts").arn(facts).build().unwrap();
        let targets = self.events.put_targets().event_bus_name(&self.name).rule("facts");
        targets.targets(target).send().await.unwrap();
    }

    async fn strike(self) {
        let Self { name, facts, sqs, dynamo, events } = self;
        let _ = events.remove_targets().event_bus_name(&name).rule("facts").ids("facts").send().await;
        let _ = events.delete_rule().event_bus_name(&name).name("facts").send().await;
        let _ = events.delete_event_bus().name(&name).send().await;
        let _ = dynamo.delete_table().table_name(&name).send().await;
        let _ = sqs.delete_queue().queue_url(facts).send().await;
    }
}

#[tokio::test]
async fn queues_table_and_bus_are_really_called() {
    let services = Services::create().await;
    let (sqs, name) = (&services.sqs, &services.name);
    let commands = sqs.create_queue().queue_name(format!("{name}-commands")).send().await.unwrap();
    let commands = commands.queue_url.unwrap();
    let existing: HashMap<&str, String> = HashMap::from([
        ("reserve_stock_queue_url", commands.clone()),
        ("capture_payment_queue_url", commands.clone()),
        ("fulfilment_table_name", name.clone()),
        ("fulfilment_bus_name", name.clone()),
    ]);
    let is_function = |_: &str, task: &Value| task["Resource"].as_str().unwrap().contains(":lambda:");
    let stage = Stage::of(is_function, |definition| fill_in(definition, &existing)).await;
    let answer = async |token: String, output: Value| {
        let answered = stage.sfn.send_task_success().task_token(token).output(output.to_string());
        answered.send().await.unwrap();
    };
    let people_and_workers = async {
        let reserve = receive(sqs, &commands).await;
        assert_command("ReserveStock", &reserve);
        answer(token_of(&reserve), success("ReserveStock", &Value::Null)).await;
        let token = approval_token(&services.dynamo, name).await;
        answer(token, json!({ "decision": "APPROVED" })).await;
        let capture = receive(sqs, &commands).await;
        assert_command("CapturePayment", &capture);
        answer(token_of(&capture), success("CapturePayment", &Value::Null)).await;
        receive(sqs, &services.facts).await
    };
    let input = order();
    let (run, event) = tokio::join!(stage.play(&input, Script::default()), people_and_workers);
    assert!(run.entered("Fulfilled"), "{run:?}");
    assert_eq!(event["source"], "lakeside.fulfilment");
    assert_eq!(event["detail-type"], "FulfilmentCompleted");
    assert_valid("events/fulfilment/fulfilment-completed/v1.schema.json", &event["detail"]);

    stage.strike().await;
    let _ = sqs.delete_queue().queue_url(&commands).send().await;
    services.strike().await;
}

#[tokio::test]
async fn an_approval_that_the_customer_cancelled_first_is_not_asked_for() {
    let services = Services::create().await;
    let name = &services.name;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let pk = format!("APPROVAL#{}", order()["orderId"].as_str().unwrap());
    let closed = services.dynamo.put_item().table_name(name).item("pk", text(&pk));
    let closed = closed.item("sk", text("APPROVAL")).item("status", text("CANCELLED"));
    closed.send().await.unwrap();

    let existing: HashMap<&str, String> = HashMap::from([("fulfilment_table_name", name.clone())]);
    let other_than_table = |_: &str, task: &Value| !task["Resource"].as_str().unwrap().contains(":dynamodb:");
    let stage = Stage::of(other_than_table, |definition| fill_in(definition, &existing)).await;
    let run = stage.play(&order(), Script::default()).await;
    assert_compensated(&run, "RequestApproval", CANCELLED_BY_CUSTOMER, &["ReleaseStock"]);

    let key = services.dynamo.get_item().table_name(name).key("pk", text(&pk)).key("sk", text("APPROVAL"));
    let item = key.send().await.unwrap().item.unwrap();
    assert_eq!((&item["status"], item.get("taskToken")), (&text("CANCELLED"), None));
    stage.strike().await;
    services.strike().await;
}

fn token_of(command: &Value) -> String {
    command["taskToken"].as_str().unwrap().to_owned()
}

async fn approval_token(dynamo: &aws_sdk_dynamodb::Client, table: &str) -> String {
    let order_id = order()["orderId"].as_str().unwrap().to_owned();
    let deadline = Instant::now().checked_add(PATIENCE).unwrap();
    loop {
        let found = dynamo
            .get_item()
            .table_name(table)
            .key("pk", AttributeValue::S(format!("APPROVAL#{order_id}")))
            .key("sk", AttributeValue::S("APPROVAL".to_owned()))
            .send()
            .await
            .unwrap();
        if let Some(item) = found.item {
            assert_eq!(item["status"], AttributeValue::S("PENDING".to_owned()));
            let AttributeValue::M(total) = &item["total"] else { panic!("{item:?}") };
            assert_eq!(total["amount"], AttributeValue::N("36800".to_owned()));
            return item["taskToken"].as_s().unwrap().clone();
        }
        assert!(Instant::now() < deadline, "no approval was requested");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
