//! `/login/oidc`: to the OpenID provider, and back.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use http::HeaderMap;

use super::{MaybePeer, device, login_refused, own_path, with_session};
use crate::{
    actions::accounts::provider::{self, Back, Unsigned},
    api::error::ApiError,
    auth,
    pages::{PageError, form::Form},
    state::AppState,
};

/// The page to sign in, which says what stands in the way.
async fn refused(
    state: &AppState,
    (next, unsigned): (String, Unsigned),
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let (words, error) = match unsigned {
        Unsigned::Told(words) => (words, ApiError::unauthorized()),
        Unsigned::Failed(error) if error.retry_after_s().is_some() => (super::too_many_tries(&error), error),
        Unsigned::Failed(error) => return Err(error.into()),
    };
    login_refused(state, (&Form::default(), next), words, &error, headers).await
}

fn asked(uri: &http::Uri, wanted: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let found = form_urlencoded::parse(query).find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.into_owned())
}

/// `GET /login/oidc`: a link and no form, since a form may lead to no other site (Content-Security-Policy,
/// `form-action`).
pub(in crate::pages) async fn set_out(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
    uri: http::Uri,
) -> Result<Response, PageError> {
    let next = own_path(&asked(&uri, "next").unwrap_or_default()).to_owned();
    match provider::set_out(&state, &next, &device(&headers, peer, &state)).await {
        Ok((url, token)) => {
            let jar = CookieJar::new().add(auth::step_cookie(token, &state));
            Ok((jar, Redirect::to(url.as_str())).into_response())
        }
        Err(unsigned) => refused(&state, (next, unsigned), &headers).await,
    }
}

/// `GET /login/oidc/callback`
pub(in crate::pages) async fn come_back(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
    uri: http::Uri,
) -> Result<Response, PageError> {
    let token = auth::step_token(&headers, &state).unwrap_or_default();
    let back = Back {
        state: asked(&uri, "state").unwrap_or_default(),
        code: asked(&uri, "code"),
        error: asked(&uri, "error"),
    };
    let mut response = match provider::come_back(&state, &token, back, device(&headers, peer, &state)).await {
        Ok((session, next)) => with_session(own_path(&next), session, &state),
        Err(unsigned) => return refused(&state, ("/".to_owned(), unsigned), &headers).await,
    };
    let jar = CookieJar::new().add(auth::end_step_cookie(&state));
    response = (jar, response).into_response();
    Ok(response)
}
