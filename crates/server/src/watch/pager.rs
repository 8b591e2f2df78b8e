//! The second path: tells people that pages do not come through, by ways that the installation that is watched has no
//! part in.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use opsknight_channels::{
    Channel as Way, DeliveryError, Hook as _, Message, Timeouts, exchange::Exchange, tls::Roots, webhook::Webhooks,
};
use opsknight_domain::{directory::Channel, id::DeliveryId, message::Content};
use opsknight_web::state::Clock;
use serde_json::{Value, json};

use super::target::{call, short};
use crate::{
    config::{Settings, WatchPath as Path, WatchSettings},
    engine::outbox,
};

/// The ways, ready to be used.
pub(super) struct Pager {
    settings: Arc<WatchSettings>,
    exchange: Arc<Exchange>,
    webhooks: Webhooks,
    mail: Vec<Arc<dyn Way>>,
    sms: Vec<Arc<dyn Way>>,
    clock: Arc<dyn Clock>,
}

/// What is told.
pub(super) struct News {
    /// Pages do not come through; false: they do again.
    pub(super) is_down: bool,
    /// One line.
    pub(super) subject: String,
    /// All of it.
    pub(super) text: String,
}

impl Pager {
    /// Opens the providers of this environment.
    pub(super) fn new(
        settings: Arc<WatchSettings>,
        all: &Settings,
        exchange: Arc<Exchange>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DeliveryError> {
        let ways = |channel| outbox::of_environment(channel, &all.providers, &settings.target);
        Ok(Self {
            webhooks: Webhooks::with_timeouts(true, &Roots::native(), Timeouts::default())?,
            mail: ways(Channel::Email)?,
            sms: ways(Channel::Sms)?,
            settings,
            exchange,
            clock,
        })
    }

    /// Tells by every path, and says whether one of them took it.
    pub(super) async fn tell(&self, news: &News) -> bool {
        let mut taken = false;
        for path in &self.settings.paths {
            let told = self.by(path, news).await;
            let outcome = if told.is_ok() { "taken" } else { "refused" };
            metrics::counter!("opsknight_watch_told_total", "path" => path.name(), "outcome" => outcome).increment(1);
            match told {
                Ok(()) => taken = true,
                Err(why) => tracing::error!(path = path.name(), why, "the second path does not work"),
            }
        }
        // Where a dead man's switch is all there is, its silence tells.
        taken || self.settings.paths.is_empty()
    }

    async fn by(&self, path: &Path, news: &News) -> Result<(), String> {
        let now = self.clock.now();
        match path {
            Path::Events { url, routing_key } => {
                let url = url.join("/v2/enqueue").map_err(|error| error.to_string())?;
                let event = self.event(routing_key.expose(), news, now);
                let (status, text) = call(&self.exchange, Method::POST, &url, None, Some(&event), now).await?;
                match status {
                    StatusCode::ACCEPTED | StatusCode::OK => Ok(()),
                    status => Err(format!("{status}: {}", short(&text))),
                }
            }
            Path::Message { channel, address } => self.message(*channel, address, news, now).await,
            Path::Webhook(endpoint) => {
                let posted = self.webhooks.post(endpoint, &self.note(news), now).await;
                posted.map(drop).map_err(|error| error.to_string())
            }
        }
    }

    fn event(&self, routing_key: &str, news: &News, now: Timestamp) -> Value {
        let key = format!(
            "{} {}",
            self.settings.name,
            self.settings.target.host_str().unwrap_or_default()
        );
        let action = if news.is_down { "trigger" } else { "resolve" };
        let mut event = json!({ "routing_key": routing_key, "event_action": action, "dedup_key": key });
        if news.is_down {
            event["payload"] = json!({
                "summary": news.subject,
                "source": self.settings.target.host_str().unwrap_or_default(),
                "severity": "critical",
                "timestamp": now.to_string(),
                "class": "watch",
                "custom_details": { "text": news.text },
            });
        }
        event
    }

    /// By the first provider that takes it.
    async fn message(&self, channel: Channel, address: &str, news: &News, now: Timestamp) -> Result<(), String> {
        let ways = if channel == Channel::Sms { &self.sms } else { &self.mail };
        let message = self.note(news);
        let mut why = "no provider is set up".to_owned();
        for way in ways {
            match way.send(address, &message, now).await {
                Ok(_) => return Ok(()),
                Err(error) => why = format!("{}: {error}", way.name()),
            }
        }
        Err(why)
    }

    fn note(&self, news: &News) -> Message {
        Message {
            delivery: DeliveryId::new(self.clock.uuid_v7()),
            earlier: None,
            content: Content::Note {
                subject: news.subject.clone(),
                text: news.text.clone(),
            },
        }
    }
}
