//! What people configure, as programs do it: the fields of the contract, what is refused and how, and what the audit
//! log tells of it.

mod audit;
mod channels;
mod contacts;
mod events;
mod keys;
mod maintenance;
mod people;
mod policies;
mod schedules;
mod service_pages;
mod services;
mod settings;
mod slack;
mod webhooks;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, StatusCode};
use opsknight_domain::directory::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, App, As};

/// An identity of the right form, of a thing that is not there.
fn nowhere(prefix: &str) -> String {
    format!("{prefix}_01jbcf1000f4z9pkvk1c1c1c1c")
}

/// The identity of a thing that was answered.
fn id(body: &Value) -> &str {
    body["id"].as_str().unwrap()
}

/// What the next page will say: `+` or `-` for good or not, and the words.
fn flash(answer: &Answer) -> String {
    let cookie = answer.cookie("flash").unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(cookie).unwrap()).unwrap()
}

/// A server with an administrator who asks.
struct Admin {
    app: App,
    who: As,
}

impl Admin {
    async fn new() -> Self {
        let app = App::new().await;
        let who = app.signed_in("Ada", Role::Admin).await;
        Self { app, who }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        self.app.call(&self.who, method, path, &body).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.app.get(&self.who, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.json()
    }

    /// Makes a thing.
    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path}: {}", answer.text);
        answer.json()
    }

    async fn patch(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::PATCH, path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.json()
    }

    async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, json!({})).await
    }

    /// The body is refused with 400, and `field` is named.
    async fn refuses(&self, method: Method, path: &str, body: Value, field: &str) {
        let answer = self.call(method, path, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.text);
        assert_eq!(answer.code(), "VALIDATION_ERROR");
        let said = &answer.json()["error"]["details"]["fields"][field];
        assert!(said.is_string(), "{field} of {body}: {}", answer.text);
    }

    async fn user(&self, name: &str) -> Value {
        let email = format!("{}@example.org", name.to_lowercase());
        self.post(
            "/api/users",
            json!({ "email": email, "name": name, "role": "RESPONDER" }),
        )
        .await
    }
}
