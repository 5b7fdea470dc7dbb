//! The evaluation of alarms, against the examples of CloudWatch's own documentation, and what a probe finds.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use lakeside_alarms::{Alarm, Missing, Series, State, of_description, of_plan, probe};
use serde_json::{Value, json};

/// An alarm of one metric that breaches above zero.
fn alarm(breaching: usize, missing: Missing) -> Alarm {
    let described = json!({
        "AlarmName": "lakeside-a-behind", "Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage",
        "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": breaching,
        "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "Dimensions": [{ "Name": "QueueName", "Value": "lakeside-a" }],
    });
    Alarm { missing, ..of_description(&described).unwrap() }
}

/// Datapoints as the documentation draws them: `0` is good, `X` is bad, `-` is missing; the newest is the last.
fn series(drawn: &str) -> Series {
    let points = drawn.split(' ').map(|point| match point {
        "0" => Some(0.0),
        "X" => Some(1.0),
        _ => None,
    });
    [("metric".to_owned(), points.collect())].into()
}

/// The state by every way to treat what is missing, for an alarm that was OK and one that rang; nothing where it stays.
fn states(breaching: usize, drawn: &str) -> [Option<State>; 4] {
    [Missing::Missing, Missing::Ignore, Missing::Breaching, Missing::NotBreaching].map(|missing| {
        let alarm = alarm(breaching, missing);
        let from = |before| alarm.state(&series(drawn), before);
        (from(State::Ok) == from(State::Alarm)).then(|| from(State::Ok))
    })
}

const OK: Option<State> = Some(State::Ok);
const ALARM: Option<State> = Some(State::Alarm);
const UNKNOWN: Option<State> = Some(State::InsufficientData);
const STAYS: Option<State> = None;

#[test]
fn three_of_three_are_judged_as_documented() {
    for (drawn, expected) in [
        ("0 - X - X", [OK, OK, OK, OK]),
        ("0 - - - -", [OK, OK, OK, OK]),
        ("- - - - -", [UNKNOWN, STAYS, ALARM, OK]),
        ("0 X X - X", [ALARM, ALARM, ALARM, ALARM]),
        ("- - X - -", [ALARM, STAYS, ALARM, OK]),
    ] {
        assert_eq!(states(3, drawn), expected, "{drawn}");
    }
}

#[test]
fn two_of_three_are_judged_as_documented() {
    for (drawn, expected) in [
        ("0 - X - X", [ALARM, ALARM, ALARM, ALARM]),
        ("0 0 X 0 X", [ALARM, ALARM, ALARM, ALARM]),
        ("0 - X - -", [OK, OK, ALARM, OK]),
        ("- - - - 0", [OK, OK, ALARM, OK]),
        ("- - - X -", [ALARM, STAYS, ALARM, OK]),
    ] {
        assert_eq!(states(2, drawn), expected, "{drawn}");
    }
}

#[test]
fn what_dynamodb_does_not_say_changes_nothing_whatever_the_alarm_was_told() {
    let mut alarm = alarm(3, Missing::NotBreaching);
    alarm.metrics.values_mut().for_each(|metric| "AWS/DynamoDB".clone_into(&mut metric.namespace));
    assert_eq!(alarm.state(&series("- - - - -"), State::Alarm), State::Alarm);
    assert!(probe(&alarm).unwrap_err().to_string().contains("when there is no data"));
}

/// A plan with an alarm on a share, as module alarms makes it.
fn share(expression: &str, missing: &str) -> Value {
    let metric = |name: &str| {
        json!([{ "namespace": "AWS/Lambda", "metric_name": name, "stat": "Sum", "period": 60,
            "dimensions": { "FunctionName": "lakeside-order-ingest" } }])
    };
    json!({ "resource_changes": [{ "type": "aws_cloudwatch_metric_alarm", "change": { "after": {
        "alarm_name": "lakeside-order-ingest-errors", "alarm_description": "It fails.", "threshold": 5,
        "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 3, "datapoints_to_alarm": 2,
        "treat_missing_data": missing, "period": null, "alarm_actions": ["arn:aws:sns:eu-central-1:1:lakeside-alarms"],
        "metric_query": [
            { "id": "watched", "expression": expression, "metric": [] },
            { "id": "errors", "expression": null, "metric": metric("Errors") },
            { "id": "invocations", "expression": null, "metric": metric("Invocations") },
        ] } } }] })
}

const SHARE: &str = "IF(invocations > 0, 100 * errors / invocations, 0)";

fn minutes(values: &[(f64, f64)]) -> Series {
    let of = |pick: fn(&(f64, f64)) -> f64| values.iter().map(|value| Some(pick(value))).collect();
    [("errors".to_owned(), of(|value| value.0)), ("invocations".to_owned(), of(|value| value.1))].into()
}

#[test]
fn one_failure_of_a_quiet_night_is_borne_and_a_storm_in_the_morning_is_not() {
    let alarm = of_plan(&share(SHARE, "notBreaching")).unwrap().remove(0);
    let state = |values: &[(f64, f64)]| alarm.state(&minutes(values), State::Ok);
    assert_eq!(state(&[(0.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (0.0, 1.0)]), State::Ok);
    assert_eq!(state(&[(0.0, 900.0), (9.0, 900.0), (12.0, 900.0), (10.0, 900.0), (8.0, 900.0)]), State::Ok);
    assert_eq!(
        state(&[(0.0, 900.0), (0.0, 900.0), (0.0, 900.0), (90.0, 900.0), (300.0, 900.0)]),
        State::Alarm
    );
    assert_eq!(state(&[(0.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0), (1.0, 1.0)]), State::Alarm);
    assert_eq!(alarm.state(&Series::new(), State::Alarm), State::Ok);
}

#[test]
fn an_alarm_that_can_ring_passes() {
    for alarm in of_plan(&share(SHARE, "notBreaching")).unwrap() {
        probe(&alarm).unwrap();
    }
    probe(&alarm(2, Missing::Breaching)).unwrap();
    let filled = share("FILL(errors, 0) + FILL(invocations, 0)", "notBreaching");
    probe(&of_plan(&filled).unwrap().remove(0)).unwrap();
}

#[test]
fn an_alarm_that_cannot_ring_is_found() {
    let never = of_plan(&share("IF(invocations < 0, errors, 0) + 0 * invocations", "notBreaching"))
        .unwrap()
        .remove(0);
    assert!(probe(&never).unwrap_err().to_string().contains("always rings or never does"));
    let typo = of_plan(&share("errors / invocation", "notBreaching")).unwrap().remove(0);
    assert!(probe(&typo).unwrap_err().to_string().contains("does not have: invocation"));
    let silent = of_plan(&share(SHARE, "missing")).unwrap().remove(0);
    assert!(probe(&silent).unwrap_err().to_string().contains("tells nobody anything"));
}

#[test]
fn what_is_not_known_here_is_refused() {
    for expression in
        ["SEARCH(errors)", "errors % invocations", "errors +", "IF(errors)", "(errors", "errors errors"]
    {
        assert!(of_plan(&share(expression, "notBreaching")).is_err(), "{expression}");
    }
    assert!(of_plan(&json!({})).is_err());
    assert!(of_description(&json!({ "AlarmName": "a", "MetricName": null })).is_err());
}

/// How many executions failed in it, and how many of them were said to be parked, if any.
type Minute = (Option<f64>, Option<f64>);

/// What becomes of a saga that failed without having been parked, as fulfilment's Terraform has it.
const DIED: &str = "executions - FILL(parked, 0)";

#[test]
fn one_saga_that_dies_is_heard_however_many_are_parked_and_one_that_is_parked_is_not_taken_for_it() {
    let terraform = include_str!("../../../squad-modules/fulfilment/alarms.tf");
    assert!(terraform.contains(&format!("expression = \"{DIED}\"")), "this is about another expression");
    let metric = |name: &str| json!([{ "namespace": "Lakeside", "metric_name": name, "stat": "Sum", "period": 60, "dimensions": {} }]);
    let plan = json!({ "resource_changes": [{ "type": "aws_cloudwatch_metric_alarm", "change": { "after": {
        "alarm_name": "lakeside-order-fulfilment-ExecutionsFailed", "alarm_description": "One died.",
        "threshold": 0, "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 1,
        "treat_missing_data": "notBreaching", "period": null,
        "alarm_actions": ["arn:aws:sns:eu-central-1:1:lakeside-alarms"],
        "metric_query": [
            { "id": "watched", "expression": DIED, "metric": [] },
            { "id": "executions", "expression": null, "metric": metric("ExecutionsFailed") },
            { "id": "parked", "expression": null, "metric": metric("SagasParked") },
        ] } } }] });
    let alarm = of_plan(&plan).unwrap().remove(0);
    let state = |minutes: [Minute; 3]| {
        let of = |pick: fn(&Minute) -> Option<f64>| minutes.iter().map(pick).collect();
        let series = [("executions".to_owned(), of(|m| m.0)), ("parked".to_owned(), of(|m| m.1))].into();
        alarm.state(&series, State::Ok)
    };
    let (none, one, two) = (None, Some(1.0), Some(2.0));
    assert_eq!(state([(none, none), (none, none), (one, none)]), State::Alarm, "it died");
    assert_eq!(state([(none, none), (none, none), (one, one)]), State::Ok, "it was parked");
    assert_eq!(state([(none, none), (none, none), (two, one)]), State::Alarm, "one was, the other died");
    assert_eq!(
        state([(none, none), (one, one), (one, none)]),
        State::Alarm,
        "one was, and one died after it"
    );
    // Said just before the full minute: it rings a minute later, so who died beside it is not unheard.
    assert_eq!(state([(none, none), (none, one), (one, none)]), State::Alarm);
    assert_eq!(state([(one, none), (one, none), (Some(0.0), none)]), State::Ok, "it ends");
}
