//! Samples of services and their integrations, and of the log of what came in.

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    let picked = (source("prometheus"), k.field("name", "Production Prometheus"));
    vec![
        draw("services", &ServiceList::sample(k)),
        draw("service-new", &ServiceNew::sample(k)),
        draw("service-settings", &ServiceSettings::sample(k)),
        draw("integrations", &Integrations::sample(k, false)),
        draw("integrations-webhook", &Integrations::sample(k, true)),
        draw("integration-gallery", &Gallery::sample(k, None)),
        draw("integration-new", &Gallery::sample(k, Some(picked))),
        draw("events", &EventLog::sample(k)),
        draw("event", &EventPage::sample(k)),
    ]
}

pub(super) fn head(k: Kind) -> ServiceHead {
    ServiceHead {
        id: "svc_1".into(),
        name: k.text("Checkout API"),
        description: k
            .maybe(k.text("Takes the money: /pay, /refund and the webhooks of the card provider."))
            .unwrap_or_default(),
        health: if k == Kind::Typical {
            Health::Maintenance
        } else {
            Health::Critical
        },
        maintenance_until: (k == Kind::Typical).then(|| at(47)),
    }
}

fn source(path: &str) -> SourceType {
    let name = path
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect::<Vec<_>>()
        .join(" ");
    SourceType {
        word: path.to_uppercase().replace('-', "_"),
        path: path.into(),
        line: format!("Alerts of {name}"),
        name,
    }
}

impl ServiceList {
    fn sample(k: Kind) -> Self {
        let row = |n: u64, name: &str, health, policy| ServiceRow {
            link: k.link(&format!("/services/svc_{n}"), name),
            description: k.text("Takes the money."),
            health,
            open: n,
            team: Some(k.link("/teams/team_1", "Platform")),
            policy,
            integrations: n,
        };
        let policy = || Some(k.link("/policies/pol_1", "Platform, day and night"));
        let rows = vec![
            row(2, "Checkout API", Health::Critical, policy()),
            row(1, "Invoices", Health::Degraded, policy()),
            row(0, "Website", Health::Operational, None),
        ];
        Self {
            shell: k.shell(Section::Services, "Services", "/services"),
            q: k.field("q", ""),
            health: k.select("health", &[("", "Any"), ("critical", "Critical")], ""),
            team: k.select("teamId", &[("", "Any"), ("team_1", "Platform")], ""),
            policy: k.select("policyId", &[("", "Any"), ("pol_1", "Platform, day and night")], ""),
            order: k.select("sort", &[("name", "Name"), ("health", "Health")], "name"),
            filtered: k == Kind::Hostile,
            any: k != Kind::Empty,
            rows: k.list(rows),
            pager: k.steps(),
        }
    }
}

impl ServiceNew {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Services, "New service", "/services/new"),
            name: k.field("name", ""),
            description: k.field("description", ""),
            team: k.select("team_id", &[("", "None"), ("team_1", "Platform")], ""),
            policy: k.select(
                "policy_id",
                &[("", "None"), ("pol_1", "Platform, day and night")],
                "pol_1",
            ),
        }
    }
}

impl ServiceSettings {
    fn sample(k: Kind) -> Self {
        let urgency = |severity: &str, chosen: &str| {
            let name = format!("urgency_{}", severity.to_lowercase());
            (
                severity.to_owned(),
                k.select(&name, &[("HIGH", "High"), ("MEDIUM", "Medium"), ("LOW", "Low")], chosen),
            )
        };
        let checks = |name: &str, options: &[(&str, &str)]| {
            let options = options
                .iter()
                .map(|(value, label)| Choice::new(*value, *label).chosen(*value == "EMAIL"));
            Checks::new(Field::new(name), options)
        };
        Self {
            shell: k.shell(Section::Services, "Settings", "/services/svc_1/settings"),
            head: head(k),
            name: k.field("name", "Checkout API"),
            description: k.field("description", "Takes the money."),
            team: k.select("team_id", &[("", "None"), ("team_1", "Platform")], "team_1"),
            policy: k.select(
                "policy_id",
                &[("", "None"), ("pol_1", "Platform, day and night")],
                "pol_1",
            ),
            region: k.field("region", "eu-west-1"),
            sla_tier: k.field("sla_tier", "gold"),
            target_ack_minutes: k.field("target_ack_minutes", "6"),
            target_resolve_minutes: k.field("target_resolve_minutes", "60"),
            channels: checks(
                "notification_channels",
                &[("EMAIL", "Email"), ("SMS", "SMS"), ("SLACK", "Slack")],
            ),
            notify_on: checks(
                "notify_on",
                &[
                    ("triggered", "Opened"),
                    ("acknowledged", "Acknowledged"),
                    ("resolved", "Resolved"),
                ],
            ),
            slack_channel: super::channels::room(k, "slack_channel"),
            urgencies: vec![
                urgency("Critical", "HIGH"),
                urgency("Error", "MEDIUM"),
                urgency("Warning", "MEDIUM"),
                urgency("Info", "LOW"),
            ],
            runbook_url: k.field("runbook_url", ""),
            repository_url: k.field("repository_url", ""),
            dashboard_url: k.field("dashboard_url", ""),
            incident_count: 1847,
        }
    }
}

pub(super) fn events(k: Kind) -> Vec<EventRow> {
    let row = |n: u16, outcome, summary: &str, why: &str, status, incident: Option<Link>| EventRow {
        id: format!("evt_{n}"),
        at: at(-i64::from(n) * 3),
        outcome,
        note: if n == 1 { "Run again" } else { "" },
        summary: k.text(summary),
        why: if why.is_empty() { String::new() } else { k.text(why) },
        incident,
        integration: k.link("/services/svc_1/integrations#int_1", "Production Prometheus"),
        service: k.link("/services/svc_1", "Checkout API"),
        status,
    };
    let incident = || Some(Link::new("/incidents/inc_1", "#1847"));
    k.list(vec![
        row(
            1,
            Badge::new(Tone::Good, "Added"),
            "HighErrorRate: 5.4 % of requests fail on checkout",
            "",
            202,
            incident(),
        ),
        row(
            2,
            Badge::new(Tone::Good, "Opened"),
            "HighErrorRate: 5.1 % of requests fail on checkout",
            "",
            202,
            incident(),
        ),
        row(
            3,
            Badge::new(Tone::Quiet, "Ignored"),
            "Resolved: DiskFull on worker-07",
            "No open incident has this deduplication key to resolve",
            202,
            None,
        ),
        row(
            4,
            Badge::new(Tone::Bad, "Refused"),
            "POST without a valid signature",
            "The signature in X-Signature does not match the secret",
            401,
            None,
        ),
    ])
}

fn mapping(k: Kind) -> Mapping {
    let field = |name: &str, value: &str| k.field(name, value).within("int_2");
    Mapping {
        summary_field: field("summary_field", "alert.title"),
        severity_field: field("severity_field", "alert.level"),
        dedup_key_field: field("dedup_key_field", "alert.id"),
        action_field: field("action_field", "status"),
        source_field: field("source_field", ""),
        trigger_values: field("trigger_values", "fired, alert"),
        acknowledge_values: field("acknowledge_values", ""),
        resolve_values: field("resolve_values", "ok, resolved"),
        event: {
            let select = k.select("event", &[("evt_1", "12:00: Disk full"), ("", "The body below")], "");
            Select::new(select.field.within("int_2"), select.options)
        },
        body: field("body", "{\"alert\": {\"title\": \"Disk full\"}}"),
        preview: k.maybe(previewed(k)),
        open: k == Kind::Hostile,
    }
}

fn previewed(k: Kind) -> Previewed {
    let fact = |name, value: &str, origin: &str| PreviewedFact {
        name,
        value: k.text(value),
        origin: if origin.is_empty() {
            String::new()
        } else {
            k.text(origin)
        },
    };
    Previewed {
        error: (k == Kind::Hostile).then(|| k.text("Not understood: alert.title is missing")),
        alerts: vec![PreviewedAlert {
            outcome: Badge::new(Tone::Waiting, "Joins"),
            text: "Would join".into(),
            incident: Some(k.link("/incidents/inc_1", "#1847 Disk full on web-01")),
            facts: vec![
                fact("Action", "trigger", "status"),
                fact("Summary", "Disk full on web-01", "alert.title"),
                fact("Deduplication key", "disk-web-01", ""),
            ],
            details: k.text("{\n  \"alert\": {}\n}"),
        }],
        more: 3,
    }
}

fn card(k: Kind, id: &str, name: &str, path: &str) -> IntegrationCard {
    let url = format!("https://ops.example.com/api/integrations/{path}?integrationId={id}");
    let generic = path == "webhook";
    IntegrationCard {
        id: id.into(),
        name: k.field("name", name).within(id),
        source: source(path),
        enabled: !generic,
        fresh: !generic,
        steps: vec![
            k.text("Add the receiver below to alertmanager.yml."),
            "Send alerts to it: set route.receiver to opsknight, or add a route.".into(),
            "Reload: kill -HUP, or POST /-/reload. Then send the test event on this card.".into(),
        ],
        masked_url: format!("https://ops.example.com/api/integrations/{path}?integrationId=int_••••••••"),
        connection: match generic {
            true => Connection::Waiting,
            false => Connection::Connected(at(-3)),
        },
        tested: k.maybe(TestedEvent {
            good: k == Kind::Typical,
            words: k.text("Opened an incident (test)"),
            incident: Some(k.link("/incidents/inc_9", "#1901 Test: CPU is hot")),
        }),
        snippets: Vec::from_iter((!generic).then(|| {
            let yaml = format!("receivers:\n  - name: opsknight\n    webhook_configs:\n      - url: '{url}'\n        send_resolved: true\n");
            CardSnippet {
                place: "alertmanager.yml".into(),
                masked: yaml.replace(id, "int_••••••••"),
                text: yaml,
            }
        })),
        webhook_url: url,
        key: "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6".into(),
        signature_header: generic.then(|| "X-Signature".into()),
        signature_note: k.text("Sign the body."),
        has_secret: generic,
        proofs: Some(proofs(k, generic, id)),
        new_secret: (generic && k == Kind::Hostile).then(|| k.text("whsec_1")),
        secret: Field::new("secret").within(id),
        require_key: Field::new("require_key").within(id).with(if generic { "on" } else { "" }),
        rate_limit: k.field("rate_limit", "120").within(id),
        mapping: generic.then(|| mapping(k)),
        limited: (generic && k == Kind::Hostile).then(|| at(-10)),
        events: match generic {
            true => Vec::new(),
            false => events(k).into_iter().map(|row| (row, k.text("Opened an incident"))).collect(),
        },
    }
}

fn proofs(k: Kind, of_topics: bool, id: &str) -> Proofs {
    if of_topics {
        let topics = k
            .field("topics", "arn:aws:sns:eu-west-1:123456789012:alarms")
            .within(id);
        return Proofs::Topics { topics };
    }
    Proofs::Token {
        issuer: "Google".into(),
        is_set: true,
        audience: k.field("audience", "https://ops.example.com").within(id),
        who: k.field("who", "push@p.iam.gserviceaccount.com").within(id),
        who_label: "Service account".into(),
        hint: k.text("As the push subscription has them."),
    }
}

impl Integrations {
    fn sample(k: Kind, generic: bool) -> Self {
        let line = |n: u64, name: &str, path: &str, connection| {
            let line = IntegrationLine {
                link: k.link(&format!("/services/svc_1/integrations?open=int_{n}#int_{n}"), name),
                path: path.into(),
                kind: k.text(path),
                connection,
            };
            (format!("int_{n}"), line)
        };
        let open = match generic {
            true => card(k, "int_2", "Deploy script", "webhook"),
            false => card(k, "int_1", "Production Prometheus", "prometheus"),
        };
        let lines = vec![
            line(1, "Production Prometheus", "prometheus", Connection::Connected(at(-3))),
            line(2, "Deploy script", "webhook", Connection::Waiting),
            line(3, "Old Nagios", "nagios", Connection::Silent(9, at(-9 * 1440))),
        ];
        Self {
            shell: k.shell(Section::Services, "Integrations", "/services/svc_1/integrations"),
            head: head(k),
            lines: k.list(lines),
            open: k.maybe(open),
        }
    }
}

impl Gallery {
    fn sample(k: Kind, picked: Option<(SourceType, Field)>) -> Self {
        let group = |name: &str, range: std::ops::Range<usize>| {
            (name.to_owned(), MARKS[range].iter().map(|path| source(path)).collect())
        };
        let groups = vec![
            group("Monitoring", 0..10),
            group("Cloud", 10..13),
            group("Builds and code", 13..16),
            group("Uptime", 16..20),
            group("Anything else", 20..28),
        ];
        Self {
            shell: k.shell(Section::Services, "Add integration", "/services/svc_1/integrations/new"),
            head: head(k),
            query: if k == Kind::Hostile { k.text("x") } else { String::new() },
            groups: k.list(groups),
            picked,
        }
    }
}

impl EventLog {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Events, "Events log", "/events"),
            integration: k.select("integration", &[("", "Any"), ("int_1", "Production Prometheus")], ""),
            service: k.select("serviceId", &[("", "Any"), ("svc_1", "Checkout API")], ""),
            outcome: k.select("outcome", &[("", "Any"), ("ignored", "Ignored")], ""),
            filtered: k == Kind::Hostile,
            filters: k.log_filters(),
            rows: events(k),
            pager: k.log_pager(),
        }
    }
}

impl EventPage {
    fn sample(k: Kind) -> Self {
        let event = events(Kind::Typical).swap_remove(2);
        Self {
            shell: k.shell(Section::Events, "Event", "/events/evt_3"),
            event: EventRow {
                summary: k.text(&event.summary),
                why: k.text(&event.why),
                ..event
            },
            request: "POST /api/integrations/prometheus".into(),
            address: "192.0.2.7".into(),
            headers: k.list(vec![
                ("content-type".into(), "application/json".into()),
                ("user-agent".into(), k.text("Alertmanager/0.27")),
            ]),
            body: k.text("{\n  \"receiver\": \"opsknight\",\n  \"status\": \"resolved\",\n  \"alerts\": []\n}"),
            body_bytes: 61,
            results: k.list(vec![EventResult {
                fields: vec![
                    ("Action".into(), "resolve".into()),
                    ("Deduplication key".into(), k.text("prometheus:77aa")),
                ],
                outcome: Badge::new(Tone::Quiet, "Ignored"),
                why: k.text("No open incident has this deduplication key to resolve."),
                incident: None,
            }]),
            replay_of: k.maybe(k.link("/events/evt_1", "an earlier request")),
            preview: k.maybe(previewed(k)),
        }
    }
}
