//! Telling again what was said on a bus, from its archive.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context;
use aws_sdk_eventbridge::{
    primitives::DateTime,
    types::{ReplayDestination, ReplayState},
};

use crate::{cloud::Cloud, poll::eventually};

/// A replay is handed out within seconds, but what it stirs up has to come to rest.
pub const AFTERMATH: Duration = Duration::from_mins(10);

/// Replays everything that was ever put on the bus called `bus`: to the rules with these ARNs, or to all.
///
/// The emulator knows no choice of rules and replays to all of them, which each of them bears.
///
/// # Errors
/// If the bus has no archive, or the replay does not end.
pub async fn replay(cloud: &Cloud, bus: &str, name: &str, rules: &[String]) -> anyhow::Result<()> {
    let described = cloud.events.describe_event_bus().name(bus).send().await?;
    let bus_arn = described.arn.context("a bus without ARN")?;
    let archives = cloud.events.list_archives().event_source_arn(&bus_arn).send().await?;
    let archive = archives
        .archives()
        .iter()
        .find_map(|archive| archive.archive_name())
        .with_context(|| format!("the bus {bus} has no archive"))?;
    let archive_arn =
        cloud.events.describe_archive().archive_name(archive).send().await?.archive_arn.context("no ARN")?;
    let mut destination = ReplayDestination::builder().arn(&bus_arn);
    for rule in rules {
        destination = destination.filter_arns(rule);
    }
    cloud
        .events
        .start_replay()
        .replay_name(name)
        .event_source_arn(archive_arn)
        .event_start_time(DateTime::from_secs(0))
        .event_end_time(DateTime::from(std::time::SystemTime::now()))
        .destination(destination.build()?)
        .send()
        .await
        .with_context(|| format!("the bus {bus} replays nothing"))?;
    eventually(&format!("the end of the replay on {bus}"), AFTERMATH, async || {
        let state = cloud.events.describe_replay().replay_name(name).send().await?.state;
        Ok(match state {
            Some(ReplayState::Completed) => ControlFlow::Break(()),
            other => ControlFlow::Continue(format!("it is {other:?}")),
        })
    })
    .await
}
