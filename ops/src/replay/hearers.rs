//! Who would hear a replay, what a second telling does to them, and who may be told. Pure: everything it needs was read
//! before.

use lakeside_contracts::WireTime;
use serde::Serialize;
use serde_json::{Value, json};

use super::window::Window;
use crate::{
    environment::Environment,
    failure::{Failure, Result},
};

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
    fn is(&self, name: &str, prefix: &str) -> bool {
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

/// Those that are meant: all that hear replays if nobody is named.
///
/// # Errors
/// If somebody who is named is not there, or does not hear replays; or nobody does.
pub fn choose<'a>(hearers: &'a [Hearer], names: &[String], prefix: &str) -> Result<Vec<&'a Hearer>> {
    for name in names {
        let meant: Vec<&Hearer> = hearers.iter().filter(|hearer| hearer.is(name, prefix)).collect();
        if meant.is_empty() {
            let rules: Vec<&str> = hearers.iter().map(|hearer| hearer.rule.as_str()).collect();
            return Err(Failure::not_found(format!(
                "no rule of this bus is called `{name}`; there are {}",
                rules.join(", ")
            )));
        }
        if let Some(deaf) = meant.first().filter(|_| meant.iter().all(|hearer| !hearer.effect.hears())) {
            return Err(Failure::guarded(format!("{} {}", deaf.rule, deaf.effect.sentence())));
        }
    }
    let meant = |hearer: &&Hearer| {
        hearer.effect.hears() && (names.is_empty() || names.iter().any(|name| hearer.is(name, prefix)))
    };
    let chosen: Vec<&Hearer> = hearers.iter().filter(meant).collect();
    if chosen.is_empty() {
        return Err(Failure::guarded("nobody on this bus hears replays"));
    }
    Ok(chosen)
}

/// Whether those who were chosen may be told a window again.
///
/// # Errors
/// If one of them acts outside and nobody has said that this is known; or does not know any more what it did then.
pub fn permit(chosen: &[&Hearer], window: Window, now: WireTime, although_effects: bool) -> Result<()> {
    let age = window.age_days(now);
    let forgotten =
        |hearer: &&&Hearer| matches!(hearer.effect, Effect::Remembered { days } if age >= i64::from(days));
    if let Some(forgetful) = chosen.iter().find(forgotten) {
        return Err(Failure::guarded(format!(
            "{} {}, and the window begins {age} days ago: it would all be done again; begin later, or name others by --rule",
            forgetful.rule,
            forgetful.effect.sentence()
        )));
    }
    let acting: Vec<&str> = chosen
        .iter()
        .filter(|hearer| matches!(hearer.effect, Effect::Remembered { .. } | Effect::Unknown))
        .map(|hearer| hearer.rule.as_str())
        .collect();
    if acting.is_empty() || although_effects {
        return Ok(());
    }
    Err(Failure::guarded(format!(
        "{} may act outside: name others by --rule, or say --although-effects if that is meant (--dry-run says what each does)",
        acting.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock,
        environment::{Queue, tests::environment},
        failure::Kind,
    };

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

    fn hearers() -> Vec<Hearer> {
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

    fn named(names: &[&str]) -> Result<Vec<String>> {
        let hearers = hearers();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let chosen = choose(&hearers, &names, "test")?;
        Ok(chosen.into_iter().map(|hearer| hearer.rule.clone()).collect())
    }

    fn permitted(names: &[&str], age_days: i64, although_effects: bool) -> Result<()> {
        let hearers = hearers();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let now = clock::of_millis(1000 * 86_400_000);
        let from = clock::of_millis(now.0.as_millis() - age_days * 86_400_000);
        let window = Window { from, to: now };
        permit(&choose(&hearers, &names, "test")?, window, now, although_effects)
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

    #[test]
    fn a_rule_is_meant_by_its_own_name_or_that_of_its_function() {
        for name in ["order-status", "test-order-status", "order-status-orders", "test-order-status-orders"] {
            // The rule that is switched off sends to the same queue, and is not told.
            assert_eq!(named(&[name]), Ok(vec!["test-order-status-orders".to_owned()]));
        }
        assert_eq!(named(&["forgotten"]).unwrap_err().kind, Kind::Guarded);
        assert_eq!(named(&["nobody"]).unwrap_err().kind, Kind::NotFound);
        assert_eq!(named(&["subscriber-ledger"]).unwrap_err().kind, Kind::Guarded);
        assert_eq!(named(&[]).unwrap().len(), 4, "all but those that do not hear it");
    }

    #[test]
    fn who_acts_outside_is_told_only_if_that_is_said() {
        assert_eq!(permitted(&["order-status-orders", "analytics-orders"], 1, false), Ok(()));
        for name in ["notify-customer", "somebody"] {
            assert_eq!(permitted(&[name], 1, false).unwrap_err().kind, Kind::Guarded);
            assert_eq!(permitted(&[name], 1, true), Ok(()));
        }
        assert_eq!(permitted(&[], 1, false).unwrap_err().kind, Kind::Guarded, "all are more than may be");
    }

    #[test]
    fn who_has_forgotten_what_it_did_is_told_in_no_case() {
        assert_eq!(permitted(&["notify-customer"], 89, true), Ok(()));
        assert_eq!(permitted(&["notify-customer"], 90, true).unwrap_err().kind, Kind::Guarded);
    }
}
