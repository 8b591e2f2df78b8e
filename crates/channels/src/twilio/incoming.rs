//! What Twilio tells us: texts that people send, what became of ours, and keys pressed in calls.
//!
//! Everything comes as a form. [`verify`] says whether it is Twilio's; nothing here is to be believed before that.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use url::Url;

use super::errors;
use crate::{
    Secret,
    commands::{Command, parse},
    words,
};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "X-Twilio-Signature";
/// Longest text that is kept of a message, in characters; Twilio's own limit is 1600.
const TEXT_CHARS_MAX: usize = 1600;
/// Longest of the other values that is kept, in characters.
const VALUE_CHARS_MAX: usize = 256;

/// Whether a request is Twilio's: `url` as Twilio was given it, with its query, and `params` of the form as they came.
///
/// The signature is the base64 of HMAC-SHA1, keyed with the account's token, over the URL and the sorted names and
/// values of the form (Twilio, "Webhooks security"). Some of Twilio's services sign a URL with its port and some without;
/// as in Twilio's own libraries, both are right.
#[must_use]
pub fn verify(auth_token: &Secret, url: &str, params: &[(String, String)], signature: &str) -> bool {
    if auth_token.is_empty() {
        return false;
    }
    let signed: String = sorted(params);
    let mut good = subtle::Choice::from(0);
    for url in spellings(url) {
        let mut mac =
            Hmac::<Sha1>::new_from_slice(auth_token.expose().as_bytes()).expect("HMAC takes a key of any length");
        mac.update(url.as_bytes());
        mac.update(signed.as_bytes());
        let own = STANDARD.encode(mac.finalize().into_bytes());
        good |= own.as_bytes().ct_eq(signature.as_bytes());
    }
    good.into()
}

/// Names and values one behind the other, sorted, each pair once.
fn sorted(params: &[(String, String)]) -> String {
    let pairs: BTreeSet<&(String, String)> = params.iter().collect();
    pairs
        .into_iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()])
        .collect()
}

/// The URL as it is, without a port, and with one. It is not written anew, since the signature is over its very text.
fn spellings(url: &str) -> Vec<String> {
    let mut spellings = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else {
        return spellings;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host
        .rsplit_once(':')
        .map(|(_, port)| port)
        .filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    match port {
        Some(port) => {
            let bare = &authority[..authority.len() - port.len() - 1];
            spellings.push(format!("{scheme}://{bare}{path}"));
        }
        None => {
            let default = Url::parse(url).ok().and_then(|url| url.port_or_known_default());
            spellings.extend(default.map(|port| format!("{scheme}://{authority}:{port}{path}")));
        }
    }
    spellings
}

/// A text or WhatsApp message that somebody sent (Twilio, "Twilio's request to your incoming message Webhook URL").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Who sent it: `+14155550123`, or another identity where WhatsApp gives no number.
    pub from: String,
    /// The number that it was sent to.
    pub to: String,
    /// What it says; of a pressed button, its text.
    pub text: String,
    /// Twilio's identity of it, the same when Twilio tells us again.
    pub sid: String,
    /// It ends, begins or explains messages to this phone. Twilio acts on this by itself as well, and answers.
    pub opt_out: Option<OptOut>,
    /// It came by WhatsApp.
    pub whatsapp: bool,
    /// The payload of the button that was pressed.
    pub payload: Option<String>,
    /// Twilio's identity of our message that it answers, where the medium says so.
    pub in_reply_to: Option<String>,
}

/// What the keywords of phone companies ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOut {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
    /// What this is.
    Help,
}

impl Inbound {
    /// Reads the form.
    ///
    /// # Errors
    ///
    /// The field that is missing.
    pub fn of(params: &[(String, String)]) -> Result<Self, String> {
        let from = needed(params, "From")?;
        let text = words::lines(get(params, "Body").unwrap_or_default(), TEXT_CHARS_MAX);
        Ok(Self {
            from: number(&from).to_owned(),
            to: number(&needed(params, "To")?).to_owned(),
            sid: needed(params, "MessageSid").or_else(|missing| needed(params, "SmsSid").map_err(|_| missing))?,
            opt_out: opt_out(get(params, "OptOutType"), &text),
            whatsapp: from.starts_with(WHATSAPP),
            payload: given(params, "ButtonPayload"),
            in_reply_to: given(params, "OriginalRepliedMessageSid"),
            text,
        })
    }
}

/// `OptOutType` is there where a messaging service has words of its own for it (Twilio, "Advanced Opt-Out"); elsewhere
/// the default words hold.
fn opt_out(told: Option<&str>, text: &str) -> Option<OptOut> {
    match told {
        Some("STOP") => return Some(OptOut::Stop),
        Some("START") => return Some(OptOut::Start),
        Some("HELP") => return Some(OptOut::Help),
        Some(_) | None => {}
    }
    match parse(text)? {
        Command::Stop => Some(OptOut::Stop),
        Command::Start => Some(OptOut::Start),
        Command::Help => Some(OptOut::Help),
        Command::Acknowledge(_) | Command::Resolve(_) => None,
    }
}

/// What became of a text or WhatsApp message of ours (Twilio, "Track the Message Status of Outbound Messages").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatus {
    /// Twilio's identity of it: what the receipt has.
    pub sid: String,
    /// How far it has come.
    pub state: MessageState,
    /// Twilio's code of what went wrong.
    pub code: Option<u32>,
}

/// How far a message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// The phone has it.
    Delivered,
    /// The phone company has it.
    Sent,
    /// It was never handed on.
    Failed {
        /// In words.
        why: String,
    },
    /// The phone company could not deliver it.
    Undelivered {
        /// In words.
        why: String,
    },
    /// The person has seen it.
    Read,
    /// It is still on its way.
    Other,
}

impl MessageStatus {
    /// Reads the form.
    ///
    /// # Errors
    ///
    /// The field that is missing.
    pub fn of(params: &[(String, String)]) -> Result<Self, String> {
        let sid = needed(params, "MessageSid").or_else(|missing| needed(params, "SmsSid").map_err(|_| missing))?;
        let status =
            needed(params, "MessageStatus").or_else(|missing| needed(params, "SmsStatus").map_err(|_| missing))?;
        let code = get(params, "ErrorCode")
            .and_then(|code| code.trim().parse().ok())
            .filter(|code| *code != 0);
        let why = || why(params, code);
        let state = match status.as_str() {
            "delivered" => MessageState::Delivered,
            "sent" => MessageState::Sent,
            "failed" | "canceled" => MessageState::Failed { why: why() },
            "undelivered" => MessageState::Undelivered { why: why() },
            "read" => MessageState::Read,
            _ => MessageState::Other,
        };
        Ok(Self { sid, state, code })
    }
}

/// Our words for a code, and what Twilio or the medium says.
fn why(params: &[(String, String)], code: Option<u32>) -> String {
    let said = ["ErrorMessage", "ChannelStatusMessage"]
        .into_iter()
        .find_map(|name| get(params, name).filter(|said| !said.is_empty()));
    let ours = code.and_then(errors::meaning).map(|(_, words)| words);
    let code = code.map_or_else(String::new, |code| format!("error {code}: "));
    words::answer(&match (ours, said) {
        (Some(ours), Some(said)) => format!("{code}{ours} ({said})"),
        (Some(words), None) | (None, Some(words)) => format!("{code}{words}"),
        (None, None) => format!("{code}Twilio does not say why"),
    })
}

/// How a call of ours ended (Twilio, Call resource: `StatusCallback`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStatus {
    /// Twilio's identity of the call: what the receipt has.
    pub sid: String,
    /// How it ended.
    pub state: CallState,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// Somebody, or a mailbox, took it.
    Completed,
    /// The line was busy, or the call was turned down.
    Busy,
    /// It rang and nobody took it.
    NoAnswer,
    /// It could not be made.
    Failed,
    /// It was ended before it was taken.
    Canceled,
    /// It has not ended.
    Other,
}

impl CallStatus {
    /// Reads the form.
    ///
    /// # Errors
    ///
    /// The field that is missing.
    pub fn of(params: &[(String, String)]) -> Result<Self, String> {
        let state = match needed(params, "CallStatus")?.as_str() {
            "completed" => CallState::Completed,
            "busy" => CallState::Busy,
            "no-answer" => CallState::NoAnswer,
            "failed" => CallState::Failed,
            "canceled" => CallState::Canceled,
            _ => CallState::Other,
        };
        Ok(Self {
            sid: needed(params, "CallSid")?,
            state,
        })
    }
}

/// Keys that were pressed in a call (Twilio, TwiML `<Gather>`: `action`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// Twilio's identity of the call.
    pub call_sid: String,
    /// The keys; empty where none was pressed.
    pub digits: String,
}

impl Pressed {
    /// Reads the form.
    ///
    /// # Errors
    ///
    /// The field that is missing.
    pub fn of(params: &[(String, String)]) -> Result<Self, String> {
        Ok(Self {
            call_sid: needed(params, "CallSid")?,
            digits: given(params, "Digits").unwrap_or_default(),
        })
    }
}

/// What stands before numbers of WhatsApp.
const WHATSAPP: &str = "whatsapp:";

fn number(address: &str) -> &str {
    address.strip_prefix(WHATSAPP).unwrap_or(address)
}

fn get<'p>(params: &'p [(String, String)], name: &str) -> Option<&'p str> {
    params
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// A value on one line, where there is one.
fn given(params: &[(String, String)], name: &str) -> Option<String> {
    let value = words::one_line(get(params, name)?, VALUE_CHARS_MAX);
    (!value.is_empty()).then_some(value)
}

fn needed(params: &[(String, String)], name: &str) -> Result<String, String> {
    given(params, name).ok_or_else(|| format!("{name} is missing"))
}

#[cfg(test)]
mod tests;
