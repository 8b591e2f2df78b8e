//! What is written to people and rooms: any message, by each medium, looked at from outside as its reader would.
//!
//! What alerts and people write is hostile here; addresses, identities, codes and the first word of a note are ours, as
//! the product makes them.
//! A medium may shorten and leave out, but nothing of a message may become markup, a header, a mention or a link of ours,
//! and nothing may be so long or so empty that its vendor refuses it, for then a page is lost.

mod mail;
mod markup;
mod notices;
mod phones;
mod rooms;
mod slack;

use arbitrary::{Arbitrary, Result, Unstructured};
use jiff::Timestamp;
use opsknight_domain::{
    event::Link,
    id::{DeliveryId, IncidentId, ServiceId, UserId},
    incident::{Happening, Status},
    message::{Answer, Bundle, Content, IncidentFacts, IncidentMessage, Message, Named},
    urgency::Urgency,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::text;

/// Pieces that mean something to some medium. The first bytes of a text's description choose among them.
const HOSTILE: &[&str] = &[
    "a",
    " ",
    "<",
    ">",
    "&",
    "\"",
    "'",
    "\\",
    "|",
    "*",
    "_",
    "[",
    "]",
    "(",
    ")",
    "`",
    "~",
    "\r",
    "\n",
    "\n\n",
    "\0",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
    "\u{ffff}",
    "\u{1f525}",
    "\u{fc}",
    "{{",
    "{%",
    "<!channel>",
    "<@U0HOSTILE>",
    "<https://evil.example|Acknowledge>",
    "<users/all>",
    "@everyone",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><b>",
    "<!--",
    "]]>",
    "</Say><Dial>+15555550100</Dial>",
    "\r\nBcc: victim@example.org\r\n\r\n",
    "\r\n.\r\n",
    "=?utf-8?q?=0D=0ABcc:_x?=",
    "--=_dlv_",
    "=cmd()",
    "[x](https://evil.example)",
    "https://evil.example/",
    "http://a.example/?a=1&b=<c>|d",
    "javascript:alert(1)",
    "&amp;",
    "&#60;",
    "\u{2026}",
    "\u{2014}",
    "4217",
    "Reply \"ack 1\"",
    "\nOpen the list:\nhttps://evil.example",
];
/// How often a text is repeated, by the last number of its description.
const TIMES: [usize; 16] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 7, 60, 300, 900, 4_000];
/// Most pieces of one text.
const PIECES_MAX: u8 = 12;
/// Longest text, in bytes: longer than any description that is shown.
const TEXT_BYTES_MAX: usize = 6_000;
/// Most links of an alert, and most fields of its details.
const ITEMS_MAX: u8 = 8;
/// Most incidents of a bundle.
const BUNDLE_MAX: u8 = 30;
/// How deep details are nested.
const DEPTH_MAX: u8 = 5;

/// Addresses as the product makes them.
const OURS: [&str; 3] = [
    "https://ops.example/incidents/inc_01ke3q5x9se8eba6ncyw3g4j1n?a=1&b=2",
    "http://localhost:3000/incidents/inc_01ke3q5x9se8eba6ncyw3g4j1n",
    "https://ops.example/a/eyJhbGciOi.SIGNED-token_x?y=2",
];
/// All that can happen.
const HAPPENINGS: [Happening; 9] = [
    Happening::Triggered,
    Happening::Acknowledged,
    Happening::Resolved,
    Happening::Escalated,
    Happening::Reassigned,
    Happening::Snoozed,
    Happening::Reopened,
    Happening::NoteAdded,
    Happening::SlaBreached,
];
/// All states.
const STATES: [Status; 5] = [
    Status::Open,
    Status::Acknowledged,
    Status::Snoozed,
    Status::Suppressed,
    Status::Resolved,
];
/// All urgencies.
const URGENCIES: [Urgency; 3] = [Urgency::Low, Urgency::Medium, Urgency::High];

/// The media, in the order of their numbers; `xtask/src/fuzz.rs` makes seeds for as many.
const MEDIA: [fn(&Message); 12] = [
    mail::html,
    mail::wire,
    slack::check,
    phones::sms,
    phones::voice,
    phones::whatsapp,
    rooms::discord,
    rooms::google_chat,
    rooms::teams,
    rooms::telegram,
    notices::push,
    notices::webhook,
];

/// A message and one medium.
#[derive(Debug)]
pub struct Letter {
    /// Which medium, as an index that is taken modulo their number.
    pub medium: u8,
    /// What is to be said.
    pub message: Message,
}

impl<'a> Arbitrary<'a> for Letter {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            medium: u.arbitrary()?,
            message: Message {
                delivery: DeliveryId::new(Uuid::from_u128(1)),
                earlier: None,
                content: content(u)?,
            },
        })
    }
}

impl Letter {
    /// Writes the message as its medium does, and checks what was written.
    pub fn check(&self) {
        MEDIA[usize::from(self.medium) % MEDIA.len()](&self.message);
    }
}

fn content(u: &mut Unstructured<'_>) -> Result<Content> {
    Ok(match u.arbitrary::<u8>()? % 4 {
        0 | 1 => Content::Incident(Box::new(news(u)?)),
        2 => {
            let count = u.arbitrary::<u8>()? % (BUNDLE_MAX + 1);
            let incidents: Vec<_> = (0..count).map(|_| facts(u)).collect::<Result<_>>()?;
            Content::Bundle(Box::new(Bundle {
                total: incidents.len() + usize::from(u.arbitrary::<u8>()?),
                incidents,
                reason: maybe(u, words)?,
                url: ours(u)?,
            }))
        }
        _ => Content::Note {
            subject: format!("Note {}", words(u)?),
            text: words(u)?,
        },
    })
}

fn news(u: &mut Unstructured<'_>) -> Result<IncidentMessage> {
    let answer = maybe(u, |u| {
        Ok(Answer {
            url: ours(u)?,
            token: "eyJhbGciOi.SIGNED-token_x".into(),
            code: format!("{:04}", u.arbitrary::<u16>()? % 10_000),
        })
    })?;
    let unsubscribe_url = if answer.is_none() { maybe(u, ours)? } else { None };
    Ok(IncidentMessage {
        happening: pick(u, &HAPPENINGS)?,
        at: time(u)?,
        incident: facts(u)?,
        reason: maybe(u, words)?,
        answer,
        unsubscribe_url,
        mention: None,
    })
}

fn facts(u: &mut Unstructured<'_>) -> Result<IncidentFacts> {
    Ok(IncidentFacts {
        id: IncidentId::new(Uuid::from_u128(2)),
        number: i64::from(u.arbitrary::<u32>()?),
        title: words(u)?,
        description: maybe(u, words)?,
        status: pick(u, &STATES)?,
        urgency: pick(u, &URGENCIES)?,
        priority: maybe(u, words)?,
        is_test: u.arbitrary()?,
        service: Named {
            id: ServiceId::new(Uuid::from_u128(3)),
            name: words(u)?,
        },
        assignee: maybe(u, |u| {
            Ok(Named {
                id: UserId::new(Uuid::from_u128(4)),
                name: words(u)?,
            })
        })?,
        created_at: time(u)?,
        url: ours(u)?,
        runbook_url: maybe(u, href)?,
        links: (0..u.arbitrary::<u8>()? % (ITEMS_MAX + 1))
            .map(|_| {
                Ok(Link {
                    href: href(u)?,
                    text: maybe(u, words)?,
                })
            })
            .collect::<Result<_>>()?,
        details: details(u, 0)?,
    })
}

fn details(u: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    let count = |u: &mut Unstructured<'_>| Ok(u.arbitrary::<u8>()? % (ITEMS_MAX + 1));
    Ok(match u.arbitrary::<u8>()? % 6 {
        0 => Value::Null,
        1 => u.arbitrary::<bool>()?.into(),
        2 => json!(u.arbitrary::<i64>()?),
        3 if depth < DEPTH_MAX => (0..count(u)?)
            .map(|_| details(u, depth + 1))
            .collect::<Result<Vec<_>>>()?
            .into(),
        4 if depth < DEPTH_MAX => (0..count(u)?)
            .map(|_| Ok((words(u)?, details(u, depth + 1)?)))
            .collect::<Result<Map<_, _>>>()?
            .into(),
        _ => words(u)?.into(),
    })
}

/// Text of others.
fn words(u: &mut Unstructured<'_>) -> Result<String> {
    let mut words = String::new();
    for _ in 0..u.arbitrary::<u8>()? % (PIECES_MAX + 1) {
        match HOSTILE.get(usize::from(u.arbitrary::<u8>()? % 64)) {
            Some(piece) => words.push_str(piece),
            None => words.push_str(&text(u)?),
        }
    }
    let times = pick(u, &TIMES)?;
    Ok(words.repeat(times.min(TEXT_BYTES_MAX / words.len().max(1))))
}

/// An address that an alert gave along: seldom one.
fn href(u: &mut Unstructured<'_>) -> Result<String> {
    let kind = u.arbitrary::<u8>()? % 4;
    let mut words = words(u)?;
    if kind > 1 {
        words.retain(|c| !c.is_whitespace() && !c.is_control());
    }
    Ok(match kind {
        0 => words,
        1 | 2 => format!("https://a.example/{words}"),
        _ => format!("HTTP://{words}"),
    })
}

fn ours(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(pick(u, &OURS)?.to_owned())
}

fn time(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(Timestamp::from_second(u.arbitrary::<u32>()?.into()).expect("a time before 2107"))
}

fn pick<T: Copy>(u: &mut Unstructured<'_>, all: &[T]) -> Result<T> {
    Ok(all[usize::from(u.arbitrary::<u8>()?) % all.len()])
}

fn maybe<T>(u: &mut Unstructured<'_>, make: impl FnOnce(&mut Unstructured<'_>) -> Result<T>) -> Result<Option<T>> {
    u.arbitrary::<bool>()?.then(|| make(u)).transpose()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).expect("a time")
}

/// The same message without any character that is a mark in HTML or XML, and of the same shape: what is written for it
/// has the same elements as what is written for the message, unless a text has become markup.
fn tame(message: &Message) -> Message {
    let mut tame = message.clone();
    match &mut tame.content {
        Content::Incident(news) => {
            news.reason = news.reason.as_deref().map(harmless);
            tame_facts(&mut news.incident);
        }
        Content::Bundle(bundle) => {
            bundle.reason = bundle.reason.as_deref().map(harmless);
            bundle.incidents.iter_mut().for_each(tame_facts);
        }
        Content::Note { subject, text } => {
            *subject = harmless(subject);
            *text = harmless(text);
        }
    }
    tame
}

fn tame_facts(facts: &mut IncidentFacts) {
    for text in [&mut facts.title, &mut facts.service.name] {
        *text = harmless(text);
    }
    for text in [&mut facts.description, &mut facts.priority, &mut facts.runbook_url] {
        *text = text.as_deref().map(harmless);
    }
    if let Some(user) = &mut facts.assignee {
        user.name = harmless(&user.name);
    }
    for link in &mut facts.links {
        link.href = harmless(&link.href);
        link.text = link.text.as_deref().map(harmless);
    }
    facts.details = tame_value(&facts.details);
}

fn tame_value(value: &Value) -> Value {
    match value {
        Value::String(text) => harmless(text).into(),
        Value::Array(items) => items.iter().map(tame_value).collect(),
        // Names must stay as different as they are.
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (different(name), tame_value(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn harmless(text: &str) -> String {
    text.replace(['<', '>', '&', '"', '\''], "x")
}

fn different(name: &str) -> String {
    let marks = ['<', '>', '&', '"', '\''].into_iter().zip('\u{f8f0}'..);
    marks.fold(name.to_owned(), |name, (mark, other)| {
        name.replace(mark, other.encode_utf8(&mut [0; 4]))
    })
}

/// A text of a document, which must be one.
fn string<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text at {pointer} of {value}"))
}

/// The items of a list, or none where there is no list.
fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// How long a text is as most vendors count.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text keeps to itself: no controls but ends of lines and tabs, and nothing that turns what is around it.
fn assert_clean(text: &str) {
    let bad = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.chars().any(bad), "a control character in {text:?}");
}
