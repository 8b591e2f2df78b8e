//! Paths into JSON as people write them: `alert.title`, `alerts[0].labels.name`, `alerts.0.name`, `$['alert']['title']`.
//!
//! It owns the reading and the following of one path to one value. A name that itself holds dots
//! (`kubernetes.io/name`) is found first as it stands. What begins with `$` is a singular query of RFC 9535, and read as
//! strictly: names and indices, without wildcards, slices and filters, so that a path never leads to more than one value.
//! Kinder than there, a name after a dot may hold whatever is no dot and no bracket (`$.alert-id`).

use std::borrow::Cow;

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
    match path.strip_prefix('$') {
        Some("") => Err("needs a name or an index after the $"),
        Some(query) => steps(query).map(|_| ()),
        None => Ok(()),
    }
}

/// The value at `path`, where there is one and it is not `null`.
pub(crate) fn follow<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let path = path.trim();
    if path.is_empty() || path.ends_with('.') {
        return None;
    }
    let found = match path.strip_prefix('$') {
        Some(query) if query.starts_with(['.', '[']) => {
            let steps = steps(query).ok()?;
            steps.iter().try_fold(value, |at, step| step.take(at))
        }
        _ => descend(value, path),
    };
    found.filter(|found| !found.is_null())
}

/// One step of a query.
#[derive(Debug)]
enum Step<'p> {
    Name(Cow<'p, str>),
    Index(&'p str),
}

impl Step<'_> {
    fn take<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (self, value) {
            (Self::Name(name), Value::Object(fields)) => fields.get(&**name),
            (Self::Index(index), Value::Array(items)) => item(items, index),
            (Self::Name(_) | Self::Index(_), _) => None,
        }
    }
}

const ONE_VALUE_ONLY: &str = "may lead to one value only: names and indices, no wildcards, slices or filters";
const ODD_BRACKETS: &str = "holds in brackets what is neither an index nor a name in quotes";

/// The steps of a query, which stands after the `$`.
fn steps(query: &str) -> Result<Vec<Step<'_>>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = query;
    while !rest.is_empty() {
        let step;
        if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            (step, rest) = (&name[..end], &name[end..]);
            match step {
                "" if rest.starts_with(['.', '[']) => return Err(ONE_VALUE_ONLY),
                "" => return Err("ends with a dot"),
                "*" => return Err(ONE_VALUE_ONLY),
                name => steps.push(Step::Name(name.into())),
            }
        } else if let Some(inside) = rest.strip_prefix('[') {
            let inside = inside.trim_start();
            let (step, after) = match inside.chars().next() {
                Some(quote @ ('\'' | '"')) => {
                    let (name, after) = quoted(&inside[1..], quote).ok_or(ODD_BRACKETS)?;
                    (Step::Name(name), after)
                }
                _ => {
                    let end = inside
                        .find(|c: char| !c.is_ascii_digit() && c != '-')
                        .unwrap_or(inside.len());
                    (Step::Index(&inside[..end]), &inside[end..])
                }
            };
            let after = after.trim_start();
            if after.starts_with([':', ',', '*', '?']) {
                return Err(ONE_VALUE_ONLY);
            }
            if matches!(&step, Step::Index(index) if index.parse::<i64>().is_err()) {
                return Err(ODD_BRACKETS);
            }
            rest = after.strip_prefix(']').ok_or(ODD_BRACKETS)?;
            steps.push(step);
        } else {
            return Err("needs a dot or a bracket before each name");
        }
    }
    Ok(steps)
}

/// A name up to its closing quotation mark, with its escapes undone, and what follows.
fn quoted(text: &str, quote: char) -> Option<(Cow<'_, str>, &str)> {
    let mut is_escaped = false;
    let end = text.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(at)
    })?;
    let (name, after) = (&text[..end], &text[end + 1..]);
    if !name.contains('\\') {
        return Some((name.into(), after));
    }
    // The escapes are those of JSON, but for the quotation marks.
    let mut written = String::from("\"");
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            ('"', _) => written.push_str("\\\""),
            (_, true) => match chars.next()? {
                '\'' => written.push('\''),
                next => written.extend(['\\', next]),
            },
            (c, false) => written.push(c),
        }
    }
    written.push('"');
    Some((serde_json::from_str::<String>(&written).ok()?.into(), after))
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
    fn queries_are_those_of_rfc_9535() {
        let body = json!({
            "a.b": 1, "a": {"b": 2, "b c": 3, "it's": 4, "\"q\"": 5, "[0]": 6, "é\n": 7, "..": 8, "*": 9, "x-y": 10},
            "l": [0, [1, 2], {"n": 3}], "0": "zero"
        });
        for (path, expected) in [
            ("$.a.b", Some(2)),
            ("$['a.b']", Some(1)),
            ("$.a['b c']", Some(3)),
            (r"$.a['it\'s']", Some(4)),
            (r#"$.a["it's"]"#, Some(4)),
            (r#"$.a["\"q\""]"#, Some(5)),
            (r#"$.a['"q"']"#, Some(5)),
            ("$.a['[0]']", Some(6)),
            (r"$.a['\u00e9\n']", Some(7)),
            ("$.a['..']", Some(8)),
            ("$.a['*']", Some(9)),
            ("$.a.x-y", Some(10)),
            ("$.l[1][-1]", Some(2)),
            ("$.l[ 2 ].n", Some(3)),
            ("$.l[3]", None),
            ("$.l[-4]", None),
            ("$.l.0", None),
            ("$['0'].x", None),
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
            assert_eq!(follow(&body, path).and_then(Value::as_i64), expected, "{path}");
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
            "$[0:2]",
            "$['a','b']",
            "$[*]",
            "$.a..b",
            "$.a.",
            "$.a[",
            "$.a[]",
            "$.a[b]",
            "$.a['b]",
            "$.a['b'",
            "$['a']b",
            r"$['\x']",
            "a\nb",
            &"x".repeat(256),
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }
}
