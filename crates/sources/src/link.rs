//! Links that senders give along, kept only where a browser may follow them.
//!
//! It owns which addresses are taken: `http` and `https` with a host, so that a page can show every link it is given.

use opsknight_domain::event::{Event, Image, LINKS_MAX, Link, clean, is_plain};

/// Longest address that is kept, in bytes. Prometheus writes whole expressions into them.
const HREF_BYTES_MAX: usize = 8192;
/// Longest name of a link or an image, in characters.
const TEXT_CHARS_MAX: usize = 255;

/// An address that a browser may follow, as it was sent. Only the scheme and the presence of a host matter for that, so
/// the rest is not taken apart: a group of alerts brings thousands of addresses, and as many texts that are none.
pub(crate) fn web_address(text: &str) -> Option<&str> {
    let text = text.trim();
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let (begins, rest) = text.split_at_checked(scheme.len())?;
        begins.eq_ignore_ascii_case(scheme).then_some(rest)
    })?;
    let no_host = |byte| {
        byte <= b' '
            || matches!(
                byte,
                b'/' | b'?' | b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
            )
    };
    let (host, after) = rest.split_at(rest.bytes().position(no_host).unwrap_or(rest.len()));
    let ends = after.is_empty() || after.starts_with(['/', '?', '#']);
    if host.is_empty() || host.starts_with(':') || !ends || text.len() > HREF_BYTES_MAX {
        return None;
    }
    let is_clean = is_plain(text) || !text.contains(char::is_control) && !host.contains(char::is_whitespace);
    is_clean.then_some(text)
}

/// Adds a link where the address is one and not there yet.
pub(crate) fn add(event: &mut Event, href: Option<&str>, text: &str) {
    let Some(href) = href.and_then(web_address) else { return };
    if event.links.len() < LINKS_MAX && event.links.iter().all(|link| link.href != href) {
        let text = clean(text, TEXT_CHARS_MAX);
        event.links.push(Link {
            href: href.to_owned(),
            text: Some(text).filter(|text| !text.is_empty()),
        });
    }
}

/// Adds an image; one that is not served over `https` cannot be shown in a page and becomes a link.
pub(crate) fn add_image(event: &mut Event, src: Option<&str>, href: Option<&str>, alt: &str) {
    let Some(address) = src.and_then(web_address) else {
        return;
    };
    if !address.to_ascii_lowercase().starts_with("https:") {
        add(event, Some(address), if alt.is_empty() { "Image" } else { alt });
        return;
    }
    if event.images.len() < LINKS_MAX {
        let alt = clean(alt, TEXT_CHARS_MAX);
        let href = href.and_then(web_address).map(str::to_owned);
        event.images.push(Image {
            src: address.to_owned(),
            href,
            alt: Some(alt).filter(|alt| !alt.is_empty()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_as_they_were_sent() {
        for good in [
            "HTTPS://Grafana.example",
            "http://bücher.example/ä?q=\u{a0}x",
            "http://[::1]:9090/graph?g0.expr=a|b",
        ] {
            assert_eq!(web_address(good), Some(good));
        }
    }

    #[test]
    fn only_web_addresses_are_followed() {
        assert!(web_address(" https://grafana.example/d/1?var-host={{ x }} ").is_some());
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "/relative",
            "http://",
            "ftp://x/",
            "",
            "https://a\nb/",
            "https://a/\u{1b}b",
            "https://a\u{a0}b/",
            "https://é\u{9b}/",
            "https://a b/",
            "https://:80/",
        ] {
            assert_eq!(web_address(bad), None, "{bad}");
        }
    }
}
