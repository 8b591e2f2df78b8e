//! `/profile/security/second-step`: setting up an app that makes codes, its recovery codes, and switching it off.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::HeaderMap;

use super::{PATH, Typed, again};
use crate::{
    actions::accounts::second_step,
    auth::totp,
    pages::{
        PageError,
        form::{Form, Wrong},
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{QrPicture, RecoveryCodes, SecondStepSetup, Section},
};

const SETUP: &str = "/profile/security/second-step";

/// `POST /profile/security/second-step`
pub(in crate::pages) async fn begin(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    match second_step::begin(&state, viewer.person.id).await {
        Ok(()) => Ok(Redirect::to(SETUP).into_response()),
        Err(error) => refused(PATH, error),
    }
}

/// `GET /profile/security/second-step`
pub(in crate::pages) async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    match setup(&state, &viewer, &Wrong::default()).await? {
        Some(page) => viewer.page(&page),
        None => Ok(Redirect::to(PATH).into_response()),
    }
}

async fn setup(state: &AppState, viewer: &Viewer, wrong: &Wrong) -> Result<Option<SecondStepSetup>, PageError> {
    let Some(secret) = second_step::pending(state, viewer.person.id).await? else {
        return Ok(None);
    };
    let uri = totp::uri(&secret, &viewer.person.email).unwrap_or_default();
    let key = secret.expose().as_bytes().chunks(4).map(String::from_utf8_lossy);
    Ok(Some(SecondStepSetup {
        shell: viewer.shell("Set up two-step sign-in", Section::Elsewhere),
        qr: QrPicture::of(&uri),
        key: key.collect::<Vec<_>>().join(" "),
        uri,
        code: Form::default().secret_field("code", wrong),
        refused: wrong.whole(),
    }))
}

fn shown_once(viewer: &Viewer, codes: Vec<String>, just_on: bool) -> Result<Response, PageError> {
    viewer.page(&RecoveryCodes {
        shell: viewer.shell("Recovery codes", Section::Elsewhere),
        codes,
        just_on,
    })
}

/// `POST /profile/security/second-step/confirm`
pub(in crate::pages) async fn confirm(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    match second_step::confirm(&state, &viewer.caller, viewer.person.id, form.text("code")).await {
        // Shown in the answer itself, and nowhere else ever again.
        Ok(codes) => shown_once(&viewer, codes, true),
        Err(error) => {
            let wrong = Wrong::of_error(error, &[])?;
            match setup(&state, &viewer, &wrong).await? {
                Some(page) => viewer.refused_page(&page),
                None => Ok(Redirect::to(PATH).into_response()),
            }
        }
    }
}

/// `POST /profile/security/second-step/change`
pub(in crate::pages) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let (id, proof) = (viewer.person.id, form.raw("proof"));
    let changed = match form.text("do") {
        "off" => {
            let off = second_step::switch_off(&state, &viewer.caller, id, proof).await;
            off.map(|()| done(PATH, "Two-step sign-in is off."))
        }
        _ => match second_step::renew_codes(&state, &viewer.caller, id, proof).await {
            Ok(codes) => return shown_once(&viewer, codes, false),
            Err(error) => Err(error),
        },
    };
    match changed {
        Ok(response) => Ok(response),
        Err(error) => {
            let typed = Typed {
                wrong: Wrong::of_error(error, &[])?,
                ..Typed::default()
            };
            again(&state, &viewer, &headers, typed).await
        }
    }
}
