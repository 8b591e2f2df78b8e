//! One change of an alarm's state, in CloudWatch's own words and in EventBridge's.

use std::borrow::Cow;

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::sns;
use crate::{
    ParseError, json, link,
    normalise::{description, ignored, short},
    pick, when,
};

/// What stays as it is in the name of an alarm in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Most dimensions that are told as the source.
const DIMENSIONS_MAX: usize = 30;

/// An alarm and its states, whichever form it came in.
struct Alarm<'v> {
    name: Cow<'v, str>,
    arn: String,
    new_state: Option<String>,
    old_state: Option<String>,
    reason: Option<Cow<'v, str>>,
    text: Option<Cow<'v, str>>,
    metric: Option<String>,
    /// When it came into its new state.
    changed_at: Option<Timestamp>,
    at: Option<Timestamp>,
}

/// What CloudWatch itself publishes: metric alarms with a `Trigger`, composite alarms with an `AlarmRule`.
pub(super) fn classic(body: Value, envelope: Option<&sns::Envelope>) -> Result<Normalised, ParseError> {
    let name = pick::text(&body, "/AlarmName").ok_or_else(|| ParseError::new("AlarmName", "is not text"))?;
    let account = pick::text(&body, "/AWSAccountId").unwrap_or_default();
    // The region is told as people call it ("EU (Ireland)"); where there is no ARN, the topic's own region stands in.
    let topic = envelope.map(|envelope| envelope.topic_arn.as_str()).unwrap_or_default();
    let mut topic = topic.split(':').skip(1);
    let (partition, region) = (topic.next().unwrap_or("aws"), topic.nth(1));
    let region = region
        .map(Cow::Borrowed)
        .or_else(|| pick::text(&body, "/Region"))
        .unwrap_or_default();
    let arn = pick::text(&body, "/AlarmArn").map_or_else(
        || format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"),
        Cow::into_owned,
    );
    let changed_at = pick::time(&body, &["/StateChangeTime"]);
    let alarm = Alarm {
        arn,
        new_state: pick::text(&body, "/NewStateValue").map(|word| word.to_ascii_uppercase()),
        old_state: pick::text(&body, "/OldStateValue").map(|word| word.to_ascii_uppercase()),
        reason: pick::text(&body, "/NewStateReason"),
        text: pick::text(&body, "/AlarmDescription"),
        metric: metric(&body),
        changed_at,
        at: changed_at.or_else(|| envelope?.sent_at()),
        name,
    };
    Ok(alarm.outcome(&body))
}

/// What EventBridge passes on: "CloudWatch Alarm State Change".
pub(super) fn event_bridge(body: Value) -> Result<Normalised, ParseError> {
    let name =
        pick::text(&body, "/detail/alarmName").ok_or_else(|| ParseError::new("detail.alarmName", "is not text"))?;
    let region = pick::text(&body, "/region").unwrap_or_default();
    let account = pick::text(&body, "/account").unwrap_or_default();
    let arn = pick::text(&body, "/resources/0").filter(|arn| arn.starts_with("arn:"));
    let arn = arn.map_or_else(
        || format!("arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
        Cow::into_owned,
    );
    let state = |pointer: &str| pick::text(&body, pointer).map(|word| word.to_ascii_uppercase());
    let changed_at = pick::time(&body, &["/detail/state/timestamp"]);
    let alarm = Alarm {
        arn,
        new_state: state("/detail/state/value"),
        old_state: state("/detail/previousState/value"),
        reason: pick::text(&body, "/detail/state/reason"),
        text: pick::text(&body, "/detail/configuration/description"),
        metric: pick::text(&body, "/detail/configuration/metrics/0/metricStat/metric/name").map(Cow::into_owned),
        changed_at,
        at: changed_at.or_else(|| pick::time(&body, &["/time"])),
        name,
    };
    Ok(alarm.outcome(&body))
}

impl Alarm<'_> {
    fn outcome(&self, body: &Value) -> Normalised {
        let contributor = contributor(body);
        let key = match &contributor {
            Some((id, _)) => format!("cloudwatch:{}:contributor:{id}", self.arn),
            None => format!("cloudwatch:{}", self.arn),
        };
        let (action, severity) = match (self.new_state.as_deref(), self.old_state.as_deref()) {
            (Some("ALARM"), _) => (Action::Trigger, self.severity()),
            (Some("OK"), _) => (Action::Resolve, self.severity()),
            (Some("INSUFFICIENT_DATA"), Some("OK")) => {
                return ignored(Some(key), "There is not enough data to judge, and all was well before.");
            }
            (Some("INSUFFICIENT_DATA"), _) => (Action::Trigger, Severity::Warning),
            (Some(other), _) => return ignored(Some(key), format!("The state {other} is not known.")),
            (None, _) => return ignored(Some(key), "It does not say in which state the alarm is."),
        };
        let state = match self.new_state.as_deref() {
            Some("INSUFFICIENT_DATA") => "has not enough data",
            Some("OK") => "is OK",
            _ => "is in alarm",
        };
        let things = contributor.and_then(|(_, things)| things);
        let summary = match &things {
            Some(things) => format!("{} {state}: {things}", self.name),
            None => format!("{} {state}", self.name),
        };
        let mut event = Event::new(action, key, severity, summary);
        let text: Vec<&str> = [&self.text, &self.reason]
            .into_iter()
            .filter_map(Option::as_deref)
            .collect();
        event.description = description(Some(Cow::Owned(text.join("\n\n"))), &event.summary);
        let source = things.or_else(|| dimension(body)).or_else(|| account(&self.arn));
        event.source = short(source.map(Cow::Owned));
        event.component = short(self.metric.as_deref().map(Cow::Borrowed));
        event.group = short(namespace(body));
        event.class = short(Some(Cow::Borrowed(&*self.name)));
        event.occurred_at = self.at;
        event.changed_at = self.changed_at;
        link::add(&mut event, console(&self.arn).as_deref(), "CloudWatch");
        event.details = body.clone();
        Normalised::Event(Box::new(event))
    }

    /// By what the description says after "severity", else by a word for it that stands alone in the name or the
    /// description. Only words that mean nothing else count: "high", "error" and "s3" are parts of many names.
    fn severity(&self) -> Severity {
        let words = |text: &str| -> Vec<String> {
            let words = text
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|word| !word.is_empty());
            words.map(str::to_ascii_lowercase).collect()
        };
        let text = words(self.text.as_deref().unwrap_or_default());
        let said = text.windows(2).find_map(|pair| match pair {
            [name, word] if matches!(name.as_str(), "severity" | "priority" | "sev") => {
                Severity::from_vendor_word(word)
            }
            _ => None,
        });
        let certain = |word: &String| {
            let word = word.as_str();
            let plain = matches!(word, "critical" | "crit" | "fatal" | "emergency" | "warning" | "warn");
            let digit = word.strip_prefix("sev").or_else(|| word.strip_prefix('p'));
            let level = digit.is_some_and(|digit| digit.len() == 1);
            (plain || level).then(|| Severity::from_vendor_word(word)).flatten()
        };
        said.or_else(|| words(&self.name).iter().find_map(certain))
            .or_else(|| text.iter().find_map(certain))
            .unwrap_or(Severity::Error)
    }
}

/// The metric that is watched; a computed one has a list of them.
fn metric(body: &Value) -> Option<String> {
    pick::first(
        body,
        &[
            "/Trigger/MetricName",
            "/Trigger/Metrics/0/Label",
            "/Trigger/Metrics/0/Expression",
        ],
    )
    .map(Cow::into_owned)
}

/// The metrics that a computed one is made of, in CloudWatch's words or EventBridge's.
fn parts(body: &Value) -> impl Iterator<Item = &Value> {
    ["/Trigger/Metrics", "/detail/configuration/metrics"]
        .into_iter()
        .filter_map(|pointer| body.pointer(pointer)?.as_array())
        .flatten()
        .filter_map(|part| {
            part.pointer("/MetricStat/Metric")
                .or_else(|| part.pointer("/metricStat/metric"))
        })
}

/// Which of the many things that one alarm watches it is about, and their names. Each of these contributors has a state of
/// its own, which is told besides that of the alarm ("Acting on alarm changes", Metrics Insights alarms).
fn contributor(body: &Value) -> Option<(Cow<'_, str>, Option<String>)> {
    let id = pick::first(body, &["/AlarmContributorId", "/detail/alarmContributor/id"])?;
    let attributes = body
        .pointer("/AlarmContributorAttributes")
        .or_else(|| body.pointer("/detail/alarmContributor/attributes"));
    let values: Vec<_> = attributes
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|named| named.values().filter_map(json::text))
        .take(DIMENSIONS_MAX)
        .collect();
    Some((id, (!values.is_empty()).then(|| values.join(", "))))
}

/// The things that are watched: the values of the dimensions, each once.
fn dimension(body: &Value) -> Option<String> {
    let of_parts = parts(body).filter_map(|metric| metric.get("Dimensions").or_else(|| metric.get("dimensions")));
    let mut values: Vec<Cow<'_, str>> = Vec::new();
    for dimensions in body.pointer("/Trigger/Dimensions").into_iter().chain(of_parts) {
        let found: Vec<_> = match dimensions {
            Value::Array(list) => list
                .iter()
                .filter_map(|dimension| pick::first(dimension, &["/value", "/Value"]))
                .collect(),
            Value::Object(named) => named.values().filter_map(json::text).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => continue,
        };
        for value in found {
            if !values.contains(&value) && values.len() < DIMENSIONS_MAX {
                values.push(value);
            }
        }
    }
    (!values.is_empty()).then(|| values.join(", "))
}

/// What kind of metric it is: `AWS/EC2`.
fn namespace(body: &Value) -> Option<Cow<'_, str>> {
    pick::text(body, "/Trigger/Namespace")
        .or_else(|| parts(body).find_map(|metric| pick::first(metric, &["/Namespace", "/namespace"])))
}

/// The account in an ARN.
fn account(arn: &str) -> Option<String> {
    arn.split(':')
        .nth(4)
        .filter(|account| !account.is_empty())
        .map(str::to_owned)
}

/// The page of an alarm in the console of its partition.
fn console(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(7, ':').skip(1);
    let (partition, _, region) = (parts.next()?, parts.next()?, parts.next()?);
    let name = parts.nth(2)?;
    let known = !region.is_empty()
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let host = match partition {
        _ if !known => return None,
        "aws" => format!("{region}.console.aws.amazon.com"),
        "aws-cn" => "console.amazonaws.cn".to_owned(),
        "aws-us-gov" => "console.amazonaws-us-gov.com".to_owned(),
        _ => return None,
    };
    let name = utf8_percent_encode(name, PLAIN);
    Some(format!(
        "https://{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{name}"
    ))
}

/// The time in a text, for the envelope.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    when::read(&Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(new: &str, old: Option<&str>, text: Option<&str>) -> Normalised {
        let body = json!({
            "AlarmName": "cpu", "AWSAccountId": "1", "Region": "EU (Ireland)", "NewStateValue": new, "OldStateValue": old,
            "AlarmDescription": text
        });
        classic(body, None).expect("an outcome")
    }

    fn event(new: &str, old: Option<&str>, text: Option<&str>) -> Event {
        match outcome(new, old, text) {
            Normalised::Event(event) => *event,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        }
    }

    #[test]
    fn a_lack_of_data_never_resolves() {
        assert_eq!(event("ALARM", Some("OK"), None).action, Action::Trigger);
        assert_eq!(event("OK", Some("ALARM"), None).action, Action::Resolve);
        assert_eq!(event("OK", Some("INSUFFICIENT_DATA"), None).action, Action::Resolve);
        assert_eq!(event("INSUFFICIENT_DATA", Some("ALARM"), None).action, Action::Trigger);
        assert_eq!(event("INSUFFICIENT_DATA", None, None).severity, Severity::Warning);
        for (new, old) in [("INSUFFICIENT_DATA", Some("OK")), ("odd", None)] {
            assert!(
                matches!(outcome(new, old, None), Normalised::Ignored { dedup_key: Some(_), .. }),
                "{new}"
            );
        }
    }

    /// Each change has its own time, in both forms the same: an alarm that comes back has a later one than its OK before.
    #[test]
    fn messages_are_put_in_order_by_their_own_times() {
        let changed_at = |outcome: Result<Normalised, ParseError>| match outcome.expect("an outcome") {
            Normalised::Event(event) => event.changed_at,
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        };
        let time = "2026-03-02T08:15:30.123+0000";
        let told = json!({"AlarmName": "a", "NewStateValue": "OK", "StateChangeTime": time});
        let bridged = json!({"detail": {"alarmName": "a", "state": {"value": "ALARM", "timestamp": time}}, "time": "2026-03-02T08:15:31Z"});
        assert!(changed_at(classic(told.clone(), None)).is_some());
        assert_eq!(changed_at(classic(told, None)), changed_at(event_bridge(bridged)));
        assert_eq!(
            changed_at(classic(json!({"AlarmName": "a", "NewStateValue": "OK"}), None)),
            None
        );
    }

    #[test]
    fn severities_are_whole_words_that_mean_nothing_else() {
        for (text, severity) in [
            (None, Severity::Error),
            (Some("severity: critical"), Severity::Critical),
            (Some("Severity=HIGH, call Jo"), Severity::Critical),
            (Some("[P3] slow"), Severity::Warning),
            (Some("sev2"), Severity::Error),
            (Some("critically high error rate"), Severity::Error),
            (Some("s3 bucket"), Severity::Error),
        ] {
            assert_eq!(event("ALARM", None, text).severity, severity, "{text:?}");
        }
    }

    #[test]
    fn computed_metrics_tell_what_they_are_made_of() {
        let stat =
            |dimensions: Value| json!({"MetricStat": {"Metric": {"Namespace": "AWS/SQS", "Dimensions": dimensions}}});
        let told = json!({"Trigger": {"Metrics": [
            {"Expression": "m1/m2"}, stat(json!([{"name": "Q", "value": "a"}])), stat(json!([{"name": "Q", "value": "a"}, {"name": "R", "value": "b"}]))
        ]}});
        assert_eq!(dimension(&told).as_deref(), Some("a, b"));
        assert_eq!(namespace(&told).as_deref(), Some("AWS/SQS"));
        let metric = json!({"namespace": "AWS/EC2", "dimensions": {"InstanceId": "i-1"}});
        let bridged = json!({"detail": {"configuration": {"metrics": [{"metricStat": {"metric": metric}}]}}});
        assert_eq!(dimension(&bridged).as_deref(), Some("i-1"));
        assert_eq!(namespace(&bridged).as_deref(), Some("AWS/EC2"));
        assert_eq!(dimension(&json!({"Trigger": {"Dimensions": null}})), None);
    }

    /// One thing that is well again says nothing about the others.
    #[test]
    fn contributors_have_keys_of_their_own() {
        let key = |body: Value| match classic(body, None).expect("an outcome") {
            Normalised::Event(event) => (event.dedup_key, event.source),
            Normalised::Ignored { reason, .. } => panic!("{reason}"),
        };
        let of = |id: Value| {
            json!({
                "AlarmName": "a", "AlarmArn": "arn:x", "NewStateValue": "OK", "AlarmContributorId": id,
                "AlarmContributorAttributes": {"TableName": "orders"}
            })
        };
        assert_eq!(
            key(of(json!("6d44"))),
            ("cloudwatch:arn:x:contributor:6d44".into(), Some("orders".into()))
        );
        assert_eq!(key(of(Value::Null)).0, "cloudwatch:arn:x");
        let detail = json!({"alarmName": "a", "state": {"value": "ALARM"}, "alarmContributor": {"id": "6d44", "attributes": {"TableName": "orders"}}});
        let Ok(Normalised::Event(event)) = event_bridge(json!({"resources": ["arn:x:"], "detail": detail})) else {
            panic!("an event")
        };
        assert_eq!(
            (event.dedup_key.as_str(), event.summary.as_str()),
            ("cloudwatch:arn:x::contributor:6d44", "a is in alarm: orders")
        );
    }

    #[test]
    fn the_same_name_in_two_accounts_is_two_alarms() {
        let key = |account: &str, region: &str| {
            let arn = format!("arn:aws:cloudwatch:{region}:{account}:alarm:cpu");
            let body = json!({"AlarmName": "cpu", "AlarmArn": arn, "NewStateValue": "ALARM"});
            match classic(body, None).expect("an outcome") {
                Normalised::Event(event) => event.dedup_key,
                Normalised::Ignored { reason, .. } => panic!("{reason}"),
            }
        };
        assert_ne!(key("1", "eu-west-1"), key("2", "eu-west-1"));
        assert_ne!(key("1", "eu-west-1"), key("1", "us-east-1"));
    }

    #[test]
    fn links_lead_to_the_console() {
        assert_eq!(
            console("arn:aws:cloudwatch:eu-west-1:1:alarm:CPU: web/01").as_deref(),
            Some(
                "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/CPU%3A%20web%2F01"
            )
        );
        assert_eq!(console("arn:aws:cloudwatch:EU (Ireland):1:alarm:x"), None);
        assert_eq!(console("x"), None);
    }
}
