//! What a request holds, however it is written: JSON under any media type, a form, a multipart form, a query string.
//!
//! It owns the way from bytes to one JSON value for the sources whose products write more than JSON. It never looks at
//! what the fields mean. A body that begins as JSON is JSON, whatever its media type says.

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::{ParseError, Request, json};

/// Query parameters that are ours: they name the integration and are no part of what the product says. The key does not
/// belong into an address, but people put it there, and it must not be shown with the alert.
const OWN_PARAMETERS: &[&str] = &["integrationId", "integrationKey"];
/// Fields of a form that hold the whole message as JSON: Uptime Kuma's, and what many products do.
const JSON_FIELDS: &[&str] = &["payload", "data"];
/// Most fields that one form, or one query string, may hold; what follows is left out.
const FIELDS_MAX: usize = 1000;
/// Longest boundary between the parts of a form, in bytes. RFC 2046, section 5.1.1, allows 70.
const BOUNDARY_BYTES_MAX: usize = 200;

/// How the JSON in a body is read.
type ReadJson = fn(&[u8]) -> Result<Value, ParseError>;

/// The body as JSON. A form is an object of its fields; with JSON in `payload` or `data` it is that JSON. Without a body
/// it is the query string.
pub(crate) fn read(request: &Request<'_>) -> Result<Value, ParseError> {
    read_as(request, json::parse)
}

/// The same for products in which people write the JSON as a template: what a template gets wrong is put right where
/// it is clear what was meant.
pub(crate) fn read_template(request: &Request<'_>) -> Result<Value, ParseError> {
    read_as(request, json::parse_template)
}

/// The body together with the parameters of the query string; a field of the body wins.
pub(crate) fn read_with_query(request: &Request<'_>) -> Result<Value, ParseError> {
    let parameters = query(request);
    if is_blank(request.body) && !parameters.is_empty() {
        return Ok(Value::Object(parameters));
    }
    let mut value = read_template(request)?;
    if let Value::Object(fields) = &mut value {
        for (name, parameter) in parameters {
            fields.entry(name).or_insert(parameter);
        }
    }
    Ok(value)
}

fn read_as(request: &Request<'_>, read_json: ReadJson) -> Result<Value, ParseError> {
    let body = request.body;
    if is_blank(body) {
        let parameters = query(request);
        if !parameters.is_empty() {
            return Ok(Value::Object(parameters));
        }
    }
    let media_type = request.media_type().unwrap_or_default();
    if media_type.starts_with("multipart/") {
        let boundary = request.header("content-type").and_then(boundary);
        let boundary =
            boundary.ok_or_else(|| ParseError::new("content-type", "names no boundary, or one that is too long"))?;
        return message(multipart(body, &boundary), read_json);
    }
    let begins_as_json = matches!(body.iter().find(|b| !b.is_ascii_whitespace()), Some(b'{' | b'['));
    if media_type != "application/x-www-form-urlencoded" {
        return read_json(body);
    }
    // A form's first name may begin with a brace too, so what cannot be read as JSON is tried as a form.
    if begins_as_json && let Ok(value) = read_json(body) {
        return Ok(value);
    }
    message(form(body), read_json)
}

/// The fields of a form as one message.
fn message(fields: Vec<(String, String)>, read_json: ReadJson) -> Result<Value, ParseError> {
    if fields.is_empty() {
        return Err(ParseError::new("body", "is an empty form"));
    }
    for name in JSON_FIELDS {
        let field = fields
            .iter()
            .find(|(field, text)| field == name && looks_like_json(text));
        if let Some((_, text)) = field {
            return read_json(text.as_bytes()).map_err(|error| ParseError::new(*name, error.message));
        }
    }
    Ok(Value::Object(object(fields)))
}

/// The parameters of the query string, without ours. A product that appends "?name=value" to an address with a query makes
/// its first parameter the end of ours.
pub(crate) fn query(request: &Request<'_>) -> Map<String, Value> {
    let fields = form(request.query.as_bytes()).into_iter();
    let fields = fields.flat_map(|(name, value)| {
        if !OWN_PARAMETERS.contains(&name.as_str()) {
            return vec![(name, value)];
        }
        value
            .split_once('?')
            .map(|(_, rest)| form(rest.as_bytes()))
            .unwrap_or_default()
    });
    object(fields.collect())
}

/// Fields as an object; text that is an object or a list in JSON becomes that.
fn object(fields: Vec<(String, String)>) -> Map<String, Value> {
    let value = |text: String| match looks_like_json(&text).then(|| json::parse(text.as_bytes())) {
        Some(Ok(value)) => value,
        _ => Value::String(text),
    };
    fields.into_iter().map(|(name, text)| (name, value(text))).collect()
}

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn is_blank(body: &[u8]) -> bool {
    body.iter().all(|b| b.is_ascii_whitespace() || *b == 0)
}

/// The fields of `application/x-www-form-urlencoded`, or of a query string. Names and values in bytes that are no UTF-8
/// are read as Latin-1, which is what old senders mean.
pub(crate) fn form(body: &[u8]) -> Vec<(String, String)> {
    body.split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .take(FIELDS_MAX)
        .map(|pair| {
            let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let value = pair.get(at + 1..).unwrap_or_default();
            let name = form_text(&pair[..at]);
            // Products that append "?name=value" to an address that has a query already leave the mark in the name.
            (name.trim().trim_start_matches('?').to_owned(), form_text(value))
        })
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

fn form_text(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    text(percent_decode(&spaced).collect())
}

/// Bytes as text, without NULs.
fn text(bytes: Vec<u8>) -> String {
    let text =
        String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().map(|b| char::from(*b)).collect());
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}

/// The boundary in a media type such as `multipart/form-data; boundary=x`.
fn boundary(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1);
    parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .filter(|boundary| (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()))
}

/// The named parts of a multipart form (RFC 7578), each as text. A part that is not closed ends with the body.
fn multipart(body: &[u8], boundary: &str) -> Vec<(String, String)> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut rest = find(body, delimiter.as_bytes()).map(|at| &body[at + delimiter.len()..]);
    let inner = format!("\r\n{delimiter}");
    while let Some(after) = rest {
        if after.starts_with(b"--") || parts.len() >= FIELDS_MAX {
            break;
        }
        let after = after.strip_prefix(b"\r\n").unwrap_or(after);
        let end = find(after, inner.as_bytes());
        parts.extend(part(&after[..end.unwrap_or(after.len())]));
        rest = end.map(|end| &after[end + inner.len()..]);
    }
    parts
}

/// One part: its name and what it holds.
fn part(part: &[u8]) -> Option<(String, String)> {
    let at = find(part, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&part[..at]);
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let name = disposition.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("name")
            .then(|| value.trim().trim_matches('"').to_owned())
    })?;
    Some((name, text(part[at + 4..].to_vec())))
}

/// Where `needle` begins in `hay`.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = hay.get(from..)?.iter().position(|b| *b == first) {
        if hay[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};
    use serde_json::json;

    use super::*;

    fn check(content_type: &'static str, query: &str, body: &[u8]) -> Result<Value, ParseError> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        read_with_query(&Request {
            method: &Method::POST,
            query,
            headers: &headers,
            body,
        })
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn json_is_json_under_any_media_type() {
        for media_type in [
            "application/json",
            "text/plain",
            "",
            FORM,
            "application/vnd.x+json; charset=utf-8",
        ] {
            assert_eq!(
                check(media_type, "", b" {\"a\":1}"),
                Ok(json!({"a": 1})),
                "{media_type}"
            );
        }
    }

    #[test]
    fn forms_and_query_strings() {
        assert_eq!(
            check(FORM, "", b"a=1+2&b=%C3%A9&c=%E9"),
            Ok(json!({"a": "1 2", "b": "é", "c": "é"}))
        );
        assert_eq!(check(FORM, "", b"payload=%7B%22a%22%3A1%7D"), Ok(json!({"a": 1})));
        assert_eq!(check("", "integrationId=i&?a=1&b", b""), Ok(json!({"a": "1", "b": ""})));
        assert_eq!(
            check(FORM, "integrationId=i&integrationKey=k&a=query&c=3", b"a=body"),
            Ok(json!({"a": "body", "c": "3"}))
        );
        assert_eq!(
            check(FORM, "", br#"m={"a":[1]}&n=[x"#),
            Ok(json!({"m": {"a": [1]}, "n": "[x"}))
        );
        assert_eq!(
            check("", "integrationId=i?a=1&u=https://x.example/?b=2", b""),
            Ok(json!({"a": "1", "u": "https://x.example/?b=2"}))
        );
        for body in [&b""[..], b" ", b"&&", b"=1"] {
            assert!(check(FORM, "integrationId=i", body).is_err());
        }
    }

    #[test]
    fn multipart_forms() {
        let kuma =
            b"--b1\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{\"msg\":\"x\r\n--not\"}\r\n--b1--\r\n";
        let media_type = "multipart/form-data; boundary=b1";
        assert_eq!(check(media_type, "", kuma), Ok(json!({"msg": "x\r\n--not"})));
        let two = b"preamble\r\n--b1\r\ncontent-disposition: form-data; name=a\r\nContent-Type: text/plain\r\n\r\n1\r\n--b1\r\nContent-Disposition: form-data; name=\"b\"; filename=\"f\"\r\n\r\n2";
        assert_eq!(
            check("multipart/form-data; boundary=\"b1\"", "", two),
            Ok(json!({"a": "1", "b": "2"}))
        );
        for end in 0..kuma.len() {
            let _ = check(media_type, "", &kuma[..end]);
        }
        assert_eq!(
            check("multipart/form-data", "", kuma).map_err(|error| error.field),
            Err("content-type".into())
        );
        // A body of nearly boundaries would be compared with one of many kilobytes at each of its bytes.
        let long = format!("multipart/form-data; boundary={}", "-".repeat(300));
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_str(&long).expect("a value"));
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: kuma,
        };
        assert_eq!(
            read_with_query(&request).map_err(|error| error.field),
            Err("content-type".into())
        );
        assert_eq!(
            check(media_type, "", b"nothing").map_err(|error| error.field),
            Err("body".into())
        );
    }
}
