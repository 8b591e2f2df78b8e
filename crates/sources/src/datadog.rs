//! Datadog's webhooks integration: a payload that the user writes as a template, or Datadog's default one.
//!
//! What is to be done is told by the transition, else by the alert type, else by the words in brackets before the title.
//! Facts are from docs.datadoghq.com/integrations/webhooks: all variables are text, `$ALERT_TRANSITION` and
//! `$ALERT_TYPE` have the values below, a custom payload may be sent as a form, and only 5xx is tried again.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    hash_hex, header_delivery_id, input, link,
    mapping::FieldMapping,
    normalise::{self, ignored},
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
    template::{Fields, Style},
};

// People name the fields of their payloads themselves, mostly as the variables or as the receivers of other products do.
const TITLE_NAMES: &[&str] = &["title", "alert_title", "event_title", "alertTitle", "eventTitle"];
const TRANSITION_NAMES: &[&str] = &["alert_transition", "alertTransition", "transition"];
const KEY_NAMES: &[&str] = &["aggregation_key", "aggreg_key", "aggregationKey", "aggregKey"];
const MONITOR_NAMES: &[&str] = &["alert_id", "monitor_id", "alertId", "monitorId"];
const SCOPE_NAMES: &[&str] = &["alert_scope", "alertScope", "scope"];
const PRIORITY_NAMES: &[&str] = &["alert_priority", "alertPriority", "priority"];
const TEXT_NAMES: &[&str] = &["body", "text", "message", "text_only_msg", "event_msg", "eventMsg"];

/// Datadog.
#[derive(Debug)]
pub(crate) struct Datadog;

impl Source for Datadog {
    fn slug(&self) -> &'static str {
        "datadog"
    }

    fn type_name(&self) -> &'static str {
        "DATADOG"
    }

    fn title(&self) -> &'static str {
        "Datadog"
    }

    fn tagline(&self) -> &'static str {
        "Alerts of Datadog's monitors, with their recovery, snapshot and priority"
    }

    fn category(&self) -> Category {
        Category::Monitoring
    }

    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        normalise::each(input::read_template(request)?, alert)
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "Datadog cannot sign its requests. Leave the secret empty, or require the integration key and give it \
                   as a custom header: {\"X-Integration-Key\": \"…\"}.",
        }
    }

    /// `$ID` names the event, which Datadog sends again as it was when it saw no answer. A template may put another id
    /// there, so the rest of the body counts as well: an alert and its recovery are never taken for one delivery.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(request, &["webhook-id", "idempotency-key"]).or_else(|| {
            let body = input::read_template(request).ok()?;
            let id = Fields::new(&body, Style::Dollar).text("id")?;
            Some(hash_hex([&*id, &String::from_utf8_lossy(request.body)]))
        })
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "the payload below, and any other with the names of Datadog's variables, as JSON or as a form",
                "Datadog's default payload, by the words in brackets before its title",
                "a list of them",
            ],
            triggers: "the transitions Triggered, Re-Triggered, Warn, Re-Warn, No Data, Re-No Data and Renotify, else the alert \
                       types error and warning",
            acknowledges: "",
            resolves: "the transition Recovered, else the alert type success",
            ignores: "events that no monitor sent, such as a comment that mentions the webhook",
            tests: "the monitor's Test Notifications, by `[TEST]` in the title",
            severity: "error critical, warning and missing data warning, info info; the monitor's priority makes it milder: P2 error, P3 \
                       warning, P4 and P5 info",
            key: "`datadog:` and `aggregation_key`; else `alert_id` with the tags of `alert_scope`; else the title without \
                  its brackets",
            ordered_by: "`date`, else `last_updated`: each transition is an event with its own",
            delivery: "`id` together with the body",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Datadog, open Integrations, then Webhooks, and create a webhook named OpsKnight with the URL below.",
                "Paste the payload below, so that incidents close by themselves and each group of a multi alert is one of \
                 its own. Datadog's default payload works too, by the words in its titles.",
                "Optional: require the integration key here and paste the custom headers below.",
                "Add @webhook-OpsKnight to the message of your monitors, outside of {{#is_alert}}, so that recoveries are sent too.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.datadoghq.com/integrations/webhooks/"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        Sample::json(&json!({
            "id": format!("opsknight-test-{}", now.as_second()),
            "title": "[Triggered] Test alert from Datadog",
            "body": "Somebody is trying out this integration. Nothing is wrong.",
            "alert_type": "error",
            "alert_transition": "Triggered",
            "aggregation_key": "opsknight-test",
            "alert_id": "1",
            "alert_scope": "",
            "alert_priority": "P5",
            "hostname": "test.example",
            "date": now.as_millisecond().to_string(),
            "tags": "opsknight:test"
        }))
    }
}

/// The payload, and what some add to it.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Webhook URL",
        language: "text",
        template: "{url}",
    },
    Snippet {
        name: "Payload",
        language: "json",
        template: "{\n  \"id\": \"$ID\",\n  \"title\": \"$EVENT_TITLE\",\n  \"body\": \"$TEXT_ONLY_MSG\",\n  \"alert_type\": \"$ALERT_TYPE\",\n  \"alert_transition\": \"$ALERT_TRANSITION\",\n  \"aggregation_key\": \"$AGGREG_KEY\",\n  \"alert_id\": \"$ALERT_ID\",\n  \"alert_cycle_key\": \"$ALERT_CYCLE_KEY\",\n  \"alert_scope\": \"$ALERT_SCOPE\",\n  \"alert_priority\": \"$ALERT_PRIORITY\",\n  \"alert_status\": \"$ALERT_STATUS\",\n  \"alert_metric\": \"$ALERT_METRIC\",\n  \"alert_query\": \"$ALERT_QUERY\",\n  \"event_type\": \"$EVENT_TYPE\",\n  \"hostname\": \"$HOSTNAME\",\n  \"link\": \"$LINK\",\n  \"snapshot\": \"$SNAPSHOT\",\n  \"tags\": \"$TAGS\",\n  \"org\": { \"id\": \"$ORG_ID\", \"name\": \"$ORG_NAME\" },\n  \"date\": \"$DATE\",\n  \"last_updated\": \"$LAST_UPDATED\"\n}\n",
    },
    Snippet {
        name: "Custom headers, where the integration key is required",
        language: "json",
        template: "{ \"X-Integration-Key\": \"{key}\" }\n",
    },
];

/// What an alert's transition, type or title says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Alert,
    Warn,
    NoData,
    Recovered,
}

/// One alert of the payload.
fn alert(body: Value) -> Result<Normalised, ParseError> {
    let fields = Fields::new(&body, Style::Dollar);
    let heading = fields
        .first(TITLE_NAMES)
        .map(|title| Heading::read(&title))
        .unwrap_or_default();
    let monitor = fields.first(MONITOR_NAMES);
    let kind = fields
        .first(&["alert_type", "alertType"])
        .map(|kind| kind.to_ascii_lowercase());
    let told = fields.first(TRANSITION_NAMES).and_then(|word| transition(&word));
    let by_kind = match kind.as_deref() {
        Some("success" | "recovery") => Some(State::Recovered),
        Some("error") => Some(State::Alert),
        Some("warning") => Some(State::Warn),
        _ => None,
    };
    // An alert type of "error" says less than "[No data]" in the title, "success" says more.
    let by_title = heading.state.filter(|_| by_kind != Some(State::Recovered));
    let Some(state) = told
        .or(by_title)
        .or(by_kind)
        .or(monitor.is_some().then_some(State::Alert))
    else {
        if fields.first(TITLE_NAMES).is_none() && fields.first(TEXT_NAMES).is_none() {
            return Err(ParseError::new(
                "title",
                "is missing, and nothing else says what it is about",
            ));
        }
        let reason = "It is an event of Datadog's that no monitor sent: neither a transition nor an alert type tells \
                      whether something is wrong.";
        return Ok(ignored(None, reason));
    };
    let summary = summary(fields, &heading, monitor.as_deref());
    let action = if state == State::Recovered {
        Action::Resolve
    } else {
        Action::Trigger
    };
    let mut event = Event::new(
        action,
        key(fields, &heading, monitor.as_deref()),
        severity(fields, state, &kind),
        summary,
    );
    // Datadog marks Markdown by these signs before and after it.
    let text = fields.first(TEXT_NAMES).map(|text| Cow::Owned(text.replace("%%%", "")));
    event.description = normalise::description(text, &event.summary);
    event.source = normalise::short(fields.first(&["hostname", "host"]));
    event.component = normalise::short(fields.first(SCOPE_NAMES).filter(|scope| scope != "*"));
    event.group = normalise::short(fields.within("org").text("name").or_else(|| fields.text("org_name")));
    event.class = normalise::short(fields.first(&["alert_metric", "event_type"]));
    event.occurred_at = fields.time(&["date", "last_updated", "timestamp"]);
    // Each transition is an event of its own, with its own date.
    event.changed_at = fields.time(&["date", "last_updated"]);
    add_links(&mut event, fields);
    if heading.is_test {
        normalise::mark_test(&mut event);
    }
    event.details = body;
    Ok(Normalised::Event(Box::new(event)))
}

/// The page of the monitor or the event, and the graph.
fn add_links(event: &mut Event, fields: Fields<'_>) {
    for name in ["link", "url", "event_link", "event_url"] {
        link::add(event, fields.text(name).as_deref(), "Datadog");
    }
    // The default payload has no field for it, but its Markdown begins with the graph, which leads to the monitor.
    if event.links.is_empty()
        && let Some(text) = fields.first(TEXT_NAMES)
    {
        link::add(event, monitor_page(&text), "Datadog");
    }
    let page = event.links.first().map(|link| link.href.clone());
    link::add_image(
        event,
        fields.text("snapshot").as_deref(),
        page.as_deref(),
        "Snapshot of the graph",
    );
}

/// The first target of a Markdown link that is the page of a monitor: `[…](https://app.datadoghq.com/monitors/7?…)`.
fn monitor_page(text: &str) -> Option<&str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ', '\n']).next());
    targets.into_iter().find(|target| target.contains("/monitors/"))
}

/// One line: the title without its brackets, since the state they tell is shown beside it.
fn summary(fields: Fields<'_>, heading: &Heading, monitor: Option<&str>) -> String {
    if !heading.rest.is_empty() {
        return heading.full();
    }
    let line = fields.first(&["alert_status", "body", "text"]).and_then(|text| {
        let line = text.lines().map(str::trim).find(|line| !matches!(*line, "" | "%%%"))?;
        Some(line.to_owned())
    });
    line.unwrap_or_else(|| match monitor {
        Some(monitor) => format!("Datadog monitor {monitor}"),
        None => "Datadog alert".into(),
    })
}

/// The aggregation key, else the monitor and the group of it that alerts, else the title. A monitor's id alone would
/// make one incident of all groups of a multi alert.
fn key(fields: Fields<'_>, heading: &Heading, monitor: Option<&str>) -> String {
    if let Some(key) = fields.first(KEY_NAMES) {
        return format!("datadog:{key}");
    }
    let Some(monitor) = monitor else {
        let org = fields.within("org").text("id").unwrap_or_default();
        return format!("datadog:title:{org}:{}", heading.full());
    };
    // Datadog does not promise an order of the tags in a scope.
    let scope = fields.first(SCOPE_NAMES).unwrap_or_default();
    let mut tags: Vec<&str> = scope
        .split(',')
        .map(str::trim)
        .filter(|tag| !matches!(*tag, "" | "*"))
        .collect();
    tags.sort_unstable();
    format!("datadog:monitor:{monitor}:{}", tags.join(","))
}

/// An alert is critical and a warning a warning, as our document has it; the monitor's priority makes it milder.
fn severity(fields: Fields<'_>, state: State, kind: &Option<String>) -> Severity {
    let severity = match state {
        State::Warn | State::NoData => Severity::Warning,
        // A renotification has no state of its own, but its alert type is that of the alert.
        State::Alert if kind.as_deref() == Some("warning") => Severity::Warning,
        State::Alert if kind.as_deref() == Some("info") => Severity::Info,
        State::Alert | State::Recovered => Severity::Critical,
    };
    let priority = fields.first(PRIORITY_NAMES).or_else(|| fields.text("severity"));
    let priority = match priority.map(|word| word.to_ascii_lowercase()).as_deref() {
        Some("p2") => Severity::Error,
        Some("p3") => Severity::Warning,
        Some("p4" | "p5") => Severity::Info,
        _ => Severity::Critical,
    };
    severity.min(priority)
}

/// Reads a transition, whole words only.
fn transition(word: &str) -> Option<State> {
    let word = word.to_ascii_lowercase();
    let mut words = word
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && *word != "re");
    match (words.next()?, words.next()) {
        ("recovered" | "recovery" | "resolved" | "ok", _) | (_, Some("recovered")) => Some(State::Recovered),
        ("triggered" | "retriggered" | "alert" | "renotify" | "renotified", _) => Some(State::Alert),
        ("warn" | "warning" | "rewarn", _) => Some(State::Warn),
        ("no", Some("data")) | ("nodata" | "renodata", _) => Some(State::NoData),
        _ => None,
    }
}

/// A title taken apart: `[P1] [Triggered on {host:web-01}] CPU is high`.
#[derive(Debug, Default, PartialEq)]
struct Heading {
    state: Option<State>,
    is_test: bool,
    /// The group that alerts: `{host:web-01}`.
    group: String,
    rest: String,
}

impl Heading {
    fn read(title: &str) -> Self {
        let mut heading = Self::default();
        let mut rest = title.trim();
        while let Some((inside, after)) = rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
            let (word, group) = match inside.split_once(" on ") {
                Some((word, group)) => (word.trim(), group.trim()),
                None => (inside.trim(), ""),
            };
            let is_priority = matches!(word.as_bytes(), [b'P' | b'p', b'1'..=b'5']);
            let state = transition(word);
            if word.eq_ignore_ascii_case("test") {
                heading.is_test = true;
            } else if state.is_none() && !is_priority {
                break;
            }
            heading.state = heading.state.or(state);
            group.clone_into(&mut heading.group);
            rest = after.trim_start();
        }
        rest.clone_into(&mut heading.rest);
        heading
    }

    /// The title with its group and without its state: the same from the alert to its recovery.
    fn full(&self) -> String {
        if self.group.is_empty() {
            self.rest.clone()
        } else {
            format!("{} on {}", self.rest, self.group)
        }
    }
}

#[cfg(test)]
mod tests;
