//! What a text message says.

use opsknight_domain::message::{Content, Message};

use crate::{news::named, words::one_line};

/// Longest text, in characters.
const TEXT_CHARS_MAX: usize = 300;
/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 80;

/// Writes the text for a message.
#[must_use]
pub fn render(message: &Message) -> String {
    let text = match &message.content {
        Content::Incident(news) => {
            let answer = news.answer.as_ref();
            let reply = answer.map_or_else(String::new, |answer| format!(" Reply ack {}", answer.code));
            format!("{}{reply}", named(&news.incident, TITLE_CHARS_MAX))
        }
        Content::Bundle(bundle) => format!("{} incidents need you: {}", bundle.total, bundle.url),
        Content::Note { subject, text } => format!("{subject}: {text}"),
    };
    one_line(&text, TEXT_CHARS_MAX)
}
