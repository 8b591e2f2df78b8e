//! `/unsubscribe/{token}`: the link in news, by which a person ends them. Looking changes nothing; one click does, and
//! so does a mail program that sends the form by itself (RFC 8058).
//!
//! The token alone says whose news it is: no session and no cookie is looked at, and whose page sent the form does not
//! matter. Pages that call people are not news and go on.

use axum::{Extension, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use opsknight_domain::{
    id::{AuditId, UserId},
    incident::Actor,
};
use opsknight_store::{
    audit::{self, AuditLine},
    db::Tx,
    users::{self, UserRow},
};
use serde_json::json;

use super::{
    PageError,
    viewer::{html, theme},
};
use crate::{
    ack::{ACK_LINK_PURPOSE, read_news_token},
    api::{error::ApiError, extract::Path},
    state::{AppState, Peer},
    views::{Bare, Unsubscribe, UnsubscribeState},
};

fn whose(state: &AppState, token: &str) -> Option<UserId> {
    let key = state.store.sealer.signing_key(ACK_LINK_PURPOSE);
    read_news_token(&key, token)
}

fn answer(headers: &HeaderMap, state: UnsubscribeState) -> Result<Response, PageError> {
    let status = match state {
        UnsubscribeState::Invalid => StatusCode::NOT_FOUND,
        UnsubscribeState::Ready { .. } | UnsubscribeState::Done { .. } => StatusCode::OK,
    };
    let mut response = html(&Unsubscribe {
        shell: Bare {
            title: "End news".to_owned(),
            theme: theme(headers),
            flash: None,
        },
        state,
    })?;
    *response.status_mut() = status;
    Ok(response)
}

/// `GET /unsubscribe/{token}`
pub(super) async fn show(
    State(state): State<AppState>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let found = match whose(&state, &token) {
        Some(id) => {
            let unit = async move |tx: &mut Tx<'_>| users::get(tx, id).await;
            state.store.db.read(unit).await.map_err(ApiError::from)?
        }
        None => None,
    };
    let shown = match found {
        Some(user) if user.wants_news => UnsubscribeState::Ready { token, name: user.name },
        Some(user) => UnsubscribeState::Done { name: user.name },
        None => UnsubscribeState::Invalid,
    };
    answer(&headers, shown)
}

/// `POST /unsubscribe/{token}`, whatever the body says.
pub(super) async fn end(
    State(state): State<AppState>,
    Path(token): Path<String>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let ended = match whose(&state, &token) {
        Some(id) => end_news(&state, id, peer.map(|Extension(Peer(ip))| ip.to_string())).await?,
        None => None,
    };
    answer(
        &headers,
        ended.map_or(UnsubscribeState::Invalid, |user| UnsubscribeState::Done {
            name: user.name,
        }),
    )
}

/// Ends the news to a person, where they have not ended them before. None: they are no longer there.
async fn end_news(state: &AppState, id: UserId, ip: Option<String>) -> Result<Option<UserRow>, ApiError> {
    let now = state.clock.now();
    let audit_id = AuditId::new(state.clock.uuid_v7());
    let unit = async move |tx: &mut Tx<'_>| {
        let Some(mut user) = users::get(tx, id).await? else {
            return Ok::<_, ApiError>(None);
        };
        if !user.wants_news {
            return Ok(Some(user));
        }
        user.wants_news = false;
        user.updated_at = now;
        users::update(tx, &user).await?;
        let actor = Actor::User {
            id,
            name: user.name.clone(),
        };
        let line = AuditLine {
            id: audit_id,
            at: now,
            actor: &actor,
            actor_id: Some(id.to_string()),
            ip: ip.clone(),
            action: "user.unsubscribed",
            object_kind: "user",
            object_id: id.to_string(),
            object_name: &user.name,
            changes: json!({ "receiveNews": { "from": true, "to": false } }),
        };
        audit::record(tx, &line).await?;
        Ok(Some(user))
    };
    state.store.db.write(unit).await
}
