//! A sender's own time of an event, in whichever form it is written.
//!
//! What is no time, or one at which no alert can have been sent, is as good as none: it never costs the alert.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::Value;

/// 2000-01-01T00:00:00Z in seconds. An earlier time is a placeholder, such as Go's year 1 and the epoch itself.
const EARLIEST_S: i64 = 946_684_800;
/// 2100-01-01T00:00:00Z in seconds. A later time is a placeholder or nonsense.
const LATEST_S: i64 = 4_102_444_800;

/// Reads RFC 3339 and its near relations, and seconds, milliseconds, microseconds or nanoseconds since 1970.
pub(crate) fn read(value: &Value) -> Option<Timestamp> {
    let time = match value {
        Value::String(text) => from_text(text.trim()),
        Value::Number(number) => from_number(number.as_f64()?),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }?;
    (EARLIEST_S..LATEST_S).contains(&time.as_second()).then_some(time)
}

fn from_text(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // As Ruby writes it: "2026-11-23 14:45:54 UTC" and "2026-11-23 15:45:54 +0100".
    if let Some((local, zone)) = text.rsplit_once(' ') {
        let zone = if zone == "UTC" { "Z" } else { zone };
        if zone.starts_with(['Z', '+', '-'])
            && let Ok(time) = format!("{local}{zone}").parse::<Timestamp>()
        {
            return Some(time);
        }
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return TimeZone::UTC.to_timestamp(local).ok();
    }
    from_number(text.parse().ok()?)
}

/// The unit is told by the size: until the year 2100, seconds have at most ten digits.
fn from_number(number: f64) -> Option<Timestamp> {
    let seconds = match number.abs() {
        n if n < 1e11 => number,
        n if n < 1e14 => number / 1e3,
        n if n < 1e17 => number / 1e6,
        _ => number / 1e9,
    };
    if !(EARLIEST_S as f64..LATEST_S as f64).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded above; a microsecond more or less is no matter"
    )]
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_in_many_forms() {
        for form in [
            json!("2026-11-23T14:45:54Z"),
            json!("2026-11-23T14:45:54.000+00:00"),
            json!("2026-11-23T15:45:54+0100"),
            json!("2026-11-23T14:45:54.315+0000"),
            json!(" 2026-11-23 14:45:54Z "),
            json!("2026-11-23T14:45:54"),
            json!("2026-11-23 14:45:54"),
            json!("2026-11-23 14:45:54 UTC"),
            json!("2026-11-23 15:45:54 +0100"),
            json!("2026-11-23T14:45:54.1234567Z"),
            json!("1795445154"),
            json!(1_795_445_154),
            json!(1_795_445_154_000_u64),
            json!(1_795_445_154_000_000_u64),
            json!(1_795_445_154_000_000_000_u64),
            json!(1_795_445_154.0),
        ] {
            assert_eq!(read(&form).map(|time| time.as_second()), Some(1_795_445_154), "{form}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for form in [
            json!("0001-01-01T00:00:00Z"),
            json!("soon"),
            json!(""),
            json!(0),
            json!(-1),
            json!(1e300),
            json!([]),
            json!("NaN"),
        ] {
            assert_eq!(read(&form), None, "{form}");
        }
    }
}
