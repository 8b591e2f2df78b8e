//! Samples of the pages before the door, and of escalation policies.

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    let mut pages = gate(k);
    pages.extend(acks(k));
    pages.extend([
        draw("policies", &PolicyList::sample(k)),
        draw("policy", &PolicyPage::sample(k)),
        draw("policy-form", &PolicyForm::sample(k)),
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
            warnings: k.list(vec![k.text("Step 2 reaches nobody now.")]),
            last_used: k.maybe((k.link("/incidents/inc_1", "#1847 Error rate"), at(-9))),
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
            warnings: k.list(vec![k.text("Step 2 reaches nobody now.")]),
        }
    }
}
