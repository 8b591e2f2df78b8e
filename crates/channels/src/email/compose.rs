//! A mail as it goes over the wire (RFC 5322): headers, parts, encodings.
//!
//! No text of an alert can become a header: the subject is one line before it gets here, and what other headers there
//! are, `letter` says. Everything is ASCII afterwards, in lines that any server takes.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::{
    Address,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use opsknight_domain::message::Message;

use super::letter::Letter;
use crate::DeliveryError;

/// Reads the address of one person: `jane@example.com`, without a name. A domain in another script gets its ASCII
/// form (RFC 5891), which every server understands. A local part in quotes is refused: RFC 5321, section 4.1.2, asks
/// nobody to have one, and it may hold what ends an address in a list.
pub(super) fn address(text: &str) -> Result<Address, String> {
    let wrong = || "is not a mail address".to_owned();
    let text = text.trim();
    let (user, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    if text.chars().any(|c| c == '"' || c.is_control() || c.is_whitespace()) {
        return Err(wrong());
    }
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        url::Host::parse(domain).map_err(|_| wrong())?.to_string()
    };
    Address::new(user, domain).map_err(|_| wrong())
}

/// Writes the whole mail.
pub(super) fn compose(letter: Letter, message: &Message, now: Timestamp) -> Result<Vec<u8>, DeliveryError> {
    let mut builder = lettre::Message::builder()
        .from(letter.from)
        .to(Mailbox::new(None, letter.to))
        .subject(letter.says.subject)
        .date(date(now));
    for (name, value) in letter.headers {
        let value = HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
        builder = builder.raw_header(value);
    }
    // Neither quoted-printable nor base64 can produce "=_" (RFC 2045, section 6.7), and nobody who writes an alert
    // knows the delivery's id beforehand.
    let parts = MultiPart::alternative()
        .boundary(format!("=_{}", message.delivery))
        .singlepart(SinglePart::plain(letter.says.text))
        .singlepart(SinglePart::html(letter.says.html));
    let written = builder
        .multipart(parts)
        .map_err(|error| DeliveryError::Refused { why: error.to_string() })?;
    Ok(written.formatted())
}

/// The `Date` header knows no time before 1970.
fn date(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_are_addresses() {
        assert_eq!(
            address(" jane.doe+page@example.com ").unwrap().to_string(),
            "jane.doe+page@example.com"
        );
        assert_eq!(
            address("jané@bücher.example").unwrap().to_string(),
            "jané@xn--bcher-kva.example"
        );
        for wrong in [
            "",
            "jane",
            "@example.com",
            "jane@",
            "Jane <jane@example.com>",
            "a@b.example\r\nRCPT TO:<c@d.example>",
            "a@b.example>\nBcc: c@d.example",
            "a b@example.com",
            "a@exa mple.com",
            "a@b.example,c@d.example",
            r#""a@b.example,c"@d.example"#,
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
