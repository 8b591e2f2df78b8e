//! `/forgot`: a link for a new password, by mail.

use axum::{extract::State, response::Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use opsknight_domain::directory::{Channel, Role, Standing};
use opsknight_store::db::Tx;

use super::{MaybePeer, bare, device, too_many_tries};
use crate::{
    actions::accounts,
    api::error::{ApiError, Code},
    pages::{
        PageError,
        form::{Form, Wrong},
        viewer::html,
    },
    state::AppState,
    views::{Forgot, ForgotState},
};

/// Most administrators that are named to somebody who is not signed in.
const NAMES_MAX: usize = 5;

/// Where no mail can be sent: whom to ask.
async fn to_ask(state: &AppState, now: Timestamp) -> Result<Option<Vec<String>>, ApiError> {
    let pictures = state.store.pictures.clone();
    let picture = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| pictures.current(tx, now).await)
        .await?;
    if picture.directory.channels.contains(&Channel::Email) {
        return Ok(None);
    }
    let users = picture.directory.users.values();
    let admins = users.filter(|user| user.role == Role::Admin && user.standing == Standing::Active);
    let mut names: Vec<String> = admins.map(|user| user.name.clone()).collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.truncate(NAMES_MAX);
    Ok(Some(names))
}

/// `GET /forgot`
pub(in crate::pages) async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, PageError> {
    let form = match to_ask(&state, state.clock.now()).await? {
        Some(names) => ForgotState::NoMail(names),
        None => ForgotState::Ask(Form::default().field("email", &Wrong::default()), None),
    };
    html(&Forgot {
        shell: bare("Forgotten password", &headers),
        state: form,
    })
}

/// `POST /forgot`
pub(in crate::pages) async fn send(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let shell = bare("Forgotten password", &headers);
    let asked = accounts::forgot(&state, form.text("email"), &device(&headers, peer, &state)).await;
    let error = match asked {
        Ok(()) => {
            let state = ForgotState::Sent(form.text("email").to_owned());
            return html(&Forgot { shell, state });
        }
        Err(error) => error,
    };
    if error.code() == Code::Conflict {
        let names = to_ask(&state, state.clock.now()).await?.unwrap_or_default();
        let state = ForgotState::NoMail(names);
        return html(&Forgot { shell, state });
    }
    let limited = error.code() == Code::RateLimited;
    let refused = limited.then(|| too_many_tries(&error));
    let (status, wait) = (error.status(), error.retry_after_s());
    let wrong = if limited {
        Wrong::default()
    } else {
        Wrong::of_error(error, &[])?
    };
    let mut response = html(&Forgot {
        shell,
        state: ForgotState::Ask(form.field("email", &wrong), refused),
    })?;
    *response.status_mut() = if limited {
        status
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    if let Some(wait) = wait {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    Ok(response)
}
