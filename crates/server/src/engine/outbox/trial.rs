//! Trying providers out: messages that say that they are a test, and questions that send nothing.

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_channels::{DeliveryError, Message, Secret};
use opsknight_domain::{
    directory::Channel,
    id::{DeliveryId, WebhookId},
    message::Content,
};
use opsknight_store::{
    db::DbError,
    seal::Sealer,
    webhooks::{self, WebhookRow},
};
use opsknight_web::state::{self, Clock, Providers, link};
use serde_json::Value;

use super::{Outbox, Provider, documents, endpoint, labelled, none_set_up, unreadable};

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
            let (ways, wrong): (Vec<_>, Vec<_>) = match self.each(channel).await {
                Ok(each) => each.into_iter().partition(Result::is_ok),
                Err(error) => (Vec::new(), vec![Err(error)]),
            };
            for Provider { label, way } in labelled(ways.into_iter().flatten().collect()) {
                found.push((channel, label, way.check().await));
            }
            let wrong = wrong.into_iter().filter_map(Result::err);
            found.extend(wrong.map(|error| (channel, String::new(), Err(error))));
        }
        found
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
        let providers = match settings {
            Some(given) if channel == Channel::Slack => labelled(self.slack_trial(&given).await?.into_iter().collect()),
            Some(given) => {
                let mut ways = Vec::new();
                for document in documents::documents(&given) {
                    ways.push(self.open(channel, &document).await?);
                }
                labelled(ways)
            }
            None => self.make(channel).await?,
        };
        if providers.is_empty() {
            return Err(none_set_up(channel));
        }
        let mut said = Vec::new();
        for Provider { label, way } in &providers {
            let message = trial(DeliveryId::new(self.clock.uuid_v7()));
            let receipt = way.send(address, &message, self.clock.now()).await?;
            said.push(match providers.len() {
                1 => receipt.answer,
                _ => format!("{label}: {}", receipt.answer),
            });
        }
        Ok(said.join("; "))
    }

    async fn test_webhook(&self, webhook: WebhookId) -> Result<String, DeliveryError> {
        let row = self.webhook(webhook).await?;
        let message = sample_message(DeliveryId::new(self.clock.uuid_v7()), self.clock.now(), &*self.clock);
        Ok(self.post(&row, &message).await.result?.answer)
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
