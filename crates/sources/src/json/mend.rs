//! Mends JSON that came out of a template which did not escape what it filled in.
//!
//! It owns the guesses, and makes them only where the text is no JSON: a quote ends a text only where JSON could go on
//! after it; a value that is missing is `null`; a value that is neither text, number nor word of JSON is text. Dynatrace
//! skips escaping when the content type is not JSON, Mustache's triple braces never escape, and loops in Velocity and
//! Mustache leave a comma after the last item.

/// Longest name of a field, in bytes, that is looked for behind a comma.
const NAME_BYTES_MAX: usize = 128;

/// What the text is inside of.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Object,
    Array,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Name,
    Colon,
    Value,
    Comma,
}

struct Mender<'t> {
    rest: &'t str,
    out: String,
    inside: Vec<Inside>,
    next: Next,
}

/// The text with what is plainly wrong put right. It ends: every step takes at least one character.
pub(super) fn mend(text: &str) -> String {
    let mut mender = Mender {
        rest: text.trim_start(),
        out: String::with_capacity(text.len() + 64),
        inside: Vec::new(),
        next: Next::Value,
    };
    while let Some(c) = mender.rest.chars().next() {
        mender.step(c);
        mender.rest = mender.rest.trim_start();
        if mender.inside.is_empty() {
            break;
        }
    }
    let Mender { rest, mut out, .. } = mender;
    out.push_str(rest);
    out
}

impl Mender<'_> {
    fn step(&mut self, c: char) {
        if self.next == Next::Comma && !matches!(c, ',' | '}' | ']') {
            // The comma is missing.
            self.next = self.opening();
        }
        match (c, self.next) {
            (',', _) => {
                self.close_value();
                self.take(c);
                self.next = self.opening();
            }
            ('}' | ']', _) => {
                self.close_value();
                self.close(c);
            }
            (':', Next::Colon) => {
                self.out.push(':');
                self.take(c);
                self.next = Next::Value;
            }
            ('{' | '[', Next::Value) if !self.is_variable() => self.open(c),
            ('"', Next::Name) => self.string(Next::Colon),
            ('"', Next::Value) => {
                self.separate();
                self.string(Next::Comma);
            }
            (_, Next::Value) => self.bare(),
            // Nothing that JSON has a place for: it is left out.
            _ => self.take(c),
        }
    }

    fn take(&mut self, c: char) {
        self.rest = &self.rest[c.len_utf8()..];
    }

    /// What comes first in what the text is inside of.
    fn opening(&self) -> Next {
        match self.inside.last() {
            Some(Inside::Object) => Next::Name,
            Some(Inside::Array) | None => Next::Value,
        }
    }

    /// A comma before the next item, where there is one before it.
    fn separate(&mut self) {
        if matches!(self.inside.last(), Some(Inside::Array)) && !self.out.ends_with(['[', '{', ':', ',']) {
            self.out.push(',');
        }
    }

    /// A name without a value gets `null`.
    fn close_value(&mut self) {
        if matches!(self.inside.last(), Some(Inside::Object)) {
            match self.next {
                Next::Colon => self.out.push_str(":null"),
                Next::Value => self.out.push_str("null"),
                Next::Name | Next::Comma => {}
            }
        }
    }

    fn open(&mut self, c: char) {
        self.separate();
        self.out.push(c);
        self.take(c);
        self.inside.push(if c == '{' { Inside::Object } else { Inside::Array });
        self.next = self.opening();
    }

    fn close(&mut self, c: char) {
        self.take(c);
        match self.inside.pop() {
            Some(Inside::Object) => self.out.push('}'),
            Some(Inside::Array) => self.out.push(']'),
            None => {}
        }
        self.next = Next::Comma;
    }

    /// `{{alert.id}}`, `{State}`: a brace with a name right behind it opens no object.
    fn is_variable(&self) -> bool {
        let inside = self.rest.trim_start_matches('{');
        let braces = self.rest.len() - inside.len();
        braces > 1 || (braces == 1 && inside.starts_with(|c: char| c.is_ascii_alphabetic()))
    }

    /// A text in quotes, which ends at the first quote after which JSON can go on.
    fn string(&mut self, after: Next) {
        if after == Next::Colon && !self.out.ends_with('{') {
            self.out.push(',');
        }
        self.out.push('"');
        self.take('"');
        while let Some(c) = self.rest.chars().next() {
            self.take(c);
            match c {
                '"' if self.ends(after) => break,
                '"' => self.out.push_str("\\\""),
                '\\' => {
                    self.out.push('\\');
                    if let Some(escaped) = self.rest.chars().next() {
                        self.out.push(escaped);
                        self.take(escaped);
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
        self.next = after;
    }

    /// Whether what follows a quote shows that the text ends there.
    fn ends(&self, after: Next) -> bool {
        let rest = self.rest.trim_start();
        if after == Next::Colon {
            return rest.starts_with(':');
        }
        match rest.chars().next() {
            None => true,
            Some('}' | ']') => rest[1..].trim_start().starts_with([',', '}', ']']) || rest[1..].trim().is_empty(),
            Some(',') => {
                let item = rest[1..].trim_start();
                match self.inside.last() {
                    Some(Inside::Object) => item.starts_with(['}', ',']) || is_name(item),
                    Some(Inside::Array) | None => item.starts_with(['"', '{', '[', ']', ',']),
                }
            }
            Some(_) => false,
        }
    }

    /// A value without quotes: as it is where JSON has it, else as text.
    fn bare(&mut self) {
        self.separate();
        let end = self.bare_end();
        let (value, rest) = self.rest.split_at(end);
        let value = value.trim_end();
        if serde_json::from_str::<serde_json::Value>(value).is_ok_and(|value| !value.is_string()) {
            self.out.push_str(value);
        } else {
            self.out.push_str(&serde_json::Value::from(value).to_string());
        }
        self.rest = rest;
        self.next = Next::Comma;
    }

    /// Where a value without quotes ends: at a line's end, a comma, a quote or a closing bracket that no brace in it opened.
    fn bare_end(&self) -> usize {
        let mut depth = 0_usize;
        for (at, c) in self.rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' | ']' | '"' if depth == 0 => return at.max(1),
                '\n' => return at.max(1),
                _ => {}
            }
        }
        self.rest.len()
    }
}

/// Whether a text begins with the name of a field and its colon.
fn is_name(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('"') else {
        return false;
    };
    match inside.bytes().take(NAME_BYTES_MAX).position(|b| b == b'"') {
        Some(end) => inside[end + 1..].trim_start().starts_with(':'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::json::parse_template;

    fn check(body: &str, expected: Value) {
        assert_eq!(parse_template(body.as_bytes()), Ok(expected), "{body}");
    }

    #[test]
    fn quotes_that_were_not_escaped() {
        check(
            r#"{"a": "He said "no", twice", "b": 1}"#,
            json!({"a": r#"He said "no", twice"#, "b": 1}),
        );
        check(
            r#"{"a": "x "y"", "b": "{"c": "d"}"}"#,
            json!({"a": r#"x "y""#, "b": r#"{"c": "d"}"#}),
        );
        check(
            "{\"a\": \"line \"1\"\nline 2\", \"b\": [\"p\", \"q \"r\" s\"]}",
            json!({"a": "line \"1\"\nline 2", "b": ["p", "q \"r\" s"]}),
        );
        check(
            r#"{"path": "C:\new "x" \"y\"", "b": 2}"#,
            json!({"path": "C:\new \"x\" \"y\"", "b": 2}),
        );
    }

    #[test]
    fn commas_values_and_names_that_loops_leave() {
        check(r#"[{"a": 1,}, {"a": 2}, ]"#, json!([{"a": 1}, {"a": 2}]));
        check(r#"[{"a": 1} {"a": 2},,]"#, json!([{"a": 1}, {"a": 2}]));
        check(
            r#"{"a": , "b": , "c": [1,,2,], "d":}"#,
            json!({"a": null, "b": null, "c": [1, 2], "d": null}),
        );
        check(r#"{"a": 1 "b": 2}"#, json!({"a": 1, "b": 2}));
    }

    #[test]
    fn texts_without_quotes() {
        check(
            r#"{"State": OPEN, "ID": {PID}, "t": {{alert.id}}, "v": ${latestEvent.id}, "d": 2026-01-01, "n": -1.5, "x": true}"#,
            json!({"State": "OPEN", "ID": "{PID}", "t": "{{alert.id}}", "v": "${latestEvent.id}", "d": "2026-01-01", "n": -1.5, "x": true}),
        );
        check(
            "{\"a\": [], \"b\": {}, \"c\": PERFORMANCE\n}",
            json!({"a": [], "b": {}, "c": "PERFORMANCE"}),
        );
    }

    #[test]
    fn what_is_no_json_stays_refused() {
        for body in ["", "disk full", "{\"a\":1}}}x", "[1] [2]"] {
            assert_eq!(
                parse_template(body.as_bytes()).map_err(|error| error.field),
                Err("body".into()),
                "{body}"
            );
        }
        assert!(parse_template("[".repeat(200_000).as_bytes()).is_err());
        assert!(parse_template("{\"a\":".repeat(200_000).as_bytes()).is_err());
    }
}
