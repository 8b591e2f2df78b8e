//! What lies outside of the router: receiving, providers, Slack. Without a network, and with a memory of what was asked.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::{
    delivery::DeliveryError,
    directory::Channel,
    event::{Action, Event, Normalised, Severity},
    id::{DeliveryId, IntegrationId, WebhookId},
};
use opsknight_store::{receipts::Receipt, secret::Secret};
use opsknight_web::{
    Providers, Receive, TestAnswer,
    receive::{Again, Foreseen, Hindrance, Preview, Replayed, Trial},
    state::{Installed, Slack, SlackApp, SlackRoom},
    vitals::{Condition, Vitals, Worker},
};
use serde_json::{Value, json};
use url::Url;

/// Answers test events and test messages without a network.
#[derive(Default)]
pub(crate) struct Outside {
    /// The settings by which the last test message was sent.
    pub(crate) tried: Mutex<Option<Value>>,
    /// How many times Slack was asked for conversations.
    pub(crate) asked_for_rooms: AtomicUsize,
    /// The webhooks whose bots were told where to call.
    pub(crate) listening: Mutex<Vec<WebhookId>>,
    /// What the server says of its workers.
    pub(crate) workers: Mutex<Vec<Worker>>,
    /// What an OpenID provider answers at each address.
    pub(crate) openid: Mutex<HashMap<String, Value>>,
}

impl Vitals for Outside {
    fn read(&self, now: Timestamp) -> Condition {
        Condition {
            started_at: now,
            workers: self.workers.lock().unwrap().clone(),
            forgets: Vec::new(),
        }
    }
}

#[async_trait]
impl Receive for Outside {
    async fn limited_at(&self, _: IntegrationId) -> Option<Timestamp> {
        None
    }

    async fn send_test_event(&self, integration: IntegrationId) -> Option<TestAnswer> {
        Some(TestAnswer {
            status: 202,
            body: json!({ "status": "accepted", "results": [], "integration": integration.to_string() }),
        })
    }

    /// Says in an event what it was asked. The body "odd" is not understood.
    async fn preview(&self, trial: Trial) -> Result<Preview, Hindrance> {
        let body = String::from_utf8_lossy(&trial.body).into_owned();
        if body == "odd" {
            return Ok(Preview::NotUnderstood {
                field: "body".into(),
                message: "is odd".into(),
            });
        }
        let header = |name: &str| Some(trial.headers.get(name)?.to_str().ok()?.to_owned());
        let mut event = Event::new(Action::Trigger, "key", Severity::Error, body);
        event.source = trial.mapping.and_then(|mapping| mapping.summary_field);
        event.component = header("content-type");
        event.group = header("x-more");
        event.class = Some(format!("{} {}?{}", trial.method, trial.path, trial.query));
        event.is_test = trial.is_test;
        Ok(Preview::Understood(vec![Foreseen {
            event: Normalised::Event(Box::new(event)),
            origins: vec![("summary", "alert.title".into())],
            action: "triggered",
            incident: None,
            opened_by: None,
            reason: None,
        }]))
    }

    /// Runs it into the trouble that its body names, or answers with who ran it.
    async fn replay(&self, receipt: Receipt, again: Again) -> Result<Replayed, Hindrance> {
        match receipt.body.as_slice() {
            b"gone" => Err(Hindrance::Gone("integration")),
            b"disabled" => Err(Hindrance::Disabled),
            b"odd" => Ok(Replayed {
                receipt: receipt.id,
                status: 400,
                body: json!({ "error": { "message": "body is odd" } }),
            }),
            _ => Ok(Replayed {
                receipt: receipt.id,
                status: 202,
                body: json!({ "by": again.by.name(), "from": again.ip, "name": again.name }),
            }),
        }
    }
}

#[async_trait]
impl Providers for Outside {
    async fn test_channel(&self, _: Channel, given: Option<Value>, address: &str) -> Result<String, DeliveryError> {
        *self.tried.lock().unwrap() = given;
        Ok(format!("250 queued for {address}"))
    }

    async fn test_webhook(&self, _: WebhookId) -> Result<String, DeliveryError> {
        Ok("200".to_owned())
    }

    async fn webhook_body(&self, _: DeliveryId) -> Result<Option<String>, DeliveryError> {
        Ok(Some("{\"event\":\"incident.triggered\"}".to_owned()))
    }

    fn webhook_sample(&self) -> String {
        "{\"event\":\"incident.triggered\"}".to_owned()
    }

    async fn listen_to_telegram(&self, webhook: WebhookId) -> Result<String, DeliveryError> {
        let mut listening = self.listening.lock().unwrap();
        listening.push(webhook);
        match listening.len() {
            1 => Ok("Webhook was set".to_owned()),
            _ => Err(DeliveryError::Refused {
                why: "Unauthorized".into(),
            }),
        }
    }

    async fn push_key(&self) -> Result<String, DeliveryError> {
        Ok("BPublicKey".to_owned())
    }

    async fn call_openid(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, DeliveryError> {
        let documents = self.openid.lock().unwrap();
        let document = documents.get(&request.uri().to_string()).ok_or(DeliveryError::Retry {
            why: "could not connect".into(),
            after: None,
        })?;
        let answer = http::Response::builder().header("content-type", "application/json");
        Ok(answer.body(document.to_string().into_bytes()).unwrap())
    }

    fn slack(&self) -> &dyn Slack {
        self
    }
}

#[async_trait]
impl Slack for Outside {
    fn app(&self) -> Option<SlackApp> {
        None
    }

    fn authorize_url(&self, client_id: &str, state: &str, redirect: &str) -> Url {
        let asked = [("client_id", client_id), ("state", state), ("redirect_uri", redirect)];
        Url::parse_with_params("https://slack.com/oauth/v2/authorize", asked).unwrap()
    }

    fn manifest(&self) -> String {
        "display_information:\n  name: OpsKnight\n".to_owned()
    }

    async fn exchange(&self, _: &SlackApp, code: &str, _: &str) -> Result<Installed, DeliveryError> {
        match code {
            "good" => Ok(installed("xoxb-exchanged")),
            _ => Err(DeliveryError::Refused {
                why: "invalid_code".into(),
            }),
        }
    }

    async fn whose(&self, token: &Secret) -> Result<Installed, DeliveryError> {
        match token.expose() {
            "xoxb-bad" => Err(DeliveryError::Misconfigured {
                field: "botToken",
                why: "invalid_auth".into(),
            }),
            token => Ok(installed(token)),
        }
    }

    async fn rooms(&self, _: &str) -> Result<Vec<SlackRoom>, DeliveryError> {
        self.asked_for_rooms.fetch_add(1, Ordering::Relaxed);
        let room = |id: &str, name: &str, private| SlackRoom {
            id: id.into(),
            name: name.into(),
            private,
            member: private,
        };
        Ok(vec![room("C01", "general", false), room("C02", "ops-private", true)])
    }
}

fn installed(token: &str) -> Installed {
    Installed {
        team: "T01".into(),
        name: "Acme".into(),
        token: Secret::new(token),
        bot_user: Some("U0BOT".into()),
    }
}
