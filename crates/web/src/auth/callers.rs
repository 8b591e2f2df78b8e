//! From the headers of a request to who sent it: an API key where one is given, else a session.

use std::net::IpAddr;

use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, Method, Uri, header};
use jiff::Timestamp;
use opsknight_store::{
    Store, api_keys,
    db::{DbError, Tx},
    secret::token_hash,
    sessions,
};
use tracing::warn;

use crate::{
    api::{
        access::{Caller, Key, Person, Who},
        error::ApiError,
        scope::Scope,
    },
    auth::session::session_token,
    state::AppState,
};

/// Longest API key that is looked at, in bytes.
const KEY_BYTES_MAX: usize = 256;

/// Who sent a request with these headers. One that carries `Authorization` is judged by that alone, so that no page of
/// somebody else's can add a session to it.
///
/// # Errors
/// 401 when it is nobody.
pub async fn caller(headers: &HeaderMap, ip: Option<IpAddr>, state: &AppState) -> Result<Caller, ApiError> {
    let now = state.clock.now();
    let mut prolonged = false;
    let who = match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let key = bearer(value.to_str().ok()).ok_or_else(ApiError::unauthorized)?;
            Who::Key(bearer_caller(&state.store, key, now).await?)
        }
        None => {
            let token = session_token(headers, state).ok_or_else(ApiError::unauthorized)?;
            let person;
            (person, prolonged) = session_caller(&state.store, &token, now).await?;
            Who::Person(person)
        }
    };
    Ok(Caller {
        who,
        ip,
        prolonged,
        expects: expected(headers),
    })
}

/// What a caller knows of that which they change: its `updatedAt`, in quotation marks (RFC 9110, section 13.1.1). What is
/// no time was never the state of anything.
fn expected(headers: &HeaderMap) -> Option<Timestamp> {
    let tag = headers.get(header::IF_MATCH)?.to_str().unwrap_or_default().trim();
    let text = tag.trim_start_matches("W/").trim_matches('"');
    (tag != "*").then(|| text.parse().unwrap_or(Timestamp::MIN))
}

fn bearer(authorization: Option<&str>) -> Option<&str> {
    let (scheme, key) = authorization?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && key.len() <= KEY_BYTES_MAX).then_some(key)
}

/// The API key that is `key`.
///
/// # Errors
/// 401 when there is none, or it has expired.
pub async fn bearer_caller(store: &Store, key: &str, now: Timestamp) -> Result<Key, ApiError> {
    if !key.starts_with(api_keys::KEY_PREFIX) {
        return Err(ApiError::unauthorized());
    }
    let hash = token_hash(key);
    let found = store
        .db
        .read(async move |tx: &mut Tx<'_>| api_keys::by_hash(tx, &hash, now).await)
        .await?;
    let row = found.ok_or_else(ApiError::unauthorized)?;
    if api_keys::wants_touch(&row, now) {
        let id = row.id;
        let touched = store
            .db
            .write(async move |tx: &mut Tx<'_>| api_keys::touch(tx, id, now).await);
        unless_busy("the last use of an API key", touched.await);
    }
    Ok(Key {
        id: row.id,
        name: row.name,
        scopes: row.scopes.iter().filter_map(|word| Scope::from_word(word)).collect(),
    })
}

/// The person of a session, and whether its end was put off now.
async fn session_caller(store: &Store, token: &str, now: Timestamp) -> Result<(Person, bool), ApiError> {
    let hash = token_hash(token);
    let found = store
        .db
        .read(async move |tx: &mut Tx<'_>| sessions::find(tx, &hash, now).await)
        .await?;
    let (session, user) = found.ok_or_else(ApiError::unauthorized)?;
    let mut prolonged = false;
    if session.wants_touch(now) {
        let hash = session.token_hash;
        let touched = store
            .db
            .write(async move |tx: &mut Tx<'_>| sessions::touch(tx, &hash, now).await)
            .await;
        prolonged = touched.is_ok();
        unless_busy("when somebody was last seen", touched);
    }
    let person = Person {
        id: user.id,
        name: user.name,
        email: user.email,
        role: user.role,
        time_zone: user.time_zone,
    };
    Ok((person, prolonged))
}

/// A note that could not be taken does not stand in the way of the call.
fn unless_busy(what: &str, noted: Result<(), DbError>) {
    if let Err(error) = noted {
        warn!(%error, "{what} was not noted");
    }
}

/// Sends somebody to sign in, and back to where they were going. A form's address is not where anybody comes from.
pub(crate) fn to_login(method: &Method, target: &Uri) -> Response {
    let path = target.path_and_query().map_or("/", |path| path.as_str());
    if matches!(*method, Method::GET | Method::HEAD) && path != "/" {
        let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        return Redirect::to(&format!("/login?next={next}")).into_response();
    }
    Redirect::to("/login").into_response()
}
