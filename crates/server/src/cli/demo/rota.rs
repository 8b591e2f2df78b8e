//! The demo's schedules, overrides and escalation policies: one of each for every team.

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use opsknight_domain::{
    directory::{Step, Target},
    id::{OverrideId, PolicyId, ScheduleId, TeamId, UserId},
    oncall::{Layer, Override, Restriction, Rotation, Unit, Weekdays},
};
use opsknight_store::{
    policies::PolicyRow,
    schedules::{OverrideRow, ScheduleRow},
};
use opsknight_web::state::Clock;

/// How many schedules and how many policies there are.
pub(super) const COUNT: usize = 4;

const WORKDAYS: [Weekday; 5] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
];
const WEEKEND: [Weekday; 2] = [Weekday::Saturday, Weekday::Sunday];

/// Who is on call when, and who is paged in which order.
pub(super) struct Rota {
    pub(super) schedules: Vec<ScheduleRow>,
    pub(super) overrides: Vec<OverrideRow>,
    pub(super) policies: Vec<PolicyRow>,
}

impl Rota {
    pub(super) fn new(
        clock: &dyn Clock,
        people: &[UserId],
        teams: &[TeamId],
        since: Timestamp,
        now: Timestamp,
    ) -> Self {
        let layers = Layers { people, since };
        let schedule = |name: &str, zone: &str, layers| ScheduleRow {
            id: ScheduleId::new(clock.uuid_v7()),
            name: name.into(),
            zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC),
            layers,
            created_at: since,
            updated_at: since,
        };
        let schedules = vec![
            schedule("Shop on call", "Europe/Berlin", layers.shop()),
            schedule("Platform, follow the sun", "UTC", layers.follow_the_sun()),
            schedule("Data on call", "America/New_York", layers.data()),
            schedule("Security on call", "Europe/London", layers.security()),
        ];
        let policies = schedules
            .iter()
            .zip(teams)
            .zip(["Shop", "Platform", "Data", "Security"])
            .map(|((schedule, team), name)| policy(clock, name, schedule.id, *team, since));
        Self {
            policies: policies.collect(),
            overrides: overrides(clock, schedules[0].id, people, now),
            schedules,
        }
    }
}

/// Someone stands in for another: three days of next week, and a night of weeks ago.
fn overrides(clock: &dyn Clock, schedule: ScheduleId, people: &[UserId], now: Timestamp) -> Vec<OverrideRow> {
    let day = |days: i64| now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(now);
    let change = |user: usize, from: i64, to: i64| OverrideRow {
        schedule,
        change: Override {
            id: OverrideId::new(clock.uuid_v7()),
            user: people[user],
            start: day(from),
            end: day(to),
            replaces: None,
        },
        created_at: day(from.min(0) - 1),
    };
    vec![change(7, -20, -19), change(3, 6, 9)]
}

fn policy(clock: &dyn Clock, name: &str, schedule: ScheduleId, team: TeamId, since: Timestamp) -> PolicyRow {
    let step = |target, delay_minutes| Step {
        targets: vec![target],
        delay_minutes,
        channels: Vec::new(),
    };
    let of_team = |lead_only| Target::Team { id: team, lead_only };
    PolicyRow {
        id: PolicyId::new(clock.uuid_v7()),
        name: name.into(),
        description: Some("Whoever is on call, then the lead, then the whole team.".into()),
        repeat: 2,
        steps: vec![
            step(Target::Schedule(schedule), 5),
            step(of_team(true), 10),
            step(of_team(false), 15),
        ],
        created_at: since,
        updated_at: since,
    }
}

struct Layers<'a> {
    people: &'a [UserId],
    since: Timestamp,
}

impl Layers<'_> {
    fn layer(
        &self,
        name: &str,
        users: &[usize],
        (unit, length): (Unit, u32),
        hours: Vec<Restriction>,
        rank: i64,
    ) -> Layer {
        Layer {
            name: name.into(),
            users: users.iter().map(|place| self.people[*place]).collect(),
            rotation: Rotation {
                unit,
                length,
                start: self.since,
                handoff: jiff::civil::time(9, 0, 0, 0),
            },
            restrictions: hours,
            priority: rank,
        }
    }

    /// A week each, and somebody of the office in working hours.
    fn shop(&self) -> Vec<Layer> {
        vec![
            self.layer("Weekly", &[1, 2, 3, 7], (Unit::Weeks, 1), Vec::new(), 0),
            self.layer(
                "Working hours",
                &[0, 2, 7],
                (Unit::Days, 1),
                vec![hours(&WORKDAYS, 9, 18)],
                1,
            ),
        ]
    }

    /// Eight hours a day for each part of the world.
    fn follow_the_sun(&self) -> Vec<Layer> {
        let every_day = [WORKDAYS.as_slice(), &WEEKEND].concat();
        let part = |name: &str, users: &[usize], from, to| {
            self.layer(name, users, (Unit::Days, 1), vec![hours(&every_day, from, to)], 0)
        };
        vec![
            part("Asia", &[3, 12], 0, 8),
            part("Europe and Africa", &[5, 4], 8, 16),
            part("Americas", &[8, 9], 16, 0),
        ]
    }

    /// Working days and weekends; the nights between working days are nobody's.
    fn data(&self) -> Vec<Layer> {
        vec![
            self.layer(
                "Working days",
                &[10, 9],
                (Unit::Weeks, 1),
                vec![hours(&WORKDAYS, 7, 22)],
                0,
            ),
            self.layer("Weekends", &[8, 10], (Unit::Weeks, 1), vec![hours(&WEEKEND, 0, 0)], 0),
        ]
    }

    fn security(&self) -> Vec<Layer> {
        vec![self.layer("Daily", &[11, 7, 4], (Unit::Days, 1), Vec::new(), 0)]
    }
}

fn hours(days: &[Weekday], from: i8, to: i8) -> Restriction {
    let time = |hour| jiff::civil::time(hour, 0, 0, 0);
    Restriction {
        days: Weekdays::from_iter(days.iter().copied()),
        from: time(from),
        to: time(to),
    }
}
