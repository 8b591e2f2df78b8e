//! What a browser's service worker gets to read, and which notification takes the place of which.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use opsknight_domain::message::{Bundle, Content, IncidentMessage, Message};
use serde_json::{Value, json};
use url::Url;

use super::is_dealt_with;
use crate::{
    news::{bundled, is_page, label, sentence, web_url},
    words::{lines, one_line},
};

/// Longest payload before it is encrypted, in bytes. Push services take 4096 of the encrypted form (RFC 8030, section
/// 7.2), some a little less.
pub const PAYLOAD_BYTES_MAX: usize = 3800;
/// Longest title, in characters; more is shown on no screen.
const TITLE_CHARS_MAX: usize = 120;
/// Longest text, in characters, and how it is shortened where the whole does not fit.
const BODY_CHARS_MAX: [usize; 4] = [500, 250, 100, 0];
/// Longest address in a payload, in bytes.
const URL_BYTES_MAX: usize = 1000;
/// How many incidents of a bundle are named.
const BUNDLED_MAX: usize = 4;

/// What a notification shows and does.
struct Shown<'a> {
    title: String,
    body: String,
    /// A notification takes the place of another of the same tag (Notifications API, "tag").
    tag: String,
    url: &'a str,
    incident: Option<&'a IncidentMessage>,
    /// It stays until somebody deals with it.
    stays: bool,
}

/// The JSON text for a message. `public_url` is opened where it is about nothing in particular.
#[must_use]
pub fn render(message: &Message, public_url: &Url) -> String {
    let shown = match &message.content {
        Content::Incident(news) => incident(news),
        Content::Bundle(bundle) => many(bundle, message),
        Content::Note { subject, text } => Shown {
            title: subject.clone(),
            body: text.clone(),
            tag: message.delivery.to_string(),
            url: public_url.as_str(),
            incident: None,
            stays: false,
        },
    };
    let mut text = String::new();
    for chars_max in BODY_CHARS_MAX {
        text = written(&shown, message, public_url, chars_max).to_string();
        if text.len() <= PAYLOAD_BYTES_MAX {
            break;
        }
    }
    text
}

fn written(shown: &Shown<'_>, message: &Message, public_url: &Url, body_chars_max: usize) -> Value {
    let fits = |url: &str| web_url(url).filter(|url| url.len() <= URL_BYTES_MAX);
    let answer = shown.incident.and_then(|news| news.answer.as_ref());
    let acknowledge = answer.and_then(|answer| fits(&answer.url));
    let mut actions = Vec::new();
    if acknowledge.is_some() {
        actions.push(json!({ "action": "acknowledge", "title": "Acknowledge" }));
    }
    actions.push(json!({ "action": "open", "title": "Open" }));
    json!({
        "title": one_line(&shown.title, TITLE_CHARS_MAX),
        "body": lines(&shown.body, body_chars_max.max(1)),
        "tag": shown.tag,
        "url": fits(shown.url).or_else(|| fits(public_url.as_str())),
        "incident": shown.incident.map(|news| news.incident.id.to_string()),
        "urgency": shown.incident.map(|news| news.incident.urgency.word()),
        "requireInteraction": shown.stays,
        "acknowledge": acknowledge,
        "actions": actions,
        // The same at every try: a repetition need not ring again.
        "delivery": message.delivery.to_string(),
    })
}

fn incident(news: &IncidentMessage) -> Shown<'_> {
    let facts = &news.incident;
    let test = if facts.is_test { "Test: " } else { "" };
    let begins = if is_page(news) {
        format!("[{}]", facts.urgency.word())
    } else {
        format!("{}:", label(news.happening))
    };
    let mut body = format!("{}: {}", one_line(&facts.service.name, TITLE_CHARS_MAX), sentence(news));
    if let Some(reason) = &news.reason {
        body.push('\n');
        body.push_str(&one_line(reason, 300));
    }
    Shown {
        title: format!("{begins} #{} {test}{}", facts.number, facts.title),
        body,
        tag: if is_of_the_page(news) {
            facts.id.to_string()
        } else {
            format!("{}-news", facts.id)
        },
        url: &facts.url,
        incident: Some(news),
        stays: is_page(news),
    }
}

fn many<'a>(bundle: &'a Bundle, message: &Message) -> Shown<'a> {
    let (title, text) = bundled(bundle, BUNDLED_MAX);
    let end = text.rfind("\nOpen the list:").unwrap_or(text.len());
    Shown {
        title,
        body: text[..end].to_owned(),
        tag: message.delivery.to_string(),
        url: &bundle.url,
        incident: None,
        stays: true,
    }
}

/// A page takes the place of an earlier one for the same incident, and the news that somebody deals with it takes the
/// place of both. Other news never does: a telephone that comes back after an hour must find the page, not the note
/// that was written meanwhile.
fn is_of_the_page(news: &IncidentMessage) -> bool {
    is_page(news) || is_dealt_with(news.incident.status)
}

/// The topic by which a push service replaces what it still keeps (RFC 8030, section 5.4): at most 32 characters of
/// base64url.
pub(super) fn topic(news: &IncidentMessage) -> String {
    let incident = URL_SAFE_NO_PAD.encode(news.incident.id.uuid().as_bytes());
    if is_of_the_page(news) {
        incident
    } else {
        format!("{incident}-news")
    }
}
