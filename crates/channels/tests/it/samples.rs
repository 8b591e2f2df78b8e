//! Messages to send.

use jiff::Timestamp;
use opsknight_domain::{
    event::Link,
    incident::{Happening, Status},
    message::{Answer, Bundle, Content, IncidentFacts, IncidentMessage, Message, Named},
    urgency::Urgency,
};
use serde_json::json;

/// The time of every try.
pub(crate) fn now() -> Timestamp {
    "2026-11-23T03:10:05Z".parse().unwrap()
}

pub(crate) fn incident() -> IncidentMessage {
    IncidentMessage {
        happening: Happening::Triggered,
        at: "2026-11-23T03:10:00Z".parse().unwrap(),
        incident: IncidentFacts {
            id: "inc_01ke3q5x9se8eba6ncyw3g4j1n".parse().unwrap(),
            number: 123,
            title: "High CPU on web-01".into(),
            description: Some("CPU has been above 95 % for ten minutes.\nLoad average 31.".into()),
            status: Status::Open,
            urgency: Urgency::High,
            priority: Some("P1".into()),
            is_test: false,
            service: Named {
                id: "svc_01ke3q5x9se8eba6ncyw3g4j1p".parse().unwrap(),
                name: "Web Application".into(),
            },
            assignee: Some(Named {
                id: "usr_01ke3q5x9se8eba6ncyw3g4j1q".parse().unwrap(),
                name: "Jane Doe".into(),
            }),
            created_at: "2026-11-23T03:09:58Z".parse().unwrap(),
            url: "https://opsknight.example.com/incidents/inc_01ke3q5x9se8eba6ncyw3g4j1n".into(),
            runbook_url: Some("https://wiki.example.com/runbooks/cpu".into()),
            links: vec![
                Link {
                    href: "https://grafana.example.com/d/1?a=1&b=2".into(),
                    text: Some("Dashboard".into()),
                },
                Link {
                    href: "javascript:alert(1)".into(),
                    text: Some("not a link".into()),
                },
            ],
            details: json!({ "labels": { "instance": "web-01", "severity": "critical" }, "value": 97.5, "hosts": ["a"] }),
        },
        reason: Some("You are on call for Platform (step 1 of Default).".into()),
        answer: Some(Answer {
            url: "https://opsknight.example.com/a/eyJhbGciOi.SIGNED-token?x=1&y=2".into(),
            token: "eyJhbGciOi.SIGNED-token".into(),
            code: "4217".into(),
        }),
        unsubscribe_url: None,
        mention: None,
    }
}

pub(crate) fn message(news: IncidentMessage) -> Message {
    Message {
        delivery: "dlv_01ke3q5x9se8eba6ncyw3g4j1r".parse().unwrap(),
        earlier: None,
        content: Content::Incident(Box::new(news)),
    }
}

/// The page that most tests send.
pub(crate) fn page() -> Message {
    message(incident())
}

/// News for a service's own people.
pub(crate) fn resolved() -> Message {
    let mut news = incident();
    news.happening = Happening::Resolved;
    news.answer = None;
    news.unsubscribe_url = Some("https://opsknight.example.com/unsubscribe/SIGNED".into());
    news.reason = None;
    news.incident.status = Status::Resolved;
    message(news)
}

/// An alert that tries everything.
pub(crate) fn hostile() -> Message {
    let mut news = incident();
    let evil =
        "<script>alert(1)</script>\"'\r\nBcc: victim@example.org\r\n\r\n.\r\nMAIL FROM:<x@example.org>\0\u{202e}";
    news.incident.title = format!("{evil}{}", "ü".repeat(900));
    news.incident.description = Some(format!("{evil}\n.\n..\n{}", "long ".repeat(4000)));
    news.incident.service.name = evil.into();
    news.incident.priority = Some(evil.into());
    news.reason = Some(evil.into());
    news.incident.assignee.as_mut().unwrap().name = evil.into();
    news.incident.links = vec![Link {
        href: "https://example.com/\"><b>".into(),
        text: Some(evil.into()),
    }];
    let many: serde_json::Map<String, serde_json::Value> = (0..500)
        .map(|n| (format!("{evil}{n}"), json!({ evil: [evil, "x".repeat(5000)] })))
        .collect();
    news.incident.details = many.into();
    message(news)
}

/// An alert whose links are long, and three times as long in ASCII.
pub(crate) fn long_links() -> Message {
    let mut news = incident();
    let href = format!("https://a.example/{}", "ü".repeat(990));
    news.incident.description = Some("字".repeat(4000));
    news.incident.runbook_url = Some(href.clone());
    news.incident.links = vec![Link { href, text: None }; 5];
    message(news)
}

pub(crate) fn note() -> Message {
    Message {
        delivery: "dlv_01ke3q5x9se8eba6ncyw3g4j1s".parse().unwrap(),
        earlier: None,
        content: Content::Note {
            subject: "You are invited to OpsKnight".into(),
            text: "Hello <Jane>,\n\nset your password here:\nhttps://opsknight.example.com/invite/abc\n\nIt works for a week."
                .into(),
        },
    }
}

/// Many pages at once.
pub(crate) fn storm() -> Message {
    let facts = |n: i64| {
        let mut facts = incident().incident;
        facts.number = 100 + n;
        facts.title = format!("Disk full on db-{n:02}");
        facts
    };
    Message {
        delivery: "dlv_01ke3q5x9se8eba6ncyw3g4j1t".parse().unwrap(),
        earlier: None,
        content: Content::Bundle(Box::new(Bundle {
            incidents: (0..100).map(facts).collect(),
            total: 337,
            reason: Some("You are on call for Platform (step 1 of Default).".into()),
            url: "https://opsknight.example.com/incidents?status=OPEN".into(),
        })),
    }
}
