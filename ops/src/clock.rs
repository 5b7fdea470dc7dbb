//! Times, as they are read and as people read them.

use aws_sdk_sfn::primitives::DateTime;
use lakeside_contracts::WireTime;
use lakeside_domain::time::Timestamp;

/// Now.
pub fn now() -> WireTime {
    WireTime(Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()))
}

/// What an SDK read, if it is a time that we can write.
pub fn of_sdk(time: &DateTime) -> WireTime {
    WireTime(Timestamp::from_millis(time.to_millis().unwrap_or_default()))
}

/// A time as an SDK takes it.
pub fn to_sdk(time: WireTime) -> DateTime {
    DateTime::from_millis(time.0.as_millis())
}

/// `millis` milliseconds after the epoch.
pub const fn of_millis(millis: i64) -> WireTime {
    WireTime(Timestamp::from_millis(millis))
}

/// The time in letters and digits alone, for the names of files and replays.
pub fn stamp(time: WireTime) -> String {
    time.to_string().chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The time between two points, in the unit that people would choose.
pub fn between(earlier: WireTime, later: WireTime) -> String {
    let millis = later.0.as_millis().saturating_sub(earlier.0.as_millis()).max(0);
    let (seconds, minutes) = (millis / 1000, millis / 60_000);
    match minutes {
        0 => format!("{}.{:02} s", seconds, millis % 1000 / 10),
        1..60 => format!("{minutes} min {:02} s", seconds % 60),
        60..2880 => format!("{} h {:02} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// The time of day, without its date.
pub fn of_day(time: WireTime) -> String {
    let text = time.to_string();
    text.split_once('T').map_or_else(|| text.clone(), |(_, day)| day.trim_end_matches('Z').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_is_told_in_the_unit_that_people_would_choose() {
        let told = |millis: i64| between(of_millis(1000), of_millis(1000 + millis));
        assert_eq!(told(340), "0.34 s");
        assert_eq!(told(59_999), "59.99 s");
        assert_eq!(told(754_000), "12 min 34 s");
        assert_eq!(told(7_500_000), "2 h 05 min");
        assert_eq!(told(300_000_000), "3 days");
        assert_eq!(told(-5), "0.00 s");
    }

    #[test]
    fn the_time_of_day_has_no_date() {
        assert_eq!(of_day(of_millis(1_795_769_260_000)), "08:47:40.000");
    }
}
