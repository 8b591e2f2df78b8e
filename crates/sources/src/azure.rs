//! Azure Monitor's action groups: the common alert schema, and the older forms that are still sent.
//!
//! An alert is known by its `alertId`, which is the same when it fires and when it is resolved; the older metric alerts
//! by their rule and what they measure. Facts are from learn.microsoft.com/azure/azure-monitor/alerts: "Common alert
//! schema", "Non-common alert schema definitions", "Webhooks for activity log alerts" and "Action groups" (secure
//! webhooks). Azure tries again only after 408, 429, 503 and 504, and then leaves the address alone for a while.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    json, link,
    mapping::FieldMapping,
    normalise::{description, each, first_line, ignored, short},
    pick,
    proof::Issuer,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
};

mod health;
mod older;

/// The subscription that stands in every payload of the button "Test action group".
const TEST_SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";

/// Whether an id of Azure's, or a subscription, is of such a test.
fn is_of_test(id: &str) -> bool {
    let subscription = id.strip_prefix("/subscriptions/").unwrap_or(id);
    subscription.split('/').next() == Some(TEST_SUBSCRIPTION)
}

/// Azure Monitor.
#[derive(Debug)]
pub(crate) struct Azure;

impl Source for Azure {
    fn slug(&self) -> &'static str {
        "azure"
    }

    fn type_name(&self) -> &'static str {
        "AZURE"
    }

    fn title(&self) -> &'static str {
        "Azure Monitor"
    }

    fn tagline(&self) -> &'static str {
        "Metric, log and activity log alerts, service health, through an action group"
    }

    fn category(&self) -> Category {
        Category::Cloud
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        each(json::parse(request.body)?, |body| {
            if body.pointer("/data/essentials").is_some_and(Value::is_object) {
                common(body)
            } else if body.pointer("/properties/essentials").is_some_and(Value::is_object) {
                common(smart_detection(body))
            } else {
                older::read(body)
            }
        })
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Azure does not sign what it sends to a plain webhook: the address is the secret. Leave this empty, \
                   unless something of yours in between signs.",
        }
    }

    fn token_issuer(&self) -> Option<Issuer> {
        Some(Issuer::Entra)
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "the common alert schema, of every kind of alert",
                "metric alerts without it (`context` in `data`, or at the top)",
                "activity log alerts without it (`activityLog`)",
                "log alerts without it (`SearchQuery`)",
                "smart detection's own form (`properties.essentials`)",
                "budgets without it (`BudgetName`)",
            ],
            triggers: "`monitorCondition` Fired, the status Activated, and every log or activity log alert and budget",
            acknowledges: "",
            resolves: "`monitorCondition` Resolved, the status Deactivated, a service health issue at the stage Resolved, Complete, \
                       RCA or Canceled, a resource whose `currentHealthStatus` is Available; nothing ends other log and activity \
                       log alerts",
            ignores: "a `monitorCondition` or status that is not known",
            tests: "what comes from Test in an action group, by its made-up subscription of ones",
            severity: "Sev0 critical, Sev1 error, Sev2 warning, Sev3 and Sev4 info; otherwise warning",
            key: "`azure:` and `alertId`; of metric alerts without the common schema the rule, the resource and its dimensions; of \
                  service health the `trackingId`; of resource health the resource; of activity log alerts the correlation, \
                  resource and operation; of log alerts the subscription and rule; of budgets the \
                  subscription, resource group and name",
            ordered_by: "`firedDateTime` and `resolvedDateTime`; of service and resource health `eventTimestamp`",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In the Azure portal, open Monitor, then Alerts, then Action groups, and create one or open yours.",
                "Under Actions, add one of the type Webhook, paste the URL below, and set Enable the common alert schema \
                 to Yes.",
                "Press Test, choose a kind of alert: an incident marked as a test appears and closes itself.",
                "Let your alert rules use the action group, and leave \"Automatically resolve alerts\" on.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "schemaId": "azureMonitorCommonAlertSchema",
            "data": {
                "essentials": {
                    "alertId": "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.AlertsManagement/alerts/opsknight-test",
                    "alertRule": "OpsKnight test",
                    "severity": "Sev3",
                    "signalType": "Metric",
                    "monitorCondition": "Fired",
                    "monitoringService": "Platform",
                    "alertTargetIDs": [],
                    "configurationItems": ["opsknight-test"],
                    "originAlertId": "opsknight-test",
                    "firedDateTime": now.to_string(),
                    "description": "Somebody is trying out this integration. Nothing is wrong.",
                    "essentialsVersion": "1.0",
                    "alertContextVersion": "1.0"
                },
                "alertContext": {},
                "customProperties": null
            }
        }))
    }
}

/// What to enter by hand, and the same with Microsoft's client.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "URI of the webhook",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "az, Microsoft's client",
        language: "shell",
        template: "az monitor action-group create --name opsknight --short-name opsknight \\\n  --resource-group YOUR-GROUP \\\n  --action webhook opsknight '{url}' usecommonalertschema\n",
    },
];

/// Azure's own scale: 0 critical, 1 error, 2 warning, 3 informational, 4 verbose. As `Sev1`, as `1`, as a word.
fn severity(text: &str) -> Option<Severity> {
    let text = text.trim().to_ascii_lowercase();
    let level = text.strip_prefix("sev").unwrap_or(&text).trim();
    match level {
        "0" | "critical" => Some(Severity::Critical),
        "1" | "error" => Some(Severity::Error),
        "2" | "warning" => Some(Severity::Warning),
        "3" | "4" | "informational" | "information" | "info" | "verbose" => Some(Severity::Info),
        _ => None,
    }
}

/// An alert in the common schema.
fn common(mut body: Value) -> Result<Normalised, ParseError> {
    let essentials = body.pointer("/data/essentials").cloned().unwrap_or_default();
    let context = body.pointer("/data/alertContext").cloned().unwrap_or_default();
    let text = |name: &str| json::text_at(&essentials, name);
    let condition = text("monitorCondition").map(|word| word.to_ascii_lowercase());
    let id = text("alertId").or_else(|| text("originAlertId"));
    let id = id.ok_or_else(|| ParseError::new("data.essentials.alertId", "is missing"))?;
    let is_test = is_of_test(&id);
    let resource = pick::first(&essentials, &["/alertTargetIDs/0", "/alertTargetIDs"]);
    let health = health::health(&context, resource.as_deref());
    let key = match &health {
        Some(health) => health.key.clone(),
        None => format!("azure:{}", id.to_ascii_lowercase()),
    };
    let action = match condition.as_deref() {
        // A test of service health may tell of an issue that is over; whoever presses the button wants to see it all the same.
        _ if is_test => Action::Trigger,
        Some("resolved") => Action::Resolve,
        Some("fired") | None if health.as_ref().is_some_and(|health| health.is_over) => Action::Resolve,
        Some("fired") | None => Action::Trigger,
        Some(other) => return Ok(ignored(Some(key), format!("The condition {other} is not known."))),
    };
    let severity = text("severity")
        .and_then(|word| severity(&word))
        .unwrap_or(Severity::Warning);
    // Some kinds of alerts name their rule by its whole id.
    let rule = match text("alertRule") {
        Some(rule) if rule.starts_with("/subscriptions/") => last_part(&rule),
        rule => rule.map(Cow::into_owned),
    };
    let target = target(&essentials);
    let title = health.as_ref().and_then(|_| pick::text(&context, "/properties/title"));
    let summary = summary(
        text("description"),
        rule.as_deref(),
        title.as_deref(),
        target.as_deref(),
    );
    let mut event = Event::new(action, key, severity, summary);
    let words = text("description").or_else(|| pick::first(&context, &["/properties/details", "/DetectionSummary"]));
    event.description = description(words, &event.summary);
    event.source = short(target.map(Cow::Owned));
    event.component = short(text("monitoringService"));
    event.group = short(text("signalType"));
    event.class = short(rule.map(Cow::Owned));
    event.occurred_at = match action {
        Action::Resolve => pick::time(&essentials, &["/resolvedDateTime"]).or_else(|| health.as_ref()?.at),
        Action::Trigger | Action::Acknowledge => pick::time(&essentials, &["/firedDateTime"]),
    };
    link::add(&mut event, text("investigationLink").as_deref(), "Investigate");
    link::add(&mut event, page(&id).as_deref(), "Alert");
    add_query_links(&mut event, &context);
    // An alert that fires again is a new one with an id of its own, so both times belong to one problem.
    event.changed_at = match health {
        Some(health) => health.at,
        None => event.occurred_at,
    };
    event.is_test = is_test;
    if event.is_test {
        event.severity = Severity::Info;
    }
    event.details = body.get_mut("data").map(Value::take).unwrap_or_default();
    Ok(Normalised::Event(Box::new(event)))
}

/// One line: the rule, and what it is about. Alerts on costs have no rule, and their only item is called "budgets"; what
/// they say instead names the budget and the sum ("Sample alert payloads", monitoringService CostAlerts).
fn summary(words: Option<Cow<'_, str>>, rule: Option<&str>, title: Option<&str>, target: Option<&str>) -> String {
    if rule.is_none()
        && let Some(line) = words.as_deref().map(first_line).filter(|line| !line.is_empty())
    {
        return line.to_owned();
    }
    let rule = rule.unwrap_or("Azure alert");
    match (title, target) {
        (Some(title), _) => format!("{rule}: {title}"),
        (None, Some(target)) if !rule.contains(target) => format!("{rule}: {target}"),
        (None, _) => rule.to_owned(),
    }
}

/// Smart detection's own form from before the common schema: the alert as Azure's API has it, whose names differ. Facts are
/// from "Smart detection - failure anomalies" (example of the webhook's payload).
fn smart_detection(body: Value) -> Value {
    let part = |pointer: &str| body.pointer(pointer).cloned().unwrap_or_default();
    let essential = |name: &str| part(&format!("/properties/essentials/{name}"));
    json!({"data": {
        "essentials": {
            "alertId": part("/id"),
            "originAlertId": essential("sourceCreatedId"),
            "alertRule": essential("alertRule"),
            "severity": essential("severity"),
            "signalType": essential("signalType"),
            "monitorCondition": essential("monitorCondition"),
            "monitoringService": essential("monitorService"),
            "alertTargetIDs": [essential("targetResource")],
            "firedDateTime": essential("startDateTime"),
            "resolvedDateTime": essential("monitorConditionResolvedDateTime"),
            "description": essential("description"),
        },
        "alertContext": part("/properties/context"),
    }})
}

/// The name at the end of an id of Azure's, which is a path.
fn last_part(id: &str) -> Option<String> {
    id.rsplit('/').find(|part| !part.is_empty()).map(str::to_owned)
}

/// What the alert is about: the names of its items, else the last part of its targets.
fn target(essentials: &Value) -> Option<String> {
    let list = |name: &str| -> Vec<String> {
        let texts = match essentials.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(json::text).collect(),
            Some(other) => json::text(other).into_iter().collect(),
            None => Vec::new(),
        };
        texts.iter().filter_map(|text| last_part(text)).collect()
    };
    let mut names = list("configurationItems");
    if names.is_empty() {
        names = list("alertTargetIDs");
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// The page of an alert in the portal.
fn page(id: &str) -> Option<String> {
    let id = id
        .starts_with("/subscriptions/")
        .then(|| utf8_percent_encode(id, NON_ALPHANUMERIC))?;
    Some(format!(
        "https://portal.azure.com/#blade/Microsoft_Azure_Monitoring/AlertDetailsTemplateBlade/alertId/{id}"
    ))
}

/// The results that a log alert found.
fn add_query_links(event: &mut Event, context: &Value) {
    for pointer in [
        "/condition/allOf/0/linkToFilteredSearchResultsUI",
        "/condition/allOf/0/linkToSearchResultsUI",
        "/linkToFilteredSearchResultsUI",
        "/LinkToSearchResults",
    ] {
        link::add(event, pick::text(context, pointer).as_deref(), "Search results");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_azures_own() {
        for (text, expected) in [
            ("Sev0", Some(Severity::Critical)),
            ("sev1", Some(Severity::Error)),
            ("2", Some(Severity::Warning)),
            ("Sev3", Some(Severity::Info)),
            ("Sev4", Some(Severity::Info)),
            ("Informational", Some(Severity::Info)),
            ("Sev7", None),
        ] {
            assert_eq!(severity(text), expected, "{text}");
        }
    }

    fn one(essentials: Value) -> Normalised {
        common(json!({"data": {"essentials": essentials, "alertContext": null}})).expect("an outcome")
    }

    #[test]
    fn test_payloads_page_nobody() {
        let id = format!("/subscriptions/{TEST_SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/1");
        let outcome = one(
            json!({"alertId": id, "alertRule": "test-metricAlertRule", "severity": "Sev0", "monitorCondition": "Fired"}),
        );
        let Normalised::Event(event) = outcome else {
            panic!("an event")
        };
        assert!(event.is_test);
        assert_eq!(event.severity, Severity::Info);
    }

    #[test]
    fn tests_are_known_by_their_subscription() {
        for id in [
            TEST_SUBSCRIPTION.to_owned(),
            format!("/subscriptions/{TEST_SUBSCRIPTION}"),
            format!("/subscriptions/{TEST_SUBSCRIPTION}/x"),
        ] {
            assert!(is_of_test(&id), "{id}");
        }
        for id in [
            "",
            "1",
            "/subscriptions/",
            "/subscriptions/11111111-1111-1111-1111-1111111111112/x",
        ] {
            assert!(!is_of_test(id), "{id}");
        }
    }

    #[test]
    fn tests_of_what_is_over_are_shown_too() {
        let id = format!("/subscriptions/{TEST_SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/1");
        let context = json!({"properties": {"trackingId": "TEST-TTT", "stage": "Resolved"}});
        let body =
            json!({"data": {"essentials": {"alertId": id, "monitorCondition": "Fired"}, "alertContext": context}});
        let Ok(Normalised::Event(event)) = common(body) else {
            panic!("an event")
        };
        assert_eq!((event.action, event.is_test), (Action::Trigger, true));
    }

    /// Both times are of the sender, and the end is later than the beginning, however late a message comes.
    #[test]
    fn messages_are_put_in_order_by_their_own_times() {
        let at = |condition: &str| {
            let outcome = one(json!({
                "alertId": "a", "monitorCondition": condition, "firedDateTime": "2026-03-02T08:00:00.1234567Z",
                "resolvedDateTime": "2026-03-02T08:05:00Z"
            }));
            match outcome {
                Normalised::Event(event) => event.changed_at.expect("a time"),
                Normalised::Ignored { reason, .. } => panic!("{reason}"),
            }
        };
        assert!(at("Fired") < at("Resolved"));
    }

    #[test]
    fn targets_are_lists_or_text() {
        for targets in [
            json!(["/subscriptions/s/vm/web-1"]),
            json!("/subscriptions/s/vm/web-1/"),
        ] {
            let outcome = one(json!({"alertId": "a", "alertTargetIDs": targets, "monitorCondition": "Resolved"}));
            let Normalised::Event(event) = outcome else {
                panic!("an event")
            };
            assert_eq!(
                (event.source.as_deref(), event.action),
                (Some("web-1"), Action::Resolve)
            );
        }
    }

    #[test]
    fn conditions_that_are_not_known_are_ignored() {
        let outcome = one(json!({"alertId": "a", "monitorCondition": "Paused"}));
        assert!(matches!(outcome, Normalised::Ignored { dedup_key: Some(_), .. }));
        let missing = common(json!({"data": {"essentials": {}}})).map_err(|error| error.field);
        assert_eq!(missing, Err("data.essentials.alertId".into()));
    }
}
