//! Markdown as people write it, turned into HTML that is safe to show.
//!
//! Owns which marks mean something and which elements may come of them. Raw HTML is never let through: it is shown as
//! the text that it is. What comes out is cleaned once more by a library that knows nothing of how it was made.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::LazyLock,
};

use ammonia::Builder;
use askama::filters::HtmlSafe;
use opsknight_domain::incident::ats;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Longest text that is turned, in bytes; what is longer is shown as it was written.
const TEXT_BYTES_MAX: usize = 512 * 1024;
/// Longest identity of a heading, in characters.
const SLUG_CHARS_MAX: usize = 80;
/// By how much the headings of a note are made smaller: the page has those above.
const NOTE_HEADINGS_DOWN: usize = 3;

/// HTML that may stand in a page as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SafeHtml(String);

impl SafeHtml {
    /// The HTML as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeHtml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Made by the two functions of this module alone, which clean what they return.
impl HtmlSafe for SafeHtml {}

/// What a document may consist of.
static DOCUMENT: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut rules = rules();
    for heading in ["h1", "h2", "h3", "h4", "h5", "h6"] {
        rules.add_tag_attributes(heading, ["id"]);
    }
    rules
});

/// What a note may consist of: the same without identities, which belong to the page around it.
static NOTE: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut rules = rules();
    rules.add_allowed_classes("span", ["mention"]);
    rules
});

fn rules() -> Builder<'static> {
    let mut rules = Builder::default();
    rules
        .tags(HashSet::from([
            "a",
            "blockquote",
            "br",
            "code",
            "del",
            "div",
            "em",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "img",
            "li",
            "ol",
            "p",
            "pre",
            "span",
            "strong",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
        ]))
        .generic_attributes(HashSet::new())
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "title"])),
            ("img", HashSet::from(["src", "alt", "title"])),
            ("ol", HashSet::from(["start"])),
        ]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("noopener noreferrer nofollow"))
        .add_allowed_classes("div", ["table-scroll"])
        .set_tag_attribute_value("img", "loading", "lazy")
        .set_tag_attribute_value("img", "referrerpolicy", "no-referrer")
        // What scrolls sideways must be reachable by keyboard.
        .set_tag_attribute_value("pre", "tabindex", "0");
    rules
}

/// A document, such as a page of the guide: its headings have identities made of their words, so that links lead to
/// them.
#[must_use]
pub fn markdown(text: &str) -> SafeHtml {
    if text.len() > TEXT_BYTES_MAX {
        return plain(text);
    }
    let mut events: Vec<Event<'_>> = parse(text).collect();
    name_headings(&mut events);
    written(events.into_iter(), &DOCUMENT)
}

/// A note as people write them. Its headings are small and have no identity; `mentioned` are the words behind `@` that
/// somebody is known by, in lower case: they are made visible.
#[must_use]
pub fn note(text: &str, mentioned: &[String]) -> SafeHtml {
    if text.len() > TEXT_BYTES_MAX {
        return plain(text);
    }
    let mut in_code = false;
    let mut events = Vec::new();
    for event in parse(text) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => events.push(Event::Start(heading(smaller(level), None))),
            Event::End(TagEnd::Heading(level)) => events.push(Event::End(TagEnd::Heading(smaller(level)))),
            // In a note a line that was ended is a line: people write them like messages.
            Event::SoftBreak => events.push(Event::HardBreak),
            Event::Text(words) if !in_code => show_mentions(words, mentioned, &mut events),
            other => {
                match &other {
                    Event::Start(Tag::CodeBlock(_)) => in_code = true,
                    Event::End(TagEnd::CodeBlock) => in_code = false,
                    _ => {}
                }
                events.push(other);
            }
        }
    }
    written(events.into_iter(), &NOTE)
}

/// The marks that mean something. Raw HTML becomes text, and a table is wrapped so that it scrolls by itself.
fn parse(text: &str) -> impl Iterator<Item = Event<'_>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    Parser::new_ext(text, options).flat_map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => vec![Event::Text(raw)],
        Event::Start(Tag::HtmlBlock) => vec![Event::Start(Tag::Paragraph)],
        Event::End(TagEnd::HtmlBlock) => vec![Event::End(TagEnd::Paragraph)],
        Event::Start(Tag::Table(columns)) => vec![
            Event::Html("<div class=\"table-scroll\">".into()),
            Event::Start(Tag::Table(columns)),
        ],
        Event::End(TagEnd::Table) => vec![Event::End(TagEnd::Table), Event::Html("</div>".into())],
        other => vec![other],
    })
}

fn written<'a>(events: impl Iterator<Item = Event<'a>>, rules: &Builder<'_>) -> SafeHtml {
    let mut out = String::new();
    html::push_html(&mut out, events);
    SafeHtml(rules.clean(&out).to_string())
}

/// What is too long to be worth turning.
fn plain(text: &str) -> SafeHtml {
    SafeHtml(format!("<p>{}</p>", ammonia::clean_text(text)))
}

const fn heading<'a>(level: HeadingLevel, id: Option<CowStr<'a>>) -> Tag<'a> {
    Tag::Heading {
        level,
        id,
        classes: Vec::new(),
        attrs: Vec::new(),
    }
}

fn smaller(level: HeadingLevel) -> HeadingLevel {
    let number = (level as usize + NOTE_HEADINGS_DOWN).min(6);
    HeadingLevel::try_from(number).unwrap_or(HeadingLevel::H6)
}

/// Gives each heading an identity of its words: "Add responders" is `add-responders`, a second one `add-responders-2`.
fn name_headings(events: &mut [Event<'_>]) {
    let mut taken: HashMap<String, usize> = HashMap::new();
    for at in 0..events.len() {
        let Event::Start(Tag::Heading { level, .. }) = &events[at] else {
            continue;
        };
        let level = *level;
        let words: String = events[at..]
            .iter()
            .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))))
            .filter_map(|event| match event {
                Event::Text(words) | Event::Code(words) => Some(words.as_ref()),
                _ => None,
            })
            .collect();
        let slug = slug(&words);
        let count = taken.entry(slug.clone()).and_modify(|count| *count += 1).or_insert(1);
        let id = match *count {
            1 => slug,
            count => format!("{slug}-{count}"),
        };
        events[at] = Event::Start(heading(level, Some(id.into())));
    }
}

/// A text as the part of an address behind `#`.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for sign in text.chars().take(SLUG_CHARS_MAX) {
        if sign.is_alphanumeric() {
            slug.extend(sign.to_lowercase());
        } else if matches!(sign, ' ' | '-' | '_') && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        "section".to_owned()
    } else {
        slug.to_owned()
    }
}

/// The text with those whom it mentions made visible.
fn show_mentions<'a>(words: CowStr<'a>, mentioned: &[String], events: &mut Vec<Event<'a>>) {
    let found: Vec<(usize, usize)> = ats(&words)
        .into_iter()
        .filter(|(_, word)| mentioned.contains(&word.to_lowercase()))
        .map(|(at, word)| (at, at + 1 + word.len()))
        .collect();
    if found.is_empty() {
        events.push(Event::Text(words));
        return;
    }
    let text = words.into_string();
    let mut done = 0;
    for (start, end) in found {
        events.push(Event::Text(text[done..start].to_owned().into()));
        events.push(Event::InlineHtml("<span class=\"mention\">".into()));
        events.push(Event::Text(text[start..end].to_owned().into()));
        events.push(Event::InlineHtml("</span>".into()));
        done = end;
    }
    events.push(Event::Text(text[done..].to_owned().into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        markdown(text).to_string().trim().to_owned()
    }

    fn noted(text: &str) -> String {
        note(text, &["jane".to_owned()]).to_string().trim().to_owned()
    }

    #[test]
    fn the_usual_marks_are_known() {
        assert_eq!(
            of("**a** *b* `c` ~~d~~"),
            "<p><strong>a</strong> <em>b</em> <code>c</code> <del>d</del></p>"
        );
        assert_eq!(
            of("```sh\na <b>\n```"),
            "<pre tabindex=\"0\"><code>a &lt;b&gt;\n</code></pre>"
        );
        let table = of("|a|b|\n|-|-:|\n|1|2|");
        assert!(
            table.starts_with("<div class=\"table-scroll\"><table><thead><tr><th>a</th>"),
            "{table}"
        );
        assert!(!table.contains("style"), "{table}");
    }

    #[test]
    fn headings_are_named_by_their_words() {
        let html = of("# Add `responders`\n\n## Merge, or not?\n\n## Merge or not\n\n# …");
        let ids: Vec<&str> = html
            .split("id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(ids, ["add-responders", "merge-or-not", "merge-or-not-2", "section"]);
    }

    #[test]
    fn links_lead_away_without_a_trace_and_never_run_anything() {
        let html =
            of("[a](https://a.example/x?y=1&z) [b](javascript:alert(1)) [c](data:text/html,x) <https://d.example>");
        assert!(
            html.contains("<a href=\"https://a.example/x?y=1&amp;z\" rel=\"noopener noreferrer nofollow\">a</a>"),
            "{html}"
        );
        assert!(!html.contains("javascript") && !html.contains("data:"), "{html}");
        let image = of("![x](https://a.example/i.png) ![y](javascript:1)");
        assert!(
            image.contains("loading=\"lazy\"") && image.contains("referrerpolicy=\"no-referrer\""),
            "{image}"
        );
        assert!(!image.contains("javascript"), "{image}");
    }

    #[test]
    fn raw_html_is_text() {
        for text in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div id=\"incident-head\">\nx\n</div>",
            "<style>*{}</style>",
            "<!-- x -->",
            "[x](https://a.example \"\\\" onclick=alert(1)\")",
        ] {
            for html in [of(text), noted(text)] {
                let tags = html
                    .split('<')
                    .skip(1)
                    .map(|rest| rest.split([' ', '>']).next().unwrap());
                for tag in tags {
                    assert!(["p", "/p", "a", "/a", "br"].contains(&tag), "{text}: {html}");
                }
                assert!(!html.contains(" onclick=alert") || html.contains("&quot;"), "{html}");
            }
        }
    }

    #[test]
    fn a_note_has_small_headings_without_identities_and_keeps_its_lines() {
        assert_eq!(noted("# incident-head"), "<h4>incident-head</h4>");
        assert_eq!(noted("a\nb"), "<p>a<br>\nb</p>");
    }

    #[test]
    fn those_who_are_mentioned_are_made_visible() {
        let html = noted("ask @Jane and @nobody, `@jane`\n\n    @jane");
        assert_eq!(html.matches("<span class=\"mention\">@Jane</span>").count(), 1);
        assert_eq!(html.matches("mention").count(), 1, "{html}");
    }
}
