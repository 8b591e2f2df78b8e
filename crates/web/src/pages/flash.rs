//! What came of a form, carried in a cookie to the next page and shown there once.

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use http::{HeaderMap, HeaderValue, header};

use crate::views::Flash;

const NAME: &str = "flash";
/// Longest text, in bytes: a cookie holds 4 KiB at most.
const TEXT_BYTES_MAX: usize = 2048;

/// What the last form left to say.
pub(super) fn read(headers: &HeaderMap) -> Option<Flash> {
    let jar = CookieJar::from_headers(headers);
    let bytes = BASE64.decode(jar.get(NAME)?.value()).ok()?;
    let (good, text) = bytes.split_first()?;
    Some(Flash {
        good: *good == b'+',
        text: String::from_utf8(text.to_vec()).ok()?,
    })
}

/// The header that makes the next page say something.
pub(super) fn set(flash: &Flash) -> Option<HeaderValue> {
    let mut end = flash.text.len().min(TEXT_BYTES_MAX);
    while !flash.text.is_char_boundary(end) {
        end -= 1;
    }
    let mark = if flash.good { '+' } else { '-' };
    let value = BASE64.encode(format!("{mark}{}", &flash.text[..end]));
    cookie(value, false)
}

/// The header that takes back what was shown.
pub(super) fn clear() -> Option<HeaderValue> {
    cookie(String::new(), true)
}

fn cookie(value: String, ends: bool) -> Option<HeaderValue> {
    let mut cookie = Cookie::build((NAME, value))
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/")
        .build();
    if ends {
        cookie.make_removal();
    }
    HeaderValue::from_str(&cookie.to_string()).ok()
}

/// Adds a cookie header to an answer.
pub(super) fn add(headers: &mut HeaderMap, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read() {
        let flash = Flash {
            good: false,
            text: "„Größe“; a=b".repeat(300),
        };
        let set = set(&flash).unwrap();
        let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, pair.parse().unwrap());
        let read = read(&headers).unwrap();
        assert!(!read.good && flash.text.starts_with(&read.text) && read.text.len() > 2000);
        assert!(clear().unwrap().to_str().unwrap().contains("Max-Age=0"));
    }
}
