//! Samples of the pages of one incident.

use opsknight_domain::{
    incident::{EntryKind, Status},
    urgency::Urgency,
};

use super::{
    desk::{change, deliveries, rows},
    *,
};

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("incident", &IncidentPage::sample(k)),
        draw("incident-resolved", &IncidentPage::resolved(k)),
        draw("incident-note", &NotePage::sample(k)),
    ]
}

fn page_views(k: Kind) -> Vec<PageView> {
    let page = |channel: &str, address: &str, outcome, words: &str, tries| PageView {
        channel: channel.into(),
        address: k.text(address),
        outcome,
        words: k.text(words),
        tries,
        at: at(-3),
    };
    vec![
        page("Push", "Phone", Badge::new(Tone::Good, "Delivered"), "201 Created", 1),
        page(
            "Email",
            "jane@example.com",
            Badge::new(Tone::Bad, "Failed"),
            "550 5.1.1 no such user",
            3,
        ),
    ]
}

fn story_part(k: Kind) -> StoryPart {
    StoryPart {
        entries: k.list(stories(k)),
        by_people: false,
        all_href: "/incidents/inc_1".into(),
        people_href: "/incidents/inc_1?story=people".into(),
        older: k.maybe("/incidents/inc_1?before=ent_1".into()),
        newest: None,
    }
}

fn responder(k: Kind) -> ResponderRow {
    ResponderRow {
        person: k.person(1),
        asked: at(-4),
        asked_by: k.text("Jane Doe"),
        why: k.text("primary of Platform"),
        message: k.maybe(k.text("You know the payment gateway")),
        ways: k.list(vec![("Push".into(), Badge::new(Tone::Good, "Delivered"))]),
    }
}

fn forms(k: Kind) -> IncidentForms {
    let urgencies = [("HIGH", "High"), ("MEDIUM", "Medium"), ("LOW", "Low")];
    IncidentForms {
        note: k.field("note", ""),
        assign_to: k.people("assignee", "usr_01kap3"),
        title: k.field("title", "Error rate above 5 %"),
        urgency: k.select("urgency", &urgencies, "HIGH"),
        priority: k.select("priority", &[("", "None"), ("P1", "P1")], "P1"),
        tags: k.field("tags", "payments, eu"),
        who: k.select(
            "who",
            &[("schedule:sch_1", "On call: Platform"), ("user:usr_1", "Ada Lovelace")],
            "",
        ),
        message: k.field("message", ""),
        into: Field::new("into"),
        into_choices: k.list(vec![k.text("#1846 Payments fail")]),
    }
}

impl NotePage {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Incidents, "Your note", "/incidents/inc_1/notes/ent_1"),
            incident: k.link("/incidents/inc_1", "#1847 Error rate above 5 %"),
            action: "/incidents/inc_1/notes/ent_1".into(),
            note: k.field("note", "Rolled back to 4.12."),
        }
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
            tags: k.list(vec![
                k.link("/incidents?tag=payments", "payments"),
                k.link("/incidents?tag=eu", "eu"),
            ]),
            merged_into: None,
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
            related: k.list(rows(k).into_iter().take(2).collect()),
            responders: k.list(vec![responder(k)]),
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
            story: story_part(k),
            alerts: AlertsPart {
                rows: alerts(k),
                count: 5_012,
                older: k.maybe("/incidents/inc_1?alerts=alt_3#incident-alerts".into()),
                newest: None,
            },
            deliveries: deliveries(k),
            actions: Actions::of(Status::Open, true),
            forms: forms(k),
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
        page.merged_into = k.maybe(k.link("/incidents/inc_2", "#1846 Payments fail"));
        page.story.by_people = true;
        page.story.newest = k.maybe("/incidents/inc_1".into());
        page
    }
}

fn stories(k: Kind) -> Vec<Story> {
    let said =
        k.text("Rolled back to **4.12**, see @jane.\n\n* the error rate falls\n* `kubectl rollout status` is clean");
    let is_note = |kind| kind == EntryKind::Note;
    let mut n = 0;
    let mut story = |minutes, kind, actor: Option<&str>, text: &str| {
        n += 1;
        Story {
            id: format!("ent_{n}"),
            kind,
            actor: actor.map(|name| k.text(name)),
            text: k.text(text),
            note: is_note(kind).then(|| markdown::note(&said, &["jane".to_owned()])),
            edited: is_note(kind).then(|| at(-1)),
            edit_href: is_note(kind).then(|| "/incidents/inc_1/notes/ent_1".into()),
            pages: match kind {
                EntryKind::Paged => page_views(k),
                _ => Vec::new(),
            },
            at: at(minutes),
        }
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
            E::ResponderAdded,
            None,
            "Jane Doe asked Ada Lovelace for help: “You know the payment gateway”",
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
        merged_from: (n == 3).then(|| k.link("/incidents/inc_3", "#1840")),
        event_href: Some("/events/evt_1".into()),
    };
    k.list(vec![alert(2), alert(3)])
}
