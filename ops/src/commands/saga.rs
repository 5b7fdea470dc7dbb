//! `lakeside saga`: list, show, decide, and repair.

use aws_sdk_sfn::types::ExecutionStatus;
use lakeside_domain::ids::OrderId;
use serde::Serialize;
use serde_json::json;

use crate::{
    arguments::{CompensateOptions, DecideOptions, SagaListOptions, SagaStatus, SagaTask},
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
    output::{Output, table},
    saga::{
        actions::{self, Action, Outcome},
        drawing,
        history::Execution,
    },
};

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, task: SagaTask) -> Result<()> {
    match task {
        SagaTask::List(options) => list(cloud, output, &options).await,
        SagaTask::Show(whose) => show(cloud, output, whose.order_id).await,
        SagaTask::Approve(options) => act(cloud, output, &options, Action::Approve).await,
        SagaTask::Deny(options) => act(cloud, output, &options, Action::Deny).await,
        SagaTask::Redrive(options) => act(cloud, output, &options, Action::Redrive).await,
        SagaTask::Compensate(CompensateOptions { decide, although_completing }) => {
            act(cloud, output, &decide, Action::Compensate { although_completing }).await
        }
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

async fn act(cloud: &Cloud, output: Output, options: &DecideOptions, action: Action) -> Result<()> {
    let order_id = options.whose.order_id;
    let done = actions::act(cloud, order_id, action, |plan| say(output, options, &plan.what)).await?;
    done.map_or(Ok(()), |done| {
        output.show(&done, || match &done.outcome {
            Outcome::Done(what) => format!("{what}; see `lakeside saga show {order_id}`"),
            Outcome::Started(name) => {
                format!("{name} has begun; watch it with `lakeside saga show {order_id}`")
            }
        })
    })
}

/// Says what is to be done; whether it is done is up to the caller, or to whoever is asked.
fn say(output: Output, options: &DecideOptions, what: &str) -> Result<bool> {
    if options.dry_run {
        output.show(&json!({ "dryRun": true, "would": what }), || format!("dry run: {what}"))?;
        return Ok(false);
    }
    output.confirm(options.yes, what)?;
    Ok(true)
}
