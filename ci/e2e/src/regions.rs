//! Turning the switch of a Region, as `docs/runbooks/region-failover.md` does it by hand.

use std::{fmt, ops::ControlFlow, time::Duration};

use anyhow::{Context, ensure};
use aws_sdk_sfn::types::ExecutionStatus;
use aws_sdk_sqs::types::Message;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{cloud::Cloud, poll::eventually, signed::SignedCalls};

/// What the door puts commands on. They are nowhere else until somebody has written what they ask for.
pub const COMMANDS: [&str; 3] = ["order-ingest", "cancel-order", "adjust-stock"];

/// What sagas that were stopped have left: their failures, which are none, and payments that they do not wait for any more.
pub const OF_SAGAS: [&str; 3] = ["recover-fulfilment", "capture-payment", "refund-payment"];

const MAPPINGS: &str = "/2015-03-31/event-source-mappings/";
/// Lambda needs a moment to follow.
const PATIENCE: Duration = Duration::from_mins(2);

/// Whether a Region works: what its switch says, and what has followed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which one.
    pub region: String,
    /// `active` or `standby`.
    pub role: String,
    /// Mappings that feed a function.
    pub on: usize,
    /// Mappings that do not.
    pub off: usize,
}

impl Standing {
    /// What keeps this Region from having this role, if anything does.
    pub fn unlike(&self, role: &str) -> Option<String> {
        let late = if role == "active" { self.off } else { self.on };
        (self.role != role || late > 0).then(|| format!("{self}, and should be {role}"))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, role, on, off } = self;
        write!(f, "{region} is {role} with {on} mappings on and {off} off")
    }
}

/// Makes the key that AWS has for DynamoDB in every Region. The emulator has none, and does not tell which key a
/// replica has; the provider then takes it for this one, and fails where there is none.
///
/// # Errors
/// If KMS refuses.
pub async fn make_default_key(region: &SignedCalls) -> anyhow::Result<()> {
    let key = region.json("kms", "TrentService.CreateKey", &json!({})).await?;
    let id = key.pointer("/KeyMetadata/KeyId").and_then(Value::as_str).context("a key without id")?;
    let alias = json!({ "AliasName": "alias/aws/dynamodb", "TargetKeyId": id });
    region.json("kms", "TrentService.CreateAlias", &alias).await?;
    Ok(())
}

impl Cloud {
    /// Has this Region work: the switch first, so that whatever is applied from now on agrees.
    ///
    /// # Errors
    /// If a service refuses. What was not yet switched on can be switched on again.
    pub async fn activate(&self) -> anyhow::Result<()> {
        self.turn("active", true).await
    }

    /// Has this Region stand by. What runs is not ended: see [`Self::stop_sagas`].
    ///
    /// # Errors
    /// If a service refuses. What was not yet switched off can be switched off again.
    pub async fn fence(&self) -> anyhow::Result<()> {
        self.turn("standby", false).await
    }

    /// What the switch says, and what has followed it.
    ///
    /// # Errors
    /// If a service refuses.
    pub async fn standing(&self) -> anyhow::Result<Standing> {
        let asked = json!({ "Name": self.switch() });
        let answer = self.signed.json("ssm", "AmazonSSM.GetParameter", &asked).await?;
        let role = answer.pointer("/Parameter/Value").and_then(Value::as_str);
        let role = role.context("the switch says nothing")?.to_owned();
        let mappings = self.mappings().await?;
        let on = mappings
            .iter()
            .filter(|mapping| mapping.get("State").and_then(Value::as_str) == Some("Enabled"))
            .count();
        Ok(Standing { region: self.region.clone(), role, on, off: mappings.len().saturating_sub(on) })
    }

    /// Waits until this Region is `active`, or stands by, with all that follows the switch.
    ///
    /// # Errors
    /// With what has not followed if that takes too long.
    pub async fn stands(&self, role: &str) -> anyhow::Result<()> {
        eventually(&format!("{} being {role}", self.region), PATIENCE, async || {
            let standing = self.standing().await?;
            // Nobody turns it while we wait.
            ensure!(standing.role == role, "{}", standing.unlike(role).unwrap_or_default());
            Ok(standing.unlike(role).map_or(ControlFlow::Break(()), ControlFlow::Continue))
        })
        .await
    }

    fn switch(&self) -> String {
        format!("/{}/region/role", self.prefix)
    }

    async fn turn(&self, role: &str, works: bool) -> anyhow::Result<()> {
        let switch = json!({ "Name": self.switch(), "Value": role, "Type": "String", "Overwrite": true });
        self.signed
            .json("ssm", "AmazonSSM.PutParameter", &switch)
            .await
            .context("the switch does not turn")?;
        self.switch_mappings(works).await?;
        self.switch_schedules(works).await?;
        let bus = self.name("inventory");
        if works {
            self.events.enable_rule().name(self.name("low-stock")).event_bus_name(bus).send().await?;
        } else {
            self.events.disable_rule().name(self.name("low-stock")).event_bus_name(bus).send().await?;
        }
        Ok(())
    }

    /// Switches everything that feeds a function on or off.
    ///
    /// # Errors
    /// If Lambda refuses.
    pub async fn switch_mappings(&self, on: bool) -> anyhow::Result<()> {
        for mapping in self.mappings().await? {
            self.switch_mapping(&mapping, on).await?;
        }
        Ok(())
    }

    /// Keeps one queue from being consumed.
    ///
    /// # Errors
    /// If nothing consumes it, or Lambda refuses.
    pub async fn hold(&self, queue: &str) -> anyhow::Result<()> {
        let end = format!(":{}", self.name(queue));
        let source = |mapping: &Value| {
            mapping.get("EventSourceArn").and_then(Value::as_str).is_some_and(|arn| arn.ends_with(&end))
        };
        let mapping = self.mappings().await?.into_iter().find(source);
        let mapping = mapping.with_context(|| format!("nothing consumes {queue}"))?;
        self.switch_mapping(&mapping, false).await
    }

    async fn switch_mapping(&self, mapping: &Value, on: bool) -> anyhow::Result<()> {
        let id = mapping.get("UUID").and_then(Value::as_str).context("a mapping without id")?;
        self.put("lambda", &format!("{MAPPINGS}{id}"), &json!({ "Enabled": on })).await
    }

    /// Those of this deployment's functions.
    async fn mappings(&self) -> anyhow::Result<Vec<Value>> {
        let ours = format!(":function:{}", self.name(""));
        let mut mappings = Vec::new();
        let mut path = MAPPINGS.to_owned();
        loop {
            let page = self.signed.get("lambda", &path).await?;
            let found = page.get("EventSourceMappings").and_then(Value::as_array).cloned();
            mappings.extend(found.unwrap_or_default().into_iter().filter(|mapping| {
                mapping.get("FunctionArn").and_then(Value::as_str).is_some_and(|arn| arn.contains(&ours))
            }));
            match page.get("NextMarker").and_then(Value::as_str) {
                Some(marker) if !marker.is_empty() => path = format!("{MAPPINGS}?Marker={marker}"),
                _ => return Ok(mappings),
            }
        }
    }

    async fn switch_schedules(&self, on: bool) -> anyhow::Result<()> {
        for function in ["reconcile-stock", "sweep-reservations"] {
            let path = format!("/schedules/{}", self.name(function));
            let mut schedule = self.signed.get("scheduler", &path).await?;
            let fields = schedule.as_object_mut().context("a schedule is an object")?;
            fields.retain(|field, _| {
                ["Description", "FlexibleTimeWindow", "ScheduleExpression", "Target"]
                    .contains(&field.as_str())
            });
            fields.insert("State".to_owned(), json!(if on { "ENABLED" } else { "DISABLED" }));
            self.put("scheduler", &path, &schedule).await?;
        }
        Ok(())
    }

    async fn put(&self, service: &str, path: &str, body: &Value) -> anyhow::Result<()> {
        self.signed.rest(service, Method::PUT, path, body).await?;
        Ok(())
    }

    /// Stops every saga that runs here, and answers how many did: their orders go on elsewhere.
    ///
    /// # Errors
    /// If Step Functions refuses.
    pub async fn stop_sagas(&self) -> anyhow::Result<usize> {
        let mut stopped = 0_usize;
        for saga in self.executions(Some(ExecutionStatus::Running)).await? {
            let stop = self.sfn.stop_execution().execution_arn(&saga.execution_arn);
            match stop.error("Lakeside.RegionFenced").send().await {
                Ok(_) => stopped = stopped.saturating_add(1),
                Err(error) => {
                    // It may have ended by itself since it was listed.
                    let now = self.sfn.describe_execution().execution_arn(&saga.execution_arn).send().await?;
                    if *now.status() == ExecutionStatus::Running {
                        return Err(error).context("cannot stop an execution");
                    }
                }
            }
        }
        Ok(stopped)
    }

    /// Throws away what a queue holds.
    ///
    /// # Errors
    /// If SQS refuses.
    pub async fn purge(&self, queue: &str) -> anyhow::Result<()> {
        let url = self.queue_url(&self.name(queue)).await?;
        let purged = self.sqs.purge_queue().queue_url(url).send().await;
        purged.with_context(|| format!("cannot purge {queue}"))?;
        Ok(())
    }

    /// Moves what a queue here holds to the queue of the same name in the other Region, and answers how much that was.
    /// A message is deleted once it is there, so one that is moved twice is there twice.
    ///
    /// # Errors
    /// If a queue does not answer.
    pub async fn move_commands(&self, queue: &str, other: &Self) -> anyhow::Result<usize> {
        let name = self.name(queue);
        let (from, to) = (self.queue_url(&name).await?, other.queue_url(&name).await?);
        let mut moved = 0_usize;
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(&from)
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .send()
                .await
                .with_context(|| format!("cannot receive from {name}"))?;
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(moved);
            }
            for message in messages {
                let Message { body, message_attributes, receipt_handle, .. } = message;
                let send = other.sqs.send_message().queue_url(&to).set_message_body(body);
                send.set_message_attributes(message_attributes).send().await?;
                let delete = self.sqs.delete_message().queue_url(&from).set_receipt_handle(receipt_handle);
                delete.send().await?;
                moved = moved.saturating_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(role: &str, on: usize, off: usize) -> Standing {
        Standing { region: "us-west-2".into(), role: role.into(), on, off }
    }

    #[test]
    fn a_region_works_once_its_switch_and_everything_that_follows_it_say_so() {
        assert_eq!(standing("active", 30, 0).unlike("active"), None);
        assert_eq!(standing("standby", 0, 30).unlike("standby"), None);
        assert_eq!(
            standing("standby", 0, 30).unlike("active").as_deref(),
            Some("us-west-2 is standby with 0 mappings on and 30 off, and should be active")
        );
        assert!(standing("standby", 30, 0).unlike("active").is_some(), "nobody has turned the switch");
        assert!(standing("active", 29, 1).unlike("active").is_some(), "one has not followed");
        assert!(standing("standby", 1, 29).unlike("standby").is_some(), "one still works");
    }
}
