//! Writes the files under `contracts/` from the types, or with `--check` says which of them differ.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use lakeside_contracts::generate::documents;

const FOLDERS: [&str; 4] = ["events", "commands", "api", "registry"];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let check = std::env::args().any(|argument| argument == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = documents()?;
    let mut stale = existing(root)?;
    let mut differing = Vec::new();
    for document in &documents {
        let path = root.join(&document.path);
        stale.remove(&path);
        if fs::read_to_string(&path).is_ok_and(|text| text == document.text) {
            continue;
        }
        differing.push(document.path.clone());
        if !check {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, &document.text)?;
        }
    }
    for path in stale {
        differing.push(path.strip_prefix(root)?.display().to_string());
        if !check {
            fs::remove_file(&path)?;
        }
    }
    if check && !differing.is_empty() {
        eprintln!(
            "contracts differ from the types; run `cargo run -p lakeside-contracts --bin generate-contracts` and commit: {}",
            differing.join(", ")
        );
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "{} contract files, {} {}",
        documents.len(),
        differing.len(),
        if check { "differ" } else { "written" }
    );
    Ok(ExitCode::SUCCESS)
}

/// The JSON files that are there now.
fn existing(root: &Path) -> std::io::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|f| root.join(f)).filter(|f| f.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "json") {
                found.insert(path);
            }
        }
    }
    Ok(found)
}
