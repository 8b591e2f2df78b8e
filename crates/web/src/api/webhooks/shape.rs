//! How outbound webhooks look in JSON, and how the trial of a way out does.

use opsknight_domain::delivery::DeliveryError;
use opsknight_store::webhooks::{WebhookKind, WebhookRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::wire::{Id, Time, Word, Words, ids, patch, present, words};

impl Words for WebhookKind {
    const NAME: &'static str = "WebhookType";
    const MEMBERS: &'static [Self] = &Self::ALL;

    fn as_word(self) -> &'static str {
        self.word()
    }
}

/// The type of a webhook on the wire.
pub(super) type KindWord = Word<WebhookKind>;

/// An outbound webhook: a program or a room that is told.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Webhook)]
#[serde(rename_all = "camelCase")]
pub struct WebhookBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Webhook,
    /// Its name.
    pub name: String,
    /// What kind of receiver it speaks to.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: KindWord,
    /// Where it sends; empty where the bot's token is all that Telegram needs.
    pub url: String,
    /// It has a secret: what GENERIC ones sign with, or the token of TELEGRAM's bot.
    pub has_secret: bool,
    /// Which room, where the receiver has several: the chat's ID for TELEGRAM.
    pub channel: Option<String>,
    /// Sends at all.
    pub enabled: bool,
    /// Of which events; none: all.
    #[schema(value_type = Vec<words::Happening>)]
    pub events: Vec<words::Happening>,
    /// Of which services' incidents; none: all.
    #[schema(value_type = Vec<ids::Service>)]
    pub service_ids: Vec<ids::Service>,
    /// When it was made.
    #[schema(inline)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(inline)]
    pub updated_at: Time,
    /// Only in the answer to a change of a TELEGRAM one: whether the buttons under its messages will be heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listening: Option<ListeningBody>,
}

/// Whether a bot was told where the buttons under its messages call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Listening)]
#[serde(rename_all = "camelCase")]
pub struct ListeningBody {
    /// It was.
    pub ok: bool,
    /// Telegram's own words, or what went wrong.
    pub message: String,
}

impl From<WebhookRow> for WebhookBody {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: Id(row.id),
            name: row.name,
            kind: Word(row.kind),
            url: row.url.expose().to_owned(),
            has_secret: row.secret.is_some(),
            channel: row.channel,
            enabled: row.enabled,
            events: row.happenings.into_iter().map(Word).collect(),
            service_ids: row.services.into_iter().map(Id).collect(),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            listening: None,
        }
    }
}

/// An outbound webhook to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewWebhook {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    /// What kind of receiver it speaks to.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub(crate) kind: KindWord,
    /// Where it sends; for TELEGRAM `https://api.telegram.org/bot<token>`, or nothing where `secret` has the token.
    #[schema(min_length = 8, max_length = 2048)]
    pub(crate) url: Option<String>,
    /// With what a GENERIC one signs, or the token of TELEGRAM's bot. It is never shown again.
    #[schema(max_length = 500)]
    pub(crate) secret: Option<String>,
    /// Which room, where the receiver has several; TELEGRAM needs the chat's ID.
    #[schema(max_length = 200)]
    pub(crate) channel: Option<String>,
    /// Sends at all; it does unless said.
    pub(crate) enabled: Option<bool>,
    /// Of which events; none: all.
    #[serde(default)]
    #[schema(max_items = 50, value_type = Vec<words::Happening>)]
    pub(crate) events: Vec<words::Happening>,
    /// Of which services' incidents; none: all.
    #[serde(default)]
    #[schema(max_items = 1000, value_type = Vec<ids::Service>)]
    pub(crate) service_ids: Vec<ids::Service>,
}

/// What is to change about an outbound webhook; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookPatch {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) name: Option<String>,
    /// What kind of receiver it speaks to.
    #[serde(default, rename = "type", deserialize_with = "present")]
    #[schema(inline, value_type = KindWord, required = false)]
    pub(crate) kind: Option<KindWord>,
    /// Where it sends.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 8, max_length = 2048, value_type = String, required = false)]
    pub(crate) url: Option<String>,
    /// With what it signs; null: not at all.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 500, value_type = Option<String>)]
    pub(crate) secret: Option<Option<String>>,
    /// Which room, where the receiver has several; null: none.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 200, value_type = Option<String>)]
    pub(crate) channel: Option<Option<String>>,
    /// Sends at all.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) enabled: Option<bool>,
    /// Of which events, as a whole; none: all.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 50, value_type = Vec<words::Happening>, required = false)]
    pub(crate) events: Option<Vec<words::Happening>>,
    /// Of which services' incidents, as a whole; none: all.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 1000, value_type = Vec<ids::Service>, required = false)]
    pub(crate) service_ids: Option<Vec<ids::Service>>,
}

impl From<NewWebhook> for WebhookPatch {
    fn from(new: NewWebhook) -> Self {
        Self {
            name: Some(new.name),
            kind: Some(new.kind),
            url: new.url,
            secret: Some(new.secret),
            channel: Some(new.channel),
            enabled: new.enabled,
            events: Some(new.events),
            service_ids: Some(new.service_ids),
        }
    }
}

/// How a test message ended.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Trial)]
#[serde(rename_all = "camelCase")]
pub struct TrialBody {
    /// The receiver or provider took it.
    pub ok: bool,
    /// Its own words, or what went wrong.
    pub message: String,
    /// The setting that an administrator must change, where that is what is wrong.
    pub field: Option<String>,
}

impl From<Result<String, DeliveryError>> for TrialBody {
    fn from(outcome: Result<String, DeliveryError>) -> Self {
        match outcome {
            Ok(message) => Self {
                ok: true,
                message,
                field: None,
            },
            Err(error) => Self {
                ok: false,
                field: match &error {
                    DeliveryError::Misconfigured { field, .. } => Some((*field).to_owned()),
                    DeliveryError::Retry { .. } | DeliveryError::Refused { .. } | DeliveryError::Unknown { .. } => None,
                },
                message: error.to_string(),
            },
        }
    }
}
