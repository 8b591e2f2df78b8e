//! `/settings/…`: outbound webhooks, API keys.

use askama::Template;

use super::{Badge, Checks, DeliveryRow, Field, FormError, Link, Pager, Shell, Times, Ways, form::errors};

/// `/settings/api-keys`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/api_keys.html")]
pub struct ApiKeys {
    /// Around the page.
    pub shell: Shell,
    /// The keys, the newest first.
    pub rows: Vec<ApiKeyRow>,
    /// The key that was made just now, and a call that works with it; it is never shown again.
    pub made: Option<(String, String)>,
    /// `name`
    pub name: Field,
    /// `scopes`, repeated: in groups by what they are about
    pub scopes: Vec<(&'static str, Checks)>,
    /// What is wrong with the scopes as a whole.
    pub scopes_error: Field,
    /// `expires`: a date, or empty
    pub expires: Field,
}

impl ApiKeys {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        errors([&self.name, &self.scopes_error, &self.expires])
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
    /// It has ended.
    pub is_over: bool,
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
    /// How many messages were given up in the last day.
    pub failed: u64,
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
    /// `events`, repeated, in groups; none: all
    pub events: Vec<(&'static str, Checks)>,
    /// What is wrong with the events as a whole.
    pub events_error: Field,
    /// `service_ids`, repeated; none: all
    pub services: Checks,
    /// What was sent, newest first.
    pub deliveries: Vec<DeliveryRow>,
    /// `outcome`: only what failed.
    pub only_failed: bool,
    /// Where in that list this is.
    pub pager: Pager,
    /// It is told the payload below, which can be signed.
    pub is_generic: bool,
    /// It has a signing secret.
    pub is_signed: bool,
    /// The secret that was generated just now; it is never shown again.
    pub new_secret: Option<String>,
    /// What a generic webhook is sent, for whoever writes the receiver.
    pub sample: String,
    /// What the receiver answered to the test that was just sent, and whether it took it.
    pub answer: Option<(bool, String)>,
}

impl WebhookPage {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let rest = [&self.enabled, &self.events_error, &self.services.field];
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

/// `/settings/webhooks/{id}/deliveries/{dlv}`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/delivery.html")]
pub struct WebhookDelivery {
    /// Around the page.
    pub shell: Shell,
    /// The webhook.
    pub webhook: Link,
    /// The host that it is sent to.
    pub host: String,
    /// The message.
    pub row: DeliveryRow,
    /// What it tells of: `incident.triggered`.
    pub event: String,
    /// Why this receiver is told.
    pub reason: String,
    /// When it was decided on.
    pub created: Times,
    /// When it is tried next.
    pub next: Option<Times>,
    /// It can be sent again.
    pub can_retry: bool,
    /// What was tried, the last first.
    pub attempts: Vec<TryRow>,
    /// The headers that we send, and what stands in them.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty where it cannot be told.
    pub body: String,
}

/// One try to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryRow {
    /// Which one; 1 is the first.
    pub n: u64,
    /// How it ended.
    pub outcome: Badge,
    /// What the receiver answered.
    pub words: String,
    /// When it began.
    pub at: Times,
    /// How long it took: "120 ms".
    pub took: String,
}
