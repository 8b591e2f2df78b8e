//! Twilio's REST API, as text messages, calls and WhatsApp messages share it.
//!
//! It owns the account, how its resources are created, what its answers mean, and the addresses at which Twilio tells
//! us what became of a message. What comes back from there is read in [`incoming`]. What is sent is for its channel
//! to say.

use std::fmt;

use jiff::Timestamp;
use opsknight_domain::id::DeliveryId;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::{DeliveryError, Problem, Receipt, Secret, Vendors, phone, vendor::Api, vendor::Reply};

pub(crate) mod errors;
pub mod incoming;
pub mod twiml;

use errors::Meaning;

/// Twilio's own address.
const OWN_URL: &str = "https://api.twilio.com";
/// The version of the API, which is the first part of every path.
const VERSION: &str = "2010-04-01";
/// Longest identity of an account, a service or a template; Twilio's have 34 characters.
const SID_CHARS_MAX: usize = 64;
/// Longest address for Twilio's reports (Twilio, error 21609).
const CALLBACK_CHARS_MAX: usize = 4000;
/// The setting with the account's identity.
const SID: &str = "TWILIO_ACCOUNT_SID";
/// The setting with the account's secret.
const TOKEN: &str = "TWILIO_AUTH_TOKEN";

/// Where Twilio reports what became of a text or WhatsApp message: `?delivery=dlv_…`.
pub const STATUS_PATH: &str = "/api/twilio/status";
/// Where Twilio reports how a call ended: `?delivery=dlv_…`.
pub const CALL_STATUS_PATH: &str = "/api/twilio/call-status";
/// Where Twilio sends the key that was pressed in a call: `?token=…`.
pub const VOICE_PATH: &str = "/api/twilio/voice";

/// An account at Twilio.
#[derive(Clone, PartialEq, Eq)]
pub struct TwilioAccount {
    /// `TWILIO_ACCOUNT_SID`: `AC…`.
    pub account_sid: String,
    /// `TWILIO_AUTH_TOKEN`: what requests are made with, and what Twilio signs its own with.
    pub auth_token: Secret,
    /// `OPSKNIGHT_TWILIO_BASE_URL`: none for Twilio's own.
    pub base_url: Option<Url>,
}

impl fmt::Debug for TwilioAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioAccount")
            .field("account_sid", &self.account_sid)
            .field("base_url", &self.base_url.as_ref().map(Url::as_str))
            .finish_non_exhaustive()
    }
}

impl TwilioAccount {
    /// All that cannot work, each with the setting to change. Empty: it may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |field, why: &str| problems.push(Problem { field, why: why.into() });
        if !is_sid(&self.account_sid, "AC") {
            wrong(SID, "must be the identity of the account, which begins with AC");
        }
        let token = self.auth_token.expose();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            wrong(TOKEN, "must be the account's token, without spaces");
        }
        if self.base_url.as_ref().is_some_and(|url| !is_web(url)) {
            wrong("OPSKNIGHT_TWILIO_BASE_URL", "must begin with https:// or http://");
        }
        problems
    }
}

/// An identity of Twilio's with this beginning. Its exact form is Twilio's to know.
pub(crate) fn is_sid(text: &str, prefix: &str) -> bool {
    text.starts_with(prefix)
        && text.len() > prefix.len()
        && text.len() <= SID_CHARS_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A URL that can be called.
pub(crate) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Our address with this path, and one parameter, for Twilio to call. None where it could not be called.
#[must_use]
pub fn callback(public_url: &Url, path: &str, name: &str, value: &str) -> Option<Url> {
    if !is_web(public_url) {
        return None;
    }
    let mut url = public_url.clone();
    url.set_fragment(None);
    url.set_query(None);
    url.set_path(&format!("{}{path}", public_url.path().trim_end_matches('/')));
    url.query_pairs_mut().append_pair(name, value);
    (url.as_str().len() <= CALLBACK_CHARS_MAX).then_some(url)
}

/// The fields of a form.
pub(crate) type Form = Vec<(&'static str, String)>;
/// The field in which Twilio is told where to report to.
const STATUS_CALLBACK: &str = "StatusCallback";

/// Adds where Twilio is to report what became of a delivery.
pub(crate) fn report_to(form: &mut Form, public_url: Option<&Url>, path: &str, delivery: DeliveryId) {
    let url = public_url.and_then(|url| callback(url, path, "delivery", &delivery.to_string()));
    if let Some(url) = url {
        form.push((STATUS_CALLBACK, url.into()));
    }
}

/// The resources of one account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    api: Api,
    account_sid: String,
    auth_token: Secret,
    /// The setting that names who sends, for when Twilio does not like it.
    sender: &'static str,
}

impl Account {
    pub(crate) fn new(account: &TwilioAccount, vendors: &Vendors, sender: &'static str) -> Self {
        Self {
            api: vendors.api(account.base_url.as_ref(), OWN_URL, &[&account.auth_token]),
            account_sid: account.account_sid.clone(),
            auth_token: account.auth_token.clone(),
            sender,
        }
    }

    /// Creates a resource of the account, `Messages.json` or `Calls.json`, once.
    ///
    /// Twilio refuses the whole message where it cannot reach the address for its reports (error 21609), which is so
    /// for every installation on a private network. A page without a report is better than none, so it is then
    /// asked again without that address; nothing was sent before. Even two slow answers come within the delivery's
    /// lease.
    pub(crate) async fn create(
        &self,
        resource: &str,
        mut form: Form,
        now: Timestamp,
    ) -> Result<Receipt, DeliveryError> {
        let reply = self.post(resource, &form, now).await?;
        if Fault::of(&reply).code != Some(errors::CALLBACK_NOT_REACHED) {
            return self.receipt(&reply, "");
        }
        form.retain(|(name, _)| *name != STATUS_CALLBACK);
        let reply = self.post(resource, &form, now).await?;
        self.receipt(
            &reply,
            "; it will not report on it, since our public address is none that it can reach",
        )
    }

    async fn post(&self, resource: &str, form: &Form, now: Timestamp) -> Result<Reply, DeliveryError> {
        let request = self
            .api
            .post([VERSION, "Accounts", &self.account_sid, resource])?
            .basic_auth(&self.account_sid, Some(self.auth_token.expose()))
            .form(form);
        self.api.call(request, now).await
    }

    /// Asks for the account itself (Twilio, Account resource).
    pub(crate) async fn check(&self) -> Result<String, DeliveryError> {
        let file = format!("{}.json", self.account_sid);
        let request = self
            .api
            .get([VERSION, "Accounts", &file])?
            .basic_auth(&self.account_sid, Some(self.auth_token.expose()));
        // Only a date in `Retry-After` would be counted from now, and nobody waits for a check.
        let reply = self.api.call(request, Timestamp::UNIX_EPOCH).await?;
        if !reply.status().is_success() {
            return Err(self.failure(&reply, &Fault::of(&reply)));
        }
        let found: Found = reply.json().ok_or_else(|| reply.unreadable())?;
        let words = reply.quote(&format!("{} is {}", found.friendly_name, found.status));
        match found.status.as_str() {
            "active" => Ok(words),
            _ => Err(DeliveryError::Misconfigured { field: SID, why: words }),
        }
    }

    /// What an answer means (Twilio, Message resource and Call resource: `status`, `error_code`).
    fn receipt(&self, reply: &Reply, remark: &str) -> Result<Receipt, DeliveryError> {
        if !reply.status().is_success() {
            return Err(self.failure(reply, &Fault::of(reply)));
        }
        let created: Created = reply.json().ok_or_else(|| reply.unreadable())?;
        if created.sid.is_empty() {
            return Err(reply.unreadable());
        }
        match created.status.as_str() {
            "failed" | "undelivered" | "canceled" => Err(self.failure(reply, &created.fault())),
            "busy" | "no-answer" => Err(reply.later(reply.quote(&created.status))),
            // What else it may say is that it has it: accepted, queued, sending, sent, ringing.
            status => Ok(Receipt::of(reply.quote(&format!("{status}{remark}"))).with_id(created.sid)),
        }
    }

    /// What an answer that is no receipt means: by Twilio's code, else by its status.
    fn failure(&self, reply: &Reply, fault: &Fault) -> DeliveryError {
        let known = fault.code.and_then(errors::meaning);
        let why = reply.quote(&fault.words(known));
        let Some((meaning, _)) = known else {
            return match reply.status() {
                StatusCode::NOT_FOUND => DeliveryError::Misconfigured { field: SID, why },
                // It has taken it and told us that it failed.
                status if status.is_success() => DeliveryError::Refused { why },
                _ => reply.failure(why, TOKEN),
            };
        };
        match meaning {
            Meaning::Address => DeliveryError::Refused { why },
            Meaning::Sender => DeliveryError::Misconfigured {
                field: self.sender,
                why,
            },
            Meaning::Setting(field) => DeliveryError::Misconfigured { field, why },
            Meaning::Later => reply.later(why),
        }
    }
}

/// A resource that was created. Its other fields are not needed.
#[derive(Deserialize)]
struct Created {
    sid: String,
    status: String,
    #[serde(default)]
    error_code: Value,
    #[serde(default)]
    error_message: Option<String>,
}

impl Created {
    fn fault(&self) -> Fault {
        Fault {
            code: errors::code(&self.error_code),
            message: self.error_message.clone().unwrap_or_else(|| self.status.clone()),
        }
    }
}

/// The account itself.
#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    friendly_name: String,
    status: String,
}

/// An answer that refuses (Twilio, "Twilio's response": `code`, `message`, `more_info`, `status`).
#[derive(Default)]
struct Fault {
    code: Option<u32>,
    message: String,
}

impl Fault {
    fn of(reply: &Reply) -> Self {
        #[derive(Deserialize)]
        struct Said {
            #[serde(default)]
            code: Value,
            #[serde(default)]
            message: Option<String>,
        }
        if reply.status().is_success() {
            return Self::default();
        }
        // A body in another form is somebody else's, such as a proxy's, and may repeat what we sent.
        reply.json::<Said>().map_or_else(Self::default, |said| Self {
            code: errors::code(&said.code),
            message: said.message.unwrap_or_default(),
        })
    }

    /// Our words for it, where we have some, and Twilio's.
    fn words(&self, known: Option<(Meaning, &str)>) -> String {
        let code = self.code.map_or_else(String::new, |code| format!("error {code}: "));
        match (known, self.message.as_str()) {
            (Some((_, ours)), "") => format!("{code}{ours}"),
            (Some((_, ours)), said) => format!("{code}{ours} ({said})"),
            (None, "") => format!("{code}Twilio does not say why"),
            (None, said) => format!("{code}{said}"),
        }
    }
}

/// Checks a sender for text messages: a number, a short code, or a name of up to eleven letters and digits (Twilio,
/// Message resource: `From`).
pub(crate) fn is_sender(text: &str) -> bool {
    let short = (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let name = (1..=11).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'+' | b'-' | b'_' | b'&'))
        && text.bytes().any(|b| b.is_ascii_alphabetic());
    short || name || phone::e164(text).is_some()
}

/// A sender as it is given to Twilio: a number in its one form.
pub(crate) fn sender(text: &str) -> String {
    phone::e164(text).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> TwilioAccount {
        TwilioAccount {
            account_sid: "AC0123456789abcdef0123456789abcdef".into(),
            auth_token: Secret::new("the secret token"),
            base_url: None,
        }
    }

    fn fields(account: &TwilioAccount) -> Vec<&'static str> {
        account.problems().into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn each_problem_names_its_setting_and_the_token_is_not_printed() {
        let good = TwilioAccount {
            auth_token: Secret::new("token"),
            ..account()
        };
        assert_eq!(fields(&good), [""; 0]);
        assert_eq!(fields(&account()), [TOKEN]);
        let wrong = TwilioAccount {
            account_sid: "AC/../x".into(),
            auth_token: Secret::new(""),
            base_url: Some(Url::parse("ftp://example.com").unwrap()),
        };
        assert_eq!(fields(&wrong), [SID, TOKEN, "OPSKNIGHT_TWILIO_BASE_URL"]);
        assert!(!format!("{:?}", account()).contains("secret"));
    }

    #[test]
    fn our_addresses_are_below_the_public_one() {
        let of = |public: &str| {
            let url = callback(&Url::parse(public).unwrap(), STATUS_PATH, "delivery", "dlv_a b&c");
            url.map(String::from)
        };
        assert_eq!(
            of("https://ops.example.com").as_deref(),
            Some("https://ops.example.com/api/twilio/status?delivery=dlv_a+b%26c")
        );
        assert_eq!(
            of("http://ops.example.com:8080/below/?a=1#b").as_deref(),
            Some("http://ops.example.com:8080/below/api/twilio/status?delivery=dlv_a+b%26c")
        );
        assert_eq!(of("ftp://ops.example.com"), None);
        assert_eq!(of(&format!("https://ops.example.com/{}", "a".repeat(4000))), None);
    }

    #[test]
    fn a_sender_is_a_number_a_short_code_or_a_name() {
        for good in ["+1 415 555 0123", "12345", "OpsKnight", "Acme Ops 1"] {
            assert!(is_sender(good), "{good}");
        }
        for wrong in ["", "4155550123", "OpsKnight Paging", "12", "a\r\nb"] {
            assert!(!is_sender(wrong), "{wrong:?}");
        }
        assert_eq!(sender("+1 (415) 555-0123"), "+14155550123");
    }
}
