//! Whether every text that one pattern admits is admitted by another, decided on their automata.

use std::collections::BTreeSet;

use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton, dense},
    nfa::thompson,
    util::{primitives::StateID, syntax},
};

type Dfa = dense::DFA<Vec<u32>>;

/// How large an automaton may get before patterns count as not comparable.
const SIZE_LIMIT: usize = 16 << 20;

/// Whether all that `narrow` admits is admitted by `wide`. `false` also where that cannot be told.
pub fn includes(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    match (automaton(wide), automaton(narrow)) {
        (Some(wide), Some(narrow)) => inclusion(&wide, &narrow).unwrap_or(false),
        _ => false,
    }
}

/// The automaton of a pattern that means the same to JSON Schema, which takes its patterns from ECMAScript.
fn automaton(pattern: &str) -> Option<Dfa> {
    let differs =
        [r"\s", r"\S", r"\b", r"\B", r"\w", r"\W", r"\D"].iter().any(|class| pattern.contains(class));
    let any_character = pattern.replace(r"\.", "").contains('.');
    if differs || any_character || !pattern.is_ascii() {
        return None;
    }
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .dfa_size_limit(Some(SIZE_LIMIT))
                .determinize_size_limit(Some(SIZE_LIMIT)),
        )
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false))
        .build(pattern)
        .ok()
}

/// One automaton on its way through a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Walk {
    state: StateID,
    /// A match anywhere in the text is one for good.
    matched: bool,
}

impl Walk {
    fn start(dfa: &Dfa) -> Option<Self> {
        let state = dfa.start_state_forward(&Input::new("").anchored(Anchored::No)).ok()?;
        Some(Self { state, matched: dfa.is_match_state(state) })
    }

    fn next(self, dfa: &Dfa, byte: u8) -> Self {
        let state = dfa.next_state(self.state, byte);
        Self { state, matched: self.matched || dfa.is_match_state(state) }
    }

    fn admits_what_was_read(self, dfa: &Dfa) -> bool {
        self.matched || dfa.is_match_state(dfa.next_eoi_state(self.state))
    }
}

/// Follows both automata through every text until one is found that only `narrow` admits.
fn inclusion(wide: &Dfa, narrow: &Dfa) -> Option<bool> {
    let mut ahead = vec![(Walk::start(wide)?, Walk::start(narrow)?)];
    let mut seen = BTreeSet::new();
    while let Some((in_wide, in_narrow)) = ahead.pop() {
        if in_wide.matched || !seen.insert((in_wide, in_narrow)) {
            continue;
        }
        if in_narrow.admits_what_was_read(narrow) && !in_wide.admits_what_was_read(wide) {
            return Some(false);
        }
        if !in_narrow.matched && narrow.is_dead_state(in_narrow.state) {
            continue;
        }
        ahead.extend((0..=u8::MAX).map(|byte| (in_wide.next(wide, byte), in_narrow.next(narrow, byte))));
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_includes_another_if_it_admits_all_its_texts() {
        for (wide, narrow) in [
            ("^[A-Z0-9]{1,40}$", "^[A-Z]{1,39}$"),
            ("^[0-9a-fA-F]{8}$", "^[0-9a-f]{8}$"),
            (r"^\d{4}$", "^[0-9]{4}$"),
            ("^[0-9]{4}$", r"^\d{4}$"),
            ("a", "^xa+$"),
            ("^a", "^ab$"),
            ("^(a|b)$", "^b$"),
            ("^a?$", "^$"),
            ("", "^x$"),
            (r"^a\.b$", r"^a\.b$"),
        ] {
            assert!(includes(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("^[A-Z]{1,39}$", "^[A-Z0-9]{1,40}$"),
            ("^[A-Z]{1,39}$", "^[A-Z]{1,40}$"),
            ("^pm_[a-z]+$", "pm_[a-z]+"),
            ("^a$", "^a"),
            ("^a", "a"),
            ("^a+$", "^a*$"),
            ("^x$", ""),
        ] {
            assert!(!includes(wide, narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn what_means_something_else_to_json_schema_is_not_compared() {
        for pattern in [r"^\w+$", "^.+$", "^(?=a)a$", "^é$", "(", r"^\s$"] {
            assert!(!includes("", pattern), "{pattern}");
            assert!(includes(pattern, pattern), "{pattern}");
        }
    }
}
