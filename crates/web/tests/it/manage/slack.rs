//! Slack: the app, its workspaces, and the way by which one is connected.

use std::sync::atomic::Ordering;

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};
use url::Url;

use super::Admin;
use crate::harness::As;

const SLACK: &str = "/api/settings/notifications/slack";
const WORKSPACES: &str = "/api/settings/notifications/slack/workspaces";
const CHANNELS: &str = "/api/settings/notifications/slack/channels";
const START: &str = "/api/settings/slack-oauth/start";
const CALLBACK: &str = "/api/settings/slack-oauth/callback";

#[tokio::test]
async fn a_bots_token_is_a_workspace() {
    let admin = Admin::new().await;
    let body = json!({ "botToken": "xoxb-bad" });
    admin.refuses(Method::PATCH, SLACK, body, "botToken").await;
    let lonely = json!({ "defaultChannel": "C01" });
    admin.refuses(Method::PATCH, SLACK, lonely, "defaultChannel").await;
    admin
        .refuses(Method::PATCH, SLACK, json!({ "botToken": null }), "botToken")
        .await;
    let none = admin.get(SLACK).await;
    assert_eq!((&none["configured"], &none["source"]), (&json!(false), &Value::Null));

    let body = json!({ "botToken": "xoxb-hush", "defaultChannel": "C01" });
    let saved = admin.patch(SLACK, body).await;
    assert_eq!(
        (&saved["configured"], &saved["hasBotToken"], &saved["defaultChannel"]),
        (&json!(true), &json!(true), &json!("C01"))
    );
    let listed = admin.get(WORKSPACES).await;
    let expected = json!([{ "team": "T01", "name": "Acme", "botUser": "U0BOT", "defaultChannel": "C01",
        "installedAt": "2026-06-01T12:00:00Z" }]);
    assert_eq!(listed["data"], expected);
    let again = admin.patch(SLACK, json!({ "botToken": "xoxb-hush2" })).await;
    assert_eq!(again["defaultChannel"], "C01", "a workspace keeps its conversation");
    let one = format!("{WORKSPACES}/T01");
    let changed = admin.patch(&one, json!({ "defaultChannel": "ops" })).await;
    assert_eq!(changed["defaultChannel"], "ops");
    assert_eq!(admin.patch(&one, json!({})).await, changed, "what is left out stays");
    assert_eq!(
        admin.patch(SLACK, json!({ "defaultChannel": null })).await["defaultChannel"],
        Value::Null
    );
    let nowhere = admin.call(Method::PATCH, &format!("{WORKSPACES}/T02"), json!({})).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&one).await.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.get(SLACK).await["configured"], false);

    let log = admin.get("/api/audit-log").await;
    assert!(!log.to_string().contains("hush"), "{log}");
    let actions = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["action"].as_str());
    let connected = actions
        .clone()
        .filter(|action| *action == Some("slack_workspace.connected"));
    assert_eq!(connected.count(), 2);
    let pointed = actions
        .clone()
        .filter(|action| *action == Some("slack_workspace.updated"));
    assert_eq!(pointed.count(), 3, "{log}");
    let last = actions.flatten().next();
    assert_eq!(last, Some("slack_workspace.disconnected"));
}

#[tokio::test]
async fn forgetting_slack_forgets_the_app_and_its_workspaces() {
    let admin = Admin::new().await;
    assert_eq!(admin.delete(SLACK).await.status, StatusCode::NOT_FOUND);
    let app = json!({ "clientId": "1.2", "clientSecret": "hush", "signingSecret": "hush", "botToken": "xoxb-1" });
    admin.patch(SLACK, app).await;
    assert_eq!(admin.delete(SLACK).await.status, StatusCode::NO_CONTENT);
    let after = admin.get(SLACK).await;
    assert_eq!((&after["source"], &after["hasBotToken"]), (&Value::Null, &json!(false)));
    admin.patch(SLACK, json!({ "botToken": "xoxb-1" })).await;
    assert_eq!(admin.delete(SLACK).await.status, StatusCode::NO_CONTENT);
    let tried = json!({ "to": "U01", "settings": { "botToken": "xoxb-2", "signingSecret": "s" } });
    let answer = admin.call(Method::POST, &format!("{SLACK}/test"), tried).await;
    assert_eq!(answer.json()["ok"], true, "{}", answer.text);
    let expected = json!({ "signingSecret": "s", "botToken": "xoxb-2" });
    assert_eq!(*admin.app.outside.tried.lock().unwrap(), Some(expected));
}

#[tokio::test]
async fn conversations_are_searched_and_asked_for_once_a_minute() {
    let admin = Admin::new().await;
    let answer = admin.app.get(&admin.who, CHANNELS).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
    admin.patch(SLACK, json!({ "botToken": "xoxb-1" })).await;
    let found = admin.get(&format!("{CHANNELS}?q=%23OPS")).await;
    let expected = json!([{ "id": "C02", "name": "ops-private", "private": true, "member": true }]);
    assert_eq!(found["data"], expected);
    let all = admin.get(&format!("{CHANNELS}?team=T01&limit=1")).await;
    assert_eq!(
        (&all["pagination"]["total"], &all["data"][0]["name"]),
        (&json!(2), &json!("general"))
    );
    let asked = || admin.app.outside.asked_for_rooms.load(Ordering::Relaxed);
    assert_eq!(asked(), 1);
    let uma = admin.app.signed_in("Uma", Role::User).await;
    let seen = admin.app.get(&uma, CHANNELS).await.json();
    assert_eq!(
        seen["pagination"]["total"], 1,
        "private ones are for those who choose them"
    );
    admin.app.clock.advance_s(60);
    admin.get(CHANNELS).await;
    assert_eq!(asked(), 2);
    admin.patch(SLACK, json!({ "botToken": "xoxb-2" })).await;
    admin.get(CHANNELS).await;
    assert_eq!(asked(), 3, "another token may see other conversations");
    let manifest = admin.app.get(&admin.who, &format!("{SLACK}/manifest")).await;
    assert_eq!(manifest.header("content-type"), "application/json");
    assert!(manifest.text.contains("OpsKnight"), "{}", manifest.text);
}

/// What the page says that one is sent back to.
async fn said(admin: &Admin, who: &As, query: &str) -> String {
    let answer = admin.app.get(who, &format!("{CALLBACK}?{query}")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(answer.header("location"), "/settings/slack");
    super::flash(&answer)
}

/// Sets out for Slack and takes what goes along.
async fn set_out(admin: &Admin, who: &As) -> String {
    let answer = admin.app.get(who, START).await;
    let url: Url = answer.header("location").parse().unwrap();
    let asked: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(asked["redirect_uri"], format!("http://ok.example{CALLBACK}"));
    assert_eq!(asked["client_id"], "1.2");
    asked["state"].clone()
}

#[tokio::test]
async fn a_workspace_is_connected_by_those_who_set_out_for_it() {
    let admin = Admin::new().await;
    let early = admin.app.get(&admin.who, START).await;
    assert_eq!(early.header("location"), "/settings/slack");
    assert!(super::flash(&early).contains("client ID"), "{}", super::flash(&early));
    admin
        .patch(SLACK, json!({ "clientId": "1.2", "clientSecret": "hush" }))
        .await;

    let state = set_out(&admin, &admin.who).await;
    let other = admin.app.signed_in("Eve", Role::Admin).await;
    let lost = said(&admin, &other, &format!("code=good&state={state}")).await;
    assert!(lost.contains("too old or was used"), "{lost}");
    let good = format!("code=good&state={state}&extra=1");
    let done = said(&admin, &admin.who, &good).await;
    assert_eq!(done, "+The workspace Acme is connected.");
    assert_eq!(admin.get(WORKSPACES).await["data"][0]["team"], "T01");
    let twice = said(&admin, &admin.who, &good).await;
    assert!(twice.contains("was used"), "{twice}");

    let no = said(&admin, &admin.who, "error=access_denied&state=").await;
    assert_eq!(no, "-Slack was not connected: you said no there.");
    let state = set_out(&admin, &admin.who).await;
    let bad = said(&admin, &admin.who, &format!("code=bad&state={state}")).await;
    assert_eq!(bad, "-Slack was not connected: invalid_code.");
    let state = set_out(&admin, &admin.who).await;
    admin.app.clock.advance_s(600);
    let late = said(&admin, &admin.who, &format!("code=good&state={state}")).await;
    assert!(late.contains("too old"), "{late}");
    assert!(said(&admin, &admin.who, "code=good").await.starts_with('-'));
}
