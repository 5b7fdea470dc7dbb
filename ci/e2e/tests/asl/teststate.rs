//! Single states, of which TestState says how they go on.

use aws_sdk_sfn::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut},
    error::BoxError,
    types::{
        InspectionErrorDetails, InspectionLevel, MockErrorOutput, MockInput, TestExecutionStatus,
        TestStateConfiguration,
    },
};
use lakeside_e2e::asl::{Definition, list};
use serde_json::{Value, json};

use crate::{
    FAILED,
    stage::{UNEXPECTED, cloud},
    tasks, words,
};

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
