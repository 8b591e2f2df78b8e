//! What Telegram calls us with when somebody presses a button ("Update", `callback_query`; Telegram Bot API).
//!
//! It only reads: whether a call is Telegram's, and who pressed what. It never decides what follows.

use opsknight_domain::id::IncidentId;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::{Secret, words};

/// What the data of a button that acknowledges begins with.
pub(super) const ACKNOWLEDGE: &str = "ack";
/// What the data of a button that resolves begins with.
pub(super) const RESOLVE: &str = "res";
/// Longest secret token (`setWebhook`).
const SECRET_TOKEN_BYTES_MAX: usize = 256;
/// Longest name that is shown, in characters.
const NAME_CHARS_MAX: usize = 100;
/// The header in which Telegram sends the secret token that was given to `setWebhook`.
pub const HEADER: &str = "x-telegram-bot-api-secret-token";

/// What a button asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Somebody takes care of the incident.
    Acknowledge,
    /// The incident is over.
    Resolve,
}

/// What a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Somebody pressed one of our buttons.
    Pressed {
        /// What [`super::Telegram::answer_callback`] answers.
        callback_id: String,
        /// Which button.
        action: Action,
        /// Of which incident: `inc_…`.
        incident: String,
        /// In which chat, by its number.
        chat: String,
        /// On which message.
        message_id: i64,
        /// Who, as people call them.
        person: String,
        /// Who, as Telegram numbers them.
        user_id: i64,
    },
    /// Nothing for us.
    Other,
}

/// Whether a text may be a secret token: `A-Z a-z 0-9 _ -`, 1 to 256 of them (`setWebhook`).
pub(super) fn is_secret_token(text: &str) -> bool {
    let of_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=SECRET_TOKEN_BYTES_MAX).contains(&text.len()) && text.bytes().all(of_token)
}

/// Whether a call is Telegram's: `header` is the value of [`HEADER`]. Takes the same time wherever they differ.
#[must_use]
pub fn verify(secret_token: &Secret, header: &str) -> bool {
    let same: bool = secret_token.expose().as_bytes().ct_eq(header.as_bytes()).into();
    same && is_secret_token(secret_token.expose())
}

#[derive(Deserialize)]
struct Body {
    #[expect(dead_code, reason = "its presence tells an update from other JSON")]
    update_id: i64,
    callback_query: Option<CallbackQuery>,
}

#[derive(Deserialize)]
struct CallbackQuery {
    id: String,
    from: User,
    message: Option<MaybeMessage>,
    data: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    username: String,
}

/// "MaybeInaccessibleMessage": both kinds have these.
#[derive(Deserialize)]
struct MaybeMessage {
    message_id: i64,
    chat: Chat,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
}

/// Reads a call.
///
/// # Errors
///
/// What is wrong with it, in words; whatever is an update is none.
pub fn parse(body: &[u8]) -> Result<Update, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| format!("is no update of Telegram's: {error}"))?;
    Ok(body.callback_query.and_then(pressed).unwrap_or(Update::Other))
}

fn pressed(query: CallbackQuery) -> Option<Update> {
    let data = query.data?;
    let (action, incident) = data.split_once(':')?;
    let action = match action {
        ACKNOWLEDGE => Action::Acknowledge,
        RESOLVE => Action::Resolve,
        _ => return None,
    };
    let incident = incident.parse::<IncidentId>().ok()?;
    let message = query.message?;
    Some(Update::Pressed {
        callback_id: query.id,
        action,
        incident: incident.to_string(),
        chat: message.chat.id.to_string(),
        message_id: message.message_id,
        person: name(&query.from),
        user_id: query.from.id,
    })
}

fn name(user: &User) -> String {
    let full = words::one_line(&format!("{} {}", user.first_name, user.last_name), NAME_CHARS_MAX);
    let handle = words::one_line(&user.username, NAME_CHARS_MAX);
    match (full.is_empty(), handle.is_empty()) {
        (false, _) => full,
        (true, false) => format!("@{handle}"),
        (true, true) => format!("user {}", user.id),
    }
}
