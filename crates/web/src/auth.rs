//! Who somebody is: passwords, codes, passkeys, providers, sessions, API keys, one-time links, and the check that a form
//! comes from our own pages.
//!
//! What they may do then is the business of `api::access`.

pub(crate) mod admission;
mod callers;
pub(crate) mod openid;
pub(crate) mod passkey;
mod password;
mod session;
mod throttle;
pub(crate) mod totp;

pub(crate) use self::{
    callers::to_login,
    session::{
        cookie_name, end_cookie, end_step_cookie, plain_cookie, prolong, session_cookie, session_token, step_cookie,
        step_token,
    },
};
pub use self::{
    callers::{bearer_caller, caller},
    password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, Passwords, password_problem},
    throttle::{Throttle, Throttles},
};
