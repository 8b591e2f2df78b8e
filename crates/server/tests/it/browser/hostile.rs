//! What an alert or a colleague writes is data: it is shown as it is, and never run.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    fields::Walk,
    pages::{Known, PAGES, address},
    stage::Stage,
    window::{DESK, Window},
};
use crate::{
    api::{Api, Integration, integration},
    mail_server::Mail,
    process::{SOON, wait_until},
};

/// Text that would be a script, an image or the end of an attribute, were it not escaped.
const EVIL: &str = "x'\"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}";
/// The same where only an address will do.
const EVIL_ADDRESS: &str = "https://example.com/'\"><script>alert(1)</script><img src=x onerror=alert(2)>";
/// The same where there is little room, or a path of names is asked for.
const EVIL_SHORT: &str = "<img src=x onerror=a()>";
/// What would be headers of its own in a mail, and then its body.
const EVIL_LINES: &str = "x\r\nBcc: mallory@example.com\r\nX-Evil: yes\r\n\r\n<script>alert(1)</script>";
/// Fields of the API that take text are more than these.
const FIELDS_MIN: usize = 30;
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
        images: [...document.images].filter(e => !e.getAttribute('src')?.startsWith('/guide/images/')).length,
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

    for path in fill_by_description(&api, &shown).await {
        look_at(&window, &path).await;
    }

    window.forget_cookies().await;
    let mail = stage.mail.wait_for("eve@example.com", SHOWN).await;
    look_at(&window, mail.acknowledge_link().expect("the mail has a link")).await;
    window.wait_for("main", SHOWN).await;
    look_at(&window, &format!("/login?next={query}")).await;
    look_at(&window, &format!("/ack/{query}")).await;
    look_at(&window, &format!("/invite/{query}")).await;
    window.close().await;
    let mails = stage.mail.mails();
    mails.iter().for_each(check_mail);
    let shown = |mail: &Mail| mail.html.contains("&#60;script&#62;");
    assert!(mails.iter().any(shown), "mails show it as it is: {mails:?}");
}

/// Fills whatever the API's own description has for text, twice: with what is bad in a page, then with what is bad in a
/// mail. Gives back the pages that may show it.
async fn fill_by_description(api: &Api, shown: &[String]) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = shown.iter().cloned().collect();
    let texts = [EVIL, EVIL_ADDRESS, EVIL_SHORT, EVIL_LINK];
    let walked = Walk::of(api, &texts).await.fill().await;
    let taken = &walked.taken;
    assert!(taken.len() >= FIELDS_MIN, "only these fields took text: {taken:#?}");
    Walk::of(api, &[EVIL_LINES]).await.fill().await;
    for id in &walked.made {
        let kind = id.split('_').next().unwrap_or_default();
        let folder = PAGES_OF.iter().find(|(prefix, _)| *prefix == kind);
        paths.extend(folder.map(|(_, folder)| format!("{folder}/{id}")));
    }
    let fixed = PAGES.iter().filter(|page| !page.path.contains(['{', '?']));
    paths.extend(fixed.map(|page| address(page.path, &Known::new())));
    paths
}

/// Where a thing has its page, by the kind of its identity.
const PAGES_OF: [(&str, &str); 7] = [
    ("inc", "/incidents"),
    ("svc", "/services"),
    ("pol", "/policies"),
    ("sch", "/schedules"),
    ("team", "/teams"),
    ("usr", "/users"),
    ("whk", "/settings/webhooks"),
];

/// Nothing in a mail acts, nobody is told who should not be, and no line of a text became a header.
fn check_mail(mail: &Mail) {
    let html = mail.html.to_lowercase();
    for bad in ["<script", "<img src=x", "href=\"javascript:", "href=\" javascript:"] {
        assert!(!html.contains(bad), "{bad} in {mail:?}");
    }
    let headers = mail.headers.iter().map(|(name, _)| name.to_lowercase());
    let strange: Vec<_> = headers.filter(|name| name == "bcc" || name == "x-evil").collect();
    assert_eq!(strange, [""; 0], "{mail:?}");
    assert!(!mail.to.iter().any(|to| to.starts_with("mallory")), "{mail:?}");
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
    let id = alert(api, &events, EVIL).await;
    alert(api, &events, EVIL_LINES).await;
    let note = format!("{EVIL}\n[link]({EVIL_LINK})");
    api.post(&format!("/api/incidents/{id}/notes"), json!({ "text": note }))
        .await;
    let webhook = json!({ "name": EVIL, "type": "GENERIC", "url": "https://hooks.example.com/x", "enabled": false });
    api.make("/api/webhooks", webhook).await;
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

/// An alert that has it in every field; the newest incident then.
async fn alert(api: &Api, events: &Integration, evil: &str) -> String {
    let details = json!({ evil: evil, "nested": { evil: [evil] }, "link": EVIL_LINK });
    let event: Value = json!({
        "event_action": "trigger", "dedup_key": evil, "client": evil, "client_url": EVIL_LINK,
        "links": [{ "href": EVIL_LINK, "text": evil }, { "href": format!(" {EVIL_LINK}"), "text": "blank" }],
        "images": [{ "src": EVIL_LINK, "href": EVIL_LINK, "alt": evil }],
        "payload": {
            "summary": evil, "source": evil, "severity": "critical", "component": evil, "group": evil, "class": evil,
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
