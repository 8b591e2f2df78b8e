//! Dynatrace's problem notifications: a custom integration whose payload is a template with `{Placeholders}`.
//!
//! A problem is open or resolved; one that is merged into another goes on under the other's id. Facts are from
//! docs.dynatrace.com, "Webhook integration" (placeholders, and that escaping is skipped when the content type is not
//! JSON) and "Problem severity levels"; for workflows, which send the problem's event as it is, "Davis problem event".
//!
//! No time puts the messages in order: a problem that is opened again keeps the time at which it first began.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    input, link,
    mapping::FieldMapping,
    normalise,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    template::{Fields, Style},
};

/// Renderings of the same problem in other forms, which are long and say nothing more.
const OTHER_RENDERINGS: &[&str] = &["ProblemDetailsHTML", "ProblemDetailsMarkdown"];
/// The title of Dynatrace's test notification.
const TEST_TITLE: &str = "Dynatrace problem notification test run";

/// Dynatrace.
#[derive(Debug)]
pub(crate) struct Dynatrace;

impl Source for Dynatrace {
    fn slug(&self) -> &'static str {
        "dynatrace"
    }

    fn type_name(&self) -> &'static str {
        "DYNATRACE"
    }

    fn title(&self) -> &'static str {
        "Dynatrace"
    }

    fn tagline(&self) -> &'static str {
        "Problems that Dynatrace finds, until they are resolved"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        normalise::each(input::read_template(request)?, problem)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Dynatrace cannot sign its requests. Leave the secret empty, or require the integration key and give it \
                   as an additional HTTP header of the integration: X-Integration-Key.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "custom integrations whose payload has Dynatrace's names, also where it was not escaped",
                "a problem's event as a workflow sends it (`event.id`, `event.status`)",
            ],
            triggers: "every state but the following",
            acknowledges: "",
            resolves: "the states RESOLVED, CLOSED and MERGED; a merged problem goes on under another id",
            ignores: "",
            tests: "Send test notification, by its title or by the ids 99999 and 999",
            severity: "AVAILABILITY critical, ERROR error, PERFORMANCE (SLOWDOWN), RESOURCE_CONTENTION and \
                       CUSTOM_ALERT warning, \
                       MONITORING_UNAVAILABLE info; otherwise warning",
            key: "`dynatrace:` and `PID` (`event.id`), else `ProblemID`: put both into the payload, since the latter may be used again",
            ordered_by: "",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Dynatrace, open Settings, Integration, Problem notifications, and add a notification of the type \
                 Custom integration.",
                "Paste the URL below and the payload below it. Leave the content type at application/json.",
                "Switch on: call webhook if problem is closed.",
                "Choose an alerting profile and press Send test notification: an incident marked as a test appears and \
                 closes itself.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some(
                "https://docs.dynatrace.com/docs/analyze-explore-automate/notifications-and-alerting/problem-notifications/webhook-integration",
            ),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "State": "OPEN",
            "PID": "99999",
            "ProblemID": "999",
            "ProblemTitle": TEST_TITLE,
            "ProblemSeverity": "CUSTOM_ALERT",
            "ProblemImpact": "INFRASTRUCTURE",
            "ProblemURL": "https://example.com",
            "ImpactedEntity": "test.example",
            "ImpactedEntities": [{"type": "HOST", "name": "test.example", "entity": "HOST-0000000000000000"}],
            "Tags": "opsknight",
            "ProblemDetailsText": "Somebody is trying out this integration. Nothing is wrong.",
            "ProblemDetailsJSON": {"id": "99999", "startTime": now.as_millisecond()}
        }))
    }
}

/// The payload: the placeholders for JSON stand without quotes.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Webhook URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Custom payload",
        language: "json",
        template: "{\n  \"State\": \"{State}\",\n  \"PID\": \"{PID}\",\n  \"ProblemID\": \"{ProblemID}\",\n  \"ProblemTitle\": \"{ProblemTitle}\",\n  \"ProblemSeverity\": \"{ProblemSeverity}\",\n  \"ProblemImpact\": \"{ProblemImpact}\",\n  \"ProblemURL\": \"{ProblemURL}\",\n  \"ImpactedEntity\": \"{ImpactedEntity}\",\n  \"ImpactedEntities\": {ImpactedEntities},\n  \"Tags\": \"{Tags}\",\n  \"ProblemDetailsText\": \"{ProblemDetailsText}\",\n  \"ProblemDetailsJSON\": {ProblemDetailsJSON}\n}\n",
    },
];

/// A problem and its state.
fn problem(mut body: Value) -> Result<Normalised, ParseError> {
    if let Value::Object(fields) = &mut body {
        for name in OTHER_RENDERINGS {
            fields.remove(*name);
        }
    }
    let fields = Fields::new(&body, Style::Braces);
    // The number that people see (P-123) may be used again; the other id is never.
    let number = fields.first(&["ProblemID", "problemId", "displayId", "display_id"]);
    let id = fields
        .first(&["PID", "pid", "event.id"])
        .or_else(|| number.clone())
        .ok_or_else(|| ParseError::new("PID", "is missing, and so is ProblemID"))?;
    let state = fields
        .first(&["State", "state", "status", "event.status"])
        .unwrap_or_default()
        .to_ascii_uppercase();
    let action = match state.as_str() {
        "RESOLVED" | "CLOSED" | "MERGED" => Action::Resolve,
        _ => Action::Trigger,
    };
    let details = details(fields);
    let detail_fields = Fields::new(&details, Style::Braces);
    let title = fields
        .first(&["ProblemTitle", "title", "event.name"])
        .unwrap_or_else(|| Cow::Owned(format!("Dynatrace problem {id}")));
    let severity_word = fields
        .first(&["ProblemSeverity", "severityLevel", "event.category"])
        .or_else(|| detail_fields.text("severityLevel"));
    let mut event = Event::new(
        action,
        format!("dynatrace:{id}"),
        severity(severity_word.as_deref()),
        &*title,
    );
    let text = fields.first(&["ProblemDetailsText", "ProblemDetails", "event.description"]);
    event.description = if state == "MERGED" {
        Some("Dynatrace merged this problem into another one, which goes on by itself.".into())
    } else {
        normalise::description(text, &event.summary)
    };
    let entities = fields
        .line("ImpactedEntities")
        .or_else(|| fields.line("ImpactedEntityNames"))
        .or_else(|| fields.line("NamesOfImpactedEntities"));
    event.source = normalise::short(entities.or_else(|| fields.text("ImpactedEntity")));
    event.component = normalise::short(fields.first(&["ProblemImpact", "impactLevel"]));
    event.group = normalise::short(fields.line("Tags"));
    event.class = normalise::short(severity_word);
    event.occurred_at = match action {
        Action::Resolve => detail_fields
            .time(&["endTime"])
            .or_else(|| fields.time(&["endTime", "event.end", "timestamp"])),
        Action::Trigger | Action::Acknowledge => detail_fields
            .time(&["startTime"])
            .or_else(|| fields.time(&["startTime", "event.start", "timestamp"])),
    };
    link::add(
        &mut event,
        fields.first(&["ProblemURL", "Problem URL", "problemUrl"]).as_deref(),
        "Problem",
    );
    if title.eq_ignore_ascii_case(TEST_TITLE) || (id == "99999" && number.as_deref() == Some("999")) {
        normalise::mark_test(&mut event);
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The problem as Dynatrace's own JSON, which some templates have as text.
fn details(fields: Fields<'_>) -> Value {
    match fields
        .get("ProblemDetailsJSONv2")
        .or_else(|| fields.get("ProblemDetailsJSON"))
    {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(value) => value.clone(),
        None => Value::Null,
    }
}

/// Dynatrace's severity levels; a warning where none is told.
fn severity(word: Option<&str>) -> Severity {
    let word = word.unwrap_or_default().trim().to_ascii_uppercase();
    match word.as_str() {
        "AVAILABILITY" => Severity::Critical,
        "ERROR" | "ERRORS" => Severity::Error,
        "PERFORMANCE" | "SLOWDOWN" | "RESOURCE_CONTENTION" | "RESOURCE" | "CUSTOM_ALERT" | "CUSTOM" => {
            Severity::Warning
        }
        "MONITORING_UNAVAILABLE" => Severity::Info,
        word => Severity::from_vendor_word(word).unwrap_or(Severity::Warning),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Call, event, only, parse, pasted};

    #[test]
    fn what_is_pasted_opens_and_closes() {
        let of = |state: &str| {
            pasted(
                &Dynatrace,
                &[
                    ("{State}", state),
                    ("{PID}", "-77_1772442000000V2"),
                    ("{ProblemID}", "P-1"),
                    ("{ProblemTitle}", "Failure rate increase"),
                    ("{ProblemSeverity}", "AVAILABILITY"),
                    (
                        "{ImpactedEntities}",
                        r#"[{"type": "HOST", "name": "web-01", "entity": "HOST-1"}]"#,
                    ),
                    ("{ProblemDetailsJSON}", r#"{"startTime": 1772442000000, "endTime": -1}"#),
                ],
            )
        };
        let (opens, closes) = (of("OPEN"), of("RESOLVED"));
        assert_eq!((opens.action, closes.action), (Action::Trigger, Action::Resolve));
        assert_eq!(
            (opens.dedup_key.as_str(), &closes.dedup_key),
            ("dynatrace:-77_1772442000000V2", &opens.dedup_key)
        );
        assert_eq!(
            (opens.severity, opens.source.as_deref()),
            (Severity::Critical, Some("web-01"))
        );
    }

    #[test]
    fn severity_levels() {
        for (word, expected) in [
            ("AVAILABILITY", Severity::Critical),
            ("ERROR", Severity::Error),
            ("PERFORMANCE", Severity::Warning),
            ("RESOURCE_CONTENTION", Severity::Warning),
            ("CUSTOM_ALERT", Severity::Warning),
            ("MONITORING_UNAVAILABLE", Severity::Info),
            ("odd", Severity::Warning),
        ] {
            assert_eq!(severity(Some(word)), expected, "{word}");
        }
    }

    #[test]
    fn problems_have_one_key_until_they_end() {
        let of = |state: &str| {
            event(
                &Dynatrace,
                &json!({"State": state, "PID": -77, "ProblemID": "P-1", "ProblemTitle": "T"}),
            )
        };
        for (state, action) in [
            ("OPEN", Action::Trigger),
            ("Resolved", Action::Resolve),
            ("MERGED", Action::Resolve),
            ("{State}", Action::Trigger),
        ] {
            let event = of(state);
            assert_eq!(
                (event.action, event.dedup_key.as_str()),
                (action, "dynatrace:-77"),
                "{state}"
            );
        }
        assert!(of("MERGED").description.is_some_and(|text| text.contains("merged")));
        assert_eq!(
            event(&Dynatrace, &json!({"ProblemID": "P-1", "PID": "{PID}"})).dedup_key,
            "dynatrace:P-1"
        );
        assert_eq!(
            parse(&Dynatrace, &json!({"State": "OPEN"})).map_err(|error| error.field),
            Err("PID".into())
        );
    }

    /// With another content type, Dynatrace fills the template in without escaping.
    #[test]
    fn text_that_was_not_escaped() {
        let body = b"{\n\"State\": \"OPEN\",\n\"PID\": \"7\",\n\"ProblemTitle\": \"Failure of \"checkout\"\",\n\"ProblemDetailsText\": \"Line one\nsays \"no\", and\nC:\\logs\",\n\"ImpactedEntities\": {ImpactedEntities},\n\"Tags\": [\"a\", \"b:c\"],\n\"ProblemDetailsJSON\": {}\n}";
        let call = Call {
            headers: &[("content-type", "text/plain")],
            body,
            ..Call::default()
        };
        let event = only(call.parse(&Dynatrace).expect("an event"));
        assert_eq!(event.summary, "Failure of \"checkout\"");
        assert_eq!(
            event.description.as_deref(),
            Some("Line one\nsays \"no\", and\nC:\\logs")
        );
        assert_eq!(
            (event.group.as_deref(), event.source.as_deref()),
            (Some("a, b:c"), None)
        );
    }

    #[test]
    fn huge_details_are_cut_and_not_kept_twice() {
        let body = json!({"PID": 1, "State": "OPEN", "ProblemDetailsText": "x".repeat(1 << 20), "ProblemDetailsHTML": "<b>".repeat(1 << 18)});
        let event = event(&Dynatrace, &body);
        assert_eq!(event.description.map(|text| text.len()), Some(65_536));
        assert!(event.details.get("ProblemDetailsHTML").is_none());
    }
}
