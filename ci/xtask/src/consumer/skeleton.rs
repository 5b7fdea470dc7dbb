//! The files of a new consumer: `ci/xtask/skeleton` with the names filled in.

use std::fs;

use anyhow::{Context, bail};

use super::Options;
use crate::layout::Layout;
use crate::terraform::PLATFORM;

/// A file of the skeleton, and where it goes in the consumer's directory.
macro_rules! skeleton {
    ($($from:literal => $to:literal),+ $(,)?) => {
        &[$(($to, include_str!(concat!("../../skeleton/", $from)))),+]
    };
}

const SKELETON: &[(&str, &str)] = skeleton! {
    "README.md" => "README.md",
    "dashboards.tf" => "dashboards.tf",
    "deployment.tf" => "deployment.tf",
    "enterprise.tfvars" => "enterprise.tfvars",
    "functions.tf" => "functions.tf",
    "local.tfvars" => "local.tfvars",
    "operations.tf" => "operations.tf",
    "outputs.tf" => "outputs.tf",
    "startup.tfvars" => "startup.tfvars",
    "subscriptions.tf" => "subscriptions.tf",
    "tables.tf" => "tables.tf",
    "variables.tf" => "variables.tf",
    "versions.tf" => "versions.tf",
    "tests/consumer.tftest.hcl" => "tests/<name>.tftest.hcl",
    "tests/profiles.tftest.hcl" => "tests/profiles.tftest.hcl",
    "tests/rejects.tftest.hcl" => "tests/rejects.tftest.hcl",
    "handlers/Cargo.toml.in" => "handlers/Cargo.toml",
    "handlers/src/lib.rs" => "handlers/src/lib.rs",
    "handlers/src/bin/consumer.rs" => "handlers/src/bin/<name>.rs",
    "handlers/src/consumer.rs" => "handlers/src/<module>.rs",
    "handlers/src/consumer/tests.rs" => "handlers/src/<module>/tests.rs",
    "handlers/src/fact_table.rs" => "handlers/src/fact_table.rs",
    "handlers/src/memory.rs" => "handlers/src/memory.rs",
};

/// Paths in the consumer's directory, and what is in them. `event` is the event's directory below `contracts/`.
pub fn files(layout: &Layout, options: &Options, event: &str) -> anyhow::Result<Vec<(String, String)>> {
    let module = options.name.replace('-', "_");
    let values = [
        ("<name>", options.name.as_str()),
        ("<module>", &module),
        ("<bus>", &options.bus),
        ("<Event>", &options.event),
        ("<event>", event),
    ];
    let fill =
        |text: &str| values.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value));
    let mut files: Vec<(String, String)> =
        SKELETON.iter().map(|(path, text)| (fill(path), fill(text))).collect();
    if let Some((path, _)) = files.iter().find(|(path, text)| left_over(path) || left_over(text)) {
        bail!("the skeleton of {path} has a mark that nothing stands for");
    }
    let lock = layout.root.join(&*PLATFORM.dir).join(".terraform.lock.hcl");
    let lock = fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    files.push((".terraform.lock.hcl".to_owned(), lock));
    files.push((format!("tests/artifacts/{}.zip", options.name), String::new()));
    Ok(files)
}

/// Marks are lower-case words in angle brackets, which neither Rust nor Terraform has.
fn left_over(text: &str) -> bool {
    ["<name>", "<module>", "<bus>", "<Event>", "<event>"].iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_filled_in_and_every_file_has_a_place_of_its_own() {
        let layout = Layout::find().unwrap();
        let options =
            Options { name: "feed-shop".into(), bus: "orders".into(), event: "OrderFulfilled".into() };
        let files = files(&layout, &options, "events/orders/order-fulfilled").unwrap();
        let paths: std::collections::BTreeSet<&String> = files.iter().map(|(path, _)| path).collect();
        assert_eq!(paths.len(), files.len());
        assert!(paths.contains(&"handlers/src/feed_shop/tests.rs".to_owned()));
        let of = |wanted: &str| files.iter().find(|(path, _)| path == wanted).unwrap().1.clone();
        assert!(of("subscriptions.tf").contains("detail_types = [\"OrderFulfilled\"]"));
        assert!(of("handlers/src/memory.rs").contains("contracts/events/orders/order-fulfilled/"));
    }
}
