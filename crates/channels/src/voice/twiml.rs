//! What is said in a call, as Twilio reads it (Twilio, TwiML for Programmable Voice: `<Gather>`, `<Say>`, `<Pause>`).
//!
//! Every text is made speakable and escaped here. Each page is said twice: a mailbox has it whole then, and who was
//! woken hears it again.

use opsknight_domain::{
    incident::{Happening, Status},
    message::{Bundle, Content, IncidentMessage, Message},
    urgency::Urgency,
};
use url::Url;

use super::speech::{speakable, spelled};
use crate::{
    news::{is_page, sentence, status_name, urgency_name},
    twilio::twiml::{escape, response},
};

/// Longest document that a call may bring along, in characters (Twilio, Call resource: `Twiml`).
pub const TWIML_CHARS_MAX: usize = 4000;
/// The key that acknowledges.
pub const ACKNOWLEDGE_KEY: &str = "4";
/// The key that resolves.
pub const RESOLVE_KEY: &str = "6";
/// How long a key is waited for once everything is said, in seconds.
const KEY_WAIT_S: u8 = 10;
/// Longest title, in characters; half a minute of speech.
const TITLE_CHARS_MAX: usize = 150;
/// Longest name of a service, in characters.
const SERVICE_CHARS_MAX: usize = 60;
/// Longest text of a note, in characters.
const NOTE_CHARS_MAX: usize = 500;
/// Most incidents that a call about many names.
const BUNDLE_NAMED_MAX: usize = 3;
/// Longest title where several incidents are named, in characters.
const BUNDLE_TITLE_CHARS_MAX: usize = 60;

/// What a call about this message says, at most [`TWIML_CHARS_MAX`] characters; `action` is where a pressed key goes.
/// Without it nothing is asked.
#[must_use]
pub fn call(message: &Message, action: Option<&Url>) -> String {
    for title_chars in [TITLE_CHARS_MAX, TITLE_CHARS_MAX / 3, 0] {
        let said = match &message.content {
            Content::Incident(news) => incident(news, title_chars),
            Content::Bundle(bundle) => many(bundle, title_chars.min(BUNDLE_TITLE_CHARS_MAX)),
            Content::Note { subject, text } => note(subject, text, NOTE_CHARS_MAX.min(title_chars * 4)),
        };
        let document = match (action, &message.content) {
            (Some(action), _) => asked(&said, action),
            (None, Content::Incident(_) | Content::Bundle(_)) => {
                response(&twice(&format!("{said} Open OpsKnight to see more.")))
            }
            (None, Content::Note { .. }) => response(&twice(&said)),
        };
        if document.chars().count() <= TWIML_CHARS_MAX {
            return document;
        }
    }
    // An action of thousands of characters: what is wrong is more than a way to answer.
    response(&twice("OpsKnight has a message for you. Please open OpsKnight."))
}

/// Thanks for the key that acknowledged.
#[must_use]
pub fn acknowledged(number: i64) -> String {
    last(&format!("Incident {number} is acknowledged. It is yours now. Goodbye."))
}

/// Thanks for the key that resolved.
#[must_use]
pub fn resolved(number: i64) -> String {
    last(&format!("Incident {number} is resolved. Goodbye."))
}

/// The key changes nothing any more, since the incident is so already.
#[must_use]
pub fn already(number: i64, status: Status) -> String {
    let status = status_name(status).to_lowercase();
    last(&format!(
        "Incident {number} is already {status}. Nothing was changed. Goodbye."
    ))
}

/// Another key, or none: asks again, and takes the next key at `again`.
#[must_use]
pub fn not_understood(again: &Url) -> String {
    asked("That was not understood.", again)
}

/// It did not work: the link is too old, the incident is gone, or the program has a fault. `why` is said.
#[must_use]
pub fn failed(why: &str) -> String {
    let why = speakable(why, TITLE_CHARS_MAX);
    last(&format!("That did not work. {why}. Please open OpsKnight. Goodbye."))
}

/// Says something, twice, with the keys, and waits for one.
fn asked(said: &str, action: &Url) -> String {
    let keys = format!("Press {ACKNOWLEDGE_KEY} to acknowledge. Press {RESOLVE_KEY} to resolve.");
    let said = twice(&format!("{said} {keys}"));
    let action = escape(action.as_str());
    response(&format!(
        "<Gather numDigits=\"1\" timeout=\"{KEY_WAIT_S}\" action=\"{action}\" method=\"POST\">{said}</Gather>\
         <Say>No key was pressed. Goodbye.</Say>"
    ))
}

fn incident(news: &IncidentMessage, title_chars: usize) -> String {
    let facts = &news.incident;
    let number = facts.number;
    let test = if facts.is_test { "This is a test. " } else { "" };
    let title = closed(&speakable(&facts.title, title_chars));
    let service = speakable(&facts.service.name, SERVICE_CHARS_MAX.min(title_chars));
    let service = if service.is_empty() {
        service
    } else {
        format!(" on {service}")
    };
    let what = if is_page(news) || news.happening == Happening::Triggered {
        let urgency = urgency(facts.urgency);
        format!("{urgency} incident {number}{service}.{title}")
    } else {
        format!(
            "News of incident {number}{service}.{title} {}",
            speakable_sentence(news)
        )
    };
    format!("This is OpsKnight. {test}{what}")
}

/// Our own sentence, with the name of a person in it.
fn speakable_sentence(news: &IncidentMessage) -> String {
    format!("{}.", speakable(&sentence(news), TITLE_CHARS_MAX))
}

/// A sentence of its own, with a blank before it; nothing where there is none.
fn closed(said: &str) -> String {
    match said {
        "" => String::new(),
        said if said.ends_with(['!', '?']) => format!(" {said}"),
        said => format!(" {said}."),
    }
}

fn urgency(urgency: Urgency) -> String {
    format!("{} urgency", urgency_name(urgency))
}

fn many(bundle: &Bundle, title_chars: usize) -> String {
    let named = bundle.incidents.iter().take(BUNDLE_NAMED_MAX);
    let first: String = named
        .map(|facts| {
            format!(
                " Number {}.{}",
                facts.number,
                closed(&speakable(&facts.title, title_chars))
            )
        })
        .collect();
    let total = bundle.total;
    let rest = match total.saturating_sub(bundle.incidents.len().min(BUNDLE_NAMED_MAX)) {
        0 => String::new(),
        rest => format!(" And {rest} more."),
    };
    format!("This is OpsKnight. {total} incidents need you.{first}{rest}")
}

fn note(subject: &str, text: &str, chars_max: usize) -> String {
    let subject = closed(&spelled(subject, TITLE_CHARS_MAX));
    let text = closed(spelled(text, chars_max).trim_end_matches('.'));
    format!("This is OpsKnight.{subject}{text}")
}

/// Two times with a breath between.
fn twice(said: &str) -> String {
    let said = escape(said);
    format!("<Say>{said}</Say><Pause length=\"1\"/><Say>Again. {said}</Say>")
}

fn last(said: &str) -> String {
    response(&format!("<Say>{}</Say><Hangup/>", escape(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_escaped() {
        let again = Url::parse("https://ops.example.com/api/twilio/voice?token=a&b=\"<").unwrap();
        let document = not_understood(&again);
        assert!(document.contains("action=\"https://ops.example.com/api/twilio/voice?token=a&amp;b=%22%3C\""));
        assert!(!failed("<Dial>+1</Dial>").contains("<Dial>"));
    }

    #[test]
    fn the_answers_to_a_key_say_what_was_done() {
        let said = |document: String| {
            let from = document.find("<Say>").unwrap() + 5;
            document[from..document.find("</Say>").unwrap()].to_owned()
        };
        assert_eq!(
            said(acknowledged(123)),
            "Incident 123 is acknowledged. It is yours now. Goodbye."
        );
        assert_eq!(said(resolved(123)), "Incident 123 is resolved. Goodbye.");
        assert_eq!(
            said(already(123, Status::Resolved)),
            "Incident 123 is already resolved. Nothing was changed. Goodbye."
        );
        assert_eq!(
            said(failed("This call is too old")),
            "That did not work. This call is too old. Please open OpsKnight. Goodbye."
        );
        let again = Url::parse("https://ops.example.com/x").unwrap();
        assert_eq!(
            said(not_understood(&again)),
            "That was not understood. Press 4 to acknowledge. Press 6 to resolve."
        );
        assert!(not_understood(&again).contains("<Gather numDigits=\"1\""));
        for document in [acknowledged(1), resolved(1), already(1, Status::Open), failed("")] {
            assert!(document.ends_with("<Hangup/></Response>"), "{document}");
        }
    }
}
