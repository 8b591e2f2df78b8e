//! What came of a test event, and of every event: in words, and with the incident that it led to.

use opsknight_domain::id::IncidentId;
use opsknight_store::{db::Tx, incidents};
use serde_json::Value;

use crate::{
    api::{error::ApiError, integrations::TestBody},
    pages::{error::sentence, rows::shorten},
    state::AppState,
    views::{Link, TestedEvent},
};

/// What came of an event, as the card says it: "Opened an incident (test)".
pub(super) fn came_of(status: u16, action: &str, is_test: bool) -> String {
    let words = match (status, action) {
        (400.., _) => return "Refused".to_owned(),
        (_, "triggered") => "Opened an incident",
        (_, "deduplicated") => "Joined an incident",
        (_, "acknowledged") => "Acknowledged an incident",
        (_, "resolved") => "Resolved an incident",
        (_, "ignored") => "Ignored",
        _ => "Received",
    };
    format!("{words}{}", if is_test { " (test)" } else { "" })
}

/// The answer to a test event: whichever way its sender has, it names what came of the first alert.
fn first(body: &Value) -> &Value {
    match &body["results"] {
        Value::Array(results) => results.first().unwrap_or(&Value::Null),
        _ => &body["result"],
    }
}

/// What came of a test event that was sent just now.
pub(super) async fn tested(state: &AppState, answer: &TestBody) -> Result<TestedEvent, ApiError> {
    if !(200..300).contains(&answer.status) {
        let why = answer.body["error"]["message"].as_str().unwrap_or("it was refused");
        return Ok(TestedEvent {
            good: false,
            words: shorten(&sentence(&format!(
                "the test event was answered {}: {why}",
                answer.status
            ))),
            incident: None,
        });
    }
    let result = first(&answer.body);
    let action = result["action"].as_str().unwrap_or_default();
    let id: Option<IncidentId> = result["incident"]["id"].as_str().and_then(|id| id.parse().ok());
    let incident = match id {
        None => None,
        Some(id) => {
            let unit = async move |tx: &mut Tx<'_>| incidents::names(tx, &[id]).await;
            let found = state.store.db.read(unit).await.map_err(ApiError::from)?;
            let name = found.into_iter().flatten().next();
            name.map(|(number, title)| Link::new(format!("/incidents/{id}"), shorten(&format!("#{number} {title}"))))
        }
    };
    let why = result["reason"]
        .as_str()
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    Ok(TestedEvent {
        good: action != "ignored",
        words: shorten(&format!("{}{why}", came_of(answer.status, action, true))),
        incident,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_came_of_an_event_is_said_in_words() {
        assert_eq!(came_of(202, "triggered", true), "Opened an incident (test)");
        assert_eq!(came_of(202, "resolved", false), "Resolved an incident");
        assert_eq!(came_of(401, "", false), "Refused");
    }

    #[test]
    fn both_forms_of_answers_are_read() {
        for body in [
            json!({ "results": [{ "action": "triggered" }] }),
            json!({ "result": { "action": "triggered" } }),
        ] {
            assert_eq!(first(&body)["action"], "triggered");
        }
        assert_eq!(first(&json!({ "results": [] })), &Value::Null);
    }
}
