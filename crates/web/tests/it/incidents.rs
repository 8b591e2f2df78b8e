//! Incidents through the API and on pages.

use axum::body::Body;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use crate::harness::{App, As};

async fn patch(app: &App, who: &As, id: &str, body: Value) -> (StatusCode, Value) {
    let answer = app
        .call(who, Method::PATCH, &format!("/api/incidents/{id}"), &body)
        .await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn an_incident_has_the_fields_of_the_contract() {
    let app = App::new().await;
    let incident = app.incident("Disk full").await;
    let mut fields: Vec<&str> = incident.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let mut wanted: Vec<&str> =
        "id number title description status urgency priority isTest dedupKey service assignee team \
        escalationPolicy currentStep nextEscalationAt snoozedUntil inMaintenance customDetails links images alertCount createdAt \
        acknowledgedAt resolvedAt updatedAt url tags mergedIntoId"
            .split_whitespace()
            .collect();
    wanted.sort_unstable();
    assert_eq!(fields, wanted);
    assert_eq!(
        incident["url"],
        format!("http://ok.example/incidents/{}", incident["id"].as_str().unwrap())
    );
    assert_eq!(
        (&incident["status"], &incident["urgency"]),
        (&json!("OPEN"), &json!("HIGH"))
    );
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_takes_away_what_is_null() {
    let app = App::new().await;
    let incident = app.incident("Disk full").await;
    let id = incident["id"].as_str().unwrap();
    let key = app.key(&["incidents:write", "incidents:read"]).await;
    let (status, body) = patch(&app, &key, id, json!({ "priority": "P1", "description": "much" })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, body) = patch(&app, &key, id, json!({ "priority": null, "title": "Disk is full" })).await;
    assert_eq!(
        (&body["priority"], &body["description"]),
        (&Value::Null, &json!("much"))
    );
    assert_eq!(body["title"], "Disk is full");
    for (wish, field) in [
        (json!({ "title": null }), "title"),
        (json!({ "status": "SNOOZED" }), "snoozeMinutes"),
        (json!({ "snoozeMinutes": 5 }), "snoozeMinutes"),
        (json!({ "status": "OPEN", "resolutionNote": "x" }), "resolutionNote"),
        (json!({ "status": "SNOOZED", "snoozeMinutes": 0 }), "snoozeMinutes"),
        (json!({ "assigneeId": "usr_01jbcf1000f4z9pkvk1c1c1c1c" }), "assigneeId"),
    ] {
        let (status, body) = patch(&app, &key, id, wish).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(body["error"]["details"]["fields"][field].is_string(), "{field}: {body}");
    }
}

#[tokio::test]
async fn states_follow_each_other_and_the_story_tells_it() {
    let app = App::new().await;
    let incident = app.incident("Disk full").await;
    let id = incident["id"].as_str().unwrap();
    let who = app.signed_in("Rob", Role::Responder).await;
    let (_, body) = patch(&app, &who, id, json!({ "status": "ACKNOWLEDGED" })).await;
    assert_eq!(
        (&body["status"], &body["assignee"]["name"]),
        (&json!("ACKNOWLEDGED"), &json!("Rob"))
    );
    let (status, _) = patch(&app, &who, id, json!({ "status": "ACKNOWLEDGED" })).await;
    assert_eq!(status, StatusCode::OK, "the same call sent twice is no mistake");
    patch(&app, &who, id, json!({ "status": "SNOOZED", "snoozeMinutes": 30 })).await;
    let (_, body) = patch(
        &app,
        &who,
        id,
        json!({ "status": "RESOLVED", "resolutionNote": "Deleted logs" }),
    )
    .await;
    assert_eq!(body["status"], "RESOLVED");
    let (status, body) = patch(&app, &who, id, json!({ "status": "ACKNOWLEDGED" })).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("CONFLICT"))
    );
    let notes = app.get(&who, &format!("/api/incidents/{id}/notes")).await.json();
    assert_eq!(notes["data"][0]["text"], "Deleted logs");
    let story = app
        .get(&who, &format!("/api/incidents/{id}/timeline?limit=3"))
        .await
        .json();
    assert_eq!(story["data"][0]["type"], "TRIGGERED");
    assert_eq!(story["pagination"]["hasMore"], true);
    let note = json!({ "text": "All good since" });
    let answer = app
        .call(&who, Method::POST, &format!("/api/incidents/{id}/notes"), &note)
        .await;
    assert_eq!(
        (answer.status, &answer.json()["text"]),
        (StatusCode::CREATED, &json!("All good since"))
    );
}

#[tokio::test]
async fn a_key_names_one_live_incident() {
    let app = App::new().await;
    let service = app.service("Web", None).await.to_string();
    let key = app.key(&["incidents:write"]).await;
    let body = json!({ "title": "x", "serviceId": service, "dedupKey": "k" });
    let first = app.call(&key, Method::POST, "/api/incidents", &body).await.json();
    let second = app.call(&key, Method::POST, "/api/incidents", &body).await;
    assert_eq!(
        (second.status, second.code().as_str()),
        (StatusCode::CONFLICT, "CONFLICT")
    );
    let id = first["id"].as_str().unwrap();
    patch(&app, &key, id, json!({ "status": "RESOLVED" })).await;
    let third = app.call(&key, Method::POST, "/api/incidents", &body).await;
    assert_eq!(third.status, StatusCode::CREATED);
    let (status, _) = patch(&app, &key, id, json!({ "status": "OPEN" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "it cannot come back beside its successor");
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_pages() {
    let app = App::new().await;
    let service = app.service("Web", None).await.to_string();
    let key = app.key(&["incidents:write", "incidents:read"]).await;
    for (title, urgency) in [("one", "LOW"), ("two", "HIGH"), ("three", "MEDIUM")] {
        let body = json!({ "title": title, "serviceId": service, "urgency": urgency });
        app.call(&key, Method::POST, "/api/incidents", &body).await;
    }
    let titles = |list: Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap().iter();
        data.map(|incident| incident["title"].as_str().unwrap().to_owned())
            .collect()
    };
    let list = |query: &'static str| {
        let (app, key) = (&app, &key);
        async move { titles(app.get(key, &format!("/api/incidents?{query}")).await.json()) }
    };
    assert_eq!(list("").await, ["three", "two", "one"]);
    assert_eq!(list("sort=urgency").await, ["two", "three", "one"]);
    assert_eq!(list("urgency=LOW,MEDIUM&order=asc").await, ["one", "three"]);
    assert_eq!(list("q=THR").await, ["three"]);
    assert_eq!(list("limit=1&offset=1").await, ["two"]);
    assert_eq!(list("createdBefore=2026-01-01T00:00:00Z").await, [""; 0]);
}

#[tokio::test]
async fn the_page_tells_and_does_it_and_text_stays_text() {
    let app = App::new().await;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let incident = app.incident(evil).await;
    let id = incident["id"].as_str().unwrap();
    let who = app.signed_in("Rob", Role::Responder).await;
    for path in ["/", "/incidents", &format!("/incidents/{id}")] {
        let page = app.get(&who, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(
            page.text.contains("&#60;script&#62;alert(1)") || page.text.contains("&lt;script&gt;alert(1)"),
            "{path}"
        );
        assert!(
            !page.text.contains("<script>alert") && !page.text.contains("<img src=x"),
            "{path}"
        );
    }
    let page = app.get(&who, &format!("/incidents/{id}")).await;
    assert!(page.text.contains("no escalation policy"), "why nobody is paged");
    let done = app.form(&who, &format!("/incidents/{id}/acknowledge"), &[]).await;
    assert_eq!(done.header("location"), format!("/incidents/{id}"));
    let flash = done.cookie("flash").unwrap();
    let request = app.request(&who, &Method::GET, &format!("/incidents/{id}"));
    let As::Session(token) = &who else { unreachable!() };
    let request = request.header("cookie", format!("session={token}; flash={flash}"));
    let page = app.ask(request.body(Body::empty()).unwrap()).await;
    assert!(page.text.contains("Escalation has stopped"), "{}", page.text);
    let again = app.form(&who, &format!("/incidents/{id}/acknowledge"), &[]).await;
    assert_eq!(
        again.status,
        StatusCode::SEE_OTHER,
        "a person hears that somebody was faster"
    );
    let note = app
        .form(&who, &format!("/incidents/{id}/notes"), &[("note", evil)])
        .await;
    assert_eq!(note.status, StatusCode::SEE_OTHER);
    assert!(
        !app.get(&who, &format!("/incidents/{id}"))
            .await
            .text
            .contains("<script>alert")
    );
}

#[tokio::test]
async fn the_story_names_everybody_once_and_what_comes_lies_ahead() {
    let app = App::new().await;
    let service = app.service("Web", None).await.to_string();
    let who = app.signed_in("Ada", Role::Admin).await;
    let targets = json!({ "targetAckMinutes": 5, "targetResolveMinutes": 60 });
    app.call(&who, Method::PATCH, &format!("/api/services/{service}"), &targets)
        .await;
    let form = [("title", "Disk full"), ("service_id", &service), ("urgency", "HIGH")];
    let opened = app.form(&who, "/incidents", &form).await;
    let path = opened.header("location").to_owned();
    let page = app.get(&who, &path).await.text;
    assert!(page.contains("The target to acknowledge is missed"), "{page}");
    assert!(page.contains("The target to resolve is missed") && !page.contains("was missed"));
    app.form(&who, &format!("{path}/acknowledge"), &[]).await;
    app.form(&who, &format!("{path}/notes"), &[("note", "On it")]).await;
    let page = app.get(&who, &path).await.text;
    assert!(page.contains("<div class=\"said\">Acknowledged by Ada"), "{page}");
    assert!(
        page.contains("<span class=\"strong\">Ada</span> wrote a note"),
        "{page}"
    );
}

#[tokio::test]
async fn forms_keep_what_was_typed() {
    let app = App::new().await;
    let service = app.service("Web", None).await.to_string();
    let who = app.signed_in("Rob", Role::Responder).await;
    let form = [
        ("title", " "),
        ("service_id", service.as_str()),
        ("description", "Typed <b>with care</b>"),
    ];
    let refused = app.form(&who, "/incidents", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("Typed &#60;b&#62;with care") || refused.text.contains("Typed &lt;b&gt;with care"));
    assert!(
        refused.text.contains("This must have from 1 to 1024 characters."),
        "{}",
        refused.text
    );
    let form = [("title", "Smoke"), ("service_id", service.as_str()), ("urgency", "LOW")];
    let opened = app.form(&who, "/incidents", &form).await;
    assert!(
        opened.header("location").starts_with("/incidents/inc_"),
        "{}",
        opened.text
    );
}

#[tokio::test]
async fn live_streams_tell_of_changes_and_are_bounded() {
    let app = App::new().await;
    let (rob, eve) = (
        app.signed_in("Rob", Role::Responder).await,
        app.signed_in("Eve", Role::User).await,
    );
    let open = async |who: &As| {
        let request = app.request(who, &Method::GET, "/live");
        app.send(request.body(Body::empty()).unwrap()).await
    };
    let first = open(&rob).await;
    let second = open(&rob).await;
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    assert_eq!(
        open(&rob).await.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "one has two"
    );
    let hers = open(&eve).await;
    assert_eq!(hers.status(), StatusCode::OK, "others have theirs");
    assert_eq!(
        open(&eve).await.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "and all have three"
    );
    drop(second);
    let again = open(&eve).await;
    assert_eq!(again.status(), StatusCode::OK, "a stream that ends makes room");
    let mut body = first.into_body();
    let incident = app.incident("Smoke").await;
    let mut heard = String::new();
    while !heard.contains(incident["id"].as_str().unwrap()) {
        let frame = body.frame().await.unwrap().unwrap();
        heard += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    assert!(heard.contains("event: change"), "{heard}");
    // A page that was drawn before that and listens only now hears of it too.
    drop(again);
    let request = app.request(&eve, &Method::GET, "/live?age=3600000");
    let late = app.send(request.body(Body::empty()).unwrap()).await;
    let mut late = late.into_body();
    let mut heard = String::new();
    while !heard.contains("event: change") {
        let frame = late.frame().await.unwrap().unwrap();
        heard += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    assert!(
        heard.contains("data: *"),
        "the server is not as old as the page: {heard}"
    );
    app.state.stop_live();
    while body.frame().await.is_some() {}
}
