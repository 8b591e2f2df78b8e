//! Text of others made harmless for Slack: `mrkdwn`, plain text, links, dates and mentions.
//!
//! Slack reads `&`, `<` and `>` as its own marks and nothing else, so these three become entities (Slack, "Formatting
//! message text", "Escaping text"). What begins with `<!` or `<@` calls people, and thereby no longer does.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    news::web_url,
    words::{lines, one_line},
};

/// One line for `mrkdwn`, at most `chars_max` characters long after it was escaped.
pub(super) fn line(text: &str, chars_max: usize) -> String {
    let text = one_line(text, chars_max);
    let whole = beginning(&text, usize::MAX);
    if whole.chars().count() <= chars_max {
        return whole;
    }
    let mut cut = beginning(&text, chars_max.saturating_sub(1));
    cut.push('…');
    cut
}

/// Text on its own lines for `mrkdwn`, in which web addresses are links.
pub(super) fn paragraphs(text: &str, chars_max: usize) -> String {
    let cleaned = lines(text, chars_max);
    let words: Vec<(&str, Option<String>)> = cleaned.split_inclusive([' ', '\n', '\t']).map(linked).collect();
    let whole: String = words
        .iter()
        .map(|(word, link)| link.clone().unwrap_or_else(|| beginning(word, usize::MAX)))
        .collect();
    if whole.chars().count() <= chars_max {
        return whole;
    }
    let mut cut = String::new();
    let mut left = chars_max.saturating_sub(1);
    for (word, link) in words {
        // A link is whole or not there; of other words as much is kept as fits.
        let (written, is_whole) = match link {
            Some(link) if link.chars().count() > left => break,
            Some(link) => (link, true),
            None => {
                let written = beginning(word, left);
                let is_whole = written == beginning(word, usize::MAX);
                (written, is_whole)
            }
        };
        left -= written.chars().count();
        cut.push_str(&written);
        if !is_whole {
            break;
        }
    }
    cut.truncate(cut.trim_end_matches([' ', '\n', '\t', '…']).len());
    cut.push('…');
    cut
}

/// A word with the white space behind it, and how it is written where it is a web address.
fn linked(word: &str) -> (&str, Option<String>) {
    // A full stop behind an address belongs to the sentence.
    let bare = word.trim_end().trim_end_matches(['.', ',', ';', ':', ')', '…']);
    let link = url_in_marks(bare).map(|url| format!("<{url}>{}", &word[bare.len()..]));
    (word, link)
}

/// A link with a text of its own, where `url` may be one.
pub(super) fn link(url: &str, text: &str, text_chars_max: usize) -> Option<String> {
    // A bar would end the address, and Slack knows no escape for one in the text.
    let text = line(text, text_chars_max).replace('|', "¦");
    let url = url_in_marks(url)?;
    Some(if text.is_empty() {
        format!("<{url}>")
    } else {
        format!("<{url}|{text}>")
    })
}

/// A time in the reader's own zone and manner (Slack, "Date formatting"), in UTC where it cannot be shown so.
pub(super) fn date(at: Timestamp) -> String {
    format!(
        "<!date^{}^{{date_short_pretty}} {{time}}|{}>",
        at.as_second(),
        at.strftime("%Y-%m-%d %H:%M UTC")
    )
}

/// A text object of `mrkdwn` in which Slack finds no mentions, rooms or links of its own accord.
pub(super) fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// A text object of plain text on one line: nothing in it means anything, `:fire:` neither.
pub(super) fn plain(text: &str, chars_max: usize) -> Value {
    json!({ "type": "plain_text", "text": one_line(text, chars_max), "emoji": false })
}

/// A URL of the web as it stands between `<` and `>`.
fn url_in_marks(text: &str) -> Option<String> {
    let url = web_url(text)?;
    Some(
        url.replace('&', "&amp;")
            .replace('<', "%3C")
            .replace('>', "%3E")
            .replace('|', "%7C")
            .replace('"', "%22"),
    )
}

/// As much of a text as fits once it is escaped.
fn beginning(text: &str, chars_max: usize) -> String {
    let mut written = String::new();
    let mut left = chars_max;
    for c in text.chars() {
        let entity = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ if left > 0 => {
                written.push(c);
                left -= 1;
                continue;
            }
            _ => break,
        };
        if entity.len() > left {
            break;
        }
        written.push_str(entity);
        left -= entity.len();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_marks_are_escaped_and_nobody_is_called() {
        assert_eq!(
            line("<!channel> & <@U123> *a* _b_ @here", 100),
            "&lt;!channel&gt; &amp; &lt;@U123&gt; *a* _b_ @here"
        );
    }

    #[test]
    fn a_line_fits_after_it_was_escaped() {
        assert_eq!(line("&&&&", 12), "&amp;&amp;…");
        assert_eq!(line("&&&&", 20), "&amp;&amp;&amp;&amp;");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line("abcd", 4), "abcd");
        for chars_max in 1..40 {
            for text in ["<<<<<<<<<", "a<b>c&d", "ü&ü&ü", "aaaaaaaaaa"] {
                assert!(line(text, chars_max).chars().count() <= chars_max, "{text} {chars_max}");
                let written = paragraphs(&format!("{text} https://example.com/?a&b {text}"), chars_max);
                assert!(written.chars().count() <= chars_max, "{written} {chars_max}");
            }
        }
    }

    #[test]
    fn nothing_follows_what_was_cut() {
        assert_eq!(paragraphs("&&&&&&&& a b c", 14), "&amp;&amp;…");
    }

    #[test]
    fn addresses_in_a_text_are_links_and_nothing_else_is() {
        assert_eq!(
            paragraphs(
                "see https://example.com/?a=1&b=<2>.\nor javascript:alert(1) <https://x.example|y>",
                200
            ),
            "see <https://example.com/?a=1&amp;b=%3C2%3E>.\nor javascript:alert(1) &lt;https://x.example|y&gt;"
        );
    }

    #[test]
    fn links_cannot_be_broken_out_of() {
        assert_eq!(
            link("https://example.com/a|b>c<d", "x|y<!here>", 40).unwrap(),
            "<https://example.com/a%7Cb%3Ec%3Cd|x¦y&lt;!here&gt;>"
        );
        assert_eq!(link("https://example.com/", "", 40).unwrap(), "<https://example.com/>");
        assert_eq!(link("javascript:alert(1)", "x", 40), None);
    }

    #[test]
    fn a_date_is_the_readers_own() {
        let at = "2026-11-23T03:09:58Z".parse().unwrap();
        assert_eq!(
            date(at),
            "<!date^1795403398^{date_short_pretty} {time}|2026-11-23 03:09 UTC>"
        );
    }
}
