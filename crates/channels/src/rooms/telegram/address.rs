//! Where a bot is called, and in which chat it speaks.

use serde_json::{Value, json};
use url::Url;

use super::super::line::Hidden;
use crate::{Endpoint, Problem};

/// Telegram's own host.
const HOST: &str = "api.telegram.org";
/// Where its API is.
const OWN: &str = "https://api.telegram.org";

/// A bot.
pub(super) struct Bot {
    /// Where it is called, without token and method.
    pub(super) url: Url,
    token: String,
    /// The setting that its token stands in.
    pub(super) field: &'static str,
    /// The address is the operator's and not one that a person entered.
    pub(super) is_operators: bool,
}

impl Bot {
    /// Reads the address that was entered; `base` stands in the place of Telegram's own host.
    pub(super) fn of(to: &Endpoint, base: Option<&Url>) -> Result<Self, Problem> {
        let wrong = |why: &str| Problem {
            field: "url",
            why: why.into(),
        };
        // Whoever gives the token as a secret need not say where Telegram is.
        let entered = match (to.url.trim(), &to.secret) {
            ("", Some(_)) => OWN,
            (entered, _) => entered,
        };
        let mut url = Url::parse(entered).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("must begin with https:// or http://"));
        }
        let path: Vec<String> = url.path_segments().into_iter().flatten().map(str::to_owned).collect();
        let at = path
            .iter()
            .position(|piece| piece.len() > 3 && piece.starts_with("bot"));
        let (token, field, prefix) = match (at, &to.secret) {
            (Some(at), _) => (decoded(&path[at][3..]), "url", &path[..at]),
            (None, Some(secret)) => (secret.expose().trim().to_owned(), "secret", &path[..]),
            (None, None) => return Err(wrong("must hold the bot's token: https://api.telegram.org/bot<token>")),
        };
        let token = token.strip_prefix("bot").unwrap_or(&token).to_owned();
        let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
        if token.is_empty() || !token.chars().all(of_token) {
            let why = "must be the bot's token: digits, a colon, letters".into();
            return Err(Problem { field, why });
        }
        let is_operators = url.host_str() == Some(HOST) && base.is_some();
        if let Some(base) = base.filter(|_| is_operators) {
            url = base.clone();
        } else {
            set_path(&mut url, prefix);
        }
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self {
            url,
            token,
            field,
            is_operators,
        })
    }

    /// The address of a method.
    pub(super) fn method(&self, name: &str) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&format!("bot{}", self.token)).push(name);
        }
        url
    }

    /// The token too, and the part of it that is the secret.
    pub(super) fn hide(&self, hidden: Hidden) -> Hidden {
        let secret = self.token.rsplit(':').next().unwrap_or_default();
        hidden.and(&self.token).and(secret)
    }
}

fn decoded(piece: &str) -> String {
    percent_encoding::percent_decode_str(piece)
        .decode_utf8_lossy()
        .into_owned()
}

fn set_path(url: &mut Url, pieces: &[String]) {
    let path = pieces.iter().map(String::as_str).filter(|piece| !piece.is_empty());
    let path = path.collect::<Vec<_>>().join("/");
    url.set_path(&path);
}

/// A chat, or one topic of it.
pub(super) struct Chat {
    pub(super) id: String,
    topic: Option<i64>,
}

impl Chat {
    /// Reads the channel that was entered, else the parameters of the address.
    pub(super) fn of(to: &Endpoint) -> Result<Self, Problem> {
        let entered = to.channel.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let (text, topic) = match entered {
            Some(text) => (text.to_owned(), None),
            None => in_query(&to.url).ok_or_else(|| wrong("must name the chat: -100… or @name"))?,
        };
        let (id, topic) = match text.split_once(':') {
            Some((id, topic)) => {
                let topic = topic
                    .parse()
                    .map_err(|_| wrong("must have a topic's number behind the colon"))?;
                (id.to_owned(), Some(topic))
            }
            None => (text, topic),
        };
        let is_number = id.parse::<i64>().is_ok();
        let name = id.strip_prefix('@').unwrap_or(&id);
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match (is_number, is_name) {
            (true, _) => Ok(Self { id, topic }),
            (false, true) => Ok(Self {
                id: format!("@{name}"),
                topic,
            }),
            (false, false) => Err(wrong("must be a chat's number (-100…) or @name")),
        }
    }

    /// Says in a request where the message goes.
    pub(super) fn put(&self, body: &mut Value) {
        body["chat_id"] = json!(self.id);
        if let Some(topic) = self.topic {
            body["message_thread_id"] = json!(topic);
        }
    }

    /// The chat of an earlier message can be this one. A name is not compared: receipts hold numbers.
    pub(super) fn may_be(&self, other: &str) -> bool {
        self.id == other || self.id.starts_with('@')
    }
}

fn wrong(why: &str) -> Problem {
    Problem {
        field: "channel",
        why: why.into(),
    }
}

/// The chat and the topic, for those who entered the address of a whole call.
fn in_query(url: &str) -> Option<(String, Option<i64>)> {
    let url = Url::parse(url).ok()?;
    let get = |name| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    Some((get("chat_id")?, get("message_thread_id").and_then(|id| id.parse().ok())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn to(url: &str, secret: Option<&str>, channel: Option<&str>) -> Endpoint {
        Endpoint {
            url: url.into(),
            secret: secret.map(Secret::new),
            channel: channel.map(Into::into),
        }
    }

    #[test]
    fn every_form_of_the_address_leads_to_the_same_method() {
        let base: Url = "http://127.0.0.1:9/tg/".parse().unwrap();
        for (url, secret) in [
            ("https://api.telegram.org/bot12:A-b_c", None),
            ("https://api.telegram.org/bot12%3AA-b_c/", Some("ignored")),
            ("https://api.telegram.org/bot12:A-b_c/sendMessage?chat_id=1", None),
            ("https://api.telegram.org", Some("12:A-b_c")),
            (" https://api.telegram.org/ ", Some(" bot12:A-b_c ")),
            ("", Some("12:A-b_c")),
        ] {
            let endpoint = to(url, secret, None);
            let bot = Bot::of(&endpoint, None).unwrap();
            assert_eq!(
                bot.method("getMe").as_str(),
                "https://api.telegram.org/bot12:A-b_c/getMe",
                "{url}"
            );
            assert!(!bot.is_operators);
            let bot = Bot::of(&endpoint, Some(&base)).unwrap();
            assert_eq!(
                bot.method("getMe").as_str(),
                "http://127.0.0.1:9/tg/bot12:A-b_c/getMe",
                "{url}"
            );
            assert!(bot.is_operators);
        }
        let elsewhere = Bot::of(
            &to("http://tg.example:81/x/bot1:A/sendMessage", None, None),
            Some(&base),
        )
        .unwrap();
        assert_eq!(elsewhere.method("m").as_str(), "http://tg.example:81/x/bot1:A/m");
        assert!(!elsewhere.is_operators);
    }

    #[test]
    fn what_is_no_address_names_the_setting() {
        for (url, secret, field) in [
            ("nonsense", None, "url"),
            ("ftp://api.telegram.org/bot1:A", None, "url"),
            ("https://api.telegram.org/", None, "url"),
            ("https://api.telegram.org/bot1:A%2F..", None, "url"),
            ("https://api.telegram.org/", Some("a b"), "secret"),
            ("https://api.telegram.org/", Some(""), "secret"),
        ] {
            let problem = Bot::of(&to(url, secret, None), None).err().unwrap();
            assert_eq!(problem.field, field, "{url}");
        }
    }

    #[test]
    fn chats_and_topics_are_read() {
        let url = "https://api.telegram.org/bot1:A";
        let of = |url: &str, channel| Chat::of(&to(url, None, channel)).map(|chat| (chat.id, chat.topic));
        assert_eq!(of(url, Some("-1001234")).unwrap(), ("-1001234".into(), None));
        assert_eq!(of(url, Some("-1001234:7")).unwrap(), ("-1001234".into(), Some(7)));
        assert_eq!(of(url, Some("@ops_room")).unwrap(), ("@ops_room".into(), None));
        assert_eq!(of(url, Some("ops_room")).unwrap(), ("@ops_room".into(), None));
        let call = "https://api.telegram.org/bot1:A/sendMessage?chat_id=-5&message_thread_id=3";
        assert_eq!(of(call, None).unwrap(), ("-5".into(), Some(3)));
        for wrong in [None, Some(""), Some("a b"), Some("-5:x"), Some("@"), Some("#ops")] {
            assert_eq!(of(url, wrong).unwrap_err().field, "channel", "{wrong:?}");
        }
    }
}
