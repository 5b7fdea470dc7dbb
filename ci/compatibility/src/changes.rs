//! How a schema differs from the one before it.

use std::fmt;

use crate::{
    patterns,
    rules::{Kind, Rule},
    schema::{Bounds, Schema, Type},
};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What kind it is.
    pub rule: Rule,
    /// The field: `data.lines[].sku`; empty for the whole document.
    pub field: String,
    /// What happened to it, to follow its name.
    pub what: String,
    /// The value of an enumeration that came, if that is what happened.
    pub value: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "the document" } else { &self.field };
        write!(f, "{field} {} ({})", self.what, self.rule.name())
    }
}

/// Every difference between a schema and the one before.
pub fn between(previous: &Schema, current: &Schema) -> Vec<Change> {
    let mut changes = Changes { field: String::new(), found: Vec::new() };
    changes.compare(previous, current);
    changes.found
}

/// Those of them that break somebody.
pub fn breaking(previous: &Schema, current: &Schema, kind: Kind) -> Vec<Change> {
    between(previous, current).into_iter().filter(|change| kind.is_broken_by(change.rule)).collect()
}

struct Changes {
    field: String,
    found: Vec<Change>,
}

impl Changes {
    fn note(&mut self, rule: Rule, what: impl Into<String>) {
        self.found.push(Change { rule, field: self.field.clone(), what: what.into(), value: None });
    }

    fn inside(&mut self, name: &str, compare: impl FnOnce(&mut Self)) {
        let outer = self.field.clone();
        if !self.field.is_empty() && name != "[]" {
            self.field.push('.');
        }
        self.field.push_str(name);
        compare(self);
        self.field = outer;
    }

    fn compare(&mut self, previous: &Schema, current: &Schema) {
        self.types(previous, current);
        self.values(previous, current);
        let bounds = [
            ("", previous.range, current.range, Rule::RangeWidened, Rule::RangeNarrowed),
            (" characters", previous.length, current.length, Rule::LengthWidened, Rule::LengthNarrowed),
            (" items", previous.count, current.count, Rule::CountWidened, Rule::CountNarrowed),
        ];
        for (unit, before, after, widened, narrowed) in bounds {
            self.bounds(unit, before, after, widened, narrowed);
        }
        self.pattern(previous.pattern.as_deref(), current.pattern.as_deref());
        if previous.format != current.format {
            let format =
                |format: &Option<String>| format.as_ref().map_or("none".into(), |f| format!("`{f}`"));
            let what =
                format!("has the format {} instead of {}", format(&current.format), format(&previous.format));
            self.note(Rule::FormatChanged, what);
        }
        self.fields(previous, current);
        if previous.items.is_some() || current.items.is_some() {
            let anything = Schema::default();
            let [before, after] =
                [previous, current].map(|schema| schema.items.as_deref().unwrap_or(&anything));
            self.inside("[]", |changes| changes.compare(before, after));
        }
        self.alternatives(previous, current);
    }

    fn types(&mut self, previous: &Schema, current: &Schema) {
        // Every whole number is a number.
        let has = |schema: &Schema, kind: Type| {
            schema.types.contains(&kind) || (kind == Type::Integer && schema.types.contains(&Type::Number))
        };
        let names = |schema: &Schema| {
            if schema.types.len() == Type::ALL.len() {
                return "anything".to_owned();
            }
            schema.types.iter().copied().map(Type::name).collect::<Vec<_>>().join(" or ")
        };
        let what = format!("may be {} instead of {}", names(current), names(previous));
        if current.types.iter().any(|kind| !has(previous, *kind)) {
            self.note(Rule::TypeWidened, &what);
        }
        if previous.types.iter().any(|kind| !has(current, *kind)) {
            self.note(Rule::TypeNarrowed, what);
        }
    }

    fn values(&mut self, previous: &Schema, current: &Schema) {
        match (&previous.values, &current.values) {
            (None, None) => {}
            (Some(_), None) => self.note(Rule::ValueAdded, "may be more than the values that it had"),
            (None, Some(_)) => self.note(Rule::ValueRemoved, "may be nothing but some values any more"),
            (Some(before), Some(after)) => {
                for value in after.difference(before) {
                    self.note(Rule::ValueAdded, format!("may be `{}`", value.trim_matches('"')));
                    if let Some(change) = self.found.last_mut() {
                        change.value = Some(value.trim_matches('"').to_owned());
                    }
                }
                for value in before.difference(after) {
                    self.note(
                        Rule::ValueRemoved,
                        format!("may not be `{}` any more", value.trim_matches('"')),
                    );
                }
            }
        }
    }

    fn bounds(&mut self, unit: &str, before: Bounds, after: Bounds, widened: Rule, narrowed: Rule) {
        // Nothing is shorter than nothing.
        let none = if unit.is_empty() { i64::MIN } else { 0 };
        let [before, after] =
            [before, after].map(|bounds| (bounds.least.unwrap_or(none), bounds.most.unwrap_or(i64::MAX)));
        let shown = |(least, most): (i64, i64)| match (least > none, most < i64::MAX) {
            (true, true) => format!("from {least} to {most}{unit}"),
            (true, false) => format!("at least {least}{unit}"),
            (false, true) => format!("at most {most}{unit}"),
            (false, false) => format!("any number of{unit}").trim_end_matches(" of").to_owned(),
        };
        let what = format!("may have {} instead of {}", shown(after), shown(before));
        if after.0 < before.0 || after.1 > before.1 {
            self.note(widened, &what);
        }
        if after.0 > before.0 || after.1 < before.1 {
            self.note(narrowed, what);
        }
    }

    fn pattern(&mut self, previous: Option<&str>, current: Option<&str>) {
        let [before, after] = [previous, current].map(Option::unwrap_or_default);
        if previous == current {
            return;
        }
        let what = match (previous, current) {
            (_, None) => "may look like anything".to_owned(),
            (None, _) => format!("must look like `{after}`"),
            _ => format!("must look like `{after}` instead of `{before}`"),
        };
        if previous.is_some() && !patterns::includes(before, after) {
            self.note(Rule::PatternWidened, &what);
        }
        if current.is_some() && !patterns::includes(after, before) {
            self.note(Rule::PatternNarrowed, what);
        }
    }

    fn fields(&mut self, previous: &Schema, current: &Schema) {
        let came = || current.fields.iter().filter(|(name, _)| !previous.fields.contains_key(*name));
        for (name, before) in &previous.fields {
            let required = (previous.required.contains(name), current.required.contains(name));
            let after = current.fields.get(name);
            let heir = came().find(|(_, after)| *after == before).map(|(name, _)| name);
            self.inside(name, |changes| match (after, required) {
                (None, _) => changes.note(
                    Rule::FieldRemoved,
                    heir.map_or_else(|| "is gone".into(), |heir| format!("is gone, or is called {heir} now")),
                ),
                (Some(after), required) => {
                    match required {
                        (false, true) => changes.note(Rule::FieldNowRequired, "may not be missing any more"),
                        (true, false) => changes.note(Rule::FieldNoLongerRequired, "may be missing"),
                        _ => {}
                    }
                    changes.compare(before, after);
                }
            });
        }
        for (name, _) in came() {
            let required = current.required.contains(name);
            self.inside(name, |changes| {
                if required {
                    changes.note(Rule::RequiredFieldAdded, "is new and may not be missing");
                } else {
                    changes.note(Rule::OptionalFieldAdded, "is new");
                }
            });
        }
    }

    fn alternatives(&mut self, previous: &Schema, current: &Schema) {
        let (before, after) = (&previous.alternatives, &current.alternatives);
        // Whether all that `narrow` admits is admitted by one of `wide`; without alternatives anything is.
        let covered = |wide: &[Schema], narrow: &[Schema], breaks: fn(Rule) -> bool, swapped: bool| {
            wide.is_empty()
                || (!narrow.is_empty()
                    && narrow.iter().all(|one| {
                        wide.iter().any(|other| {
                            let found = if swapped { between(one, other) } else { between(other, one) };
                            !found.iter().any(|change| breaks(change.rule))
                        })
                    }))
        };
        if !covered(before, after, |rule| rule.breaks().readers, false) {
            self.note(Rule::AlternativesWidened, "has an alternative that it had not");
        }
        if !covered(after, before, |rule| rule.breaks().writers, true) {
            self.note(Rule::AlternativesNarrowed, "has not all its alternatives any more");
        }
    }
}
