//! What a push service is sent, whether a browser could read it, and what each answer leads to.

use std::sync::Arc;

use jiff::SignedDuration;
use opsknight_channels::{
    Channel as _, DeliveryError, Message, Receipt,
    push::web::{GONE, PAYLOAD_BYTES_MAX, Subscription, VapidKey, WebPush, WebPushSettings, is_gone},
    tls::Roots,
};
use opsknight_domain::{
    incident::{Happening, Status},
    urgency::Urgency,
};
use serde_json::{Value, json};

use crate::{
    conformance::{Mood, Peer, Person},
    python::python,
    samples::{hostile, incident, message, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

/// The browser of RFC 8291, appendix A.
const POINT: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

fn settings() -> WebPushSettings {
    WebPushSettings {
        subject: "mailto:ops@example.com".into(),
        key: VapidKey::from_pkcs8(&VapidKey::generate()).unwrap(),
        public_url: "https://opsknight.example.com/".parse().unwrap(),
        allow_private: true,
    }
}

fn ours(mood: Mood) -> WebPush {
    WebPush::with_timeouts(&settings(), &Roots::of(Vec::new()), mood.timeouts()).unwrap()
}

/// A browser's subscription at this address.
fn subscription(endpoint: &str) -> String {
    json!({ "endpoint": endpoint, "expirationTime": null, "keys": { "p256dh": POINT, "auth": AUTH } }).to_string()
}

/// A subscription in whose address all that must not be told stands.
fn secret_subscription(server: &WebServer) -> String {
    let endpoint = server
        .base()
        .join("push/PASSWORD-of-ours/TOKENTOKEN12?key=QUERYSECRET99");
    subscription(endpoint.unwrap().as_str())
}

/// A push service, for the promises of all channels. What tells a repetition is encrypted for the browser.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| answer(201, &[("location", "/message/1")], "")).await;
    Person {
        channel: Arc::new(ours(mood)),
        to: secret_subscription(&server).leak(),
        server,
        arrived: |_| Some(None),
        goes_by_status: true,
    }
}

/// What the browser reads, opened by another implementation.
fn opened(request: &Request) -> Value {
    let program = "import sys, base64, http_ece\n\
                   from cryptography.hazmat.primitives.asymmetric import ec\n\
                   raw = lambda text: base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))\n\
                   number = int.from_bytes(raw(sys.argv[1]), 'big')\n\
                   key = ec.derive_private_key(number, ec.SECP256R1())\n\
                   body = sys.stdin.buffer.read()\n\
                   text = http_ece.decrypt(body, private_key=key, auth_secret=raw(sys.argv[2]), version='aes128gcm')\n\
                   sys.stdout.write(text.decode())";
    serde_json::from_str(&python(program, &[PRIVATE, AUTH], &request.bytes)).unwrap()
}

/// The request that a message leads to.
async fn sent(message: &Message) -> Request {
    let server = WebServer::start(|| answer(201, &[], "")).await;
    let to = subscription(&server.url);
    ours(Mood::Takes).send(&to, message, now()).await.unwrap();
    let mut seen = server.seen();
    assert_eq!(seen.len(), 1);
    seen.remove(0)
}

#[tokio::test]
async fn a_page_can_be_read_by_the_browser_and_by_nobody_else() {
    let request = sent(&page()).await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-encoding"), Some("aes128gcm"));
    assert_eq!(request.header("ttl"), Some("14400"));
    assert_eq!(request.header("urgency"), Some("high"));
    assert_eq!(request.header("topic").map(str::len), Some(22));
    assert!(!request.body.contains("High CPU"));
    insta::assert_json_snapshot!("push_page", opened(&request));
}

#[tokio::test]
async fn every_kind_of_message_is_shown() {
    for (name, message) in [
        ("push_resolved", resolved()),
        ("push_note", note()),
        ("push_hostile", hostile()),
        ("push_storm", storm()),
    ] {
        insta::assert_json_snapshot!(name, opened(&sent(&message).await));
    }
}

/// Signed by this program and for this push service, as another implementation sees it.
#[tokio::test]
async fn the_push_service_can_tell_who_sends() {
    let server = WebServer::start(|| answer(201, &[], "")).await;
    let settings = settings();
    let push = WebPush::new(&settings, &Roots::of(Vec::new())).unwrap();
    push.send(&subscription(&server.url), &page(), now()).await.unwrap();
    let header = server.seen()[0].header("authorization").unwrap().to_owned();
    let program = "import sys\nfrom py_vapid import Vapid02\nprint(Vapid02.verify(sys.argv[1]))";
    assert_eq!(python(program, &[&header], b"").trim(), "True");
    // The last character of a signature may stand for nothing, the first never does.
    let (start, signature) = header.split_once(",k=").unwrap().0.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{start}.{other}{},k={}", &signature[1..], settings.key.public_key());
    let program = "import sys\nfrom py_vapid import Vapid02\n\
                   try:\n  print(Vapid02.verify(sys.argv[1]))\nexcept Exception as wrong:\n  print(type(wrong).__name__)";
    assert_ne!(python(program, &[&forged], b"").trim(), "True");
    let program = "import sys, json, base64\n\
                   raw = lambda text: json.loads(base64.urlsafe_b64decode(text + '=' * (-len(text) % 4)))\n\
                   head, claims = sys.argv[1].split('t=')[1].split('.')[:2]\n\
                   print(json.dumps([raw(head), raw(claims)]))";
    let token: Value = serde_json::from_str(&python(program, &[&header], b"")).unwrap();
    let origin = server.base().origin().ascii_serialization();
    assert_eq!(
        token,
        json!([
            { "typ": "JWT", "alg": "ES256" },
            { "aud": origin, "exp": now().as_second() + 12 * 3600, "sub": "mailto:ops@example.com" },
        ])
    );
    assert!(header.ends_with(&format!(",k={}", settings.key.public_key())));
}

/// RFC 8188, section 2.1: salt, record size, length of the key; and push services take no more than 4096 bytes.
#[tokio::test]
async fn the_body_has_the_form_that_other_senders_give_it() {
    let request = sent(&note()).await;
    let (salt, rest) = request.bytes.split_at(16);
    assert_ne!(salt, [0; 16]);
    assert_eq!(rest[..5], [0, 0, 16, 0, 65]);
    assert!(request.bytes.len() <= 4096);
}

#[tokio::test]
async fn what_still_waits_is_replaced_only_by_what_makes_it_needless() {
    let news = |happening, status| {
        let mut news = incident();
        news.happening = happening;
        news.incident.status = status;
        news.answer = None;
        message(news)
    };
    let of = async |message: &Message| {
        let request = sent(message).await;
        let tag = opened(&request)["tag"].as_str().unwrap().to_owned();
        (request.header("topic").map(str::to_owned), tag)
    };
    let page_is = of(&page()).await;
    for (happening, status) in [
        (Happening::Acknowledged, Status::Acknowledged),
        (Happening::Resolved, Status::Resolved),
        (Happening::Snoozed, Status::Snoozed),
        (Happening::NoteAdded, Status::Acknowledged),
    ] {
        assert_eq!(of(&news(happening, status)).await, page_is, "{happening:?}");
    }
    for happening in [Happening::NoteAdded, Happening::SlaBreached, Happening::Escalated] {
        let (topic, tag) = of(&news(happening, Status::Open)).await;
        assert!(topic != page_is.0 && tag != page_is.1, "{happening:?}");
        assert!(topic.unwrap().len() <= 32);
    }
    assert_eq!(of(&storm()).await.0, None);
    assert_eq!(of(&note()).await.0, None);
}

#[tokio::test]
async fn only_what_must_ring_wakes_a_telephone() {
    let mut low = incident();
    low.answer = None;
    low.incident.urgency = Urgency::Low;
    for (message, urgency, ttl) in [
        (page(), "high", "14400"),
        (storm(), "high", "14400"),
        (resolved(), "normal", "14400"),
        (message(low), "low", "14400"),
        (note(), "normal", "86400"),
    ] {
        let request = sent(&message).await;
        assert_eq!(
            (request.header("urgency"), request.header("ttl")),
            (Some(urgency), Some(ttl))
        );
    }
}

#[tokio::test]
async fn the_payload_is_short_whatever_is_said() {
    let mut long = incident();
    for text in [&mut long.incident.title, &mut long.incident.service.name] {
        *text = "😀\"\\".repeat(5000);
    }
    long.reason = Some("\"".repeat(5000));
    long.incident.url = format!("https://opsknight.example.com/{}", "x".repeat(960));
    long.answer.as_mut().unwrap().url = format!("https://opsknight.example.com/a/{}", "x".repeat(960));
    let mut endless = incident();
    endless.incident.url = format!("https://opsknight.example.com/{}", "x".repeat(3000));
    endless.answer.as_mut().unwrap().url = format!("https://opsknight.example.com/a/{}", "x".repeat(3000));
    for message in [
        page(),
        resolved(),
        note(),
        hostile(),
        storm(),
        message(long),
        message(endless),
    ] {
        let request = sent(&message).await;
        // Salt, size, key, delimiter and tag come on top.
        assert!(
            request.bytes.len() <= PAYLOAD_BYTES_MAX + 86 + 17,
            "{}",
            request.bytes.len()
        );
        let payload = opened(&request);
        assert!(!payload["title"].as_str().unwrap().is_empty());
        assert!(
            payload["url"]
                .as_str()
                .unwrap()
                .starts_with("https://opsknight.example.com/")
        );
    }
}

#[tokio::test]
async fn a_receipt_has_the_push_services_own_name_for_the_message() {
    for status in [200, 201, 202] {
        let server = WebServer::start(move || {
            answer(
                status,
                &[("location", "https://push.example.net/message/qDIYHNcfAIPP")],
                "",
            )
        })
        .await;
        let receipt = ours(Mood::Takes)
            .send(&subscription(&server.url), &page(), now())
            .await
            .unwrap();
        assert_eq!(
            receipt.provider_id.as_deref(),
            Some("https://push.example.net/message/qDIYHNcfAIPP")
        );
        assert!(receipt.answer.starts_with(&status.to_string()));
    }
    let server = WebServer::start(|| answer(201, &[], "")).await;
    let receipt = ours(Mood::Takes).send(&subscription(&server.url), &page(), now()).await;
    assert_eq!(receipt, Ok(Receipt::of("201 Created")));
}

async fn refused(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> DeliveryError {
    let server = WebServer::start(move || answer(status, headers, body)).await;
    let to = secret_subscription(&server);
    let error = ours(Mood::Takes).send(&to, &page(), now()).await.unwrap_err();
    assert_eq!(server.seen().len(), 1, "one call a try");
    for secret in ["PASSWORD-of-ours", "TOKENTOKEN12", "QUERYSECRET99"] {
        assert!(!error.to_string().contains(secret), "{error}");
    }
    error
}

#[tokio::test]
async fn a_subscription_that_is_gone_can_be_told() {
    for status in [404, 410] {
        let error = refused(status, &[], "push subscription has unsubscribed or expired.").await;
        assert!(is_gone(&error), "{error:?}");
        assert!(error.to_string().starts_with(GONE), "{error}");
    }
    for (status, body) in [(413, ""), (400, ""), (429, ""), (500, ""), (403, ""), (403, GONE)] {
        assert!(!is_gone(&refused(status, &[], body).await), "{status} {body}");
    }
}

#[tokio::test]
async fn each_answer_says_what_is_done_next() {
    for status in [429, 503] {
        let error = refused(status, &[("retry-after", "120")], "slow down at /push/TOKENTOKEN12").await;
        assert!(
            matches!(&error, DeliveryError::Retry { after: Some(wait), .. } if *wait == SignedDuration::from_secs(120)),
            "{error:?}"
        );
    }
    for status in [400, 413, 307] {
        let error = refused(status, &[], "no good").await;
        assert!(matches!(&error, DeliveryError::Refused { .. }), "{error:?}");
    }
    for status in [401, 403] {
        let error = refused(status, &[], r#"{"reason":"BadJwtToken"}"#).await;
        assert!(
            matches!(&error, DeliveryError::Misconfigured { field: "VAPID key", .. }),
            "{error:?}"
        );
    }
    for (status, body) in [
        (
            403,
            "the VAPID credentials in the authorization header do not correspond to the credentials used to create \
             the subscriptions.",
        ),
        (400, r#"{"reason":"VapidPkHashMismatch"}"#),
        (401, r#"{"code":401,"errno":109,"message":"VAPID public key mismatch"}"#),
    ] {
        let error = refused(status, &[], body).await;
        assert!(
            matches!(&error, DeliveryError::Refused { why } if why.contains("must subscribe again")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_subscription_reaches_nobody() {
    let server = WebServer::start(|| answer(201, &[], "")).await;
    let of_point =
        |point: &str| json!({ "endpoint": server.url, "keys": { "p256dh": point, "auth": AUTH } }).to_string();
    for to in [
        "".into(),
        "{}".into(),
        of_point(AUTH),
        of_point(&POINT.replace("IAiw4", "IAiwA")),
    ] {
        let outcome = ours(Mood::Takes).send(&to, &page(), now()).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Refused { .. })),
            "{to}: {outcome:?}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_address_of_our_own_network_is_not_called() {
    let server = WebServer::start(|| answer(201, &[], "")).await;
    let settings = WebPushSettings {
        allow_private: false,
        ..settings()
    };
    let push = WebPush::new(&settings, &Roots::of(Vec::new())).unwrap();
    for endpoint in [
        server.url.clone(),
        server.url.replace("127.0.0.1", "localhost"),
        server.url.replace("http://", "https://"),
        "http://push.example.net/TOKENTOKEN12".into(),
        "https://169.254.169.254/TOKENTOKEN12".into(),
    ] {
        let outcome = push.send(&subscription(&endpoint), &page(), now()).await;
        match &outcome {
            Err(DeliveryError::Refused { why }) => assert!(!why.contains("TOKENTOKEN12"), "{why}"),
            other => panic!("{endpoint}: {other:?}"),
        }
    }
    assert!(server.seen().is_empty());
}

#[test]
fn each_problem_names_its_setting() {
    assert!(settings().problems().is_empty());
    for (subject, good) in [
        ("https://opsknight.example.com", true),
        ("http://127.0.0.1:8080", true),
        ("ops@example.com", false),
        ("mailto:", false),
        ("mailto:a b", false),
        ("", false),
    ] {
        let settings = WebPushSettings {
            subject: subject.into(),
            ..settings()
        };
        let fields: Vec<&str> = settings.problems().iter().map(|problem| problem.field).collect();
        assert_eq!(fields.is_empty(), good, "{subject}");
        assert_eq!(WebPush::new(&settings, &Roots::of(Vec::new())).is_ok(), good);
    }
    let shown = format!(
        "{:?}",
        Subscription::parse(&subscription("https://push.example.net/TOKENTOKEN12"))
    );
    assert!(
        shown.contains("push.example.net") && !shown.contains("TOKENTOKEN12"),
        "{shown}"
    );
}
