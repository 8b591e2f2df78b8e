//! Addresses that people enter and that lead inside: through the running program, none is called, in whatever spelling and
//! by whatever way, and no answer leads on to one.

use axum::{Router, http::StatusCode, response::Redirect};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    api::Api,
    both::Place,
    process::{SOON, Server, wait_until},
    sink::Sink,
};

/// How the loopback address of this machine is written, and the names that lead to it.
const SPELLINGS: &[&str] = &[
    "http://127.0.0.1:PORT/",
    "http://127.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.1:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://0.0.0.0:PORT/",
    "http://0:PORT/",
    "http://[::1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://localhost:PORT/",
    "http://LOCALHOST.:PORT/",
    "http://a.localhost:PORT/",
    "http://１２７.0.0.1:PORT/",
];

/// What else is inside: clouds' own services, other networks, other protocols, names and passwords.
const INSIDE: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://255.255.255.255/",
    "http://224.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x",
    "ftp://127.0.0.1/",
    "http://user:pw@127.0.0.1:PORT/",
    "http://[fe80::1%25lo]:PORT/",
];

/// The addresses with the port of what must not be called.
fn all_of(sink: &Sink) -> Vec<String> {
    let port = sink.url.rsplit(':').next().unwrap().split('/').next().unwrap();
    let all = SPELLINGS.iter().chain(INSIDE);
    all.map(|address| address.replace("PORT", port)).collect()
}

/// What a call that is refused answers: in words of its own, before or when it is made.
fn is_refusal(status: StatusCode, body: &Value) -> bool {
    let words = body.to_string();
    let refused = status == StatusCode::BAD_REQUEST || body["ok"] == false;
    refused && !words.contains("connection refused") && !words.contains("could not connect")
}

/// Makes a webhook and has it tried out; says what came of the one or the other.
async fn hook(api: &Api, kind: &str, url: &str) -> (StatusCode, Value) {
    let body =
        json!({ "name": format!("{kind} {url}").chars().take(90).collect::<String>(), "type": kind, "url": url });
    let (status, made) = api.call(Method::POST, "/api/webhooks", Some(&body)).await;
    match made["id"].as_str() {
        Some(id) => {
            api.call(Method::POST, &format!("/api/webhooks/{id}/test"), Some(&json!({})))
                .await
        }
        None => (status, made),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_that_somebody_enters_leads_inside() {
    let place = Place::sqlite();
    let (server, sink) = (Server::start(&place, &[]).await, Sink::start().await);
    let api = Api::of(&place, &server).await;
    for url in all_of(&sink) {
        for kind in ["GENERIC", "TEAMS", "DISCORD", "GOOGLE_CHAT"] {
            let (status, body) = hook(&api, kind, &url).await;
            assert!(is_refusal(status, &body), "{kind} {url}: {status} {body}");
        }
        let provider = json!({ "issuer": url, "clientId": "x", "clientSecret": "y", "name": "Acme" });
        let (status, body) = api.call(Method::PUT, "/api/settings/sign-in", Some(&provider)).await;
        if status.is_success() {
            let (status, body) = api
                .call(Method::POST, "/api/settings/sign-in/test", Some(&json!({})))
                .await;
            assert!(is_refusal(status, &body), "issuer {url}: {status} {body}");
        } else {
            assert!(is_refusal(status, &body), "issuer {url}: {status} {body}");
        }
    }
    assert!(sink.arrived().is_empty(), "{:?}", sink.arrived());
}

/// A browser says itself where its push service is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_push_service_is_inside() {
    let place = Place::sqlite();
    let (server, sink) = (Server::start(&place, &[]).await, Sink::start().await);
    let api = Api::of(&place, &server).await;
    let keys = json!({
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    });
    for url in all_of(&sink) {
        let address = json!({ "endpoint": url, "keys": keys }).to_string();
        let body = json!({ "to": address });
        let (status, body) = api
            .call(Method::POST, "/api/settings/notifications/push/test", Some(&body))
            .await;
        assert!(is_refusal(status, &body), "{url}: {status} {body}");
    }
    assert!(sink.arrived().is_empty(), "{:?}", sink.arrived());
}

/// A server outside that sends whoever calls on to another address.
struct Signpost {
    url: String,
    _tasks: JoinSet<()>,
}

impl Signpost {
    async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let app = Router::new().fallback(move || {
            let target = target.clone();
            async move { Redirect::temporary(&target) }
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, _tasks: tasks }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_leads_on() {
    let place = Place::sqlite();
    let sink = Sink::start().await;
    let signpost = Signpost::to(sink.url.clone()).await;
    // It stands for what is outside: here everything is on this machine.
    let server = Server::start(&place, &[("OPSKNIGHT_ALLOW_PRIVATE_TARGETS", "true")]).await;
    let api = Api::of(&place, &server).await;
    for kind in ["GENERIC", "TEAMS", "DISCORD", "GOOGLE_CHAT"] {
        let (status, body) = hook(&api, kind, &signpost.url).await;
        assert_eq!((status, &body["ok"]), (StatusCode::OK, &json!(false)), "{kind}: {body}");
    }
    let provider =
        json!({ "issuer": signpost.url.trim_end_matches('/'), "clientId": "x", "clientSecret": "y", "name": "Acme" });
    let (status, body) = api.call(Method::PUT, "/api/settings/sign-in", Some(&provider)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, body) = api
        .call(Method::POST, "/api/settings/sign-in/test", Some(&json!({})))
        .await;
    assert!(is_refusal(status, &body), "{status} {body}");
    // And a message that is sent by itself, with all its tries.
    let service = api.make("/api/services", json!({ "name": "Web" })).await;
    let made = json!({ "name": "By itself", "type": "GENERIC", "url": signpost.url });
    let webhook = api.make("/api/webhooks", made).await;
    api.make("/api/incidents", json!({ "title": "Disk full", "serviceId": service }))
        .await;
    let path = format!("/api/webhooks/{webhook}/deliveries");
    let tried = wait_until("it was tried", SOON, async || {
        let deliveries = api.get(&path).await;
        let words = deliveries["data"].to_string();
        words.contains("307").then_some(words)
    });
    tried.await;
    assert!(sink.arrived().is_empty(), "{:?}", sink.arrived());
}
