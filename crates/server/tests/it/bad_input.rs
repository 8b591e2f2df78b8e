//! Everything that a sender can do wrong, and what it is answered: the contract's table, row by row, and PagerDuty's
//! own edges.

mod bodies;
mod door;
mod every_source;

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use opsknight_server::clock::SystemClock;
use opsknight_web::state::Clock as _;
use reqwest::Method;
use serde_json::json;

use self::door::{Call, Doors, ask, hexadecimal_signature, post, trigger, trigger_with};
use crate::{api::integration, both::Place, process::Server};

both! {
    whoever_is_not_known_hears_the_same,
    whoever_is_known_is_let_in,
    credentials_hold_from_when_they_are_set,
    a_method_that_nobody_uses_is_refused,
    who_is_known_and_may_not_is_told_why,
    who_sends_too_much_is_told_when_to_come_back,
}

/// What a webhook's body may be.
const BODY: &[u8] = br#"{"summary":"It is wrong"}"#;
/// A group of alerts without any.
const NO_ALERTS: &str = r#"{"alerts":[]}"#;

fn event() -> Call {
    post("/api/events", trigger().to_string())
}

/// HTTP basic with this password.
fn basic(password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("any:{password}")))
}

/// Calls of the events API by somebody whom nobody knows.
fn strangers_with_events() -> Vec<(&'static str, Call)> {
    let nobody = "0".repeat(32);
    let in_body = trigger_with("/routing_key", json!(nobody));
    let by = |credentials: &str| event().with("authorization", credentials);
    vec![
        ("no key", event()),
        ("no key and no JSON object", post("/api/events", "[]")),
        ("an empty key", by("Token token=")),
        ("an unknown key", by(&format!("Token token={nobody}"))),
        ("an unknown key in the body", post("/api/events", in_body)),
        ("an unknown API key", by("Bearer sk_live_nobody")),
        ("a wrong password", by(&basic(&nobody))),
        ("no known scheme", by("Negotiate abc")),
    ]
}

/// Webhooks by somebody whom nobody knows.
fn strangers_with_webhooks(doors: &Doors) -> Vec<(&'static str, Call)> {
    let hook = |id: &str| post(&doors.hook("prometheus", id), "{}");
    let signed = || post(&doors.hook("webhook", &doors.signed.id), BODY);
    let keyed = || hook(&doors.keyed.id);
    let late = (SystemClock.now().as_second() - 301).to_string();
    let late_signature = hexadecimal_signature(&[late.as_bytes(), b".", BODY].concat());
    let stale = signed().with("x-timestamp", late).with("x-signature", late_signature);
    let wrong = hexadecimal_signature(b"something else");
    vec![
        ("no id", post("/api/integrations/prometheus", "{}")),
        ("no real id", hook("x' OR 1=1")),
        ("an unknown id", hook("int_7zzzzzzzzz8zzv4zzzzzzzzzzz")),
        ("another thing's id", hook(&doors.service)),
        ("no signature", signed()),
        ("the key instead of a signature", signed().by(&doors.signed)),
        ("a wrong signature", signed().with("x-signature", wrong)),
        ("a signature that is none", signed().with("x-signature", "sha256=zz")),
        ("a stale timestamp", stale),
        ("no key where it is required", keyed()),
        ("a wrong key where it is required", keyed().by(&doors.prometheus)),
        ("a wrong password", keyed().with("authorization", basic("wrong"))),
    ]
}

async fn whoever_is_not_known_hears_the_same(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let mut bodies = BTreeSet::new();
    for (what, call) in strangers_with_events()
        .into_iter()
        .chain(strangers_with_webhooks(&doors))
    {
        let answer = ask(&doors.api, call).await;
        answer.is_error(what, 401, "UNAUTHORIZED");
        let limit = answer.headers.get("x-ratelimit-limit");
        assert!(limit.is_none(), "{what}: limits are for those who are known");
        bodies.insert(answer.body.to_string());
    }
    assert_eq!(bodies.len(), 1, "the same body for all of them: {bodies:?}");
}

async fn whoever_is_known_is_let_in(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let signed = || post(&doors.hook("webhook", &doors.signed.id), BODY);
    let keyed = || post(&doors.hook("prometheus", &doors.keyed.id), NO_ALERTS);
    let signature = hexadecimal_signature(BODY);
    let now = SystemClock.now().as_second().to_string();
    let timed = hexadecimal_signature(&[now.as_bytes(), b".", BODY].concat());
    let capitals = signature.to_uppercase().replace("SHA256=", "");
    let rows = [
        ("signed", signed().with("x-signature", &signature)),
        ("bare digits, capitals", signed().with("x-webhook-signature", capitals)),
        ("timed", signed().with("x-timestamp", now).with("x-signature", timed)),
        ("the key as a token", keyed().by(&doors.keyed)),
        (
            "the key in its own header",
            keyed().with("x-integration-key", &doors.keyed.key),
        ),
        (
            "the key as a password",
            keyed().with("authorization", basic(&doors.keyed.key)),
        ),
        (
            "the key in the body",
            post("/api/events", trigger_with("/routing_key", json!(doors.events.key))),
        ),
        ("the key", event().by(&doors.events)),
    ];
    for (what, call) in rows {
        let answer = ask(&doors.api, call).await;
        assert_eq!(answer.status, 202, "{what}: {}", answer.body);
    }
}

async fn who_is_known_and_may_not_is_told_why(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let by_key = |key: &str, service: &str| {
        let call = post("/api/events", trigger_with("/service_id", json!(service)));
        call.with("authorization", format!("Bearer {key}"))
    };
    let hook = |slug: &str| post(&doors.hook(slug, &doors.prometheus.id), "{}");
    let (key, nowhere) = (&doors.api.key, "svc_00000000000000000000000000");
    let no_service = event().with("authorization", format!("Bearer {key}"));
    let rows = [
        ("disabled", 403, "FORBIDDEN", event().by(&doors.disabled)),
        ("no scope", 403, "FORBIDDEN", by_key(&doors.reader, &doors.service)),
        ("no such type", 404, "NOT_FOUND", hook("teapot")),
        ("another type", 404, "NOT_FOUND", hook("grafana")),
        ("no service", 400, "VALIDATION_ERROR", no_service),
        ("no such service", 400, "VALIDATION_ERROR", by_key(key, nowhere)),
        ("no id of a service", 400, "VALIDATION_ERROR", by_key(key, "what")),
    ];
    for (what, status, code, call) in rows {
        ask(&doors.api, call).await.is_error(what, status, code);
    }
    let taken = ask(&doors.api, by_key(key, &doors.service)).await;
    assert_eq!(taken.status, 202);
    assert_eq!(taken.body["result"]["action"], "triggered");
}

async fn credentials_hold_from_when_they_are_set(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let path = |id: &str| format!("/api/services/{}/integrations/{id}", doors.service);
    let hook = post(&doors.hook("prometheus", &doors.prometheus.id), NO_ALERTS);
    assert_eq!(ask(&doors.api, hook.clone()).await.status, 202);
    assert_eq!(ask(&doors.api, event().by(&doors.events)).await.status, 202);
    // The very next request is refused, whatever the program has in memory.
    let secret = json!({ "signatureSecret": door::SECRET });
    doors.api.patch(&path(&doors.prometheus.id), secret).await;
    ask(&doors.api, hook).await.is_error("unsigned", 401, "UNAUTHORIZED");
    let unsigned = json!({ "signatureSecret": null });
    doors.api.patch(&path(&doors.prometheus.id), unsigned).await;
    let unreadable = post(&doors.hook("prometheus", &doors.prometheus.id), "{\"alerts\": 5}");
    assert_eq!(ask(&doors.api, unreadable.clone()).await.status, 400);
    let secret = json!({ "signatureSecret": door::SECRET });
    doors.api.patch(&path(&doors.prometheus.id), secret).await;
    ask(&doors.api, unreadable)
        .await
        .is_error("unsigned and unreadable", 401, "UNAUTHORIZED");
    let rotate = format!("{}/rotate-key", path(&doors.events.id));
    let change = json!({ "routing_key": doors.events.key, "payload": { "summary": "Deployed" } });
    let change = post("/v2/change/enqueue", change.to_string());
    assert_eq!(ask(&doors.api, change.clone()).await.status, 202);
    doors.api.post(&rotate, json!({})).await;
    assert_eq!(
        ask(&doors.api, change).await.status,
        400,
        "PagerDuty's answer to a wrong key"
    );
    let old = ask(&doors.api, event().by(&doors.events)).await;
    old.is_error("the key of before", 401, "UNAUTHORIZED");
}

async fn a_method_that_nobody_uses_is_refused(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let hook = doors.hook("prometheus", &doors.prometheus.id);
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        for path in ["/api/events", "/v2/enqueue", "/v2/change/enqueue", &hook] {
            let call = Call {
                method: method.clone(),
                ..post(path, "")
            };
            let answer = ask(&doors.api, call).await;
            answer.is_error(&format!("{method} {path}"), 405, "VALIDATION_ERROR");
            assert_eq!(answer.headers["allow"], "POST", "{method} {path}");
        }
    }
}

async fn who_sends_too_much_is_told_when_to_come_back(place: &Place) {
    let server = Server::start(place, &[]).await;
    let doors = Doors::open(place, &server).await;
    let few = integration(&doors.api, &doors.service, "EVENTS_API_V2", json!({})).await;
    let event = trigger().to_string();
    // Whoever shows no key uses up nothing.
    for _ in 0..10 {
        assert_eq!(
            ask(&doors.api, post(&doors.hook("events", &few.id), "{").with("x-y", "z"))
                .await
                .status,
            400
        );
    }
    let mut left = Vec::new();
    let refused = loop {
        let answer = ask(&doors.api, post("/api/events", event.clone()).by(&few)).await;
        assert_eq!(answer.number("x-ratelimit-limit"), 120);
        assert!(answer.number("x-ratelimit-reset") <= 60);
        if answer.status != 202 {
            break answer;
        }
        left.push(answer.number("x-ratelimit-remaining"));
        assert!(left.len() < 200, "there is no limit");
    };
    assert!(
        left[0] >= 109 && left.len() >= 110,
        "a whole minute's allowance passes at once: {left:?}"
    );
    refused.is_error("the next", 429, "RATE_LIMITED");
    assert!((1..=60).contains(&refused.number("retry-after")));
    let as_pagerduty = ask(
        &doors.api,
        post("/v2/enqueue", trigger_with("/routing_key", json!(few.key))),
    )
    .await;
    if as_pagerduty.status != 202 {
        assert_eq!(
            (as_pagerduty.status.as_u16(), &as_pagerduty.body["status"]),
            (429, &json!("throttle exceeded"))
        );
    }
    let other = ask(&doors.api, post("/api/events", event).by(&doors.events)).await;
    assert_eq!(other.status, 202, "others are not held up");
}
