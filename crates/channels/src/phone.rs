//! Phone numbers as vendors want them: in the international form of E.164.

use crate::DeliveryError;

/// Fewest and most digits of a number with its country (ITU-T E.164, section 6; no country has shorter ones).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A number as `+` and digits, whatever a person put between them for their eyes.
pub(crate) fn e164(text: &str) -> Option<String> {
    let number: String = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')'))
        .collect();
    let digits = number.strip_prefix('+')?;
    let good = DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    good.then_some(number)
}

/// The number of a person who is to be reached.
pub(crate) fn address(text: &str) -> Result<String, DeliveryError> {
    e164(text).ok_or_else(|| DeliveryError::Refused {
        why: "is not a phone number with its country, like +14155550123".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for text in [
            "+14155550123",
            " +1 (415) 555-0123",
            "+1.415.555.0123",
            "+1\u{a0}415 555/0123",
        ] {
            assert_eq!(e164(text).as_deref(), Some("+14155550123"), "{text}");
        }
        for text in [
            "",
            "+",
            "4155550123",
            "+0415555012",
            "+1234567890123456",
            "+123456",
            "+1415555012x",
            "++14155550123",
            "+1415\r\n5550123",
            "+١٤١٥٥٥٥٠١٢٣",
        ] {
            assert_eq!(e164(text), None, "{text}");
        }
    }
}
