//! The timeline of a schedule: where on the page a turn begins and ends. Drawn by the server; owns no rule of who is on
//! call when.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Frame, Person, Tick,
    frame::{beginnings, thousandth, ticks},
};

/// How many characters' width a name needs, at most on average, in pixels.
const CHAR_PX: f64 = 7.0;
/// What stands empty on both sides of a name, in pixels.
const MARGIN_PX: f64 = 16.0;
/// Turns narrower than this cannot be told apart: several in a row are drawn as one.
const TURN_PX_MIN: f64 = 6.0;

/// A timeline, ready to be drawn. Places are percent of its width.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// Days or hours along the top.
    pub ticks: Vec<Tick>,
    /// The layers, overrides, and what comes of them.
    pub rows: Vec<StripRow>,
    /// Where now is, if it is on it.
    pub now: Option<f64>,
    /// The first instant, in seconds since 1970.
    pub from_s: i64,
    /// The first instant after it.
    pub to_s: i64,
    /// When the days begin, in seconds, with blanks between.
    pub days: String,
    /// To how many seconds a hand that drags is held.
    pub step_s: u32,
    /// The class in the style sheet.
    pub class: &'static str,
}

/// What a line of the timeline shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// One layer by itself.
    Layer,
    /// Overrides.
    Overrides,
    /// What comes of all others.
    Final,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct StripRow {
    /// What it is.
    pub label: String,
    /// What it shows.
    pub kind: RowKind,
    /// The turns.
    pub spans: Vec<Span>,
}

impl StripRow {
    /// It is what comes of all others.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.kind, RowKind::Final)
    }

    /// Something on it can be followed.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.spans.iter().any(|span| span.href.is_some())
    }
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
    /// Nobody.
    pub is_gap: bool,
    /// The name where there is room for it.
    pub text: String,
    /// "Jane Doe, 23 Nov, 09:00 to 30 Nov, 09:00", on hover and read aloud.
    pub title: String,
    /// Where it can be changed.
    pub href: Option<String>,
    /// The override that can be drawn longer or shorter by its ends.
    pub change: Option<String>,
    /// When it begins and ends, whatever part of it is drawn, in seconds.
    pub time_s: (i64, i64),
}

/// A turn to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// Who; none: a gap.
    pub person: Option<Person>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// It is somebody's override.
    pub is_override: bool,
    /// Where it can be changed.
    pub href: Option<String>,
    /// The override itself, where the viewer may draw its ends.
    pub change: Option<String>,
}

/// A line to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub label: String,
    /// What it shows.
    pub kind: RowKind,
    /// Its turns, in order.
    pub turns: Vec<Turn>,
}

impl Row {
    /// A line.
    #[must_use]
    pub fn new(label: impl Into<String>, kind: RowKind, turns: Vec<Turn>) -> Self {
        Self {
            label: label.into(),
            kind,
            turns,
        }
    }
}

impl Strip {
    /// Draws the rows. Turns may reach beyond both ends.
    #[must_use]
    pub fn draw(frame: &Frame, rows: Vec<Row>) -> Self {
        let colours = Colours::of(&rows);
        let rows = rows.into_iter().map(|row| StripRow {
            spans: spans(frame, &colours, &row.turns),
            label: row.label,
            kind: row.kind,
        });
        let days: Vec<String> = beginnings(frame, false)
            .iter()
            .map(|at| at.as_second().to_string())
            .collect();
        Self {
            ticks: ticks(frame),
            rows: rows.collect(),
            now: (frame.from <= frame.now && frame.now < frame.to).then(|| frame.place(frame.now)),
            from_s: frame.from.as_second(),
            to_s: frame.to.as_second(),
            days: days.join(" "),
            step_s: frame.scale.step_s(),
            class: frame.scale.word(),
        }
    }
}

/// How many colours the style sheet has for people.
const COLOURS: usize = 6;

/// Which colour each person has on this timeline: their own, or the next that is free where somebody else has it already,
/// so that as few neighbours as possible look alike.
struct Colours(HashMap<String, u32>);

impl Colours {
    fn of(rows: &[Row]) -> Self {
        let mut colours: HashMap<String, u32> = HashMap::new();
        let mut taken = [false; COLOURS];
        let people = rows
            .iter()
            .flat_map(|row| &row.turns)
            .filter_map(|turn| turn.person.as_ref());
        for person in people {
            if colours.contains_key(&person.id) {
                continue;
            }
            let own = usize::try_from(person.colour()).unwrap_or_default() % COLOURS;
            let free = (own..own + COLOURS)
                .map(|place| place % COLOURS)
                .find(|place| !taken[*place]);
            let place = free.unwrap_or(own);
            taken[place] = true;
            colours.insert(person.id.clone(), u32::try_from(place).unwrap_or_default());
        }
        Self(colours)
    }

    fn class(&self, person: Option<&Person>) -> String {
        match person {
            None => "gap".to_owned(),
            Some(person) => format!(
                "p{}",
                self.0.get(&person.id).copied().unwrap_or_else(|| person.colour())
            ),
        }
    }
}

fn spans(frame: &Frame, colours: &Colours, turns: &[Turn]) -> Vec<Span> {
    let shown = |turn: &&Turn| turn.to > frame.from && turn.from < frame.to && turn.from < turn.to;
    let shown: Vec<&Turn> = turns.iter().filter(shown).collect();
    let mut spans = Vec::new();
    let mut rest = shown.as_slice();
    while let Some((first, others)) = rest.split_first() {
        let many = narrow_ones(frame, rest);
        if many > 1 {
            spans.push(crowd(frame, &rest[..many]));
            rest = &rest[many..];
        } else {
            spans.push(span(frame, colours.class(first.person.as_ref()), first));
            rest = others;
        }
    }
    spans
}

/// How many turns at the beginning of these are too narrow, one beside the other.
fn narrow_ones(frame: &Frame, turns: &[&Turn]) -> usize {
    let narrow = |turn: &&&Turn| frame.pixels(frame.place(turn.to) - frame.place(turn.from)) < TURN_PX_MIN;
    let touching = turns
        .iter()
        .enumerate()
        .take_while(|(place, _)| *place == 0 || turns[place - 1].to == turns[*place].from);
    touching.map(|(_, turn)| turn).take_while(narrow).count()
}

fn hour(frame: &Frame, at: Timestamp) -> String {
    let local = at.to_zoned_datetime(frame.zone.clone());
    local.strftime("%a %-d %b, %H:%M").to_string()
}

/// Several turns that cannot be told apart.
fn crowd(frame: &Frame, turns: &[&Turn]) -> Span {
    let from = turns.first().map_or(frame.from, |turn| turn.from);
    let to = turns.last().map_or(frame.to, |turn| turn.to);
    let x = frame.place(from);
    let gaps = turns.iter().filter(|turn| turn.person.is_none()).count();
    let but = match gaps {
        0 => String::new(),
        1 => ", 1 of them nobody's".to_owned(),
        gaps => format!(", {gaps} of them nobody's"),
    };
    Span {
        x,
        width: thousandth(frame.place(to) - x),
        class: if gaps > 0 { "crowd some-gap" } else { "crowd" }.to_owned(),
        is_gap: false,
        text: fitting(frame, None, &format!("{} turns", turns.len()), frame.place(to) - x),
        title: format!(
            "{} short turns{but}, {} to {}",
            turns.len(),
            hour(frame, from),
            hour(frame, to)
        ),
        href: None,
        change: None,
        time_s: (from.as_second(), to.as_second()),
    }
}

fn span(frame: &Frame, colour: String, turn: &Turn) -> Span {
    let x = frame.place(turn.from);
    let width = frame.place(turn.to) - x;
    let name = turn.person.as_ref().map_or("Nobody", |person| person.name.as_str());
    let by = if turn.is_override { " by an override" } else { "" };
    Span {
        x,
        width: thousandth(width),
        class: if turn.is_override {
            format!("{colour} override")
        } else {
            colour
        },
        is_gap: turn.person.is_none(),
        text: fitting(frame, turn.person.as_ref(), name, width),
        title: format!("{name}{by}, {} to {}", hour(frame, turn.from), hour(frame, turn.to)),
        href: turn.href.clone(),
        change: turn.change.clone(),
        time_s: (turn.from.as_second(), turn.to.as_second()),
    }
}

/// As much of a name as there is room for: all of it, the first word, the initials, or nothing.
fn fitting(frame: &Frame, person: Option<&Person>, name: &str, width: f64) -> String {
    let room = frame.pixels(width) - MARGIN_PX;
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
    use jiff::{SignedDuration, tz::TimeZone};

    use super::*;
    use crate::views::Scale;

    fn turn(person: Option<Person>, from: &str, to: &str) -> Turn {
        Turn {
            person,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            ..Turn::default()
        }
    }

    fn frame(scale: Scale, from: &str, to: &str) -> Frame {
        Frame {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            now: from.parse().unwrap(),
            zone: TimeZone::get("America/New_York").unwrap(),
            scale,
            width_px: Frame::WIDE_PX,
        }
    }

    fn drawn(frame: &Frame, turns: Vec<Turn>) -> Strip {
        Strip::draw(frame, vec![Row::new("On call", RowKind::Final, turns)])
    }

    #[test]
    fn a_week_in_which_clocks_change_is_drawn_whole() {
        let frame = frame(Scale::Week, "2026-10-31T04:00:00Z", "2026-11-07T05:00:00Z");
        let jane = Person::new("usr_1", "Jane Doe");
        let turns = vec![
            turn(Some(jane), "2026-10-01T00:00:00Z", "2026-11-01T04:00:00Z"),
            turn(None, "2026-11-01T04:00:00Z", "2026-12-01T00:00:00Z"),
            turn(None, "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
        ];
        let strip = drawn(&frame, turns);
        let labels: Vec<_> = strip.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["Sat 31", "Sun 1", "Mon 2", "Tue 3", "Wed 4", "Thu 5", "Fri 6"]);
        assert!(
            strip.ticks[1].width > strip.ticks[0].width,
            "the day of 25 hours is wider"
        );
        let spans = &strip.rows[0].spans;
        assert_eq!(spans.len(), 2, "what lies beyond the end is left out");
        assert!((spans[0].width + spans[1].width - 100.0).abs() < 0.01);
        assert_eq!(spans[1].title, "Nobody, Sun 1 Nov, 00:00 to Mon 30 Nov, 19:00");
        assert_eq!(strip.days.split(' ').count(), 7);
    }

    #[test]
    fn two_people_do_not_look_alike_while_there_are_colours() {
        let alike: Vec<Person> = (0..200)
            .map(|n| Person::new(format!("usr_{n}"), "Jane Doe"))
            .filter(|person| person.colour() == 5)
            .take(COLOURS)
            .collect();
        let turns = alike.into_iter().zip(1..).map(|(person, day)| {
            let at = |day| format!("2026-11-0{day}T12:00:00Z");
            turn(Some(person), &at(day), &at(day + 1))
        });
        let frame = frame(Scale::Week, "2026-11-01T04:00:00Z", "2026-11-08T05:00:00Z");
        let strip = drawn(&frame, turns.collect());
        let classes: Vec<&str> = strip.rows[0].spans.iter().map(|span| span.class.as_str()).collect();
        assert_eq!(classes, ["p5", "p0", "p1", "p2", "p3", "p4"]);
    }

    #[test]
    fn the_day_of_25_hours_has_25_hours() {
        let frame = frame(Scale::Day, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
        let strip = drawn(&frame, Vec::new());
        assert_eq!(strip.ticks.len(), 25);
        assert_eq!([&strip.ticks[1].label, &strip.ticks[2].label], ["01", "01"]);
    }

    #[test]
    fn turns_that_cannot_be_told_apart_are_one_and_long_ones_stay() {
        let frame = frame(Scale::Month, "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z");
        let start: Timestamp = "2026-11-03T05:00:00Z".parse().unwrap();
        let hour = |n: i64| start + SignedDuration::from_hours(n);
        let jane = Person::new("usr_1", "Jane Doe");
        let mut turns: Vec<Turn> = (0..48)
            .map(|n| Turn {
                person: (n != 7).then(|| jane.clone()),
                from: hour(n),
                to: hour(n + 1),
                ..Turn::default()
            })
            .collect();
        turns.push(Turn {
            person: Some(jane),
            from: hour(48),
            to: hour(48 + 7 * 24),
            ..Turn::default()
        });
        let strip = drawn(&frame, turns);
        let spans = &strip.rows[0].spans;
        assert_eq!(spans.len(), 2, "{spans:?}");
        assert!(
            spans[0].title.starts_with("48 short turns, 1 of them nobody's"),
            "{}",
            spans[0].title
        );
        assert_eq!(spans[1].text, "Jane Doe");
    }
}
