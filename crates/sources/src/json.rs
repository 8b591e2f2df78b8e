//! Reading JSON as monitoring tools really write it.
//!
//! It owns the leniency: a byte order mark, broken UTF-8, lone surrogates, raw control characters in strings and NULs
//! never cost an alert. It never guesses at structure, but for products in which people write the JSON as a template:
//! what has no braces is not JSON.

use std::borrow::Cow;

use serde_json::Value;

use crate::ParseError;

mod mend;

/// Reads a body that a person wrote as a template: where it is no JSON even with the leniency of [`parse`], quotes that
/// were not escaped, commas too many, values that are missing and texts without quotes are put right.
pub(crate) fn parse_template(body: &[u8]) -> Result<Value, ParseError> {
    parse(body).or_else(|error| {
        let text = String::from_utf8_lossy(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
        if !text.trim_start().starts_with(['{', '[']) {
            return Err(error);
        }
        parse(mend::mend(&text).as_bytes()).map_err(|_| error)
    })
}

/// Reads a body. Nesting is bounded by the parser at 128 levels.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ParseError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // Checking first is much faster than repairing as one goes, and nearly all bodies are as they should be.
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    if text.trim_matches(|c: char| c.is_whitespace() || c == '\0').is_empty() {
        return Err(ParseError::new("body", "is empty; JSON is expected"));
    }
    let mut value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(error) => serde_json::from_str(&repair(&text))
            .map_err(|_| ParseError::new("body", format!("is not readable JSON: {error}")))?,
    };
    if text.contains("\\u0000") {
        strip_nul(&mut value);
    }
    Ok(value)
}

/// Makes JSON of what is JSON but for the inside of its strings: lone surrogates become U+FFFD, raw control characters
/// are escaped, a backslash that escapes nothing is taken as itself.
fn repair(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut in_string = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '"' => {
                in_string = !in_string;
                out.push('"');
                after
            }
            '\\' if in_string => escape(after, &mut out),
            '\0' => after,
            c if in_string && c.is_ascii_control() => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
                after
            }
            c => {
                out.push(c);
                after
            }
        };
    }
    out
}

/// Writes the escape whose backslash has just been read; returns what follows it.
fn escape<'t>(after: &'t str, out: &mut String) -> &'t str {
    if let Some(code) = unicode_escape(after) {
        let end = &after[5..];
        let low = end
            .strip_prefix('\\')
            .and_then(unicode_escape)
            .filter(|low| (0xdc00..0xe000).contains(low));
        return match (code, low) {
            (0xd800..0xdc00, Some(_)) => {
                out.push('\\');
                out.push_str(&after[..11]);
                &after[11..]
            }
            (0xd800..0xe000, _) => {
                out.push_str("\\ufffd");
                end
            }
            _ => {
                out.push('\\');
                out.push_str(&after[..5]);
                end
            }
        };
    }
    match after.chars().next() {
        Some(c @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => {
            out.push('\\');
            out.push(c);
            &after[1..]
        }
        _ => {
            out.push_str("\\\\");
            after
        }
    }
}

/// The code unit of an escape, given what follows its backslash: `u` and four hexadecimal digits.
fn unicode_escape(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('u')?.get(..4)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

/// Takes NULs out of every text and every name: no database keeps them.
fn strip_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(items) => items.iter_mut().for_each(strip_nul),
        Value::Object(fields) => {
            if fields.keys().any(|name| name.contains('\0')) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, v)| (name.replace('\0', ""), v))
                    .collect();
            }
            fields.values_mut().for_each(strip_nul);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A field of an object; `null` is the same as absent.
pub(crate) fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|field| !field.is_null())
}

/// Text without what shows nothing at its ends: control characters are not kept, so what holds only them is no text.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control())
}

/// A value as one text: text that is not blank, a number or a truth value. Lists and objects are no text.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(trim(text)).filter(|text| !text.is_empty()).map(Cow::Borrowed),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A field of an object as one text.
pub(crate) fn text_at<'v>(value: &'v Value, name: &str) -> Option<Cow<'v, str>> {
    text(value.get(name)?)
}

/// Whether a value is at most about `bytes_max` long when it is written, told without writing it.
pub(crate) fn fits(value: &Value, bytes_max: usize) -> bool {
    fn rest(value: &Value, left: usize) -> Option<usize> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => left.checked_sub(4),
            Value::String(text) => left.checked_sub(text.len() + 2),
            Value::Array(items) => items
                .iter()
                .try_fold(left.checked_sub(2)?, |left, item| rest(item, left)),
            Value::Object(fields) => fields.iter().try_fold(left.checked_sub(2)?, |left, (name, field)| {
                rest(field, left.checked_sub(name.len() + 4)?)
            }),
        }
    }
    rest(value, bytes_max).is_some()
}

/// What kind of value it is, in words for a message.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(body: &[u8], expected: &Value) {
        assert_eq!(parse(body).as_ref(), Ok(expected), "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn sloppy_writers_are_understood() {
        check(b"\xef\xbb\xbf{\"a\":1}", &json!({"a": 1}));
        check(b"{\"a\":\"x\xff\"}", &json!({"a": "x\u{fffd}"}));
        check(br#"{"a":"x\ud800y"}"#, &json!({"a": "x\u{fffd}y"}));
        check(
            br#"{"a":"\ud83d\ude00 \udc00\ud800"}"#,
            &json!({"a": "😀 \u{fffd}\u{fffd}"}),
        );
        check(
            br#"{"a\u0000b":["c\u0000d",{"e":"\u0000"}]}"#,
            &json!({"ab": ["cd", {"e": ""}]}),
        );
        check(b"{\"a\":\"line\nnext\ttab\0\"}", &json!({"a": "line\nnext\ttab"}));
        check(br#"{"a":"C:\Windows\'"}"#, &json!({"a": r"C:\Windows\'"}));
        check(b"{\"a\":1}\0\n", &json!({"a": 1}));
    }

    #[test]
    fn what_shows_nothing_is_no_text() {
        assert_eq!(text(&json!("\u{f}\u{e} \u{1}")), None);
        assert_eq!(text(&json!("\u{1} a\u{2}b \u{3}")).as_deref(), Some("a\u{2}b"));
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(fits(&json!({"a": ["xyz", 1, null]}), 40));
        assert!(!fits(&json!({"a": ["xyz".repeat(20), 1, null]}), 40));
        assert!(!fits(&json!(vec![0; 100]), 40) && !fits(&json!([]), 1));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in [
            &b""[..],
            b"  \n",
            b"disk full",
            b"{\"a\":",
            b"{\"a\":\"x\\",
            b"\xff\xfe",
            b"{\"a\":\"\\u12\xc3",
        ] {
            assert_eq!(parse(body).map_err(|error| error.field), Err("body".into()));
        }
        let deep = "[".repeat(200_000);
        assert!(parse(deep.as_bytes()).is_err());
    }
}
