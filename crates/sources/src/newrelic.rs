//! New Relic: workflows, which send issues, and the classic notification channels before them, which sent incidents.
//!
//! An issue is told by its state; who only looks at it shows in the trigger. Facts are from docs.newrelic.com, "Workflow
//! variables" and "Notification integrations: webhook" (the default payload, numbers in milliseconds), and for classic
//! channels from "Customize your webhook payload" and bodies as they were received.

use std::borrow::Cow;

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

/// The value of `issuePageUrl` in New Relic's examples. A test notification of a workflow has it for an address, whether the
/// rest is the example's too ("Memory Used % > 90 for at least 2 minutes on 'Some-Entity'") or of an issue that was there.
/// Real issues are of an account of the user's, and have their own id in the address.
const EXAMPLE_PAGE: &str = "/accounts/1/issues/0ea2df1c-adab-45d2-aae0-042b609d2322";

/// New Relic.
#[derive(Debug)]
pub(crate) struct NewRelic;

impl Source for NewRelic {
    fn slug(&self) -> &'static str {
        "newrelic"
    }

    fn type_name(&self) -> &'static str {
        "NEWRELIC"
    }

    fn title(&self) -> &'static str {
        "New Relic"
    }

    fn tagline(&self) -> &'static str {
        "Issues of New Relic's workflows, and incidents of its classic webhook channels"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        normalise::each(input::read_template(request)?, |body| {
            if Fields::new(&body, Style::Mustache).text("current_state").is_some() {
                incident(body)
            } else {
                issue(body)
            }
        })
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "New Relic cannot sign its requests. Leave the secret empty, or require the integration key and give it \
                   in the destination: as the password of basic authentication, or as the custom header X-Integration-Key.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "issues of workflows: the default payload, and templates with its names",
                "incidents of classic webhook channels (`current_state`)",
            ],
            triggers: "the states CREATED and ACTIVATED; `current_state` open",
            acknowledges: "the state ACKNOWLEDGED, or the trigger USER_ACTION of an issue that has an owner or whose template tells \
                           none; `current_state` acknowledged",
            resolves: "the states CLOSED and DEACTIVATED; `current_state` closed",
            ignores: "USER_ACTION of an issue without an owner: somebody gave it up or commented on it",
            tests: "the classic channel's test, which is about incident 0; Send test notification of a workflow, by the example address that it has as `issueUrl`",
            severity: "CRITICAL critical, HIGH error, MEDIUM warning, LOW info; otherwise warning",
            key: "`newrelic:issue:` and the issue's id; `newrelic:incident:`, the account and `incident_id` of classic channels",
            ordered_by: "`updatedAt` of an issue, `timestamp` of an incident",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In New Relic, open Alerts, then Destinations, and add a webhook with the URL below.",
                "Open Workflows, choose or add one, and add a notification channel of the type Webhook with that destination.",
                "Paste the payload below as its template. It is New Relic's default one and the owner, which tells who \
                 acknowledged an issue; the default one works too.",
                "Under Notify when, keep Activated, Acknowledged and Closed, so that incidents close by themselves.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.newrelic.com/docs/alerts/get-notified/notification-integrations/#webhook"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        let time = now.as_millisecond();
        Sample::json(&json!({
            "id": "0b9f9f7e-0000-4000-8000-00006f6b7465",
            "issueUrl": "https://radar-api.service.newrelic.com/accounts/1/issues/0b9f9f7e-0000-4000-8000-00006f6b7465?notifier=WEBHOOK",
            "title": "Test alert from New Relic",
            "priority": "LOW",
            "impactedEntities": ["test.example"],
            "totalIncidents": 1,
            "state": "ACTIVATED",
            "trigger": "STATE_CHANGE",
            "isCorrelated": false,
            "createdAt": time,
            "updatedAt": time,
            "sources": ["newrelic"],
            "alertPolicyNames": ["OpsKnight"],
            "alertConditionNames": ["Somebody is trying out this integration"],
            "workflowName": "OpsKnight"
        }))
    }
}

/// New Relic's Handlebars: `json` writes quotes and escapes by itself.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Endpoint URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Payload template",
        language: "json",
        template: "{\n  \"id\": {{ json issueId }},\n  \"issueUrl\": {{ json issuePageUrl }},\n  \"title\": {{ json annotations.title.[0] }},\n  \"description\": {{ json annotations.description.[0] }},\n  \"priority\": {{ json priority }},\n  \"impactedEntities\": {{ json entitiesData.names }},\n  \"totalIncidents\": {{ json totalIncidents }},\n  \"state\": {{ json state }},\n  \"trigger\": {{ json triggerEvent }},\n  \"owner\": {{ json owner }},\n  \"isCorrelated\": {{ json isCorrelated }},\n  \"createdAt\": {{ createdAt }},\n  \"updatedAt\": {{ updatedAt }},\n  \"sources\": {{ json accumulations.source }},\n  \"alertPolicyNames\": {{ json accumulations.policyName }},\n  \"alertConditionNames\": {{ json accumulations.conditionName }},\n  \"runbookUrl\": {{ json accumulations.runbookUrl }},\n  \"workflowName\": {{ json workflowName }}\n}\n",
    },
];

/// An issue, as a workflow sends it.
fn issue(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::Mustache);
    let page = fields.first(&["issueUrl", "issuePageUrl", "issue_url"]);
    let id = fields
        .first(&["id", "issueId", "issue_id"])
        .or_else(|| page.as_deref().and_then(id_in_address).map(Cow::Owned))
        .ok_or_else(|| ParseError::new("id", "is missing, and so is the id of an incident"))?;
    let key = format!("newrelic:issue:{id}");
    let Some(action) = issue_action(fields) else {
        let reason = "Somebody gave up the issue, or only commented on it; it is still open.";
        return Ok(ignored(Some(key), reason));
    };
    // A test may be made of a real issue that is over: whoever presses the button wants to see it, and it ends nothing.
    let is_test = page.as_deref().is_some_and(|page| page.contains(EXAMPLE_PAGE));
    let action = if is_test { Action::Trigger } else { action };
    let condition = fields.line("alertConditionNames");
    let title = fields
        .line("title")
        .or_else(|| condition.clone())
        .unwrap_or_else(|| Cow::Owned(format!("New Relic issue {id}")));
    let mut event = Event::new(action, key, severity(fields.text("priority")), title);
    let text = fields.line("description").or_else(|| fields.line("details"));
    event.description = normalise::description(text, &event.summary);
    event.source = normalise::short(fields.line("impactedEntities").or_else(|| fields.line("entities")));
    event.group = normalise::short(fields.line("alertPolicyNames"));
    event.class = normalise::short(condition);
    event.occurred_at = fields.time(&["updatedAt", "closedAt", "activatedAt", "createdAt", "timestamp"]);
    // An issue that is closed never opens again: the next one has an id of its own.
    event.changed_at = fields.time(&["updatedAt"]);
    link::add(&mut event, page.as_deref(), "Issue");
    for name in ["runbookUrl", "runbook_url"] {
        add_each(&mut event, fields.get(name), "Runbook");
    }
    let chart = fields.line("violationChartUrl");
    link::add_image(
        &mut event,
        chart.as_deref(),
        page.as_deref(),
        "The chart when the alert was sent",
    );
    if is_test {
        normalise::mark_test(&mut event);
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// What the state says, and the trigger where the state stays the same. None: nothing is to be done.
fn issue_action(fields: Fields<'_>) -> Option<Action> {
    let word = |names: &[&str]| {
        fields
            .first(names)
            .map(|word| word.to_ascii_uppercase())
            .unwrap_or_default()
    };
    match word(&["state", "status"]).as_str() {
        "CLOSED" | "RESOLVED" | "DEACTIVATED" => return Some(Action::Resolve),
        "ACKNOWLEDGED" => return Some(Action::Acknowledge),
        _ => {}
    }
    match word(&["trigger", "triggerEvent", "trigger_event"]).as_str() {
        "ACKNOWLEDGED" | "ACKNOWLEDGE" | "ISSUE_ACKNOWLEDGED" | "USER_ACKNOWLEDGED" => Some(Action::Acknowledge),
        // A person did something and the issue is still active: it was acknowledged, or given up again. The owner tells,
        // where the template has it.
        "USER_ACTION" => match fields.get("owner") {
            None => Some(Action::Acknowledge),
            Some(_) => fields
                .text("owner")
                .filter(|owner| *owner != "N/A")
                .map(|_| Action::Acknowledge),
        },
        _ => Some(Action::Trigger),
    }
}

/// An incident, as a classic channel sends it.
fn incident(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::Mustache);
    let id = fields
        .text("incident_id")
        .ok_or_else(|| ParseError::new("incident_id", "is missing"))?;
    let account = fields.text("account_id").unwrap_or_default();
    let key = format!("newrelic:incident:{account}:{id}");
    let state = fields.text("current_state").unwrap_or_default().to_ascii_lowercase();
    let action = match state.as_str() {
        "acknowledged" | "acknowledge" => Action::Acknowledge,
        "closed" | "resolved" => Action::Resolve,
        _ => Action::Trigger,
    };
    let condition = fields.text("condition_name");
    let text = fields.line("details").or_else(|| fields.line("title"));
    let summary = match (condition.as_deref(), text.as_deref()) {
        (Some(condition), Some(text)) if !text.contains(condition) => format!("{condition}: {text}"),
        (_, Some(text)) | (Some(text), None) => text.to_owned(),
        (None, None) => format!("New Relic incident {id}"),
    };
    let mut event = Event::new(action, key, severity(fields.first(&["severity", "priority"])), summary);
    event.source = normalise::short(fields.line("targets").or_else(|| fields.text("account_name")));
    event.group = normalise::short(fields.text("policy_name"));
    event.class = normalise::short(condition);
    event.occurred_at = fields.time(&["timestamp"]);
    event.changed_at = event.occurred_at;
    link::add(&mut event, fields.text("incident_url").as_deref(), "Incident");
    link::add(&mut event, fields.text("runbook_url").as_deref(), "Runbook");
    link::add(&mut event, fields.text("policy_url").as_deref(), "Policy");
    let chart = fields.text("violation_chart_url");
    let page = fields.text("incident_url");
    link::add_image(
        &mut event,
        chart.as_deref(),
        page.as_deref(),
        "The chart when the alert was sent",
    );
    // The channel's test notification is about incident 0, with the state "test" or "open".
    if state == "test" || id == "0" {
        normalise::mark_test(&mut event);
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// New Relic's priorities: of four, HIGH is the second.
fn severity(word: Option<Cow<'_, str>>) -> Severity {
    let Some(word) = word else { return Severity::Warning };
    match word.to_ascii_lowercase().as_str() {
        "high" => Severity::Error,
        word => Severity::from_vendor_word(word).unwrap_or(Severity::Warning),
    }
}

/// The issue's id in the address of its page: `…/issues/<id>?notifier=…`.
fn id_in_address(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("/issues/")?;
    let id = rest.split(['/', '?', '#']).next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// A link for an address, or for each of a list of them.
fn add_each(event: &mut Event, addresses: Option<&Value>, text: &str) {
    match addresses {
        Some(Value::Array(items)) => items.iter().for_each(|item| link::add(event, item.as_str(), text)),
        Some(address) => link::add(event, address.as_str(), text),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Call, event, only, parse, pasted, reason};

    /// The helper `json` writes quotes by itself, and `null` for what is not there.
    #[test]
    fn what_is_pasted_opens_and_closes() {
        let of = |state: &str, updated: &str| {
            pasted(
                &NewRelic,
                &[
                    ("{{ json issueId }}", "\"i-1\""),
                    ("{{ json issuePageUrl }}", "\"https://nr.example/issues/i-1\""),
                    ("{{ json annotations.title.[0] }}", "\"CPU is \\\"high\\\"\""),
                    ("{{ json annotations.description.[0] }}", "null"),
                    ("{{ json priority }}", "\"HIGH\""),
                    ("{{ json entitiesData.names }}", "[\"web-01\"]"),
                    ("{{ json totalIncidents }}", "1"),
                    ("{{ json state }}", state),
                    ("{{ json triggerEvent }}", "\"STATE_CHANGE\""),
                    ("{{ json owner }}", "null"),
                    ("{{ json isCorrelated }}", "false"),
                    ("{{ createdAt }}", "1772442000000"),
                    ("{{ updatedAt }}", updated),
                    ("{{ json accumulations.source }}", "[\"newrelic\"]"),
                    ("{{ json accumulations.policyName }}", "[\"Shop\"]"),
                    ("{{ json accumulations.conditionName }}", "[\"CPU\"]"),
                    ("{{ json accumulations.runbookUrl }}", "null"),
                    ("{{ json workflowName }}", "\"OpsKnight\""),
                ],
            )
        };
        let (opens, closes) = (of("\"ACTIVATED\"", "1772442000000"), of("\"CLOSED\"", "1772442300000"));
        assert_eq!((opens.action, closes.action), (Action::Trigger, Action::Resolve));
        assert_eq!(
            (opens.dedup_key.as_str(), &closes.dedup_key),
            ("newrelic:issue:i-1", &opens.dedup_key)
        );
        assert_eq!(
            (opens.summary.as_str(), opens.source.as_deref()),
            ("CPU is \"high\"", Some("web-01"))
        );
        assert!(opens.changed_at.is_some() && opens.changed_at < closes.changed_at);
    }

    #[test]
    fn states_and_triggers() {
        let with = |state: &str, trigger: &str| {
            event(
                &NewRelic,
                &json!({"id": "i", "state": state, "trigger": trigger, "title": "T"}),
            )
            .action
        };
        assert_eq!(with("CREATED", "INCIDENT_OPENED"), Action::Trigger);
        assert_eq!(with("ACTIVATED", "STATE_CHANGE"), Action::Trigger);
        assert_eq!(with("ACTIVATED", "USER_ACTION"), Action::Acknowledge);
        assert_eq!(with("ACKNOWLEDGED", ""), Action::Acknowledge);
        assert_eq!(with("closed", "USER_ACTION"), Action::Resolve);
        assert_eq!(with("odd", "odd"), Action::Trigger);
        let owner = |owner: Value| json!({"id": "i", "state": "ACTIVATED", "trigger": "USER_ACTION", "owner": owner});
        assert_eq!(event(&NewRelic, &owner(json!("Ada"))).action, Action::Acknowledge);
        assert!(reason(&NewRelic, &owner(json!(""))).contains("still open"));
    }

    #[test]
    fn priorities() {
        for (word, severity) in [
            ("CRITICAL", Severity::Critical),
            ("HIGH", Severity::Error),
            ("MEDIUM", Severity::Warning),
            ("LOW", Severity::Info),
            ("odd", Severity::Warning),
        ] {
            assert_eq!(
                event(&NewRelic, &json!({"id": 1, "priority": word})).severity,
                severity,
                "{word}"
            );
        }
    }

    #[test]
    fn ids_are_numbers_texts_or_in_the_address() {
        let key = |body: Value| event(&NewRelic, &body).dedup_key;
        assert_eq!(
            key(json!({"id": "{{issueId}}", "issueUrl": "https://x.example/accounts/1/issues/abc?n=1"})),
            "newrelic:issue:abc"
        );
        assert_eq!(
            key(json!({"current_state": "open", "account_id": 5, "incident_id": 7})),
            key(json!({"current_state": "closed", "account_id": "5", "incident_id": "7"}))
        );
        assert_eq!(
            parse(&NewRelic, &json!({"state": "CLOSED"})).map_err(|error| error.field),
            Err("id".into())
        );
        assert_eq!(
            parse(&NewRelic, &json!({"current_state": "open"})).map_err(|error| error.field),
            Err("incident_id".into())
        );
    }

    /// What the "json" helper leaves where a template is sent as it stands.
    #[test]
    fn templates_that_were_not_rendered() {
        let body = br#"{"id": {{ json issueId }}, "issueUrl": "https://x.example/accounts/1/issues/abc", "title": ["A", "B"], "priority": "{{priority}}", "createdAt": {{ createdAt }}}"#;
        let event = only(
            Call {
                body,
                ..Call::default()
            }
            .parse(&NewRelic)
            .expect("an event"),
        );
        assert_eq!(
            (event.dedup_key.as_str(), event.summary.as_str()),
            ("newrelic:issue:abc", "A, B")
        );
        assert_eq!(event.severity, Severity::Warning);
    }
}
