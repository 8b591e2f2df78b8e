//! The logs: what came in, what went out, who changed what.

use askama::Template;

use super::{Badge, DeliveryRow, EventRow, Field, Link, Previewed, Select, Shell, Times};

/// `/audit`
#[derive(Debug, Clone, Template)]
#[template(path = "records/audit.html")]
pub struct Audit {
    /// Around the page.
    pub shell: Shell,
    /// `actor`
    pub actor: Select,
    /// `kind`
    pub kind: Select,
    /// Text and time.
    pub filters: LogFilters,
    /// Any filter is set.
    pub filtered: bool,
    /// Where the same lines are a table.
    pub export: String,
    /// This leaf, newest first.
    pub rows: Vec<AuditRow>,
    /// Its neighbours.
    pub pager: LogPager,
}

/// What every log is filtered by.
#[derive(Debug, Clone, Default)]
pub struct LogFilters {
    /// `q`
    pub q: Field,
    /// `from`: local to the viewer's zone
    pub from: Field,
    /// `to`
    pub to: Field,
}

/// The neighbours of a leaf of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPager {
    /// The first leaf; none: this is it.
    pub newest: Option<String>,
    /// The leaf before.
    pub newer: Option<String>,
    /// The leaf after.
    pub older: Option<String>,
}

/// `/notifications`
#[derive(Debug, Clone, Template)]
#[template(path = "records/notifications.html")]
pub struct Notifications {
    /// Around the page.
    pub shell: Shell,
    /// `outcome`
    pub outcome: Select,
    /// `channel`
    pub channel: Select,
    /// `user`
    pub user: Select,
    /// Text and time.
    pub filters: LogFilters,
    /// Any filter is set.
    pub filtered: bool,
    /// This leaf, newest first.
    pub deliveries: Vec<DeliveryRow>,
    /// Its neighbours.
    pub pager: LogPager,
}

/// `/notifications/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "records/notification.html")]
pub struct NotificationPage {
    /// Around the page.
    pub shell: Shell,
    /// The message in a line.
    pub delivery: DeliveryRow,
    /// The receiver's page; empty: it has none for this viewer.
    pub receiver: Link,
    /// The incident it is about.
    pub incident: Option<Link>,
    /// Why this receiver is told, as it was decided.
    pub reason: String,
    /// What it tells of: `incident.triggered`; may be empty.
    pub event: String,
    /// When it was decided on.
    pub created: Times,
    /// When it was or is to be sent.
    pub due: Times,
    /// When it ended.
    pub finished: Option<Times>,
    /// When its provider said that it has arrived.
    pub delivered: Option<Times>,
    /// The provider that was asked last; may be empty.
    pub provider: String,
    /// The provider's own identity of it; may be empty.
    pub provider_id: String,
    /// The message in which it was told along with others.
    pub sent_with: Option<Link>,
    /// Every time it was handed over, or may have been, in order.
    pub attempts: Vec<AttemptRow>,
    /// Where a form sends it again.
    pub again: Option<String>,
}

/// A time that a message was handed over, or may have been.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// Which one; 1 is the first.
    pub n: i64,
    /// The provider that was asked.
    pub provider: String,
    /// Taken, Refused.
    pub outcome: Badge,
    /// The provider's words.
    pub words: String,
    /// When it began.
    pub started: Times,
    /// How long it took: "312 ms".
    pub took: String,
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
    /// Text and time.
    pub filters: LogFilters,
    /// Any filter is set.
    pub filtered: bool,
    /// This leaf, newest first.
    pub rows: Vec<EventRow>,
    /// Its neighbours.
    pub pager: LogPager,
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
