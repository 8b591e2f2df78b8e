//! What an alert or a colleague writes is data: it is shown as it is, and never run.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    stage::Stage,
    window::{DESK, Window},
};
use crate::{
    api::{Api, Integration, integration},
    process::{SOON, wait_until},
};

/// Text that would be a script, an image or the end of an attribute, were it not escaped.
const EVIL: &str = "x'\"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}";
/// What people then read.
const SHOWN: &str = "<script>alert(1)</script>";
/// An address that is a script.
const EVIL_LINK: &str = "javascript:alert(3)";

/// What a page must not have.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Found {
    scripts: usize,
    images: usize,
    handlers: usize,
    links: usize,
}

const FIND: &str = "const all = [...document.querySelectorAll('*')];
    return {
        scripts: [...document.scripts].filter(e => !new URL(e.src || 'about:x').pathname.startsWith('/assets/')).length,
        images: document.images.length,
        handlers: all.filter(e => e.getAttributeNames().some(name => name.startsWith('on'))).length,
        links: all.filter(e => /^\\s*javascript:/i.test(e.href ?? e.action ?? '')).length,
    };";

const NOTHING: Found = Found {
    scripts: 0,
    images: 0,
    handlers: 0,
    links: 0,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_never_run() {
    let stage = Stage::set().await;
    let window = stage.signed_in(DESK).await;
    let api = stage.api().await;
    let shown = fill(&api).await;
    window.complaints().await;
    for path in &shown {
        look_at(&window, path).await;
        let main = window.text("main").await;
        assert!(main.contains(SHOWN), "{path} shows it as it is: {main}");
    }
    let query: String = url::form_urlencoded::byte_serialize(EVIL.as_bytes()).collect();
    look_at(&window, &format!("/incidents?q={query}")).await;
    look_at(&window, &format!("/incidents?status={query}")).await;
    look_at(&window, &format!("/users/{query}")).await;

    window.forget_cookies().await;
    let mail = stage.mail.wait_for("eve@example.com", SHOWN).await;
    look_at(&window, mail.acknowledge_link().expect("the mail has a link")).await;
    window.wait_for("main", SHOWN).await;
    look_at(&window, &format!("/login?next={query}")).await;
    look_at(&window, &format!("/ack/{query}")).await;
    look_at(&window, &format!("/invite/{query}")).await;
    window.close().await;
}

/// Opens a page and makes sure that nothing of it was run, or would be.
async fn look_at(window: &Window, path: &str) {
    // A dialog that a script opened would fail whatever is asked of the window next.
    window.go(path).await;
    window.find("main").await;
    assert_eq!(window.ask::<Found>(FIND).await, NOTHING, "{path}");
    let mut complaints = window.complaints().await;
    // That an address names nothing is no complaint about what is on the page.
    complaints.retain(|complaint| !complaint.contains("the server responded with a status of 40"));
    assert_eq!(complaints, [""; 0], "{path}");
}

/// Writes it wherever something can be written, and gives back the pages that show it.
async fn fill(api: &Api) -> Vec<String> {
    let user = json!({ "email": "eve@example.com", "name": EVIL, "role": "RESPONDER" });
    let user = api.make("/api/users", user).await;
    let team = json!({ "name": EVIL, "members": [{ "userId": user }] });
    let team = api.make("/api/teams", team).await;
    let rotation = json!({ "unit": "WEEKS", "length": 1, "start": "2026-01-05T09:00:00Z", "handoff": "09:00" });
    let layer = json!({ "name": EVIL, "users": [user], "rotation": rotation });
    let schedule = json!({ "name": EVIL, "timeZone": "Europe/London", "layers": [layer] });
    let schedule = api.make("/api/schedules", schedule).await;
    let steps = json!([
        { "targets": [{ "type": "SCHEDULE", "id": schedule }, { "type": "TEAM", "id": team }], "delayMinutes": 5 },
    ]);
    let policy = json!({ "name": EVIL, "description": EVIL, "steps": steps });
    let policy = api.make("/api/escalation-policies", policy).await;
    let service = json!({ "name": EVIL, "description": EVIL, "teamId": team, "escalationPolicyId": policy });
    let service = api.make("/api/services", service).await;
    let events = integration(api, &service, "EVENTS_API_V2", json!({ "name": EVIL })).await;
    let id = alert(api, &events).await;
    let note = format!("{EVIL}\n[link]({EVIL_LINK})");
    api.post(&format!("/api/incidents/{id}/notes"), json!({ "text": note }))
        .await;
    let by_hand = json!({ "title": EVIL, "description": EVIL, "serviceId": service });
    let by_hand = api.make("/api/incidents", by_hand).await;
    let event = api.all("/api/events/log").await[0]["id"].as_str().unwrap().to_owned();
    [
        "/".to_owned(),
        "/incidents".to_owned(),
        format!("/incidents/{id}"),
        format!("/incidents/{by_hand}"),
        "/incidents/new".to_owned(),
        "/services".to_owned(),
        "/services/new".to_owned(),
        format!("/services/{service}"),
        format!("/services/{service}/integrations"),
        format!("/services/{service}/integrations/new"),
        format!("/services/{service}/settings"),
        "/policies".to_owned(),
        "/policies/new".to_owned(),
        format!("/policies/{policy}"),
        format!("/policies/{policy}/edit"),
        "/schedules".to_owned(),
        format!("/schedules/{schedule}"),
        format!("/schedules/{schedule}/edit"),
        "/teams".to_owned(),
        format!("/teams/{team}"),
        "/users".to_owned(),
        format!("/users/{user}"),
        "/events".to_owned(),
        format!("/events/{event}"),
        "/notifications".to_owned(),
        "/audit".to_owned(),
    ]
    .into()
}

/// An alert that has it in every field; the incident that it opens.
async fn alert(api: &Api, events: &Integration) -> String {
    let details = json!({ EVIL: EVIL, "nested": { EVIL: [EVIL] }, "link": EVIL_LINK });
    let event: Value = json!({
        "event_action": "trigger", "dedup_key": EVIL, "client": EVIL, "client_url": EVIL_LINK,
        "links": [{ "href": EVIL_LINK, "text": EVIL }, { "href": format!(" {EVIL_LINK}"), "text": "blank" }],
        "images": [{ "src": EVIL_LINK, "href": EVIL_LINK, "alt": EVIL }],
        "payload": {
            "summary": EVIL, "source": EVIL, "severity": "critical", "component": EVIL, "group": EVIL, "class": EVIL,
            "custom_details": details,
        },
    });
    let send = api.http.post(format!("{}/api/events", api.base)).json(&event);
    let answer = send
        .header("authorization", format!("Token token={}", events.key))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    wait_until("the incident is open", SOON, async || {
        let all = api.all("/api/incidents").await;
        Some(all.first()?["id"].as_str()?.to_owned())
    })
    .await
}
