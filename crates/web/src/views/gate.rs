//! The pages before the door: first set-up, signing in, accepting an invitation, acknowledging from a mail, and the
//! page that says what went wrong. None of them needs a session.

use askama::Template;

use super::{Bare, Deed, Field, FormError, Link, Select, form::errors};

/// `/setup`: the first administrator, only while no user exists.
#[derive(Debug, Clone, Template)]
#[template(path = "gate/setup.html")]
pub struct Setup {
    /// Around the page.
    pub shell: Bare,
    /// The one-time token of the printed link, sent back as `token`.
    pub token: String,
    /// `name`
    pub name: Field,
    /// `email`
    pub email: Field,
    /// `password`
    pub password: Field,
    /// `time_zone`
    pub time_zone: Select,
    /// What is wrong with the whole, such as a link that was used.
    pub refused: Option<String>,
}

impl Setup {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let whole = self.refused.iter().map(FormError::whole);
        let fields = [&self.name, &self.email, &self.password, &self.time_zone.field];
        whole.chain(errors(fields)).collect()
    }
}

/// `/login`
#[derive(Debug, Clone, Template)]
#[template(path = "gate/login.html")]
pub struct Login {
    /// Around the page.
    pub shell: Bare,
    /// Where to go afterwards, a path of ours, sent back as `next`.
    pub next: String,
    /// `email`
    pub email: Field,
    /// `password`; never filled in again.
    pub password: Field,
    /// Why it was refused: wrong name or password (never which), too many tries.
    pub refused: Option<String>,
    /// What the OpenID provider is called, where there is one.
    pub provider: Option<String>,
    /// Only administrators sign in with passwords and passkeys.
    pub provider_only: bool,
    /// Passkeys can be used here.
    pub passkeys: bool,
}

impl Login {
    /// The query with which somebody goes to the provider, so that they come back to where they were going.
    #[must_use]
    pub fn provider_href(&self) -> String {
        let next: String = form_urlencoded::byte_serialize(self.next.as_bytes()).collect();
        format!("/login/oidc?next={next}")
    }
}

/// `/invite/{token}`
#[derive(Debug, Clone, Template)]
#[template(path = "gate/invite.html")]
pub struct Invite {
    /// Around the page.
    pub shell: Bare,
    /// Whether the link still works.
    pub state: InviteState,
}

/// Whether an invitation can be accepted.
#[derive(Debug, Clone)]
pub enum InviteState {
    /// It can.
    Ready(Box<InviteForm>),
    /// The link is too old, was used, or is nobody's.
    Expired,
}

/// The form that accepts an invitation.
#[derive(Debug, Clone)]
pub struct InviteForm {
    /// The token of the link, part of the form's address.
    pub token: String,
    /// Whose invitation it is; cannot be changed.
    pub email: String,
    /// `name`
    pub name: Field,
    /// `password`
    pub password: Field,
    /// `time_zone`
    pub time_zone: Select,
    /// What is wrong with the whole.
    pub refused: Option<String>,
    /// They have come before: the link is for a new password.
    pub is_reset: bool,
    /// What the OpenID provider is called, where they may come in by it.
    pub provider: Option<String>,
    /// They may come in by the provider only.
    pub provider_only: bool,
    /// They may come in with a passkey.
    pub passkeys: bool,
}

impl InviteForm {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let whole = self.refused.iter().map(FormError::whole);
        let fields = errors([&self.name, &self.password, &self.time_zone.field]);
        whole.chain(fields).collect()
    }
}

/// `/ack/{token}`: the link in a mail. Opening it does nothing: mail scanners open links.
#[derive(Debug, Clone, Template)]
#[template(path = "gate/ack.html")]
pub struct Ack {
    /// Around the page.
    pub shell: Bare,
    /// The incident, where the link is good; none for a link that is nobody's.
    pub incident: Option<AckIncident>,
    /// What can be done.
    pub state: AckState,
}

/// As much of an incident as the holder of a signed link may see.
#[derive(Debug, Clone)]
pub struct AckIncident {
    /// Its number.
    pub number: i64,
    /// One line.
    pub title: String,
    /// Which service.
    pub service: String,
    /// Where it is, for those who can sign in.
    pub href: String,
}

/// What a signed link can still do.
#[derive(Debug, Clone)]
pub enum AckState {
    /// One click acknowledges.
    Ready {
        /// The token, part of the form's address.
        token: String,
        /// For whom.
        name: String,
    },
    /// This click did it.
    Done {
        /// For whom.
        name: String,
    },
    /// Somebody did it before.
    Already(Deed),
    /// The incident is over.
    Resolved(Deed),
    /// It is snoozed or suppressed: acknowledging means nothing now.
    PutOff {
        /// "snoozed" or "suppressed".
        how: &'static str,
    },
    /// The link is too old.
    Expired,
    /// The link is not one of ours, or was cut short by a mail program.
    Invalid,
}

/// `/unsubscribe/{token}`: the link in news. Opening it does nothing: mail scanners open links.
#[derive(Debug, Clone, Template)]
#[template(path = "gate/unsubscribe.html")]
pub struct Unsubscribe {
    /// Around the page.
    pub shell: Bare,
    /// What can be done.
    pub state: UnsubscribeState,
}

/// What a link that ends news can still do.
#[derive(Debug, Clone)]
pub enum UnsubscribeState {
    /// One click ends them.
    Ready {
        /// The token, part of the form's address.
        token: String,
        /// Whose news.
        name: String,
    },
    /// They are ended, now or before.
    Done {
        /// Whose news.
        name: String,
    },
    /// The link is not one of ours, was cut short, or its person is no longer there.
    Invalid,
}

/// The page for what went wrong: 403, 404, 405, 429, 500, 503.
#[derive(Debug, Clone, Template)]
#[template(path = "gate/error.html")]
pub struct Error {
    /// Around the page.
    pub shell: Bare,
    /// The status of the answer.
    pub status: u16,
    /// What happened: "There is no such page".
    pub title: String,
    /// What was kept and what to do, in a sentence or two.
    pub text: String,
    /// What to quote to an administrator, as the log has it.
    pub request_id: Option<String>,
    /// Where to go on.
    pub onward: Vec<Link>,
}

impl Error {
    /// The page for a status that needs no particular words.
    #[must_use]
    pub fn of(shell: Bare, status: u16, request_id: Option<String>) -> Self {
        let (title, text) = match status {
            403 => (
                "You may not do this",
                "Your role does not allow it. Nothing was changed. An administrator can change your role.",
            ),
            404 => (
                "There is no such page",
                "It may have been deleted, or the address is not complete.",
            ),
            405 => (
                "This address does not take that",
                "Nothing was changed. Go back and use the buttons of the page.",
            ),
            429 => ("Too many tries", "Nothing was changed. Wait a minute, then try again."),
            503 => (
                "The server cannot answer now",
                "What you sent was not saved. Wait a moment, then send it again; alerts are answered with 503, so that \
                 their senders try again too.",
            ),
            _ => (
                "Something went wrong here",
                "What you sent was not saved. Try again; if it stays, give an administrator the number below.",
            ),
        };
        let onward = vec![Link::new("/", "Dashboard"), Link::new("/incidents", "Incidents")];
        Self {
            shell,
            status,
            title: title.to_owned(),
            text: text.to_owned(),
            request_id,
            onward,
        }
    }
}
