//! What a check finds, and what to do about it.

use serde::Serialize;

use crate::{
    failure::{Failure, Kind},
    output::{Output, Paint},
};

/// How something is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not as it should be, and nobody suffers.
    Warn,
    /// Not as it should be.
    Wrong,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// In one line.
    pub said: String,
    /// What to do next.
    pub next: Vec<String>,
}

impl Finding {
    /// All is as it should be.
    pub fn ok(check: &'static str, said: impl Into<String>) -> Self {
        Self { check, state: State::Ok, said: said.into(), next: Vec::new() }
    }

    /// Nobody suffers yet.
    pub fn warn(check: &'static str, said: impl Into<String>, next: Vec<String>) -> Self {
        Self { check, state: State::Warn, said: said.into(), next }
    }

    /// Something is wrong.
    pub fn wrong(check: &'static str, said: impl Into<String>, next: Vec<String>) -> Self {
        Self { check, state: State::Wrong, said: said.into(), next }
    }

    /// It could not be looked at.
    pub fn unseen(check: &'static str, failure: &Failure) -> Self {
        let next = match failure.kind {
            Kind::Unreachable => {
                "give the caller's role what ops/README.md says that an operator may do".into()
            }
            _ => format!("repair this, then `lakeside doctor` again to see {check}"),
        };
        Self::wrong(check, format!("cannot be seen: {failure}"), vec![next])
    }

    /// As one line, and one more for each next step.
    pub fn draw(&self, output: Output) -> String {
        let (word, paint) = match self.state {
            State::Ok => ("ok   ", Paint::Good),
            State::Warn => ("warn ", Paint::Warn),
            State::Wrong => ("wrong", Paint::Bad),
        };
        let mut lines = vec![format!("{}  {:<12} {}", output.paint(paint, word), self.check, self.said)];
        lines.extend(self.next.iter().map(|step| format!("       next: {step}")));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_seen_is_a_finding_that_says_what_is_missing() {
        let refused = Finding::unseen("alarms", &Failure::unreachable("the cloud refuses these credentials"));
        assert_eq!(refused.state, State::Wrong);
        assert!(refused.next[0].contains("an operator may do"), "{refused:?}");
        let shown = refused.draw(Output { json: false, colour: false });
        assert!(shown.starts_with("wrong  alarms       cannot be seen: the cloud refuses"), "{shown}");
        assert_eq!(shown.lines().count(), 2);
    }
}
