//! WhatsApp by Meta's Cloud API: what people write and press, and what became of messages.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use opsknight_channels::{
    Secret,
    whatsapp::incoming::{self, Inbound, Incoming},
};
use opsknight_domain::{
    directory::Channel,
    id::{DeliveryId, UserId},
};
use opsknight_store::{
    db::Tx,
    deliveries::{self, AccountMessage, AccountText, Name},
};

use super::{Denied, Desk, Refused, body, form, invalid, path_and_query, taken, text, unavailable, unready, who};
use crate::engine::deliver::{Report, Reported};

impl Desk {
    async fn meta(&self, field: &'static str) -> Result<Vec<Secret>, Refused> {
        let found = self.outbox.credentials(Channel::Whatsapp, "META", field).await;
        Ok(found.map_err(|error| unready(&error))?)
    }
}

/// `GET /api/whatsapp/webhook`: Meta asks whether this is the place.
pub(super) async fn handshake(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let path = path_and_query(&request);
    let query = form(path.split_once('?').map_or("", |(_, query)| query).as_bytes());
    let words = desk.meta("verifyToken").await?;
    let challenge = words.iter().find_map(|word| incoming::handshake(word, &query));
    Ok(challenge.ok_or(Denied::Unauthorized)?.into_response())
}

/// `POST /api/whatsapp/webhook`: messages and statuses.
pub(super) async fn take(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let signature = text(request.headers(), "x-hub-signature-256").to_owned();
    let body = body(request).await?;
    let secrets = desk.meta("appSecret").await?;
    if !secrets.iter().any(|secret| incoming::verify(secret, &signature, &body)) {
        tracing::warn!("a call that says that it is Meta's is not signed by the app that is set up");
        return Err(Denied::Unauthorized.into());
    }
    let mut reports = Vec::new();
    for told in incoming::parse(&body).map_err(invalid)? {
        match told {
            Incoming::Message(inbound) => desk.written(&inbound).await?,
            Incoming::Status(status) => reports.extend(report(status)),
        }
    }
    if !reports.is_empty() {
        desk.report(reports).await?;
    }
    Ok(taken())
}

fn report(status: incoming::Status) -> Option<Report> {
    let what = match status.state {
        incoming::State::Delivered => Reported::Arrived,
        incoming::State::Read => Reported::Read,
        incoming::State::Failed { why, .. } => Reported::Lost { why, for_good: false },
        incoming::State::Sent | incoming::State::Other => return None,
    };
    let ours = status.delivery.and_then(|id| id.parse::<DeliveryId>().ok());
    Some(Report {
        name: ours.map_or(Name::Theirs(status.id), Name::Ours),
        what,
        address: None,
    })
}

impl Desk {
    /// Does what somebody writes, and has them answered: a message from them opens a day in which they may be written to.
    async fn written(&self, inbound: &Inbound) -> Result<(), Refused> {
        if self.was_heard("whatsapp", &inbound.id).await? {
            return Ok(());
        }
        let from = format!("+{}", inbound.from.trim_start_matches('+'));
        let said = inbound.payload.as_deref().unwrap_or(&inbound.text);
        let answers = inbound.in_reply_to.as_deref();
        let answer = self.texted(Channel::Whatsapp, &from, said, answers).await?;
        if !self.is_first("whatsapp", &inbound.id).await? {
            return Ok(());
        }
        let picture = self.picture().await?;
        match who::by_address(&picture.directory, Channel::Whatsapp, &from).first() {
            Some(user) => self.answer(user.id, Channel::Whatsapp, from, answer).await,
            None => Ok(()),
        }
    }

    /// Puts an answer to a person on its way.
    async fn answer(&self, user: UserId, channel: Channel, address: String, text: String) -> Result<(), Refused> {
        let message = AccountMessage {
            id: DeliveryId::new(self.state.clock.uuid_v7()),
            user,
            channel,
            address,
            text: AccountText {
                subject: "OpsKnight".into(),
                text,
            },
            reason: "answer".into(),
        };
        let (sealer, now) = (self.store().sealer.clone(), self.now());
        let unit = async move |tx: &mut Tx<'_>| deliveries::send_account_message(tx, &sealer, &message, now).await;
        Ok(self.store().db.write(unit).await.map_err(unavailable)?)
    }
}
