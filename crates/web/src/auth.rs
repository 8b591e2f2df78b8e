//! Who somebody is: passwords, sessions, API keys, one-time links, and the check that a form comes from our own pages.
//!
//! What they may do then is the business of `api::access`.

mod callers;
mod password;
mod session;
mod throttle;

pub(crate) use self::{
    callers::to_login,
    session::{cookie_name, end_cookie, plain_cookie, prolong, session_cookie, session_token},
};
pub use self::{
    callers::{bearer_caller, caller},
    password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, Passwords, password_problem},
    throttle::{THROTTLED_KEYS_MAX, Throttle, Throttles},
};
