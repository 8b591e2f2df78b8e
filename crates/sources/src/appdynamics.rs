//! AppDynamics' HTTP request actions: a Velocity template of the user's, with one event or the whole list of them.
//!
//! What is to be done is told by the event's type (`POLICY_OPEN_CRITICAL`), whose words are read one by one. Facts are
//! from Splunk's AppDynamics documentation, "Predefined Templating Variables" (EventInfo: eventType, eventTime, deepLink,
//! incident for health rules and anomaly for anomalies; fullEventList), "HTTP Request Actions and Templates" and "Events
//! Reference". Velocity does not escape what it fills in.

use std::borrow::Cow;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    hash_hex, input, link,
    mapping::FieldMapping,
    normalise::{self, ignored},
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    template::{Fields, Style},
};

/// Where templates put a list of events.
const LIST_NAMES: &[&str] = &["events", "fullEventList", "clampedEventList", "eventList"];
/// Where templates put one event, or a part of it.
const EVENT_NAMES: &[&str] = &["latestEvent", "event", "details", "data"];
/// The same things under AppDynamics' names and under those of people's templates.
const KIND: &[&str] = &["eventType", "event_type", "ad_event_type", "eventTypeKey", "type"];
const LEVEL: &[&str] = &["severity", "topSeverity", "eventSeverity", "event_severity"];
const HEALTH_RULE: &[&str] = &["healthRule", "health_rule", "healthRuleName", "health_rule_name"];
const APPLICATION: &[&str] = &["application", "applicationName", "application_name", "app", "app_name"];
const PLACES: &[&[&str]] = &[
    &["node", "nodeName", "node_name"],
    &["tier", "tierName", "tier_name"],
    &["affectedEntityName", "affectedEntity"],
];
const PROSE: &[&str] = &["message", "eventMessage", "summary", "displayName", "description"];
/// When the event happened, by the controller's clock.
const TIME: &[&str] = &["eventTime", "event_time", "lastReceived", "time", "timestamp"];
const LINKS: &[&str] = &["deepLink", "event_deep_link", "deep_link", "alert_url", "link", "url"];

/// AppDynamics.
#[derive(Debug)]
pub(crate) struct AppDynamics;

impl Source for AppDynamics {
    fn slug(&self) -> &'static str {
        "appdynamics"
    }

    fn type_name(&self) -> &'static str {
        "APPDYNAMICS"
    }

    fn title(&self) -> &'static str {
        "AppDynamics"
    }

    fn tagline(&self) -> &'static str {
        "Health rule violations of AppDynamics, from their start to their end"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let mut body = input::read_template(request)?;
        let list = LIST_NAMES
            .iter()
            .find_map(|name| match body.get_mut(*name).map(Value::take) {
                Some(Value::Array(events)) => Some((*name, events)),
                _ => None,
            });
        let Some((name, events)) = list else {
            return normalise::each(body, |body| event(unwrapped(body)));
        };
        // What is said about all of them, such as the application, goes into each.
        let common = normalise::common(body);
        normalise::list(events, name, |one| event(normalise::with_common(one, &common)))
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "AppDynamics cannot sign its requests. Leave the secret empty, or require the integration key and give \
                   it in the template: as the password of basic authentication, or as the custom header X-Integration-Key.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "A JSON payload that you write as a Velocity template: the list of a policy's events in `events` (also \
                 `fullEventList`), or one event, as it is or in `latestEvent`, `event` or `details`",
            ],
            triggers: "Event types with `OPEN`, `UPGRADED`, `DOWNGRADED` or `CONTINUES`, and any other event whose severity \
                       is not `INFO`",
            acknowledges: "",
            resolves: "Event types with `CLOSE` or `CANCELED`",
            ignores: "Other events with the severity `INFO`, such as deployments",
            tests: "",
            severity: "The last word of the event type (`CRITICAL`, `WARNING`); else `UPGRADED` is critical and \
                       `DOWNGRADED` a warning; else the event's severity: `ERROR` is error, `WARN` a warning. A warning \
                       where nothing is said",
            key: "`appdynamics:incident:` and `incident.id`, which also stands in the link of an incident; \
                  `appdynamics:anomaly:` and `anomaly.id`; else `appdynamics:rule:`, the application, the health rule and \
                  the node or tier; else `appdynamics:text:` and a hash of the first line of its message",
            ordered_by: "`eventTime`, where it is in UTC or says its offset",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In AppDynamics, open Alert & Respond, then HTTP Request Templates, and create one: method POST and the \
                 URL below.",
                "Choose application/json as the MIME type of the payload and paste the payload below.",
                "Expect the response code 202, and keep One Request Per Event off: the payload holds all events of a policy.",
                "Create an HTTP request action with this template, and policies that use it. Choose Health Rule Violation \
                 Started, Upgraded, Downgraded, Ended and Canceled, for warning and for critical, and the same events of \
                 anomalies. Without Ended and Canceled incidents stay open.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some(
                "https://help.splunk.com/en/appdynamics-saas/get-started/26.4.0/alert-and-respond/actions/predefined-templating-variables",
            ),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "controller": "https://example.saas.appdynamics.com/controller",
            "policy": "OpsKnight",
            "events": [{
                "id": "1",
                "incidentId": "1",
                "eventType": "POLICY_OPEN_WARNING",
                "severity": "WARN",
                "healthRule": "Test alert from AppDynamics",
                "application": "OpsKnight",
                "summary": "Somebody is trying out this integration. Nothing is wrong.",
                "eventTime": now.to_string(),
                "link": ""
            }]
        }))
    }
}

/// The template: Velocity fills in `$!{…}` with nothing where there is nothing.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Raw URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Payload",
        language: "velocity",
        template: "{\n  \"controller\": \"${controllerUrl}\",\n  \"policy\": \"${policy.name}\",\n  \"events\": [\n#foreach($event in ${fullEventList})\n    {\n      \"id\": \"${event.id}\",\n      \"incidentId\": \"$!{event.incident.id}\",\n      \"anomalyId\": \"$!{event.anomaly.id}\",\n      \"eventType\": \"${event.eventType}\",\n      \"severity\": \"${event.severity}\",\n      \"healthRule\": \"$!{event.healthRule.name}\",\n      \"application\": \"$!{event.application.name}\",\n      \"tier\": \"$!{event.tier.name}\",\n      \"node\": \"$!{event.node.name}\",\n      \"displayName\": \"$!{event.displayName}\",\n      \"summary\": \"$!{event.summaryMessage}\",\n      \"message\": \"$!{event.eventMessage}\",\n      \"eventTime\": \"${event.eventTime}\",\n      \"link\": \"${event.deepLink}\"\n    },\n#end\n  ]\n}\n",
    },
];

/// The event itself, where the template put it, or a part of it, into a field: what stands inside counts, and what stands
/// beside it is added.
fn unwrapped(mut body: Value) -> Value {
    let Value::Object(outer) = &mut body else { return body };
    for name in EVENT_NAMES {
        if outer.get(*name).is_some_and(Value::is_object)
            && let Some(Value::Object(mut inner)) = outer.shift_remove(*name)
        {
            for (name, value) in std::mem::take(outer) {
                inner.entry(name).or_insert(value);
            }
            return Value::Object(inner);
        }
    }
    body
}

/// A field as text, or the name of the entity in it.
fn named<'v>(fields: Fields<'v>, names: &[&str]) -> Option<Cow<'v, str>> {
    names
        .iter()
        .find_map(|name| fields.text(name).or_else(|| fields.within(name).text("name")))
}

/// The type of an event. Some templates only have it inside of a sentence, or as its title: "Health Rule Violation Ended".
fn kind<'v>(fields: Fields<'v>) -> Option<Cow<'v, str>> {
    let in_prose = || {
        PROSE
            .iter()
            .find_map(|name| policy_word(&fields.text(name)?).map(Cow::Owned))
    };
    let title = || {
        let title = fields.first(&["displayName", "event_name", "name"])?;
        let folded = title.to_ascii_lowercase();
        (folded.contains("violation") || folded.contains("anomaly")).then_some(title)
    };
    fields.first(KIND).or_else(in_prose).or_else(title)
}

/// One event.
fn event(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::Velocity);
    let kind = kind(fields);
    let level = fields.first(LEVEL);
    if kind.is_none() && level.is_none() {
        return Err(ParseError::new("eventType", "is missing, and so is severity"));
    }
    let kind = kind.unwrap_or_default();
    let health_rule = named(fields, HEALTH_RULE).or_else(|| fields.text("name"));
    let title = health_rule.clone().or_else(|| {
        fields.first(&[
            "displayName",
            "event_name",
            "summary",
            "summaryMessage",
            "eventMessage",
            "message",
        ])
    });
    let application = named(fields, APPLICATION);
    let place = PLACES.iter().find_map(|names| named(fields, names));
    let key = key(
        fields,
        &kind,
        [&application, &health_rule, &place].map(|part| part.as_deref().unwrap_or_default()),
    )?;
    let Some(action) = action(&kind, level.as_deref()) else {
        let reason = format!("It is an event of the type {kind} with the severity INFO, which is no alert.");
        return Ok(ignored(Some(key), reason));
    };
    let title = title.unwrap_or_else(|| Cow::Owned(format!("AppDynamics {kind}")));
    let summary = match application
        .as_deref()
        .filter(|application| !title.contains(*application))
    {
        Some(application) => format!("{application}: {}", normalise::first_line(&title)),
        None => normalise::first_line(&title).to_owned(),
    };
    let mut event = Event::new(action, key, severity(&kind, level.as_deref()), summary);
    let text = fields.first(&["description", "eventMessage", "message", "summary", "summaryMessage"]);
    event.description = normalise::description(text, &event.summary);
    event.source = normalise::short(place.or_else(|| application.clone()));
    event.component = normalise::short(named(fields, PLACES[1]));
    event.group = normalise::short(application);
    event.class = normalise::short(Some(kind).filter(|kind| !kind.is_empty()));
    event.occurred_at = fields
        .time(TIME)
        .or_else(|| TIME.iter().find_map(|name| java_date(&fields.text(name)?)));
    // Every event, the start of a violation as well as its end, has the time at which it happened.
    event.changed_at = event.occurred_at;
    for name in LINKS {
        link::add(&mut event, fields.text(name).as_deref(), "AppDynamics");
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The incident's or the anomaly's id, which is the same from its start to its end; else what is violated and where. An
/// event's own id is another for each event, and is only used where a template has nothing else.
fn key(fields: Fields<'_>, kind: &str, [application, health_rule, place]: [&str; 3]) -> Result<String, ParseError> {
    let incident = fields
        .first(&["incidentId", "incident_id"])
        .or_else(|| fields.within("incident").text("id"))
        .or_else(|| {
            LINKS
                .iter()
                .find_map(|name| incident_in_address(&fields.text(name)?).map(Cow::Owned))
        });
    if let Some(incident) = incident {
        return Ok(format!("appdynamics:incident:{incident}"));
    }
    let anomaly = fields
        .first(&["anomalyId", "anomaly_id"])
        .or_else(|| fields.within("anomaly").text("id"));
    if let Some(anomaly) = anomaly {
        return Ok(format!("appdynamics:anomaly:{anomaly}"));
    }
    if named(fields, HEALTH_RULE).is_some() {
        return Ok(format!("appdynamics:rule:{application}:{health_rule}:{place}"));
    }
    if let Some(id) = fields.first(&["id", "event_id", "eventId", "guid"]) {
        return Ok(format!("appdynamics:{id}"));
    }
    if application.is_empty() && health_rule.is_empty() {
        // Velocity leaves a variable as it stands where an event has no incident. An incident that people have to close is
        // better than an alert that is lost.
        if let Some(words) = fields.first(PROSE).or_else(|| fields.text("summaryMessage")) {
            return Ok(format!(
                "appdynamics:text:{}",
                hash_hex([normalise::first_line(&words)])
            ));
        }
        return Err(ParseError::new(
            "incidentId",
            "is missing, and nothing else names the problem",
        ));
    }
    let kind = if kind.starts_with("POLICY") { "" } else { kind };
    Ok(format!("appdynamics:rule:{application}:{health_rule}:{place}{kind}"))
}

/// The incident's id in a link: `…#location=APP_INCIDENT_DETAIL_MODAL&incident=5501&application=20`.
fn incident_in_address(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("&incident=")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    (digits > 0).then(|| rest[..digits].to_owned())
}

fn words(kind: &str) -> impl Iterator<Item = String> {
    kind.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
}

/// What an event's type says. None: it is no alert.
fn action(kind: &str, level: Option<&str>) -> Option<Action> {
    let mut is_violation = kind.is_empty();
    for word in words(kind) {
        match word.as_str() {
            "CLOSE" | "CLOSED" | "CANCELED" | "CANCELLED" | "ENDED" | "RESOLVED" => return Some(Action::Resolve),
            "OPEN" | "OPENED" | "STARTED" | "UPGRADED" | "DOWNGRADED" | "CONTINUES" | "CONTINUED" => {
                is_violation = true
            }
            _ => {}
        }
    }
    let is_info = level.is_some_and(|level| level.eq_ignore_ascii_case("INFO"));
    (is_violation || !is_info).then_some(Action::Trigger)
}

/// The last word of the type, else the direction in which it went, else the event's severity.
fn severity(kind: &str, level: Option<&str>) -> Severity {
    let mut by_direction = None;
    for word in words(kind) {
        match word.as_str() {
            "CRITICAL" => return Severity::Critical,
            "WARNING" => return Severity::Warning,
            "UPGRADED" => by_direction = Some(Severity::Critical),
            "DOWNGRADED" => by_direction = Some(Severity::Warning),
            _ => {}
        }
    }
    by_direction
        .or_else(|| Severity::from_vendor_word(level?))
        .unwrap_or(Severity::Warning)
}

/// `POLICY_OPEN_CRITICAL` in a sentence.
fn policy_word(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .find(|word| word.starts_with("POLICY_") || word.starts_with("ANOMALY_"))
        .map(str::to_owned)
}

/// A time as Java writes it: `Mon Jan 05 10:30:00 UTC 2026`. Of the zones only UTC is certain.
fn java_date(text: &str) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace();
    let (_weekday, month, day, time, zone, year) = (
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
    );
    if !matches!(zone, "UTC" | "GMT" | "Z") {
        return None;
    }
    let local = DateTime::strptime("%b %d %H:%M:%S %Y", format!("{month} {day} {time} {year}")).ok()?;
    TimeZone::UTC.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests;
