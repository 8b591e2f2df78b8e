//! The pages before the door: setting up, signing in and out. Invitations, forgotten passwords, the second step, passkeys
//! and the way to a provider and back each have a file.

pub(super) mod forgot;
pub(super) mod invite;
pub(super) mod passkey;
pub(super) mod provider;
pub(super) mod second;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use http::{HeaderMap, HeaderValue, header};

use super::{
    PageError, flash,
    form::{Form, Wrong},
    viewer::{html, theme},
    zones,
};
use crate::{
    actions::accounts::{self, Device, Introduction, SignedIn},
    api::{
        access::MaybeCaller,
        error::{ApiError, Code},
        settings::sign_in,
    },
    auth,
    state::{AppState, Peer},
    views::{Bare, Login, Setup},
};

/// Longest path that somebody is sent back to after signing in, in bytes.
const NEXT_BYTES_MAX: usize = 2048;

/// The names of fields as actions know them, and as the forms here do.
const NAMES: [(&str, &str); 1] = [("timeZone", "time_zone")];

fn bare(title: &str, headers: &HeaderMap) -> Bare {
    Bare {
        title: title.to_owned(),
        theme: theme(headers),
        flash: flash::read(headers),
    }
}

/// Where a session begins that this request asks for.
pub(super) fn device(headers: &HeaderMap, peer: Option<Peer>, state: &AppState) -> Device {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Device {
        ip: peer.map(|peer| peer.0),
        agent: agent.map(str::to_owned),
        replaces: auth::session_token(headers, state),
    }
}

/// The client's address, where the server knows it.
pub(super) struct MaybePeer(pub(super) Option<Peer>);

impl<S: Sync> axum::extract::FromRequestParts<S> for MaybePeer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut http::request::Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<Peer>().copied()))
    }
}

/// A path of ours to go to, and nothing else: no other host, no path that a browser reads as one.
fn own_path(next: &str) -> &str {
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    let plain = next.len() <= NEXT_BYTES_MAX && next.chars().all(|c| c.is_ascii_graphic());
    if ours && plain { next } else { "/" }
}

/// `GET /login`
pub(super) async fn login(
    State(state): State<AppState>,
    MaybeCaller(caller): MaybeCaller,
    headers: HeaderMap,
    uri: http::Uri,
) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let next = form_urlencoded::parse(query).find(|(name, _)| name == "next");
    let next = next.map_or_else(String::new, |(_, next)| own_path(&next).to_owned());
    if caller.is_some() {
        return Ok(Redirect::to(own_path(&next)).into_response());
    }
    if accounts::can_set_up(&state, "").await? != accounts::Setup::Done {
        return Ok(Redirect::to("/setup").into_response());
    }
    let page = login_page(&state, &Form::default(), next, None, &headers).await?;
    let mut response = html(&page)?;
    flash::add(response.headers_mut(), flash::clear());
    Ok(response)
}

async fn login_page(
    state: &AppState,
    form: &Form,
    next: String,
    refused: Option<String>,
    headers: &HeaderMap,
) -> Result<Login, ApiError> {
    let provider = sign_in::current(state).await?;
    Ok(Login {
        shell: bare("Sign in", headers),
        next,
        email: form.field("email", &Wrong::default()),
        password: form.secret_field("password", &Wrong::default()),
        refused,
        provider_only: provider.as_ref().is_some_and(|provider| !provider.passwords),
        provider: provider.map(|provider| provider.name),
        passkeys: state.passkeys.why_not().is_none(),
    })
}

/// The page to sign in, which says why somebody was not: with the status of the failure.
async fn login_refused(
    state: &AppState,
    (form, next): (&Form, String),
    refused: String,
    error: &ApiError,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let page = login_page(state, form, next, Some(refused), headers).await?;
    let mut response = html(&page)?;
    *response.status_mut() = error.status();
    if let Some(wait) = error.retry_after_s() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    Ok(response)
}

/// What somebody is told who tried too often.
fn too_many_tries(error: &ApiError) -> String {
    let wait = error.retry_after_s().unwrap_or(1);
    match wait {
        0..=90 => format!("There were too many tries. Wait {wait} seconds, then try again."),
        _ => format!(
            "There were too many tries. Wait {} minutes, then try again.",
            wait.div_ceil(60)
        ),
    }
}

/// `POST /login`
pub(super) async fn sign_in(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let next = own_path(form.text("next")).to_owned();
    let device = device(&headers, peer, &state);
    let error = match accounts::sign_in(&state, form.text("email"), form.raw("password"), device).await {
        Ok(signed_in) => return Ok(entered(&next, signed_in, &state)),
        Err(error) => error,
    };
    let refused = match error.code() {
        Code::Unauthorized => "The email address or the password is not right.".to_owned(),
        Code::Forbidden => "Your password is right, but here you sign in by the provider.".to_owned(),
        Code::RateLimited => too_many_tries(&error),
        _ => return Err(error.into()),
    };
    login_refused(&state, (&form, next), refused, &error, &headers).await
}

/// Where somebody goes who has signed in, or who still has to bring a code.
fn entered(next: &str, signed_in: SignedIn, state: &AppState) -> Response {
    match signed_in {
        SignedIn::Done(token) => with_session(next, token, state),
        SignedIn::Second(token) => {
            let jar = CookieJar::new().add(auth::step_cookie(token, state));
            let along: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            (jar, Redirect::to(&format!("/login/second?next={along}"))).into_response()
        }
    }
}

pub(super) fn with_session(path: &str, token: String, state: &AppState) -> Response {
    let jar = CookieJar::new().add(auth::session_cookie(token, state));
    (jar, Redirect::to(path)).into_response()
}

/// `POST /logout`
pub(super) async fn sign_out(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, PageError> {
    if let Some(token) = auth::session_token(&headers, &state) {
        accounts::sign_out(&state, &token).await?;
    }
    let jar = CookieJar::new().add(auth::end_cookie(&state));
    Ok((jar, Redirect::to("/login")).into_response())
}

/// `GET /setup?token=…`
pub(super) async fn setup(
    State(state): State<AppState>,
    headers: HeaderMap,
    uri: http::Uri,
) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let token = form_urlencoded::parse(query).find(|(name, _)| name == "token");
    let token = token.map_or_else(String::new, |(_, token)| token.into_owned());
    setup_answer(&state, &token, &Form::default(), Wrong::default(), &headers).await
}

async fn setup_answer(
    state: &AppState,
    token: &str,
    form: &Form,
    wrong: Wrong,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let refused = match accounts::can_set_up(state, token).await? {
        accounts::Setup::Done => return Ok(Redirect::to("/login").into_response()),
        accounts::Setup::Ready => wrong.whole(),
        accounts::Setup::WrongLink => Some(
            "Open the whole link that the server prints when it starts. It works once; starting the server again \
             prints a new one."
                .to_owned(),
        ),
    };
    html(&Setup {
        shell: bare("Set up", headers),
        token: token.to_owned(),
        name: form.field("name", &wrong),
        email: form.field("email", &wrong),
        password: form.secret_field("password", &wrong),
        time_zone: form.select("time_zone", &wrong, zones::choices()),
        refused,
    })
}

fn introduction(form: &Form) -> Introduction {
    Introduction {
        name: form.text("name").to_owned(),
        password: form.raw("password").to_owned(),
        time_zone: form.text("time_zone").to_owned(),
    }
}

/// `POST /setup`
pub(super) async fn set_up(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    throttle(&state, peer).await?;
    let token = form.text("token").to_owned();
    let who = introduction(&form);
    match accounts::set_up(&state, &token, form.text("email"), who, device(&headers, peer, &state)).await {
        Ok(session) => Ok(with_session("/", session, &state)),
        Err(error) => {
            let wrong = Wrong::of_error(error, &NAMES)?;
            setup_answer(&state, &token, &form, wrong, &headers).await
        }
    }
}

async fn throttle(state: &AppState, peer: Option<Peer>) -> Result<(), ApiError> {
    match peer {
        Some(peer) => state.throttles.links.take_from(peer.0, state.clock.now()).await,
        None => Ok(()),
    }
}

/// `POST /theme`
pub(super) async fn set_theme(State(state): State<AppState>, form: Form) -> Response {
    let theme = crate::views::Theme::from_word(form.text("theme"));
    let jar = CookieJar::new().add(auth::plain_cookie(super::viewer::THEME_COOKIE, theme.word(), &state));
    (jar, Redirect::to(own_path(form.text("back")))).into_response()
}

/// `POST /profile/shortcuts`
pub(super) async fn set_keys(State(state): State<AppState>, form: Form) -> Response {
    let word = if form.is_sent("single_keys") { "on" } else { "off" };
    let jar = CookieJar::new().add(auth::plain_cookie(super::viewer::KEYS_COOKIE, word, &state));
    let said = match word {
        "on" => "Shortcuts of a single key work in this browser.",
        _ => "Shortcuts of a single key are switched off in this browser.",
    };
    (jar, super::viewer::done("/profile#keys", said)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_host() {
        for good in ["/", "/incidents?status=OPEN&q=a%20b"] {
            assert_eq!(own_path(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/\u{7}",
        ] {
            assert_eq!(own_path(bad), "/");
        }
    }
}
