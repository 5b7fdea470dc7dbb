//! No path of the machine that a change was made on gets into the repository.
//!
//! What to look for is computed at run time: the checkout, the home directory, the build directory, the provider
//! mirror; and the forms that home directories have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use super::{Context, Outcome};
use crate::progress::Step;
use crate::run;

/// Larger files are data, not text that somebody wrote.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Searches every file that git knows or would add.
pub fn check(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let root = &context.layout.root;
    let mut command = Command::new("git");
    command.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = run::captured("git ls-files", &mut command, &context.log("paths"))?;
    let forbidden = forbidden(root);
    let mut found = Vec::new();
    let mut searched = 0;
    for name in listed.split_terminator('\0') {
        let file = root.join(name);
        // A file deleted but not yet staged is listed and not there.
        let Ok(metadata) = fs::metadata(&file) else { continue };
        if !metadata.is_file() || metadata.len() > LARGEST {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else { continue };
        searched += 1;
        for (number, line) in (1_u32..).zip(text.lines()) {
            if let Some(path) = machine_path(line, &forbidden) {
                found.push(format!("{name}:{number} holds {path}"));
            }
        }
    }
    if found.is_empty() {
        return Ok(Outcome::Passed(format!("{searched} files")));
    }
    bail!("paths of one machine do not belong in the repository: {}", found.join("; "))
}

/// The directories of this machine that matter, as text.
fn forbidden(root: &Path) -> Vec<String> {
    let variables = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR", "LAKESIDE_TERRAFORM_MIRROR"];
    let of_environment = variables.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let mut directories: Vec<String> = of_environment
        .chain([root.to_path_buf()])
        // `/` and the like would match everywhere.
        .filter(|dir| dir.is_absolute() && dir.components().count() > 1)
        .map(|dir| dir.to_string_lossy().trim_end_matches('/').to_owned())
        .collect();
    directories.sort();
    directories.dedup();
    directories
}

/// The first path of a machine in a line.
fn machine_path(line: &str, forbidden: &[String]) -> Option<String> {
    forbidden.iter().find(|dir| holds_path(line, dir)).cloned().or_else(|| home_directory(line))
}

/// Whether the line has the directory as a path of its own, not as a part of a longer name.
fn holds_path(line: &str, dir: &str) -> bool {
    line.match_indices(dir).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line.get(start + dir.len()..).and_then(|text| text.chars().next());
        let part_of_name = |character: char| character.is_alphanumeric() || "-_.".contains(character);
        !before.is_some_and(|character| part_of_name(character) || "/}$".contains(character))
            && !after.is_some_and(part_of_name)
    })
}

/// A home directory as Linux and macOS name them, with a user in it.
fn home_directory(line: &str) -> Option<String> {
    [concat!("/", "home/"), concat!("/", "Users/")].into_iter().find_map(|parent| {
        line.match_indices(parent).find_map(|(start, _)| {
            let before = line.get(..start)?.chars().next_back();
            if before.is_some_and(|character| character.is_alphanumeric() || "-_.}$".contains(character)) {
                return None;
            }
            let rest = line.get(start + parent.len()..)?;
            let user: String = rest
                .chars()
                .take_while(|character| character.is_alphanumeric() || "-_.".contains(*character))
                .collect();
            (!user.is_empty() && rest.get(user.len()..)?.starts_with('/')).then(|| format!("{parent}{user}"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_found_only_as_a_path_of_its_own() {
        for line in ["cd /some/clone", "path = \"/some/clone/x\"", "/some/clone", "(/some/clone)"] {
            assert!(holds_path(line, "/some/clone"), "{line}");
        }
        for line in ["/some/clones", "/awesome/some/clone", "${root}/some/clone", "a/some/clone"] {
            assert!(!holds_path(line, "/some/clone"), "{line}");
        }
    }

    #[test]
    fn a_home_directory_is_found_with_its_user() {
        let home = concat!("/", "home/");
        assert_eq!(home_directory(&format!("cd {home}alice/src")), Some(format!("{home}alice")));
        assert_eq!(home_directory(&format!("see https://example.com{home}page/x")), None);
        assert_eq!(home_directory(&format!("{home} is where they are")), None);
    }

    #[test]
    fn the_top_of_the_file_system_is_never_searched_for() {
        assert!(forbidden(Path::new("/")).iter().all(|dir| dir.len() > 1));
        assert!(forbidden(Path::new("/some/clone")).contains(&"/some/clone".to_owned()));
    }
}
