//! Schedules, overrides, who is on call.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use super::{Admin, id, nowhere};

fn layer(users: &[&Value]) -> Value {
    let users: Vec<_> = users.iter().map(|user| &user["id"]).collect();
    json!({
        "name": "Primary", "users": users, "priority": 0, "restrictions": [],
        "rotation": { "unit": "DAYS", "length": 1, "start": "2026-06-01T07:00:00Z", "handoff": "09:00" },
    })
}

#[tokio::test]
async fn a_schedule_has_the_fields_of_the_contract() {
    let admin = Admin::new().await;
    let (grace, alan) = (admin.user("Grace").await, admin.user("Alan").await);
    let mut primary = layer(&[&grace, &alan]);
    primary["restrictions"] = json!([{ "days": ["MONDAY", "SUNDAY"], "from": "22:00", "to": "06:00" }]);
    let body = json!({ "name": "Days", "timeZone": "Europe/Berlin", "layers": [primary] });
    let schedule = admin.post("/api/schedules", body).await;
    assert!(id(&schedule).starts_with("sch_"));
    assert_eq!(
        (&schedule["layers"][0], &schedule["timeZone"]),
        (&primary, &json!("Europe/Berlin"))
    );
    let path = format!("/api/schedules/{}", id(&schedule));
    assert_eq!(admin.get(&path).await, schedule);
    let changed = admin.patch(&path, json!({ "name": "Nights" })).await;
    assert_eq!(
        (&changed["name"], &changed["layers"]),
        (&json!("Nights"), &schedule["layers"])
    );
    let answer = admin.delete(&format!("/api/users/{}", id(&grace))).await;
    assert!(answer.text.contains("schedule Nights"), "{}", answer.text);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get("/api/schedules").await["pagination"]["total"], 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_named() {
    let admin = Admin::new().await;
    let grace = admin.user("Grace").await;
    let with = |pointer: &str, value: Value| {
        let mut body = json!({ "name": "Days", "timeZone": "UTC", "layers": [layer(&[&grace])] });
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for (body, field) in [
        (with("/name", json!("")), "name"),
        (with("/timeZone", json!("Mars/Olympus")), "timeZone"),
        (with("/layers/0/name", json!("")), "layers[0].name"),
        (with("/layers/0/users", json!([nowhere("usr")])), "layers[0].users[0]"),
        (with("/layers/0/users", json!(["grace"])), "layers[0].users[0]"),
        (
            with("/layers/0/rotation/unit", json!("MONTHS")),
            "layers[0].rotation.unit",
        ),
        (with("/layers/0/rotation/length", json!(0)), "layers[0].rotation.length"),
        (
            with("/layers/0/rotation/start", json!("tomorrow")),
            "layers[0].rotation.start",
        ),
        (
            with("/layers/0/rotation/handoff", json!("25:00")),
            "layers[0].rotation.handoff",
        ),
        (
            with("/layers/0/rotation/handoff", json!("09:00:30")),
            "layers[0].rotation.handoff",
        ),
        (
            with(
                "/layers/0/restrictions",
                json!([{ "days": ["FUNDAY"], "from": "09:00", "to": "17:00" }]),
            ),
            "layers[0].restrictions[0].days[0]",
        ),
        (
            with("/layers/0/restrictions", json!([{ "from": "nine", "to": "17:00" }])),
            "layers[0].restrictions[0].from",
        ),
        (with("/layers", json!(vec![layer(&[]); 21])), "layers"),
    ] {
        admin.refuses(Method::POST, "/api/schedules", body, field).await;
    }
}

#[tokio::test]
async fn overrides_have_the_last_word() {
    let admin = Admin::new().await;
    let (grace, alan) = (admin.user("Grace").await, admin.user("Alan").await);
    let body = json!({ "name": "Days", "timeZone": "Europe/Berlin", "layers": [layer(&[&grace])] });
    let schedule = admin.post("/api/schedules", body).await;
    let path = format!("/api/schedules/{}", id(&schedule));

    let now = admin.get(&format!("{path}/on-call")).await;
    assert_eq!(
        (&now["user"]["name"], &now["layer"], &now["reason"]),
        (&json!("Grace"), &json!("Primary"), &json!("on call by layer Primary"))
    );
    let before = admin.get(&format!("{path}/on-call?at=2026-05-01T00:00:00Z")).await;
    assert_eq!(before["user"], Value::Null);
    assert!(
        before["reason"].as_str().unwrap().starts_with("nobody is on call"),
        "{before}"
    );

    let rob = admin.app.signed_in("Rob", Role::Responder).await;
    let body = json!({ "userId": alan["id"], "start": "2026-06-01T11:00:00Z", "end": "2026-06-01T13:00:00+00:00", "replacesUserId": grace["id"] });
    let made = admin
        .app
        .call(&rob, Method::POST, &format!("{path}/overrides"), &body)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    assert!(id(&made).starts_with("ovr_"));
    let now = admin.get(&format!("{path}/on-call")).await;
    assert_eq!(
        (&now["user"]["name"], &now["overrideId"], &now["until"]),
        (&json!("Alan"), &made["id"], &json!("2026-06-01T13:00:00Z"))
    );

    let shifts = admin
        .get(&format!(
            "{path}/shifts?from=2026-06-01T10:00:00Z&to=2026-06-01T14:00:00Z"
        ))
        .await;
    let people: Vec<_> = shifts["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shift| &shift["user"]["name"])
        .collect();
    assert_eq!(people, ["Grace", "Alan", "Grace"]);
    let one = format!("{path}/overrides/{}", id(&made));
    let changed = admin
        .patch(&one, json!({ "end": "2026-06-01T12:30:00Z", "replacesUserId": null }))
        .await;
    assert_eq!(
        (&changed["end"], &changed["replacesUserId"]),
        (&json!("2026-06-01T12:30:00Z"), &Value::Null)
    );
    assert_eq!(admin.get(&one).await, changed);
    assert_eq!(admin.get(&format!("{path}/overrides")).await["data"], json!([changed]));
    for (body, field) in [
        (json!({ "end": "2026-05-01T00:00:00Z" }), "end"),
        (json!({ "userId": nowhere("usr") }), "userId"),
        (json!({ "replacesUserId": alan["id"] }), "replacesUserId"),
        (json!({ "start": null }), "start"),
    ] {
        admin.refuses(Method::PATCH, &one, body, field).await;
    }
    assert_eq!(admin.delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&one).await.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.get(&format!("{path}/on-call")).await["user"]["name"], "Grace");
}

#[tokio::test]
async fn ranges_are_bounded_and_calendars_are_calendars() {
    let admin = Admin::new().await;
    let grace = admin.user("Grace").await;
    let body = json!({ "name": "Days, nights", "layers": [layer(&[&grace])] });
    let schedule = admin.post("/api/schedules", body).await;
    let path = format!("/api/schedules/{}", id(&schedule));
    for query in ["to=2020-01-01T00:00:00Z", "to=2030-01-01T00:00:00Z"] {
        let answer = admin.app.get(&admin.who, &format!("{path}/shifts?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(
            answer.json()["error"]["details"]["fields"]["to"].is_string(),
            "{}",
            answer.text
        );
    }
    let answer = admin.app.get(&admin.who, &format!("{path}/on-call?at=now")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let calendar = admin.app.get(&admin.who, &format!("{path}/calendar.ics")).await;
    assert_eq!(calendar.header("content-type"), "text/calendar; charset=utf-8");
    assert!(
        calendar.text.contains("SUMMARY:Grace: Days\\, nights\r\n"),
        "{}",
        calendar.text
    );
}
