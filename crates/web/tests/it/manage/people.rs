//! Users, contact methods, notification rules, teams.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use super::{Admin, id, nowhere};

#[tokio::test]
async fn a_user_has_the_fields_of_the_contract() {
    let admin = Admin::new().await;
    let body = json!({ "email": "grace@example.org", "name": "Grace", "role": "RESPONDER", "timeZone": "Asia/Kathmandu",
        "phone": "+1 (415) 555-0100" });
    let user = admin.post("/api/users", body).await;
    assert!(id(&user).starts_with("usr_"));
    assert_eq!(user["status"], "INVITED");
    assert_eq!(
        (&user["timeZone"], &user["phone"]),
        (&json!("Asia/Kathmandu"), &json!("+14155550100"))
    );
    assert_eq!(user["createdAt"], "2026-06-01T12:00:00Z");
    let path = format!("/api/users/{}", id(&user));
    assert_eq!(admin.get(&path).await, user);
    let changed = admin.patch(&path, json!({ "phone": null, "role": "USER" })).await;
    assert_eq!(
        (&changed["phone"], &changed["role"], &changed["name"]),
        (&Value::Null, &json!("USER"), &json!("Grace"))
    );
    let found = admin.get("/api/users?q=GRACE@&role=USER&status=INVITED").await;
    assert_eq!(
        (&found["pagination"]["total"], &found["data"][0]["id"]),
        (&json!(1), &user["id"])
    );
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_named() {
    let admin = Admin::new().await;
    let good = json!({ "email": "a@example.org", "name": "A", "role": "USER" });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, field) in [
        (with("email", json!("nobody")), "email"),
        (with("name", json!(" ")), "name"),
        (with("role", json!("BOSS")), "role"),
        (with("timeZone", json!("Mars/Olympus")), "timeZone"),
        (with("phone", json!("12")), "phone"),
        (with("colour", json!("red")), "colour"),
        (json!({ "name": "A", "role": "USER" }), "email"),
    ] {
        admin.refuses(Method::POST, "/api/users", body, field).await;
    }
    admin.post("/api/users", good.clone()).await;
    let again = admin
        .call(Method::POST, "/api/users", with("email", json!("A@Example.ORG")))
        .await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (StatusCode::CONFLICT, "CONFLICT")
    );
}

#[tokio::test]
async fn people_change_what_is_their_own() {
    let admin = Admin::new().await;
    let uma = admin.app.signed_in("Uma", Role::User).await;
    let found = admin.get("/api/users?q=uma").await;
    let path = format!("/api/users/{}", found["data"][0]["id"].as_str().unwrap());
    let own = admin
        .app
        .call(
            &uma,
            Method::PATCH,
            &path,
            &json!({ "timeZone": "UTC", "name": "Uma T." }),
        )
        .await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.text);
    for body in [
        json!({ "role": "ADMIN" }),
        json!({ "email": "x@example.org" }),
        json!({ "status": "DISABLED" }),
    ] {
        let answer = admin.app.call(&uma, Method::PATCH, &path, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{body}");
    }
    let disabled = admin.patch(&path, json!({ "status": "DISABLED" })).await;
    assert_eq!(disabled["status"], "DISABLED");
    assert_eq!(
        admin.app.get(&uma, &path).await.status,
        StatusCode::UNAUTHORIZED,
        "they are signed out"
    );
    assert_eq!(
        admin.patch(&path, json!({ "status": "ACTIVE" })).await["status"],
        "ACTIVE"
    );
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let admin = Admin::new().await;
    let found = admin.get("/api/users?q=ada").await;
    let path = format!("/api/users/{}", found["data"][0]["id"].as_str().unwrap());
    assert_eq!(
        admin.delete(&path).await.status,
        StatusCode::CONFLICT,
        "nobody removes themselves"
    );
    let answer = admin.call(Method::PATCH, &path, json!({ "role": "USER" })).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
    let key = admin.app.key(&["users:write"]).await;
    let answer = admin.app.call(&key, Method::DELETE, &path, &json!({})).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
}

#[tokio::test]
async fn contact_methods_are_verified_when_an_administrator_adds_them() {
    let admin = Admin::new().await;
    let uma = admin.app.signed_in("Uma", Role::User).await;
    let found = admin.get("/api/users?q=uma").await;
    let path = format!(
        "/api/users/{}/contact-methods",
        found["data"][0]["id"].as_str().unwrap()
    );
    let method = admin
        .post(&path, json!({ "type": "SMS", "address": "+49 30 1234567" }))
        .await;
    assert!(id(&method).starts_with("cm_"));
    assert_eq!(
        (&method["address"], &method["verified"]),
        (&json!("+49301234567"), &json!(true))
    );
    let own = json!({ "type": "EMAIL", "address": "uma@home.example" });
    let own = admin.app.call(&uma, Method::POST, &path, &own).await;
    assert_eq!(own.json()["verified"], false, "{}", own.text);
    let again = admin
        .call(Method::POST, &path, json!({ "type": "SMS", "address": "+49301234567" }))
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    for (channel, address) in [
        ("SMS", "x"),
        ("EMAIL", "x"),
        ("WHATSAPP", "1"),
        ("SLACK", "#ops"),
        ("PUSH", " "),
    ] {
        let body = json!({ "type": channel, "address": address });
        admin.refuses(Method::POST, &path, body, "address").await;
    }
    admin
        .refuses(Method::POST, &path, json!({ "type": "FAX", "address": "1" }), "type")
        .await;
    assert_eq!(admin.get(&path).await["pagination"]["total"], 2);
    let one = format!("{path}/{}", id(&method));
    assert_eq!(admin.delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&one).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn notification_rules_are_added_and_replaced() {
    let admin = Admin::new().await;
    let user = admin.user("Grace").await;
    let path = format!("/api/users/{}/notification-rules", id(&user));
    let first = json!({ "urgency": "HIGH", "channel": "SMS", "delayMinutes": 0 });
    let rule = admin.post(&path, first.clone()).await;
    assert!(id(&rule).starts_with("rule_"));
    let rules = json!({ "rules": [{ "urgency": "HIGH", "channel": "EMAIL", "delayMinutes": 5 }, first] });
    let answer = admin.call(Method::PUT, &path, rules).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let listed = admin.get(&path).await;
    let channels: Vec<_> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["channel"])
        .collect();
    assert_eq!(channels, ["EMAIL", "SMS"]);
    let one = format!("{path}/{}", id(&listed["data"][0]));
    assert_eq!(admin.delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&path).await["pagination"]["total"], 1);
    let late = json!({ "rules": [{ "urgency": "HIGH", "channel": "SMS", "delayMinutes": 1441 }] });
    admin.refuses(Method::PUT, &path, late, "rules[0].delayMinutes").await;
    admin
        .refuses(Method::POST, &path, json!({ "urgency": "HIGH" }), "channel")
        .await;
}

#[tokio::test]
async fn a_team_has_the_fields_of_the_contract() {
    let admin = Admin::new().await;
    let grace = admin.user("Grace").await;
    let members = json!([{ "userId": grace["id"], "role": "LEAD", "receiveTeamNotifications": false }]);
    let team = admin
        .post("/api/teams", json!({ "name": "Platform", "members": members }))
        .await;
    assert!(id(&team).starts_with("team_"));
    assert_eq!(team["members"], members);
    let path = format!("/api/teams/{}", id(&team));
    assert_eq!(admin.get(&path).await, team);
    let changed = admin
        .patch(&path, json!({ "members": [{ "userId": grace["id"] }] }))
        .await;
    let expected = json!([{ "userId": grace["id"], "role": "MEMBER", "receiveTeamNotifications": true }]);
    assert_eq!((&changed["members"], &changed["name"]), (&expected, &json!("Platform")));
    let twice = json!([{ "userId": grace["id"] }, { "userId": grace["id"] }]);
    admin
        .refuses(Method::PATCH, &path, json!({ "members": twice }), "members[1].userId")
        .await;
    let nobody = json!([{ "userId": nowhere("usr") }]);
    admin
        .refuses(Method::PATCH, &path, json!({ "members": nobody }), "members[0].userId")
        .await;
    admin
        .refuses(Method::PATCH, &path, json!({ "name": null }), "name")
        .await;
    admin
        .refuses(Method::POST, "/api/teams", json!({ "name": "x".repeat(201) }), "name")
        .await;

    let service = admin
        .post("/api/services", json!({ "name": "Web", "teamId": team["id"] }))
        .await;
    let answer = admin.delete(&path).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text.contains("service Web"), "{}", answer.text);
    admin.delete(&format!("/api/services/{}", id(&service))).await;
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get("/api/teams").await["data"], json!([]));
}
