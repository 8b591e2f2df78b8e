//! Calls by Twilio that say what is wrong and take a pressed key for an answer (Twilio, Call resource).
//!
//! A call is one request with everything that is to be said; [`twiml`] writes that, and what is said when a key was
//! pressed. What the key does is for others to decide.

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::message::Content;
use url::Url;

use crate::{
    Channel, DeliveryError, Message, Problem, Receipt, Vendors, phone,
    twilio::{Account, CALL_STATUS_PATH, TwilioAccount, VOICE_PATH, callback, report_to},
};

mod speech;
pub mod twiml;

/// The setting with the number that calls.
const NUMBER: &str = "TWILIO_PHONE_NUMBER";

/// What calls are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioVoiceSettings {
    /// The account.
    pub account: TwilioAccount,
    /// `TWILIO_PHONE_NUMBER`: the number that calls.
    pub phone_number: String,
    /// `OPSKNIGHT_PUBLIC_URL`: where Twilio brings pressed keys. Without it a call only speaks.
    pub public_url: Option<Url>,
}

impl TwilioVoiceSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.account.problems();
        if phone::e164(&self.phone_number).is_none() {
            problems.push(Problem {
                field: NUMBER,
                why: "must be a number with its country, like +14155550123; names and short codes cannot call".into(),
            });
        }
        problems
    }
}

/// Calls people by Twilio.
#[derive(Debug, Clone)]
pub struct TwilioVoice {
    account: Account,
    from: String,
    public_url: Option<Url>,
}

impl TwilioVoice {
    /// Ready to call. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`TwilioVoiceSettings::problems`].
    pub fn new(settings: &TwilioVoiceSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self {
            account: Account::new(&settings.account, vendors, NUMBER),
            from: phone::e164(&settings.phone_number).unwrap_or_default(),
            public_url: settings.public_url.clone(),
        })
    }

    /// Where Twilio brings the key that a person presses; only a page has an answer.
    fn action(&self, message: &Message) -> Option<Url> {
        match &message.content {
            Content::Incident(news) => {
                let answer = news.answer.as_ref()?;
                callback(self.public_url.as_ref()?, VOICE_PATH, "token", &answer.token)
            }
            Content::Bundle(_) | Content::Note { .. } => None,
        }
    }
}

#[async_trait]
impl Channel for TwilioVoice {
    fn name(&self) -> &'static str {
        "twilio-voice"
    }

    /// Has Twilio call. The receipt says that Twilio will; whether somebody took the call is reported later.
    ///
    /// Twilio is not asked to tell people from mailboxes (`MachineDetection`): it listens for seconds before anything
    /// is said, in which people hang up, and when it takes a person for a machine, a page is lost. Everything is said
    /// twice instead, so that a mailbox has it whole.
    ///
    /// It reports once, when the call has ended in whatever way, which is what it does where nothing else is asked
    /// for (`StatusCallbackEvent`).
    ///
    /// # Errors
    ///
    /// See [`Channel::send`].
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let action = self.action(message);
        let mut form = vec![
            ("To", phone::address(to)?),
            ("From", self.from.clone()),
            ("Twiml", twiml::call(message, action.as_ref())),
        ];
        report_to(&mut form, self.public_url.as_ref(), CALL_STATUS_PATH, message.delivery);
        self.account.create("Calls.json", form, now).await
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        self.account.check().await
    }
}
