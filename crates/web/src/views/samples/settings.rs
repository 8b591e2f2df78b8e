//! Samples of the settings.

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("settings-api-keys", &ApiKeys::sample(k)),
        draw("settings-webhooks", &WebhookList::sample(k)),
        draw("settings-webhook", &WebhookPage::sample(k)),
        draw("settings-webhook-delivery", &WebhookDelivery::sample(k)),
    ]
}

impl ApiKeys {
    fn sample(k: Kind) -> Self {
        let row = |n: i64, name: &str, scopes: &[&str]| ApiKeyRow {
            id: format!("key_{n}"),
            name: k.text(name),
            prefix: "sk_live_4f1a".into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            by: k.text("Jane Doe"),
            created: at(-n * 20_000),
            used: (n == 1).then(|| at(-3)),
            expires: (n == 2).then(|| at(90_000)),
            is_over: k == Kind::Hostile,
        };
        let scopes = [
            "events:write",
            "incidents:read",
            "incidents:write",
            "services:read",
            "services:write",
            "audit:read",
        ];
        Self {
            shell: k.shell(Section::Settings, "API keys", "/settings/api-keys"),
            rows: k.list(vec![
                row(1, "Deploy script", &["events:write"]),
                row(2, "Terraform", &["services:read", "services:write"]),
            ]),
            made: k.maybe((
                "sk_live_4f1a0c9be77d4c3f9a5e2b7c8d1e6f30".into(),
                k.text("curl -H 'Authorization: Bearer sk_live_…' 'https://ops.example.com/api/incidents'"),
            )),
            name: k.field("name", ""),
            scopes: vec![(
                "Incidents",
                Checks::new(
                    Field::new("scopes").within("incidents"),
                    scopes.map(|scope| Choice::new(scope, scope)),
                ),
            )],
            scopes_error: k.field("scopes", ""),
            expires: k.field("expires", ""),
        }
    }
}

impl WebhookList {
    fn sample(k: Kind) -> Self {
        let row = |name: &str, kind: &str, state| WebhookRow {
            link: k.link("/settings/webhooks/whk_1", name),
            kind: kind.into(),
            host: k.text("hooks.example.com"),
            state,
            last: k.maybe((Badge::new(Tone::Good, "Sent"), at(-12))),
            failed: 3,
        };
        let rows = vec![
            row("Status page", "Generic", Badge::new(Tone::Bad, "Failing")),
            row("Team chat", "Discord", Badge::new(Tone::Good, "Enabled")),
        ];
        Self {
            shell: k.shell(Section::Settings, "Webhooks", "/settings/webhooks"),
            rows: k.list(rows),
        }
    }
}

impl WebhookPage {
    fn sample(k: Kind) -> Self {
        let events = [
            "incident.triggered",
            "incident.acknowledged",
            "incident.resolved",
            "incident.escalated",
        ];
        let mut deliveries = super::desk::deliveries(k);
        for delivery in &mut deliveries {
            delivery.purpose = "incident.triggered".into();
            delivery.incident = Some(Link::new("/incidents/inc_1", "#1847"));
        }
        deliveries
            .iter_mut()
            .enumerate()
            .for_each(|(n, delivery)| delivery.id = format!("dlv_{n}"));
        Self {
            shell: k.shell(Section::Settings, "Status page", "/settings/webhooks/whk_1"),
            id: k.maybe("whk_1".into()),
            title: if k == Kind::Empty {
                "Add webhook".into()
            } else {
                k.text("Status page")
            },
            name: k.field("name", "Status page"),
            kinds: Ways {
                field: k.field("type", "GENERIC"),
                ..super::channels::ways(k, "", "RESEND")
            },
            enabled: Field::new("enabled").with("on"),
            events: vec![(
                "Its course",
                Checks::new(
                    Field::new("events").within("course"),
                    events.map(|event| Choice::new(event, event)),
                ),
            )],
            events_error: k.field("events", ""),
            services: Checks::new(
                Field::new("service_ids"),
                k.list(vec![Choice::new("svc_1", k.text("Checkout API"))]),
            ),
            deliveries,
            only_failed: k == Kind::Hostile,
            pager: k.pager(),
            is_generic: true,
            is_signed: k != Kind::Empty,
            new_secret: (k == Kind::Hostile).then(|| k.text("whsec_1")),
            sample: k.text("{\n  \"event\": \"incident.triggered\"\n}"),
            answer: (k == Kind::Hostile).then(|| (false, k.text("410 Gone"))),
        }
    }
}

impl WebhookDelivery {
    fn sample(k: Kind) -> Self {
        let attempt = |n: i64, outcome, words: &str| TryRow {
            n: n.unsigned_abs(),
            outcome,
            words: k.text(words),
            at: at(n - 10),
            took: "120 ms".into(),
        };
        Self {
            shell: k.shell(
                Section::Settings,
                "Delivery",
                "/settings/webhooks/whk_1/deliveries/dlv_1",
            ),
            webhook: k.link("/settings/webhooks/whk_1", "Status page"),
            host: k.text("hooks.example.com"),
            row: super::desk::deliveries(Kind::Typical).swap_remove(0),
            event: "incident.triggered".into(),
            reason: k.text("webhook Status page asks for incident.triggered"),
            created: at(-12),
            next: k.maybe(at(4)),
            can_retry: k != Kind::Empty,
            attempts: k.list(vec![
                attempt(2, Badge::new(Tone::Good, "Taken"), "200 OK"),
                attempt(1, Badge::new(Tone::Waiting, "Not taken"), "503 Service Unavailable"),
            ]),
            headers: vec![("webhook-id", "dlv_1".into())],
            body: k.maybe(k.text("{}")).unwrap_or_default(),
        }
    }
}
