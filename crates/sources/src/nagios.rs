//! Nagios, and what took its commands over: Naemon, Shinken, Checkmk.
//!
//! It owns the set-up: commands with `curl` that send a form, so that quotes and line breaks in the output of a plugin
//! break nothing. What a notification means stands in [`checks`].

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

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        each(input::read_template(request)?, |body| checks::read("nagios", body))
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Nagios does not sign what its commands send. Require the integration key instead, and let the command send it as \
                   X-Integration-Key; set a secret only where your own script signs.",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "Put the two commands below into a file that Nagios reads, such as commands.cfg, and the contact into \
                 contacts.cfg.",
                "Add the contact opsknight to the contact groups whose problems should arrive here.",
                "Check with nagios -v, and reload Nagios.",
                "Acknowledgements are sent with every notification option; flapping and downtimes (f, s) are received and \
                 mean nothing here.",
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
        template: "define command {\n    command_name  notify-service-by-opsknight\n    command_line  /usr/bin/curl -fsS -m 10 -H 'X-Integration-Key: {key}' --data-urlencode 'notification_type=$NOTIFICATIONTYPE$' --data-urlencode 'host_name=$HOSTNAME$' --data-urlencode 'service_desc=$SERVICEDESC$' --data-urlencode 'service_state=$SERVICESTATE$' --data-urlencode 'service_output=$SERVICEOUTPUT$' --data-urlencode 'long_service_output=$LONGSERVICEOUTPUT$' --data-urlencode 'author=$NOTIFICATIONAUTHOR$' --data-urlencode 'comment=$NOTIFICATIONCOMMENT$' --data-urlencode 'notes_url=$SERVICENOTESURL$' --data-urlencode 'timestamp=$TIMET$' '{url}'\n}\n\ndefine command {\n    command_name  notify-host-by-opsknight\n    command_line  /usr/bin/curl -fsS -m 10 -H 'X-Integration-Key: {key}' --data-urlencode 'notification_type=$NOTIFICATIONTYPE$' --data-urlencode 'host_name=$HOSTNAME$' --data-urlencode 'host_state=$HOSTSTATE$' --data-urlencode 'host_output=$HOSTOUTPUT$' --data-urlencode 'long_host_output=$LONGHOSTOUTPUT$' --data-urlencode 'author=$NOTIFICATIONAUTHOR$' --data-urlencode 'comment=$NOTIFICATIONCOMMENT$' --data-urlencode 'notes_url=$HOSTNOTESURL$' --data-urlencode 'timestamp=$TIMET$' '{url}'\n}\n",
    },
    Snippet {
        name: "contacts.cfg",
        language: "text",
        template: "define contact {\n    contact_name                   opsknight\n    alias                          OpsKnight\n    host_notification_period       24x7\n    service_notification_period    24x7\n    host_notification_options      d,u,r\n    service_notification_options   w,u,c,r\n    host_notification_commands     notify-host-by-opsknight\n    service_notification_commands  notify-service-by-opsknight\n}\n# On the server: {url}\n",
    },
];

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    /// What shells make of the output of plugins.
    #[test]
    fn forms_and_broken_json_are_read() {
        for (media_type, body) in [
            (
                "application/x-www-form-urlencoded",
                "notification_type=PROBLEM&host_name=web&service_desc=HTTP&service_state=CRITICAL&service_output=said+%22no%22%0Aloudly",
            ),
            (
                "application/json",
                r#"{"NOTIFICATIONTYPE":"PROBLEM","HOSTNAME":"web","SERVICEDESC":"HTTP","SERVICESTATE":"CRITICAL","SERVICEOUTPUT":"said "no"
loudly"}"#,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static(media_type));
            let request = Request {
                method: &Method::POST,
                query: "integrationId=int_1",
                headers: &headers,
                body: body.as_bytes(),
            };
            let Normalised::Event(event) = Nagios.parse(&request, None).expect("an event").remove(0) else {
                panic!("ignored")
            };
            assert_eq!(event.dedup_key, "nagios:service:web!HTTP", "{media_type}");
            assert_eq!(event.summary, "HTTP on web is CRITICAL: said \"no\"", "{media_type}");
        }
    }
}
