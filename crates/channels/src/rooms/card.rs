//! What every room is told, before it is put into the form of one room.
//!
//! All texts are clean and bounded but not escaped, also those that look like ours.

use jiff::Timestamp;
use opsknight_domain::{
    id::IncidentId,
    incident::Status,
    message::{Bundle, Content, IncidentFacts, IncidentMessage, Message},
    urgency::Urgency,
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use url::{Host, Position, Url};

use crate::{
    news::{bundled, label, sentence, status_name, urgency_name, web_url},
    words::{lines, one_line},
};

/// Longest title of an incident, in characters.
const TITLE_CHARS_MAX: usize = 300;
/// Longest name of a service or a person, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 200;
/// Longest description, in characters.
const TEXT_CHARS_MAX: usize = 3000;
/// Longest text on a button, in characters.
const BUTTON_CHARS_MAX: usize = 40;
/// Most links that an alert gave along which are shown.
const ALERT_LINKS_MAX: usize = 3;
/// Most incidents of a bundle that are named.
const BUNDLE_LINES_MAX: usize = 10;

/// What the `url` crate lets stand and RFC 3986 does not.
const NOT_OF_URLS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// How alarming it is: rooms show it as a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// People must look now.
    Alarm,
    /// People must look, or are at it.
    Warning,
    /// It is over.
    Good,
    /// It can wait.
    Quiet,
}

impl Tone {
    /// A coloured mark, for rooms without colours.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Alarm => "🔴",
            Self::Warning => "🟠",
            Self::Good => "🟢",
            Self::Quiet => "⚪",
        }
    }

    const fn of(facts: &IncidentFacts) -> Self {
        match (facts.status, facts.urgency) {
            (Status::Resolved, _) => Self::Good,
            (Status::Snoozed | Status::Suppressed, _) | (Status::Open, Urgency::Low) => Self::Quiet,
            (Status::Acknowledged, _) | (Status::Open, Urgency::Medium) => Self::Warning,
            (Status::Open, Urgency::High) => Self::Alarm,
        }
    }
}

/// A link with words on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Button {
    pub(super) text: String,
    pub(super) href: String,
}

/// What a room is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Card {
    pub(super) tone: Tone,
    /// One line: `Triggered: #123`, or a subject.
    pub(super) head: String,
    /// The title of the incident on one line.
    pub(super) title: Option<String>,
    /// What happened, in a sentence.
    pub(super) told: Option<String>,
    /// More, on lines of its own.
    pub(super) text: Option<String>,
    /// Names and values on one line each.
    pub(super) facts: Vec<(&'static str, String)>,
    /// The page to look at.
    pub(super) view: Option<String>,
    /// Where this person acknowledges by a signed link; only on pages.
    pub(super) acknowledge: Option<String>,
    /// Further links.
    pub(super) links: Vec<Button>,
    /// Of which incident and how it stands, where it is about one.
    pub(super) incident: Option<(IncidentId, Status)>,
    /// When it happened.
    pub(super) at: Option<Timestamp>,
}

impl Card {
    /// The card of a message.
    pub(super) fn of(message: &Message) -> Self {
        match &message.content {
            Content::Incident(news) => Self::of_incident(news),
            Content::Bundle(bundle) => Self::of_bundle(bundle),
            Content::Note { subject, text } => Self {
                head: one_line(subject, TITLE_CHARS_MAX),
                text: some(lines(text, TEXT_CHARS_MAX)),
                ..Self::empty()
            },
        }
    }

    fn of_incident(news: &IncidentMessage) -> Self {
        let facts = &news.incident;
        let test = if facts.is_test { " (test)" } else { "" };
        let mut links = Vec::new();
        if let Some(href) = facts.runbook_url.as_deref().and_then(href) {
            let text = "Runbook".into();
            links.push(Button { text, href });
        }
        let given = facts.links.iter().filter_map(|link| {
            let href = href(&link.href)?;
            let text = link.text.as_deref().map(|text| one_line(text, BUTTON_CHARS_MAX));
            let text = text.filter(|text| !text.is_empty()).unwrap_or_else(|| "Link".into());
            Some(Button { text, href })
        });
        links.extend(given.take(ALERT_LINKS_MAX));
        Self {
            tone: Tone::of(facts),
            head: format!("{}: #{}{test}", label(news.happening), facts.number),
            title: some(one_line(&facts.title, TITLE_CHARS_MAX)),
            told: Some(sentence(news)),
            text: facts
                .description
                .as_deref()
                .and_then(|text| some(lines(text, TEXT_CHARS_MAX))),
            facts: table(news),
            view: href(&facts.url),
            acknowledge: news.answer.as_ref().and_then(|answer| href(&answer.url)),
            links,
            incident: Some((facts.id, facts.status)),
            at: Some(news.at),
        }
    }

    fn of_bundle(bundle: &Bundle) -> Self {
        let (head, text) = bundled(bundle, BUNDLE_LINES_MAX);
        let view = href(&bundle.url);
        // The link stands on a button, or where the room has none, below the text.
        let link = format!("\nOpen the list:\n{}", bundle.url);
        let text = if view.is_some() {
            text.strip_suffix(&link).unwrap_or(&text)
        } else {
            &text
        };
        let urgent = bundle.incidents.iter().any(|facts| facts.urgency == Urgency::High);
        Self {
            tone: if urgent { Tone::Alarm } else { Tone::Warning },
            head,
            text: some(lines(text, TEXT_CHARS_MAX)),
            view,
            ..Self::empty()
        }
    }

    const fn empty() -> Self {
        Self {
            tone: Tone::Quiet,
            head: String::new(),
            title: None,
            told: None,
            text: None,
            facts: Vec::new(),
            view: None,
            acknowledge: None,
            links: Vec::new(),
            incident: None,
            at: None,
        }
    }

    /// What `write` makes of the card with as many links as `fits` lets it have: a link that an alert gave along may be so
    /// long, once it is written in ASCII, that a room would refuse the whole message for it.
    pub(super) fn fitted(mut self, write: impl Fn(&Self) -> Value, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let body = write(&self);
            if fits(&body) || self.links.pop().is_none() {
                return body;
            }
        }
    }

    /// Head and title on one line, for notifications and lists.
    pub(super) fn line(&self) -> String {
        match &self.title {
            Some(title) => format!("{} {title}", self.head),
            None => self.head.clone(),
        }
    }

    /// All links in the order in which they are shown.
    pub(super) fn buttons(&self) -> Vec<Button> {
        let view = self.view.clone().map(|href| ("View", href));
        let acknowledge = self.acknowledge.clone().map(|href| ("Acknowledge", href));
        let ours = view.into_iter().chain(acknowledge);
        ours.map(|(text, href)| Button {
            text: text.into(),
            href,
        })
        .chain(self.links.iter().cloned())
        .collect()
    }
}

/// What is known of an incident, as names and values.
fn table(news: &IncidentMessage) -> Vec<(&'static str, String)> {
    let facts = &news.incident;
    let since = facts.created_at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let priority = facts.priority.as_deref().map(|text| one_line(text, NAME_CHARS_MAX));
    let assignee = facts.assignee.as_ref().map(|user| one_line(&user.name, NAME_CHARS_MAX));
    let reason = news.reason.as_deref().map(|text| one_line(text, REASON_CHARS_MAX));
    [
        ("Service", Some(one_line(&facts.service.name, NAME_CHARS_MAX))),
        ("Status", Some(status_name(facts.status).into())),
        ("Urgency", Some(urgency_name(facts.urgency).into())),
        ("Priority", priority),
        ("Assignee", assignee),
        ("Since", Some(since)),
        ("Why", reason),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.and_then(some)?)))
    .collect()
}

/// A web address in characters that every address may have (RFC 3986): one of another form makes rooms refuse the whole
/// message.
fn href(text: &str) -> Option<String> {
    let url = Url::parse(&web_url(text)?).ok()?;
    // The URL Standard lets names of hosts have quotes and braces, which nobody can write otherwise.
    if let Some(Host::Domain(name)) = url.host()
        && !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    {
        return None;
    }
    let rest = utf8_percent_encode(&url[Position::BeforePath..], NOT_OF_URLS);
    Some(format!("{}{rest}", &url[..Position::BeforePath]))
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_addresses_that_every_room_takes() {
        for (given, taken) in [
            (
                "https://a.example/x?y=1&z=%20#f",
                Some("https://a.example/x?y=1&z=%20#f"),
            ),
            ("https://a.example", Some("https://a.example/")),
            (
                "https://a.example/\"><b>{x}?q[]={a|b}^`\\",
                Some("https://a.example/%22%3E%3Cb%3E%7Bx%7D?q%5B%5D=%7Ba%7Cb%7D%5E%60%5C"),
            ),
            ("http://[::1]:80/a", Some("http://[::1]/a")),
            ("https://ü.example/ü", Some("https://xn--tda.example/%C3%BC")),
            ("javascript:alert(1)", None),
            ("https://", None),
            ("https://a b/", None),
            ("https://a\"b{c}.example/", None),
            ("https://a_b.example/", Some("https://a_b.example/")),
        ] {
            assert_eq!(href(given).as_deref(), taken, "{given}");
        }
    }
}
