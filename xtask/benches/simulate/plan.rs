//! What an organisation is and what will happen to it, drawn before it begins.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use opsknight_domain::{
    directory::{Channel, Member, NotificationRule, Role, Standing, Step, Target},
    event::{Action, Severity},
    id::{ContactMethodId, PolicyId, RuleId, ScheduleId, ServiceId, TeamId, UserId},
    incident::Happening,
    oncall::{Layer, Restriction, Rotation, Unit, Weekdays},
    urgency::{Urgency, UrgencyTable},
};
use opsknight_store::{
    policies::PolicyRow,
    schedules::ScheduleRow,
    services::ServiceRow,
    teams::TeamRow,
    users::{ContactMethodRow, RuleRow, UserRow},
};
use uuid::Uuid;

use crate::{
    dice::Dice,
    org::{Org, Person, Rota},
};

/// Zones whose clocks are set at different times, by different amounts, or never.
const ZONES: [&str; 6] = [
    "UTC",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
];
/// Nights in which some of these set their clocks, as seconds since 1970: 2026-03-08, 2026-03-29, 2026-04-05, 2026-10-25
/// and 2026-11-01, each at midnight in UTC.
const NIGHTS: [i64; 5] = [
    1_772_928_000,
    1_774_742_400,
    1_775_347_200,
    1_792_886_400,
    1_793_491_200,
];
/// 2026-01-01T00:00:00Z.
const YEAR_BEGINS: i64 = 1_767_225_600;

/// The severities, the worst more often.
const SEVERITIES: [Severity; 6] = [
    Severity::Critical,
    Severity::Critical,
    Severity::Critical,
    Severity::Error,
    Severity::Warning,
    Severity::Info,
];

/// Something that a monitoring tool will say.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    /// Seconds since the beginning.
    pub(crate) at_s: i64,
    pub(crate) service: ServiceId,
    /// What the request holds: the action, the key, how bad.
    pub(crate) events: Vec<(Action, String, Severity)>,
}

/// A moment at which to begin: often one in which some clock on a wall is set.
pub(crate) fn beginning(dice: &mut Dice) -> Timestamp {
    let second = if dice.percent(40) {
        *dice.pick(&NIGHTS) + dice.between(-4, 20) * 3_600
    } else {
        YEAR_BEGINS + dice.between(0, 360 * 24) * 3_600
    };
    Timestamp::from_second(second + dice.between(0, 3_599)).expect("a second of 2026")
}

/// Draws an organisation.
pub(crate) fn organisation(dice: &mut Dice, begins: Timestamp) -> Org {
    let mut fresh = Fresh(0);
    let mut org = Org {
        channels: BTreeSet::from([Channel::Email]),
        ..Org::default()
    };
    for channel in [Channel::Push, Channel::Slack, Channel::Sms, Channel::Voice] {
        if dice.percent(60) {
            org.channels.insert(channel);
        }
    }
    for n in 0..3 + dice.below(5) {
        org.people.push(person(dice, &mut fresh, n, begins));
    }
    let who: Vec<UserId> = org.people.iter().map(|person| person.row.id).collect();
    for n in 0..1 + dice.below(2) {
        org.teams.push(TeamRow {
            id: TeamId::new(fresh.uuid()),
            name: format!("Team {n}"),
            members: members(dice, &who),
            created_at: begins,
            updated_at: begins,
        });
    }
    for n in 0..1 + dice.below(2) {
        let zone = TimeZone::get(ZONES[dice.below(ZONES.len())]).expect("the zones are in the bundle");
        let row = ScheduleRow {
            name: format!("Rota {n}"),
            zone,
            layers: layers(dice, &who, begins),
            ..ScheduleRow::empty(ScheduleId::new(fresh.uuid()), begins)
        };
        let overrides = Vec::new();
        org.rotas.push(Rota { row, overrides });
    }
    for n in 0..1 + dice.below(3) {
        let steps = steps(dice, &org);
        org.policies.push(PolicyRow {
            id: PolicyId::new(fresh.uuid()),
            name: format!("Policy {n}"),
            description: None,
            repeat: u32::try_from(dice.below(3)).unwrap_or_default(),
            steps,
            created_at: begins,
            updated_at: begins,
        });
    }
    for n in 0..1 + dice.below(3) {
        org.services
            .push(service(dice, &org, ServiceId::new(fresh.uuid()), n, begins));
    }
    org
}

/// Identities that are counted.
struct Fresh(u128);

impl Fresh {
    fn uuid(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128((1 << 80) | (0x7000 << 64) | (0x8000 << 48) | self.0)
    }
}

fn person(dice: &mut Dice, fresh: &mut Fresh, n: usize, begins: Timestamp) -> Person {
    let id = UserId::new(fresh.uuid());
    let role = if n == 0 { Role::Admin } else { Role::Responder };
    let row = UserRow {
        id,
        email: format!("p{n}@example.com"),
        name: format!("P{n}"),
        role,
        standing: if dice.one_in(8) {
            Standing::Invited
        } else {
            Standing::Active
        },
        time_zone: "UTC".into(),
        phone: None,
        wants_news: dice.percent(70),
        created_at: begins,
        updated_at: begins,
    };
    let mut methods = Vec::new();
    for channel in [
        Channel::Push,
        Channel::Slack,
        Channel::Sms,
        Channel::Voice,
        Channel::Email,
    ] {
        if dice.percent(45) {
            let word = channel.word().to_lowercase();
            methods.push(ContactMethodRow {
                id: ContactMethodId::new(fresh.uuid()),
                user: id,
                channel,
                address: format!("{word}-{n}@example.com"),
                verified_at: dice.percent(85).then_some(begins),
                created_at: begins,
            });
        }
    }
    let rules = rules(dice, id, || fresh.uuid());
    Person { row, methods, rules }
}

/// Rules for some urgencies, or for none.
pub(crate) fn rules(dice: &mut Dice, user: UserId, mut fresh: impl FnMut() -> Uuid) -> Vec<RuleRow> {
    let mut rules = Vec::new();
    for urgency in Urgency::ALL {
        if dice.percent(45) {
            for _ in 0..1 + dice.below(3) {
                rules.push(RuleRow {
                    id: RuleId::new(fresh()),
                    user,
                    rule: NotificationRule {
                        urgency,
                        channel: *dice.pick(&Channel::ALL),
                        delay_minutes: *dice.pick(&[0, 0, 0, 1, 3, 10]),
                    },
                });
            }
        }
    }
    rules
}

/// Members of a team, each once.
pub(crate) fn members(dice: &mut Dice, who: &[UserId]) -> Vec<Member> {
    let some = dice.some(who, 4).into_iter();
    some.map(|user| Member {
        user,
        lead: dice.one_in(3),
        receives_notifications: dice.percent(80),
    })
    .collect()
}

/// Layers of a schedule.
pub(crate) fn layers(dice: &mut Dice, who: &[UserId], begins: Timestamp) -> Vec<Layer> {
    let mut layers = Vec::new();
    for n in 0..dice.below(3) + usize::from(!dice.one_in(12)) {
        let (unit, length, back) = *dice.pick(&[
            (Unit::Hours, 1, 24),
            (Unit::Hours, 12, 96),
            (Unit::Days, 1, 240),
            (Unit::Weeks, 1, 900),
        ]);
        let handoff = jiff::civil::time(i8::try_from(dice.below(24)).unwrap_or_default(), 30, 0, 0);
        let ahead = if dice.one_in(10) { 1 } else { 0 };
        layers.push(Layer {
            name: format!("Layer {n}"),
            users: dice.some(who, 4),
            rotation: Rotation {
                unit,
                length,
                start: begins - SignedDuration::from_hours(dice.between(0, back)) + SignedDuration::from_hours(ahead),
                handoff,
            },
            restrictions: restrictions(dice),
            priority: dice.between(0, 2),
        });
    }
    layers
}

fn restrictions(dice: &mut Dice) -> Vec<Restriction> {
    if dice.percent(60) {
        return Vec::new();
    }
    let mut hour = || jiff::civil::time(i8::try_from(dice.below(24)).unwrap_or_default(), 0, 0, 0);
    let (from, to) = (hour(), hour());
    let days = if dice.percent(60) {
        Weekdays::NONE
    } else {
        let week = [Weekday::Monday, Weekday::Wednesday, Weekday::Friday, Weekday::Sunday];
        dice.some(&week, 4).into_iter().collect()
    };
    vec![Restriction { days, from, to }]
}

/// Steps of a policy: at least one, nearly always.
pub(crate) fn steps(dice: &mut Dice, org: &Org) -> Vec<Step> {
    let mut targets: Vec<Target> = org.people.iter().map(|person| Target::User(person.row.id)).collect();
    for team in &org.teams {
        targets.push(Target::Team {
            id: team.id,
            lead_only: dice.one_in(3),
        });
    }
    for rota in &org.rotas {
        targets.extend([Target::Schedule(rota.row.id), Target::Schedule(rota.row.id)]);
    }
    let mut steps = Vec::new();
    for _ in 0..dice.below(3) + usize::from(!dice.one_in(30)) {
        let channels = match dice.below(5) {
            0 => dice.some(&Channel::ALL, 2),
            _ => Vec::new(),
        };
        steps.push(Step {
            targets: dice.some(&targets, 2),
            delay_minutes: *dice.pick(&[0, 1, 2, 5, 5, 10, 15, 30]),
            channels,
        });
    }
    steps
}

fn service(dice: &mut Dice, org: &Org, id: ServiceId, n: usize, begins: Timestamp) -> ServiceRow {
    let happenings = [
        Happening::Triggered,
        Happening::Acknowledged,
        Happening::Resolved,
        Happening::Escalated,
    ];
    let news = dice.percent(35);
    ServiceRow {
        id,
        name: format!("Service {n}"),
        description: None,
        team: dice.percent(70).then(|| dice.pick(&org.teams).id),
        policy: dice.percent(94).then(|| dice.pick(&org.policies).id),
        region: None,
        sla_tier: None,
        slack_channel: dice.one_in(4).then(|| "#ops".to_owned()),
        runbook_url: None,
        repository_url: None,
        dashboard_url: None,
        target_ack_minutes: dice.one_in(4).then_some(7),
        target_resolve_minutes: dice.one_in(4).then_some(45),
        notification_channels: if news {
            dice.some(&Channel::ALL, 2).into_iter().collect()
        } else {
            BTreeSet::new()
        },
        notify_on: if news {
            dice.some(&happenings, 4).into_iter().collect()
        } else {
            BTreeSet::new()
        },
        urgencies: UrgencyTable::default(),
        created_at: begins,
        updated_at: begins,
    }
}

/// What monitoring tools will say within these seconds: problems that come, come again, and end, some of them flapping,
/// sometimes many at once.
pub(crate) fn alerts(dice: &mut Dice, org: &Org, seconds: i64) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let problems = 2 + dice.below(7);
    for n in 0..problems {
        let service = dice.pick(&org.services).id;
        let key = format!("k{n}");
        let mut at_s = dice.between(0, seconds * 2 / 3);
        for _ in 0..1 + dice.below(6) {
            let action = match dice.below(10) {
                0..6 => Action::Trigger,
                6 => Action::Acknowledge,
                _ => Action::Resolve,
            };
            let event = (action, key.clone(), *dice.pick(&SEVERITIES));
            alerts.push(Alert {
                at_s,
                service,
                events: vec![event],
            });
            at_s += if dice.one_in(3) {
                dice.between(0, 3)
            } else {
                dice.between(5, seconds / 3)
            };
        }
    }
    if dice.one_in(4) {
        burst(dice, org, seconds, &mut alerts);
    }
    alerts
}

/// Many at once, in one request or in many.
fn burst(dice: &mut Dice, org: &Org, seconds: i64, alerts: &mut Vec<Alert>) {
    let service = dice.pick(&org.services).id;
    let at_s = dice.between(0, seconds / 2);
    let together = dice.one_in(2);
    let events: Vec<_> = (0..3 + dice.below(12))
        .map(|n| (Action::Trigger, format!("b{n}"), *dice.pick(&SEVERITIES)))
        .collect();
    let groups: Vec<Vec<_>> = if together {
        vec![events]
    } else {
        events.into_iter().map(|event| vec![event]).collect()
    };
    for events in groups {
        let at_s = at_s + dice.between(0, 2);
        alerts.push(Alert { at_s, service, events });
    }
}
