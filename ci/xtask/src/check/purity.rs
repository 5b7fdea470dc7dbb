//! The domain is pure: no async, no AWS, no clock, no randomness, no system calls; neither itself nor in what it uses.

use std::fs;
use std::iter::Peekable;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{Context, Outcome};
use crate::fingerprint::files_below;
use crate::progress::Step;
use crate::run;

/// Crates that bring a runtime, AWS, a clock, randomness or the network.
const FORBIDDEN: [&str; 14] = [
    "chrono",
    "coarsetime",
    "fastrand",
    "getrandom",
    "h2",
    "mio",
    "oorandom",
    "polling",
    "quanta",
    "smol",
    "socket2",
    "time",
    "ureq",
    "web-time",
];
/// The same by the beginning of the name, for families of crates.
const FORBIDDEN_FAMILIES: [&str; 13] = [
    "async", "aws-", "aws_", "futures", "hyper", "jiff", "lambda_", "nanorand", "pollster", "rand",
    "reqwest", "rusoto", "tokio",
];
/// Modules of the standard library that reach outside, or wait.
const FORBIDDEN_MODULES: [&str; 10] =
    ["env", "fs", "future", "io", "net", "os", "path", "process", "task", "thread"];
/// Clocks; a duration is only a number.
const FORBIDDEN_CLOCKS: [&str; 3] = ["Instant", "SystemTime", "UNIX_EPOCH"];

/// Checks the dependencies as Cargo resolves them for the crate alone, and every source file.
pub fn check(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = Command::new("cargo");
    // By itself, for the features that other crates ask for are none of the domain's.
    command.current_dir(&context.layout.root).args(["tree", "--package", "lakeside-domain", "--locked"]);
    command.args(["--edges", "normal,no-proc-macro", "--prefix", "depth", "--no-dedupe", "--format", "{p}"]);
    let tree = run::captured("cargo tree", &mut command, &context.log("purity"))?;
    let mut violations: Vec<String> = impure_dependencies(&tree)?;
    let files = files_below(&context.layout.root.join("domain/src"))?;
    for file in &files {
        let shown = context.layout.shown(file).to_string();
        let source = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
        violations.extend(impure_source(&source)?.into_iter().map(|use_| format!("{shown}: {use_}")));
    }
    if violations.is_empty() {
        return Ok(Outcome::Passed(format!(
            "{} crates, {} files",
            tree.lines().count().saturating_sub(1),
            files.len()
        )));
    }
    bail!("the domain is not pure: {}", violations.join("; "))
}

/// Reads `cargo tree --prefix depth` and names each forbidden crate with the path to it.
fn impure_dependencies(tree: &str) -> anyhow::Result<Vec<String>> {
    let mut path: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let digits = line.chars().take_while(char::is_ascii_digit).count();
        let (depth, rest) = line.split_at(digits);
        let depth: usize = depth.parse().map_err(|_| anyhow!("cargo tree printed `{line}`"))?;
        let name = rest.split_whitespace().next().unwrap_or_default();
        path.truncate(depth);
        path.push(name);
        if is_forbidden(name) {
            let through = format!("it depends on {}", path.get(1..).unwrap_or_default().join(" > "));
            if !found.contains(&through) {
                found.push(through);
            }
        }
    }
    if path.is_empty() {
        bail!("cargo tree printed nothing");
    }
    Ok(found)
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.contains(&name) || FORBIDDEN_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Every use of an impure part of the standard library, macros and grouped imports included, and all async code.
fn impure_source(source: &str) -> anyhow::Result<Vec<String>> {
    let tokens = TokenStream::from_str(source)
        .map_err(|error| anyhow!("a source file of the domain is not Rust: {error}"))?;
    let mut found = Vec::new();
    walk(tokens, &mut found);
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(tokens: TokenStream, found: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => walk(group.stream(), found),
            TokenTree::Ident(ident) => match ident.to_string().as_str() {
                word @ ("async" | "await") => found.push(format!("`{word}`")),
                crate_ @ ("std" | "core" | "alloc") => {
                    if skip_separator(&mut tokens) {
                        path(&mut tokens, crate_, found);
                    } else if next_is(&mut tokens, "as") {
                        found.push(format!("`{crate_}` under another name"));
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
}

type Tokens = Peekable<proc_macro2::token_stream::IntoIter>;

/// Follows a path from behind its first `::`, into each branch of a group.
fn path(tokens: &mut Tokens, prefix: &str, found: &mut Vec<String>) {
    match tokens.next() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let mut branches = group.stream().into_iter().peekable();
            while branches.peek().is_some() {
                path(&mut branches, prefix, found);
                while branches
                    .next_if(|token| !matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
                    .is_some()
                {}
                branches.next();
            }
        }
        Some(TokenTree::Ident(ident)) => {
            let name = ident.to_string();
            let path_ = format!("{prefix}::{name}");
            let root = !prefix.contains(':');
            if (root && FORBIDDEN_MODULES.contains(&name.as_str()))
                || FORBIDDEN_CLOCKS.contains(&name.as_str())
            {
                found.push(format!("`{path_}`"));
            } else if skip_separator(tokens) {
                path(tokens, &path_, found);
            }
        }
        Some(TokenTree::Punct(punct)) if punct.as_char() == '*' && matches!(prefix, "std" | "std::time") => {
            found.push(format!("`{prefix}::*`"));
        }
        _ => {}
    }
}

/// Consumes `::` if it is next.
fn skip_separator(tokens: &mut Tokens) -> bool {
    let colon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
    tokens.next_if(colon).is_some() && tokens.next_if(colon).is_some()
}

fn next_is(tokens: &mut Tokens, word: &str) -> bool {
    matches!(tokens.peek(), Some(TokenTree::Ident(ident)) if ident == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_graph_passes() {
        let tree = "0lakeside-domain v0.1.0 (/clone/domain)\n1serde v1.0.229\n2serde_core v1.0.229\n1thiserror v2.0.21\n";
        assert_eq!(impure_dependencies(tree).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_clock_randomness_a_runtime_or_aws_is_named_with_the_way_to_it() {
        let tree = "0lakeside-domain v0.1.0 (/clone/domain)\n1serde v1.0.229\n1uuid v1.29.3\n2getrandom v0.4.3\n3libc v0.2.1\n\
                    1aws-sdk-dynamodb v1.136.0\n2tokio v1.54.1\n1jiff v0.2.46\n1time v0.3.1\n";
        assert_eq!(
            impure_dependencies(tree).unwrap(),
            [
                "it depends on uuid > getrandom",
                "it depends on aws-sdk-dynamodb",
                "it depends on aws-sdk-dynamodb > tokio",
                "it depends on jiff",
                "it depends on time",
            ]
        );
    }

    #[test]
    fn an_empty_graph_is_a_fault_of_the_check() {
        assert!(impure_dependencies("").is_err());
    }

    #[test]
    fn pure_source_passes_whatever_its_comments_and_texts_say() {
        let source = r#"
            //! Never calls std::time::SystemTime, nor anything async.
            use std::{collections::BTreeMap, fmt, num::NonZeroU32, time::Duration};
            use core::str::FromStr;
            /// std::fs is not used.
            fn text() -> &'static str { "std::env::var" }
            fn instant(order: &crate::order::Order) -> crate::time::Instant { order.placed_at }
        "#;
        assert_eq!(impure_source(source).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn impure_source_is_found_in_every_form_it_takes() {
        let cases = [
            ("use std::time::SystemTime;", "`std::time::SystemTime`"),
            ("use std::{collections::BTreeMap, time::{Duration, Instant}};", "`std::time::Instant`"),
            ("fn f() { let _ = ::std::env::var(\"X\"); }", "`std::env`"),
            ("fn f() { println!(\"{}\", std::thread::current().name()); }", "`std::thread`"),
            ("use std::{fmt, net::TcpStream};", "`std::net`"),
            ("use core::future::Future;", "`core::future`"),
            ("use std::time::*;", "`std::time::*`"),
            ("use std as system;", "`std` under another name"),
            ("async fn f() {}", "`async`"),
            ("fn f() { run(|| async move { g().await }) }", "`async`"),
        ];
        for (source, expected) in cases {
            let found = impure_source(source).unwrap();
            assert!(found.iter().any(|use_| use_ == expected), "{source} gave {found:?}");
        }
    }
}
