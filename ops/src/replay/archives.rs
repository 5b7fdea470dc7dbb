//! Archives, rules and replays on EventBridge.

use aws_sdk_eventbridge::{
    operation::describe_replay::DescribeReplayOutput,
    types::{ReplayDestination, ReplayState, RuleState},
};
use lakeside_contracts::WireTime;
use serde::Serialize;

use super::{
    following::{Look, Telling},
    hearers::{Hearer, Rule},
    window::{Archive, Window},
};
use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
};

/// A replay that EventBridge knows of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// Its name.
    pub name: String,
    /// As EventBridge says it.
    pub state: String,
    /// The archive.
    pub archive: String,
    /// When it began.
    pub started_at: Option<WireTime>,
    /// The beginning of what it tells.
    pub from: Option<WireTime>,
    /// The end of it.
    pub to: Option<WireTime>,
}

fn last(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or_default()
}

impl Cloud {
    /// The archive of a domain's bus, and what it holds.
    ///
    /// # Errors
    /// If there is none, or EventBridge refuses.
    pub async fn archive(&self, domain: &str) -> Result<Archive> {
        let name = self.environment.archive(domain)?;
        let what = || format!("cannot read the archive {name}");
        let found = self.events.describe_archive().archive_name(name).send().await;
        let found = found.map_err(|error| Failure::call(&what(), &error))?;
        let counted = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(Archive {
            name: name.to_owned(),
            arn: found.archive_arn.unwrap_or_default(),
            bus_arn: found.event_source_arn.unwrap_or_default(),
            state: found.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            events: counted(found.event_count),
            bytes: counted(found.size_bytes),
            created: found.creation_time.as_ref().map_or_else(|| clock::of_millis(0), clock::of_sdk),
            retention_days: found.retention_days.and_then(|days| u32::try_from(days).ok()).filter(|d| *d > 0),
        })
    }

    /// Everybody's rules on a bus, but those that EventBridge keeps for itself.
    ///
    /// # Errors
    /// If EventBridge refuses.
    pub async fn rules(&self, bus: &str) -> Result<Vec<Rule>> {
        let what = || format!("cannot read the rules of the bus {bus}");
        let mut rules = Vec::new();
        let mut token = None;
        loop {
            let page = self.events.list_rules().event_bus_name(bus).set_next_token(token).send().await;
            let page = page.map_err(|error| Failure::call(&what(), &error))?;
            for rule in page.rules.unwrap_or_default() {
                let (Some(name), None) = (rule.name, rule.managed_by) else { continue };
                let pattern = rule.event_pattern.unwrap_or_default();
                rules.push(Rule {
                    targets: self.targets(bus, &name).await?,
                    name,
                    arn: rule.arn.unwrap_or_default(),
                    enabled: rule.state != Some(RuleState::Disabled),
                    pattern: serde_json::from_str(&pattern).unwrap_or_default(),
                });
            }
            token = page.next_token;
            if token.is_none() {
                rules.sort_by(|a, b| a.name.cmp(&b.name));
                return Ok(rules);
            }
        }
    }

    async fn targets(&self, bus: &str, rule: &str) -> Result<Vec<String>> {
        let mut arns = Vec::new();
        let mut token = None;
        loop {
            let request = self.events.list_targets_by_rule().event_bus_name(bus).rule(rule);
            let page = request.set_next_token(token).send().await;
            let page =
                page.map_err(|error| Failure::call(&format!("cannot read the targets of {rule}"), &error))?;
            arns.extend(page.targets.unwrap_or_default().into_iter().map(|target| target.arn));
            token = page.next_token;
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    /// Begins to tell these rules what an archive holds of a window.
    ///
    /// # Errors
    /// If EventBridge refuses.
    pub async fn start_replay(
        &self,
        name: &str,
        archive: &Archive,
        window: Window,
        to: &[Hearer],
    ) -> Result<()> {
        let mut destination = ReplayDestination::builder().arn(&archive.bus_arn);
        for hearer in to {
            destination = destination.filter_arns(&hearer.arn);
        }
        let destination = destination.build().map_err(|error| {
            Failure::wrong(format!("the bus of {} cannot be named: {error}", archive.name))
        })?;
        let started = self
            .events
            .start_replay()
            .replay_name(name)
            .event_source_arn(&archive.arn)
            .event_start_time(clock::to_sdk(window.from))
            .event_end_time(clock::to_sdk(window.to))
            .destination(destination)
            .send()
            .await;
        started.map(|_| ()).map_err(|error| Failure::call(&format!("cannot begin the replay {name}"), &error))
    }

    async fn replay(&self, name: &str) -> Result<DescribeReplayOutput> {
        let found = self.events.describe_replay().replay_name(name).send().await;
        found.map_err(|error| Failure::call(&format!("cannot see how far the replay {name} is"), &error))
    }

    /// Replays of this installation's archives that EventBridge still knows, newest first.
    ///
    /// # Errors
    /// If EventBridge refuses.
    pub async fn replays(&self, limit: usize) -> Result<Vec<Known>> {
        let ours = |arn: &str| self.environment.archives.values().any(|archive| archive.name == last(arn));
        let mut known = Vec::new();
        let mut token = None;
        loop {
            let page = self.events.list_replays().set_next_token(token).send().await;
            let page = page.map_err(|error| Failure::call("cannot list the replays", &error))?;
            for replay in page.replays.unwrap_or_default() {
                let source = replay.event_source_arn.unwrap_or_default();
                if !ours(&source) {
                    continue;
                }
                known.push(Known {
                    name: replay.replay_name.unwrap_or_default(),
                    state: replay.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
                    archive: last(&source).to_owned(),
                    started_at: replay.replay_start_time.as_ref().map(clock::of_sdk),
                    from: replay.event_start_time.as_ref().map(clock::of_sdk),
                    to: replay.event_end_time.as_ref().map(clock::of_sdk),
                });
            }
            token = page.next_token;
            if token.is_none() {
                known.sort_by(|a, b| (b.started_at, &b.name).cmp(&(a.started_at, &a.name)));
                known.truncate(limit);
                return Ok(known);
            }
        }
    }
}

/// A replay on EventBridge.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'a> {
    /// Where.
    pub cloud: &'a Cloud,
    /// Its name.
    pub name: &'a str,
}

impl Telling for Replay<'_> {
    async fn look(&self) -> Result<Look> {
        let found = self.cloud.replay(self.name).await?;
        Ok(match found.state {
            Some(ReplayState::Completed) => Look::Completed,
            Some(ReplayState::Cancelled) => Look::Cancelled,
            Some(ReplayState::Failed) => Look::Failed(found.state_reason.unwrap_or_default()),
            _ => Look::Telling(found.event_last_replayed_time.as_ref().map(clock::of_sdk)),
        })
    }

    async fn stop(&self) -> Result<()> {
        let stopped = self.cloud.events.cancel_replay().replay_name(self.name).send().await;
        stopped
            .map(|_| ())
            .map_err(|error| Failure::call(&format!("cannot stop the replay {}", self.name), &error))
    }
}
