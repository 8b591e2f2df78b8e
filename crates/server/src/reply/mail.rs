//! What mail providers report: mails that arrived, that bounced, that somebody called spam.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use opsknight_channels::{
    Secret,
    email::events::{self, MailEvent, MailEventKind},
};
use opsknight_domain::directory::Channel;
use opsknight_sources::cloudwatch::sns::{Envelope, Kind};
use opsknight_store::deliveries::Name;

use super::{Denied, Desk, Refused, body, invalid, taken, unready};
use crate::engine::deliver::{Report, Reported};

impl Desk {
    async fn mail_secrets(&self, provider: &str, field: &'static str) -> Result<Vec<Secret>, Refused> {
        let found = self.outbox.credentials(Channel::Email, provider, field).await;
        Ok(found.map_err(|error| unready(&error))?)
    }

    async fn mail_events(&self, events: Vec<MailEvent>) -> Result<Response, Refused> {
        let reports: Vec<Report> = events.into_iter().filter_map(report).collect();
        if !reports.is_empty() {
            self.report(reports).await?;
        }
        Ok(taken())
    }
}

fn report(event: MailEvent) -> Option<Report> {
    let lost = |why: String, for_good| Reported::Lost { why, for_good };
    let what = match event.kind {
        MailEventKind::Delivered => Reported::Arrived,
        MailEventKind::Bounced { permanent, why } => lost(why, permanent),
        MailEventKind::Dropped { why } => lost(why, true),
        // It arrived, and its reader wants no such mail: what is wrong is said of the address.
        MailEventKind::Complained => Reported::Complained,
        MailEventKind::Deferred { .. } => return None,
    };
    let name = match (event.delivery, event.provider_id) {
        (Some(delivery), _) => Name::Ours(delivery),
        (None, Some(id)) => Name::Theirs(id),
        (None, None) => Name::Theirs(String::new()),
    };
    Some(Report {
        name,
        what,
        address: Some((Channel::Email, event.address)),
    })
}

/// `POST /api/email/sendgrid`: SendGrid's Event Webhook, signed.
pub(super) async fn sendgrid(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let headers = request.headers().clone();
    let body = body(request).await?;
    let keys = desk.mail_secrets("SENDGRID", "webhookPublicKey").await?;
    let verified = |key: &Secret| events::sendgrid::verify(key.expose(), &headers, &body, desk.now()).is_ok();
    if !keys.iter().any(verified) {
        tracing::warn!("a call that says that it is SendGrid's is not signed by the key that is set up");
        return Err(Denied::Unauthorized.into());
    }
    let events = events::sendgrid::parse(&body).map_err(invalid)?;
    desk.mail_events(events).await
}

/// `POST /api/email/resend`: Resend's webhook, signed as Svix does.
pub(super) async fn resend(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let headers = request.headers().clone();
    let body = body(request).await?;
    let secrets = desk.mail_secrets("RESEND", "webhookSecret").await?;
    let verified = |secret: &Secret| events::resend::verify(secret, &headers, &body, desk.now()).is_ok();
    if !secrets.iter().any(verified) {
        tracing::warn!("a call that says that it is Resend's is not signed by the secret that is set up");
        return Err(Denied::Unauthorized.into());
    }
    let events = events::resend::parse(&body).map_err(invalid)?;
    desk.mail_events(events).await
}

/// `POST /api/email/ses`: what SES publishes by a topic of SNS. The topic must be the one that is set up.
pub(super) async fn ses(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let body = body(request).await?;
    let envelope = serde_json::from_slice(&body)
        .ok()
        .and_then(|body| Envelope::read(&body));
    let envelope = envelope.ok_or_else(|| invalid("is no message of Amazon SNS"))?;
    let topics = desk.mail_secrets("SES", "topicArn").await?;
    if !topics.contains(&Secret::new(envelope.topic_arn.as_str())) {
        tracing::warn!("a topic of SNS that is not set up for SES has called");
        return Err(Denied::Unauthorized.into());
    }
    desk.door.authentic(&envelope).await?;
    match envelope.kind {
        Kind::Notification => {
            let events = events::ses::parse(&envelope.message).map_err(invalid)?;
            desk.mail_events(events).await
        }
        Kind::SubscriptionConfirmation => {
            desk.door.confirm(&envelope).await?;
            Ok(taken())
        }
        Kind::UnsubscribeConfirmation => Ok(taken()),
    }
}
