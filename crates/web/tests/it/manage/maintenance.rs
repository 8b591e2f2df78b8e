//! Maintenance of services, as programs and pages plan it.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::json;

use super::{Admin, id, nowhere};

/// The clock of the tests begins at 2026-06-01T12:00:00Z.
const IN_AN_HOUR: &str = "2026-06-01T13:00:00Z";
const IN_TWO_HOURS: &str = "2026-06-01T14:00:00Z";

async fn service(admin: &Admin) -> String {
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    format!("/api/services/{}", id(&service))
}

#[tokio::test]
async fn a_maintenance_is_planned_moved_begun_and_ended() {
    let admin = Admin::new().await;
    let service = service(&admin).await;
    let list = format!("{service}/maintenance");
    let wish = json!({ "start": IN_AN_HOUR, "end": IN_TWO_HOURS, "reason": " new disks " });
    let planned = admin.post(&list, wish).await;
    assert!(id(&planned).starts_with("mnt_"));
    assert_eq!(
        (&planned["status"], &planned["reason"], &planned["createdBy"]),
        (&json!("PLANNED"), &json!("new disks"), &json!("Ada"))
    );
    let path = format!("{list}/{}", id(&planned));
    assert_eq!(admin.get(&path).await, planned);
    assert_eq!(admin.get(&service).await["maintenanceUntil"], json!(null));
    let moved = admin
        .patch(&path, json!({ "end": "2026-06-01T15:00:00Z", "reason": null }))
        .await;
    assert_eq!(
        (&moved["end"], &moved["reason"]),
        (&json!("2026-06-01T15:00:00Z"), &json!(null))
    );

    admin.app.clock.advance_s(3700);
    assert_eq!(admin.get(&path).await["status"], "ACTIVE");
    assert_eq!(admin.get(&service).await["maintenanceUntil"], "2026-06-01T15:00:00Z");
    assert_eq!(
        admin.get("/api/services").await["data"][0]["maintenanceUntil"],
        "2026-06-01T15:00:00Z"
    );
    admin
        .refuses(Method::PATCH, &path, json!({ "start": IN_TWO_HOURS }), "start")
        .await;
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    let over = admin.get(&path).await;
    assert_eq!(
        (&over["status"], &over["end"]),
        (&json!("OVER"), &json!("2026-06-01T13:01:40Z"))
    );
    assert_eq!(admin.delete(&path).await.status, StatusCode::CONFLICT);
    assert_eq!(
        admin.call(Method::PATCH, &path, json!({ "reason": "x" })).await.status,
        StatusCode::CONFLICT
    );

    let now = admin.post(&list, json!({ "end": IN_TWO_HOURS })).await;
    assert_eq!(now["status"], "ACTIVE");
    let later = admin
        .post(&list, json!({ "start": IN_TWO_HOURS, "end": "2026-06-02T00:00:00Z" }))
        .await;
    assert_eq!(admin.get(&service).await["maintenanceUntil"], "2026-06-02T00:00:00Z");
    let cancelled = format!("{list}/{}", id(&later));
    assert_eq!(admin.delete(&cancelled).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        admin.app.get(&admin.who, &cancelled).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(admin.get(&list).await["pagination"]["total"], 2);
    let told = admin.get("/api/audit-log?limit=20").await;
    let actions: Vec<_> = told["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    for action in ["added", "changed", "ended", "cancelled"] {
        assert!(
            actions.contains(&format!("service.maintenance_{action}").as_str()),
            "{action}: {actions:?}"
        );
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_maintenance_is_named() {
    let admin = Admin::new().await;
    let list = format!("{}/maintenance", service(&admin).await);
    for (body, field) in [
        (json!({}), "end"),
        (json!({ "end": null }), "end"),
        (json!({ "end": "tomorrow" }), "end"),
        (json!({ "end": "2026-06-01T11:00:00Z" }), "end"),
        (json!({ "start": "2026-06-01T11:00:00Z", "end": IN_AN_HOUR }), "start"),
        (json!({ "start": IN_AN_HOUR, "end": "2026-07-02T13:00:00Z" }), "end"),
        (json!({ "end": IN_AN_HOUR, "reason": "x".repeat(201) }), "reason"),
        (json!({ "end": IN_AN_HOUR, "until": IN_AN_HOUR }), "until"),
    ] {
        admin.refuses(Method::POST, &list, body, field).await;
    }
    assert_eq!(admin.get(&list).await["pagination"]["total"], 0);
    let other = format!("/api/services/{}/maintenance", nowhere("svc"));
    let answer = admin.call(Method::POST, &other, json!({ "end": IN_AN_HOUR })).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    for _ in 0..100 {
        admin.post(&list, json!({ "end": IN_AN_HOUR })).await;
    }
    let answer = admin.call(Method::POST, &list, json!({ "end": IN_AN_HOUR })).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
}

#[tokio::test]
async fn responders_may_and_those_who_only_read_may_not() {
    let admin = Admin::new().await;
    let list = format!("{}/maintenance", service(&admin).await);
    let body = json!({ "end": IN_AN_HOUR });
    for (role, status) in [
        (Role::Responder, StatusCode::CREATED),
        (Role::User, StatusCode::FORBIDDEN),
    ] {
        let who = admin.app.signed_in(role.word(), role).await;
        assert_eq!(admin.app.call(&who, Method::POST, &list, &body).await.status, status);
    }
}
