//! What came in: the log with its filters, looking at what a body would lead to, and running a request again; as
//! programs and as people do it.

use http::{Method, StatusCode};
use opsknight_domain::{
    directory::Role,
    id::{ReceiptId, ServiceId},
};
use serde_json::{Value, json};

use super::{Admin, id, nowhere};
use crate::harness::{App, As};

/// A service with an integration of this type, and the path of its preview.
struct Door {
    service: ServiceId,
    integration: String,
    preview: String,
}

async fn door(admin: &Admin, kind: &str) -> Door {
    let service = admin
        .post("/api/services", json!({ "name": format!("For {kind}") }))
        .await;
    let list = format!("/api/services/{}/integrations", id(&service));
    let made = admin.post(&list, json!({ "name": "Any", "type": kind })).await;
    Door {
        service: id(&service).parse().unwrap(),
        integration: id(&made).to_owned(),
        preview: format!("{list}/{}/preview", id(&made)),
    }
}

impl Door {
    fn page(&self, rest: &str) -> String {
        format!("/services/{}/integrations/{}/{rest}", self.service, self.integration)
    }
}

/// What the first event of a preview says.
async fn looked(admin: &Admin, path: &str, body: Value) -> Value {
    let answer = admin.call(Method::POST, path, body.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.text);
    answer.json()["events"][0].clone()
}

#[tokio::test]
async fn a_body_is_looked_at_as_it_would_be_sent() {
    let admin = Admin::new().await;
    let door = door(&admin, "WEBHOOK").await;
    let event = looked(&admin, &door.preview, json!({ "body": { "z": 1, "a": 2 } })).await;
    assert_eq!(event["summary"], r#"{"z":1,"a":2}"#, "the order stays");
    assert_eq!(event["component"], "application/json");
    assert_eq!(event["class"], "POST /api/integrations/webhook?");
    assert_eq!(
        (
            &event["action"],
            &event["severity"],
            &event["dedupKey"],
            &event["isTest"]
        ),
        (&json!("trigger"), &json!("error"), &json!("key"), &json!(false))
    );
    assert_eq!(event["origins"], json!({ "summary": "alert.title" }));
    let outcome = json!({
        "action": "triggered", "text": "would open an incident", "incident": null, "openedBy": null, "reason": null
    });
    assert_eq!(event["outcome"], outcome);
    let sent = json!({
        "body": "title=x", "contentType": "application/x-www-form-urlencoded", "method": "POST", "query": "a=b",
        "headers": { "X-More": "y" }, "fieldMapping": { "summaryField": "alert.title" }
    });
    let event = looked(&admin, &door.preview, sent).await;
    assert_eq!(event["summary"], "title=x", "text is taken as it is");
    assert_eq!(event["component"], "application/x-www-form-urlencoded");
    assert_eq!(event["class"], "POST /api/integrations/webhook?a=b");
    assert_eq!(
        (&event["group"], &event["source"]),
        (&json!("y"), &json!("alert.title"))
    );
    let answer = admin.call(Method::POST, &door.preview, json!({ "body": "odd" })).await;
    let error = json!({ "events": [], "error": { "field": "body", "message": "is odd" } });
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, error));
}

#[tokio::test]
async fn a_received_request_is_looked_at_through_the_integration() {
    let admin = Admin::new().await;
    let door = door(&admin, "WEBHOOK").await;
    let receipt = admin.app.received(door.service, "it came", json!([])).await;
    let wish = json!({ "eventId": receipt.to_string(), "fieldMapping": { "summaryField": "s" } });
    let event = looked(&admin, &door.preview, wish).await;
    assert_eq!((&event["summary"], &event["source"]), (&json!("it came"), &json!("s")));
    assert_eq!(event["class"], "POST /api/integrations/webhook?x=1");
    let elsewhere = admin.app.service("Elsewhere", None).await;
    let other = admin.app.received(elsewhere, "it came", json!([])).await;
    for (body, field) in [
        (json!({}), "body"),
        (json!({ "body": null }), "body"),
        (json!({ "eventId": other.to_string() }), "eventId"),
        (json!({ "eventId": nowhere("evt") }), "eventId"),
        (json!({ "eventId": "x" }), "eventId"),
        (json!({ "eventId": receipt.to_string(), "body": {} }), "body"),
        (json!({ "eventId": receipt.to_string(), "query": "" }), "query"),
        (json!({ "body": {}, "method": "BREW" }), "method"),
        (json!({ "body": {}, "contentType": "a\nb" }), "contentType"),
        (json!({ "body": {}, "headers": { "a b": "c" } }), "headers.a b"),
        (json!({ "body": {}, "colour": "red" }), "colour"),
        (
            json!({ "body": {}, "fieldMapping": { "titleField": "x" } }),
            "fieldMapping.titleField",
        ),
        (
            json!({ "body": {}, "fieldMapping": { "summaryField": " " } }),
            "fieldMapping.summaryField",
        ),
        (
            json!({ "body": {}, "fieldMapping": { "triggerValues": ["a"], "resolveValues": ["b", "A"] } }),
            "fieldMapping.resolveValues[1]",
        ),
    ] {
        admin.refuses(Method::POST, &door.preview, body, field).await;
    }
    let path = door.preview.replace(&door.service.to_string(), &elsewhere.to_string());
    let answer = admin.call(Method::POST, &path, json!({ "body": {} })).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "it is not that service's");
}

#[tokio::test]
async fn only_the_generic_webhook_takes_a_mapping_to_look_by() {
    let admin = Admin::new().await;
    let door = door(&admin, "PROMETHEUS").await;
    assert_eq!(
        looked(&admin, &door.preview, json!({ "body": [] })).await["summary"],
        "[]"
    );
    let body = json!({ "body": {}, "fieldMapping": {} });
    admin.refuses(Method::POST, &door.preview, body, "fieldMapping").await;
}

fn again(receipt: ReceiptId) -> String {
    format!("/api/events/log/{receipt}/replay")
}

#[tokio::test]
async fn a_request_is_looked_at_unless_it_is_to_be_run() {
    let admin = Admin::new().await;
    let door = door(&admin, "WEBHOOK").await;
    let receipt = admin.app.received(door.service, "it came", json!([])).await;
    for body in [json!({}), json!({ "preview": true })] {
        assert_eq!(looked(&admin, &again(receipt), body).await["summary"], "it came");
    }
    let request = admin.app.request(&admin.who, &Method::POST, &again(receipt));
    let answer = admin.app.ask(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["events"][0]["summary"], "it came", "no body is a preview");
    let run = json!({ "preview": false });
    let answer = admin.call(Method::POST, &again(receipt), run.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let body = json!({
        "eventId": receipt.to_string(), "replayOf": receipt.to_string(), "status": 202,
        "body": { "by": "Ada", "from": "192.0.2.1", "name": "WEBHOOK" }
    });
    assert_eq!(answer.json(), body);
    for (kept, status) in [("gone", StatusCode::CONFLICT), ("disabled", StatusCode::FORBIDDEN)] {
        let receipt = admin.app.received(door.service, kept, json!([])).await;
        let answer = admin.call(Method::POST, &again(receipt), run.clone()).await;
        assert_eq!(answer.status, status, "{kept}: {}", answer.text);
        assert!(answer.text.contains(kept) || kept == "gone", "{}", answer.text);
    }
    let odd = admin.app.received(door.service, "odd", json!([])).await;
    let answer = admin.call(Method::POST, &again(odd), run.clone()).await;
    assert_eq!((answer.status, &answer.json()["status"]), (StatusCode::OK, &json!(400)));
    admin
        .refuses(Method::POST, &again(receipt), json!({ "preview": null }), "preview")
        .await;
    admin
        .refuses(Method::POST, &again(receipt), json!({ "real": true }), "real")
        .await;
    let nowhere = format!("/api/events/log/{}/replay", nowhere("evt"));
    assert_eq!(
        admin.call(Method::POST, &nowhere, run).await.status,
        StatusCode::NOT_FOUND
    );
}

/// The statuses of a preview and of a run for real.
async fn may(app: &App, who: &As, receipt: ReceiptId) -> (u16, u16) {
    let look = app.call(who, Method::POST, &again(receipt), &json!({})).await;
    let run = app
        .call(who, Method::POST, &again(receipt), &json!({ "preview": false }))
        .await;
    (look.status.as_u16(), run.status.as_u16())
}

#[tokio::test]
async fn looking_is_for_responders_and_running_for_administrators() {
    let app = App::new().await;
    let service = app.service("Web", None).await;
    let receipt = app.received(service, "it came", json!([])).await;
    for (role, expected) in [
        (Role::User, (403, 403)),
        (Role::Responder, (200, 403)),
        (Role::Admin, (200, 200)),
    ] {
        let who = app.signed_in(role.word(), role).await;
        assert_eq!(may(&app, &who, receipt).await, expected, "{role:?}");
    }
    for (scopes, expected) in [
        (&["services:read"][..], (200, 403)),
        (&["services:read", "services:write"][..], (200, 200)),
        (&["events:write", "services:write"][..], (403, 403)),
    ] {
        let who = app.key(scopes).await;
        assert_eq!(may(&app, &who, receipt).await, expected, "{scopes:?}");
    }
    assert_eq!(may(&app, &As::Nobody, receipt).await, (401, 401));
}

#[tokio::test]
async fn the_log_says_what_came_of_each_alert_and_can_be_filtered() {
    let admin = Admin::new().await;
    let (web, shop) = (
        admin.app.service("Web", None).await,
        admin.app.service("Shop", None).await,
    );
    // A sender cannot put itself under another outcome by what it says.
    let sly = r#"","action":"resolved"#;
    let mixed = json!([
        { "action": "ignored", "dedupKey": sly, "incidentId": null, "reason": "no open incident" },
        { "action": "rejected", "reason": "body is odd" }
    ]);
    let first = admin.app.received(web, "a", mixed).await;
    admin.app.clock.advance_s(3600);
    let second = admin
        .app
        .received(shop, "b", json!([{ "action": "resolved", "dedupKey": "k" }]))
        .await;
    let listed = async |query: &str| {
        let found = admin.get(&format!("/api/events/log?{query}")).await;
        let rows = found["data"].as_array().unwrap().clone();
        assert_eq!(found["pagination"]["total"], rows.len(), "{query}");
        rows.iter().map(id).collect::<Vec<_>>().join(" ")
    };
    let (a, b) = (first.to_string(), second.to_string());
    assert_eq!(listed("").await, format!("{b} {a}"));
    assert_eq!(listed("action=ignored").await, a);
    assert_eq!(listed("action=rejected").await, a);
    assert_eq!(listed("action=resolved").await, b);
    assert_eq!(listed("action=triggered").await, "");
    assert_eq!(listed(&format!("serviceId={web}")).await, a);
    let hour = "2026-06-01T13:00:00Z";
    assert_eq!(listed(&format!("after={hour}")).await, b);
    assert_eq!(listed(&format!("before={hour}")).await, a);
    let answer = admin
        .call(Method::GET, "/api/events/log?action=eaten&after=noon", json!({}))
        .await;
    let fields = answer.json()["error"]["details"]["fields"].clone();
    assert!(fields["action"].is_string() && fields["after"].is_string(), "{fields}");
    let found = admin.get(&format!("/api/events/log/{a}")).await;
    assert_eq!(
        found["results"][0],
        json!({
            "action": "ignored", "dedupKey": sly, "incidentId": null, "reason": "no open incident", "event": null,
            "severity": null, "summary": null
        })
    );
    assert_eq!(
        (&found["path"], &found["isTest"], &found["replayOf"]),
        (&json!("/api/integrations/webhook"), &json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn people_try_a_mapping_out_before_they_save_it() {
    let admin = Admin::new().await;
    let door = door(&admin, "WEBHOOK").await;
    let path = door.page("mapping");
    let typed = [
        ("summary_field", "alert.title"),
        ("resolve_values", "ok, fine"),
        ("event", ""),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&typed[..], more].concat();
    let page = admin
        .app
        .form(&admin.who, &path, &with(&[("do", "preview"), ("body", "a=<b>")]))
        .await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "Would open an incident",
        "a=&#60;b&#62;",
        "from <code>alert.title</code>",
        "ok, fine",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let page = admin
        .app
        .form(&admin.who, &path, &with(&[("do", "preview"), ("body", "odd")]))
        .await;
    assert!(page.text.contains("Not understood: body is odd"), "{}", page.text);
    let stored = admin.get(door.preview.trim_end_matches("/preview")).await;
    assert_eq!(stored["fieldMapping"], Value::Null, "a preview saves nothing");
    let wrong = [("trigger_values", "a, b"), ("resolve_values", "x, B"), ("do", "save")];
    let page = admin.app.form(&admin.who, &path, &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("is also in triggerValues"), "{}", page.text);
    let saved = admin.app.form(&admin.who, &path, &with(&[("do", "save")])).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    let stored = admin.get(door.preview.trim_end_matches("/preview")).await;
    assert_eq!(
        stored["fieldMapping"],
        json!({ "summaryField": "alert.title", "resolveValues": ["ok", "fine"] })
    );
    // The settings beside it leave it alone.
    let settings = [("name", "Other"), ("rate_limit", "60")];
    admin
        .app
        .form(&admin.who, door.page("").trim_end_matches('/'), &settings)
        .await;
    let stored = admin.get(door.preview.trim_end_matches("/preview")).await;
    assert_eq!(
        (&stored["name"], &stored["fieldMapping"]["summaryField"]),
        (&json!("Other"), &json!("alert.title"))
    );
}

#[tokio::test]
async fn people_run_a_request_again_from_its_page() {
    let admin = Admin::new().await;
    let service = admin.app.service("Web", None).await;
    let receipt = admin
        .app
        .received(
            service,
            "it came",
            json!([{ "action": "rejected", "reason": "summary is missing" }]),
        )
        .await;
    let page = admin.app.get(&admin.who, &format!("/events/{receipt}")).await;
    for part in [
        "Summary is missing.",
        "POST /api/integrations/webhook?x=1",
        "Run again for real",
        "Request of Generic webhook",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let page = admin
        .app
        .form(&admin.who, &format!("/events/{receipt}/preview"), &[])
        .await;
    assert!(page.text.contains("Would open an incident"), "{}", page.text);
    let back = format!("name=\"back\" value=\"/events/{receipt}\"");
    assert!(
        page.text.contains(&back),
        "the theme switch leads back to what can be got"
    );
    let ran = admin
        .app
        .form(&admin.who, &format!("/events/{receipt}/replay"), &[])
        .await;
    assert_eq!(
        (ran.status, ran.header("location")),
        (StatusCode::SEE_OTHER, format!("/events/{receipt}").as_str())
    );
    let rob = admin.app.signed_in("Rob", Role::Responder).await;
    let page = admin.app.get(&rob, &format!("/events/{receipt}")).await;
    assert!(page.text.contains("Run again: preview") && !page.text.contains("for real"));
    let uma = admin.app.signed_in("Uma", Role::User).await;
    let page = admin.app.get(&uma, &format!("/events/{receipt}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text.contains("Run again: preview"));
    for outcome in ["rejected", "triggered", "nonsense"] {
        let list = admin
            .app
            .get(&uma, &format!("/events?outcome={outcome}&serviceId={service}"))
            .await;
        assert_eq!(list.status, StatusCode::OK);
        assert_eq!(
            list.text.contains(&receipt.to_string()),
            outcome != "triggered",
            "{outcome}"
        );
    }
}
