//! How a workspace is connected: the app's manifest, the page on which an administrator agrees, the exchange of a code
//! for a token, and what a token that was entered by hand is good for.
//!
//! It keeps no state: what is sent along must be compared, and what comes back stored, by the caller.

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{
    BASE,
    call::{Failure, Line, read},
};
use crate::{DeliveryError, Secret, Vendors, words::one_line};

/// What the bot may do, and must be allowed to: write, also to public channels that it is not in and to members; take
/// commands; find members by mail address; list channels and join public ones (Slack, "Scopes").
pub const BOT_SCOPES: [&str; 9] = [
    "chat:write",
    "chat:write.public",
    "commands",
    "users:read",
    "users:read.email",
    "channels:read",
    "groups:read",
    "channels:join",
    "im:write",
];
/// Where Slack calls in when somebody pressed a button.
pub const ACTIONS_PATH: &str = "api/slack/actions";
/// Where Slack calls in with a command.
pub const COMMANDS_PATH: &str = "api/slack/commands";
/// Where Slack calls in with events.
pub const EVENTS_PATH: &str = "api/slack/events";
/// Where Slack sends the administrator back to.
pub const CALLBACK_PATH: &str = "api/settings/slack-oauth/callback";
/// Longest name of a workspace, in characters.
const NAME_CHARS_MAX: usize = 100;

/// A workspace that was just connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// `T…`, or the organisation's `E…` where the app was installed for a whole one.
    pub team: String,
    /// Its name.
    pub team_name: String,
    /// The bot's token.
    pub token: Secret,
    /// The bot's own identity as a member.
    pub bot_user: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Which app it is: requests from Slack name it.
    pub app_id: String,
    /// The organisation that the workspace belongs to.
    pub enterprise: Option<String>,
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `T…`.
    pub team: String,
    /// The workspace's name.
    pub team_name: String,
    /// The bot's own identity as a member.
    pub bot_user: String,
    /// The organisation that the workspace belongs to.
    pub enterprise: Option<String>,
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: String,
    #[serde(default)]
    bot_user_id: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    app_id: String,
    team: Option<Organisation>,
    enterprise: Option<Organisation>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Organisation {
    id: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Tested {
    team_id: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    user_id: String,
    enterprise_id: Option<String>,
}

/// The page on which somebody lets the app into a workspace (Slack, "Installing with OAuth", step 1). It is on the same
/// host as the API. `state` comes back with the code and must be compared.
#[must_use]
pub fn authorize_url(client_id: &str, state: &str, redirect_uri: &str, base: Option<&Url>) -> Url {
    let own = Url::parse(BASE).expect("Slack's own address is a URL");
    let mut url = base.filter(|base| !base.cannot_be_a_base()).unwrap_or(&own).clone();
    url.set_path("/oauth/v2/authorize");
    url.set_fragment(None);
    url.set_query(None);
    url.query_pairs_mut()
        .append_pair("client_id", client_id)
        .append_pair("scope", &BOT_SCOPES.join(","))
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("state", state);
    url
}

/// Exchanges the code that came back for a token (Slack, "oauth.v2.access"). The app's own credentials go the way that
/// Slack asks for, by HTTP Basic.
///
/// # Errors
///
/// `Misconfigured` names `clientId`, `clientSecret` or the public URL, or says that the app's tokens expire; `Refused`:
/// the code is used up or too old, and whoever brought it must begin again.
pub async fn exchange(
    vendors: &Vendors,
    base_url: Option<&Url>,
    client_id: &str,
    client_secret: &Secret,
    code: &str,
    redirect_uri: &str,
    now: Timestamp,
) -> Result<Installed, DeliveryError> {
    let api = vendors.api(base_url, BASE, &[client_secret]);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("code", code)
        .append_pair("redirect_uri", redirect_uri)
        .finish();
    let request = api
        .post(["oauth.v2.access"])?
        .basic_auth(client_id, Some(client_secret.expose()))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form);
    let reply = api.call(request, now).await?;
    let said: Exchanged = read(&reply, "connecting").map_err(Failure::while_asking)?;
    if said.refresh_token.is_some() {
        return Err(DeliveryError::Misconfigured {
            field: "token rotation",
            why: "this app's tokens expire after hours: make the app anew with token rotation switched off".into(),
        });
    }
    let organisation = said.team.as_ref().or(said.enterprise.as_ref());
    let Some(Organisation { id, name }) = organisation else {
        return Err(reply.unreadable());
    };
    Ok(Installed {
        team: id.clone(),
        team_name: one_line(name.as_deref().unwrap_or(id), NAME_CHARS_MAX),
        token: Secret::new(said.access_token),
        bot_user: said.bot_user_id,
        scopes: said
            .scope
            .split(',')
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect(),
        app_id: said.app_id,
        enterprise: said.enterprise.map(|organisation| organisation.id),
    })
}

/// Asks whose a token is (Slack, "auth.test"): how the workspace of one that was entered by hand is found.
///
/// # Errors
///
/// What is to be done next, with Slack's own words; `Misconfigured` where it is nobody's.
pub async fn auth_test(
    vendors: &Vendors,
    base_url: Option<&Url>,
    token: &Secret,
    now: Timestamp,
) -> Result<Identity, DeliveryError> {
    if token.is_empty() || !token.expose().chars().all(|c| c.is_ascii_graphic()) {
        return Err(DeliveryError::Misconfigured {
            field: "token",
            why: "must be a bot's token, like xoxb-…".into(),
        });
    }
    let line = Line {
        api: vendors.api(base_url, BASE, &[token]),
        place: "token".into(),
        token: token.clone(),
    };
    identity(&line, now).await
}

/// Whose the token of a line is.
pub(super) async fn identity(line: &Line, now: Timestamp) -> Result<Identity, DeliveryError> {
    let tested: Tested = line.get("auth.test", &[], now).await.map_err(Failure::while_asking)?;
    Ok(Identity {
        team_name: one_line(&tested.team, NAME_CHARS_MAX),
        team: tested.team_id,
        bot_user: tested.user_id,
        enterprise: tested.enterprise_id.filter(|id| !id.is_empty()),
    })
}

/// The description of the app that an administrator pastes into api.slack.com, "Create New App", "From a manifest"
/// (Slack, "App manifest reference"), as JSON.
#[must_use]
pub fn manifest(public_url: &Url) -> String {
    let at = |path: &str| {
        let base = public_url.as_str().trim_end_matches('/');
        format!("{base}/{path}")
    };
    let manifest: Value = json!({
        "_metadata": { "major_version": 1, "minor_version": 1 },
        "display_information": {
            "name": "OpsKnight",
            "description": "Incidents: tells, acknowledges and resolves them",
            "background_color": "#1f2937",
        },
        "features": {
            // Without its Messages tab the app can write to nobody directly ("messages_tab_disabled").
            "app_home": {
                "home_tab_enabled": false,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": true,
            },
            "bot_user": { "display_name": "OpsKnight", "always_online": true },
            "slash_commands": [{
                "command": "/opsknight",
                "url": at(COMMANDS_PATH),
                "description": "Incidents and who is on call",
                "usage_hint": "incidents | oncall | ack 123 | resolve 123 note | create \"title\" service | help",
                "should_escape": false,
            }],
        },
        "oauth_config": {
            "redirect_urls": [at(CALLBACK_PATH)],
            "scopes": { "bot": BOT_SCOPES },
        },
        "settings": {
            "event_subscriptions": {
                "request_url": at(EVENTS_PATH),
                "bot_events": ["app_uninstalled", "tokens_revoked"],
            },
            "interactivity": { "is_enabled": true, "request_url": at(ACTIONS_PATH) },
            "org_deploy_enabled": false,
            "socket_mode_enabled": false,
            "token_rotation_enabled": false,
        },
    });
    serde_json::to_string_pretty(&manifest).expect("keys are text and every value has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_consent_is_where_the_api_is() {
        let url = authorize_url("1.2", "s t&te", "https://ops.example/cb", None);
        assert_eq!(
            url.as_str(),
            "https://slack.com/oauth/v2/authorize?client_id=1.2&scope=chat%3Awrite%2Cchat%3Awrite.public%2Ccommands%2C\
             users%3Aread%2Cusers%3Aread.email%2Cchannels%3Aread%2Cgroups%3Aread%2Cchannels%3Ajoin%2Cim%3Awrite&\
             redirect_uri=https%3A%2F%2Fops.example%2Fcb&state=s+t%26te"
        );
        let base = "http://127.0.0.1:9/api/".parse().unwrap();
        let url = authorize_url("1.2", "s", "https://ops.example/cb", Some(&base));
        assert!(
            url.as_str()
                .starts_with("http://127.0.0.1:9/oauth/v2/authorize?client_id=")
        );
    }

    #[test]
    fn the_manifest_leads_to_us() {
        for base in ["https://ops.example/", "https://ops.example"] {
            let manifest: Value = serde_json::from_str(&manifest(&base.parse().unwrap())).unwrap();
            assert_eq!(
                manifest["settings"]["interactivity"]["request_url"],
                "https://ops.example/api/slack/actions"
            );
            assert_eq!(
                manifest["settings"]["event_subscriptions"]["request_url"],
                "https://ops.example/api/slack/events"
            );
            assert_eq!(
                manifest["features"]["slash_commands"][0]["url"],
                "https://ops.example/api/slack/commands"
            );
            assert_eq!(
                manifest["oauth_config"]["redirect_urls"][0],
                "https://ops.example/api/settings/slack-oauth/callback"
            );
            assert_eq!(manifest["oauth_config"]["scopes"]["bot"], json!(BOT_SCOPES));
        }
        let below: Value = serde_json::from_str(&manifest(&"https://x.example/ops/".parse().unwrap())).unwrap();
        assert_eq!(
            below["features"]["slash_commands"][0]["url"],
            "https://x.example/ops/api/slack/commands"
        );
    }
}
