//! Dropping dead letters: they are written down whole, then deleted. Whoever asks goes through the same guards.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use lakeside_contracts::WireTime;
use serde::Serialize;

use super::{
    handling::{Choice, Offer, pick},
    letter::Letter,
    queues::{Wanted, hold},
};
use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
};

/// Letters that were dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The queue.
    pub queue: String,
    /// How many.
    pub dropped: usize,
    /// Where they were written, whole.
    pub file: String,
}

/// Writes letters into a file and deletes them, if some are named, or `all` of them, and `agree` says yes; nothing if it says no.
///
/// # Errors
/// If a guard or `agree` refuses, none is named or meant, or the file cannot be written: then nothing is deleted.
pub async fn drop_letters(
    cloud: &Cloud,
    choice: &Choice,
    all: bool,
    to: Option<PathBuf>,
    agree: impl FnOnce(&Offer) -> Result<bool>,
) -> Result<Option<Dropped>> {
    named(&choice.wanted, all)?;
    let picked = pick(cloud, choice).await?;
    let count = picked.chosen.len();
    let offer = picked.offer(format!(
        "{count} letters of {} would be written into a file and deleted: each is an order, a fact or money",
        picked.name
    ));
    let path = to.unwrap_or_else(|| file_name(picked.name, clock::now()));
    let written = match agree(&offer) {
        Ok(true) => {
            // Whoever agreed may have thought about it for long.
            let held = hold(&cloud.sqs, &picked.queue.dead_letter_url, &picked.chosen).await;
            held.and_then(|()| write_down(&path, &picked.chosen)).map(|()| true)
        }
        refused => refused,
    };
    if written != Ok(true) {
        picked.show_again(cloud).await?;
        return written.map(|_| None);
    }
    for letter in &picked.chosen {
        cloud.delete_letter(&picked.queue.dead_letter_url, letter).await?;
    }
    let file = path.display().to_string();
    Ok(Some(Dropped { queue: picked.name.to_owned(), dropped: count, file }))
}

/// Nobody means all letters by saying nothing.
fn named(wanted: &Wanted, all: bool) -> Result<()> {
    if *wanted == Wanted::default() && !all {
        return Err(Failure::usage(
            "say which letters are dropped by --message, --order or --reason, or --all",
        ));
    }
    Ok(())
}

fn file_name(queue: &str, now: WireTime) -> PathBuf {
    PathBuf::from(format!("dropped-{queue}-{}.jsonl", clock::stamp(now)))
}

/// Writes letters whole, one a line, for their owner alone, and not over anything.
fn write_down(path: &Path, letters: &[Letter]) -> Result<()> {
    let failed = |error: std::io::Error| {
        Failure::wrong(format!("cannot write {}, so nothing is dropped: {error}", path.display()))
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    for letter in letters {
        let line = serde_json::to_string(letter).map_err(|error| {
            Failure::wrong(format!("a letter has no JSON form, so nothing is dropped: {error}"))
        })?;
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.sync_all().map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use serde_json::json;

    use super::{super::letter::tests::letter, *};
    use crate::failure::Kind;

    #[test]
    fn what_is_dropped_is_written_whole_for_its_owner_alone_and_never_over_another_file() {
        let path = std::env::temp_dir().join(format!("lakeside-dropped-{}", uuid::Uuid::new_v4()));
        let letters = [letter("a", &json!({ "taskToken": "secret" }))];
        write_down(&path, &letters).unwrap();
        let written = fs::read_to_string(&path).unwrap();
        assert!(written.contains("secret") && written.lines().count() == 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(write_down(&path, &letters).unwrap_err().kind, Kind::Wrong);
        assert_eq!(fs::read_to_string(&path).unwrap(), written);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_name_of_the_file_says_of_which_queue_and_when() {
        let name = file_name("capture-payment", clock::of_millis(1_795_769_260_000));
        assert_eq!(name, PathBuf::from("dropped-capture-payment-20261127T084740000Z.jsonl"));
    }

    #[test]
    fn all_letters_are_meant_only_by_whoever_says_so() {
        assert_eq!(named(&Wanted::default(), false).unwrap_err().kind, Kind::Usage);
        assert_eq!(named(&Wanted::default(), true), Ok(()));
        assert_eq!(named(&Wanted { messages: vec!["a".into()], ..Wanted::default() }, false), Ok(()));
    }
}
