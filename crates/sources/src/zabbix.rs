//! Zabbix, through a webhook media type whose script stands in the set-up.
//!
//! A problem is known by `{EVENT.ID}`, which stays the same in its updates and in its recovery; the host is no part of the
//! key, since its visible name may change. An update acknowledges only where its action says so, in words of its own:
//! comments and suppressions mean nothing here. Whoever updates a problem is not told of it, so the set-up has a user of its
//! own. Facts are from zabbix.com/documentation/current: "Supported macros" (those of times are newer than 6.0), "Webhook",
//! "JavaScript guide" and "Update operations", and from what a Zabbix server 6.0 sends.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    input, link,
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

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        each(input::read_template(request)?, event)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Enter the same text as the parameter secret of the media type below: its script signs with it.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &["JSON or a form with the names of Zabbix' macros in any spelling: `EVENT.ID`, `event_id`"],
            triggers: "`event_value` 1; an update that changes the severity",
            acknowledges: "an update whose `event_update_action` says acknowledged",
            resolves: "`event_value` 0, or a status of `OK` or `RESOLVED`",
            ignores: "other updates, such as comments and suppressions; discoveries and registrations",
            tests: "the Test button of the media type, which sends macros as they stand",
            severity: "by `event_nseverity`: 5 critical, 4 error, 3 and 2 warning, 1 and 0 info; else by the word, else \
                       warning",
            key: "`zabbix:EVENT_ID`, with the host of `{$ZABBIX.URL}` before the id where that is set",
            ordered_by: "`event_timestamp`, `event_update_timestamp` and `event_recovery_timestamp`, which newer versions \
                         of Zabbix fill in",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Zabbix, open Alerts, then Media types (in 6.0 both stand in Administration), press Import and choose a \
                 file with the text below. It works from Zabbix 6.0 on.",
                "Open the media type OpsKnight. Optional: enter a secret there, and set the same secret here.",
                "In Users, make a user opsknight of its own with the role User role, in a group that may read the hosts whose \
                 problems should arrive, and add the media OpsKnight to it. What stands in Send to does not matter. Zabbix \
                 tells nobody of what they did themselves, so with a person's own user their acknowledgements would be \
                 missing here.",
                "In Alerts (in 6.0 Configuration), then Actions, then Trigger actions, let an action send to that user: in its operations, its \
                 recovery operations and its update operations.",
                "Optional: in Administration, then Macros (in 6.0 General, then Macros), set {$ZABBIX.URL} to the address of Zabbix' pages. It becomes a \
                 link, and part of the key, so that two Zabbix servers can report to one service.",
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

/// Whether the problem is over, where anything says so.
fn is_over(fields: &Loose<'_>) -> Option<Result<bool, &'static str>> {
    let word = fields.word(&[
        "eventvalue",
        "eventrecoveryvalue",
        "status",
        "eventstatus",
        "eventrecoverystatus",
        "triggerstatus",
        "triggervalue",
    ]);
    // A plain "value" may as well be the item's.
    let word = word.or_else(|| {
        fields
            .word(&["value"])
            .filter(|word| matches!(&**word, "0" | "1" | "ok" | "problem"))
    })?;
    Some(match &*word {
        "0" | "ok" | "resolved" | "up" => Ok(true),
        "1" | "problem" | "down" => Ok(false),
        _ => Err("Its value is neither a problem nor the end of one."),
    })
}

/// What is to be done, or why nothing is.
fn action(fields: &Loose<'_>) -> Result<Action, &'static str> {
    if matches!(fields.get(&["eventsource", "source"]).as_deref(), Some("1" | "2")) {
        return Err("It tells of a discovery or a registration.");
    }
    let is_over = match is_over(fields) {
        Some(Ok(is_over)) => is_over,
        Some(Err(reason)) => return Err(reason),
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

fn time(fields: &Loose<'_>, names: &[&str]) -> Option<Timestamp> {
    let time = fields.get(names)?;
    when::read(&Value::String(time.into_owned()))
}

/// When the problem began, grew worse or ended, by the clock of the Zabbix server. The time at which the script runs is
/// not it: Zabbix runs it again when an attempt has failed.
fn changed_at(fields: &Loose<'_>, action: Action) -> Option<Timestamp> {
    match action {
        Action::Resolve => time(fields, &["eventrecoverytimestamp"]),
        Action::Trigger | Action::Acknowledge => time(fields, &["eventupdatetimestamp", "eventtimestamp"]),
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
    event.changed_at = changed_at(&fields, action);
    event.occurred_at = event
        .changed_at
        .or_else(|| time(&fields, &["timestamp", "eventtimestamp", "clock"]));
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
mod tests;
