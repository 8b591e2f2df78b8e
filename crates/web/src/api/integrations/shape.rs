//! How integrations look in JSON.

use jiff::Timestamp;
use opsknight_domain::id::IntegrationId;
use opsknight_sources::{self as sources, mapping::FieldMapping, proof::TokenRule};
use opsknight_store::integrations::IntegrationRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::wire::{Id, Time, ids, patch, present},
    state::AppState,
};

/// A door through which a monitoring tool sends.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Integration)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationBody {
    /// Its id, which is a secret: it stands in the address.
    #[schema(inline)]
    pub id: ids::Integration,
    /// Which service's alerts arrive here.
    #[schema(inline)]
    pub service_id: ids::Service,
    /// Its name.
    pub name: String,
    /// Which product sends: `PROMETHEUS`, `EVENTS_API_V2`, `WEBHOOK` and so on.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The integration key, also called routing key.
    pub key: String,
    /// Where the product is to send.
    pub webhook_url: String,
    /// A secret for signatures is set: requests must be signed.
    pub has_signature_secret: bool,
    /// It takes requests.
    pub enabled: bool,
    /// The key must come along as well.
    pub require_key: bool,
    /// Requests in a minute that are taken.
    pub rate_limit_per_minute: u32,
    /// Where the parts of an event stand, where somebody said so.
    pub field_mapping: Option<FieldMappingBody>,
    /// Which bearer tokens of a cloud its requests must bring, where somebody said so.
    pub token_rule: Option<TokenRuleBody>,
    /// The topics of Amazon SNS that may send here; empty: the first that is confirmed will be.
    pub topic_arns: Vec<String>,
    /// When it last received something.
    #[schema(inline)]
    pub last_event_at: Option<Time>,
    /// When it was made.
    #[schema(inline)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(inline)]
    pub updated_at: Time,
}

/// Where the parts of an event stand in a body, and which values mean what. What is left out is looked for under the
/// names that most tools use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = FieldMapping)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldMappingBody {
    /// Path to the one line that says what is wrong: `alert.title`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary_field: Option<String>,
    /// Path to the severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity_field: Option<String>,
    /// Path to what names the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedup_key_field: Option<String>,
    /// Path to the value that says what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_field: Option<String>,
    /// Path to the system it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_field: Option<String>,
    /// Values of the action that open an incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_values: Option<Vec<String>>,
    /// Values of the action that acknowledge it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledge_values: Option<Vec<String>>,
    /// Values of the action that resolve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve_values: Option<Vec<String>>,
}

/// Which bearer tokens are believed: those of Google for push subscriptions of Pub/Sub (`GOOGLE_CLOUD_MONITORING`), and
/// those of Microsoft Entra for secure webhooks of action groups (`AZURE`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = TokenRule)]
#[serde(rename_all = "camelCase")]
pub struct TokenRuleBody {
    /// For whom the token must be meant (`aud`): what the subscription has as its audience, which is the push endpoint's
    /// URL where none was set; or the application id of the secure webhook.
    #[schema(min_length = 1, max_length = 1000)]
    pub audience: String,
    /// Google: the e-mail address of the service account with which the subscription signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Entra: the id of the tenant that issues the token, a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

impl From<TokenRuleBody> for TokenRule {
    fn from(body: TokenRuleBody) -> Self {
        Self {
            audience: body.audience,
            service_account: body.service_account,
            tenant_id: body.tenant_id,
        }
    }
}

impl From<FieldMappingBody> for FieldMapping {
    fn from(body: FieldMappingBody) -> Self {
        Self {
            summary_field: body.summary_field,
            severity_field: body.severity_field,
            dedup_key_field: body.dedup_key_field,
            action_field: body.action_field,
            source_field: body.source_field,
            trigger_values: body.trigger_values,
            acknowledge_values: body.acknowledge_values,
            resolve_values: body.resolve_values,
        }
    }
}

/// Where the products of a type send for an integration.
#[must_use]
pub fn webhook_url(state: &AppState, type_name: &str, id: IntegrationId) -> String {
    let slug = sources::by_type(type_name).map_or_else(
        || type_name.to_ascii_lowercase().replace('_', "-"),
        |source| source.slug().to_owned(),
    );
    state.link(&format!("/api/integrations/{slug}?integrationId={id}"))
}

impl IntegrationBody {
    /// An integration as programs see it.
    #[must_use]
    pub fn new(state: &AppState, row: IntegrationRow, last_event_at: Option<Timestamp>) -> Self {
        Self {
            id: Id(row.id),
            service_id: Id(row.service),
            webhook_url: webhook_url(state, &row.type_name, row.id),
            key: row.key.expose().to_owned(),
            has_signature_secret: row.secret.is_some(),
            enabled: row.enabled,
            require_key: row.require_key,
            rate_limit_per_minute: row.rate_limit_per_minute,
            field_mapping: row.field_mapping.and_then(|value| serde_json::from_value(value).ok()),
            token_rule: row.token_rule.and_then(|value| serde_json::from_value(value).ok()),
            topic_arns: row.topics,
            last_event_at: last_event_at.map(Time),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            name: row.name,
            type_name: row.type_name,
        }
    }
}

/// An integration to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewIntegration {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    /// Which product sends: `PROMETHEUS`, `EVENTS_API_V2`, `WEBHOOK` and so on.
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// With what requests are signed. It is never shown again.
    #[schema(min_length = 1, max_length = 500)]
    pub(crate) signature_secret: Option<String>,
    /// It takes requests; it does unless said.
    pub(crate) enabled: Option<bool>,
    /// The key must come along as well; it need not unless said.
    pub(crate) require_key: Option<bool>,
    /// Requests in a minute that are taken; 120 unless said.
    #[schema(minimum = 1, maximum = 100_000)]
    pub(crate) rate_limit_per_minute: Option<u32>,
    /// Where the parts of an event stand; of the type `WEBHOOK` only.
    pub(crate) field_mapping: Option<FieldMappingBody>,
    /// Which bearer tokens requests must bring; of the types `GOOGLE_CLOUD_MONITORING` and `AZURE` only.
    pub(crate) token_rule: Option<TokenRuleBody>,
    /// The topics of Amazon SNS that may send here; of the type `CLOUDWATCH` only. The first that is confirmed unless said.
    #[schema(max_items = 50)]
    pub(crate) topic_arns: Option<Vec<String>>,
}

/// What is to change about an integration; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntegrationPatch {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) name: Option<String>,
    /// With what requests are signed; null: they need not be.
    #[serde(default, deserialize_with = "patch")]
    #[schema(min_length = 1, max_length = 500, value_type = Option<String>)]
    pub(crate) signature_secret: Option<Option<String>>,
    /// It takes requests.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) enabled: Option<bool>,
    /// The key must come along as well.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) require_key: Option<bool>,
    /// Requests in a minute that are taken.
    #[serde(default, deserialize_with = "present")]
    #[schema(minimum = 1, maximum = 100_000, value_type = u32, required = false)]
    pub(crate) rate_limit_per_minute: Option<u32>,
    /// Where the parts of an event stand, as a whole; null: under the usual names.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<FieldMappingBody>)]
    pub(crate) field_mapping: Option<Option<FieldMappingBody>>,
    /// Which bearer tokens requests must bring; null: none.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<TokenRuleBody>)]
    pub(crate) token_rule: Option<Option<TokenRuleBody>>,
    /// The topics of Amazon SNS that may send here; an empty list: the next that is confirmed.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, required = false, max_items = 50)]
    pub(crate) topic_arns: Option<Vec<String>>,
}

impl From<NewIntegration> for IntegrationPatch {
    fn from(new: NewIntegration) -> Self {
        Self {
            name: Some(new.name),
            signature_secret: Some(new.signature_secret),
            enabled: new.enabled,
            require_key: new.require_key,
            rate_limit_per_minute: new.rate_limit_per_minute,
            field_mapping: Some(new.field_mapping),
            token_rule: Some(new.token_rule),
            topic_arns: new.topic_arns,
        }
    }
}

/// What the sender of a test event was answered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = IntegrationTest)]
#[serde(rename_all = "camelCase")]
pub struct TestBody {
    /// The HTTP status: 202 when all is well.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
}
