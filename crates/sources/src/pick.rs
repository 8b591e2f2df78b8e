//! Taking the few things that matter out of a large payload: texts and times at JSON pointers, and details worth keeping.
//!
//! It owns no names of any product. What is `null`, blank or of another kind is as good as absent.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{DELIVERY_ID_BYTES_MAX, ParseError, Request, hash_hex, json, when};

/// The text at a JSON pointer such as `/repository/full_name`.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> Option<Cow<'v, str>> {
    json::text(value.pointer(pointer)?)
}

/// The first text that is found at one of several pointers.
pub(crate) fn first<'v>(value: &'v Value, pointers: &[&str]) -> Option<Cow<'v, str>> {
    pointers.iter().find_map(|pointer| text(value, pointer))
}

/// A word that products compare in one case: lower.
pub(crate) fn word(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).map(|text| text.to_ascii_lowercase())
}

/// The first time that is found at one of several pointers.
pub(crate) fn time(value: &Value, pointers: &[&str]) -> Option<Timestamp> {
    pointers.iter().find_map(|pointer| when::read(value.pointer(pointer)?))
}

/// An object of what is found at the pointers, each under its name; what is absent is left out.
pub(crate) fn details(value: &Value, parts: &[(&str, &str)]) -> Value {
    let found = parts.iter().filter_map(|(name, pointer)| {
        let part = value.pointer(pointer).filter(|part| !part.is_null())?;
        Some(((*name).to_owned(), part.clone()))
    });
    Value::Object(found.collect::<Map<_, _>>())
}

/// Free text as one part of a key whose parts are told apart by colons.
pub(crate) fn part(text: &str) -> Cow<'_, str> {
    if text.contains([':', '%']) {
        Cow::Owned(text.replace('%', "%25").replace(':', "%3A"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The id of a delivery that stands in its body, at the first of the pointers; a long one is kept as its hash.
pub(crate) fn delivery_id(request: &Request<'_>, pointers: &[&str]) -> Option<String> {
    let body = json::parse(request.body).ok()?;
    let id = first(&body, pointers)?;
    Some(if id.len() <= DELIVERY_ID_BYTES_MAX {
        id.into_owned()
    } else {
        hash_hex([&*id])
    })
}

/// A body that has to be an object.
pub(crate) fn object(body: Value) -> Result<Value, ParseError> {
    match body {
        Value::Object(_) => Ok(body),
        other => Err(ParseError::new(
            "body",
            format!("is {}, an object is expected", json::kind(&other)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_absent_is_left_out() {
        let body = json!({"a": {"b": 7, "c": null, "d": " "}, "t": "2026-03-02T08:00:00Z"});
        assert_eq!(first(&body, &["/a/c", "/a/d", "/a/b"]).as_deref(), Some("7"));
        assert_eq!(text(&body, "/a"), None);
        assert_eq!(
            details(&body, &[("x", "/a/b"), ("y", "/a/c"), ("z", "/q")]),
            json!({"x": 7})
        );
        assert!(time(&body, &["/a/b", "/t"]).is_some());
        assert_ne!(
            format!("{}:{}", part("a:b"), part("c")),
            format!("{}:{}", part("a"), part("b:c"))
        );
        assert_eq!(object(json!([])).map_err(|error| error.field), Err("body".into()));
    }
}
