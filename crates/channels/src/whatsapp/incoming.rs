//! What Meta tells us: messages that people send, and what became of ours.
//!
//! [`handshake`] answers when the address is entered at Meta, [`verify`] says whether a body is Meta's, and [`parse`]
//! reads it; nothing in it is to be believed before it was verified. Meta repeats what is not answered with 200, so
//! everything here may come twice.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::errors::meaning;
use crate::{Secret, words};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "X-Hub-Signature-256";
/// Longest text that is kept of a message, in characters.
const TEXT_CHARS_MAX: usize = 4096;
/// Longest of the other values that is kept, in characters.
const VALUE_CHARS_MAX: usize = 512;
/// Longest challenge that is repeated, in bytes.
const CHALLENGE_BYTES_MAX: usize = 256;
/// Most things that one body may tell (WhatsApp, Webhooks: "up to 1000 updates").
const TOLD_MAX: usize = 1000;

/// Whether a body is Meta's: the header is `sha256=` and the HMAC-SHA256 of the body in hexadecimal, keyed with the
/// app's secret (Meta, Webhooks, "Validating payloads").
#[must_use]
pub fn verify(app_secret: &Secret, header: &str, body: &[u8]) -> bool {
    let Some(told) = header.strip_prefix("sha256=").and_then(|told| hex::decode(told).ok()) else {
        return false;
    };
    if app_secret.is_empty() {
        return false;
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(app_secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    let own = mac.finalize().into_bytes();
    own.as_slice().ct_eq(&told).into()
}

/// What is to be answered when Meta asks whether the address is ours (Meta, Webhooks, "Verification requests"): its
/// challenge, where it knows the word that was entered on both sides. None: 403.
#[must_use]
pub fn handshake(verify_token: &Secret, query: &[(String, String)]) -> Option<String> {
    let get = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let told = get("hub.verify_token")?;
    let known = !verify_token.is_empty() && bool::from(verify_token.expose().as_bytes().ct_eq(told.as_bytes()));
    let challenge = get("hub.challenge")?;
    let fit = challenge.len() <= CHALLENGE_BYTES_MAX && challenge.bytes().all(|b| b.is_ascii_graphic() && b != b'<');
    (get("hub.mode") == Some("subscribe") && known && fit).then(|| challenge.to_owned())
}

/// One thing that Meta tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// Somebody wrote or pressed a button.
    Message(Inbound),
    /// One of our messages has come further.
    Status(Status),
}

/// A message that somebody sent (WhatsApp, Messages webhook: text, interactive and button messages).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Who: `+16505551234`.
    pub from: String,
    /// Meta's identity of the number that it was sent to.
    pub phone_number_id: String,
    /// Meta's identity of it, the same when it comes again.
    pub id: String,
    /// What it says; of a pressed button, its text.
    pub text: String,
    /// The payload of the button that was pressed: `ack:4217` on our own.
    pub payload: Option<String>,
    /// Meta's identity of our message that it answers.
    pub in_reply_to: Option<String>,
}

/// What became of one of our messages (WhatsApp, Status messages webhook). They come in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Meta's identity of it: what the receipt has.
    pub id: String,
    /// The delivery that it was sent for.
    pub delivery: Option<String>,
    /// How far it has come.
    pub state: State,
}

/// How far a message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// WhatsApp has it.
    Sent,
    /// The phone has it.
    Delivered,
    /// The person has seen it.
    Read,
    /// It will not arrive.
    Failed {
        /// In words.
        why: String,
        /// Meta's code.
        code: Option<i64>,
    },
    /// Something that says nothing about its arrival.
    Other,
}

/// Reads a body. What is of another kind, such as a picture, or of a form that is not known here, is left out: refused,
/// it would come again for days, with everything that came with it.
///
/// # Errors
///
/// What is wrong with it, where it is not Meta's form.
pub fn parse(body: &[u8]) -> Result<Vec<Incoming>, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| format!("is not as Meta sends it: {error}"))?;
    if body.object != "whatsapp_business_account" {
        return Err("is not about a WhatsApp account".into());
    }
    let mut incoming = Vec::new();
    for change in body.entry.into_iter().flat_map(|entry| entry.changes) {
        if change.field.as_deref().is_some_and(|field| field != "messages") {
            continue;
        }
        let value: Value =
            serde_json::from_value(change.value).map_err(|error| format!("is not as Meta sends it: {error}"))?;
        let to = value.metadata.phone_number_id;
        let messages = value.messages.into_iter().filter_map(known::<RawMessage>);
        incoming.extend(messages.filter_map(|message| message.read(&to)).map(Incoming::Message));
        let statuses = value.statuses.into_iter().filter_map(known::<RawStatus>);
        incoming.extend(statuses.map(|status| Incoming::Status(status.read())));
    }
    incoming.truncate(TOLD_MAX);
    Ok(incoming)
}

fn known<T: DeserializeOwned>(raw: serde_json::Value) -> Option<T> {
    serde_json::from_value(raw).ok()
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    object: String,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    field: Option<String>,
    value: serde_json::Value,
}

#[derive(Deserialize)]
struct Value {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    messages: Vec<serde_json::Value>,
    #[serde(default)]
    statuses: Vec<serde_json::Value>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    phone_number_id: String,
}

#[derive(Deserialize)]
struct RawMessage {
    from: String,
    id: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    text: Option<Text>,
    #[serde(default)]
    interactive: Option<Interactive>,
    #[serde(default)]
    button: Option<Button>,
    #[serde(default)]
    context: Option<Context>,
}

#[derive(Deserialize)]
struct Text {
    body: String,
}

#[derive(Deserialize)]
struct Interactive {
    #[serde(default)]
    button_reply: Option<Reply>,
}

#[derive(Deserialize)]
struct Reply {
    id: String,
    title: String,
}

#[derive(Deserialize)]
struct Button {
    #[serde(default)]
    payload: Option<String>,
    text: String,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    id: Option<String>,
}

impl RawMessage {
    fn read(self, phone_number_id: &str) -> Option<Inbound> {
        let (text, payload) = match self.kind.as_str() {
            "text" => (self.text?.body, None),
            "interactive" => {
                let reply = self.interactive?.button_reply?;
                (reply.title, Some(reply.id))
            }
            "button" => {
                let button = self.button?;
                (button.text, button.payload)
            }
            _ => return None,
        };
        let value = |text: String| words::one_line(&text, VALUE_CHARS_MAX);
        Some(Inbound {
            from: number(&self.from),
            phone_number_id: value(phone_number_id.to_owned()),
            id: value(self.id),
            text: words::lines(&text, TEXT_CHARS_MAX),
            payload: payload.map(value),
            in_reply_to: self.context.and_then(|context| context.id).map(value),
        })
    }
}

/// Meta gives numbers without their plus.
fn number(digits: &str) -> String {
    let number = words::one_line(digits, VALUE_CHARS_MAX);
    match number.bytes().all(|b| b.is_ascii_digit()) {
        true => format!("+{number}"),
        false => number,
    }
}

#[derive(Deserialize)]
struct RawStatus {
    id: String,
    status: String,
    #[serde(default)]
    biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    errors: Vec<RawError>,
}

#[derive(Deserialize)]
struct RawError {
    #[serde(default)]
    code: Option<i64>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    error_data: Option<RawErrorData>,
}

#[derive(Deserialize)]
struct RawErrorData {
    #[serde(default)]
    details: Option<String>,
}

impl RawStatus {
    fn read(self) -> Status {
        let state = match self.status.as_str() {
            "sent" => State::Sent,
            "delivered" => State::Delivered,
            "read" | "played" => State::Read,
            "failed" => failed(self.errors.into_iter().next()),
            _ => State::Other,
        };
        let value = |text: String| words::one_line(&text, VALUE_CHARS_MAX);
        Status {
            id: value(self.id),
            delivery: self.biz_opaque_callback_data.map(value),
            state,
        }
    }
}

fn failed(error: Option<RawError>) -> State {
    let Some(error) = error else {
        return State::Failed {
            why: "Meta does not say why".into(),
            code: None,
        };
    };
    let said = error.error_data.and_then(|data| data.details).or(error.title);
    let ours = error.code.and_then(meaning).map(|(_, words)| words);
    let why = match (ours, said) {
        (Some(ours), Some(said)) => format!("{ours} ({said})"),
        (Some(ours), None) => ours.to_owned(),
        (None, said) => said.unwrap_or_else(|| "Meta does not say why".into()),
    };
    let code = error.code.map_or_else(String::new, |code| format!("error {code}: "));
    State::Failed {
        why: words::answer(&format!("{code}{why}")),
        code: error.code,
    }
}

#[cfg(test)]
mod tests;
