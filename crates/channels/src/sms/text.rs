//! What a text message says: which incident, how to answer, and where to look, in at most three pieces.
//!
//! What does not fit is taken from the title first; the code that answers the page and the link stay whole.

use opsknight_domain::{
    incident::Happening,
    message::{Answer, Bundle, Content, IncidentMessage, Message},
};
use url::Url;

pub use super::length::{Encoding, Length, length};
use super::length::{only_gsm, plain};
use crate::{
    news::{is_page, label, web_url},
    words::{lines, one_line},
};

/// Most messages that a text is carried in: each is paid for, and phones show the first lines.
pub const SEGMENTS_MAX: usize = 3;
/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;
/// A title is not made shorter than this before something else is given up.
const TITLE_CHARS_MIN: usize = 12;
/// Longest name of a service, in characters.
const SERVICE_CHARS_MAX: usize = 40;
/// Longest code, in characters; ours have four digits.
const CODE_CHARS_MAX: usize = 20;
/// Longest link that goes into a text message, in characters; a longer one is left out rather than cut.
pub const LINK_CHARS_MAX: usize = 300;
/// Most incidents that a message of many names.
const BUNDLE_NAMED_MAX: usize = 3;
/// Longest title where several incidents are named, in characters.
const BUNDLE_TITLE_CHARS_MAX: usize = 30;
/// More characters than this fit into no [`SEGMENTS_MAX`] pieces.
const TEXT_CHARS_MAX: usize = 160 * SEGMENTS_MAX;
/// Longest text of a note that is looked at, in characters.
const NOTE_CHARS_MAX: usize = 2000;

/// Writes the text message for a message: never more than [`SEGMENTS_MAX`] pieces.
#[must_use]
pub fn render(message: &Message) -> String {
    written(message, true)
}

/// The same where nobody would read what people reply: it does not ask them to, and a page is answered by its link.
#[must_use]
pub fn render_one_way(message: &Message) -> String {
    written(message, false)
}

fn written(message: &Message, answered: bool) -> String {
    match &message.content {
        Content::Incident(news) => {
            let mut draft = Draft::of(news);
            draft.reply = draft.reply.filter(|_| answered);
            fitted(&draft, &SMS)
        }
        Content::Bundle(bundle) => bundled(bundle, answered, &SMS),
        Content::Note { subject, text } => note(subject, text),
    }
}

/// The same on one line for another medium, of at most so many characters and with its own characters kept.
pub(crate) fn summary(message: &Message, fits: fn(&str) -> bool) -> String {
    let medium = Medium {
        clean: str::to_owned,
        last: str::to_owned,
        fits,
    };
    match &message.content {
        Content::Incident(news) => fitted(&Draft::of(news), &medium),
        Content::Bundle(bundle) => bundled(bundle, true, &medium),
        Content::Note { subject, text } => {
            let whole = format!("{subject}: {}", one_line(text, NOTE_CHARS_MAX));
            longest(NOTE_CHARS_MAX, 0, fits, |chars| one_line(&whole, chars)).unwrap_or_default()
        }
    }
}

/// What a text about an incident begins with: `[HIGH] #123` where somebody is to look, `[Resolved] #123` where they are
/// told.
pub(crate) fn lead(news: &IncidentMessage) -> String {
    let facts = &news.incident;
    let tag = if is_page(news) || news.happening == Happening::Triggered {
        facts.urgency.word()
    } else {
        label(news.happening)
    };
    let test = if facts.is_test { "[TEST] " } else { "" };
    format!("{test}[{tag}] #{}", facts.number)
}

/// How a page is answered in the same medium.
pub(crate) fn how_to_reply(answer: &Answer) -> String {
    let code = one_line(&answer.code, CODE_CHARS_MAX);
    format!("Reply \"ack {code}\" or \"resolve {code}\".")
}

/// What is done with texts of others and what room there is.
struct Medium {
    /// Makes characters cheaper where that loses nothing.
    clean: fn(&str) -> String,
    /// The same whatever is lost, where there is no other way.
    last: fn(&str) -> String,
    fits: fn(&str) -> bool,
}

const SMS: Medium = Medium {
    clean: plain,
    last: only_gsm,
    fits: |text| length(text).segments <= SEGMENTS_MAX,
};

/// An incident before it is fitted.
struct Draft {
    /// `[HIGH] #123`.
    lead: String,
    title: String,
    service: String,
    /// `Reply "ack 4217" or "resolve 4217".`
    reply: Option<String>,
    link: Option<String>,
}

impl Draft {
    fn of(news: &IncidentMessage) -> Self {
        let facts = &news.incident;
        // A page's own link answers without signing in; where it is too long, the incident's is better than none.
        let own = news.answer.as_ref().and_then(|answer| link(&answer.url));
        Self {
            lead: lead(news),
            title: one_line(&facts.title, TITLE_CHARS_MAX),
            service: one_line(&facts.service.name, SERVICE_CHARS_MAX),
            reply: news.answer.as_ref().map(how_to_reply),
            link: own.or_else(|| link(&facts.url)),
        }
    }

    /// The whole text with a title of at most so many characters.
    fn text(&self, title_chars: usize, with_service: bool, clean: fn(&str) -> String) -> String {
        let mut text = self.lead.clone();
        if title_chars > 0 && !self.title.is_empty() {
            text.push(' ');
            text.push_str(&clean(&one_line(&self.title, title_chars)));
        }
        if with_service {
            text.push_str(&format!(" ({})", clean(&self.service)));
        }
        finish(text, self.reply.as_deref(), self.link.as_deref())
    }
}

/// What a text ends with: a full stop, how to answer, and the link by itself, so that phones know it.
fn finish(mut text: String, reply: Option<&str>, link: Option<&str>) -> String {
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    for more in [reply, link].into_iter().flatten() {
        text.push(' ');
        text.push_str(more);
    }
    text
}

/// The draft with as much as fits: first the title gives way, then the service, then characters that cost much.
fn fitted(draft: &Draft, medium: &Medium) -> String {
    let ways = [
        (true, TITLE_CHARS_MIN, medium.clean),
        (false, TITLE_CHARS_MIN, medium.clean),
        (true, TITLE_CHARS_MIN, medium.last),
        (false, 0, medium.last),
    ];
    let whole = draft.title.chars().count();
    ways.into_iter()
        .find_map(|(with_service, least, clean)| {
            longest(whole, least, medium.fits, |chars| {
                draft.text(chars, with_service, clean)
            })
        })
        .unwrap_or_else(|| finish(draft.lead.clone(), draft.reply.as_deref(), None))
}

/// The text of the most characters that fits, of a whole or no fewer than `least`.
///
/// A shorter text never takes more room, but for the sign that something was cut off the whole; so the whole is tried
/// first, and the rest is searched by halves.
fn longest(whole: usize, least: usize, fits: fn(&str) -> bool, text: impl Fn(usize) -> String) -> Option<String> {
    let fitting = |chars| Some(text(chars)).filter(|text| fits(text));
    if let Some(all) = fitting(whole) {
        return Some(all);
    }
    let mut low = least.min(whole);
    let mut high = whole;
    let mut best = fitting(low)?;
    while high - low > 1 {
        let middle = low.midpoint(high);
        match fitting(middle) {
            Some(longer) => (low, best) = (middle, longer),
            None => high = middle,
        }
    }
    Some(best)
}

/// `337 incidents need you: #101 Disk full (Shop), #102 … and 335 more. Reply "ack all". https://…`
fn bundled(bundle: &Bundle, answered: bool, medium: &Medium) -> String {
    let link = link(&bundle.url);
    let reply = answered.then_some("Reply \"ack all\".");
    let text = |named: usize, clean: fn(&str) -> String| {
        let names: Vec<String> = bundle.incidents[..named]
            .iter()
            .map(|facts| {
                let title = one_line(&facts.title, BUNDLE_TITLE_CHARS_MAX);
                clean(&format!("#{} {title}", facts.number))
            })
            .collect();
        let mut text = format!("{} incidents need you", bundle.total);
        if named > 0 {
            text.push_str(&format!(": {}", names.join(", ")));
            if bundle.total > named {
                text.push_str(&format!(" and {} more", bundle.total - named));
            }
        }
        finish(text, reply, link.as_deref())
    };
    let most = bundle.incidents.len().min(BUNDLE_NAMED_MAX);
    longest(most, 1, medium.fits, |named| text(named, medium.clean))
        .or_else(|| longest(most, 0, medium.fits, |named| text(named, medium.last)))
        .unwrap_or_else(|| finish(format!("{} incidents need you", bundle.total), reply, None))
}

/// A note as it is where it fits; else shortened, with its first link whole.
fn note(subject: &str, text: &str) -> String {
    let subject = one_line(subject, TITLE_CHARS_MAX);
    let text = lines(text, NOTE_CHARS_MAX);
    let kept: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let clean = |line: &&str| {
        if web_url(line).is_some() {
            (*line).to_owned()
        } else {
            plain(line)
        }
    };
    let whole = [&plain(&subject)]
        .into_iter()
        .cloned()
        .chain(kept.iter().map(clean))
        .collect::<Vec<_>>()
        .join("\n");
    if (SMS.fits)(&whole) {
        return whole;
    }
    let link = kept.iter().find_map(|line| link(line));
    let words: Vec<&str> = kept.iter().copied().filter(|line| web_url(line).is_none()).collect();
    let words = format!("{subject}: {}", words.join(" "));
    let count = words.chars().count().min(TEXT_CHARS_MAX);
    let text = |clean: fn(&str) -> String| {
        longest(count, 0, SMS.fits, |chars| {
            finish(clean(&one_line(&words, chars)), None, link.as_deref())
        })
    };
    text(plain).or_else(|| text(only_gsm)).unwrap_or_default()
}

/// A link that may stand in a text message: all its characters are of the small alphabet of URLs.
fn link(text: &str) -> Option<String> {
    let url = web_url(text)?;
    let url = if url.is_ascii() {
        url
    } else {
        Url::parse(&url).ok()?.into()
    };
    (url.len() <= LINK_CHARS_MAX && url.chars().all(super::length::is_gsm)).then_some(url)
}
