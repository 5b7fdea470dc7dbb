//! A Terraform root as its text says it is, under one profile: locals, resources and calls of modules, as far as they can
//! be known without asking a provider. What cannot stays unknown, and whoever needs it says so.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use hcl::{
    Body, Expression,
    eval::{Context, Evaluate},
    structure::Block,
};
use serde_json::{Map, Value, json};

use crate::terraform_functions;

/// The domains' buses, by the name of the bus.
pub const BUSES: [&str; 4] = ["orders", "inventory", "fulfilment", "growth"];

/// Values that refer to values, so deep at most.
const ROUNDS: usize = 12;

/// What stands in a map or a list for what only a provider knows, as Terraform says it.
pub const UNKNOWN: &str = "(known after apply)";

/// A root, or a directory like one.
#[derive(Debug, Clone)]
pub struct Root {
    /// Its directory's name.
    pub name: String,
    /// Every resource, once per key of its `for_each`.
    pub resources: Vec<Instance>,
    /// Every call of a module, once per key of its `for_each`.
    pub modules: Vec<Instance>,
}

/// One resource, or one call of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// The resource's type; empty for a module.
    pub kind: String,
    /// Its name in the text.
    pub name: String,
    /// Its key in `for_each`, if there is one.
    pub key: Option<String>,
    /// What is known of its arguments.
    pub arguments: Map<String, Value>,
    /// Why the others are not, by name.
    pub unknown: BTreeMap<String, String>,
}

impl Instance {
    /// `aws_sns_topic.low_stock["a"]`.
    pub fn address(&self) -> String {
        let kind = if self.kind.is_empty() { "module" } else { &self.kind };
        let key = self.key.as_ref().map(|key| format!("[\"{key}\"]")).unwrap_or_default();
        format!("{kind}.{}{key}", self.name)
    }

    /// An argument that is written there; `None` if none is.
    ///
    /// # Errors
    /// If what is written cannot be known without a provider.
    pub fn argument(&self, name: &str) -> anyhow::Result<Option<&Value>> {
        if let Some(why) = self.unknown.get(name) {
            return Err(anyhow!("`{name}` of {} cannot be read from the text: {why}", self.address()));
        }
        Ok(self.arguments.get(name).filter(|value| !value.is_null()))
    }

    /// A text that is written there; `None` if none is.
    ///
    /// # Errors
    /// As [`Self::argument`].
    pub fn text(&self, name: &str) -> anyhow::Result<Option<&str>> {
        let text = self.argument(name)?.and_then(Value::as_str);
        if text.is_some_and(|text| text.contains(UNKNOWN)) {
            return Err(anyhow!("`{name}` of {} cannot be read from the text", self.address()));
        }
        Ok(text)
    }
}

impl Root {
    /// Reads the directory under the profile, which is a file of settings in it.
    ///
    /// # Errors
    /// If a file is no HCL.
    pub fn read(dir: &Path, profile: &str) -> anyhow::Result<Self> {
        let mut blocks = Vec::new();
        for file in terraform_files(dir)? {
            blocks.extend(parse(&file)?.into_blocks());
        }
        let mut evaluation = Evaluation::begin(dir, &blocks, &dir.join(format!("{profile}.tfvars")))?;
        for _ in 0..ROUNDS {
            let before = (evaluation.locals.clone(), evaluation.instances.clone());
            evaluation.round(&blocks);
            if before == (evaluation.locals.clone(), evaluation.instances.clone()) {
                break;
            }
        }
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (modules, resources) =
            evaluation.instances.into_iter().partition(|instance: &Instance| instance.kind.is_empty());
        Ok(Self { name, resources, modules })
    }

    /// Every resource of this type.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }
}

fn terraform_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "tf"))
        .collect();
    files.sort();
    Ok(files)
}

fn parse(file: &Path) -> anyhow::Result<Body> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    hcl::parse(&text).with_context(|| format!("{} is no HCL", file.display()))
}

struct Evaluation {
    variables: Map<String, Value>,
    locals: Map<String, Value>,
    instances: Vec<Instance>,
    module_path: String,
}

impl Evaluation {
    fn begin(dir: &Path, blocks: &[Block], profile: &Path) -> anyhow::Result<Self> {
        let mut variables = Map::new();
        let defaults = terraform_functions::context();
        for variable in blocks.iter().filter(|block| block.identifier() == "variable") {
            let default = variable.body().attributes().find(|attribute| attribute.key() == "default");
            if let (Some(name), Some(default)) = (label(variable, 0), default)
                && let Ok(value) = evaluate(default.expr(), &defaults)
            {
                variables.insert(name, value);
            }
        }
        if profile.is_file() {
            for setting in parse(profile)?.attributes() {
                variables.insert(
                    setting.key().to_owned(),
                    evaluate(setting.expr(), &defaults).map_err(|why| anyhow!(why))?,
                );
            }
        }
        let module_path = dir.to_string_lossy().into_owned();
        Ok(Self { variables, locals: Map::new(), instances: Vec::new(), module_path })
    }

    fn round(&mut self, blocks: &[Block]) {
        let context = self.context();
        for locals in blocks.iter().filter(|block| block.identifier() == "locals") {
            for local in locals.body().attributes() {
                if let Ok(value) = as_far_as_known(local.expr(), &context) {
                    self.locals.insert(local.key().to_owned(), value);
                }
            }
        }
        let context = self.context();
        let mut instances = Vec::new();
        for block in blocks {
            let (kind, name) = match block.identifier() {
                "resource" => (label(block, 0), label(block, 1)),
                "module" => (Some(String::new()), label(block, 0)),
                _ => continue,
            };
            if let (Some(kind), Some(name)) = (kind, name) {
                instances.extend(instances_of(block, &kind, &name, &context));
            }
        }
        self.instances = instances;
    }

    /// What expressions may name. Of what only a provider knows there are stand-ins.
    fn context(&self) -> Context<'static> {
        let mut names: Map<String, Value> = Map::new();
        for instance in &self.instances {
            let kind = if instance.kind.is_empty() { "module" } else { &instance.kind };
            let mut value = instance.arguments.clone();
            for stand_in in ["id", "arn", "root_resource_id"] {
                value.entry(stand_in).or_insert_with(|| instance.address().into());
            }
            let of_kind = entry(&mut names, kind);
            match &instance.key {
                Some(key) => drop(entry(of_kind, &instance.name).insert(key.clone(), value.into())),
                None => drop(of_kind.insert(instance.name.clone(), value.into())),
            }
        }
        let prefix = self.variables.get("prefix").and_then(Value::as_str).unwrap_or("lakeside");
        entry(&mut names, "module").insert("platform".into(), json!({ "platform": platform(prefix) }));
        names.insert("var".into(), self.variables.clone().into());
        names.insert("local".into(), self.locals.clone().into());
        names.insert("path".into(), json!({ "module": self.module_path, "root": self.module_path }));
        names.insert(
            "data".into(),
            json!({
                "aws_caller_identity": { "current": { "account_id": ACCOUNT } },
                "aws_region": { "current": { "name": REGION } },
            }),
        );
        let mut context = terraform_functions::context();
        for (name, value) in names {
            if let Ok(value) = hcl::to_value(value) {
                context.declare_var(hcl::Identifier::sanitized(&name), value);
            }
        }
        context
    }
}

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";

/// What module `platform-contract` answers.
fn platform(prefix: &str) -> Value {
    let buses: Map<String, Value> = BUSES
        .iter()
        .map(|bus| {
            let name = format!("{prefix}-{bus}");
            let arn = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{name}");
            ((*bus).to_owned(), json!({ "name": name, "arn": arn }))
        })
        .collect();
    json!({ "account_id": ACCOUNT, "region": REGION, "prefix": prefix, "buses": buses })
}

fn entry<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(name).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it was made an object"),
    }
}

fn instances_of(block: &Block, kind: &str, name: &str, context: &Context<'_>) -> Vec<Instance> {
    let for_each = block.body().attributes().find(|attribute| attribute.key() == "for_each");
    let Some(for_each) = for_each else { return vec![instance(block, kind, name, None, context)] };
    let each: Vec<(String, Value)> = match evaluate(for_each.expr(), context) {
        Ok(Value::Object(map)) => map.into_iter().collect(),
        Ok(Value::Array(set)) => {
            set.into_iter().filter_map(|value| Some((value.as_str()?.to_owned(), value.clone()))).collect()
        }
        // Perhaps in the next round.
        _ => return Vec::new(),
    };
    each.into_iter()
        .map(|(key, value)| {
            let mut context = context.clone();
            if let Ok(each) = hcl::to_value(json!({ "key": key, "value": value })) {
                context.declare_var("each", each);
            }
            instance(block, kind, name, Some(key), &context)
        })
        .collect()
}

fn instance(block: &Block, kind: &str, name: &str, key: Option<String>, context: &Context<'_>) -> Instance {
    let (mut arguments, mut unknown) = (Map::new(), BTreeMap::new());
    for attribute in block.body().attributes().filter(|attribute| attribute.key() != "for_each") {
        match evaluate(attribute.expr(), context) {
            Ok(value) => drop(arguments.insert(attribute.key().to_owned(), value)),
            Err(why) => drop(unknown.insert(attribute.key().to_owned(), why)),
        }
    }
    Instance { kind: kind.to_owned(), name: name.to_owned(), key, arguments, unknown }
}

fn label(block: &Block, position: usize) -> Option<String> {
    block.labels().get(position).map(|label| label.as_str().to_owned())
}

/// A map or a list of which a part is unknown is known in its other parts.
fn as_far_as_known(expression: &Expression, context: &Context<'_>) -> Result<Value, String> {
    let whole = evaluate(expression, context);
    let part = |inner: &Expression| as_far_as_known(inner, context).unwrap_or_else(|_| UNKNOWN.into());
    match (whole, expression) {
        (Err(_), Expression::Object(object)) => object
            .iter()
            .map(|(key, inner)| Ok((key.evaluate(context).map_err(|error| error.to_string())?, part(inner))))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        (Err(_), Expression::Array(list)) => Ok(list.iter().map(part).collect()),
        (whole, _) => whole,
    }
}

fn evaluate(expression: &Expression, context: &Context<'_>) -> Result<Value, String> {
    let value = expression.evaluate(context).map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, settings: &str) -> Root {
        let dir =
            std::env::temp_dir().join(format!("lakeside-catalogue-{}-{}", std::process::id(), text.len()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("main.tf"), text).unwrap();
        fs::write(dir.join("some.tfvars"), settings).unwrap();
        let root = Root::read(&dir, "some").unwrap();
        fs::remove_dir_all(&dir).unwrap();
        root
    }

    #[test]
    fn values_are_followed_through_locals_variables_and_other_resources() {
        let root = read(
            r#"
            variable "prefix" { default = "lakeside" }
            variable "shops" { default = {} }
            locals {
              second = { for name, shop in local.first : name => upper(shop.name) if shop.open }
              first  = var.shops
            }
            resource "aws_thing" "of_shop" {
              for_each = local.second
              name     = "${var.prefix}-${each.key}-${each.value}"
              parent   = aws_thing.top.id
            }
            resource "aws_thing" "top" { path = "/" }
            "#,
            r#"shops = { a = { name = "x", open = true }, b = { name = "y", open = false } }"#,
        );
        let addresses: Vec<String> = root.of_type("aws_thing").map(Instance::address).collect();
        assert_eq!(addresses, [r#"aws_thing.of_shop["a"]"#, "aws_thing.top"]);
        let shop = &root.resources[0];
        assert_eq!(shop.text("name").unwrap(), Some("lakeside-a-X"));
        assert_eq!(shop.text("parent").unwrap(), Some("aws_thing.top"));
        assert_eq!(shop.text("color").unwrap(), None);
    }

    #[test]
    fn what_only_a_provider_knows_is_said_to_be_unknown() {
        let root = read(r#"resource "aws_thing" "a" { name = data.aws_ssm_parameter.a.value }"#, "");
        let error = root.resources[0].text("name").unwrap_err().to_string();
        assert!(error.starts_with("`name` of aws_thing.a cannot be read from the text"), "{error}");

        let root = read(
            r#"
            locals { shops = { a = { name = "x", owner = data.aws_ssm_parameter.a.value }, b = module.other.shop } }
            resource "aws_thing" "of_shop" {
              for_each = local.shops
              name     = each.value.name
              owner    = each.value.owner
            }
            "#,
            "",
        );
        let [a, b] = root.resources.as_slice() else { panic!("{root:?}") };
        assert_eq!(a.text("name").unwrap(), Some("x"));
        assert!(a.text("owner").is_err() && b.text("name").is_err());
    }
}
