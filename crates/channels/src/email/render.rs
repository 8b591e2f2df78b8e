//! What a mail says: its subject, its text and its HTML, from the facts of a message.
//!
//! Every text that came from outside is cleaned and shortened here, and escaped by the template.

use askama::Template;
use jiff::Timestamp;
use opsknight_domain::{
    incident::{Happening, Status},
    message::{Content, IncidentFacts, IncidentMessage, Message},
};
use serde_json::Value;

use crate::{
    news::{bundled, is_page, label, sentence, status_name, urgency_name, web_url},
    words::{lines, one_line},
};

/// Longest title in a subject, in characters. Phones show about 40, mail programs about 120.
const SUBJECT_TITLE_CHARS_MAX: usize = 120;
/// Longest name of a service, a person or a link, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest title in the body, in characters: on a phone, what is to be done must stand on the first screens.
const TITLE_CHARS_MAX: usize = 300;
/// Longest description, in characters; the incident's page has all of it.
const DESCRIPTION_CHARS_MAX: usize = 4000;
/// Longest text of a note, in characters.
const NOTE_CHARS_MAX: usize = 20_000;
/// Most incidents that a mail of many names.
const BUNDLE_LINES_MAX: usize = 100;
/// Most details.
const DETAILS_MAX: usize = 20;
/// Longest value of a detail, in characters.
const DETAIL_CHARS_MAX: usize = 300;
/// How deep details are taken apart; what lies deeper is shown as JSON.
const DETAIL_DEPTH_MAX: usize = 3;
/// Most links.
const LINKS_MAX: usize = 10;

/// A mail without its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Writes the mail for a message.
#[must_use]
pub fn render(message: &Message) -> Rendered {
    match &message.content {
        Content::Incident(news) => {
            let view = View::of(news);
            Rendered {
                subject: subject(news),
                text: view.text(),
                html: view.render().expect("writing to a string cannot fail"),
            }
        }
        Content::Bundle(bundle) => {
            let (subject, text) = bundled(bundle, BUNDLE_LINES_MAX);
            written(&subject, &text)
        }
        Content::Note { subject, text } => written(subject, text),
    }
}

/// A mail of nothing but text.
fn written(subject: &str, text: &str) -> Rendered {
    let subject = no_encoded_word(&one_line(subject, SUBJECT_TITLE_CHARS_MAX));
    let text = lines(text, NOTE_CHARS_MAX);
    let view = NoteView {
        subject: &subject,
        paragraphs: paragraphs(&text),
    };
    let html = view.render().expect("writing to a string cannot fail");
    Rendered {
        text: format!("{text}\n\n{FOOTER}\n"),
        html,
        subject,
    }
}

/// The last line of every text part; mail programs know "-- " as the beginning of a signature (RFC 3676, section 4.3).
const FOOTER: &str = "-- \nSent by OpsKnight";

/// `[HIGH] #123 High CPU on web-01 — Web Application` where somebody is to look, `[Resolved] …` where they are told.
fn subject(news: &IncidentMessage) -> String {
    let facts = &news.incident;
    let tag = if is_page(news) || news.happening == Happening::Triggered {
        facts.urgency.word()
    } else {
        label(news.happening)
    };
    let test = if facts.is_test { "[TEST] " } else { "" };
    let title = one_line(&facts.title, SUBJECT_TITLE_CHARS_MAX);
    let service = one_line(&facts.service.name, NAME_CHARS_MAX);
    no_encoded_word(&format!("{test}[{tag}] #{} {title} — {service}", facts.number))
}

/// A subject in which mail programs read only what stands there: an encoded word (RFC 2047, section 2) in a title would
/// be decoded, and could show what it hides. A sign without width between its first two takes that away.
fn no_encoded_word(subject: &str) -> String {
    subject.replace("=?", "=\u{200b}?")
}

/// The colour of a status, the same as on the pages; the word stands beside it.
const fn status_colour(status: Status) -> &'static str {
    match status {
        Status::Open => "#b42318",
        Status::Acknowledged => "#93590a",
        Status::Snoozed | Status::Suppressed => "#475467",
        Status::Resolved => "#05603a",
    }
}

/// A name and a value, or a name and where it leads.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    name: String,
    value: String,
}

/// An incident's mail before it is text or HTML.
#[derive(Template)]
#[template(path = "email/incident.html")]
struct View {
    heading: String,
    sentence: String,
    colour: &'static str,
    is_test: bool,
    properties: Vec<Pair>,
    reason: Option<String>,
    acknowledge_url: Option<String>,
    url: String,
    runbook_url: Option<String>,
    links: Vec<Pair>,
    description: Option<String>,
    details: Vec<Pair>,
    details_left_out: usize,
}

impl View {
    fn of(news: &IncidentMessage) -> Self {
        let facts = &news.incident;
        let mut details = Vec::new();
        flatten("", &facts.details, 0, &mut details);
        let details_left_out = details.len().saturating_sub(DETAILS_MAX);
        details.truncate(DETAILS_MAX);
        Self {
            heading: format!("#{} {}", facts.number, one_line(&facts.title, TITLE_CHARS_MAX)),
            sentence: sentence(news),
            colour: status_colour(facts.status),
            is_test: facts.is_test,
            properties: properties(facts),
            reason: news
                .reason
                .as_deref()
                .map(|reason| lines(reason, DESCRIPTION_CHARS_MAX)),
            acknowledge_url: news.answer.as_ref().and_then(|answer| web_url(&answer.url)),
            url: facts.url.clone(),
            runbook_url: facts.runbook_url.as_deref().and_then(web_url),
            links: links(facts),
            description: facts
                .description
                .as_deref()
                .map(|text| lines(text, DESCRIPTION_CHARS_MAX)),
            details,
            details_left_out,
        }
    }

    /// The text part. It says what the HTML says, in the same order.
    fn text(&self) -> String {
        let mut blocks = vec![self.sentence.clone(), self.heading.clone()];
        if self.is_test {
            blocks.push("This is a test.".into());
        }
        blocks.extend(self.reason.clone());
        blocks.push(table(&self.properties, ""));
        blocks.extend(self.acknowledge_url.as_ref().map(|url| format!("Acknowledge:\n{url}")));
        blocks.push(format!("Open the incident:\n{}", self.url));
        blocks.extend(self.runbook_url.as_ref().map(|url| format!("Runbook:\n{url}")));
        blocks.extend(self.description.clone());
        if !self.details.is_empty() {
            blocks.push(format!("Details:\n{}", table(&self.details, "  ")));
        }
        if self.details_left_out > 0 {
            blocks.push(format!("{} more on the incident's page.", self.details_left_out));
        }
        if !self.links.is_empty() {
            let links: Vec<String> = self
                .links
                .iter()
                .map(|Pair { name, value }| format!("  {name}:\n  {value}"))
                .collect();
            blocks.push(format!("Links:\n{}", links.join("\n")));
        }
        blocks.push(FOOTER.into());
        blocks.join("\n\n") + "\n"
    }
}

/// A note's mail before it is HTML: paragraphs of lines.
#[derive(Template)]
#[template(path = "email/note.html")]
struct NoteView<'a> {
    subject: &'a str,
    paragraphs: Vec<Vec<NoteLine>>,
}

struct NoteLine {
    text: String,
    is_link: bool,
}

fn paragraphs(text: &str) -> Vec<Vec<NoteLine>> {
    text.split("\n\n")
        .map(|paragraph| {
            let lines = paragraph.lines().filter(|line| !line.trim().is_empty());
            lines
                .map(|line| NoteLine {
                    text: line.trim().into(),
                    is_link: web_url(line.trim()).is_some(),
                })
                .collect()
        })
        .filter(|lines: &Vec<NoteLine>| !lines.is_empty())
        .collect()
}

fn properties(facts: &IncidentFacts) -> Vec<Pair> {
    let pair = |name: &str, value: String| Pair {
        name: name.into(),
        value,
    };
    let mut rows = vec![
        pair("Status", status_name(facts.status).into()),
        pair("Urgency", urgency_name(facts.urgency).into()),
    ];
    rows.extend(
        facts
            .priority
            .as_deref()
            .map(|priority| pair("Priority", one_line(priority, NAME_CHARS_MAX))),
    );
    rows.push(pair("Service", one_line(&facts.service.name, NAME_CHARS_MAX)));
    rows.extend(
        facts
            .assignee
            .as_ref()
            .map(|user| pair("Assignee", one_line(&user.name, NAME_CHARS_MAX))),
    );
    rows.push(pair("Since", utc(facts.created_at)));
    rows
}

fn links(facts: &IncidentFacts) -> Vec<Pair> {
    let named = facts.links.iter().filter_map(|link| {
        let value = web_url(&link.href)?;
        let name = link
            .text
            .as_deref()
            .map(|text| one_line(text, NAME_CHARS_MAX))
            .filter(|name| !name.is_empty());
        Some(Pair {
            name: name.unwrap_or_else(|| one_line(&value, NAME_CHARS_MAX)),
            value,
        })
    });
    named.take(LINKS_MAX).collect()
}

/// Details as rows: `labels.instance` for a value within an object.
fn flatten(name: &str, value: &Value, depth: usize, rows: &mut Vec<Pair>) {
    let text = match value {
        Value::Null if name.is_empty() => return,
        Value::Object(fields) if depth < DETAIL_DEPTH_MAX => {
            for (key, value) in fields {
                let key = one_line(key, NAME_CHARS_MAX);
                let key = if name.is_empty() { key } else { format!("{name}.{key}") };
                flatten(&key, value, depth + 1, rows);
            }
            return;
        }
        Value::String(text) => one_line(text, DETAIL_CHARS_MAX),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            one_line(&value.to_string(), DETAIL_CHARS_MAX)
        }
    };
    let name = if name.is_empty() { "details" } else { name };
    rows.push(Pair {
        name: one_line(name, NAME_CHARS_MAX),
        value: text,
    });
}

/// Rows of text, one a line.
fn table(rows: &[Pair], indent: &str) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|Pair { name, value }| format!("{indent}{name}: {value}"))
        .collect();
    rows.join("\n")
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
