//! `/settings/…`: outbound webhooks, API keys.

use askama::Template;

use super::{Badge, Checks, DeliveryRow, Field, FormError, Link, Shell, Times, Ways, form::errors};

/// `/settings/api-keys`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/api_keys.html")]
pub struct ApiKeys {
    /// Around the page.
    pub shell: Shell,
    /// The keys, the newest first.
    pub rows: Vec<ApiKeyRow>,
    /// The key that was made just now; it is never shown again.
    pub made: Option<String>,
    /// `name`
    pub name: Field,
    /// `scopes`, repeated
    pub scopes: Checks,
    /// `expires`: a date, or empty
    pub expires: Field,
}

impl ApiKeys {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        errors([&self.name, &self.scopes.field, &self.expires])
    }
}

/// An API key in the list.
#[derive(Debug, Clone)]
pub struct ApiKeyRow {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the key begins with, to tell keys apart.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Who made it.
    pub by: String,
    /// When.
    pub created: Times,
    /// When it was last used.
    pub used: Option<Times>,
    /// When it ends.
    pub expires: Option<Times>,
}

/// `/settings/webhooks`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/webhooks.html")]
pub struct WebhookList {
    /// Around the page.
    pub shell: Shell,
    /// The webhooks, by name.
    pub rows: Vec<WebhookRow>,
}

/// A webhook in the list.
#[derive(Debug, Clone)]
pub struct WebhookRow {
    /// Its page and name.
    pub link: Link,
    /// "Generic", "Discord".
    pub kind: String,
    /// The host it is sent to; the rest of the address may be secret.
    pub host: String,
    /// Enabled, Disabled, Failing.
    pub state: Badge,
    /// When it was last told something, and how that ended.
    pub last: Option<(Badge, Times)>,
}

/// `/settings/webhooks/new` and `/settings/webhooks/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/webhook.html")]
pub struct WebhookPage {
    /// Around the page.
    pub shell: Shell,
    /// The webhook that is edited; none: a new one.
    pub id: Option<String>,
    /// Its name as it is.
    pub title: String,
    /// `name`
    pub name: Field,
    /// `type`, with the fields of each: `DISCORD.url`
    pub kinds: Ways,
    /// `enabled`: `on`
    pub enabled: Field,
    /// `events`, repeated; none: all
    pub events: Checks,
    /// `service_ids`, repeated; none: all
    pub services: Checks,
    /// What was sent, newest first.
    pub deliveries: Vec<DeliveryRow>,
    /// What the receiver answered to the test that was just sent, and whether it took it.
    pub answer: Option<(bool, String)>,
}

impl WebhookPage {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let rest = [&self.enabled, &self.events.field, &self.services.field];
        let first = errors([&self.name]).into_iter().chain(self.kinds.errors());
        first.chain(errors(rest)).collect()
    }

    /// Where the form is sent.
    #[must_use]
    pub fn action(&self) -> String {
        self.id.as_ref().map_or_else(
            || "/settings/webhooks".to_owned(),
            |id| format!("/settings/webhooks/{id}"),
        )
    }
}
