//! What a Telegram webhook needs: the token of a bot, in its URL or as its secret, and a chat.

use opsknight_store::webhooks::WebhookRow;
use url::Url;

use crate::api::{check, error::Problems};

/// The method that sends a message; the URL may end with it (Telegram, Bot API, "Making requests").
const SEND: &str = "sendMessage";

/// Names what is missing or malformed.
pub(super) fn check(problems: &mut Problems, row: &WebhookRow) {
    let url = row.url.expose();
    let parsed = if url.is_empty() {
        None
    } else {
        check::url(problems, "url", url)
    };
    let by_url = parsed.as_ref().is_some_and(has_token);
    let by_secret = row.secret.as_ref().is_some_and(|secret| is_token(secret.expose()));
    if !by_url && !by_secret {
        match row.secret {
            Some(_) => problems.add("secret", "must be the bot's token, such as 123456:ABC-DEF"),
            None => problems.add(
                "url",
                "must be https://api.telegram.org/bot<token>, unless the bot's token is given as secret",
            ),
        }
    }
    match row.channel.as_deref() {
        None => problems.add("channel", "is missing: it is the chat's ID, such as -1001234567890"),
        Some(chat) if !is_chat(chat) => problems.add(
            "channel",
            "must be the chat's ID, such as -1001234567890, or the name of a public channel, such as @ops; a topic's \
             number may follow behind a colon",
        ),
        Some(_) => {}
    }
}

/// Whether the path has `bot<token>` in it, at its end or before the method.
fn has_token(url: &Url) -> bool {
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(SEND).map_or(path, |rest| rest.trim_end_matches('/'));
    let last = path.rsplit('/').next().unwrap_or_default();
    // A browser may have written the colon as %3A.
    let last = last.replace("%3A", ":").replace("%3a", ":");
    last.strip_prefix("bot").is_some_and(is_token)
}

/// A bot's token: its number, a colon, and letters (Telegram, Bot API, "Authorizing your bot").
fn is_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(number, rest)| {
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

/// The number of a chat, or the name of a public channel (Telegram, Bot API, `sendMessage`: `chat_id`); a colon and a
/// number behind it name one of its topics (`message_thread_id`).
fn is_chat(text: &str) -> bool {
    let (text, topic) = text.split_once(':').unwrap_or((text, "0"));
    let is_topic = !topic.is_empty() && topic.bytes().all(|byte| byte.is_ascii_digit());
    is_topic
        && match text.strip_prefix('@') {
            Some(name) => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            None => text.parse::<i64>().is_ok(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_at_the_end_of_the_path() {
        for good in [
            "https://api.telegram.org/bot123456:ABC-DEF_1",
            "https://api.telegram.org/bot123456:ABC/sendMessage",
            "http://127.0.0.1:81/x/bot1%3AA/",
        ] {
            assert!(has_token(&good.parse().unwrap()), "{good}");
        }
        for bad in [
            "https://api.telegram.org/",
            "https://api.telegram.org/bot",
            "https://api.telegram.org/botabc:DEF",
            "https://api.telegram.org/bot1:A/getMe",
        ] {
            assert!(!has_token(&bad.parse().unwrap()), "{bad}");
        }
        assert!(is_chat("-1001234567890") && is_chat("@ops_room") && !is_chat("ops") && !is_chat("@"));
        assert!(is_chat("-1001234567890:42") && !is_chat("-1001234567890:") && !is_chat("-1001234567890:a"));
    }
}
