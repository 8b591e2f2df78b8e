//! Mails: the HTML has only our template's elements, and the whole is read back as what was written.

use std::{collections::BTreeSet, sync::LazyLock};

use mail_parser::{MessageParser, MimeHeaders};
use opsknight_channels::{
    email::{Smtp, SmtpSettings, Tls, render},
    tls::Roots,
};
use opsknight_domain::{
    message::{Content, Message},
    urgency::Urgency,
};

use super::{assert_clean, markup, now, tame};

/// To whom every mail goes.
const TO: &str = "jane@example.com";
/// Longest line that a server takes, in bytes (RFC 5322, section 2.1.1).
const LINE_BYTES_MAX: usize = 998;
/// What every mail has.
const ALWAYS: [&str; 10] = [
    "Auto-Submitted",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
    "X-Auto-Response-Suppress",
    "X-OpsKnight-Delivery",
];

static SMTP: LazyLock<Smtp> = LazyLock::new(|| {
    let settings = SmtpSettings {
        host: "mail.example.com".into(),
        port: 25,
        tls: Tls::None,
        user: None,
        password: None,
        from: "OpsKnight <ops@example.com>".into(),
    };
    Smtp::new(&settings, &Roots::of(Vec::new())).expect("settings that work")
});

/// No text becomes an element, an attribute or an address that runs.
pub(super) fn html(message: &Message) {
    let says = render(message);
    assert_clean(&says.subject);
    assert!(!says.subject.contains('\n'), "{:?}", says.subject);
    assert_clean(&says.text);
    assert_clean(&says.html);
    let written = markup::html(&says.html);
    for (name, value) in written.iter().flat_map(|element| &element.attributes) {
        let lower = value.to_ascii_lowercase();
        let leads_out = lower.starts_with("https://") || lower.starts_with("http://");
        assert!(name != "href" || leads_out, "{value:?} is no address of the web");
    }
    let harmless = markup::html(&render(&tame(message)).html);
    let shape = |elements: Vec<markup::Element>| -> Vec<_> {
        elements.into_iter().map(markup::Element::without_addresses).collect()
    };
    assert_eq!(shape(written), shape(harmless), "a text became markup");
}

/// The headers are those that we write, and both parts say what was rendered.
pub(super) fn wire(message: &Message) {
    let says = render(message);
    let raw = SMTP.write(TO, message, now()).expect("every message is a mail");
    assert_lines(&raw);
    let mail = MessageParser::default().parse(&raw).expect("a mail");
    let mut names: Vec<&str> = mail.headers().iter().map(|header| header.name()).collect();
    names.sort_unstable();
    let expected = headers(message);
    assert_eq!(
        names,
        Vec::from_iter(expected),
        "in the order of their names, each once"
    );
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(one_line(mail.subject().unwrap_or_default()), one_line(&says.subject));
    for (addresses, ours) in [(mail.to(), TO), (mail.from(), "ops@example.com")] {
        let addresses: Vec<_> = addresses.expect("addresses").iter().collect();
        assert_eq!(addresses.len(), 1, "{addresses:?}");
        assert_eq!(addresses[0].address(), Some(ours));
    }
    let types: Vec<_> = mail
        .parts
        .iter()
        .map(|part| part.content_type().and_then(|of| of.subtype()))
        .collect();
    assert_eq!(types, [Some("alternative"), Some("plain"), Some("html")]);
    let part = |index: usize| mail.parts[index].text_contents().expect("a text").replace("\r\n", "\n");
    assert_eq!(part(1).trim_end(), says.text.trim_end());
    assert_eq!(part(2).trim_end(), says.html.trim_end());
}

/// Lines of ASCII that end as servers want it and are not too long for them.
fn assert_lines(raw: &[u8]) {
    assert!(raw.is_ascii() && !raw.contains(&0));
    for line in raw.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or_else(|| {
            assert!(line.is_empty(), "a line that ends in LF alone");
            line
        });
        assert!(!line.contains(&b'\r'), "a CR by itself");
        assert!(line.len() <= LINE_BYTES_MAX, "a line of {} bytes", line.len());
    }
}

/// The headers that a mail about this has.
fn headers(message: &Message) -> BTreeSet<&'static str> {
    let mut headers = BTreeSet::from(ALWAYS);
    if let Content::Incident(news) = &message.content {
        headers.extend(["In-Reply-To", "References", "X-OpsKnight-Incident"]);
        if news.answer.is_some() && news.incident.urgency == Urgency::High {
            headers.insert("Importance");
        }
        if news.unsubscribe_url.is_some() {
            headers.extend(["List-Unsubscribe", "List-Unsubscribe-Post"]);
        }
    }
    headers
}
