//! What Nagios and Icinga have in common: notifications of hosts and their services, sent by commands that people write.
//!
//! A host, or a service on a host, is one thing with one key, whatever state it is in. Only an acknowledgement
//! acknowledges; flapping, downtimes and notifications by hand are notes in the monitoring and mean nothing here. Facts
//! are from assets.nagios.com/downloads/nagioscore/docs, "Standard Macros in Nagios" (`$NOTIFICATIONTYPE$`), and
//! icinga.com/docs/icinga-2, "Monitoring Basics" and "Language Reference" (notification types in camel case).

use std::borrow::Cow;

use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::Value;

use crate::{
    ParseError, link,
    loose::Loose,
    normalise::{description, ignored, short},
    when,
};

/// Parts of names that say nothing: the environment of Nagios (`NAGIOS_HOSTNAME`) and of older Icinga.
const PREFIXES: &[&str] = &["nagios", "icinga2", "icinga"];

/// A macro that was not filled in: `$SERVICESTATE$`, as it stands in a host's notification.
fn is_unfilled(text: &str) -> bool {
    text.len() > 2 && text.starts_with('$') && text.ends_with('$') && !text.contains(char::is_whitespace)
}

/// What a notification wants, by its type; the reason where it wants nothing.
fn by_type(kind: &str) -> Option<Result<Action, &'static str>> {
    let folded: String = kind.chars().filter(char::is_ascii_alphabetic).collect();
    Some(match folded.as_str() {
        "problem" => Ok(Action::Trigger),
        "recovery" => Ok(Action::Resolve),
        "acknowledgement" => Ok(Action::Acknowledge),
        "flappingstart" | "flappingstop" | "flappingend" | "flappingdisabled" => {
            Err("It changes its state all the time, or has stopped doing so.")
        }
        "downtimestart" | "downtimeend" | "downtimestop" | "downtimecancelled" | "downtimeremoved" => {
            Err("A planned downtime begins or ends.")
        }
        "custom" => Err("Somebody sent a notification by hand."),
        _ => return None,
    })
}

/// What a state says, where there is no type that is known.
fn by_state(state: &str) -> Option<Action> {
    match state {
        "ok" | "up" | "recovered" | "0" => Some(Action::Resolve),
        "warning" | "critical" | "unknown" | "down" | "unreachable" | "1" | "2" | "3" => Some(Action::Trigger),
        _ => None,
    }
}

fn severity(state: Option<&str>) -> Severity {
    match state {
        Some("critical" | "down" | "2") => Severity::Critical,
        // Unreachable means that what lies before it is down, which has a notification of its own.
        Some("warning" | "unknown" | "unreachable" | "1" | "3") => Severity::Warning,
        _ => Severity::Error,
    }
}

/// Reads one notification; `product` is the prefix of its key.
pub(crate) fn read(product: &str, body: Value) -> Result<Normalised, ParseError> {
    let fields = Loose::new(&body, PREFIXES, is_unfilled);
    let host = fields.get(&["hostname", "host", "hostalias", "hostdisplayname"]);
    let host = host.ok_or_else(|| ParseError::new("host_name", "is missing"))?;
    let service = fields.get(&[
        "servicedesc",
        "servicename",
        "servicedescription",
        "service",
        "servicedisplayname",
    ]);
    let (key, shown) = match &service {
        Some(service) => (
            format!("{product}:service:{host}!{service}"),
            format!("{service} on {host}"),
        ),
        None => (format!("{product}:host:{host}"), host.clone().into_owned()),
    };
    let state = match &service {
        Some(_) => fields.word(&["servicestate", "state", "servicestateid"]),
        None => fields.word(&["hoststate", "state", "hoststateid"]),
    };
    let kind = fields.word(&["notificationtype", "type", "notification"]);
    let action = match kind.as_deref().and_then(by_type) {
        Some(Ok(action)) => action,
        Some(Err(reason)) => return Ok(ignored(Some(key), reason)),
        None => match state.as_deref().and_then(by_state) {
            Some(action) => action,
            None if kind.is_some() || state.is_some() => {
                return Ok(ignored(Some(key), "Neither its type nor its state is known."));
            }
            None => return Err(ParseError::new("notification_type", "is missing, and so is the state")),
        },
    };
    // A command that is called for everything may call a recovery a problem; the state knows better.
    let action = match (action, state.as_deref()) {
        (Action::Trigger, Some("ok" | "up")) => Action::Resolve,
        (action, _) => action,
    };
    let display = state
        .as_deref()
        .map(|state| format!(" is {}", state.to_uppercase()))
        .unwrap_or_default();
    let output = fields.get(&["serviceoutput", "hostoutput", "output", "message", "additionalinfo"]);
    let line = output.as_deref().and_then(|output| output.lines().next());
    let summary = match line {
        Some(line) => format!("{shown}{display}: {line}"),
        None => format!("{shown}{display}"),
    };
    let mut event = Event::new(action, key, severity(state.as_deref()), summary);
    event.description = text(&fields, output, &event.summary);
    event.source = short(Some(host));
    event.component = short(service.clone());
    event.group = short(fields.get(&["hostgroupname", "hostgroup", "hostgroups", "servicegroupname"]));
    event.class = Some(if service.is_some() { "service" } else { "host" }.to_owned());
    let time = fields.get(&["timet", "timestamp", "time", "datetime", "longdatetime"]);
    event.occurred_at = time.and_then(|time| when::read(&Value::String(time.into_owned())));
    for (names, text) in [
        (&["serviceurl", "hosturl", "url", "link"][..], "Monitoring"),
        (&["servicenotesurl", "hostnotesurl", "notesurl"], "Notes"),
        (&["serviceactionurl", "hostactionurl", "actionurl"], "Action"),
    ] {
        link::add(&mut event, fields.get(names).as_deref(), text);
    }
    drop(fields);
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The output in full, and what somebody wrote about it.
fn text(fields: &Loose<'_>, output: Option<Cow<'_, str>>, summary: &str) -> Option<String> {
    let long = fields.get(&["longserviceoutput", "longhostoutput", "longoutput"]);
    let author = fields.get(&["notificationauthor", "notificationauthorname", "ackauthor", "author"]);
    let comment = fields.get(&["notificationcomment", "ackdata", "comment"]);
    let said = comment.map(|comment| match author {
        Some(author) => format!("{author}: {comment}"),
        None => comment.into_owned(),
    });
    // Both products write line breaks of the output as \n.
    let parts: Vec<String> = [output.map(Cow::into_owned), long.map(Cow::into_owned), said]
        .into_iter()
        .flatten()
        .collect();
    description(Some(Cow::Owned(parts.join("\n").replace("\\n", "\n"))), summary)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(kind: Value, state: Value) -> Result<Normalised, ParseError> {
        read(
            "nagios",
            json!({"notification_type": kind, "host_name": "Web-01", "service_desc": "HTTP", "service_state": state}),
        )
    }

    #[test]
    fn types_are_known_in_both_spellings() {
        for (kind, action) in [
            ("PROBLEM", Action::Trigger),
            ("Problem", Action::Trigger),
            ("RECOVERY", Action::Resolve),
            ("ACKNOWLEDGEMENT", Action::Acknowledge),
            ("Acknowledgement", Action::Acknowledge),
        ] {
            let Ok(Normalised::Event(event)) = outcome(json!(kind), json!("CRITICAL")) else {
                panic!("{kind}")
            };
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (action, "nagios:service:Web-01!HTTP"),
                "{kind}"
            );
        }
        for kind in [
            "FLAPPINGSTART",
            "FlappingEnd",
            "DOWNTIMESTART",
            "DowntimeRemoved",
            "DOWNTIMECANCELLED",
            "CUSTOM",
        ] {
            let outcome = outcome(json!(kind), json!("CRITICAL"));
            assert!(
                matches!(outcome, Ok(Normalised::Ignored { dedup_key: Some(_), .. })),
                "{kind}"
            );
        }
    }

    #[test]
    fn states_speak_where_types_do_not() {
        for (kind, state, action) in [
            (json!(null), json!("WARNING"), Action::Trigger),
            (json!("$NOTIFICATIONTYPE$"), json!("OK"), Action::Resolve),
            (json!("PROBLEM"), json!("OK"), Action::Resolve),
            (json!("PROBLEM"), json!("$SERVICESTATE$"), Action::Trigger),
            (json!(""), json!(2), Action::Trigger),
        ] {
            let Ok(Normalised::Event(event)) = outcome(kind.clone(), state.clone()) else {
                panic!("{kind} {state}")
            };
            assert_eq!(event.action, action, "{kind} {state}");
        }
        assert!(matches!(
            outcome(json!("odd"), json!("odd")),
            Ok(Normalised::Ignored { .. })
        ));
        assert_eq!(
            outcome(json!(null), json!(null)).map_err(|error| error.field),
            Err("notification_type".into())
        );
    }

    #[test]
    fn hosts_and_services_are_two_things_and_case_counts() {
        let key = |body: Value| match read("icinga", body).expect("an event") {
            Normalised::Event(event) => event.dedup_key,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        };
        let host = json!({"NAGIOS_HOSTNAME": "db", "NAGIOS_HOSTSTATE": "DOWN", "NAGIOS_SERVICEDESC": "$SERVICEDESC$"});
        assert_eq!(key(host), "icinga:host:db");
        assert_eq!(key(json!({"host": "DB", "state": "DOWN"})), "icinga:host:DB");
        assert_eq!(
            key(json!({"host": {"name": "db"}, "service": {"name": "x", "state": "OK"}})),
            "icinga:service:db!x"
        );
        let long = "x".repeat(300);
        let a = key(json!({"host": long, "service": "a", "state": "OK"}));
        let b = key(json!({"host": long, "service": "b", "state": "OK"}));
        assert_ne!(a, b);
    }

    #[test]
    fn states_have_severities() {
        for (state, severity) in [
            ("CRITICAL", Severity::Critical),
            ("WARNING", Severity::Warning),
            ("UNKNOWN", Severity::Warning),
            ("DOWN", Severity::Critical),
            ("UNREACHABLE", Severity::Warning),
        ] {
            let Ok(Normalised::Event(event)) = outcome(json!("PROBLEM"), json!(state)) else {
                panic!("{state}")
            };
            assert_eq!(event.severity, severity, "{state}");
        }
    }
}
