//! `/audit` and `/events`: who changed what, and what came in.

use askama::Template;

use super::{Badge, EventRow, Link, Previewed, Select, Shell, Steps, Times};

/// `/audit`
#[derive(Debug, Clone, Template)]
#[template(path = "records/audit.html")]
pub struct Audit {
    /// Around the page.
    pub shell: Shell,
    /// `actor`
    pub actor: Select,
    /// Any filter is set.
    pub filtered: bool,
    /// This page of the list, newest first.
    pub rows: Vec<AuditRow>,
    /// Which part of it that is.
    pub pager: Steps,
}

/// Something that somebody changed.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Its identity.
    pub id: String,
    /// When.
    pub at: Times,
    /// Who, a person or an API key.
    pub actor: String,
    /// From which address.
    pub address: String,
    /// What was done: "changed the service".
    pub what: String,
    /// To what.
    pub target: Link,
    /// The fields that changed: name, before, after. Secrets are named and not shown.
    pub changes: Vec<(String, String, String)>,
}

/// `/events`
#[derive(Debug, Clone, Template)]
#[template(path = "records/events.html")]
pub struct EventLog {
    /// Around the page.
    pub shell: Shell,
    /// `integration`
    pub integration: Select,
    /// `serviceId`
    pub service: Select,
    /// `outcome`
    pub outcome: Select,
    /// Any filter is set.
    pub filtered: bool,
    /// This page of the list, newest first.
    pub rows: Vec<EventRow>,
    /// Which part of it that is.
    pub pager: Steps,
}

/// `/events/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "records/event.html")]
pub struct EventPage {
    /// Around the page.
    pub shell: Shell,
    /// The request and what came of it as a whole.
    pub event: EventRow,
    /// `POST /api/integrations/prometheus`, without its query, which holds a secret.
    pub request: String,
    /// From which address it came.
    pub address: String,
    /// Its headers, without credentials.
    pub headers: Vec<(String, String)>,
    /// The body as it was received, shortened to what a page may hold.
    pub body: String,
    /// How many bytes it had.
    pub body_bytes: u64,
    /// What it was turned into, alert by alert.
    pub results: Vec<EventResult>,
    /// The request that was run again.
    pub replay_of: Option<Link>,
    /// What it would lead to now, where somebody has asked.
    pub preview: Option<Previewed>,
}

/// One alert of a request, and what came of it.
#[derive(Debug, Clone)]
pub struct EventResult {
    /// The event as we understood it: name and value.
    pub fields: Vec<(String, String)>,
    /// "Triggered", "Ignored".
    pub outcome: Badge,
    /// Why nothing was done; empty where something was.
    pub why: String,
    /// The incident.
    pub incident: Option<Link>,
}
