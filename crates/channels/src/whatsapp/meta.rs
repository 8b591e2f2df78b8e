//! WhatsApp messages by Meta itself (WhatsApp Cloud API, Messages).

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::message::Content;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    errors::{Meaning, NUMBER, TEMPLATE, TOKEN, meaning},
    render, variable,
};
use crate::{
    Channel, DeliveryError, Message, Problem, Receipt, Secret, Vendors, phone,
    twilio::is_web,
    vendor::{Api, Reply},
};

/// Meta's own address.
const OWN_URL: &str = "https://graph.facebook.com";
/// The version of the API, which is the first part of every path.
const VERSION: &str = "v23.0";
/// The setting with the template's language.
const LANGUAGE: &str = "WHATSAPP_TEMPLATE_LANGUAGE";
/// The language that the template has where none is given.
pub const DEFAULT_LANGUAGE: &str = "en_US";
/// Longest name of a template, in characters (WhatsApp, Templates: name).
const TEMPLATE_CHARS_MAX: usize = 512;

/// What WhatsApp messages are sent with.
#[derive(Clone, PartialEq, Eq)]
pub struct MetaSettings {
    /// `WHATSAPP_PHONE_NUMBER_ID`: Meta's identity of the number that sends, which is not the number.
    pub phone_number_id: String,
    /// `WHATSAPP_ACCESS_TOKEN`: of a system user, with `whatsapp_business_messaging`.
    pub access_token: Secret,
    /// `WHATSAPP_TEMPLATE`: the name of the approved template; see [`super`] for what it must say.
    pub template: Option<String>,
    /// `WHATSAPP_TEMPLATE_LANGUAGE`: [`DEFAULT_LANGUAGE`] where nothing is given.
    pub template_language: String,
    /// `OPSKNIGHT_WHATSAPP_BASE_URL`: none for Meta's own.
    pub base_url: Option<Url>,
}

impl fmt::Debug for MetaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetaSettings")
            .field("phone_number_id", &self.phone_number_id)
            .field("template", &self.template)
            .field("template_language", &self.template_language)
            .field("base_url", &self.base_url.as_ref().map(Url::as_str))
            .finish_non_exhaustive()
    }
}

impl MetaSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |field, why: &str| problems.push(Problem { field, why: why.into() });
        let id = &self.phone_number_id;
        if id.is_empty() || id.len() > 64 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            wrong(NUMBER, "must be the number's identity at Meta, which has only digits");
        }
        let token = self.access_token.expose();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            wrong(TOKEN, "must be an access token, without spaces");
        }
        let is_name = |text: &str| {
            !text.is_empty()
                && text.len() <= TEMPLATE_CHARS_MAX
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if self.template.as_deref().is_some_and(|name| !is_name(name)) {
            wrong(TEMPLATE, "must be the name of a template: small letters, digits and _");
        }
        if !is_name(&self.template_language) {
            wrong(LANGUAGE, "must be a language as Meta writes it, like en_US");
        }
        if self.base_url.as_ref().is_some_and(|url| !is_web(url)) {
            wrong("OPSKNIGHT_WHATSAPP_BASE_URL", "must begin with https:// or http://");
        }
        problems
    }
}

/// Sends WhatsApp messages by Meta.
#[derive(Debug, Clone)]
pub struct MetaWhatsapp {
    api: Api,
    phone_number_id: String,
    access_token: Secret,
    template: Option<(String, String)>,
}

impl MetaWhatsapp {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`MetaSettings::problems`].
    pub fn new(settings: &MetaSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        let template = settings.template.clone();
        Ok(Self {
            api: vendors.api(settings.base_url.as_ref(), OWN_URL, &[&settings.access_token]),
            phone_number_id: settings.phone_number_id.clone(),
            access_token: settings.access_token.clone(),
            template: template.map(|name| (name, settings.template_language.clone())),
        })
    }

    /// The message as Meta wants it.
    ///
    /// A repetition cannot be told by anything in it: `biz_opaque_callback_data`, which Meta's reference has and which
    /// would come back with every report, has no place in Meta's published description of the API.
    fn body(&self, to: &str, message: &Message) -> Value {
        let mut body = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to,
        });
        let (kind, content) = match &self.template {
            Some((name, language)) => ("template", templated(name, language, message)),
            None => free(message),
        };
        body["type"] = kind.into();
        body[kind] = content;
        body
    }
}

/// A template with our one variable.
fn templated(name: &str, language: &str, message: &Message) -> Value {
    json!({
        "name": name,
        "language": { "policy": "deterministic", "code": language },
        "components": [{
            "type": "body",
            "parameters": [{ "type": "text", "text": variable(message) }],
        }],
    })
}

/// Free text: pages with buttons, everything else without. What a button is called comes back when it is pressed, and
/// is a command of [`crate::commands`].
fn free(message: &Message) -> (&'static str, Value) {
    let text = render(message);
    let buttons: Vec<(String, &str)> = match &message.content {
        Content::Incident(news) => news.answer.as_ref().map_or_else(Vec::new, |answer| {
            let code = &answer.code;
            vec![
                (format!("ack:{code}"), "Acknowledge"),
                (format!("resolve:{code}"), "Resolve"),
            ]
        }),
        Content::Bundle(_) => vec![("ack:all".into(), "Acknowledge all")],
        Content::Note { .. } => Vec::new(),
    };
    if buttons.is_empty() {
        return ("text", json!({ "preview_url": false, "body": text }));
    }
    let button = |(id, title)| json!({ "type": "reply", "reply": { "id": id, "title": title } });
    let buttons: Vec<Value> = buttons.into_iter().map(button).collect();
    (
        "interactive",
        json!({ "type": "button", "body": { "text": text }, "action": { "buttons": buttons } }),
    )
}

#[async_trait]
impl Channel for MetaWhatsapp {
    fn name(&self) -> &'static str {
        "meta-whatsapp"
    }

    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let to = phone::address(to)?;
        let request = self
            .api
            .post([VERSION, &self.phone_number_id, "messages"])?
            .bearer_auth(self.access_token.expose())
            .json(&self.body(&to, message));
        let reply = self.api.call(request, now).await?;
        if !reply.status().is_success() {
            return Err(failure(&reply));
        }
        let taken: Taken = reply.json().ok_or_else(|| reply.unreadable())?;
        let Some(first) = taken
            .messages
            .into_iter()
            .next()
            .filter(|message| !message.id.is_empty())
        else {
            return Err(reply.unreadable());
        };
        let status = first.message_status.as_deref().unwrap_or("accepted");
        Ok(Receipt::of(reply.quote(status)).with_id(first.id))
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        let request = self
            .api
            .get([VERSION, &self.phone_number_id])?
            .query(&[("fields", "display_phone_number,verified_name,quality_rating")])
            .bearer_auth(self.access_token.expose());
        // Only a date in `Retry-After` would be counted from now, and nobody waits for a check.
        let reply = self.api.call(request, Timestamp::UNIX_EPOCH).await?;
        if !reply.status().is_success() {
            return Err(failure(&reply));
        }
        let number: Number = reply.json().ok_or_else(|| reply.unreadable())?;
        Ok(reply.quote(&format!(
            "{} ({}), quality {}",
            number.display_phone_number,
            number.verified_name.as_deref().unwrap_or("without a name"),
            number.quality_rating.as_deref().unwrap_or("unknown").to_lowercase()
        )))
    }
}

/// What an answer that is no receipt means: by Meta's code, else by its status.
fn failure(reply: &Reply) -> DeliveryError {
    // A body in another form is somebody else's, such as a proxy's, and may repeat what we sent.
    let Some(Fault { error }) = reply.json() else {
        return reply.failure(reply.quote("Meta does not say why"), TOKEN);
    };
    let details = error.error_data.and_then(|data| data.details);
    let said = details
        .as_deref()
        .filter(|said| !said.is_empty())
        .unwrap_or(&error.message);
    // Meta answers so for an object that is not there or that the token may not see.
    let unknown = error.code == 100 && error.error_subcode == Some(33);
    let known = meaning(if unknown { 33 } else { error.code });
    let why = match known {
        Some((_, ours)) => format!("error {}: {ours} ({said})", error.code),
        None => format!("error {}: {said}", error.code),
    };
    let why = reply.quote(&why);
    match known {
        Some((Meaning::Person, _)) => DeliveryError::Refused { why },
        Some((Meaning::Setting(field), _)) => DeliveryError::Misconfigured { field, why },
        Some((Meaning::Later, _)) => reply.later(why),
        None if reply.status() == StatusCode::NOT_FOUND => DeliveryError::Misconfigured { field: NUMBER, why },
        None => reply.failure(why, TOKEN),
    }
}

/// A message that was taken. Its other fields are not needed.
#[derive(Deserialize)]
struct Taken {
    messages: Vec<TakenMessage>,
}

#[derive(Deserialize)]
struct TakenMessage {
    id: String,
    #[serde(default)]
    message_status: Option<String>,
}

/// The number that sends.
#[derive(Deserialize)]
struct Number {
    display_phone_number: String,
    #[serde(default)]
    verified_name: Option<String>,
    #[serde(default)]
    quality_rating: Option<String>,
}

/// An answer that refuses (WhatsApp Cloud API, "Error codes": error response syntax).
#[derive(Deserialize)]
struct Fault {
    error: FaultFacts,
}

#[derive(Deserialize)]
struct FaultFacts {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_subcode: Option<i64>,
    #[serde(default)]
    error_data: Option<FaultData>,
}

#[derive(Deserialize)]
struct FaultData {
    #[serde(default)]
    details: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_names_its_setting_and_the_token_is_not_printed() {
        let good = MetaSettings {
            phone_number_id: "106540352242922".into(),
            access_token: Secret::new("EAAG-secret"),
            template: Some("opsknight_page".into()),
            template_language: DEFAULT_LANGUAGE.into(),
            base_url: None,
        };
        assert_eq!(good.problems(), []);
        assert!(!format!("{good:?}").contains("EAAG"));
        let wrong = MetaSettings {
            phone_number_id: "../me".into(),
            access_token: Secret::new("two words"),
            template: Some("a b".into()),
            template_language: String::new(),
            base_url: Some(Url::parse("file:///x").unwrap()),
        };
        let fields: Vec<_> = wrong.problems().into_iter().map(|problem| problem.field).collect();
        assert_eq!(
            fields,
            [NUMBER, TOKEN, TEMPLATE, LANGUAGE, "OPSKNIGHT_WHATSAPP_BASE_URL"]
        );
    }
}
