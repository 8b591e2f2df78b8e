//! What the sources have in common when they make events of messages: batches, what is ignored, and how texts are kept.

use std::borrow::Cow;

use opsknight_domain::event::{DESCRIPTION_CHARS_MAX, Event, FIELD_CHARS_MAX, Normalised, Severity, clean, clean_key};
use serde_json::{Map, Value};

use crate::{ALERTS_MAX, ParseError, json};

/// Longest field that is said about all alerts of a message and goes into each, in bytes.
const COMMON_FIELD_BYTES_MAX: usize = 512;
/// Most of such fields.
const COMMON_FIELDS_MAX: usize = 24;

/// Makes an outcome of a body that is one alert or a list of them. In a list of several, an alert that cannot be read
/// costs the others nothing: it is ignored, and says why. The whole is refused where none of it can be read.
pub(crate) fn each(
    body: Value,
    one: impl Fn(Value) -> Result<Normalised, ParseError>,
) -> Result<Vec<Normalised>, ParseError> {
    let alerts = match body {
        Value::Array(alerts) => alerts,
        Value::Object(_) => return Ok(vec![one(body)?]),
        other => return Err(expected_object("body", &other)),
    };
    list(alerts, "", one)
}

/// The same for a list that stands in the field `at`, which is empty for the body itself.
pub(crate) fn list(
    alerts: Vec<Value>,
    at: &str,
    one: impl Fn(Value) -> Result<Normalised, ParseError>,
) -> Result<Vec<Normalised>, ParseError> {
    if alerts.is_empty() {
        return Ok(vec![ignored(None, "The list holds no alerts.")]);
    }
    if alerts.len() > ALERTS_MAX {
        let field = if at.is_empty() { "body" } else { at };
        return Err(ParseError::new(field, format!("holds more than {ALERTS_MAX} alerts")));
    }
    let mut refused = Vec::new();
    let mut outcomes = Vec::with_capacity(alerts.len());
    for (index, alert) in alerts.into_iter().enumerate() {
        let here = format!("{at}[{index}]");
        let outcome = match alert {
            Value::Object(_) => one(alert).map_err(|error| match error.field.as_str() {
                "body" => ParseError::new(here, error.message),
                field => ParseError::new(format!("{here}.{field}"), error.message),
            }),
            other => Err(expected_object(&here, &other)),
        };
        outcomes.push(outcome.unwrap_or_else(|error| {
            let reason = format!("It cannot be read: {error}.");
            refused.push(error);
            ignored(None, reason)
        }));
    }
    if refused.len() == outcomes.len()
        && let Some(first) = refused.into_iter().next()
    {
        return Err(first);
    }
    Ok(outcomes)
}

/// What a message says about all of its alerts, as far as it is short: it goes into each of them, and a few bytes of it
/// must not become gigabytes.
pub(crate) fn common(body: Value) -> Map<String, Value> {
    let Value::Object(mut fields) = body else {
        return Map::new();
    };
    fields.retain(|_, value| !value.is_null() && json::fits(value, COMMON_FIELD_BYTES_MAX));
    fields.into_iter().take(COMMON_FIELDS_MAX).collect()
}

/// An alert with what was said about all; the alert's own word wins.
pub(crate) fn with_common(mut alert: Value, common: &Map<String, Value>) -> Value {
    if let Value::Object(fields) = &mut alert {
        for (name, value) in common {
            fields.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    alert
}

fn expected_object(field: &str, value: &Value) -> ParseError {
    ParseError::new(field, format!("is {}, an object is expected", json::kind(value)))
}

/// It is authentic and means nothing to us, for this reason.
pub(crate) fn ignored(key: Option<String>, reason: impl Into<String>) -> Normalised {
    let key = key.map(clean_key).filter(|key| !key.is_empty());
    Normalised::Ignored {
        dedup_key: key,
        reason: reason.into(),
    }
}

/// The vendor only tries the connection out. Its tests often carry the key of a real alert: a test gets a key of its own,
/// so that no real alert falls into an incident that pages nobody.
pub(crate) fn mark_test(event: &mut Event) {
    event.is_test = true;
    event.severity = Severity::Info;
    event.dedup_key = clean_key(format!("{}:test", event.dedup_key));
}

/// A short field as it is kept; none when nothing is left of it.
pub(crate) fn short(text: Option<Cow<'_, str>>) -> Option<String> {
    text.map(|text| clean(&text, FIELD_CHARS_MAX))
        .filter(|text| !text.is_empty())
}

/// The first line of a text that says something, for a summary.
pub(crate) fn first_line(text: &str) -> &str {
    text.lines()
        .map(json::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
}

/// A description as it is kept: none when it is empty or only says what the summary says.
pub(crate) fn description(text: Option<Cow<'_, str>>, summary: &str) -> Option<String> {
    text.map(|text| clean(&text, DESCRIPTION_CHARS_MAX))
        .filter(|text| !text.is_empty() && text != summary)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(alert: Value) -> Result<Normalised, ParseError> {
        json::text_at(&alert, "id")
            .map(|id| ignored(Some(id.into_owned()), "Seen."))
            .ok_or_else(|| ParseError::new("id", "is missing"))
    }

    #[test]
    fn one_broken_alert_costs_the_others_nothing() {
        let outcomes = each(json!([{"id": 1}, {}, 5]), one).expect("outcomes");
        assert_eq!(outcomes[0], ignored(Some("1".into()), "Seen."));
        assert_eq!(outcomes[1], ignored(None, "It cannot be read: [1].id is missing."));
        assert_eq!(
            outcomes[2],
            ignored(None, "It cannot be read: [2] is a number, an object is expected.")
        );
    }

    #[test]
    fn what_is_common_is_short_and_does_not_win() {
        let common = common(json!({"a": 1, "b": "x".repeat(600), "c": {"d": 2}}));
        assert_eq!(with_common(json!({"a": 0}), &common), json!({"a": 0, "c": {"d": 2}}));
    }

    #[test]
    fn nothing_readable_is_refused() {
        let field = |body| each(body, one).map_err(|error| error.field);
        assert_eq!(field(json!([{}, 5])), Err("[0].id".into()));
        assert_eq!(field(json!({})), Err("id".into()));
        assert_eq!(field(json!(5)), Err("body".into()));
        assert_eq!(field(json!([])).map(|all| all.len()), Ok(1));
        assert_eq!(field(json!(vec![json!({}); ALERTS_MAX + 1])), Err("body".into()));
    }
}
