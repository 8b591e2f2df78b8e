//! Services and their integrations.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use super::{Admin, id, nowhere};

#[tokio::test]
async fn a_service_has_the_fields_of_the_contract() {
    let admin = Admin::new().await;
    let team = admin.post("/api/teams", json!({ "name": "Platform" })).await;
    let policy = admin
        .post("/api/escalation-policies", json!({ "name": "Default" }))
        .await;
    let body = json!({
        "name": "Web", "description": "the shop", "teamId": team["id"], "escalationPolicyId": policy["id"],
        "region": "eu", "slaTier": "gold", "slackChannel": "#ops", "runbookUrl": "https://run.example",
        "repositoryUrl": "https://repo.example", "dashboardUrl": "https://dash.example", "targetAckMinutes": 5,
        "targetResolveMinutes": 60, "notificationChannels": ["SLACK", "EMAIL"], "notifyOnTriggered": false,
        "notifyOnAcknowledged": true, "notifyOnResolved": false, "notifyOnSlaBreach": true,
        "urgencyBySeverity": { "critical": "HIGH", "error": "HIGH", "warning": "LOW", "info": "LOW" },
    });
    let service = admin.post("/api/services", body.clone()).await;
    assert!(id(&service).starts_with("svc_"));
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&service[field], value, "{field}");
    }
    assert_eq!(service["status"], "OPERATIONAL");
    let path = format!("/api/services/{}", id(&service));
    assert_eq!(admin.get(&path).await, service);
    let wish =
        json!({ "teamId": null, "targetAckMinutes": null, "urgencyBySeverity": { "info": "HIGH" }, "runbookUrl": "" });
    let changed = admin.patch(&path, wish).await;
    assert_eq!(
        (&changed["teamId"], &changed["targetAckMinutes"], &changed["runbookUrl"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(
        changed["urgencyBySeverity"],
        json!({ "critical": "HIGH", "error": "HIGH", "warning": "LOW", "info": "HIGH" })
    );
    assert_eq!(changed["region"], "eu");
    let found = admin
        .get(&format!(
            "/api/services?escalationPolicyId={}&q=we",
            policy["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(found["data"], json!([changed]));
    assert_eq!(
        admin.get(&format!("/api/services?teamId={}", id(&team))).await["pagination"]["total"],
        0
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_service_is_named() {
    let admin = Admin::new().await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "x", "teamId": nowhere("team") }), "teamId"),
        (json!({ "name": "x", "teamId": nowhere("pol") }), "teamId"),
        (
            json!({ "name": "x", "escalationPolicyId": nowhere("pol") }),
            "escalationPolicyId",
        ),
        (
            json!({ "name": "x", "runbookUrl": "javascript:alert(1)" }),
            "runbookUrl",
        ),
        (json!({ "name": "x", "targetAckMinutes": 0 }), "targetAckMinutes"),
        (
            json!({ "name": "x", "notificationChannels": ["FAX"] }),
            "notificationChannels[0]",
        ),
        (
            json!({ "name": "x", "urgencyBySeverity": { "info": "NONE" } }),
            "urgencyBySeverity.info",
        ),
        (json!({ "name": "x", "region": "a\nb" }), "region"),
        (json!({ "name": "x", "status": "CRITICAL" }), "status"),
    ] {
        admin.refuses(Method::POST, "/api/services", body, field).await;
    }
}

#[tokio::test]
async fn a_service_says_how_it_is_and_stays_while_there_is_work() {
    let admin = Admin::new().await;
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    let path = format!("/api/services/{}", id(&service));
    let open = async |urgency: &str| {
        let body = json!({ "title": "Disk full", "serviceId": service["id"], "urgency": urgency });
        admin.post("/api/incidents", body).await
    };
    open("LOW").await;
    assert_eq!(admin.get(&path).await["status"], "DEGRADED");
    let high = open("HIGH").await;
    assert_eq!(admin.get(&path).await["status"], "CRITICAL");
    admin
        .patch(
            &format!("/api/incidents/{}", id(&high)),
            json!({ "status": "RESOLVED" }),
        )
        .await;
    assert_eq!(admin.get("/api/services").await["data"][0]["status"], "DEGRADED");
    let answer = admin.delete(&path).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
}

#[tokio::test]
async fn an_integration_has_the_fields_of_the_contract() {
    let admin = Admin::new().await;
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    let list = format!("/api/services/{}/integrations", id(&service));
    let made = admin
        .post(
            &list,
            json!({ "name": "Prod", "type": "PROMETHEUS", "signatureSecret": "hush" }),
        )
        .await;
    let key = made["key"].as_str().unwrap();
    assert!(
        key.len() == 32
            && key
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)),
        "{key}"
    );
    let url = format!(
        "http://ok.example/api/integrations/prometheus?integrationId={}",
        id(&made)
    );
    assert_eq!(made["webhookUrl"], url);
    assert_eq!(
        (&made["hasSignatureSecret"], &made["enabled"], &made["requireKey"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!(
        (&made["rateLimitPerMinute"], &made["lastEventAt"]),
        (&json!(120), &Value::Null)
    );
    assert!(!made.to_string().contains("hush"));
    let path = format!("{list}/{}", id(&made));
    assert_eq!(admin.get(&path).await, made);
    assert_eq!(admin.get(&list).await["data"], json!([made]));
}

#[tokio::test]
async fn a_secret_that_nothing_could_match_is_refused() {
    let admin = Admin::new().await;
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    let list = format!("/api/services/{}/integrations", id(&service));
    let made = admin
        .post(
            &list,
            json!({ "name": "CI", "type": "GITLAB", "signatureSecret": "hush" }),
        )
        .await;
    let path = format!("{list}/{}", id(&made));
    for secret in ["", " ", "hush\n", "two\nlines", "whsec_no base64"] {
        let answer = admin
            .call(Method::PATCH, &path, json!({ "signatureSecret": secret }))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{secret:?}: {}", answer.text);
        assert!(answer.text.contains("signatureSecret"), "{}", answer.text);
        assert_eq!(admin.get(&path).await["hasSignatureSecret"], true, "{secret:?}");
    }
}

#[tokio::test]
async fn an_integration_is_changed_tried_and_removed() {
    let admin = Admin::new().await;
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    let list = format!("/api/services/{}/integrations", id(&service));
    let made = admin
        .post(
            &list,
            json!({ "name": "Prod", "type": "PROMETHEUS", "signatureSecret": "hush" }),
        )
        .await;
    let path = format!("{list}/{}", id(&made));
    let wish = json!({ "enabled": false, "requireKey": true, "rateLimitPerMinute": 7, "signatureSecret": null });
    let changed = admin.patch(&path, wish).await;
    assert_eq!(
        (
            &changed["enabled"],
            &changed["rateLimitPerMinute"],
            &changed["hasSignatureSecret"]
        ),
        (&json!(false), &json!(7), &json!(false))
    );
    let rotated = admin
        .call(Method::POST, &format!("{path}/rotate-key"), json!({}))
        .await
        .json();
    assert_ne!(rotated["key"], made["key"]);
    assert_eq!(rotated["webhookUrl"], made["webhookUrl"]);
    let test = admin.call(Method::POST, &format!("{path}/test"), json!({})).await;
    assert_eq!(
        (test.status, &test.json()["status"]),
        (StatusCode::OK, &json!(202)),
        "{}",
        test.text
    );
    let events = admin
        .post(&list, json!({ "name": "Events", "type": "EVENTS_API_V2" }))
        .await;
    assert!(
        events["webhookUrl"]
            .as_str()
            .unwrap()
            .contains("/api/integrations/events?"),
        "{events}"
    );
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NOT_FOUND);
    let elsewhere = admin.post("/api/services", json!({ "name": "Other" })).await;
    let answer = admin
        .app
        .get(
            &admin.who,
            &format!("/api/services/{}/integrations/{}", id(&elsewhere), id(&events)),
        )
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "it is not that service's");
}

#[tokio::test]
async fn field_mappings_are_those_of_the_generic_webhook() {
    let admin = Admin::new().await;
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    let list = format!("/api/services/{}/integrations", id(&service));
    let mapping = json!({ "summaryField": "alert.title", "resolveValues": ["ok"] });
    let made = admin
        .post(
            &list,
            json!({ "name": "Any", "type": "WEBHOOK", "fieldMapping": mapping }),
        )
        .await;
    assert_eq!(made["fieldMapping"], mapping);
    let path = format!("{list}/{}", id(&made));
    assert_eq!(
        admin.patch(&path, json!({ "fieldMapping": null })).await["fieldMapping"],
        Value::Null
    );
    for (body, field) in [
        (json!({ "name": "x", "type": "TELEX" }), "type"),
        (json!({ "name": "x" }), "type"),
        (
            json!({ "name": "x", "type": "PROMETHEUS", "fieldMapping": mapping }),
            "fieldMapping",
        ),
        (
            json!({ "name": "x", "type": "WEBHOOK", "fieldMapping": { "summaryField": " " } }),
            "fieldMapping.summaryField",
        ),
        (
            json!({ "name": "x", "type": "WEBHOOK", "fieldMapping": { "titleField": "x" } }),
            "fieldMapping.titleField",
        ),
        (
            json!({ "name": "x", "type": "WEBHOOK", "rateLimitPerMinute": 0 }),
            "rateLimitPerMinute",
        ),
    ] {
        admin.refuses(Method::POST, &list, body, field).await;
    }
    let nowhere = format!("/api/services/{}/integrations", nowhere("svc"));
    let answer = admin
        .call(Method::POST, &nowhere, json!({ "name": "x", "type": "WEBHOOK" }))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let uma = admin.app.signed_in("Uma", Role::User).await;
    let answer = admin
        .app
        .call(&uma, Method::POST, &list, &json!({ "name": "x", "type": "WEBHOOK" }))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn clouds_are_asked_for_what_only_they_have() {
    let admin = Admin::new().await;
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    let list = format!("/api/services/{}/integrations", id(&service));
    let topic = "arn:aws:sns:eu-west-1:123456789012:alarms";
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let made = admin
        .post(
            &list,
            json!({ "name": "x", "type": "CLOUDWATCH", "topicArns": [topic] }),
        )
        .await;
    assert_eq!(made["topicArns"], json!([topic]));
    let path = format!("{list}/{}", id(&made));
    assert_eq!(
        admin.patch(&path, json!({ "topicArns": [] })).await["topicArns"],
        json!([])
    );
    let rule = json!({ "audience": "https://ok.example", "serviceAccount": "push@p.example" });
    let google = json!({ "name": "x", "type": "GOOGLE_CLOUD_MONITORING", "tokenRule": rule });
    let google = admin.post(&list, google).await;
    assert_eq!(google["tokenRule"], rule);
    let path = format!("{list}/{}", id(&google));
    assert_eq!(
        admin.patch(&path, json!({ "name": "y" })).await["tokenRule"],
        rule,
        "what is left out stays"
    );
    assert_eq!(
        admin.patch(&path, json!({ "tokenRule": null })).await["tokenRule"],
        Value::Null
    );
    let entra = |tenant: &str| json!({ "audience": "api://ours", "tenantId": tenant });
    admin
        .post(
            &list,
            json!({ "name": "x", "type": "AZURE", "tokenRule": entra(tenant) }),
        )
        .await;
    for (body, field) in [
        (
            json!({ "type": "AZURE", "tokenRule": entra("contoso") }),
            "tokenRule.tenantId",
        ),
        (
            json!({ "type": "AZURE", "tokenRule": rule }),
            "tokenRule.serviceAccount",
        ),
        (json!({ "type": "PROMETHEUS", "tokenRule": rule }), "tokenRule"),
        (json!({ "type": "PROMETHEUS", "topicArns": [topic] }), "topicArns"),
        (
            json!({ "type": "CLOUDWATCH", "topicArns": [topic, "alarms"] }),
            "topicArns[1]",
        ),
    ] {
        let mut body = body;
        body["name"] = "x".into();
        admin.refuses(Method::POST, &list, body, field).await;
    }
}
