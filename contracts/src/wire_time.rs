//! Times on the wire: RFC 3339 in UTC with milliseconds.

use std::{borrow::Cow, fmt};

use lakeside_domain::time::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A [`Timestamp`] that reads and writes as `2026-11-27T09:01:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WireTime(pub Timestamp);

/// 0000-01-01T00:00:00Z.
const YEAR_0: i64 = -62_167_219_200_000;

/// The text is no RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("time must be RFC 3339, such as 2026-11-27T09:01:00.000Z")]
pub struct WireTimeError;

impl fmt::Display for WireTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.0.as_millis()).map_err(|_| fmt::Error)?;
        write!(f, "{time:.3}")
    }
}

impl TryFrom<String> for WireTime {
    type Error = WireTimeError;

    fn try_from(text: String) -> Result<Self, WireTimeError> {
        let time: jiff::Timestamp = text.parse().map_err(|_| WireTimeError)?;
        let millis = time.as_millisecond();
        // Before the year 0 a time has no such form, and would be written in another one.
        if millis < YEAR_0 { Err(WireTimeError) } else { Ok(Self(Timestamp::from_millis(millis))) }
    }
}

impl From<WireTime> for String {
    fn from(time: WireTime) -> Self {
        time.to_string()
    }
}

impl JsonSchema for WireTime {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_read_back() {
        let time = WireTime(Timestamp::from_millis(1_795_769_260_000));
        assert_eq!(time.to_string(), "2026-11-27T08:47:40.000Z");
        assert_eq!(WireTime::try_from(time.to_string()), Ok(time));
        assert_eq!(WireTime::try_from("yesterday".to_owned()), Err(WireTimeError));
    }
}
