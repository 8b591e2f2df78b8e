//! Whom senders of clouds can be believed to be: signatures of Amazon SNS, and bearer tokens of Google and Microsoft.
//!
//! It fetches what such a check needs, certificates and issuers' keys, keeps it for a while, and follows the handshake of
//! SNS. What makes a proof a good one is decided in `sources`. When something cannot be fetched the sender is told to
//! come back, never that it is wrong.

use std::{collections::HashMap, sync::Arc};

use axum::http::HeaderMap;
use jiff::Timestamp;
use opsknight_channels::{
    DeliveryError, Timeouts,
    fetch::{FetchError, Fetcher},
    guard::Guard,
    tls::Roots,
};
use opsknight_sources::{
    cloudwatch::{
        certificate,
        sns::{self, Envelope, Kind},
    },
    proof::{Issuer, Proof, TokenRule},
    token::{self, jwt},
};
use opsknight_store::integrations::IntegrationRow;
use opsknight_web::state::Clock;
use tokio::sync::Mutex;
use url::{Host, Url};

use super::credentials::{Authorization, authorization};
use crate::config::Clouds;

mod kept;

use kept::Kept;

/// Longest certificate or set of keys, in bytes.
const DOCUMENT_BYTES_MAX: usize = 256 << 10;
/// How long a certificate of SNS is kept, in seconds. Its address names one certificate forever.
const CERTIFICATE_KEPT_S: i64 = 24 * 3600;
/// How long an issuer's keys are kept, in seconds: a key that was withdrawn is believed no longer.
const KEYS_KEPT_S: i64 = 3600;
/// How long they hold on while the issuer does not answer, in seconds.
const KEYS_HELD_S: i64 = 24 * 3600;
/// How often an issuer is asked at most for a key that it did not have, in seconds.
const KEYS_ASKED_AGAIN_S: i64 = 60;

/// Why a request is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is not from whom it should be. For the log; the sender hears the same in all cases.
    Wrong(String),
    /// It cannot be told now.
    Unknown(String),
}

/// How a handshake ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unconfirmed {
    /// Amazon refused: the token has expired, or was used.
    Refused(String),
    /// No answer came; SNS asks again.
    Unreachable(String),
}

/// Checks proofs.
pub(super) struct Authority {
    clouds: Clouds,
    clock: Arc<dyn Clock>,
    fetcher: Fetcher,
    certificates: Mutex<Kept<Arc<Vec<u8>>>>,
    keys: Mutex<Kept<Arc<jwt::Keys>>>,
    /// When issuers were last asked for a key that they did not have.
    asked: Mutex<HashMap<Url, Timestamp>>,
}

impl Authority {
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(clouds: Clouds, clock: Arc<dyn Clock>) -> Result<Self, DeliveryError> {
        // Every address that is asked is either Amazon's or Microsoft's or Google's own, where private endpoints of a
        // network are resolved to private addresses, or one that the operator set.
        let fetcher = Fetcher::new(Guard::new(true), &Roots::native(), Timeouts::default())?;
        Ok(Self {
            clouds,
            clock,
            fetcher,
            certificates: Mutex::default(),
            keys: Mutex::default(),
            asked: Mutex::default(),
        })
    }

    /// Checks what a request brings to show where it comes from.
    pub(super) async fn check(
        &self,
        proof: &Proof,
        integration: &IntegrationRow,
        headers: &HeaderMap,
    ) -> Result<(), Doubt> {
        match proof {
            Proof::Nothing => Ok(()),
            Proof::Sns(envelope) => {
                expect_topic(integration, Some(&envelope.topic_arn))?;
                self.is_from_sns(envelope).await
            }
            Proof::RawSns { topic_arn } => expect_topic(integration, topic_arn.as_deref()),
            Proof::Token(issuer) => match rule(integration)? {
                Some(rule) => self.check_token(*issuer, &rule, headers).await,
                None => Ok(()),
            },
        }
    }

    /// Whether SNS has signed an envelope, where signatures are checked.
    pub(super) async fn is_from_sns(&self, envelope: &Envelope) -> Result<(), Doubt> {
        if self.clouds.sns_verify_signatures {
            self.check_envelope(envelope).await?;
        }
        Ok(())
    }

    async fn check_envelope(&self, envelope: &Envelope) -> Result<(), Doubt> {
        let now = self.clock.now();
        let wrong = |why: &str| Err(Doubt::Wrong(why.to_owned()));
        if !envelope.is_fresh(now) {
            return wrong("the message was published too long ago");
        }
        if !certificate::is_signed(envelope) {
            return wrong("there is no signature of Amazon SNS on it");
        }
        let address = &envelope.signing_cert_url;
        let trusted = sns::is_certificate_url(address) || self.is_endpoint(address);
        let (true, Ok(url)) = (trusted, Url::parse(address)) else {
            return wrong("SigningCertURL is no address of Amazon SNS");
        };
        let pem = self.certificate(url, now).await?;
        certificate::verify(envelope, &pem, now).map_err(|error| Doubt::Wrong(error.to_string()))
    }

    /// The certificate at this address. One is fetched at a time; others wait for it.
    async fn certificate(&self, url: Url, now: Timestamp) -> Result<Arc<Vec<u8>>, Doubt> {
        let mut kept = self.certificates.lock().await;
        if let Some(pem) = kept.fresh(&url, now, CERTIFICATE_KEPT_S) {
            return Ok(pem);
        }
        let pem = self.fetcher.get(url.clone(), DOCUMENT_BYTES_MAX).await;
        match pem {
            Ok(pem) => Ok(kept.keep(url, Arc::new(pem), now)),
            Err(FetchError::Refused(status, _)) if is_final(status.as_u16()) => {
                Err(Doubt::Wrong(format!("SNS has no such certificate: {status}")))
            }
            Err(error) => Err(Doubt::Unknown(format!(
                "the certificate of SNS cannot be fetched: {error}"
            ))),
        }
    }

    async fn check_token(&self, issuer: Issuer, rule: &TokenRule, headers: &HeaderMap) -> Result<(), Doubt> {
        let Some(Authorization::Bearer(text)) = authorization(headers) else {
            return Err(Doubt::Wrong("there is no bearer token".into()));
        };
        let wrong = |error: &dyn std::fmt::Display| Doubt::Wrong(error.to_string());
        let token = jwt::Token::read(text.expose()).map_err(|error| wrong(&error))?;
        let url = self.keys_url(issuer, rule)?;
        let now = self.clock.now();
        let keys = self.keys(&url, now).await?;
        let claims = match token.claims(&keys) {
            Err(jwt::TokenError::UnknownKey) => {
                let keys = self.keys_anew(&url, now).await?;
                token.claims(&keys).cloned()
            }
            other => other.cloned(),
        };
        let claims = claims.map_err(|error| wrong(&error))?;
        let (audience, none) = (rule.audience.as_str(), String::new());
        let checked = match issuer {
            Issuer::Google => {
                let account = rule.service_account.as_ref().unwrap_or(&none);
                token::check_google(&claims, audience, account, now)
            }
            Issuer::Entra => {
                let tenant = rule.tenant_id.as_ref().unwrap_or(&none);
                let authority = self.clouds.entra.as_str().trim_end_matches('/');
                token::check_azure(&claims, audience, tenant, authority, now)
            }
        };
        checked.map_err(|error| wrong(&error))
    }

    /// Where an issuer publishes its keys.
    /// Sources: <https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions>,
    /// <https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens>.
    fn keys_url(&self, issuer: Issuer, rule: &TokenRule) -> Result<Url, Doubt> {
        let (base, path) = match issuer {
            Issuer::Google => (&self.clouds.google, "/oauth2/v3/certs".to_owned()),
            Issuer::Entra => {
                let tenant = rule.tenant_id.as_deref().unwrap_or("common");
                (&self.clouds.entra, format!("/{tenant}/discovery/v2.0/keys"))
            }
        };
        let address = format!("{}{path}", base.as_str().trim_end_matches('/'));
        Url::parse(&address).map_err(|error| Doubt::Unknown(format!("the issuer's address is no URL: {error}")))
    }

    /// An issuer's keys, as they were within the last hour. When it does not answer the last ones hold on for a day, for
    /// a page must not wait for somebody else's server.
    async fn keys(&self, url: &Url, now: Timestamp) -> Result<Arc<jwt::Keys>, Doubt> {
        let mut kept = self.keys.lock().await;
        if let Some(keys) = kept.fresh(url, now, KEYS_KEPT_S) {
            return Ok(keys);
        }
        let older = kept.fresh(url, now, KEYS_HELD_S);
        if let Some(keys) = older
            .clone()
            .filter(|_| kept.failed_within(url, now, KEYS_ASKED_AGAIN_S))
        {
            return Ok(keys);
        }
        match self.fetch_keys(url).await {
            Ok(keys) => Ok(kept.keep(url.clone(), keys, now)),
            Err(doubt) => {
                kept.failed(url, now);
                older.ok_or(doubt)
            }
        }
    }

    /// The keys asked for once more, since a token names one that is not among them.
    async fn keys_anew(&self, url: &Url, now: Timestamp) -> Result<Arc<jwt::Keys>, Doubt> {
        let mut asked = self.asked.lock().await;
        let lately = |at: &Timestamp| now.as_second() - at.as_second() < KEYS_ASKED_AGAIN_S;
        if asked.get(url).is_some_and(lately) {
            return self.keys(url, now).await;
        }
        asked.insert(url.clone(), now);
        let keys = self.fetch_keys(url).await?;
        Ok(self.keys.lock().await.keep(url.clone(), keys, now))
    }

    async fn fetch_keys(&self, url: &Url) -> Result<Arc<jwt::Keys>, Doubt> {
        let unknown = |error: &dyn std::fmt::Display| Doubt::Unknown(format!("the issuer's keys: {error}"));
        let body = self.fetcher.get(url.clone(), DOCUMENT_BYTES_MAX).await;
        let body = body.map_err(|error| unknown(&error))?;
        jwt::Keys::read(&body).map(Arc::new).map_err(|error| unknown(&error))
    }

    /// Confirms a subscription whose envelope was checked: calls the address that it names.
    pub(super) async fn confirm(&self, envelope: &Envelope) -> Result<(), Unconfirmed> {
        let address = envelope.subscribe_url.as_deref().unwrap_or_default();
        let topic = &envelope.topic_arn;
        let emulated = !self.clouds.sns_verify_signatures;
        let url = match Url::parse(address) {
            Ok(url) if sns::is_confirmation_url(address, topic) => url,
            Ok(url) if self.is_endpoint(address) && sns::confirms(&url, topic) => url,
            // An emulator has whatever address it has; what is asked of it is the same.
            Ok(url) if emulated && sns::confirms(&url, topic) && !is_link_local(&url) => self.emulator(url),
            _ => {
                let why = "its SubscribeURL is no address by which SNS confirms this topic";
                return Err(Unconfirmed::Refused(why.into()));
            }
        };
        match self.fetcher.get(url, DOCUMENT_BYTES_MAX).await {
            Ok(_) | Err(FetchError::TooLong) => Ok(()),
            Err(FetchError::Refused(status, words)) if is_final(status.as_u16()) => {
                Err(Unconfirmed::Refused(format!("SNS answered {status}: {words}")))
            }
            Err(error) => Err(Unconfirmed::Unreachable(error.to_string())),
        }
    }

    /// Where an emulator is really found: at the endpoint that the operator set, or where its name leads. LocalStack's name
    /// for itself is one in the public DNS that leads to this machine, which a machine without that DNS knows as well.
    /// Source: <https://docs.localstack.cloud/aws/capabilities/networking/>.
    fn emulator(&self, mut url: Url) -> Url {
        if let Some(mut endpoint) = self.clouds.sns_endpoint.clone() {
            endpoint.set_query(url.query());
            return endpoint;
        }
        if url.host_str() == Some("localhost.localstack.cloud") {
            // An http URL with a host takes another host.
            let _taken = url.set_host(Some("127.0.0.1"));
        }
        url
    }

    /// Whether an address lies at the endpoint of SNS that the operator set instead of Amazon's.
    fn is_endpoint(&self, address: &str) -> bool {
        let endpoint = self.clouds.sns_endpoint.as_ref().map(Url::origin);
        endpoint.is_some() && Url::parse(address).ok().map(|url| url.origin()) == endpoint
    }
}

/// Whether an address is one at which clouds tell machines their own credentials: no emulator is there.
fn is_link_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_unicast_link_local(),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Whether asking again would be answered the same: a server that is asked too often, or too slowly, will answer later.
const fn is_final(status: u16) -> bool {
    matches!(status, 400..=407 | 409..=428 | 430..=499)
}

/// Whether a message of this topic may come here.
fn expect_topic(integration: &IntegrationRow, topic: Option<&str>) -> Result<(), Doubt> {
    let topics = &integration.topics;
    if topics.is_empty() || topic.is_some_and(|topic| topics.iter().any(|known| known == topic)) {
        return Ok(());
    }
    Err(Doubt::Wrong(format!(
        // As it would stand in a program: a line of a stranger's must not look like one of the log.
        "it comes from the topic {:?}, and only {} may send here",
        topic.unwrap_or("(none)"),
        topics.join(", ")
    )))
}

/// Which tokens the integration believes. What was stored was checked when it was set; if it cannot be read, nothing is
/// believed.
fn rule(integration: &IntegrationRow) -> Result<Option<TokenRule>, Doubt> {
    let rule = integration.token_rule.clone().map(serde_json::from_value).transpose();
    rule.map_err(|error| {
        tracing::error!(integration.name = %integration.name, error = %error, "the token rule cannot be read");
        Doubt::Unknown("the token rule cannot be read".into())
    })
}

/// The handshake that a request begins.
pub(super) fn handshake(proof: &Proof) -> Option<&Envelope> {
    match proof {
        Proof::Sns(envelope) if envelope.kind == Kind::SubscriptionConfirmation => Some(envelope),
        Proof::Sns(_) | Proof::RawSns { .. } | Proof::Token(_) | Proof::Nothing => None,
    }
}
