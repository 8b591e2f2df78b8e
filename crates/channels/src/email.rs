//! Mail by SMTP.
//!
//! A mail has a text and an HTML part that say the same. Its `Message-ID` is made from the delivery's id, so that a
//! repetition is the same mail, and all mails of an incident refer to one root, so that they make one thread.
//!
//! `settings` says what an administrator must give, `render` what a mail says, `compose` how it is written for the
//! wire, `session` how it is handed over. It never falls back to an unencrypted line where encryption was asked for.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::delivery::CALL_TIMEOUT;

use crate::{Channel, DeliveryError, Message, Receipt, tls::Roots};

mod compose;
mod render;
mod session;
mod settings;

pub use render::{Rendered, render};
pub use settings::{SmtpSettings, Tls};

use session::Server;

/// Reads the mail address of one person, as it will be sent to: without a name, its domain in ASCII.
///
/// # Errors
///
/// What is wrong, in words for the person who entered it.
pub fn check_address(text: &str) -> Result<String, String> {
    compose::address(text).map(|address| address.to_string())
}

/// Sends mail through one SMTP server.
pub struct Smtp {
    server: Server,
    from: lettre::message::Mailbox,
}

impl Smtp {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`SmtpSettings::problems`].
    pub fn new(settings: &SmtpSettings, roots: &Roots) -> Result<Self, DeliveryError> {
        Self::with_limit(settings, roots, CALL_TIMEOUT.unsigned_abs())
    }

    /// As [`Smtp::new`], with another limit for one mail from connecting to the last answer.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`SmtpSettings::problems`].
    pub fn with_limit(settings: &SmtpSettings, roots: &Roots, limit: Duration) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self {
            server: Server::new(settings, roots, limit)?,
            from: settings.mailbox()?,
        })
    }
}

#[async_trait]
impl Channel for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let to = compose::address(to).map_err(|why| DeliveryError::Refused { why })?;
        let mail = compose::compose(&self.from, &to, message, now)?;
        let answer = self.server.deliver(&self.from.email, &to, &mail).await?;
        Ok(Receipt::of(answer))
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        self.server.check().await
    }
}
