//! Every way through the saga, with the test as every worker.

use aws_sdk_sfn::types::ExecutionStatus;
use lakeside_contracts::commands::{
    AllocateStockResult, ApprovalResult, CapturePaymentResult, CreateLabelResult, RefundPaymentResult,
    ReserveStockResult,
};
use lakeside_domain::{
    ids::ReasonCode,
    order::CANCELLED_BY_CUSTOMER,
    saga::{STEPS, owed_compensations},
};
use lakeside_e2e::asl::{Definition, list};
use serde_json::{Value, json};

use crate::{
    FAILED, PARKED, compensations, is_compensation, last_step,
    stage::{
        Act, Heard, Script, Stage, UNEXPECTED, assert_command, assert_compensated, assert_parked, order,
        recovery, shipment_id, shipments, success, typed,
    },
    tasks, waits_for_token, words,
};

/// The error of a request for approval that the customer's cancellation has closed.
const CLOSED: &str = "DynamoDb.ConditionalCheckFailedException";

fn because(reason: &str) -> ReasonCode {
    ReasonCode::parse(reason).unwrap()
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
