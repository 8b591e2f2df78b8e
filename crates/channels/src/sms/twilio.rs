//! Text messages by Twilio (Twilio, Message resource).

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::{delivery::Purpose, message::Content};
use url::Url;

use super::text;
use crate::{
    Channel, DeliveryError, Message, Problem, Receipt, Vendors,
    news::is_page,
    phone,
    twilio::{Account, STATUS_PATH, TwilioAccount, is_sender, is_sid, report_to, sender},
};

/// The setting with the number that sends.
const NUMBER: &str = "TWILIO_PHONE_NUMBER";
/// The setting with the service that picks a number.
const SERVICE: &str = "TWILIO_MESSAGING_SERVICE_SID";

/// What text messages are sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioSmsSettings {
    /// The account.
    pub account: TwilioAccount,
    /// `TWILIO_PHONE_NUMBER`: the number, short code or name that sends.
    pub phone_number: Option<String>,
    /// `TWILIO_MESSAGING_SERVICE_SID`: `MG…`, which picks one of its numbers; a number given besides is preferred.
    pub messaging_service_sid: Option<String>,
    /// `OPSKNIGHT_PUBLIC_URL`: where Twilio reports to.
    pub public_url: Option<Url>,
}

impl TwilioSmsSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.account.problems();
        let mut wrong = |field, why: &str| problems.push(Problem { field, why: why.into() });
        match (&self.phone_number, &self.messaging_service_sid) {
            (None, None) => wrong(NUMBER, "must be a number of the account, like +14155550123"),
            (Some(number), _) if !is_sender(number) => wrong(
                NUMBER,
                "must be a number with its country, like +14155550123, a short code, or a name of up to 11 letters",
            ),
            (Some(_) | None, _) => {}
        }
        if self
            .messaging_service_sid
            .as_ref()
            .is_some_and(|sid| !is_sid(sid, "MG"))
        {
            wrong(
                SERVICE,
                "must be the identity of a messaging service, which begins with MG",
            );
        }
        problems
    }
}

/// Sends text messages by Twilio.
#[derive(Debug, Clone)]
pub struct TwilioSms {
    account: Account,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    public_url: Option<Url>,
}

impl TwilioSms {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`TwilioSmsSettings::problems`].
    pub fn new(settings: &TwilioSmsSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self {
            account: Account::new(&settings.account, vendors, NUMBER),
            from: settings.phone_number.as_deref().map(sender),
            messaging_service_sid: settings.messaging_service_sid.clone(),
            public_url: settings.public_url.clone(),
        })
    }
}

#[async_trait]
impl Channel for TwilioSms {
    fn name(&self) -> &'static str {
        "twilio-sms"
    }

    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let mut form = vec![("To", phone::address(to)?)];
        form.extend(self.from.clone().map(|from| ("From", from)));
        form.extend(
            self.messaging_service_sid
                .clone()
                .map(|sid| ("MessagingServiceSid", sid)),
        );
        form.push(("Body", text::render(message)));
        form.extend(validity_s(message).map(|seconds| ("ValidityPeriod", seconds.to_string())));
        report_to(&mut form, self.public_url.as_ref(), STATUS_PATH, message.delivery);
        self.account.create("Messages.json", form, now).await
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        self.account.check().await
    }
}

/// How long Twilio may keep a message that it cannot hand on: news only as long as it is worth sending. A page is
/// never too old, so it has the longest time, which is Twilio's default of ten hours.
fn validity_s(message: &Message) -> Option<i64> {
    match &message.content {
        Content::Incident(news) if !is_page(news) => Some(Purpose::Notice.worth_sending_for().as_secs()),
        Content::Incident(_) | Content::Bundle(_) | Content::Note { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn each_problem_names_its_setting() {
        let good = TwilioSmsSettings {
            account: TwilioAccount {
                account_sid: "AC0123456789abcdef0123456789abcdef".into(),
                auth_token: Secret::new("token"),
                base_url: None,
            },
            phone_number: Some("+14155550123".into()),
            messaging_service_sid: None,
            public_url: None,
        };
        let fields = |number: Option<&str>, service: Option<&str>| -> Vec<&str> {
            let settings = TwilioSmsSettings {
                phone_number: number.map(Into::into),
                messaging_service_sid: service.map(Into::into),
                ..good.clone()
            };
            settings.problems().into_iter().map(|problem| problem.field).collect()
        };
        assert_eq!(fields(Some("+14155550123"), None), [""; 0]);
        assert_eq!(fields(None, Some("MG0123")), [""; 0]);
        assert_eq!(fields(None, None), [NUMBER]);
        assert_eq!(fields(Some("4155550123"), Some("AC0123")), [NUMBER, SERVICE]);
    }
}
