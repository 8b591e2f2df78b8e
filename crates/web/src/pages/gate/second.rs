//! `/login/second`: the code that is asked for after the password.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use http::{HeaderMap, HeaderValue, header};

use super::{MaybePeer, bare, device, own_path, too_many_tries, with_session};
use crate::{
    actions::accounts::second_step,
    api::error::Code,
    auth,
    pages::{
        PageError, flash,
        form::{Form, Wrong},
        viewer::{html, say},
    },
    state::AppState,
    views::{Flash, SecondStep},
};

fn page(next: String, wrong: &Wrong, refused: Option<String>, headers: &HeaderMap) -> SecondStep {
    let form = Form::default();
    SecondStep {
        shell: bare("Enter a code", headers),
        next,
        code: form.secret_field("code", wrong),
        recovery_code: form.secret_field("recovery_code", wrong),
        refused,
    }
}

/// `GET /login/second`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    uri: http::Uri,
) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let next = form_urlencoded::parse(query).find(|(name, _)| name == "next");
    let next = next.map_or_else(|| "/".to_owned(), |(_, next)| own_path(&next).to_owned());
    let token = auth::step_token(&headers, &state).unwrap_or_default();
    if !second_step::is_waiting(&state, &token).await? {
        return Ok(Redirect::to("/login").into_response());
    }
    html(&page(next, &Wrong::default(), None, &headers))
}

/// `POST /login/second`
pub(in crate::pages) async fn bring(
    State(state): State<AppState>,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let next = own_path(form.text("next")).to_owned();
    let token = auth::step_token(&headers, &state).unwrap_or_default();
    let field = if form.is_sent("recovery_code") {
        "recovery_code"
    } else {
        "code"
    };
    let finished = second_step::finish(&state, &token, form.text(field), device(&headers, peer, &state)).await;
    let error = match finished {
        Ok(finished) => return Ok(through(&next, finished, &state)),
        Err(error) => error,
    };
    let (wrong, refused) = match error.code() {
        Code::Conflict => {
            return Ok(say(
                "/login",
                false,
                "That took too long, or there were too many tries. Sign in again.",
            ));
        }
        Code::RateLimited => (Wrong::default(), Some(too_many_tries(&error))),
        _ => (Wrong::of_error(error.clone(), &[("code", field)])?, None),
    };
    let mut response = html(&page(next, &wrong, refused, &headers))?;
    *response.status_mut() = match error.code() {
        Code::RateLimited => error.status(),
        _ => http::StatusCode::UNPROCESSABLE_ENTITY,
    };
    if let Some(wait) = error.retry_after_s() {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    Ok(response)
}

fn through(next: &str, finished: second_step::Finished, state: &AppState) -> Response {
    let mut response = with_session(next, finished.token, state);
    let jar = CookieJar::new().add(auth::end_step_cookie(state));
    response = (jar, response).into_response();
    if let Some(text) = finished.note {
        flash::add(response.headers_mut(), flash::set(&Flash { good: true, text }));
    }
    response
}
