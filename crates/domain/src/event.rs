//! The standard event that every source produces, whatever arrived on the wire.
//!
//! It owns the limits of what an event may hold and the cleaning of text; it never knows which product sent it.

use jiff::Timestamp;
use serde_json::Value;

use crate::dedup::Said;

/// Longest summary that is kept, in characters. PagerDuty's Events API v2 has the same limit.
pub const SUMMARY_CHARS_MAX: usize = 1024;
/// Longest deduplication key, in characters. PagerDuty's Events API v2 has the same limit.
pub const DEDUP_KEY_CHARS_MAX: usize = 255;
/// Longest of the short fields (source, component, group, class, client), in characters.
pub const FIELD_CHARS_MAX: usize = 1024;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 65_536;
/// Most links, and most images, that one event keeps.
pub const LINKS_MAX: usize = 50;

/// What the sender wants to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Something is wrong: open an incident or add to the one that is live.
    Trigger,
    /// Somebody has seen it.
    Acknowledge,
    /// It is over.
    Resolve,
}

impl Action {
    /// The word of the Events API: `trigger`, `acknowledge`, `resolve`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
        }
    }
}

/// How bad the sender says it is, from mild to grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For the record.
    Info,
    /// May become a problem.
    Warning,
    /// Something does not work.
    Error,
    /// People are hurt by it now.
    Critical,
}

impl Severity {
    /// All of them, mild first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The word of the Events API: `info`, `warning`, `error`, `critical`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// Reads exactly the four words of the Events API, in any case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.word().eq_ignore_ascii_case(word.trim()))
    }

    /// Reads the words that monitoring tools use for a severity: whole words, any case.
    #[must_use]
    pub fn from_vendor_word(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "critical" | "crit" | "fatal" | "emergency" | "disaster" | "page" | "p0" | "p1" | "sev0" | "sev1"
            | "s1" | "high" | "down" => Some(Self::Critical),
            "error" | "err" | "major" | "severe" | "urgent" | "p2" | "sev2" | "s2" => Some(Self::Error),
            "warning" | "warn" | "minor" | "moderate" | "medium" | "degraded" | "average" | "p3" | "sev3" | "s3" => {
                Some(Self::Warning)
            }
            "info" | "informational" | "notice" | "low" | "debug" | "ok" | "normal" | "p4" | "p5" | "sev4" | "sev5" => {
                Some(Self::Info)
            }
            _ => None,
        }
    }
}

/// A link that a sender gave along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads; `http` or `https` only.
    pub href: String,
    /// What it is called.
    pub text: Option<String>,
}

/// An image that a sender gave along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where it lies; `https` only.
    pub src: String,
    /// Where a click leads.
    pub href: Option<String>,
    /// What it shows.
    pub alt: Option<String>,
}

/// One normalised message from a monitoring tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What the sender wants.
    pub action: Action,
    /// Names the problem within its service; never empty, at most [`DEDUP_KEY_CHARS_MAX`].
    pub dedup_key: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line that says what is wrong; never empty for a trigger.
    pub summary: String,
    /// More text, where the sender has it.
    pub description: Option<String>,
    /// Which system, host or product it is about.
    pub source: Option<String>,
    /// Which part of it.
    pub component: Option<String>,
    /// Which group of things it belongs to.
    pub group: Option<String>,
    /// Which kind of event it is.
    pub class: Option<String>,
    /// All that the sender said besides, usually an object.
    pub details: Value,
    /// Links that help.
    pub links: Vec<Link>,
    /// Images that help.
    pub images: Vec<Image>,
    /// The sender's own time of the event, to be shown.
    pub occurred_at: Option<Timestamp>,
    /// When, by the sender's own clock, the problem came into the state that this message speaks of. It orders messages
    /// that overtook each other, so it is set only where the sender says it for both the beginning and the end of a
    /// problem, and says of a problem that begins again a later time than of its end before. The time since which a problem lasts
    /// is not it: a problem that is told again after its end may have lasted all along.
    pub changed_at: Option<Timestamp>,
    /// The sender only tests the connection: nobody is paged.
    pub is_test: bool,
}

impl Event {
    /// What it says about its problem.
    #[must_use]
    pub const fn said(&self) -> Said {
        Said {
            action: self.action,
            changed_at: self.changed_at,
        }
    }

    /// An event with nothing but what every event has.
    #[must_use]
    pub fn new(action: Action, dedup_key: impl Into<String>, severity: Severity, summary: impl Into<String>) -> Self {
        Self {
            action,
            dedup_key: clean_key(dedup_key.into()),
            severity,
            summary: one_line(&summary.into(), SUMMARY_CHARS_MAX),
            description: None,
            source: None,
            component: None,
            group: None,
            class: None,
            details: Value::Null,
            links: Vec::new(),
            images: Vec::new(),
            occurred_at: None,
            changed_at: None,
            is_test: false,
        }
    }
}

/// How the keys of tests end.
const TEST_KEY_ENDING: &str = ":test";

impl Event {
    /// Sees to it that a test has a key of its own. Vendors' tests often carry the key of a real alert, and no real
    /// alert may fall into an incident that pages nobody.
    pub fn keep_test_apart(&mut self) {
        if self.is_test && !self.dedup_key.ends_with(TEST_KEY_ENDING) {
            let room = DEDUP_KEY_CHARS_MAX - TEST_KEY_ENDING.len();
            let key: String = self.dedup_key.chars().take(room).collect();
            self.dedup_key = key + TEST_KEY_ENDING;
        }
    }
}

/// What became of one alert in what a sender sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Normalised {
    /// It means something.
    Event(Box<Event>),
    /// It is authentic and means nothing to us.
    Ignored {
        /// The problem it spoke of, where that can be told.
        dedup_key: Option<String>,
        /// Why nothing is to be done, in words for a person.
        reason: String,
    },
}

/// Text as it may be stored and shown: without NUL and other control characters but tab and newline, and no longer
/// than `chars_max` characters.
#[must_use]
pub fn clean(text: &str, chars_max: usize) -> String {
    // Both at once: a blank that is left when the control character before it goes would look like text.
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    // Nearly all text is plain and short.
    if text.len() <= chars_max && is_plain(text) {
        return text.to_owned();
    }
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .take(chars_max)
        .collect()
}

/// The same on one line, as a title is.
#[must_use]
pub fn one_line(text: &str, chars_max: usize) -> String {
    if is_plain(text) {
        return clean(text, chars_max);
    }
    let lines = text.split(['\n', '\r', '\t']).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    clean(&lines.join(" "), chars_max)
}

/// Whether a text is ASCII without control characters, one byte a character. There is no way out at the first byte that is
/// not, so that the processor looks at many bytes at a time: a group of alerts brings thousands of texts.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let odd = |byte: u8| u8::from(!(0x20..0x7f).contains(&byte));
    text.bytes().map(odd).fold(0, |found, odd| found | odd) == 0
}

/// A deduplication key as it is stored: no control characters; one that is too long keeps its beginning and gets a
/// fingerprint of the whole, so that two long keys do not fall together.
#[must_use]
pub fn clean_key(key: String) -> String {
    if key.len() <= DEDUP_KEY_CHARS_MAX && is_plain(&key) && !key.starts_with(' ') && !key.ends_with(' ') {
        return key;
    }
    let cleaned = clean(&key, usize::MAX);
    if cleaned.chars().count() <= DEDUP_KEY_CHARS_MAX {
        return cleaned;
    }
    let fingerprint = format!("#{:016x}{:016x}", fnv1a(cleaned.bytes()), fnv1a(cleaned.bytes().rev()));
    let head: String = cleaned.chars().take(DEDUP_KEY_CHARS_MAX - fingerprint.len()).collect();
    head + &fingerprint
}

/// The 64-bit FNV-1a hash (RFC 9923), which is the same on every machine and in every version.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendor_words_are_whole_words() {
        assert_eq!(Severity::from_vendor_word(" Sev1 "), Some(Severity::Critical));
        assert_eq!(Severity::from_vendor_word("MODERATE"), Some(Severity::Warning));
        assert_eq!(Severity::from_vendor_word("critically"), None);
    }

    #[test]
    fn text_that_shows_nothing_is_empty() {
        assert_eq!(clean("\u{1} \u{2}\n", 10), "");
        assert_eq!(clean(" \u{1} a\u{2}\tb \u{3} ", 10), "a\tb");
    }

    #[test]
    fn long_keys_stay_apart() {
        let a = clean_key("x".repeat(300) + "a");
        let b = clean_key("x".repeat(300) + "b");
        assert_eq!(a.chars().count(), DEDUP_KEY_CHARS_MAX);
        assert_ne!(a, b);
    }

    #[test]
    fn a_test_has_a_key_of_its_own() {
        let mut event = Event::new(Action::Trigger, "x".repeat(255), Severity::Info, "x");
        event.keep_test_apart();
        assert_eq!(event.dedup_key.len(), 255);
        event.is_test = true;
        event.keep_test_apart();
        event.keep_test_apart();
        assert!(event.dedup_key.ends_with("x:test") && event.dedup_key.len() == 255);
    }

    #[test]
    fn control_characters_are_left_out() {
        assert_eq!(clean("a\0b\u{7}c\nd", 10), "abc\nd");
        assert_eq!(one_line(" a\r\nb\tc\0d\n", 10), "a b cd");
        assert_eq!(clean(" a\u{7f}b ", 10), "ab");
        assert_eq!(clean_key(" a b\n".into()), "a b");
        assert!(is_plain("a ~") && !is_plain("a\t") && !is_plain("\u{7f}") && !is_plain("é"));
        assert_eq!(clean("héllo", 2), "hé");
    }
}
