//! How a message reaches a person or a program: message + address → receipt.
//!
//! A channel turns the facts of a [`Message`] into what its medium wants, hands it over once, and says in a
//! [`DeliveryError`] what the caller is to do next. It never decides whether, when or how often something is sent,
//! never stores anything, never reads the clock or the environment, and never puts a credential or the path of an
//! outbound URL into an error.
//!
//! The ways to a person ([`Channel`]) have an address of text; those to a program or a room ([`Hook`]) have an
//! [`Endpoint`] with a secret of its own. `tests/it/conformance.rs` holds both kinds to the same promises.

use async_trait::async_trait;
use jiff::Timestamp;
pub use opsknight_domain::{
    delivery::{DeliveryError, Receipt},
    message::Message,
};

mod aws;
pub mod commands;
pub mod email;
pub mod exchange;
pub mod fetch;
mod given;
pub mod guard;
mod http;
mod news;
mod phone;
pub mod push;
pub mod rooms;
mod secret;
pub mod slack;
pub mod sms;
pub mod tls;
pub mod twilio;
mod vendor;
pub mod voice;
pub mod webhook;
pub mod whatsapp;
mod words;

pub use aws::AwsAccount;
pub use http::Timeouts;
pub use secret::Secret;
pub use vendor::Vendors;

/// A way to reach people.
#[async_trait]
pub trait Channel: Send + Sync {
    /// What logs and metrics call it: `smtp`. Two providers of one channel have two names.
    fn name(&self) -> &'static str;

    /// Hands one message over to the provider, once, within [`opsknight_domain::delivery::CALL_TIMEOUT`].
    ///
    /// The same message may be sent again: it then carries the same identity ([`Message::delivery`]), so that the
    /// receiving side can tell. `now` dates the message and turns a provider's date into a wait.
    ///
    /// # Errors
    ///
    /// What is to be done next, with the provider's own words.
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError>;

    /// Brings the message that [`Message::earlier`] names to what this one shows, and sends nothing: nobody is called by
    /// it. Most media cannot do that.
    ///
    /// # Errors
    ///
    /// `Refused` where it cannot be done, else as for [`Channel::send`].
    async fn edit(&self, _message: &Message, _now: Timestamp) -> Result<Receipt, DeliveryError> {
        Err(DeliveryError::Refused {
            why: "what was sent this way cannot be changed".into(),
        })
    }

    /// Asks the provider whether it would work with us, without sending anything, and returns its words.
    ///
    /// # Errors
    ///
    /// As for [`Channel::send`].
    async fn check(&self) -> Result<String, DeliveryError>;
}

/// Where a message to a program or a room goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The receiver's URL. Often it holds a token, so it is never logged or repeated in an error.
    pub url: String,
    /// What the requests are signed with, or the token of a bot.
    pub secret: Option<Secret>,
    /// Which room, where the receiver has several.
    pub channel: Option<String>,
}

/// A way to tell a program or a room that has an address and a secret of its own.
#[async_trait]
pub trait Hook: Send + Sync {
    /// What logs and metrics call it: `discord`.
    fn name(&self) -> &'static str;

    /// Hands one message over, once, within [`opsknight_domain::delivery::CALL_TIMEOUT`]. See [`Channel::send`] for
    /// what is promised.
    ///
    /// # Errors
    ///
    /// What is to be done next, in the receiver's own words, without the secret and without the URL's path.
    async fn post(&self, to: &Endpoint, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError>;
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which one, as its environment variable is spelled.
    pub field: &'static str,
    /// What is wrong with it, in words for an administrator; never its value where that is a secret.
    pub why: String,
}

impl From<Problem> for DeliveryError {
    fn from(problem: Problem) -> Self {
        Self::Misconfigured {
            field: problem.field,
            why: problem.why,
        }
    }
}
