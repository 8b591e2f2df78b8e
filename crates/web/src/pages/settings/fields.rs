//! The fields of providers in forms: `SMTP.host` is a setting of the first one, `second.SMTP.host` one of the second.
//! What is typed becomes the document of the API, and the document what is shown.

use opsknight_domain::directory::Channel;
use serde_json::{Map, Value};

use super::{pastes::pastes, words};
use crate::{
    api::{
        error::ApiError,
        settings::{
            SettingsBody,
            providers::{self, Kind, Provider, ways},
        },
    },
    pages::{
        PageError,
        form::{Form, Wrong},
    },
    state::AppState,
    views::{Choice, Control, Select, Setting, Way, Ways},
};

/// What stands before the names of the second provider.
pub(super) const SECOND: &str = "second.";
const PROVIDER: &str = "provider";
/// Calls borrow what text messages have.
const LENT: &str =
    "Where Twilio sends your text messages, the account and its token may stay empty: the same account calls.";

/// What is saved of one provider, as the API shows it.
#[derive(Clone, Copy)]
struct Saved<'a> {
    word: Option<&'a str>,
    fields: Option<&'a Map<String, Value>>,
}

impl<'a> Saved<'a> {
    /// What is saved for the first provider, or the second. Of what the environment says nothing is shown.
    fn of(body: &'a SettingsBody, prefix: &str) -> Self {
        if prefix.is_empty() {
            return Self {
                word: body.provider.or((body.channel.0 == Channel::Slack).then_some("SLACK")),
                fields: body.updated_at.is_some().then_some(&body.fields),
            };
        }
        let second = body.fields.get("second").and_then(Value::as_object);
        Self {
            word: second.and_then(|second| second.get(PROVIDER)?.as_str()),
            fields: second,
        }
    }

    fn get(self, provider: &Provider, name: &str) -> Option<&'a Value> {
        if self.word != Some(provider.word) {
            return None;
        }
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    fn has_secret(self, provider: &Provider, name: &str) -> bool {
        self.get(provider, &providers::has(name)) == Some(&Value::Bool(true))
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// The form as it is filled in for what is saved.
pub(super) fn known(channel: Channel, body: &SettingsBody) -> Form {
    let all = ways(channel);
    let mut fields = Vec::new();
    for prefix in ["", SECOND] {
        let saved = Saved::of(body, prefix);
        let usual = all.usual.filter(|_| prefix.is_empty()).map(|provider| provider.word);
        let word = saved.word.or(usual).unwrap_or_default();
        fields.push((format!("{prefix}{PROVIDER}"), word.to_owned()));
        let Some(provider) = all.provider(word) else { continue };
        let plain = provider.fields.iter().filter(|field| !field.kind.is_secret());
        fields.extend(plain.filter_map(|field| {
            let value = saved.get(provider, field.name)?;
            Some((format!("{prefix}{word}.{}", field.name), text(value)))
        }));
    }
    Form::of(fields)
}

/// The providers with their fields, as they are typed in a form.
pub(super) fn group(
    state: &AppState,
    channel: Channel,
    body: &SettingsBody,
    (form, wrong): (&Form, &Wrong),
    prefix: &str,
) -> Ways {
    let name = format!("{prefix}{PROVIDER}");
    let chosen = form.text(&name);
    let saved = Saved::of(body, prefix);
    let way = |provider: &Provider| Way {
        word: provider.word.to_owned(),
        name: provider.name.to_owned(),
        chosen: provider.word == chosen,
        says: match (channel, provider.word) {
            (Channel::Voice, "TWILIO") => LENT.to_owned(),
            (_, _) => String::new(),
        },
        fields: provider
            .fields
            .iter()
            .map(|field| setting(provider, field, saved, (form, wrong), prefix))
            .collect(),
        pastes: pastes(state, channel, provider.word, prefix),
    };
    let mut all: Vec<Way> = ways(channel).providers.iter().map(way).collect();
    if !prefix.is_empty() {
        let none = Way {
            name: "None".to_owned(),
            chosen: chosen.is_empty(),
            ..Way::default()
        };
        all.insert(0, none);
    }
    Ways {
        field: form.field(&name, wrong),
        ways: all,
    }
}

fn setting(
    provider: &Provider,
    field: &providers::Field,
    saved: Saved<'_>,
    (form, wrong): (&Form, &Wrong),
    prefix: &str,
) -> Setting {
    let name = format!("{prefix}{}.{}", provider.word, field.name);
    let (label, hint) = words::field(provider.word, field.name);
    let text = |kind| Control::Text {
        field: form.field(&name, wrong),
        kind,
    };
    let control = match field.kind {
        Kind::Secret | Kind::Password => {
            let saved = saved.has_secret(provider, field.name);
            Control::Secret {
                field: form.secret_field(&name, wrong),
                saved,
                remove: (saved && !field.required).then(|| form.field(&format!("{name}.remove"), wrong)),
            }
        }
        Kind::Choice(words) => {
            let options = words.iter().map(|word| Choice::new(*word, words::choice(word)));
            Control::Choice(Select::new(form.field(&name, wrong), options))
        }
        Kind::Phone => text("tel"),
        Kind::Text
        | Kind::Identity(_)
        | Kind::Host
        | Kind::Port
        | Kind::Region
        | Kind::Sender
        | Kind::SenderName
        | Kind::Mailbox => text("text"),
    };
    Setting {
        label: label.to_owned(),
        hint: hint.to_owned(),
        required: field.required,
        control,
    }
}

/// What is typed, as the document of the API. Credentials that are left empty stay as they are.
pub(super) fn wish(channel: Channel, form: &Form, body: &SettingsBody) -> Map<String, Value> {
    let mut wish = part(channel, form, body, "");
    if ways(channel).has_second {
        let second = match form.given("second.provider") {
            None => Value::Null,
            Some(_) => Value::Object(part(channel, form, body, SECOND)),
        };
        wish.insert("second".to_owned(), second);
    }
    wish
}

fn part(channel: Channel, form: &Form, body: &SettingsBody, prefix: &str) -> Map<String, Value> {
    let mut wish = Map::new();
    let word = form.text(&format!("{prefix}{PROVIDER}"));
    if channel != Channel::Slack {
        wish.insert(PROVIDER.to_owned(), word.into());
    }
    let Some(provider) = ways(channel).provider(word) else {
        return wish;
    };
    let saved = Saved::of(body, prefix);
    for field in provider.fields {
        let name = format!("{prefix}{word}.{}", field.name);
        let typed = match field.kind {
            Kind::Password => form.raw(&name),
            Kind::Text
            | Kind::Identity(_)
            | Kind::Secret
            | Kind::Host
            | Kind::Port
            | Kind::Region
            | Kind::Phone
            | Kind::Sender
            | Kind::SenderName
            | Kind::Mailbox
            | Kind::Choice(_) => form.text(&name),
        };
        // What was never there is not taken away: it may be taken from elsewhere, as the account that calls is.
        let is_taken_away = match field.kind.is_secret() {
            true => form.ticked(&format!("{name}.remove")),
            false => saved.get(provider, field.name).is_some(),
        };
        if !typed.trim().is_empty() {
            wish.insert(field.name.to_owned(), typed.into());
        } else if is_taken_away {
            wish.insert(field.name.to_owned(), Value::Null);
        }
    }
    wish
}

/// Whether anything of a provider is typed, besides which one it is.
pub(super) fn is_typed(channel: Channel, form: &Form) -> bool {
    let typed = |prefix: &str| {
        let provider = ways(channel).provider(form.text(&format!("{prefix}{PROVIDER}")));
        provider.is_some_and(|provider| {
            let free = provider
                .fields
                .iter()
                .filter(|field| !matches!(field.kind, Kind::Choice(_)));
            free.map(|field| format!("{prefix}{}.{}", provider.word, field.name))
                .any(|name| form.given(&name).is_some())
        })
    };
    typed("") || typed(SECOND)
}

/// Whether a credential is typed.
pub(super) fn is_secret_typed(channel: Channel, form: &Form) -> bool {
    let secrets = ways(channel).providers.iter().flat_map(|provider| {
        let secret = provider.fields.iter().filter(|field| field.kind.is_secret());
        secret.map(|field| format!("{}.{}", provider.word, field.name))
    });
    secrets
        .flat_map(|name| [format!("{SECOND}{name}"), name])
        .any(|name| form.given(&name).is_some())
}

/// What is wrong, beside the fields of the provider that is chosen.
pub(super) fn wrong(error: ApiError, channel: Channel, form: &Form) -> Result<Wrong, PageError> {
    let all = ways(channel).providers;
    let is_setting = |name: &str| all.iter().any(|provider| provider.field(name).is_some());
    let named = Wrong::of_error(error, &[])?.renamed(|field| {
        let (prefix, name) = match field.strip_prefix(SECOND) {
            Some(name) => (SECOND, name),
            None => ("", field),
        };
        let word = form.text(&format!("{prefix}{PROVIDER}"));
        is_setting(name).then(|| format!("{prefix}{word}.{name}"))
    });
    // The names of the API become those that stand on the page.
    let labels = all.iter().filter(|provider| provider.word == form.text(PROVIDER));
    let labels = labels.flat_map(|provider| {
        let fields = provider.fields.iter();
        fields.map(|field| (field.name, words::field(provider.word, field.name).0))
    });
    Ok(named.reworded(&labels.collect::<Vec<_>>()))
}
