//! The functions of Terraform that our roots use where it matters who listens and what the door does.

use std::{collections::BTreeSet, fs, path::Path};

use hcl::{
    Value,
    eval::{Context, FuncArgs, FuncDef, ParamType},
};

type Answer = Result<Value, String>;
type Function = fn(FuncArgs) -> Answer;

/// All of them, and nothing else.
pub fn context() -> Context<'static> {
    let mut context = Context::new();
    let functions: [(&str, Function); 26] = [
        ("alltrue", |args| Ok(list(&args, 0)?.iter().all(|value| *value == Value::Bool(true)).into())),
        ("concat", |args| {
            let lists = (0..args.len()).map(|at| list(&args, at).cloned());
            Ok(lists.collect::<Result<Vec<_>, _>>()?.concat().into())
        }),
        ("contains", |args| Ok(list(&args, 0)?.contains(argument(&args, 1)?).into())),
        ("dirname", |args| {
            text(&args, 0).map(|path| path.rsplit_once('/').map_or(".", |(dir, _)| dir).into())
        }),
        ("file", |args| {
            text(&args, 0)
                .and_then(|path| fs::read_to_string(path).map_err(|e| e.to_string()))
                .map(Value::from)
        }),
        ("fileset", |args| Ok(files(Path::new(text(&args, 0)?), text(&args, 1)?))),
        ("flatten", |args| Ok(flat(list(&args, 0)?).into())),
        ("join", |args| {
            let parts = list(&args, 1)?.iter().map(|part| part.as_str().ok_or("join takes texts".to_owned()));
            Ok(parts.collect::<Result<Vec<_>, _>>()?.join(text(&args, 0)?).into())
        }),
        ("jsondecode", |args| {
            serde_json::from_str::<Value>(text(&args, 0)?).map_err(|error| error.to_string())
        }),
        ("jsonencode", |args| {
            serde_json::to_string(argument(&args, 0)?).map(Value::from).map_err(|error| error.to_string())
        }),
        ("keys", |args| {
            Ok(sorted(&args)?.into_iter().map(|(key, _)| Value::from(key)).collect::<Vec<_>>().into())
        }),
        ("length", |args| match argument(&args, 0)? {
            Value::Array(list) => Ok(list.len().into()),
            Value::Object(map) => Ok(map.len().into()),
            Value::String(text) => Ok(text.chars().count().into()),
            other => Err(format!("{other} has no length")),
        }),
        ("lookup", |args| {
            let found =
                argument(&args, 0)?.as_object().and_then(|map| map.get(text(&args, 1).ok()?)).cloned();
            found.or_else(|| args.get(2).cloned()).ok_or_else(|| "there is no such key".to_owned())
        }),
        ("lower", |args| text(&args, 0).map(|text| text.to_lowercase().into())),
        ("merge", |args| {
            let mut merged = hcl::Map::new();
            for map in args.iter().filter(|map| !map.is_null()) {
                merged.extend(map.as_object().ok_or("merge takes maps")?.clone());
            }
            Ok(merged.into())
        }),
        ("nonsensitive", |args| argument(&args, 0).cloned()),
        ("replace", |args| Ok(text(&args, 0)?.replace(text(&args, 1)?, text(&args, 2)?).into())),
        ("setproduct", |args| {
            let lists = (0..args.len()).map(|at| list(&args, at)).collect::<Result<Vec<_>, _>>()?;
            let mut product: Vec<Vec<Value>> = vec![Vec::new()];
            for list in lists {
                let longer = product.iter().flat_map(|begun| {
                    list.iter().map(move |next| [begun.as_slice(), std::slice::from_ref(next)].concat())
                });
                product = longer.collect();
            }
            Ok(product.into())
        }),
        ("sort", |args| set(&args)),
        ("split", |args| {
            Ok(text(&args, 1)?.split(text(&args, 0)?).map(Value::from).collect::<Vec<_>>().into())
        }),
        ("startswith", |args| Ok(text(&args, 0)?.starts_with(text(&args, 1)?).into())),
        ("title", |args| text(&args, 0).map(|text| title(text).into())),
        ("tolist", |args| list(&args, 0).map(|list| list.clone().into())),
        ("toset", |args| set(&args)),
        ("upper", |args| text(&args, 0).map(|text| text.to_uppercase().into())),
        ("values", |args| Ok(sorted(&args)?.into_iter().map(|(_, value)| value).collect::<Vec<_>>().into())),
    ];
    for (name, function) in functions {
        context.declare_func(name, FuncDef::builder().variadic_param(ParamType::Any).build(function));
    }
    context
}

fn argument(args: &FuncArgs, position: usize) -> Result<&Value, String> {
    args.get(position).ok_or_else(|| "an argument is missing".to_owned())
}

fn text(args: &FuncArgs, position: usize) -> Result<&str, String> {
    argument(args, position)?.as_str().ok_or_else(|| "an argument is no text".to_owned())
}

fn list(args: &FuncArgs, position: usize) -> Result<&Vec<Value>, String> {
    argument(args, position)?.as_array().ok_or_else(|| "an argument is no list".to_owned())
}

/// Terraform's maps and sets are in order.
fn sorted(args: &FuncArgs) -> Result<Vec<(String, Value)>, String> {
    let map = argument(args, 0)?.as_object().ok_or("an argument is no map")?;
    let mut entries: Vec<(String, Value)> =
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

fn set(args: &FuncArgs) -> Answer {
    let texts =
        list(args, 0)?.iter().map(|value| value.as_str().ok_or("a set of texts is wanted".to_owned()));
    let set = texts.collect::<Result<BTreeSet<_>, _>>()?;
    Ok(set.into_iter().map(Value::from).collect::<Vec<_>>().into())
}

fn flat(list: &[Value]) -> Vec<Value> {
    let each =
        list.iter().map(|value| value.as_array().map_or_else(|| vec![value.clone()], |inner| flat(inner)));
    each.flatten().collect()
}

fn title(text: &str) -> String {
    let mut begins = true;
    text.chars()
        .map(|character| {
            let shown = if begins { character.to_ascii_uppercase() } else { character };
            begins = character == ' ';
            shown
        })
        .collect()
}

/// Files below `dir` whose path fits the pattern, in which `*` is any name.
fn files(dir: &Path, pattern: &str) -> Value {
    let mut found = vec![String::new()];
    for part in pattern.split('/') {
        let mut deeper = Vec::new();
        for path in &found {
            let Ok(entries) = fs::read_dir(dir.join(path)) else { continue };
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            deeper.extend(
                names
                    .filter(|name| fits(name, part))
                    .map(|name| if path.is_empty() { name } else { format!("{path}/{name}") }),
            );
        }
        found = deeper;
    }
    found.sort();
    found.into_iter().filter(|path| dir.join(path).is_file()).map(Value::from).collect()
}

/// `api*.tf`, with one `*` at most.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((begin, end)) => {
            name.len() >= begin.len().saturating_add(end.len())
                && name.starts_with(begin)
                && name.ends_with(end)
        }
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use hcl::eval::Evaluate;

    use super::*;

    #[test]
    fn functions_answer_what_terraform_answers() {
        for (expression, answer) in [
            (r#"join("&", concat(["a"], ["b"]))"#, r#""a&b""#),
            (r#"split("/", "a/b")[1]"#, r#""b""#),
            ("keys({ b = 1, a = 2 })", r#"["a","b"]"#),
            ("values({ b = 1, a = 2 })", "[2,1]"),
            ("merge({ a = 1, b = 1 }, null, { b = 2 })", r#"{"a":1,"b":2}"#),
            (r#"toset(["b", "a", "b"])"#, r#"["a","b"]"#),
            (r#"flatten([["a"], [["b"]]])"#, r#"["a","b"]"#),
            (
                r#"replace(title(replace("stock-level-changed", "-", " ")), " ", "")"#,
                r#""StockLevelChanged""#,
            ),
            (r#"jsonencode({ a = ["b"] })"#, r#""{\"a\":[\"b\"]}""#),
            (r#"jsondecode("{\"a\":1}").a"#, "1"),
            (r#"dirname("a/b/c")"#, r#""a/b""#),
            (r#"length("abc") + length([1])"#, "4"),
            (r#"lookup({ a = 1 }, "b", 2)"#, "2"),
            (r#"setproduct(["a", "b"], ["c"])"#, r#"[["a","c"],["b","c"]]"#),
            (r#"startswith("ab", "a")"#, "true"),
            (r#"contains(["a"], "a") && alltrue([true])"#, "true"),
        ] {
            let parsed: hcl::Expression = expression.parse().unwrap();
            let value = parsed.evaluate(&context()).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), answer, "{expression}");
        }
    }

    #[test]
    fn files_are_found_by_a_pattern_of_names() {
        let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts");
        let found = files(&contracts.join("events/orders"), "order-c*/v1.schema.json");
        assert!(found.as_array().unwrap().contains(&"order-created/v1.schema.json".into()));
        assert!(found.as_array().unwrap().iter().all(|path| path.as_str().unwrap().starts_with("order-c")));
    }
}
