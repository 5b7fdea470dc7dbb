//! What a replay left behind: dead letters that were not there before.

use std::collections::BTreeMap;

use serde::Serialize;

/// Letters by dead-letter queue.
pub type Letters = BTreeMap<String, u64>;

/// A dead-letter queue in which more lies than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grown {
    /// The queue that they came from.
    pub queue: String,
    /// How many were there.
    pub before: u64,
    /// How many are there.
    pub after: u64,
}

/// Those in which more lies than before.
pub fn grown(before: &Letters, after: &Letters) -> Vec<Grown> {
    let was = |queue: &str| before.get(queue).copied().unwrap_or_default();
    after
        .iter()
        .map(|(queue, after)| Grown { queue: queue.clone(), before: was(queue), after: *after })
        .filter(|queue| queue.after > queue.before)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_grown_is_told() {
        let letters = |counts: &[(&str, u64)]| counts.iter().map(|(q, n)| ((*q).to_owned(), *n)).collect();
        let before: Letters = letters(&[("a", 1), ("b", 2), ("c", 3)]);
        let after: Letters = letters(&[("a", 1), ("b", 5), ("c", 0), ("new", 1)]);
        let told = grown(&before, &after);
        let expected = [
            Grown { queue: "b".into(), before: 2, after: 5 },
            Grown { queue: "new".into(), before: 0, after: 1 },
        ];
        assert_eq!(told, expected);
    }
}
