//! Samples of analytics, and of the test page.

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("analytics", &Analytics::sample(k)),
        draw("test-page", &TestPageNew::sample(k)),
        draw("test-page-progress", &TestPageShow::sample(k)),
    ]
}

pub(super) fn tile(k: Kind, name: &'static str, value: &str) -> Tile {
    Tile {
        name,
        means: "What it means",
        value: k.text(value),
        besides: k.text("median 2 min, 90% within 11 min"),
        change: k.maybe(Change {
            text: k.text("12% less"),
            icon: "down",
            class: "good",
        }),
    }
}

/// The first steps, of which two are done.
pub(super) fn first_steps(k: Kind) -> Option<FirstSteps> {
    let step = |name: &str, href: &str, button: &str, done| FirstStep {
        name: k.text(name),
        why: k.text("It says who is paged, in which order, until somebody acknowledges."),
        link: k.link(href, button),
        done,
    };
    (k != Kind::Typical).then(|| FirstSteps {
        current: 2,
        steps: vec![
            step(
                "Set up how messages go out",
                "/settings/notifications",
                "Set up a provider",
                true,
            ),
            step("Make a team", "/teams", "Make a team", true),
            step("Write an escalation policy", "/policies/new", "New policy", false),
            step("Page yourself", "/test-page", "Send a test page", false),
        ],
    })
}

/// The last days, with their figures.
pub(super) fn glance(k: Kind) -> Option<Glance> {
    let values: Vec<Option<i64>> = (0..30).map(|n| (n % 7 != 3).then_some(n * 37 % 100)).collect();
    let of = |name, value: &str| GlanceTile {
        tile: tile(k, name, value),
        spark: Spark::draw(&k.list(values.clone())),
    };
    Some(Glance {
        days: 30,
        periods: vec![
            (Link::new("/?days=7", "7 days"), false),
            (Link::new("/?days=30", "30 days"), true),
        ],
        tiles: vec![
            of("Incidents", "148"),
            of("MTTA", "4 min 10 s"),
            of("MTTR", "1 h 12 min"),
        ],
    })
}

fn days(k: Kind, n: i64) -> String {
    k.text(&format!("{} Nov", n + 1))
}

fn week() -> [[i64; 24]; 7] {
    let mut week = [[0; 24]; 7];
    for (day, hours) in week.iter_mut().enumerate() {
        for (hour, count) in hours.iter_mut().enumerate() {
            *count = i64::try_from((day * 5 + hour * 3) % 11).unwrap() - 5;
            *count = (*count).max(0);
        }
    }
    week
}

impl Analytics {
    fn sample(k: Kind) -> Self {
        let series = [("s0", "High"), ("s1", "Medium"), ("s2", "Low")];
        let series = series.map(|(class, name)| Series {
            class,
            name: name.to_owned(),
        });
        let bars = (0..30).map(|n| (days(k, n), vec![n * 7 % 5, n * 5 % 7, n * 3 % 4]));
        let times: Vec<(String, Option<i64>)> = (0..30)
            .map(|n| (days(k, n), (n % 9 != 4).then_some(n * 53 % 700 + 60)))
            .collect();
        let service = |name: &str, n: i64| ServiceFigures {
            service: k.link("/services/svc_1", name),
            incidents: n,
            acknowledge: (k.text("4 min 10 s"), k.text("median 2 min, 90% within 11 min")),
            resolve: (k.text("1 h 12 min"), String::new()),
            ack_kept: "93%".into(),
            resolve_kept: "–".into(),
            escalated: "8%".into(),
        };
        let sorts = ["incidents", "mtta", "mttr", "acknowledged", "resolved", "escalated"];
        Self {
            shell: k.shell(Section::Analytics, "Analytics", "/analytics"),
            says: k.text("1 Nov 2026 to 30 Nov 2026 in Europe/Berlin, compared with the 30 days before."),
            days: k.select(
                "days",
                &[("7", "Last 7 days"), ("30", "Last 30 days"), ("", "Between two days")],
                "30",
            ),
            dates: (k == Kind::Hostile).then(|| (k.field("from", "2026-11-01"), k.field("to", "2026-11-30"))),
            service: k.select("serviceId", &[("", "Any"), ("svc_1", "Checkout API")], ""),
            team: k.select("teamId", &[("", "Any"), ("team_1", "Platform")], ""),
            urgency: k.select("urgency", &[("", "Any"), ("HIGH", "High")], ""),
            filtered: k == Kind::Hostile,
            query: "?days=30".into(),
            tiles: ["Incidents", "MTTA", "MTTR", "Escalated"]
                .map(|name| tile(k, name, "148"))
                .to_vec(),
            is_empty: k == Kind::Empty,
            by_week: false,
            volume: Columns::draw("volume", k.text("148 incidents"), series.to_vec(), bars.collect()),
            acknowledge: Line::draw("ack", "Mean time to acknowledge", &times),
            resolve: Line::draw("resolve", "Mean time to resolve", &k.list(times.clone())),
            sorts: sorts
                .map(|word| {
                    (
                        Link::new(format!("/analytics?sort={word}#services"), word),
                        word == "incidents",
                    )
                })
                .to_vec(),
            services: vec![service("Checkout API", 48), service("Search", 7)],
            sources: vec![SourceFigures {
                name: k.text("Production Alertmanager"),
                kind: "Prometheus Alertmanager".into(),
                service: k.link("/services/svc_1", "Checkout API"),
                alerts: 412,
                incidents: 37,
                unanswered: k.maybe(("62%".into(), 62)),
            }],
            people: k.list(vec![PersonFigures {
                person: k.person(1),
                pages: 41,
                night: 12,
                weekend: 3,
                nights: 7,
                on_call: "168 h".into(),
            }]),
            more: (0, 3, 0),
            heat: Heat::draw(&week()),
        }
    }
}

impl TestPageNew {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Elsewhere, "Test page", "/test-page"),
            sends: k.list(vec![(k.text("Email, at once"), k.text("jane@example.com"))]),
            skipped: k.list(vec![k.text("Push: no address for push is known")]),
            refusal: (k != Kind::Typical).then(|| k.text("There is no way to reach you yet.")),
        }
    }
}

impl TestPageShow {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Elsewhere, "Test page #12", "/test-page/inc_1"),
            id: "inc_1".into(),
            number: 12,
            at: at(-1),
            messages: k.list(vec![TestMessage {
                channel: "Email".into(),
                address: k.text("jane@example.com"),
                outcome: Badge::new(Tone::Good, "Sent"),
                provider: "SMTP".into(),
                words: k.text("250 2.0.0 Ok: queued"),
                at: at(0),
            }]),
            skipped: k.list(vec![
                k.text("Jane Doe is not paged by push: no address for push is known"),
            ]),
            answered: (k == Kind::Hostile).then(|| (k.text("Jane Doe"), "42 s".to_owned())),
            over: k == Kind::Empty,
        }
    }
}
