//! What providers of mail report back: whom it is believed of, and what it says.

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use opsknight_channels::{
    Secret,
    email::events::{
        MailEvent, MailEventKind, SignatureError,
        resend::{self, check_secret},
        sendgrid::{self, check_public_key},
        ses,
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{python::Script, samples::now};

const DELIVERY: &str = "dlv_01ke3q5x9se8eba6ncyw3g4j1r";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// An event on one line.
fn line(event: &MailEvent) -> String {
    let delivery = event.delivery.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let id = event.provider_id.as_deref().unwrap_or("-");
    let at = event.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    format!("{at} {} {:?}\n    {delivery} {id}", event.address, event.kind)
}

fn lines(events: &[MailEvent]) -> String {
    events.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn headers(signed: &Value) -> HeaderMap {
    let fields = signed.as_object().unwrap().iter();
    fields
        .map(|(name, value)| {
            (
                name.parse::<http::HeaderName>().unwrap(),
                value.as_str().unwrap().parse().unwrap(),
            )
        })
        .collect()
}

/// The signer, with SendGrid's public key in both of its forms.
async fn signer() -> (Script, String, String) {
    let mut script = Script::start("sign_events.py", &[]);
    let said = script.says().await;
    let of = |name: &str| said[name].as_str().unwrap().to_owned();
    let (key, pem) = (of("sendgrid_key"), of("pem"));
    (script, key, pem)
}

async fn signed(script: &mut Script, provider: &str, secret: &str, at: Timestamp, body: &str) -> HeaderMap {
    let asked = json!({ "provider": provider, "secret": secret, "at": at.as_second(), "body": body });
    headers(&script.ask(&asked).await)
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn what_sendgrid_signed_is_believed_for_a_day_and_nothing_else() {
    let (mut script, key, pem) = signer().await;
    let (_, other_key, _) = signer().await;
    assert!(check_public_key(&key).is_ok() && check_public_key(&pem).is_ok());
    // SendGrid ends its lists so.
    let body = "[{\"event\":\"delivered\",\"email\":\"jané@example.com\"}]\r\n";
    let good = signed(&mut script, "sendgrid", "", now(), body).await;
    let verify = |key: &str, headers: &HeaderMap, body: &str| sendgrid::verify(key, headers, body.as_bytes(), now());
    assert_eq!(verify(&key, &good, body), Ok(()));
    assert_eq!(verify(&pem, &good, body), Ok(()));
    assert_eq!(verify(&key, &good, body.trim_end()), Err(SignatureError::Wrong));
    assert_eq!(verify(&other_key, &good, body), Err(SignatureError::Wrong));
    assert_eq!(verify("not a key", &good, body), Err(SignatureError::Key));
    for (minutes, outcome) in [
        (24 * 60, Ok(())),
        (25 * 60 + 1, Err(SignatureError::Stale)),
        (-4, Ok(())),
        (-6, Err(SignatureError::Stale)),
    ] {
        let then = signed(&mut script, "sendgrid", "", ago(minutes), body).await;
        assert_eq!(verify(&key, &then, body), outcome, "{minutes}");
        let mut moved = then;
        let now = now().as_second().to_string().parse().unwrap();
        moved.insert("x-twilio-email-event-webhook-timestamp", now);
        assert_eq!(verify(&key, &moved, body), Err(SignatureError::Wrong), "{minutes}");
    }
    for name in [
        "x-twilio-email-event-webhook-signature",
        "x-twilio-email-event-webhook-timestamp",
    ] {
        let mut without = good.clone();
        without.remove(name);
        assert_eq!(verify(&key, &without, body), Err(SignatureError::Header(name)));
    }
    let mut garbled = good.clone();
    garbled.insert("x-twilio-email-event-webhook-signature", "§".parse().unwrap());
    assert!(verify(&key, &garbled, body).is_err());
}

#[tokio::test]
async fn what_svix_signed_is_believed_for_five_minutes_and_nothing_else() {
    let (mut script, ..) = signer().await;
    let secret = Secret::new(SECRET);
    let body = "{\"type\":\"email.delivered\",\"data\":{\"to\":[\"jané@example.com\"]}}";
    let good = signed(&mut script, "resend", SECRET, now(), body).await;
    let verify =
        |secret: &Secret, headers: &HeaderMap, body: &str| resend::verify(secret, headers, body.as_bytes(), now());
    assert_eq!(verify(&secret, &good, body), Ok(()));
    assert_eq!(
        verify(&secret, &good, &body.replace("jan", "jon")),
        Err(SignatureError::Wrong)
    );
    assert_eq!(
        verify(&Secret::new("whsec_AAAA"), &good, body),
        Err(SignatureError::Wrong)
    );
    for wrong in ["", "whsec_", "whsec_***"] {
        assert_eq!(verify(&Secret::new(wrong), &good, body), Err(SignatureError::Key));
        assert!(check_secret(&Secret::new(wrong)).is_err());
    }
    assert!(check_secret(&secret).is_ok());
    for (minutes, outcome) in [
        (4, Ok(())),
        (6, Err(SignatureError::Stale)),
        (-6, Err(SignatureError::Stale)),
    ] {
        let then = signed(&mut script, "resend", SECRET, ago(minutes), body).await;
        assert_eq!(verify(&secret, &then, body), outcome, "{minutes}");
    }
    for name in ["svix-id", "svix-timestamp", "svix-signature"] {
        let mut without = good.clone();
        without.remove(name);
        assert_eq!(verify(&secret, &without, body), Err(SignatureError::Header(name)));
    }
    // While a secret is changed there are signatures of both, and of versions to come.
    let ours = good["svix-signature"].to_str().unwrap();
    for (signatures, outcome) in [
        (format!("v1a,AAAA v1,AAAA {ours}"), Ok(())),
        ("v1,AAAA v2,AAAA".into(), Err(SignatureError::Wrong)),
        (ours.replace("v1,", "v2,"), Err(SignatureError::Wrong)),
        (ours.replace("v1,", ""), Err(SignatureError::Wrong)),
    ] {
        let mut several = good.clone();
        several.insert("svix-signature", signatures.parse().unwrap());
        assert_eq!(verify(&secret, &several, body), outcome, "{signatures}");
    }
}

#[test]
fn sendgrids_events_are_read() {
    let common = |event: Value| {
        let mut whole = json!({
            "email": "jane@example.com", "timestamp": 1_795_403_405, "sg_event_id": "ZXZlbnQ",
            "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "category": ["opsknight", "page"],
            "smtp-id": format!("<{DELIVERY}@opsknight.example.com>"), "opsknight_delivery": DELIVERY,
        });
        whole
            .as_object_mut()
            .unwrap()
            .extend(event.as_object().unwrap().clone());
        whole
    };
    let body = json!([
        common(json!({ "event": "processed" })),
        common(json!({ "event": "delivered", "response": "250 OK" })),
        common(json!({ "event": "deferred", "response": "400 try again later", "attempt": "5" })),
        common(json!({ "event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user" })),
        common(json!({ "event": "bounce", "type": "blocked", "status": "4.7.1", "reason": "421 busy\r\n\u{202e}now" })),
        common(json!({ "event": "dropped", "reason": "Bounced Address", "status": "5.0.0" })),
        common(json!({ "event": "spamreport" })),
        common(json!({ "event": "open", "useragent": "Mozilla" })),
        common(json!({ "event": "click", "url": "https://example.com" })),
        common(json!({ "event": "unsubscribe" })),
        common(json!({ "event": "bounce", "email": "nobody" })),
        { "event": "delivered", "email": "Other <other@example.com>", "unique_args": { "opsknight_delivery": DELIVERY } },
        { "event": "delivered", "email": "third@example.com", "opsknight_delivery": "somebody else's", "timestamp": "soon" },
        { "event": 7, "email": [] },
        null,
    ]);
    let events = sendgrid::parse(body.to_string().as_bytes()).unwrap();
    insta::assert_snapshot!("events_of_sendgrid", lines(&events));
    for wrong in ["", "{}", "[", "null", "7"] {
        assert!(sendgrid::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn resends_events_are_read() {
    let about = |name: &str, more: Value| {
        let mut data = json!({
            "created_at": "2026-11-23 03:10:04.894719+00", "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
            "from": "Paging <noreply@example.com>", "to": ["jane@example.com"], "subject": "…",
            "tags": { "opsknight_delivery": DELIVERY },
        });
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "type": name, "created_at": "2026-11-23T03:10:05.126Z", "data": data }).to_string()
    };
    let bounce = |kind: &str| json!({ "bounce": { "message": "no such user", "subType": "General", "type": kind } });
    let events: Vec<MailEvent> = [
        about("email.sent", json!({})),
        about("email.delivered", json!({})),
        about("email.delivery_delayed", json!({})),
        about("email.bounced", bounce("Permanent")),
        about("email.bounced", bounce("Transient")),
        about("email.bounced", json!({})),
        about("email.complained", json!({})),
        about("email.suppressed", json!({ "suppressed": { "message": "on the list", "type": "OnAccountSuppressionList" } })),
        about("email.failed", json!({ "failed": { "reason": "reached_daily_quota" } })),
        about("email.opened", json!({})),
        about("contact.created", json!({})),
        about("email.delivered", json!({ "to": ["a@example.com", 7, "b@example.com"], "tags": [{ "name": "opsknight_delivery", "value": DELIVERY }] })),
        about("email.delivered", json!({ "to": "c@example.com", "tags": null, "email_id": 7 })),
    ]
    .iter()
    .flat_map(|body| resend::parse(body.as_bytes()).unwrap())
    .collect();
    insta::assert_snapshot!("events_of_resend", lines(&events));
    for wrong in ["", "[]", "{}", "{\"type\":7,\"data\":{}}", "{\"type\":\"email.sent\"}"] {
        assert!(resend::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn the_events_of_ses_are_read() {
    let mail = json!({
        "timestamp": "2026-11-23T03:10:00.000Z", "source": "noreply@example.com", "messageId": "0100-EXAMPLE-000000",
        "destination": ["jane@example.com", "John <john@example.com>"],
    });
    let with = |more: Value| {
        let mut mail = mail.clone();
        mail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        mail
    };
    let tagged = with(json!({ "tags": { "ses:operation": ["SendEmail"], "opsknight_delivery": [DELIVERY] } }));
    let headed = with(
        json!({ "headers": [{ "name": "Subject", "value": "x" }, { "name": "X-OpsKnight-Delivery", "value": DELIVERY }] }),
    );
    let common = with(json!({ "commonHeaders": { "messageId": format!("<{DELIVERY}@example.com>") } }));
    let at = "2026-11-23T03:10:04.669Z";
    let gone = json!([{ "emailAddress": "jane@example.com", "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown" }]);
    let full =
        json!([{ "emailAddress": "jane@example.com", "status": "5.2.2" }, { "emailAddress": "john@example.com" }]);
    let bounce =
        json!({ "bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": gone, "timestamp": at });
    let soft = json!({ "bounceType": "Transient", "bounceSubType": "MailboxFull", "bouncedRecipients": full, "timestamp": at });
    let delay = json!({ "delayType": "MailboxFull", "delayedRecipients": full, "timestamp": at });
    let spam = json!({ "complainedRecipients": [{ "emailAddress": "jane@example.com" }], "complaintFeedbackType": "abuse", "timestamp": at });
    let events: Vec<MailEvent> = [
        json!({ "eventType": "Bounce", "bounce": bounce, "mail": tagged }),
        json!({ "notificationType": "Bounce", "bounce": bounce, "mail": mail }),
        json!({ "notificationType": "Bounce", "bounce": soft, "mail": headed }),
        json!({ "notificationType": "Complaint", "complaint": spam, "mail": common }),
        json!({ "eventType": "Delivery", "delivery": { "timestamp": at, "recipients": ["jane@example.com"], "smtpResponse": "250 ok" }, "mail": tagged }),
        json!({ "eventType": "DeliveryDelay", "deliveryDelay": delay, "mail": tagged }),
        json!({ "eventType": "Reject", "reject": { "reason": "Bad content" }, "mail": tagged }),
        json!({ "eventType": "Rendering Failure", "failure": { "errorMessage": "no such template" }, "mail": tagged }),
        json!({ "eventType": "Send", "send": {}, "mail": tagged }),
        json!({ "eventType": "Open", "open": { "timestamp": at }, "mail": tagged }),
        json!({ "notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully subscribed" }),
        json!({ "notificationType": "Bounce", "bounce": null, "mail": [] }),
    ]
    .iter()
    .flat_map(|body| ses::parse(&body.to_string()).unwrap())
    .collect();
    insta::assert_snapshot!("events_of_ses", lines(&events));
    assert_eq!(
        ses::parse("Successfully validated SNS topic for Amazon SES event publishing."),
        Ok(Vec::new())
    );
    for wrong in ["", "hello", "[]", "{}", "{\"eventType\":7}"] {
        assert!(ses::parse(wrong).is_err(), "{wrong}");
    }
}

/// JSON with the words that the parsers look for, in wrong places too.
fn somehow_like_events() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "event",
        "email",
        "type",
        "data",
        "to",
        "tags",
        "bounce",
        "bounced",
        "blocked",
        "timestamp",
        "created_at",
        "eventType",
        "notificationType",
        "Bounce",
        "Complaint",
        "Delivery",
        "mail",
        "bouncedRecipients",
        "emailAddress",
        "destination",
        "commonHeaders",
        "messageId",
        "headers",
        "name",
        "value",
        "email.bounced",
        "email.delivered",
        "delivered",
        "dropped",
        "opsknight_delivery",
        "X-OpsKnight-Delivery",
        "jane@example.com",
        DELIVERY,
        "<@>",
        "2026-11-23T03:10:05Z",
        "sg_message_id",
        ".filter",
        "unique_args",
        "reason",
        "ü\u{202e}\r\n",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 80, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..8).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

fn are_fit(events: &[MailEvent]) -> bool {
    events.iter().all(|event| {
        let why = match &event.kind {
            MailEventKind::Delivered | MailEventKind::Complained => "",
            MailEventKind::Deferred { why } | MailEventKind::Dropped { why } | MailEventKind::Bounced { why, .. } => {
                why
            }
        };
        let id = event.provider_id.as_deref().unwrap_or("x");
        let plain = |text: &str| !text.chars().any(char::is_control);
        event.address.contains('@') && plain(&event.address) && why.chars().count() <= 300 && plain(why) && plain(id)
    })
}

proptest! {
    #[test]
    fn what_is_somehow_like_events_harms_nobody(value in somehow_like_events()) {
        let text = value.to_string();
        let list = format!("[{text}]");
        for body in [text.as_str(), list.as_str()] {
            for events in [sendgrid::parse(body.as_bytes()), resend::parse(body.as_bytes()), ses::parse(body)].into_iter().flatten() {
                prop_assert!(are_fit(&events));
            }
        }
    }

    #[test]
    fn whatever_bytes_come_harm_nobody(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<i64>(), text in "\\PC{0,60}") {
        drop(sendgrid::parse(&bytes));
        drop(resend::parse(&bytes));
        drop(ses::parse(&String::from_utf8_lossy(&bytes)));
        let headers: HeaderMap = ["svix-id", "svix-timestamp", "svix-signature", "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"]
            .into_iter()
            .zip([text.clone(), at.to_string(), format!("v1,{text}"), text.clone(), at.to_string()])
            .filter_map(|(name, value)| Some((http::HeaderName::from_static(name), http::HeaderValue::from_str(&value).ok()?)))
            .collect();
        prop_assert!(sendgrid::verify(&text, &headers, &bytes, now()).is_err());
        prop_assert!(resend::verify(&Secret::new(SECRET), &headers, &bytes, now()).is_err());
    }
}
