//! Whose turn it is: hand-offs at fixed distances on the wall clock. Knows no layers, no restrictions and no people.

use jiff::{
    SignedDuration, Timestamp,
    civil::{DateTime, Time},
    tz::TimeZone,
};

use super::wall;

/// In what a rotation's length is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Hours on the wall clock.
    Hours,
    /// Days: from one time of day to the same on another day, however many hours lie between.
    Days,
    /// Weeks: seven days.
    Weeks,
}

impl Unit {
    /// All of them, the short first.
    pub const ALL: [Self; 3] = [Self::Hours, Self::Days, Self::Weeks];

    /// The word of the contract: `HOURS`, `DAYS`, `WEEKS`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hours => "HOURS",
            Self::Days => "DAYS",
            Self::Weeks => "WEEKS",
        }
    }

    /// Reads a word of the contract.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.word() == word)
    }

    /// How many seconds the wall clock moves on in one of them.
    const fn wall_seconds(self) -> i64 {
        match self {
            Self::Hours => 3_600,
            Self::Days => 86_400,
            Self::Weeks => 604_800,
        }
    }
}

/// When people hand over to each other.
///
/// The anchor is the local date of `start` at `handoff`; hand-off `k` is the anchor plus `k × length` units on the wall
/// clock, so a twelve-hour rotation hands over at 08:00 and 20:00 on the night of a clock change too, and one of the
/// turns of that night is an hour shorter or longer. Turn `k` lasts from hand-off `k` to hand-off `k + 1`. A `start`
/// before the anchor makes turn 0 longer, a later one makes it shorter; where turns are counted in hours, turn 0 is the
/// one into which `start` falls. `start` moves no hand-off, and the first person is the first on call.
///
/// When the clock is set forward over several hand-offs at once, the last of them counts and the turns between are empty:
/// what the wall shows is right again at once. When it is set back, each hand-off happens the first time that the wall
/// shows it, and the turn in which it is set back is longer. So hand-offs never go back in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// In what `length` is counted.
    pub unit: Unit,
    /// How many units a turn lasts, at least 1 (0 counts as 1).
    pub length: u32,
    /// Nobody is on call in the layer before.
    pub start: Timestamp,
    /// The time of day, in the schedule's zone, at which the hand-offs are counted from.
    pub handoff: Time,
}

/// One turn of a rotation, or the part of it that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Which one, from 0.
    pub number: u64,
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

impl Rotation {
    /// The number of the turn in which `at` lies; none before `start`.
    #[must_use]
    pub fn turn_at(&self, zone: &TimeZone, at: Timestamp) -> Option<u64> {
        (at >= self.start).then(|| Grid::new(self, zone).turn_at(at).unsigned_abs())
    }

    /// The turns between `from` and `to`, clipped to them, without the empty ones. One per hand-off: the caller bounds
    /// the range.
    #[must_use]
    pub fn turns(&self, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Turn> {
        let from = from.max(self.start);
        if from >= to {
            return Vec::new();
        }
        let grid = Grid::new(self, zone);
        let first = grid.turn_at(from);
        let last = grid.last_before(to).max(first);
        let mut turns = Vec::new();
        let mut end = to;
        for number in (first..=last).rev() {
            // The turn in which `from` lies is the last whose hand-off has happened by then; all others happen later.
            let start = if number == first {
                from
            } else {
                grid.handoff(number).min(end)
            };
            if start < end {
                turns.push(Turn {
                    number: number.unsigned_abs(),
                    start,
                    end,
                });
            }
            end = start;
        }
        turns.reverse();
        turns
    }
}

/// The hand-offs of a rotation on the wall clock of a zone.
struct Grid<'a> {
    zone: &'a TimeZone,
    anchor: DateTime,
    /// Wall-clock seconds from one hand-off to the next; at most 2^32 weeks.
    step_s: i64,
    /// Which hand-off, counted from the anchor's, begins turn 0. It may lie before the years that have instants.
    first: i64,
}

impl<'a> Grid<'a> {
    fn new(rotation: &Rotation, zone: &'a TimeZone) -> Self {
        let step_s = rotation.unit.wall_seconds() * i64::from(rotation.length.max(1));
        let start = zone.to_datetime(rotation.start);
        let grid = Self {
            zone,
            anchor: start.date().to_datetime(rotation.handoff),
            step_s,
            first: 0,
        };
        // Turn 0 is the one into which the start falls, so that the first person is the first on call.
        let first = match rotation.unit {
            Unit::Hours => grid.last_shown(start),
            Unit::Days | Unit::Weeks => 0,
        };
        Self { first, ..grid }
    }

    /// When hand-off `number` happens; the first or last instant there is when it lies beyond.
    fn handoff(&self, number: i64) -> Timestamp {
        let wall = number
            .checked_add(self.first)
            .and_then(|number| number.checked_mul(self.step_s))
            .and_then(|seconds| self.anchor.checked_add(SignedDuration::from_secs(seconds)).ok());
        match wall {
            Some(wall) => wall::instant(self.zone, wall),
            None if number > 0 => Timestamp::MAX,
            None => Timestamp::MIN,
        }
    }

    /// The last hand-off that a wall that shows `wall` has shown, were it never set.
    fn last_shown(&self, wall: DateTime) -> i64 {
        let since_anchor = wall.duration_since(self.anchor);
        // Whole seconds of a step let the floor ignore the fraction, when that is taken downwards too.
        let seconds = since_anchor.as_secs() - i64::from(since_anchor.subsec_nanos() < 0);
        seconds.div_euclid(self.step_s) - self.first
    }

    /// No later hand-off happens before `to`.
    fn last_before(&self, to: Timestamp) -> i64 {
        self.last_shown(self.zone.to_datetime(to).saturating_add(wall::reach(self.zone, to)))
    }

    /// The turn in which `at` lies: that of the last hand-off, in the order of the wall clock, which has happened by
    /// then. Before hand-off 1 it is turn 0, which begins with the rotation.
    fn turn_at(&self, at: Timestamp) -> i64 {
        let wall = self.zone.to_datetime(at);
        let reach = wall::reach(self.zone, at);
        let surely = self.last_shown(wall.saturating_sub(reach)).max(0);
        let perhaps = self.last_shown(wall.saturating_add(reach));
        (surely + 1..=perhaps)
            .rev()
            .find(|&number| self.handoff(number) <= at)
            .unwrap_or(surely)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::samples::{at, zone};

    /// The turns as lines: number, and start on the wall.
    fn starts(rotation: Rotation, zone: &TimeZone, from: &str, to: &str) -> Vec<String> {
        let turns = rotation.turns(zone, at(from), at(to));
        for pair in turns.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        for turn in &turns {
            assert_eq!(rotation.turn_at(zone, turn.start), Some(turn.number), "{turn:?}");
        }
        turns
            .iter()
            .map(|turn| {
                format!(
                    "{} {}",
                    turn.number,
                    turn.start.to_zoned_datetime(zone.clone()).strftime("%a %d %H:%M%:z")
                )
            })
            .collect()
    }

    fn rotation(unit: Unit, length: u32, start: &str, handoff: &str) -> Rotation {
        Rotation {
            unit,
            length,
            start: at(start),
            handoff: handoff.parse().unwrap(),
        }
    }

    /// The hand-off before the one on the day of its start would lie before the first instant there is.
    #[test]
    fn a_turn_that_is_longer_than_all_time_before_it_is_counted_like_any_other() {
        let start = "-001970-12-25T04:30:53Z".parse().unwrap();
        let rotation = Rotation {
            unit: Unit::Hours,
            length: 70_389_528,
            start,
            handoff: Time::MAX,
        };
        let zone = zone("Pacific/Apia");
        let hour = |n: i64| start + SignedDuration::from_hours(n);
        let turns = rotation.turns(&zone, start, hour(7 * 24));
        assert_eq!(turns.iter().map(|turn| turn.number).collect::<Vec<_>>(), [0, 1]);
        for at in (0..7 * 24).map(hour) {
            let turn = turns.iter().find(|turn| turn.start <= at && at < turn.end);
            assert_eq!(rotation.turn_at(&zone, at), turn.map(|turn| turn.number), "{at}");
        }
    }

    #[test]
    fn weekly_hand_offs_stay_at_nine_across_daylight_saving() {
        let weekly = rotation(Unit::Weeks, 1, "2026-03-02T09:00-05:00", "09:00");
        assert_eq!(
            starts(
                weekly,
                &zone("America/New_York"),
                "2026-03-01T00:00Z",
                "2026-03-20T00:00Z"
            ),
            ["0 Mon 02 09:00-05:00", "1 Mon 09 09:00-04:00", "2 Mon 16 09:00-04:00"]
        );
    }

    #[test]
    fn twelve_hours_stay_at_eight_and_twenty() {
        let halves = rotation(Unit::Hours, 12, "2026-10-24T08:00+01:00", "08:00");
        assert_eq!(
            starts(halves, &zone("Europe/London"), "2026-10-24T07:00Z", "2026-10-26T00:00Z"),
            [
                "0 Sat 24 08:00+01:00",
                "1 Sat 24 20:00+01:00",
                "2 Sun 25 08:00+00:00",
                "3 Sun 25 20:00+00:00"
            ]
        );
    }

    #[test]
    fn lord_howe_sets_its_clock_by_half_an_hour() {
        let daily = rotation(Unit::Days, 1, "2026-04-03T09:00+11:00", "09:00");
        let turns = daily.turns(
            &zone("Australia/Lord_Howe"),
            at("2026-04-03T22:00Z"),
            at("2026-04-05T22:30Z"),
        );
        let minutes: Vec<_> = turns
            .iter()
            .map(|turn| turn.end.duration_since(turn.start).as_mins())
            .collect();
        assert_eq!(
            minutes,
            [24 * 60 + 30, 24 * 60],
            "the clock goes back from 02:00 to 01:30 on 5 April"
        );
    }

    #[test]
    fn kathmandu_is_five_hours_and_three_quarters_ahead() {
        let daily = rotation(Unit::Days, 1, "2026-05-01T00:00Z", "00:15");
        assert_eq!(
            starts(daily, &zone("Asia/Kathmandu"), "2026-05-01T00:00Z", "2026-05-03T00:00Z"),
            ["0 Fri 01 05:45+05:45", "1 Sat 02 00:15+05:45", "2 Sun 03 00:15+05:45"]
        );
    }

    #[test]
    fn casablanca_sets_its_clock_back_for_ramadan() {
        let daily = rotation(Unit::Days, 2, "2026-02-12T09:00+01:00", "09:00");
        assert_eq!(
            starts(
                daily,
                &zone("Africa/Casablanca"),
                "2026-02-13T00:00Z",
                "2026-02-18T00:00Z"
            ),
            ["0 Fri 13 01:00+01:00", "1 Sat 14 09:00+01:00", "2 Mon 16 09:00+00:00"]
        );
    }

    #[test]
    fn start_lengthens_or_shortens_a_turn_and_moves_no_hand_off() {
        let utc = TimeZone::UTC;
        let early = rotation(Unit::Days, 1, "2026-01-05T06:00Z", "09:00");
        assert_eq!(
            starts(early, &utc, "2026-01-01T00:00Z", "2026-01-07T00:00Z"),
            ["0 Mon 05 06:00+00:00", "1 Tue 06 09:00+00:00"]
        );
        let late = rotation(Unit::Days, 1, "2026-01-05T17:00Z", "09:00");
        assert_eq!(
            starts(late, &utc, "2026-01-01T00:00Z", "2026-01-07T00:00Z"),
            ["0 Mon 05 17:00+00:00", "1 Tue 06 09:00+00:00"]
        );
        let second_half = rotation(Unit::Hours, 12, "2026-01-05T21:00Z", "08:00");
        assert_eq!(
            starts(second_half, &utc, "2026-01-01T00:00Z", "2026-01-06T20:00Z"),
            ["0 Mon 05 21:00+00:00", "1 Tue 06 08:00+00:00"]
        );
        assert_eq!(early.turn_at(&utc, at("2026-01-05T05:59:59.999999Z")), None);
    }

    #[test]
    fn hourly_turns_in_a_gap_are_empty_and_in_a_fold_longer() {
        let hourly = rotation(Unit::Hours, 1, "2026-03-08T00:00-05:00", "00:00");
        assert_eq!(
            starts(
                hourly,
                &zone("America/New_York"),
                "2026-03-08T06:00Z",
                "2026-03-08T09:00Z"
            ),
            ["1 Sun 08 01:00-05:00", "3 Sun 08 03:00-04:00", "4 Sun 08 04:00-04:00"]
        );
        assert_eq!(
            starts(
                hourly,
                &zone("America/New_York"),
                "2026-11-01T04:00Z",
                "2026-11-01T08:00Z"
            ),
            [
                "5712 Sun 01 00:00-04:00",
                "5713 Sun 01 01:00-04:00",
                "5714 Sun 01 02:00-05:00"
            ]
        );
    }

    #[test]
    fn a_gap_of_several_hand_offs_keeps_the_wall_right() {
        // Troll station goes from +00:00 to +02:00 at 01:00, so 01:00 and 02:00 never happen on 29 March.
        let hourly = rotation(Unit::Hours, 1, "2026-03-29T00:00Z", "00:00");
        assert_eq!(
            starts(
                hourly,
                &zone("Antarctica/Troll"),
                "2026-03-29T00:00Z",
                "2026-03-29T03:00Z"
            ),
            ["0 Sun 29 00:00+00:00", "3 Sun 29 03:00+02:00", "4 Sun 29 04:00+02:00"]
        );
        // Samoa skipped the whole of 30 December 2011.
        let thirds = rotation(Unit::Hours, 8, "2011-12-29T00:00-10:00", "00:00");
        assert_eq!(
            starts(thirds, &zone("Pacific/Apia"), "2011-12-30T02:00Z", "2011-12-31T02:00Z"),
            ["2 Thu 29 16:00-10:00", "6 Sat 31 00:00+14:00", "7 Sat 31 08:00+14:00"]
        );
    }

    #[test]
    fn the_edges_of_time_are_survived() {
        for unit in Unit::ALL {
            for length in [0, 1, u32::MAX] {
                for start in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
                    for handoff in [Time::MIN, Time::MAX] {
                        let rotation = Rotation {
                            unit,
                            length,
                            start,
                            handoff,
                        };
                        for zone in [TimeZone::UTC, zone("Pacific/Apia"), zone("America/New_York")] {
                            assert!(rotation.turn_at(&zone, Timestamp::MAX).is_some());
                            let year = SignedDuration::from_hours(366 * 24);
                            let first = (Timestamp::MIN, wall::after(Timestamp::MIN, year));
                            let last = (wall::before(Timestamp::MAX, year), Timestamp::MAX);
                            for (from, to) in [first, last] {
                                let turns = rotation.turns(&zone, from, to);
                                assert!(turns.iter().all(|turn| from <= turn.start && turn.start < turn.end));
                            }
                        }
                    }
                }
            }
        }
    }
}
