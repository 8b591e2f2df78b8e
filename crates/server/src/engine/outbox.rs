//! The providers: which one sends a message, with the settings in force. What is saved in Settings wins over the
//! environment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_channels::{
    Channel as Provider, DeliveryError, Message, Receipt, Secret,
    email::{Smtp, SmtpSettings, Tls},
    tls::Roots,
    webhook::{Endpoint, Webhooks},
};
use opsknight_domain::{
    directory::Channel,
    id::{DeliveryId, WebhookId},
    message::Content,
};
use opsknight_store::{
    Store,
    db::DbError,
    settings,
    webhooks::{self, WebhookKind, WebhookRow},
};
use opsknight_web::state::{Clock, Providers};
use serde_json::Value;

/// Sends messages.
pub struct Outbox {
    store: Store,
    clock: Arc<dyn Clock>,
    roots: Roots,
    webhooks: Webhooks,
    environment: Option<SmtpSettings>,
    /// The mail server in use, kept for its open lines, by the settings it was made from.
    smtp: Mutex<HashMap<SettingsKey, Arc<Smtp>>>,
    /// What is saved for mail, and the version of the configuration that it is part of.
    saved_mail: Mutex<Option<(i64, Option<Value>)>>,
}

/// Settings as a key; holds the password, so it is never shown.
#[derive(PartialEq, Eq, Hash, Clone)]
struct SettingsKey(String);

impl SettingsKey {
    fn of(settings: &SmtpSettings) -> Self {
        let password = settings.password.as_ref().map_or("", Secret::expose);
        let SmtpSettings {
            host,
            port,
            tls,
            user,
            from,
            ..
        } = settings;
        let user = user.as_deref().unwrap_or_default();
        Self([host, &port.to_string(), tls.word(), user, password, from].join("\0"))
    }
}

impl Outbox {
    /// Sends with the environment's mail server unless another is saved.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        environment: Option<SmtpSettings>,
        allow_private_targets: bool,
    ) -> Result<Self, DeliveryError> {
        let roots = Roots::native();
        let webhooks = Webhooks::new(allow_private_targets, &roots)?;
        Ok(Self {
            store,
            clock,
            roots,
            webhooks,
            environment,
            smtp: Mutex::default(),
            saved_mail: Mutex::default(),
        })
    }

    /// Sends to a person.
    ///
    /// # Errors
    /// What the provider said.
    pub async fn send(&self, channel: &str, address: &str, message: &Message) -> Result<Receipt, DeliveryError> {
        match Channel::from_word(channel) {
            Some(Channel::Email) => {
                let smtp = self.smtp(self.saved_mail().await?.as_ref())?;
                smtp.send(address, message, self.clock.now()).await
            }
            Some(Channel::Push | Channel::Slack | Channel::Sms | Channel::Whatsapp) | None => {
                Err(DeliveryError::Misconfigured {
                    field: "channel",
                    why: format!("no provider for {channel} is set up"),
                })
            }
        }
    }

    /// Sends to an outbound webhook.
    ///
    /// # Errors
    /// What the receiver said.
    pub async fn post(&self, webhook: &WebhookRow, message: &Message) -> Result<Receipt, DeliveryError> {
        match webhook.kind {
            WebhookKind::Generic => {
                let secret = webhook.secret.as_ref().map(|secret| Secret::new(secret.expose()));
                let endpoint = Endpoint {
                    url: webhook.url.expose().to_owned(),
                    secret,
                };
                self.webhooks.post(&endpoint, message, self.clock.now()).await
            }
            WebhookKind::GoogleChat | WebhookKind::Teams | WebhookKind::Discord | WebhookKind::Telegram => {
                let why = format!("messages to {} cannot be sent yet", webhook.kind.word());
                Err(DeliveryError::Refused { why })
            }
        }
    }

    /// The mail server of these settings, else that of the environment.
    fn smtp(&self, given: Option<&Value>) -> Result<Arc<Smtp>, DeliveryError> {
        let settings = match given {
            Some(value) => smtp_settings(value)?,
            None => self.environment.clone().ok_or_else(|| DeliveryError::Misconfigured {
                field: "SMTP_HOST",
                why: "no mail server is set up".into(),
            })?,
        };
        let key = SettingsKey::of(&settings);
        let mut kept = self.smtp.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(smtp) = kept.get(&key) {
            return Ok(smtp.clone());
        }
        let smtp = Arc::new(Smtp::new(&settings, &self.roots)?);
        // Old settings are not needed again: their lines are let go.
        kept.clear();
        kept.insert(key, smtp.clone());
        Ok(smtp)
    }

    /// What is saved for mail, as the picture has it that the message was leased by: read once for each version.
    async fn saved_mail(&self) -> Result<Option<Value>, DeliveryError> {
        // Before the first picture there is no version to remember it by.
        let version = Some(self.store.pictures.cached().directory.version).filter(|version| *version > 0);
        if let Some((of, value)) = &*self.saved_mail.lock().unwrap_or_else(PoisonError::into_inner)
            && Some(*of) == version
        {
            return Ok(value.clone());
        }
        let value = self.saved(Channel::Email).await?;
        *self.saved_mail.lock().unwrap_or_else(PoisonError::into_inner) = version.map(|of| (of, value.clone()));
        Ok(value)
    }

    /// What is saved for a channel now.
    async fn saved(&self, channel: Channel) -> Result<Option<Value>, DeliveryError> {
        let sealer = self.store.sealer.clone();
        let name = settings::of_channel(channel);
        let read = self
            .store
            .db
            .read(async move |tx| settings::get(tx, &sealer, &name).await)
            .await;
        match read {
            Ok(found) => Ok(found.map(|(value, _)| value)),
            Err(error) => {
                let error: DbError = error;
                tracing::error!(error = %error, "the settings of a channel cannot be read");
                Err(DeliveryError::Retry {
                    why: "the settings of the channel cannot be read".into(),
                    after: None,
                })
            }
        }
    }

    /// Asks the mail server in force whether it would take mail, sending none.
    ///
    /// # Errors
    /// What it said.
    pub async fn check_mail(&self) -> Result<String, DeliveryError> {
        self.smtp(self.saved(Channel::Email).await?.as_ref())?.check().await
    }
}

/// The settings of a mail server as they are saved: the names of the API, camelCase.
fn smtp_settings(value: &Value) -> Result<SmtpSettings, DeliveryError> {
    let text = |name: &str| value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let tls = text("tls").unwrap_or_else(|| "starttls".into());
    let tls = Tls::from_word(&tls.to_lowercase()).ok_or_else(|| DeliveryError::Misconfigured {
        field: "tls",
        why: "must be none, starttls or tls".into(),
    })?;
    let host = text("host").unwrap_or_default();
    let settings = SmtpSettings {
        port: value["port"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or_else(|| tls.default_port()),
        tls,
        user: text("user"),
        password: text("password").map(Secret::new),
        from: text("from").unwrap_or_else(|| format!("opsknight@{host}")),
        host,
    };
    match settings.problems().into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => Ok(settings),
    }
}

/// What a person sees who tries out a provider.
fn trial(delivery: DeliveryId) -> Message {
    Message {
        delivery,
        content: Content::Note {
            subject: "Test message from OpsKnight".into(),
            text: "This is a test.\n\nIf you can read it, OpsKnight can reach you this way when an incident needs you."
                .into(),
        },
    }
}

#[async_trait]
impl Providers for Outbox {
    async fn test_channel(
        &self,
        channel: Channel,
        settings: Option<Value>,
        address: &str,
    ) -> Result<String, DeliveryError> {
        let message = trial(DeliveryId::new(self.clock.uuid_v7()));
        let receipt = match channel {
            Channel::Email => {
                let given = match settings {
                    Some(given) => Some(given),
                    None => self.saved(Channel::Email).await?,
                };
                let smtp = self.smtp(given.as_ref())?;
                smtp.send(address, &message, self.clock.now()).await?
            }
            Channel::Push | Channel::Slack | Channel::Sms | Channel::Whatsapp => {
                let why = format!("no provider for {} is set up", channel.name());
                return Err(DeliveryError::Misconfigured { field: "provider", why });
            }
        };
        Ok(receipt.answer)
    }

    async fn test_webhook(&self, webhook: WebhookId) -> Result<String, DeliveryError> {
        let sealer = self.store.sealer.clone();
        let read = self
            .store
            .db
            .read(async move |tx| webhooks::get(tx, &sealer, webhook).await)
            .await;
        let row = read.map_err(|error: DbError| {
            tracing::error!(error = %error, "a webhook cannot be read");
            DeliveryError::Retry {
                why: "the webhook cannot be read now".into(),
                after: None,
            }
        })?;
        let row = row.ok_or_else(|| DeliveryError::Refused {
            why: "there is no such webhook".into(),
        })?;
        let message = sample_message(DeliveryId::new(self.clock.uuid_v7()), self.clock.now(), &*self.clock);
        Ok(self.post(&row, &message).await?.answer)
    }
}

/// An incident that does not exist, in the very form of a real one, so that a receiver can be tried out.
fn sample_message(delivery: DeliveryId, now: Timestamp, clock: &dyn Clock) -> Message {
    use opsknight_domain::{
        id::{IncidentId, ServiceId},
        incident::{Happening, Status},
        message::{IncidentFacts, IncidentMessage, Named},
        urgency::Urgency,
    };
    let incident = IncidentFacts {
        id: IncidentId::new(clock.uuid_v7()),
        number: 0,
        title: "Test message from OpsKnight".into(),
        description: None,
        status: Status::Open,
        urgency: Urgency::Low,
        priority: None,
        is_test: true,
        service: Named {
            id: ServiceId::new(clock.uuid_v7()),
            name: "Test".into(),
        },
        assignee: None,
        created_at: now,
        url: String::new(),
        runbook_url: None,
        links: Vec::new(),
        details: Value::Null,
    };
    let message = IncidentMessage {
        happening: Happening::Triggered,
        at: now,
        incident,
        reason: None,
        acknowledge_url: None,
    };
    Message {
        delivery,
        content: Content::Incident(Box::new(message)),
    }
}
