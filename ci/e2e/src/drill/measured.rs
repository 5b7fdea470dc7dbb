//! What a drill measures: how far the standby was behind when the home failed, and how long it was until orders ended again.

use std::time::{Duration, Instant};

use lakeside_contracts::Delivery;
use lakeside_domain::time::Timestamp;

use crate::books::Snapshot;

/// What the standby did not have at the moment of the failure: the recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// Items of all tables at home.
    pub items: usize,
    /// Items that were not the same in the standby.
    pub items_behind: usize,
    /// Events that the home had said and the standby had not heard, and how much older than the failure the oldest was.
    pub events_behind: Behind,
    /// Commands that the home had accepted and not written, and for how long.
    pub commands: Behind,
}

/// So much of something, the oldest from so long before the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// How many.
    pub count: usize,
    /// How long before the failure the oldest came to be.
    pub since: Duration,
}

impl Behind {
    /// Of events, by when what they tell happened. What was said by functions that outlived the failure for a moment is
    /// as old as the failure.
    pub fn of_events(events: &[Delivery], failed_at: Timestamp) -> Self {
        let occurred_at = |event: &Delivery| {
            let text = event.detail.pointer("/metadata/occurredAt")?;
            let time: lakeside_contracts::WireTime = serde_json::from_value(text.clone()).ok()?;
            Some(time.0.as_millis())
        };
        let oldest = events.iter().filter_map(occurred_at).min().unwrap_or(failed_at.as_millis());
        let millis = failed_at.as_millis().saturating_sub(oldest);
        Self { count: events.len(), since: Duration::from_millis(u64::try_from(millis).unwrap_or_default()) }
    }
}

impl RecoveryPoint {
    /// A line for each.
    pub fn lines(&self, home: &str, standby: &str) -> Vec<String> {
        let Self { items, items_behind, events_behind, commands } = self;
        vec![
            format!(
                "{items_behind} of {items} items were not in {standby}: the emulator replicates at once, AWS within a second or so"
            ),
            format!(
                "{} events were said in {home} and not heard in {standby}, the oldest {} before the failure: its outboxes say them again",
                events_behind.count,
                seconds(events_behind.since)
            ),
            format!(
                "{} commands were accepted and not written, the oldest {} before the failure: they waited in {home}",
                commands.count,
                seconds(commands.since)
            ),
        ]
    }
}

/// How long after the failure what happened: the recovery time. Decisions of people and caches of names come on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryTime {
    /// The standby works.
    pub turned: Duration,
    /// The first order that it accepted is fulfilled.
    pub first_new: Duration,
    /// The last order that was written before the failure is fulfilled.
    pub last_written: Duration,
    /// The last order that was only accepted is fulfilled, after the failed Region could be reached again.
    pub last_accepted: Duration,
}

impl RecoveryTime {
    /// A line for each.
    pub fn lines(&self, home: &str, standby: &str) -> Vec<String> {
        let line = |time, what: &str| format!("{:>7}  {what}", seconds(time));
        vec![
            line(self.turned, &format!("until the switch of {standby} was turned and all had followed it")),
            line(self.first_new, &format!("until the first order that {standby} accepted was fulfilled")),
            line(
                self.last_written,
                "until the last order in flight was fulfilled, but those that no table had",
            ),
            line(
                self.last_accepted,
                &format!("until those were too: they were moved once {home} could be reached"),
            ),
        ]
    }
}

/// Keys of items that are not the same here and there.
pub fn different(here: &Snapshot, there: &Snapshot) -> Vec<String> {
    let keys = here.items.keys().chain(there.items.keys().filter(|key| !here.items.contains_key(*key)));
    keys.filter(|key| here.items.get(*key) != there.items.get(*key)).cloned().collect()
}

/// Time since `start`, for people.
pub fn since(start: Instant) -> String {
    seconds(start.elapsed())
}

/// For people.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(items: &[(&str, u64)]) -> Snapshot {
        Snapshot {
            items: items.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect(),
            ledger: crate::sandbox::Ledger::default(),
            executions: [].into(),
            dead_letters: [].into(),
        }
    }

    #[test]
    fn an_item_that_is_missing_or_other_in_one_region_is_seen() {
        let here = snapshot(&[("a", 1), ("b", 1)]);
        assert_eq!(different(&here, &here), Vec::<String>::new());
        assert_eq!(different(&here, &snapshot(&[("a", 1)])), ["b"]);
        assert_eq!(different(&snapshot(&[("a", 1)]), &here), ["b"]);
        assert_eq!(different(&here, &snapshot(&[("a", 1), ("b", 2)])), ["b"]);
    }

    #[test]
    fn events_are_as_far_behind_as_the_oldest_of_them() {
        let event = |second: u32| Delivery {
            id: String::new(),
            source: String::new(),
            detail_type: String::new(),
            detail: json!({ "metadata": { "occurredAt": format!("2026-11-24T01:00:{second:02}.500Z") } }),
            replay_name: None,
        };
        let failed_at: lakeside_contracts::WireTime =
            serde_json::from_value(json!("2026-11-24T01:00:10.000Z")).unwrap();
        let behind = |events: &[Delivery]| Behind::of_events(events, failed_at.0);
        assert_eq!(behind(&[]), Behind { count: 0, since: Duration::ZERO });
        assert_eq!(behind(&[event(8), event(7)]), Behind { count: 2, since: Duration::from_millis(2_500) });
        assert_eq!(
            behind(&[event(11)]),
            Behind { count: 1, since: Duration::ZERO },
            "said in its last moment"
        );
    }
}
