//! Fields of messages that people write as templates: a variable that the product did not fill in is as good as absent.
//!
//! It owns the forms in which products write variables. It never touches text in which something else stands as well:
//! "Disk full on {{host}}" is still worth reading.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

use crate::{json, when};

/// How a product writes the variables of its templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// No templates.
    None,
    /// `$ALERT_ID`, as Datadog does.
    Dollar,
    /// `${latestEvent.id}` and `$!{latestEvent.id}`, as Velocity does; also `$latestEvent.id`.
    Velocity,
    /// `{{alert.id}}` and `{{{alert.id}}}`: Mustache, Handlebars and Go's templates.
    Mustache,
    /// `{ProblemID}`, as Dynatrace does.
    Braces,
    /// `*alertDetails*`, as UptimeRobot does.
    Stars,
}

/// An object whose texts are read with unfilled variables taken as absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'v> {
    value: &'v Value,
    style: Style,
}

impl<'v> Fields<'v> {
    pub(crate) fn new(value: &'v Value, style: Style) -> Self {
        Self { value, style }
    }

    /// A field that is not `null`.
    pub(crate) fn get(self, name: &str) -> Option<&'v Value> {
        json::field(self.value, name)
    }

    /// The fields of an object in a field; without any where there is none.
    pub(crate) fn within(self, name: &str) -> Self {
        static NOTHING: Value = Value::Null;
        Self {
            value: self.get(name).unwrap_or(&NOTHING),
            ..self
        }
    }

    /// A field as text that says something.
    pub(crate) fn text(self, name: &str) -> Option<Cow<'v, str>> {
        json::text(self.get(name)?).filter(|text| !is_unfilled(text, self.style))
    }

    /// The first of several fields that says something.
    pub(crate) fn first(self, names: &[&str]) -> Option<Cow<'v, str>> {
        names.iter().find_map(|name| self.text(name))
    }

    /// A field as one line: a text, or the texts of a list (or the names of its objects) joined by commas.
    pub(crate) fn line(self, name: &str) -> Option<Cow<'v, str>> {
        let Some(Value::Array(items)) = self.get(name) else {
            return self.text(name);
        };
        let texts: Vec<_> = items
            .iter()
            .filter_map(|item| json::text(item).or_else(|| json::text_at(item, "name")))
            .filter(|text| !is_unfilled(text, self.style))
            .collect();
        (!texts.is_empty()).then(|| Cow::Owned(texts.join(", ")))
    }

    /// The first of several fields that is a time.
    pub(crate) fn time(self, names: &[&str]) -> Option<Timestamp> {
        names.iter().find_map(|name| when::read(self.get(name)?))
    }

    /// Whether a field says yes: `true`, `"true"`, `1`.
    pub(crate) fn is_true(self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes"))
    }
}

/// Whether a text is nothing but variables that were not filled in.
pub(crate) fn is_unfilled(text: &str, style: Style) -> bool {
    let mut rest = text;
    let mut found = false;
    while let Some(c) = rest.chars().next() {
        if let Some(len) = variable(rest, style) {
            found = true;
            rest = &rest[len..];
        } else if c.is_alphanumeric() {
            return false;
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// The length of the variable that a text begins with.
fn variable(text: &str, style: Style) -> Option<usize> {
    let name = |text: &str| {
        text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.'))
            .unwrap_or(text.len())
    };
    let closed = |open: &str, close: &str| {
        let inside = text.strip_prefix(open)?;
        let len = inside.find(close)?;
        (len > 0).then_some(open.len() + len + close.len())
    };
    match style {
        Style::None => None,
        Style::Dollar => {
            let inside = text.strip_prefix('$')?;
            let len = inside
                .find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_')
                .unwrap_or(inside.len());
            (len > 0 && !inside.starts_with(|c: char| c.is_ascii_digit())).then_some(1 + len)
        }
        Style::Velocity => closed("${", "}").or_else(|| closed("$!{", "}")).or_else(|| {
            let inside = text.strip_prefix('$')?;
            inside
                .starts_with(|c: char| c.is_ascii_lowercase())
                .then(|| 1 + name(inside))
        }),
        Style::Mustache => closed("{{{", "}}}").or_else(|| closed("{{", "}}")),
        Style::Braces => closed("{", "}"),
        Style::Stars => {
            let inside = text.strip_prefix('*')?;
            let len = name(inside);
            (len > 0 && inside[len..].starts_with('*')).then_some(len + 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_that_were_not_filled_in() {
        for (style, text) in [
            (Style::Dollar, "$ALERT_ID"),
            (Style::Dollar, "$ALERT_ID/$ALERT_SCOPE"),
            (Style::Velocity, "${latestEvent.incident.id}"),
            (Style::Velocity, "$!{latestEvent.node.name}"),
            (Style::Velocity, "$latestEvent.id"),
            (Style::Mustache, "{{ alert.id }}"),
            (Style::Mustache, "{{{context.reason}}} - {{rule.name}}"),
            (Style::Braces, "{ProblemID}"),
            (Style::Stars, "*alertDetails*"),
        ] {
            assert!(is_unfilled(text, style), "{text}");
            assert!(!is_unfilled(&format!("Disk {text}"), style), "{text}");
            assert!(!is_unfilled(text, Style::None), "{text}");
        }
        for (style, text) in [
            (Style::Dollar, "$5"),
            (Style::Dollar, ""),
            (Style::Dollar, "a"),
            (Style::Dollar, "$"),
            (Style::Mustache, "{{}}"),
            (Style::Mustache, "{x}"),
            (Style::Stars, "**"),
            (Style::Stars, "*é*"),
            (Style::Braces, "{"),
        ] {
            assert!(!is_unfilled(text, style), "{text}");
        }
    }

    /// What people paste is JSON, or at least what we take for it, with its variables not filled in.
    #[test]
    fn what_is_pasted_can_be_read() {
        for source in crate::all() {
            for snippet in source
                .setup()
                .snippets
                .iter()
                .filter(|snippet| snippet.language == "json")
            {
                let body = snippet.render("https://ok.example/", "key");
                let read = json::parse_template(body.as_bytes());
                assert!(read.is_ok(), "{} {}: {read:?}", source.slug(), snippet.name);
            }
        }
    }

    #[test]
    fn lists_become_lines() {
        let body = json!({"a": ["x", null, {"name": "y"}, "{{z}}", 3], "b": "t", "c": [], "d": "TRUE"});
        let fields = Fields::new(&body, Style::Mustache);
        assert_eq!(fields.line("a").as_deref(), Some("x, y, 3"));
        assert_eq!(fields.line("b").as_deref(), Some("t"));
        assert_eq!(fields.line("c"), None);
        assert_eq!(fields.within("nope").text("x"), None);
        assert!(fields.is_true("d") && !fields.is_true("b"));
    }
}
