//! At which times of the week a layer speaks. Knows no people and no turns.

use std::iter;

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use super::wall;

/// A set of weekdays. As part of a [`Restriction`] the empty set means every day.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Weekdays(u8);

impl Weekdays {
    /// The days in the order of the week, with the words that stand for them.
    const WORDS: [(Weekday, &'static str); 7] = [
        (Weekday::Monday, "MONDAY"),
        (Weekday::Tuesday, "TUESDAY"),
        (Weekday::Wednesday, "WEDNESDAY"),
        (Weekday::Thursday, "THURSDAY"),
        (Weekday::Friday, "FRIDAY"),
        (Weekday::Saturday, "SATURDAY"),
        (Weekday::Sunday, "SUNDAY"),
    ];

    /// No day chosen.
    pub const NONE: Self = Self(0);

    /// The word for a day in the API: `MONDAY` to `SUNDAY`.
    #[must_use]
    pub fn word(day: Weekday) -> &'static str {
        Self::WORDS[usize::from(day.to_monday_zero_offset().unsigned_abs()) % 7].1
    }

    /// Reads the word for a day.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Weekday> {
        Self::WORDS
            .into_iter()
            .find(|(_, known)| *known == word)
            .map(|(day, _)| day)
    }

    /// Whether no day is chosen.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this day is in the set.
    #[must_use]
    pub const fn contains(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }

    /// Adds a day; false when it was there already.
    pub const fn insert(&mut self, day: Weekday) -> bool {
        let new = !self.contains(day);
        self.0 |= Self::bit(day);
        new
    }

    /// The days, Monday first.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        Self::WORDS
            .into_iter()
            .map(|(day, _)| day)
            .filter(move |day| self.contains(*day))
    }

    const fn bit(day: Weekday) -> u8 {
        1 << day.to_monday_zero_offset()
    }
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        let mut set = Self::NONE;
        for day in days {
            set.insert(day);
        }
        set
    }
}

impl std::fmt::Debug for Weekdays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A time of the week during which a layer speaks. Several are a union; none means always.
///
/// Both times are wall-clock times in the schedule's zone. A window from 22:00 to 06:00 crosses midnight and belongs to
/// the weekday on which it starts; one from 09:00 to 09:00 is the whole day that begins then. A window that lies in the
/// hour which a clock change leaves out does not happen on that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restriction {
    /// On which days it starts; empty: on every day.
    pub days: Weekdays,
    /// When it begins.
    pub from: Time,
    /// When it ends, on the next day if that is not later than `from`.
    pub to: Time,
}

/// A window that really happens: `start` is before `end`, which is no longer part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Window {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Restriction {
    /// The window that starts on this date, if one does.
    fn window(&self, zone: &TimeZone, date: Date) -> Option<Window> {
        if !self.days.is_empty() && !self.days.contains(date.weekday()) {
            return None;
        }
        let start = wall::instant(zone, date.to_datetime(self.from));
        let end = if self.from < self.to {
            wall::instant(zone, date.to_datetime(self.to))
        } else {
            // After the last date there is, the window has no end.
            date.tomorrow()
                .map_or(Timestamp::MAX, |next| wall::instant(zone, next.to_datetime(self.to)))
        };
        (start < end).then_some(Window { start, end })
    }
}

/// Whether a layer with these restrictions speaks at `at`.
pub(super) fn allow(restrictions: &[Restriction], zone: &TimeZone, at: Timestamp) -> bool {
    restrictions.is_empty()
        || dates(zone, at, at).any(|date| {
            restrictions
                .iter()
                .filter_map(|restriction| restriction.window(zone, date))
                .any(|window| window.start <= at && at < window.end)
        })
}

/// When, between `from` and `to`, a layer with these restrictions speaks: in order, apart from each other, clipped. A
/// window a day and restriction: the caller bounds the range.
pub(super) fn windows(restrictions: &[Restriction], zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Window> {
    if from >= to {
        return Vec::new();
    }
    if restrictions.is_empty() {
        return vec![Window { start: from, end: to }];
    }
    let mut found: Vec<Window> = dates(zone, from, to)
        .flat_map(|date| {
            restrictions
                .iter()
                .filter_map(move |restriction| restriction.window(zone, date))
        })
        .map(|window| Window {
            start: window.start.max(from),
            end: window.end.min(to),
        })
        .filter(|window| window.start < window.end)
        .collect();
    found.sort_unstable();
    let mut union: Vec<Window> = Vec::with_capacity(found.len());
    for window in found {
        match union.last_mut() {
            Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
            _ => union.push(window),
        }
    }
    union
}

/// All dates on which a window that touches the time from `from` to `to` can start. A window ends on the day after it
/// starts at the latest.
fn dates(zone: &TimeZone, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Date> {
    let first = zone.to_datetime(from).saturating_sub(wall::reach(zone, from)).date();
    let last = zone.to_datetime(to).saturating_add(wall::reach(zone, to)).date();
    iter::successors(Some(first.yesterday().unwrap_or(first)), |date| date.tomorrow().ok())
        .take_while(move |date| *date <= last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::samples::{at, restriction, zone};

    /// The windows as text on the wall.
    fn shown(restrictions: &[Restriction], zone: &TimeZone, from: &str, to: &str) -> Vec<String> {
        let wall = |at: Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%a %d %H:%M").to_string();
        let windows = windows(restrictions, zone, at(from), at(to));
        for window in &windows {
            assert!(allow(restrictions, zone, window.start));
            assert!(!allow(restrictions, zone, window.end) || window.end == at(to));
        }
        windows
            .iter()
            .map(|window| format!("{} - {}", wall(window.start), wall(window.end)))
            .collect()
    }

    #[test]
    fn a_window_across_midnight_belongs_to_the_day_on_which_it_starts() {
        let nights = [restriction("FRIDAY SATURDAY", "22:00", "06:00")];
        assert_eq!(
            shown(
                &nights,
                &zone("Europe/London"),
                "2026-06-01T00:00Z",
                "2026-06-08T00:00Z"
            ),
            ["Fri 05 22:00 - Sat 06 06:00", "Sat 06 22:00 - Sun 07 06:00"]
        );
        let london = zone("Europe/London");
        assert!(
            allow(&nights, &london, at("2026-06-06T05:59:59+01:00")),
            "Friday's window, on Saturday morning"
        );
        assert!(
            !allow(&nights, &london, at("2026-06-05T05:00+01:00")),
            "Thursday has none"
        );
    }

    #[test]
    fn equal_times_are_the_whole_day_from_then() {
        let wednesday = [restriction("WEDNESDAY", "09:00", "09:00")];
        assert_eq!(
            shown(&wednesday, &TimeZone::UTC, "2026-06-01T00:00Z", "2026-06-08T00:00Z"),
            ["Wed 03 09:00 - Thu 04 09:00"]
        );
        let always = [restriction("", "00:00", "00:00")];
        assert_eq!(
            shown(
                &always,
                &zone("America/New_York"),
                "2026-03-05T05:00Z",
                "2026-03-12T04:00Z"
            ),
            ["Thu 05 00:00 - Thu 12 00:00"],
            "windows that touch are one, across a clock change too"
        );
    }

    #[test]
    fn windows_follow_the_wall_and_may_vanish_in_a_gap() {
        let office = [restriction("SUNDAY MONDAY", "09:00", "17:00")];
        let new_york = zone("America/New_York");
        let windows = windows(&office, &new_york, at("2026-03-01T00:00Z"), at("2026-03-10T00:00Z"));
        let starts: Vec<_> = windows.iter().map(|window| window.start.to_string()).collect();
        assert_eq!(
            starts,
            [
                "2026-03-01T14:00:00Z",
                "2026-03-02T14:00:00Z",
                "2026-03-08T13:00:00Z",
                "2026-03-09T13:00:00Z"
            ]
        );
        let lost_hour = [restriction("", "02:00", "03:00")];
        assert_eq!(
            shown(&lost_hour, &new_york, "2026-03-07T05:00Z", "2026-03-10T04:00Z"),
            ["Sat 07 02:00 - Sat 07 03:00", "Mon 09 02:00 - Mon 09 03:00"]
        );
    }

    #[test]
    fn several_are_a_union_and_none_is_always() {
        let both = [
            restriction("", "08:00", "12:00"),
            restriction("MONDAY", "11:00", "14:00"),
        ];
        assert_eq!(
            shown(&both, &TimeZone::UTC, "2026-06-01T00:00Z", "2026-06-03T00:00Z"),
            ["Mon 01 08:00 - Mon 01 14:00", "Tue 02 08:00 - Tue 02 12:00"]
        );
        assert!(allow(&[], &TimeZone::UTC, Timestamp::MIN));
    }

    #[test]
    fn the_edges_of_time_are_survived() {
        let restrictions = [
            restriction("", "22:00", "06:00"),
            restriction("MONDAY", "00:00", "00:00"),
        ];
        for zone in [TimeZone::UTC, zone("Pacific/Apia"), zone("America/New_York")] {
            for at in [Timestamp::MIN, Timestamp::MAX] {
                allow(&restrictions, &zone, at);
                windows(
                    &restrictions,
                    &zone,
                    wall::before(at, jiff::SignedDuration::from_hours(99)),
                    at,
                );
            }
        }
    }

    #[test]
    fn weekdays_are_a_set_with_words() {
        for (day, word) in Weekdays::WORDS {
            assert_eq!(Weekdays::word(day), word);
            assert_eq!(Weekdays::from_word(word), Some(day));
        }
        assert_eq!(Weekdays::from_word("monday"), None);
        let set: Weekdays = [Weekday::Sunday, Weekday::Monday, Weekday::Sunday]
            .into_iter()
            .collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Weekday::Monday, Weekday::Sunday]);
        assert!(set.contains(Weekday::Sunday) && !set.contains(Weekday::Friday) && !set.is_empty());
    }
}
