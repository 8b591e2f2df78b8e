//! Messages whose fields people name themselves, in commands and scripts of their own.
//!
//! It owns the comparison of names: only letters and digits count, so that `HOSTNAME`, `host_name`, `host.name` and a
//! `name` in a `host` are one. It never guesses at values; each product says which of them it did not fill in.

use std::{borrow::Cow, collections::HashMap};

use serde_json::Value;

use crate::json;

/// How deep objects in objects are looked into.
const DEPTH_MAX: usize = 3;
/// Most fields that are looked at.
const FIELDS_MAX: usize = 1000;

/// The texts of a message by their names.
#[derive(Debug)]
pub(crate) struct Loose<'v> {
    texts: HashMap<String, Cow<'v, str>>,
    unfilled: usize,
}

impl<'v> Loose<'v> {
    /// Reads an object. `prefixes` are parts of names that say nothing, such as `NAGIOS_`; `is_unfilled` tells the
    /// variables that the product left as they were.
    pub(crate) fn new(value: &'v Value, prefixes: &[&str], is_unfilled: fn(&str) -> bool) -> Self {
        let mut loose = Self {
            texts: HashMap::new(),
            unfilled: 0,
        };
        loose.add(value, "", prefixes, is_unfilled, 0);
        loose
    }

    fn add(&mut self, value: &'v Value, at: &str, prefixes: &[&str], is_unfilled: fn(&str) -> bool, depth: usize) {
        let Value::Object(fields) = value else { return };
        for (name, field) in fields {
            if self.texts.len() >= FIELDS_MAX {
                return;
            }
            let folded = fold(name);
            let plain = prefixes
                .iter()
                .find_map(|prefix| folded.strip_prefix(prefix))
                .unwrap_or(&folded);
            let name = format!("{at}{plain}");
            match json::text(field) {
                Some(text) if is_unfilled(&text) => self.unfilled += 1,
                Some(text) => {
                    self.texts.entry(name).or_insert(text);
                }
                None if depth < DEPTH_MAX => self.add(field, &name, prefixes, is_unfilled, depth + 1),
                None => {}
            }
        }
    }

    /// The first of several names (in small letters and digits only) that says something.
    pub(crate) fn get(&self, names: &[&str]) -> Option<Cow<'v, str>> {
        names.iter().find_map(|name| self.texts.get(*name)).cloned()
    }

    /// The same in small letters.
    pub(crate) fn word(&self, names: &[&str]) -> Option<String> {
        self.get(names).map(|text| text.to_lowercase())
    }

    /// Whether it holds variables that were not filled in.
    pub(crate) fn has_unfilled(&self) -> bool {
        self.unfilled > 0
    }
}

/// A name as it is compared.
fn fold(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_spelt_in_many_ways() {
        for body in [
            json!({"HOSTNAME": "web"}),
            json!({"NAGIOS_HOSTNAME": "web"}),
            json!({"host_name": "web"}),
            json!({"host.name": "web"}),
            json!({"host": {"name": "web"}}),
        ] {
            let loose = Loose::new(&body, &["nagios"], |_| false);
            assert_eq!(loose.get(&["x", "hostname"]).as_deref(), Some("web"), "{body}");
        }
        let body = json!({"a": "$A$", "b": null, "c": {"d": {"e": {"f": {"g": 1}}}}});
        let loose = Loose::new(&body, &[], |text| text.starts_with('$'));
        assert!(loose.has_unfilled() && loose.get(&["a", "b", "cdefg"]).is_none());
    }
}
