//! The pages below `docs/events/`: one for each event, and the first one, with who listens to what.

mod fields;

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use lakeside_contracts::{Domain, generate::Document};
use serde_json::Value;

use crate::{
    events::{Event, events},
    functions::{Producer, producers},
    listeners::{self, Kind, Rule},
    plans,
};

/// Where the pages are, from the top of the checkout.
pub const FOLDER: &str = "docs/events";
/// What is drawn: the profile in which everything is switched on.
const PROFILE: &str = "enterprise";

/// All that the pages are made of.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The events, by domain and name.
    pub events: Vec<Event>,
    /// Who says them.
    pub producers: Vec<Producer>,
    /// What hears them.
    pub rules: Vec<Rule>,
}

/// Somebody who hears an event.
struct Listener<'a> {
    rule: &'a Rule,
    /// What the rule looks at beside the type.
    conditions: Vec<String>,
}

impl Catalogue {
    /// Reads a checkout, with the rules as plans have them, or without plans as the text of the Terraform says.
    ///
    /// # Errors
    /// If contracts, functions, Terraform or plans do not say what they should.
    pub fn read(workspace: &Path, plans: Option<&Path>) -> anyhow::Result<Self> {
        let events = events()?;
        let producers = producers(workspace, &events)?;
        let rules = match plans {
            Some(plans) => plans::rules(plans, PROFILE)?,
            None => listeners::rules(workspace, PROFILE)?,
        };
        Ok(Self { events, producers, rules })
    }

    /// The pages, by their paths below [`FOLDER`].
    ///
    /// # Errors
    /// If a rule has a condition that is not known.
    pub fn pages(&self) -> anyhow::Result<Vec<Document>> {
        let mut pages = vec![Document { path: "README.md".into(), text: self.index()? }];
        for event in &self.events {
            let path = format!("{}/{}.md", event.domain, event.folder);
            pages.push(Document { path, text: self.page(event)? });
        }
        Ok(pages)
    }

    fn producers_of<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a Producer> {
        self.producers.iter().filter(|producer| producer.events.contains(&event.detail_type))
    }

    fn listeners_of(&self, event: &Event) -> anyhow::Result<Vec<Listener<'_>>> {
        let mut listeners = Vec::new();
        for rule in &self.rules {
            if rule.hears(event)? {
                listeners.push(Listener { rule, conditions: rule.conditions() });
            }
        }
        Ok(listeners)
    }

    fn index(&self) -> anyhow::Result<String> {
        let mut page = String::from(INTRODUCTION);
        page.push_str(&self.diagram()?);
        page.push_str(LEGEND);
        for domain in Domain::ALL {
            let own: Vec<&Event> = self.events.iter().filter(|event| event.domain == domain.name()).collect();
            writeln!(page, "\n## {}\n", capitalised(domain.name()))?;
            writeln!(page, "Bus `<prefix>-{0}`, source `{1}`.\n", domain.name(), domain.source())?;
            writeln!(page, "| event | what happened | said by |\n|---|---|---|")?;
            for event in &own {
                let sayers: Vec<String> = self.producers_of(event).map(|p| format!("`{}`", p.name)).collect();
                let Event { domain, folder, detail_type, .. } = event;
                writeln!(
                    page,
                    "| [{detail_type}]({domain}/{folder}.md) | {} | {} |",
                    cell(first_sentence(says(&event.schema))),
                    sayers.join(", ")
                )?;
            }
            page.push('\n');
            page.push_str(&self.matrix(&own)?);
        }
        page.push_str(ENVELOPE);
        page.push_str(&fields::table(&self.events, "metadata"));
        Ok(page)
    }

    /// Events down, listeners across.
    fn matrix(&self, events: &[&Event]) -> anyhow::Result<String> {
        let mut rows = Vec::new();
        let mut names: BTreeSet<(&str, &str)> = BTreeSet::new();
        for event in events {
            let listeners = self.listeners_of(event)?;
            names.extend(listeners.iter().map(|l| (l.rule.root.as_str(), l.rule.listener.as_str())));
            rows.push((event, listeners));
        }
        let mut table = String::from("| heard by |");
        for (_, listener) in &names {
            write!(table, " `{listener}` |")?;
        }
        table.push_str("\n|---|");
        table.push_str(&":-:|".repeat(names.len()));
        table.push('\n');
        for (event, listeners) in rows {
            write!(table, "| {} |", event.detail_type)?;
            for (_, name) in &names {
                let mark = match listeners.iter().find(|listener| listener.rule.listener == *name) {
                    Some(listener) if listener.conditions.is_empty() => "●",
                    Some(_) => "◐",
                    None => "",
                };
                write!(table, " {mark} |")?;
            }
            table.push('\n');
        }
        Ok(table)
    }

    /// Who says something on each bus, and who hears something from it.
    fn diagram(&self) -> anyhow::Result<String> {
        let mut text = String::from("```mermaid\nflowchart LR\n");
        for domain in Domain::ALL.map(Domain::name) {
            writeln!(text, "  subgraph say_{domain}[\"{domain} says\"]")?;
            for producer in self.producers.iter().filter(|producer| producer.squad == domain) {
                writeln!(text, "    say_{}[\"{}\"]", id(&producer.name), producer.name)?;
            }
            writeln!(text, "  end")?;
        }
        for domain in Domain::ALL.map(Domain::name) {
            writeln!(text, "  bus_{domain}{{{{\"bus {domain}\"}}}}")?;
        }
        let mut heard: BTreeSet<(&str, Kind, &str)> = BTreeSet::new();
        let mut hearing: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
        for event in &self.events {
            for Listener { rule, .. } in self.listeners_of(event)? {
                heard.insert((&rule.root, rule.kind, &rule.listener));
                hearing.insert((&event.domain, &rule.root, &rule.listener));
            }
        }
        let roots: BTreeSet<&str> = heard.iter().map(|(root, ..)| *root).collect();
        for root in roots {
            writeln!(text, "  subgraph hear_{}[\"{root} hears\"]", id(root))?;
            for (_, kind, listener) in heard.iter().filter(|(of, ..)| *of == root) {
                writeln!(
                    text,
                    "    {}",
                    node(&format!("hear_{}_{}", id(root), id(listener)), *kind, listener)
                )?;
            }
            writeln!(text, "  end")?;
        }
        for producer in &self.producers {
            writeln!(text, "  say_{} --> bus_{}", id(&producer.name), producer.squad)?;
        }
        for (bus, root, listener) in hearing {
            writeln!(text, "  bus_{bus} --> hear_{}_{}", id(root), id(listener))?;
        }
        text.push_str("```\n");
        Ok(text)
    }

    fn page(&self, event: &Event) -> anyhow::Result<String> {
        let Event { domain, folder, detail_type, version, .. } = event;
        let contract = format!("../../../contracts/events/{domain}/{folder}");
        let listeners = self.listeners_of(event)?;
        let mut page = format!("{GENERATED}# {detail_type}\n\n{}\n\n", prose(says(&event.schema)));
        writeln!(page, "| | |\n|---|---|")?;
        writeln!(
            page,
            "| owner | {domain} ([handlers](../../../handlers/{domain}), [Terraform](../../../squad-modules/{domain})) |"
        )?;
        writeln!(
            page,
            "| on the bus | `<prefix>-{domain}`, source `lakeside.{domain}`, detail-type `{detail_type}` |"
        )?;
        writeln!(
            page,
            "| version | {version}: [schema]({contract}/v{version}.schema.json), [example]({contract}/examples/v{version}.json) |"
        )?;
        page.push_str("\n## Who says it, who hears it\n\n");
        page.push_str(&self.story(event, &listeners)?);
        writeln!(page, "\n| heard by | of | which is | if |\n|---|---|---|---|")?;
        for Listener { rule, conditions } in &listeners {
            let conditions: Vec<String> = conditions.iter().map(|one| format!("`{}`", cell(one))).collect();
            writeln!(
                page,
                "| `{}` | [{root}](../../../{}/) | a {} | {} |",
                rule.listener,
                directory(&rule.root),
                rule.kind.name(),
                conditions.join(", "),
                root = rule.root,
            )?;
        }
        page.push_str("\n## Data\n\n");
        page.push_str(&fields::table(std::slice::from_ref(event), "data"));
        page.push_str("\nBeside it stands the [metadata](../README.md#metadata) that every event has.\n\n## Example\n\n");
        writeln!(page, "```json\n{}\n```", serde_json::to_string_pretty(&event.example)?)?;
        Ok(page)
    }

    fn story(&self, event: &Event, listeners: &[Listener<'_>]) -> anyhow::Result<String> {
        let mut text = String::from("```mermaid\nflowchart LR\n");
        writeln!(text, "  event{{{{\"{}\"}}}}", event.detail_type)?;
        for producer in self.producers_of(event) {
            writeln!(text, "  say_{}[\"{}\"] --> event", id(&producer.name), producer.name)?;
        }
        for Listener { rule, conditions } in listeners {
            let node = node(&format!("hear_{}", id(&rule.listener)), rule.kind, &rule.listener);
            let arrow = if conditions.is_empty() { "-->" } else { "-.->" };
            writeln!(text, "  event {arrow} {node}")?;
        }
        text.push_str("```\n");
        Ok(text)
    }
}

const GENERATED: &str = "<!-- Written by `cargo run -p lakeside-catalogue --bin generate-event-pages`. -->\n";

const INTRODUCTION: &str = "\
<!-- Written by `cargo run -p lakeside-catalogue --bin generate-event-pages`. -->
# Events

What happens here is said on four buses, one for each domain, to whoever wants to hear it. This page is for those who look
for an event to listen to, and for those who want to know whom a change of one would reach. How a listener is added is in
[A new consumer](../new-consumer.md), how an event is in [CONTRIBUTING](../../CONTRIBUTING.md#a-new-event).

The pages are written from the contracts (`contracts/`), the line `Emits:` of each function, and the rules in the roots'
Terraform with `enterprise.tfvars`. `make check` compares them with its text, `cargo xtask policies` with what the
roots plan, and a test on the local cloud with what is applied.

## Who listens to what

";

const LEGEND: &str = "
Boxes are functions and state machines, behind the bus each with a queue of its own; flags are topics, drums streams into the
archive of analytics. What goes to the same bus in a second Region is not drawn. In the tables ● is every event of the type, ◐ those that meet a condition, which the event's page has.
";

const ENVELOPE: &str = "
## Metadata

An event's `detail` is an object of `metadata` and `data`. The data is on each event's page; the metadata is the same for all:

";

fn directory(root: &str) -> String {
    if root == "region" { "platform-terraform/region".to_owned() } else { format!("squad-modules/{root}") }
}

/// Mermaid takes no hyphen everywhere.
fn id(name: &str) -> String {
    name.replace('-', "_")
}

fn node(id: &str, kind: Kind, name: &str) -> String {
    match kind {
        Kind::Function => format!("{id}[\"{name}\"]"),
        Kind::Topic => format!("{id}>\"{name}\"]"),
        Kind::Stream => format!("{id}[(\"{name}\")]"),
        Kind::Bus => format!("{id}{{{{\"{name}\"}}}}"),
        Kind::Other => format!("{id}([\"{name}\"])"),
    }
}

fn says(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}

/// Without what only links in Rust's documents.
fn prose(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`")
}

/// One line of a table.
fn cell(text: &str) -> String {
    prose(text).replace('\n', " ").replace('|', "\\|").trim_end_matches('.').to_owned()
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), characters.as_str()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::workspace;

    #[test]
    fn every_event_has_a_page_that_tells_all_of_it() {
        let catalogue = Catalogue::read(&workspace(), None).unwrap();
        let pages = catalogue.pages().unwrap();
        assert_eq!(pages.len(), catalogue.events.len() + 1);
        let page = &pages.iter().find(|page| page.path == "inventory/stock-level-changed.md").unwrap().text;
        for part in [
            "# StockLevelChanged",
            "What may still be promised of a SKU has changed.",
            "say_publish_levels[\"publish-levels\"] --> event",
            "event --> hear_route_stock[\"route-stock\"]",
            "event -.-> hear_low_stock>\"low-stock\"]",
            "| `available` | whole number | 0 to ",
            "| `sku` | text | `^[A-Z0-9][A-Z0-9-]{0,31}$` | What |",
            "\"available\": 96",
        ] {
            assert!(page.contains(part), "{part} in:\n{page}");
        }
        assert!(!page.contains("[`"), "{page}");
    }

    #[test]
    fn links_lead_somewhere() {
        for page in Catalogue::read(&workspace(), None).unwrap().pages().unwrap() {
            let here = workspace().join(FOLDER).join(&page.path);
            for link in page.text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
                let target = here.parent().unwrap().join(link);
                assert!(link.is_empty() || fs::metadata(&target).is_ok(), "{} links to {link}", page.path);
            }
        }
    }
}
