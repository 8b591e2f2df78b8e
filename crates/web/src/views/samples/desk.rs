//! Samples of the dashboard and the list of incidents.

use opsknight_domain::{incident::Status, urgency::Urgency};

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("dashboard", &Dashboard::sample(k)),
        draw("incidents", &IncidentList::sample(k)),
        draw("incident-new", &IncidentNew::sample(k)),
    ]
}

pub(super) fn rows(k: Kind) -> Vec<IncidentRow> {
    let due = |what, minutes: i64| Due {
        what,
        at: at(minutes),
        overdue: (minutes < 0).then(|| format!("{} min", -minutes)),
    };
    let row = |number: i64, title: &str, status, urgency, assignee: Option<usize>, due: Vec<Due>| IncidentRow {
        id: format!("inc_01kap{number}"),
        number,
        title: k.text(title),
        status,
        urgency,
        is_test: number == 1840,
        service: k.link("/services/svc_1", "Checkout API"),
        assignee: assignee.map(|n| k.person(n)),
        alerts: number % 4 + 1,
        created: at(number * 7 - 13_000),
        due,
    };
    k.list(vec![
        row(
            1847,
            "Error rate above 5 % on checkout in eu-west-1",
            Status::Open,
            Urgency::High,
            Some(0),
            vec![due("Acknowledge", 4), due("Resolve", 60)],
        ),
        row(
            1846,
            "Replication lag 90 s on orders-db-2",
            Status::Acknowledged,
            Urgency::High,
            Some(1),
            vec![due("Resolve", -50)],
        ),
        row(
            1845,
            "Disk 91 % full on worker-07",
            Status::Open,
            Urgency::Medium,
            None,
            Vec::new(),
        ),
        row(
            1843,
            "Certificate for api.example.com ends in 12 days",
            Status::Snoozed,
            Urgency::Low,
            Some(2),
            vec![due("Opens again", 300)],
        ),
        row(
            1841,
            "Queue depth of invoices above 10,000",
            Status::Suppressed,
            Urgency::Low,
            None,
            Vec::new(),
        ),
        row(
            1840,
            "Test event from Prometheus",
            Status::Resolved,
            Urgency::Low,
            None,
            Vec::new(),
        ),
    ])
}

impl Dashboard {
    fn sample(k: Kind) -> Self {
        let duty = |name: &str, n: usize, gap: bool| Duty {
            schedule: k.link("/schedules/sch_1", name),
            now: if gap { Vec::new() } else { vec![k.person(n)] },
            until: Some(at(3 * 1440)),
            next: Some(k.person(n + 1)),
        };
        Self {
            shell: k.shell(Section::Dashboard, "Dashboard", "/"),
            open: if k == Kind::Empty { 0 } else { 2 },
            acknowledged: u64::from(k != Kind::Empty),
            mine: u64::from(k != Kind::Empty),
            incidents: rows(k).into_iter().take(3).collect(),
            on_call: k.list(vec![
                duty("Platform", 0, false),
                duty("Data", 2, false),
                duty("Website, nights", 4, true),
            ]),
            first_steps: figures::first_steps(k),
            more: u64::from(k == Kind::Hostile) * 9_980,
            services: k.list(vec![ServiceHealth {
                service: k.link("/services/svc_1", "Checkout API"),
                health: Health::Critical,
                open: 2,
                acknowledged: 1,
            }]),
            quiet: if k == Kind::Empty { 0 } else { 11 },
            events: alerts::events(k),
            failures: deliveries(k),
            glance: figures::glance(k),
        }
    }
}

impl IncidentList {
    fn sample(k: Kind) -> Self {
        let quick = |href: &str, text: &str, count, current| QuickFilter {
            link: Link::new(href, text),
            count,
            current,
        };
        let view = |n: usize, name: &str, shared| SavedView {
            id: format!("view_{n}"),
            link: k.link("/incidents?urgency=HIGH", name),
            current: k == Kind::Hostile && n == 1,
            shared,
            may_change: true,
            may_share: true,
        };
        let named = k.select("serviceId", &[("", "Any"), ("svc_1", "Checkout API")], "");
        Self {
            shell: k.shell(Section::Incidents, "Incidents", "/incidents"),
            quick: vec![
                quick("/incidents?status=OPEN", "Open", Some(3), k == Kind::Typical),
                quick("/incidents?status=ACKNOWLEDGED", "Acknowledged", Some(2), false),
                quick(
                    "/incidents?status=OPEN,ACKNOWLEDGED&mine=true",
                    "Mine",
                    Some(1_204),
                    false,
                ),
                quick("/incidents?status=SNOOZED,SUPPRESSED", "Put aside", Some(2), false),
                quick("/incidents", "All", None, k == Kind::Empty),
            ],
            views: k.list(vec![
                view(1, "Payments tonight", false),
                view(2, "Without a team", true),
            ]),
            save: k.maybe(k.text("urgency=HIGH&mine=true")),
            status: k.select("status", &[("", "Any"), ("OPEN", "Open"), ("RESOLVED", "Resolved")], ""),
            urgency: k.select("urgency", &[("", "Any"), ("HIGH", "High"), ("LOW", "Low")], ""),
            service: match k {
                Kind::Hostile => ServiceFilter::Typed(Field::new("service").with(k.text("Checkout"))),
                Kind::Typical | Kind::Empty => ServiceFilter::Listed(named),
            },
            team: k.select("teamId", &[("", "Any"), ("team_1", "Platform")], ""),
            assignee: k.people("assigneeId", ""),
            order: k.select("sort", &[("newest", "Newest"), ("urgency", "Urgency")], "newest"),
            from: k.field("from", ""),
            to: k.field("to", ""),
            more_set: k == Kind::Hostile,
            query: k.text(""),
            mine: k == Kind::Hostile,
            filtered: k == Kind::Hostile,
            rows: rows(k),
            pager: k.steps(),
            first_page: true,
            bulk: Bulk {
                back: k.text("status=OPEN"),
                assignee: Select {
                    field: Field::new("assignee").within("bulk"),
                    ..k.people("assignee", "")
                },
            },
        }
    }
}

impl IncidentNew {
    fn sample(k: Kind) -> Self {
        let services: &[(&str, &str)] = if k == Kind::Empty {
            &[]
        } else {
            &[("", "Choose one"), ("svc_1", "Checkout API")]
        };
        let mut title = k.field("title", "");
        if k == Kind::Typical {
            title = title.wrong("Say in a line what is wrong");
        }
        Self {
            shell: k.shell(Section::Incidents, "New incident", "/incidents/new"),
            title,
            service: match k {
                Kind::Hostile => ServiceFilter::Typed(k.field("service", "Checkout")),
                Kind::Typical | Kind::Empty => ServiceFilter::Listed(k.select("service_id", services, "")),
            },
            urgency: k.select(
                "urgency",
                &[("HIGH", "High"), ("MEDIUM", "Medium"), ("LOW", "Low")],
                "HIGH",
            ),
            assignee: k.people("assignee", ""),
            description: k.field("description", ""),
        }
    }
}

pub(super) fn deliveries(k: Kind) -> Vec<DeliveryRow> {
    let row = |n: u32, to: &str, channel: &str, address: &str, outcome, words: &str| DeliveryRow {
        id: format!("dlv_{n}"),
        to: k.text(to),
        channel: channel.into(),
        address: k.text(address),
        purpose: "Page".into(),
        outcome,
        words: k.text(words),
        tries: n,
        at: at(-i64::from(n)),
        incident: None,
    };
    k.list(vec![
        row(
            3,
            "Jane Doe",
            "Email",
            "jane@example.com",
            Badge::new(Tone::Waiting, "Tried again soon"),
            "451 4.7.1 greylisted, try again later",
        ),
        row(
            1,
            "Linus Meyer",
            "Email",
            "linus@example.com",
            Badge::new(Tone::Good, "Sent"),
            "250 2.0.0 queued as 4F1A",
        ),
        row(
            1,
            "Status page",
            "Webhook",
            "hooks.example.com",
            Badge::new(Tone::Bad, "Failed"),
            "gave up after 14 tries: 410 Gone",
        ),
        row(
            1,
            "Linus Meyer",
            "Email",
            "linus@example.com",
            Badge::new(Tone::Quiet, "Called off"),
            "acknowledged by Jane Doe",
        ),
    ])
}

pub(super) fn change(k: Kind) -> ChangeRow {
    ChangeRow {
        summary: k.text("Deploy 4.18 of checkout"),
        source: k.maybe(k.text("build-7")),
        at: at(-25),
        links: k.list(vec![k.link("https://ci.example.com/builds/7", "Build 7")]),
    }
}
