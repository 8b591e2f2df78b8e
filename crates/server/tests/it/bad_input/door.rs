//! The doors of a service, and calls at them.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    api::{Api, Integration, integration},
    both::Place,
    process::Server,
};

pub(super) const SECRET: &str = "correct horse battery staple";

/// The doors of one service.
pub(super) struct Doors {
    pub(super) api: Api,
    pub(super) service: String,
    pub(super) events: Integration,
    pub(super) disabled: Integration,
    pub(super) prometheus: Integration,
    pub(super) signed: Integration,
    pub(super) keyed: Integration,
    /// An API key without the scope that events need.
    pub(super) reader: String,
}

impl Doors {
    pub(super) async fn open(place: &Place, server: &Server) -> Self {
        let api = Api::of(place, server).await;
        let service = api.make("/api/services", json!({ "name": "Checkout" })).await;
        let open = async |kind: &str, more: Value| integration(&api, &service, kind, more).await;
        let disabled = open("EVENTS_API_V2", json!({ "enabled": false, "rateLimitPerMinute": 9999 })).await;
        let events = open("EVENTS_API_V2", json!({ "rateLimitPerMinute": 9999 })).await;
        let prometheus = open("PROMETHEUS", json!({ "rateLimitPerMinute": 9999 })).await;
        let signed = open(
            "WEBHOOK",
            json!({ "signatureSecret": SECRET, "rateLimitPerMinute": 9999 }),
        )
        .await;
        let keyed = open("PROMETHEUS", json!({ "requireKey": true, "rateLimitPerMinute": 9999 })).await;
        let reader = api
            .post(
                "/api/api-keys",
                json!({ "name": "Reader", "scopes": ["incidents:read"] }),
            )
            .await;
        let reader = reader["key"].as_str().expect("the key is in the answer").to_owned();
        Self {
            api,
            service,
            events,
            disabled,
            prometheus,
            signed,
            keyed,
            reader,
        }
    }

    pub(super) fn hook(&self, slug: &str, id: &str) -> String {
        format!("/api/integrations/{slug}?integrationId={id}")
    }
}

/// Changes an event.
pub(super) type Alter<'a> = &'a dyn Fn(&mut Value);

/// A call and its body.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

pub(super) fn post(path: &str, body: impl Into<Vec<u8>>) -> Call {
    Call {
        method: Method::POST,
        path: path.to_owned(),
        headers: Vec::new(),
        body: body.into(),
    }
}

impl Call {
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// By the key of an integration.
    pub(super) fn by(self, integration: &Integration) -> Self {
        self.with("authorization", format!("Token token={}", integration.key))
    }
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    #[track_caller]
    pub(super) fn number(&self, header: &str) -> u64 {
        let value = self
            .headers
            .get(header)
            .unwrap_or_else(|| panic!("there is no {header}"));
        value.to_str().unwrap().parse().unwrap()
    }

    /// An answer in PagerDuty's form.
    #[track_caller]
    pub(super) fn is_pagerdutys(&self, what: &str, status: u16, word: &str) {
        let seen = (self.status.as_u16(), &self.body["status"]);
        assert_eq!(seen, (status, &json!(word)), "{what}: {}", self.body);
    }

    /// An error in the house's form that names a field.
    #[track_caller]
    pub(super) fn names(&self, what: &str, field: &str) {
        self.is_error(what, 400, "VALIDATION_ERROR");
        let details = self.body["error"]["details"].to_string();
        assert!(details.contains(&format!("\"{field}")), "{what}: {}", self.body);
    }

    /// An error in the house's form.
    #[track_caller]
    pub(super) fn is_error(&self, what: &str, status: u16, code: &str) {
        let error = &self.body["error"];
        assert_eq!(
            (self.status.as_u16(), &error["code"]),
            (status, &json!(code)),
            "{what}: {}",
            self.body
        );
        assert!(
            error["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: {}",
            self.body
        );
        assert!(error["details"].is_object(), "{what}: {}", self.body);
    }
}

pub(super) async fn ask(api: &Api, call: Call) -> Answer {
    let mut request = api
        .http
        .request(call.method, format!("{}{}", api.base, call.path))
        .body(call.body);
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let response = request.send().await.expect("whatever is sent, there is an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} and no JSON: {text}"));
    Answer { status, headers, body }
}

pub(super) fn trigger() -> Value {
    let payload = json!({ "summary": "It is wrong", "source": "test", "severity": "critical" });
    json!({ "event_action": "trigger", "dedup_key": "k", "payload": payload })
}

/// A trigger in which the value at `pointer` is another; null takes it away.
pub(super) fn trigger_with(pointer: &str, value: Value) -> String {
    let mut event = trigger();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    event.pointer_mut(parent).unwrap()[name] = value;
    event.to_string()
}

pub(super) fn hexadecimal_signature(signed: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(signed);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An event of exactly so many bytes.
pub(super) fn event_of(bytes: usize) -> Vec<u8> {
    let mut event = trigger();
    event["payload"]["custom_details"] = json!({ "text": "" });
    let filling = bytes - event.to_string().len();
    event["payload"]["custom_details"]["text"] = "x".repeat(filling).into();
    event.to_string().into_bytes()
}
