//! Telegram: buttons under the messages of a bot.
//!
//! Whoever is in the chat may press them: the administrator who connected it has said so. The timeline names them as
//! Telegram does.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use opsknight_channels::rooms::telegram::incoming::{self, Action, Update};
use opsknight_domain::{
    id::{IncidentId, WebhookId},
    incident::Actor,
};
use opsknight_store::{
    db::Tx,
    webhooks::{self, WebhookKind, WebhookRow},
};
use opsknight_web::actions::incidents::Act;

use super::{Denied, Desk, Refused, body, invalid, taken, text, unavailable, who::Done};
use crate::engine::outbox::telegram_secret;

/// `POST /api/telegram/{webhook}`
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    let given = text(request.headers(), "x-telegram-bot-api-secret-token").to_owned();
    let id: WebhookId = id.parse().map_err(|_| Denied::Unauthorized)?;
    if !incoming::verify(&telegram_secret(&desk.store().sealer, id), &given) {
        return Err(Denied::Unauthorized.into());
    }
    let body = body(request).await?;
    let Update::Pressed {
        callback_id,
        action,
        incident,
        chat,
        person,
        ..
    } = incoming::parse(&body).map_err(invalid)?
    else {
        return Ok(taken());
    };
    let sealer = desk.store().sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| webhooks::get(tx, &sealer, id).await;
    let row = desk.store().db.read(unit).await.map_err(unavailable)?;
    let Some(row) = row.filter(|row| row.enabled && row.kind == WebhookKind::Telegram) else {
        return Ok(taken());
    };
    let said = if is_chat(&row, &chat) {
        desk.press(&row, action, &incident, &person).await?
    } else {
        "This chat is not connected to OpsKnight.".to_owned()
    };
    let told = desk.clone();
    desk.tasks
        .spawn(async move { told.outbox.answer_telegram(&row, &callback_id, &said).await });
    Ok(taken())
}

/// The chat that the webhook tells; one that is known by its name cannot be told by its number.
fn is_chat(row: &WebhookRow, chat: &str) -> bool {
    let configured = row.channel.as_deref().unwrap_or_default();
    let configured = configured.split(':').next().unwrap_or_default();
    configured == chat || configured.starts_with('@')
}

impl Desk {
    async fn press(&self, row: &WebhookRow, action: Action, incident: &str, person: &str) -> Result<String, Refused> {
        let found = match incident.parse::<IncidentId>() {
            Ok(id) => self.incident(id).await?,
            Err(_) => None,
        };
        let about = |listed: &opsknight_store::incidents::Listed| {
            row.services.is_empty() || row.services.contains(&listed.incident.service)
        };
        let Some(listed) = found.filter(about) else {
            return Ok("The incident is not there any more.".into());
        };
        let number = listed.incident.number;
        let (wish, verb) = match action {
            Action::Acknowledge => (Act::Acknowledge, "acknowledged"),
            Action::Resolve => (Act::Resolve { note: None }, "resolved"),
        };
        let actor = Actor::Integration {
            name: format!("{person} in Telegram"),
        };
        Ok(match self.wish_as(actor, listed.incident.id, wish).await? {
            Done::Did => format!("#{number} is {verb}."),
            Done::Not(why) => format!("#{number}: {why}."),
        })
    }
}
