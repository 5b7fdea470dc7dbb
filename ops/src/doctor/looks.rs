//! Looking at an installation. What the caller may not see is a finding, and no failure.

use std::collections::BTreeMap;

use aws_sdk_sfn::types::ExecutionStatus;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::fmt::rfc2822::DateTimeParser;
use lakeside_contracts::{generate, registry};
use lakeside_domain::ids::OrderId;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    checks::{self, Alarm, Mapping},
    findings::Finding,
};
use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
    records::Records,
    replay::aftermath::Letters,
};

const AT_A_TIME: usize = 8;
/// As many digits of a digest as the platform publishes.
const DIGITS: usize = 12;

impl Cloud {
    /// Every check, in an order in which the first that is wrong mostly explains the others.
    pub async fn examine(&self) -> Vec<Finding> {
        let works = self.works().await;
        let working = works.clone().unwrap_or(true);
        let role = works.map(|works| {
            let said = if works { "this Region works" } else { "this Region stands by" };
            Finding::ok("role", said)
        });
        let checks = [
            ("clock", self.skew().await.map(checks::clock)),
            ("role", role),
            ("squads", Ok(checks::squads(&self.environment))),
            ("contracts", self.contracts().await),
            ("consumers", self.mappings().await.map(|m| checks::consumers(&self.environment, &m, working))),
            ("rules", self.all_rules(working).await),
            ("archives", self.all_archives().await),
            ("dead letters", self.dead_letters().await.map(|letters| checks::dead_letters(&letters))),
            ("alarms", self.alarms().await.map(|alarms| checks::alarms(&alarms, working))),
            ("orders", self.may_read_orders().await),
            ("sagas", self.may_read_sagas().await),
            ("logs", self.may_read_logs().await),
            ("stock", self.may_read_stock().await),
            ("replays", self.replays(1).await.map(|_| Finding::ok("replays", "may be listed"))),
        ];
        let found = checks.into_iter();
        found.map(|(check, found)| found.unwrap_or_else(|failure| Finding::unseen(check, &failure))).collect()
    }

    /// Whether this Region works, or stands by for another.
    async fn works(&self) -> Result<bool> {
        let Some(regions) = &self.environment.platform.regions else { return Ok(true) };
        Ok(self.parameter(&regions.role_parameter).await? == "active")
    }

    async fn parameter(&self, name: &str) -> Result<String> {
        let answer = self.signed.json("ssm", "AmazonSSM.GetParameter", &json!({ "Name": name })).await;
        let answer = answer.map_err(|error| Failure::signed(&format!("cannot read {name}"), &error))?;
        Ok(answer.pointer("/Parameter/Value").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// By how many milliseconds this machine's clock is ahead of the cloud's, which tells seconds.
    async fn skew(&self) -> Result<i64> {
        let before = clock::now();
        let failed = |error: &dyn std::fmt::Display| {
            Failure::unreachable(format!("{} tells no time: {error}", self.address))
        };
        let answer = self.http.get(&self.address).send().await.map_err(|error| failed(&error))?;
        let after = clock::now();
        let date = answer.headers().get("date").and_then(|date| date.to_str().ok()).unwrap_or_default();
        let told =
            DateTimeParser::new().parse_timestamp(date).map_err(|error| failed(&error))?.as_millisecond();
        // The time that was told lies in the second that begins so, and was told between our two looks.
        let (before, after) = (before.0.as_millis(), after.0.as_millis());
        let ahead = before.saturating_sub(told.saturating_add(1000)).max(0);
        let behind = told.saturating_sub(after).max(0);
        Ok(ahead.saturating_sub(behind))
    }

    async fn contracts(&self) -> Result<Finding> {
        let name = format!("/{}/contracts/v1", self.environment.platform.prefix);
        let installed = serde_json::from_str(&self.parameter(&name).await?)
            .map_err(|error| Failure::wrong(format!("the parameter {name} is malformed: {error}")))?;
        Ok(checks::contracts(&installed, &built()?))
    }

    /// What feeds our functions.
    async fn mappings(&self) -> Result<Vec<Mapping>> {
        let ours = format!(":function:{}-", self.environment.platform.prefix);
        let mut mappings = Vec::new();
        let mut marker = String::new();
        loop {
            let path = format!("/2015-03-31/event-source-mappings/{marker}");
            let page = self.signed.get("lambda", &path).await;
            let page =
                page.map_err(|error| Failure::signed("cannot read what functions listen to", &error))?;
            for mapping in page.get("EventSourceMappings").and_then(Value::as_array).into_iter().flatten() {
                let text = |name: &str| mapping.get(name).and_then(Value::as_str).unwrap_or_default();
                let arn = text("FunctionArn");
                if let Some((_, function)) = arn.split_once(&ours) {
                    let function = function.split(':').next().unwrap_or_default();
                    mappings.push(Mapping {
                        id: text("UUID").to_owned(),
                        source: text("EventSourceArn").to_owned(),
                        function: format!("{}-{function}", self.environment.platform.prefix),
                        state: text("State").to_owned(),
                    });
                }
            }
            match page.get("NextMarker").and_then(Value::as_str).filter(|marker| !marker.is_empty()) {
                Some(next) => marker = format!("?Marker={}", encoded(next)),
                None => return Ok(mappings),
            }
        }
    }

    async fn all_rules(&self, works: bool) -> Result<Finding> {
        let mut rules = Vec::new();
        for bus in self.environment.platform.buses.values() {
            rules.extend(self.rules(&bus.name).await?.into_iter().map(|rule| (bus.name.clone(), rule)));
        }
        Ok(checks::rules(&rules, works))
    }

    async fn all_archives(&self) -> Result<Finding> {
        let mut archives = BTreeMap::new();
        for domain in self.environment.archives.keys() {
            archives.insert(domain.clone(), self.archive(domain).await?);
        }
        Ok(checks::archives(&self.environment, &archives))
    }

    /// Letters in every dead-letter queue.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub async fn dead_letters(&self) -> Result<Letters> {
        let looks = self.environment.queues.iter().map(async |(name, queue)| {
            let depth = self.depth(&queue.dead_letter_url).await?;
            Ok::<_, Failure>((name.clone(), depth.waiting + depth.in_flight))
        });
        let looks: Vec<_> = looks.collect();
        stream::iter(looks).buffered(AT_A_TIME).try_collect().await
    }

    async fn alarms(&self) -> Result<Vec<Alarm>> {
        let mut alarms = Vec::new();
        let mut token = Value::Null;
        loop {
            let prefix = format!("{}-", self.environment.platform.prefix);
            let request = json!({ "AlarmNamePrefix": prefix, "MaxRecords": 100, "NextToken": token });
            let target = "GraniteServiceVersion20100801.DescribeAlarms";
            let page = self.signed.json_1_0("monitoring", target, &request).await;
            let page = page.map_err(|error| Failure::signed("cannot read the alarms", &error))?;
            alarms
                .extend(page.get("MetricAlarms").and_then(Value::as_array).into_iter().flatten().map(alarm));
            token = page.get("NextToken").cloned().unwrap_or_default();
            if !token.is_string() {
                return Ok(alarms);
            }
        }
    }

    async fn may_read_orders(&self) -> Result<Finding> {
        Records::read(self, OrderId::from_uuid(Uuid::nil())).await?;
        Ok(Finding::ok("orders", "records of orders may be read"))
    }

    async fn may_read_sagas(&self) -> Result<Finding> {
        let failed = [ExecutionStatus::Failed, ExecutionStatus::TimedOut, ExecutionStatus::Aborted];
        self.list_executions(&failed, 1).await?;
        Ok(Finding::ok("sagas", "may be read"))
    }

    async fn may_read_logs(&self) -> Result<Finding> {
        let first: Vec<&str> =
            self.environment.functions.values().map(|function| function.function.as_str()).take(1).collect();
        self.log_lines("nobody says this", Some(&first), clock::now()).await?;
        Ok(Finding::ok("logs", "may be searched"))
    }

    async fn may_read_stock(&self) -> Result<Finding> {
        self.some_skus(1).await?;
        Ok(Finding::ok("stock", "may be read"))
    }
}

/// What a marker may have in it that a query may not.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn alarm(described: &Value) -> Alarm {
    let text = |name: &str| described.get(name).and_then(Value::as_str).unwrap_or_default();
    let actions =
        described.get("AlarmActions").and_then(Value::as_array).is_some_and(|actions| !actions.is_empty());
    let enabled = described.get("ActionsEnabled").and_then(Value::as_bool).unwrap_or(true);
    let words = text("AlarmDescription").split_whitespace();
    let runbook = words.map(|word| word.trim_end_matches('.')).find(|word| word.contains("docs/runbooks/"));
    Alarm {
        name: text("AlarmName").to_owned(),
        state: text("StateValue").to_owned(),
        tells: actions && enabled,
        runbook: runbook.map(str::to_owned),
    }
}

/// The contracts that this command line was built with: digests by name, as the platform publishes them.
fn built() -> Result<BTreeMap<String, String>> {
    let documents = generate::documents()
        .map_err(|error| Failure::wrong(format!("the contracts cannot be written down: {error}")))?;
    let of = |path: &str| {
        Some(path.strip_prefix(registry::FOLDER)?.strip_prefix('/')?.strip_suffix(".json")?.to_owned())
    };
    let digest = |text: &str| hex::encode(Sha256::digest(text)).chars().take(DIGITS).collect();
    Ok(documents.iter().filter_map(|document| Some((of(&document.path)?, digest(&document.text)))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_digest_of_its_contract() {
        let built = built().unwrap();
        assert!(built.contains_key("lakeside.orders@OrderCreated"), "{built:?}");
        assert!(built.values().all(|digest| digest.len() == DIGITS));
    }

    #[test]
    fn an_alarm_tells_somebody_if_it_has_actions_and_they_are_on() {
        let tells = |enabled: Value, actions: Value| {
            alarm(&json!({ "AlarmName": "a", "StateValue": "OK", "ActionsEnabled": enabled, "AlarmActions": actions })).tells
        };
        assert!(tells(json!(true), json!(["topic"])));
        assert!(!tells(json!(false), json!(["topic"])));
        assert!(!tells(json!(true), json!([])));
        let told = alarm(&json!({ "AlarmDescription": "Bad. See docs/runbooks/stock-difference.md." }));
        assert_eq!(told.runbook.as_deref(), Some("docs/runbooks/stock-difference.md"));
    }
}
