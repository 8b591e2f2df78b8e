//! Telephones: text messages in few pieces with their link whole, calls of well-formed TwiML, and WhatsApp.

use opsknight_channels::{
    sms::text::{SEGMENTS_MAX, render, render_one_way},
    twilio::twiml,
    voice::twiml::{TWIML_CHARS_MAX, call},
    whatsapp,
};
use opsknight_domain::message::{Content, Message};
use url::Url;

use super::{OURS, assert_clean, markup, tame};

/// What the small alphabet of text messages has besides ASCII, and what takes two places in it (3GPP TS 23.038).
const GSM: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€";
const GSM_TWICE: &str = "^{}\\[~]|€";
/// Longest body of a WhatsApp message with buttons, and longest variable of a template, in characters.
const WHATSAPP_CHARS_MAX: usize = 1024;

/// The link that a message ends with, and the code by which a page is answered.
fn promised(message: &Message) -> (Option<&str>, Option<&str>) {
    match &message.content {
        Content::Incident(news) => {
            let answer = news.answer.as_ref();
            let url = answer.map_or(&news.incident.url, |answer| &answer.url);
            (Some(url), answer.map(|answer| answer.code.as_str()))
        }
        Content::Bundle(bundle) => (Some(&bundle.url), None),
        Content::Note { .. } => (None, None),
    }
}

/// Few pieces, and what a person needs is whole.
pub(super) fn sms(message: &Message) {
    let (link, code) = promised(message);
    for (text, answered) in [(render(message), true), (render_one_way(message), false)] {
        assert_clean(&text);
        let pieces = pieces(&text);
        assert!(pieces <= SEGMENTS_MAX, "{pieces} pieces: {text:?}");
        if let Some(link) = link {
            assert!(text.ends_with(link), "{text:?} leads not to {link}");
        }
        if let Some(code) = code.filter(|_| answered) {
            let reply = format!("Reply \"ack {code}\" or \"resolve {code}\". ");
            assert!(text.contains(&reply), "{text:?} does not say how to answer");
        }
    }
}

/// In how many pieces a text is carried; a character of two units is never divided.
fn pieces(text: &str) -> usize {
    let is_gsm = |c: char| (c.is_ascii() && c != '`') || GSM.contains(c);
    let small = text.chars().all(is_gsm);
    let (alone, each) = if small { (160, 153) } else { (70, 67) };
    let units = |c: char| {
        if small {
            1 + usize::from(GSM_TWICE.contains(c))
        } else {
            c.len_utf16()
        }
    };
    if text.chars().map(units).sum::<usize>() <= alone {
        return 1;
    }
    let (mut pieces, mut used) = (1, 0);
    for units in text.chars().map(units) {
        if used + units > each {
            pieces += 1;
            used = 0;
        }
        used += units;
    }
    pieces
}

/// Only our elements, as many as for a harmless message, and keys go where they should.
pub(super) fn voice(message: &Message) {
    let action = Url::parse(OURS[0]).expect("an address");
    for action in [None, Some(&action)] {
        let document = call(message, action);
        assert!(document.chars().count() <= TWIML_CHARS_MAX);
        let written = markup::xml(&document);
        assert_eq!(
            written,
            markup::xml(&call(&tame(message), action)),
            "a text became TwiML"
        );
        for element in &written {
            let ours: &[&str] = match element.name.as_str() {
                "Response" | "Say" => &[],
                "Pause" => &["length"],
                "Gather" => &["numDigits", "timeout", "action", "method"],
                other => panic!("<{other}> in {document}"),
            };
            let names: Vec<&str> = element.attributes.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ours);
        }
    }
    if let Content::Note { text, .. } = &message.content {
        let answer = markup::xml(&twiml::message(text));
        let names: Vec<&str> = answer.iter().map(|element| element.name.as_str()).collect();
        assert_eq!(names, ["Response", "Message"]);
    }
}

/// As long as WhatsApp takes it, in the form that templates want, and what a person needs is whole.
pub(super) fn whatsapp(message: &Message) {
    let (link, code) = promised(message);
    let text = whatsapp::render(message);
    let variable = whatsapp::variable(message);
    for text in [&text, &variable] {
        assert_clean(text);
        let chars = text.chars().count();
        assert!(
            (1..=WHATSAPP_CHARS_MAX).contains(&chars),
            "{chars} characters: {text:?}"
        );
        assert!(link.is_none_or(|link| text.contains(link)), "{text:?} has no link");
        let reply = code.map(|code| format!("Reply \"ack {code}\" or \"resolve {code}\"."));
        assert!(
            reply.is_none_or(|reply| text.contains(&reply)),
            "{text:?} does not say how to answer"
        );
    }
    assert!(
        !variable.contains(['\n', '\t']) && !variable.contains("     "),
        "{variable:?}"
    );
}
