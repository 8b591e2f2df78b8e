//! `/profile/security/passkeys`: the viewer's own.

use axum::{body::Bytes, extract::State, response::Response};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::{PATH, Typed, again};
use crate::{
    actions::accounts::passkeys,
    api::extract::Path,
    pages::{
        PageError,
        form::{Form, Wrong},
        gate::passkey::{answer, begun, brought, on_to},
        viewer::{Viewer, done, refused, say},
    },
    state::AppState,
};

/// `POST /profile/security/passkeys/start`
pub(in crate::pages) async fn start(State(state): State<AppState>, viewer: Viewer) -> Response {
    answer(passkeys::begin_making(&state, viewer.person.id).await.map(begun))
}

#[derive(Debug, Deserialize)]
struct Made {
    token: String,
    name: String,
    credential: Value,
}

/// `POST /profile/security/passkeys/finish`
pub(in crate::pages) async fn finish(State(state): State<AppState>, viewer: Viewer, body: Bytes) -> Response {
    let work = async {
        let made: Made = brought(&body)?;
        let brought = (made.token.as_str(), made.name.as_str(), made.credential);
        passkeys::finish_making(&state, &viewer.caller, viewer.person.id, brought).await?;
        let mut response = on_to(PATH);
        let said = say(PATH, true, "The passkey was added.");
        for cookie in said.headers().get_all(http::header::SET_COOKIE) {
            response.headers_mut().append(http::header::SET_COOKIE, cookie.clone());
        }
        Ok(response)
    };
    answer(work.await)
}

/// `POST /profile/security/passkeys/{passkey}`
pub(in crate::pages) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, PageError> {
    let user = viewer.person.id;
    if form.text("do") == "delete" {
        return match passkeys::remove(&state, &viewer.caller, user, &id).await {
            Ok(()) => Ok(done(
                PATH,
                "The passkey was removed. Your device may still list it: remove it there too.",
            )),
            Err(error) => refused(PATH, error),
        };
    }
    match passkeys::rename(&state, &viewer.caller, user, (&id, form.text("name"))).await {
        Ok(()) => Ok(done(PATH, "Renamed.")),
        Err(error) => {
            let typed = Typed {
                wrong: Wrong::of_error(error, &[])?,
                form,
                passkey: Some(id),
            };
            again(&state, &viewer, &headers, typed).await
        }
    }
}
