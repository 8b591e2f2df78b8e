//! How text of others is made harmless in each room's markup, and cut to a length without cutting an escape apart.

use url::{Host, Url};

use crate::guard::closed;

/// Writes `text` with `put`, which adds one character in its harmless form, and cuts it so that the result has no more
/// than `units_max` UTF-16 units: the strictest way in which rooms count. What was cut shows it.
pub(super) fn fit(text: &str, units_max: usize, mut put: impl FnMut(&mut String, char)) -> String {
    let mut out = String::new();
    let (mut units, mut fits_with_mark) = (0, 0);
    for c in text.chars() {
        let before = out.len();
        put(&mut out, c);
        units += out[before..].encode_utf16().count();
        if units > units_max {
            out.truncate(fits_with_mark);
            out.truncate(out.trim_end().len());
            out.push('…');
            return out;
        }
        if units < units_max {
            fits_with_mark = out.len();
        }
    }
    out
}

/// As it is, for places without markup.
pub(super) fn plain(text: &str, units_max: usize) -> String {
    fit(text, units_max, |out, c| out.push(c))
}

/// Every character that Telegram's MarkdownV2 reserves ("Formatting options" of the Bot API), and the backslash.
pub(super) fn markdown_v2(text: &str, units_max: usize) -> String {
    fit(text, units_max, |out, c| {
        if matches!(
            c,
            '_' | '*'
                | '['
                | ']'
                | '('
                | ')'
                | '~'
                | '`'
                | '>'
                | '#'
                | '+'
                | '-'
                | '='
                | '|'
                | '{'
                | '}'
                | '.'
                | '!'
                | '\\'
        ) {
            out.push('\\');
        }
        out.push(c);
    })
}

/// A URL within the round brackets of a MarkdownV2 link, where only these two are escaped.
pub(super) fn markdown_v2_url(url: &str) -> String {
    url.replace('\\', "\\\\").replace(')', "\\)")
}

/// What Discord's markdown ("Markdown Text 101") reads as a mark: anywhere, or at the beginning of a line. URLs stay
/// whole, for within a link it reads no marks, and a backslash would break it.
pub(super) fn discord(text: &str, units_max: usize) -> String {
    let urls = urls(text);
    let (mut at, mut begins) = (0, true);
    fit(text, units_max, |out, c| {
        let in_url = urls.iter().any(|(from, to)| (*from..*to).contains(&at));
        let anywhere = matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '[' | '<');
        let first = begins && matches!(c, '#' | '-' | '+' | '>');
        if first || (anywhere && !in_url) {
            out.push('\\');
        }
        out.push(c);
        begins = c == '\n' || (begins && c.is_whitespace());
        at += c.len_utf8();
    })
}

/// Where URLs stand in a text, in bytes: only of characters that need no escape in a link and are no bracket or star.
fn urls(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("http").map(|at| from + at) {
        let rest = &text[start..];
        let scheme = ["https://", "http://"].iter().find(|scheme| rest.starts_with(**scheme));
        from = start + 4;
        if let Some(scheme) = scheme {
            let of_url = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'+,;=%".contains(c);
            let length = rest.find(|c| !of_url(c)).unwrap_or(rest.len());
            if length > scheme.len() {
                found.push((start, start + length));
                from = start + length;
            }
        }
    }
    found
}

/// Markdown of Adaptive Cards ("Text features": emphasis and links). An underscore within a word is no mark.
pub(super) fn adaptive(text: &str, units_max: usize) -> String {
    let next: Vec<char> = text.chars().skip(1).chain([' ']).collect();
    let (mut at, mut last) = (0, ' ');
    fit(text, units_max, |out, c| {
        let inner = last.is_alphanumeric() && next[at].is_alphanumeric();
        if matches!(c, '\\' | '*' | '[' | ']' | '`') || (c == '_' && !inner) {
            out.push('\\');
        }
        out.push(c);
        at += 1;
        last = c;
    })
}

/// The HTML of Google Chat's cards.
pub(super) fn html(text: &str, units_max: usize) -> String {
    fit(text, units_max, |out, c| match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        c => out.push(c),
    })
}

/// The text of a Google Chat message. It knows no escapes ("Format messages"), and what stands in angle brackets
/// mentions people or everybody: so other brackets of the same look take their place.
pub(super) fn chat_text(text: &str, units_max: usize) -> String {
    fit(text, units_max, |out, c| {
        out.push(match c {
            '<' => '‹',
            '>' => '›',
            c => c,
        });
    })
}

/// The host of a URL is one that others can reach: a name with a dot, or a public address. Telegram refuses a whole
/// message for a button that leads elsewhere ("Wrong HTTP URL", `BUTTON_URL_INVALID`).
pub(super) fn is_public(url: &str) -> bool {
    match Url::parse(url).as_ref().map(Url::host) {
        Ok(Some(Host::Domain(name))) => {
            let name = name.trim_end_matches('.');
            name.contains('.') && !name.ends_with(".localhost")
        }
        Ok(Some(Host::Ipv4(v4))) => closed(v4.into()).is_none(),
        Ok(Some(Host::Ipv6(v6))) => closed(v6.into()).is_none(),
        Ok(None) | Err(_) => false,
    }
}

/// The host of a URL has a dot or is an address. Discord calls other URLs not well formed.
pub(super) fn has_dotted_host(url: &str) -> bool {
    match Url::parse(url).as_ref().map(Url::host) {
        Ok(Some(Host::Domain(name))) => name.trim_end_matches('.').contains('.'),
        Ok(Some(Host::Ipv4(_) | Host::Ipv6(_))) => true,
        Ok(None) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_parts_an_escape() {
        for max in 1..20 {
            let cut = markdown_v2("a_b_c_d_e_f_g", max);
            assert!(cut.encode_utf16().count() <= max, "{max}: {cut}");
            assert!(!cut.ends_with('\\'), "{max}: {cut}");
        }
        assert_eq!(markdown_v2("a_b", 4), "a\\_b");
        assert_eq!(markdown_v2("a_b", 3), "a…");
        assert_eq!(plain("🔥🔥🔥", 5), "🔥🔥…");
        assert_eq!(plain("abc", 3), "abc");
        assert_eq!(plain("abcd", 3), "ab…");
        assert_eq!(html("a<b", 4), "a…");
    }

    #[test]
    fn discord_reads_no_mark() {
        for (text, harmless) in [
            ("High CPU on web-01", "High CPU on web-01"),
            (
                "**bold** __u__ ~~s~~ `c` ||x||",
                "\\*\\*bold\\*\\* \\_\\_u\\_\\_ \\~\\~s\\~\\~ \\`c\\` \\|\\|x\\|\\|",
            ),
            ("[text](https://evil.example)", "\\[text](https://evil.example)"),
            ("<@123> <t:1> <https://a.b>", "\\<@123> \\<t:1> \\<https://a.b>"),
            ("# h\n- l\n + l\n> q\n#1", "\\# h\n\\- l\n \\+ l\n\\> q\n\\#1"),
            ("see https://a.b/c_d_e?x=*y", "see https://a.b/c_d_e?x=\\*y"),
            ("http:// _x_ https", "http:// \\_x\\_ https"),
        ] {
            assert_eq!(discord(text, 500), harmless);
        }
    }

    #[test]
    fn cards_read_no_mark() {
        assert_eq!(adaptive("web_prod_1", 99), "web_prod_1");
        assert_eq!(adaptive("_a_ *b* [c](d) \\", 99), "\\_a\\_ \\*b\\* \\[c\\](d) \\\\");
        assert_eq!(
            html("<a href=\"x\">&</a>", 99),
            "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;"
        );
        assert_eq!(chat_text("<users/all> a<b", 99), "‹users/all› a‹b");
    }

    #[test]
    fn only_hosts_that_others_reach_are_public() {
        for url in [
            "https://a.example/x",
            "http://8.8.8.8:80/",
            "https://[2606:4700::1111]/",
        ] {
            assert!(is_public(url), "{url}");
        }
        for url in [
            "http://localhost/",
            "http://a.localhost/",
            "http://opsknight:8080/",
            "http://127.0.0.1/",
            "http://192.168.1.2/",
            "http://[::1]/",
            "nonsense",
        ] {
            assert!(!is_public(url), "{url}");
        }
        assert!(has_dotted_host("http://127.0.0.1:8080/x"));
        assert!(!has_dotted_host("http://localhost:8080/x"));
    }
}
