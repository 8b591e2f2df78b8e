//! `/invite/{token}`: somebody accepts an invitation, or chooses a new password.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use opsknight_domain::directory::{Role, Standing};

use super::{MaybePeer, NAMES, bare, device, entered, introduction, throttle};
use crate::{
    actions::accounts,
    api::{error::Code, extract::Path, settings::sign_in},
    pages::{
        PageError,
        form::{Form, Wrong},
        viewer::html,
        zones,
    },
    state::AppState,
    views::{Invite, InviteForm, InviteState},
};

/// `GET /invite/{token}`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    throttle(&state, peer).await?;
    answer(&state, token, None, Wrong::default(), &headers).await
}

async fn answer(
    state: &AppState,
    token: String,
    form: Option<Form>,
    wrong: Wrong,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let shell = bare("Your invitation", headers);
    let Some(user) = accounts::invited(state, &token).await? else {
        let state = InviteState::Expired;
        return html(&Invite { shell, state });
    };
    let provider = sign_in::current(state).await?;
    let provider_only = user.role != Role::Admin && provider.as_ref().is_some_and(|provider| !provider.passwords);
    let known = [("name".to_owned(), user.name), ("time_zone".to_owned(), user.time_zone)];
    let form = form.unwrap_or_else(|| Form::of(known));
    let form = InviteForm {
        token,
        email: user.email,
        name: form.field("name", &wrong),
        password: form.secret_field("password", &wrong),
        time_zone: form.select("time_zone", &wrong, zones::choices()),
        refused: wrong.whole(),
        is_reset: user.standing == Standing::Active,
        provider: provider.map(|provider| provider.name),
        provider_only,
        passkeys: !provider_only && state.passkeys.why_not().is_none(),
    };
    let state = InviteState::Ready(Box::new(form));
    html(&Invite { shell, state })
}

/// `POST /invite/{token}`
pub(in crate::pages) async fn accept(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    throttle(&state, peer).await?;
    match accounts::accept(&state, &token, introduction(&form), device(&headers, peer, &state)).await {
        Ok(signed_in) => Ok(entered("/", signed_in, &state)),
        // The page as it is now says by what they come in.
        Err(error) if error.code() == Code::Forbidden => answer(&state, token, None, Wrong::default(), &headers).await,
        Err(error) => {
            let wrong = Wrong::of_error(error, &NAMES)?;
            answer(&state, token, Some(form), wrong, &headers).await
        }
    }
}
