//! The way out: which provider sends a message, by the settings in force. What is saved in Settings wins over the
//! environment.
//!
//! A channel may have two providers. Which one is asked follows from who was asked last and from who was well lately;
//! whether the other is asked next is the domain's to decide.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use opsknight_channels::{
    Channel as Way, DeliveryError, Endpoint, Hook, Message, Receipt, Secret, Timeouts, Vendors,
    exchange::Exchange,
    push::web,
    rooms::{discord::Discord, google_chat::GoogleChat, teams::Teams, telegram::Telegram},
    slack::Workspace,
    tls::Roots,
    webhook::Webhooks,
};
use opsknight_domain::{delivery::Purpose, directory::Channel};
use opsknight_store::{
    Store,
    db::DbError,
    deliveries::Leased,
    settings,
    webhooks::{WebhookKind, WebhookRow},
};
use opsknight_web::state::Clock;
use serde_json::Value;
use url::Url;

use self::documents::Tools;
use crate::config::Providers as Environment;

mod documents;
mod keys;
mod slack;
mod trial;

pub(crate) use documents::{check, of_environment};
pub use trial::telegram_secret;

/// How long a provider that failed is asked only after the others.
const UNWELL_FOR: SignedDuration = SignedDuration::from_secs(60);

/// A provider, and the name by which the ledger knows it: two of one kind have two.
#[derive(Clone)]
struct Provider {
    label: String,
    way: Arc<dyn Way>,
}

/// A provider that was opened, or why it cannot be used.
type Opened = Result<Arc<dyn Way>, DeliveryError>;

/// The providers of a channel, as of one version of the configuration.
type Kept = HashMap<Channel, (i64, Vec<Provider>)>;

/// Sends messages.
pub struct Outbox {
    store: Store,
    clock: Arc<dyn Clock>,
    environment: Environment,
    tools: Arc<Tools>,
    hooks: Arc<Hooks>,
    /// The way to OpenID providers.
    openid: Arc<Exchange>,
    calls: Calls,
    /// Providers that were given and are not looked up.
    given: HashMap<Channel, Vec<Provider>>,
    kept: Mutex<Kept>,
    /// The workspace of the environment's token, once Slack has said which one that is.
    environment_workspace: Mutex<Option<Workspace>>,
    /// Providers by the document that they were made from, kept for their open lines.
    made: Mutex<HashMap<String, Arc<dyn Way>>>,
    unwell_until: Mutex<HashMap<(Channel, String), Timestamp>>,
}

/// How others are called.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    /// Whether addresses that people gave may be private ones.
    pub allow_private: bool,
    /// How long an answer may take.
    pub timeouts: Timeouts,
}

/// The ways to programs and rooms.
struct Hooks {
    generic: Webhooks,
    teams: Teams,
    google_chat: GoogleChat,
    discord: Discord,
    telegram: Telegram,
}

impl Hooks {
    fn new(calls: Calls, roots: &Roots, telegram: Option<Url>) -> Result<Self, DeliveryError> {
        let Calls {
            allow_private,
            timeouts,
        } = calls;
        Ok(Self {
            generic: Webhooks::with_timeouts(allow_private, roots, timeouts)?,
            teams: Teams::new(allow_private, roots, timeouts)?,
            google_chat: GoogleChat::new(allow_private, roots, timeouts)?,
            discord: Discord::new(allow_private, roots, timeouts)?,
            telegram: Telegram::new(allow_private, roots, timeouts, telegram)?,
        })
    }

    fn of(&self, kind: WebhookKind) -> &dyn Hook {
        match kind {
            WebhookKind::Generic => &self.generic,
            WebhookKind::Teams => &self.teams,
            WebhookKind::GoogleChat => &self.google_chat,
            WebhookKind::Discord => &self.discord,
            WebhookKind::Telegram => &self.telegram,
        }
    }
}

/// What came of asking a provider.
pub struct Asked {
    /// Who was asked; empty: nobody.
    pub provider: String,
    /// How many providers there are for this; at least 1.
    pub providers: u32,
    /// What it said.
    pub result: Result<Receipt, DeliveryError>,
}

impl Asked {
    /// Nobody could be asked.
    #[must_use]
    pub const fn nobody(error: DeliveryError) -> Self {
        Self {
            provider: String::new(),
            providers: 1,
            result: Err(error),
        }
    }
}

impl Outbox {
    /// Sends by what the environment sets up, unless something else is saved.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        environment: Environment,
        public_url: Url,
        calls: Calls,
    ) -> Result<Self, DeliveryError> {
        let roots = Roots::native();
        Ok(Self {
            hooks: Arc::new(Hooks::new(calls, &roots, environment.bases.telegram.clone())?),
            openid: Arc::new(Exchange::new(calls.allow_private, &roots, calls.timeouts)?),
            tools: Arc::new(Tools {
                vendors: Vendors::new(&roots, calls.timeouts)?,
                roots,
                bases: environment.bases.clone(),
                public_url,
            }),
            store,
            clock,
            environment,
            calls,
            given: HashMap::new(),
            kept: Mutex::default(),
            environment_workspace: Mutex::default(),
            made: Mutex::default(),
            unwell_until: Mutex::default(),
        })
    }

    /// Another one, of another program as it were, that hands everything over to these providers: for a simulation. Which
    /// of two is asked, and what follows when one does not answer, is decided as always.
    #[must_use]
    pub fn through(&self, store: Store, clock: Arc<dyn Clock>, ways: Vec<(Channel, Vec<Arc<dyn Way>>)>) -> Self {
        let given = ways.into_iter().map(|(channel, ways)| (channel, labelled(ways)));
        Self {
            store,
            clock,
            environment: self.environment.clone(),
            tools: self.tools.clone(),
            hooks: self.hooks.clone(),
            openid: self.openid.clone(),
            calls: self.calls,
            given: given.collect(),
            kept: Mutex::default(),
            environment_workspace: Mutex::default(),
            made: Mutex::default(),
            unwell_until: Mutex::default(),
        }
    }

    /// Sends to a person or a conversation.
    pub async fn send(&self, leased: &Leased, address: &str, message: &Message) -> Asked {
        let Some(channel) = Channel::from_word(&leased.channel) else {
            return Asked::nobody(DeliveryError::Refused {
                why: format!("{} is no channel", leased.channel),
            });
        };
        let providers = match self.providers(channel).await {
            Ok(providers) => providers,
            Err(error) => return Asked::nobody(error),
        };
        let Some(provider) = self.next(channel, &providers, leased.provider.as_deref()) else {
            return Asked::nobody(none_set_up(channel));
        };
        let now = self.clock.now();
        let result = match leased.purpose {
            Purpose::Edit => provider.way.edit(message, now).await,
            Purpose::Page | Purpose::Notice | Purpose::Webhook | Purpose::Account => {
                provider.way.send(address, message, now).await
            }
        };
        self.remember(channel, provider, result.as_ref().err());
        Asked {
            provider: provider.label.clone(),
            providers: u32::try_from(providers.len()).unwrap_or(u32::MAX),
            result,
        }
    }

    /// Sends to an outbound webhook.
    pub async fn post(&self, webhook: &WebhookRow, message: &Message) -> Asked {
        let hook = self.hooks.of(webhook.kind);
        Asked {
            provider: hook.name().to_owned(),
            providers: 1,
            result: hook.post(&endpoint(webhook), message, self.clock.now()).await,
        }
    }

    /// Whether an address is no more: a browser that has withdrawn its subscription.
    #[must_use]
    pub fn is_gone(&self, channel: &str, error: &DeliveryError) -> bool {
        channel == Channel::Push.word() && web::is_gone(error)
    }

    /// Who is asked next: somebody other than the one who was asked last, and rather one who was well lately.
    fn next<'p>(&self, channel: Channel, providers: &'p [Provider], last: Option<&str>) -> Option<&'p Provider> {
        let now = self.clock.now();
        let unwell = self.unwell_until.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unwell = |provider: &Provider| {
            unwell
                .get(&(channel, provider.label.clone()))
                .is_some_and(|until| *until > now)
        };
        providers
            .iter()
            .min_by_key(|provider| (Some(provider.label.as_str()) == last, is_unwell(provider)))
    }

    fn remember(&self, channel: Channel, provider: &Provider, error: Option<&DeliveryError>) {
        let until = match error {
            // What is refused is refused for its address; it tells nothing of the provider.
            Some(DeliveryError::Refused { .. }) => return,
            None => None,
            Some(DeliveryError::Retry { .. } | DeliveryError::Misconfigured { .. } | DeliveryError::Unknown { .. }) => {
                self.clock.now().checked_add(UNWELL_FOR).ok()
            }
        };
        let mut unwell = self.unwell_until.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (channel, provider.label.clone());
        match until {
            Some(until) => drop(unwell.insert(key, until)),
            None => drop(unwell.remove(&key)),
        }
    }

    /// The providers of a channel, as the picture has it that the message was leased by: read once for each version.
    async fn providers(&self, channel: Channel) -> Result<Vec<Provider>, DeliveryError> {
        if let Some(given) = self.given.get(&channel) {
            return Ok(given.clone());
        }
        // Before the first picture there is no version to remember them by.
        let version = Some(self.store.pictures.cached().directory.version).filter(|version| *version > 0);
        if let Some((of, providers)) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&channel)
            && Some(*of) == version
        {
            return Ok(providers.clone());
        }
        let providers = self.make(channel).await?;
        if let Some(version) = version {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(channel, (version, providers.clone()));
            let in_use: Vec<Arc<dyn Way>> = kept
                .values()
                .flat_map(|(_, all)| all)
                .map(|one| one.way.clone())
                .collect();
            drop(kept);
            // The lines of settings that are not in force any more are let go.
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.retain(|_, way| in_use.iter().any(|used| Arc::ptr_eq(used, way)));
        }
        Ok(providers)
    }

    /// The providers that can be used. One that cannot is left out, so that it does not take the other one with it.
    async fn make(&self, channel: Channel) -> Result<Vec<Provider>, DeliveryError> {
        let mut ways = Vec::new();
        let mut wrong = None;
        for way in self.each(channel).await? {
            match way {
                Ok(way) => ways.push(way),
                Err(error) => {
                    tracing::error!(error = %error, "a provider for {} cannot be used", channel.name());
                    wrong = wrong.or(Some(error));
                }
            }
        }
        match wrong {
            Some(error) if ways.is_empty() => Err(error),
            Some(_) | None => Ok(labelled(ways)),
        }
    }

    /// Every provider that is set up for a channel, or why it cannot be used.
    async fn each(&self, channel: Channel) -> Result<Vec<Opened>, DeliveryError> {
        if channel == Channel::Slack {
            return Ok(self.slack_way().await?.map(Ok).into_iter().collect());
        }
        let mut documents = self.documents(channel).await?;
        if channel == Channel::Push && documents.is_empty() {
            documents.push(serde_json::json!({ "provider": "WEB_PUSH" }));
        }
        Ok(self.open_each(channel, &documents).await)
    }

    async fn open_each(&self, channel: Channel, documents: &[Value]) -> Vec<Opened> {
        let mut ways = Vec::new();
        for document in documents {
            ways.push(self.open(channel, document).await);
        }
        ways
    }

    /// The provider of a document; the same one as long as the document is the same.
    async fn open(&self, channel: Channel, document: &Value) -> Result<Arc<dyn Way>, DeliveryError> {
        let key = format!("{} {document}", channel.word());
        let made = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(way) = made {
            return Ok(way);
        }
        let way: Arc<dyn Way> = if document["provider"] == "WEB_PUSH" {
            Arc::new(self.web_push().await?)
        } else {
            documents::open(channel, document, &self.tools)?
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(made.entry(key).or_insert(way).clone())
    }

    /// A credential of a provider that is set up, as often as it is: for checking who calls.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub async fn credentials(
        &self,
        channel: Channel,
        provider: &str,
        field: &str,
    ) -> Result<Vec<Secret>, DeliveryError> {
        let documents = self.documents(channel).await?;
        let of = documents.iter().filter(|document| document["provider"] == provider);
        let given = of.filter_map(|document| document[field].as_str().filter(|text| !text.is_empty()));
        Ok(given.map(Secret::new).collect())
    }

    /// A credential of our app in Slack.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub async fn slack_secrets(&self, field: &str) -> Result<Vec<Secret>, DeliveryError> {
        let app = self
            .saved(Channel::Slack)
            .await?
            .or_else(|| self.environment.slack_app.clone());
        let given = app.as_ref().and_then(|app| app[field].as_str());
        Ok(given
            .filter(|text| !text.is_empty())
            .map(Secret::new)
            .into_iter()
            .collect())
    }

    /// Says something to who pressed a button in Telegram.
    pub async fn answer_telegram(&self, webhook: &WebhookRow, callback: &str, text: &str) {
        let now = self.clock.now();
        let telegram = &self.hooks.telegram;
        if let Err(error) = telegram.answer_callback(&endpoint(webhook), callback, text, now).await {
            tracing::warn!(webhook.name = %webhook.name, error = %error, "an answer in Telegram could not be given");
        }
    }

    /// How each provider of a channel is set up: what is saved counts, and the environment where nothing is.
    async fn documents(&self, channel: Channel) -> Result<Vec<Value>, DeliveryError> {
        Ok(match self.saved(channel).await? {
            Some(kept) => documents::documents(&kept),
            None => self.environment.of.get(&channel).cloned().unwrap_or_default(),
        })
    }

    /// What is saved for a channel now.
    async fn saved(&self, channel: Channel) -> Result<Option<Value>, DeliveryError> {
        self.setting(settings::of_channel(channel)).await
    }

    async fn setting(&self, name: String) -> Result<Option<Value>, DeliveryError> {
        let sealer = self.store.sealer.clone();
        let read = self
            .store
            .db
            .read(async move |tx| settings::get(tx, &sealer, &name).await)
            .await;
        read.map(|found| found.map(|(value, _)| value))
            .map_err(|error| unreadable(&error))
    }
}

/// The database cannot say how a channel is set up: that passes.
fn unreadable(error: &DbError) -> DeliveryError {
    tracing::error!(error = %error, "the settings of a channel cannot be read");
    DeliveryError::Retry {
        why: "the settings of the channel cannot be read".into(),
        after: None,
    }
}

fn none_set_up(channel: Channel) -> DeliveryError {
    DeliveryError::Misconfigured {
        field: "provider",
        why: format!("no provider for {} is set up", channel.name()),
    }
}

/// Names each provider by its kind; the second of a kind gets a number.
fn labelled(ways: Vec<Arc<dyn Way>>) -> Vec<Provider> {
    let mut providers: Vec<Provider> = Vec::new();
    for way in ways {
        let alike = providers.iter().filter(|other| other.way.name() == way.name()).count();
        let label = match alike {
            0 => way.name().to_owned(),
            n => format!("{}#{}", way.name(), n + 1),
        };
        providers.push(Provider { label, way });
    }
    providers
}

fn endpoint(webhook: &WebhookRow) -> Endpoint {
    Endpoint {
        url: webhook.url.expose().to_owned(),
        secret: webhook.secret.as_ref().map(|secret| Secret::new(secret.expose())),
        channel: webhook.channel.clone(),
    }
}
