//! What the part of the program that receives promises to pages and the API: trying an integration out, looking at what
//! a request would lead to, and running a received one again.
//!
//! It owns the words in which that is asked and answered. How requests are read and what becomes of them is decided
//! elsewhere.

use async_trait::async_trait;
use axum::body::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use opsknight_domain::{
    event::Normalised,
    id::{AuditId, IncidentId, IntegrationId, ReceiptId, ServiceId},
    incident::Actor,
};
use opsknight_sources::mapping::{FieldMapping, Origins};
use opsknight_store::receipts::Receipt;
use serde_json::Value;

/// The way in for alerts, as far as pages and the API need it.
#[async_trait]
pub trait Receive: Send + Sync {
    /// Sends the built-in sample of the integration's type the whole way of a real request, marked as a test. `None`
    /// when there is no such integration.
    async fn send_test_event(&self, integration: IntegrationId) -> Option<TestAnswer>;

    /// When a request of this integration was last turned away for its number, as far as that is remembered.
    async fn limited_at(&self, integration: IntegrationId) -> Option<Timestamp>;

    /// Reads a request as one that arrives now would be read, and says what it would lead to. Nothing is stored.
    ///
    /// # Errors
    /// It cannot be looked at; see [`Hindrance`].
    async fn preview(&self, trial: Trial) -> Result<Preview, Hindrance>;

    /// Runs a received request again, for real. It is a new request that says which it repeats; the sender's allowance
    /// is not used for it, its signature is not checked again, and its delivery id does not count.
    ///
    /// # Errors
    /// It cannot be run; nothing was stored then.
    async fn replay(&self, receipt: Receipt, again: Again) -> Result<Replayed, Hindrance>;
}

/// What the sender of a test event was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct TestAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
}

/// How the paths of integrations begin.
pub const INTEGRATIONS: &str = "/api/integrations/";

/// A request to be looked at.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Through which integration it comes; none: by an API key.
    pub integration: Option<IntegrationId>,
    /// For which service it is.
    pub service: ServiceId,
    /// The path that is called.
    pub path: String,
    /// The method.
    pub method: Method,
    /// The query string without what names the integration.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Everything in it is a test, whatever it says.
    pub is_test: bool,
    /// The field mapping to read it by; none: the integration's own.
    pub mapping: Option<FieldMapping>,
}

impl Trial {
    /// A received request; none where it belongs to no service.
    #[must_use]
    pub fn of(receipt: &Receipt) -> Option<Self> {
        Some(Self {
            integration: receipt.integration,
            service: receipt.service?,
            path: receipt.path.clone(),
            method: receipt.method.parse().unwrap_or(Method::POST),
            query: receipt.query.clone(),
            headers: headers(&receipt.headers),
            body: receipt.body.clone().into(),
            is_test: receipt.is_test,
            mapping: None,
        })
    }

    /// Whether it is a call of the Events API, which takes any integration's key, and not one of the integration's own
    /// address.
    #[must_use]
    pub fn is_events_call(&self) -> bool {
        !self.path.starts_with(INTEGRATIONS)
    }
}

/// The headers of a request from how they are kept.
fn headers(kept: &Value) -> HeaderMap {
    let pairs = kept.as_object().into_iter().flatten();
    pairs
        .filter_map(|(name, value)| {
            let name: HeaderName = name.parse().ok()?;
            Some((name, HeaderValue::from_bytes(value.as_str()?.as_bytes()).ok()?))
        })
        .collect()
}

/// What a request says.
#[derive(Debug, Clone, PartialEq)]
pub enum Preview {
    /// What it would lead to, one entry an alert, in the order of the body.
    Understood(Vec<Foreseen>),
    /// Its sender would be answered 400.
    NotUnderstood {
        /// Where it is wrong.
        field: String,
        /// What is wrong, so that it reads on from the field.
        message: String,
    },
}

/// One alert of a request and what it would lead to.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreseen {
    /// What the request says.
    pub event: Normalised,
    /// Where in the body its parts stand, for the types that can tell.
    pub origins: Origins,
    /// `triggered`, `deduplicated`, `acknowledged`, `resolved` or `ignored`.
    pub action: &'static str,
    /// The incident that is there already and would be changed.
    pub incident: Option<Standing>,
    /// The incident that an alert before this one would open, by the place of that alert, is the one that is meant.
    pub opened_by: Option<usize>,
    /// Why nothing would be done.
    pub reason: Option<String>,
}

/// An incident as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its identity.
    pub id: IncidentId,
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: &'static str,
}

/// Who has a request run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Again {
    /// What the audit log calls that request: the name of its integration.
    pub name: String,
    /// The identity of the line in the audit log.
    pub audit: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// The identity of who.
    pub by_id: String,
    /// From which address.
    pub ip: Option<String>,
}

/// What came of a request that was run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The identity of the new request.
    pub receipt: ReceiptId,
    /// The HTTP status that a sender would have been answered: 202, or 400 where the body is not understood.
    pub status: u16,
    /// The JSON body of that answer.
    pub body: Value,
}

/// Why a request cannot be looked at or run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// The integration, its type or the service is no longer there.
    Gone(&'static str),
    /// The integration is disabled.
    Disabled,
    /// The database cannot take it now.
    Unavailable,
    /// Our fault; the log says more.
    Internal,
}
