//! What is shown: for people in colours on a terminal, for programs as JSON.

use std::{
    env, fmt,
    io::{IsTerminal, Write as _, stderr, stdin, stdout},
};

use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::failure::{Failure, Result};

/// How a command shows what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// One JSON document on stdout and nothing else.
    pub json: bool,
    /// Whether colours are used.
    pub colour: bool,
}

impl Output {
    /// Colours are for terminals, and for nobody who has asked for none.
    pub fn new(json: bool, no_color: bool) -> Self {
        let declined = no_color || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { json, colour: !json && !declined && stdout().is_terminal() }
    }

    /// Shows `value` as JSON, or else `text`.
    ///
    /// # Errors
    /// If stdout takes nothing.
    pub fn show(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        let shown = if self.json {
            serde_json::to_string_pretty(value)
                .map_err(|error| Failure::wrong(format!("cannot be said as JSON: {error}")))?
        } else {
            text()
        };
        self.line(&shown)
    }

    /// One line, or some. A reader that has seen enough is no fault.
    ///
    /// # Errors
    /// If stdout takes nothing.
    pub fn line(self, text: &str) -> Result<()> {
        match writeln!(stdout(), "{text}") {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::wrong(format!("stdout takes nothing: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// What is worth saying beside the result.
    pub fn remark(self, text: &str) {
        // Nobody is left to tell if stderr is closed.
        drop(writeln!(stderr(), "{text}"));
    }

    /// `text` in a style, if there are colours.
    pub fn paint(self, paint: Paint, text: impl fmt::Display) -> String {
        if self.colour {
            let style = paint.style();
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }

    /// A bar on terminals, and nothing elsewhere.
    pub fn bar(self, length: usize, template: &str) -> ProgressBar {
        if self.json || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Asks before something is done that cannot be taken back.
    ///
    /// # Errors
    /// If nobody can be asked, or says no.
    pub fn confirm(self, yes: bool, what: &str) -> Result<()> {
        if yes {
            return Ok(());
        }
        if self.json || !stdin().is_terminal() || !stderr().is_terminal() {
            return Err(Failure::guarded(format!(
                "{what}; nobody can be asked here: say --yes to have it done"
            )));
        }
        drop(write!(stderr(), "{what}. Go on? [y/N] "));
        let mut answer = String::new();
        stdin().read_line(&mut answer).map_err(|error| Failure::wrong(format!("no answer: {error}")))?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(Failure::guarded("nothing was done"))
        }
    }
}

/// Why a text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// A heading.
    Bold,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Waits for somebody.
    Warn,
    /// Matters less.
    Dim,
}

impl Paint {
    const fn style(self) -> Style {
        match self {
            Self::Bold => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Warn => AnsiColor::Yellow.on_default(),
            Self::Dim => Style::new().dimmed(),
        }
    }
}

/// Rows under headings, in columns.
pub fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(headings);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.to_string();
    lines.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn nothing_is_done_that_nobody_agreed_to() {
        let output = Output { json: true, colour: false };
        assert_eq!(output.confirm(false, "all is dropped").unwrap_err().kind, Kind::Guarded);
        assert_eq!(output.confirm(true, "all is dropped"), Ok(()));
    }

    #[test]
    fn text_has_colours_only_where_they_are_wanted() {
        assert_eq!(Output { json: false, colour: false }.paint(Paint::Bad, "no"), "no");
        assert_eq!(Output { json: false, colour: true }.paint(Paint::Bad, "no"), "\u{1b}[31mno\u{1b}[0m");
    }

    #[test]
    fn rows_stand_in_columns_without_trailing_blanks() {
        let shown = table(["A", "B"], [["long".into(), "x".into()], ["y".into(), String::new()]]);
        assert_eq!(shown, "A     B\nlong  x\ny");
    }
}
