//! What is said to somebody who pressed a button or gave a command, and the dialog that resolves.
//!
//! Answers are for one person's eyes alone and are built without asking anybody. Which of them is given, and whether
//! somebody may do what they ask for, is the caller's to say.

use jiff::Timestamp;
use opsknight_domain::{incident::Status, message::IncidentFacts};
use serde_json::{Value, json};

use super::{
    blocks::{acknowledge, resolve, section, view},
    text::{date, line, link, mrkdwn, paragraphs, plain},
};
use crate::{
    news::{status_name, urgency_name},
    words::one_line,
};

/// Which dialog resolves.
pub const RESOLVE_VIEW: &str = "opsknight_resolve_view";
/// Which block of it holds the note.
pub(super) const NOTE_BLOCK: &str = "opsknight_note";
/// Which input in that block.
pub(super) const NOTE_INPUT: &str = "opsknight_note_text";
/// Longest note that can be entered, in characters (Slack, "Plain-text input", `max_length`).
const NOTE_CHARS_MAX: usize = 3000;
/// Longest that a dialog keeps, in characters (Slack, "Views", `private_metadata`).
pub const PRIVATE_METADATA_CHARS_MAX: usize = 3000;
/// Longest title of a dialog, in characters (Slack, "Views").
const VIEW_TITLE_CHARS_MAX: usize = 24;
/// How many incidents are listed: each takes two of the 50 blocks.
const LISTED_MAX: usize = 15;
/// Longest title in a list, in characters.
const TITLE_CHARS_MAX: usize = 200;
/// Longest name in a list, in characters.
const NAME_CHARS_MAX: usize = 100;
/// How many lines a list of people on call has, at most.
const ON_CALL_MAX: usize = 40;
/// Longest text of an answer, in characters after escaping.
const TEXT_CHARS_MAX: usize = 2900;

/// Who is on call, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall {
    /// For which schedule.
    pub schedule: String,
    /// Who; nobody, where the schedule has a gap.
    pub person: Option<String>,
    /// Until when.
    pub until: Option<Timestamp>,
}

/// Says something to one person. The text is not Slack's markup: it is escaped.
#[must_use]
pub fn said(text: &str) -> Value {
    answer(paragraphs(text, TEXT_CHARS_MAX), Vec::new())
}

/// Says that whoever this is in Slack is nobody with us. `email` is their address in Slack, where it is known.
#[must_use]
pub fn unknown_person(email: Option<&str>) -> Value {
    match email {
        Some(email) => said(&format!(
            "OpsKnight knows nobody with the address {email}; ask an administrator to invite you."
        )),
        None => said(
            "OpsKnight cannot tell who you are, because Slack does not tell your mail address; ask an administrator.",
        ),
    }
}

/// How commands are given.
#[must_use]
pub fn help() -> Value {
    let lines = [
        ("incidents", "the incidents that are not resolved"),
        ("oncall", "who is on call"),
        ("ack 123", "acknowledge an incident"),
        ("resolve 123 what was done", "resolve an incident with a note"),
        ("create \"title\" service", "open an incident"),
        ("help", "this list"),
    ];
    let lines = lines.map(|(command, means)| format!("`/opsknight {command}`: {means}"));
    answer(lines.join("\n"), Vec::new())
}

/// The incidents that are not resolved, with buttons.
#[must_use]
pub fn incidents_list(incidents: &[IncidentFacts]) -> Value {
    if incidents.is_empty() {
        return said("No incident is open.");
    }
    let mut blocks = Vec::new();
    for facts in incidents.iter().take(LISTED_MAX) {
        let name = format!("#{} {}", facts.number, facts.title);
        let name = link(&facts.url, &name, TITLE_CHARS_MAX).unwrap_or_else(|| line(&name, TITLE_CHARS_MAX));
        blocks.push(section(&format!(
            "*{name}*\n{}, {}, {}, since {}",
            line(&facts.service.name, NAME_CHARS_MAX),
            urgency_name(facts.urgency),
            standing(facts),
            date(facts.created_at)
        )));
        let buttons = match facts.status {
            Status::Open | Status::Snoozed | Status::Suppressed => vec![acknowledge(facts.id), resolve(facts.id)],
            Status::Acknowledged => vec![resolve(facts.id)],
            Status::Resolved => vec![view(&facts.url, "View", &facts.id.to_string())],
        };
        blocks.push(json!({ "type": "actions", "elements": buttons }));
    }
    let count = incidents.len();
    if count > LISTED_MAX {
        let more = format!("and {} more", count - LISTED_MAX);
        blocks.push(json!({ "type": "context", "elements": [mrkdwn(&more)] }));
    }
    let text = match count {
        1 => "1 incident is not resolved.".to_owned(),
        _ => format!("{count} incidents are not resolved."),
    };
    answer(text, blocks)
}

/// `Acknowledged by Jane Doe`.
fn standing(facts: &IncidentFacts) -> String {
    match &facts.assignee {
        Some(user) => format!("{} ({})", status_name(facts.status), line(&user.name, NAME_CHARS_MAX)),
        None => status_name(facts.status).to_owned(),
    }
}

/// Who is on call now.
#[must_use]
pub fn on_call(people: &[OnCall]) -> Value {
    if people.is_empty() {
        return said("There is no schedule.");
    }
    let mut text = String::new();
    for OnCall {
        schedule,
        person,
        until,
    } in people.iter().take(ON_CALL_MAX)
    {
        let person = person
            .as_deref()
            .map_or("nobody".into(), |name| line(name, NAME_CHARS_MAX));
        let until = until.map_or_else(String::new, |until| format!(" until {}", date(until)));
        let entry = format!("*{}*: {person}{until}\n", line(schedule, NAME_CHARS_MAX));
        if text.chars().count() + entry.chars().count() > TEXT_CHARS_MAX {
            break;
        }
        text.push_str(&entry);
    }
    let text = text.trim_end().to_owned();
    let blocks = vec![section(&text)];
    answer(text, blocks)
}

/// The dialog that asks how an incident was solved and resolves it. `private_metadata` comes back when it is sent off;
/// of what is too long nothing comes back.
#[must_use]
pub fn resolve_view(incident: &IncidentFacts, private_metadata: &str) -> Value {
    let mut kept = format!("{}\n{private_metadata}", incident.id);
    if kept.chars().count() > PRIVATE_METADATA_CHARS_MAX {
        kept = incident.id.to_string();
    }
    let title = format!("#{} {}", incident.number, incident.title);
    json!({
        "type": "modal",
        "callback_id": RESOLVE_VIEW,
        "private_metadata": kept,
        "title": plain(&format!("Resolve #{}", incident.number), VIEW_TITLE_CHARS_MAX),
        "submit": plain("Resolve", VIEW_TITLE_CHARS_MAX),
        "close": plain("Cancel", VIEW_TITLE_CHARS_MAX),
        "blocks": [
            section(&format!("*{}*", line(&title, TITLE_CHARS_MAX))),
            {
                "type": "input",
                "block_id": NOTE_BLOCK,
                "optional": true,
                "label": plain("How was it solved?", TITLE_CHARS_MAX),
                "element": {
                    "type": "plain_text_input",
                    "action_id": NOTE_INPUT,
                    "multiline": true,
                    "max_length": NOTE_CHARS_MAX,
                },
            },
        ],
    })
}

/// The answer to the dialog being sent off that leaves it open and says what is wrong (Slack, "Modals", "Displaying errors
/// in views"). To close it, the answer is 200 and empty.
#[must_use]
pub fn view_refused(why: &str) -> Value {
    json!({ "response_action": "errors", "errors": { NOTE_BLOCK: one_line(why, TITLE_CHARS_MAX) } })
}

/// An answer for one person's eyes, which leaves the message that was pressed as it is.
fn answer(text: String, blocks: Vec<Value>) -> Value {
    let mut answer = json!({ "response_type": "ephemeral", "replace_original": false, "text": text });
    if !blocks.is_empty() {
        answer["blocks"] = blocks.into();
    }
    answer
}
