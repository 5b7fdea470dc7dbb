//! What somebody agreed to, word by word: nothing else is done. Pure.

use serde::Serialize;
use serde_json::Value;

use crate::{
    dead_letters::grouping::Group,
    failure::{Failure, Result},
};

/// What came of a wish.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// Nothing was done: this would happen.
    Would(Would),
    /// It was done.
    Done(Value),
}

/// What would happen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Would {
    /// For somebody to agree to, word by word.
    pub what: String,
    /// The letters that it is about.
    pub letters: Vec<Group>,
    /// What the command's dry run says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Value>,
}

/// What somebody agreed to, and what it would come to now.
pub struct Agreement {
    agreed: Option<String>,
    would: Option<Would>,
}

impl Agreement {
    /// Nothing is agreed to before it was shown.
    pub const fn new(agreed: Option<String>) -> Self {
        Self { agreed, would: None }
    }

    /// Whether this is what somebody agreed to.
    ///
    /// # Errors
    /// If it is something else than what somebody agreed to.
    pub fn to(&mut self, would: Would) -> Result<bool> {
        match &self.agreed {
            None => {
                self.would = Some(would);
                Ok(false)
            }
            Some(agreed) if *agreed == would.what => Ok(true),
            Some(_) => Err(Failure::guarded(format!(
                "nothing was done, for something has changed meanwhile; now it would be: {}",
                would.what
            ))),
        }
    }

    /// What was done, or what would be.
    ///
    /// # Errors
    /// If it is neither.
    pub fn answer(self, done: Option<impl Serialize>) -> Result<Answer> {
        match (done, self.would) {
            (Some(done), _) => serde_json::to_value(done)
                .map(Answer::Done)
                .map_err(|error| Failure::wrong(format!("cannot be said as JSON: {error}"))),
            (None, Some(would)) => Ok(Answer::Would(would)),
            (None, None) => Err(Failure::guarded("nothing was done")),
        }
    }
}

impl Would {
    /// Something that is said in a sentence.
    pub fn said(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn nothing_is_done_that_nobody_was_shown_in_these_words() {
        let letters = || Would::said("3 letters");
        let mut asked = Agreement::new(None);
        assert_eq!(asked.to(letters()), Ok(false));
        assert_eq!(asked.answer(None::<()>), Ok(Answer::Would(letters())));
        assert_eq!(Agreement::new(Some("3 letters".into())).to(letters()), Ok(true));
        let changed = Agreement::new(Some("3 letters".into())).to(Would::said("4 letters")).unwrap_err();
        assert_eq!(changed.kind, Kind::Guarded);
        assert!(changed.sentence.contains("4 letters"));
    }
}
