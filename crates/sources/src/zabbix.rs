//! Zabbix, through a webhook media type whose script stands in the set-up.
//!
//! A problem is known by `{EVENT.ID}`, which stays the same in its updates and in its recovery; the host is no part of the
//! key, since its visible name may change. An update acknowledges only where its action says so, in words of its own:
//! comments and suppressions mean nothing here. Facts are from zabbix.com/documentation/current: "Supported macros",
//! "Webhook" and "JavaScript guide".

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};
use url::Url;

use crate::{
    ParseError, Request, Source, input, link,
    loose::Loose,
    mapping::FieldMapping,
    normalise::{description, each, ignored, short},
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    when,
};

/// Zabbix.
#[derive(Debug)]
pub(crate) struct Zabbix;

impl Source for Zabbix {
    fn slug(&self) -> &'static str {
        "zabbix"
    }

    fn type_name(&self) -> &'static str {
        "ZABBIX"
    }

    fn title(&self) -> &'static str {
        "Zabbix"
    }

    fn tagline(&self) -> &'static str {
        "Problems, their acknowledgements and recoveries, through a media type"
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        each(input::read_template(request)?, event)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Enter the same text as the parameter secret of the media type below: its script signs with it.",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Zabbix, open Alerts, then Media types, press Import and choose a file with the text below. It works \
                 from Zabbix 6.0 on.",
                "Open the media type OpsKnight. Optional: enter a secret there, and set the same secret here.",
                "Open a user whom Zabbix notifies, and add the media OpsKnight to them. What stands in Send to does not \
                 matter.",
                "In Alerts, then Actions, then Trigger actions, let an action send to that user: in its operations, its \
                 recovery operations and its update operations.",
                "Press Test beside the media type: an incident marked as a test appears and closes itself.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some(
                "https://www.zabbix.com/documentation/current/en/manual/config/notifications/media/webhook",
            ),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "event_id": "1",
            "event_source": "0",
            "event_value": "1",
            "event_update_status": "0",
            "event_nseverity": "2",
            "event_name": "Test of the integration",
            "host_name": "opsknight-test",
            "message": "Somebody is trying out this integration. Nothing is wrong.",
            "timestamp": now.as_second().to_string()
        }))
    }
}

/// The media type as Zabbix imports it. Its macros stay as they are.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "opsknight.yaml",
        language: "yaml",
        template: include_str!("zabbix/media_type.yaml"),
    },
    Snippet {
        name: "URL, for a media type of your own",
        language: "text",
        template: "{url}",
    },
];

/// A macro that Zabbix did not fill in, or had nothing for.
fn is_unfilled(text: &str) -> bool {
    let is_macro = |text: &str| text.starts_with('{') && text.ends_with('}') && !text.contains([' ', '"']);
    is_macro(text) || matches!(text, "*UNKNOWN*" | "*UNDEFINED*")
}

/// By the number, which is the same in all languages; the words of an installation may be its own.
fn severity(fields: &Loose<'_>) -> Severity {
    match fields
        .get(&[
            "eventupdatenseverity",
            "eventnseverity",
            "nseverity",
            "triggernseverity",
        ])
        .as_deref()
    {
        Some("5") => Severity::Critical,
        Some("4") => Severity::Error,
        Some("3" | "2") => Severity::Warning,
        Some("1" | "0") => Severity::Info,
        _ => match fields
            .word(&["eventseverity", "severity", "triggerseverity"])
            .as_deref()
        {
            Some("high") => Severity::Error,
            Some("not classified" | "information") => Severity::Info,
            Some(word) => Severity::from_vendor_word(word).unwrap_or(Severity::Warning),
            None => Severity::Warning,
        },
    }
}

/// What is to be done, or why nothing is.
fn action(fields: &Loose<'_>) -> Result<Action, &'static str> {
    if matches!(fields.get(&["eventsource", "source"]).as_deref(), Some("1" | "2")) {
        return Err("It tells of a discovery or a registration.");
    }
    let is_over = match fields
        .word(&["eventvalue", "value", "status", "eventstatus", "triggerstatus"])
        .as_deref()
    {
        Some("0" | "ok" | "resolved" | "up") => true,
        Some("1" | "problem" | "down") => false,
        Some(_) => return Err("Its value is neither a problem nor the end of one."),
        None => false,
    };
    if fields.get(&["eventupdatestatus", "updatestatus"]).as_deref() != Some("1") {
        return Ok(if is_over { Action::Resolve } else { Action::Trigger });
    }
    // Such as "acknowledged, commented"; unacknowledged is another word.
    let did = fields.word(&["eventupdateaction", "updateaction"]).unwrap_or_default();
    let has = |known: &[&str]| {
        did.split(|c: char| !c.is_alphanumeric())
            .any(|word| known.contains(&word))
    };
    if is_over {
        Err("It was updated after its end.")
    } else if has(&["acknowledged", "acknowledge"]) {
        Ok(Action::Acknowledge)
    } else if did.contains("severity") {
        // The incident takes a higher urgency from it.
        Ok(Action::Trigger)
    } else {
        Err("It was updated, but not acknowledged.")
    }
}

/// One notification.
fn event(body: Value) -> Result<Normalised, ParseError> {
    let fields = Loose::new(&body, &[], is_unfilled);
    let id = fields.get(&["eventid", "problemid", "triggerid"]);
    let is_test = id.is_none() && fields.has_unfilled();
    let id = match id {
        Some(id) => id,
        // The Test button of a media type sends every macro as it stands.
        None if is_test => Cow::Borrowed("test"),
        None => return Err(ParseError::new("event_id", "is missing")),
    };
    let address = fields
        .get(&["zabbixurl", "url", "frontendurl"])
        .and_then(|url| Url::parse(&url).ok());
    // Two installations count from one each.
    let server = address
        .as_ref()
        .and_then(Url::host_str)
        .map(|host| format!("{host}:"))
        .unwrap_or_default();
    let key = format!("zabbix:{server}{id}");
    let action = match action(&fields) {
        _ if is_test => Action::Trigger,
        Ok(action) => action,
        Err(reason) => return Ok(ignored(Some(key), reason)),
    };
    let host = fields.get(&["hostname", "hosthost", "host"]);
    let name = fields.get(&["eventname", "triggername", "name", "subject", "alertsubject"]);
    let name = name.unwrap_or(Cow::Borrowed(if is_test {
        "Test of the media type"
    } else {
        "Zabbix problem"
    }));
    let summary = match &host {
        Some(host) if !name.contains(&**host) => format!("{host}: {name}"),
        _ => name.into_owned(),
    };
    let mut event = Event::new(action, key, severity(&fields), summary);
    let said = fields.get(&["eventupdatemessage", "updatemessage"]);
    let text = fields.get(&["message", "alertmessage", "eventopdata", "opdata"]);
    event.description = description(said.filter(|_| action == Action::Acknowledge).or(text), &event.summary);
    event.source = short(host);
    event.component = short(fields.get(&["itemname", "itemname1"]));
    event.group = short(fields.get(&["hostgroup", "triggerhostgroupname", "hostgroups"]));
    event.class = short(fields.get(&["triggerid"]));
    let time = fields.get(&["timestamp", "eventtimestamp"]);
    event.occurred_at = time.and_then(|time| when::read(&Value::String(time.into_owned())));
    let page = address.and_then(|url| {
        let trigger = fields.get(&["triggerid"])?;
        Some(format!(
            "{}/tr_events.php?triggerid={trigger}&eventid={id}",
            url.as_str().trim_end_matches('/')
        ))
    });
    link::add(&mut event, page.as_deref(), "Zabbix");
    link::add(&mut event, fields.get(&["triggerurl"]).as_deref(), "Trigger");
    event.is_test = is_test;
    if is_test {
        event.severity = Severity::Info;
    }
    drop(fields);
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(value: &str, update: &str, did: &str) -> Normalised {
        let body = json!({
            "event_id": 4711, "event_value": value, "event_update_status": update, "event_update_action": did,
            "event_nseverity": "4", "event_name": "Disk full", "host_name": "db-1"
        });
        event(body).expect("an outcome")
    }

    #[test]
    fn updates_acknowledge_only_when_they_say_so() {
        for (value, update, did, expected) in [
            ("1", "0", "", Some(Action::Trigger)),
            ("0", "0", "", Some(Action::Resolve)),
            ("1", "1", "acknowledged, commented", Some(Action::Acknowledge)),
            ("1", "1", "changed severity from Warning to High", Some(Action::Trigger)),
            ("1", "1", "commented", None),
            ("1", "1", "unacknowledged", None),
            ("1", "1", "suppressed", None),
            ("0", "1", "acknowledged", None),
        ] {
            match (outcome(value, update, did), expected) {
                (Normalised::Event(event), Some(action)) => {
                    assert_eq!(
                        (event.action, event.dedup_key.as_str()),
                        (action, "zabbix:4711"),
                        "{did}"
                    );
                }
                (Normalised::Ignored { dedup_key: Some(_), .. }, None) => {}
                (outcome, _) => panic!("{did}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn numbers_are_severities() {
        for (number, expected) in [
            ("5", Severity::Critical),
            ("4", Severity::Error),
            ("3", Severity::Warning),
            ("2", Severity::Warning),
            ("1", Severity::Info),
            ("0", Severity::Info),
        ] {
            let body = json!({"EVENT.NSEVERITY": number, "EVENT.SEVERITY": "Katastrophe"});
            assert_eq!(severity(&Loose::new(&body, &[], is_unfilled)), expected, "{number}");
        }
    }

    #[test]
    fn macros_that_are_not_filled_in_are_absent() {
        let test = json!({"event_id": "{EVENT.ID}", "event_value": "{EVENT.VALUE}", "host_name": "{HOST.NAME}"});
        let Ok(Normalised::Event(tested)) = event(test) else {
            panic!("an event")
        };
        assert!(tested.is_test);
        let body =
            json!({"event_id": "5", "item_name": "*UNKNOWN*", "trigger_url": "{TRIGGER.URL}", "event_name": "{x} y"});
        let Ok(Normalised::Event(real)) = event(body) else {
            panic!("an event")
        };
        assert_eq!(
            (real.component.as_deref(), real.summary.as_str(), real.is_test),
            (None, "{x} y", false)
        );
        assert_eq!(
            event(json!({"host": "x"})).map_err(|error| error.field),
            Err("event_id".into())
        );
    }

    #[test]
    fn two_installations_are_told_apart() {
        let key = |url: &str| match event(json!({"event_id": "5", "zabbix_url": url})).expect("an event") {
            Normalised::Event(event) => event.dedup_key,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        };
        assert_eq!(key("https://zabbix.example/zabbix"), "zabbix:zabbix.example:5");
        assert_eq!(key("{$ZABBIX.URL}"), "zabbix:5");
    }
}
