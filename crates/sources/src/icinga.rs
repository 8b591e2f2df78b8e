//! Icinga 2.
//!
//! It owns the set-up: notification commands with `curl` that send a form, each value an argument of its own, so that no
//! output of a plugin breaks anything. What a notification means stands in [`checks`].

use jiff::Timestamp;
use opsknight_domain::event::Normalised;
use serde_json::json;

use crate::{
    ParseError, Request, Source, checks, input,
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

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        each(input::read_template(request)?, |body| checks::read("icinga", body))
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Icinga does not sign what its commands send. Require the integration key instead, and let the command send it as \
                   X-Integration-Key; set a secret only where your own script signs.",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "Put the two notification commands below into a file that Icinga reads, such as conf.d/opsknight.conf.",
                "Add the user and the two notifications, and narrow \"assign where\" to what should arrive here.",
                "Check with icinga2 daemon -C, and reload Icinga.",
                "Send a custom notification from Icinga Web: it is received and means nothing. A real problem opens an \
                 incident.",
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
        template: "object NotificationCommand \"opsknight-service\" {\n  command = [ \"/usr/bin/curl\", \"-fsS\", \"-m\", \"10\", \"-H\", \"X-Integration-Key: {key}\", \"{url}\" ]\n  arguments = {\n    \"--data-urlencode\" = {\n      value = [\n        \"notification_type=$notification.type$\",\n        \"host_name=$host.name$\",\n        \"service_name=$service.name$\",\n        \"service_state=$service.state$\",\n        \"service_output=$service.output$\",\n        \"author=$notification.author$\",\n        \"comment=$notification.comment$\",\n        \"timestamp=$icinga.timet$\"\n      ]\n      repeat_key = true\n    }\n  }\n}\n\nobject NotificationCommand \"opsknight-host\" {\n  command = [ \"/usr/bin/curl\", \"-fsS\", \"-m\", \"10\", \"-H\", \"X-Integration-Key: {key}\", \"{url}\" ]\n  arguments = {\n    \"--data-urlencode\" = {\n      value = [\n        \"notification_type=$notification.type$\",\n        \"host_name=$host.name$\",\n        \"host_state=$host.state$\",\n        \"host_output=$host.output$\",\n        \"author=$notification.author$\",\n        \"comment=$notification.comment$\",\n        \"timestamp=$icinga.timet$\"\n      ]\n      repeat_key = true\n    }\n  }\n}\n",
    },
    Snippet {
        name: "User and notifications",
        language: "text",
        template: "object User \"opsknight\" {\n  states = [ OK, Warning, Critical, Unknown, Up, Down ]\n  types = [ Problem, Acknowledgement, Recovery ]\n}\n\napply Notification \"opsknight\" to Service {\n  command = \"opsknight-service\"\n  users = [ \"opsknight\" ]\n  interval = 0\n  assign where true\n}\n\napply Notification \"opsknight\" to Host {\n  command = \"opsknight-host\"\n  users = [ \"opsknight\" ]\n  interval = 0\n  assign where true\n}\n// On the server: {url}\n",
    },
];
