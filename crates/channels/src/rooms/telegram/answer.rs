//! What Telegram answers ("Making requests" of the Bot API): `ok` and a result, or an error in words.

use serde::Deserialize;
use serde_json::Value;

use super::super::line::{Said, wait};
use crate::DeliveryError;

/// An answer that is no success.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    ok: Option<bool>,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error_code: u16,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

/// "ResponseParameters".
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    migrate_to_chat_id: Option<i64>,
    retry_after: Option<f64>,
}

impl Answer {
    /// The result of a call that Telegram took, else what it says against it.
    pub(super) fn of(said: &Said) -> Result<Value, Box<Self>> {
        let mut answer = said.json::<Self>().unwrap_or_default();
        if !said.status().is_success() {
            // The two are the same; the status is there in any case.
            answer.error_code = said.status().as_u16();
        }
        match answer.ok {
            Some(true) if said.status().is_success() => Ok(answer.result),
            _ => Err(Box::new(answer)),
        }
    }

    fn says(&self, words: &str) -> bool {
        self.description.to_ascii_lowercase().contains(words)
    }

    /// Something in the request is not right.
    pub(super) fn is_bad_request(&self) -> bool {
        self.ok == Some(false) && self.error_code == 400
    }

    /// The message already is what it was to become.
    pub(super) fn is_not_modified(&self) -> bool {
        self.is_bad_request() && self.says("message is not modified")
    }

    /// The text cannot be read as markup, or a button's address is not taken: plain text may be.
    pub(super) fn is_about_form(&self) -> bool {
        self.is_bad_request()
            && ["parse entities", "button", "http url"]
                .iter()
                .any(|words| self.says(words))
    }

    /// Telegram's words.
    pub(super) fn why(&self, said: &Said) -> String {
        if self.description.is_empty() {
            said.words()
        } else {
            said.quote(&self.description)
        }
    }

    /// What is to be done next; `field` is the setting that the token stands in.
    pub(super) fn meaning(&self, said: &Said, field: &'static str) -> DeliveryError {
        let why = self.why(said);
        if self.ok != Some(false) {
            return said.failure(why, field);
        }
        if let Some(chat) = self.parameters.migrate_to_chat_id {
            let why = format!("the group has become a supergroup, and is chat {chat} now ({why})");
            return DeliveryError::Misconfigured { field: "channel", why };
        }
        match self.error_code {
            // An unknown token is 401, one that is none at all 404.
            401 | 404 => DeliveryError::Misconfigured { field, why },
            429 => {
                let after = self.parameters.retry_after.and_then(wait).max(said.retry_after());
                DeliveryError::Retry { why, after }
            }
            400..500 => DeliveryError::Refused { why },
            _ => said.later(why),
        }
    }
}
