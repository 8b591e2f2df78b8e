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
    Category, ParseError, Request, Source,
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

    fn category(&self) -> Category {
        Category::OnCall
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
mod tests;
