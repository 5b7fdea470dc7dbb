//! Writes the pages below `docs/events/`, or with `--check` says which of them differ. With `--plans DIR` the rules are
//! those of the plans there, otherwise those in the Terraform's text.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use lakeside_catalogue::{
    pages::{Catalogue, FOLDER},
    workspace,
};

fn main() -> anyhow::Result<ExitCode> {
    let (check, plans) = arguments()?;
    let folder = workspace().join(FOLDER);
    let pages = Catalogue::read(&workspace(), plans.as_deref())?.pages()?;
    let mut stale = BTreeSet::new();
    existing(&folder, &mut stale)?;
    let mut differing = Vec::new();
    for page in &pages {
        let path = folder.join(&page.path);
        stale.remove(&path);
        if fs::read_to_string(&path).is_ok_and(|text| text == page.text) {
            continue;
        }
        differing.push(page.path.clone());
        if !check {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, &page.text)?;
        }
    }
    for path in stale {
        differing.push(path.strip_prefix(&folder)?.display().to_string());
        if !check {
            fs::remove_file(&path)?;
        }
    }
    if check && !differing.is_empty() {
        eprintln!(
            "pages of events differ from contracts, functions and rules; run `cargo run -p lakeside-catalogue --bin generate-event-pages` and commit: {}",
            differing.join(", ")
        );
        return Ok(ExitCode::FAILURE);
    }
    println!("{} pages, {} {}", pages.len(), differing.len(), if check { "differ" } else { "written" });
    Ok(ExitCode::SUCCESS)
}

fn arguments() -> anyhow::Result<(bool, Option<PathBuf>)> {
    let (mut check, mut plans) = (false, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => check = true,
            "--plans" => plans = Some(arguments.next().context("--plans wants a directory")?.into()),
            other => bail!("{other} is not known: say --check, --plans DIR, both or neither"),
        }
    }
    Ok((check, plans))
}

/// The pages that are there now.
fn existing(folder: &Path, found: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                existing(&path, found)?;
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.insert(path);
            }
        }
    }
    Ok(())
}
