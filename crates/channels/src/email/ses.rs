//! Mail by Amazon SES: one `SendEmail` of the API's version 2 a mail, which carries the mail as we wrote it.
//!
//! It owns the request and what each answer means. SES puts a `Message-ID` of its own in place of ours, so the delivery's
//! id also goes along as a tag and as a header. What SES reports later is [`super::events`]'.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use lettre::message::Mailbox;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{
    compose,
    letter::{DELIVERY_TAG, Letter, sender},
};
use crate::{
    Channel, DeliveryError, Message, Problem, Receipt, Vendors,
    aws::{AwsAccount, Fault, KEY, Service},
    given::is_identity,
    vendor::Reply,
};

const FROM: &str = "SES_FROM";
const JSON: &str = "application/json";
const SEND: [&str; 3] = ["v2", "email", "outbound-emails"];
const ACCOUNT: [&str; 3] = ["v2", "email", "account"];
const IDENTITIES: [&str; 3] = ["v2", "email", "list-identities"];

/// An account of AWS whose SES sends our mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SesSettings {
    /// In the region in which the sender is verified, with the keys of a user who may `ses:SendEmail`.
    pub account: AwsAccount,
    /// Who mails come from, `noreply@example.com` or `Paging <noreply@example.com>`: an identity that SES verified.
    pub from: String,
}

impl SesSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.account.problems();
        problems.extend(sender(&self.from, FROM).err());
        problems
    }
}

/// Sends mail through Amazon SES.
#[derive(Debug)]
pub struct Ses {
    service: Service,
    from: Mailbox,
}

impl Ses {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`SesSettings::problems`].
    pub fn new(settings: &SesSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self {
            // The service's address begins with "email", its signatures are made out to "ses".
            service: Service::new(vendors, &settings.account, "email", "ses"),
            from: sender(&settings.from, FROM)?,
        })
    }
}

#[async_trait]
impl Channel for Ses {
    fn name(&self) -> &'static str {
        "ses"
    }

    /// Posts one mail. SES has no place for an idempotency key: a repetition is told by its tag and its header.
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let letter = Letter::new(&self.from, to, message)?;
        let to = letter.to.to_string();
        if !to.is_ascii() {
            // SES, "Destination": it does not speak SMTPUTF8.
            let why = "Amazon SES takes no addresses with other than ASCII letters before the @";
            return Err(DeliveryError::Refused { why: why.into() });
        }
        let kind = letter.kind;
        let mail = compose::compose(letter, message, now)?;
        let body = json!({
            // Only the address: a name in another script would have to be encoded, and stands in the mail anyway.
            "FromEmailAddress": self.from.email.to_string(),
            "Destination": { "ToAddresses": [to] },
            "Content": { "Raw": { "Data": STANDARD.encode(mail) } },
            "EmailTags": [
                { "Name": DELIVERY_TAG, "Value": message.delivery.to_string() },
                { "Name": "opsknight_kind", "Value": kind },
            ],
        });
        let body = body.to_string().into_bytes();
        let reply = self.service.post(SEND, JSON, body, now).await?;
        match reply.json::<Sent>() {
            Some(sent) if reply.status().is_success() && is_identity(&sent.id) => {
                Ok(Receipt::of(reply.words()).with_id(sent.id))
            }
            _ => Err(self.failure(&reply)),
        }
    }

    /// Asks whether the account may send, and to whom.
    async fn check(&self) -> Result<String, DeliveryError> {
        let now = self.service.time().await?;
        let reply = self.service.get(ACCOUNT, now).await?;
        let region = self.service.region();
        if let (Some(state), true) = (reply.json::<State>(), reply.status().is_success()) {
            return state.told(region);
        }
        let fault = fault(&reply);
        // Emulators take mails and know no account; that they know AWS's other calls shows that they are one.
        if fault.code.is_empty() && reply.status() == StatusCode::NOT_FOUND {
            let identities = self.service.post(IDENTITIES, JSON, b"{}".to_vec(), now).await?;
            if identities.status().is_success() && identities.json::<Identities>().is_some() {
                return Ok(format!(
                    "Amazon SES in {region} answers, but does not tell whether the account may send."
                ));
            }
        }
        if fault.is_permission() {
            return Ok(format!(
                "AWS knows the key. It may not ask about the account (ses:GetAccount): {}",
                fault.why(&reply)
            ));
        }
        Err(self.failure(&reply))
    }
}

impl Ses {
    /// What an answer means that is no receipt (SES API v2, `SendEmail`, "Errors").
    fn failure(&self, reply: &Reply) -> DeliveryError {
        let fault = fault(reply);
        if let Some(error) = fault.common(reply) {
            return error;
        }
        let why = fault.why(reply);
        match fault.code.as_str() {
            // The account's mails for a day or a second are used up.
            "LimitExceededException" => reply.later(why),
            "AccountSuspendedException" | "SendingPausedException" => DeliveryError::Misconfigured { field: KEY, why },
            "MailFromDomainNotVerifiedException" => DeliveryError::Misconfigured { field: FROM, why },
            "MessageRejected" if fault.says(&["not verified", "authority to send"]) => self.unverified(&fault, why),
            "MessageRejected" | "BadRequestException" => DeliveryError::Refused { why },
            _ => reply.failure(why, KEY),
        }
    }

    /// "Email address is not verified. The following identities failed the check in region …": ours, or, while the account
    /// is in the sandbox, the recipient's (SES, "Troubleshooting").
    fn unverified(&self, fault: &Fault, why: String) -> DeliveryError {
        let (_, identities) = fault.message.split_once("region").unwrap_or_default();
        let ours = identities
            .to_ascii_lowercase()
            .contains(&self.from.email.to_string().to_ascii_lowercase());
        if ours || !identities.contains('@') {
            return DeliveryError::Misconfigured { field: FROM, why };
        }
        DeliveryError::Refused {
            why: format!("{why} (the account is in the sandbox and sends to verified addresses only)"),
        }
    }
}

#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "MessageId")]
    id: String,
}

/// What `ListEmailIdentities` answers.
#[derive(Deserialize)]
struct Identities {
    #[serde(rename = "EmailIdentities")]
    _list: Vec<serde::de::IgnoredAny>,
}

/// What SES says of the account (SES API v2, `GetAccount`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    sending_enabled: bool,
    production_access_enabled: bool,
    #[serde(default)]
    send_quota: Option<Quota>,
}

#[derive(Deserialize)]
struct Quota {
    #[serde(rename = "Max24HourSend")]
    a_day: f64,
}

impl State {
    fn told(&self, region: &str) -> Result<String, DeliveryError> {
        if !self.sending_enabled {
            return Err(DeliveryError::Misconfigured {
                field: KEY,
                why: format!("Amazon SES in {region} knows the account, but its sending is switched off"),
            });
        }
        let quota = match self.send_quota.as_ref().map(|quota| quota.a_day) {
            Some(a_day) if a_day >= 0.0 => format!(", up to {a_day:.0} mails a day"),
            // -1 stands for no limit.
            Some(_) | None => String::new(),
        };
        Ok(if self.production_access_enabled {
            format!("Amazon SES in {region} sends to every address{quota}.")
        } else {
            format!("Amazon SES in {region} is in the sandbox: it sends to verified addresses only{quota}.")
        })
    }
}

/// Errors come with their code in a header or in the body (AWS restJson1 protocol, "Operation error serialization").
fn fault(reply: &Reply) -> Fault {
    #[derive(Deserialize, Default)]
    struct Body {
        #[serde(alias = "__type", default)]
        code: String,
        #[serde(alias = "Message", default)]
        message: String,
    }
    if reply.status().is_success() {
        return Fault::default();
    }
    let body: Body = reply.json().unwrap_or_default();
    let code = reply.header("x-amzn-errortype").map_or(body.code, ToOwned::to_owned);
    // "aws.protocoltests#FooError:http://…" is "FooError".
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    Fault {
        code: code.to_owned(),
        message: body.message,
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::{Secret, aws::ENDPOINT};

    #[test]
    fn each_problem_names_its_setting_and_no_key() {
        let good = SesSettings {
            account: AwsAccount {
                region: "eu-west-1".into(),
                access_key_id: "AKIDEXAMPLE".into(),
                secret_access_key: Secret::new("secret-key"),
                session_token: None,
                endpoint: None,
            },
            from: "noreply@example.com".into(),
        };
        assert_eq!(good.problems(), []);
        let wrong = SesSettings {
            account: AwsAccount {
                region: "Ireland".into(),
                access_key_id: String::new(),
                secret_access_key: Secret::new("secret key"),
                session_token: Some(Secret::new("secret\nkey")),
                endpoint: Some(Url::parse("ftp://example.com").unwrap()),
            },
            from: "nobody".into(),
        };
        let fields: Vec<&str> = wrong.problems().iter().map(|problem| problem.field).collect();
        let all = [
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            ENDPOINT,
            FROM,
        ];
        assert_eq!(fields, all);
        let printed = format!("{wrong:?} {:?}", wrong.problems());
        assert!(!printed.contains("secret"), "{printed}");
    }

    #[test]
    fn the_state_of_the_account_is_told_in_words() {
        let told = |json: &str| serde_json::from_str::<State>(json).unwrap().told("eu-west-1");
        let good = r#"{"SendingEnabled":true,"ProductionAccessEnabled":true,"SendQuota":{"Max24HourSend":50000.0}}"#;
        assert_eq!(
            told(good).unwrap(),
            "Amazon SES in eu-west-1 sends to every address, up to 50000 mails a day."
        );
        let sandbox = r#"{"SendingEnabled":true,"ProductionAccessEnabled":false,"SendQuota":{"Max24HourSend":-1}}"#;
        assert!(
            told(sandbox)
                .unwrap()
                .ends_with("is in the sandbox: it sends to verified addresses only.")
        );
        let off = r#"{"SendingEnabled":false,"ProductionAccessEnabled":true}"#;
        assert!(matches!(
            told(off),
            Err(DeliveryError::Misconfigured { field: KEY, .. })
        ));
    }
}
