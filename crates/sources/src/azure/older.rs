//! The forms of Azure's alerts from before the common schema: metric alerts (`context` in `data` or at the top), activity
//! log alerts and log alerts.
//!
//! Metric alerts are resolved with the status Deactivated or Resolved. Activity log and log alerts have no state: each is
//! told once, and nothing ends them but people; only what tells of Azure's own health says when it is over.

use std::borrow::Cow;

use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::Value;

use super::{add_query_links, health::health, is_of_test, severity};
use crate::{
    ParseError, hash_hex, json, link,
    normalise::{description, ignored, short},
    pick,
};

/// Reads whichever of them it is.
pub(super) fn read(mut body: Value) -> Result<Normalised, ParseError> {
    let mut data = match body.get_mut("data").map(Value::take) {
        Some(data @ Value::Object(_)) => data,
        _ => body,
    };
    if data.pointer("/context/activityLog").is_some_and(Value::is_object) {
        return Ok(activity_log(data));
    }
    if data.get("context").is_some_and(Value::is_object) {
        return Ok(metric(&mut data));
    }
    if json::field(&data, "AlertRuleName").is_some() || json::field(&data, "SearchQuery").is_some() {
        return Ok(log(data));
    }
    if json::field(&data, "BudgetName").is_some() {
        return Ok(budget(data));
    }
    Err(ParseError::new(
        "data.essentials",
        "is missing, and it is none of the older forms either",
    ))
}

/// A metric alert. The rule alone does not name it: one rule watches many resources and dimensions.
fn metric(data: &mut Value) -> Normalised {
    let text = |name: &str| pick::text(data, &format!("/context/{name}"));
    let rule = text("id").or_else(|| text("name"));
    let Some(rule) = rule else {
        return ignored(None, "It does not say which rule it is.");
    };
    let mut parts: Vec<String> = data
        .pointer("/context/condition/allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|condition| condition.get("dimensions")?.as_array())
        .flatten()
        .filter_map(|dimension| {
            Some(format!(
                "{}={}",
                pick::text(dimension, "/name")?,
                pick::text(dimension, "/value")?
            ))
        })
        .collect();
    parts.sort_unstable();
    parts.dedup();
    parts.insert(0, text("resourceId").unwrap_or_default().to_ascii_lowercase());
    let key = format!(
        "azure:{}:{}",
        rule.to_ascii_lowercase(),
        hash_hex(parts.iter().map(String::as_str))
    );
    let status = pick::word(data, "/status");
    let action = match status.as_deref() {
        Some("activated" | "fired") | None => Action::Trigger,
        Some("deactivated" | "resolved") => Action::Resolve,
        Some(other) => return ignored(Some(key), format!("The status {other} is not known.")),
    };
    let severity = text("severity")
        .and_then(|word| severity(&word))
        .unwrap_or(Severity::Warning);
    let name = text("name").unwrap_or_else(|| rule.clone());
    let resource = text("resourceName");
    let summary = match &resource {
        Some(resource) if !name.contains(&**resource) => format!("{name}: {resource}"),
        _ => name.clone().into_owned(),
    };
    let mut event = Event::new(action, key, severity, summary);
    event.description = description(text("description"), &event.summary);
    event.source = short(resource);
    event.component = short(text("resourceType"));
    event.group = short(text("resourceGroupName"));
    event.class = short(Some(name));
    event.occurred_at = pick::time(data, &["/context/timestamp"]);
    link::add(&mut event, text("portalLink").as_deref(), "Azure portal");
    event.is_test = is_of_test(&rule);
    if event.is_test {
        event.severity = Severity::Info;
    }
    event.details = data.take();
    Normalised::Event(Box::new(event))
}

/// An entry of the activity log: something was done, or Azure itself is not well.
fn activity_log(mut data: Value) -> Normalised {
    let log = data.pointer("/context/activityLog").cloned().unwrap_or_default();
    let text = |name: &str| json::text_at(&log, name);
    let health = health(&log, text("resourceId").as_deref());
    let parts = [text("correlationId"), text("resourceId"), text("operationName")];
    if health.is_none() && parts.iter().all(Option::is_none) {
        return ignored(None, "It does not say what was done to what.");
    }
    let is_test = ["resourceId", "subscriptionId"]
        .iter()
        .any(|name| text(name).is_some_and(|id| is_of_test(&id)));
    let (key, is_over, changed_at) = match health {
        Some(health) => (health.key, health.is_over, health.at),
        None => {
            let parts = parts.iter().map(|part| part.as_deref().unwrap_or_default());
            (format!("azure:activity-log:{}", hash_hex(parts)), false, None)
        }
    };
    let action = if is_over && !is_test {
        Action::Resolve
    } else {
        Action::Trigger
    };
    let severity = text("level")
        .and_then(|word| severity(&word))
        .unwrap_or(Severity::Warning);
    let title = pick::text(&log, "/properties/title").or_else(|| text("operationName"));
    let resource = text("resourceId").and_then(|id| id.rsplit('/').next().map(str::to_owned));
    let title = title.unwrap_or_else(|| "Activity log alert".into());
    let summary = match (&resource, text("status")) {
        (Some(resource), Some(status)) => format!("{title} on {resource}: {status}"),
        (Some(resource), None) => format!("{title} on {resource}"),
        (None, _) => title.clone().into_owned(),
    };
    let mut event = Event::new(action, key, severity, summary);
    event.description = description(
        text("description").or_else(|| pick::first(&log, &["/properties/communication", "/properties/details"])),
        &event.summary,
    );
    event.source = short(resource.map(Cow::Owned));
    event.component = short(text("resourceProviderName").or_else(|| text("resourceType")));
    event.group = short(text("resourceGroupName"));
    event.class = short(text("eventSource"));
    event.occurred_at = pick::time(&log, &["/eventTimestamp", "/submissionTimestamp"]);
    event.changed_at = changed_at;
    event.is_test = is_test;
    if event.is_test {
        event.severity = Severity::Info;
    }
    event.details = data.take();
    Normalised::Event(Box::new(event))
}

/// A log alert: a query found something.
fn log(data: Value) -> Normalised {
    let text = |name: &str| json::text_at(&data, name);
    let Some(rule) = text("AlertRuleName").or_else(|| text("SearchQuery")) else {
        return ignored(None, "It does not say which rule it is.");
    };
    let subscription = text("SubscriptionId").unwrap_or_default();
    let key = format!(
        "azure:log:{}:{}",
        subscription.to_ascii_lowercase(),
        rule.to_ascii_lowercase()
    );
    let severity = text("Severity")
        .and_then(|word| severity(&word))
        .unwrap_or(Severity::Warning);
    let count = text("ResultCount")
        .map(|count| format!(" ({count} results)"))
        .unwrap_or_default();
    let mut event = Event::new(Action::Trigger, key, severity, format!("{rule}{count}"));
    event.description = description(text("Description").or_else(|| text("SearchQuery")), &event.summary);
    event.class = short(Some(rule.clone()));
    event.occurred_at = pick::time(&data, &["/SearchIntervalEndtimeUtc", "/SearchIntervalEndTimeUtc"]);
    add_query_links(&mut event, &data);
    event.is_test = is_of_test(&subscription);
    if event.is_test {
        event.severity = Severity::Info;
    }
    event.details = data.clone();
    Normalised::Event(Box::new(event))
}

/// A budget of which too much is spent, as Cost Management tells an action group that does not use the common schema
/// ("Manage costs with budgets": the schema `AIP Budget Notification`). It is told once for each threshold, and the next
/// period begins without a word.
fn budget(data: Value) -> Normalised {
    let text = |name: &str| json::text_at(&data, name);
    let name = text("BudgetName").unwrap_or_default();
    let subscription = text("SubscriptionId").unwrap_or_default();
    let group = text("ResourceGroup").unwrap_or_default();
    let key = format!("azure:budget:{subscription}:{group}:{name}").to_ascii_lowercase();
    let summary = match (text("SpendingAmount"), text("Budget")) {
        (Some(spent), Some(budget)) => {
            let unit = text("Unit").map(|unit| format!(" {unit}")).unwrap_or_default();
            format!("Budget {name}: {spent} of {budget}{unit} are spent")
        }
        _ => format!("Budget {name}: too much is spent"),
    };
    let mut event = Event::new(Action::Trigger, key, Severity::Warning, summary);
    event.source = short(text("SubscriptionName"));
    event.component = short(text("BudgetType"));
    event.group = short(Some(group).filter(|group| !group.is_empty()));
    event.class = short(Some(name));
    event.is_test = is_of_test(&subscription);
    if event.is_test {
        event.severity = Severity::Info;
    }
    event.details = data.clone();
    Normalised::Event(Box::new(event))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metric_event(status: &str, dimensions: Value) -> Event {
        let body = json!({"data": {"status": status, "context": {
            "id": "/subscriptions/S/Rule", "name": "Rule", "resourceId": "/VM/Web-1",
            "condition": {"allOf": [{"dimensions": dimensions}]}
        }}});
        match read(body).expect("an outcome") {
            Normalised::Event(event) => *event,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        }
    }

    #[test]
    fn one_rule_watches_many_things() {
        let a = json!([{"name": "Api", "value": "Get"}, {"name": "Geo", "value": "Primary"}]);
        let turned = json!([{"name": "Geo", "value": "Primary"}, {"name": "Api", "value": "Get"}]);
        let b = json!([{"name": "Api", "value": "Put"}]);
        assert_eq!(
            metric_event("Activated", a.clone()).dedup_key,
            metric_event("Deactivated", turned).dedup_key
        );
        assert_ne!(
            metric_event("Activated", a).dedup_key,
            metric_event("Activated", b).dedup_key
        );
        assert_eq!(metric_event("Deactivated", Value::Null).action, Action::Resolve);
    }

    #[test]
    fn a_log_alert_without_a_rule_has_no_name() {
        for name in [json!({"AlertRuleName": "x"}), json!([]), json!(" ")] {
            let outcome = read(json!({"schemaId": "Microsoft.Insights/LogAlert", "data": {"AlertRuleName": name}}));
            assert_eq!(outcome, Ok(ignored(None, "It does not say which rule it is.")));
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for body in [json!({}), json!({"data": null}), json!({"data": {"context": 5}})] {
            assert_eq!(read(body).map_err(|error| error.field), Err("data.essentials".into()));
        }
    }
}
