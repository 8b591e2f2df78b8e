//! What every provider of mail is given, said once: who writes to whom, the subject, both texts, and the headers.
//!
//! No text of an alert becomes a header here: all of them are made from identities, from addresses and URLs that were
//! parsed, and from fixed words. How a mail gets on its way is each provider's own.

use lettre::{Address, message::Mailbox};
use opsknight_domain::{
    message::{Content, Message},
    urgency::Urgency,
};
use url::Url;

use super::{
    compose,
    render::{Rendered, render},
};
use crate::{DeliveryError, Problem, news::is_page};

/// The display name of the sender where none is given.
const FROM_NAME: &str = "OpsKnight";
/// Longest URL in a header, in bytes: with the header's name it must fit into one line of 998 (RFC 5322, section 2.1.1).
const HEADER_URL_BYTES_MAX: usize = 900;
/// What providers call the delivery's id in what they report back. Letters, digits and underscores: all of them take it.
pub(super) const DELIVERY_TAG: &str = "opsknight_delivery";
/// The header that carries the delivery's id where a provider puts a `Message-ID` of its own in place of ours.
pub(super) const DELIVERY_HEADER: &str = "X-OpsKnight-Delivery";

/// A mail before a provider's own form.
pub(super) struct Letter {
    /// The sender.
    pub(super) from: Mailbox,
    /// The one recipient.
    pub(super) to: Address,
    /// Subject and texts.
    pub(super) says: Rendered,
    /// Headers besides sender, recipient, subject and date, in ASCII.
    pub(super) headers: Vec<(&'static str, String)>,
    /// What kind of message it is, in one word: `page`, `news`, `note`.
    pub(super) kind: &'static str,
}

impl Letter {
    /// The mail for a message to one address.
    pub(super) fn new(from: &Mailbox, to: &str, message: &Message) -> Result<Self, DeliveryError> {
        let to = compose::address(to).map_err(|why| DeliveryError::Refused { why })?;
        Ok(Self {
            headers: headers(from.email.domain(), message),
            from: from.clone(),
            to,
            says: render(message),
            kind: kind(message),
        })
    }
}

/// Reads who the sender is: `noreply@example.com` or `Paging <noreply@example.com>`; `field` is where that is set.
pub(super) fn sender(from: &str, field: &'static str) -> Result<Mailbox, Problem> {
    let wrong = |_| Problem {
        field,
        why: "must be a mail address, like noreply@example.com or Paging <noreply@example.com>".into(),
    };
    if from.chars().any(char::is_control) {
        return Err(wrong(()));
    }
    let mailbox: Mailbox = from.trim().parse().map_err(|_| wrong(()))?;
    let email = compose::address(mailbox.email.as_ref()).map_err(|_| wrong(()))?;
    Ok(Mailbox::new(
        Some(mailbox.name.unwrap_or_else(|| FROM_NAME.into())),
        email,
    ))
}

const fn kind(message: &Message) -> &'static str {
    match &message.content {
        Content::Incident(news) if is_page(news) => "page",
        Content::Incident(_) => "news",
        Content::Bundle(_) => "page",
        Content::Note { .. } => "note",
    }
}

fn headers(domain: &str, message: &Message) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Message-ID", format!("<{}@{domain}>", message.delivery)),
        (DELIVERY_HEADER, message.delivery.to_string()),
        // RFC 3834, section 5, and what Exchange goes by: nobody's absence note answers a page.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Auto-Response-Suppress", "All".to_owned()),
    ];
    let Content::Incident(news) = &message.content else {
        return headers;
    };
    // No mail has the root's id itself; clients thread by it all the same (RFC 5256, "REFERENCES").
    let root = format!("<{}@{domain}>", news.incident.id);
    headers.push(("In-Reply-To", root.clone()));
    headers.push(("References", root));
    headers.push(("X-OpsKnight-Incident", news.incident.id.to_string()));
    if is_page(news) {
        if news.incident.urgency == Urgency::High {
            // RFC 2156, section 5.3.4.
            headers.push(("Importance", "high".to_owned()));
        }
    } else if let Some(url) = news.unsubscribe_url.as_deref().and_then(header_url) {
        // RFC 8058: mail programs put an end to such mails with one click, which POSTs to this address. A page has no
        // such button: nobody is to click themselves off their duty.
        headers.push(("List-Unsubscribe", format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    headers
}

/// A URL as it may stand between angle brackets in a header: parsed, so that it is ASCII and has none itself.
fn header_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let fits = matches!(url.scheme(), "https" | "http") && url.as_str().len() <= HEADER_URL_BYTES_MAX;
    (fits && !url.as_str().contains(['<', '>', ' '])).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_cannot_leave_its_header() {
        let of = |text: &str| header_url(text);
        assert_eq!(
            of("https://a.example/u/x?y=1"),
            Some("https://a.example/u/x?y=1".into())
        );
        assert_eq!(
            of("https://a.example/u/ü>\r\nBcc: x@y.example"),
            Some("https://a.example/u/%C3%BC%3EBcc:%20x@y.example".into())
        );
        assert_eq!(of("mailto:x@y.example"), None);
        assert_eq!(of("not a url"), None);
        assert_eq!(of(&format!("https://a.example/{}", "x".repeat(900))), None);
    }
}
