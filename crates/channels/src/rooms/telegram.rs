//! Telegram: messages of a bot with buttons that acknowledge and resolve (Telegram Bot API).
//!
//! It owns the bot's address and token, the calls that the product makes, and what Telegram answers; the text is
//! [`text`]'s, and what Telegram calls us with is [`incoming`]'s. It never decides what a pressed button does.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use self::{
    address::{Bot, Chat},
    answer::Answer,
};
use super::{
    card::Card,
    line::{Hidden, Line, Said},
};
use crate::{DeliveryError, Endpoint, Hook, Message, Problem, Receipt, Secret, Timeouts, tls::Roots, words};

mod address;
mod answer;
pub mod incoming;
mod text;

pub use text::{Form, Piece};

/// Longest notice that is shown to whoever pressed a button, in characters (`answerCallbackQuery`).
const NOTICE_CHARS_MAX: usize = 200;

/// Tells chats of Telegram.
#[derive(Debug, Clone)]
pub struct Telegram {
    line: Line,
    /// To the operator's own address, which may be private.
    own: Line,
    base_url: Option<Url>,
    total: Duration,
}

impl Telegram {
    /// Calls public addresses, with `allow_private` also private ones and this machine, trusting `roots`. `base_url`
    /// stands in the place of `https://api.telegram.org`; it is the operator's and may be private.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where encryption cannot be set up.
    pub fn new(
        allow_private: bool,
        roots: &Roots,
        timeouts: Timeouts,
        base_url: Option<Url>,
    ) -> Result<Self, DeliveryError> {
        Ok(Self {
            line: Line::new(allow_private, roots, timeouts)?,
            own: Line::new(true, roots, timeouts)?,
            base_url,
            total: timeouts.total,
        })
    }

    /// Has Telegram call `url` for every button that is pressed, with `secret_token` in a header
    /// ([`incoming::verify`]), and returns its words.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where Telegram takes the address or the token not; else as for [`Hook::post`].
    pub async fn set_webhook(
        &self,
        to: &Endpoint,
        url: &str,
        secret_token: &Secret,
        now: Timestamp,
    ) -> Result<String, DeliveryError> {
        if !incoming::is_secret_token(secret_token.expose()) {
            let why = "must be 1 to 256 letters, digits, _ or -".into();
            return Err(Problem {
                field: "secret_token",
                why,
            }
            .into());
        }
        let bot = self.bot(to)?;
        let body = json!({
            "url": url,
            "secret_token": secret_token.expose(),
            "allowed_updates": ["callback_query"],
        });
        let hidden = Hidden::of(to).and(secret_token.expose());
        let said = self.call(&bot, "setWebhook", &body, hidden, self.total, now).await?;
        match Answer::of(&said) {
            Ok(_) => Ok(said.words()),
            // What is wrong is the address that we named: not HTTPS, a port that it does not call, a private host.
            Err(answer) if answer.is_bad_request() => Err(Problem {
                field: "OPSKNIGHT_PUBLIC_URL",
                why: answer.why(&said),
            }
            .into()),
            Err(answer) => Err(answer.meaning(&said, bot.field)),
        }
    }

    /// Tells whoever pressed a button what came of it. Telegram waits for that only a short while.
    ///
    /// # Errors
    ///
    /// As for [`Hook::post`].
    pub async fn answer_callback(
        &self,
        to: &Endpoint,
        callback_query_id: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let bot = self.bot(to)?;
        let body = json!({
            "callback_query_id": callback_query_id,
            "text": words::one_line(text, NOTICE_CHARS_MAX),
        });
        let said = self
            .call(&bot, "answerCallbackQuery", &body, Hidden::of(to), self.total, now)
            .await?;
        let answer = Answer::of(&said).map(|_| ());
        answer.map_err(|answer| answer.meaning(&said, bot.field))
    }

    /// Asks which bot this is: the token works, and nothing is sent. `@opsknight_bot`.
    ///
    /// # Errors
    ///
    /// As for [`Hook::post`].
    pub async fn get_me(&self, to: &Endpoint, now: Timestamp) -> Result<String, DeliveryError> {
        let bot = self.bot(to)?;
        let said = self
            .call(&bot, "getMe", &json!({}), Hidden::of(to), self.total, now)
            .await?;
        match Answer::of(&said) {
            Ok(result) => Ok(match result.get("username").and_then(Value::as_str) {
                Some(name) => format!("@{}", words::one_line(name, NOTICE_CHARS_MAX)),
                None => said.words(),
            }),
            Err(answer) => Err(answer.meaning(&said, bot.field)),
        }
    }

    fn bot(&self, to: &Endpoint) -> Result<Bot, DeliveryError> {
        Ok(Bot::of(to, self.base_url.as_ref())?)
    }

    /// Makes one call of the bot's.
    async fn call(
        &self,
        bot: &Bot,
        method: &str,
        body: &Value,
        hidden: Hidden,
        within: Duration,
        now: Timestamp,
    ) -> Result<Said, DeliveryError> {
        let line = if bot.is_operators { &self.own } else { &self.line };
        if !bot.is_operators {
            line.check(&bot.url)?;
        }
        let request = line.post(bot.method(method), body).timeout(within);
        line.call(request, bot.hide(hidden), now).await
    }

    /// Brings the first message about an incident to the present state; whether it is there.
    async fn edit(
        &self,
        bot: &Bot,
        to: &Endpoint,
        earlier: &Earlier,
        card: &Card,
        now: Timestamp,
    ) -> Result<bool, DeliveryError> {
        let mut body = text::body(card, Piece::Whole, Form::MarkdownV2);
        body["chat_id"] = json!(earlier.chat);
        body["message_id"] = json!(earlier.message);
        let said = self
            .call(bot, "editMessageText", &body, Hidden::of(to), self.total / 4, now)
            .await?;
        match Answer::of(&said) {
            Ok(_) => Ok(true),
            Err(answer) if answer.is_not_modified() => Ok(true),
            // It was deleted, is too old, or somebody else's: the news is sent all the same.
            Err(answer) if answer.is_bad_request() => Ok(false),
            Err(answer) => Err(answer.meaning(&said, bot.field)),
        }
    }
}

/// What a chat is sent of a message, but for which chat and what it replies to.
#[must_use]
pub fn render(message: &Message, piece: Piece, form: Form) -> Value {
    text::body(&Card::of(message), piece, form)
}

/// The first message about an incident, as a receipt names it.
struct Earlier {
    chat: String,
    message: i64,
}

impl Earlier {
    fn of(text: &str) -> Option<Self> {
        let (chat, message) = text.rsplit_once('/')?;
        Some(Self {
            chat: chat.to_owned(),
            message: message.parse().ok()?,
        })
    }
}

#[async_trait]
impl Hook for Telegram {
    fn name(&self) -> &'static str {
        "telegram"
    }

    /// Sends one message. Where one was sent before about the same incident, that one is first brought to the present
    /// state, and this one replies to it in short. What Telegram cannot read as MarkdownV2, or a button that it does not
    /// take, is sent once more as plain text.
    ///
    /// The address is `https://api.telegram.org/bot<TOKEN>`, with or without a method behind it, or without a token, which
    /// then is [`Endpoint::secret`]; [`Endpoint::channel`] is the chat (`-100…`, `@name`), with `:` and a number one of
    /// its topics. The receipt's identity is `chat/message`. All calls together end within the time of one.
    ///
    /// # Errors
    ///
    /// `Retry` with Telegram's own wait, `Refused` where the chat does not take messages of this bot, `Misconfigured` of
    /// `url` or `secret` where the token is not right and of `channel` where the chat has another name now.
    async fn post(&self, to: &Endpoint, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let bot = self.bot(to)?;
        let chat = Chat::of(to)?;
        let card = Card::of(message);
        let earlier = message.earlier.as_deref().and_then(Earlier::of);
        let mut piece = Piece::Whole;
        if let Some(earlier) = &earlier
            && card.incident.is_some()
            && self.edit(&bot, to, earlier, &card, now).await?
        {
            piece = Piece::News;
        }
        let mut form = Form::MarkdownV2;
        let mut within = self.total / 2;
        loop {
            let mut body = text::body(&card, piece, form);
            chat.put(&mut body);
            if let Some(earlier) = earlier.as_ref().filter(|earlier| chat.may_be(&earlier.chat)) {
                body["reply_parameters"] = json!({
                    "message_id": earlier.message,
                    "allow_sending_without_reply": true,
                });
            }
            let said = self
                .call(&bot, "sendMessage", &body, Hidden::of(to), within, now)
                .await?;
            match Answer::of(&said) {
                Ok(result) => return Ok(receipt(&said, &result, &chat)),
                Err(answer) if form == Form::MarkdownV2 && answer.is_about_form() => {
                    form = Form::Plain;
                    within = self.total / 4;
                }
                Err(answer) => return Err(answer.meaning(&said, bot.field)),
            }
        }
    }
}

fn receipt(said: &Said, result: &Value, chat: &Chat) -> Receipt {
    let in_chat = result.pointer("/chat/id").and_then(Value::as_i64);
    let in_chat = in_chat.map_or_else(|| chat.id.clone(), |id| id.to_string());
    let id = result.get("message_id").and_then(Value::as_i64);
    Receipt {
        provider_id: id.map(|id| format!("{in_chat}/{id}")),
        answer: said.status().to_string(),
        pause: None,
    }
}
