//! The user's own word on where the parts of an event stand in a body: the field mapping of the generic webhook.
//!
//! It owns the mapping as it is set through the API and stored, and its rules; reading a body by it is the webhook's.

use opsknight_domain::event::Action;
use serde::{Deserialize, Serialize};

use crate::{ParseError, path};

/// Most values that one list may hold.
pub const VALUES_MAX: usize = 100;
/// Longest value, in characters.
pub const VALUE_CHARS_MAX: usize = 255;

/// Where the parts of an event stand in a body, and which values mean what. All of it is optional: what is not said is
/// looked for under the names that most tools use.
///
/// A path is dotted (`alert.title`), with indices (`alerts[0].name`, `alerts.0.name`), or a singular query of RFC 9535
/// (`$['alert']['title']`). Values are compared as a whole and in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FieldMapping {
    /// Path to the one line that says what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary_field: Option<String>,
    /// Path to the severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity_field: Option<String>,
    /// Path to what names the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedup_key_field: Option<String>,
    /// Path to the value that says what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_field: Option<String>,
    /// Path to the system it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_field: Option<String>,
    /// Values of the action that open an incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_values: Option<Vec<String>>,
    /// Values of the action that acknowledge it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledge_values: Option<Vec<String>>,
    /// Values of the action that resolve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve_values: Option<Vec<String>>,
}

/// Where in a body the parts of one alert were found: the part as the API spells it (`dedupKey`), and the path.
pub type Origins = Vec<(&'static str, String)>;

impl FieldMapping {
    /// Checks what can be checked without a body.
    ///
    /// # Errors
    ///
    /// Names the first field that is wrong, as the API spells it: `summaryField`, `triggerValues[2]`.
    pub fn validate(&self) -> Result<(), ParseError> {
        let paths = [
            ("summaryField", &self.summary_field),
            ("severityField", &self.severity_field),
            ("dedupKeyField", &self.dedup_key_field),
            ("actionField", &self.action_field),
            ("sourceField", &self.source_field),
        ];
        for (field, path) in paths {
            if let Some(path) = path {
                path::check(path).map_err(|wrong| ParseError::new(field, wrong))?;
            }
        }
        let mut seen: Vec<(String, &str)> = Vec::new();
        for (field, action) in [
            ("triggerValues", Action::Trigger),
            ("acknowledgeValues", Action::Acknowledge),
            ("resolveValues", Action::Resolve),
        ] {
            let values = self.values(action);
            if values.len() > VALUES_MAX {
                return Err(ParseError::new(field, format!("holds more than {VALUES_MAX} values")));
            }
            for (index, value) in values.iter().enumerate() {
                let name = || format!("{field}[{index}]");
                let folded = fold(value);
                if folded.is_empty() {
                    return Err(ParseError::new(name(), "is empty"));
                }
                if folded.chars().count() > VALUE_CHARS_MAX {
                    return Err(ParseError::new(
                        name(),
                        format!("is longer than {VALUE_CHARS_MAX} characters"),
                    ));
                }
                if let Some((_, other)) = seen.iter().find(|(v, other)| *v == folded && *other != field) {
                    return Err(ParseError::new(name(), format!("is also in {other}")));
                }
                seen.push((folded, field));
            }
        }
        Ok(())
    }

    /// What the user's lists make of a value; none of them holds every value.
    pub(crate) fn action(&self, value: &str) -> Option<Action> {
        let value = fold(value);
        [Action::Trigger, Action::Acknowledge, Action::Resolve]
            .into_iter()
            .find(|action| self.values(*action).iter().any(|known| fold(known) == value))
    }

    fn values(&self, action: Action) -> &[String] {
        match action {
            Action::Trigger => self.trigger_values.as_deref(),
            Action::Acknowledge => self.acknowledge_values.as_deref(),
            Action::Resolve => self.resolve_values.as_deref(),
        }
        .unwrap_or_default()
    }
}

/// A value as it is compared.
fn fold(value: &str) -> String {
    value.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(mapping: serde_json::Value) -> Option<String> {
        let mapping: FieldMapping = serde_json::from_value(mapping).expect("a mapping");
        mapping.validate().err().map(|error| error.to_string())
    }

    #[test]
    fn it_is_stored_as_it_is_set() {
        let text = r#"{"summaryField":"alert.title","resolveValues":["ok","resolved"]}"#;
        let mapping: FieldMapping = serde_json::from_str(text).expect("a mapping");
        assert_eq!(serde_json::to_string(&mapping).expect("text"), text);
        assert_eq!(mapping.action("OK "), Some(Action::Resolve));
        assert_eq!(mapping.action("okay"), None);
        assert!(serde_json::from_str::<FieldMapping>(r#"{"titleField":"x"}"#).is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(wrong(json!({})), None);
        assert_eq!(wrong(json!({"summaryField": null})), None);
        assert_eq!(
            wrong(json!({"summaryField": " "})),
            Some("summaryField is empty".into())
        );
        assert_eq!(
            wrong(json!({"triggerValues": ["a", ""]})),
            Some("triggerValues[1] is empty".into())
        );
        assert_eq!(
            wrong(json!({"triggerValues": ["Ok"], "resolveValues": ["fine", "ok"]})),
            Some("resolveValues[1] is also in triggerValues".into())
        );
        assert!(wrong(json!({"resolveValues": vec!["x"; 101]})).is_some());
    }
}
