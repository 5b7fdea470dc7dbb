//! Where the overview is read from. Each function is one call of the cloud, or says how many it was.

use std::{collections::BTreeMap, future::Future};

use aws_sdk_sfn::types::ExecutionStatus;
use lakeside_contracts::WireTime;
use lakeside_domain::ids::OrderId;
use serde_json::{Value, json};

use crate::{
    clock,
    cloud::Cloud,
    consumers::Depth,
    events::price,
    failure::{Failure, Kind, Result},
    records::{OrderItem, reason, state_name},
    saga::{executions::Listed, history::Visit},
};

/// Sagas that one call lists.
pub const LISTED: i32 = 100;
/// How the state of an order that is refused begins in the log.
const REFUSED: &str = "Rejected { reason";
/// Pages of a log that are read at most: many orders that are refused make the page no dearer.
const MAX_PAGES: usize = 5;
/// The clock's window in which CloudWatch is asked for ages: it has them a minute or two late.
const AGE_WINDOW_SECONDS: i64 = 300;

/// Where an order's record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    /// As it is written.
    pub status: &'static str,
    /// Why it ended so.
    pub reason: Option<String>,
    /// Its total.
    pub total: Option<String>,
}

/// An order that was refused when it came, and has no saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The order.
    pub order_id: OrderId,
    /// When.
    pub at: WireTime,
}

/// What the overview is read from.
pub trait Source: Send + Sync {
    /// The newest sagas, of those under way or of all, and whether there are more.
    fn sagas(&self, running: bool) -> impl Future<Output = Result<(Vec<Listed>, bool)>> + Send;
    /// Orders that were refused since then, whether there are more, and how many calls that took.
    fn refused(&self, since: WireTime) -> impl Future<Output = Result<(Vec<Refused>, bool, usize)>> + Send;
    /// The state that a saga is at, or was last.
    fn whereabouts(&self, name: &str) -> impl Future<Output = Result<Option<Visit>>> + Send;
    /// Where an order's record stands.
    fn order_state(&self, order_id: OrderId) -> impl Future<Output = Result<Option<OrderState>>> + Send;
    /// How much lies in a queue.
    fn lies_in(&self, url: &str) -> impl Future<Output = Result<Depth>> + Send;
    /// The state of every mapping by the full name of its queue, and how many calls that took.
    fn mappings(&self) -> impl Future<Output = Result<(BTreeMap<String, String>, usize)>> + Send;
    /// The age of the oldest message in seconds by the full name of its queue, where CloudWatch knows it.
    fn ages(
        &self,
        queues: &[String],
        now: WireTime,
    ) -> impl Future<Output = Result<BTreeMap<String, u64>>> + Send;
}

/// An order in a line of `order-ingest`.
fn of_line(event: &Value) -> Option<Refused> {
    let line: Value = serde_json::from_str(event.get("message")?.as_str()?).ok()?;
    let text = |name: &str| line.get(name)?.as_str();
    if text("message") != Some("order recorded") || !text("state")?.starts_with(REFUSED) {
        return None;
    }
    let order_id = OrderId::parse(text("order_id")?).ok()?;
    Some(Refused { order_id, at: clock::of_millis(event.get("timestamp")?.as_i64()?) })
}

impl Source for Cloud {
    async fn sagas(&self, running: bool) -> Result<(Vec<Listed>, bool)> {
        let page = self
            .sfn
            .list_executions()
            .state_machine_arn(self.environment.saga()?)
            .set_status_filter(running.then_some(ExecutionStatus::Running))
            .max_results(LISTED)
            .send()
            .await
            .map_err(|error| Failure::call("cannot list sagas", &error))?;
        let sagas = page.executions.into_iter().map(|item| Listed {
            name: item.name,
            status: item.status.as_str().to_owned(),
            started_at: clock::of_sdk(&item.start_date),
            stopped_at: item.stop_date.as_ref().map(clock::of_sdk),
        });
        Ok((sagas.collect(), page.next_token.is_some()))
    }

    /// What has no saga is found by what its consumer says of it: no index has orders by their state.
    async fn refused(&self, since: WireTime) -> Result<(Vec<Refused>, bool, usize)> {
        let mut request = json!({
            "logGroupName": self.environment.log_group("order-ingest")?,
            "filterPattern": format!("\"{REFUSED}\""),
            "startTime": since.0.as_millis(),
        });
        let mut refused = Vec::new();
        for calls in 1..=MAX_PAGES {
            let page = self.signed.json("logs", "Logs_20140328.FilterLogEvents", &request).await;
            let page = match page
                .map_err(|error| Failure::signed("cannot read which orders were refused", &error))
            {
                // It has never run.
                Err(failure) if failure.kind == Kind::NotFound => return Ok((refused, false, calls)),
                page => page?,
            };
            refused.extend(
                page.get("events").and_then(Value::as_array).into_iter().flatten().filter_map(of_line),
            );
            match (page.get("nextToken").filter(|token| token.is_string()), request.as_object_mut()) {
                (Some(token), Some(request)) => request.insert("nextToken".into(), token.clone()),
                _ => return Ok((refused, false, calls)),
            };
        }
        Ok((refused, true, MAX_PAGES))
    }

    async fn whereabouts(&self, name: &str) -> Result<Option<Visit>> {
        self.last_visit(name).await
    }

    async fn order_state(&self, order_id: OrderId) -> Result<Option<OrderState>> {
        let items = self.partition("orders", &format!("ORDER#{order_id}")).await?;
        let order = items.into_iter().find(|item| item.get("sk").and_then(Value::as_str) == Some("ORDER"));
        let Some(order) = order else { return Ok(None) };
        let order: OrderItem = serde_json::from_value(order).map_err(|error| {
            Failure::wrong(format!("the record of order {order_id} is not of its form: {error}"))
        })?;
        Ok(Some(OrderState {
            status: state_name(&order.state),
            reason: reason(&order.state).map(ToString::to_string),
            total: order.order.map(|order| price(order.total)),
        }))
    }

    async fn lies_in(&self, url: &str) -> Result<Depth> {
        self.depth(url).await
    }

    async fn mappings(&self) -> Result<(BTreeMap<String, String>, usize)> {
        let mut found = BTreeMap::new();
        let (mut calls, mut marker) = (0, String::new());
        loop {
            let path = format!("/2015-03-31/event-source-mappings/?MaxItems=100{marker}");
            let page = self.signed.get("lambda", &path).await;
            let page = page.map_err(|error| Failure::signed("cannot read who listens to what", &error))?;
            calls += 1;
            for mapping in page.get("EventSourceMappings").and_then(Value::as_array).into_iter().flatten() {
                let text = |name: &str| mapping.get(name).and_then(Value::as_str);
                if let (Some(arn), Some(state)) = (text("EventSourceArn"), text("State")) {
                    found.insert(arn.rsplit(':').next().unwrap_or_default().to_owned(), state.to_owned());
                }
            }
            match page.get("NextMarker").and_then(Value::as_str).filter(|next| !next.is_empty()) {
                Some(next) => marker = format!("&Marker={}", crate::door::encoded(next)),
                None => return Ok((found, calls)),
            }
        }
    }

    async fn ages(&self, queues: &[String], now: WireTime) -> Result<BTreeMap<String, u64>> {
        let asked = queues.iter().enumerate().map(|(index, queue)| {
            json!({ "Id": format!("q{index}"), "MetricStat": { "Stat": "Maximum", "Period": 60, "Metric": {
                "Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{ "Name": "QueueName", "Value": queue }],
            } } })
        });
        let end = now.0.as_epoch_seconds();
        let request = json!({
            "StartTime": end - AGE_WINDOW_SECONDS, "EndTime": end, "ScanBy": "TimestampDescending",
            "MetricDataQueries": asked.collect::<Vec<_>>(),
        });
        let target = "GraniteServiceVersion20100801.GetMetricData";
        let answer = self.signed.json_1_0("monitoring", target, &request).await;
        let answer = answer.map_err(|error| Failure::signed("cannot read how old messages are", &error))?;
        let results = answer.get("MetricDataResults").and_then(Value::as_array).into_iter().flatten();
        let ages = results.filter_map(|result| {
            let index: usize = result.get("Id")?.as_str()?.strip_prefix('q')?.parse().ok()?;
            let seconds = result.get("Values")?.as_array()?.first()?.as_f64()?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an age in seconds, which SQS bounds by 14 days"
            )]
            Some((queues.get(index)?.clone(), seconds as u64))
        });
        Ok(ages.collect())
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::{ids::ReasonCode, order::OrderState as State};

    use super::*;

    const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    #[test]
    fn an_order_that_was_refused_is_known_by_the_line_of_its_consumer() {
        let line = |state: &State, order_id: &str| {
            let line =
                json!({ "message": "order recorded", "state": format!("{state:?}"), "order_id": order_id });
            of_line(&json!({ "timestamp": 7, "message": line.to_string() }))
        };
        let rejected = State::Rejected { reason: ReasonCode::parse("UNKNOWN_SKU").unwrap() };
        let order_id = OrderId::parse(ID).unwrap();
        assert_eq!(line(&rejected, ID), Some(Refused { order_id, at: clock::of_millis(7) }));
        assert_eq!(line(&State::Created, ID), None);
        assert_eq!(line(&rejected, "42"), None);
        assert_eq!(of_line(&json!({ "timestamp": 7, "message": "END RequestId: 7" })), None);
    }
}
