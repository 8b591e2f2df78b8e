//! The body of a generic webhook: what the manual shows under "Webhook Payload Format", with fields added and none
//! changed.

use jiff::Timestamp;
use opsknight_domain::message::{Content, IncidentFacts, IncidentMessage, Message};
use serde::Serialize;

use crate::news::bundled;

/// What is posted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    event: &'a str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<Incident<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Incident<'a> {
    id: String,
    number: i64,
    title: &'a str,
    description: Option<&'a str>,
    status: &'static str,
    urgency: &'static str,
    priority: Option<&'a str>,
    is_test: bool,
    service: Named<'a>,
    assignee: Option<Named<'a>>,
    created_at: String,
    url: &'a str,
}

#[derive(Serialize)]
struct Named<'a> {
    id: String,
    name: &'a str,
}

#[derive(Serialize)]
struct Note<'a> {
    subject: &'a str,
    text: &'a str,
}

/// The JSON text that is posted for a message. News of an incident is the same text at every try; a note, which has no
/// time of its own, is dated `now` and has `"event": "note"` with `"note": {"subject", "text"}` in the incident's place.
#[must_use]
pub fn render(message: &Message, now: Timestamp) -> String {
    let body = match &message.content {
        Content::Incident(news) => {
            let IncidentMessage {
                happening,
                at,
                incident: facts,
                ..
            } = &**news;
            Body {
                event: happening.word(),
                timestamp: at.to_string(),
                incident: Some(incident(facts)),
                note: None,
            }
        }
        Content::Bundle(bundle) => {
            let (subject, text) = bundled(bundle, bundle.incidents.len());
            return note(&subject, &text, now);
        }
        Content::Note { subject, text } => return note(subject, text, now),
    };
    serde_json::to_string(&body).expect("keys are text and every value has a JSON form")
}

fn note(subject: &str, text: &str, now: Timestamp) -> String {
    let body = Body {
        event: "note",
        timestamp: now.to_string(),
        incident: None,
        note: Some(Note { subject, text }),
    };
    serde_json::to_string(&body).expect("keys are text and every value has a JSON form")
}

fn incident(facts: &IncidentFacts) -> Incident<'_> {
    Incident {
        id: facts.id.to_string(),
        number: facts.number,
        title: &facts.title,
        description: facts.description.as_deref(),
        status: facts.status.word(),
        urgency: facts.urgency.word(),
        priority: facts.priority.as_deref(),
        is_test: facts.is_test,
        service: Named {
            id: facts.service.id.to_string(),
            name: &facts.service.name,
        },
        assignee: facts.assignee.as_ref().map(|user| Named {
            id: user.id.to_string(),
            name: &user.name,
        }),
        created_at: facts.created_at.to_string(),
        url: &facts.url,
    }
}
