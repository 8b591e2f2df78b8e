//! Two people on one object: the second to save is shown what the first has changed, and nothing is overwritten unseen.
//!
//! A form carries when its object last changed. Where that is not so any more, nothing is saved; the form comes back with
//! what was typed, and with the others' values where the person had left a field alone.

use std::{collections::BTreeMap, fmt::Display};

use jiff::Timestamp;
use opsknight_store::{
    audit::{self, AuditFilter, AuditRow},
    db::Tx,
    listing::Part,
};
use serde_json::Value;

use super::{
    PageError,
    audit::words,
    form::{Form, Wrong},
    viewer::Viewer,
};
use crate::{
    api::{access::Caller, error::ApiError},
    state::AppState,
    views::{Conflict, ConflictField},
};

/// Most changes that are looked at: whoever leaves a form open for longer is told of the last ones.
const LINES_MAX: i64 = 50;
/// The hidden field that carries when the object last changed, in microseconds since 1970.
const VERSION: &str = "version";

/// A form about something that others may change as well.
pub(super) struct Editing<'a> {
    /// The identity of what is edited.
    pub(super) object: &'a (dyn Display + Sync),
    /// What was typed.
    pub(super) typed: Form,
    /// The form as it would be filled in now.
    pub(super) current: Form,
    /// When the object last changed.
    pub(super) updated_at: Timestamp,
    /// The names of fields as the API knows them, and as the form does, where those differ.
    pub(super) names: &'a [(&'a str, &'a str)],
    /// A form as the body of the API, in whose names changes are kept.
    pub(super) as_body: &'a (dyn Fn(&Form) -> Option<Value> + Sync),
}

impl Form {
    /// When the object last changed that this form was filled in for; none where it does not say.
    pub(super) fn version(&self) -> Option<Timestamp> {
        let micros: Option<i64> = self.given(VERSION)?.parse().ok();
        // What is no time was never the state of anything.
        let time = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        Some(time.unwrap_or(Timestamp::MIN))
    }
}

impl Viewer {
    /// The page has a form about something that last changed at this time.
    pub(super) fn editing(mut self, updated_at: Timestamp) -> Self {
        self.version = Some(updated_at);
        self
    }

    /// The page has a form that was sent, and is shown again: it is still about what it was.
    pub(super) fn still_editing(mut self, form: &Form) -> Self {
        self.version = form.version();
        self
    }

    /// Who saves a form: whoever looks, who last saw its object as the form says.
    pub(super) fn saving(&self, form: &Form) -> Caller {
        self.caller.expecting(form.version())
    }

    /// After a form was refused: the form to show again, with what is wrong, and this viewer, whose page says what others
    /// have changed if that is why.
    ///
    /// # Errors
    /// What is not about the form.
    pub(super) async fn again(
        self,
        state: &AppState,
        error: ApiError,
        editing: Editing<'_>,
        wrong: impl FnOnce(ApiError) -> Result<Wrong, PageError>,
    ) -> Result<(Self, Form, Wrong), PageError> {
        if !error.is_stale() {
            let wrong = wrong(error)?;
            return Ok((self.still_editing(&editing.typed), editing.typed, wrong));
        }
        let lines = lines(state, &editing).await?;
        let changed = changed(&lines);
        let form = joined(&editing, &changed);
        let body = (editing.as_body)(&form);
        let field = |(name, (was, now)): (&String, &(Value, Value))| ConflictField {
            name: words::field(name),
            was: words::said(was, self.directory()),
            now: words::said(now, self.directory()),
            taken: has(body.as_ref(), name, now),
        };
        let who = lines.into_iter().map(|line| (line.actor_name, self.times(line.at)));
        let conflict = Conflict {
            fields: changed.iter().map(field).collect(),
            who: who.collect(),
        };
        let mut viewer = self.editing(editing.updated_at);
        viewer.conflict = Some(conflict);
        Ok((viewer, form, Wrong::default()))
    }
}

/// What the audit log has of an object since the form was filled in, the last first.
async fn lines(state: &AppState, editing: &Editing<'_>) -> Result<Vec<AuditRow>, ApiError> {
    let since = editing.typed.version().unwrap_or(editing.updated_at);
    let object = editing.object.to_string();
    let unit = async move |tx: &mut Tx<'_>| {
        let filter = AuditFilter {
            object_id: Some(&object),
            after: Some(since),
            ..AuditFilter::all(Part {
                limit: LINES_MAX,
                ..Part::ALL
            })
        };
        audit::list(tx, &filter).await
    };
    let (mut lines, _) = state.store.db.read(unit).await?;
    lines.retain(|line| line.at > since);
    Ok(lines)
}

/// The fields that lines of the audit log, the last first, have changed: each with what it was and what it is.
fn changed(lines: &[AuditRow]) -> BTreeMap<String, (Value, Value)> {
    let mut changed = BTreeMap::new();
    for line in lines.iter().rev() {
        for (name, change) in line.changes.as_object().into_iter().flatten() {
            let entry = changed
                .entry(name.clone())
                .or_insert_with(|| (change["from"].clone(), Value::Null));
            entry.1 = change["to"].clone();
        }
    }
    changed.retain(|_, (was, now)| was != now);
    changed
}

/// What was typed, but for the fields that the person left as they were: those as they are now.
fn joined(editing: &Editing<'_>, changed: &BTreeMap<String, (Value, Value)>) -> Form {
    let typed = (editing.as_body)(&editing.typed);
    let untouched = changed.iter().filter(|(name, (was, _))| has(typed.as_ref(), name, was));
    let prefixes: Vec<String> = untouched
        .flat_map(|(name, _)| form_names(name, editing.names))
        .collect();
    editing.typed.replaced(&editing.current, |name| {
        prefixes.iter().any(|prefix| {
            name == prefix
                || name
                    .strip_prefix(prefix.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
        })
    })
}

/// The names of a form for a field of the API.
fn form_names(field: &str, names: &[(&str, &str)]) -> Vec<String> {
    let inner = format!("{field}.");
    let known = names.iter().filter(|(api, _)| *api == field || api.starts_with(&inner));
    let known: Vec<String> = known.map(|(_, form)| (*form).to_owned()).collect();
    if known.is_empty() {
        vec![field.to_owned()]
    } else {
        known
    }
}

/// Whether a body has this value in a field.
fn has(body: Option<&Value>, field: &str, value: &Value) -> bool {
    body.and_then(|body| body.get(field))
        .is_some_and(|own| is_same(own, value))
}

/// Whether two values mean the same: what is left out is as good as nothing, no and none.
fn is_same(one: &Value, other: &Value) -> bool {
    let is_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => false,
    };
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let at = |map: &serde_json::Map<String, Value>, name: &String| map.get(name).cloned().unwrap_or_default();
            let mut names = one.keys().chain(other.keys());
            names.all(|name| is_same(&at(one, name), &at(other, name)))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (one, other) => one == other || (is_nothing(one) && is_nothing(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_means_nothing() {
        assert!(is_same(
            &json!([{ "id": 1 }]),
            &json!([{ "id": 1, "lead": false, "by": [], "note": null }])
        ));
        assert!(is_same(&json!(null), &json!("")) && is_same(&json!({ "a": { } }), &json!({ "a": { "b": null } })));
        for (one, other) in [
            (json!([1, 2]), json!([2, 1])),
            (json!([1]), json!([])),
            (json!({ "lead": true }), json!({})),
            (json!(0), json!(null)),
        ] {
            assert!(!is_same(&one, &other), "{one} {other}");
        }
    }
}
