//! The description is that of the routes, and the table of access holds them all.

use std::collections::BTreeSet;

use http::StatusCode;
use opsknight_web::api::access::RULES;

use crate::harness::{App, As};

#[tokio::test]
async fn the_table_and_the_description_name_the_same_routes() {
    let app = App::new().await;
    let answer = app.get(&As::Nobody, "/api/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    let description = answer.json();
    let mut described = BTreeSet::from(["GET /api/openapi.json".to_owned()]);
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.insert(format!("{} {path}", method.to_uppercase()));
            assert!(
                operation["responses"]["401"].is_object(),
                "{method} {path} says what happens to nobody"
            );
            for (status, response) in operation["responses"].as_object().unwrap() {
                let said = response["description"].as_str().unwrap_or_default();
                assert!(!said.is_empty(), "{method} {path} {status} says what it means");
            }
        }
    }
    let table = RULES.iter().filter(|rule| rule.path.starts_with("/api/"));
    let table: BTreeSet<String> = table.map(|rule| format!("{} {}", rule.method, rule.path)).collect();
    let missing: Vec<_> = table.symmetric_difference(&described).collect();
    assert!(missing.is_empty(), "in one and not in the other: {missing:#?}");
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_bodies_are_closed() {
    let app = App::new().await;
    let description = app.get(&As::Nobody, "/api/openapi.json").await.json();
    let text = description.to_string();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("#/components/schemas/") {
        rest = &rest[at + "#/components/schemas/".len()..];
        let name = rest.split('"').next().unwrap();
        assert!(description["components"]["schemas"][name].is_object(), "{name}");
    }
    let new = &description["components"]["schemas"]["NewIncident"];
    assert_eq!(new["additionalProperties"], false, "{new}");
}

#[tokio::test]
async fn every_setting_of_every_provider_is_described() {
    let app = App::new().await;
    let description = app.get(&As::Nobody, "/api/openapi.json").await.json();
    let schemas = &description["components"]["schemas"];
    let (wish, body) = (&schemas["NotificationSettingsPatch"], &schemas["NotificationSettings"]);
    let providers = ["SMTP", "SES", "AWS_SNS", "TWILIO", "WEB_PUSH", "ONESIGNAL", "META"];
    for provider in providers {
        let known = wish["properties"]["provider"]["enum"].as_array().unwrap();
        assert!(known.iter().any(|word| word == provider), "{provider}: {known:?}");
    }
    let key = &wish["properties"]["apiKey"];
    assert_eq!(key["writeOnly"], true);
    let said = key["description"].as_str().unwrap();
    assert!(said.contains("`RESEND`: ") && said.contains("`ONESIGNAL`: "), "{said}");
    assert!(body["properties"]["hasApiKey"].is_object() && body["properties"]["apiKey"].is_null());
    for place in [wish, &wish["properties"]["second"]] {
        assert_eq!(place["additionalProperties"], false, "{place}");
    }
    assert!(wish["properties"]["second"]["properties"]["phoneNumber"].is_object());
    assert!(wish["properties"]["second"]["properties"]["phoneNumberId"].is_null());
}
