//! Sentry: webhooks of its integration platform, and those of the legacy webhooks plugin.
//!
//! Everything about an issue has the issue's id as its key, so that an alert rule, the issue itself and the plugin fall
//! on one incident. Facts are from docs.sentry.io/integrations/integration-platform/webhooks (headers, the signature, and
//! a page for each resource). A signature is over the very bytes: a proxy that writes the JSON anew breaks it.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    ParseError, Request, Source, header_delivery_id, json, link,
    mapping::FieldMapping,
    normalise::{self, ignored},
    setup::{Sample, Setup, Snippet},
    signature::{self, SignatureError, SignatureSupport},
    template::{Fields, Style},
    when,
};

const SIGNATURE_HEADER: &str = "sentry-hook-signature";

/// Sentry.
#[derive(Debug)]
pub(crate) struct Sentry;

impl Source for Sentry {
    fn slug(&self) -> &'static str {
        "sentry"
    }

    fn type_name(&self) -> &'static str {
        "SENTRY"
    }

    fn title(&self) -> &'static str {
        "Sentry"
    }

    fn tagline(&self) -> &'static str {
        "Issues, issue alerts and metric alerts of Sentry"
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let resource = request.header("sentry-hook-resource").map(str::to_ascii_lowercase);
        // The time is not signed, but it is the vendor's own, and ordering is all that it is used for.
        let sent_at = request
            .header("sentry-hook-timestamp")
            .and_then(|time| when::read(&Value::from(time)));
        normalise::each(json::parse(request.body)?, |body| {
            hook(body, resource.as_deref(), sent_at)
        })
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Vendor {
            header: "Sentry-Hook-Signature",
            note: "Sentry signs the body with the client secret of the internal integration. Copy it from there and set it \
                   here. The legacy webhooks plugin cannot sign.",
        }
    }

    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        if request.header(SIGNATURE_HEADER).is_none() {
            return signature::verify_generic(request, secret, now);
        }
        signature::verify_hex(request, &[SIGNATURE_HEADER], None, secret, now)
    }

    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(request, &["request-id", "webhook-id", "idempotency-key"])
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Sentry, open Settings, then Custom Integrations, and create an internal integration named OpsKnight.",
                "Paste the URL below as its webhook URL and switch Alert Rule Action on.",
                "Give it read access to issues and events, and under Webhooks choose issue, so that incidents close when an \
                 issue is resolved.",
                "Optional, and recommended: copy the client secret of the integration and set it here as the secret.",
                "In your alert rules, add the action: send a notification via OpsKnight.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.sentry.io/integrations/integration-platform/webhooks/"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        let mut sample = Sample::json(&json!({
            "action": "triggered",
            "actor": {"id": "sentry", "name": "Sentry", "type": "application"},
            "data": {
                "event": {
                    "event_id": "00000000000000000000000000000000",
                    "issue_id": "opsknight-test",
                    "title": "Test alert from Sentry",
                    "message": "Somebody is trying out this integration. Nothing is wrong.",
                    "level": "info",
                    "platform": "other",
                    "datetime": now.to_string(),
                    "web_url": "https://sentry.io/",
                    "tags": [["level", "info"], ["sample_event", "yes"]]
                },
                "triggered_rule": "OpsKnight"
            },
            "installation": {"uuid": "00000000-0000-4000-8000-000000000000"}
        }));
        sample.headers.push(("sentry-hook-resource", "event_alert".into()));
        sample
    }
}

/// Sentry needs nothing but the address.
const SNIPPETS: &[Snippet] = &[Snippet {
    name: "Webhook URL",
    language: "text",
    template: "{url}",
}];

/// One webhook, by the resource that its header names, or that its data shows.
fn hook(body: Value, resource: Option<&str>, sent_at: Option<Timestamp>) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::None);
    let data = fields.within("data");
    let shown = ["metric_alert", "event", "issue", "comment", "error", "installation"];
    let resource = match resource {
        Some(resource) => resource,
        None => match shown.into_iter().find(|name| data.get(name).is_some()) {
            Some("event") => "event_alert",
            Some(name) => name,
            None if fields.get("data").is_none() && fields.text("id").is_some() => "plugin",
            None => return Err(ParseError::new("data", "names no issue, event or metric alert")),
        },
    };
    match resource {
        "issue" | "activity_alert" => issue(fields, sent_at),
        "event_alert" => event_alert(fields),
        "metric_alert" => metric_alert(fields, sent_at),
        "plugin" => plugin(fields),
        other => Ok(ignored(None, format!("Sentry's {other} webhooks are about no alert."))),
    }
    .map(|outcome| match outcome {
        Normalised::Event(mut event) => {
            event.details = body;
            Normalised::Event(event)
        }
        ignored @ Normalised::Ignored { .. } => ignored,
    })
}

/// What became of an issue.
fn issue(fields: Fields<'_>, sent_at: Option<Timestamp>) -> Result<Normalised, ParseError> {
    let issue = fields.within("data").within("issue");
    let id = issue
        .text("id")
        .ok_or_else(|| ParseError::new("data.issue.id", "is missing"))?;
    let key = format!("sentry:issue:{id}");
    let word = fields.text("action").unwrap_or_default().to_ascii_lowercase();
    let action = match word.as_str() {
        "created" | "triggered" => Action::Trigger,
        // After a week, Sentry itself calls a new issue an ongoing one: nothing happened.
        "unresolved" if issue.text("substatus").as_deref() == Some("ongoing") => {
            return Ok(ignored(Some(key), "The issue goes on as before."));
        }
        "unresolved" => Action::Trigger,
        "resolved" | "archived" | "ignored" => Action::Resolve,
        // A person took it. Sentry's own assignments by ownership rules say nothing about anybody having seen it.
        "assigned" if fields.within("actor").text("type").as_deref() == Some("user") => Action::Acknowledge,
        "assigned" => {
            return Ok(ignored(
                Some(key),
                "The issue was assigned by a rule and not by a person.",
            ));
        }
        other => {
            return Ok(ignored(
                Some(key),
                format!("The issue is neither opened nor closed by {other}."),
            ));
        }
    };
    let title = issue
        .first(&["title", "culprit"])
        .unwrap_or_else(|| Cow::Owned(format!("Sentry issue {id}")));
    let mut event = Event::new(action, key, level(issue.text("level").as_deref()), &*title);
    event.description = normalise::description(note(issue, &word), &event.summary);
    event.source = normalise::short(issue.within("project").first(&["slug", "name"]));
    event.component = normalise::short(issue.text("culprit"));
    event.class = normalise::short(issue.first(&["shortId", "type"]));
    event.occurred_at = match word.as_str() {
        "created" => issue.time(&["firstSeen"]).or(sent_at),
        _ => sent_at,
    };
    link::add(&mut event, issue.first(&["web_url", "permalink"]).as_deref(), "Issue");
    Ok(Normalised::Event(Box::new(event)))
}

/// What is worth knowing about how an issue ended.
fn note<'v>(issue: Fields<'v>, word: &str) -> Option<Cow<'v, str>> {
    match word {
        "resolved" if issue.within("statusDetails").is_true("inNextRelease") => Some(Cow::Borrowed(
            "Resolved in the next release: it may come again until then.",
        )),
        "archived" | "ignored" => Some(Cow::Borrowed("Archived in Sentry.")),
        _ => issue.within("metadata").text("value"),
    }
}

/// An issue alert: the rule that was triggered, and the event that did it.
fn event_alert(fields: Fields<'_>) -> Result<Normalised, ParseError> {
    let data = fields.within("data");
    let event = data.within("event");
    let id = event
        .first(&["issue_id", "group_id", "groupID"])
        .or_else(|| {
            ["issue_url", "web_url"]
                .iter()
                .find_map(|name| issue_in_address(&event.text(name)?).map(Cow::Owned))
        })
        .ok_or_else(|| ParseError::new("data.event.issue_id", "is missing"))?;
    let mut made = of_event(event, format!("sentry:issue:{id}"), None);
    let rule = data
        .text("triggered_rule")
        .or_else(|| data.within("issue_alert").text("title"));
    made.class = normalise::short(rule);
    // The event only has the project's number, its address in the API has the name.
    let project = event
        .text("url")
        .and_then(|url| project_in_address(&url).map(Cow::Owned));
    made.source = normalise::short(project.or_else(|| event.first(&["project_slug", "project_name", "project"])));
    link::add(&mut made, event.first(&["web_url", "url"]).as_deref(), "Event");
    Ok(Normalised::Event(Box::new(made)))
}

/// The webhooks plugin, which sends the issue and the event that raised the alert, and never an end.
fn plugin(fields: Fields<'_>) -> Result<Normalised, ParseError> {
    let id = fields.text("id").ok_or_else(|| ParseError::new("id", "is missing"))?;
    let mut made = of_event(fields.within("event"), format!("sentry:issue:{id}"), Some(fields));
    made.source = normalise::short(fields.first(&["project_slug", "project_name", "project"]));
    made.class = normalise::short(fields.line("triggering_rules"));
    link::add(&mut made, fields.text("url").as_deref(), "Issue");
    Ok(Normalised::Event(Box::new(made)))
}

/// A trigger of an event, which may be described once more around it.
fn of_event(event: Fields<'_>, key: String, around: Option<Fields<'_>>) -> Event {
    let text = |name: &str| around.and_then(|around| around.text(name)).or_else(|| event.text(name));
    let title = event.text("title").or_else(|| event.within("metadata").text("title"));
    let summary = title.or_else(|| text("message")).or_else(|| text("culprit"));
    let summary = summary.unwrap_or(Cow::Borrowed("Sentry event"));
    let mut made = Event::new(
        Action::Trigger,
        key,
        level(text("level").as_deref()),
        normalise::first_line(&summary),
    );
    made.description = normalise::description(text("message"), &made.summary);
    made.component = normalise::short(text("culprit"));
    made.occurred_at = event.time(&["datetime", "timestamp", "received"]);
    if is_sample(event.get("tags")) {
        normalise::mark_test(&mut made);
    }
    made
}

/// Whether the event is the one that Sentry makes up to try things out.
fn is_sample(tags: Option<&Value>) -> bool {
    let tags = tags.and_then(Value::as_array);
    tags.into_iter().flatten().any(|tag| {
        let pair = |index: usize| tag.get(index).and_then(json::text);
        pair(0).as_deref() == Some("sample_event") && pair(1).as_deref() == Some("yes")
    })
}

/// A metric alert: what is wrong, or that it is over.
fn metric_alert(fields: Fields<'_>, sent_at: Option<Timestamp>) -> Result<Normalised, ParseError> {
    let data = fields.within("data");
    let alert = data.within("metric_alert");
    let id = alert
        .text("id")
        .ok_or_else(|| ParseError::new("data.metric_alert.id", "is missing"))?;
    let key = format!("sentry:metric:{id}");
    let (action, severity) = match fields.text("action").unwrap_or_default().to_ascii_lowercase().as_str() {
        "resolved" => (Action::Resolve, Severity::Warning),
        "warning" => (Action::Trigger, Severity::Warning),
        _ => (Action::Trigger, Severity::Critical),
    };
    let rule = alert.within("alert_rule").text("name");
    let title = data
        .text("description_title")
        .or_else(|| rule.clone())
        .or_else(|| alert.text("title"));
    let mut event = Event::new(action, key, severity, title.as_deref().unwrap_or("Sentry metric alert"));
    event.description = normalise::description(data.text("description_text"), &event.summary);
    event.source = normalise::short(alert.line("projects"));
    event.class = normalise::short(rule);
    event.occurred_at = match action {
        Action::Resolve => alert.time(&["date_closed"]).or(sent_at),
        Action::Trigger | Action::Acknowledge => {
            sent_at.or_else(|| alert.time(&["date_detected", "date_started", "date_created"]))
        }
    };
    link::add(&mut event, data.text("web_url").as_deref(), "Alert");
    Ok(Normalised::Event(Box::new(event)))
}

/// Sentry's levels. What has none is an error: that is what Sentry is for.
fn level(word: Option<&str>) -> Severity {
    word.and_then(Severity::from_vendor_word).unwrap_or(Severity::Error)
}

/// The issue's id in an address: `…/issues/<id>/…`.
fn issue_in_address(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("/issues/")?;
    let id = rest.split(['/', '?', '#']).next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// The project's name in an address of the API: `…/projects/<organisation>/<project>/…`.
fn project_in_address(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("/projects/")?;
    let project = rest.split(['/', '?', '#']).nth(1)?;
    (!project.is_empty()).then(|| project.to_owned())
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    use super::*;
    use crate::testing::{Call, event, only, parse, reason};

    fn issue_hook(action: &str, issue: Value) -> Value {
        let mut issue = issue;
        issue["id"] = json!("42");
        json!({"action": action, "actor": {"type": "user", "id": 1}, "data": {"issue": issue}})
    }

    #[test]
    fn what_becomes_of_an_issue() {
        for (action, expected) in [
            ("created", Action::Trigger),
            ("unresolved", Action::Trigger),
            ("resolved", Action::Resolve),
            ("archived", Action::Resolve),
            ("ignored", Action::Resolve),
            ("assigned", Action::Acknowledge),
        ] {
            let event = event(&Sentry, &issue_hook(action, json!({"title": "T", "level": "fatal"})));
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (expected, "sentry:issue:42"),
                "{action}"
            );
            assert_eq!(event.severity, Severity::Critical);
        }
        assert!(reason(&Sentry, &issue_hook("unresolved", json!({"substatus": "ongoing"}))).contains("as before"));
        assert_eq!(
            event(&Sentry, &issue_hook("unresolved", json!({"substatus": "regressed"}))).action,
            Action::Trigger
        );
        let mut by_rule = issue_hook("assigned", json!({}));
        by_rule["actor"]["type"] = json!("application");
        assert!(reason(&Sentry, &by_rule).contains("by a rule"));
        let later = issue_hook("resolved", json!({"statusDetails": {"inNextRelease": true}}));
        assert!(
            event(&Sentry, &later)
                .description
                .is_some_and(|text| text.contains("next release"))
        );
    }

    #[test]
    fn alerts_the_issue_and_the_plugin_converge() {
        let alert = json!({"action": "triggered", "data": {"event": {"issue_id": 42, "title": "T", "message": "", "level": "debug"}}});
        let plugin = json!({"project": 7, "id": "42", "message": null, "level": "error", "event": {"title": "T"}});
        let by_address =
            json!({"data": {"event": {"web_url": "https://x.example/organizations/o/issues/42/events/e/"}}});
        for body in [&alert, &plugin, &by_address] {
            assert_eq!(event(&Sentry, body).dedup_key, "sentry:issue:42", "{body}");
        }
        assert_eq!(
            (event(&Sentry, &alert).severity, event(&Sentry, &alert).summary.as_str()),
            (Severity::Info, "T")
        );
        assert_eq!(event(&Sentry, &plugin).source.as_deref(), Some("7"));
    }

    #[test]
    fn other_resources_are_ignored() {
        for resource in ["error", "comment", "installation", "seer"] {
            let call = Call {
                headers: &[("sentry-hook-resource", resource)],
                body: br#"{"action":"created","data":{"issue":{"id":"1"}}}"#,
                ..Call::default()
            };
            let all = call.parse(&Sentry).expect("an outcome");
            assert!(matches!(&all[..], [Normalised::Ignored { .. }]), "{resource}");
        }
        assert!(reason(&Sentry, &json!({"action": "created", "data": {"comment": "x"}})).contains("comment"));
        assert_eq!(
            parse(&Sentry, &json!({"a": 1})).map_err(|error| error.field),
            Err("data".into())
        );
    }

    #[test]
    fn headers() {
        let body = br#"{"action":"resolved","data":{"issue":{"id":"1"}}}"#;
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"secret").expect("any length");
        mac.update(body);
        let signature = hex::encode(mac.finalize().into_bytes());
        let headers = [
            (SIGNATURE_HEADER, signature.as_str()),
            ("sentry-hook-resource", "issue"),
            ("sentry-hook-timestamp", "1772442000"),
            ("request-id", "r-1"),
        ];
        let call = |body| Call {
            headers: &headers,
            body,
            ..Call::default()
        };
        assert_eq!(call(body).verify(&Sentry, "secret"), Ok(()));
        assert_eq!(call(body).verify(&Sentry, "other"), Err(SignatureError::Wrong));
        // A proxy that writes the JSON anew.
        let rewritten = br#"{"action": "resolved", "data": {"issue": {"id": "1"}}}"#;
        assert_eq!(call(rewritten).verify(&Sentry, "secret"), Err(SignatureError::Wrong));
        assert_eq!(Call::default().verify(&Sentry, "secret"), Err(SignatureError::Missing));
        assert_eq!(call(body).delivery_id(&Sentry).as_deref(), Some("r-1"));
        let event = only(call(body).parse(&Sentry).expect("an event"));
        assert_eq!(event.occurred_at.map(|time| time.as_second()), Some(1_772_442_000));
    }
}
