//! Colours, where there is a terminal and nobody has asked for none.

use std::{
    env, fmt,
    io::{IsTerminal, stdout},
    sync::LazyLock,
};

static COLOURED: LazyLock<bool> = LazyLock::new(|| {
    let declined = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stdout().is_terminal() && !declined
});

/// Text in a colour.
#[derive(Debug, Clone, Copy)]
pub struct Painted<T> {
    code: &'static str,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *COLOURED { write!(f, "\u{1b}[{}m{}\u{1b}[0m", self.code, self.text) } else { self.text.fmt(f) }
    }
}

/// A heading.
pub const fn bold<T: fmt::Display>(text: T) -> Painted<T> {
    Painted { code: "1", text }
}

/// What is as it should be.
pub const fn green<T: fmt::Display>(text: T) -> Painted<T> {
    Painted { code: "32", text }
}

/// What is not.
pub const fn red<T: fmt::Display>(text: T) -> Painted<T> {
    Painted { code: "31", text }
}

/// What matters less.
pub const fn dim<T: fmt::Display>(text: T) -> Painted<T> {
    Painted { code: "2", text }
}
