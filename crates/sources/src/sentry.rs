//! Sentry: webhooks of its integration platform, and those of the legacy webhooks plugin.
//!
//! Everything about an issue has the issue's id as its key, so that an alert rule, the issue itself and the plugin fall
//! on one incident. Facts are from docs.sentry.io/integrations/integration-platform/webhooks (headers, the signature, and
//! a page for each resource) and from getsentry/sentry: `app_platform_event.py` (the signature is over the very bytes, so a
//! proxy that writes the JSON anew breaks it), `notify_event_service.py` and `incident.py` (metric alerts), and the plugin.
//!
//! No message is put in order by its time. `Sentry-Hook-Timestamp` is not signed and is the time of sending, issues and
//! events have times of different clocks, and `date_closed` of a metric alert is cut to the minute, so that an alert that
//! ends within the minute in which it began would seem to end before.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    header_delivery_id, json, link,
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

    fn category(&self) -> Category {
        Category::Monitoring
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

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "Webhooks of an integration of the integration platform, told apart by `Sentry-Hook-Resource`: `event_alert` \
                 (issue alerts), `metric_alert`, `issue` and `activity_alert`",
                "The legacy webhooks plugin",
            ],
            triggers: "Issue alerts, the plugin, metric alerts that are `critical` or `warning`, and issues that are \
                       `created`, or `unresolved` because they regressed, escalated or were reopened by a person",
            acknowledges: "An issue that a person assigned",
            resolves: "Issues that are `resolved`, `archived` or `ignored`, and metric alerts that are `resolved`",
            ignores: "Issues that go on as before, assignments by rules, Seer's progress, errors, comments and installations",
            tests: "The sample event by which Sentry tries an alert out (the tag `sample_event`)",
            severity: "The level: `fatal` is critical, `error` error, `warning` a warning, `info` and `debug` info; an error \
                       where there is none. Metric alerts are critical or a warning as they say themselves",
            key: "`sentry:issue:` and the issue's id; `sentry:metric:` and the id of the metric alert's incident",
            ordered_by: "",
            delivery: "`Request-ID`",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Sentry, open Settings, then Custom Integrations, and create an internal integration named OpsKnight.",
                "Paste the URL below as its webhook URL and switch Alert Rule Action on.",
                "Give it read access to issues and events, and under Webhooks choose issue, so that incidents close when an \
                 issue is resolved. Every new issue then opens an incident as well, whether or not an alert is about it.",
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
    let data = data(fields);
    let shown = [
        "metric_alert",
        "activity",
        "event",
        "issue",
        "comment",
        "error",
        "installation",
    ];
    let resource = match resource {
        Some(resource) => resource,
        None if fields.get("data").is_none() && fields.text("id").is_some() => "plugin",
        None => match shown.into_iter().find(|name| data.get(name).is_some()) {
            Some("event") => "event_alert",
            Some("activity") => "activity_alert",
            Some(name) => name,
            None => return Err(ParseError::new("data", "names no issue, event or metric alert")),
        },
    };
    match resource {
        "issue" => {
            let word = fields.text("action").unwrap_or_default().to_ascii_lowercase();
            issue(fields, &word, sent_at)
        }
        "activity_alert" => activity_alert(fields, sent_at),
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

/// What the webhook is about; where somebody between Sentry and us took it out of its envelope, all that there is.
fn data(fields: Fields<'_>) -> Fields<'_> {
    if fields.get("data").is_some_and(Value::is_object) {
        fields.within("data")
    } else {
        fields
    }
}

/// An alert on the activity of an issue: today that is the progress of Seer, which says nothing about whether the issue is
/// there. What says it has the words of the issue's own webhooks.
fn activity_alert(fields: Fields<'_>, sent_at: Option<Timestamp>) -> Result<Normalised, ParseError> {
    let kind = data(fields).within("activity").text("type").unwrap_or_default();
    let kind = kind.to_ascii_lowercase();
    match kind.strip_prefix("set_").unwrap_or(&kind) {
        "" => issue(fields, "triggered", sent_at),
        "regression" | "escalating" | "unresolved" => issue(fields, "triggered", sent_at),
        "resolved" => issue(fields, "resolved", sent_at),
        _ => Ok(ignored(
            None,
            format!("It tells of {kind} on an issue, which neither opens nor closes it."),
        )),
    }
}

/// What became of an issue, by the word of the webhook.
fn issue(fields: Fields<'_>, word: &str, sent_at: Option<Timestamp>) -> Result<Normalised, ParseError> {
    let issue = data(fields).within("issue");
    let id = issue
        .text("id")
        .ok_or_else(|| ParseError::new("data.issue.id", "is missing"))?;
    let key = format!("sentry:issue:{id}");
    let by_person = fields.within("actor").text("type").as_deref() == Some("user");
    let action = match word {
        "created" | "triggered" => Action::Trigger,
        // After a week, Sentry itself calls a new issue an ongoing one: nothing happened. An issue that a person reopens or
        // takes out of the archive is an ongoing one as well.
        "unresolved" if !by_person && issue.text("substatus").as_deref() == Some("ongoing") => {
            return Ok(ignored(Some(key), "The issue goes on as before."));
        }
        "unresolved" => Action::Trigger,
        "resolved" | "archived" | "ignored" => Action::Resolve,
        // A person took it. Sentry's own assignments by ownership rules say nothing about anybody having seen it.
        "assigned" if by_person => Action::Acknowledge,
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
    event.description = normalise::description(note(issue, word), &event.summary);
    event.source = normalise::short(issue.within("project").first(&["slug", "name"]));
    event.component = normalise::short(issue.text("culprit"));
    event.class = normalise::short(issue.first(&["shortId", "type"]));
    event.occurred_at = match word {
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
    let data = data(fields);
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
    let data = data(fields);
    let alert = data.within("metric_alert");
    let id = alert
        .text("id")
        .ok_or_else(|| ParseError::new("data.metric_alert.id", "is missing"))?;
    let key = format!("sentry:metric:{id}");
    let (action, severity) = match fields.text("action").unwrap_or_default().to_ascii_lowercase().as_str() {
        "resolved" | "closed" => (Action::Resolve, Severity::Warning),
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
mod tests;
