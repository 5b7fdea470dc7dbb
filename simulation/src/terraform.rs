//! Reads values out of Terraform's files: as much of its language as the squads' subscriptions and the modules behind
//! them are written in.

use std::collections::BTreeMap;

use hcl_edit::{
    expr::{BinaryOperator, Expression, ObjectKey, Traversal, TraversalOperator},
    structure::{Block, Body},
    template::Element,
};
use serde_json::{Map, Value};

/// What a name such as `var.batch_size` stands for. `None` if it is not known, and then what is made of it is null.
pub type Names<'a> = dyn Fn(&str) -> Option<Value> + 'a;

/// One file or several of a root or module, as a whole.
pub struct Module {
    bodies: Vec<Body>,
}

impl Module {
    /// # Panics
    /// If a file is no HCL.
    pub fn parse(files: &[&str]) -> Self {
        let parse = |text: &&str| hcl_edit::parser::parse_body(text).expect("a file of Terraform is HCL");
        Self { bodies: files.iter().map(parse).collect() }
    }

    fn blocks(&self, kind: &str) -> impl Iterator<Item = &Block> {
        self.bodies.iter().flat_map(Body::blocks).filter(move |block| block.has_ident(kind))
    }

    /// The body of the block of this kind and these labels.
    ///
    /// # Panics
    /// If there is none.
    pub fn block(&self, kind: &str, labels: &[&str]) -> &Body {
        let found = self.blocks(kind).find(|block| block.has_exact_labels(labels));
        &found.unwrap_or_else(|| panic!("there is no {kind} {labels:?} any more")).body
    }

    /// The expression of a local value.
    pub fn local(&self, name: &str) -> Option<&Expression> {
        self.blocks("locals").find_map(|block| block.body.get_attribute(name)).map(|found| &found.value)
    }

    /// What a variable is if nobody sets it.
    pub fn default_of(&self, variable: &str) -> Option<Value> {
        let block = self.blocks("variable").find(|block| block.has_exact_labels(&[variable]))?;
        Some(value(&block.body.get_attribute("default")?.value, &|_| None))
    }

    /// Finds `local.…` here, with what it refers to, `var.…` in `variables` or in the defaults, everything else in
    /// `others`.
    pub fn resolve(&self, name: &str, variables: &BTreeMap<String, Value>, others: &Names) -> Option<Value> {
        if let Some(found) = others(name) {
            return Some(found);
        }
        if let Some(local) = name.strip_prefix("local.") {
            let names = |name: &str| self.resolve(name, variables, others);
            return self.local(local).map(|expression| value(expression, &names));
        }
        let variable = name.strip_prefix("var.")?;
        variables.get(variable).filter(|set| !set.is_null()).cloned().or_else(|| self.default_of(variable))
    }
}

/// The value of an attribute; null if there is none.
pub fn attribute(body: &Body, name: &str, names: &Names) -> Value {
    body.get_attribute(name).map_or(Value::Null, |attribute| value(&attribute.value, names))
}

/// The value of an expression; null where it is made of something that is not known.
pub fn value(expression: &Expression, names: &Names) -> Value {
    match expression {
        Expression::Bool(bool) => (*bool.value()).into(),
        Expression::Number(number) => number.value().as_i64().into(),
        Expression::String(text) => text.value().as_str().into(),
        Expression::StringTemplate(template) => template
            .iter()
            .map(|element| match element {
                Element::Literal(text) => text.value().clone(),
                Element::Interpolation(inner) => text(&value(&inner.expr, names)),
                Element::Directive(_) => String::new(),
            })
            .collect::<String>()
            .into(),
        Expression::Array(items) => items.iter().map(|item| value(item, names)).collect(),
        Expression::Object(members) => {
            let member = |(name, member): (&ObjectKey, &hcl_edit::expr::ObjectValue)| {
                (key(name).to_owned(), value(member.expr(), names))
            };
            Value::Object(members.iter().map(member).collect())
        }
        Expression::Parenthesis(inner) => value(inner.inner(), names),
        Expression::Conditional(choice) => {
            let branch = if value(&choice.cond_expr, names) == Value::Bool(true) {
                &choice.true_expr
            } else {
                &choice.false_expr
            };
            value(branch, names)
        }
        Expression::BinaryOp(operation) => {
            let (left, right) = (value(&operation.lhs_expr, names), value(&operation.rhs_expr, names));
            match operation.operator.value() {
                BinaryOperator::Eq => (left == right).into(),
                BinaryOperator::NotEq => (left != right).into(),
                BinaryOperator::Mul => left.as_i64().zip(right.as_i64()).map(|(l, r)| l * r).into(),
                _ => Value::Null,
            }
        }
        Expression::FuncCall(call) => {
            let arguments: Vec<Value> = call.args.iter().map(|argument| value(argument, names)).collect();
            function(call.name.name.as_str(), arguments)
        }
        Expression::Traversal(traversal) => reference(traversal, names),
        _ => Value::Null,
    }
}

fn function(name: &str, arguments: Vec<Value>) -> Value {
    match name {
        "jsonencode" => arguments.into_iter().next().unwrap_or_default().to_string().into(),
        "jsondecode" => {
            let text = arguments.first().and_then(Value::as_str).unwrap_or("null");
            serde_json::from_str(text).expect("what is decoded is JSON")
        }
        "merge" => {
            let objects = arguments.into_iter().filter_map(|argument| match argument {
                Value::Object(members) => Some(members),
                _ => None,
            });
            Value::Object(objects.fold(Map::new(), |mut all, members| {
                all.extend(members);
                all
            }))
        }
        "try" | "coalesce" => arguments.into_iter().find(|argument| !argument.is_null()).unwrap_or_default(),
        _ => Value::Null,
    }
}

/// Looks for the longest known beginning of the reference, and goes on from there through members.
fn reference(traversal: &Traversal, names: &Names) -> Value {
    let Expression::Variable(root) = &traversal.expr else { return Value::Null };
    let mut steps = vec![root.as_str().to_owned()];
    for operator in &traversal.operators {
        steps.push(match operator.value() {
            TraversalOperator::GetAttr(name) => name.as_str().to_owned(),
            TraversalOperator::Index(index) => text(&value(index, names)),
            _ => return Value::Null,
        });
    }
    for known in (1..=steps.len()).rev() {
        if let Some(found) = names(&steps[..known].join(".")) {
            return steps[known..].iter().fold(found, |of, step| of.get(step).cloned().unwrap_or_default());
        }
    }
    Value::Null
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A member of an object, not yet evaluated.
pub fn member<'a>(of: &'a Expression, name: &str) -> Option<&'a Expression> {
    let (_, value) = of.as_object()?.iter().find(|(k, _)| key(k) == name)?;
    Some(value.expr())
}

pub fn key(key: &ObjectKey) -> &str {
    match key {
        ObjectKey::Ident(ident) => ident.as_str(),
        ObjectKey::Expression(expression) => expression.as_str().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_those_that_terraform_computes() {
        let module = Module::parse(&[r#"
            locals {
              base = { size = 3, list = ["a"] }
              all  = merge({ "k-1" = local.base.list }, var.extra == null ? {} : { extra = jsondecode(var.extra) })
              six  = 6 * var.timeout
              name = "x-${var.timeout}"
              back = try(local.base.missing, local.base["size"])
            }
            variable "timeout" { default = 20 }
        "#]);
        let set = BTreeMap::from([("extra".to_owned(), json!(r#"{"a": [1]}"#))]);
        let local = |name: &str| module.resolve(&format!("local.{name}"), &set, &|_| None);
        assert_eq!(local("all"), Some(json!({"k-1": ["a"], "extra": {"a": [1]}})));
        assert_eq!(local("six"), Some(json!(120)));
        assert_eq!(local("name"), Some(json!("x-20")));
        assert_eq!(local("back"), Some(json!(3)));
    }
}
