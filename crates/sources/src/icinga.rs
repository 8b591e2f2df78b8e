//! Icinga 2.
//!
//! It owns the set-up: notification commands with `curl` that send a form, each value an argument of its own, so that no
//! output of a plugin breaks anything. What a notification means stands in [`checks`].

use jiff::Timestamp;
use opsknight_domain::event::Normalised;
use serde_json::json;

use crate::{
    Category, ParseError, Request, Source, checks,
    guide::Facts,
    input,
    mapping::FieldMapping,
    normalise::each,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
};

/// Icinga 2.
#[derive(Debug)]
pub(crate) struct Icinga;

impl Source for Icinga {
    fn slug(&self) -> &'static str {
        "icinga"
    }

    fn type_name(&self) -> &'static str {
        "ICINGA"
    }

    fn title(&self) -> &'static str {
        "Icinga 2"
    }

    fn tagline(&self) -> &'static str {
        "Problems, recoveries and acknowledgements of hosts and services"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        each(input::read_template(request)?, |body| checks::read("icinga", body))
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Icinga does not sign what its commands send. Require the integration key instead, and let the command send it as \
                   X-Integration-Key; set a secret only where your own script signs.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "the form or JSON of a notification command, with the names of Icinga's macros in any spelling: \
                 `service.state`, `service_state`, `ICINGA_SERVICESTATE`",
                "the webhook channel of Icinga Notifications with `{{json .}}` as its body",
                "an event of the stream of Icinga's API",
            ],
            key: "`icinga:service:HOST!SERVICE` or `icinga:host:HOST`, whatever the state",
            ..checks::FACTS
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "Put the two notification commands below into a file that Icinga reads, such as conf.d/opsknight.conf. Where \
                 conf.d is not read, as behind the Director, put them into a file of the global zone.",
                "Add the user and the two notifications, and narrow \"assign where\" to what should arrive here.",
                "Check with icinga2 daemon -C, and reload Icinga.",
                "Send a custom notification from Icinga Web: it is received and means nothing. A real problem opens an \
                 incident.",
                "With Icinga Notifications instead: add a channel of the type Webhook with the method POST, the URL below, \
                 {{json .}} as the request body, and 202 among the response status codes.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some(
                "https://icinga.com/docs/icinga-2/latest/doc/03-monitoring-basics/#notification-commands",
            ),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "notification_type": "Problem",
            "host_name": "opsknight-test",
            "service_desc": "Test of the integration",
            "service_state": "Warning",
            "service_output": "Somebody is trying out this integration. Nothing is wrong.",
            "timestamp": now.as_second().to_string()
        }))
    }
}

/// The commands, and who is notified with them. The macros of Icinga stay as they are.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "conf.d/opsknight.conf",
        language: "text",
        template: include_str!("icinga/opsknight.conf"),
    },
    Snippet {
        name: "The user and the notifications, in the same file",
        language: "text",
        template: include_str!("icinga/users.conf"),
    },
    Snippet {
        name: "URL, for a webhook channel of Icinga Notifications",
        language: "text",
        template: "{url}",
    },
];

#[cfg(test)]
mod tests {
    use opsknight_domain::event::{Action, Severity};

    use super::*;
    use crate::testing::{Call, event, filled, only};

    /// What the commands of the set-up send, with the values that Icinga 2.13 put into them.
    #[test]
    fn the_commands_of_the_set_up_are_understood() {
        let values = |kind, state| {
            [
                ("notification.type", kind),
                ("host.name", "web-02"),
                ("service.name", "HTTP front"),
                ("service.state", state),
                ("service.output", "said \"no\" & it's $x$\nline two"),
                ("service.notes_url", "https://wiki.example/http"),
                ("icinga.timet", "1795690836"),
            ]
        };
        let (service, host) = SNIPPETS[0].template.split_once("opsknight-host").expect("two commands");
        for (kind, state, action) in [
            ("PROBLEM", "CRITICAL", Action::Trigger),
            ("ACKNOWLEDGEMENT", "CRITICAL", Action::Acknowledge),
            ("RECOVERY", "OK", Action::Resolve),
        ] {
            let event = only(
                Call::form(&filled(service, &values(kind, state)))
                    .parse(&Icinga)
                    .expect("an event"),
            );
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (action, "icinga:service:web-02!HTTP front")
            );
            assert_eq!(
                event.summary,
                format!("HTTP front on web-02 is {state}: said \"no\" & it's $x$")
            );
            assert_eq!(event.changed_at.map(|time| time.as_second()), Some(1_795_690_836));
            assert_eq!(event.links.len(), 1);
        }
        let form = filled(
            host,
            &[
                ("notification.type", "PROBLEM"),
                ("host.name", "web-02"),
                ("host.state", "DOWN"),
            ],
        );
        let event = only(Call::form(&form).parse(&Icinga).expect("an event"));
        assert_eq!(
            (event.dedup_key.as_str(), event.severity),
            ("icinga:host:web-02", Severity::Critical)
        );
    }

    /// The request of Icinga Notifications' own documentation, with values of ours.
    #[test]
    fn icinga_notifications_send_objects_with_tags() {
        let of = |severity: &str| {
            let body = json!({
                "contact": {"full_name": "On call", "addresses": []},
                "object": {"name": "web-02!HTTP", "url": "https://icinga.example/service", "tags": {"host": "web-02", "service": "HTTP"}},
                "incident": {"id": 7, "url": "https://icinga.example/incident?id=7", "severity": severity},
                "event": {"time": "2026-03-02T09:00:00.445439055Z", "message": "refused"}
            });
            event(&Icinga, &body)
        };
        let (crit, ok) = (of("crit"), of("ok"));
        assert_eq!(
            (crit.action, crit.severity, crit.links.len()),
            (Action::Trigger, Severity::Critical, 2)
        );
        assert_eq!(
            (ok.action, ok.dedup_key.as_str()),
            (Action::Resolve, "icinga:service:web-02!HTTP")
        );
        assert_eq!(crit.summary, "HTTP on web-02 is CRIT: refused");
        assert!(crit.occurred_at.is_some() && crit.changed_at.is_none());
    }
}
