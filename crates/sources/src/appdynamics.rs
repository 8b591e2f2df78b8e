//! AppDynamics' HTTP request actions: a Velocity template of the user's, with one event or the whole list of them.
//!
//! What is to be done is told by the event's type (`POLICY_OPEN_CRITICAL`), whose words are read one by one. Facts are
//! from Cisco's AppDynamics documentation, "Predefined Templating Variables" (EventInfo: eventType, incident, deepLink;
//! fullEventList), "HTTP Request Actions and Templates" and "Events Reference". Velocity does not escape what it fills in.

use std::borrow::Cow;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
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

/// Where templates put a list of events.
const LIST_NAMES: &[&str] = &["events", "fullEventList", "clampedEventList", "eventList"];
/// Where templates put one event.
const EVENT_NAMES: &[&str] = &["latestEvent", "event"];

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

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In AppDynamics, open Alert & Respond, then HTTP Request Templates, and create one: method POST and the \
                 URL below.",
                "Choose application/json as the MIME type of the payload and paste the payload below.",
                "Expect the response code 202, and keep One Request Per Event off: the payload holds all events of a policy.",
                "Create an HTTP request action with this template, and policies that use it. Choose Health Rule Violation \
                 Started, Upgraded, Downgraded, Ended and Canceled.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some(
                "https://docs.appdynamics.com/appd/24.x/latest/en/appdynamics-essentials/alert-and-respond/actions/http-request-actions-and-templates",
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
        template: "{\n  \"controller\": \"${controllerUrl}\",\n  \"policy\": \"${policy.name}\",\n  \"events\": [\n#foreach($event in ${fullEventList})\n    {\n      \"id\": \"${event.id}\",\n      \"incidentId\": \"$!{event.incident.id}\",\n      \"eventType\": \"${event.eventType}\",\n      \"severity\": \"${event.severity}\",\n      \"healthRule\": \"$!{event.healthRule.name}\",\n      \"application\": \"$!{event.application.name}\",\n      \"tier\": \"$!{event.tier.name}\",\n      \"node\": \"$!{event.node.name}\",\n      \"displayName\": \"$!{event.displayName}\",\n      \"summary\": \"$!{event.summaryMessage}\",\n      \"message\": \"$!{event.eventMessage}\",\n      \"eventTime\": \"${event.eventTime}\",\n      \"link\": \"${event.deepLink}\"\n    },\n#end\n  ]\n}\n",
    },
];

/// The event itself, where the template put it into a field.
fn unwrapped(mut body: Value) -> Value {
    let inner = EVENT_NAMES
        .iter()
        .find_map(|name| match body.get_mut(*name).map(Value::take) {
            Some(Value::Object(fields)) => Some(fields),
            _ => None,
        });
    inner.map_or(body, Value::Object)
}

/// One event.
fn event(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::Velocity);
    let named = |names: &[&str], object: &str| fields.first(names).or_else(|| fields.within(object).text("name"));
    let kind = fields.first(&["eventType", "event_type", "eventTypeKey", "type"]);
    let prose = ["message", "summary", "displayName", "description"];
    // Some templates only have the type inside of a sentence.
    let kind = kind.or_else(|| {
        prose
            .iter()
            .find_map(|name| policy_word(&fields.text(name)?).map(Cow::Owned))
    });
    let level = fields.first(&["severity", "topSeverity", "eventSeverity"]);
    let health_rule = named(&["healthRule", "health_rule", "healthRuleName", "name"], "healthRule");
    let title = health_rule
        .clone()
        .or_else(|| fields.first(&["displayName", "summary", "summaryMessage", "message"]));
    if kind.is_none() && level.is_none() {
        return Err(ParseError::new("eventType", "is missing, and so is severity"));
    }
    let kind = kind.unwrap_or_default();
    let application = named(&["application", "applicationName", "app"], "application");
    let place = ["node", "tier", "affectedEntityName", "affectedEntity"];
    let place = place.iter().find_map(|name| named(&[*name], name));
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
    event.component = normalise::short(named(&["tier"], "tier"));
    event.group = normalise::short(application);
    event.class = normalise::short(Some(kind).filter(|kind| !kind.is_empty()));
    let times = ["eventTime", "lastReceived", "time", "timestamp"];
    event.occurred_at = fields
        .time(&times)
        .or_else(|| times.iter().find_map(|name| java_date(&fields.text(name)?)));
    for name in ["deepLink", "link", "url"] {
        link::add(&mut event, fields.text(name).as_deref(), "AppDynamics");
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The incident's id, which is the same from the start of a violation to its end; else what is violated and where. An
/// event's own id is another for each event, and is only used where a template has nothing else.
fn key(fields: Fields<'_>, kind: &str, [application, health_rule, place]: [&str; 3]) -> Result<String, ParseError> {
    let incident = fields
        .first(&["incidentId", "incident_id"])
        .or_else(|| fields.within("incident").text("id"));
    if let Some(incident) = incident {
        return Ok(format!("appdynamics:incident:{incident}"));
    }
    if fields.first(&["healthRule", "health_rule", "healthRuleName"]).is_some() || fields.get("healthRule").is_some() {
        return Ok(format!("appdynamics:rule:{application}:{health_rule}:{place}"));
    }
    if let Some(id) = fields.first(&["id", "event_id", "guid"]) {
        return Ok(format!("appdynamics:{id}"));
    }
    if application.is_empty() && health_rule.is_empty() {
        return Err(ParseError::new(
            "incidentId",
            "is missing, and nothing else names the problem",
        ));
    }
    let kind = if kind.starts_with("POLICY") { "" } else { kind };
    Ok(format!("appdynamics:rule:{application}:{health_rule}:{place}{kind}"))
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
mod tests {
    use super::*;
    use crate::testing::{Call, event as one, parse, reason};

    #[test]
    fn types_by_their_words() {
        for (kind, expected_action, expected_severity) in [
            ("POLICY_OPEN_CRITICAL", Action::Trigger, Severity::Critical),
            ("POLICY_OPEN_WARNING", Action::Trigger, Severity::Warning),
            ("POLICY_UPGRADED", Action::Trigger, Severity::Critical),
            ("POLICY_DOWNGRADED", Action::Trigger, Severity::Warning),
            ("POLICY_CONTINUES_CRITICAL", Action::Trigger, Severity::Critical),
            ("POLICY_CLOSE_WARNING", Action::Resolve, Severity::Warning),
            ("POLICY_CANCELED_CRITICAL", Action::Resolve, Severity::Critical),
            ("POLICY_CLOSE", Action::Resolve, Severity::Error),
            ("ANOMALY_OPEN_CRITICAL", Action::Trigger, Severity::Critical),
        ] {
            let event = one(
                &AppDynamics,
                &json!({"eventType": kind, "severity": "ERROR", "incidentId": 5}),
            );
            assert_eq!(
                (event.action, event.severity),
                (expected_action, expected_severity),
                "{kind}"
            );
            assert_eq!(event.dedup_key, "appdynamics:incident:5");
        }
        let disclosed = json!({"eventType": "APPLICATION_DISCLOSED", "severity": "ERROR", "id": 1});
        assert_eq!(one(&AppDynamics, &disclosed).action, Action::Trigger);
        assert!(
            reason(
                &AppDynamics,
                &json!({"eventType": "APPLICATION_DEPLOYMENT", "severity": "INFO", "id": 1})
            )
            .contains("INFO")
        );
    }

    #[test]
    fn velocity_does_not_escape() {
        let body = b"{\"events\": [\n{\"incidentId\": \"7\", \"eventType\": \"POLICY_OPEN_CRITICAL\", \"message\": \"<b>Line one\nsays \"slow\"</b>\", \"node\": \"$!{event.node.name}\"},\n{\"incidentId\": \"${event.incident.id}\", \"id\": \"8\", \"eventType\": \"POLICY_CLOSE_WARNING\"},\n  ]\n}";
        let all = Call {
            body,
            ..Call::default()
        }
        .parse(&AppDynamics)
        .expect("two events");
        let [Normalised::Event(first), Normalised::Event(second)] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!(
            (first.dedup_key.as_str(), first.action),
            ("appdynamics:incident:7", Action::Trigger)
        );
        assert_eq!(first.description.as_deref(), Some("<b>Line one\nsays \"slow\"</b>"));
        assert_eq!(first.source, None);
        assert_eq!(
            (second.dedup_key.as_str(), second.action),
            ("appdynamics:8", Action::Resolve)
        );
    }

    #[test]
    fn templates_have_many_shapes() {
        let nested = json!({"latestEvent": {"eventType": "POLICY_OPEN_WARNING", "incident": {"id": 3}, "application": {"name": "Shop"}, "healthRule": {"name": "Slow"}}});
        let event = one(&AppDynamics, &nested);
        assert_eq!(
            (event.dedup_key.as_str(), event.summary.as_str()),
            ("appdynamics:incident:3", "Shop: Slow")
        );
        let without_incident =
            |kind: &str| json!({"eventType": kind, "application": "Shop", "healthRule": "Slow", "node": "n1"});
        assert_eq!(
            one(&AppDynamics, &without_incident("POLICY_OPEN_WARNING")).dedup_key,
            one(&AppDynamics, &without_incident("POLICY_CLOSE_WARNING")).dedup_key
        );
        let unfilled = json!({"eventType": "${latestEvent.eventType}", "severity": "${latestEvent.severity}", "incidentId": "${latestEvent.incident.id}"});
        assert_eq!(
            parse(&AppDynamics, &unfilled).map_err(|error| error.field),
            Err("eventType".into())
        );
        assert_eq!(
            parse(&AppDynamics, &json!({"eventType": "POLICY_OPEN_WARNING"})).map_err(|error| error.field),
            Err("incidentId".into())
        );
    }

    #[test]
    fn times_as_java_writes_them() {
        assert_eq!(
            java_date("Mon Jan 05 10:30:00 UTC 2026")
                .map(|time| time.to_string())
                .as_deref(),
            Some("2026-01-05T10:30:00Z")
        );
        for text in ["Mon Jan 05 10:30:00 CST 2026", "soon", "a b c d UTC e"] {
            assert_eq!(java_date(text), None, "{text}");
        }
    }
}
