//! Every page filled with something: what is typical, nothing at all, and what an attacker would send.

use askama::Template;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use opsknight_domain::directory::Role;

use super::*;

mod alerts;
mod channels;
mod desk;
mod figures;
mod guide;
mod incident;
mod logs;
mod organisation;
mod schedules;
mod security;
mod service;
mod settings;
mod shell;
mod work;

/// Text that breaks a page which does not escape, reverse or wrap what it was sent.
pub(super) const HOSTILE: &str =
    "<script>alert(1)</script>\"'>&<img src=x onerror=alert(1)> {{ 7*7 }} \u{202e}txt.exe\u{202c} مرحبا 🔥 ";

/// Which samples are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A believable organisation.
    Typical,
    /// A fresh one: every list is empty, everything optional is missing.
    Empty,
    /// Every text is an attack, and a very long word besides.
    Hostile,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Typical, Self::Empty, Self::Hostile];

    pub(super) fn text(self, typical: &str) -> String {
        match self {
            Self::Typical | Self::Empty => typical.to_owned(),
            Self::Hostile => format!("{HOSTILE}{}{typical}", "W".repeat(160)),
        }
    }

    pub(super) fn list<T>(self, typical: Vec<T>) -> Vec<T> {
        if self == Self::Empty { Vec::new() } else { typical }
    }

    pub(super) fn maybe<T>(self, typical: T) -> Option<T> {
        (self != Self::Empty).then_some(typical)
    }

    pub(super) fn link(self, href: &str, text: &str) -> Link {
        let evil = self == Self::Hostile && href.starts_with("http");
        Link::new(if evil { "javascript:alert(1)" } else { href }, self.text(text))
    }

    pub(super) fn person(self, n: usize) -> Person {
        let names = [
            "Jane Doe",
            "Ada Lovelace",
            "Grace Hopper",
            "Linus Meyer",
            "Mei Tanaka",
            "Omar Haddad",
        ];
        Person::new(format!("usr_01kap{n}"), self.text(names[n % names.len()]))
    }

    /// The value as typed, and in the hostile case what is wrong with it.
    pub(super) fn field(self, name: &str, value: &str) -> Field {
        let field = Field::new(name).with(self.text(value));
        if self == Self::Hostile {
            field.wrong(self.text("Enter something shorter"))
        } else {
            field
        }
    }

    pub(super) fn select(self, name: &str, options: &[(&str, &str)], chosen: &str) -> Select {
        let options = options
            .iter()
            .map(|(value, label)| Choice::new(*value, self.text(label)));
        Select::new(Field::new(name).with(chosen), options)
    }

    pub(super) fn people(self, name: &str, chosen: &str) -> Select {
        let options = (0..4)
            .map(|n| self.person(n))
            .map(|person| Choice::new(person.id, person.name));
        Select::new(
            Field::new(name).with(chosen),
            std::iter::once(Choice::new("", "Nobody")).chain(options),
        )
    }

    pub(super) fn zone(self) -> Select {
        self.select(
            "time_zone",
            &[("Europe/Berlin", "Europe/Berlin"), ("UTC", "UTC")],
            "Europe/Berlin",
        )
    }

    pub(super) fn bare(self, title: &str) -> Bare {
        Bare {
            title: title.to_owned(),
            theme: Theme::System,
            flash: None,
        }
    }

    fn conflict(self) -> Conflict {
        Conflict {
            who: vec![(self.text("Ada Lovelace"), at(-2))],
            fields: [true, false]
                .map(|taken| ConflictField {
                    name: self.text("Name"),
                    was: self.text("Checkout"),
                    now: self.text("Checkout and cart"),
                    taken,
                })
                .to_vec(),
        }
    }

    pub(super) fn shell(self, section: Section, title: &str, path: &str) -> Shell {
        Shell {
            title: self.text(title),
            section,
            me: Me {
                person: self.person(0),
                email: self.text("jane@example.com"),
                role: Role::Admin,
            },
            theme: Theme::System,
            on_call: self.maybe(OnCall::Now {
                schedules: vec![self.link("/schedules/sch_1", "Platform")],
                until: Some(at(3 * 1440)),
            }),
            open_incidents: if self == Self::Empty { 0 } else { 3 },
            flash: (self == Self::Hostile).then(|| Flash {
                good: false,
                text: self.text("Not saved."),
            }),
            conflict: (self == Self::Hostile).then(|| self.conflict()),
            version: self.maybe(1_780_315_200_000_000),
            alarms: (self == Self::Hostile).then(|| alarm(self)).into_iter().collect(),
            single_keys: true,
            query: if self == Self::Hostile {
                self.text("x")
            } else {
                String::new()
            },
            path: path.to_owned(),
        }
    }

    pub(super) fn log_filters(self) -> LogFilters {
        LogFilters {
            q: self.field("q", ""),
            from: Field::new("from").with("2026-11-20T09:00"),
            to: Field::new("to"),
        }
    }

    pub(super) fn log_pager(self) -> LogPager {
        let to = |href: &str| self.maybe(href.to_owned());
        LogPager {
            newest: None,
            newer: to("/events?newer=rcp_9"),
            older: to("/events?older=rcp_1"),
        }
    }

    pub(super) fn pager(self) -> Pager {
        match self {
            Self::Empty => Pager::default(),
            Self::Typical | Self::Hostile => Pager {
                first: 1,
                last: 50,
                total: 120,
                previous: None,
                next: Some("/services/svc_1/maintenance?offset=50".into()),
            },
        }
    }

    pub(super) fn steps(self) -> Steps {
        match self {
            Self::Empty => Steps::default(),
            Self::Typical | Self::Hostile => Steps {
                says: "More than 10,000 incidents".into(),
                first: Some("/incidents".into()),
                previous: None,
                next: Some("/incidents?after=1.2".into()),
            },
        }
    }
}

fn alarm(k: Kind) -> AlarmLine {
    AlarmLine {
        text: k.text("2 messages by email could not be sent in the last hour: 451 try later"),
        since: Some(at(-20)),
        look: k.link("/notifications?outcome=FAILED", "Which, and why"),
    }
}

/// When the samples were taken.
pub(super) fn now() -> Timestamp {
    "2026-11-23T02:53:20Z".parse().unwrap()
}

/// So many minutes from now, seen from Berlin.
pub(super) fn at(minutes: i64) -> Times {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    Times::new(now() + SignedDuration::from_mins(minutes), now(), &zone)
}

/// One page: the name of its file and its HTML.
pub(super) type Drawn = (String, String);

pub(super) fn draw(name: &str, page: &impl Template) -> Drawn {
    (name.to_owned(), page.render().unwrap())
}

/// All pages with samples of this kind.
pub(super) fn pages(kind: Kind) -> Vec<Drawn> {
    [
        desk::pages(kind),
        figures::pages(kind),
        guide::pages(kind),
        incident::pages(kind),
        work::pages(kind),
        schedules::pages(kind),
        alerts::pages(kind),
        service::pages(kind),
        organisation::pages(kind),
        security::pages(kind),
        settings::pages(kind),
        channels::pages(kind),
        shell::pages(kind),
        logs::pages(kind),
    ]
    .concat()
}
