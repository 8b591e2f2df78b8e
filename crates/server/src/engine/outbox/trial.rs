//! Trying providers out: messages that say that they are a test, and questions that send nothing.

use async_trait::async_trait;
use axum::http;
use jiff::Timestamp;
use opsknight_channels::{DeliveryError, Message, Secret, webhook::render};
use opsknight_domain::{
    directory::Channel,
    id::{DeliveryId, WebhookId},
    message::Content,
};
use opsknight_store::{
    db::{DbError, Tx},
    seal::Sealer,
    webhooks::{self, WebhookRow},
};
use opsknight_web::state::{self, Clock, Providers, link};
use serde_json::Value;

use super::super::deliver::told_to_webhook;
use super::{Opened, Outbox, Provider, documents, endpoint, labelled, none_set_up, unreadable};

/// What a person sees who tries out a provider.
fn trial(delivery: DeliveryId) -> Message {
    Message {
        delivery,
        earlier: None,
        content: Content::Note {
            subject: "Test message from OpsKnight".into(),
            text: "This is a test.\n\nIf you can read it, OpsKnight can reach you this way when an incident needs you."
                .into(),
        },
    }
}

/// What each provider of a channel says of itself, and why one cannot be used.
async fn checked(
    channel: Channel,
    each: Result<Vec<Opened>, DeliveryError>,
) -> Vec<(Channel, String, Result<String, DeliveryError>)> {
    let (ways, wrong): (Vec<_>, Vec<_>) = match each {
        Ok(each) => each.into_iter().partition(Result::is_ok),
        Err(error) => (Vec::new(), vec![Err(error)]),
    };
    let mut found = Vec::new();
    for Provider { label, way } in labelled(ways.into_iter().flatten().collect()) {
        found.push((channel, label, way.check().await));
    }
    let wrong = wrong.into_iter().filter_map(Result::err);
    found.extend(wrong.map(|error| (channel, String::new(), Err(error))));
    found
}

/// The same kind of failure, told together with what the other provider said.
fn in_these_words(error: DeliveryError, why: String) -> DeliveryError {
    match error {
        DeliveryError::Retry { after, .. } => DeliveryError::Retry { why, after },
        DeliveryError::Unknown { .. } => DeliveryError::Unknown { why },
        DeliveryError::Refused { .. } | DeliveryError::Misconfigured { .. } => DeliveryError::Refused { why },
    }
}

/// The secret that Telegram's calls about a webhook carry.
#[must_use]
pub fn telegram_secret(sealer: &Sealer, webhook: WebhookId) -> Secret {
    Secret::new(hex::encode(sealer.signing_key(&format!("telegram {webhook}"))))
}

impl Outbox {
    /// Asks every provider that is set up whether it would work with us, sending nothing: its channel, its name, and
    /// what it said.
    pub async fn check_all(&self) -> Vec<(Channel, String, Result<String, DeliveryError>)> {
        let mut found = Vec::new();
        for channel in Channel::ALL {
            found.extend(checked(channel, self.each(channel).await).await);
            if let Err(error) = self.reports_are_believed(channel).await {
                found.push((channel, "reports".to_owned(), Err(error)));
            }
        }
        found
    }

    /// The same of what the environment sets up, for a database in which nothing was ever kept.
    pub async fn check_environment(&self) -> Vec<(Channel, String, Result<String, DeliveryError>)> {
        let mut found = Vec::new();
        for channel in Channel::ALL {
            let each = match channel {
                Channel::Slack => self
                    .slack_of_environment()
                    .await
                    .map(|way| way.map(Ok).into_iter().collect()),
                Channel::Push | Channel::Sms | Channel::Whatsapp | Channel::Voice | Channel::Email => {
                    let documents = self.environment.of.get(&channel).cloned().unwrap_or_default();
                    Ok(self.open_each(channel, &documents).await)
                }
            };
            found.extend(checked(channel, each).await);
        }
        found
    }

    /// Whether what providers report can be checked by what is saved for it.
    async fn reports_are_believed(&self, channel: Channel) -> Result<(), DeliveryError> {
        let kept = self.saved(channel).await?;
        documents::reports_problem(kept.iter().flat_map(documents::documents))
    }

    async fn webhook(&self, id: WebhookId) -> Result<WebhookRow, DeliveryError> {
        let sealer = self.store.sealer.clone();
        let read = self
            .store
            .db
            .read(async move |tx| webhooks::get(tx, &sealer, id).await)
            .await;
        let row = read.map_err(|error: DbError| unreadable(&error))?;
        row.ok_or_else(|| DeliveryError::Refused {
            why: "there is no such webhook".into(),
        })
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
        let reports = match &settings {
            Some(given) => documents::reports_problem(documents::documents(given)),
            None => self.reports_are_believed(channel).await,
        };
        let providers = match settings {
            Some(given) if channel == Channel::Slack => labelled(self.slack_by(&given).await?.into_iter().collect()),
            Some(given) => {
                let each = self.open_each(channel, &documents::documents(&given)).await;
                labelled(each.into_iter().collect::<Result<_, _>>()?)
            }
            None => self.make(channel).await?,
        };
        if providers.is_empty() {
            return Err(none_set_up(channel));
        }
        reports?;
        let mut said = Vec::new();
        let mut failed = None;
        for Provider { label, way } in &providers {
            let message = trial(DeliveryId::new(self.clock.uuid_v7()));
            let result = way.send(address, &message, self.clock.now()).await;
            if providers.len() == 1 {
                return result.map(|receipt| receipt.answer);
            }
            said.push(match &result {
                Ok(receipt) => format!("{label}: {}", receipt.answer),
                Err(error) => format!("{label}: {error}"),
            });
            failed = failed.or(result.err());
        }
        let said = said.join("; ");
        match failed {
            None => Ok(said),
            // One that works is not enough to say that all is well: the other is there for when it is needed.
            Some(error) => Err(in_these_words(error, said)),
        }
    }

    async fn test_webhook(&self, webhook: WebhookId) -> Result<String, DeliveryError> {
        let row = self.webhook(webhook).await?;
        let message = sample_message(DeliveryId::new(self.clock.uuid_v7()), self.clock.now(), &*self.clock);
        Ok(self.post(&row, &message).await.result?.answer)
    }

    async fn webhook_body(&self, delivery: DeliveryId) -> Result<Option<String>, DeliveryError> {
        let (store, public_url, now) = (self.store.clone(), self.tools.public_url.clone(), self.clock.now());
        let unit = async move |tx: &mut Tx<'_>| told_to_webhook(tx, &store, public_url.clone(), delivery, now).await;
        let read = self.store.db.read(unit).await;
        let message = read.map_err(|error: DbError| unreadable(&error))?;
        Ok(message.map(|message| render(&message, now)))
    }

    fn webhook_sample(&self) -> String {
        let now = self.clock.now();
        let message = sample_message(DeliveryId::new(self.clock.uuid_v7()), now, &*self.clock);
        render(&message, now)
    }

    async fn listen_to_telegram(&self, webhook: WebhookId) -> Result<String, DeliveryError> {
        let row = self.webhook(webhook).await?;
        let url = link(&self.tools.public_url, &format!("/api/telegram/{webhook}"));
        let secret = telegram_secret(&self.store.sealer, webhook);
        self.hooks
            .telegram
            .set_webhook(&endpoint(&row), &url, &secret, self.clock.now())
            .await
    }

    async fn push_key(&self) -> Result<String, DeliveryError> {
        Ok(self.vapid().await?.public_key())
    }

    async fn call_openid(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, DeliveryError> {
        self.openid.call(request, self.clock.now()).await
    }

    fn slack(&self) -> &dyn state::Slack {
        self
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
        answer: None,
        unsubscribe_url: None,
        mention: None,
    };
    Message {
        delivery,
        earlier: None,
        content: Content::Incident(Box::new(message)),
    }
}
