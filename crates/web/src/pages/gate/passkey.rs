//! What the script of passkeys asks for and brings: JSON, with errors as sentences.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::cookie::CookieJar;
use http::HeaderMap;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{MaybePeer, device, own_path, throttle};
use crate::{
    actions::accounts::{
        Introduction, SignedIn,
        passkeys::{self, Begun},
    },
    api::{
        error::{ApiError, Code},
        extract::Path,
    },
    auth,
    state::AppState,
};

/// An answer for the script: a failure is a sentence that it shows.
pub(in crate::pages) fn answer(result: Result<Response, ApiError>) -> Response {
    let error = match result {
        Ok(response) => return response,
        Err(error) => error,
    };
    let words = match (error.code(), error.fields().iter().next()) {
        (Code::Unauthorized, _) => "This passkey is not known here, or its account is disabled.".to_owned(),
        (_, Some((field, why))) => crate::pages::error::sentence(&format!("{} {why}", field_name(field))),
        (_, None) => crate::pages::error::sentence(error.message()),
    };
    (error.status(), Json(json!({ "error": words }))).into_response()
}

fn field_name(field: &str) -> &str {
    if field == "timeZone" {
        "the time zone"
    } else {
        "the name"
    }
}

/// What the browser is asked for, with the token with which the script answers.
pub(in crate::pages) fn begun(begun: Begun) -> Response {
    Json(json!({ "ask": begun.ask, "token": begun.token })).into_response()
}

/// Reads what the script brings.
pub(in crate::pages) fn brought<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|_| ApiError::invalid_request("the browser's answer is not complete"))
}

/// Where the script goes on to.
pub(in crate::pages) fn on_to(path: &str) -> Response {
    Json(json!({ "to": path })).into_response()
}

#[derive(Debug, Deserialize)]
struct Used {
    token: String,
    credential: Value,
    #[serde(default)]
    next: String,
}

/// `POST /login/passkey/start`
pub(in crate::pages) async fn start(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
) -> Response {
    let device = device(&headers, peer, &state);
    answer(passkeys::begin_signing_in(&state, &device).await.map(begun))
}

/// `POST /login/passkey/finish`
pub(in crate::pages) async fn finish(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let device = device(&headers, peer, &state);
    let work = async {
        let used: Used = brought(&body)?;
        let session = passkeys::sign_in(&state, &used.token, used.credential, device).await?;
        let jar = CookieJar::new().add(auth::session_cookie(session, &state));
        Ok((jar, on_to(own_path(&used.next))).into_response())
    };
    answer(work.await)
}

/// `POST /invite/{token}/passkey/start`
pub(in crate::pages) async fn start_accepting(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    Path(link): Path<String>,
) -> Response {
    let work = async {
        throttle(&state, peer).await?;
        passkeys::begin_accepting(&state, &link).await
    };
    answer(work.await.map(begun))
}

#[derive(Debug, Deserialize)]
struct Accepted {
    token: String,
    credential: Value,
    name: String,
    time_zone: String,
}

/// `POST /invite/{token}/passkey/finish`
pub(in crate::pages) async fn accept(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    Path(link): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let device = device(&headers, peer, &state);
    let work = async {
        throttle(&state, peer).await?;
        let made: Accepted = brought(&body)?;
        let who = Introduction {
            name: made.name,
            password: String::new(),
            time_zone: made.time_zone,
        };
        match passkeys::accept(&state, (&link, &made.token), (who, made.credential), device).await? {
            SignedIn::Done(session) => {
                let jar = CookieJar::new().add(auth::session_cookie(session, &state));
                Ok((jar, on_to("/")).into_response())
            }
            SignedIn::Second(token) => {
                let jar = CookieJar::new().add(auth::step_cookie(token, &state));
                Ok((jar, on_to("/login/second")).into_response())
            }
        }
    };
    answer(work.await)
}
