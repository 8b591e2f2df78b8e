//! What the fuzz targets have in common: a call of a source, and what must hold for it whatever it holds.
//!
//! It owns no knowledge of products but the names of headers that their sources look at.

#![forbid(unsafe_code)]

pub mod edit;
pub mod letter;
pub mod outside;
#[path = "../../crates/sources/tests/it/sound.rs"]
mod sound;

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use opsknight_sources::{Request, Source, all, mapping::FieldMapping};

/// The secret that requests are checked with. It stands in the dictionary, so that a shared token can be right.
pub const SECRET: &str = "It is a secret";

/// The methods of calls.
pub const METHODS: [Method; 3] = [Method::POST, Method::GET, Method::PUT];

/// Most headers that a call has.
const HEADERS_MAX: u8 = 6;

/// The headers that some source looks at.
pub const HEADERS: &[&str] = &[
    "content-type",
    "x-github-event",
    "sentry-hook-resource",
    "sentry-hook-timestamp",
    "x-event-key",
    "x-amz-sns-rawdelivery",
    "x-amz-sns-message-type",
    "x-amz-sns-message-id",
    "x-gitlab-event",
    "x-gitlab-token",
    "x-honeycomb-webhook-token",
    "x-signature",
    "x-webhook-signature",
    "x-hub-signature-256",
    "x-hub-signature",
    "x-grafana-alerting-signature",
    "x-grafana-signature",
    "x-vercel-signature",
    "x-pagerduty-signature",
    "x-victorops-signature",
    "x-sfx-signature",
    "sentry-hook-signature",
    "webhook-signature",
    "webhook-timestamp",
    "webhook-id",
    "x-timestamp",
    "x-grafana-alerting-timestamp",
    "idempotency-key",
    "x-webhook-id",
    "x-github-delivery",
    "x-request-uuid",
    "request-id",
    "x-goog-pubsub-message-id",
    "authorization",
    "user-agent",
];

/// The sources by their slugs, as the folders of their fixtures are sorted: a number in a corpus keeps its meaning.
pub static SOURCES: LazyLock<Vec<&'static dyn Source>> = LazyLock::new(|| {
    let mut sources = all().to_vec();
    sources.sort_by_key(|source| source.slug());
    sources
});

/// A call of a source.
#[derive(Debug)]
pub struct Call {
    /// Which source, as an index that is taken modulo their number.
    pub source: u8,
    /// Which method, likewise.
    pub method: u8,
    /// The query string.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The user's own word on where things stand.
    pub mapping: Option<FieldMapping>,
    /// The body.
    pub body: Vec<u8>,
}

/// Numbers come first, and texts after their lengths, so that a seed is some zeros before a body: see `xtask/src/fuzz.rs`.
impl<'a> Arbitrary<'a> for Call {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            source: u.arbitrary()?,
            method: u.arbitrary()?,
            headers: headers(u)?,
            query: text(u)?,
            mapping: mapping(u)?,
            body: u.bytes(u.len())?.to_vec(),
        })
    }
}

impl Call {
    /// Gives the call to its source in all ways, and checks what comes of it.
    pub fn check(&self) {
        let source = SOURCES[usize::from(self.source) % SOURCES.len()];
        let method = &METHODS[usize::from(self.method) % METHODS.len()];
        let request = Request {
            method,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        };
        let _ = source.takes(method);
        let delivery = source.delivery_id(&request);
        assert!(
            delivery.is_none_or(|id| !id.is_empty() && id.len() <= opsknight_sources::DELIVERY_ID_BYTES_MAX),
            "an id of a delivery can be kept"
        );
        let now = Timestamp::from_second(1_700_000_000).expect("a time");
        let _ = source.verify(&request, SECRET, now);
        let verdict = source.parse(&request, self.mapping.as_ref());
        // A mapping that is not valid is never stored; it may name no field, but it breaks nothing either.
        match (&self.mapping, &verdict) {
            (Some(mapping), Err(_)) if mapping.validate().is_err() => {}
            _ => sound::assert_verdict(&verdict),
        }
    }
}

/// A text after its length.
pub fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let length = usize::from(u.arbitrary::<u8>()?).min(u.len());
    Ok(String::from_utf8_lossy(u.bytes(length)?).into_owned())
}

/// Some of the headers that sources look at, with any values.
pub fn headers(u: &mut Unstructured<'_>) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for _ in 0..u.arbitrary::<u8>()? % (HEADERS_MAX + 1) {
        let name = HEADERS[usize::from(u.arbitrary::<u8>()?) % HEADERS.len()];
        if let Ok(value) = HeaderValue::from_str(&text(u)?) {
            map.insert(HeaderName::from_static(name), value);
        }
    }
    Ok(map)
}

/// A mapping with any paths and values; each bit of the first byte is for one part.
pub fn mapping(u: &mut Unstructured<'_>) -> Result<Option<FieldMapping>> {
    let parts = u.arbitrary::<u8>()?;
    if parts == 0 {
        return Ok(None);
    }
    let mut path = |bit: u8| (parts & bit != 0).then(|| text(u)).transpose();
    let mut mapping = FieldMapping {
        summary_field: path(1)?,
        severity_field: path(2)?,
        dedup_key_field: path(4)?,
        action_field: path(8)?,
        source_field: path(16)?,
        ..FieldMapping::default()
    };
    let mut values = |bit: u8| (parts & bit != 0).then(|| Ok(vec![text(u)?, text(u)?])).transpose();
    mapping.trigger_values = values(32)?;
    mapping.acknowledge_values = values(64)?;
    mapping.resolve_values = values(128)?;
    Ok(Some(mapping))
}
