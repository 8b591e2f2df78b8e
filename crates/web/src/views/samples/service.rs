//! Samples of a service's own pages: overview, maintenance, activity.

use super::{alerts::head, *};

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("service", &ServicePage::sample(k)),
        draw("service-maintenance", &Maintenance::sample(k)),
        draw("service-activity", &Activity::sample(k)),
    ]
}

fn window(k: Kind, n: i64, active: bool) -> Window {
    let id = format!("mnt_{n}");
    let field = |name: &str, value: &str| k.field(name, value).within(&id);
    Window {
        active,
        start: at(n * 60 - 13),
        end: at(n * 60 + 47),
        reason: k.text("New disks for the database"),
        by: k.text("Ada Lovelace"),
        form: (n >= 0).then(|| WindowForm {
            start: field("start", "2026-11-23T04:00"),
            end: field("end", "2026-11-23T05:00"),
            reason: field("reason", "New disks"),
        }),
        id,
    }
}

impl ServicePage {
    fn sample(k: Kind) -> Self {
        let line = |n: u64, name: &str, path: &str, connection| IntegrationLine {
            link: k.link(&format!("/services/svc_1/integrations?open=int_{n}#int_{n}"), name),
            path: path.into(),
            kind: k.text(path),
            connection,
        };
        Self {
            shell: k.shell(Section::Services, "Checkout API", "/services/svc_1"),
            head: head(k),
            words: "2 incidents are open and nobody has acknowledged them, 1 of them with high urgency.".into(),
            live: super::desk::rows(k),
            live_count: 3,
            recent: super::desk::rows(k),
            team: k.maybe(k.link("/teams/team_1", "Platform")),
            policy: k.maybe(k.link("/policies/pol_1", "Platform, day and night")),
            on_call: k.list(vec![(k.person(1), k.text("On call by layer Primary of Platform"))]),
            nobody: vec![k.text("Schedule Nights: nobody is on call")],
            figures: vec![
                super::figures::tile(k, "MTTA", "4 min 10 s"),
                super::figures::tile(k, "MTTR", "1 h 12 min"),
            ],
            targets: k.list(vec![
                TargetKept {
                    name: "Acknowledge within 5 min".into(),
                    kept: 38,
                    of: 40,
                },
                TargetKept {
                    name: "Resolve within 60 min".into(),
                    kept: 0,
                    of: 0,
                },
            ]),
            changes: k.list(vec![super::desk::change(k)]),
            integrations: k.list(vec![
                line(1, "Production Prometheus", "prometheus", Connection::Connected(at(-3))),
                line(2, "Deploy script", "webhook", Connection::Waiting),
                line(3, "Old Nagios", "nagios", Connection::Silent(9, at(-9 * 1440))),
                line(4, "Staging", "grafana", Connection::Disabled),
            ]),
            maintenance: k.list(vec![window(k, 0, true), window(k, 24, false)]),
            links: k.list(vec![k.link("https://runbooks.example.com/checkout", "Runbook")]),
            facts: k.list(vec![("Region".into(), k.text("eu-west-1"))]),
        }
    }
}

impl Maintenance {
    fn sample(k: Kind) -> Self {
        let now = |name: &str| k.field(name, "").within("now");
        let plan = |name: &str, value: &str| k.field(name, value).within("plan");
        Self {
            shell: k.shell(
                Section::Services,
                "Checkout API: maintenance",
                "/services/svc_1/maintenance",
            ),
            head: head(k),
            waiting: 2,
            active: k.list(vec![window(k, 0, true)]),
            planned: k.list(vec![window(k, 24, false)]),
            past: k.list(vec![window(k, -30, false), window(k, -300, false)]),
            now: (now("reason"), now("end")),
            plan: (
                plan("start", "2026-11-24T04:00"),
                plan("end", "2026-11-24T05:00"),
                plan("reason", ""),
            ),
            zone: "Europe/Berlin".into(),
            whole: (k == Kind::Hostile).then(|| k.text("The service has too many of them")),
            pager: k.pager(),
        }
    }
}

impl Activity {
    fn sample(k: Kind) -> Self {
        let row = |n: i64, icon, class, text: &str, link: Option<Link>, detail: &str| ActivityRow {
            icon,
            class,
            text: k.text(text),
            link,
            detail: if detail.is_empty() {
                String::new()
            } else {
                k.text(detail)
            },
            links: if n == 4 {
                vec![k.link("https://git.example.com/1", "Commit")]
            } else {
                Vec::new()
            },
            at: at(-n * 17),
        };
        let incident = || Some(k.link("/incidents/inc_1", "#1847 HighErrorRate: 5.1 % of requests fail"));
        Self {
            shell: k.shell(Section::Services, "Checkout API: activity", "/services/svc_1/activity"),
            head: head(k),
            rows: k.list(vec![
                row(1, "resolved", "resolved", "Resolved incident", incident(), ""),
                row(2, "wrench", "", "The maintenance ended", None, "New disks"),
                row(3, "open", "open", "Opened incident", incident(), ""),
                row(4, "up", "", "checkout 1.24.0 to production", None, "Deploy script"),
                row(
                    5,
                    "pencil",
                    "",
                    "Ada Lovelace changed team and region of the service",
                    None,
                    "",
                ),
                row(
                    6,
                    "link",
                    "",
                    "Ada Lovelace added the integration Production Prometheus",
                    None,
                    "",
                ),
            ]),
            is_later_page: k == Kind::Hostile,
            older: k.maybe("/services/svc_1/activity?before=1780315200000000.1".into()),
        }
    }
}
