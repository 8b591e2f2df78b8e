//! What stands around every page: search, banner, duty, shortcuts, the page about the system, and what a page weighs.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{Method, StatusCode, header};
use http_body_util::BodyExt as _;
use opsknight_domain::{
    directory::{Channel, Role},
    id::AuditId,
    incident::Actor,
};
use opsknight_store::{
    audit::{self, AuditLine, of_program},
    db::Tx,
};
use opsknight_web::{Clock as _, vitals::Worker};
use serde_json::{Value, json};

use crate::harness::{App, As};

fn titles(found: &Value, kind: &str) -> Vec<String> {
    let hits = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|hit| hit["type"] == kind);
    hits.map(|hit| hit["title"].as_str().unwrap().to_owned()).collect()
}

async fn search(app: &App, who: &As, words: &str) -> Value {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", words)
        .finish();
    let answer = app.get(who, &format!("/api/search?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn anything_is_found_best_first_by_those_who_may_see_it() {
    let app = App::new().await;
    let admin = app.signed_in("Ada Checkout", Role::Admin).await;
    let user = app.signed_in("Uma", Role::User).await;
    for name in ["Old checkout", "Checkout API", "checkout", "Search"] {
        app.service(name, None).await;
    }
    let incident = app.incident("Checkout is down").await;
    let number = incident["number"].as_i64().unwrap();

    let found = search(&app, &admin, "CHECKOUT").await;
    assert_eq!(titles(&found, "SERVICE"), ["checkout", "Checkout API", "Old checkout"]);
    assert_eq!(titles(&found, "INCIDENT"), [format!("#{number} Checkout is down")]);
    assert_eq!(titles(&found, "USER"), ["Ada Checkout"]);
    let first = &found["data"][0];
    assert_eq!((&first["type"], &first["id"]), (&json!("INCIDENT"), &incident["id"]));
    assert_eq!(
        first["path"],
        format!("/incidents/{}", incident["id"].as_str().unwrap())
    );

    for words in [
        format!("#{number}"),
        number.to_string(),
        incident["id"].as_str().unwrap().to_owned(),
    ] {
        let found = search(&app, &user, &words).await;
        assert_eq!(
            titles(&found, "INCIDENT"),
            [format!("#{number} Checkout is down")],
            "{words}"
        );
    }
    assert_eq!(titles(&search(&app, &admin, "audit").await, "PAGE"), ["Audit log"]);
    assert_eq!(
        titles(&search(&app, &user, "audit").await, "PAGE"),
        [""; 0],
        "not for everybody"
    );
    assert_eq!(search(&app, &user, " ").await, json!({ "data": [] }));

    let key = app.key(&["incidents:read"]).await;
    let found = search(&app, &key, "checkout").await;
    assert_eq!(
        found["data"].as_array().unwrap().len(),
        1,
        "a key is told what its scopes are for: {found}"
    );
    let long = app.get(&user, &format!("/api/search?q={}", "x".repeat(201))).await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_page_finds_the_same_without_a_script() {
    let app = App::new().await;
    let user = app.signed_in("Uma", Role::User).await;
    app.incident("Queue <b>full</b>").await;
    let page = app.get(&user, "/search?q=queue").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text.contains("Queue &#60;b&#62;full") || page.text.contains("Queue &lt;b&gt;full"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("/incidents?q=queue"),
        "all that match are listed there"
    );
    let empty = app.get(&user, "/search").await;
    assert!(empty.text.contains("Find anything"));
    let nothing = app.get(&user, "/search?q=zebra").await;
    assert!(nothing.text.contains("Nothing matches"));
}

fn worker(name: &'static str, app: &App, stands_still: bool) -> Worker {
    Worker {
        name,
        last_run_at: app.clock_now(),
        stands_still,
        failing_since: None,
    }
}

#[tokio::test]
async fn the_banner_says_what_is_wrong_to_those_who_can_act() {
    let app = App::new().await;
    let admin = app.signed_in("Ada", Role::Admin).await;
    let responder = app.signed_in("Rob", Role::Responder).await;
    let user = app.signed_in("Uma", Role::User).await;
    let well = app.get(&admin, "/").await;
    assert!(!well.text.contains("notice bad"), "{}", well.text);

    *app.outside.workers.lock().unwrap() = vec![worker("deliver", &app, false), worker("escalate", &app, true)];
    let told = app.get(&admin, "/pulse").await;
    assert!(
        told.text.contains("Escalation stands still") && told.text.contains("/settings/system"),
        "{}",
        told.text
    );
    assert!(!told.text.contains("<html"), "only the parts that change");
    assert!(app.get(&responder, "/").await.text.contains("Pages may be late"));
    assert!(!app.get(&user, "/").await.text.contains("notice bad"));
}

#[tokio::test]
async fn the_page_about_the_system_tells_what_the_api_does() {
    let app = App::with("http://ok.example", &["SMTP_HOST"], &[Channel::Email]).await;
    let admin = app.signed_in("Ada", Role::Admin).await;
    *app.outside.workers.lock().unwrap() = vec![worker("deliver", &app, false)];
    let (id, at) = (AuditId::new(app.clock.uuid_v7()), app.clock_now());
    let unit = async move |tx: &mut Tx<'_>| {
        let line = AuditLine {
            id,
            at,
            actor: &Actor::System,
            actor_id: None,
            ip: None,
            action: "database.backed_up",
            object_kind: of_program::DATABASE,
            object_id: of_program::DATABASE.to_owned(),
            object_name: "monday.db",
            changes: json!({}),
        };
        audit::record(tx, &line).await
    };
    app.state.store.db.write(unit).await.unwrap();

    let body = app.get(&admin, "/api/settings/system").await.json();
    assert_eq!(body["database"]["type"], "SQLITE");
    assert!(body["database"]["sizeBytes"].as_i64().unwrap() > 0, "{body}");
    assert_eq!(body["workers"][0]["name"], "deliver");
    assert_eq!(body["environment"], json!(["SMTP_HOST"]));
    assert_eq!(body["lastBackup"]["file"], "monday.db");
    assert_eq!(
        body["channels"][5],
        json!({ "channel": "EMAIL", "configured": true, "failedLastHour": 0, "lastFailure": null })
    );
    let page = app.get(&admin, "/settings/system").await;
    for words in [
        "monday.db",
        "SMTP_HOST",
        "Sending messages",
        "0002_search",
        "opsknight backup",
    ] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
}

#[tokio::test]
async fn letters_are_switched_off_for_whoever_asks() {
    let app = App::new().await;
    let user = app.signed_in("Uma", Role::User).await;
    assert!(app.get(&user, "/").await.text.contains(r#"data-keys="on""#));
    let off = app.form(&user, "/profile/shortcuts", &[]).await;
    assert_eq!(off.status, StatusCode::SEE_OTHER);
    assert_eq!(off.cookie("single-keys").as_deref(), Some("off"));
    let As::Session(token) = &user else { unreachable!() };
    let request = app.request(&As::Nobody, &Method::GET, "/");
    let request = request.header(header::COOKIE, format!("session={token}; single-keys=off"));
    let page = app.ask(request.body(Body::empty()).unwrap()).await;
    assert!(page.text.contains(r#"data-keys="off""#));
    let on = app.form(&user, "/profile/shortcuts", &[("single_keys", "on")]).await;
    assert_eq!(on.cookie("single-keys").as_deref(), Some("on"));
}

#[tokio::test]
async fn whoever_is_on_call_reads_until_when_and_others_from_when() {
    let app = App::new().await;
    let (ann, ben) = (app.person("Ann", Role::User).await, app.person("Ben", Role::User).await);
    let admin = app.signed_in("Ada", Role::Admin).await;
    let layer = json!({
        "name": "Primary", "users": [ann.to_string(), ben.to_string()],
        "rotation": { "unit": "WEEKS", "length": 1, "start": "2026-05-31T22:00:00Z", "handoff": "00:00" },
    });
    let body = json!({ "name": "Platform", "timeZone": "Europe/Berlin", "layers": [layer] });
    let made = app.call(&admin, Method::POST, "/api/schedules", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let page = async |who| app.get(&app.session_of(who).await, "/pulse").await.text;
    let now = page(ann).await;
    assert!(
        now.contains("You are on call until") && now.contains("Platform"),
        "{now}"
    );
    let next = page(ben).await;
    assert!(
        next.contains("Next on call") && next.contains("2026-06-07T22:00:00Z"),
        "{next}"
    );
    assert!(!app.get(&admin, "/pulse").await.text.contains("on call"));
}

/// The most bytes of a page over the wire with nothing kept: itself, its style sheet, scripts and icons.
const PAGE_BYTES_MAX: usize = 60_000;

/// How many bytes an address takes over the wire, and its text.
async fn weigh(app: &App, who: &As, path: &str) -> (usize, String) {
    let request = app
        .request(who, &Method::GET, path)
        .header(header::ACCEPT_ENCODING, "gzip");
    let response = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let packed = response.into_body().collect().await.unwrap().to_bytes().len();
    (packed, app.get(who, path).await.text)
}

#[tokio::test]
async fn every_page_weighs_less_than_its_limit_with_nothing_kept() {
    let app = App::new().await;
    let admin = app.signed_in("Ada", Role::Admin).await;
    let service = app.service("Checkout", None).await;
    let incident = app.incident("Checkout is down").await;
    let incident = incident["id"].as_str().unwrap();
    let fixed = [
        "/",
        "/incidents",
        "/incidents/new",
        "/services",
        "/services/new",
        "/policies",
        "/policies/new",
        "/schedules",
        "/schedules/new",
        "/teams",
        "/users",
        "/users/new",
        "/events",
        "/notifications",
        "/audit",
        "/profile",
        "/search",
        "/settings/notifications",
        "/settings/email",
        "/settings/slack",
        "/settings/webhooks",
        "/settings/webhooks/new",
        "/settings/api-keys",
        "/settings/system",
    ];
    let of_things = [
        format!("/incidents/{incident}"),
        format!("/services/{service}"),
        format!("/services/{service}/integrations"),
        format!("/services/{service}/integrations/new"),
        format!("/services/{service}/settings"),
    ];
    let mut files: BTreeMap<String, usize> = BTreeMap::new();
    for path in fixed.into_iter().map(str::to_owned).chain(of_things) {
        let (mut weight, html) = weigh(&app, &admin, &path).await;
        for file in assets(&html) {
            let known = files.get(&file).copied();
            let bytes = match known {
                Some(bytes) => bytes,
                None => weigh(&app, &As::Nobody, &file).await.0,
            };
            files.insert(file, bytes);
            weight += bytes;
        }
        assert!(weight < PAGE_BYTES_MAX, "{path} weighs {weight} bytes; files {files:?}");
    }
}

/// The files that a page loads by itself, each once. What is fetched later or only by some is not among them.
fn assets(html: &str) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for name in ["href=\"", "src=\""] {
        let places = html.split(name).skip(1);
        let addresses = places.filter_map(|rest| rest.split(['"', '#']).next());
        files.extend(
            addresses
                .filter(|address| address.starts_with("/assets/"))
                .map(str::to_owned),
        );
    }
    files
}

#[tokio::test]
async fn files_come_packed_and_stay_for_a_year_and_pages_say_whose_they_are() {
    let app = App::new().await;
    let user = app.signed_in("Uma", Role::User).await;
    let page = app.get(&user, "/").await;
    assert!(page.header("opsknight-viewer").starts_with("usr_"));
    assert_eq!(page.header("speculation-rules"), "\"/speculation.json\"");
    assert_eq!(page.header("cache-control"), "no-store");
    let rules = app.get(&As::Nobody, "/speculation.json").await;
    assert_eq!(rules.header("content-type"), "application/speculationrules+json");
    assert!(rules.json()["prefetch"].is_array());

    let sheet = assets(&page.text)
        .into_iter()
        .find(|file| file.ends_with(".css"))
        .unwrap();
    let request = app
        .request(&As::Nobody, &Method::GET, &sheet)
        .header(header::ACCEPT_ENCODING, "gzip, br");
    let packed = app.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.header("cache-control"), "public, max-age=31536000, immutable");
    let tag = packed.header("etag").to_owned();
    let request = app
        .request(&As::Nobody, &Method::GET, &sheet)
        .header(header::ACCEPT_ENCODING, "gzip");
    let again = app
        .ask(request.header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap())
        .await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);

    let manifest = app.get(&As::Nobody, "/manifest.webmanifest").await.json();
    for icon in manifest["icons"].as_array().unwrap() {
        let file = app.get(&As::Nobody, icon["src"].as_str().unwrap()).await;
        assert_eq!(
            file.header("cache-control"),
            "public, max-age=31536000, immutable",
            "{icon}"
        );
    }
}
