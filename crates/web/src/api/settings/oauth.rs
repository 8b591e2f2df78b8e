//! `/api/settings/slack-oauth`: an administrator lets our app into their workspace, and comes back with a code that is
//! turned into a token (Slack, "Installing with OAuth").
//!
//! What goes along in `state` says that it was this very session that set out a moment ago, and counts once: so nobody
//! is made to connect a workspace of somebody else's.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::directory::Channel;
use opsknight_store::{
    db::Tx,
    heard,
    secret::{Secret, token_hash},
};
use sha2::Sha256;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{stored, workspaces::connect};
use crate::{
    api::{
        access::Caller,
        error::{ApiError, Problems},
        extract::{FromParams, Params},
    },
    auth::session_token,
    pages::say,
    state::{AppState, SlackApp},
};

/// The purpose for which `Sealer::signing_key` gives the key of `state`.
const STATE_PURPOSE: &str = "slack-oauth-state";
/// How long somebody may take to let the app in.
const STATE_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// The random bytes by which one `state` is told from another.
const NONCE_BYTES: usize = 16;
/// The first half of HMAC-SHA256, which RFC 2104 (section 5) allows.
const TAG_BYTES: usize = 16;
/// Under which name a `state` is remembered as used.
const HEARD: &str = "slack-oauth";
/// Where an administrator comes back to.
const PAGE: &str = "/settings/slack";
/// The path that Slack sends them to; the app's manifest names it.
const CALLBACK: &str = "/api/settings/slack-oauth/callback";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(start)).routes(routes!(callback))
}

fn mac(key: &[u8; 32], session: &str, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(payload);
    mac.update(token_hash(session).as_bytes());
    mac
}

/// What goes along: which one this is, until when it counts, and the proof that both are ours and this session's.
fn new_state(key: &[u8; 32], session: &str, nonce: [u8; NONCE_BYTES], now: Timestamp) -> String {
    let ends = now.saturating_add(STATE_LASTS).unwrap_or(now);
    let mut bytes = nonce.to_vec();
    bytes.extend(ends.as_second().to_be_bytes());
    let tag = mac(key, session, &bytes).finalize().into_bytes();
    bytes.extend(&tag[..TAG_BYTES]);
    BASE64.encode(bytes)
}

/// The name of a `state` that is this session's and still counts.
fn read_state(key: &[u8; 32], session: &str, text: &str, now: Timestamp) -> Option<String> {
    let bytes = BASE64.decode(text).ok()?;
    let (payload, tag) = bytes.split_at_checked(NONCE_BYTES + 8)?;
    if tag.len() != TAG_BYTES {
        return None;
    }
    mac(key, session, payload).verify_truncated_left(tag).ok()?;
    let (nonce, ends) = payload.split_at(NONCE_BYTES);
    let ends = Timestamp::from_second(i64::from_be_bytes(ends.try_into().ok()?)).ok()?;
    (now < ends).then(|| hex::encode(nonce))
}

/// The app's credentials: those that are saved, and the environment's where none are.
async fn app(state: &AppState) -> Result<Option<SlackApp>, ApiError> {
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| stored(tx, &at, Channel::Slack).await;
    let Some((settings, _)) = state.store.db.read(unit).await? else {
        return Ok(state.providers.slack().app());
    };
    let text = |name: &str| settings.get(name)?.as_str().map(str::to_owned);
    let both = text("clientId").zip(text("clientSecret"));
    Ok(both.map(|(client_id, secret)| SlackApp {
        client_id,
        client_secret: Secret::new(secret),
    }))
}

/// Where Slack sends an administrator who lets the app in, or why that cannot begin yet.
pub(crate) async fn begin(state: &AppState, session: &str) -> Result<url::Url, ApiError> {
    let Some(app) = app(state).await? else {
        return Err(ApiError::conflict("Save the app's client ID and client secret first."));
    };
    let mut nonce = [0; NONCE_BYTES];
    state.clock.fill(&mut nonce);
    let key = state.store.sealer.signing_key(STATE_PURPOSE);
    let along = new_state(&key, session, nonce, state.clock.now());
    let slack = state.providers.slack();
    Ok(slack.authorize_url(&app.client_id, &along, &state.link(CALLBACK)))
}

/// What Slack sends an administrator back with.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Answered {
    /// The code that is turned into a token.
    #[param(required = false)]
    pub(crate) code: Option<String>,
    /// What went along.
    #[param(required = false)]
    pub(crate) state: Option<String>,
    /// Why there is no code: `access_denied`.
    #[param(required = false)]
    pub(crate) error: Option<String>,
}

/// Turns what somebody came back with into a workspace, whose name is returned.
///
/// # Errors
/// 409 with a sentence for the administrator.
pub(crate) async fn finish(
    state: &AppState,
    caller: &Caller,
    session: &str,
    answered: Answered,
) -> Result<String, ApiError> {
    if answered.error.as_deref() == Some("access_denied") {
        // Nothing is done and nothing of the address is shown, so it does not matter who sent it.
        return Err(ApiError::conflict("Slack was not connected: you said no there."));
    }
    let key = state.store.sealer.signing_key(STATE_PURPOSE);
    let (along, now) = (answered.state.unwrap_or_default(), state.clock.now());
    let again = || ApiError::conflict("This way back from Slack is too old or was used. Connect again.");
    let name = read_state(&key, session, &along, now).ok_or_else(again)?;
    let first = async move |tx: &mut Tx<'_>| heard::first(tx, HEARD, &name, now).await;
    if !state.store.db.write(first).await? {
        return Err(again());
    }
    match (answered.error.as_deref(), answered.code) {
        (None, Some(code)) => {
            let app = app(state).await?.ok_or_else(again)?;
            let exchanged = state
                .providers
                .slack()
                .exchange(&app, &code, &state.link(CALLBACK))
                .await;
            let installed = exchanged.map_err(|error| refused(&error.to_string()))?;
            let name = installed.name.clone();
            connect(state, caller, installed).await?;
            Ok(name)
        }
        (Some(error), _) => Err(refused(error)),
        (None, None) => Err(refused("it sent no code")),
    }
}

/// Slack's words; what is between them and us may have written them, so they are kept short.
fn refused(why: &str) -> ApiError {
    let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
    ApiError::conflict(format!("Slack was not connected: {why}."))
}

/// Sends an administrator to Slack to let the app into their workspace.
#[utoipa::path(
    get, path = "/api/settings/slack-oauth/start", tag = "Settings", operation_id = "startSlackOauth",
    responses((status = 303, description = "To Slack; or back to the page, which says what is missing.")),
)]
async fn start(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let session = session_token(&headers, &state).unwrap_or_default();
    match begin(&state, &session).await {
        Ok(url) => Ok(Redirect::to(url.as_str()).into_response()),
        Err(error) => back(error),
    }
}

/// Where Slack sends an administrator back to: their workspace is connected, and the page says so.
#[utoipa::path(
    get, path = "/api/settings/slack-oauth/callback", tag = "Settings", operation_id = "finishSlackOauth",
    params(Answered),
    responses((status = 303, description = "To the page, which says what came of it.")),
)]
async fn callback(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    uri: http::Uri,
) -> Result<Response, ApiError> {
    let mut problems = Problems::default();
    // Slack may add what it likes: other parameters are passed over.
    let mut params = Params::read(uri.query().unwrap_or_default(), &mut problems);
    let answered = Answered::from_params(&mut params, &mut problems);
    let session = session_token(&headers, &state).unwrap_or_default();
    match finish(&state, &caller, &session, answered).await {
        Ok(name) => Ok(say(PAGE, true, format!("The workspace {name} is connected."))),
        Err(error) => back(error),
    }
}

impl FromParams for Answered {
    fn from_params(params: &mut Params, _: &mut Problems) -> Self {
        Self {
            code: params.text("code"),
            state: params.text("state"),
            error: params.text("error"),
        }
    }
}

/// Back to the page with what stands in the way; a fault of ours is answered as such.
fn back(error: ApiError) -> Result<Response, ApiError> {
    match error.status().as_u16() {
        409 => Ok(say(PAGE, false, error.message())),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_along_is_one_sessions_and_ends() {
        let (key, now) = ([7; 32], Timestamp::from_second(1_780_315_200).unwrap());
        let state = new_state(&key, "session", [3; NONCE_BYTES], now);
        let at = |s: i64| now.checked_add(SignedDuration::from_secs(s)).unwrap();
        assert_eq!(read_state(&key, "session", &state, at(599)), Some("03".repeat(16)));
        assert_eq!(read_state(&key, "session", &state, at(600)), None);
        assert_eq!(read_state(&key, "other", &state, now), None);
        assert_eq!(read_state(&[8; 32], "session", &state, now), None);
        for end in 0..state.len() {
            assert_eq!(read_state(&key, "session", &state[..end], now), None, "{end}");
        }
    }
}
