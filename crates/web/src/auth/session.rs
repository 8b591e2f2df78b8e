//! The session cookie: a random token that only its hash is stored of.

use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{HeaderMap, HeaderValue, header};
use jiff::SignedDuration;
use opsknight_store::sessions::SESSION_KEPT_FOR;

use crate::state::AppState;

/// The cookie's name. By https it has the prefix that binds it to this very host (RFC 6265bis, section 4.1.3.2).
pub(crate) const fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-session" } else { "session" }
}

/// The token that a request carries.
pub(crate) fn session_token(headers: &HeaderMap, state: &AppState) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    jar.get(cookie_name(state.is_https()))
        .map(|cookie| cookie.value().to_owned())
}

/// The cookie that signs somebody in. A browser keeps it for as long as the session lasts if they are not seen again.
pub(crate) fn session_cookie(token: String, state: &AppState) -> Cookie<'static> {
    let kept_for = SESSION_KEPT_FOR.unsigned_abs().try_into();
    Cookie::build((cookie_name(state.is_https()), token))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(state.is_https())
        .path("/")
        .max_age(kept_for.expect("some days are a length of time"))
        .build()
}

/// Has a browser keep its session for longer, as the session itself was just prolonged; unless the answer says already
/// what becomes of the session, as when it ends.
pub(crate) fn prolong(response: &mut Response, token: String, state: &AppState) {
    let name = cookie_name(state.is_https());
    let names_it = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.split('=').next() == Some(name));
    if response.headers().get_all(header::SET_COOKIE).iter().any(names_it) {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&session_cookie(token, state).to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The cookie that takes it away.
pub(crate) fn end_cookie(state: &AppState) -> Cookie<'static> {
    let mut cookie = session_cookie(String::new(), state);
    cookie.make_removal();
    cookie
}

/// The cookie of what a browser has begun and comes back to finish.
const fn step_name(https: bool) -> &'static str {
    if https { "__Host-sign-in" } else { "sign-in" }
}

/// How long a browser keeps it: longer than anything takes that is begun.
const STEP_KEPT_FOR: SignedDuration = SignedDuration::from_mins(15);

/// The token of what a browser has begun.
pub(crate) fn step_token(headers: &HeaderMap, state: &AppState) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    let cookie = jar.get(step_name(state.is_https()))?;
    Some(cookie.value().to_owned()).filter(|token| !token.is_empty())
}

/// The cookie that lets this browser, and no other, finish what it has begun. It is sent along when a provider sends
/// somebody back, which is a navigation.
pub(crate) fn step_cookie(token: String, state: &AppState) -> Cookie<'static> {
    let kept_for = STEP_KEPT_FOR.unsigned_abs().try_into();
    Cookie::build((step_name(state.is_https()), token))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(state.is_https())
        .path("/")
        .max_age(kept_for.expect("some minutes are a length of time"))
        .build()
}

/// The cookie that takes it away.
pub(crate) fn end_step_cookie(state: &AppState) -> Cookie<'static> {
    let mut cookie = step_cookie(String::new(), state);
    cookie.make_removal();
    cookie
}

/// A cookie that holds no secret and that a person chose: how pages look.
pub(crate) fn plain_cookie(name: &'static str, value: &'static str, state: &AppState) -> Cookie<'static> {
    Cookie::build((name, value))
        .same_site(SameSite::Lax)
        .secure(state.is_https())
        .path("/")
        .permanent()
        .build()
}
