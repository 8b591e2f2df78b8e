//! Two people, or programs, change one thing: whoever is second is shown what the first has done.

use http::{Method, StatusCode, header};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, App, As};

/// Every control of the page's forms that has a name, as a browser would send it.
fn filled(page: &Answer) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for part in page.text.split("<input ").skip(1) {
        let tag = part.split('>').next().unwrap();
        let value = |name: &str| {
            let found = tag
                .split_once(&format!(" {name}=\""))
                .or_else(|| tag.split_once(&format!("{name}=\"")));
            found.map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
        };
        let is_box = tag.contains("type=\"checkbox\"");
        if let Some(name) = value("name").filter(|_| !is_box || tag.contains(" checked")) {
            fields.push((name, value("value").unwrap_or_default()));
        }
    }
    fields
}

fn with<'a>(fields: &'a [(String, String)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = fields.iter().filter(|(known, _)| known != name);
    let mut sent: Vec<_> = others.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    sent.push((name, value));
    sent
}

fn urgencies<'a>(mut fields: Vec<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    let words = [
        ("critical", "HIGH"),
        ("error", "MEDIUM"),
        ("warning", "MEDIUM"),
        ("info", "LOW"),
    ];
    let names = ["urgency_critical", "urgency_error", "urgency_warning", "urgency_info"];
    fields.extend(names.into_iter().zip(words.map(|(_, word)| word)));
    fields
}

async fn service(app: &App, key: &As, path: &str) -> Value {
    app.get(key, path).await.json()
}

#[tokio::test]
async fn the_second_to_save_sees_what_changed_and_nothing_is_lost() {
    let app = App::new().await;
    let (ada, bob) = (
        app.signed_in("Ada", Role::Admin).await,
        app.signed_in("Bob", Role::Admin).await,
    );
    let key = app.key(&["services:read"]).await;
    let id = app.service("Checkout", None).await;
    let (page, api) = (format!("/services/{id}/settings"), format!("/api/services/{id}"));
    let seen = filled(&app.get(&bob, &page).await);
    app.clock.advance_s(60);

    let saved = app
        .form(&ada, &page, &urgencies(with(&seen, "region", "eu-west")))
        .await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
    app.clock.advance_s(60);

    let refused = app
        .form(&bob, &page, &urgencies(with(&seen, "description", "Takes payments")))
        .await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    let shown = &refused.text;
    assert!(
        shown.contains("changed while you were editing") && shown.contains("Ada") && shown.contains("Region"),
        "{shown}"
    );
    assert!(
        shown.contains("As it is now"),
        "what Bob left alone is taken over: {shown}"
    );
    let now = service(&app, &key, &api).await;
    assert_eq!(
        (&now["region"], &now["description"]),
        (&json!("eu-west"), &Value::Null),
        "nothing of Bob's is saved"
    );

    let again = filled(&refused);
    let field = |name: &str| again.iter().find(|(known, _)| known == name).unwrap().1.as_str();
    assert_eq!((field("region"), field("description")), ("eu-west", "Takes payments"));
    let fields: Vec<_> = again
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        app.form(&bob, &page, &urgencies(fields)).await.status,
        StatusCode::SEE_OTHER
    );
    let now = service(&app, &key, &api).await;
    assert_eq!(
        (&now["region"], &now["description"]),
        (&json!("eu-west"), &json!("Takes payments"))
    );
}

#[tokio::test]
async fn what_both_changed_is_shown_and_the_second_decides() {
    let app = App::new().await;
    let (ada, bob) = (
        app.signed_in("Ada", Role::Admin).await,
        app.signed_in("Bob", Role::Admin).await,
    );
    let id = app.service("Checkout", None).await;
    let page = format!("/services/{id}/settings");
    let seen = filled(&app.get(&bob, &page).await);
    app.clock.advance_s(60);
    app.form(&ada, &page, &urgencies(with(&seen, "name", "Cart"))).await;
    app.clock.advance_s(60);
    let refused = app.form(&bob, &page, &urgencies(with(&seen, "name", "Basket"))).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    assert!(
        refused.text.contains("Yours, which differs") && refused.text.contains("Cart"),
        "{}",
        refused.text
    );
    let again = filled(&refused);
    let fields: Vec<_> = again
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        app.form(&bob, &page, &urgencies(fields)).await.status,
        StatusCode::SEE_OTHER
    );
    let key = app.key(&["services:read"]).await;
    assert_eq!(
        service(&app, &key, &format!("/api/services/{id}")).await["name"],
        "Basket"
    );
}

#[tokio::test]
async fn a_program_can_ask_for_the_same() {
    let app = App::new().await;
    let key = app.key(&["services:read", "services:write"]).await;
    let path = format!("/api/services/{}", app.service("Checkout", None).await);
    let seen = service(&app, &key, &path).await["updatedAt"]
        .as_str()
        .unwrap()
        .to_owned();
    let patch = async |tag: &str, name: &str| {
        let request = app.request(&key, &Method::PATCH, &path).header(header::IF_MATCH, tag);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        app.ask(request.body(json!({ "name": name }).to_string().into()).unwrap())
            .await
    };
    let tag = format!("\"{seen}\"");
    assert_eq!(patch(&tag, "Cart").await.status, StatusCode::OK);
    let refused = patch(&tag, "Basket").await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::PRECONDITION_FAILED, "CONFLICT".to_owned())
    );
    assert_eq!(
        patch("\"nonsense\"", "Basket").await.status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(service(&app, &key, &path).await["name"], "Cart");
    assert_eq!(patch("*", "Basket").await.status, StatusCode::OK, "any state will do");
}

#[tokio::test]
async fn steps_that_were_left_alone_are_taken_over_as_a_whole() {
    let app = App::new().await;
    let (ada, bob) = (
        app.signed_in("Ada", Role::Admin).await,
        app.signed_in("Bob", Role::Admin).await,
    );
    let ann = app.person("Ann", Role::Responder).await;
    let steps = json!([{ "targets": [{ "type": "USER", "id": ann.to_string() }], "delayMinutes": 5 }]);
    let new = json!({ "name": "Night", "steps": steps });
    let made = app.call(&ada, Method::POST, "/api/escalation-policies", &new).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let page = format!("/policies/{id}/edit");
    let seen = filled(&app.get(&bob, &page).await);
    let version = seen.iter().find(|(name, _)| name == "version").unwrap().1.clone();
    let target = format!("user:{ann}");
    let form = |name: &'static str, delay: &'static str, version: &str| {
        let fields = [("name", name), ("repeat", "0"), ("steps.0.targets", target.as_str())];
        let more = [("steps.0.delay", delay), ("version", version), ("save", "1")];
        let all = fields.into_iter().chain(more);
        all.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Vec<_>>()
    };
    let send = async |who: &As, fields: Vec<(String, String)>| {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        app.form(who, &format!("/policies/{id}"), &fields).await
    };
    app.clock.advance_s(60);
    assert_eq!(
        send(&ada, form("Night", "9", &version)).await.status,
        StatusCode::SEE_OTHER
    );
    app.clock.advance_s(60);
    let refused = send(&bob, form("Nights", "5", &version)).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    assert!(
        refused.text.contains("Steps") && refused.text.contains("As it is now"),
        "{}",
        refused.text
    );
    let again = filled(&refused);
    let field = |name: &str| again.iter().find(|(known, _)| known == name).unwrap().1.as_str();
    assert_eq!((field("name"), field("steps.0.delay")), ("Nights", "9"));
    assert_ne!(field("version"), version);
}

/// A form that two people have open: where it stands, where it is sent, what it says besides, and what each of them enters.
struct Both<'a> {
    page: &'a str,
    action: &'a str,
    base: &'a [(&'a str, &'a str)],
    first: (&'a str, &'a str),
    second: (&'a str, &'a str),
}

/// Sends both; the second is shown whose change came between. Gives back the page that they are shown.
async fn second_is_shown(app: &App, (ada, bob): (&As, &As), both: &Both<'_>) -> Answer {
    let shown = filled(&app.get(bob, both.page).await);
    let version = shown.iter().find(|(name, _)| name == "version");
    let version = &version.unwrap_or_else(|| panic!("{} says no version", both.page)).1;
    let send = async |who: &As, own: (&str, &str)| {
        let kept = both.base.iter().filter(|(name, _)| *name != own.0).copied();
        let fields: Vec<_> = kept.chain([own, ("version", version.as_str())]).collect();
        app.clock.advance_s(60);
        app.form(who, both.action, &fields).await
    };
    let first = send(ada, both.first).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}: {}", both.action, first.text);
    let second = send(bob, both.second).await;
    assert_eq!(second.status, StatusCode::PRECONDITION_FAILED, "{}", both.action);
    assert!(
        second.text.contains("changed while you were editing") && second.text.contains("Ada"),
        "{}: {}",
        both.action,
        second.text
    );
    second
}

#[tokio::test]
async fn an_integrations_card_is_watched() {
    let app = App::new().await;
    let who = (
        &app.signed_in("Ada", Role::Admin).await,
        &app.signed_in("Bob", Role::Admin).await,
    );
    let key = app.key(&["services:read", "services:write"]).await;
    let service = app.service("Checkout", None).await;
    let new = json!({ "name": "Hook", "type": "WEBHOOK" });
    let path = format!("/api/services/{service}/integrations");
    let made = app.call(&key, Method::POST, &path, &new).await.json();
    let id = made["id"].as_str().unwrap();
    let page = format!("/services/{service}/integrations?open={id}");
    let action = format!("/services/{service}/integrations/{id}");
    let settings = Both {
        page: &page,
        action: &action,
        base: &[("name", "Hook"), ("rate_limit", "120")],
        first: ("rate_limit", "60"),
        second: ("name", "Night hook"),
    };
    let refused = filled(&second_is_shown(&app, who, &settings).await);
    let field = |name: &str| refused.iter().find(|(known, _)| known == name).unwrap().1.as_str();
    assert_eq!((field("name"), field("rate_limit")), ("Night hook", "60"));
    let mapping = Both {
        page: &page,
        action: &format!("{action}/mapping"),
        base: &[("do", "save")],
        first: ("summary_field", "title"),
        second: ("severity_field", "level"),
    };
    second_is_shown(&app, who, &mapping).await;
    let now = app.get(&key, &format!("{path}/{id}")).await.json();
    assert_eq!((&now["name"], &now["rateLimitPerMinute"]), (&json!("Hook"), &json!(60)));
    assert_eq!(now["fieldMapping"]["summaryField"], "title");
    assert_eq!(now["fieldMapping"]["severityField"], Value::Null);
}

#[tokio::test]
async fn signing_in_and_slack_are_watched() {
    let app = App::new().await;
    let who = (
        &app.signed_in("Ada", Role::Admin).await,
        &app.signed_in("Bob", Role::Admin).await,
    );
    let sign_in = Both {
        page: "/settings/sign-in",
        action: "/settings/sign-in",
        base: &[
            ("issuer", "https://id.example.com"),
            ("client_id", "ops"),
            ("name", "Example"),
            ("passwords", "on"),
        ],
        first: ("name", "Our account"),
        second: ("domains", "example.com"),
    };
    second_is_shown(&app, who, &sign_in).await;
    let slack = Both {
        page: "/settings/slack",
        action: "/settings/slack",
        base: &[
            ("SLACK.clientId", "1.2"),
            ("SLACK.clientSecret", "a-client-secret"),
            ("SLACK.signingSecret", "a-signing-secret"),
        ],
        first: ("SLACK.clientId", "3.4"),
        second: ("SLACK.clientId", "5.6"),
    };
    second_is_shown(&app, who, &slack).await;
    let key = app.key(&["settings:read"]).await;
    let saved = app.get(&key, "/api/settings/notifications/slack").await.json();
    assert_eq!(saved["clientId"], "3.4");
}
