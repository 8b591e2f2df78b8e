//! The text and the buttons of a message, as MarkdownV2 or without any markup.

use opsknight_domain::incident::Status;
use serde_json::{Value, json};

use super::{
    super::{
        card::Card,
        escape::{is_public, markdown_v2, markdown_v2_url, plain},
    },
    incoming::{ACKNOWLEDGE, RESOLVE},
};

/// Longest lines, in UTF-16 units of their escaped form. Together with all facts and links they stay below the 4096
/// characters that a message may have once its markup is read (`sendMessage`).
const LINE_UNITS_MAX: usize = 350;
/// Longest value of a fact.
const FACT_UNITS_MAX: usize = 160;
/// Longest description.
const TEXT_UNITS_MAX: usize = 1600;
/// Longest text of a message that has no facts.
const NOTE_UNITS_MAX: usize = 3000;
/// Longest words of a link.
const LINK_UNITS_MAX: usize = 60;
/// What all links together may show.
const LINKS_UNITS_MAX: usize = 700;

/// How the text is marked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Telegram's own marks.
    MarkdownV2,
    /// No marks: Telegram reads nothing into it.
    Plain,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// All that is known.
    Whole,
    /// What is new, in a reply to the whole.
    News,
}

impl Form {
    fn text(self, text: &str, units_max: usize) -> String {
        match self {
            Self::MarkdownV2 => markdown_v2(text, units_max),
            Self::Plain => plain(text, units_max),
        }
    }

    fn bold(self, text: &str, units_max: usize) -> String {
        match self {
            Self::MarkdownV2 => format!("*{}*", markdown_v2(text, units_max)),
            Self::Plain => plain(text, units_max),
        }
    }

    fn link(self, text: &str, href: &str) -> String {
        let shown = self.text(text, LINK_UNITS_MAX);
        match self {
            // Telegram drops links to hosts that it cannot reach and leaves only their words.
            Self::MarkdownV2 if is_public(href) => format!("[{shown}]({})", markdown_v2_url(href)),
            Self::MarkdownV2 | Self::Plain => format!("{shown}: {}", self.text(href, usize::MAX)),
        }
    }
}

/// The fields of a request that say what is shown.
pub(super) fn body(card: &Card, piece: Piece, form: Form) -> Value {
    let mut body = json!({
        "text": text(card, piece, form),
        "link_preview_options": { "is_disabled": true },
    });
    if form == Form::MarkdownV2 {
        body["parse_mode"] = json!("MarkdownV2");
    }
    if piece == Piece::Whole {
        // An edited message loses its buttons where there are none, and keeps none that no longer fit.
        body["reply_markup"] = json!({ "inline_keyboard": keyboard(card, form) });
    }
    body
}

fn text(card: &Card, piece: Piece, form: Form) -> String {
    let mut head = format!("{} {}", card.tone.mark(), form.bold(&card.head, LINE_UNITS_MAX));
    if let Some(title) = &card.title {
        head = format!("{head}\n{}", form.bold(title, LINE_UNITS_MAX));
    }
    let mut parts = vec![head];
    parts.extend(card.told.as_deref().map(|told| form.text(told, LINE_UNITS_MAX)));
    if piece == Piece::News {
        return parts.join("\n\n");
    }
    let facts = card.facts.iter();
    let facts: Vec<String> = facts
        .map(|(name, value)| format!("{name}: {}", form.text(value, FACT_UNITS_MAX)))
        .collect();
    let text_max = if facts.is_empty() {
        NOTE_UNITS_MAX
    } else {
        TEXT_UNITS_MAX
    };
    if !facts.is_empty() {
        parts.push(facts.join("\n"));
    }
    parts.extend(card.text.as_deref().map(|text| form.text(text, text_max)));
    let links = links(card, form);
    if !links.is_empty() {
        parts.push(links.join("\n"));
    }
    parts.join("\n\n")
}

/// Links that are no buttons, while they leave the message short enough.
fn links(card: &Card, form: Form) -> Vec<String> {
    let on_button = |href: &str| form == Form::MarkdownV2 && card.view.as_deref() == Some(href) && is_public(href);
    let mut left = LINKS_UNITS_MAX;
    let mut links = Vec::new();
    for button in card.buttons() {
        let link = form.link(&button.text, &button.href);
        // What Telegram counts: the words of a link, not where it leads.
        let shown = if link.starts_with('[') {
            button.text.len()
        } else {
            link.encode_utf16().count()
        };
        if !on_button(&button.href) && shown < left {
            left -= shown;
            links.push(link);
        }
    }
    links
}

/// What can be done with the incident as it stands, and a button to its page.
fn keyboard(card: &Card, form: Form) -> Vec<Vec<Value>> {
    let press = |text: &str, action: &str, id: &dyn std::fmt::Display| json!({ "text": text, "callback_data": format!("{action}:{id}") });
    let mut rows = Vec::new();
    if let Some((id, status)) = &card.incident {
        let acknowledge = press("Acknowledge", ACKNOWLEDGE, id);
        let resolve = press("Resolve", RESOLVE, id);
        match status {
            Status::Open => rows.push(vec![acknowledge, resolve]),
            Status::Acknowledged | Status::Snoozed | Status::Suppressed => rows.push(vec![resolve]),
            Status::Resolved => {}
        }
    }
    if let Some(view) = card
        .view
        .as_deref()
        .filter(|url| form == Form::MarkdownV2 && is_public(url))
    {
        rows.push(vec![json!({ "text": "View", "url": view })]);
    }
    rows
}
