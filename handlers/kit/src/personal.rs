//! Personal data on its way from the directory to whoever needs it: it can be used, and not shown.

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::dynamo::Item;

/// A text about a person. It has no `Display`, no `Serialize`, and its `Debug` tells nothing, so that it gets into no
/// log, item or event by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal(String);

impl Personal {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one request that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text attribute `name` of an item of the directory; `None` if there is none. Read by hand, because an error of
    /// a deserializer quotes what it cannot read.
    pub fn of(item: &Item, name: &str) -> Option<Self> {
        match item.get(name) {
            Some(AttributeValue::S(text)) if !text.is_empty() => Some(Self::new(text)),
            _ => None,
        }
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(personal)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_is_not_shown() {
        let jane = Personal::new("jane@example.com");
        assert_eq!(format!("{jane:?} {:#?}", Some(&jane)).matches("jane").count(), 0);
        assert_eq!(jane.reveal(), "jane@example.com");
    }
}
