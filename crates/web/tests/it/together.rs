//! More people on one incident, two incidents that are one problem, and notes: through the API and on the page.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, App, As};

/// An organisation: Ada works in it, a policy pages Ann and then Bob, and a service has it.
struct Shop {
    app: App,
    ada: As,
    ann: String,
    bob: String,
    service: String,
}

impl Shop {
    async fn open() -> Self {
        let app = App::new().await;
        let ada = app.signed_in("Ada", Role::Admin).await;
        let ann = app.person("Ann", Role::Responder).await.to_string();
        let bob = app.person("Bob", Role::Responder).await.to_string();
        let step = |id: &str| json!({ "targets": [{ "type": "USER", "id": id }], "delayMinutes": 30 });
        let policy = json!({ "name": "Default", "repeat": 0, "steps": [step(&ann), step(&bob)] });
        let policy = app
            .call(&ada, Method::POST, "/api/escalation-policies", &policy)
            .await
            .json();
        let service = json!({ "name": "Shop", "escalationPolicyId": policy["id"] });
        let service = app.call(&ada, Method::POST, "/api/services", &service).await.json();
        let service = service["id"].as_str().unwrap().to_owned();
        Self {
            app,
            ada,
            ann,
            bob,
            service,
        }
    }

    async fn incident(&self, title: &str) -> String {
        let body = json!({ "title": title, "serviceId": self.service, "urgency": "LOW" });
        let made = self.post("/api/incidents", &body).await.json();
        made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.app.call(&self.ada, Method::POST, path, body).await
    }

    async fn get(&self, path: &str) -> Value {
        self.app.get(&self.ada, path).await.json()
    }

    async fn page(&self, path: &str) -> String {
        let page = self.app.get(&self.ada, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        page.text
    }

    /// Sends a form of the page and gives back what its answer says.
    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let done = self.app.form(&self.ada, path, fields).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
        let flash = done.cookie("flash").unwrap_or_default();
        let As::Session(token) = &self.ada else { unreachable!() };
        let request = self.app.request(&self.ada, &Method::GET, done.header("location"));
        let request = request.header("cookie", format!("session={token}; flash={flash}"));
        self.app
            .ask(request.body(axum::body::Body::empty()).unwrap())
            .await
            .text
    }
}

#[tokio::test]
async fn the_next_step_can_be_run_at_once() {
    let shop = Shop::open().await;
    let id = shop.incident("Slow").await;
    let page = shop.page(&format!("/incidents/{id}")).await;
    assert!(page.contains("Step 2 of Default: page Bob by email"), "{page}");
    let escalated = shop.post(&format!("/api/incidents/{id}/escalate"), &json!(null)).await;
    assert_eq!(
        (escalated.status, &escalated.json()["currentStep"]),
        (StatusCode::OK, &json!(2)),
        "{}",
        escalated.text
    );
    let text = shop.form(&format!("/incidents/{id}/escalate"), &[]).await;
    assert!(text.contains("Escalated. The next step was run."), "{text}");
    assert!(text.contains("Escalated by Ada, from the first step"), "{text}");
    shop.form(&format!("/incidents/{id}/acknowledge"), &[]).await;
    let refused = shop.post(&format!("/api/incidents/{id}/escalate"), &json!(null)).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("add a responder"), "{}", refused.text);
}

#[tokio::test]
async fn further_people_are_asked_for_help_and_kept() {
    let shop = Shop::open().await;
    let id = shop.incident("Slow").await;
    let path = format!("/api/incidents/{id}/responders");
    let call = json!({ "targets": [{ "type": "USER", "id": shop.bob }], "message": "You know the <cache>" });
    let asked = shop.post(&path, &call).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text);
    let bob = &shop.get(&path).await["data"][0];
    assert_eq!((&bob["user"]["name"], &bob["askedBy"]), (&json!("Bob"), &json!("Ada")));
    assert_eq!(
        (&bob["pages"][0]["channel"], &bob["pages"][0]["status"]),
        (&json!("EMAIL"), &json!("PENDING"))
    );
    let sent = shop.get(&format!("/api/incidents/{id}/notifications")).await;
    assert!(
        sent["data"]
            .to_string()
            .contains("Ada asks for your help: “You know the <cache>”"),
        "{sent}"
    );
    for (body, field) in [
        (json!({ "targets": [] }), "targets"),
        (
            json!({ "targets": [{ "type": "USER", "id": "usr_x" }] }),
            "targets[0].id",
        ),
        (
            json!({ "targets": [{ "type": "USER", "id": shop.ann, "leadOnly": true }] }),
            "targets[0].leadOnly",
        ),
        (
            json!({ "targets": [{ "type": "USER", "id": shop.ann }], "message": "x".repeat(301) }),
            "message",
        ),
    ] {
        let refused = shop.post(&path, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(
            refused.json()["error"]["details"]["fields"][field].is_string(),
            "{field}: {}",
            refused.text
        );
    }
    let who = format!("user:{}", shop.ann);
    let text = shop
        .form(
            &format!("/incidents/{id}/responders"),
            &[("who", &who), ("message", "")],
        )
        .await;
    assert!(
        text.contains("Ada asked Ann for help") && text.contains("Asked by Ada"),
        "{text}"
    );
    assert!(!text.contains("<cache>"), "text stays text");
    let text = shop
        .form(&format!("/incidents/{id}/responders"), &[("who", "user:nobody")])
        .await;
    assert!(text.contains("chosen from the list"), "{text}");
}

#[tokio::test]
async fn tags_find_an_incident_again() {
    let shop = Shop::open().await;
    let (one, _) = (shop.incident("Slow").await, shop.incident("Quick").await);
    let fields = [
        ("title", "Slower"),
        ("urgency", "HIGH"),
        ("priority", "P2"),
        ("tags", "Data Base, eu, eu"),
    ];
    let text = shop.form(&format!("/incidents/{one}/details"), &fields).await;
    assert!(text.contains("/incidents?tag=data-base"), "{text}");
    let found = shop.get("/api/incidents?tag=EU,nothing").await;
    assert_eq!(found["pagination"]["total"], 1, "{found}");
    let found = &found["data"][0];
    assert_eq!((&found["title"], &found["priority"]), (&json!("Slower"), &json!("P2")));
    assert_eq!(found["tags"], json!(["data-base", "eu"]));
    let patch = async |tags: Value| {
        let path = format!("/api/incidents/{one}");
        shop.app
            .call(&shop.ada, Method::PATCH, &path, &json!({ "tags": tags }))
            .await
    };
    assert_eq!(patch(json!(["x".repeat(51)])).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(patch(json!([])).await.json()["tags"], json!([]));
    assert_eq!(shop.get("/api/incidents?tag=eu").await["pagination"]["total"], 0);
    let fields = [("title", "Slower"), ("priority", ""), ("tags", "")];
    shop.form(&format!("/incidents/{one}/details"), &fields).await;
    assert_eq!(
        shop.get(&format!("/api/incidents/{one}")).await["priority"],
        Value::Null
    );
}

#[tokio::test]
async fn two_incidents_become_one_and_chains_are_one_step_long() {
    let shop = Shop::open().await;
    let mut ids = Vec::new();
    for title in ["One", "Two", "Three"] {
        ids.push(shop.incident(title).await);
    }
    let [one, two, three] = [&ids[0], &ids[1], &ids[2]];
    let merge = async |from: &str, into: &str| {
        let path = format!("/api/incidents/{from}/merge");
        shop.post(&path, &json!({ "into": into })).await
    };
    assert_eq!(merge(one, one).await.status, StatusCode::BAD_REQUEST);
    let merged = merge(one, two).await;
    assert_eq!(merged.status, StatusCode::OK, "{}", merged.text);
    assert_eq!(
        (&merged.json()["status"], &merged.json()["mergedIntoId"]),
        (&json!("RESOLVED"), &json!(two))
    );
    assert_eq!(
        merge(one, three).await.status,
        StatusCode::CONFLICT,
        "it is merged already"
    );
    // Two goes to three by its number; one, which is in two, goes along.
    let text = shop
        .form(&format!("/incidents/{two}/merge"), &[("into", "#3 Three")])
        .await;
    assert!(text.contains("Merged into <a href=\"/incidents/"), "{text}");
    assert_eq!(
        shop.get(&format!("/api/incidents/{one}")).await["mergedIntoId"],
        json!(three)
    );
    let fourth = shop.incident("Four").await;
    let followed = merge(&fourth, one).await.json();
    assert_eq!(
        followed["mergedIntoId"],
        json!(three),
        "whoever was merged stands for where it went: {followed}"
    );
    let waiting = shop.get(&format!("/api/incidents/{fourth}/notifications")).await;
    let states = waiting["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].clone());
    assert!(states.clone().all(|state| state != "PENDING"), "{waiting}");
    let key = json!({ "title": "Again", "serviceId": shop.service, "dedupKey": followed["dedupKey"] });
    assert_eq!(
        shop.post("/api/incidents", &key).await.status,
        StatusCode::CONFLICT,
        "its key leads to three"
    );
    let text = shop.form(&format!("/incidents/{fourth}/reopen"), &[]).await;
    assert!(text.contains("merged into another"), "{text}");
    let story = shop.get(&format!("/api/incidents/{three}/timeline")).await;
    assert_eq!(
        story["data"].to_string().matches("merged into this one by Ada").count(),
        2,
        "{story}"
    );
    let text = shop
        .form(&format!("/incidents/{three}/merge"), &[("into", "nothing")])
        .await;
    assert!(text.contains("named by its number"), "{text}");
}

#[tokio::test]
async fn notes_are_markdown_and_their_authors_own() {
    let shop = Shop::open().await;
    let id = shop.incident("Slow").await;
    let path = format!("/incidents/{id}");
    let note = "**Bold** for @bob <b>raw</b> [x](javascript:alert(1))";
    let text = shop.form(&format!("{path}/notes"), &[("note", note)]).await;
    assert!(
        text.contains("<strong>Bold</strong> for <span class=\"mention\">@bob</span> &lt;b&gt;raw"),
        "{text}"
    );
    assert!(!text.contains("href=\"javascript:"), "{text}");
    let sent = shop.get(&format!("/api/incidents/{id}/notifications")).await["data"].to_string();
    assert!(
        sent.contains("NOTICE") && sent.contains("Ada mentioned you in a note"),
        "{sent}"
    );
    let notes = shop.get(&format!("/api{path}/notes")).await;
    let own = format!("{path}/notes/{}", notes["data"][0]["id"].as_str().unwrap());
    assert!(text.contains(&own), "its author may change it");
    let bob = shop.app.signed_in("Rob", Role::Responder).await;
    assert!(!shop.app.get(&bob, &path).await.text.contains(&own));
    assert_eq!(shop.app.get(&bob, &own).await.status, StatusCode::FORBIDDEN);
    let key = shop.app.key(&["incidents:write"]).await;
    let words = json!({ "text": "Other words" });
    let by_key = shop.app.call(&key, Method::PATCH, &format!("/api{own}"), &words).await;
    assert_eq!(by_key.status, StatusCode::FORBIDDEN, "{}", by_key.text);
    let edited = shop
        .app
        .call(&shop.ada, Method::PATCH, &format!("/api{own}"), &words)
        .await;
    assert_eq!(
        (edited.status, &edited.json()["text"]),
        (StatusCode::OK, &json!("Other words"))
    );
    assert!(shop.page(&path).await.contains(">edited</span>"));
    let empty = shop.app.form(&shop.ada, &own, &[("note", " "), ("do", "save")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = shop.form(&own, &[("do", "delete")]).await;
    assert!(
        text.contains("Ada took a note away") && !text.contains("Other words"),
        "{text}"
    );
    let gone = shop
        .app
        .call(&shop.ada, Method::DELETE, &format!("/api{own}"), &json!(null))
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let log = shop.get("/api/audit-log").await["data"].to_string();
    assert!(
        log.contains("note.updated") && log.contains("note.deleted") && log.contains("Other words"),
        "{log}"
    );
}

#[tokio::test]
async fn the_story_comes_in_parts_and_can_leave_the_machines_out() {
    let shop = Shop::open().await;
    let id = shop.incident("Slow").await;
    let path = format!("/incidents/{id}");
    for n in 0..102 {
        shop.form(&format!("{path}/notes"), &[("note", &format!("note-{n}."))])
            .await;
    }
    let last = shop.page(&path).await;
    assert!(last.contains("note-101.") && !last.contains("note-1."), "only the end");
    let older = last
        .split("href=\"")
        .find(|rest| rest.starts_with(&format!("{path}?before=")))
        .unwrap();
    let older = older.split('"').next().unwrap();
    let first = shop.page(older).await;
    assert!(first.contains("note-1.") && !first.contains("note-101.") && first.contains("Back to the end"));
    assert!(first.contains("Step 1 of Default"), "{first}");
    let people = shop.page(&format!("{older}&story=people")).await;
    assert!(
        people.contains("note-0.") && !people.contains("Step 1 of Default"),
        "{people}"
    );
    let wrong = shop.app.get(&shop.ada, &format!("{path}?before=x")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}
