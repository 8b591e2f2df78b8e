//! Rooms: what is posted is no longer than each takes, and holds no mark, mention or link but ours and the alert's.

use opsknight_channels::rooms::{
    discord, google_chat, teams,
    telegram::{self, Form, Piece},
};
use opsknight_domain::message::Message;
use serde_json::Value;

use super::{assert_clean, items, markup, string, units};

/// An address that rooms make a link of: of the web, and of ASCII that RFC 3986 knows.
fn assert_address(url: &str) {
    let lower = url.to_ascii_lowercase();
    let web = lower.starts_with("https://") || lower.starts_with("http://");
    let plain = url
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"<>\"`{}|\\^".contains(&byte));
    assert!(web && plain, "{url:?}");
}

/// Limits of "Embed limits" (Message resource of Discord's API); nobody is pinged.
pub(super) fn discord(message: &Message) {
    let body = discord::render(message);
    assert_eq!(body["allowed_mentions"], serde_json::json!({ "parse": [] }));
    let embed = &items(&body, "/embeds")[0];
    let title = string(embed, "/title");
    let description = embed["description"].as_str().unwrap_or_default();
    let mut sum = units(title) + units(description) + units(string(embed, "/footer/text"));
    assert!(units(title) <= 256 && units(description) <= 4096);
    let mut marked = vec![title, description];
    assert!(items(embed, "/fields").len() <= 25);
    for field in items(embed, "/fields") {
        let (name, value) = (string(field, "/name"), string(field, "/value"));
        sum += units(name) + units(value);
        assert!(
            units(name) <= 256 && (1..=1024).contains(&units(value)),
            "{name}: {value:?}"
        );
        match name {
            "Links" => assert_links(value),
            _ => marked.push(value),
        }
    }
    assert!(sum <= 6000, "{sum} in all");
    for text in marked {
        assert_clean(text);
        markup::assert_escaped(text, "*`|[<");
    }
}

/// Nothing but links, one behind the other.
fn assert_links(text: &str) {
    let mut rest = text;
    loop {
        let link = rest.strip_prefix('[').unwrap_or_else(|| panic!("no link: {rest:?}"));
        let (_, link) = markup::until(link, ']');
        let link = link.strip_prefix('(').unwrap_or_else(|| panic!("no address: {link:?}"));
        let (href, after) = link.split_once(')').unwrap_or_else(|| panic!("no end: {link:?}"));
        assert_address(href);
        assert!(!href.contains('('), "{href}");
        if after.is_empty() {
            return;
        }
        rest = after
            .strip_prefix(" · ")
            .unwrap_or_else(|| panic!("more than links: {after:?}"));
    }
}

/// A message has 32,000 bytes in all, and its text 4,096 characters (Google Chat API, `spaces.messages`).
pub(super) fn google_chat(message: &Message) {
    let body = google_chat::render(message);
    let bytes = body.to_string().len();
    assert!(bytes <= 32_000, "{bytes} bytes");
    let text = string(&body, "/text");
    assert_clean(text);
    assert!(units(text) <= 4096 && !text.contains(['<', '>']), "{text:?}");
    let widgets = items(&body, "/cardsV2/0/card/sections/0/widgets");
    for (index, widget) in widgets.iter().enumerate() {
        for pointer in ["/textParagraph/text", "/decoratedText/text"] {
            let Some(text) = widget.pointer(pointer).and_then(Value::as_str) else {
                continue;
            };
            let elements = markup::xml(&format!(
                "<r>{}</r>",
                text.replace('\u{ffff}', "").replace('\u{fffe}', "")
            ));
            let names: Vec<&str> = elements.iter().map(|element| element.name.as_str()).collect();
            assert_eq!(names, if index == 0 { vec!["r", "b"] } else { vec!["r"] }, "{text:?}");
        }
        for button in items(widget, "/buttonList/buttons") {
            assert!(!string(button, "/text").is_empty());
            assert_address(string(button, "/onClick/openLink/url"));
        }
    }
}

/// Teams takes 28 kB, and counts two bytes for each unit ("Format cards in Microsoft Teams").
pub(super) fn teams(message: &Message) {
    let body = teams::render(message);
    let bytes = units(&body.to_string()) * 2;
    assert!(bytes <= 28_000, "{bytes} bytes");
    let card = &body["attachments"][0]["content"];
    assert_runs(&card["body"]);
    assert!(items(card, "/actions").len() <= 6);
    for action in items(card, "/actions") {
        assert_eq!(action["type"], "Action.OpenUrl");
        assert!(!string(action, "/title").is_empty());
        assert_address(string(action, "/url"));
    }
}

/// Text stands in runs, which have no markdown, and in facts, where it is escaped.
fn assert_runs(value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(assert_runs),
        Value::Object(object) => match object.get("type").and_then(Value::as_str) {
            Some("Container") => assert_runs(&value["items"]),
            Some("RichTextBlock") => assert_runs(&value["inlines"]),
            Some("TextRun") => assert_clean(string(value, "/text")),
            Some("FactSet") => {
                for fact in items(value, "/facts") {
                    markup::assert_escaped(string(fact, "/value"), "*[]`");
                }
            }
            other => panic!("no element of ours: {other:?}"),
        },
        other => panic!("no element: {other}"),
    }
}

/// A text has 4,096 units once its marks are read (`sendMessage`), and every mark is one that MarkdownV2 takes.
pub(super) fn telegram(message: &Message) {
    for piece in [Piece::Whole, Piece::News] {
        for form in [Form::MarkdownV2, Form::Plain] {
            let body = telegram::render(message, piece, form);
            let text = string(&body, "/text");
            assert_clean(text);
            assert_eq!(body.get("parse_mode").is_some(), form == Form::MarkdownV2);
            let shown = if form == Form::MarkdownV2 {
                read_markdown_v2(text)
            } else {
                text.to_owned()
            };
            assert!((1..=4096).contains(&units(&shown)), "{} units", units(&shown));
            for button in items(&body, "/reply_markup/inline_keyboard")
                .iter()
                .flat_map(|row| items(row, ""))
            {
                assert!(!string(button, "/text").is_empty());
                match button["callback_data"].as_str() {
                    Some(data) => assert!((1..=64).contains(&data.len()), "{data}"),
                    None => assert_address(string(button, "/url")),
                }
            }
        }
    }
}

/// What a person sees of a text, which must have no marks but for bold lines and links ("MarkdownV2 style" of the Bot API).
fn read_markdown_v2(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    let mut bold = 0;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => {
                let escaped = after.chars().next().expect("a character behind a backslash");
                assert!(matches!(escaped, '\u{1}'..='\u{7e}'), "{escaped:?} cannot be escaped");
                shown.push(escaped);
                &after[escaped.len_utf8()..]
            }
            '*' => {
                bold += 1;
                after
            }
            '[' => {
                let (words, link) = markup::until(after, ']');
                let link = link.strip_prefix('(').unwrap_or_else(|| panic!("no address: {link:?}"));
                let (href, after) = markup::until(link, ')');
                assert_address(&href);
                shown.push_str(&words);
                after
            }
            c => {
                assert!(!"_]()~`>#+-=|{}.!".contains(c), "{c} is not escaped in {text:?}");
                shown.push(c);
                after
            }
        };
    }
    assert!(bold == 2 || bold == 4, "{bold} marks for bold in {text:?}");
    shown
}
