//! A small organisation, and a script that plays on it: each line is a time and what happens, and what comes of it is
//! told line by line.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use opsknight_domain::{
    dedup::{self, Outcome},
    directory::{
        Channel, Directory, Member, NotificationRule, Policy, Role, Service, Standing, Step, Target, Team, User,
        Webhook,
    },
    escalation,
    event::{Action, Event, Severity},
    id::{IncidentId, PolicyId, ScheduleId, ServiceId, TeamId, UserId, WebhookId},
    incident::{Actor, Change, Happening, Incident, OpenedBy, Route},
    oncall::{Layer, Rotation, Schedule, Unit},
    urgency::{Urgency, UrgencyTable},
};
use uuid::Uuid;

pub(crate) const ANN: u128 = 1;
pub(crate) const BOB: u128 = 2;
pub(crate) const CAT: u128 = 3;

pub(crate) fn user_id(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

pub(crate) fn service_id() -> ServiceId {
    ServiceId::new(Uuid::from_u128(100))
}

pub(crate) fn start() -> Timestamp {
    "2026-06-01T09:00:00Z".parse().expect("the scene is set up right")
}

fn user(n: u128, name: &str, standing: Standing) -> User {
    User {
        id: user_id(n),
        name: name.into(),
        email: format!("{}@example.com", name.to_lowercase()),
        role: Role::Responder,
        standing,
        wants_news: true,
        contact_methods: Vec::new(),
        rules: Vec::new(),
    }
}

pub(crate) fn step(targets: Vec<Target>, delay_minutes: u32) -> Step {
    Step {
        targets,
        delay_minutes,
        channels: Vec::new(),
    }
}

/// The service that everything is about.
fn service(team: TeamId, policy: PolicyId) -> Service {
    Service {
        id: service_id(),
        name: "Shop".into(),
        team: Some(team),
        policy: Some(policy),
        urgencies: UrgencyTable::default(),
        target_ack_minutes: Some(3),
        target_resolve_minutes: Some(60),
        notification_channels: BTreeSet::new(),
        notify_on: BTreeSet::new(),
        slack_channel: None,
        runbook_url: None,
    }
}

/// Bob is on call, every day.
fn rota() -> Schedule {
    let layer = Layer {
        name: "Days".into(),
        users: vec![user_id(BOB)],
        rotation: Rotation {
            unit: Unit::Days,
            length: 1,
            start: start(),
            handoff: jiff::civil::time(9, 0, 0, 0),
        },
        restrictions: Vec::new(),
        priority: 0,
    };
    Schedule {
        id: ScheduleId::new(Uuid::from_u128(400)),
        name: "Rota".into(),
        zone: TimeZone::UTC,
        layers: vec![layer],
        overrides: Vec::new(),
    }
}

/// Ann leads Ops, Bob is on call, Cat is disabled. Mail is set up. One webhook hears everything.
pub(crate) fn directory(repeat: u32, steps: Vec<Step>) -> Directory {
    let people = [
        user(ANN, "Ann", Standing::Active),
        user(BOB, "Bob", Standing::Invited),
        user(CAT, "Cat", Standing::Disabled),
    ];
    let policy = PolicyId::new(Uuid::from_u128(200));
    let team = TeamId::new(Uuid::from_u128(300));
    let service = service(team, policy);
    let rota = rota();
    let member = |n, lead, receives_notifications| Member {
        user: user_id(n),
        lead,
        receives_notifications,
    };
    Directory {
        version: 1,
        users: people.into_iter().map(|person| (person.id, person)).collect(),
        teams: HashMap::from([(
            team,
            Team {
                id: team,
                name: "Ops".into(),
                members: vec![
                    member(ANN, true, false),
                    member(BOB, false, true),
                    member(CAT, false, true),
                ],
            },
        )]),
        services: HashMap::from([(service.id, service)]),
        policies: HashMap::from([(
            policy,
            Policy {
                id: policy,
                name: "Default".into(),
                repeat,
                steps,
            },
        )]),
        schedules: HashMap::from([(rota.id, rota)]),
        webhooks: vec![Webhook {
            id: WebhookId::new(Uuid::from_u128(500)),
            name: "Room".into(),
            enabled: true,
            happenings: BTreeSet::new(),
            services: BTreeSet::new(),
        }],
        channels: BTreeSet::from([Channel::Email]),
        ..Directory::default()
    }
}

pub(crate) fn to_user(n: u128) -> Target {
    Target::User(user_id(n))
}

pub(crate) fn to_team(lead_only: bool) -> Target {
    Target::Team {
        id: TeamId::new(Uuid::from_u128(300)),
        lead_only,
    }
}

pub(crate) fn to_schedule() -> Target {
    Target::Schedule(ScheduleId::new(Uuid::from_u128(400)))
}

pub(crate) fn trigger(severity: Severity) -> Event {
    Event::new(Action::Trigger, "cpu", severity, "CPU is hot")
}

pub(crate) fn rule(urgency: Urgency, channel: Channel, delay_minutes: u32) -> NotificationRule {
    NotificationRule {
        urgency,
        channel,
        delay_minutes,
    }
}

/// One incident and what is still to be sent about it, as the store would keep it.
pub(crate) struct Play {
    pub(crate) directory: Directory,
    pub(crate) incident: Option<Incident>,
    /// When the sender said that the problem ended.
    pub(crate) ended_at: Option<Timestamp>,
    /// Messages that wait: when they are due, and to whom.
    pub(crate) waiting: Vec<(Timestamp, String)>,
    pub(crate) now: Timestamp,
    pub(crate) story: String,
}

impl Play {
    pub(crate) fn new(directory: Directory) -> Self {
        Self {
            directory,
            incident: None,
            ended_at: None,
            waiting: Vec::new(),
            now: start(),
            story: String::new(),
        }
    }

    fn sender() -> Actor {
        Actor::Integration {
            name: "Alertmanager".into(),
        }
    }

    pub(crate) fn ann() -> Actor {
        Actor::User {
            id: user_id(ANN),
            name: "Ann".into(),
        }
    }

    /// An event arrives.
    pub(crate) fn event(&mut self, event: &Event) {
        let live = self.incident.take().filter(|incident| incident.resolved_at.is_none());
        let outcome = dedup::decide(event.said(), live.as_ref(), self.ended_at);
        if event.action == Action::Resolve {
            self.ended_at = self.ended_at.max(event.changed_at);
        }
        let change = match (outcome, live) {
            (Outcome::Open, _) => {
                let service = &self.directory.services[&service_id()];
                let id = IncidentId::new(Uuid::from_u128(1000));
                Incident::open(
                    id,
                    service,
                    OpenedBy::Event(event),
                    &Self::sender(),
                    &self.directory,
                    self.now,
                )
            }
            (Outcome::Add, Some(live)) => live.add(event, &Self::sender(), &self.directory, self.now),
            (Outcome::Acknowledge, Some(live)) => live
                .acknowledge(&Self::sender(), &self.directory, self.now)
                .expect("the scene is set up right"),
            (Outcome::Resolve, Some(live)) => live
                .resolve(&Self::sender(), None, &self.directory, self.now)
                .expect("the scene is set up right"),
            (Outcome::Ignore(why), live) => {
                self.incident = live;
                self.tell(&format!("ignored: {why}"));
                return;
            }
            (Outcome::PartEnded, Some(_)) => panic!("nothing was merged"),
            (other, None) => panic!("{other:?} without an incident"),
        };
        self.take(change);
    }

    /// Somebody does something to the incident.
    pub(crate) fn act<E: std::fmt::Display>(
        &mut self,
        action: impl FnOnce(Incident, &Directory, Timestamp) -> Result<Change, E>,
    ) {
        let incident = self.incident.clone().expect("there is an incident");
        match action(incident, &self.directory, self.now) {
            Ok(change) => self.take(change),
            Err(refusal) => self.tell(&format!("refused: {refusal}")),
        }
    }

    /// Time goes by, and everything that falls due is done on time.
    pub(crate) fn pass(&mut self, minutes: i64) {
        let until = self.now + SignedDuration::from_mins(minutes);
        while let Some(due) = self.next_due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            if let Some(change) = self
                .incident
                .clone()
                .and_then(|incident| escalation::tick(incident, &self.directory, self.now))
            {
                self.take(change);
            }
            self.send();
        }
        self.now = until;
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let incident = self.incident.as_ref().and_then(Incident::due_at);
        incident
            .into_iter()
            .chain(self.waiting.iter().map(|(due, ..)| *due))
            .min()
    }

    fn send(&mut self) {
        let (due, later) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(due, ..)| *due <= self.now);
        self.waiting = later;
        let due: Vec<_> = due;
        for (_, to) in due {
            self.tell(&format!("-> {to}"));
        }
    }

    pub(crate) fn take(&mut self, change: Change) {
        if let Some(why) = change.call_off_pages {
            let called_off = self.waiting.extract_if(.., |(_, to)| to.starts_with("page")).count();
            if called_off > 0 {
                self.tell(&format!("{called_off} page(s) called off: {why}"));
            }
        }
        for entry in &change.entries {
            self.tell(&format!("{} {}", entry.kind.word(), entry.text));
        }
        for delivery in &change.deliveries {
            let to = match &delivery.route {
                Route::Person { user, channel, .. } => {
                    format!("page {} by {}", self.directory.user_name(*user), channel.name())
                }
                Route::Room { address, .. } => format!("room {address} {}", delivery.happening.word()),
                Route::Webhook(_) => format!("webhook {}", delivery.happening.word()),
            };
            self.waiting.push((delivery.due_at, to));
        }
        self.incident = Some(change.incident);
        self.send();
    }

    pub(crate) fn tell(&mut self, what: &str) {
        let minutes = self.now.duration_since(start()).as_mins();
        writeln!(self.story, "{minutes:>4} {what}").expect("the scene is set up right");
    }

    /// What happened, for comparing.
    pub(crate) fn hears(&self, happening: Happening) -> usize {
        self.story.matches(happening.word()).count()
    }
}
