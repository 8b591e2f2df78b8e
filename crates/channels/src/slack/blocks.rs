//! What Slack is given to show for a message: Block Kit, and a text for notifications and for where blocks fail.
//!
//! Limits are those of Slack's block kit reference, and kept well within: 50 blocks a message, 150 characters a header,
//! 3000 a section, 2000 a field, 75 a button, 150 the value of an option, 40,000 a text of which 4,000 are advised.

use opsknight_domain::{
    id::IncidentId,
    incident::{Happening, Status},
    message::{Bundle, Content, IncidentFacts, IncidentMessage, Message},
    urgency::Urgency,
};
use serde_json::{Value, json};

use super::text::{date, line, link, mrkdwn, paragraphs, plain};
use crate::{
    news::{bundled, is_page, named, sentence, status_name, urgency_name, web_url},
    words::one_line,
};

/// Which block holds the buttons of an incident.
pub const ACTIONS_BLOCK: &str = "opsknight_incident";
/// The button that acknowledges; its value is the incident's id.
pub const ACKNOWLEDGE: &str = "opsknight_acknowledge";
/// The button that asks for a note and resolves; its value is the incident's id.
pub const RESOLVE: &str = "opsknight_resolve";
/// The list that puts an incident off; the value chosen is the incident's id, a colon, and so many minutes.
pub const SNOOZE: &str = "opsknight_snooze";
/// The button that opens a page. Slack reports it too, and nothing is to be done about it.
pub const VIEW: &str = "opsknight_view";
/// What the metadata of each message is called; `delivery` in it is the same at every try.
pub const METADATA_EVENT: &str = "opsknight_delivery";

/// Longest header, in characters.
const HEADER_CHARS_MAX: usize = 150;
/// Longest value of a field, in characters after escaping; its name and marks come on top.
const FIELD_CHARS_MAX: usize = 300;
/// Longest description, in characters after escaping.
const DESCRIPTION_CHARS_MAX: usize = 2500;
/// Longest text in one section, in characters.
const SECTION_CHARS_MAX: usize = 2900;
/// Longest text of a link, in characters.
const LINK_CHARS_MAX: usize = 100;
/// How many links are shown.
const LINKS_MAX: usize = 5;
/// Longest text of a message, in characters.
const TEXT_CHARS_MAX: usize = 3900;
/// Longest title in a text, in characters.
const TITLE_CHARS_MAX: usize = 300;
/// How many incidents of a bundle are named.
const BUNDLED_MAX: usize = 20;
/// Longest URL of a button, in characters.
const BUTTON_URL_CHARS_MAX: usize = 3000;
/// For how long an incident can be put off: what the list says, and minutes.
pub(super) const SNOOZES: [(&str, i64); 4] = [("30 minutes", 30), ("1 hour", 60), ("4 hours", 240), ("1 day", 1440)];

/// What is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// For notifications, and for screens that read aloud.
    pub text: String,
    /// What people see.
    pub blocks: Vec<Value>,
    /// What people see where Slack does not take the blocks.
    pub bare: String,
}

/// A member to call, or nobody.
pub type Mention<'a> = Option<&'a str>;

/// What a message shows when it is new.
#[must_use]
pub fn shown(message: &Message, mention: Mention<'_>) -> Shown {
    match &message.content {
        Content::Incident(news) => incident(news, mention),
        Content::Bundle(bundle) => many(bundle),
        Content::Note { subject, text } => note(subject, text),
    }
}

/// What stands in the metadata of a message (Slack, "Message metadata"): programs that read the conversation can tell
/// a repetition by it.
pub(super) fn metadata(message: &Message) -> Value {
    let mut payload = json!({ "delivery": message.delivery.to_string() });
    if let Content::Incident(news) = &message.content {
        payload["incident"] = news.incident.id.to_string().into();
    }
    json!({ "event_type": METADATA_EVENT, "event_payload": payload })
}

/// An incident as it stands.
fn incident(news: &IncidentMessage, mention: Mention<'_>) -> Shown {
    let facts = &news.incident;
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(&title(facts), HEADER_CHARS_MAX) }),
        json!({ "type": "section", "fields": fields(facts, mention) }),
    ];
    // Slack takes no blocks with an empty text, and a text of control characters is one once it is cleaned.
    let description = facts.description.as_deref().unwrap_or_default();
    let description = paragraphs(description, DESCRIPTION_CHARS_MAX);
    if !description.is_empty() {
        blocks.push(section(&description));
    }
    let links = links(facts);
    if !links.is_empty() {
        blocks.push(section(&links));
    }
    let mut context = vec![mrkdwn(&line(&sentence(news), FIELD_CHARS_MAX))];
    let reason = news.reason.as_deref().map(|reason| line(reason, FIELD_CHARS_MAX));
    context.extend(reason.filter(|reason| !reason.is_empty()).map(|reason| mrkdwn(&reason)));
    let unsubscribe = news.unsubscribe_url.as_deref();
    context.extend(unsubscribe.and_then(|url| Some(mrkdwn(&link(url, "Stop such news", LINK_CHARS_MAX)?))));
    blocks.push(json!({ "type": "context", "elements": context }));
    blocks.push(json!({ "type": "actions", "block_id": ACTIONS_BLOCK, "elements": actions(facts) }));
    let told = format!(
        "{}{} {}: {}",
        mention.map_or_else(String::new, |member| format!("<@{member}> ")),
        line(&format!("[{}]", facts.urgency.word()), FIELD_CHARS_MAX),
        line(&named(facts, TITLE_CHARS_MAX), TITLE_CHARS_MAX * 2),
        line(&sentence(news), FIELD_CHARS_MAX),
    );
    let bare = bare(&told, &facts.url, news);
    Shown {
        text: told,
        blocks,
        bare,
    }
}

/// The same in words alone: whoever is paged must still be able to acknowledge.
fn bare(told: &str, url: &str, news: &IncidentMessage) -> String {
    let mut bare = told.to_owned();
    if let Some(reason) = &news.reason {
        bare.push('\n');
        bare.push_str(&line(reason, FIELD_CHARS_MAX));
    }
    let acknowledge = news
        .answer
        .as_ref()
        .and_then(|answer| link(&answer.url, "Acknowledge", LINK_CHARS_MAX));
    for link in [acknowledge, link(url, "View", LINK_CHARS_MAX)].into_iter().flatten() {
        bare.push('\n');
        bare.push_str(&link);
    }
    bare
}

/// What is written below the earlier message when something new happened; those who must act are called.
#[must_use]
pub fn reply(news: &IncidentMessage, mention: Mention<'_>) -> String {
    let calls = match news.happening {
        Happening::Triggered
        | Happening::Escalated
        | Happening::Reassigned
        | Happening::Reopened
        | Happening::SlaBreached => true,
        Happening::Acknowledged | Happening::Resolved | Happening::Snoozed | Happening::NoteAdded => false,
    };
    let mut text = line(&sentence(news), FIELD_CHARS_MAX);
    if let Some(reason) = &news.reason {
        text.push(' ');
        text.push_str(&line(reason, FIELD_CHARS_MAX));
    }
    match mention.filter(|_| calls) {
        Some(member) => format!("<@{member}> {text}"),
        None => text,
    }
}

/// The message edits the earlier one rather than standing for itself.
pub(super) fn edits(message: &Message) -> Option<&IncidentMessage> {
    match &message.content {
        Content::Incident(news) if !is_page(news) => Some(news),
        Content::Incident(_) | Content::Bundle(_) | Content::Note { .. } => None,
    }
}

/// `🔴 #123 High CPU on web-01`.
fn title(facts: &IncidentFacts) -> String {
    let test = if facts.is_test { "Test: " } else { "" };
    format!("{} #{} {test}{}", sign(facts), facts.number, facts.title)
}

/// The state at a glance.
const fn sign(facts: &IncidentFacts) -> &'static str {
    match (facts.status, facts.urgency) {
        (Status::Open, Urgency::High) => "🔴",
        (Status::Open, Urgency::Medium) => "🟠",
        (Status::Open, Urgency::Low) => "🔵",
        (Status::Acknowledged, _) => "🟡",
        (Status::Snoozed | Status::Suppressed, _) => "⚪",
        (Status::Resolved, _) => "🟢",
    }
}

fn fields(facts: &IncidentFacts, mention: Mention<'_>) -> Vec<Value> {
    let assignee = match (mention, &facts.assignee) {
        (Some(member), _) => format!("<@{member}>"),
        (None, Some(user)) => line(&user.name, FIELD_CHARS_MAX),
        (None, None) => "Nobody".into(),
    };
    let urgency = match &facts.priority {
        Some(priority) => format!("{} ({})", urgency_name(facts.urgency), line(priority, FIELD_CHARS_MAX)),
        None => urgency_name(facts.urgency).into(),
    };
    [
        ("Service", line(&facts.service.name, FIELD_CHARS_MAX)),
        ("Urgency", urgency),
        ("Status", status_name(facts.status).into()),
        ("Assignee", assignee),
        ("Since", date(facts.created_at)),
    ]
    .into_iter()
    .map(|(name, value)| mrkdwn(&format!("*{name}*\n{value}")))
    .collect()
}

fn links(facts: &IncidentFacts) -> String {
    let runbook = facts
        .runbook_url
        .as_deref()
        .and_then(|url| link(url, "Runbook", LINK_CHARS_MAX));
    let given = facts
        .links
        .iter()
        .filter_map(|given| link(&given.href, given.text.as_deref().unwrap_or(""), LINK_CHARS_MAX));
    let mut all = String::new();
    for link in runbook.into_iter().chain(given).take(LINKS_MAX) {
        // Five addresses of the longest kind do not fit into one section.
        if all.chars().count() + link.chars().count() + 3 > SECTION_CHARS_MAX {
            break;
        }
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str("• ");
        all.push_str(&link);
    }
    all
}

/// What can be done about an incident as it stands.
fn actions(facts: &IncidentFacts) -> Vec<Value> {
    let id = facts.id;
    let mut actions = match facts.status {
        Status::Open => vec![acknowledge(id), resolve(id), snooze(id)],
        Status::Acknowledged => vec![resolve(id), snooze(id)],
        Status::Snoozed | Status::Suppressed => vec![acknowledge(id), resolve(id)],
        Status::Resolved => Vec::new(),
    };
    actions.push(view(&facts.url, "View", &id.to_string()));
    actions
}

/// The button that acknowledges.
pub(super) fn acknowledge(id: IncidentId) -> Value {
    json!({
        "type": "button",
        "action_id": ACKNOWLEDGE,
        "style": "primary",
        "text": plain("Acknowledge", HEADER_CHARS_MAX),
        "value": id.to_string(),
    })
}

/// The button that resolves.
pub(super) fn resolve(id: IncidentId) -> Value {
    json!({
        "type": "button",
        "action_id": RESOLVE,
        "text": plain("Resolve", HEADER_CHARS_MAX),
        "value": id.to_string(),
    })
}

fn snooze(id: IncidentId) -> Value {
    let option = |(name, minutes): &(&str, i64)| json!({ "text": plain(name, HEADER_CHARS_MAX), "value": format!("{id}:{minutes}") });
    json!({
        "type": "static_select",
        "action_id": SNOOZE,
        "placeholder": plain("Snooze", HEADER_CHARS_MAX),
        "options": SNOOZES.iter().map(option).collect::<Vec<_>>(),
    })
}

/// A button that opens a page of ours.
pub(super) fn view(url: &str, name: &str, value: &str) -> Value {
    let mut button = json!({
        "type": "button",
        "action_id": VIEW,
        "text": plain(name, HEADER_CHARS_MAX),
        "value": value,
    });
    if let Some(url) = web_url(url).filter(|url| url.chars().count() <= BUTTON_URL_CHARS_MAX) {
        button["url"] = url.into();
    }
    button
}

/// Text on its own.
pub(super) fn section(text: &str) -> Value {
    json!({ "type": "section", "text": mrkdwn(text) })
}

fn many(bundle: &Bundle) -> Shown {
    // As many are named as fit; the list's address is a button of its own.
    let (subject, listed) = (0..=BUNDLED_MAX)
        .rev()
        .map(|named| {
            let (subject, text) = bundled(bundle, named);
            let end = text.rfind("\nOpen the list:").unwrap_or(text.len());
            (subject, paragraphs(&text[..end], TEXT_CHARS_MAX))
        })
        .find(|(_, listed)| listed.chars().count() <= SECTION_CHARS_MAX)
        .unwrap_or_default();
    let mut shown = note_of(&subject, listed);
    if let Some(link) = link(&bundle.url, "Open the list", LINK_CHARS_MAX) {
        shown.bare = format!("{}\n{link}", shown.bare);
    }
    shown.blocks.push(json!({
        "type": "actions",
        "block_id": ACTIONS_BLOCK,
        "elements": [view(&bundle.url, "Open the list", "list")],
    }));
    shown
}

fn note(subject: &str, text: &str) -> Shown {
    note_of(subject, paragraphs(text, SECTION_CHARS_MAX))
}

/// A header and a text that is written for Slack already.
fn note_of(subject: &str, body: String) -> Shown {
    // Slack takes no header without words.
    let subject = match one_line(subject, HEADER_CHARS_MAX) {
        none if none.is_empty() => "OpsKnight".into(),
        subject => subject,
    };
    let mut blocks = vec![json!({ "type": "header", "text": plain(&subject, HEADER_CHARS_MAX) })];
    let mut text = line(&subject, TITLE_CHARS_MAX);
    if !body.is_empty() {
        blocks.push(section(&body));
        text = format!("{text}\n{body}");
    }
    Shown {
        bare: text.clone(),
        text,
        blocks,
    }
}
