//! The trace that work belongs to, in X-Ray's form, from what came in to what goes out.
//!
//! It is about measuring only: nothing is decided by it, and where it is lost, the ids in the log are not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The HTTP header that carries it.
pub const TRACE_HEADER: &str = "x-amzn-trace-id";

/// The longest header that is handed on. X-Ray's own fields take about a hundred characters, Lambda adds some.
const MAX_LENGTH: usize = 512;

tokio::task_local! {
    static CURRENT: Option<TraceHeader>;
}

/// A header as X-Ray writes it: `Root=1-…;Parent=…;Sampled=1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TraceHeader(String);

impl TraceHeader {
    /// Reads a header; nothing but X-Ray's form goes on to others.
    pub fn parse(text: &str) -> Option<Self> {
        let fields = || text.split(';').map(str::trim);
        let named = |field: &str| {
            field.split_once('=').is_some_and(|(name, value)| {
                name.chars().all(char::is_alphanumeric) && value.chars().all(|c| c.is_ascii_graphic())
            })
        };
        let sound = text.len() <= MAX_LENGTH
            && fields().all(named)
            && fields().any(|field| field.strip_prefix("Root=").is_some_and(is_trace_id));
        sound.then(|| Self(text.to_owned()))
    }

    /// What it says of `name`, such as `Root`.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.split(';').filter_map(|field| field.trim().split_once('='));
        fields.find_map(|(said, value)| (said == name).then_some(value))
    }
}

/// Whether it is `1-`, eight digits of time, `-`, and 24 by chance, all in hex.
fn is_trace_id(text: &str) -> bool {
    let hex = |digits: &str, length| digits.len() == length && digits.chars().all(|c| c.is_ascii_hexdigit());
    let mut parts = text.split('-');
    parts.next() == Some("1")
        && parts.next().is_some_and(|time| hex(time, 8))
        && parts.next().is_some_and(|chance| hex(chance, 24))
        && parts.next().is_none()
}

impl fmt::Display for TraceHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for TraceHeader {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The header of the trace that the caller works in.
pub fn current() -> Option<TraceHeader> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}

/// Does `work` in the trace of `header`, or in the one that it is in already.
pub async fn following<F: Future>(header: Option<TraceHeader>, work: F) -> F::Output {
    CURRENT.scope(header.or_else(current), work).await
}

/// Does `work` that does not wait in the trace of `header`, or in the one that it is in already.
pub fn following_now<T>(header: Option<TraceHeader>, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(header.or_else(current), work)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    fn header() -> Option<TraceHeader> {
        TraceHeader::parse(HEADER)
    }

    #[test]
    fn only_what_x_ray_writes_is_handed_on() {
        assert_eq!(header().unwrap().as_ref(), HEADER);
        let lineage = format!("{HEADER};Lineage=a87bd80c:1|68fd508a:5");
        assert_eq!(TraceHeader::parse(&lineage).unwrap().to_string(), lineage);
        let long = format!("{HEADER};Self={}", "1".repeat(MAX_LENGTH));
        for bad in [
            "",
            "Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=1-5759e988-bd862e3fe1be46a994272793-1",
            "Root=1-5759e988-bd862e3fe1be46a994272793;ada@example.com",
            "Root=1-5759e988-bd862e3fe1be46a994272793;To=Ada Lovelace",
            "Root=1-5759e988-bd862e3fe1be46a994272793\nParent=1",
            &long,
        ] {
            assert_eq!(TraceHeader::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn work_is_in_the_trace_that_it_follows_and_in_none_after() {
        let inside = following(header(), async { current() }).await;
        assert_eq!(inside, header());
        assert_eq!(following_now(header(), current), header());
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn what_brings_no_trace_stays_in_the_one_around_it() {
        let inside = following(header(), following(None, async { current() })).await;
        assert_eq!(inside, header());
    }
}
