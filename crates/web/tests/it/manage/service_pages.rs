//! The pages of a service: maintenance by form, and one list of what happened.

use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::json;

use super::{Admin, flash, id};

async fn service(admin: &Admin) -> String {
    let service = admin.post("/api/services", json!({ "name": "Web" })).await;
    id(&service).to_owned()
}

#[tokio::test]
async fn maintenance_is_begun_prolonged_and_ended_by_form() {
    let admin = Admin::new().await;
    let service = service(&admin).await;
    let (page, list) = (
        format!("/services/{service}/maintenance"),
        format!("/api/services/{service}/maintenance"),
    );
    let begin = [("do", "start"), ("minutes", "30"), ("reason", "new disks")];
    let answer = admin.app.form(&admin.who, &page, &begin).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert!(
        flash(&answer).starts_with("+In maintenance until 1 Jun, 14:30."),
        "{}",
        flash(&answer)
    );
    let overview = admin.app.get(&admin.who, &format!("/services/{service}")).await.text;
    assert!(
        overview.contains("In maintenance") && overview.contains("new disks"),
        "{overview}"
    );

    let window = admin.get(&list).await["data"][0].clone();
    let path = format!("{page}/{}", id(&window));
    admin.app.form(&admin.who, &path, &[("more", "60")]).await;
    assert_eq!(admin.get(&list).await["data"][0]["end"], "2026-06-01T13:30:00Z");
    let answer = admin
        .app
        .form(&admin.who, &path, &[("end", "2026-06-01T13:00"), ("reason", "x")])
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("must lie in the future") || answer.text.contains("must be after the start"));
    admin.app.clock.advance_s(60);
    let answer = admin.app.form(&admin.who, &format!("{path}/end"), &[]).await;
    assert!(
        flash(&answer).starts_with("+The maintenance has ended"),
        "{}",
        flash(&answer)
    );

    let plan = [
        ("do", "plan"),
        ("start", "2026-06-02T09:00"),
        ("end", "2026-06-02T08:00"),
        ("reason", ""),
    ];
    let answer = admin.app.form(&admin.who, &page, &plan).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("This must be after the start."), "{}", answer.text);
    let reader = admin.app.signed_in("Uma", Role::User).await;
    assert_eq!(admin.app.get(&reader, &page).await.status, StatusCode::OK);
    assert_eq!(
        admin.app.form(&reader, &page, &begin).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn what_happened_stands_in_one_list_that_goes_on() {
    let admin = Admin::new().await;
    let service = service(&admin).await;
    let made = admin
        .post(
            &format!("/api/services/{service}/integrations"),
            json!({ "name": "Prod", "type": "PROMETHEUS" }),
        )
        .await;
    for n in 0..60 {
        let body = json!({ "title": format!("Problem {n}"), "serviceId": service });
        admin.post("/api/incidents", body).await;
    }
    admin
        .delete(&format!("/api/services/{service}/integrations/{}", id(&made)))
        .await;
    admin
        .patch(
            &format!("/api/services/{service}"),
            json!({ "region": "eu", "slaTier": "gold" }),
        )
        .await;
    let path = format!("/services/{service}/activity");
    let mut seen = String::new();
    let mut next = path.clone();
    let mut pages = 0;
    while !next.is_empty() {
        let answer = admin.app.get(&admin.who, &next).await;
        assert_eq!(answer.status, StatusCode::OK);
        pages += 1;
        let link = answer.text.split("rel=\"next\" href=\"").nth(1);
        next = link
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default()
            .to_owned();
        seen.push_str(&answer.text);
    }
    assert_eq!(pages, 2);
    for n in 0..60 {
        assert_eq!(seen.matches(&format!("Problem {n}<")).count(), 1, "{n}");
    }
    for words in [
        "Ada made the service",
        "Ada added the integration Prod",
        "Ada deleted the integration Prod",
        "Ada changed region and sla tier of the service",
    ] {
        assert_eq!(seen.matches(words).count(), 1, "{words}");
    }
    assert!(!seen.contains(id(&made)), "the identity of an integration is a secret");
    let answer = admin.app.get(&admin.who, &format!("{path}?before=x")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_signing_secret_is_generated_and_shown_once() {
    let admin = Admin::new().await;
    let hook = json!({ "name": "Desk", "type": "GENERIC", "url": "https://hooks.example.com/x" });
    let hook = admin.post("/api/webhooks", hook).await;
    let path = format!("/settings/webhooks/{}", id(&hook));
    let answer = admin.app.form(&admin.who, &format!("{path}/secret"), &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let secret = answer.text.split("id=\"new-secret\">").nth(1).unwrap();
    let secret = secret.split('<').next().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert_eq!(
        admin.get(&format!("/api/webhooks/{}", id(&hook))).await["hasSecret"],
        true
    );
    assert!(!admin.app.get(&admin.who, &path).await.text.contains(secret));
    let missing = format!("{path}/deliveries/dlv_01jbcf1000f4z9pkvk1c1c1c1c");
    assert_eq!(admin.app.get(&admin.who, &missing).await.status, StatusCode::NOT_FOUND);
    let call = admin
        .call(Method::POST, &format!("/api/webhooks/{}/test", id(&hook)), json!({}))
        .await;
    assert_eq!(call.status, StatusCode::OK);
}
