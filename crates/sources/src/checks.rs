//! What Nagios and Icinga have in common: notifications of hosts and their services, sent by commands that people write.
//!
//! A host, or a service on a host, is one thing with one key, whatever state it is in. Only an acknowledgement
//! acknowledges; flapping, downtimes and notifications by hand are notes in the monitoring and mean nothing here. Facts
//! are from assets.nagios.com/downloads/nagioscore/docs, "Standard Macros in Nagios" (`$NOTIFICATIONTYPE$`);
//! icinga.com/docs/icinga-2, "Monitoring Basics", "Language Reference" and "Icinga 2 API" (types of notifications and of
//! events, states as numbers); docs.checkmk.com, "Notifications" (`NOTIFY_` variables); and icinga.com/docs/
//! icinga-notifications, "Channels" (objects with tags, severities of incidents).

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::Value;

use crate::{
    ParseError,
    guide::Facts,
    link,
    loose::Loose,
    normalise::{description, ignored, short},
    when,
};

/// Parts of names that say nothing: the environment of Nagios (`NAGIOS_HOSTNAME`), of older Icinga and of Checkmk.
const PREFIXES: &[&str] = &["nagios", "icinga2", "icinga", "notify"];

/// The names of a host, the best first.
const HOST: &[&str] = &[
    "hostname",
    "host",
    "hostalias",
    "hostdisplayname",
    "objecttagshost",
    "objectname",
];

/// The names of a service, the best first.
const SERVICE: &[&str] = &[
    "servicedesc",
    "servicename",
    "servicedescription",
    "service",
    "servicedisplayname",
    "objecttagsservice",
];

/// Where it says what the check said.
const OUTPUT: &[&str] = &[
    "serviceoutput",
    "hostoutput",
    "output",
    "checkresultoutput",
    "eventmessage",
    "message",
    "additionalinfo",
];

/// Where links stand, and what they are called.
const LINKS: &[(&[&str], &str)] = &[
    (&["serviceurl", "hosturl", "url", "link", "objecturl"], "Monitoring"),
    (&["incidenturl"], "Incident"),
    (&["servicenotesurl", "hostnotesurl", "notesurl"], "Notes"),
    (&["serviceactionurl", "hostactionurl", "actionurl"], "Action"),
];

/// Times of whatever kind, to be shown.
const TIME: &[&str] = &[
    "timet",
    "timestamp",
    "time",
    "datetime",
    "longdatetime",
    "eventtime",
    "microtime",
];

/// Times that are surely those of a notification: our own commands send `notified_at`, the time at which the monitoring
/// made the notification, which a later attempt to send it does not change.
const NOTIFIED_AT: &[&str] = &["notifiedat"];

/// What becomes of notifications of either product; each adds its forms and its key.
pub(crate) const FACTS: Facts = Facts {
    triggers: "`PROBLEM`; without a type that is known, a hard state that is not `OK` or `UP`",
    acknowledges: "`ACKNOWLEDGEMENT`",
    resolves: "`RECOVERY`; a `PROBLEM` whose state is `OK` or `UP`; without a type that is known, such a state",
    ignores: "flapping, downtimes, comments, notifications by hand, acknowledgements that are taken back, soft states",
    severity: "critical for `CRITICAL` and `DOWN`, warning for `WARNING`, `UNKNOWN` and `UNREACHABLE`, else error",
    ordered_by: "`notified_at`, which the commands of the set-up send",
    forms: &[],
    tests: "",
    key: "",
    delivery: "",
};

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
        "acknowledgement" | "acknowledgementset" => Ok(Action::Acknowledge),
        "acknowledgementcleared" => Err("An acknowledgement was taken back."),
        "custom" => Err("Somebody sent a notification by hand."),
        "mute" | "unmute" | "incidentage" => Err("It says nothing about the state."),
        other if other.starts_with("flapping") => Err("It changes its state all the time, or has stopped doing so."),
        other if other.starts_with("downtime") => Err("A planned downtime begins or ends."),
        other if other.starts_with("comment") => Err("Somebody wrote a comment."),
        // Checkmk's "ALERTHANDLER (OK)": how a handler of an alert ended.
        other if other.starts_with("alerthandler") => Err("An alert handler has run."),
        _ => return None,
    })
}

/// A state in small letters, whether it came as a word or as a number: `2` of a service, `1.0` of a host.
fn state(fields: &Loose<'_>, is_service: bool) -> Option<Cow<'static, str>> {
    let state = if is_service {
        fields.word(&["servicestate", "state", "servicestateid", "stateid", "checkresultstate"])
    } else {
        fields.word(&["hoststate", "state", "hoststateid", "stateid", "checkresultstate"])
    };
    let state = state.or_else(|| fields.word(&["incidentseverity"]))?;
    let number = state.strip_suffix(".0").unwrap_or(&state);
    Some(Cow::Borrowed(match (number, is_service) {
        ("0", true) => "ok",
        ("1", true) => "warning",
        ("2", true) => "critical",
        ("3", true) => "unknown",
        ("0", false) => "up",
        ("1", false) => "down",
        ("2", false) => "unreachable",
        _ => return Some(Cow::Owned(state)),
    }))
}

/// What a state says, where there is no type that is known.
fn by_state(state: &str) -> Option<Action> {
    match state {
        "ok" | "up" | "recovered" => Some(Action::Resolve),
        "warning" | "critical" | "unknown" | "down" | "unreachable" | "warn" | "unreach" | "emerg" | "alert"
        | "crit" | "err" | "notice" | "info" | "debug" => Some(Action::Trigger),
        _ => None,
    }
}

fn severity(state: Option<&str>) -> Severity {
    match state {
        Some("critical" | "down" | "emerg" | "alert" | "crit") => Severity::Critical,
        // Unreachable means that what lies before it is down, which has a notification of its own.
        Some("warning" | "unknown" | "unreachable" | "warn" | "unreach") => Severity::Warning,
        Some("notice" | "info" | "debug") => Severity::Info,
        _ => Severity::Error,
    }
}

/// Whether it tells of a check that is still tried again. Notifications never do; what people send from event handlers
/// and from the stream of events may.
fn is_soft(fields: &Loose<'_>) -> bool {
    let kind = fields.word(&["servicestatetype", "hoststatetype", "statetype"]);
    matches!(kind.as_deref(), Some("soft" | "0" | "0.0"))
}

/// What is to be done, or why nothing is.
fn action(fields: &Loose<'_>, state: Option<&str>) -> Result<Result<Action, &'static str>, ParseError> {
    let kind = fields.word(&["notificationtype", "eventtype", "type", "notification"]);
    let action = match (kind.as_deref().and_then(by_type), state.and_then(by_state)) {
        (Some(Err(reason)), _) => return Ok(Err(reason)),
        // A command that is called for everything may call a recovery a problem; the state knows better.
        (Some(Ok(Action::Trigger)), Some(Action::Resolve)) => Action::Resolve,
        (Some(Ok(action)), _) => action,
        (None, Some(_)) if is_soft(fields) => return Ok(Err("Its state is soft: the check is tried again.")),
        (None, Some(action)) => action,
        (None, None) if kind.is_some() || state.is_some() => {
            return Ok(Err("Neither its type nor its state is known."));
        }
        (None, None) => return Err(ParseError::new("notification_type", "is missing, and so is the state")),
    };
    Ok(Ok(action))
}

/// Reads one notification; `product` is the prefix of its key.
pub(crate) fn read(product: &str, body: Value) -> Result<Normalised, ParseError> {
    let fields = Loose::new(&body, PREFIXES, is_unfilled);
    let host = fields.get(HOST);
    let host = host.ok_or_else(|| ParseError::new("host_name", "is missing"))?;
    let service = fields.get(SERVICE);
    let (key, shown) = match &service {
        Some(service) => (
            format!("{product}:service:{host}!{service}"),
            format!("{service} on {host}"),
        ),
        None => (format!("{product}:host:{host}"), host.clone().into_owned()),
    };
    let state = state(&fields, service.is_some());
    let action = match action(&fields, state.as_deref())? {
        Ok(action) => action,
        Err(reason) => return Ok(ignored(Some(key), reason)),
    };
    let display = state
        .as_deref()
        .map(|state| format!(" is {}", state.to_uppercase()))
        .unwrap_or_default();
    let output = fields.get(OUTPUT);
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
    event.changed_at = time(&fields, NOTIFIED_AT);
    event.occurred_at = event.changed_at.or_else(|| time(&fields, TIME));
    for (names, text) in LINKS {
        link::add(&mut event, fields.get(names).as_deref(), text);
    }
    drop(fields);
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

fn time(fields: &Loose<'_>, names: &[&str]) -> Option<Timestamp> {
    let time = fields.get(names)?;
    when::read(&Value::String(time.into_owned()))
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
            (json!("CRITICAL"), Severity::Critical),
            (json!("WARNING"), Severity::Warning),
            (json!("UNKNOWN"), Severity::Warning),
            (json!("DOWN"), Severity::Critical),
            (json!("UNREACHABLE"), Severity::Warning),
            (json!(2), Severity::Critical),
            (json!(1.0), Severity::Warning),
            (json!("3"), Severity::Warning),
        ] {
            let Ok(Normalised::Event(event)) = outcome(json!("PROBLEM"), state.clone()) else {
                panic!("{state}")
            };
            assert_eq!(event.severity, severity, "{state}");
        }
    }

    #[test]
    fn a_number_means_another_state_for_a_host() {
        for (state, expected) in [(0, "web is UP"), (1, "web is DOWN"), (2, "web is UNREACHABLE")] {
            let body = json!({"notification_type": "PROBLEM", "host_name": "web", "host_state_id": state});
            let Ok(Normalised::Event(event)) = read("nagios", body) else {
                panic!("{state}")
            };
            assert_eq!(event.summary, expected);
            assert_eq!(event.action == Action::Resolve, state == 0, "{state}");
            assert_eq!(event.severity == Severity::Critical, state == 1, "{state}");
        }
    }

    #[test]
    fn streams_tell_soft_states_from_hard_ones() {
        let of = |kind: &str, state_type: f64| {
            let body = json!({
                "type": kind, "host": "web", "service": "HTTP", "state": 2.0, "state_type": state_type,
                "check_result": {"output": "refused", "state": 2.0}
            });
            read("icinga", body).expect("an outcome")
        };
        let Normalised::Event(hard) = of("StateChange", 1.0) else {
            panic!("a hard state is an alert")
        };
        assert_eq!(hard.summary, "HTTP on web is CRITICAL: refused");
        for (kind, state_type) in [
            ("StateChange", 0.0),
            ("AcknowledgementCleared", 1.0),
            ("DowntimeTriggered", 1.0),
            ("CommentAdded", 1.0),
            ("ALERTHANDLER (OK)", 1.0),
        ] {
            assert!(matches!(of(kind, state_type), Normalised::Ignored { .. }), "{kind}");
        }
    }

    #[test]
    fn checkmk_writes_names_of_its_own() {
        let body = json!({
            "NOTIFY_WHAT": "SERVICE", "NOTIFY_HOSTNAME": "db", "NOTIFY_SERVICEDESC": "CPU load", "NOTIFY_SERVICESTATE": "CRIT",
            "NOTIFY_NOTIFICATIONTYPE": "PROBLEM", "NOTIFY_SERVICEOUTPUT": "15 min load 9.1", "NOTIFY_MICROTIME": "1772439000000000"
        });
        let Ok(Normalised::Event(event)) = read("nagios", body) else {
            panic!("an event")
        };
        assert_eq!(
            (event.dedup_key.as_str(), event.severity),
            ("nagios:service:db!CPU load", Severity::Critical)
        );
        assert_eq!(event.occurred_at.map(|time| time.as_second()), Some(1_772_439_000));
    }

    #[test]
    fn only_our_own_commands_say_in_which_order_things_came() {
        let time = |name: &str| {
            let mut body = json!({"notification_type": "PROBLEM", "host_name": "web", "host_state": "DOWN"});
            body[name] = json!("1772439000");
            match read("nagios", body) {
                Ok(Normalised::Event(event)) => (event.occurred_at.is_some(), event.changed_at.is_some()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!([time("timestamp"), time("notified_at")], [(true, false), (true, true)]);
    }
}
