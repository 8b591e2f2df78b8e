//! Elastic: actions of Kibana's alerting rules, one alert at a time or as a summary, and Elasticsearch's Watcher.
//!
//! The body is a Mustache template of the user's; the action group tells an alert from its recovery. Facts are from
//! elastic.co/guide/en/kibana/current/rule-action-variables.html (the variables, what a summary holds, and that triple
//! braces do not escape), the same page of version 7 (`alertId` is the rule there, `alertInstanceId` the alert), "Watcher
//! webhook action" and the action groups in elastic/kibana's rule types. A watch never says that it is over.

use std::{borrow::Cow, collections::HashSet};

use http::Method;
use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    ALERTS_MAX, Category, ParseError, Request, Source,
    guide::Facts,
    input, json as lenient, link,
    mapping::FieldMapping,
    normalise::{self, ignored},
    path,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    template::{Style, is_unfilled},
    when,
};

/// The same thing under the names of Kibana's variables, of the fields of its alert documents, and of people's templates.
const RULE_ID: &[&str] = &[
    "rule.id",
    "ruleId",
    "rule_id",
    "kibana.alert.rule.uuid",
    "context.rule.id",
];
const RULE_NAME: &[&str] = &[
    "rule.name",
    "ruleName",
    "rule_name",
    "kibana.alert.rule.name",
    "alertName",
    "alert_name",
    "context.rule.name",
];
const ALERT_ID: &[&str] = &["alert.id", "alertId", "alert_id", "kibana.alert.instance.id"];
/// The alert in templates of Kibana 7, in which `alertId` is the rule.
const INSTANCE_ID: &[&str] = &["alertInstanceId", "alert_instance_id", "alert.instanceId"];
const RULE_ID_OF_7: &[&str] = &["alertId", "alert_id"];
const ALERT_UUID: &[&str] = &["alert.uuid", "alert_uuid", "kibana.alert.uuid"];
const GROUP: &[&str] = &[
    "alert.actionGroup",
    "actionGroup",
    "action_group",
    "alertActionGroup",
    "kibana.alert.action_group",
];
const STATUS: &[&str] = &[
    "status",
    "state",
    "alert.status",
    "kibana.alert.status",
    "event.action",
    "alert.actionGroupName",
];
const SEVERITY: &[&str] = &[
    "kibana.alert.severity",
    "alert.severity",
    "context.severity",
    "context.rule.severity",
    "severity",
    "priority",
];
const REASON: &[&str] = &[
    "context.reason",
    "reason",
    "alert.reason",
    "kibana.alert.reason",
    "context.title",
    "context.message",
    "message",
];
const TEXT: &[&str] = &[
    "context.message",
    "message",
    "description",
    "context.reason",
    "reason",
    "alert.reason",
    "kibana.alert.reason",
];
const HOST: &[&str] = &[
    "host.name",
    "hostname",
    "host",
    "source",
    "context.host.name",
    "context.group",
    "service.name",
];
const TIME: &[&str] = &["date", "timestamp", "context.timestamp", "context.date", "@timestamp"];
const WATCH_ID: &[&str] = &["watch_id", "ctx.watch_id", "watchId"];
const LINKS: &[(&str, &str)] = &[
    ("context.alertDetailsUrl", "Alert"),
    ("kibana.alert.url", "Alert"),
    ("context.viewInAppUrl", "View in Kibana"),
    ("context.link", "View in Kibana"),
    ("context.results_link", "View in Kibana"),
    ("rule.url", "Rule"),
    ("link", "Kibana"),
    ("url", "Kibana"),
];
/// The lists of a summary, and what is in each of them.
const SUMMARY_LISTS: &[(&str, Option<Action>)] = &[
    ("new", Some(Action::Trigger)),
    ("ongoing", Some(Action::Trigger)),
    ("recovered", Some(Action::Resolve)),
];
/// The list of all of them, in which each alert says itself what it is. It counts where there is no other.
const SUMMARY_OF_ALL: &[(&str, Option<Action>)] = &[("all", None)];

/// Elastic.
#[derive(Debug)]
pub(crate) struct Elastic;

impl Source for Elastic {
    fn slug(&self) -> &'static str {
        "elastic"
    }

    fn type_name(&self) -> &'static str {
        "ELASTIC"
    }

    fn title(&self) -> &'static str {
        "Elastic / Kibana"
    }

    fn tagline(&self) -> &'static str {
        "Kibana's alerting rules, one by one or as summaries, and Elasticsearch Watcher"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = input::read_template(request)?;
        match body.get("alerts") {
            Some(Value::Object(_)) => return summary(body),
            // Detection rules have a list of their alerts in `context.alerts`, which people write out under this name.
            Some(Value::Array(items)) if items.iter().any(Value::is_object) => return listed(body),
            _ => {}
        }
        normalise::each(body, |body| {
            if text(&body, WATCH_ID).is_some() {
                watch(body)
            } else {
                alert(body, None)
            }
        })
    }

    /// Kibana's webhook connector offers POST and PUT ("Webhook connector and action", Method).
    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST || *method == Method::PUT
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Elastic cannot sign its requests. Leave the secret empty, or require the integration key and give it \
                   in the connector: as the password of basic authentication, or as the header X-Integration-Key.",
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "The webhook connector's body with the variables of one alert (`rule.id`, `alert.id`, `alert.actionGroup`), \
                 as they are called in Kibana 8 and 9, and in Kibana 7 (`alertId`, `alertInstanceId`)",
                "A summary of alerts: `alerts.new`, `alerts.ongoing` and `alerts.recovered`, or `alerts.all`, each alert on \
                 its own; where only counts are sent, one alert for the rule",
                "Documents of Kibana's alert indices (`kibana.alert.…`), one or a list",
                "Watcher's webhook action with `watch_id`",
            ],
            triggers: "Every action group but the recovered one, new and ongoing alerts of a summary, every watch that fires",
            acknowledges: "",
            resolves: "The action group `recovered` and its kin, recovered alerts of a summary, and alerts that Kibana no \
                       longer tracks (`untracked`). A watch only where its body says `\"status\": \"ok\"` or the like",
            ignores: "Summaries without alerts, and the end of an alert that the same summary has as active again",
            tests: "The connector's own test, which leaves the variables as they are written",
            severity: "`severity` in the body or in the alert, of which high is error; else the action group's last word, of which the SLO burn rate \
                       rule's `alert` is critical and `high` is error. A warning where nothing is said",
            key: "`elastic:` with the rule's id and the alert's id; `elastic:watch:` with the watch's id",
            ordered_by: "`date`, which is when Kibana scheduled the action. Watches are not ordered",
            delivery: "",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Kibana, open Stack Management, Connectors, and create a Webhook connector: method POST and the URL below.",
                "In your rule, add an action with this connector, For each alert, On status changes. Run it when: Query \
                 matched, Threshold met, or whatever your rule knows. Paste the body below.",
                "Add the same action once more and run it when: Recovered. Without it incidents stay open.",
                "Or add one action of the frequency Summary of alerts, with the body for summaries.",
                "For a watch, add a webhook action with the body below. A watch never tells that it is over.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://www.elastic.co/docs/explore-analyze/alerts-cases/alerts/rule-action-variables"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "rule": {"id": "opsknight-test", "name": "Test alert from Elastic", "tags": "opsknight", "url": ""},
            "alert": {"id": "*", "uuid": "00000000-0000-4000-8000-000000000000", "actionGroup": "query matched", "actionGroupName": "Query matched"},
            "context": {"reason": "", "message": "Somebody is trying out this integration. Nothing is wrong."},
            "severity": "info",
            "kibanaBaseUrl": "",
            "date": now.to_string()
        }))
    }
}

/// Mustache's double braces escape for JSON; its lists leave a comma at the end, which is forgiven here.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Connector URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Body for each alert and for its recovery",
        language: "json",
        template: "{\n  \"rule\": {\n    \"id\": \"{{rule.id}}\",\n    \"name\": \"{{rule.name}}\",\n    \"tags\": \"{{rule.tags}}\",\n    \"url\": \"{{rule.url}}\"\n  },\n  \"alert\": {\n    \"id\": \"{{alert.id}}\",\n    \"uuid\": \"{{alert.uuid}}\",\n    \"actionGroup\": \"{{alert.actionGroup}}\",\n    \"actionGroupName\": \"{{alert.actionGroupName}}\",\n    \"flapping\": \"{{alert.flapping}}\"\n  },\n  \"context\": {\n    \"reason\": \"{{context.reason}}\",\n    \"message\": \"{{context.message}}\",\n    \"alertDetailsUrl\": \"{{context.alertDetailsUrl}}\"\n  },\n  \"severity\": \"error\",\n  \"kibanaBaseUrl\": \"{{kibanaBaseUrl}}\",\n  \"date\": \"{{date}}\"\n}\n",
    },
    Snippet {
        name: "Body for a summary of alerts",
        language: "json",
        template: "{\n  \"rule\": { \"id\": \"{{rule.id}}\", \"name\": \"{{rule.name}}\", \"url\": \"{{rule.url}}\" },\n  \"alerts\": {\n    \"new\": { \"count\": {{alerts.new.count}}, \"data\": [ {{#alerts.new.data}}{ \"alert_id\": \"{{kibana.alert.instance.id}}\", \"alert_uuid\": \"{{kibana.alert.uuid}}\", \"reason\": \"{{kibana.alert.reason}}\" },{{/alerts.new.data}} ] },\n    \"ongoing\": { \"count\": {{alerts.ongoing.count}}, \"data\": [ {{#alerts.ongoing.data}}{ \"alert_id\": \"{{kibana.alert.instance.id}}\", \"alert_uuid\": \"{{kibana.alert.uuid}}\", \"reason\": \"{{kibana.alert.reason}}\" },{{/alerts.ongoing.data}} ] },\n    \"recovered\": { \"count\": {{alerts.recovered.count}}, \"data\": [ {{#alerts.recovered.data}}{ \"alert_id\": \"{{kibana.alert.instance.id}}\", \"alert_uuid\": \"{{kibana.alert.uuid}}\", \"reason\": \"{{kibana.alert.reason}}\" },{{/alerts.recovered.data}} ] }\n  },\n  \"severity\": \"error\",\n  \"kibanaBaseUrl\": \"{{kibanaBaseUrl}}\",\n  \"date\": \"{{date}}\"\n}\n",
    },
    Snippet {
        name: "Body of a watch's webhook action",
        language: "json",
        template: "{\n  \"watch_id\": \"{{ctx.watch_id}}\",\n  \"id\": \"{{ctx.id}}\",\n  \"name\": \"{{ctx.metadata.name}}\",\n  \"message\": \"{{ctx.payload.hits.total}} hits\",\n  \"severity\": \"error\",\n  \"date\": \"{{ctx.execution_time}}\"\n}\n",
    },
];

/// The first text at one of several paths that was filled in.
fn text<'v>(body: &'v Value, paths: &[&str]) -> Option<Cow<'v, str>> {
    let found = paths.iter().filter_map(|name| lenient::text(path::follow(body, name)?));
    found.into_iter().find(|text| !is_unfilled(text, Style::Mustache))
}

/// Whether one of several paths holds a variable that was not filled in, as the connector's own test sends it.
fn has_unfilled(body: &Value, paths: &[&str]) -> bool {
    let mut found = paths.iter().filter_map(|name| lenient::text(path::follow(body, name)?));
    found.any(|text| is_unfilled(&text, Style::Mustache))
}

/// One alert; in a summary, the list in which it stands tells what is to be done.
fn alert(body: Value, told: Option<Action>) -> Result<Normalised, ParseError> {
    let instance = text(&body, INSTANCE_ID);
    let rule_of_7 = || instance.as_ref().and_then(|_| text(&body, RULE_ID_OF_7));
    let rule = text(&body, RULE_ID).or_else(rule_of_7);
    let rule_name = text(&body, RULE_NAME);
    let alert = instance.clone().or_else(|| text(&body, ALERT_ID));
    let uuid = text(&body, ALERT_UUID);
    let is_test =
        rule.is_none() && alert.is_none() && uuid.is_none() && has_unfilled(&body, &[RULE_ID, ALERT_ID].concat());
    // Many rules call their only alert "query matched" or "*": only the rule's id tells it from another rule's.
    let key = match (rule.as_ref().or(rule_name.as_ref()), alert.as_ref().or(uuid.as_ref())) {
        (Some(rule), Some(alert)) => format!("elastic:{rule}:{alert}"),
        (Some(rule), None) => format!("elastic:{rule}"),
        (None, Some(alert)) => format!("elastic::{alert}"),
        (None, None) if is_test => "elastic".into(),
        (None, None) => return Err(ParseError::new("rule.id", "is missing, and so is alert.id")),
    };
    let group = text(&body, GROUP);
    let action = told.unwrap_or_else(|| action(group.as_deref(), text(&body, STATUS).as_deref()));
    let name = rule_name.or_else(|| rule.clone());
    let reason = text(&body, REASON);
    let summary = match (name.as_deref(), reason.as_deref().map(normalise::first_line)) {
        (Some(name), Some(reason)) if !reason.contains(name) => format!("{name}: {reason}"),
        (_, Some(reason)) => reason.to_owned(),
        (Some(name), None) => match alert.as_deref() {
            Some(alert) if !matches!(alert, "*" | "query matched") => format!("{name}: {alert}"),
            _ => name.to_owned(),
        },
        (None, None) => "Elastic alert".into(),
    };
    let mut event = Event::new(action, key, severity(&body, group.as_deref()), summary);
    event.component = normalise::short(alert.clone().filter(|alert| !matches!(&**alert, "*" | "query matched")));
    event.group = normalise::short(text(&body, &["rule.tags", "tags"]));
    event.class = normalise::short(group.clone());
    finish(&mut event, &body, rule.as_deref());
    // Both the action of an alert and that of its recovery have the time at which Kibana scheduled them. What else people
    // write as a time may be the beginning of the alert, which says nothing about the order.
    event.changed_at = path::follow(&body, "date").and_then(when::read);
    if is_test {
        normalise::mark_test(&mut event);
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// What alerts and watches have in common.
fn finish(event: &mut Event, body: &Value, rule: Option<&str>) {
    event.description = normalise::description(text(body, TEXT), &event.summary);
    event.source = normalise::short(text(body, HOST));
    event.occurred_at = TIME.iter().find_map(|name| when::read(path::follow(body, name)?));
    for (name, words) in LINKS {
        link::add(event, text(body, &[name]).as_deref(), words);
    }
    if let Some(base) = text(body, &["kibanaBaseUrl", "kibana_base_url"])
        && event.links.is_empty()
    {
        let base = base.trim_end_matches('/');
        let address = rule.map(|rule| format!("{base}/app/management/insightsAndAlerting/triggersActions/rule/{rule}"));
        link::add(event, Some(address.as_deref().unwrap_or(base)), "Kibana");
    }
}

/// The action group tells, and only where it does not, the status. An alert that Kibana no longer tracks, because its
/// rule was switched off, will never recover: it is over.
fn action(group: Option<&str>, status: Option<&str>) -> Action {
    // Some rule types have a group of their own for it: `anomaly_detection_realtime_recovered` of machine learning,
    // `notGeoContained` of tracking containment.
    let is_over = |word: &str| {
        let word = word.to_ascii_lowercase();
        let mut words = word.split(|c: char| !c.is_ascii_alphanumeric());
        words.any(|word| word == "recovered")
            || matches!(
                word.as_str(),
                "untracked" | "resolved" | "ok" | "close" | "closed" | "inactive" | "notgeocontained"
            )
    };
    if group.is_some_and(is_over) || status.is_some_and(is_over) {
        Action::Resolve
    } else {
        Action::Trigger
    }
}

/// Elastic's own scale is low, medium, high and critical ("Create a detection rule"): high is not the top of it.
fn by_word(word: &str) -> Option<Severity> {
    match word.trim().eq_ignore_ascii_case("high") {
        true => Some(Severity::Error),
        false => Severity::from_vendor_word(word),
    }
}

/// What the body says, else what the action group is called (`metrics.threshold.warning`), else a warning.
fn severity(body: &Value, group: Option<&str>) -> Severity {
    let said = SEVERITY.iter().find_map(|name| by_word(&text(body, &[name])?));
    let by_group = || {
        let group = group?;
        let word = group.rsplit('.').next()?;
        if let Some(step) = group.strip_prefix("slo.burnRate.") {
            // Its four groups are called Critical, High, Medium and Low.
            match step {
                "alert" => return Some(Severity::Critical),
                "high" => return Some(Severity::Error),
                _ => {}
            }
        }
        if matches!(word.to_ascii_lowercase().as_str(), "nodata" | "no data") {
            return Some(Severity::Warning);
        }
        Severity::from_vendor_word(word)
    };
    said.or_else(by_group).unwrap_or(Severity::Warning)
}

/// A watch, each time it fires.
fn watch(body: Value) -> Result<Normalised, ParseError> {
    let id = text(&body, WATCH_ID).unwrap_or_default();
    let name = text(&body, &["name", "metadata.name", "ctx.metadata.name"]).unwrap_or_else(|| id.clone());
    let reason = text(&body, &["summary", "title", "subject", "message", "text"]);
    let summary = match reason.as_deref().map(normalise::first_line) {
        Some(reason) if !reason.contains(&*name) => format!("{name}: {reason}"),
        Some(reason) => reason.to_owned(),
        None => format!("Watch {name}"),
    };
    let action = action(
        text(&body, &["action", "event_action"]).as_deref(),
        text(&body, &["status", "state"]).as_deref(),
    );
    let mut event = Event::new(action, format!("elastic:watch:{id}"), severity(&body, None), summary);
    event.class = Some("watch".into());
    finish(&mut event, &body, None);
    let executed = ["ctx.execution_time", "execution_time", "ctx.trigger.triggered_time"];
    event.occurred_at = event
        .occurred_at
        .or_else(|| executed.iter().find_map(|name| when::read(path::follow(&body, name)?)));
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// A summary: each alert of each list; where a list only has a count, one event stands for all of the rule's alerts.
fn summary(mut body: Value) -> Result<Vec<Normalised>, ParseError> {
    let lists = body.get_mut("alerts").map(Value::take).unwrap_or_default();
    let common = normalise::common(body);
    let mut outcomes = Vec::new();
    let mut counted = None;
    let names = match SUMMARY_LISTS.iter().any(|(name, _)| lists.get(name).is_some()) {
        true => SUMMARY_LISTS,
        false => SUMMARY_OF_ALL,
    };
    for (name, action) in names {
        let at = format!("alerts.{name}.data");
        let list = lists.get(name).unwrap_or(&Value::Null);
        let data = data(list.get("data"));
        if outcomes.len() + data.len() > ALERTS_MAX {
            return Err(ParseError::new(at, format!("holds more than {ALERTS_MAX} alerts")));
        }
        if data.is_empty() {
            let count = list
                .get("count")
                .and_then(lenient::text)
                .and_then(|count| count.parse::<u64>().ok());
            if count.is_some_and(|count| count > 0) {
                // Something that goes on counts more than something that is over.
                counted = counted.or(Some(action.unwrap_or(Action::Trigger)));
            }
            continue;
        }
        outcomes.extend(normalise::list(data, &at, |one| {
            alert(normalise::with_common(one, &common), *action)
        })?);
    }
    if let Some(action) = counted.filter(|_| outcomes.is_empty()) {
        outcomes.push(alert(Value::Object(common), Some(action))?);
    }
    if outcomes.is_empty() {
        outcomes.push(ignored(None, "The summary holds no alerts."));
    }
    Ok(active_wins(outcomes))
}

/// An alert that ended and began again between two summaries stands in both lists, each time with another uuid. What is
/// active now counts, in whichever order the lists are written.
fn active_wins(outcomes: Vec<Normalised>) -> Vec<Normalised> {
    let active: HashSet<String> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Normalised::Event(event) if event.action == Action::Trigger => Some(event.dedup_key.clone()),
            Normalised::Event(_) | Normalised::Ignored { .. } => None,
        })
        .collect();
    let outcomes = outcomes.into_iter().map(|outcome| match outcome {
        Normalised::Event(event) if event.action == Action::Resolve && active.contains(&event.dedup_key) => ignored(
            Some(event.dedup_key),
            "It ended and began again: it is among the active alerts, too.",
        ),
        other => other,
    });
    outcomes.collect()
}

/// A list of alerts that say themselves what they are.
fn listed(mut body: Value) -> Result<Vec<Normalised>, ParseError> {
    let items = data(body.get_mut("alerts").map(Value::take).as_ref());
    let common = normalise::common(body);
    normalise::list(items, "alerts", |one| alert(normalise::with_common(one, &common), None))
}

/// A list of alerts, which some templates write as text.
fn data(data: Option<&Value>) -> Vec<Value> {
    match data {
        Some(Value::Array(items)) => items.iter().filter(|item| !item.is_null()).cloned().collect(),
        Some(Value::String(text)) => match lenient::parse_template(format!("[{text}]").as_bytes()) {
            Ok(Value::Array(mut items)) => match items.first_mut() {
                Some(Value::Array(inner)) if text.trim_start().starts_with('[') => std::mem::take(inner),
                _ => items.into_iter().filter(Value::is_object).collect(),
            },
            _ => Vec::new(),
        },
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
