use std::collections::HashMap;

use lakeside_domain::ids::OrderId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    executions::Execution,
    scripted::{MemoryExecutions, RUNNING},
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));

fn input() -> Value {
    json!({
        "orderId": ORDER, "lines": [{"sku": "TENT", "quantity": 1}],
        "total": {"amount": 100, "currency": "USD"}, "paymentMethod": "pm_1", "shippingAddressId": "addr_1",
        "requiresApproval": false, "metadata": {"correlationId": ORDER, "causationId": ORDER},
        "eventIds": {"completed": ORDER, "failed": ORDER, "parked": ORDER},
    })
}

fn change(name: &str, status: &str, error: Option<&str>) -> Value {
    json!({
        "source": SOURCE, "detail-type": DETAIL_TYPE,
        "detail": {"name": name, "status": status, "input": input().to_string(), "error": error},
    })
}

/// A state machine on which the saga of the order has this status.
fn of_status(status: ExecutionStatus) -> MemoryExecutions {
    let executions = MemoryExecutions::default();
    becomes(&executions, status, None);
    executions
}

fn becomes(executions: &MemoryExecutions, status: ExecutionStatus, error: Option<&str>) {
    let execution = Execution { input: input().to_string(), status, error: error.map(str::to_owned) };
    executions.started.borrow_mut().insert(ORDER.to_string(), execution);
}

async fn deliver(executions: &MemoryExecutions, body: &Value) -> bool {
    let message =
        Message { id: "m".into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() };
    handle(executions, &[message]).await.ids().is_empty()
}

fn recoveries(executions: &MemoryExecutions) -> Vec<FulfilOrder> {
    let started = executions.started.borrow();
    let recoveries = started.iter().filter(|(name, _)| name.starts_with(RECOVERY_PREFIX));
    recoveries.map(|(_, execution)| serde_json::from_str(&execution.input).unwrap()).collect()
}

#[tokio::test]
async fn a_saga_that_died_is_compensated_once() {
    for (status, error) in [("FAILED", Some("States.Runtime")), ("TIMED_OUT", None), ("ABORTED", None)] {
        let executions = of_status(ExecutionStatus::Failed);
        for _ in 0..2 {
            assert!(deliver(&executions, &change(&ORDER.to_string(), status, error)).await);
        }
        let [recovery] = &recoveries(&executions)[..] else { panic!("{status}: one recovery") };
        assert_eq!((recovery.order_id, recovery.mode), (ORDER, Some(SagaMode::Compensate)));
    }
}

#[tokio::test]
async fn what_succeeded_gave_up_on_purpose_or_is_a_recovery_is_left_alone() {
    let executions = of_status(ExecutionStatus::Failed);
    let order = ORDER.to_string();
    for (name, status, error) in [
        (order.clone(), "SUCCEEDED", None),
        (order.clone(), "FAILED", Some(PARKED)),
        (format!("{RECOVERY_PREFIX}{order}"), "FAILED", Some("States.Runtime")),
    ] {
        assert!(deliver(&executions, &change(&name, status, error)).await);
    }
    assert!(recoveries(&executions).is_empty());
}

#[tokio::test]
async fn an_order_that_may_have_been_told_to_be_fulfilled_is_undone_by_nobody_but_people() {
    let executions = of_status(ExecutionStatus::Failed);
    *executions.last_state.borrow_mut() = Some(COMPLETION.into());
    assert!(!deliver(&executions, &change(&ORDER.to_string(), "ABORTED", None)).await);
    assert!(recoveries(&executions).is_empty());
}

#[tokio::test]
async fn what_was_redriven_since_is_left_alone_until_it_dies_again() {
    let died = change(&ORDER.to_string(), "ABORTED", None);
    for redriven in [ExecutionStatus::Running { redriven: true }, ExecutionStatus::Succeeded] {
        let executions = of_status(redriven);
        assert!(deliver(&executions, &died).await);
        assert!(recoveries(&executions).is_empty(), "{redriven:?}");
        becomes(&executions, ExecutionStatus::Failed, None);
        assert!(deliver(&executions, &died).await);
        assert_eq!(recoveries(&executions).len(), 1, "{redriven:?}");
    }
}

#[tokio::test]
async fn what_is_parked_since_is_left_to_people() {
    let executions = MemoryExecutions::default();
    becomes(&executions, ExecutionStatus::Failed, Some(PARKED));
    assert!(deliver(&executions, &change(&ORDER.to_string(), "ABORTED", None)).await);
    assert!(recoveries(&executions).is_empty());
}

#[tokio::test]
async fn a_death_that_does_not_show_yet_is_waited_for() {
    let executions = of_status(RUNNING);
    let died = change(&ORDER.to_string(), "FAILED", Some("States.Runtime"));
    assert!(!deliver(&executions, &died).await);
    assert!(recoveries(&executions).is_empty());
}

#[tokio::test]
async fn what_the_event_leaves_out_is_looked_up() {
    let executions = MemoryExecutions::default();
    let name = ORDER.to_string();
    let body = json!({
        "source": SOURCE, "detail-type": DETAIL_TYPE,
        "detail": {"name": name, "status": "FAILED", "input": null, "error": null},
    });
    assert!(!deliver(&executions, &body).await, "the execution is not visible yet");
    for (error, recovered) in [(PARKED, 0), ("States.Runtime", 1)] {
        becomes(&executions, ExecutionStatus::Failed, Some(error));
        assert!(deliver(&executions, &body).await);
        assert_eq!(recoveries(&executions).len(), recovered, "{error}");
    }
}

#[tokio::test]
async fn what_is_no_status_of_a_saga_goes_to_the_dead_letter_queue() {
    let executions = of_status(ExecutionStatus::Failed);
    let name = ORDER.to_string();
    let mut foreign = change(&name, "ABORTED", None);
    foreign["source"] = "lakeside.orders".into();
    let mut no_order = change(&name, "ABORTED", None);
    no_order["detail"]["input"] = "{}".into();
    for body in [foreign, no_order, json!({"source": SOURCE, "detail-type": DETAIL_TYPE, "detail": {}})] {
        assert!(!deliver(&executions, &body).await, "{body}");
    }
    assert!(recoveries(&executions).is_empty());
}
