//! What a person sees while it works: one line a step, with its time.
//!
//! On a terminal the running step shows a spinner and the last line of its log. Elsewhere each step is a line
//! when it ends, and a sign of life every twenty seconds, so that a log shows where the time went.

use std::cmp::Reverse;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// Where steps are shown.
pub struct Progress {
    bars: Option<MultiProgress>,
    /// Whether somebody else writes to the terminal meanwhile, which a bar would garble.
    shared: AtomicBool,
    colour: bool,
    silent: bool,
    started: Instant,
    spent: Mutex<Vec<(String, Duration)>>,
}

/// One step while it runs. Dropped without [`Step::done`] or [`Step::skipped`] it counts as failed.
pub struct Step<'a> {
    progress: &'a Progress,
    name: String,
    bar: Option<ProgressBar>,
    started: Instant,
    shown: Mutex<Instant>,
    closed: bool,
}

impl Progress {
    /// Looks at standard error and at NO_COLOR.
    pub fn new() -> Self {
        let terminal =
            std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            bars: terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10))),
            shared: AtomicBool::new(false),
            colour: terminal && !no_colour,
            silent: false,
            started: Instant::now(),
            spent: Mutex::default(),
        }
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self {
            bars: None,
            shared: AtomicBool::new(false),
            colour: false,
            silent: true,
            started: Instant::now(),
            spent: Mutex::default(),
        }
    }

    /// Shows a step that starts now.
    pub fn step(&self, name: &str) -> Step<'_> {
        let bars = self.bars.as_ref().filter(|_| !self.shared.load(Ordering::Relaxed));
        let bar = bars.map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed:>4}  {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(format!("{name:<NAME_WIDTH$}"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        Step {
            progress: self,
            name: name.to_owned(),
            bar,
            started: now,
            shown: Mutex::new(now),
            closed: false,
        }
    }

    /// Shows no bars but lines while `work` runs, for it writes to the terminal itself.
    pub fn sharing<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shared.store(true, Ordering::Relaxed);
        let done = work();
        self.shared.store(false, Ordering::Relaxed);
        done
    }

    /// A line of its own between the steps.
    pub fn say(&self, text: &str) {
        self.print(text);
    }

    /// A heading above the steps that follow.
    pub fn heading(&self, text: &str) {
        self.print(&self.paint("1", text));
    }

    /// Time since the program started, for the closing line.
    pub fn elapsed(&self) -> String {
        seconds(self.started.elapsed())
    }

    /// Has a part of the whole that is no step of its own count among those that [`Self::longest`] tells.
    pub fn spent(&self, name: &str, time: Duration) {
        if let Ok(mut spent) = self.spent.lock() {
            spent.push((name.to_owned(), time));
        }
    }

    /// What took longest, longest first, `most` of it: a line each.
    pub fn longest(&self, most: usize) -> String {
        let mut spent = self.spent.lock().map(|spent| spent.clone()).unwrap_or_default();
        spent.sort_by_key(|(_, time)| Reverse(*time));
        let lines = spent.iter().take(most).map(|(name, time)| format!("  {:>12}  {name}", seconds(*time)));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn print(&self, line: &str) {
        if self.silent {
            return;
        }
        match &self.bars {
            Some(bars) => bars.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

const NAME_WIDTH: usize = 34;

impl Step<'_> {
    /// Shows what the step is at: the last line of its log.
    pub fn note(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
            return;
        }
        let Ok(mut shown) = self.shown.lock() else { return };
        if shown.elapsed() >= SIGN_OF_LIFE {
            *shown = Instant::now();
            self.progress.print(&format!(
                "  {:<NAME_WIDTH$} {:>8}  {text}",
                self.name,
                seconds(self.started.elapsed())
            ));
        }
    }

    /// Ends the step well; `detail` is what a reader may want to know of it.
    pub fn done(self, detail: &str) {
        self.close("✓", "32", detail);
    }

    /// Ends a step that had nothing to do, or could not be done here and need not be.
    pub fn skipped(self, reason: &str) {
        self.close("-", "33", reason);
    }

    /// Ends the step badly.
    pub fn failed(self, reason: &str) {
        self.close("✗", "31", reason);
    }

    fn close(mut self, mark: &str, colour: &str, detail: &str) {
        self.finish(mark, colour, detail);
    }

    fn finish(&mut self, mark: &str, colour: &str, detail: &str) {
        self.closed = true;
        self.progress.spent(&self.name, self.started.elapsed());
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let line = format!("{:<NAME_WIDTH$} {:>8}  {detail}", self.name, seconds(self.started.elapsed()));
        self.progress.print(&format!("{} {}", self.progress.paint(colour, mark), line.trim_end()));
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if !self.closed {
            self.finish("✗", "31", "");
        }
    }
}

/// `1.2 s`, `3 min 04 s`.
pub fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 100 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_longest_is_told_first() {
        let progress = Progress::silent();
        for (name, time) in [("short", 1), ("long", 184), ("middling", 20)] {
            progress.spent(name, Duration::from_secs(time));
        }
        progress.step("hardly anything").done("");
        assert_eq!(progress.longest(2), "    3 min 04 s  long\n        20.0 s  middling");
    }

    #[test]
    fn times_read_naturally() {
        assert_eq!(seconds(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(184)), "3 min 04 s");
    }
}
