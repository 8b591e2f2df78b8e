//! Samples of what stands around pages: search, the parts that change by themselves, the system.

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("search", &SearchPage::sample(k)),
        draw(
            "pulse",
            &Pulse {
                shell: k.shell(Section::Elsewhere, "", "/pulse"),
            },
        ),
        draw("settings-system", &SystemPage::sample(k)),
    ]
}

impl SearchPage {
    fn sample(k: Kind) -> Self {
        let row = |href: &str, text: &str, detail: &str| FoundRow {
            link: k.link(href, text),
            detail: k.text(detail),
        };
        let incidents = FoundGroup {
            name: "Incidents",
            icon: "incident",
            all: Some("/incidents?q=checkout".into()),
            rows: vec![
                row(
                    "/incidents/inc_1",
                    "#1847 Error rate above 5 % on checkout in eu-west-1",
                    "Open · Checkout API",
                ),
                row("/incidents/inc_2", "#1712 Checkout latency", "Resolved · Checkout API"),
            ],
        };
        let services = FoundGroup {
            name: "Services",
            icon: "service",
            all: None,
            rows: vec![row("/services/svc_1", "Checkout API", "Payments")],
        };
        Self {
            shell: k.shell(Section::Elsewhere, "Search", "/search?q=checkout"),
            query: if k == Kind::Empty {
                String::new()
            } else {
                k.text("checkout")
            },
            groups: k.list(vec![incidents, services]),
        }
    }
}

impl SystemPage {
    fn sample(k: Kind) -> Self {
        let worker = |title, state| WorkerLine {
            title,
            state,
            last_run: at(-1),
        };
        let channel = |href: &str, name: &str, state, words: &str| ChannelLine {
            link: k.link(href, name),
            state,
            words: if words.is_empty() { String::new() } else { k.text(words) },
        };
        Self {
            shell: k.shell(Section::Settings, "System", "/settings/system"),
            version: "1.0.0",
            started: at(-9000),
            database: vec![
                ("Database", k.text("SQLite, embedded, 3.50.4")),
                ("Size", "412.6 MB".into()),
                ("Write-ahead log", "4.1 MB".into()),
                ("Schema", "0001_initial, since 1 Nov, 09:12".into()),
            ],
            is_sqlite: k != Kind::Hostile,
            workers: vec![
                worker("Auditor", Badge::new(Tone::Good, "Works")),
                worker("Sending messages", Badge::new(Tone::Good, "Works")),
                worker("Escalation", Badge::new(Tone::Bad, "Stands still")),
            ],
            waiting: if k == Kind::Empty { 0 } else { 3 },
            oldest: k.maybe(at(-4)),
            last_page: k.maybe(at(-30)),
            channels: vec![
                channel("/settings/email", "Email", Badge::new(Tone::Good, "Set up"), ""),
                channel(
                    "/settings/sms",
                    "SMS",
                    Badge::new(Tone::Bad, "2 failed"),
                    "21211: the number is not valid",
                ),
                channel(
                    "/settings/voice",
                    "Voice call",
                    Badge::new(Tone::Quiet, "Not set up"),
                    "",
                ),
            ],
            findings: k.list(vec![Finding {
                at: at(-300),
                what: "2 incidents".into(),
                which: k.text("#1846, #1845"),
            }]),
            backup: k.maybe((k.text("opsknight-2026-11-22.db"), at(-1440))),
            forgets: k.list(vec![("Delivery ids of senders".into(), "24 h".into())]),
            environment: k.list(vec![k.text("SMTP_HOST"), "TWILIO_ACCOUNT_SID".into()]),
        }
    }
}
