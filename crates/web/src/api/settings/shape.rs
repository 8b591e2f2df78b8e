//! How the settings of the channels look in JSON, and how the description tells of them: both from the table of
//! providers.

use std::{borrow::Cow, collections::BTreeMap};

use opsknight_domain::directory::Channel;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, Object, ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{SchemaType, Type},
    },
};

use super::{
    document::{PROVIDER, SECOND, Settings, provider_of},
    providers::{Kind, Provider, has, ways},
};
use crate::api::wire::{Time, Word, present, words};

/// Where settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// They were saved here.
    Settings,
    /// From the environment of the server.
    Environment,
    /// The program brings them along.
    BuiltIn,
}

/// The settings of a channel, without credentials.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsBody {
    /// Which channel.
    pub channel: words::Channel,
    /// Messages can be sent on it.
    pub configured: bool,
    /// Where the settings in force come from; null: there are none.
    pub source: Option<Origin>,
    /// Who delivers; for Slack there is nothing to choose.
    pub provider: Option<&'static str>,
    /// The provider's settings as they are saved: of a credential only that it is there. None is shown of what the
    /// environment says.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
    /// When the settings were last saved.
    pub updated_at: Option<Time>,
}

/// The settings in a document as they are shown.
pub(super) fn shown(channel: Channel, settings: &Settings) -> Map<String, Value> {
    let mut fields = match provider_of(channel, settings) {
        Some(provider) => shown_of(provider, settings),
        None => Map::new(),
    };
    if ways(channel).has_second {
        let second = settings.get(SECOND).and_then(Value::as_object).and_then(|second| {
            let provider = provider_of(channel, second)?;
            let mut fields = Map::from_iter([(PROVIDER.to_owned(), Value::from(provider.word))]);
            fields.extend(shown_of(provider, second));
            Some(Value::Object(fields))
        });
        fields.insert(SECOND.to_owned(), second.unwrap_or_default());
    }
    fields
}

/// A second provider of which no more is shown than who it is.
pub(super) fn named_second(provider: &Provider) -> (String, Value) {
    (SECOND.to_owned(), json!({ PROVIDER: provider.word }))
}

fn shown_of(provider: &Provider, settings: &Settings) -> Map<String, Value> {
    let fields = provider.fields.iter().map(|field| {
        let value = settings.get(field.name);
        match field.kind.is_secret() {
            true => (has(field.name), Value::from(value.is_some())),
            false => (field.name.to_owned(), value.cloned().unwrap_or_default()),
        }
    });
    fields.collect()
}

/// What is to change about the settings of a channel; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct SettingsPatch(pub(crate) Map<String, Value>);

/// A trial of a channel.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = NotificationTrial)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trial {
    /// Where the test message goes: an email address, a telephone number, a device, or for Slack a member, a
    /// conversation or an email address. The caller's own unless said.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 4096, value_type = String, required = false)]
    pub(crate) to: Option<String>,
    /// Settings to try before they are saved; what is left out is taken from those that are saved.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = SettingsPatch, required = false)]
    pub(crate) settings: Option<SettingsPatch>,
}

/// The settings that are no provider's own: they go with a workspace of Slack.
pub(super) const BOT_TOKEN: &str = "botToken";
/// The conversation that is told where a service names none.
pub(super) const DEFAULT_CHANNEL: &str = "defaultChannel";

const BOT_TOKEN_SAYS: &str = "`SLACK`: the token of the bot in one workspace, `xoxb-…`, instead of connecting it.";
const DEFAULT_CHANNEL_SAYS: &str = "`SLACK`: the conversation that is told where a service names none.";

fn text(says: &str, nullable: bool) -> ObjectBuilder {
    let kind = match nullable {
        true => SchemaType::from_iter([Type::String, Type::Null]),
        false => SchemaType::Type(Type::String),
    };
    ObjectBuilder::new().schema_type(kind).description(Some(says))
}

fn schema_of(kind: Kind, says: &str) -> ObjectBuilder {
    match kind {
        Kind::Secret | Kind::Password => text(says, true).write_only(true),
        Kind::Port => text(says, true)
            .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
            .minimum(Some(1))
            .maximum(Some(65_535)),
        Kind::Choice(words) => {
            let words = words.iter().map(|word| Value::from(*word)).chain([Value::Null]);
            text(says, true).enum_values(Some(words))
        }
        Kind::Text
        | Kind::Identity(_)
        | Kind::Host
        | Kind::Region
        | Kind::Phone
        | Kind::Sender
        | Kind::SenderName
        | Kind::Mailbox => text(says, true),
    }
}

/// A setting by its name, as the description tells of it: what it is for whom.
struct Said {
    kind: Kind,
    says: Vec<(&'static str, Vec<&'static str>)>,
}

impl Said {
    fn add(&mut self, says: &'static str, word: &'static str) {
        match self.says.iter_mut().find(|(known, _)| *known == says) {
            Some((_, whose)) if whose.contains(&word) => {}
            Some((_, whose)) => whose.push(word),
            None => self.says.push((says, vec![word])),
        }
    }

    fn text(&self) -> String {
        let says = self.says.iter();
        let lines: Vec<_> = says
            .map(|(says, whose)| format!("`{}`: {says}", whose.join("`, `")))
            .collect();
        lines.join(" ")
    }
}

/// Every setting of every provider, each with whose it is; credentials are written, and of them only shown that they
/// are there.
fn properties(channels: &[Channel], written: bool) -> Vec<(String, Schema)> {
    let mut words = Vec::new();
    let mut said: BTreeMap<&str, Said> = BTreeMap::new();
    for provider in channels.iter().flat_map(|channel| ways(*channel).providers) {
        if !words.contains(&provider.word) {
            words.push(provider.word);
        }
        for field in provider.fields {
            let said = said.entry(field.name).or_insert(Said {
                kind: field.kind,
                says: Vec::new(),
            });
            said.add(field.says, provider.word);
        }
    }
    let provider = text("Who delivers. What belongs to another provider is forgotten.", !written);
    let provider = match written {
        true => provider.enum_values(Some(words)),
        false => provider.enum_values(Some(words.into_iter().map(Value::from).chain([Value::Null]))),
    };
    let mut all = vec![(PROVIDER.to_owned(), provider.build().into())];
    for (name, said) in said {
        let says = said.text();
        all.push(match (said.kind.is_secret(), written) {
            (true, false) => (has(name), flag(&says).build().into()),
            (true, true) | (false, _) => (name.to_owned(), schema_of(said.kind, &says).build().into()),
        });
    }
    all
}

fn flag(says: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some(format!("Whether this is saved. {says}")))
}

fn object(says: &str, properties: Vec<(String, Schema)>) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(says));
    properties
        .into_iter()
        .fold(object, |object, (name, schema)| object.property(name, schema))
}

fn second(written: bool) -> Object {
    let both: Vec<_> = Channel::ALL
        .into_iter()
        .filter(|channel| ways(*channel).has_second)
        .collect();
    let says = "Of `email` and `sms`: the provider that is asked when the first does not take a message; null: none.";
    object(says, properties(&both, written))
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .build()
}

impl PartialSchema for SettingsPatch {
    fn schema() -> RefOr<Schema> {
        let says = "What is to change about the settings of a channel; what is left out stays, null takes it away. Each \
                    provider has its own settings; those of another are refused by name. Credentials are written and \
                    never read back.";
        let bot = text(BOT_TOKEN_SAYS, false).write_only(true).build();
        object(says, properties(&Channel::ALL, true))
            .property(BOT_TOKEN, bot)
            .property(DEFAULT_CHANNEL, text(DEFAULT_CHANNEL_SAYS, true).build())
            .property(SECOND, second(true))
            .into()
    }
}

impl ToSchema for SettingsPatch {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NotificationSettingsPatch")
    }
}

impl PartialSchema for SettingsBody {
    fn schema() -> RefOr<Schema> {
        let says = "The settings of a channel, without credentials. Only the settings of its provider are there.";
        let origins = ["SETTINGS", "ENVIRONMENT", "BUILT_IN"].into_iter().map(Value::from);
        let source = text("Where the settings in force come from; null: there are none.", true)
            .enum_values(Some(origins.chain([Value::Null])));
        let configured = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(Some("Messages can be sent on it."));
        let updated = text("When the settings were last saved.", true)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        let mut body = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(says))
            .property("channel", words::Channel::schema())
            .property("configured", configured)
            .property("source", source)
            .property("updatedAt", updated);
        for (name, schema) in properties(&Channel::ALL, false) {
            body = body.property(name, schema);
        }
        body.property(has(BOT_TOKEN), flag(BOT_TOKEN_SAYS))
            .property(DEFAULT_CHANNEL, text(DEFAULT_CHANNEL_SAYS, true))
            .property(SECOND, second(false))
            .required("channel")
            .required("configured")
            .required("source")
            .required("provider")
            .required("updatedAt")
            .into()
    }
}

impl ToSchema for SettingsBody {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NotificationSettings")
    }
}

/// The body of settings that are there or not.
pub(super) fn body(
    channel: Channel,
    (configured, source): (bool, Option<Origin>),
    provider: Option<&'static Provider>,
    fields: Map<String, Value>,
    updated_at: Option<Time>,
) -> SettingsBody {
    SettingsBody {
        channel: Word(channel),
        configured,
        source,
        provider: provider
            .map(|provider| provider.word)
            .filter(|_| channel != Channel::Slack),
        fields,
        updated_at,
    }
}
