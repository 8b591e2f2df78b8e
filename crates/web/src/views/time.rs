//! Points in time as pages show them: relative to now, with the exact time in the viewer's zone on hover.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::{Timestamp, tz::TimeZone};

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;
const DAY_S: i64 = 24 * HOUR_S;
/// Beyond this many seconds the date says more than the distance.
const RELATIVE_S_MAX: i64 = 7 * DAY_S;

/// A point in time, ready to be shown. Displayed, it is a `<time>` element with relative text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// RFC 3339 in UTC, for programs.
    pub datetime: String,
    /// "Mon 23 Nov 2026, 16:53:02 GMT", in the viewer's zone.
    pub exact: String,
    /// "3 min ago", "in 2 h", or a date.
    pub relative: String,
    /// "23 Nov, 16:53" in the viewer's zone.
    pub short: String,
}

impl Times {
    /// `at` as seen at `now` by somebody in `zone`.
    #[must_use]
    pub fn new(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Self {
        let local = at.to_zoned_datetime(zone.clone());
        Self {
            datetime: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            exact: local.strftime("%a %-d %b %Y, %H:%M:%S %Z").to_string(),
            relative: relative(at, now).unwrap_or_else(|| local.strftime("%-d %b %Y").to_string()),
            short: local.strftime("%-d %b, %H:%M").to_string(),
        }
    }

    /// The same point shown as date and time of day instead of a distance.
    #[must_use]
    pub const fn fixed(&self) -> Fixed<'_> {
        Fixed(self)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        element(f, self, " data-relative", &self.relative)
    }
}

// What is written comes from strftime and from the time zone database alone.
impl HtmlSafe for Times {}

/// A point in time shown as "23 Nov, 16:53", with the exact time on hover.
#[derive(Debug, Clone, Copy)]
pub struct Fixed<'a>(&'a Times);

impl fmt::Display for Fixed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        element(f, self.0, "", &self.0.short)
    }
}

impl HtmlSafe for Fixed<'_> {}

fn element(f: &mut fmt::Formatter<'_>, times: &Times, attributes: &str, text: &str) -> fmt::Result {
    write!(
        f,
        r#"<time datetime="{}" title="{}"{attributes}>{text}</time>"#,
        times.datetime, times.exact
    )
}

/// "just now", "3 min ago", "in 2 h", "in 5 d"; none when it is too far away. `app.js` has the same rule.
#[must_use]
pub fn relative(at: Timestamp, now: Timestamp) -> Option<String> {
    let seconds = at.as_second().saturating_sub(now.as_second());
    let distance = match seconds.abs() {
        0..MINUTE_S if seconds > 0 => return Some("in under 1 min".to_owned()),
        0..MINUTE_S => return Some("just now".to_owned()),
        size @ MINUTE_S..HOUR_S => format!("{} min", size / MINUTE_S),
        size @ HOUR_S..DAY_S => format!("{} h", size / HOUR_S),
        size @ DAY_S..RELATIVE_S_MAX => format!("{} d", size / DAY_S),
        _ => return None,
    };
    Some(if seconds > 0 {
        format!("in {distance}")
    } else {
        format!("{distance} ago")
    })
}

/// How long a point in time has passed, without "ago": "5 min", "3 d"; none when it is still to come.
#[must_use]
pub fn passed(at: Timestamp, now: Timestamp) -> Option<String> {
    let seconds = now.as_second().saturating_sub(at.as_second());
    match seconds {
        ..0 => None,
        0..MINUTE_S => Some("under 1 min".to_owned()),
        MINUTE_S..HOUR_S => Some(format!("{} min", seconds / MINUTE_S)),
        HOUR_S..DAY_S => Some(format!("{} h", seconds / HOUR_S)),
        _ => Some(format!("{} d", seconds / DAY_S)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_away() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let say = |seconds: i64| relative(Timestamp::from_second(1_800_000_000 + seconds).unwrap(), now);
        let said: Vec<_> = [-700_000, -90_000, -7_200, -61, -5, 0, 5, 180, 90_000]
            .into_iter()
            .map(say)
            .collect();
        let wanted = [
            "",
            "1 d ago",
            "2 h ago",
            "1 min ago",
            "just now",
            "just now",
            "in under 1 min",
            "in 3 min",
            "in 1 d",
        ];
        assert_eq!(
            said.iter()
                .map(|text| text.as_deref().unwrap_or_default())
                .collect::<Vec<_>>(),
            wanted
        );
    }

    #[test]
    fn says_how_long_ago_without_saying_ago() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let say = |seconds: i64| passed(Timestamp::from_second(1_800_000_000 - seconds).unwrap(), now);
        let said = [-1, 0, 59, 60, 7_199, 86_400, 864_000].map(say);
        let wanted = [
            None,
            Some("under 1 min"),
            Some("under 1 min"),
            Some("1 min"),
            Some("1 h"),
            Some("1 d"),
            Some("10 d"),
        ];
        assert_eq!(said.each_ref().map(Option::as_deref), wanted);
    }

    #[test]
    fn is_an_element_with_the_exact_time_in_the_viewers_zone() {
        let now: Timestamp = "2026-11-23T16:53:00Z".parse().unwrap();
        let zone = TimeZone::get("Asia/Kathmandu").unwrap();
        let times = Times::new("2026-11-23T16:50:00Z".parse().unwrap(), now, &zone);
        let wanted = "<time datetime=\"2026-11-23T16:50:00Z\" title=\"Mon 23 Nov 2026, 22:35:00 +0545\" \
                      data-relative>3 min ago</time>";
        assert_eq!(times.to_string(), wanted);
        assert!(times.fixed().to_string().ends_with(">23 Nov, 22:35</time>"));
    }
}
