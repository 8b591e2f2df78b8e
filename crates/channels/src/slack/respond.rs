//! What is said back to somebody who pressed a button or gave a command: dialogs, answers, notes only they see.
//!
//! An answer's address comes from outside, so it is held to Slack's own hosts before anything is sent there.

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use url::Url;

use super::{BASE, Slack, call::Failure, post::Done};
use crate::{DeliveryError, Receipt};

/// Where Slack takes answers ("Handling user interaction", "Message responses").
const ANSWERS_HOST: &str = "hooks.slack.com";
/// Longest address of an answer, in bytes.
const RESPONSE_URL_BYTES_MAX: usize = 2048;

impl Slack {
    /// Opens a dialog for the person who just pressed or commanded; `trigger_id` works for three seconds
    /// (Slack, "views.open").
    ///
    /// # Errors
    ///
    /// What is to be done next, with Slack's own words.
    pub async fn open_view(
        &self,
        team: &str,
        trigger_id: &str,
        view: Value,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let body = json!({ "trigger_id": trigger_id, "view": view });
        let opened: Result<Done, Failure> = self.workspace(team)?.line.post("views.open", &body, now).await;
        opened.map(|Done {}| ()).map_err(|failure| failure.error)
    }

    /// Writes what only one member of a conversation sees. `body` is an answer as `answers` makes it: its text and
    /// blocks are taken.
    ///
    /// # Errors
    ///
    /// What is to be done next, with Slack's own words.
    pub async fn post_ephemeral(
        &self,
        team: &str,
        channel: &str,
        user: &str,
        body: &Value,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let mut call = json!({ "channel": channel, "user": user, "text": body["text"] });
        if body["blocks"].is_array() {
            call["blocks"] = body["blocks"].clone();
        }
        let posted: Result<Done, Failure> = self.workspace(team)?.line.post("chat.postEphemeral", &call, now).await;
        posted.map(|Done {}| ()).map_err(|failure| failure.error)
    }

    /// Answers a press or a command, within half an hour and five times at most (Slack, "Message responses").
    ///
    /// # Errors
    ///
    /// `Refused` where the address is not Slack's or does not work any more; else what is to be done next. The
    /// address, which is a credential, is in none of them.
    pub async fn respond(&self, response_url: &str, body: &Value, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let url = answer_url(response_url, self.base_url.as_ref()).map_err(|why| DeliveryError::Refused { why })?;
        let tokens: Vec<_> = self.workspaces.iter().map(|connected| &connected.line.token).collect();
        let api = self.vendors.api(Some(&url), BASE, &tokens);
        let request = api
            .post([])?
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body.to_string());
        let reply = api.call(request, now).await?;
        let said: Option<Value> = reply.json();
        let refused = said.as_ref().is_some_and(|said| said["ok"] == false);
        match (reply.status().is_success(), refused) {
            (true, false) => Ok(Receipt::of(reply.words())),
            (true, true) => Err(DeliveryError::Refused { why: reply.words() }),
            // Nobody's setting is wrong: the address is used up or too old.
            (false, _) => match reply.failure(reply.words(), "token") {
                DeliveryError::Misconfigured { why, .. } => Err(DeliveryError::Refused { why }),
                error @ (DeliveryError::Retry { .. }
                | DeliveryError::Refused { .. }
                | DeliveryError::Unknown { .. }) => Err(error),
            },
        }
    }
}

/// The address of an answer, if it is Slack's: `hooks.slack.com`, what stands for it beside the configured base, or
/// that base's own origin.
fn answer_url(text: &str, base: Option<&Url>) -> Result<Url, String> {
    let wrong = || "the address for an answer is not Slack's".to_owned();
    if text.len() > RESPONSE_URL_BYTES_MAX {
        return Err(wrong());
    }
    let url = Url::parse(text).map_err(|_| wrong())?;
    let named = url.username().is_empty() && url.password().is_none();
    let encrypted = url.scheme() == "https" && url.port().is_none();
    let host = url.host_str().unwrap_or_default();
    let of_base = base.is_some_and(|base| {
        let beside = base.host_str().map(|host| format!("hooks.{host}"));
        url.origin() == base.origin() || (encrypted && beside.as_deref() == Some(host))
    });
    let good = named && ((encrypted && host == ANSWERS_HOST) || of_base);
    good.then_some(url).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_slack_and_nowhere_else() {
        let base: Url = "https://slack-gov.com/api".parse().unwrap();
        for good in [
            "https://hooks.slack.com/actions/T0/1/abc",
            "https://HOOKS.slack.com:443/commands/T0/1/abc",
            "https://hooks.slack-gov.com/actions/T0/1/abc",
            "https://slack-gov.com/actions/T0/1/abc",
        ] {
            assert!(answer_url(good, Some(&base)).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "http://hooks.slack.com/actions/T0/1/abc",
            "https://hooks.slack.com:8443/actions",
            "https://hooks.slack.com.evil.example/actions",
            "https://evil.example/hooks.slack.com",
            "https://hooks.slack.com@evil.example/",
            "https://user:pw@hooks.slack.com/",
            "https://slack.com/actions",
            "http://slack-gov.com/actions",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ] {
            assert!(answer_url(wrong, Some(&base)).is_err(), "{wrong}");
        }
        assert!(answer_url("https://hooks.slack-gov.com/actions/T0/1/abc", None).is_err());
        let local: Url = "http://127.0.0.1:9/api".parse().unwrap();
        assert!(answer_url("http://127.0.0.1:9/actions/1", Some(&local)).is_ok());
        assert!(answer_url("http://127.0.0.1:10/actions/1", Some(&local)).is_err());
    }
}
