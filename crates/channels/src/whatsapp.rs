//! WhatsApp messages: what they say and who carries them.
//!
//! A business may write freely only within 24 hours of the person's last message; before and after that it may send
//! nothing but templates that WhatsApp has approved (WhatsApp Business Platform, "Customer service windows"). Pages come
//! when they come, so an administrator should have this template approved, of the category *Utility*, and name it in
//! the settings:
//!
//! ```text
//! Message from OpsKnight: {{1}}
//! You get this because you are on call or asked for it.
//! ```
//!
//! It has one variable, which is what happened, how to answer and the link, on one line. WhatsApp approves no template
//! that begins or ends with a variable. Quick-reply buttons with the texts `Acknowledge` and `Resolve` may be added to
//! it; they need no payload, since their text and the message that they belong to say everything. With Twilio it is a
//! content template of the same text.
//!
//! Everything goes by the template where one is set, since nothing here knows when the person last wrote. [`incoming`]
//! reads what comes back from Meta, [`crate::twilio::incoming`] what comes back from Twilio.

use opsknight_domain::message::{Bundle, Content, IncidentMessage, Message};

use crate::{
    news::{bundled, sentence, web_url},
    sms::text::{how_to_reply, lead, summary},
    words::{lines, one_line},
};

mod errors;
pub mod incoming;
pub mod meta;
pub mod twilio;

pub use meta::{MetaSettings, MetaWhatsapp};
pub use twilio::{TwilioWhatsapp, TwilioWhatsappSettings};

/// Longest text with buttons, in characters (WhatsApp, Interactive reply buttons messages: body), and the longest that
/// a template may become (WhatsApp, Templates). Plain text may have 4096.
const TEXT_CHARS_MAX: usize = 1024;
/// Longest value of the template's variable: what the template says besides must fit as well.
const VARIABLE_CHARS_MAX: usize = 900;
/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 300;
/// Longest name of a service, in characters.
const SERVICE_CHARS_MAX: usize = 60;
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 150;
/// Longest link, in characters; a longer one is left out.
const LINK_CHARS_MAX: usize = 300;
/// Most incidents that a message of many names.
const BUNDLE_NAMED_MAX: usize = 6;

/// What a message says where it may say it freely, at most 1024 characters.
///
/// WhatsApp reads `*bold*` and its like and has no way to escape them; they change how a title looks and nothing else.
#[must_use]
pub fn render(message: &Message) -> String {
    let text = match &message.content {
        Content::Incident(news) => incident(news),
        Content::Bundle(bundle) => many(bundle),
        Content::Note { subject, text } => format!("{}\n\n{text}", one_line(subject, TITLE_CHARS_MAX)),
    };
    lines(&text, TEXT_CHARS_MAX)
}

/// The value of the template's variable: one line, since WhatsApp takes no line breaks, no tabs and no more than four
/// blanks in a row there (WhatsApp, error 132012 and "Templates").
#[must_use]
pub fn variable(message: &Message) -> String {
    let line = summary(message, |text| text.chars().count() <= VARIABLE_CHARS_MAX);
    one_line(&line, VARIABLE_CHARS_MAX)
}

fn incident(news: &IncidentMessage) -> String {
    let facts = &news.incident;
    let title = one_line(&facts.title, TITLE_CHARS_MAX);
    let service = one_line(&facts.service.name, SERVICE_CHARS_MAX);
    let mut text = format!("{} {title} ({service})\n{}", lead(news), sentence(news));
    if let Some(reason) = &news.reason {
        text.push_str(&format!("\n{}", one_line(reason, REASON_CHARS_MAX)));
    }
    let mut address = &facts.url;
    if let Some(answer) = &news.answer {
        text.push_str(&format!("\n{}", how_to_reply(answer)));
        if web_url(&answer.url).is_some_and(|url| url.len() <= LINK_CHARS_MAX) {
            address = &answer.url;
        }
    }
    if let Some(url) = web_url(address).filter(|url| url.len() <= LINK_CHARS_MAX) {
        text.push_str(&format!("\n{url}"));
    }
    text
}

fn many(bundle: &Bundle) -> String {
    let short = Bundle {
        reason: bundle.reason.as_ref().map(|reason| one_line(reason, REASON_CHARS_MAX)),
        ..bundle.clone()
    };
    // The names give way until all fits: the way to answer and the link stand at the end.
    (0..=BUNDLE_NAMED_MAX)
        .rev()
        .map(|named| {
            let (subject, text) = bundled(&short, named);
            format!("{subject}\n{text}\nReply \"ack all\" to take them all.")
        })
        .find(|text| text.chars().count() <= TEXT_CHARS_MAX)
        .unwrap_or_else(|| {
            format!(
                "{} incidents need you. Reply \"ack all\" to take them all.",
                bundle.total
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_one_line_of_a_bounded_length() {
        let message = Message {
            delivery: opsknight_domain::id::DeliveryId::new(uuid::Uuid::nil()),
            earlier: None,
            content: Content::Note {
                subject: "Hello\tyou".into(),
                text: format!("a\r\n\r\n\tb{}c{}", " ".repeat(9), "d".repeat(5000)),
            },
        };
        let line = variable(&message);
        assert!(line.starts_with("Hello you: a b c"), "{line}");
        assert_eq!(line.chars().count(), VARIABLE_CHARS_MAX);
    }
}
