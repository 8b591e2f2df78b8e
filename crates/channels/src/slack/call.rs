//! One call of one method of Slack's Web API, and what its answer means.
//!
//! Slack answers 200 also where it refuses, with `"ok": false` and a word in `error`. Which word means what stands in
//! [`meaning`]; whether a call is worth another one, with something changed, is the caller's to say.

use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    DeliveryError,
    vendor::{Api, Reply},
    words::one_line,
};

/// Longest word of an error that is looked at, in characters.
const CODE_CHARS_MAX: usize = 80;
/// Longest name of a workspace in an error, in characters.
const WHERE_CHARS_MAX: usize = 60;

/// A workspace's API with its token.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) api: Api,
    /// Whom errors name: the workspace.
    pub(super) place: String,
    pub(super) token: crate::Secret,
}

/// A call that brought nothing.
#[derive(Debug)]
pub(super) struct Failure {
    /// Slack's own word, where it gave one: `channel_not_found`.
    pub(super) code: Option<String>,
    /// What is to be done next.
    pub(super) error: DeliveryError,
}

impl Failure {
    /// Slack said one of these words.
    pub(super) fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// The same for a call that posts nothing: what became of it does not matter, it is made again.
    pub(super) fn while_asking(self) -> DeliveryError {
        match self.error {
            DeliveryError::Unknown { why } => DeliveryError::Retry { why, after: None },
            error @ (DeliveryError::Retry { .. }
            | DeliveryError::Refused { .. }
            | DeliveryError::Misconfigured { .. }) => error,
        }
    }
}

impl From<DeliveryError> for Failure {
    fn from(error: DeliveryError) -> Self {
        Self { code: None, error }
    }
}

impl Line {
    /// Calls a method that changes something, with a JSON body.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
        now: Timestamp,
    ) -> Result<T, Failure> {
        let request = self
            .api
            .post([method])?
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body.to_string());
        self.call(request.bearer_auth(self.token.expose()), now).await
    }

    /// Calls a method that only tells something.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        method: &str,
        query: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<T, Failure> {
        let request = self.api.get([method])?.query(query);
        self.call(request.bearer_auth(self.token.expose()), now).await
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder, now: Timestamp) -> Result<T, Failure> {
        let reply = self.api.call(request, now).await?;
        read(&reply, &self.place)
    }
}

/// Reads an answer; `place` is who it came from, for people.
pub(super) fn read<T: DeserializeOwned>(reply: &Reply, place: &str) -> Result<T, Failure> {
    let said: Option<Value> = reply.json();
    let ok = said.as_ref().and_then(|said| said["ok"].as_bool());
    match (said, ok) {
        (Some(said), Some(true)) if reply.status().is_success() => {
            serde_json::from_value(said).map_err(|_| reply.unreadable().into())
        }
        // Too many calls are told by the status, whatever else is said (Slack, "Rate limits").
        (_, _) if reply.status() == StatusCode::TOO_MANY_REQUESTS => Err(Failure {
            code: Some("ratelimited".into()),
            error: reply.later(reply.words()),
        }),
        (Some(said), Some(false)) => Err(refused(reply, &said, place)),
        (_, _) => Err(reply.failure(reply.words(), "token").into()),
    }
}

/// What an answer with `"ok": false` means.
fn refused(reply: &Reply, said: &Value, place: &str) -> Failure {
    let code = one_line(said["error"].as_str().unwrap_or("unknown_error"), CODE_CHARS_MAX);
    let place = one_line(place, WHERE_CHARS_MAX);
    let mut why = code.clone();
    if let Some(words) = explained(&code) {
        why = format!("{why}: {words}");
    }
    if let Some(needed) = said["needed"].as_str() {
        why = format!("{why}; the app needs {}", one_line(needed, CODE_CHARS_MAX));
    }
    // "response_metadata.messages" says which block or argument is meant.
    if let Some(detail) = said["response_metadata"]["messages"][0].as_str() {
        why = format!("{why} ({})", one_line(detail, CODE_CHARS_MAX));
    }
    let why = reply.hide(&format!("Slack ({place}): {why}"));
    let error = match meaning(&code) {
        Meaning::Later => reply.later(why),
        Meaning::Never => DeliveryError::Refused { why },
        Meaning::Setting(field) => DeliveryError::Misconfigured { field, why },
    };
    Failure {
        code: Some(code),
        error,
    }
}

/// What is to be done about an error.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// Try again.
    Later,
    /// Not to this address.
    Never,
    /// An administrator must change this setting.
    Setting(&'static str),
}

/// The errors of Slack's methods ("chat.postMessage", "chat.update", "users.lookupByEmail", "oauth.v2.access": "Errors").
/// What is not here will never be taken for this address.
fn meaning(code: &str) -> Meaning {
    match code {
        "ratelimited"
        | "rate_limited"
        | "message_limit_exceeded"
        | "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "org_login_required"
        | "update_failed"
        | "external_channel_migrating" => Meaning::Later,
        "invalid_auth"
        | "not_authed"
        | "token_revoked"
        | "token_expired"
        | "account_inactive"
        | "missing_scope"
        | "not_allowed_token_type"
        | "no_permission"
        | "team_access_not_granted"
        | "access_denied"
        | "accesslimited"
        | "two_factor_setup_required"
        | "enterprise_is_restricted"
        | "ekm_access_denied" => Meaning::Setting("token"),
        "invalid_client_id" => Meaning::Setting("clientId"),
        "bad_client_secret" => Meaning::Setting("clientSecret"),
        "bad_redirect_uri" => Meaning::Setting("OPSKNIGHT_PUBLIC_URL"),
        _ => Meaning::Never,
    }
}

/// What a person can do about an error that has something to be done about.
fn explained(code: &str) -> Option<&'static str> {
    Some(match code {
        "channel_not_found" => {
            "there is no such conversation, or it is private and the app is not in it: invite the app with /invite"
        }
        "not_in_channel" => "the app is not in this conversation: invite the app with /invite",
        "is_archived" | "is_inactive" => "the channel is archived: choose another one",
        "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "restricted_action_non_threadable_channel" => "the app may not post in this channel",
        "user_not_found" | "users_not_found" => "there is no such member",
        "user_disabled" | "is_deactivated" => "the member's account is switched off",
        "messages_tab_disabled" => "the app takes no direct messages: switch on its Messages tab under App Home",
        "cannot_dm_bot" => "a bot cannot be written to",
        "msg_too_long" | "msg_blocks_too_long" => "the message is too long",
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            "the token is not valid any more: connect the workspace again"
        }
        "missing_scope" => "the app may not do this: connect the workspace again",
        "invalid_code" | "code_expired" | "code_already_used" => "connect the workspace again",
        "bad_redirect_uri" => "the app does not know this program's address: enter it under OAuth & Permissions",
        "expired_trigger_id" | "exchanged_trigger_id" | "invalid_trigger_id" => "it took too long: press again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_lead_to_what_is_done_next() {
        for (code, then) in [
            ("ratelimited", Meaning::Later),
            ("fatal_error", Meaning::Later),
            ("token_revoked", Meaning::Setting("token")),
            ("missing_scope", Meaning::Setting("token")),
            ("bad_client_secret", Meaning::Setting("clientSecret")),
            ("channel_not_found", Meaning::Never),
            ("an_error_of_tomorrow", Meaning::Never),
        ] {
            assert_eq!(meaning(code), then, "{code}");
        }
    }

    #[test]
    fn what_came_of_a_question_is_never_unknown() {
        let failure = Failure::from(DeliveryError::Unknown { why: "cut".into() });
        assert!(matches!(failure.while_asking(), DeliveryError::Retry { .. }));
    }
}
