//! Samples of the dashboard, the list of incidents and one incident.

use opsknight_domain::{
    incident::{EntryKind, Status},
    urgency::Urgency,
};

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("dashboard", &Dashboard::sample(k)),
        draw("incidents", &IncidentList::sample(k)),
        draw("incident", &IncidentPage::sample(k)),
        draw("incident-resolved", &IncidentPage::resolved(k)),
        draw("incident-new", &IncidentNew::sample(k)),
    ]
}

pub(super) fn rows(k: Kind) -> Vec<IncidentRow> {
    let row = |number: i64, title: &str, status, urgency, assignee: Option<usize>, due| IncidentRow {
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
            Some(("Acknowledge".into(), at(4))),
        ),
        row(
            1846,
            "Replication lag 90 s on orders-db-2",
            Status::Acknowledged,
            Urgency::High,
            Some(1),
            Some(("Resolve".into(), at(50))),
        ),
        row(
            1845,
            "Disk 91 % full on worker-07",
            Status::Open,
            Urgency::Medium,
            None,
            None,
        ),
        row(
            1843,
            "Certificate for api.example.com ends in 12 days",
            Status::Snoozed,
            Urgency::Low,
            Some(2),
            Some(("Until".into(), at(300))),
        ),
        row(
            1841,
            "Queue depth of invoices above 10,000",
            Status::Suppressed,
            Urgency::Low,
            None,
            None,
        ),
        row(
            1840,
            "Test event from Prometheus",
            Status::Resolved,
            Urgency::Low,
            None,
            None,
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
        Self {
            shell: k.shell(Section::Incidents, "Incidents", "/incidents"),
            quick: vec![
                quick("/incidents?status=OPEN,ACKNOWLEDGED", "Live", Some(3), true),
                quick("/incidents?mine=true", "Mine", Some(1), false),
                quick("/incidents?status=SNOOZED,SUPPRESSED", "Put off", Some(2), false),
                quick("/incidents", "All", None, false),
            ],
            status: k.select("status", &[("", "Any"), ("OPEN", "Open"), ("RESOLVED", "Resolved")], ""),
            urgency: k.select("urgency", &[("", "Any"), ("HIGH", "High"), ("LOW", "Low")], ""),
            service: k.select("serviceId", &[("", "Any"), ("svc_1", "Checkout API")], ""),
            team: k.select("teamId", &[("", "Any"), ("team_1", "Platform")], ""),
            query: String::new(),
            mine: false,
            filtered: k == Kind::Hostile,
            rows: rows(k),
            pager: k.pager(),
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
            service: k.select("service_id", services, ""),
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

fn stories(k: Kind) -> Vec<Story> {
    let story = |minutes, kind, actor: Option<&str>, text: &str| Story {
        kind,
        actor: actor.map(|name| k.text(name)),
        text: k.text(text),
        note: (kind == EntryKind::Note).then(|| k.text("Rolled back to 4.12.\nWatching the error rate until 03:15.")),
        at: at(minutes),
    };
    use EntryKind as E;
    vec![
        story(
            -9,
            E::Triggered,
            None,
            "Opened by Production Prometheus: HighErrorRate is firing, severity critical",
        ),
        story(-9, E::Escalated, None, "Step 1 of Platform, first round"),
        story(-9, E::Paged, None, "Paging Linus Meyer by email (on call on Platform)"),
        story(
            -9,
            E::NotPaged,
            None,
            "Linus Meyer is not paged by SMS: no provider for SMS is set up",
        ),
        story(
            -9,
            E::Sent,
            None,
            "Email to linus@example.com taken by smtp.example.com: 250 queued as 4F1A",
        ),
        story(-6, E::AlertAdded, None, "Another alert from Production Prometheus"),
        story(
            -4,
            E::Escalated,
            None,
            "Nobody acknowledged within 5 min: step 2 of Platform",
        ),
        story(-4, E::Paged, None, "Paging Jane Doe by email (leads Platform)"),
        story(
            -4,
            E::NotSent,
            None,
            "Email to jane@example.com failed: 451 4.7.1 greylisted; tried again in 10 s",
        ),
        story(
            -3,
            E::SlaBreached,
            None,
            "Not acknowledged within 6 min, the target of Checkout API",
        ),
        story(-2, E::Note, Some("Jane Doe"), "wrote a note"),
    ]
}

fn alerts(k: Kind) -> Vec<AlertView> {
    let fields = ["alertname", "instance", "job", "severity", "summary"];
    let values = [
        "HighErrorRate",
        "checkout-7d9f:9090",
        "checkout",
        "critical",
        "5.4 % of requests fail",
    ];
    let alert = |n: i64| AlertView {
        id: format!("alt_{n}"),
        summary: k.text("HighErrorRate: 5.4 % of requests fail on checkout"),
        severity: "critical".into(),
        action: "trigger".into(),
        from: k.link("/services/svc_1/integrations#int_1", "Production Prometheus"),
        received: at(-3 * n),
        fields: fields
            .iter()
            .zip(values)
            .map(|(name, value)| (k.text(name), k.text(value)))
            .collect(),
        raw: k.text("{\n  \"status\": \"firing\",\n  \"labels\": { \"alertname\": \"HighErrorRate\" }\n}"),
        event_href: "/events/evt_1".into(),
    };
    k.list(vec![alert(2), alert(3)])
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

impl IncidentPage {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Incidents, "#1847 Error rate above 5 %", "/incidents/inc_1"),
            id: "inc_1".into(),
            number: 1847,
            title: k.text("Error rate above 5 % on checkout in eu-west-1"),
            description: k.maybe(k.text("More than 5 % of requests to /pay fail with 502.\nStarted with deploy 4.13.")),
            status: Status::Open,
            urgency: Urgency::High,
            priority: k.maybe("P1".into()),
            is_test: k == Kind::Hostile,
            service: k.link("/services/svc_1", "Checkout API"),
            assignee: k.maybe(k.person(3)),
            team: k.maybe(k.link("/teams/team_1", "Platform")),
            policy: k.maybe(k.link("/policies/pol_1", "Platform, day and night")),
            dedup_key: k.text("prometheus:9f2c41d07b1e44aa"),
            created: at(-9),
            acknowledged: None,
            resolved: None,
            snoozed_until: None,
            ack_due: k.maybe((at(-3), true)),
            resolve_due: k.maybe((at(51), false)),
            links: k.list(vec![
                k.link("https://runbooks.example.com/checkout", "Runbook"),
                k.link("https://prometheus.example.com/graph", "Graph"),
            ]),
            images: Vec::new(),
            changes: k.list(vec![change(k)]),
            next: k.list(vec![
                NextUp {
                    at: at(3),
                    text: k.text("Page the Platform team: Ada Lovelace by email, Grace Hopper by email"),
                },
                NextUp {
                    at: at(51),
                    text: k.text("The target to resolve is missed"),
                },
            ]),
            nothing_next: "Nothing: Checkout API has no escalation policy, so nobody is paged.".into(),
            timeline: stories(k),
            alerts: alerts(k),
            alert_count: 2,
            deliveries: deliveries(k),
            actions: Actions::of(Status::Open, true),
            note: k.field("note", ""),
            assign_to: k.people("assignee", "usr_01kap3"),
            new_urgency: k.select(
                "urgency",
                &[("HIGH", "High"), ("MEDIUM", "Medium"), ("LOW", "Low")],
                "HIGH",
            ),
        }
    }

    fn resolved(k: Kind) -> Self {
        let mut page = Self::sample(k);
        page.status = Status::Resolved;
        page.actions = Actions::of(Status::Resolved, true);
        page.acknowledged = Some(at(-8));
        page.resolved = Some(at(-1));
        page.next.clear();
        page.nothing_next = "Nothing: it is resolved.".into();
        page.timeline.push(Story {
            kind: EntryKind::Resolved,
            actor: None,
            text: k.text("Resolved by Jane Doe"),
            note: None,
            at: at(-1),
        });
        page
    }
}
