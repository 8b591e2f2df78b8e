//! The timeline of a schedule: where on the page a turn begins and ends. Drawn by the server; owns no rule of who is on
//! call when.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::Person;

/// The most days that are drawn.
const DAYS_MAX: usize = 62;
/// How wide the picture is at least, in pixels: `.strip table` in the style sheet, without the labels.
const WIDTH_PX_MIN: f64 = 840.0;
/// How wide a character is, at most on average, in pixels.
const CHAR_PX: f64 = 7.0;
/// What stands empty on both sides of a name, in pixels.
const MARGIN_PX: f64 = 16.0;

/// A timeline, ready to be drawn. Places are percent of its width.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// The days along the top.
    pub days: Vec<Day>,
    /// The layers, overrides, and what comes of them.
    pub rows: Vec<StripRow>,
    /// Where now is, if it is on it.
    pub now: Option<f64>,
}

/// A day along the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// "Mon 23".
    pub label: String,
    /// Saturday or Sunday.
    pub weekend: bool,
    /// Where it begins.
    pub x: f64,
    /// How wide it is: a day has 23 or 25 hours when clocks change.
    pub width: f64,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct StripRow {
    /// What it is.
    pub label: String,
    /// It is what comes of all others.
    pub is_final: bool,
    /// The turns.
    pub spans: Vec<Span>,
}

/// A turn on the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Where it begins.
    pub x: f64,
    /// How wide it is.
    pub width: f64,
    /// The class in the style sheet: a person's colour, `gap`, and `override` besides.
    pub class: String,
    /// The name where there is room for it.
    pub text: String,
    /// "Jane Doe, 23 Nov, 09:00 to 30 Nov, 09:00", on hover and read aloud.
    pub title: String,
}

/// A turn to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who; none: a gap.
    pub person: Option<Person>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// It is somebody's override.
    pub is_override: bool,
}

/// A row to be drawn: its label, whether it is the final one, its turns.
pub type Row = (String, bool, Vec<Turn>);

impl Strip {
    /// Draws the rows from `from` to `to` in the schedule's zone. Turns may reach beyond both ends.
    #[must_use]
    pub fn draw(from: Timestamp, to: Timestamp, now: Timestamp, zone: &TimeZone, rows: Vec<Row>) -> Self {
        let scale = Scale { from, to };
        let days = days(&scale, zone);
        let rows = rows
            .into_iter()
            .map(|(label, is_final, turns)| {
                let spans = turns.iter().filter_map(|turn| span(&scale, zone, turn)).collect();
                StripRow { label, is_final, spans }
            })
            .collect();
        Self {
            days,
            rows,
            now: (from <= now && now < to).then(|| scale.place(now)),
        }
    }
}

struct Scale {
    from: Timestamp,
    to: Timestamp,
}

impl Scale {
    /// Percent from the left, within the picture.
    fn place(&self, at: Timestamp) -> f64 {
        let whole = self.to.duration_since(self.from).as_secs_f64().max(1.0);
        let part = at
            .clamp(self.from, self.to.max(self.from))
            .duration_since(self.from)
            .as_secs_f64();
        // Three places are a thousandth of a percent: less than a pixel, and short in the page.
        (part / whole * 100_000.0).round() / 1000.0
    }
}

fn days(scale: &Scale, zone: &TimeZone) -> Vec<Day> {
    let mut days = Vec::new();
    let mut at = scale.from;
    while at < scale.to && days.len() < DAYS_MAX {
        let local = at.to_zoned_datetime(zone.clone());
        let midnight = local
            .date()
            .tomorrow()
            .ok()
            .and_then(|date| date.to_zoned_datetime(zone.clone()).ok());
        let end = midnight.map_or_else(
            || at.saturating_add(SignedDuration::from_hours(24)).unwrap_or(scale.to),
            |next| next.timestamp(),
        );
        let weekend = matches!(
            local.weekday(),
            jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday
        );
        let x = scale.place(at);
        days.push(Day {
            label: local.strftime("%a %-d").to_string(),
            weekend,
            x,
            width: scale.place(end) - x,
        });
        at = end;
    }
    days
}

fn span(scale: &Scale, zone: &TimeZone, turn: &Turn) -> Option<Span> {
    if turn.to <= scale.from || turn.from >= scale.to || turn.to <= turn.from {
        return None;
    }
    let x = scale.place(turn.from);
    let width = scale.place(turn.to) - x;
    let name = turn.person.as_ref().map_or("Nobody", |person| person.name.as_str());
    let colour = turn
        .person
        .as_ref()
        .map_or_else(|| "gap".to_owned(), |person| format!("p{}", person.colour()));
    let hour = |at: Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%-d %b, %H:%M").to_string();
    Some(Span {
        x,
        width,
        class: if turn.is_override {
            format!("{colour} override")
        } else {
            colour
        },
        text: fitting(turn.person.as_ref(), name, width),
        title: format!("{name}, {} to {}", hour(turn.from), hour(turn.to)),
    })
}

/// As much of a name as there is room for: all of it, the first word, the initials, or nothing.
fn fitting(person: Option<&Person>, name: &str, width: f64) -> String {
    let room = (width / 100.0).mul_add(WIDTH_PX_MIN, -MARGIN_PX);
    let first = name.split_whitespace().next().unwrap_or_default().to_owned();
    let short = person.map(Person::initials).unwrap_or_default();
    let fits =
        |text: &String| u32::try_from(text.chars().count()).is_ok_and(|count| f64::from(count) * CHAR_PX <= room);
    [name.to_owned(), first, short]
        .into_iter()
        .find(fits)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_in_which_clocks_change_is_drawn_whole() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let from: Timestamp = "2026-10-31T04:00:00Z".parse().unwrap();
        let to: Timestamp = "2026-11-07T05:00:00Z".parse().unwrap();
        let jane = Person::new("usr_1", "Jane Doe");
        let turn = |person, from: &str, to: &str| Turn {
            person,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            is_override: false,
        };
        let turns = vec![
            turn(Some(jane), "2026-10-01T00:00:00Z", "2026-11-01T04:00:00Z"),
            turn(None, "2026-11-01T04:00:00Z", "2026-12-01T00:00:00Z"),
            turn(None, "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
        ];
        let strip = Strip::draw(from, to, from, &zone, vec![("On call".into(), true, turns)]);
        let labels: Vec<_> = strip.days.iter().map(|day| day.label.as_str()).collect();
        assert_eq!(labels, ["Sat 31", "Sun 1", "Mon 2", "Tue 3", "Wed 4", "Thu 5", "Fri 6"]);
        assert!(
            strip.days[1].width > strip.days[0].width,
            "the day of 25 hours is wider"
        );
        let spans = &strip.rows[0].spans;
        assert_eq!(spans.len(), 2, "what lies beyond the end is left out");
        assert!((spans[0].width + spans[1].width - 100.0).abs() < 0.01);
        assert_eq!(spans[1].title, "Nobody, 1 Nov, 00:00 to 30 Nov, 19:00");
    }
}
