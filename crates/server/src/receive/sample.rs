//! "Send test event": the built-in sample of an integration's type goes the way of a real request.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Method;
use jiff::Timestamp;
use opsknight_domain::id::IntegrationId;
use opsknight_store::integrations::IntegrationRow;
use opsknight_store::receipts::Receipt;
use opsknight_web::receive::{Again, Hindrance, Preview, Receive, Replayed, TestAnswer, Trial};
use serde_json::{Value, json};

use super::{
    answer::Denied,
    door::{By, Door},
    hooks::{self, Call, accepted_body},
    limit::Sender,
};

#[async_trait]
impl Receive for Door {
    async fn limited_at(&self, integration: IntegrationId) -> Option<Timestamp> {
        let at = self.limits.denied_at(Sender::Integration(integration)).await;
        at.unwrap_or_else(|error| {
            tracing::error!(error = %error, "it cannot be told when a sender was last turned away");
            None
        })
    }

    async fn send_test_event(&self, integration: IntegrationId) -> Option<TestAnswer> {
        let found = self.find(&By::Id(integration)).await.ok()?;
        Some(match self.test(&found.integration).await {
            Ok(body) => TestAnswer { status: 202, body },
            Err(denied) => {
                let (status, code) = denied.status();
                let body = json!({ "error": { "code": code, "message": denied.message(), "details": {} } });
                TestAnswer {
                    status: status.as_u16(),
                    body,
                }
            }
        })
    }

    async fn preview(&self, trial: Trial) -> Result<Preview, Hindrance> {
        self.look(&trial).await
    }

    async fn replay(&self, receipt: Receipt, again: Again) -> Result<Replayed, Hindrance> {
        self.run_again(receipt, again).await
    }
}

impl Door {
    async fn test(&self, integration: &Arc<IntegrationRow>) -> Result<Value, Denied> {
        let source = opsknight_sources::by_type(&integration.type_name)
            .ok_or_else(|| Denied::NotFound(format!("there is no integration type {}", integration.type_name)))?;
        let sample = source.sample(self.clock.now());
        let mut headers = sample.header_map();
        if integration.require_key
            && let Ok(key) = integration.key.expose().parse()
        {
            headers.insert("x-integration-key", key);
        }
        let body = sample.body.into();
        let mut call = Call {
            method: Method::POST,
            query: String::new(),
            headers,
            body,
            is_test: true,
        };
        if let Some(secret) = &integration.secret {
            opsknight_sources::signature::sign(
                &mut call.headers,
                &call.body,
                secret.expose(),
                &self.message_id(),
                self.clock.now(),
            );
        }
        let mut allowance = None;
        let (_, taken) = hooks::pass(self, source, integration.id, &call, &mut allowance).await?;
        Ok(accepted_body(&taken))
    }

    fn message_id(&self) -> String {
        format!("msg_{}", self.clock.uuid_v4().simple())
    }
}
