//! Samples of the pages before the door, of escalation policies and of schedules.

use jiff::SignedDuration;

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    let mut pages = gate(k);
    pages.extend(acks(k));
    pages.extend([
        draw("policies", &PolicyList::sample(k)),
        draw("policy", &PolicyPage::sample(k)),
        draw("policy-form", &PolicyForm::sample(k)),
        draw("schedules", &ScheduleList::sample(k)),
        draw("schedule", &SchedulePage::sample(k)),
        draw("schedule-form", &ScheduleForm::sample(k)),
    ]);
    pages
}

fn gate(k: Kind) -> Vec<Drawn> {
    let invite = InviteForm {
        token: "t0ken".into(),
        email: k.text("ada@example.com"),
        name: k.field("name", "Ada Lovelace"),
        password: Field::new("password"),
        time_zone: k.zone(),
        refused: (k == Kind::Hostile).then(|| k.text("This link was used")),
        is_reset: k == Kind::Empty,
        provider: k.maybe(k.text("Acme")),
        provider_only: false,
        passkeys: k != Kind::Empty,
    };
    let password = Field::new("password");
    let setup = Setup {
        shell: k.bare("Set up"),
        token: "t0ken".into(),
        name: k.field("name", ""),
        email: k.field("email", ""),
        password: if k == Kind::Empty {
            password
        } else {
            password.wrong("Use at least 12 characters")
        },
        time_zone: k.zone(),
        refused: (k == Kind::Hostile).then(|| k.text("This link was used")),
    };
    let login = Login {
        shell: k.bare("Sign in"),
        next: k.text("/incidents/inc_1"),
        email: Field::new("email").with(k.text("jane@example.com")),
        password: Field::new("password"),
        refused: k.maybe(k.text("No account has this email and password.")),
        provider: k.maybe(k.text("Acme")),
        provider_only: k == Kind::Hostile,
        passkeys: k != Kind::Empty,
    };
    let invited = |state| Invite {
        shell: k.bare("Invitation"),
        state,
    };
    vec![
        draw("setup", &setup),
        draw("login", &login),
        draw("invite", &invited(InviteState::Ready(Box::new(invite)))),
        draw("invite-expired", &invited(InviteState::Expired)),
        draw("error-404", &Error::of(k.bare("Not found"), 404, None)),
        draw("error-500", &Error::of(k.bare("Error"), 500, Some(k.text("01KAP4Q2")))),
    ]
}

fn acks(k: Kind) -> Vec<Drawn> {
    let deed = || Deed {
        by: k.text("Ada Lovelace"),
        at: at(-4),
    };
    let incident = || AckIncident {
        number: 1847,
        title: k.text("Error rate above 5 % on checkout"),
        service: k.text("Checkout API"),
        href: "/incidents/inc_1".into(),
    };
    let ack = |state| Ack {
        shell: k.bare("Acknowledge"),
        incident: k.maybe(incident()),
        state,
    };
    let unsubscribe = |state| Unsubscribe {
        shell: k.bare("End news"),
        state,
    };
    let name = k.text("Jane Doe");
    vec![
        draw(
            "ack-ready",
            &ack(AckState::Ready {
                token: "t0ken".into(),
                name: name.clone(),
            }),
        ),
        draw("ack-done", &ack(AckState::Done { name: name.clone() })),
        draw("ack-already", &ack(AckState::Already(deed()))),
        draw("ack-resolved", &ack(AckState::Resolved(deed()))),
        draw("ack-put-off", &ack(AckState::PutOff { how: "snoozed" })),
        draw("ack-expired", &ack(AckState::Expired)),
        draw("ack-invalid", &ack(AckState::Invalid)),
        draw(
            "unsubscribe-ready",
            &unsubscribe(UnsubscribeState::Ready {
                token: "t0ken".into(),
                name: name.clone(),
            }),
        ),
        draw("unsubscribe-done", &unsubscribe(UnsubscribeState::Done { name })),
        draw("unsubscribe-invalid", &unsubscribe(UnsubscribeState::Invalid)),
    ]
}

fn plan(k: Kind) -> Vec<PagedNow> {
    let page = |minute, step, n: usize, how: &str, reaches| PagedNow {
        minute,
        step,
        person: Some(k.person(n)),
        how: k.text(how),
        reaches,
    };
    k.list(vec![
        page(0, 1, 0, "by email, as she is on call on Platform", true),
        page(5, 2, 1, "by email and SMS", true),
        page(5, 2, 3, "not at all: the account is disabled", false),
        PagedNow {
            minute: 15,
            step: 3,
            person: None,
            how: k.text("Nobody is on call on Website, nights"),
            reaches: false,
        },
    ])
}

impl PolicyList {
    fn sample(k: Kind) -> Self {
        let row = |id: &str, name: &str, first: Vec<Person>| PolicyRow {
            link: k.link(&format!("/policies/{id}"), name),
            description: k.text("Whoever is on call, then the lead, then everybody."),
            steps: 3,
            services: 4,
            first,
        };
        let rows = vec![
            row("pol_1", "Platform, day and night", vec![k.person(0)]),
            row("pol_2", "Website", Vec::new()),
        ];
        Self {
            shell: k.shell(Section::Policies, "Escalation policies", "/policies"),
            rows: k.list(rows),
        }
    }
}

impl PolicyPage {
    fn sample(k: Kind) -> Self {
        let step = |targets: Vec<Link>, channels: &[&str], delay_minutes| StepView {
            targets,
            channels: channels.iter().map(|name| (*name).to_owned()).collect(),
            delay_minutes,
        };
        Self {
            shell: k.shell(Section::Policies, "Platform", "/policies/pol_1"),
            id: "pol_1".into(),
            name: k.text("Platform, day and night"),
            description: k.text("Whoever is on call, then the lead, then everybody."),
            steps: vec![
                step(vec![k.link("/schedules/sch_1", "Platform (on call)")], &[], 5),
                step(
                    k.list(vec![
                        k.link("/teams/team_1", "Platform leads"),
                        k.link("/users/usr_1", "Grace Hopper"),
                    ]),
                    &["email", "SMS"],
                    10,
                ),
            ],
            repeat: if k == Kind::Empty { 0 } else { 2 },
            plan: plan(k),
            services: k.list(vec![k.link("/services/svc_1", "Checkout API")]),
        }
    }
}

impl PolicyForm {
    fn sample(k: Kind) -> Self {
        let step = |n: usize, chosen: &[&str]| {
            let targets = chosen.iter().chain([&""]).enumerate().map(|(i, value)| {
                let mut select = k.select(
                    &format!("steps.{n}.targets"),
                    &[
                        ("", "Choose somebody"),
                        ("schedule:sch_1", "On call: Platform"),
                        ("leads:team_1", "Leads of Platform"),
                        ("user:usr_1", "Jane Doe"),
                    ],
                    value,
                );
                select.field.id = format!("steps-{n}-target-{i}");
                if n == 1 && chosen.is_empty() {
                    select.field.error = Some("Choose whom step 2 pages".into());
                }
                select
            });
            StepForm {
                targets: targets.collect(),
                delay: k.field(&format!("steps.{n}.delay"), "5"),
                channels: Checks::new(
                    Field::new(&format!("steps.{n}.channels")),
                    [
                        Choice::new("EMAIL", "Email").chosen(n == 1),
                        Choice::new("SMS", "SMS"),
                        Choice::new("PUSH", "Push"),
                    ],
                ),
            }
        };
        Self {
            shell: k.shell(Section::Policies, "Edit policy", "/policies/pol_1/edit"),
            id: k.maybe("pol_1".into()),
            name: k.field("name", "Platform, day and night"),
            description: k.field("description", ""),
            repeat: k.select(
                "repeat",
                &[
                    ("0", "End"),
                    ("1", "Go through all steps once more"),
                    ("2", "2 more times"),
                ],
                "1",
            ),
            steps: if k == Kind::Empty {
                vec![step(0, &[])]
            } else {
                vec![step(0, &["schedule:sch_1"]), step(1, &[])]
            },
            plan: plan(k),
        }
    }
}

impl ScheduleList {
    fn sample(k: Kind) -> Self {
        let row = |name: &str, now: Vec<Person>| ScheduleRow {
            link: k.link("/schedules/sch_1", name),
            zone: "Europe/Berlin".into(),
            now,
            until: Some(at(3 * 1440)),
            next: Some(k.person(1)),
        };
        let rows = vec![row("Platform", vec![k.person(0)]), row("Website, nights", Vec::new())];
        Self {
            shell: k.shell(Section::Schedules, "Schedules", "/schedules"),
            rows: k.list(rows),
        }
    }
}

fn strip(k: Kind) -> Strip {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let from: Timestamp = "2026-11-22T23:00:00Z".parse().unwrap();
    let hours = |n: i64| from + SignedDuration::from_hours(n);
    let turn = |n: Option<usize>, start: i64, end: i64, is_override| Turn {
        person: n.map(|n| k.person(n)),
        from: hours(start),
        to: hours(end),
        is_override,
    };
    let weekly = vec![
        turn(Some(0), -100, 105, false),
        turn(Some(1), 105, 273, false),
        turn(Some(3), 273, 400, false),
    ];
    let nights: Vec<_> = (0..14)
        .map(|day| turn(Some(2), day * 24 - 4, day * 24 + 7, false))
        .collect();
    let overrides = vec![turn(Some(4), 130, 154, true)];
    let result = vec![
        turn(Some(0), -100, 105, false),
        turn(Some(1), 105, 130, false),
        turn(Some(4), 130, 154, true),
        turn(Some(1), 154, 200, false),
        turn(None, 200, 224, false),
        turn(Some(1), 224, 273, false),
        turn(Some(3), 273, 400, false),
    ];
    let rows = vec![
        (k.text("Weekly"), false, k.list(weekly)),
        (k.text("Nights"), false, k.list(nights)),
        ("Overrides".to_owned(), false, k.list(overrides)),
        (
            "On call".to_owned(),
            true,
            if k == Kind::Empty {
                vec![turn(None, 0, 336, false)]
            } else {
                result
            },
        ),
    ];
    Strip::draw(from, hours(336), now(), &zone, rows)
}

impl SchedulePage {
    fn sample(k: Kind) -> Self {
        let layer = |name: &str, restrictions: Vec<String>| LayerView {
            name: k.text(name),
            rotation: "Changes hands every week, on Friday at 09:00".into(),
            people: k.list(vec![k.person(0), k.person(1), k.person(3)]),
            restrictions,
        };
        let shift = |n: Option<usize>, from, to| Shift {
            person: n.map(|n| k.person(n)),
            from: at(from),
            to: at(to),
        };
        Self {
            shell: k.shell(Section::Schedules, "Platform", "/schedules/sch_1"),
            id: "sch_1".into(),
            name: k.text("Platform"),
            zone: "Europe/Berlin".into(),
            now: k.list(vec![k.person(0)]),
            until: k.maybe(at(6_000)),
            next: k.maybe(k.person(1)),
            strip: strip(k),
            before: "/schedules/sch_1?from=2026-11-09".into(),
            after: "/schedules/sch_1?from=2026-12-07".into(),
            today: None,
            layers: k.list(vec![
                layer("Weekly", Vec::new()),
                layer("Nights", vec!["Every day, 20:00 to 07:00".into()]),
            ]),
            overrides: k.list(vec![OverrideRow {
                id: "ovr_1".into(),
                person: k.person(4),
                replaces: Some(k.text("Ada Lovelace")),
                from: at(7_800),
                to: at(9_240),
            }]),
            shifts: k.list(vec![
                shift(Some(1), 6_000, 7_800),
                shift(Some(4), 7_800, 9_240),
                shift(None, 12_000, 13_440),
                shift(Some(3), 16_000, 26_000),
            ]),
            policies: k.list(vec![k.link("/policies/pol_1", "Platform, day and night")]),
            override_user: k.people("user_id", ""),
            override_replaces: k.people("replaces_user_id", ""),
            override_start: k.field("start", "2026-11-28T09:00"),
            override_end: k.field("end", "2026-11-29T09:00"),
        }
    }
}

impl ScheduleForm {
    fn sample(k: Kind) -> Self {
        let days = |n: usize| {
            let names = [
                "Monday",
                "Tuesday",
                "Wednesday",
                "Thursday",
                "Friday",
                "Saturday",
                "Sunday",
            ];
            let words = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
            let options = words
                .iter()
                .zip(names)
                .map(|(word, name)| Choice::new(*word, name).chosen(*word != "SUN"));
            Checks::new(Field::new(&format!("layers.{n}.restrictions.0.days")), options)
        };
        let layer = |n: usize| LayerForm {
            name: k.field(&format!("layers.{n}.name"), "Weekly"),
            users: (0..3)
                .map(|i| {
                    let mut select = k.people(&format!("layers.{n}.users"), ["usr_01kap0", "usr_01kap1", ""][i]);
                    select.field.id = format!("layers-{n}-user-{i}");
                    select
                })
                .collect(),
            length: k.field(&format!("layers.{n}.length"), "1"),
            unit: k.select(
                &format!("layers.{n}.unit"),
                &[("HOURS", "Hours"), ("DAYS", "Days"), ("WEEKS", "Weeks")],
                "WEEKS",
            ),
            start: k.field(&format!("layers.{n}.start"), "2026-11-20"),
            handoff: k.field(&format!("layers.{n}.handoff"), "09:00"),
            restrictions: k.list(vec![RestrictionForm {
                days: days(n),
                from: k.field(&format!("layers.{n}.restrictions.0.from"), "20:00"),
                to: k.field(&format!("layers.{n}.restrictions.0.to"), "07:00"),
            }]),
        };
        Self {
            shell: k.shell(Section::Schedules, "Edit schedule", "/schedules/sch_1/edit"),
            id: k.maybe("sch_1".into()),
            name: k.field("name", "Platform"),
            time_zone: k.zone(),
            layers: if k == Kind::Empty {
                vec![layer(0)]
            } else {
                vec![layer(0), layer(1)]
            },
        }
    }
}
