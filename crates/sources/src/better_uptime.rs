//! Better Stack's outgoing webhooks (once Better Uptime): incidents that start, are acknowledged, end and are reopened.
//!
//! The resource is that of its API: `data` with `type`, `id` and `attributes`. Facts are from betterstack.com/docs/uptime,
//! "Outgoing webhooks" (incident, monitor and on-call hooks; a `comment` comes with a comment), "Incidents API response
//! parameters" and "Reopen incident" (`reopened_at` comes beside `resolved_at`, which stays). `event` may be missing; the
//! times of the incident tell then. The user may write the body anew, with variables such as `$INCIDENT_ID` and `$STATUS`,
//! and choose the method: "Create outgoing webhook", and the example of Better Stack's Terraform provider.

use std::borrow::Cow;

use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    input, link,
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

    fn category(&self) -> Category {
        Category::Uptime
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

    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST || *method == Method::PUT
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "The outgoing webhook of the type Incident: `data` with the incident as in Better Stack's API, with or \
                 without `event`",
                "A body of yours with `$INCIDENT_ID` as the `id` in `incident`, or as `incident_id`, and `$STATUS` as its \
                 `status`, or the incident's times",
            ],
            triggers: "The events `started` and `reopened`; without `event` an incident that is not resolved, or that was \
                       reopened since",
            acknowledges: "The event `acknowledged`; without `event` the time `acknowledged_at`",
            resolves: "The event `resolved`; without `event` the time `resolved_at`",
            ignores: "Comments, webhooks about monitors and on-call contacts, and the updates of status pages",
            tests: "",
            severity: "Critical where a monitor or a heartbeat failed; error where people reported an incident themselves",
            key: "`better-uptime:` and the incident's id",
            ordered_by: "`started_at` of the event `started`, `reopened_at` and `resolved_at`",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Better Stack, open Uptime, Integrations, then Exporting data, and configure Outgoing webhooks.",
                "Choose the type Incident and paste the URL below.",
                "Leave the body as it is, and keep the events started, acknowledged, resolved and reopened.",
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
    let fields = Fields::new(&body, Style::Dollar);
    if fields.get("data").is_none() && fields.get("page").is_some() {
        return Ok(ignored(
            None,
            "It is the update of a status page, and not about an incident.",
        ));
    }
    let (data, attributes) = resource(fields);
    let kind = data.text("type").filter(|_| fields.get("data").is_some());
    if let Some(kind) = kind.as_deref().filter(|kind| *kind != "incident") {
        return Ok(ignored(
            None,
            format!("It is about a {kind} itself, and not about an incident."),
        ));
    }
    let id = data
        .first(&["id", "incident_id"])
        .ok_or_else(|| ParseError::new("data.id", "is missing"))?;
    let key = format!("better-uptime:{id}");
    let word = fields
        .first(&["event", "event_type"])
        .map(|word| word.to_ascii_lowercase());
    if word.is_none() && fields.get("comment").is_some() {
        return Ok(ignored(Some(key), "Somebody commented on the incident."));
    }
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
    let relationships = data.within("relationships");
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
        Action::Trigger => &["reopened_at", "started_at"],
        Action::Acknowledge => &["acknowledged_at"],
        Action::Resolve => &["resolved_at"],
    };
    event.occurred_at = attributes.time(times);
    // An incident that is opened again and does not say when would seem to be older than its end, so its beginning only
    // counts where the event is the beginning.
    let is_beginning = word.as_deref().is_some_and(|word| word.ends_with("started"));
    let told = action != Action::Trigger || is_beginning || attributes.get("reopened_at").is_some();
    event.changed_at = event.occurred_at.filter(|_| told);
    add_links(&mut event, attributes);
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The incident and what is said about it, in `data` as Better Stack sends it, or as users write it.
fn resource(fields: Fields<'_>) -> (Fields<'_>, Fields<'_>) {
    if fields.get("data").is_none() {
        if fields.get("incident").is_some_and(Value::is_object) {
            return (fields.within("incident"), fields.within("incident"));
        }
        if fields.text("incident_id").is_some() {
            return (fields, fields);
        }
    }
    let data = fields.within("data");
    (data, data.within("attributes"))
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
    let (resolved, reopened) = (attributes.time(&["resolved_at"]), attributes.time(&["reopened_at"]));
    let is_open_again = reopened.is_some() && reopened > resolved;
    if attributes.text("resolved_at").is_some() && !is_open_again {
        return Some(Action::Resolve);
    }
    let acknowledged = attributes.time(&["acknowledged_at"]);
    if attributes.text("acknowledged_at").is_some() && !(is_open_again && acknowledged < reopened) {
        return Some(Action::Acknowledge);
    }
    let status: Option<Cow<'_, str>> = attributes.text("status");
    Some(status.and_then(|status| known(&status)).unwrap_or(Action::Trigger))
}

#[cfg(test)]
mod tests;
