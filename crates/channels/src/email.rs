//! Mail, by SMTP or by the API of a provider.
//!
//! A mail has a text and an HTML part that say the same. Its `Message-ID` is made from the delivery's id, so that a
//! repetition is the same mail, and all mails of an incident refer to one root, so that they make one thread.
//!
//! `letter` is what all providers have in common: `render` what a mail says, and its headers; `compose` writes it for the
//! wire. For SMTP, `settings` says what an administrator must give and `session` how a mail is handed over; the APIs of
//! providers are a file each, and `events` is what they report back. It never falls back to an unencrypted line where
//! encryption was asked for.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::delivery::CALL_TIMEOUT;

use crate::{Channel, DeliveryError, Message, Receipt, tls::Roots};

mod compose;
pub mod events;
mod letter;
mod render;
mod resend;
mod sendgrid;
mod ses;
mod session;
mod settings;

pub use render::{Rendered, render};
pub use resend::{Resend, ResendSettings};
pub use sendgrid::{SendGrid, SendGridSettings};
pub use ses::{Ses, SesSettings};
pub use settings::{SmtpSettings, Tls};

use letter::Letter;
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

    /// The whole mail with its headers, as it goes over the wire. Opens no connection.
    ///
    /// # Errors
    ///
    /// `Refused` where `to` is no mail address.
    pub fn write(&self, to: &str, message: &Message, now: Timestamp) -> Result<Vec<u8>, DeliveryError> {
        compose::compose(Letter::new(&self.from, to, message)?, message, now)
    }
}

#[async_trait]
impl Channel for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let mail = self.write(to, message, now)?;
        let to = compose::address(to).map_err(|why| DeliveryError::Refused { why })?;
        let answer = self.server.deliver(&self.from.email, &to, &mail).await?;
        Ok(Receipt::of(answer))
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        self.server.check().await
    }
}
