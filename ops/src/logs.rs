//! What functions have written into their logs.

use futures::{StreamExt as _, stream};
use lakeside_contracts::WireTime;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Kind, Result},
    redact,
};

/// Logs that are searched at a time: CloudWatch Logs takes few searches a second.
const AT_A_TIME: usize = 4;
/// Lines of one log that are read at most.
const MAX_LINES: usize = 200;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When.
    pub at: WireTime,
    /// The function.
    pub function: String,
    /// `INFO`, `WARN` or `ERROR`.
    pub level: String,
    /// What was said, without what may not be shown.
    pub message: String,
    /// The causes.
    pub error: Option<String>,
    /// The message that it was about.
    pub message_id: Option<String>,
}

/// A log line as the functions write it; nothing if it is none of theirs.
pub fn read(function: &str, at: WireTime, text: &str) -> Option<LogLine> {
    let line: Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| line.get(name)?.as_str().map(redact::line);
    Some(LogLine {
        at,
        function: function.to_owned(),
        level: field("level").unwrap_or_else(|| "INFO".into()),
        message: field("message")?,
        error: field("error"),
        message_id: field("message_id"),
    })
}

impl Cloud {
    /// The lines that have this exact text, of these functions or of all, since `since`.
    ///
    /// # Errors
    /// If a log cannot be read. A function that never ran has none, which is no error.
    pub async fn log_lines(
        &self,
        text: &str,
        functions: Option<&[&str]>,
        since: WireTime,
    ) -> Result<Vec<LogLine>> {
        let chosen = self.environment.functions.values();
        let chosen = chosen
            .filter(|function| functions.is_none_or(|names| names.contains(&function.function.as_str())));
        let searches: Vec<_> = chosen
            .map(|function| self.search(&function.function, &function.log_group, text, since))
            .collect();
        let found: Vec<Result<Vec<LogLine>>> =
            stream::iter(searches).buffer_unordered(AT_A_TIME).collect().await;
        let mut lines: Vec<LogLine> =
            found.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        lines.sort_by(|a, b| (a.at, &a.function).cmp(&(b.at, &b.function)));
        Ok(lines)
    }

    async fn search(&self, function: &str, group: &str, text: &str, since: WireTime) -> Result<Vec<LogLine>> {
        let mut request = json!({
            "logGroupName": group,
            "filterPattern": format!("\"{text}\""),
            "startTime": since.0.as_millis(),
        });
        let mut lines = Vec::new();
        loop {
            let page = self.signed.json("logs", "Logs_20140328.FilterLogEvents", &request).await;
            let page = match page.map_err(|error| Failure::signed(&format!("cannot search {group}"), &error))
            {
                Err(failure) if failure.kind == Kind::NotFound => return Ok(lines),
                page => page?,
            };
            for event in page.get("events").and_then(Value::as_array).into_iter().flatten() {
                let at = event.get("timestamp").and_then(Value::as_i64).unwrap_or_default();
                let message = event.get("message").and_then(Value::as_str).unwrap_or_default();
                lines.extend(read(function, clock::of_millis(at), message));
            }
            match (page.get("nextToken").filter(|token| token.is_string()), request.as_object_mut()) {
                (Some(token), Some(request)) if lines.len() < MAX_LINES => {
                    request.insert("nextToken".into(), token.clone());
                }
                _ => return Ok(lines),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_without_what_may_not_be_shown_and_others_are_left_out() {
        let at = clock::of_millis(5);
        let text = json!({ "level": "WARN", "message": "mail to jane@example.com", "error": "no", "message_id": "1" });
        let line = read("test-f", at, &text.to_string()).unwrap();
        assert_eq!((line.message.as_str(), line.level.as_str()), ("mail to [hidden]", "WARN"));
        assert_eq!(read("test-f", at, "END RequestId: 7"), None);
    }
}
