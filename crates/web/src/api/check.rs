//! What values may be: names, texts, addresses, zones. Each problem names its field as the API spells it.

use jiff::tz::TimeZone;
use url::Url;

use super::error::Problems;

/// Longest name of a thing, in characters. The same as of a schedule's.
pub const NAME_CHARS_MAX: usize = opsknight_domain::oncall::NAME_CHARS_MAX;
/// Longest short text (a region, a room), in characters.
pub const SHORT_CHARS_MAX: usize = 200;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// Longest address of a page or a receiver, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// Longest mail address, in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest part of a mail address before the at sign, in bytes (RFC 5321, section 4.5.3.1.1).
const EMAIL_LOCAL_BYTES_MAX: usize = 64;
/// Longest secret that people set, in characters.
pub const SECRET_CHARS_MAX: usize = 500;
/// The digits of a telephone number, after the plus (ITU-T E.164 allows 15).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Longest time that can be waited for, in minutes: 30 days.
pub const MINUTES_MAX: u32 = 30 * 24 * 60;

/// A required name: trimmed, of one line.
pub(crate) fn name(problems: &mut Problems, field: &str, text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > NAME_CHARS_MAX {
        problems.add(field, format!("must have 1 to {NAME_CHARS_MAX} characters"));
    } else if text.chars().any(char::is_control) {
        problems.add(field, "must have no control characters");
    }
    text.to_owned()
}

/// A text that may be missing; blank counts as missing.
pub(super) fn text(problems: &mut Problems, field: &str, text: Option<String>, chars_max: usize) -> Option<String> {
    let text = text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())?;
    if text.chars().count() > chars_max {
        problems.add(field, format!("must have at most {chars_max} characters"));
    }
    Some(text)
}

/// The same of one line.
pub(super) fn line(problems: &mut Problems, field: &str, value: Option<String>) -> Option<String> {
    let value = text(problems, field, value, SHORT_CHARS_MAX)?;
    if value.chars().any(char::is_control) {
        problems.add(field, "must have no control characters");
    }
    Some(value)
}

/// The address of a page, which may be missing.
pub(super) fn page_url(problems: &mut Problems, field: &str, text: Option<String>) -> Option<String> {
    let text = text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())?;
    url(problems, field, &text);
    Some(text)
}

/// An `http` or `https` address.
pub(super) fn url(problems: &mut Problems, field: &str, text: &str) -> Option<Url> {
    if text.len() > URL_BYTES_MAX {
        problems.add(field, format!("must have at most {URL_BYTES_MAX} bytes"));
        return None;
    }
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && !text.chars().any(char::is_whitespace)
    });
    if url.is_none() {
        problems.add(field, "must be an address that begins with https:// or http://");
    }
    url
}

/// A mail address, trimmed.
pub(crate) fn email(problems: &mut Problems, field: &str, text: &str) -> String {
    let text = text.trim();
    if !is_email(text) {
        problems.add(field, "must be an email address, such as ada@example.com");
    }
    text.to_owned()
}

/// Quoted local parts and comments are not taken: nobody has such an address, and every provider refuses them.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let local_fits = !local.is_empty()
        && local.len() <= EMAIL_LOCAL_BYTES_MAX
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .chars()
            .all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
    let label_fits = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    local_fits && text.len() <= EMAIL_BYTES_MAX && domain.split('.').all(label_fits)
}

/// A telephone number in E.164 form; blanks, dashes, dots and parentheses are left out.
pub(super) fn phone(problems: &mut Problems, field: &str, text: &str) -> String {
    let number: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
        .collect();
    let fits = number.strip_prefix('+').is_some_and(|digits| {
        PHONE_DIGITS.contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    });
    if !fits {
        problems.add(
            field,
            "must be a telephone number with its country code, such as +14155550100",
        );
    }
    number
}

/// The IANA name of a time zone.
pub(crate) fn time_zone(problems: &mut Problems, field: &str, text: &str) -> TimeZone {
    match TimeZone::get(text.trim()) {
        Ok(zone) if zone.iana_name().is_some() && !zone.is_unknown() => zone,
        _ => {
            problems.add(field, "must be an IANA time zone, such as Europe/Berlin");
            TimeZone::UTC
        }
    }
}

/// A secret that may be missing; blank counts as missing.
pub(super) fn secret(problems: &mut Problems, field: &str, value: Option<String>) -> Option<String> {
    let value = value.filter(|value| !value.trim().is_empty())?;
    if value.chars().count() > SECRET_CHARS_MAX {
        problems.add(field, format!("must have at most {SECRET_CHARS_MAX} characters"));
    }
    Some(value)
}

/// A whole number within bounds.
pub(super) fn number<T: PartialOrd + std::fmt::Display + Copy>(
    problems: &mut Problems,
    field: &str,
    value: T,
    (min, max): (T, T),
) -> T {
    if value < min || value > max {
        problems.add(field, format!("must be from {min} to {max}"));
    }
    value
}

/// A list with at most so many members.
pub(super) fn at_most(problems: &mut Problems, field: &str, count: usize, max: usize) {
    if count > max {
        problems.add(field, format!("must have at most {max} entries"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(check: impl Fn(&mut Problems)) -> bool {
        let mut problems = Problems::default();
        check(&mut problems);
        problems.is_empty()
    }

    #[test]
    fn mail_addresses() {
        for good in [
            "ada@example.com",
            "a.b+c@sub.example.co",
            "root@localhost",
            "ä@exämple.de",
            "o'neil@example.com",
        ] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "ada",
            "@x",
            "a@",
            "a b@x.com",
            "a@b@c",
            "a@-x.com",
            "a@x..com",
            ".a@x.com",
            "a<b>@x.com",
            &long,
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn telephone_numbers() {
        assert!(accepts(|problems| assert_eq!(
            phone(problems, "phone", "+1 (415) 555-0100"),
            "+14155550100"
        )));
        for bad in [
            "",
            "4155550100",
            "+0155550100",
            "+123",
            "+1234567890123456",
            "+1415555010x",
        ] {
            assert!(!accepts(|problems| drop(phone(problems, "phone", bad))), "{bad}");
        }
    }

    #[test]
    fn addresses_of_pages() {
        for good in ["https://example.com/a?b#c", "http://10.0.0.1:8080"] {
            assert!(accepts(|problems| drop(url(problems, "url", good))), "{good}");
        }
        let long = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX));
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "https://",
            "https://a b",
            &long,
        ] {
            assert!(!accepts(|problems| drop(url(problems, "url", bad))), "{bad}");
        }
    }

    #[test]
    fn zones_names_and_texts() {
        assert!(accepts(|problems| drop(time_zone(
            problems,
            "timeZone",
            "Asia/Kathmandu"
        ))));
        for bad in ["", "Mars/Olympus", "+02:00", "Etc/Unknown"] {
            assert!(!accepts(|problems| drop(time_zone(problems, "timeZone", bad))), "{bad}");
        }
        assert!(accepts(|problems| assert_eq!(name(problems, "name", " Ops "), "Ops")));
        let long = "x".repeat(NAME_CHARS_MAX + 1);
        for bad in ["", "  ", "a\nb", &long] {
            assert!(!accepts(|problems| drop(name(problems, "name", bad))), "{bad}");
        }
        assert!(accepts(|problems| assert_eq!(
            text(problems, "x", Some("  ".into()), 5),
            None
        )));
        assert!(!accepts(|problems| drop(text(problems, "x", Some("abcdef".into()), 5))));
    }
}
