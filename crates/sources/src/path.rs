//! Paths into JSON as people write them: `alert.title`, `alerts[0].labels.name`, `alerts.0.name`, `$['alert']['title']`.
//!
//! It owns the reading and the following of one path to one value. A name that itself holds dots
//! (`kubernetes.io/name`) is found first as it stands. What begins with `$` is a singular query of RFC 9535: names and
//! indices, without wildcards, slices and filters, so that a path never leads to more than one value.

use serde_json::Value;

/// Longest path, in bytes.
pub(crate) const PATH_BYTES_MAX: usize = 255;

/// Says what is wrong with a path, reading on from the name of the field that holds it.
pub(crate) fn check(path: &str) -> Result<(), &'static str> {
    let path = path.trim();
    if path.is_empty() {
        return Err("is empty");
    }
    if path.len() > PATH_BYTES_MAX {
        return Err("is longer than 255 bytes");
    }
    if path.chars().any(char::is_control) {
        return Err("holds a control character");
    }
    let Some(query) = path.strip_prefix('$') else {
        return Ok(());
    };
    if query.contains("..") || query.contains('*') || query.contains("[?") {
        return Err("may lead to one value only: names and indices, no wildcards, slices or filters");
    }
    if query.is_empty() || !query.starts_with(['.', '[']) {
        return Err("needs a name or an index after the $");
    }
    Ok(())
}

/// The value at `path`, where there is one and it is not `null`.
pub(crate) fn follow<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let path = path.trim();
    if path.is_empty() || path.ends_with('.') {
        return None;
    }
    let found = match path.strip_prefix('$') {
        Some(query) if query.starts_with(['.', '[']) => descend(value, query.strip_prefix('.').unwrap_or(query)),
        _ => descend(value, path),
    };
    found.filter(|found| !found.is_null())
}

/// Every call takes at least one byte of the path and goes one level down, so both bound the depth.
fn descend<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Value::Object(fields) = value {
        if let Some(found) = fields.get(path) {
            return Some(found);
        }
        let splits = path.match_indices(['.', '[']).filter(|(at, _)| *at > 0);
        for (at, separator) in splits {
            let Some(child) = fields.get(&path[..at]) else { continue };
            let rest = if separator == "." { &path[at + 1..] } else { &path[at..] };
            if let Some(found) = descend(child, rest) {
                return Some(found);
            }
        }
    }
    if let Some((inside, rest)) = bracketed(path) {
        return descend(step(value, inside)?, rest);
    }
    let Value::Array(items) = value else { return None };
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let rest = &path[end..];
    descend(item(items, &path[..end])?, rest.strip_prefix('.').unwrap_or(rest))
}

/// `[0].rest` or `['name'].rest` as what is inside and what follows.
fn bracketed(path: &str) -> Option<(&str, &str)> {
    let inside = path.strip_prefix('[')?;
    let end = match inside.chars().next()? {
        quote @ ('\'' | '"') => inside[1..].find(quote)? + 2,
        _ => inside.find(']')?,
    };
    let rest = inside[end..].strip_prefix(']')?;
    Some((&inside[..end], rest.strip_prefix('.').unwrap_or(rest)))
}

/// One step by what stood in brackets.
fn step<'v>(value: &'v Value, inside: &str) -> Option<&'v Value> {
    let inside = inside.trim();
    let name = inside.trim_matches(['\'', '"']);
    match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) if name.len() == inside.len() => item(items, inside),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// An item by its index; a negative one counts from the end, as RFC 9535 has it.
fn item<'v>(items: &'v [Value], index: &str) -> Option<&'v Value> {
    match index.strip_prefix('-') {
        Some(back) => items.get(items.len().checked_sub(back.parse().ok()?)?),
        None => items.get(index.parse::<usize>().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_where_people_mean() {
        let body = json!({
            "alert": {"title": "Disk full", "labels": {"kubernetes.io/name": "api", "a": {"b": "deep"}, "a.b": "flat"}},
            "alerts": [{"labels": {"name": "first"}}, {"labels": {"name": "last"}}],
            "a.b": {"c": 1}, "nothing": null, "[0]": "odd", "0": "zero"
        });
        for (path, expected) in [
            ("alert.title", json!("Disk full")),
            (" alert.title ", json!("Disk full")),
            ("$.alert.title", json!("Disk full")),
            ("$['alert']['title']", json!("Disk full")),
            ("$.alert[\"title\"]", json!("Disk full")),
            ("alert.labels.kubernetes.io/name", json!("api")),
            ("alert.labels['kubernetes.io/name']", json!("api")),
            ("alert.labels.a.b", json!("flat")),
            ("alert.labels['a'].b", json!("deep")),
            ("alerts[0].labels.name", json!("first")),
            ("alerts.0.labels.name", json!("first")),
            ("alerts[-1].labels.name", json!("last")),
            ("$.alerts[1]['labels'].name", json!("last")),
            ("a.b.c", json!(1)),
            ("[0]", json!("odd")),
            ("0", json!("zero")),
        ] {
            assert_eq!(follow(&body, path), Some(&expected), "{path}");
        }
        for path in [
            "nothing",
            "alert.nope",
            "__proto__",
            "constructor.name",
            "alerts[7]",
            "alerts[-3]",
            "alerts['0']",
            "alerts[",
            "alerts[]",
            "alerts['",
            "alert.title.x",
            "$",
            "$.",
            "alerts.-",
            "alerts[--1]",
            "alert..title",
        ] {
            assert_eq!(follow(&body, path), None, "{path}");
        }
    }

    #[test]
    fn paths_are_checked_when_they_are_set() {
        for path in ["a", "a.b", "$.a", "$['a']", "a[0]"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for path in [
            "",
            " ",
            "$",
            "$x",
            "$..a",
            "$.a[*]",
            "$[?@.a]",
            "a\nb",
            &"x".repeat(256),
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }
}
