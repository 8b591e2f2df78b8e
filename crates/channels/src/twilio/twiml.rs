//! TwiML, the XML by which Twilio is answered.

/// What answers a text message by a text message (Twilio, "TwiML for Programmable Messaging": `<Message>`).
#[must_use]
pub fn message(text: &str) -> String {
    response(&format!("<Message>{}</Message>", escape(text)))
}

/// What answers by nothing.
#[must_use]
pub fn nothing() -> String {
    response("")
}

pub(crate) fn response(inner: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{inner}</Response>")
}

/// Text in XML, between tags or in an attribute. What XML 1.0 has no place for is left out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_escaped() {
        assert_eq!(
            escape("<a b='c' d=\"e\">&\0\u{ffff}"),
            "&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp; "
        );
        assert!(message("<\0").ends_with("<Response><Message>&lt; </Message></Response>"));
    }
}
