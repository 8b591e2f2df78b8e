//! Texts made fit to be said aloud: one line, no markup, nothing that a machine would spell for minutes.

use crate::words::one_line;

/// A word with this many digits or more in it is an identifier, not a number that people say.
const IDENTIFIER_DIGITS_MIN: usize = 5;
/// Longest word that is said whole, in characters.
const WORD_CHARS_MAX: usize = 24;
/// How much of the end of an identifier is said, in characters.
const ENDING_CHARS: usize = 4;
/// Digits that stand together are said one by one from this many on, where every one of them counts.
const CODE_DIGITS_MIN: usize = 4;

/// A text of others as it is said, at most so many characters.
pub(super) fn speakable(text: &str, chars_max: usize) -> String {
    let line = one_line(text, usize::MAX);
    let words: Vec<String> = line
        .split_whitespace()
        .map(word)
        .filter(|word| !word.is_empty())
        .collect();
    one_line(&words.join(" "), chars_max)
        .trim_end_matches(['…', '.'])
        .trim_end()
        .to_owned()
}

fn word(word: &str) -> String {
    if word.contains("://") {
        return "a link".into();
    }
    let said: String = word.chars().map(said).collect();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let digits = said.chars().filter(char::is_ascii_digit).count();
    if digits < IDENTIFIER_DIGITS_MIN && said.chars().count() <= WORD_CHARS_MAX {
        return said;
    }
    let mut ending: Vec<char> = said
        .chars()
        .rev()
        .filter(|c| c.is_alphanumeric())
        .take(ENDING_CHARS)
        .collect();
    ending.reverse();
    format!("ending {}", ending.into_iter().collect::<String>())
}

/// A character that is said or pauses, else a blank.
const fn said(c: char) -> char {
    match c {
        '.' | ',' | ':' | ';' | '!' | '?' | '%' | '+' | '-' | '\'' | '/' => c,
        '\0'..='\x7f' if !c.is_ascii_alphanumeric() => ' ',
        c => c,
    }
}

/// A text of ours in which every digit of a code counts: `482913` becomes `4, 8, 2, 9, 1, 3`. Lines that are links
/// are left out.
pub(super) fn spelled(text: &str, chars_max: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("://")).collect();
    let line: String = one_line(&lines.join(" "), chars_max).chars().map(said).collect();
    let mut spelled = String::new();
    let mut digits = String::new();
    for c in line.chars().map(Some).chain([None]) {
        match c {
            Some(c) if c.is_ascii_digit() => digits.push(c),
            _ => {
                spelled.push_str(&code(&digits));
                digits.clear();
                spelled.extend(c);
            }
        }
    }
    spelled.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn code(digits: &str) -> String {
    if digits.len() < CODE_DIGITS_MIN {
        return digits.to_owned();
    }
    let each: Vec<String> = digits.chars().map(String::from).collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_short_and_has_no_markup() {
        let said = |text: &str| speakable(text, 120);
        assert_eq!(said("High CPU on web-01"), "High CPU on web-01");
        assert_eq!(said("<b>Disk\r\n full</b> & \"slow\"…"), "b Disk full /b slow");
        assert_eq!(said("i-0abcd1234efgh5678 is down"), "ending 5678 is down");
        assert_eq!(said("Job 1234567890 failed 3 times"), "Job ending 7890 failed 3 times");
        assert_eq!(said("See https://example.com/a?b=c now."), "See a link now");
        assert_eq!(said("5xx at 97.5 %, p99 1200ms"), "5xx at 97.5 %, p99 1200ms");
        assert_eq!(said(&"x".repeat(90)), "ending xxxx");
        assert_eq!(said("Диск заполнен"), "Диск заполнен");
        assert_eq!(said("*** ###"), "");
        assert_eq!(speakable(&"word ".repeat(100), 10), "word word");
    }

    #[test]
    fn codes_are_said_digit_by_digit() {
        assert_eq!(
            spelled(
                "Your code is 482913.\n\nhttps://example.com/1234\nIt works for 10 minutes.",
                200
            ),
            "Your code is 4, 8, 2, 9, 1, 3. It works for 10 minutes."
        );
        assert_eq!(spelled("0007", 200), "0, 0, 0, 7");
        assert_eq!(spelled("", 200), "");
    }
}
