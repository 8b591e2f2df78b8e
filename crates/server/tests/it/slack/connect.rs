//! Workspaces come and go: an administrator lets the app in, rooms of several workspaces are told, and the app is taken
//! out again.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use opsknight_domain::id::UserId;
use opsknight_store::{
    db::{DbError, Tx},
    secret::token_hash,
    sessions::{self, SessionRow},
};
use serde_json::{Value, json};

use super::desk::{ACKNOWLEDGE, Answer, EVENTS, SECRET, app, button, edits, posts, press, signed, telling};
use crate::{
    api::{integration, organisation},
    both::Place,
    vendors::Instead,
    world::{PUBLIC_URL, World},
};

both! {
    an_administrator_connects_a_workspace,
    the_app_may_be_of_the_environment,
    a_way_back_counts_once_and_for_who_set_out,
    two_workspaces_are_told_each_in_its_rooms,
    the_app_is_taken_out_and_pages_go_on,
}

/// An administrator who is signed in, as their browser shows it.
async fn administrator(world: &World, name: &str) -> String {
    let email = format!("{}@example.com", name.to_lowercase());
    let user = json!({ "email": email, "name": name, "role": "ADMIN" });
    let id: UserId = world.api.make("/api/users", user).await.parse().unwrap();
    let token = format!("session-of-{name}");
    let session = SessionRow::new(token_hash(&token), id, None, None, world.now());
    let unit = async move |tx: &mut Tx<'_>| {
        sessions::insert(tx, &session).await?;
        Ok::<_, DbError>(())
    };
    world.store.db.write(unit).await.unwrap();
    format!("__Host-session={token}")
}

/// Where a page leads.
async fn leads(world: &World, path: &str, cookie: &str) -> String {
    let request = world.api.http.get(format!("{}{path}", world.api.base));
    let answer = request.header("cookie", cookie).send().await.unwrap();
    assert_eq!(answer.status(), 303, "{path}");
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// Sets out to Slack, and gives back what goes along.
async fn set_out(world: &World, cookie: &str) -> String {
    let to: url::Url = leads(world, "/api/settings/slack-oauth/start", cookie)
        .await
        .parse()
        .unwrap();
    assert_eq!(to.path(), "/oauth/v2/authorize");
    let given = |name: &str| to.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!(given("client_id"), "1.2");
    assert_eq!(
        given("redirect_uri"),
        format!("{PUBLIC_URL}/api/settings/slack-oauth/callback")
    );
    assert!(given("scope").split(',').any(|scope| scope == "chat:write"));
    given("state")
}

async fn come_back(world: &World, cookie: &str, query: &str) {
    let path = format!("/api/settings/slack-oauth/callback?{query}");
    let to = leads(world, &path, cookie).await;
    assert!(to.starts_with("/settings/slack"), "{to}");
}

async fn save_app(world: &World) {
    let app = json!({ "clientId": "1.2", "clientSecret": "client-secret", "signingSecret": SECRET });
    world.api.patch("/api/settings/notifications/slack", app).await;
}

async fn workspaces(world: &World) -> Vec<Value> {
    world.api.all("/api/settings/notifications/slack/workspaces").await
}

/// Connects a workspace and chooses its default channel.
async fn connect(world: &World, cookie: &str, team: &str, room: Option<&str>) {
    let along = set_out(world, cookie).await;
    come_back(world, cookie, &format!("code=code-of-{team}&state={along}")).await;
    if let Some(room) = room {
        let path = format!("/api/settings/notifications/slack/workspaces/{team}");
        world.api.patch(&path, json!({ "defaultChannel": room })).await;
    }
}

async fn event(world: &World, body: &Value) -> Answer {
    signed(world, EVENTS, &body.to_string(), &[]).await
}

async fn an_administrator_connects_a_workspace(place: &Place) {
    let mut world = World::begin(place).await;
    save_app(&world).await;
    let ada = administrator(&world, "Ada").await;
    connect(&world, &ada, "T02", Some("C0ALL")).await;
    let exchanged = &world.around.vendors.calls("/oauth.v2.access")[0];
    assert_eq!(exchanged.field("code"), "code-of-T02");
    assert_eq!(
        exchanged.header("authorization"),
        format!("Basic {}", "MS4yOmNsaWVudC1zZWNyZXQ="),
        "by HTTP Basic"
    );
    let all = workspaces(&world).await;
    assert_eq!(
        (all.len(), &all[0]["team"], &all[0]["name"], &all[0]["defaultChannel"]),
        (1, &json!("T02"), &json!("Team T02"), &json!("C0ALL"))
    );
    assert!(!json!(all).to_string().contains("xoxb"), "{all:?}");
    // It is used at once: for the room of a service, and for pages.
    let (_, events) = telling(&world, "C0OPS").await;
    world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    let calls = world.around.vendors.calls("/chat.postMessage");
    assert_eq!((posts(&world, "C0OPS").len(), posts(&world, "U0ANN").len()), (1, 1));
    assert!(
        calls
            .iter()
            .all(|call| call.header("authorization") == "Bearer xoxb-T02"),
        "{calls:?}"
    );
    let audit = json!(world.api.all("/api/audit-log").await).to_string();
    assert!(audit.contains("connected") && !audit.contains("xoxb"), "{audit}");
    world.finish().await;
}

async fn the_app_may_be_of_the_environment(place: &Place) {
    let world = World::begin_with(place, |raw| {
        raw.slack_client_id = Some("1.2".into());
        raw.slack_client_secret = Some("secret-of-the-environment".into());
    })
    .await;
    let ada = administrator(&world, "Ada").await;
    connect(&world, &ada, "T02", None).await;
    // What is saved takes its place.
    save_app(&world).await;
    connect(&world, &ada, "T03", None).await;
    let basic: Vec<_> = world
        .around
        .vendors
        .calls("/oauth.v2.access")
        .iter()
        .map(|call| call.header("authorization").to_owned())
        .collect();
    let of = |secret: &str| format!("Basic {}", STANDARD.encode(format!("1.2:{secret}")));
    assert_eq!(basic, [of("secret-of-the-environment"), of("client-secret")]);
    assert_eq!(workspaces(&world).await.len(), 2);
    world.finish().await;
}

async fn a_way_back_counts_once_and_for_who_set_out(place: &Place) {
    let world = World::begin(place).await;
    let ada = administrator(&world, "Ada").await;
    let eve = administrator(&world, "Eve").await;
    let none = leads(&world, "/api/settings/slack-oauth/start", &ada).await;
    assert!(none.starts_with("/settings/slack"), "there is no app yet: {none}");
    save_app(&world).await;
    let along = set_out(&world, &ada).await;
    for (cookie, query) in [
        (&eve, format!("code=code-of-T66&state={along}")),
        (&ada, "code=code-of-T66&state=x".to_owned()),
        (&ada, "code=code-of-T66".to_owned()),
        (&ada, format!("error=access_denied&state={along}")),
    ] {
        come_back(&world, cookie, &query).await;
        assert!(workspaces(&world).await.is_empty(), "{query}");
    }
    come_back(&world, &ada, &format!("code=code-of-T02&state={along}")).await;
    come_back(&world, &ada, &format!("code=code-of-T66&state={along}")).await;
    assert_eq!(workspaces(&world).await.len(), 1, "it counts once");
    let late = set_out(&world, &ada).await;
    world.pass(jiff::SignedDuration::from_mins(10));
    come_back(&world, &ada, &format!("code=code-of-T66&state={late}")).await;
    // What Slack says against a code connects nothing.
    let refused = Instead::of(200, r#"{"ok":false,"error":"invalid_code"}"#);
    world.around.vendors.answer_instead("/oauth.v2.access", refused);
    let along = set_out(&world, &ada).await;
    come_back(&world, &ada, &format!("code=code-of-T66&state={along}")).await;
    let teams: Vec<Value> = workspaces(&world).await.iter().map(|one| one["team"].clone()).collect();
    assert_eq!(teams, ["T02"]);
    world.finish().await;
}

async fn two_workspaces_are_told_each_in_its_rooms(place: &Place) {
    let mut world = World::begin(place).await;
    save_app(&world).await;
    let ada = administrator(&world, "Ada").await;
    connect(&world, &ada, "T02", Some("#all")).await;
    connect(&world, &ada, "T03", Some("#all")).await;
    let organisation = organisation(&world.api, 5).await;
    let events = integration(&world.api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    let path = format!("/api/services/{}", organisation.service);
    let mut told = Vec::new();
    for (n, room) in ["C0OPS", "T03/C0DB", "T03/#db", "T09/C0X"].into_iter().enumerate() {
        world.api.patch(&path, json!({ "slackChannel": room })).await;
        let id = world.trigger(&events, &format!("web-{n}"), "critical").await;
        world.work().await;
        let mut status = String::new();
        for message in world.notifications(&id).await {
            if message["address"] == room {
                status = message["status"].as_str().unwrap().to_owned();
            }
        }
        let by = world
            .around
            .vendors
            .calls("/chat.postMessage")
            .into_iter()
            .filter(|call| {
                let body = call.json();
                body["channel"] == room.trim_start_matches("T03/")
                    && body["text"].as_str().unwrap().contains(&format!("web-{n} "))
            });
        let by: Vec<String> = by.map(|call| call.header("authorization").to_owned()).collect();
        told.push(format!("{room}: {status} {}", by.join(", ")));
    }
    assert_eq!(
        told,
        [
            "C0OPS: SENT Bearer xoxb-T02",
            "T03/C0DB: SENT Bearer xoxb-T03",
            "T03/#db: SENT Bearer xoxb-T03",
            "T09/C0X: PENDING ",
        ]
    );
    // The message in the second workspace is changed there.
    world.api.patch(&path, json!({ "slackChannel": "T03/C0DB" })).await;
    let id = world.api.all("/api/incidents?q=web-1").await[0]["id"].clone();
    let path = format!("/api/incidents/{}", id.as_str().unwrap());
    world.api.patch(&path, json!({ "status": "RESOLVED" })).await;
    world.work().await;
    assert_eq!(edits(&world, "C0DB").len(), 1);
    let edit = world.around.vendors.calls("/chat.update");
    let edit = edit.iter().find(|call| call.json()["channel"] == "C0DB").unwrap();
    assert_eq!(edit.header("authorization"), "Bearer xoxb-T03");
    world.finish().await;
}

async fn the_app_is_taken_out_and_pages_go_on(place: &Place) {
    let mut world = World::begin_with(place, |raw| {
        app(raw);
        raw.slack_bot_token = None;
    })
    .await;
    let challenge = json!({ "type": "url_verification", "challenge": "3eZbrw1aB", "token": "x" });
    let answer = event(&world, &challenge).await;
    assert_eq!(answer.json()["challenge"], "3eZbrw1aB");
    world
        .api
        .patch("/api/settings/notifications/slack", json!({ "botToken": "xoxb-T01" }))
        .await;
    let (_, events) = telling(&world, "C0OPS").await;
    let id = world.trigger(&events, "web-01", "critical").await;
    world.work().await;
    assert_eq!(posts(&world, "U0ANN").len(), 1);
    press(&world, "U0ANN", &button(ACKNOWLEDGE, &id)).await;
    world.work().await;
    let gone = json!({
        "type": "event_callback", "team_id": "T01", "event_id": "Ev1", "event_time": 1_780_315_200,
        "event": { "type": "app_uninstalled" },
    });
    let mine = json!({ "type": "event_callback", "team_id": "T01", "event_id": "Ev0",
        "event": { "type": "tokens_revoked", "tokens": { "oauth": ["U0ANN"] } } });
    assert_eq!(event(&world, &mine).await.status, 200);
    assert_eq!(
        workspaces(&world).await.len(),
        1,
        "a member's own token is not the app's"
    );
    assert_eq!(event(&world, &gone).await.status, 200);
    assert!(workspaces(&world).await.is_empty());
    let before = world.around.vendors.calls("/chat.").len();
    let id = world.trigger(&events, "web-02", "critical").await;
    world.work().await;
    let timeline = world.timeline(&id).await;
    assert!(timeline.contains("Paging Ann by email"), "{timeline}");
    assert!(timeline.contains("Email to Ann by SMTP was taken"), "{timeline}");
    assert_eq!(world.around.vendors.calls("/chat.").len(), before);
    // It is connected again, and what Slack repeats of before changes nothing.
    world
        .api
        .patch("/api/settings/notifications/slack", json!({ "botToken": "xoxb-T01" }))
        .await;
    let again = [("x-slack-retry-num", "1")];
    assert_eq!(signed(&world, EVENTS, &gone.to_string(), &again).await.status, 200);
    assert_eq!(workspaces(&world).await.len(), 1);
    world.finish().await;
}
