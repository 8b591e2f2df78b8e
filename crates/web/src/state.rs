//! What every handler is given: the store, the clock, and the doors to the parts of the program that receive and send.
//!
//! It owns no rule. The traits here are promises that the server keeps; this crate never calls a provider itself.

use std::{net::IpAddr, ops::Deref, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::{
    delivery::DeliveryError,
    directory::Channel,
    id::{DeliveryId, Fresh, WebhookId},
};
use opsknight_store::{Store, secret::Secret};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::{
    api::settings::rooms::Rooms,
    auth::{Passwords, Throttles, passkey::Passkeys},
    live::Listeners,
    pages::glance::Glances,
    vitals::Vitals,
};

pub use crate::receive::{Receive, TestAnswer};

/// Where time and randomness come from. Asked at the edge, once a request; everything behind it takes values.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> Timestamp;
    /// A new UUID, version 7: for things that are sorted by when they were made.
    fn uuid_v7(&self) -> Uuid;
    /// A new UUID, version 4: for identities that are secrets.
    fn uuid_v4(&self) -> Uuid;
    /// Fills a buffer with bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// The way out to providers, for trying settings before or after they are saved.
#[async_trait]
pub trait Providers: Send + Sync {
    /// Sends a test message on `channel` to `address`. `settings` are those of the settings call that have not been
    /// saved, as they would be stored; for Slack with the `botToken` of the workspace that is tried. Without them the
    /// saved ones are used. The answer is in the provider's own words.
    ///
    /// # Errors
    /// What the provider refused, or what is wrong with the settings.
    async fn test_channel(
        &self,
        channel: Channel,
        settings: Option<Value>,
        address: &str,
    ) -> Result<String, DeliveryError>;

    /// Sends a test message to a stored outbound webhook and says what it answered.
    ///
    /// # Errors
    /// What the receiver refused, or what is wrong with its address.
    async fn test_webhook(&self, webhook: WebhookId) -> Result<String, DeliveryError>;

    /// The body of a message to a generic webhook, as it is whenever it is sent. None where it cannot be told any more, and
    /// for rooms, which have forms of their own.
    ///
    /// # Errors
    /// When it cannot be read now.
    async fn webhook_body(&self, delivery: DeliveryId) -> Result<Option<String>, DeliveryError>;

    /// The body of the test message to a generic webhook: a real one with an incident that does not exist.
    fn webhook_sample(&self) -> String;

    /// Tells the bot of a stored Telegram webhook where the buttons under its messages call, with the secret that those
    /// calls carry. The answer is in Telegram's own words.
    ///
    /// # Errors
    /// What Telegram refused.
    async fn listen_to_telegram(&self, webhook: WebhookId) -> Result<String, DeliveryError>;

    /// The public key by which browsers subscribe to push messages: an uncompressed point of P-256 in base64url.
    ///
    /// # Errors
    /// When it cannot be read now.
    async fn push_key(&self) -> Result<String, DeliveryError>;

    /// Makes one call to an OpenID provider, whose answer is bounded and followed nowhere. Addresses that are not public
    /// are called only where the operator lets them be.
    ///
    /// # Errors
    /// When no answer came, or the address may not be called.
    async fn call_openid(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, DeliveryError>;

    /// The way to Slack.
    fn slack(&self) -> &dyn Slack;
}

/// A workspace in Slack that has given us a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Slack's identity of it: `T…`.
    pub team: String,
    /// Its name.
    pub name: String,
    /// The bot's token.
    pub token: Secret,
    /// The bot's own member identity there.
    pub bot_user: Option<String>,
}

/// A conversation in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackRoom {
    /// Slack's identity of it: `C…`.
    pub id: String,
    /// Its name, without a number sign.
    pub name: String,
    /// Only those who were invited see it.
    pub private: bool,
    /// Our app is in it.
    pub member: bool,
}

/// What settings and pages need of Slack.
#[async_trait]
pub trait Slack: Send + Sync {
    /// The app's credentials, where the environment gives them.
    fn app(&self) -> Option<SlackApp>;

    /// Where an administrator lets our app into their workspace; `state` comes back with them.
    fn authorize_url(&self, client_id: &str, state: &str, redirect: &str) -> Url;

    /// The manifest from which an administrator makes the app.
    fn manifest(&self) -> String;

    /// Turns the code with which they come back into a token.
    ///
    /// # Errors
    /// What Slack refused.
    async fn exchange(&self, app: &SlackApp, code: &str, redirect: &str) -> Result<Installed, DeliveryError>;

    /// Which workspace a bot's token is for.
    ///
    /// # Errors
    /// What Slack refused.
    async fn whose(&self, token: &Secret) -> Result<Installed, DeliveryError>;

    /// The conversations of a connected workspace.
    ///
    /// # Errors
    /// What Slack refused, or that the workspace is not connected.
    async fn rooms(&self, team: &str) -> Result<Vec<SlackRoom>, DeliveryError>;
}

/// The credentials of our app in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackApp {
    /// Its public identity.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
}

/// Bounds that an operator may set.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest body of a management call or a form, in bytes.
    pub body_bytes: usize,
    /// Most live event streams that are open at once.
    pub live_streams: usize,
    /// Most of them that are one person's.
    pub live_streams_each: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            live_streams: 1_000,
            live_streams_each: 100,
        }
    }
}

/// The address of the client, after the trusted proxies were taken into account. The server puts it into the
/// extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What the server gives when it makes the state.
pub struct Parts {
    /// The database, the key that opens credentials, and the picture of the configuration.
    pub store: Store,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// The address under which people and senders reach this server, without a trailing slash.
    pub public_url: Url,
    /// The way in.
    pub receive: Arc<dyn Receive>,
    /// The way out.
    pub providers: Arc<dyn Providers>,
    /// The names of the environment variables that are set and that saved settings override, such as `SMTP_HOST`. Those of
    /// one channel's providers stand in the order in which the providers are asked.
    pub environment: Vec<String>,
    /// What the server knows of itself.
    pub vitals: Arc<dyn Vitals>,
    /// Bounds.
    pub limits: Limits,
}

/// [`Parts`] with what this crate keeps in memory.
pub struct Inner {
    parts: Parts,
    /// Hashes and checks passwords, a few at a time.
    pub(crate) passwords: Passwords,
    /// Who tried to sign in how often.
    pub(crate) throttles: Throttles,
    /// The open event streams.
    pub(crate) listeners: Listeners,
    /// What Slack told of its conversations a moment ago.
    pub(crate) rooms: Rooms,
    /// Figures of the dashboard of a moment ago.
    pub(crate) glances: Glances,
    /// Whether and for which site passkeys can be made.
    pub(crate) passkeys: Passkeys,
}

impl Deref for Inner {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The state of every handler; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl AppState {
    /// Whether a variable of the environment is set that saved settings override.
    pub(crate) fn environment_has(&self, variable: &str) -> bool {
        self.environment.iter().any(|name| name == variable)
    }

    /// The state of a server that begins now. To be called within a runtime, for the live pages have a task of their own.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let passwords = Passwords::new(&*parts.clock);
        let passkeys = Passkeys::of(&parts.public_url);
        let throttles = Throttles::new(&parts.store.db);
        let listeners = Listeners::new(&parts.limits, parts.store.db.subscribe());
        Self(Arc::new(Inner {
            parts,
            passwords,
            throttles,
            listeners,
            rooms: Rooms::default(),
            glances: Glances::default(),
            passkeys,
        }))
    }

    /// Ends the live streams: the first thing to do when the server stops, for they would never end by themselves.
    pub fn stop_live(&self) {
        self.listeners.stop();
    }

    /// How many passwords were hashed since the start: work that shows guessing, and that is the same whether or not
    /// there is an account.
    #[must_use]
    pub fn passwords_hashed(&self) -> u64 {
        self.passwords.hashed()
    }

    /// A link to a path of this server: `path` begins with a slash.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        link(&self.public_url, path)
    }

    /// Whether people reach this server by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// New identities, in the form that `domain` asks for.
    pub fn fresh(&self) -> impl Fresh + use<> {
        let clock = self.clock.clone();
        move || clock.uuid_v7()
    }

    /// 32 random bytes as 64 hexadecimal digits: a token that nobody can guess.
    #[must_use]
    pub fn token(&self) -> String {
        let mut bytes = [0; 32];
        self.clock.fill(&mut bytes);
        hex::encode(bytes)
    }
}

/// A link to a path under a base address, whether or not that ends with a slash.
#[must_use]
pub fn link(base: &Url, path: &str) -> String {
    format!("{}{path}", base.as_str().trim_end_matches('/'))
}
