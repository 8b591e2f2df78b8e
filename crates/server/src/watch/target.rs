//! One try: an alert goes in at the front door of the installation that is watched, and it is waited until its page came
//! out at the other end. What was triggered is resolved again.
//!
//! It owns what counts as proof. It never tells anybody how a try ended.

use std::{sync::Arc, time::Duration};

use axum::http::{Method, Request, StatusCode, header};
use jiff::Timestamp;
use opsknight_channels::exchange::Exchange;
use opsknight_web::state::Clock;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::{door::Arrivals, judge::Outcome};
use crate::config::WatchSettings;

/// How often the target is asked, and a call that failed is made again.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long it is tried to resolve what was triggered; the next try begins with it where that was in vain.
const RESOLVE_WITHIN: Duration = Duration::from_secs(20);
/// Most of an answer that is shown, in characters.
const WORDS_CHARS_MAX: usize = 200;
/// How many messages about one incident are looked through.
const MESSAGES_MAX: usize = 50;

/// The installation that is watched.
pub(super) struct Target {
    pub(super) settings: Arc<WatchSettings>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) arrivals: Arrivals,
}

/// Why a call brought nothing.
enum Trouble {
    /// Another call may bring more.
    Now(String),
    /// It will be the same at every call.
    ForGood(String),
}

impl Target {
    /// Tries once whether a page comes through.
    pub(super) async fn try_once(&self) -> Outcome {
        let deadline = Instant::now() + self.settings.within;
        let began = self.clock.now();
        let mut last = "no answer came in time".to_owned();
        let all = async {
            let incident = self.trigger(began, &mut last).await?;
            self.wait_for_proofs(&incident, &mut last).await
        };
        match timeout_at(deadline, all).await {
            Ok(Ok(())) => Outcome::Through,
            Ok(Err(why)) => Outcome::Missed(why),
            Err(_) => Outcome::Missed(format!("not within {:?}: {last}", self.settings.within)),
        }
    }

    /// Puts an end to what a try opened; with patience, where the first call is in vain.
    pub(super) async fn tidy(&self, patiently: bool) -> Result<(), String> {
        let patience = if patiently { RESOLVE_WITHIN } else { Duration::ZERO };
        let deadline = Instant::now() + patience;
        loop {
            match self.send("resolve", Value::Null).await {
                Ok(_) => return Ok(()),
                Err(Trouble::ForGood(why)) => return Err(why),
                Err(Trouble::Now(why)) if Instant::now() + ASK_EVERY > deadline => return Err(why),
                Err(Trouble::Now(_)) => sleep(ASK_EVERY).await,
            }
        }
    }

    /// Opens an incident and gives back its id. What an earlier try left open is ended first: an alert that were added
    /// to it would page nobody.
    async fn trigger(&self, now: Timestamp, last: &mut String) -> Result<String, String> {
        let payload = json!({
            "summary": format!("{}: does a page come through? ({now})", self.settings.name),
            "source": self.settings.name,
            "severity": "critical",
            "class": "watch",
            "custom_details": { "note": "Made by opsknight watch, which resolves it. Nothing is wrong." },
        });
        loop {
            match self.send("trigger", payload.clone()).await {
                Ok(answer) if answer["result"]["action"] == "triggered" => {
                    return answer["result"]["incident"]["id"]
                        .as_str()
                        .map(str::to_owned)
                        .ok_or_else(|| "the target opened an incident and did not name it".to_owned());
                }
                Ok(answer) if answer["result"]["action"] == "deduplicated" => {
                    "an earlier alert of the watch is still open".clone_into(last);
                    if let Err(Trouble::ForGood(why)) = self.send("resolve", Value::Null).await {
                        return Err(why);
                    }
                }
                Ok(answer) => return Err(format!("the target opened no incident: {}", short(&answer.to_string()))),
                Err(Trouble::ForGood(why)) => return Err(why),
                Err(Trouble::Now(why)) => *last = why,
            }
            sleep(ASK_EVERY).await;
        }
    }

    async fn send(&self, action: &str, payload: Value) -> Result<Value, Trouble> {
        let mut event = json!({ "event_action": action, "dedup_key": self.settings.name });
        if !payload.is_null() {
            event["payload"] = payload;
        }
        let key = format!("Token token={}", self.settings.routing_key.expose());
        self.call(Method::POST, "/api/events", &key, Some(&event)).await
    }

    /// Waits for every proof that is asked for.
    async fn wait_for_proofs(&self, incident: &str, last: &mut String) -> Result<(), String> {
        let proofs = &self.settings.proofs;
        if let Some(key) = &proofs.api_key {
            let bearer = format!("Bearer {}", key.expose());
            let path = format!("/api/incidents/{incident}/notifications?limit={MESSAGES_MAX}");
            "the incident was opened, and no page was sent".clone_into(last);
            loop {
                match self
                    .call(Method::GET, &path, &bearer, None)
                    .await
                    .map(|found| page(&found))
                {
                    Ok(Page::Taken) => break,
                    Ok(Page::Waits(why)) | Err(Trouble::Now(why)) => *last = why,
                    Ok(Page::None) => {}
                    Err(Trouble::ForGood(why)) => return Err(why),
                }
                sleep(ASK_EVERY).await;
            }
        }
        if proofs.webhook_secret.is_some() {
            "the incident was opened, and its webhook did not arrive here".clone_into(last);
            self.arrivals.wait_for(incident).await;
        }
        Ok(())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        authorization: &str,
        body: Option<&Value>,
    ) -> Result<Value, Trouble> {
        let url = self
            .settings
            .target
            .join(path)
            .unwrap_or_else(|_| self.settings.target.clone());
        let answer = call(
            &self.exchange,
            method,
            &url,
            Some(authorization),
            body,
            self.clock.now(),
        )
        .await;
        let (status, text) = answer.map_err(|why| Trouble::Now(format!("the target: {why}")))?;
        let said = || format!("the target answered {status} to {path}: {}", short(&text));
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => {
                Err(Trouble::ForGood(said()))
            }
            status if status.is_success() => serde_json::from_str(&text).map_err(|_| Trouble::Now(said())),
            _ => Err(Trouble::Now(said())),
        }
    }
}

/// How far the page of an incident has come.
#[derive(Debug, PartialEq, Eq)]
enum Page {
    /// Nobody is paged yet.
    None,
    /// It is on its way, or was not taken, in the provider's words.
    Waits(String),
    /// A provider took it.
    Taken,
}

fn page(found: &Value) -> Page {
    let messages = found["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut pages = messages
        .iter()
        .filter(|message| message["purpose"] == "PAGE")
        .peekable();
    let Some(first) = pages.peek() else {
        return Page::None;
    };
    let text = |name: &str| first[name].as_str().unwrap_or_default().to_owned();
    let waits = format!(
        "the page by {} is {}: {}",
        text("channel"),
        text("status"),
        short(&text("outcome"))
    );
    if pages.any(|message| message["status"] == "SENT") {
        Page::Taken
    } else {
        Page::Waits(waits)
    }
}

/// The beginning of an answer.
pub(super) fn short(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(WORDS_CHARS_MAX)
        .collect()
}

/// One call, with its status and its text.
pub(super) async fn call(
    exchange: &Exchange,
    method: Method,
    url: &Url,
    authorization: Option<&str>,
    body: Option<&Value>,
    now: Timestamp,
) -> Result<(StatusCode, String), String> {
    let mut request = Request::builder().method(method).uri(url.as_str());
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let request = request.body(bytes).map_err(|_| "the call cannot be made".to_owned())?;
    let answer = exchange.call(request, now).await.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    Ok((answer.status(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_that_a_provider_took_is_proof() {
        let found = |messages: Value| page(&json!({ "data": messages }));
        assert_eq!(found(json!([])), Page::None);
        let notice = json!({ "purpose": "NOTICE", "status": "SENT", "channel": "SLACK" });
        assert_eq!(found(json!([notice])), Page::None, "news is no page");
        let waits = json!({ "purpose": "PAGE", "status": "PENDING", "channel": "EMAIL", "outcome": "451 busy" });
        let Page::Waits(why) = found(json!([notice, waits])) else {
            panic!("it waits");
        };
        assert_eq!(why, "the page by EMAIL is PENDING: 451 busy");
        let sent = json!({ "purpose": "PAGE", "status": "SENT", "channel": "SMS" });
        assert_eq!(found(json!([waits, sent])), Page::Taken);
    }
}
