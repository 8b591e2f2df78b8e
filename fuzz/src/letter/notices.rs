//! Notifications of browsers and telephones, and the payload of webhooks.

use opsknight_channels::{
    push::{onesignal, web},
    webhook,
};
use opsknight_domain::message::{Content, Message};
use serde_json::Value;
use url::Url;

use super::{OURS, assert_clean, now, string};

/// What is left of 4,096 bytes once a payload is sealed (RFC 8291, section 4).
const SEALED_BYTES_MAX: usize = 3993;
/// OneSignal's `data` has so many bytes, and so many all of a message that goes to a telephone.
const DATA_BYTES_MAX: usize = 2048;
const MESSAGE_BYTES_MAX: usize = 4096;

/// The browser's own, and OneSignal's.
pub(super) fn push(message: &Message) {
    let public_url = Url::parse(OURS[0]).expect("an address");
    let text = web::render(message, &public_url);
    assert!(
        text.len() <= SEALED_BYTES_MAX.min(web::PAYLOAD_BYTES_MAX),
        "{} bytes",
        text.len()
    );
    let payload: Value = serde_json::from_str(&text).expect("JSON");
    assert_clean(string(&payload, "/title"));
    assert_clean(string(&payload, "/body"));
    assert!(string(&payload, "/url").starts_with("http"));

    let body = onesignal::render(message);
    for pointer in ["/headings/en", "/contents/en"] {
        let text = string(&body, pointer);
        assert_clean(text);
        assert!(!text.contains("{{") && !text.contains("{%"), "a template: {text:?}");
    }
    assert!(body["data"].to_string().len() <= DATA_BYTES_MAX);
    let shown = string(&body, "/headings/en").len() + string(&body, "/contents/en").len();
    assert!(shown + body["data"].to_string().len() <= MESSAGE_BYTES_MAX);
}

/// Programs get every text as it is.
pub(super) fn webhook(message: &Message) {
    let body: Value = serde_json::from_str(&webhook::render(message, now())).expect("JSON");
    match &message.content {
        Content::Incident(news) => {
            let facts = &news.incident;
            assert_eq!(string(&body, "/incident/title"), facts.title);
            assert_eq!(string(&body, "/incident/service/name"), facts.service.name);
            assert_eq!(body["incident"]["description"].as_str(), facts.description.as_deref());
            assert_eq!(body["incident"]["priority"].as_str(), facts.priority.as_deref());
        }
        Content::Note { subject, text } => {
            assert_eq!(string(&body, "/note/subject"), subject);
            assert_eq!(string(&body, "/note/text"), text);
        }
        Content::Bundle(bundle) => assert!(string(&body, "/note/text").ends_with(&bundle.url)),
    }
}
