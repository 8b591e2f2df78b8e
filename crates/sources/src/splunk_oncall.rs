//! Splunk On-Call, once VictorOps: outgoing webhooks, whose JSON people write as a template, escalation webhooks, which
//! are forms, and bodies in the form of its own REST endpoint.
//!
//! The phase of the incident counts more than the type of the last message. What its chat, its rotas and its paging say is
//! no alert. Facts are from help.splunk.com, "Configure custom outgoing webhooks", "Use webhooks in escalation policies"
//! (signature) and "REST Endpoint integration" (message types).

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    ParseError, Request, Source,
    guide::Facts,
    input, link,
    loose::Loose,
    mapping::FieldMapping,
    normalise::{description, each, ignored, short},
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
    when,
};

/// The header of an escalation webhook: base64 of the HMAC-SHA1 of the address and the fields.
const SIGNATURE_HEADER: &str = "x-victorops-signature";

/// Splunk On-Call.
#[derive(Debug)]
pub(crate) struct SplunkOnCall;

impl Source for SplunkOnCall {
    fn slug(&self) -> &'static str {
        "splunk-oncall"
    }

    fn type_name(&self) -> &'static str {
        "SPLUNK_ONCALL"
    }

    fn title(&self) -> &'static str {
        "Splunk On-Call"
    }

    fn tagline(&self) -> &'static str {
        "Incidents of Splunk On-Call (VictorOps), through its webhooks"
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        each(input::read_template(request)?, |body| event(unquoted(body)))
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "X-VictorOps-Signature",
            note: "Only escalation webhooks are signed: set the Auth Code of the webhook here. Outgoing webhooks can send \
                   a header instead: require the integration key, and let them send it as X-Integration-Key.",
        }
    }

    /// What is signed is the address as it was entered there, followed by the names and values of the form in the order
    /// of the names. The address is put together from what the request says of it, with and without a proxy's word.
    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        let Some(signature) = request.header(SIGNATURE_HEADER) else {
            return signature::verify_generic(request, secret, now);
        };
        let signature = STANDARD.decode(signature).map_err(|_| SignatureError::Wrong)?;
        let mut fields = input::form(request.body);
        fields.sort();
        let fields: String = fields
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()])
            .collect();
        let hosts = ["x-forwarded-host", "host"]
            .into_iter()
            .filter_map(|name| request.header(name));
        let right = hosts
            .flat_map(|host| ["https", "http"].map(|scheme| (scheme, host)))
            .any(|(scheme, host)| {
                let address = format!("{scheme}://{host}/api/integrations/{}?{}", self.slug(), request.query);
                let signed = [address.as_bytes(), fields.as_bytes()];
                signature::check_mac_sha1(secret.as_bytes(), &signed, &signature).is_ok()
            });
        if right { Ok(()) } else { Err(SignatureError::Wrong) }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "JSON of an outgoing webhook: the payload below, or one of your own with the variables `ALERT.…`, `STATE.…` \
                 and `INCIDENT.…` under names that say the same",
                "the form of an escalation webhook",
                "a body of the REST endpoint (`message_type`, `entity_id`, `state_message`)",
                "a list of these",
            ],
            triggers: "phase `UNACKED`; without a phase, the message types `CRITICAL` and `WARNING`, and an escalation that \
                       only names its incident",
            acknowledges: "phase `ACKED`; without a phase, `ACKNOWLEDGEMENT`",
            resolves: "phase `RESOLVED`; without a phase, `RECOVERY`",
            ignores: "`INFO` without a phase, chat, on-call and paging messages, unknown words",
            tests: "",
            severity: "`CRITICAL` is critical, `WARNING` warning; else the state of the entity; else warning",
            key: "`splunk-oncall:` and the `entity_id`; without one, `splunk-oncall:incident:` and the number of the incident; \
                  else `splunk-oncall:name:` and its name",
            ordered_by: "",
            delivery: "",
        }
    }

    /// Alertmanager's receiver for VictorOps writes the API key and the routing key behind the path.
    /// Source: <https://prometheus.io/docs/alerting/latest/configuration/#victorops_config>.
    fn path_goes_on(&self) -> bool {
        true
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Splunk On-Call, open Integrations, then Outgoing Webhooks, and press Add Webhook.",
                "Choose the event Any-Incident, the method POST and the content type application/json, and paste the URL \
                 below under To.",
                "Paste the payload below.",
                "Optional: require the integration key here, and add a custom header X-Integration-Key with it there.",
                "Or add an escalation webhook with the same URL under Integrations, then Webhooks, and set its Auth Code \
                 as the secret here: then every escalation is signed.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some(
                "https://help.splunk.com/en/splunk-observability-cloud/splunk-on-call/integrations-with-splunk-on-call/custom-outbound-webhooks",
            ),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "alert_phase": "UNACKED",
            "message_type": "WARNING",
            "entity_id": "opsknight-test",
            "entity_display_name": "Test of the integration",
            "state_message": "Somebody is trying out this integration. Nothing is wrong.",
            "incident_number": "1",
            "timestamp": now.as_millisecond().to_string()
        }))
    }
}

/// The payload of an outgoing webhook. Its variables stay as they are.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "To",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Payload",
        language: "json",
        template: "{\n  \"alert_phase\": \"${{STATE.CURRENT_ALERT_PHASE}}\",\n  \"message_type\": \"${{ALERT.message_type}}\",\n  \"entity_id\": \"${{STATE.ENTITY_ID}}\",\n  \"entity_display_name\": \"${{ALERT.entity_display_name}}\",\n  \"state_message\": \"${{ALERT.state_message}}\",\n  \"monitoring_tool\": \"${{ALERT.monitoring_tool}}\",\n  \"host\": \"${{STATE.HOST}}\",\n  \"service\": \"${{STATE.SERVICE}}\",\n  \"incident_number\": \"${{STATE.INCIDENT_NAME}}\",\n  \"ack_user\": \"${{STATE.ACK_USER}}\",\n  \"alert_url\": \"${{ALERT.alert_url}}\",\n  \"timestamp\": \"${{STATE.LAST_TIMESTAMP}}\",\n  \"sent_to\": \"{base}\"\n}\n",
    },
];

/// A variable that was not filled in.
fn is_unfilled(text: &str) -> bool {
    text.starts_with("${{") && text.ends_with("}}")
}

/// The fields of an escalation webhook, whose texts come as JSON, quotation marks included (`message_type="CRITICAL"`), as
/// captured requests show; the page on them does not say so. An outgoing webhook's do not, and both must have one key.
fn unquoted(mut body: Value) -> Value {
    let texts = body.as_object_mut().into_iter().flat_map(|fields| fields.values_mut());
    for value in texts {
        let inner = value
            .as_str()
            .filter(|text| text.len() >= 2 && text.starts_with('"') && text.ends_with('"'))
            .and_then(|text| serde_json::from_str::<String>(text).ok());
        if let Some(inner) = inner {
            *value = Value::String(inner.replace('\0', ""));
        }
    }
    body
}

/// What the phase says, else what the message says.
fn action(phase: Option<&str>, message: Option<&str>) -> Result<Action, String> {
    match (phase, message) {
        (Some("unacked" | "triggered"), _) => Ok(Action::Trigger),
        (Some("acked" | "acknowledged"), _) => Ok(Action::Acknowledge),
        (Some("resolved"), _) => Ok(Action::Resolve),
        (_, Some("critical" | "warning" | "problem")) => Ok(Action::Trigger),
        (_, Some("acknowledgement" | "acknowledged" | "acked")) => Ok(Action::Acknowledge),
        (_, Some("recovery" | "recovered" | "resolved" | "ok")) => Ok(Action::Resolve),
        (_, Some("info")) => Err("It is for information only.".into()),
        (None, None) => Err("It tells of no incident's phase: of a chat, a rota or a page, perhaps.".into()),
        (Some(word), None) | (_, Some(word)) => Err(format!("The word {word} is not known.")),
    }
}

fn severity(word: Option<&str>) -> Severity {
    match word {
        Some("critical") => Severity::Critical,
        Some("info") => Severity::Info,
        Some("error") => Severity::Error,
        _ => Severity::Warning,
    }
}

/// Whether it is of a chat, a page or a rota, by the variables that only those have. They may name an incident as well.
fn is_talk(fields: &Loose<'_>) -> bool {
    let names = [
        "chattext",
        "chatuserid",
        "pageid",
        "pagestarted",
        "pageuserid",
        "pageattemptnumber",
        "oncalluserid",
        "oncallstate",
        "oncallteamname",
    ];
    fields.get(&names).is_some()
}

/// The number of the incident: `STATE.INCIDENT_NAME` is `14` where `INCIDENT.INCIDENT_NAME` is `#14`.
fn number(fields: &Loose<'_>) -> Option<String> {
    let number = fields.get(&[
        "incidentnumber",
        "stateincidentname",
        "incidentname",
        "incidentnum",
        "incidentid",
        "incident",
        "incidentincidentid",
        "incidentincidentname",
    ])?;
    let number = number.trim_start_matches('#').trim();
    (!number.is_empty()).then(|| number.to_owned())
}

/// One message.
fn event(body: Value) -> Result<Normalised, ParseError> {
    let fields = Loose::new(&body, &[], is_unfilled);
    let number = number(&fields);
    let entity = fields.get(&["entityid", "alertentityid", "stateentityid", "incidententityid"]);
    let key = match (&entity, &number) {
        (Some(entity), _) => Some(format!("splunk-oncall:{entity}")),
        (None, Some(number)) => Some(format!("splunk-oncall:incident:{number}")),
        (None, None) => None,
    };
    let phase = fields.word(&[
        "alertphase",
        "currentalertphase",
        "statecurrentalertphase",
        "incidentcurrentphase",
        "currentphase",
        "phase",
    ]);
    let message = fields.word(&["messagetype", "alertmessagetype", "alerttype", "alertalerttype"]);
    let action = match action(phase.as_deref(), message.as_deref()) {
        Ok(action) => action,
        // An escalation webhook is sent because nobody has acknowledged yet; it may say no more than which incident it is.
        Err(_) if phase.is_none() && message.is_none() && key.is_some() && !is_talk(&fields) => Action::Trigger,
        Err(reason) => return Ok(ignored(key, reason)),
    };
    let state = fields.word(&[
        "entitystate",
        "alertentitystate",
        "incidententitystate",
        "statecurrentstate",
        "currentstate",
    ]);
    let name = fields.get(&[
        "entitydisplayname",
        "alertentitydisplayname",
        "incidententitydisplayname",
        "displayname",
        "stateservice",
        "service",
        "summary",
    ]);
    // What it is called is the same from the first message to the last one, too.
    let Some(key) = key.or_else(|| Some(format!("splunk-oncall:name:{}", name.as_deref()?))) else {
        return Err(ParseError::new(
            "entity_id",
            "is missing, and so is the number of the incident",
        ));
    };
    let name = name
        .or(entity.clone())
        .unwrap_or_else(|| format!("Incident {}", number.as_deref().unwrap_or_default()).into());
    // A type such as ACKNOWLEDGEMENT says nothing about how bad it is; the state of the entity does.
    let word = message
        .as_deref()
        .filter(|word| matches!(*word, "critical" | "warning"))
        .or(state.as_deref());
    let mut event = Event::new(action, key, severity(word), name);
    event.class = short(message.map(Cow::Owned));
    fill(&mut event, &fields);
    event.source = event.source.or_else(|| short(entity));
    drop(fields);
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// What else a message says of the thing that it is about.
fn fill(event: &mut Event, fields: &Loose<'_>) {
    let text = fields.get(&[
        "statemessage",
        "alertstatemessage",
        "message",
        "details",
        "ackmsg",
        "stateackmsg",
    ]);
    event.description = description(text, &event.summary);
    event.source = short(fields.get(&["host", "hostname", "alerthostname", "statehost"]));
    event.component = short(fields.get(&["service", "stateservice", "alertservice"]));
    event.group = short(fields.get(&[
        "monitoringtool",
        "alertmonitoringtool",
        "monitortype",
        "statemonitortype",
    ]));
    let time = fields.get(&["timestamp", "lasttimestamp", "statelasttimestamp", "alerttimestamp"]);
    event.occurred_at = time.and_then(|time| when::read(&Value::String(time.into_owned())));
    for names in [
        &["alerturl", "alertalerturl"][..],
        &["infourl", "stateinfourl"],
        &["incidentlink", "incidenturl"],
    ] {
        link::add(event, fields.get(names).as_deref(), "Alert");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Call, only};

    #[test]
    fn phases_come_before_messages() {
        for (phase, message, expected) in [
            (json!("UNACKED"), json!("INFO"), Some(Action::Trigger)),
            (json!("ACKED"), json!("CRITICAL"), Some(Action::Acknowledge)),
            (json!("RESOLVED"), json!("CRITICAL"), Some(Action::Resolve)),
            (json!(null), json!("WARNING"), Some(Action::Trigger)),
            (
                json!("${{STATE.CURRENT_ALERT_PHASE}}"),
                json!("RECOVERY"),
                Some(Action::Resolve),
            ),
            (json!(null), json!("ACKNOWLEDGEMENT"), Some(Action::Acknowledge)),
            (json!(null), json!("INFO"), None),
            (json!(null), json!("odd"), None),
        ] {
            let body = json!({"STATE.CURRENT_ALERT_PHASE": phase, "ALERT.message_type": message, "ALERT.entity_id": "db/disk"});
            match (event(body).expect("an outcome"), expected) {
                (Normalised::Event(event), Some(action)) => {
                    assert_eq!(
                        (event.action, event.dedup_key.as_str()),
                        (action, "splunk-oncall:db/disk")
                    );
                }
                (Normalised::Ignored { dedup_key: Some(_), .. }, None) => {}
                (outcome, _) => panic!("{phase} {message}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn chats_and_rotas_are_ignored_and_numbers_are_ids() {
        let chat = json!({"CHAT.TEXT": "on it", "entity_id": "${{STATE.ENTITY_ID}}", "alert_phase": "${{STATE.CURRENT_ALERT_PHASE}}"});
        assert!(matches!(event(chat), Ok(Normalised::Ignored { dedup_key: None, .. })));
        let page = json!({"PAGE.ID": "8f", "PAGE.ATTEMPT_NUMBER": 1, "incident_number": "14"});
        assert!(matches!(
            event(page),
            Ok(Normalised::Ignored { dedup_key: Some(_), .. })
        ));
        let Ok(Normalised::Event(numbered)) = event(json!({"incident_number": 14, "phase": "ACKED"})) else {
            panic!("an event")
        };
        assert_eq!(numbered.dedup_key, "splunk-oncall:incident:14");
        let variables = json!({"INCIDENT.INCIDENT_NAME": "#14", "INCIDENT.CURRENT_PHASE": "RESOLVED", "INCIDENT.ENTITY_DISPLAY_NAME": "Disk"});
        let Ok(Normalised::Event(ended)) = event(variables) else {
            panic!("an event")
        };
        assert_eq!((ended.action, ended.dedup_key), (Action::Resolve, numbered.dedup_key));
        // A variable that is not filled in is none; the name is the same until the end.
        for (phase, action) in [("UNACKED", Action::Trigger), ("RESOLVED", Action::Resolve)] {
            let body = json!({"entity_id": "${{STATE.ENTITY_ID}}", "entity_display_name": "Disk of db-2", "alert_phase": phase});
            let named = testing::event(&SplunkOnCall, &body);
            assert_eq!(
                (named.action, named.dedup_key.as_str()),
                (action, "splunk-oncall:name:Disk of db-2")
            );
        }
        let nameless = event(json!({"message_type": "CRITICAL"})).map_err(|error| error.field);
        assert_eq!(nameless, Err("entity_id".into()));
    }

    /// As a captured request has it: every text in quotation marks. The signature was made with another program, by the
    /// steps of the vendor's page.
    #[test]
    fn escalations_are_quoted_and_signed_with_their_address() {
        let body = "incident=31&created_by=%22mira%22&entity_display_name=%22Disk+of+db-2%22&message_type=%22CRITICAL%22\
                    &alert_type=%22CRITICAL%22&entity_state=%22CRITICAL%22&entity_id=%22db-2%2Fdisk%22\
                    &state_message=%22it%27s+96%25+used%22&message=&vo_organization_id=%22lantern%22&summary=";
        let (query, host) = ("integrationId=int_1", "ops.example");
        let verdict = |host: &str, query: &str, body: &str, secret: &str| {
            Call {
                query,
                headers: &[
                    ("host", host),
                    ("content-type", "application/x-www-form-urlencoded"),
                    ("x-victorops-signature", "tZzhk6iWxB4yzzeRE6SQ+h2XmD8="),
                ],
                body: body.as_bytes(),
                ..Call::default()
            }
            .verify(&SplunkOnCall, secret)
        };
        assert_eq!(verdict(host, query, body, "auth-code-1"), Ok(()));
        let moved = body.trim_start_matches("incident=31&").to_owned() + "&incident=31";
        assert_eq!(
            verdict(host, query, &moved, "auth-code-1"),
            Ok(()),
            "the order of the fields is no matter"
        );
        for (host, query, body, secret) in [
            ("other.example", query, body, "auth-code-1"),
            (host, "integrationId=int_2", body, "auth-code-1"),
            (host, query, &body[1..], "auth-code-1"),
            (host, query, body, "auth-code-2"),
        ] {
            assert_eq!(
                verdict(host, query, body, secret),
                Err(SignatureError::Wrong),
                "{host} {query}"
            );
        }
        let call = Call {
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: body.as_bytes(),
            ..Call::default()
        };
        let event = only(call.parse(&SplunkOnCall).expect("an event"));
        assert_eq!(
            (
                event.action,
                event.dedup_key.as_str(),
                event.severity,
                event.summary.as_str()
            ),
            (
                Action::Trigger,
                "splunk-oncall:db-2/disk",
                Severity::Critical,
                "Disk of db-2"
            )
        );
        assert_eq!(event.description.as_deref(), Some("it's 96% used"));
        // The end comes by an outgoing webhook, whose texts are not quoted.
        let end = json!({"alert_phase": "RESOLVED", "message_type": "CRITICAL", "entity_id": "db-2/disk"});
        let end = testing::event(&SplunkOnCall, &end);
        assert_eq!((end.action, end.dedup_key), (Action::Resolve, event.dedup_key));
    }

    #[test]
    fn the_payload_to_paste_becomes_an_event_when_it_is_filled_in() {
        let template = SNIPPETS[1].render(
            "https://ok.example/api/integrations/splunk-oncall?integrationId=int_1",
            "key",
        );
        for (phase, message, action) in [
            ("UNACKED", "CRITICAL", Action::Trigger),
            ("ACKED", "CRITICAL", Action::Acknowledge),
            ("RESOLVED", "RECOVERY", Action::Resolve),
        ] {
            let body = template
                .replace("${{STATE.CURRENT_ALERT_PHASE}}", phase)
                .replace("${{ALERT.message_type}}", message)
                .replace("${{STATE.ENTITY_ID}}", "db-2/disk")
                .replace("${{ALERT.entity_display_name}}", "Disk of db-2")
                .replace("${{ALERT.state_message}}", "a \"quoted\" word,\nand a line")
                .replace("${{STATE.LAST_TIMESTAMP}}", "1772439000000");
            let call = Call {
                body: body.as_bytes(),
                ..Call::default()
            };
            let event = only(call.parse(&SplunkOnCall).expect("an event"));
            assert_eq!(
                (event.action, event.dedup_key.as_str(), event.summary.as_str()),
                (action, "splunk-oncall:db-2/disk", "Disk of db-2"),
                "{body}"
            );
            assert!(event.occurred_at.is_some() && event.links.is_empty());
        }
    }
}
