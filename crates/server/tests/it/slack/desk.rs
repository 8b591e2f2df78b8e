//! What Slack and the people in it do: calls that are signed, presses, dialogs, commands; and what they were shown.

use std::sync::atomic::{AtomicUsize, Ordering};

use hmac::{Hmac, KeyInit as _, Mac as _};
use opsknight_server::config::RawProviders;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    api::{Integration, Organisation, integration, organisation},
    world::World,
};

pub(super) const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub(super) const ACKNOWLEDGE: &str = "opsknight_acknowledge";
pub(super) const RESOLVE: &str = "opsknight_resolve";
pub(super) const SNOOZE: &str = "opsknight_snooze";
pub(super) const VIEW: &str = "opsknight_view";
pub(super) const ACTIONS: &str = "/api/slack/actions";
pub(super) const EVENTS: &str = "/api/slack/events";
pub(super) const COMMANDS: &str = "/api/slack/commands";

/// The app, and the workspace T01 by a token of the environment.
pub(super) fn app(raw: &mut RawProviders) {
    raw.slack_signing_secret = Some(SECRET.into());
    raw.slack_bot_token = Some("xoxb-token-of-ours".into());
}

/// What opens a dialog: another one each time.
pub(super) fn trigger_id() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    format!("1.2.trigger{}", COUNT.fetch_add(1, Ordering::SeqCst))
}

/// A small organisation whose service tells this room.
pub(super) async fn telling(world: &World, room: &str) -> (Organisation, Integration) {
    let organisation = organisation(&world.api, 5).await;
    let path = format!("/api/services/{}", organisation.service);
    world.api.patch(&path, json!({ "slackChannel": room })).await;
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    (organisation, events)
}

/// An answer of ours.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// The signature of a body ("Verifying requests from Slack").
pub(super) fn signature(secret: &str, at: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// Makes a call with these headers.
pub(super) async fn post(world: &World, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = world.api.http.post(format!("{}{path}", world.api.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.to_owned()).send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        text: response.text().await.unwrap(),
    }
}

/// Makes a call that is signed now.
pub(super) async fn signed(world: &World, path: &str, body: &str, more: &[(&str, &str)]) -> Answer {
    let at = world.now().as_second().to_string();
    let signature = signature(SECRET, &at, body);
    let mut headers = vec![
        ("x-slack-request-timestamp", at.as_str()),
        ("x-slack-signature", signature.as_str()),
    ];
    headers.extend(more);
    post(world, path, body, &headers).await
}

/// The body of an interaction.
pub(super) fn interaction(payload: &Value) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish()
}

/// A button of an incident.
pub(super) fn button(action: &str, incident: &str) -> Value {
    json!({ "type": "button", "block_id": "opsknight_incident", "action_id": action, "value": incident })
}

/// A choice of a time.
pub(super) fn choice(incident: &str, minutes: i64) -> Value {
    json!({
        "type": "static_select", "action_id": SNOOZE,
        "selected_option": { "text": { "type": "plain_text", "text": "a while" }, "value": format!("{incident}:{minutes}") },
    })
}

/// What Slack says when a member of T01 presses something.
pub(super) fn pressed(world: &World, who: &str, action: &Value) -> Value {
    json!({
        "type": "block_actions", "api_app_id": "A01", "trigger_id": trigger_id(),
        "user": { "id": who, "username": "somebody", "team_id": "T01" },
        "team": { "id": "T01", "domain": "acme" }, "channel": { "id": "C0OPS", "name": "ops" },
        "container": { "type": "message", "message_ts": "1780315200.000001", "channel_id": "C0OPS" },
        "response_url": format!("{}/answers/{who}", world.around.vendors.base),
        "actions": [action],
    })
}

/// A member of T01 presses something. What they are told, if anything, is taken from where answers go.
pub(super) async fn press(world: &World, who: &str, action: &Value) -> Option<String> {
    let before = told(world).len();
    let answer = signed(world, ACTIONS, &interaction(&pressed(world, who, action)), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    told(world).into_iter().nth(before)
}

/// A member of T01 sends off a dialog.
pub(super) async fn submit(world: &World, who: &str, view: &Value, note: &str) -> Value {
    let mut view = view.clone();
    view["state"] = json!({ "values": { "opsknight_note": { "opsknight_note_text": { "value": note } } } });
    let payload = json!({
        "type": "view_submission", "team": { "id": "T01" }, "user": { "id": who, "team_id": "T01" }, "view": view,
    });
    let answer = signed(world, ACTIONS, &interaction(&payload), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The body of a command of a member of T01.
pub(super) fn said(world: &World, who: &str, text: &str) -> String {
    let url = format!("{}/answers/{who}", world.around.vendors.base);
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("team_id", "T01"),
            ("team_domain", "acme"),
            ("channel_id", "C0OPS"),
            ("user_id", who),
            ("user_name", "somebody"),
            ("command", "/opsknight"),
            ("text", text),
            ("response_url", &url),
            ("trigger_id", &trigger_id()),
        ])
        .finish()
}

/// A member of T01 gives a command, and sees this.
pub(super) async fn command(world: &World, who: &str, text: &str) -> Value {
    let answer = signed(world, COMMANDS, &said(world, who, text), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let shown = answer.json();
    assert_eq!(shown["response_type"], "ephemeral", "{shown}");
    shown
}

/// What was said where only one person sees it, the first first.
pub(super) fn told(world: &World) -> Vec<String> {
    let calls = world.around.vendors.calls("/answers/");
    let said = calls.iter().map(|call| {
        let body = call.json();
        assert_eq!(
            (&body["response_type"], &body["replace_original"]),
            (&json!("ephemeral"), &json!(false)),
            "{body}"
        );
        body["text"].as_str().unwrap().to_owned()
    });
    said.collect()
}

/// The messages that were posted in this conversation or to this member, those in threads too.
pub(super) fn posts(world: &World, channel: &str) -> Vec<Value> {
    bodies(world, "/chat.postMessage", channel)
}

/// The changes of messages in this conversation.
pub(super) fn edits(world: &World, channel: &str) -> Vec<Value> {
    bodies(world, "/chat.update", channel)
}

fn bodies(world: &World, method: &str, channel: &str) -> Vec<Value> {
    let bodies = world.around.vendors.calls(method).into_iter().map(|call| call.json());
    bodies.filter(|body| body["channel"] == channel).collect()
}

/// What can be pressed under a message.
pub(super) fn buttons(message: &Value) -> Vec<&str> {
    let blocks = message["blocks"].as_array().unwrap();
    let actions = blocks.iter().filter(|block| block["type"] == "actions");
    let elements = actions.flat_map(|block| block["elements"].as_array().unwrap());
    elements.map(|element| element["action_id"].as_str().unwrap()).collect()
}
