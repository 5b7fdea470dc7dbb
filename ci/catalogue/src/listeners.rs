//! Who hears what: the rules on the buses, as each root's Terraform has them.

use std::{fs, path::Path};

use anyhow::{Context as _, anyhow, bail};
use lakeside_contracts::Domain;
use serde_json::{Value, json};

use crate::{
    events::Event,
    root::{Instance, Root, UNKNOWN},
};

/// What hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A function, behind a queue of its own.
    Function,
    /// A topic of SNS, and whoever subscribes to it.
    Topic,
    /// A stream of Firehose.
    Stream,
    /// Another bus.
    Bus,
    /// Anything else.
    Other,
}

impl Kind {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Topic => "topic",
            Self::Stream => "stream",
            Self::Bus => "bus",
            Self::Other => "target",
        }
    }

    /// By the service that an ARN names.
    pub(crate) fn of_service(service: &str) -> Self {
        match service {
            "lambda" => Self::Function,
            "sns" => Self::Topic,
            "firehose" => Self::Stream,
            "events" => Self::Bus,
            _ => Self::Other,
        }
    }

    fn of_resource(kind: &str) -> Self {
        match kind {
            "aws_lambda_function" => Self::Function,
            "aws_sns_topic" => Self::Topic,
            "aws_kinesis_firehose_delivery_stream" => Self::Stream,
            "aws_cloudwatch_event_bus" => Self::Bus,
            _ => Self::Other,
        }
    }
}

/// One rule on one bus, and what it feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The directory of the root that has it.
    pub root: String,
    /// Its whole name.
    pub name: String,
    /// The whole name of its bus.
    pub bus: String,
    /// What it matches.
    pub pattern: Value,
    /// Who hears it.
    pub listener: String,
    /// What that is.
    pub kind: Kind,
}

/// Every rule on a domain's bus under a profile: `local`, `startup` or `enterprise`.
///
/// # Errors
/// If a root cannot be read, or a rule of it cannot be known without a provider.
pub fn rules(workspace: &Path, profile: &str) -> anyhow::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    let squads = workspace.join("squad-modules");
    let entries = fs::read_dir(&squads).with_context(|| format!("cannot read {}", squads.display()))?;
    let mut roots = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    roots.push(workspace.join("platform-terraform/region"));
    roots.retain(|root| root.join("versions.tf").is_file());
    roots.sort();
    for dir in roots {
        let root = Root::read(&dir, profile)?;
        let found = of_root(&root).with_context(|| format!("in {}", dir.display()))?;
        rules.extend(found);
    }
    Ok(sorted(rules))
}

/// In the order of the pages.
pub(crate) fn sorted(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by(|a, b| (&a.bus, &a.root, &a.name).cmp(&(&b.bus, &b.root, &b.name)));
    rules
}

fn of_root(root: &Root) -> anyhow::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for module in &root.modules {
        if module.text("source")?.is_some_and(|source| source.ends_with("modules/subscription")) {
            rules.extend(of_subscription(root, module)?);
        }
    }
    for rule in root.of_type("aws_cloudwatch_event_rule") {
        let Some(pattern) = rule.text("event_pattern")? else { continue };
        let name = rule.text("name")?.with_context(|| format!("{} has no name", rule.address()))?;
        let bus = rule.text("event_bus_name")?.unwrap_or("default").to_owned();
        let pattern: Value = serde_json::from_str(pattern)?;
        let targets = root.of_type("aws_cloudwatch_event_target");
        for target in
            targets.filter(|target| target.arguments.get("rule").and_then(Value::as_str) == Some(name))
        {
            let arn = target.text("arn")?.with_context(|| format!("{} has no ARN", target.address()))?;
            let (kind, listener) = listener_of(arn);
            let (root, name, bus, pattern) =
                (root.name.clone(), name.to_owned(), bus.clone(), pattern.clone());
            rules.push(Rule { root, name, bus, pattern, listener, kind });
        }
    }
    if let Some(rule) = rules.iter().find(|rule| rule.pattern.to_string().contains(UNKNOWN)) {
        bail!("the pattern of the rule {} cannot be read from the text", rule.name);
    }
    rules.retain(|rule| domain_of(&rule.bus).is_some());
    Ok(rules)
}

/// What module `subscription` makes of its arguments.
fn of_subscription(root: &Root, module: &Instance) -> anyhow::Result<Vec<Rule>> {
    let Some(wanted) = module.argument("rules")?.and_then(Value::as_object) else { return Ok(Vec::new()) };
    let mut rules = Vec::new();
    for (key, wanted) in wanted {
        let function =
            module.argument("function")?.and_then(|function| function.get("name")).and_then(Value::as_str);
        let function =
            function.with_context(|| format!("{} feeds a function without name", module.address()))?;
        let prefix =
            module.argument("platform")?.and_then(|platform| platform.get("prefix")).and_then(Value::as_str);
        let get = |name: &str| wanted.get(name).filter(|value| !value.is_null());
        let bus = get("bus").and_then(Value::as_str).with_context(|| format!("{function} hears no bus"))?;
        let mut pattern = json!({ "source": get("sources"), "detail-type": get("detail_types") });
        if let Some(detail) = get("detail").and_then(Value::as_str) {
            pattern
                .as_object_mut()
                .context("a pattern is an object")?
                .insert("detail".into(), serde_json::from_str(detail)?);
        }
        rules.push(Rule {
            root: root.name.clone(),
            name: format!("{}-{function}-{key}", prefix.unwrap_or_default()),
            bus: bus.to_owned(),
            pattern,
            listener: function.to_owned(),
            kind: Kind::Function,
        });
    }
    Ok(rules)
}

/// From `aws_sns_topic.low_stock`, which stands for its ARN; an ARN that is written down ends in a name.
fn listener_of(arn: &str) -> (Kind, String) {
    if arn.starts_with("arn:") {
        let kind = Kind::of_service(arn.split(':').nth(2).unwrap_or_default());
        return (kind, arn.rsplit([':', '/']).next().unwrap_or(arn).to_owned());
    }
    let (kind, rest) = arn.split_once('.').unwrap_or((arn, arn));
    let name = rest.split('[').next().unwrap_or(rest);
    (Kind::of_resource(kind), name.replace('_', "-"))
}

/// The domain of a bus, by its whole name.
pub fn domain_of(bus: &str) -> Option<Domain> {
    Domain::ALL.into_iter().find(|domain| bus.rsplit('-').next() == Some(domain.name()))
}

impl Rule {
    /// Whether it takes this type of event: all of them or some.
    ///
    /// # Errors
    /// If the pattern has a condition that is not known here.
    pub fn hears(&self, event: &Event) -> anyhow::Result<bool> {
        if domain_of(&self.bus).map(Domain::name) != Some(event.domain.as_str()) {
            return Ok(false);
        }
        let source = format!("lakeside.{}", event.domain);
        let matches = |key: &str, text: &str| match self.pattern.get(key) {
            None => Ok(true),
            Some(conditions) => {
                is_one_of(conditions, text).with_context(|| format!("`{key}` of the rule {}", self.name))
            }
        };
        Ok(matches("source", &source)? && matches("detail-type", &event.detail_type)?)
    }

    /// The fields on which it depends whether an event of the type is heard.
    pub fn conditions(&self) -> Vec<String> {
        let mut fields = Vec::new();
        if let Some(detail) = self.pattern.get("detail") {
            conditions(detail, "", &mut fields);
        }
        fields
    }
}

fn conditions(pattern: &Value, field: &str, found: &mut Vec<String>) {
    match pattern {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let field = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                conditions(inner, &field, found);
            }
        }
        wanted => found.push(format!("{field} {wanted}")),
    }
}

/// EventBridge's conditions on a text, as far as rules use them.
fn is_one_of(conditions: &Value, text: &str) -> anyhow::Result<bool> {
    let conditions = conditions.as_array().context("a pattern lists what it matches")?;
    for condition in conditions {
        let fits = match condition {
            Value::String(wanted) => wanted == text,
            Value::Object(condition) => match condition.iter().next() {
                Some((word, Value::String(wanted))) if word == "prefix" => text.starts_with(wanted.as_str()),
                Some((word, Value::String(wanted))) if word == "suffix" => text.ends_with(wanted.as_str()),
                Some((word, Value::String(wanted))) if word == "anything-but" => text != wanted,
                Some((word, Value::Array(wanted))) if word == "anything-but" => {
                    !wanted.iter().any(|w| w == text)
                }
                _ => bail!("the condition {} is not known to the catalogue", Value::from(condition.clone())),
            },
            other => return Err(anyhow!("the condition {other} is not known to the catalogue")),
        };
        if fits {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{events::events, workspace};

    fn rule(pattern: Value) -> Rule {
        Rule {
            root: "growth".into(),
            name: "lakeside-low-stock".into(),
            bus: "lakeside-inventory".into(),
            pattern,
            listener: "low-stock".into(),
            kind: Kind::Topic,
        }
    }

    #[test]
    fn a_rule_hears_what_its_pattern_matches() {
        let level =
            events().unwrap().into_iter().find(|event| event.detail_type == "StockLevelChanged").unwrap();
        for (pattern, hears) in [
            (json!({"source": ["lakeside.inventory"], "detail-type": ["StockLevelChanged"]}), true),
            (json!({"source": ["lakeside.inventory"]}), true),
            (json!({"source": ["lakeside.orders"]}), false),
            (json!({"detail-type": ["StockReserved", {"prefix": "StockLevel"}]}), true),
            (json!({"detail-type": [{"suffix": "Reserved"}]}), false),
            (json!({"source": [{"anything-but": "aws.states"}]}), true),
            (json!({"source": [{"anything-but": ["lakeside.inventory"]}]}), false),
        ] {
            assert_eq!(rule(pattern.clone()).hears(&level).unwrap(), hears, "{pattern}");
        }
        assert!(rule(json!({"source": [{"wildcard": "*"}]})).hears(&level).is_err());
        let elsewhere = Rule { bus: "lakeside-orders".into(), ..rule(json!({})) };
        assert!(!elsewhere.hears(&level).unwrap());
    }

    #[test]
    fn rules_are_read_from_every_root_with_who_they_feed() {
        let rules = rules(&workspace(), "enterprise").unwrap();
        let heard_by = |name: &str| -> Vec<String> {
            let level = events().unwrap().into_iter().find(|event| event.detail_type == name).unwrap();
            let hearing = rules.iter().filter(|rule| rule.hears(&level).unwrap());
            let mut who: Vec<String> =
                hearing.map(|rule| format!("{} {}", rule.kind.name(), rule.listener)).collect();
            who.sort();
            who
        };
        // Its own squad's view, another squad's function, topic and stream, and a consumer in one directory.
        let level = heard_by("StockLevelChanged");
        for who in
            ["function project-store-stock", "function route-stock", "stream analytics", "topic low-stock"]
        {
            assert!(level.contains(&who.to_owned()), "{who} of {level:?}");
        }
        assert!(level.len() > 4, "{level:?}");
        assert_eq!(heard_by("CustomerNotified"), ["stream analytics"]);
        let low = rules.iter().find(|rule| rule.listener == "low-stock").unwrap();
        assert_eq!(low.conditions(), [r#"data.available [{"numeric":["<=",100]}]"#]);
        assert!(rules.iter().all(|rule| rule.name.starts_with("lakeside-")));
    }

    #[test]
    fn what_is_heard_on_the_local_cloud_is_drawn() {
        let [local, drawn] = ["local", "enterprise"].map(|profile| rules(&workspace(), profile).unwrap());
        for rule in &local {
            let same = drawn.iter().find(|other| (&other.bus, &other.name) == (&rule.bus, &rule.name));
            assert_eq!(same.map(|other| &other.listener), Some(&rule.listener), "{}", rule.name);
            for event in events().unwrap() {
                assert_eq!(same.unwrap().hears(&event).unwrap(), rule.hears(&event).unwrap());
            }
        }
    }
}
