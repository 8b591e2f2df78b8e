//! Web Push: a notification by way of the push service that a browser has chosen (RFC 8030), encrypted for that browser
//! (RFC 8291) and signed by this program (RFC 8292).
//!
//! `subscription` reads what a browser gives us as its address, `payload` says what its service worker gets to read,
//! `seal` encrypts that, `vapid` signs for the push service. A subscription's address comes from outside, so it is
//! called through the guard, and the part of it that lets anybody push is in no error.

use std::fmt;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    incident::Status,
    message::{Content, Message},
    urgency::Urgency,
};
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION},
};
use ring::rand::SystemRandom;
use url::Url;

use crate::{
    Channel, DeliveryError, Endpoint, Problem, Receipt, Timeouts,
    guard::{Guard, check_url},
    http::{Answer, Client},
    news::is_page,
    tls::Roots,
    words::one_line,
};

mod payload;
mod seal;
mod subscription;
mod vapid;

pub use payload::{PAYLOAD_BYTES_MAX, render};
pub use subscription::Subscription;
pub use vapid::VapidKey;

/// How the words begin with which a subscription is refused that does not exist any more; see [`is_gone`].
pub const GONE: &str = "the browser has given up this subscription";
/// For how long a push service keeps a page or news for a device that is away (RFC 8030, section 5.2). Pages ask again
/// and go on to others within minutes; four hours later whoever was paged must still learn of it, and a day later it
/// would only confuse.
const TTL: SignedDuration = SignedDuration::from_hours(4);
/// The same for anything else: an invitation, a code, a test.
const NOTE_TTL: SignedDuration = SignedDuration::from_hours(24);
/// Longest identity of a message that is kept, in characters.
const LOCATION_CHARS_MAX: usize = 500;
/// What push services say of a subscription that was made for another key: Google's "do not correspond to the
/// credentials used to create the subscriptions", Apple's `VapidPkHashMismatch`, Mozilla's "VAPID public key mismatch".
const OTHER_KEY: [&str; 2] = ["do not correspond", "mismatch"];

/// What Web Push needs.
#[derive(Clone)]
pub struct WebPushSettings {
    /// Whom a push service may ask about us: `mailto:…`, or the program's own address (RFC 8292, section 2.1).
    pub subject: String,
    /// What every subscription was made for.
    pub key: VapidKey,
    /// What a notification about nothing in particular opens.
    pub public_url: Url,
    /// Whether push services on private addresses may be called, and without encryption.
    pub allow_private: bool,
}

impl fmt::Debug for WebPushSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            key,
            public_url,
            allow_private,
        } = self;
        f.debug_struct("WebPushSettings")
            .field("subject", subject)
            .field("key", key)
            .field("public_url", &public_url.as_str())
            .field("allow_private", allow_private)
            .finish()
    }
}

impl WebPushSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let rest = ["mailto:", "https://", "http://"]
            .iter()
            .find_map(|scheme| self.subject.strip_prefix(scheme));
        if rest.is_none_or(|rest| rest.is_empty() || !rest.chars().all(|c| c.is_ascii_graphic())) {
            problems.push(Problem {
                field: "subject",
                why: "must be an address of whoever runs this program: mailto:… or https://…".into(),
            });
        }
        if !matches!(self.public_url.scheme(), "http" | "https") {
            problems.push(Problem {
                field: "OPSKNIGHT_PUBLIC_URL",
                why: "must begin with https:// or http://".into(),
            });
        }
        problems
    }
}

/// Sends notifications to browsers.
#[derive(Debug, Clone)]
pub struct WebPush {
    settings: WebPushSettings,
    client: Client,
    guard: Guard,
    // The one place of this crate that draws random numbers. Every message needs a key and a salt of its own and every
    // signature a number that nobody can guess, and `ring` takes them from nothing but the system.
    random: SystemRandom,
}

impl WebPush {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`WebPushSettings::problems`].
    pub fn new(settings: &WebPushSettings, roots: &Roots) -> Result<Self, DeliveryError> {
        Self::with_timeouts(settings, roots, Timeouts::default())
    }

    /// As [`WebPush::new`], with other waits than the usual.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`WebPushSettings::problems`].
    pub fn with_timeouts(settings: &WebPushSettings, roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        let guard = Guard::new(settings.allow_private);
        Ok(Self {
            settings: settings.clone(),
            client: Client::new(guard, roots, timeouts)?,
            guard,
            random: SystemRandom::new(),
        })
    }

    /// The address that is called, checked again at every call: what was saved may have been saved under another
    /// setting.
    fn endpoint(&self, subscription: &Subscription) -> Result<Url, DeliveryError> {
        let private = self.guard.allows_private();
        let refused = |why: String| DeliveryError::Refused {
            why: format!("the subscription's address {why}"),
        };
        let url = check_url(subscription.endpoint(), private).map_err(refused)?;
        if url.scheme() != "https" && !private {
            return Err(refused("must begin with https://".into()));
        }
        Ok(url)
    }
}

/// The subscription does not exist any more and is to be removed: the push service said so.
#[must_use]
pub fn is_gone(error: &DeliveryError) -> bool {
    match error {
        DeliveryError::Refused { why } => why.starts_with(GONE),
        DeliveryError::Retry { .. } | DeliveryError::Misconfigured { .. } | DeliveryError::Unknown { .. } => false,
    }
}

/// How a push service is to treat a message.
struct Handling {
    ttl: SignedDuration,
    /// RFC 8030, section 5.3: what is not `high` may wait until a telephone wakes up.
    urgency: &'static str,
    /// RFC 8030, section 5.4: a message that still waits is replaced by a later one of the same topic.
    topic: Option<String>,
}

fn handling(message: &Message) -> Handling {
    match &message.content {
        Content::Incident(news) => Handling {
            ttl: TTL,
            urgency: match (is_page(news), news.incident.urgency) {
                (true, _) => "high",
                (false, Urgency::High | Urgency::Medium) => "normal",
                (false, Urgency::Low) => "low",
            },
            topic: Some(payload::topic(news)),
        },
        // Two bundles name different incidents, so that none replaces another.
        Content::Bundle(_) => Handling {
            ttl: TTL,
            urgency: "high",
            topic: None,
        },
        Content::Note { .. } => Handling {
            ttl: NOTE_TTL,
            urgency: "normal",
            topic: None,
        },
    }
}

#[async_trait]
impl Channel for WebPush {
    fn name(&self) -> &'static str {
        "web_push"
    }

    /// Sends one message; the address is the JSON of a browser's `PushSubscription`. The push service's own identity of
    /// the message, its `Location`, is the receipt's. The service worker can tell a repetition by `delivery` in what it
    /// reads.
    ///
    /// # Errors
    ///
    /// `Refused` for which [`is_gone`] holds where the subscription is to be removed; else what is to be done next, in
    /// the push service's words. The address' path is in none of them.
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let subscription = Subscription::parse(to).map_err(|why| DeliveryError::Refused { why })?;
        let url = self.endpoint(&subscription)?;
        let text = render(message, &self.settings.public_url);
        let sealed = seal::seal(&subscription, text.as_bytes(), &self.random).map_err(|seal::InvalidKey| {
            DeliveryError::Refused {
                why: "the subscription's key is not a point of the curve".into(),
            }
        })?;
        let authorization = self
            .settings
            .key
            .authorization(&url, &self.settings.subject, now, &self.random);
        let handling = handling(message);
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(AUTHORIZATION, authorization)
            .header("ttl", handling.ttl.as_secs())
            .header("urgency", handling.urgency);
        if let Some(topic) = handling.topic {
            request = request.header("topic", topic);
        }
        let called = self.client.call(request.body(sealed), now).await;
        let answer = called.map_err(|error| match error {
            // A name that leads where nothing may be called is no administrator's mistake but the subscription's.
            DeliveryError::Misconfigured { field: "url", why } => DeliveryError::Refused {
                why: format!("the subscription's address {why}"),
            },
            other => other,
        })?;
        outcome(&answer, subscription.endpoint())
    }

    /// Nothing can be asked: every browser has a push service of its own, which is only asked with a subscription.
    async fn check(&self) -> Result<String, DeliveryError> {
        Ok("the key is good; each browser's push service is asked when a message is sent".into())
    }
}

/// What a push service's answer means (RFC 8030, sections 5 and 8.4; Mozilla, "Autopush error codes"; Apple, "Sending
/// web push notifications").
fn outcome(answer: &Answer, endpoint: &str) -> Result<Receipt, DeliveryError> {
    let endpoint = Endpoint {
        url: endpoint.to_owned(),
        secret: None,
        channel: None,
    };
    let why = answer.words(|words| endpoint.hide_in(words));
    match answer.status {
        status if status.is_success() => {
            let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let receipt = Receipt::of(why);
            Ok(match location {
                Some(location) => receipt.with_id(one_line(location, LOCATION_CHARS_MAX)),
                None => receipt,
            })
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(DeliveryError::Refused {
            why: format!("{GONE}: {why}"),
        }),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Err(DeliveryError::Retry {
                why,
                after: answer.retry_after,
            })
        }
        status if status.is_server_error() => Err(DeliveryError::Retry {
            why,
            after: answer.retry_after,
        }),
        _ if OTHER_KEY.iter().any(|words| answer.body.to_lowercase().contains(words)) => Err(DeliveryError::Refused {
            why: format!("the device must subscribe again, its subscription was made for another key: {why}"),
        }),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(DeliveryError::Misconfigured {
            field: "VAPID key",
            why,
        }),
        status if status.is_redirection() => Err(DeliveryError::Refused {
            why: format!("{why} (redirects are not followed)"),
        }),
        _ => Err(DeliveryError::Refused { why }),
    }
}

/// Whether an incident needs nobody any more who was paged for it.
const fn is_dealt_with(status: Status) -> bool {
    match status {
        Status::Open => false,
        Status::Acknowledged | Status::Snoozed | Status::Suppressed | Status::Resolved => true,
    }
}
