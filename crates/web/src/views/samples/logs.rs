//! Samples of the logs: what went out, who changed what. What came in is with the alerts.

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("audit", &Audit::sample(k)),
        draw("notifications", &Notifications::sample(k)),
        draw("notification", &NotificationPage::sample(k)),
    ]
}

impl Audit {
    fn sample(k: Kind) -> Self {
        let row = |n: i64, what: &str, target: &str, changes: Vec<(String, String, String)>| AuditRow {
            id: format!("aud_{n}"),
            at: at(-n * 50),
            actor: k.text("Jane Doe"),
            address: "192.0.2.7".into(),
            what: what.into(),
            target: k.link("/services/svc_1", target),
            changes,
        };
        let change = |field: &str, before: &str, after: &str| (k.text(field), k.text(before), k.text(after));
        Self {
            shell: k.shell(Section::Audit, "Audit log", "/audit"),
            actor: k.people("actor", ""),
            kind: k.select("kind", &[("", "Anything"), ("service", "Services")], ""),
            filters: k.log_filters(),
            export: "/audit.csv".into(),
            filtered: k == Kind::Hostile,
            rows: k.list(vec![
                row(
                    1,
                    "changed the service",
                    "Checkout API",
                    vec![
                        change("Target ack minutes", "10", "6"),
                        change("Name", "Checkout", "Checkout API"),
                    ],
                ),
                row(
                    2,
                    "rotated the key of the integration",
                    "Production Prometheus",
                    Vec::new(),
                ),
                row(30, "invited", "Grace Hopper", Vec::new()),
            ]),
            pager: k.log_pager(),
        }
    }
}

impl Notifications {
    fn sample(k: Kind) -> Self {
        let mut deliveries = super::desk::deliveries(k);
        deliveries
            .iter_mut()
            .for_each(|delivery| delivery.incident = Some(Link::new("/incidents/inc_1", "#1847")));
        Self {
            shell: k.shell(Section::Notifications, "Notifications log", "/notifications"),
            outcome: k.select("outcome", &[("", "Any"), ("failed", "Failed")], ""),
            channel: k.select("channel", &[("", "Any"), ("SMS", "SMS")], ""),
            user: k.people("user", ""),
            filters: k.log_filters(),
            filtered: false,
            deliveries,
            pager: k.log_pager(),
        }
    }
}

impl NotificationPage {
    fn sample(k: Kind) -> Self {
        let mut delivery = super::desk::deliveries(Kind::Typical).swap_remove(0);
        delivery.to = k.text(&delivery.to);
        let attempt = |n: i64, outcome, words: &str| AttemptRow {
            n,
            provider: k.text("TWILIO"),
            outcome,
            words: k.text(words),
            started: at(-n),
            took: "312 ms".into(),
        };
        Self {
            shell: k.shell(Section::Notifications, "Notification", "/notifications/dlv_1"),
            delivery,
            receiver: k.link("/users/usr_1", ""),
            incident: k.maybe(k.link("/incidents/inc_1", "#1847 Error rate above 5 %")),
            reason: k.text("Step 1: on call by layer Primary of Platform"),
            event: "incident.triggered".into(),
            created: at(-9),
            due: at(-8),
            finished: k.maybe(at(-7)),
            delivered: k.maybe(at(-7)),
            provider: k.text("TWILIO"),
            provider_id: k.text("SM0123456789abcdef"),
            sent_with: k.maybe(k.link("/notifications/dlv_2", "another message")),
            attempts: k.list(vec![
                attempt(1, Badge::new(Tone::Waiting, "To be tried again"), "503: try again"),
                attempt(2, Badge::new(Tone::Bad, "Refused"), "21211: the number is not valid"),
            ]),
            again: k.maybe("/notifications/dlv_1/retry".into()),
        }
    }
}
