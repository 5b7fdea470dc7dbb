//! The buses: rules as the squads' Terraform has them, an archive, and replay.

use std::{collections::BTreeSet, rc::Rc};

use hcl_edit::{
    expr::{Expression, ObjectKey},
    structure::Attribute,
    visit::{Visit, visit_attr},
};
use lakeside_kit::outbox::Entry;

use crate::{faults::Fault, world::World};

/// One rule: what a function wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The function, and the queue of its name.
    pub function: String,
    pub sources: BTreeSet<String>,
    pub detail_types: BTreeSet<String>,
}

pub struct BusEvent {
    pub source: String,
    pub detail_type: String,
    pub detail: String,
}

impl From<&Entry> for BusEvent {
    fn from(entry: &Entry) -> Self {
        let Entry { source, detail_type, detail, .. } = entry.clone();
        Self { source, detail_type, detail }
    }
}

/// The subscriptions of the squads.
const SUBSCRIPTIONS: [&str; 3] = [
    include_str!("../../squad-modules/orders/subscriptions.tf"),
    include_str!("../../squad-modules/inventory/subscriptions.tf"),
    include_str!("../../squad-modules/fulfilment/subscriptions.tf"),
];

/// Reads the rules from the squads' Terraform.
pub fn rules() -> Vec<Rule> {
    let mut reader = RuleReader::default();
    for text in SUBSCRIPTIONS {
        let body = hcl_edit::parser::parse_body(text).expect("the subscriptions are HCL");
        reader.visit_body(&body);
    }
    reader.0
}

#[derive(Default)]
struct RuleReader(Vec<Rule>);

impl Visit for RuleReader {
    fn visit_attr(&mut self, attribute: &Attribute) {
        if attribute.key.as_str() == "subscriptions"
            && let Expression::Object(functions) = &attribute.value
        {
            for (function, settings) in functions {
                let rules = member(settings.expr(), "rules").and_then(Expression::as_object);
                for (_, rule) in rules.into_iter().flatten() {
                    self.0.push(Rule {
                        function: key(function).replace('_', "-"),
                        sources: texts(member(rule.expr(), "sources")),
                        detail_types: texts(member(rule.expr(), "detail_types")),
                    });
                }
            }
        }
        visit_attr(self, attribute);
    }
}

fn key(key: &ObjectKey) -> &str {
    match key {
        ObjectKey::Ident(ident) => ident.as_str(),
        ObjectKey::Expression(expression) => expression.as_str().unwrap_or_default(),
    }
}

fn member<'a>(of: &'a Expression, name: &str) -> Option<&'a Expression> {
    let (_, value) = of.as_object()?.iter().find(|(k, _)| key(k) == name)?;
    Some(value.expr())
}

fn texts(list: Option<&Expression>) -> BTreeSet<String> {
    let items = list.and_then(Expression::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

impl World {
    /// An event has arrived on its bus.
    pub fn publish(self: &Rc<Self>, event: BusEvent) {
        let event = Rc::new(event);
        // Only the platform's own buses have archives.
        if event.source.starts_with("lakeside.") {
            self.archive.borrow_mut().push(Rc::clone(&event));
        }
        self.route(&event, None);
    }

    fn route(self: &Rc<Self>, event: &BusEvent, replay: Option<&str>) {
        let replay = replay.map_or(String::new(), |name| format!(r#""replay-name":"{name}","#));
        let body = format!(
            r#"{{"version":"0","id":"{}",{replay}"source":"{}","detail-type":"{}","detail":{}}}"#,
            self.engine.uuid(),
            event.source,
            event.detail_type,
            event.detail
        );
        for rule in &self.rules {
            if rule.sources.contains(&event.source) && rule.detail_types.contains(&event.detail_type) {
                self.send(&rule.function, body.clone(), &[]);
            }
        }
    }

    /// Says everything again that was ever said, in any order.
    pub fn replay(self: &Rc<Self>) {
        self.faults.count(Fault::Replay);
        let events: Vec<_> = self.archive.borrow().clone();
        self.engine.note(|| format!("replay of {} events", events.len()));
        for event in events {
            let world = Rc::clone(self);
            let delay = self.engine.between(0, 120_000);
            self.engine.after(delay, move || world.route(&event, Some("again")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_those_of_the_terraform() {
        let rules = rules();
        let heard_by = |event: &str| {
            let mut functions: Vec<&str> = rules
                .iter()
                .filter(|rule| rule.detail_types.contains(event))
                .map(|rule| rule.function.as_str())
                .collect();
            functions.sort_unstable();
            functions
        };
        assert_eq!(heard_by("OrderCreated"), ["order-status", "reserve-stock", "start-fulfilment"]);
        assert_eq!(heard_by("FulfilmentCompleted"), ["advance-order", "order-status"]);
        assert_eq!(heard_by("Step Functions Execution Status Change"), ["recover-fulfilment"]);
    }
}
