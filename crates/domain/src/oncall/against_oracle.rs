//! The engine against a slow oracle over five years, in six zones, with random layers, restrictions and overrides.
//!
//! The oracle shares no code with the engine and asks jiff for nothing but the offset at an instant and the calendar: it
//! walks from hand-off to hand-off on the wall clock from the anchor on, and finds the instant of a wall-clock time by
//! trying the offsets around it.

use jiff::{
    SignedDuration, Span, Timestamp, ToSpan,
    civil::{DateTime, Weekday},
    tz::TimeZone,
};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::Config};

use super::{
    Because, Layer, Override, Restriction, Rotation, Schedule, Spoken, Unit,
    samples::{at, schedule, user, zone},
};
use crate::id::{OverrideId, UserId};

/// The five that the project promises, and Troll station, which sets its clock by two hours at once.
const ZONES: [&str; 6] = [
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Antarctica/Troll",
];
const FIRST: &str = "2024-01-01T00:00Z";
const LAST: &str = "2029-01-01T00:00Z";
const TICK: SignedDuration = SignedDuration::from_micros(1);

/// What is right, computed slowly.
struct Oracle<'a> {
    schedule: &'a Schedule,
    /// Each layer's hand-offs 1, 2, 3… up to a little after the last instant that is asked about.
    handoffs: Vec<Vec<Timestamp>>,
}

impl<'a> Oracle<'a> {
    fn new(schedule: &'a Schedule, until: Timestamp) -> Self {
        let handoffs = schedule
            .layers
            .iter()
            .map(|layer| walk(&layer.rotation, &schedule.zone, until))
            .collect();
        Self { schedule, handoffs }
    }

    fn on_call(&self, at: Timestamp) -> Option<(UserId, Because)> {
        // From the layer that speaks last to the one that speaks first, each overwriting the one before.
        let mut order: Vec<(i64, usize)> = self
            .schedule
            .layers
            .iter()
            .map(|layer| layer.priority)
            .zip(0..)
            .collect();
        order.sort_unstable();
        let mut answer = None;
        for (_, index) in order {
            if let Some(user) = self.layer(index, at) {
                let name = self.schedule.layers[index].name.clone();
                answer = Some((user, Because::Layer { index, name }));
            }
        }
        for change in &self.schedule.overrides {
            let covered = !(at < change.start || change.end <= at);
            let wanted = match change.replaces {
                None => true,
                Some(replaced) => answer.as_ref().is_some_and(|(user, _)| *user == replaced),
            };
            if covered && wanted {
                answer = Some((change.user, Because::Override { id: change.id }));
            }
        }
        answer
    }

    fn layer(&self, index: usize, at: Timestamp) -> Option<UserId> {
        let layer = &self.schedule.layers[index];
        if at < layer.rotation.start || layer.users.is_empty() || !self.unrestricted(layer, at) {
            return None;
        }
        let mut turn = 0;
        for (handoff, number) in self.handoffs[index].iter().zip(1..) {
            if *handoff <= at {
                turn = number;
            } else if handoff.duration_since(at) > SignedDuration::from_hours(72) {
                break;
            }
        }
        let mut people = layer.users.iter().cycle().skip(turn % layer.users.len());
        people.next().copied()
    }

    fn unrestricted(&self, layer: &Layer, at: Timestamp) -> bool {
        let zone = &self.schedule.zone;
        let today = zone.to_datetime(at).date();
        layer.restrictions.is_empty()
            || layer.restrictions.iter().any(|restriction| {
                (-4..=4).any(|offset| {
                    let date = today + offset.days();
                    let named = restriction.days.iter().any(|day| day == date.weekday());
                    let ends = if restriction.to > restriction.from {
                        date
                    } else {
                        date + 1.day()
                    };
                    (named || restriction.days.iter().next().is_none())
                        && resolve(zone, date.to_datetime(restriction.from)) <= at
                        && at < resolve(zone, ends.to_datetime(restriction.to))
                })
            })
    }
}

/// The hand-offs after the anchor, one after the other, until well after `until`.
fn walk(rotation: &Rotation, zone: &TimeZone, until: Timestamp) -> Vec<Timestamp> {
    let step: Span = match rotation.unit {
        Unit::Hours => i64::from(rotation.length).hours(),
        Unit::Days => i64::from(rotation.length).days(),
        Unit::Weeks => i64::from(rotation.length).weeks(),
    };
    let start = zone.to_datetime(rotation.start);
    let mut wall = start.date().to_datetime(rotation.handoff);
    // The turn into which the start falls is the first person's.
    if rotation.unit == Unit::Hours {
        while wall > start {
            wall -= step;
        }
        while wall + step <= start {
            wall += step;
        }
    }
    let mut handoffs = Vec::new();
    let enough = until + SignedDuration::from_hours(72);
    while handoffs.last().is_none_or(|last| *last < enough) {
        wall += step;
        handoffs.push(resolve(zone, wall));
    }
    handoffs
}

/// The first instant at which the wall shows this; in a gap, the time by the offset before it.
fn resolve(zone: &TimeZone, wall: DateTime) -> Timestamp {
    let as_if_utc = TimeZone::UTC.to_timestamp(wall).unwrap();
    let near = |hours| zone.to_offset(as_if_utc + SignedDuration::from_hours(hours));
    let (before, after) = (near(-16), near(16));
    let by = |offset: jiff::tz::Offset| as_if_utc - SignedDuration::from_secs(i64::from(offset.seconds()));
    let shown = [by(before), by(after)]
        .into_iter()
        .filter(|at| zone.to_datetime(*at) == wall)
        .min();
    shown.unwrap_or(by(before))
}

fn instants() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (at(FIRST).as_second(), at(LAST).as_second());
    // Whole quarters of an hour now and then, so that instants meet boundaries.
    prop_oneof![
        (first..last, 0..1_000_000).prop_map(|(second, micro)| Timestamp::new(second, micro * 1_000).unwrap()),
        (first / 900..last / 900).prop_map(|quarter| Timestamp::from_second(quarter * 900).unwrap()),
    ]
}

/// Times of day, often in the hours in which clocks are set.
fn times() -> impl Strategy<Value = jiff::civil::Time> {
    prop_oneof![(0..24i8, select(vec![0i8, 15, 30, 45])), (0..4i8, 0..60i8),]
        .prop_map(|(hour, minute)| jiff::civil::time(hour, minute, 0, 0))
}

fn rotations() -> impl Strategy<Value = Rotation> {
    let length = prop_oneof![
        6 => (Just(Unit::Hours), select(vec![3u32, 4, 6, 7, 8, 12, 24, 36, 100])),
        1 => (Just(Unit::Hours), 1..3u32),
        6 => (Just(Unit::Days), 1..15u32),
        6 => (Just(Unit::Weeks), 1..9u32),
    ];
    (length, instants(), times()).prop_map(|((unit, length), start, handoff)| Rotation {
        unit,
        length,
        start,
        handoff,
    })
}

fn restrictions() -> impl Strategy<Value = Restriction> {
    (0..128u8, times(), times(), any::<bool>()).prop_map(|(bits, from, to, equal)| Restriction {
        days: week()
            .filter(|day| bits & (1 << day.to_monday_zero_offset()) != 0)
            .collect(),
        from,
        to: if equal && bits % 4 == 0 { from } else { to },
    })
}

fn week() -> impl Iterator<Item = Weekday> {
    Weekday::Monday.cycle_forward().take(7)
}

fn layers() -> impl Strategy<Value = Layer> {
    (
        vec(0..6u128, 0..5),
        rotations(),
        prop_oneof![Just(Vec::new()), vec(restrictions(), 1..4)],
        0..3i64,
    )
        .prop_map(|(users, rotation, restrictions, priority)| Layer {
            name: "Layer".to_owned(),
            users: users.into_iter().map(user).collect(),
            rotation,
            restrictions,
            priority,
        })
}

fn overrides() -> impl Strategy<Value = Override> {
    (any::<u64>(), 0..6u128, instants(), 1..5_000i64, option::of(0..6u128)).prop_map(
        |(id, by, start, quarters, replaces)| Override {
            id: OverrideId::new(uuid::Uuid::from_u128(u128::from(id))),
            user: user(by),
            start,
            end: start + SignedDuration::from_mins(15 * quarters),
            replaces: replaces.map(user),
        },
    )
}

fn schedules() -> impl Strategy<Value = Schedule> {
    (select(ZONES.to_vec()), vec(layers(), 0..4), vec(overrides(), 0..8)).prop_map(|(zone, layers, overrides)| {
        Schedule {
            overrides,
            ..schedule(zone, layers)
        }
    })
}

/// Instants on and around every setting of the clock in the five years.
fn around_transitions(zone: &TimeZone) -> Vec<Timestamp> {
    let (first, last) = (at(FIRST), at(LAST));
    let transitions = zone
        .following(first)
        .map(|transition| transition.timestamp())
        .take_while(|at| *at < last);
    let nearby = [-5_400, -3_600, -1_800, 0, 1_800, 3_600, 5_400].map(SignedDuration::from_secs);
    transitions
        .flat_map(|moment| nearby.into_iter().flat_map(move |by| [moment + by - TICK, moment + by]))
        .collect()
}

fn check(schedule: &Schedule, oracle: &Oracle<'_>, at: Timestamp) -> Result<(), TestCaseError> {
    let answer = schedule.on_call(at);
    let found = match &answer {
        super::OnCall::Somebody { user, because } => Some((*user, because.clone())),
        super::OnCall::Nobody { why } => {
            prop_assert_eq!(why.len(), schedule.layers.len());
            None
        }
    };
    prop_assert_eq!(found, oracle.on_call(at), "at {}", at);
    Ok(())
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn every_instant_has_the_person_whom_the_oracle_names(schedule in schedules(), random in vec(instants(), 40)) {
        let oracle = Oracle::new(&schedule, at(LAST));
        for at in random.into_iter().chain(around_transitions(&schedule.zone)) {
            check(&schedule, &oracle, at)?;
        }
    }

    #[test]
    fn shifts_fill_the_range_and_agree_with_every_instant(
        schedule in schedules(), from in instants(), hours in 1..2_400i64, near in option::of(any::<prop::sample::Index>()),
    ) {
        // Often around a setting of the clock.
        let transitions = around_transitions(&schedule.zone);
        let from = match near {
            Some(index) if !transitions.is_empty() => *index.get(&transitions) - SignedDuration::from_hours(hours / 2),
            _ => from,
        };
        let to = from + SignedDuration::from_hours(hours);
        let oracle = Oracle::new(&schedule, to);
        let shifts = schedule.shifts(from, to).unwrap();
        prop_assert_eq!(shifts.first().map(|shift| shift.start), Some(from));
        prop_assert_eq!(shifts.last().map(|shift| shift.end), Some(to));
        for pair in shifts.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
            prop_assert!(pair[0].user != pair[1].user || pair[0].because != pair[1].because, "{:?}", pair);
        }
        let relieved = shifts.iter().find(|shift| shift.user != shifts[0].user).map(|shift| shift.start);
        prop_assert!(relieved.is_none() || schedule.next_change(from) == relieved);
        for (place, shift) in shifts.iter().enumerate() {
            prop_assert!(shift.start < shift.end);
            let middle = shift.start + SignedDuration::from_micros(micros(shift.start, shift.end) / 2);
            for at in [shift.start, middle, shift.end - TICK] {
                let expected = shift.user.zip(shift.because.clone());
                prop_assert_eq!(answer(&schedule, at), expected.clone(), "at {}", at);
                // The oracle is slow: it is asked about some shifts only.
                if place % 8 == 0 {
                    prop_assert_eq!(oracle.on_call(at), expected, "at {}", at);
                }
            }
        }
        for index in 0..schedule.layers.len() {
            let alone = schedule.layer_shifts(index, from, to).unwrap();
            prop_assert_eq!(alone.first().map(|shift| shift.start), Some(from));
            prop_assert_eq!(alone.last().map(|shift| shift.end), Some(to));
            for pair in alone.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
            for shift in alone.iter().step_by(8) {
                prop_assert_eq!(oracle.layer(index, shift.start), shift.user);
                prop_assert_eq!(oracle.layer(index, shift.end - TICK), shift.user);
            }
        }
    }

    #[test]
    fn gaps_differences_and_explanations_say_what_the_answers_say(
        schedule in schedules(), change in overrides(), from in instants(), hours in 1..960i64, lead in -96..960i64,
    ) {
        let to = from + SignedDuration::from_hours(hours);
        let start = from + SignedDuration::from_hours(lead);
        let change = Override { start, end: start + change.end.duration_since(change.start), ..change };
        let planned = schedule.with_override(change);
        let gaps = schedule.gaps(from, to).unwrap();
        let differences = schedule.differences(&planned, from, to).unwrap();
        let mut edges: Vec<Timestamp> = vec![from, to];
        for shift in schedule.shifts(from, to).unwrap().iter().chain(&planned.shifts(from, to).unwrap()) {
            edges.push(shift.start);
        }
        edges.sort_unstable();
        edges.dedup();
        for pair in edges.windows(2) {
            let middle = pair[0] + SignedDuration::from_micros(micros(pair[0], pair[1]) / 2);
            for at in [pair[0], middle, pair[1] - TICK] {
                let (before, after) = (schedule.on_call(at).user(), planned.on_call(at).user());
                prop_assert_eq!(gaps.iter().any(|gap| gap.start <= at && at < gap.end), before.is_none(), "{}", at);
                let differs = differences.iter().find(|found| found.start <= at && at < found.end);
                let told = differs.map_or((before, before), |found| (found.before, found.after));
                prop_assert_eq!(told, (before, after), "{}", at);
                let explained = planned.explain(at);
                let said = explained.spoken.iter().fold(None, |holder, spoken| match spoken {
                    Spoken::Layer { says, .. } => holder.or(says.ok()),
                    Spoken::Override { user, applies: true, .. } => Some(*user),
                    Spoken::Override { .. } => holder,
                });
                prop_assert_eq!((said, explained.answer.user()), (after, after), "{}", at);
            }
        }
        for pair in differences.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
    }

    #[test]
    fn no_hand_off_drifts(name in select(ZONES.to_vec()), rotation in rotations()) {
        let zone = zone(name);
        let end = (rotation.start + SignedDuration::from_hours(2 * 366 * 24)).min(at(LAST));
        let clocks_set: Vec<Timestamp> = around_transitions(&zone);
        for turn in rotation.turns(&zone, rotation.start, end).into_iter().skip(1) {
            // Where the clock is set within two hours, a hand-off may have been passed over.
            if clocks_set.iter().any(|set| set.duration_since(turn.start).abs() < SignedDuration::from_hours(2)) {
                continue;
            }
            let shown = zone.to_datetime(turn.start);
            let anchor = zone.to_datetime(rotation.start).date().to_datetime(rotation.handoff);
            let mut seconds = shown.duration_since(anchor).as_secs();
            let unit = match rotation.unit { Unit::Hours => 3_600, Unit::Days => 86_400, Unit::Weeks => 604_800 };
            let mut expected = i64::try_from(turn.number).unwrap() * i64::from(rotation.length) * unit;
            if rotation.unit == Unit::Hours {
                // Which turn is the first depends on the start; the hand-offs stay on the anchor's grid.
                (seconds, expected) = (seconds.rem_euclid(i64::from(rotation.length) * unit), 0);
            } else {
                prop_assert_eq!(shown.time(), rotation.handoff);
            }
            prop_assert_eq!(seconds, expected);
        }
    }

    #[test]
    fn nothing_panics_at_any_time(
        mut schedule in schedules(), length in any::<u32>(), second in any::<i64>(), other in any::<i64>(),
        name in select(vec!["Pacific/Apia", "Pacific/Kwajalein", "UTC", "America/St_Johns"]),
        handoff in prop_oneof![Just(jiff::civil::Time::MAX), times()],
    ) {
        let moment = |second: i64| {
            let (min, max) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
            Timestamp::from_second(min + second.rem_euclid(max - min + 1)).unwrap()
        };
        schedule.zone = zone(name);
        for layer in &mut schedule.layers {
            layer.rotation = Rotation { length, start: moment(second), handoff, ..layer.rotation };
        }
        for at in [moment(second), moment(other), Timestamp::MIN, Timestamp::MAX] {
            prop_assert!(!schedule.on_call(at).reason().is_empty());
            let week = SignedDuration::from_hours(7 * 24);
            for (from, to) in [(at, super::wall::after(at, week)), (super::wall::before(at, week), at)] {
                if let Ok(shifts) = schedule.shifts(from, to) {
                    for shift in shifts {
                        prop_assert_eq!(answer(&schedule, shift.start), shift.user.zip(shift.because));
                    }
                }
            }
        }
        prop_assert!(schedule.next_change(moment(other)).is_none_or(|change| change > moment(other)));
        prop_assert!(length != 0 || schedule.layers.is_empty() || !schedule.problems().is_empty());
    }
}

fn micros(start: Timestamp, end: Timestamp) -> i64 {
    end.as_microsecond() - start.as_microsecond()
}

fn answer(schedule: &Schedule, at: Timestamp) -> Option<(UserId, Because)> {
    match schedule.on_call(at) {
        super::OnCall::Somebody { user, because } => Some((user, because)),
        super::OnCall::Nobody { .. } => None,
    }
}
