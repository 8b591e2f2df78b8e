//! Discord: an embed, posted to a channel's webhook ("Execute Webhook", Webhook resource of Discord's API).
//!
//! It owns the embed with its limits, the wait that Discord asks for, and what it answers. Nobody is ever pinged, and
//! a message is not changed or answered later: a webhook cannot reply.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    card::{Card, Tone},
    escape::{discord, has_dotted_host, plain},
    line::{Hidden, Line, Said, wait, with_query},
};
use crate::{DeliveryError, Endpoint, Hook, Message, Receipt, Timeouts, tls::Roots};

/// Limits of an embed in characters ("Embed limits", Message resource); all texts of it together have 6000.
const TITLE_UNITS_MAX: usize = 256;
/// Of 4096 that a description may have, so that the sum is kept whatever the fields hold.
const DESCRIPTION_UNITS_MAX: usize = 2800;
/// Of 1024 that a field may have.
const FIELD_UNITS_MAX: usize = 220;
/// Of 1024 that the field of links may have.
const LINKS_UNITS_MAX: usize = 1000;
/// "Unknown Webhook": it was removed, and will not come back ("JSON error codes").
const UNKNOWN_WEBHOOK: u64 = 10_015;
/// "Unknown Channel": there is no such thread.
const UNKNOWN_CHANNEL: u64 = 10_003;
/// A webhook of a forum must be told which thread.
const THREAD_WANTED: u64 = 220_001;

/// Tells channels of Discord.
#[derive(Debug, Clone)]
pub struct Discord {
    line: Line,
}

impl Discord {
    /// Calls public addresses, with `allow_private` also private ones and this machine, trusting `roots`.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where encryption cannot be set up.
    pub fn new(allow_private: bool, roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        Line::new(allow_private, roots, timeouts).map(|line| Self { line })
    }
}

#[async_trait]
impl Hook for Discord {
    fn name(&self) -> &'static str {
        "discord"
    }

    /// Posts one embed and waits for the message that was made of it. [`Endpoint::channel`] is the thread, where it is a
    /// number. Where nothing more may be sent for a while, the receipt says for how long.
    ///
    /// # Errors
    ///
    /// `Retry` with Discord's own wait; `Refused` where the embed is not taken, and where the webhook was removed:
    /// a removed webhook never comes back, and Discord locks out who goes on calling one ("Invalid Request Limit");
    /// `Misconfigured` of `url` or `channel` where these are not right.
    async fn post(&self, to: &Endpoint, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let url = address(self.line.url(to)?, to.channel.as_deref());
        let request = self.line.post(url, &render(message));
        read(&self.line.call(request, Hidden::of(to), now).await?)
    }
}

/// The webhook's own form, with the message wanted back.
fn address(mut url: Url, thread: Option<&str>) -> Url {
    // The forms for programs that speak to Slack or GitHub take other bodies at the same webhook.
    for other in ["/slack", "/github"] {
        if let Some(path) = url.path().strip_suffix(other).map(str::to_owned) {
            url.set_path(&path);
        }
    }
    let mut set = vec![("wait", "true")];
    let thread = thread
        .map(str::trim)
        .filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
    set.extend(thread.map(|id| ("thread_id", id)));
    with_query(url, &[], &set)
}

#[derive(Deserialize)]
struct Created {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    message: String,
    retry_after: Option<f64>,
}

/// What an answer means.
fn read(said: &Said) -> Result<Receipt, DeliveryError> {
    if said.status().is_success() {
        let created = said.json::<Created>();
        // 204 is the answer of a webhook that does not wait.
        if created.is_none() && said.status() != StatusCode::NO_CONTENT {
            return Err(said.failure(said.words(), "url"));
        }
        return Ok(Receipt {
            provider_id: created.and_then(|created| created.id),
            answer: said.status().to_string(),
            pause: exhausted(said),
        });
    }
    let Some(failure) = said.json::<Failure>() else {
        return Err(said.failure(said.words(), "url"));
    };
    let why = said.words();
    if said.status() == StatusCode::TOO_MANY_REQUESTS {
        let after = failure.retry_after.and_then(wait).max(said.retry_after());
        return Err(DeliveryError::Retry { why, after });
    }
    if failure.message.is_empty() && failure.code == 0 {
        return Err(said.failure(why, "url"));
    }
    Err(match failure.code {
        UNKNOWN_WEBHOOK => DeliveryError::Refused { why },
        UNKNOWN_CHANNEL | THREAD_WANTED => DeliveryError::Misconfigured { field: "channel", why },
        _ if said.status() == StatusCode::BAD_REQUEST => DeliveryError::Refused { why },
        _ => said.failure(why, "url"),
    })
}

/// How long the webhook takes nothing more, where this was the last that it took ("Rate limits", header format).
fn exhausted(said: &Said) -> Option<SignedDuration> {
    (said.header("x-ratelimit-remaining")?.trim() == "0")
        .then(|| {
            said.header("x-ratelimit-reset-after")?
                .trim()
                .parse()
                .ok()
                .and_then(wait)
        })
        .flatten()
}

/// The body that is posted.
#[must_use]
pub fn render(message: &Message) -> Value {
    let card = Card::of(message);
    let mut fields: Vec<Value> = card
        .facts
        .iter()
        .map(
            |(name, value)| json!({ "name": name, "value": discord(value, FIELD_UNITS_MAX), "inline": *name != "Why" }),
        )
        .collect();
    if let Some(links) = links(&card) {
        fields.push(json!({ "name": "Links", "value": links, "inline": false }));
    }
    let mut embed = json!({
        "title": title(&card),
        "color": colour(card.tone),
        "fields": fields,
        "footer": { "text": "OpsKnight" },
    });
    let description = description(&card);
    if !description.is_empty() {
        embed["description"] = json!(description);
    }
    if let Some(url) = card.view.as_deref().filter(|url| has_dotted_host(url)) {
        embed["url"] = json!(url);
    }
    if let Some(at) = card.at {
        embed["timestamp"] = json!(at.to_string());
    }
    json!({
        "username": "OpsKnight",
        "allowed_mentions": { "parse": [] },
        "embeds": [embed],
    })
}

fn title(card: &Card) -> String {
    discord(&card.line(), TITLE_UNITS_MAX)
}

fn description(card: &Card) -> String {
    let texts = card.told.iter().chain(&card.text).map(String::as_str);
    let text = texts.collect::<Vec<_>>().join("\n\n");
    discord(&text, DESCRIPTION_UNITS_MAX)
}

/// As many links as there is room for. Plain webhooks cannot show buttons.
fn links(card: &Card) -> Option<String> {
    let mut out = String::new();
    for button in card.buttons() {
        // A round bracket would end the link.
        let href = button
            .href
            .replace('(', "%28")
            .replace(')', "%29")
            .replace(['<', '>'], "");
        let link = format!(
            "[{}]({href})",
            discord(&button.text, FIELD_UNITS_MAX).replace(']', "\\]")
        );
        let units = out.encode_utf16().count() + link.encode_utf16().count() + 3;
        if units <= LINKS_UNITS_MAX {
            let between = if out.is_empty() { "" } else { " · " };
            out.push_str(between);
            out.push_str(&link);
        }
    }
    (!out.is_empty()).then(|| plain(&out, LINKS_UNITS_MAX))
}

const fn colour(tone: Tone) -> u32 {
    match tone {
        Tone::Alarm => 0x00d9_2d20,
        Tone::Warning => 0x00f7_9009,
        Tone::Good => 0x0012_b76a,
        Tone::Quiet => 0x0066_7085,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_waits_and_names_the_thread() {
        let of = |url: &str, thread| address(url.parse().unwrap(), thread).to_string();
        let base = "https://discord.com/api/webhooks/1/T-o_k";
        assert_eq!(of(base, None), format!("{base}?wait=true"));
        assert_eq!(of(base, Some(" 42 ")), format!("{base}?wait=true&thread_id=42"));
        assert_eq!(of(base, Some("#alerts")), format!("{base}?wait=true"));
        assert_eq!(
            of(&format!("{base}/slack?thread_id=7&wait=false"), None),
            format!("{base}?thread_id=7&wait=true")
        );
    }
}
