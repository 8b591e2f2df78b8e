//! Calendars as text (RFC 5545). Knows nothing of schedules.

use std::fmt::Write as _;

use jiff::Timestamp;

/// Longest line of a calendar, in bytes without its end (RFC 5545, section 3.1).
const LINE_BYTES_MAX: usize = 75;
/// How often a calendar program may ask again: the properties of RFC 7986 (section 5.7) and of those before it.
const REFRESH: [&str; 2] = ["REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H"];

/// One entry of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The same for the same thing at every fetch.
    pub(crate) uid: String,
    /// Its first instant.
    pub(crate) start: Timestamp,
    /// The first instant after it.
    pub(crate) end: Timestamp,
    /// What stands in the calendar.
    pub(crate) summary: String,
    /// What is read when it is opened.
    pub(crate) description: String,
}

/// A whole calendar, as it is at `now`.
pub(crate) fn document(name: &str, now: Timestamp, events: &[Event]) -> String {
    let mut text = String::new();
    let mut line = |content: &str| fold(&mut text, content);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//OpsKnight//On call//EN");
    line("CALSCALE:GREGORIAN");
    line("METHOD:PUBLISH");
    REFRESH.into_iter().for_each(&mut line);
    line(&format!("NAME:{}", escape(name)));
    line(&format!("X-WR-CALNAME:{}", escape(name)));
    for event in events {
        line("BEGIN:VEVENT");
        line(&format!("UID:{}", event.uid));
        line(&format!("DTSTAMP:{}", instant(now)));
        line(&format!("DTSTART:{}", instant(event.start)));
        line(&format!("DTEND:{}", instant(event.end)));
        line(&format!("SUMMARY:{}", escape(&event.summary)));
        line(&format!("DESCRIPTION:{}", escape(&event.description)));
        line("TRANSP:TRANSPARENT");
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    text
}

/// Form 2 of RFC 5545, section 3.3.5: `20260131T080000Z`.
fn instant(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// RFC 5545, section 3.3.11. Control characters cannot be written at all.
fn escape(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut escaped = String::with_capacity(lines.len());
    for sign in lines.chars() {
        match sign {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', sign]),
            sign if sign.is_control() && sign != '\t' => {}
            sign => escaped.push(sign),
        }
    }
    escaped
}

/// A line goes on after a line break and a blank; no character is cut.
fn fold(text: &mut String, content: &str) {
    let mut room = LINE_BYTES_MAX;
    for sign in content.chars() {
        if sign.len_utf8() > room {
            text.push_str("\r\n ");
            room = LINE_BYTES_MAX - 1;
        }
        room -= sign.len_utf8();
        text.push(sign);
    }
    write!(text, "\r\n").expect("a String takes all text");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, summary: &str) -> Event {
        let at = |second| Timestamp::from_second(second).unwrap();
        Event {
            uid: format!("{second}@opsknight"),
            start: at(second),
            end: at(second + 3600),
            summary: summary.to_owned(),
            description: "On call by layer Days; nights".to_owned(),
        }
    }

    #[test]
    fn text_is_escaped_and_long_lines_are_folded() {
        let long = "Ada Lovelace of a very long family name äöü, on the schedule of all the world\r\nand more\u{7}";
        let now = Timestamp::from_second(60).unwrap();
        let text = document("Platform, EU", now, &[event(0, long), event(3600, "")]);
        assert_eq!(text.matches("BEGIN:VEVENT").count(), 2);
        assert!(
            text.contains("DTSTART:19700101T000000Z\r\nDTEND:19700101T010000Z\r\n"),
            "{text}"
        );
        assert!(text.contains("X-WR-CALNAME:Platform\\, EU\r\n"), "{text}");
        assert!(
            text.contains("DESCRIPTION:On call by layer Days\\; nights\r\n"),
            "{text}"
        );
        assert!(
            text.replace("\r\n ", "")
                .contains("äöü\\, on the schedule of all the world\\nand more\r\n")
        );
        assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"));
        for line in text.split("\r\n") {
            assert!(line.len() <= LINE_BYTES_MAX, "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }
}
