//! Where an order is, or where it is stuck and why, and what to run next. Pure: everything was read before.

use lakeside_domain::order::OrderState;
use serde::Serialize;

use super::evidence::{Evidence, Lying};
use crate::{
    clock,
    consumers::Consumer,
    records::{is_final, reason, state_name},
    saga::{
        approval::REQUEST,
        history::{COMPLETION, Execution},
    },
};

/// How an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// It has ended, and nothing is owed.
    Ended,
    /// It is under way.
    Moving,
    /// It waits for a person to decide.
    Waiting,
    /// Nothing goes on by itself.
    Stuck,
    /// Nobody knows of it.
    Unknown,
}

/// What is to be said of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How it is.
    pub state: State,
    /// Where, and why.
    pub sentences: Vec<String>,
    /// What to run next, in this order.
    pub next: Vec<String>,
}

/// The queue behind a state of the saga that waits for one.
fn queue_of(state: &str) -> Option<&'static str> {
    match state {
        "ReserveStock" => Some("reserve-stock"),
        "CapturePayment" => Some("capture-payment"),
        "RefundPayment" => Some("refund-payment"),
        _ => None,
    }
}

/// Judges.
pub fn judge(evidence: &Evidence) -> Verdict {
    if evidence.is_empty() {
        return Verdict {
            state: State::Unknown,
            sentences: vec![format!(
                "nobody knows order {}: it was not accepted here, or its submission still waits",
                evidence.order_id
            )],
            next: waiting_submissions(evidence),
        };
    }
    let mut verdict = stage(evidence);
    let blamed = verdict.next.join("\n");
    for letter in &evidence.dead_letters {
        let command = redrive(evidence, letter);
        if !blamed.contains(&command) {
            verdict.sentences.push(format!(
                "a dead letter of {} is about it: {}, {}",
                letter.queue, letter.about.what, letter.reason
            ));
            verdict.next.push(command);
        }
    }
    if verdict.state == State::Ended && !evidence.dead_letters.is_empty() {
        verdict.state = State::Stuck;
    }
    verdict
}

/// Where the order is, by the furthest that it has come.
fn stage(evidence: &Evidence) -> Verdict {
    let id = evidence.order_id;
    let order = evidence.records.order.as_ref().map(|order| &order.state);
    match (evidence.last_execution(), order) {
        (Some(execution), _) if execution.runs() => running(evidence, execution),
        (Some(execution), order) if execution.is_parked() => parked(evidence, execution, order),
        (Some(execution), order) if !execution.succeeded() => died(evidence, execution, order),
        (_, Some(state)) if is_final(state) => Verdict {
            state: State::Ended,
            sentences: vec![match reason(state) {
                Some(reason) => format!("the order is {} for {reason}", state_name(state)),
                None => format!("the order is {}", state_name(state)),
            }],
            next: Vec::new(),
        },
        (Some(_), _) => behind(
            evidence,
            "advance-order",
            "the saga has ended, and the order has not heard of it".into(),
            format!("lakeside trace {id}"),
        ),
        (None, Some(_)) => behind(
            evidence,
            "start-fulfilment",
            "the order is accepted, and no saga has begun".into(),
            format!("lakeside trace {id}"),
        ),
        (None, None) => behind(
            evidence,
            "order-ingest",
            "the order is not recorded".into(),
            format!("lakeside trace {id}"),
        ),
    }
}

fn running(evidence: &Evidence, execution: &Execution) -> Verdict {
    let id = evidence.order_id;
    let Some(visit) = execution.last() else {
        return Verdict {
            state: State::Moving,
            sentences: vec!["the saga has just begun".into()],
            next: Vec::new(),
        };
    };
    let since = clock::between(visit.entered_at, evidence.now);
    if visit.state == REQUEST {
        return Verdict {
            state: State::Waiting,
            sentences: vec![format!("the saga has waited for {since} for a person to approve the order")],
            next: vec![format!("lakeside saga approve {id}"), format!("lakeside saga deny {id}")],
        };
    }
    let sentence = format!("the saga is at {} for {since}", visit.state);
    if let Some(queue) = queue_of(&visit.state) {
        return behind(evidence, queue, sentence, format!("lakeside saga show {id}"));
    }
    let mut sentences = vec![sentence];
    if let Some(last) = visit.failures.last() {
        sentences.push(format!(
            "it has failed {} times, at last with {}, and is tried again",
            visit.failures.len(),
            last.error
        ));
    }
    Verdict { state: State::Moving, sentences, next: vec![format!("lakeside saga show {id}")] }
}

fn parked(evidence: &Evidence, execution: &Execution, order: Option<&OrderState>) -> Verdict {
    let id = evidence.order_id;
    let step = execution.parked_step.as_deref().unwrap_or("a step that it does not name");
    let owed =
        execution.parked_reason.as_deref().map(|reason| format!(", owed for {reason}")).unwrap_or_default();
    let sentence = format!("the saga gave up at {step}{owed}: it could not be done through all retries");
    if step == COMPLETION {
        if order == Some(&OrderState::Fulfilled) {
            let sentences =
                vec!["the order is FULFILLED; its saga could not say so, and somebody did".into()];
            return Verdict { state: State::Ended, sentences, next: Vec::new() };
        }
        let sentences = vec![sentence, "the order is paid and labelled: only the word is missing".into()];
        return Verdict { state: State::Stuck, sentences, next: vec![format!("lakeside saga redrive {id}")] };
    }
    Verdict {
        state: State::Stuck,
        sentences: vec![
            sentence,
            "first remove the cause (docs/runbooks/saga-parked.md), then have it undone".into(),
        ],
        next: vec![format!("lakeside saga show {id}"), format!("lakeside saga compensate {id}")],
    }
}

fn died(evidence: &Evidence, execution: &Execution, order: Option<&OrderState>) -> Verdict {
    let id = evidence.order_id;
    let at = execution.last().map(|visit| format!(" at {}", visit.state)).unwrap_or_default();
    let error = execution.error.as_deref().map(|error| format!(" ({error})")).unwrap_or_default();
    let mut sentences = vec![format!("{} ended as {}{at}{error}", execution.name, execution.status)];
    if execution.entered(COMPLETION) && order == Some(&OrderState::Fulfilled) {
        sentences.push("its word was heard: the order is FULFILLED".into());
        return Verdict { state: State::Ended, sentences, next: Vec::new() };
    }
    if !execution.is_recovery() && !execution.entered(COMPLETION) {
        sentences.push("recover-fulfilment undoes what it left behind, unless it cannot".into());
        if let Some(stopped) = of(evidence, "recover-fulfilment").and_then(stopped) {
            sentences.push(stopped.0);
            return Verdict { state: State::Stuck, sentences, next: vec![stopped.1] };
        }
    }
    Verdict {
        state: State::Stuck,
        sentences,
        next: vec![format!("lakeside saga show {id}"), format!("lakeside saga compensate {id}")],
    }
}

/// Something waits for a queue: whether its message was given up, its consumer is off, or it is only a moment.
fn behind(evidence: &Evidence, queue: &str, sentence: String, otherwise: String) -> Verdict {
    let mut sentences = vec![sentence];
    if let Some(letter) = evidence.dead_letters.iter().find(|letter| letter.queue == queue) {
        sentences.push(format!("its {} was given up by {queue}: {}", letter.about.what, letter.reason));
        return Verdict { state: State::Stuck, sentences, next: vec![redrive(evidence, letter)] };
    }
    let Some(consumer) = of(evidence, queue) else {
        return Verdict { state: State::Moving, sentences, next: vec![otherwise] };
    };
    if let Some((sentence, command)) = stopped(consumer) {
        sentences.push(sentence);
        return Verdict { state: State::Stuck, sentences, next: vec![command] };
    }
    sentences.push(format!(
        "{queue} listens; {} messages wait, {} are being handled",
        consumer.waiting, consumer.in_flight
    ));
    Verdict { state: State::Moving, sentences, next: vec![otherwise] }
}

fn of<'a>(evidence: &'a Evidence, queue: &str) -> Option<&'a Consumer> {
    evidence.consumers.iter().find(|consumer| consumer.queue == queue)
}

/// What to say and do of a consumer that does not listen.
fn stopped(consumer: &Consumer) -> Option<(String, String)> {
    if consumer.listens() {
        return None;
    }
    let Consumer { queue, function, waiting, mapping, .. } = consumer;
    let state = mapping.as_deref().unwrap_or("not there");
    let sentence = format!(
        "{function} does not listen to {queue} (its mapping is {state}), where {waiting} messages wait"
    );
    let command = consumer.mapping_id.as_ref().map_or_else(
        || "apply the squad's Terraform: the mapping is gone".to_owned(),
        |id| format!("aws lambda update-event-source-mapping --uuid {id} --enabled"),
    );
    Some((sentence, command))
}

fn redrive(evidence: &Evidence, letter: &Lying) -> String {
    format!("lakeside dlq redrive {} --order {}", letter.queue, evidence.order_id)
}

fn waiting_submissions(evidence: &Evidence) -> Vec<String> {
    of(evidence, "order-ingest").and_then(stopped).map(|(_, command)| command).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use lakeside_domain::ids::{OrderId, ReasonCode};

    use super::*;
    use crate::{
        clock::of_millis,
        dead_letters::letter::About,
        records::{OrderItem, Records},
        saga::history::{PARKED, tests::execution},
    };

    const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    fn evidence(state: Option<OrderState>, executions: Vec<Execution>) -> Evidence {
        let order = state.map(|state| OrderItem { state, order: None, cancellation_requested_at: None });
        Evidence {
            order_id: OrderId::parse(ID).unwrap(),
            records: Records { order, ..Records::default() },
            executions,
            dead_letters: Vec::new(),
            consumers: Vec::new(),
            logs: Vec::new(),
            now: of_millis(600_000),
        }
    }

    fn lying(queue: &str, what: &str) -> Lying {
        Lying {
            queue: queue.into(),
            id: "1".into(),
            sent_at: of_millis(0),
            about: About { what: what.into(), order_id: OrderId::parse(ID).ok() },
            reason: "the processor says no".into(),
        }
    }

    fn consumer(queue: &str, mapping: Option<&str>) -> Consumer {
        Consumer {
            queue: queue.into(),
            function: format!("test-{queue}"),
            waiting: 7,
            in_flight: 0,
            mapping: mapping.map(Into::into),
            mapping_id: mapping.map(|_| "uuid-1".into()),
        }
    }

    fn cancelled() -> OrderState {
        OrderState::Cancelled { reason: ReasonCode::parse("PAYMENT_DECLINED").unwrap() }
    }

    #[test]
    fn an_order_that_ended_needs_nobody_unless_a_dead_letter_is_left() {
        let done = execution(ID, "SUCCEEDED", &["ReserveStock", "Fulfilled"]);
        let mut ended = evidence(Some(OrderState::Fulfilled), vec![done]);
        let verdict = judge(&ended);
        assert_eq!((verdict.state, verdict.next), (State::Ended, vec![]));
        ended.dead_letters.push(lying("order-status", "OrderFulfilled"));
        let verdict = judge(&ended);
        assert_eq!(verdict.state, State::Stuck);
        assert_eq!(verdict.next, [format!("lakeside dlq redrive order-status --order {ID}")]);
    }

    #[test]
    fn a_cancelled_order_says_why() {
        let done = execution(ID, "SUCCEEDED", &["ReserveStock", "CapturePayment", "ReleaseStock"]);
        let verdict = judge(&evidence(Some(cancelled()), vec![done]));
        assert_eq!(verdict.sentences, ["the order is CANCELLED for PAYMENT_DECLINED"]);
    }

    #[test]
    fn an_order_that_waits_for_a_person_names_both_decisions() {
        let waiting = execution(ID, "RUNNING", &["ReserveStock", "RequestApproval"]);
        let verdict = judge(&evidence(Some(OrderState::Created), vec![waiting]));
        assert_eq!(verdict.state, State::Waiting);
        assert_eq!(verdict.next, [format!("lakeside saga approve {ID}"), format!("lakeside saga deny {ID}")]);
    }

    #[test]
    fn a_saga_that_waits_for_a_given_up_command_is_stuck_there() {
        let paying = execution(ID, "RUNNING", &["ReserveStock", "CapturePayment"]);
        let mut evidence = evidence(Some(OrderState::Created), vec![paying]);
        evidence.dead_letters.push(lying("capture-payment", "CapturePayment"));
        let verdict = judge(&evidence);
        assert_eq!(verdict.state, State::Stuck);
        assert_eq!(verdict.next, [format!("lakeside dlq redrive capture-payment --order {ID}")]);
        assert!(verdict.sentences[1].contains("the processor says no"));
    }

    #[test]
    fn a_saga_whose_consumer_is_off_is_stuck_and_one_that_is_only_slow_is_not() {
        let paying = || execution(ID, "RUNNING", &["ReserveStock", "CapturePayment"]);
        let mut off = evidence(Some(OrderState::Created), vec![paying()]);
        off.consumers.push(consumer("capture-payment", Some("Disabled")));
        let verdict = judge(&off);
        assert_eq!(verdict.state, State::Stuck);
        assert_eq!(verdict.next, ["aws lambda update-event-source-mapping --uuid uuid-1 --enabled"]);
        let mut slow = evidence(Some(OrderState::Created), vec![paying()]);
        slow.consumers.push(consumer("capture-payment", Some("Enabled")));
        assert_eq!(judge(&slow).state, State::Moving);
        slow.consumers[0].mapping = None;
        assert_eq!(judge(&slow).state, State::Stuck);
    }

    #[test]
    fn an_accepted_order_without_a_saga_looks_at_who_should_start_one() {
        let mut accepted = evidence(Some(OrderState::Created), vec![]);
        accepted.consumers.push(consumer("start-fulfilment", Some("Disabling")));
        assert_eq!(judge(&accepted).state, State::Stuck);
        accepted.consumers.clear();
        accepted.dead_letters.push(lying("start-fulfilment", "OrderCreated"));
        assert_eq!(judge(&accepted).next, [format!("lakeside dlq redrive start-fulfilment --order {ID}")]);
    }

    #[test]
    fn a_parked_saga_is_undone_but_a_paid_and_labelled_order_is_completed() {
        let parked = |step: &str| Execution {
            error: Some(PARKED.into()),
            parked_step: Some(step.into()),
            ..execution(ID, "FAILED", &["ReserveStock", COMPLETION])
        };
        let verdict = judge(&evidence(Some(OrderState::Confirmed), vec![parked("RefundPayment")]));
        assert!(verdict.next.contains(&format!("lakeside saga compensate {ID}")));
        let verdict = judge(&evidence(Some(OrderState::Confirmed), vec![parked(COMPLETION)]));
        assert_eq!(verdict.next, [format!("lakeside saga redrive {ID}")]);
        let verdict = judge(&evidence(Some(OrderState::Fulfilled), vec![parked(COMPLETION)]));
        assert_eq!(verdict.state, State::Ended);
    }

    #[test]
    fn a_saga_that_died_is_recovered_or_its_recovery_is_looked_for() {
        let died = || execution(ID, "ABORTED", &["ReserveStock"]);
        let verdict = judge(&evidence(Some(OrderState::Created), vec![died()]));
        assert_eq!(verdict.state, State::Stuck);
        assert!(verdict.next.contains(&format!("lakeside saga compensate {ID}")));
        let recovery = execution(&format!("recover-{ID}"), "SUCCEEDED", &["VoidLabels", "ReleaseStock"]);
        let verdict = judge(&evidence(Some(cancelled()), vec![died(), recovery]));
        assert_eq!(verdict.state, State::Ended);
    }

    #[test]
    fn an_order_that_nobody_knows_is_no_fault_of_the_order() {
        assert_eq!(judge(&evidence(None, vec![])).state, State::Unknown);
    }

    #[test]
    fn a_saga_that_ended_before_its_order_did_looks_at_who_should_tell_it() {
        let done = execution(ID, "SUCCEEDED", &["ReserveStock", "Fulfilled"]);
        let mut late = evidence(Some(OrderState::Confirmed), vec![done]);
        late.consumers.push(consumer("advance-order", Some("Disabled")));
        assert_eq!(judge(&late).state, State::Stuck);
    }
}
