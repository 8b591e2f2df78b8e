//! What a timeline shows: how much time, on whose clocks, and where on the page an instant stands. Knows nothing of who
//! is on call.

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};

/// The most marks along the top.
const TICKS_MAX: usize = 62;

/// How much time is drawn, and how finely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// A day, with its hours.
    Day,
    /// A week.
    Week,
    /// Two weeks.
    Fortnight,
    /// A month of the calendar.
    Month,
}

impl Scale {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Fortnight, Self::Month];

    /// The word in addresses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Fortnight => "fortnight",
            Self::Month => "month",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scale| scale.word() == word)
    }

    /// What the switch says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "Day",
            Self::Week => "Week",
            Self::Fortnight => "Two weeks",
            Self::Month => "Month",
        }
    }

    /// To how many seconds a hand that drags is held.
    #[must_use]
    pub const fn step_s(self) -> u32 {
        match self {
            Self::Day => 1_800,
            Self::Week | Self::Fortnight => 3_600,
            Self::Month => 86_400,
        }
    }
}

/// What is drawn: the time, the clocks by which days begin, and the room there is.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// The present.
    pub now: Timestamp,
    /// On whose clocks days begin.
    pub zone: TimeZone,
    /// How finely.
    pub scale: Scale,
    /// How wide the picture is at least, in pixels, without the labels: the style sheet has the same.
    pub width_px: u16,
}

impl Frame {
    /// How wide the timeline of a schedule's own page is at least: `.strip table` in the style sheet.
    pub const WIDE_PX: u16 = 840;
    /// How wide one beside a form is: `.strip.compact table`.
    pub const COMPACT_PX: u16 = 320;
}

/// A day or an hour along the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// "Mon 23", "09".
    pub label: String,
    /// Saturday or Sunday.
    pub weekend: bool,
    /// Where it begins.
    pub x: f64,
    /// How wide it is: a day has 23 or 25 hours when clocks change.
    pub width: f64,
}

impl Frame {
    /// Percent from the left, within the picture.
    pub(super) fn place(&self, at: Timestamp) -> f64 {
        let whole = self.to.duration_since(self.from).as_secs_f64().max(1.0);
        let part = at
            .clamp(self.from, self.to.max(self.from))
            .duration_since(self.from)
            .as_secs_f64();
        // Three places are a thousandth of a percent: less than a pixel, and short in the page.
        (part / whole * 100_000.0).round() / 1000.0
    }

    /// So many percent in pixels, where the picture is as narrow as it gets.
    pub(super) fn pixels(&self, width: f64) -> f64 {
        width / 100.0 * f64::from(self.width_px)
    }
}

/// When the days that are drawn begin, or their hours.
pub(super) fn beginnings(frame: &Frame, hours: bool) -> Vec<Timestamp> {
    let later = |at: Timestamp, hours| at.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(frame.to);
    let mut found = Vec::new();
    let mut at = frame.from;
    while at < frame.to && found.len() < TICKS_MAX {
        found.push(at);
        let tomorrow = at.to_zoned_datetime(frame.zone.clone()).date().tomorrow();
        let midnight = tomorrow
            .ok()
            .and_then(|date| date.to_zoned_datetime(frame.zone.clone()).ok());
        at = match midnight {
            _ if hours => later(at, 1),
            Some(next) => next.timestamp(),
            None => later(at, 24),
        };
    }
    found
}

/// The marks along the top.
pub(super) fn ticks(frame: &Frame) -> Vec<Tick> {
    let starts = beginnings(frame, frame.scale == Scale::Day);
    let narrow = frame.width_px < Frame::WIDE_PX;
    let tick = |(place, at): (usize, &Timestamp)| {
        let local = at.to_zoned_datetime(frame.zone.clone());
        let end = starts.get(place + 1).copied().unwrap_or(frame.to);
        let x = frame.place(*at);
        let form = match frame.scale {
            Scale::Day => "%H",
            Scale::Fortnight if narrow => "%-d",
            Scale::Week | Scale::Fortnight => "%a %-d",
            Scale::Month => "%-d",
        };
        Tick {
            label: local.strftime(form).to_string(),
            weekend: matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday),
            x,
            width: thousandth(frame.place(end) - x),
        }
    };
    starts.iter().enumerate().map(tick).collect()
}

/// Differences of places are rounded again, or they would be long in the page.
pub(super) fn thousandth(percent: f64) -> f64 {
    (percent * 1000.0).round() / 1000.0
}
