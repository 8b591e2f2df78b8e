//! Nagios, and what took its commands over: Naemon, Shinken, Checkmk.
//!
//! It owns the set-up: commands with `curl` that send a form, so that line breaks and signs in the output of a plugin break
//! nothing. Quotes never come that far: Nagios takes the characters of `illegal_macro_output_chars` out of all that
//! plugins and people wrote, and the commands rely on it. What a notification means stands in [`checks`].

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

/// Nagios.
#[derive(Debug)]
pub(crate) struct Nagios;

impl Source for Nagios {
    fn slug(&self) -> &'static str {
        "nagios"
    }

    fn type_name(&self) -> &'static str {
        "NAGIOS"
    }

    fn title(&self) -> &'static str {
        "Nagios"
    }

    fn tagline(&self) -> &'static str {
        "Problems, recoveries and acknowledgements of hosts and services; Naemon and Checkmk as well"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        each(input::read_template(request)?, |body| checks::read("nagios", body))
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Nagios does not sign what its commands send. Require the integration key instead, and let the command send it as \
                   X-Integration-Key; set a secret only where your own script signs.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "the form or JSON of a notification command, with the names of Nagios' macros in any spelling: \
                 `SERVICESTATE`, `service_state`, `NAGIOS_SERVICESTATE`",
                "Checkmk's variables: `NOTIFY_SERVICESTATE`",
            ],
            key: "`nagios:service:HOST!SERVICE` or `nagios:host:HOST`, whatever the state",
            ..checks::FACTS
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "Put the two commands below into a file that Nagios reads, such as commands.cfg, and the contact into \
                 contacts.cfg.",
                "Add the contact opsknight to the contact groups whose problems should arrive here.",
                "Leave illegal_macro_output_chars in nagios.cfg as Nagios ships it: it keeps quotes in the output of \
                 plugins and in comments out of the commands.",
                "Check with nagios -v, and reload Nagios.",
                "Acknowledgements are sent with every notification option; flapping and downtimes (f, s) are received and \
                 mean nothing here. A notification_interval above 0 tells a problem again that could not be told.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/notifications.html"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "notification_type": "PROBLEM",
            "host_name": "opsknight-test",
            "service_desc": "Test of the integration",
            "service_state": "WARNING",
            "service_output": "Somebody is trying out this integration. Nothing is wrong.",
            "timestamp": now.as_second().to_string()
        }))
    }
}

/// The commands, and the contact that uses them. The macros of Nagios stay as they are.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "commands.cfg",
        language: "text",
        template: include_str!("nagios/commands.cfg"),
    },
    Snippet {
        name: "contacts.cfg",
        language: "text",
        template: include_str!("nagios/contacts.cfg"),
    },
];

#[cfg(test)]
mod tests {
    use opsknight_domain::event::Action;

    use super::*;
    use crate::testing::{Call, filled, only};

    /// What shells make of the output of plugins.
    #[test]
    fn forms_and_broken_json_are_read() {
        let form = "notification_type=PROBLEM&host_name=web&service_desc=HTTP&service_state=CRITICAL&service_output=said+%22no%22%0Aloudly";
        let json = r#"{"NOTIFICATIONTYPE":"PROBLEM","HOSTNAME":"web","SERVICEDESC":"HTTP","SERVICESTATE":"CRITICAL","SERVICEOUTPUT":"said "no"
loudly"}"#;
        let json = Call {
            query: "integrationId=int_1",
            body: json.as_bytes(),
            ..Call::default()
        };
        for call in [Call::form(form), json] {
            let event = only(call.parse(&Nagios).expect("an event"));
            assert_eq!(event.dedup_key, "nagios:service:web!HTTP");
            assert_eq!(event.summary, "HTTP on web is CRITICAL: said \"no\"");
        }
    }

    /// What the commands of the set-up send, with the values that Nagios 4.4 put into them.
    #[test]
    fn the_commands_of_the_set_up_are_understood() {
        let values = |kind, state| {
            [
                ("NOTIFICATIONTYPE", kind),
                ("HOSTNAME", "web-01"),
                ("SERVICEDESC", "HTTP front"),
                ("SERVICESTATE", state),
                ("SERVICEOUTPUT", "said no  its bad"),
                ("LONGSERVICEOUTPUT", "line two\\nline three"),
                ("HOSTSTATE", "DOWN"),
                ("HOSTOUTPUT", "unreachable"),
                ("SERVICENOTESURL", ""),
                ("TIMET", "1795690467"),
            ]
        };
        let (service, host) = SNIPPETS[0].template.split_once("notify-host").expect("two commands");
        for (kind, state, action) in [
            ("PROBLEM", "CRITICAL", Action::Trigger),
            ("ACKNOWLEDGEMENT", "CRITICAL", Action::Acknowledge),
            ("RECOVERY", "OK", Action::Resolve),
        ] {
            let event = only(
                Call::form(&filled(service, &values(kind, state)))
                    .parse(&Nagios)
                    .expect("an event"),
            );
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (action, "nagios:service:web-01!HTTP front")
            );
            assert_eq!(
                event.summary,
                format!("HTTP front on web-01 is {state}: said no  its bad")
            );
            assert_eq!(event.changed_at.map(|time| time.as_second()), Some(1_795_690_467));
            assert!(
                event
                    .description
                    .is_some_and(|text| text.ends_with("line two\nline three"))
            );
        }
        let event = only(
            Call::form(&filled(host, &values("PROBLEM", "OK")))
                .parse(&Nagios)
                .expect("an event"),
        );
        assert_eq!(
            (event.dedup_key.as_str(), event.summary.as_str()),
            ("nagios:host:web-01", "web-01 is DOWN: unreachable")
        );
    }
}
