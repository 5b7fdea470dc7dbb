//! `lakeside saga`: list, show, decide, and repair.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sfn::types::ExecutionStatus;
use lakeside_contracts::{
    Domain, Event, EventData as _, Metadata, SCHEMA_VERSION,
    commands::{ApprovalResult, FulfilOrder, SagaMode},
    events::FulfilmentCompleted,
};
use lakeside_domain::{events::EventId, ids::OrderId, order::OrderState};
use serde::Serialize;
use serde_json::json;

use crate::{
    arguments::{CompensateOptions, DecideOptions, SagaListOptions, SagaStatus, SagaTask},
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
    output::{Output, table},
    records::Records,
    saga::{
        drawing,
        guards::{self, Redrive},
        history::Execution,
    },
};

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, task: SagaTask) -> Result<()> {
    match task {
        SagaTask::List(options) => list(cloud, output, &options).await,
        SagaTask::Show(whose) => show(cloud, output, whose.order_id).await,
        SagaTask::Approve(options) => decide(cloud, output, &options, ApprovalResult::Approved).await,
        SagaTask::Deny(options) => decide(cloud, output, &options, ApprovalResult::Denied).await,
        SagaTask::Redrive(options) => redrive(cloud, output, &options).await,
        SagaTask::Compensate(options) => compensate(cloud, output, &options).await,
    }
}

async fn list(cloud: &Cloud, output: Output, options: &SagaListOptions) -> Result<()> {
    let failed = [SagaStatus::Failed, SagaStatus::Aborted, SagaStatus::TimedOut];
    let wanted = if options.status.is_empty() { &failed[..] } else { &options.status };
    let wanted: Vec<ExecutionStatus> = wanted.iter().map(|status| status.of_sdk()).collect();
    let listed = cloud.list_executions(&wanted, options.limit).await?;
    output.show(&listed, || {
        if listed.is_empty() {
            return "none".into();
        }
        let rows = listed.iter().map(|saga| {
            let took = clock::between(saga.started_at, saga.stopped_at.unwrap_or_else(clock::now));
            [saga.name.clone(), saga.status.clone(), saga.started_at.to_string(), took]
        });
        table(["saga", "status", "since", "for"], rows)
    })
}

impl SagaStatus {
    const fn of_sdk(self) -> ExecutionStatus {
        match self {
            Self::Running => ExecutionStatus::Running,
            Self::Succeeded => ExecutionStatus::Succeeded,
            Self::Failed => ExecutionStatus::Failed,
            Self::Aborted => ExecutionStatus::Aborted,
            Self::TimedOut => ExecutionStatus::TimedOut,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    order_id: OrderId,
    executions: &'a [Execution],
}

async fn show(cloud: &Cloud, output: Output, order_id: OrderId) -> Result<()> {
    let executions = cloud.executions_of(order_id).await?;
    if executions.is_empty() {
        return Err(Failure::not_found(format!(
            "no saga of order {order_id} is known: see `lakeside trace {order_id}`"
        )));
    }
    output.show(&Shown { order_id, executions: &executions }, || {
        drawing::draw(output, &executions, clock::now())
    })
}

async fn decide(
    cloud: &Cloud,
    output: Output,
    options: &DecideOptions,
    decision: ApprovalResult,
) -> Result<()> {
    let order_id = options.whose.order_id;
    let (records, executions) = read(cloud, order_id).await?;
    let token = guards::decide(order_id, &executions, records.approval.as_ref())?;
    let (word, then) = match decision {
        ApprovalResult::Approved => ("approved", "it is paid next"),
        ApprovalResult::Denied | ApprovalResult::Cancelled => {
            ("denied", "it is cancelled, and its stock released")
        }
    };
    let what = format!("order {order_id} is to be {word}: {then}");
    if say(output, options, &what)? {
        return Ok(());
    }
    cloud.decide(token, decision).await?;
    done(output, order_id, word)
}

async fn redrive(cloud: &Cloud, output: Output, options: &DecideOptions) -> Result<()> {
    let order_id = options.whose.order_id;
    let (records, executions) = read(cloud, order_id).await?;
    match guards::redrive(order_id, &executions, state(&records))? {
        Redrive::SayCompleted { execution } => {
            let what = format!(
                "the completion of order {order_id} is to be said, under the id that the saga had for it"
            );
            if say(output, options, &what)? {
                return Ok(());
            }
            let input = cloud.execution_input(&execution).await?;
            say_completed(cloud, &input).await?;
            done(output, order_id, "completion said")
        }
        Redrive::GoOn { execution } => {
            let what = format!("the saga {execution} is to go on from the state in which it failed");
            if say(output, options, &what)? {
                return Ok(());
            }
            cloud.redrive_execution(&execution).await?;
            done(output, order_id, "going on")
        }
    }
}

async fn compensate(cloud: &Cloud, output: Output, options: &CompensateOptions) -> Result<()> {
    let order_id = options.decide.whose.order_id;
    let (records, executions) = read(cloud, order_id).await?;
    let although = options.although_completing;
    let name = guards::compensate(order_id, &executions, state(&records), although, clock::now())?;
    let what = format!(
        "{name} is to undo everything that was done for order {order_id}: labels, allocation, payment, stock; the order is cancelled"
    );
    if say(output, &options.decide, &what)? {
        return Ok(());
    }
    let first = executions.first().map(|execution| execution.name.clone()).unwrap_or_default();
    let input = cloud.execution_input(&first).await?;
    cloud.start_execution(&name, &FulfilOrder { mode: Some(SagaMode::Compensate), ..input }).await?;
    output.show(&json!({ "orderId": order_id, "started": name }), || {
        format!("{name} has begun; watch it with `lakeside saga show {order_id}`")
    })
}

async fn read(cloud: &Cloud, order_id: OrderId) -> Result<(Records, Vec<Execution>)> {
    futures::try_join!(Records::read(cloud, order_id), cloud.executions_of(order_id))
}

fn state(records: &Records) -> Option<&OrderState> {
    records.order.as_ref().map(|order| &order.state)
}

/// Says what is to be done; whether that is all that is wanted. Otherwise it must be agreed to.
fn say(output: Output, options: &DecideOptions, what: &str) -> Result<bool> {
    if options.dry_run {
        output.show(&json!({ "dryRun": true, "would": what }), || format!("dry run: {what}"))?;
        return Ok(true);
    }
    output.confirm(options.yes, what)?;
    Ok(false)
}

fn done(output: Output, order_id: OrderId, what: &str) -> Result<()> {
    output.show(&json!({ "orderId": order_id, "done": what }), || {
        format!("{what}; see `lakeside saga show {order_id}`")
    })
}

/// Says what the saga could not say: the same fact under the same id, which is one fact however often it is said.
async fn say_completed(cloud: &Cloud, input: &FulfilOrder) -> Result<()> {
    let bus = cloud.environment.platform.buses.get(Domain::Fulfilment.name());
    let bus = bus.ok_or_else(|| Failure::not_found("the platform has no bus `fulfilment`"))?;
    let event = completed(input, clock::now());
    let detail = serde_json::to_string(&event)
        .map_err(|error| Failure::wrong(format!("the completion has no JSON form: {error}")))?;
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(&bus.name)
        .source(Domain::Fulfilment.source())
        .detail_type(FulfilmentCompleted::DETAIL_TYPE)
        .detail(detail);
    let said = cloud.events.put_events().entries(entry.build()).send().await;
    let said = said.map_err(|error| Failure::call(&format!("the bus {} takes nothing", bus.name), &error))?;
    match said.entries.unwrap_or_default().first().and_then(|entry| entry.error_code.clone()) {
        Some(code) => Err(Failure::wrong(format!("the bus {} did not take it: {code}", bus.name))),
        None => Ok(()),
    }
}

fn completed(input: &FulfilOrder, now: lakeside_contracts::WireTime) -> Event<FulfilmentCompleted> {
    Event {
        metadata: Metadata {
            event_id: EventId::from_uuid(input.event_ids.completed),
            occurred_at: now,
            correlation_id: input.metadata.correlation_id,
            causation_id: input.metadata.causation_id,
            schema_version: SCHEMA_VERSION,
        },
        data: FulfilmentCompleted { order_id: input.order_id },
    }
}
