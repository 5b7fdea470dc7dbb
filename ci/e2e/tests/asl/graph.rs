//! Rules that hold on every way through the definition, and proof that each of them can fail.

use std::{collections::BTreeSet, panic};

use lakeside_domain::{
    order::CANCELLED_BY_CUSTOMER,
    saga::{Compensation, STEPS, owed_compensations},
};
use lakeside_e2e::asl::{Definition, Exit, Leg, list, variables_read};
use serde_json::{Value, json};

use crate::{
    FAILED, PARKED, PLACEHOLDERS, compensations, is_compensation, is_step, kind, last_step, patience, tasks,
    waits_for_token, words,
};

/// Makes each rule a test of the committed definition.
macro_rules! rules {
    ($($rule:ident),+ $(,)?) => {
        mod the_definition {
            $(#[test]
            fn $rule() {
                super::$rule(&super::Definition::load().unwrap());
            })+
        }
    };
}

rules! {
    states_and_the_domains_table_match,
    steps_run_in_the_tables_order_and_only_the_approval_may_be_skipped,
    every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    a_compensation_that_fails_is_parked_and_parking_always_ends_in_the_alarming_failure,
    every_state_is_reached,
    every_way_knows_why_before_it_says_so_and_reads_only_what_was_assigned,
    every_task_is_bounded_and_every_wait_for_a_token_has_a_shorter_heartbeat,
    every_task_and_map_catches_everything_that_can_be_caught,
    no_retry_names_an_error_that_could_be_a_refusal,
    retries_back_off_with_full_jitter_up_to_a_limit_and_compensations_try_longer,
    every_gate_ends_a_cancelled_order_for_that_reason_and_no_other_way_does,
}

#[test]
fn placeholders_are_the_agreed_ones_and_every_one_is_used() {
    let text = Definition::text().unwrap();
    assert!(!text.contains("%{"), "`%{{` would be a directive of Terraform's templates");
    let used: BTreeSet<&str> = text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(used, BTreeSet::from(PLACEHOLDERS));
    assert_eq!(Definition::load().unwrap().json()["QueryLanguage"], "JSONata");
}

fn states_and_the_domains_table_match(definition: &Definition) {
    let working: BTreeSet<&str> = definition
        .states()
        .filter(|(_, state)| matches!(kind(state), "Task" | "Map"))
        .map(|(name, _)| name)
        .collect();
    let mut expected: BTreeSet<&str> = STEPS.iter().map(|step| step.name).collect();
    for step in STEPS {
        match step.compensation {
            Compensation::Step(name) => {
                assert!(expected.insert(name), "`{name}` stands for two things");
            }
            Compensation::None { because } => assert!(!because.is_empty(), "{}", step.name),
        }
    }
    expected.extend([FAILED, PARKED]);
    assert_eq!(working, expected);
}

fn steps_run_in_the_tables_order_and_only_the_approval_may_be_skipped(definition: &Definition) {
    let mut fulfilling = 0;
    for way in definition.ways().unwrap() {
        if way.last().unwrap().state != "Fulfilled" {
            continue;
        }
        fulfilling += 1;
        let run: Vec<&str> = way.iter().map(|leg| leg.state).filter(|state| is_step(state)).collect();
        let wanted: Vec<&str> = STEPS
            .iter()
            .map(|step| step.name)
            .filter(|name| *name != "RequestApproval" || run.contains(name))
            .collect();
        assert_eq!(run, wanted);
        assert!(way.iter().all(|leg| !is_compensation(leg.state)));
        assert!(way.iter().all(|leg| !matches!(leg.exit, Exit::Catch(_))), "{way:?}");
    }
    assert_eq!(fulfilling, 2, "with and without approval");
}

/// What must be undone on a way, from the leg on which it turned away from being fulfilled.
fn owed(definition: &Definition, way: &[Leg<'_>], turn: usize) -> Vec<&'static str> {
    let Some(begun) = way[..=turn].iter().rev().find(|leg| is_step(leg.state)) else {
        // A recovery does not know what had begun.
        return compensations();
    };
    if begun.state == last_step() {
        // It may have been said that the order is fulfilled: that is never undone.
        return Vec::new();
    }
    let mut owed = owed_compensations(begun.state);
    let understood = matches!(way[turn].exit, Exit::Rule(_));
    let atomic = kind(definition.state(begun.state).unwrap()) == "Task";
    let own = STEPS.iter().find(|step| step.name == begun.state).unwrap().compensation;
    if let Compensation::Step(own) = own
        && understood
        && atomic
    {
        // Refused as a whole, so there is nothing of its own to undo.
        assert_eq!(owed.remove(0), own);
    }
    owed
}

fn every_way_out_undoes_what_is_owed_in_reverse_or_is_parked(definition: &Definition) {
    let mut turns: BTreeSet<(Leg<'_>, &str)> = BTreeSet::new();
    for way in definition.ways().unwrap() {
        let end = way.last().unwrap().state;
        let back = |leg: &Leg<'_>| is_compensation(leg.state) || [FAILED, PARKED].contains(&leg.state);
        let Some(first) = way.iter().position(back) else {
            assert_eq!(end, "Fulfilled", "{way:?}");
            continue;
        };
        let turn = first.checked_sub(1).unwrap();
        turns.insert((way[turn], way[first].state));

        let mut wanted = owed(definition, &way, turn);
        if way[turn].state != last_step() {
            wanted.push(FAILED);
        }
        let tried: Vec<&Leg<'_>> =
            way[first..].iter().take_while(|leg| ![PARKED, "Compensated"].contains(&leg.state)).collect();
        let names: Vec<&str> = tried.iter().map(|leg| leg.state).collect();
        let done = tried.iter().take_while(|leg| leg.exit == Exit::Next).count();
        match end {
            "Compensated" => assert!(names == wanted && done == tried.len(), "{wanted:?} is owed on {way:?}"),
            "Parked" => {
                assert!(wanted.starts_with(&names), "{wanted:?} is owed on {way:?}");
                // Only what fails is parked, and what fails is parked at once.
                assert_eq!(done, tried.len().saturating_sub(1), "{way:?}");
                assert!(!tried.is_empty() || wanted.is_empty(), "{way:?}");
                assert_eq!(way[first + tried.len()].state, PARKED, "{way:?}");
            }
            other => panic!("`{other}` is no end after {way:?}"),
        }
    }
    for step in STEPS {
        let caught =
            |(leg, _): &(Leg<'_>, &str)| leg.state == step.name && matches!(leg.exit, Exit::Catch(_));
        assert!(turns.iter().any(caught), "no catcher of `{}` was seen", step.name);
    }
    let recovery = Leg { state: "Start", exit: Exit::Rule(0) };
    assert!(turns.contains(&(recovery, compensations()[0])), "a recovery must undo everything");
}

fn a_compensation_that_fails_is_parked_and_parking_always_ends_in_the_alarming_failure(
    definition: &Definition,
) {
    for name in compensations().into_iter().chain([FAILED, last_step()]) {
        for (exit, to) in definition.exits(name).unwrap() {
            if let Exit::Catch(_) = exit {
                assert_eq!(to, Some(PARKED), "{name}");
            }
        }
    }
    let ends: BTreeSet<_> = definition.exits(PARKED).unwrap().into_iter().map(|(_, to)| to).collect();
    assert_eq!(ends, BTreeSet::from([Some("Parked")]));
    let parked = definition.state("Parked").unwrap();
    assert_eq!((kind(parked), &parked["Error"]), ("Fail", &json!("FulfilmentParked")));
}

fn every_state_is_reached(definition: &Definition) {
    let reached: BTreeSet<&str> =
        definition.ways().unwrap().into_iter().flatten().map(|leg| leg.state).collect();
    let outer: BTreeSet<&str> = definition.states().map(|(name, _)| name).collect();
    assert_eq!(reached, outer);
    for (name, state) in definition.states() {
        let Some(inner) = state.get("ItemProcessor") else { continue };
        let states = inner["States"].as_object().unwrap();
        let named: BTreeSet<&str> = std::iter::once(&inner["StartAt"])
            .chain(states.values().filter_map(|state| state.get("Next")))
            .chain(states.values().flat_map(|state| list(state, "Catch")).map(|catcher| &catcher["Next"]))
            .map(|name| name.as_str().unwrap())
            .collect();
        assert_eq!(named, states.keys().map(String::as_str).collect(), "inside of `{name}`");
    }
}

fn every_way_knows_why_before_it_says_so_and_reads_only_what_was_assigned(definition: &Definition) {
    let reason = |text: &str| {
        text.len() <= 40 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    for way in definition.ways().unwrap() {
        let mut assigned: BTreeSet<String> = BTreeSet::new();
        for leg in &way {
            let state = definition.state(leg.state).unwrap();
            let read = variables_read(state);
            assert!(read.is_subset(&assigned), "{} reads {read:?} of {assigned:?} on {way:?}", leg.state);
            let Some(assign) = definition.assigned(*leg) else { continue };
            assigned.extend(assign.as_object().unwrap().keys().cloned());
            let Some(failure) = assign.get("failure") else { continue };
            let step = failure["step"].as_str().unwrap();
            let told = failure["reason"].as_str().unwrap();
            assert!(is_step(step) || is_compensation(step) || [FAILED, "Recovery"].contains(&step), "{step}");
            assert!(reason(told) || told == "{% $failure.reason %}", "{told}");
        }
    }
}

fn every_task_is_bounded_and_every_wait_for_a_token_has_a_shorter_heartbeat(definition: &Definition) {
    for (name, task) in tasks(definition) {
        let timeout = task["TimeoutSeconds"].as_u64().unwrap_or_else(|| panic!("`{name}` has no timeout"));
        if waits_for_token(task) {
            let heartbeat =
                task["HeartbeatSeconds"].as_u64().unwrap_or_else(|| panic!("`{name}`: no heartbeat"));
            assert!(heartbeat > 0 && heartbeat < timeout, "{name}");
            let arguments = task["Arguments"].to_string();
            assert!(arguments.contains("$states.context.Task.Token"), "`{name}` hands out no token");
        } else {
            assert!(task.get("HeartbeatSeconds").is_none(), "nobody could send heartbeats for `{name}`");
        }
    }
}

fn every_task_and_map_catches_everything_that_can_be_caught(definition: &Definition) {
    for (name, state) in definition.all_states() {
        if !matches!(kind(state), "Task" | "Map") {
            continue;
        }
        let last = list(state, "Catch").last().unwrap_or_else(|| panic!("`{name}` catches nothing"));
        assert_eq!(last["ErrorEquals"], json!(["States.ALL"]), "{name}");
        for catcher in list(state, "Catch") {
            assert_eq!(catcher["Output"], json!({}), "`{name}` would pass on the text of an error");
        }
    }
}

/// Errors that say nothing about the order, by the service that a task calls.
fn infrastructure(resource: &str) -> &'static [&'static str] {
    if resource.contains(":lambda:") {
        &[
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
            "Lakeside.Retry",
            "Lambda.Unknown",
            "Sandbox.Timedout",
            "States.Timeout",
        ]
    } else if resource.contains(":sqs:") {
        &[
            "SQS.SdkClientException",
            "SQS.AmazonSQSException",
            "SQS.RequestThrottledException",
            "SQS.KmsThrottledException",
        ]
    } else {
        &[
            "DynamoDb.ProvisionedThroughputExceededException",
            "DynamoDb.RequestLimitExceededException",
            "DynamoDb.ThrottlingException",
            "DynamoDb.InternalServerErrorException",
            "DynamoDb.SdkClientException",
        ]
    }
}

fn no_retry_names_an_error_that_could_be_a_refusal(definition: &Definition) {
    for (name, task) in tasks(definition) {
        // These have nothing to refuse, so there is no refusal that a retry could repeat.
        let cannot_refuse = is_compensation(name) || [FAILED, PARKED, last_step()].contains(&name);
        let retried: Vec<&str> =
            list(task, "Retry").flat_map(|retrier| words(&retrier["ErrorEquals"])).collect();
        if cannot_refuse {
            assert_eq!(retried.last(), Some(&"States.ALL"), "`{name}` gives up too early");
        } else {
            let known = infrastructure(task["Resource"].as_str().unwrap());
            assert!(!retried.is_empty(), "`{name}` retries nothing");
            assert!(retried.iter().all(|error| known.contains(error)), "`{name}` retries {retried:?}");
        }
    }
    // The Map's tasks retry; the Map itself would repeat labels that were made.
    assert!(definition.state("CreateLabels").unwrap().get("Retry").is_none());
}

fn retries_back_off_with_full_jitter_up_to_a_limit_and_compensations_try_longer(definition: &Definition) {
    let (mut forward, mut backward): (f64, f64) = (0.0, f64::MAX);
    for (name, task) in tasks(definition) {
        let mut longest: f64 = 0.0;
        for retrier in list(task, "Retry") {
            assert_eq!(retrier["JitterStrategy"], "FULL", "{name}");
            assert!(retrier["BackoffRate"].as_f64().unwrap() > 1.0, "{name}");
            assert!(retrier["MaxDelaySeconds"].as_f64() > retrier["IntervalSeconds"].as_f64(), "{name}");
            longest = longest.max(patience(retrier));
        }
        if is_compensation(name) || [FAILED, PARKED, last_step()].contains(&name) {
            backward = backward.min(longest);
        } else {
            forward = forward.max(longest);
        }
    }
    assert!(backward > 10.0 * forward, "compensations give up after {backward} s, steps after {forward} s");
}

/// What a customer's cancellation closes, and where the saga hears of it: a choice's condition, or an error.
const GATES: [(&str, &str, &str); 4] = [
    ("RequestApproval", "RequestApproval", "DynamoDb.ConditionalCheckFailedException"),
    ("RequestApproval", "Approved?", "{% $states.input.decision = 'CANCELLED' %}"),
    ("CapturePayment", "PaymentCaptured?", "{% $states.input.outcome = 'CANCELLED' %}"),
    ("CreateLabels", "LabelsCreated?", "{% $count($states.input[outcome = 'CANCELLED']) > 0 %}"),
];

fn every_gate_ends_a_cancelled_order_for_that_reason_and_no_other_way_does(definition: &Definition) {
    let mut told = BTreeSet::new();
    for way in definition.ways().unwrap() {
        for leg in &way {
            let failure = definition.assigned(*leg).and_then(|assigned| assigned.get("failure"));
            let Some(failure) = failure.filter(|failure| failure["reason"] == CANCELLED_BY_CUSTOMER) else {
                continue;
            };
            let state = definition.state(leg.state).unwrap();
            let heard = match leg.exit {
                Exit::Rule(index) => state["Choices"][index]["Condition"].as_str().unwrap(),
                Exit::Catch(index) => words(&state["Catch"][index]["ErrorEquals"]).first().copied().unwrap(),
                _ => panic!("{leg:?} is taken whatever is heard"),
            };
            told.insert((failure["step"].as_str().unwrap(), leg.state, heard));
            assert!(way.iter().all(|leg| leg.state != "Fulfilled"), "{way:?}");
        }
    }
    assert_eq!(told, BTreeSet::from(GATES));
    // The item says CANCELLED once `cancel-fulfilment` has closed it.
    let request = &definition.state("RequestApproval").unwrap()["Arguments"];
    assert_eq!(request["ConditionExpression"], "attribute_not_exists(pk) OR #status <> :cancelled");
    assert_eq!(request["ExpressionAttributeNames"], json!({ "#status": "status" }));
    assert_eq!(request["ExpressionAttributeValues"], json!({ ":cancelled": { "S": "CANCELLED" } }));
}

/// A mistake somebody could make, and the rule that must object.
struct Plant {
    what: &'static str,
    make: fn(&mut Value),
    objects: fn(&Definition),
}

fn state<'a>(definition: &'a mut Value, name: &str) -> &'a mut Value {
    &mut definition["States"][name]
}

const PLANTS: &[Plant] = &[
    Plant {
        what: "an unknown allocation is not released",
        make: |d| state(d, "AllocateStock")["Catch"][0]["Next"] = json!("RefundPayment"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "an unknown charge is not refunded",
        make: |d| state(d, "CapturePayment")["Catch"][0]["Next"] = json!("ReleaseStock"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "an answer that is not understood counts as a decline",
        make: |d| state(d, "PaymentCaptured?")["Default"] = json!("ReleaseStock"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "a decline keeps the stock",
        make: |d| state(d, "PaymentCaptured?")["Choices"][1]["Next"] = json!("PublishFailed"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "a refused label leaves the other labels valid",
        make: |d| state(d, "LabelsCreated?")["Choices"][1]["Next"] = json!("ReleaseAllocation"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "an order that its customer cancelled before it was paid keeps the stock",
        make: |d| state(d, "PaymentCaptured?")["Choices"][2]["Next"] = json!("PublishFailed"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "an order that its customer cancelled while it waits for approval keeps the stock",
        make: |d| state(d, "Approved?")["Choices"][1]["Next"] = json!("PublishFailed"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "an order that its customer cancelled leaves the labels that it has",
        make: |d| state(d, "LabelsCreated?")["Choices"][2]["Next"] = json!("ReleaseAllocation"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "an order that its customer cancelled is paid all the same",
        make: |d| state(d, "PaymentCaptured?")["Choices"][2]["Next"] = json!("AllocateStock"),
        objects: every_gate_ends_a_cancelled_order_for_that_reason_and_no_other_way_does,
    },
    Plant {
        what: "a declined order is taken for one that its customer cancelled",
        make: |d| {
            let because = &mut state(d, "PaymentCaptured?")["Choices"][1]["Assign"]["failure"];
            because["reason"] = json!("CANCELLED_BY_CUSTOMER");
        },
        objects: every_gate_ends_a_cancelled_order_for_that_reason_and_no_other_way_does,
    },
    Plant {
        what: "a cancelled approval is asked for again",
        make: |d| {
            state(d, "RequestApproval")["Catch"].as_array_mut().unwrap().remove(0);
        },
        objects: every_gate_ends_a_cancelled_order_for_that_reason_and_no_other_way_does,
    },
    Plant {
        what: "a request for approval overwrites its cancellation",
        make: |d| {
            let arguments = state(d, "RequestApproval")["Arguments"].as_object_mut().unwrap();
            arguments.remove("ConditionExpression");
        },
        objects: every_gate_ends_a_cancelled_order_for_that_reason_and_no_other_way_does,
    },
    Plant {
        what: "a refund is skipped",
        make: |d| state(d, "ReleaseAllocation")["Next"] = json!("ReleaseStock"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "a refund that fails is passed over",
        make: |d| state(d, "RefundPayment")["Catch"][0]["Next"] = json!("ReleaseStock"),
        objects: a_compensation_that_fails_is_parked_and_parking_always_ends_in_the_alarming_failure,
    },
    Plant {
        what: "an announced order is undone",
        make: |d| state(d, "PublishCompleted")["Catch"][0]["Next"] = json!("VoidLabels"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "the recovery leaves the labels",
        make: |d| state(d, "Start")["Choices"][0]["Next"] = json!("ReleaseAllocation"),
        objects: every_way_out_undoes_what_is_owed_in_reverse_or_is_parked,
    },
    Plant {
        what: "a parked order succeeds",
        make: |d| state(d, "PublishParked")["Next"] = json!("Compensated"),
        objects: a_compensation_that_fails_is_parked_and_parking_always_ends_in_the_alarming_failure,
    },
    Plant {
        what: "a decline is retried",
        make: |d| state(d, "CapturePayment")["Retry"][0]["ErrorEquals"] = json!(["CardDeclined"]),
        objects: no_retry_names_an_error_that_could_be_a_refusal,
    },
    Plant {
        what: "anything that goes wrong with an allocation is retried",
        make: |d| state(d, "AllocateStock")["Retry"][0]["ErrorEquals"] = json!(["States.ALL"]),
        objects: no_retry_names_an_error_that_could_be_a_refusal,
    },
    Plant {
        what: "a task waits forever",
        make: |d| {
            state(d, "ReserveStock").as_object_mut().unwrap().remove("TimeoutSeconds");
        },
        objects: every_task_is_bounded_and_every_wait_for_a_token_has_a_shorter_heartbeat,
    },
    Plant {
        what: "a lost token is noticed late",
        make: |d| {
            state(d, "RefundPayment").as_object_mut().unwrap().remove("HeartbeatSeconds");
        },
        objects: every_task_is_bounded_and_every_wait_for_a_token_has_a_shorter_heartbeat,
    },
    Plant {
        what: "errors inside of the Map are not caught",
        make: |d| {
            let inner = &mut state(d, "CreateLabels")["ItemProcessor"]["States"]["CreateLabel"];
            inner.as_object_mut().unwrap().remove("Catch");
        },
        objects: every_task_and_map_catches_everything_that_can_be_caught,
    },
    Plant {
        what: "payment comes before the reservation is known",
        make: |d| state(d, "ReserveStock")["Next"] = json!("CapturePayment"),
        objects: every_state_is_reached,
    },
    Plant {
        what: "stock is allocated before it is paid",
        make: |d| {
            state(d, "ApprovalRequired?")["Choices"][0]["Next"] = json!("AllocateStock");
        },
        objects: steps_run_in_the_tables_order_and_only_the_approval_may_be_skipped,
    },
    Plant {
        what: "a step is not in the table",
        make: |d| {
            let extra = state(d, "AllocateStock").clone();
            d["States"]["ChargeAgain"] = extra;
        },
        objects: states_and_the_domains_table_match,
    },
    Plant {
        what: "a failure has no reason",
        make: |d| {
            state(d, "AllocateStock")["Catch"][0].as_object_mut().unwrap().remove("Assign");
        },
        objects: every_way_knows_why_before_it_says_so_and_reads_only_what_was_assigned,
    },
    Plant {
        what: "a compensation gives up as soon as a step does",
        make: |d| state(d, "ReleaseStock")["Retry"][0]["MaxAttempts"] = json!(3),
        objects: retries_back_off_with_full_jitter_up_to_a_limit_and_compensations_try_longer,
    },
    Plant {
        what: "retries come in step with each other",
        make: |d| state(d, "AllocateStock")["Retry"][0]["JitterStrategy"] = json!("NONE"),
        objects: retries_back_off_with_full_jitter_up_to_a_limit_and_compensations_try_longer,
    },
];

#[test]
fn every_planted_mistake_is_found() {
    for plant in PLANTS {
        let sound = Definition::load().unwrap();
        let mut wrong = sound.json().clone();
        (plant.make)(&mut wrong);
        assert_ne!(&wrong, sound.json(), "nothing was planted: {}", plant.what);
        let wrong = Definition::from(wrong);
        let objected = panic::catch_unwind(|| (plant.objects)(&wrong)).is_err();
        assert!(objected, "nobody objects when {}", plant.what);
    }
}
