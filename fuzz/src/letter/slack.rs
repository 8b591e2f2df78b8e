//! Slack: only our mentions, our dates and addresses of the web stand between its marks, and every block is one that it
//! takes (Slack, "Block Kit reference" and "Formatting message text").

use opsknight_channels::slack::{Shown, reply, shown};
use opsknight_domain::message::{Content, Message};
use serde_json::Value;

use super::{assert_clean, items, string};

/// Whom we call.
const MEMBER: &str = "U0MEMBER";
/// Longest text of a message that Slack advises, in characters ("chat.postMessage").
const TEXT_CHARS_MAX: usize = 4000;

/// With somebody to call and without.
pub(super) fn check(message: &Message) {
    for mention in [None, Some(MEMBER)] {
        let Shown { text, blocks, bare } = shown(message, mention);
        assert_text(&text, TEXT_CHARS_MAX, message, mention);
        assert_text(&bare, TEXT_CHARS_MAX, message, mention);
        assert!((1..=50).contains(&blocks.len()));
        blocks.iter().for_each(|block| assert_block(block, message, mention));
        if let Content::Incident(news) = &message.content {
            assert_text(&reply(news, mention), TEXT_CHARS_MAX, message, mention);
        }
    }
}

fn assert_block(block: &Value, message: &Message, mention: Option<&str>) {
    let marked = |object: &Value, chars_max: usize| {
        assert_eq!((&object["type"], &object["verbatim"]), (&"mrkdwn".into(), &true.into()));
        assert_text(string(object, "/text"), chars_max, message, mention);
    };
    match string(block, "/type") {
        "header" => assert_plain(&block["text"], 150),
        "section" => {
            let fields = items(block, "/fields");
            assert!(fields.len() <= 10);
            fields.iter().for_each(|field| marked(field, 2000));
            if fields.is_empty() {
                marked(&block["text"], 3000);
            }
        }
        "context" => {
            assert!((1..=10).contains(&items(block, "/elements").len()));
            items(block, "/elements")
                .iter()
                .for_each(|element| marked(element, 3000));
        }
        "actions" => {
            assert!((1..=25).contains(&items(block, "/elements").len()));
            items(block, "/elements").iter().for_each(assert_action);
        }
        other => panic!("no block of ours: {other}"),
    }
}

fn assert_action(action: &Value) {
    match string(action, "/type") {
        "button" => {
            assert_plain(&action["text"], 75);
            assert!(string(action, "/value").len() <= 2000);
            assert!(
                action["url"]
                    .as_str()
                    .is_none_or(|url| url.len() <= 3000 && url.starts_with("http"))
            );
        }
        "static_select" => items(action, "/options")
            .iter()
            .for_each(|option| assert_plain(&option["text"], 75)),
        other => panic!("no action of ours: {other}"),
    }
}

fn assert_plain(object: &Value, chars_max: usize) {
    assert_eq!(
        (&object["type"], &object["emoji"]),
        (&"plain_text".into(), &false.into())
    );
    let text = string(object, "/text");
    assert_clean(text);
    assert!((1..=chars_max).contains(&text.chars().count()), "{text:?}");
}

/// A text in which Slack reads marks.
fn assert_text(text: &str, chars_max: usize, message: &Message, mention: Option<&str>) {
    assert_clean(text);
    assert!(
        (1..=chars_max).contains(&text.chars().count()),
        "{} characters: {text:?}",
        text.chars().count()
    );
    let mut rest = text;
    while let Some((before, marked)) = rest.split_once('<') {
        assert_entities(before, &["amp;", "lt;", "gt;"]);
        let (marked, after) = marked
            .split_once('>')
            .unwrap_or_else(|| panic!("a mark without an end in {text:?}"));
        assert!(is_ours(marked, message, mention), "<{marked}> in {text:?}");
        rest = after;
    }
    assert_entities(rest, &["amp;", "lt;", "gt;"]);
}

fn assert_entities(text: &str, known: &[&str]) {
    assert!(!text.contains('>'), "{text:?}");
    for (at, _) in text.match_indices('&') {
        let known = known.iter().any(|entity| text[at + 1..].starts_with(entity));
        assert!(known, "no entity in {text:?}");
    }
}

fn is_ours(marked: &str, message: &Message, mention: Option<&str>) -> bool {
    if let Some(member) = marked.strip_prefix('@') {
        return Some(member) == mention;
    }
    if let Some(command) = marked.strip_prefix('!') {
        let Content::Incident(news) = &message.content else {
            return false;
        };
        let at = news.incident.created_at;
        let written = at.strftime("%Y-%m-%d %H:%M UTC");
        return command == format!("date^{}^{{date_short_pretty}} {{time}}|{written}", at.as_second());
    }
    let (url, name) = marked.split_once('|').unwrap_or((marked, ""));
    assert_entities(url, &["amp;"]);
    assert_entities(name, &["amp;", "lt;", "gt;"]);
    let lower = url.to_ascii_lowercase();
    (lower.starts_with("https://") || lower.starts_with("http://"))
        && !url.contains(|c: char| c.is_whitespace() || c == '"')
        && !name.contains(['<', '|', '\n'])
}
