//! Forms as they are sent: names with values, some of them several times. What was typed is kept as it was, so that a
//! form that is refused comes back with it.

use std::str::FromStr;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use http::header;

use super::PageError;
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::body_refused,
        wire::{Id, Identity},
    },
    state::AppState,
    views::{Choice, Field, Select},
};

/// Most fields that a form may have.
const FIELDS_MAX: usize = 5_000;
/// Most entries of a list within a form.
const LIST_MAX: usize = 200;

/// A form as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl FromRequest<AppState> for Form {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        let media = request.headers().get(header::CONTENT_TYPE);
        let media = media.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let form = media.starts_with("application/x-www-form-urlencoded");
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| body_refused(&rejection, state))?;
        if !form && !bytes.is_empty() {
            return Err(ApiError::unsupported_media_type().into());
        }
        let fields: Vec<_> = form_urlencoded::parse(&bytes)
            .take(FIELDS_MAX)
            // Browsers send line ends as CR LF; NUL cannot be stored.
            .map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n").replace('\0', "")))
            .collect();
        Ok(Self(fields))
    }
}

impl Form {
    /// A form from names and values, as one that is shown before anybody has typed.
    pub(super) fn of(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// The first value under this name without the space around it; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same as it was typed: for passwords.
    pub(super) fn raw(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The value, where there is one.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether this name was sent, with whatever value.
    pub(super) fn is_sent(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// All values under this name that are not empty.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.0.iter().filter(|(known, _)| known == name);
        values
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// Whether a box is ticked.
    pub(super) fn ticked(&self, name: &str) -> bool {
        matches!(self.text(name), "on" | "true" | "1")
    }

    /// An identity; an empty value is none.
    pub(super) fn id<T: Identity>(&self, name: &str, problems: &mut Problems) -> Option<T> {
        let text = self.given(name)?;
        let read = Id::<T>::from_str(&text).map_err(|_| format!("there is no such {}", T::NOUN));
        problems.take(name, read).map(|id| id.0)
    }

    /// A whole number; an empty value is none.
    pub(super) fn number<T: FromStr>(&self, name: &str, problems: &mut Problems) -> Option<T> {
        let text = self.given(name)?;
        problems.take(name, text.parse().map_err(|_| "must be a whole number"))
    }

    /// What was sent, and below it what another form has under names that were not sent.
    pub(super) fn over(&self, other: &Self) -> Self {
        let missing = other
            .0
            .iter()
            .filter(|(name, _)| self.0.iter().all(|(known, _)| known != name));
        Self(self.0.iter().chain(missing).cloned().collect())
    }

    /// The same with the fields of another form in the place of those whose names are chosen.
    pub(super) fn replaced(&self, other: &Self, chosen: impl Fn(&str) -> bool) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !chosen(name));
        let taken = other.0.iter().filter(|(name, _)| chosen(name));
        Self(kept.chain(taken).cloned().collect())
    }

    /// The numbers that stand in names between `prefix.` and the next dot, in order: `steps.0.delay`.
    pub(super) fn indices(&self, prefix: &str) -> Vec<usize> {
        let inside = self.0.iter().filter_map(|(name, _)| {
            let rest = name.strip_prefix(prefix)?.strip_prefix('.')?;
            rest.split('.').next()?.parse::<usize>().ok()
        });
        let mut indices: Vec<usize> = inside.collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// The control with what was typed and what is wrong with it.
    pub(super) fn field(&self, name: &str, wrong: &Wrong) -> Field {
        let field = Field::new(name).with(self.raw(name));
        match wrong.of(name) {
            Some(why) => field.wrong(why),
            None => field,
        }
    }

    /// The same with choices.
    pub(super) fn select(&self, name: &str, wrong: &Wrong, options: impl IntoIterator<Item = Choice>) -> Select {
        Select::new(self.field(name, wrong), options)
    }

    /// The same for a secret, which is never sent back.
    pub(super) fn secret_field(&self, name: &str, wrong: &Wrong) -> Field {
        let field = self.field(name, wrong);
        field.with("")
    }
}

/// The thing that a new one is to be like, where the address names one: `?copy=sch_…`.
pub(super) fn copied<T: Identity>(uri: &http::Uri) -> Option<T> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let named = form_urlencoded::parse(query).find(|(name, _)| name == "copy");
    named?.1.parse().ok()
}

/// The entries of a list within a form, in their order, each with its fields as they were typed: what an editor moves.
#[derive(Debug, Clone)]
pub(super) struct List {
    prefix: &'static str,
    entries: Vec<Vec<(String, String)>>,
}

impl List {
    /// Reads the entries of `prefix.N.`, but for fields that do not begin with one of these names.
    pub(super) fn read(form: &Form, prefix: &'static str, names: &[&str]) -> Self {
        let entry = |index: usize| {
            let start = format!("{prefix}.{index}.");
            let fields = form.0.iter().filter_map(|(name, value)| {
                let rest = name.strip_prefix(&start)?;
                let first = rest.split('.').next()?;
                (names.contains(&first) && !value.trim().is_empty()).then(|| (rest.to_owned(), value.clone()))
            });
            fields.collect()
        };
        let entries = form.indices(prefix).into_iter().take(LIST_MAX).map(entry).collect();
        Self { prefix, entries }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds one.
    pub(super) fn push<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.entries.push(fields.collect());
    }

    /// Takes one away, if it is there.
    pub(super) fn remove(&mut self, index: usize) {
        if index < self.entries.len() {
            self.entries.remove(index);
        }
    }

    /// Changes two round, if both are there.
    pub(super) fn swap(&mut self, one: usize, other: usize) {
        if one < self.entries.len() && other < self.entries.len() {
            self.entries.swap(one, other);
        }
    }

    /// The entry at a place, to be changed.
    pub(super) fn entry(&mut self, index: usize) -> Option<&mut Vec<(String, String)>> {
        self.entries.get_mut(index)
    }

    /// The form with the entries as they are now, numbered from 0.
    pub(super) fn write(self, form: &Form) -> Form {
        let start = format!("{}.", self.prefix);
        let others = form.0.iter().filter(|(name, _)| !name.starts_with(&start)).cloned();
        let mut fields: Vec<_> = others.collect();
        for (index, entry) in self.entries.into_iter().enumerate() {
            // An entry with nothing in it is still there.
            fields.push((format!("{start}{index}."), String::new()));
            let numbered = entry
                .into_iter()
                .map(|(name, value)| (format!("{start}{index}.{name}"), value));
            fields.extend(numbered);
        }
        Form(fields)
    }
}

/// What is wrong with a form that was refused; nothing with one that is shown for the first time.
#[derive(Debug, Clone, Default)]
pub(super) struct Wrong {
    fields: Vec<(String, String)>,
    whole: Option<String>,
}

impl Wrong {
    /// What an action said, with its names of fields turned into those of the form. What belongs to no field of the form
    /// is said of the whole. An error that is not about what was typed goes on to a page of its own.
    pub(super) fn of_error(error: ApiError, names: &[(&str, &str)]) -> Result<Self, PageError> {
        if !matches!(error.status().as_u16(), 400 | 409 | 429) {
            return Err(error.into());
        }
        let mut wrong = Self::default();
        for (field, why) in error.fields() {
            let known = names.iter().find(|(theirs, _)| theirs == field);
            let name = known.map_or_else(|| field.clone(), |(_, ours)| (*ours).to_owned());
            wrong.fields.push((name, why.clone()));
        }
        if wrong.fields.is_empty() {
            wrong.whole = Some(super::error::sentence(error.message()));
        }
        Ok(wrong)
    }

    /// The same for a form with a list: `steps[0].targets[1].id` belongs to `steps.0.` and the field that `name` gives
    /// for the first name behind it.
    pub(super) fn of_list(error: ApiError, list: &str, name: fn(&str) -> &'static str) -> Result<Self, PageError> {
        let wrong = Self::of_error(error, &[])?;
        Ok(wrong.renamed(|field| {
            let (index, rest) = field.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?;
            let first = rest
                .trim_start_matches('.')
                .split(['[', '.'])
                .next()
                .unwrap_or_default();
            Some(format!("{list}.{index}.{}", name(first)))
        }))
    }

    /// The same with other names for fields, where there are any.
    pub(super) fn renamed(mut self, name: impl Fn(&str) -> Option<String>) -> Self {
        for (field, _) in &mut self.fields {
            if let Some(name) = name(field) {
                *field = name;
            }
        }
        self
    }

    /// The same in words in which these names of the API are what they are called on the page.
    pub(super) fn reworded(mut self, names: &[(&str, &str)]) -> Self {
        for (_, why) in &mut self.fields {
            let word = |word: &str| {
                let known = names.iter().find(|(name, _)| *name == word);
                known.map_or_else(|| word.to_owned(), |(_, called)| format!("“{called}”"))
            };
            let words = why.split(' ').map(word);
            *why = words.collect::<Vec<_>>().join(" ");
        }
        self
    }

    /// What is wrong with the whole.
    pub(super) fn whole(&self) -> Option<String> {
        self.whole.clone()
    }

    fn of(&self, name: &str) -> Option<String> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, why)| readable(why))
    }
}

/// "must not be empty" as it stands beside a field: "This must not be empty".
fn readable(why: &str) -> String {
    let verbs = ["must ", "is ", "goes ", "has ", "cannot "];
    if verbs.iter().any(|verb| why.starts_with(verb)) {
        return super::error::sentence(&format!("this {why}"));
    }
    super::error::sentence(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str) -> Form {
        Form(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    #[test]
    fn fields_are_read_in_their_order() {
        let form =
            form("steps.10.delay=5&steps.2.delay=3&steps.2.targets=a&steps.2.targets=&steps.2.targets=b&name=+x+");
        assert_eq!(form.indices("steps"), [2, 10]);
        assert_eq!(form.all("steps.2.targets"), ["a", "b"]);
        assert_eq!((form.text("name"), form.raw("name")), ("x", " x "));
        assert_eq!(form.given("other"), None);
    }

    #[test]
    fn errors_stand_beside_the_field_that_they_mean() {
        let error = ApiError::invalid("teamId", "must not be empty");
        let wrong = Wrong::of_error(error, &[("teamId", "team_id")]).unwrap();
        let field = form("team_id=x").field("team_id", &wrong);
        assert_eq!(field.error.as_deref(), Some("This must not be empty."));
        assert_eq!(field.value, "x");
        assert!(Wrong::of_error(ApiError::internal(), &[]).is_err());
    }
}
