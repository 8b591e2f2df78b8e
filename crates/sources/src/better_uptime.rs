//! Better Stack's outgoing webhooks (once Better Uptime): incidents that start, are acknowledged and end.
//!
//! The resource is that of its API: `data` with `type`, `id` and `attributes`. Facts are from betterstack.com/docs/uptime,
//! "Outgoing webhooks" (incident, monitor and on-call hooks) and "Incidents API response parameters". The user may write
//! the body anew, so `event` may be missing; the times of the incident tell then.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    ParseError, Request, Source, input, link,
    mapping::FieldMapping,
    normalise::{self, ignored},
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    template::{Fields, Style},
};

/// Better Stack.
#[derive(Debug)]
pub(crate) struct BetterUptime;

impl Source for BetterUptime {
    fn slug(&self) -> &'static str {
        "better-uptime"
    }

    fn type_name(&self) -> &'static str {
        "BETTER_UPTIME"
    }

    fn title(&self) -> &'static str {
        "Better Stack / Better Uptime"
    }

    fn tagline(&self) -> &'static str {
        "Incidents of Better Stack's monitors and heartbeats"
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        normalise::each(input::read_template(request)?, incident)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Better Stack cannot sign its requests. Leave the secret empty, or require the integration key and give \
                   it in the webhook: as the password of basic authentication, or as the header X-Integration-Key.",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Better Stack, open Uptime, Integrations, then Exporting data, and configure Outgoing webhooks.",
                "Choose the type Incident and paste the URL below.",
                "Leave the body as it is, and keep all three events: started, acknowledged and resolved.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://betterstack.com/docs/uptime/webhooks/"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "event": "started",
            "data": {
                "id": "opsknight-test",
                "type": "incident",
                "attributes": {
                    "name": "Test alert from Better Stack",
                    "url": "https://test.example/",
                    "http_method": "get",
                    "cause": "Somebody is trying out this integration. Nothing is wrong.",
                    "started_at": now.to_string(),
                    "acknowledged_at": null,
                    "resolved_at": null,
                    "status": "Started",
                    "screenshot_url": null
                },
                "relationships": {"monitor": {"data": {"id": "1", "type": "monitor"}}}
            }
        }))
    }
}

/// Better Stack needs nothing but the address.
const SNIPPETS: &[Snippet] = &[Snippet {
    name: "Webhook URL",
    language: "text",
    template: "{url}",
}];

/// An incident and what became of it.
fn incident(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::Mustache);
    let data = fields.within("data");
    let kind = data.text("type");
    if let Some(kind) = kind.as_deref().filter(|kind| *kind != "incident") {
        return Ok(ignored(
            None,
            format!("It is about a {kind} itself, and not about an incident."),
        ));
    }
    let id = data
        .text("id")
        .ok_or_else(|| ParseError::new("data.id", "is missing"))?;
    let key = format!("better-uptime:{id}");
    let attributes = data.within("attributes");
    let word = fields
        .first(&["event", "event_type"])
        .map(|word| word.to_ascii_lowercase());
    let Some(action) = action(word.as_deref(), attributes) else {
        let word = word.unwrap_or_default();
        return Ok(ignored(
            Some(key),
            format!("The incident neither started nor ended: {word}."),
        ));
    };
    let cause = attributes.text("cause");
    let name = attributes.first(&["name", "url"]);
    let summary = match (name.as_deref(), cause.as_deref().map(normalise::first_line)) {
        (Some(name), Some(cause)) => format!("{name}: {cause}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => format!("Better Stack incident {id}"),
    };
    let relationships = fields.within("data").within("relationships");
    let has = |name: &str| relationships.within(name).get("data").is_some();
    // Something that is watched does not work. What people report themselves may be less than that.
    let is_watched = has("monitor")
        || has("heartbeat")
        || attributes.get("url").is_some()
        || attributes.get("heartbeat_id").is_some();
    let severity = if is_watched {
        Severity::Critical
    } else {
        Severity::Error
    };
    let mut event = Event::new(action, key, severity, summary);
    event.description = normalise::description(cause, &event.summary);
    event.source = normalise::short(attributes.first(&["url", "name"]));
    event.component = normalise::short(name);
    event.group = normalise::short(attributes.text("team_name"));
    event.class = Some(if has("heartbeat") { "heartbeat" } else { "incident" }.into());
    let times: &[&str] = match action {
        Action::Trigger => &["started_at"],
        Action::Acknowledge => &["acknowledged_at"],
        Action::Resolve => &["resolved_at"],
    };
    event.occurred_at = attributes.time(times);
    add_links(&mut event, attributes);
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// Where the incident and what is monitored can be seen.
fn add_links(event: &mut Event, attributes: Fields<'_>) {
    link::add(event, attributes.text("incident_url").as_deref(), "Incident");
    link::add(event, attributes.text("origin_url").as_deref(), "Where it was reported");
    link::add(event, attributes.text("url").as_deref(), "What is monitored");
    link::add(event, attributes.text("response_url").as_deref(), "Response");
    let page = event.links.first().map(|link| link.href.clone());
    link::add_image(
        event,
        attributes.text("screenshot_url").as_deref(),
        page.as_deref(),
        "Screenshot",
    );
}

/// What the event says, else what the times and the status say. None: it says something else.
fn action(word: Option<&str>, attributes: Fields<'_>) -> Option<Action> {
    let known = |word: &str| {
        // "incident.started", "incident_started", "Incident started"
        let last = word.rsplit(|c: char| !c.is_alphanumeric()).next()?.to_ascii_lowercase();
        match last.as_str() {
            "started" | "created" | "opened" | "triggered" | "reopened" => Some(Action::Trigger),
            "acknowledged" => Some(Action::Acknowledge),
            "resolved" | "closed" => Some(Action::Resolve),
            _ => None,
        }
    };
    if let Some(word) = word {
        return known(word);
    }
    if attributes.text("resolved_at").is_some() {
        return Some(Action::Resolve);
    }
    if attributes.text("acknowledged_at").is_some() {
        return Some(Action::Acknowledge);
    }
    let status: Option<Cow<'_, str>> = attributes.text("status");
    Some(status.and_then(|status| known(&status)).unwrap_or(Action::Trigger))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, parse, reason};

    fn body(word: Value, attributes: Value) -> Value {
        json!({"event": word, "data": {"id": 25, "type": "incident", "attributes": attributes}})
    }

    #[test]
    fn the_event_tells_and_else_the_times() {
        for (word, attributes, action) in [
            (json!("started"), json!({}), Action::Trigger),
            (json!("incident.started"), json!({}), Action::Trigger),
            (json!("acknowledged"), json!({}), Action::Acknowledge),
            (json!("resolved"), json!({}), Action::Resolve),
            // An acknowledgement that comes late stays one: nothing is open that it could touch.
            (
                json!("acknowledged"),
                json!({"resolved_at": "2026-03-02T09:10:00Z"}),
                Action::Acknowledge,
            ),
            (
                json!(null),
                json!({"resolved_at": "2026-03-02T09:10:00Z", "acknowledged_at": "2026-03-02T09:05:00Z"}),
                Action::Resolve,
            ),
            (
                json!(null),
                json!({"acknowledged_at": "2026-03-02T09:05:00Z"}),
                Action::Acknowledge,
            ),
            (json!(null), json!({"status": "Resolved"}), Action::Resolve),
            (json!(null), json!({}), Action::Trigger),
        ] {
            let event = event(&BetterUptime, &body(word.clone(), attributes));
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (action, "better-uptime:25"),
                "{word}"
            );
        }
    }

    #[test]
    fn what_is_about_no_incident_is_ignored() {
        let paused =
            json!({"event": "paused", "data": {"id": "2", "type": "monitor", "attributes": {"status": "paused"}}});
        assert!(reason(&BetterUptime, &paused).contains("monitor"));
        assert!(reason(&BetterUptime, &json!({"data": {"id": "2", "type": "on_call_calendar"}})).contains("on_call"));
        assert!(reason(&BetterUptime, &body(json!("commented"), json!({}))).contains("commented"));
        assert_eq!(
            parse(&BetterUptime, &json!({"event": "started"})).map_err(|error| error.field),
            Err("data.id".into())
        );
    }

    #[test]
    fn heartbeats_have_no_address() {
        let beat = json!({"data": {"id": 3, "type": "incident", "attributes": {"name": "Backup", "url": null, "cause": "Missed heartbeat"}, "relationships": {"heartbeat": {"data": {"id": "9", "type": "heartbeat"}}}}});
        let event = event(&BetterUptime, &beat);
        assert_eq!(
            (event.severity, event.summary.as_str(), event.links.len()),
            (Severity::Critical, "Backup: Missed heartbeat", 0)
        );
    }
}
