//! The management API as a program calls it, over HTTP and with an API key.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    both::Place,
    process::{self, Server},
};

/// Every scope of the contract.
pub(crate) const ALL_SCOPES: &str = "events:write,incidents:read,incidents:write,services:read,services:write,\
    schedules:read,schedules:write,users:read,users:write,teams:read,teams:write,policies:read,policies:write,\
    settings:read,settings:write,audit:read";

/// An HTTP client that follows nothing and trusts nobody in particular: everything here is on the loopback interface.
pub(crate) fn client() -> Client {
    // Another test may have installed it already.
    let _already = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tls_certs_only([])
        .build()
        .expect("a client can be made")
}

/// A caller of the API.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) base: String,
    pub(crate) key: String,
    pub(crate) http: Client,
}

impl Api {
    /// Makes a key of all scopes on the command line, as the manual has it, and calls with it.
    pub(crate) async fn of(place: &Place, server: &Server) -> Self {
        let words = ["api-key", "create", "--name", "Tests", "--scopes", ALL_SCOPES];
        let key = process::command(place, &words, "").await.well();
        Self {
            base: server.url.clone(),
            key: key.trim().to_owned(),
            http: client(),
        }
    }

    /// The same caller at a server that was started anew.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self {
            base: server.url.clone(),
            ..self.clone()
        }
    }

    /// Calls and gives back the status and the JSON; null for an empty body.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.expect("the server answers");
        let status = response.status();
        let text = response.text().await.expect("the answer is complete");
        let value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path} answered {status} and no JSON: {text}"))
        };
        (status, value)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, value) = self.call(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "GET {path}: {value}");
        value
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, value) = self.call(Method::POST, path, Some(&body)).await;
        assert!(status.is_success(), "POST {path} {body}: {status} {value}");
        value
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Value {
        let (status, value) = self.call(Method::PATCH, path, Some(&body)).await;
        assert_eq!(status, StatusCode::OK, "PATCH {path} {body}: {value}");
        value
    }

    /// All of a list, page by page.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{joint}limit=200&offset={}", all.len())).await;
            all.extend(page["data"].as_array().expect("a list has data").iter().cloned());
            if page["pagination"]["hasMore"] != true {
                return all;
            }
        }
    }

    /// Makes something and gives back its id.
    pub(crate) async fn make(&self, path: &str, body: Value) -> String {
        self.post(path, body).await["id"]
            .as_str()
            .expect("it has an id")
            .to_owned()
    }
}

/// An integration as its sender knows it.
#[derive(Debug, Clone)]
pub(crate) struct Integration {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) url: String,
}

/// The people and things of a small organisation.
#[derive(Debug, Clone)]
pub(crate) struct Organisation {
    pub(crate) team: String,
    pub(crate) policy: String,
    pub(crate) service: String,
}

/// Makes an integration; `more` are further fields.
pub(crate) async fn integration(api: &Api, service: &str, kind: &str, more: Value) -> Integration {
    let mut body = json!({ "name": format!("Our {kind}"), "type": kind });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().cloned().unwrap_or_default());
    let made = api.post(&format!("/api/services/{service}/integrations"), body).await;
    let text = |name: &str| {
        made[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {made}"))
            .to_owned()
    };
    Integration {
        id: text("id"),
        key: text("key"),
        url: text("webhookUrl"),
    }
}

/// Makes two people, their team, a schedule on which Ann is on call, a policy that pages whoever is on call and then,
/// after a wait, Bob, and a service that escalates by it.
pub(crate) async fn organisation(api: &Api, wait_minutes: u32) -> Organisation {
    let user = async |name: &str| {
        let email = format!("{}@example.com", name.to_lowercase());
        api.make(
            "/api/users",
            json!({ "email": email, "name": name, "role": "RESPONDER" }),
        )
        .await
    };
    let (ann, bob) = (user("Ann").await, user("Bob").await);
    let members = json!([{ "userId": ann, "role": "LEAD" }, { "userId": bob }]);
    let team = api
        .make("/api/teams", json!({ "name": "Platform", "members": members }))
        .await;
    let rotation = json!({ "unit": "WEEKS", "length": 1, "start": "2026-01-05T09:00:00Z", "handoff": "09:00" });
    let layer = json!({ "name": "Primary", "users": [ann], "rotation": rotation });
    let schedule = json!({ "name": "Platform", "timeZone": "Europe/London", "layers": [layer] });
    let schedule = api.make("/api/schedules", schedule).await;
    let steps = json!([
        { "targets": [{ "type": "SCHEDULE", "id": schedule }], "delayMinutes": wait_minutes },
        { "targets": [{ "type": "USER", "id": bob }], "delayMinutes": wait_minutes },
    ]);
    let policy = json!({ "name": "Call Platform", "steps": steps });
    let policy = api.make("/api/escalation-policies", policy).await;
    let service = json!({ "name": "Checkout", "teamId": team, "escalationPolicyId": policy });
    let service = api.make("/api/services", service).await;
    Organisation { team, policy, service }
}
