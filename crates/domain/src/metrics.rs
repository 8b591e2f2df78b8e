//! What is measured of incidents and pages, and what each figure means.
//!
//! Owns the definitions; the store has the same sums in SQL, and a test holds one against the other. Never decides
//! anything: no page goes out or stays because of a figure.
//!
//! An incident counts for the period in which it was opened, whenever it was answered. Tests count for nothing.
//!
//! * **MTTA**: the mean time from opening to the first acknowledgement. Those that nobody acknowledged are left out, and
//!   counted: a mean over the answered alone would hide them.
//! * **MTTR**: the mean time from opening to the end. Those that are not over are left out.
//! * **Unanswered**: those that ended without anybody having acknowledged. Where a source has many, it is likely noise.
//! * **In time**: of those whose service has a target, the share that met it. Those that are still within it are left
//!   out.
//! * **Escalated**: those for which the policy went beyond its first step.

use std::{
    collections::BTreeSet,
    ops::{Add, AddAssign},
};

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

/// Microseconds of a second.
pub const MICROS: i64 = 1_000_000;
/// Figures over time are stored in slices of so many seconds: every offset of a zone is a multiple of it.
pub const SLICE_S: i64 = 900;
/// Pages from this hour on by the clock on a person's wall, and before [`NIGHT_ENDS`], disturb their night.
pub const NIGHT_BEGINS: Time = Time::constant(22, 0, 0, 0);
/// When a night is over.
pub const NIGHT_ENDS: Time = Time::constant(8, 0, 0, 0);

/// Lengths of time are told apart so finely: up to the first number of seconds in steps of the second. Percentiles are
/// exact for ten minutes and then within five percent.
pub const NOTCHES: [(i64, i64); 4] = [(600, 1), (7_200, 30), (86_400, 300), (i64::MAX, 3_600)];

/// What is measured of one incident that is not a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lived {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When somebody first acknowledged it, also if it was opened again afterwards.
    pub acknowledged_at: Option<Timestamp>,
    /// When it ended, if it is over.
    pub resolved_at: Option<Timestamp>,
    /// How many alerts it holds.
    pub alerts: i64,
    /// Its service has a target to acknowledge.
    pub has_ack_target: bool,
    /// Its service has a target to resolve.
    pub has_resolve_target: bool,
    /// It was not acknowledged within the target.
    pub ack_breached: bool,
    /// It was not resolved within the target.
    pub resolve_breached: bool,
    /// Escalation went beyond the first step.
    pub escalated: bool,
}

/// Sums over incidents. Those of two sets that have nothing in common add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// How many were opened.
    pub incidents: i64,
    /// How many alerts they hold.
    pub alerts: i64,
    /// How many were acknowledged at all.
    pub acknowledged: i64,
    /// The seconds from opening to the first acknowledgement of those.
    pub ack_total_s: i64,
    /// How many are over.
    pub resolved: i64,
    /// The seconds from opening to the end of those.
    pub resolve_total_s: i64,
    /// How many ended without an acknowledgement.
    pub unanswered: i64,
    /// How many were acknowledged within the target.
    pub ack_kept: i64,
    /// How many were not.
    pub ack_missed: i64,
    /// How many were resolved within the target.
    pub resolve_kept: i64,
    /// How many were not.
    pub resolve_missed: i64,
    /// How many escalated.
    pub escalated: i64,
}

impl Figures {
    /// The figures of one incident.
    #[must_use]
    pub fn of(lived: &Lived) -> Self {
        let count = i64::from;
        let since = |at: Timestamp| seconds(lived.opened_at, at);
        let (acknowledged, resolved) = (lived.acknowledged_at.is_some(), lived.resolved_at.is_some());
        Self {
            incidents: 1,
            alerts: lived.alerts,
            acknowledged: count(acknowledged),
            ack_total_s: lived.acknowledged_at.map_or(0, since),
            resolved: count(resolved),
            resolve_total_s: lived.resolved_at.map_or(0, since),
            unanswered: count(resolved && !acknowledged),
            ack_kept: count(lived.has_ack_target && acknowledged && !lived.ack_breached),
            ack_missed: count(lived.ack_breached),
            resolve_kept: count(lived.has_resolve_target && resolved && !lived.resolve_breached),
            resolve_missed: count(lived.resolve_breached),
            escalated: count(lived.escalated),
        }
    }

    /// The mean time to acknowledge, in seconds; none where nobody acknowledged.
    #[must_use]
    pub fn mtta_s(&self) -> Option<i64> {
        mean(self.ack_total_s, self.acknowledged)
    }

    /// The mean time to resolve, in seconds; none where nothing is over.
    #[must_use]
    pub fn mttr_s(&self) -> Option<i64> {
        mean(self.resolve_total_s, self.resolved)
    }

    /// Of a thousand with a target to acknowledge, how many met it.
    #[must_use]
    pub fn ack_kept_per_mille(&self) -> Option<i64> {
        per_mille(self.ack_kept, self.ack_kept + self.ack_missed)
    }

    /// Of a thousand with a target to resolve, how many met it.
    #[must_use]
    pub fn resolve_kept_per_mille(&self) -> Option<i64> {
        per_mille(self.resolve_kept, self.resolve_kept + self.resolve_missed)
    }

    /// Of a thousand that are over, how many ended unanswered.
    #[must_use]
    pub fn unanswered_per_mille(&self) -> Option<i64> {
        per_mille(self.unanswered, self.resolved)
    }

    /// Of a thousand, how many escalated.
    #[must_use]
    pub fn escalated_per_mille(&self) -> Option<i64> {
        per_mille(self.escalated, self.incidents)
    }
}

impl Add for Figures {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            incidents: self.incidents + other.incidents,
            alerts: self.alerts + other.alerts,
            acknowledged: self.acknowledged + other.acknowledged,
            ack_total_s: self.ack_total_s + other.ack_total_s,
            resolved: self.resolved + other.resolved,
            resolve_total_s: self.resolve_total_s + other.resolve_total_s,
            unanswered: self.unanswered + other.unanswered,
            ack_kept: self.ack_kept + other.ack_kept,
            ack_missed: self.ack_missed + other.ack_missed,
            resolve_kept: self.resolve_kept + other.resolve_kept,
            resolve_missed: self.resolve_missed + other.resolve_missed,
            escalated: self.escalated + other.escalated,
        }
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Figures {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// Whole seconds from one time to a later one.
#[must_use]
pub fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_microsecond() - from.as_microsecond()) / MICROS
}

fn mean(total: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| total / count)
}

/// How many of a thousand, rounded; none of nothing.
#[must_use]
pub fn per_mille(part: i64, whole: i64) -> Option<i64> {
    (whole > 0).then(|| (part * 1000 + whole / 2) / whole)
}

/// The notch into which a length of time falls: its lower end, in seconds.
#[must_use]
pub fn notch(seconds: i64) -> i64 {
    let step = NOTCHES.iter().find(|(until, _)| seconds < *until);
    let (_, width) = step.unwrap_or(&NOTCHES[NOTCHES.len() - 1]);
    seconds / width * width
}

/// The notch below or in which so many of a thousand lengths lie (nearest rank). `counts` has each notch with how many
/// fell into it, in the order of the notches.
#[must_use]
pub fn percentile(counts: &[(i64, i64)], per_mille: i64) -> Option<i64> {
    let total: i64 = counts.iter().map(|(_, count)| count).sum();
    let rank = (total * per_mille).div_euclid(1000) + i64::from((total * per_mille) % 1000 != 0);
    let mut passed = 0;
    counts.iter().find_map(|(notch, count)| {
        passed += count;
        (*count > 0 && passed >= rank.max(1)).then_some(*notch)
    })
}

/// A period over which is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
}

/// Where the days of a period begin by the clock on the wall, with their dates; the first one may have begun earlier.
#[must_use]
pub fn days(period: Period, zone: &TimeZone) -> Vec<(Date, Timestamp)> {
    let mut days = Vec::new();
    let mut at = period.from;
    while at < period.to {
        let date = at.to_zoned_datetime(zone.clone()).date();
        days.push((date, at));
        let next = date
            .tomorrow()
            .ok()
            .and_then(|date| date.to_zoned_datetime(zone.clone()).ok());
        // Dates move on, or the calendar has ended.
        match next.map(|next| next.timestamp()).filter(|next| *next > at) {
            Some(next) => at = next,
            None => break,
        }
    }
    days
}

/// What the pages of one person came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// How many pages reached them.
    pub pages: i64,
    /// How many of those by night, on any day.
    pub at_night: i64,
    /// How many by day on a Saturday or a Sunday.
    pub at_weekends: i64,
    /// In how many nights there was at least one.
    pub nights: i64,
}

/// Tells the pages of one person apart by the clock on their wall: when each came, and how many.
#[must_use]
pub fn load(pages: impl IntoIterator<Item = (Timestamp, i64)>, zone: &TimeZone) -> Load {
    let mut load = Load::default();
    let mut nights = BTreeSet::new();
    for (at, count) in pages {
        let local = at.to_zoned_datetime(zone.clone()).datetime();
        load.pages += count;
        if let Some(evening) = night_of(local.date(), local.time()) {
            load.at_night += count;
            nights.insert(evening);
        } else if matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday) {
            load.at_weekends += count;
        }
    }
    load.nights = i64::try_from(nights.len()).unwrap_or(i64::MAX);
    load
}

/// The date on whose evening the night began that this time lies in; none by day.
fn night_of(date: Date, time: Time) -> Option<Date> {
    if time >= NIGHT_BEGINS {
        Some(date)
    } else if time < NIGHT_ENDS {
        date.yesterday().ok()
    } else {
        None
    }
}

/// How many pages there were in each hour of the week by the clock on a wall: Monday first, then the hour.
#[must_use]
pub fn hours(pages: impl IntoIterator<Item = (Timestamp, i64)>, zone: &TimeZone) -> [[i64; 24]; 7] {
    let mut week = [[0; 24]; 7];
    for (at, count) in pages {
        let local = at.to_zoned_datetime(zone.clone());
        let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
        let hour = usize::try_from(local.hour()).unwrap_or(0);
        week[day][hour] += count;
    }
    week
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_nobody_acknowledged_is_left_out_of_the_mean_and_counted() {
        let opened_at = at("2026-11-23T02:00:00Z");
        let lived = Lived {
            opened_at,
            acknowledged_at: Some(at("2026-11-23T02:04:00Z")),
            resolved_at: Some(at("2026-11-23T03:00:00Z")),
            alerts: 3,
            has_ack_target: true,
            has_resolve_target: false,
            ack_breached: false,
            resolve_breached: false,
            escalated: true,
        };
        let ignored = Lived {
            acknowledged_at: None,
            resolved_at: Some(at("2026-11-23T02:10:00Z")),
            escalated: false,
            ..lived
        };
        let live = Lived {
            acknowledged_at: None,
            resolved_at: None,
            ack_breached: true,
            ..lived
        };
        let figures: Figures = [lived, ignored, live].iter().map(Figures::of).sum();
        assert_eq!(figures.incidents, 3);
        assert_eq!(figures.mtta_s(), Some(240));
        assert_eq!(figures.mttr_s(), Some(35 * 60));
        assert_eq!(figures.unanswered_per_mille(), Some(500));
        assert_eq!(
            figures.ack_kept_per_mille(),
            Some(500),
            "one kept, one missed, one ended before"
        );
        assert_eq!(figures.resolve_kept_per_mille(), None, "no target, no share");
        assert_eq!(figures.escalated_per_mille(), Some(667));
    }

    #[test]
    fn a_night_is_one_night_and_belongs_to_its_evening() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        // Friday evening, twice in the same night, a Saturday noon, a Monday noon, and Sunday 07:59 of another night.
        let pages = [
            (at("2026-11-20T21:00:00Z"), 1),
            (at("2026-11-21T03:00:00Z"), 2),
            (at("2026-11-21T11:00:00Z"), 4),
            (at("2026-11-23T11:00:00Z"), 8),
            (at("2026-11-22T06:59:00Z"), 16),
        ];
        let wanted = Load {
            pages: 31,
            at_night: 19,
            at_weekends: 4,
            nights: 2,
        };
        assert_eq!(load(pages, &zone), wanted);
        let week = hours(pages, &zone);
        assert_eq!((week[4][22], week[5][4], week[0][12], week[6][7]), (1, 2, 8, 16));
    }

    #[test]
    fn days_follow_the_wall_clock_over_a_change() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let period = Period {
            from: at("2026-10-31T15:00:00Z"),
            to: at("2026-11-02T05:00:00Z"),
        };
        let starts: Vec<String> = days(period, &zone)
            .iter()
            .map(|(date, at)| format!("{date} {at}"))
            .collect();
        assert_eq!(
            starts,
            ["2026-10-31 2026-10-31T15:00:00Z", "2026-11-01 2026-11-01T04:00:00Z",]
        );
    }

    proptest! {
        #[test]
        fn a_percentile_is_the_notch_of_the_exact_one(mut lengths in prop::collection::vec(0_i64..400_000, 1..60), part in 1_i64..=1000) {
            lengths.sort_unstable();
            let place = usize::try_from((i64::try_from(lengths.len()).unwrap() * part + 999) / 1000).unwrap().max(1) - 1;
            let mut counts: Vec<(i64, i64)> = Vec::new();
            for length in &lengths {
                match counts.last_mut() {
                    Some((last, count)) if *last == notch(*length) => *count += 1,
                    _ => counts.push((notch(*length), 1)),
                }
            }
            prop_assert_eq!(percentile(&counts, part), Some(notch(lengths[place])));
        }

        #[test]
        fn a_notch_is_near_what_falls_into_it(length in 0_i64..10_000_000) {
            let error = length - notch(length);
            prop_assert!(error >= 0 && error * 20 <= length, "{} for {}", notch(length), length);
        }
    }
}
