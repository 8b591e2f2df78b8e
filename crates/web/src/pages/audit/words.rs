//! A change in words, as in a line of the audit log: what was done, to which field, what it was and what it is.

use opsknight_domain::directory::Directory;
use serde_json::Value;

use crate::pages::rows::shorten;

/// Deepest value that is told in full.
const DEPTH_MAX: usize = 4;

/// "updated the service"
pub(in crate::pages) fn done(action: &str, kind: &str) -> String {
    let verb = action.rsplit('.').next().unwrap_or_default().replace('_', " ");
    match kind {
        "auditor" => "found and mended".to_owned(),
        "database" => format!("{verb} the database to"),
        kind => format!("{verb} the {}", kind.replace('_', " ").replace("api key", "API key")),
    }
}

/// "targetAckMinutes" as "Target ack minutes", "teamId" as "Team".
pub(in crate::pages) fn field(name: &str) -> String {
    let name = name.strip_suffix("Id").filter(|rest| !rest.is_empty()).unwrap_or(name);
    let mut words = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for sign in name.chars() {
        if sign.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(' ');
        }
        words.push(match sign {
            '.' | '_' => ' ',
            sign if before.is_ascii_lowercase() => sign.to_ascii_lowercase(),
            sign => sign,
        });
        before = sign;
    }
    let mut signs = words.chars();
    let first = signs.next().map(|sign| sign.to_uppercase().to_string());
    first.unwrap_or_default() + signs.as_str()
}

/// A value in words. Identities of what is still there are told by name.
pub(in crate::pages) fn said(value: &Value, directory: &Directory) -> String {
    shorten(&words(value, directory, 0))
}

fn words(value: &Value, directory: &Directory, depth: usize) -> String {
    if depth > DEPTH_MAX {
        return "…".to_owned();
    }
    let inner = |value: &Value| words(value, directory, depth + 1);
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => "nothing".to_owned(),
        Value::String(text) => name(text, directory).unwrap_or(text).to_owned(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => list.iter().map(inner).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let told = map.iter().filter(|(_, value)| !value.is_null());
            let parts = told.map(|(name, value)| format!("{}: {}", field(name).to_lowercase(), inner(value)));
            format!("({})", parts.collect::<Vec<_>>().join("; "))
        }
    }
}

/// The name of what has this identity.
fn name<'a>(id: &str, directory: &'a Directory) -> Option<&'a str> {
    let (kind, _) = id.split_once('_')?;
    match kind {
        "usr" => directory.users.get(&id.parse().ok()?).map(|user| user.name.as_str()),
        "team" => directory.teams.get(&id.parse().ok()?).map(|team| team.name.as_str()),
        "svc" => directory
            .services
            .get(&id.parse().ok()?)
            .map(|service| service.name.as_str()),
        "sch" => directory
            .schedules
            .get(&id.parse().ok()?)
            .map(|schedule| schedule.name.as_str()),
        "pol" => directory
            .policies
            .get(&id.parse().ok()?)
            .map(|policy| policy.name.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_and_values_are_words() {
        assert_eq!(field("targetAckMinutes"), "Target ack minutes");
        assert_eq!(field("second.apiKey"), "Second api key");
        assert_eq!((field("teamId"), field("Id")), ("Team".to_owned(), "Id".to_owned()));
        assert_eq!(done("service.updated", "service"), "updated the service");
        assert_eq!(done("api_key.created", "api_key"), "created the API key");
        let told = |value: Value| said(&value, &Directory::default());
        assert_eq!(told(json!(null)), "nothing");
        assert_eq!(told(json!([])), "none");
        assert_eq!(told(json!(["SMS", true, 3])), "SMS, yes, 3");
        assert_eq!(
            told(json!({ "userId": "usr_gone", "lead": false, "note": null })),
            "(user: usr_gone; lead: no)"
        );
        let deep = (0..40).fold(json!(1), |value, _| json!([value]));
        assert_eq!(told(deep), "…");
    }
}
