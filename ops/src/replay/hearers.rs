//! Who would hear a replay, and what a second telling does to them. Pure: everything it needs was read before.

use serde::Serialize;
use serde_json::{Value, json};

use crate::environment::Environment;

/// A rule of a bus, as it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Whether it hears anything.
    pub enabled: bool,
    /// What it hears.
    pub pattern: Value,
    /// Where it sends to, by ARN.
    pub targets: Vec<String>,
}

/// What a second telling does to whoever hears it, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "effect")]
pub enum Effect {
    /// It does not hear it: its pattern says so.
    HearsNoReplay,
    /// It does not hear anything.
    Disabled,
    /// Nothing: final states and versions absorb it.
    Absorbed,
    /// It is stored once more, and whoever asks takes each event once.
    StoredAgain,
    /// Nothing as long as the consumer knows what it did outside.
    #[serde(rename_all = "camelCase")]
    Remembered {
        /// For how many days it does.
        days: u32,
    },
    /// Nobody has said what: it may be done again outside.
    Unknown,
}

/// A rule, who is behind it, and what a second telling does there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hearer {
    /// The rule.
    pub rule: String,
    /// Its ARN.
    #[serde(skip)]
    pub arn: String,
    /// What it hears.
    pub events: Vec<String>,
    /// Where it sends to, by ARN.
    pub targets: Vec<String>,
    /// The queues of ours among them, by name without prefix.
    pub queues: Vec<String>,
    /// What a second telling does.
    #[serde(flatten)]
    pub effect: Effect,
}

impl Effect {
    /// For people.
    pub fn sentence(self) -> String {
        match self {
            Self::HearsNoReplay => "hears no replay: its pattern says so".into(),
            Self::Disabled => "hears nothing: it is switched off".into(),
            Self::Absorbed => "nothing: final states and versions absorb it".into(),
            Self::StoredAgain => "stored again; queries take each event once".into(),
            Self::Remembered { days } => {
                format!("acts outside, and knows for {} what it did", told_days(days))
            }
            Self::Unknown => "acts outside, or nobody has said what it does".into(),
        }
    }

    /// Whether it is told at all.
    pub const fn hears(self) -> bool {
        !matches!(self, Self::HearsNoReplay | Self::Disabled)
    }
}

/// A record without end is written as a hundred years.
fn told_days(days: u32) -> String {
    if days >= 36_500 { "ever".into() } else { format!("{days} days") }
}

impl Hearer {
    /// A rule with what the squads have published of its targets.
    pub fn of(rule: Rule, environment: &Environment) -> Self {
        let texts = |name: &str| rule.pattern.get(name).and_then(Value::as_array).into_iter().flatten();
        let events = texts("detail-type").filter_map(Value::as_str).map(str::to_owned).collect();
        let queues: Vec<String> =
            rule.targets.iter().filter_map(|arn| queue_of(arn, environment)).map(|(name, _)| name).collect();
        let worst = rule.targets.iter().map(|arn| effect_at(arn, environment)).max();
        let effect = if rule.pattern.get("replay-name") == Some(&json!([{ "exists": false }])) {
            Effect::HearsNoReplay
        } else if rule.enabled {
            worst.unwrap_or(Effect::Disabled)
        } else {
            Effect::Disabled
        };
        Self { rule: rule.name, arn: rule.arn, events, targets: rule.targets, queues, effect }
    }

    /// Whether it is meant by a name: of the rule, or of the function behind it, with or without prefix.
    pub fn is(&self, name: &str, prefix: &str) -> bool {
        let bare = |text: &str| text.strip_prefix(&format!("{prefix}-")).unwrap_or(text).to_owned();
        bare(&self.rule) == bare(name) || self.queues.iter().any(|queue| *queue == bare(name))
    }
}

/// The queue of ours with this ARN: its name without prefix, and for how many days its consumer knows what it did outside.
fn queue_of(arn: &str, environment: &Environment) -> Option<(String, Option<u32>)> {
    let full = arn.strip_prefix("arn:aws:sqs:")?.rsplit(':').next()?;
    let named = |url: &str| url.rsplit('/').next() == Some(full);
    let found = environment.queues.iter().find(|(_, queue)| queue.url.as_deref().is_some_and(named));
    found.map(|(name, queue)| (name.clone(), queue.remembers_days))
}

fn effect_at(arn: &str, environment: &Environment) -> Effect {
    match queue_of(arn, environment) {
        Some((_, Some(days))) => Effect::Remembered { days },
        // The policy on plans lets no consumer act outside and hear replays that is not said to remember.
        Some((_, None)) => Effect::Absorbed,
        None if arn.starts_with("arn:aws:firehose:") => Effect::StoredAgain,
        None => Effect::Unknown,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::environment::{Queue, tests::environment};

    fn world() -> Environment {
        let mut environment = environment();
        let queue = |name: &str, remembers_days| Queue {
            url: Some(format!("http://q/test-{name}")),
            remembers_days,
            ..environment.queues["capture-payment"].clone()
        };
        let (status, notify) = (queue("order-status", None), queue("notify-customer", Some(90)));
        environment.queues.insert("order-status".into(), status);
        environment.queues.insert("notify-customer".into(), notify);
        environment
    }

    fn rule(name: &str, target: &str) -> Rule {
        Rule {
            name: format!("test-{name}"),
            arn: format!("arn:rule/{name}"),
            enabled: true,
            pattern: json!({ "source": ["lakeside.orders"], "detail-type": ["OrderCreated"] }),
            targets: vec![target.to_owned()],
        }
    }

    pub fn hearers() -> Vec<Hearer> {
        let mut deaf = rule("subscriber-ledger", "arn:aws:events:eu-central-1:444455556666:event-bus/theirs");
        deaf.pattern["replay-name"] = json!([{ "exists": false }]);
        let mut off = rule("forgotten", "arn:aws:sqs:eu-central-1:111122223333:test-order-status");
        off.enabled = false;
        let rules = [
            rule("order-status-orders", "arn:aws:sqs:eu-central-1:111122223333:test-order-status"),
            rule("notify-customer-orders", "arn:aws:sqs:eu-central-1:111122223333:test-notify-customer"),
            rule(
                "analytics-orders",
                "arn:aws:firehose:eu-central-1:111122223333:deliverystream/test-analytics",
            ),
            rule("somebody", "arn:aws:lambda:eu-central-1:111122223333:function:theirs"),
            deaf,
            off,
        ];
        let world = world();
        rules.into_iter().map(|rule| Hearer::of(rule, &world)).collect()
    }

    #[test]
    fn what_a_second_telling_does_follows_from_the_pattern_and_from_who_is_behind() {
        let effects: Vec<Effect> = hearers().into_iter().map(|hearer| hearer.effect).collect();
        let expected = [
            Effect::Absorbed,
            Effect::Remembered { days: 90 },
            Effect::StoredAgain,
            Effect::Unknown,
            Effect::HearsNoReplay,
            Effect::Disabled,
        ];
        assert_eq!(effects, expected);
    }

    #[test]
    fn the_worst_of_several_targets_counts() {
        let mut two = rule("two", "arn:aws:sqs:eu-central-1:111122223333:test-order-status");
        two.targets.push("arn:aws:sqs:eu-central-1:111122223333:of-nobody".into());
        let hearer = Hearer::of(two, &world());
        assert_eq!((hearer.effect, hearer.queues), (Effect::Unknown, vec!["order-status".to_owned()]));
    }
}
