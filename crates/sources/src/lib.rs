//! What monitoring tools send, turned into events: bytes and headers in, [`Normalised`] alerts out.
//!
//! This crate owns what is particular to each product: the shape of its payload, the scheme of its signature, the text
//! that helps to set it up and a sample of what it sends. It never looks at a database, a clock or the network, and it
//! knows neither incidents nor people: what becomes of an event is decided elsewhere.
//!
//! A new source is one file beside this one and two lines here: its `mod` and its entry in [`all`].

use http::{HeaderMap, Method};
use jiff::Timestamp;
use opsknight_domain::event::Normalised;

mod alertmanager;
mod appdynamics;
mod azure;
mod better_uptime;
mod bitbucket;
mod checks;
pub mod cloudwatch;
mod datadog;
mod dynatrace;
mod elastic;
pub mod events;
mod github;
mod gitlab;
mod google_cloud_monitoring;
mod grafana;
pub mod guide;
mod honeycomb;
mod icinga;
mod input;
mod json;
mod link;
mod loose;
pub mod mapping;
mod nagios;
mod newrelic;
mod normalise;
mod pagerduty;
mod path;
mod pick;
mod pingdom;
mod prometheus;
pub mod proof;
mod sentry;
pub mod setup;
pub mod signature;
mod splunk_observability;
mod splunk_oncall;
mod template;
#[cfg(test)]
mod testing;
pub mod token;
mod uptime_kuma;
mod uptimerobot;
mod vercel;
mod webhook;
mod when;
mod zabbix;

use guide::Facts;
use mapping::{FieldMapping, Origins};
use proof::{Issuer, Proof};
use setup::{Sample, Setup};
use signature::{SignatureError, SignatureSupport};

/// Most alerts that one request may hold. Alertmanager's groups have no limit of their own, and a group that is refused
/// is lost, so this one is far above what is seen; the size of the body bounds it too.
pub const ALERTS_MAX: usize = 10_000;

/// Longest delivery id that is kept as it is, in bytes; a longer one is kept as its SHA-256.
pub const DELIVERY_ID_BYTES_MAX: usize = 255;

/// The products, in the order of the gallery.
static ALL: [&dyn Source; 28] = [
    &prometheus::Prometheus,
    &grafana::Grafana,
    &cloudwatch::CloudWatch,
    &azure::Azure,
    &google_cloud_monitoring::GoogleCloudMonitoring,
    &github::GitHub,
    &gitlab::GitLab,
    &bitbucket::Bitbucket,
    &vercel::Vercel,
    &datadog::Datadog,
    &newrelic::NewRelic,
    &dynatrace::Dynatrace,
    &appdynamics::AppDynamics,
    &elastic::Elastic,
    &honeycomb::Honeycomb,
    &splunk_observability::SplunkObservability,
    &sentry::Sentry,
    &uptimerobot::UptimeRobot,
    &pingdom::Pingdom,
    &better_uptime::BetterUptime,
    &uptime_kuma::UptimeKuma,
    &zabbix::Zabbix,
    &nagios::Nagios,
    &icinga::Icinga,
    &splunk_oncall::SplunkOnCall,
    &pagerduty::PagerDuty,
    &events::EventsApi,
    &webhook::Webhook,
];

/// Every source there is, in the order of the gallery.
#[must_use]
pub fn all() -> &'static [&'static dyn Source] {
    &ALL
}

/// The source whose name in URLs is `slug`, such as `prometheus`.
#[must_use]
pub fn by_slug(slug: &str) -> Option<&'static dyn Source> {
    all().iter().copied().find(|source| source.slug() == slug)
}

/// The source whose stored type is `type_name`, such as `PROMETHEUS`.
#[must_use]
pub fn by_type(type_name: &str) -> Option<&'static dyn Source> {
    all().iter().copied().find(|source| source.type_name() == type_name)
}

/// What a sender sent: the parts of an HTTP request that a source may look at.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// The query string as it came, without the question mark. Parameters of ours, such as `integrationId`, are in it.
    pub query: &'a str,
    /// The headers as they came.
    pub headers: &'a HeaderMap,
    /// The body: the very bytes that a signature is made over, already decompressed and within its limit.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The first value of a header, where it is readable text and not blank.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let value = self.headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// The media type of the body in lower case and without parameters, such as `application/json`.
    #[must_use]
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }
}

/// The body is not what this source understands. The caller answers 400 and names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct ParseError {
    /// Where it is: a JSON path such as `alerts[0].labels`, or `body` for the whole.
    pub field: String,
    /// What is wrong with it, so that it reads on from the name of the field: "is missing".
    pub message: String,
}

impl ParseError {
    /// Something is wrong at `field`; `message` reads on from its name.
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// A kind of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// They measure, and say what is wrong.
    Monitoring,
    /// The clouds' own monitoring.
    Cloud,
    /// They build and deploy.
    Builds,
    /// They look from outside whether something answers.
    Uptime,
    /// They page people themselves.
    OnCall,
    /// Whatever can send at all.
    Generic,
}

impl Category {
    /// All of them, in the order of the gallery.
    pub const ALL: [Self; 6] = [
        Self::Monitoring,
        Self::Cloud,
        Self::Builds,
        Self::Uptime,
        Self::OnCall,
        Self::Generic,
    ];

    /// What people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Monitoring => "Monitoring",
            Self::Cloud => "Cloud",
            Self::Builds => "Builds and deployments",
            Self::Uptime => "Uptime",
            Self::OnCall => "On-call tools",
            Self::Generic => "Anything else",
        }
    }
}

/// One product that sends alerts.
pub trait Source: Sync + Send {
    /// Its name in URLs: `prometheus`.
    fn slug(&self) -> &'static str;

    /// Its name where integrations are stored and in the API: `PROMETHEUS`.
    fn type_name(&self) -> &'static str;

    /// What people call it: `Prometheus Alertmanager`.
    fn title(&self) -> &'static str;

    /// One line for the gallery that says what arrives from it.
    fn tagline(&self) -> &'static str;

    /// Among which kind of tools it is found.
    fn category(&self) -> Category;

    /// Turns a request into what it says: one entry an alert, in the order of the payload, also for alerts that mean
    /// nothing to us. Only a source that [maps fields](Self::maps_fields) looks at `mapping`.
    ///
    /// # Errors
    ///
    /// The body is not of this product's form, or lacks what makes an alert an alert.
    fn parse(&self, request: &Request<'_>, mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError>;

    /// Whether a [`FieldMapping`] of the user says how to read the body.
    fn maps_fields(&self) -> bool {
        false
    }

    /// Where in the body the parts of each alert stand, one entry an alert in the order of [`parse`](Self::parse). Only
    /// for people who try out how a body is read; a source with a form of its own has nothing to tell.
    fn origins(&self, _request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Vec<Origins> {
        Vec::new()
    }

    /// How its requests can be signed, and what to tell the person who sets a secret.
    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "This product does not sign its requests itself. Set a secret only where something in between signs \
                   them: X-Signature, or the headers of Standard Webhooks.",
        }
    }

    /// Checks that whoever knows `secret` sent the request, at about this time where it says when.
    ///
    /// # Errors
    ///
    /// It is not signed, wrongly signed, or signed too long ago.
    fn verify(&self, request: &Request<'_>, secret: &str, now: Timestamp) -> Result<(), SignatureError> {
        signature::verify_generic(request, secret, now)
    }

    /// What the request brings besides to show who sent it.
    fn proof(&self, _request: &Request<'_>) -> Proof {
        self.token_issuer().map_or(Proof::Nothing, Proof::Token)
    }

    /// Whose bearer tokens its sender can be made to bring.
    fn token_issuer(&self) -> Option<Issuer> {
        None
    }

    /// Whether it arrives through topics of Amazon SNS, which are pinned.
    fn comes_through_sns(&self) -> bool {
        false
    }

    /// What the sender calls this delivery, where it says so: the same delivery sent again has the same id.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(request, &["webhook-id", "idempotency-key"])
    }

    /// Whether the product calls with this method.
    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST
    }

    /// Whether the product writes something of its own behind the path of the address that it is given.
    fn path_goes_on(&self) -> bool {
        false
    }

    /// The status that this product wants to see when all is well.
    fn answer_status(&self) -> u16 {
        202
    }

    /// What becomes of what it sends, for the guide.
    fn facts(&self) -> Facts;

    /// How to set the product up so that its alerts arrive.
    fn setup(&self) -> Setup;

    /// A request as this product would send it at `now`, for trying an integration out. It goes the way of a real one.
    fn sample(&self, now: Timestamp) -> Sample;
}

/// The first of `names` that is set, as the id of a delivery.
pub(crate) fn header_delivery_id(request: &Request<'_>, names: &[&str]) -> Option<String> {
    let id = names.iter().find_map(|name| request.header(name))?;
    Some(if id.len() <= DELIVERY_ID_BYTES_MAX {
        id.to_owned()
    } else {
        hash_hex([id])
    })
}

/// The first 128 bits of the SHA-256 of some texts as 32 hexadecimal digits. Two different lists have different hashes.
pub(crate) fn hash_hex<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    use sha2::Digest as _;

    let mut hash = sha2::Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_of_one_form() {
        for source in all() {
            let slug = source.slug();
            assert!(slug.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{slug}");
            assert_eq!(all().iter().filter(|other| other.slug() == slug).count(), 1, "{slug}");
            let expected = if slug == "events" {
                "EVENTS_API_V2".into()
            } else {
                slug.to_uppercase().replace('-', "_")
            };
            assert_eq!(source.type_name(), expected);
            assert_eq!(by_slug(slug).map(Source::type_name), Some(source.type_name()));
            assert_eq!(by_type(source.type_name()).map(Source::slug), Some(slug));
        }
        assert!(by_slug("PROMETHEUS").is_none());
    }

    #[test]
    fn hashes_tell_lists_apart() {
        assert_ne!(hash_hex(["ab", "c"]), hash_hex(["a", "bc"]));
        assert_eq!(hash_hex(["ab"]).len(), 32);
    }
}
