//! Text of others made fit to be shown: on one line, without control characters, no longer than it may be.

/// Longest words of a provider that are kept, in characters.
pub(crate) const WORDS_CHARS_MAX: usize = 300;

/// Text on one line: every run of white space and control characters becomes one space, and the characters that turn
/// the direction of text around are left out, so that a title cannot pretend to be something else.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let kept: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !turns_text(*c))
        .collect();
    let line = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    shorten(line, chars_max)
}

/// Text on its own lines, without control characters.
pub(crate) fn lines(text: &str, chars_max: usize) -> String {
    let kept: String = text
        .replace("\r\n", "\n")
        .chars()
        .map(|c| {
            if matches!(c, '\r' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}') {
                '\n'
            } else {
                c
            }
        })
        .filter(|c| (!c.is_control() || matches!(c, '\n' | '\t')) && !turns_text(*c))
        .collect();
    shorten(kept.trim().to_owned(), chars_max)
}

/// Text without the characters that turn its direction around.
pub(crate) fn straight(text: &str) -> String {
    text.chars().filter(|c| !turns_text(*c)).collect()
}

/// What a provider said, as it is kept.
pub(crate) fn answer(text: &str) -> String {
    one_line(text, WORDS_CHARS_MAX)
}

/// Cuts after `chars_max` characters and shows that something was cut.
fn shorten(text: String, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text;
    }
    let mut cut: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// Marks and controls of the bidirectional algorithm (Unicode Standard Annex 9, section 2) and the byte order mark.
const fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line(" a\r\nBcc: x@y\0\t\u{2028}z\u{202e}q ", 80), "a Bcc: x@y zq");
        assert_eq!(one_line("a \u{202e} b\0\u{202e}", 80), "a b");
        assert_eq!(one_line("héllo wörld", 7), "héllo…");
        assert_eq!(one_line("\r\n", 7), "");
    }

    #[test]
    fn lines_keep_their_breaks() {
        assert_eq!(lines("a\r\nb\rc\u{1b}[31m\n", 80), "a\nb\nc[31m");
    }
}
