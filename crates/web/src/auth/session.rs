//! The session cookie: a random token that only its hash is stored of.

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::HeaderMap;

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

/// The cookie that signs somebody in.
pub(crate) fn session_cookie(token: String, state: &AppState) -> Cookie<'static> {
    Cookie::build((cookie_name(state.is_https()), token))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(state.is_https())
        .path("/")
        .permanent()
        .build()
}

/// The cookie that takes it away.
pub(crate) fn end_cookie(state: &AppState) -> Cookie<'static> {
    let mut cookie = session_cookie(String::new(), state);
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
