//! WhatsApp messages by Twilio (Twilio, Message resource with `whatsapp:` addresses).

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;
use url::Url;

use super::{render, variable};
use crate::{
    Channel, DeliveryError, Message, Problem, Receipt, Vendors, phone,
    twilio::{Account, STATUS_PATH, TwilioAccount, is_sid, report_to},
};

/// The setting with the number that sends.
const NUMBER: &str = "TWILIO_WHATSAPP_NUMBER";
/// The setting with the template.
const TEMPLATE: &str = "TWILIO_WHATSAPP_CONTENT_SID";

/// What WhatsApp messages are sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioWhatsappSettings {
    /// The account.
    pub account: TwilioAccount,
    /// `TWILIO_WHATSAPP_NUMBER`: a WhatsApp sender of the account, with or without `whatsapp:` before it.
    pub phone_number: String,
    /// `TWILIO_WHATSAPP_CONTENT_SID`: `HX…`, the approved template; see [`super`] for what it must say.
    pub content_sid: Option<String>,
    /// `OPSKNIGHT_PUBLIC_URL`: where Twilio reports to.
    pub public_url: Option<Url>,
}

impl TwilioWhatsappSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.account.problems();
        let mut wrong = |field, why: &str| problems.push(Problem { field, why: why.into() });
        if self.number().is_none() {
            wrong(NUMBER, "must be a number with its country, like +14155550123");
        }
        if self.content_sid.as_ref().is_some_and(|sid| !is_sid(sid, "HX")) {
            wrong(
                TEMPLATE,
                "must be the identity of a content template, which begins with HX",
            );
        }
        problems
    }

    fn number(&self) -> Option<String> {
        let number = self.phone_number.trim();
        phone::e164(number.strip_prefix("whatsapp:").unwrap_or(number))
    }
}

/// Sends WhatsApp messages by Twilio.
#[derive(Debug, Clone)]
pub struct TwilioWhatsapp {
    account: Account,
    from: String,
    content_sid: Option<String>,
    public_url: Option<Url>,
}

impl TwilioWhatsapp {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`TwilioWhatsappSettings::problems`].
    pub fn new(settings: &TwilioWhatsappSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self {
            account: Account::new(&settings.account, vendors, NUMBER),
            from: format!("whatsapp:{}", settings.number().unwrap_or_default()),
            content_sid: settings.content_sid.clone(),
            public_url: settings.public_url.clone(),
        })
    }
}

#[async_trait]
impl Channel for TwilioWhatsapp {
    fn name(&self) -> &'static str {
        "twilio-whatsapp"
    }

    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let to = to.trim();
        let to = phone::address(to.strip_prefix("whatsapp:").unwrap_or(to))?;
        let mut form = vec![("To", format!("whatsapp:{to}")), ("From", self.from.clone())];
        match &self.content_sid {
            // A template and a text exclude each other (Twilio, error 63016).
            Some(sid) => form.extend([
                ("ContentSid", sid.clone()),
                ("ContentVariables", json!({ "1": variable(message) }).to_string()),
            ]),
            None => form.push(("Body", render(message))),
        }
        report_to(&mut form, self.public_url.as_ref(), STATUS_PATH, message.delivery);
        self.account.create("Messages.json", form, now).await
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        self.account.check().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn each_problem_names_its_setting() {
        let fields = |number: &str, content: Option<&str>| -> Vec<&str> {
            let settings = TwilioWhatsappSettings {
                account: TwilioAccount {
                    account_sid: "AC0123456789abcdef0123456789abcdef".into(),
                    auth_token: Secret::new("token"),
                    base_url: None,
                },
                phone_number: number.into(),
                content_sid: content.map(Into::into),
                public_url: None,
            };
            settings.problems().into_iter().map(|problem| problem.field).collect()
        };
        assert_eq!(fields("whatsapp:+14155550123", Some("HX0123")), [""; 0]);
        assert_eq!(fields("+1 415 555 0123", None), [""; 0]);
        assert_eq!(fields("OpsKnight", Some("MG0123")), [NUMBER, TEMPLATE]);
    }
}
