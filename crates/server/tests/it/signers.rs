//! Calls from vendors as each of them makes and signs them, with the secrets that the tests set up.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use opsknight_server::config::RawProviders;
use reqwest::{RequestBuilder, StatusCode};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

use crate::world::{PUBLIC_URL, World};

pub(crate) const TOKEN: &str = "twilio-auth-token";
pub(crate) const APP_SECRET: &str = "meta-app-secret";
pub(crate) const VERIFY_TOKEN: &str = "meta-verify-token";
/// What Resend shows: base64 of "resend webhook secret".
pub(crate) const RESEND_SECRET: &str = "whsec_cmVzZW5kIHdlYmhvb2sgc2VjcmV0";

/// An account at Twilio that texts and calls.
pub(crate) fn twilio(raw: &mut RawProviders) {
    raw.twilio_account_sid = Some(format!("AC{}", "a".repeat(32)));
    raw.twilio_auth_token = Some(TOKEN.into());
    raw.twilio_phone_number = Some("+14155550100".into());
}

/// A number of WhatsApp's Cloud API.
pub(crate) fn meta(raw: &mut RawProviders) {
    raw.whatsapp_phone_number_id = Some("106540352242922".into());
    raw.whatsapp_access_token = Some("meta-access-token".into());
    raw.whatsapp_app_secret = Some(APP_SECRET.into());
    raw.whatsapp_verify_token = Some(VERIFY_TOKEN.into());
}

/// The signature over an address and a form (Twilio, "Validating Signatures from Twilio").
pub(crate) fn of_twilio(url: &str, fields: &[(&str, &str)]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let mut signed = url.to_owned();
    for (name, value) in sorted {
        signed.push_str(name);
        signed.push_str(value);
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A form to a path, with a signature that may be wrong.
pub(crate) async fn form(world: &World, path: &str, fields: &[(&str, &str)], signature: &str) -> (StatusCode, String) {
    let request = world.api.http.post(format!("{}{path}", world.api.base));
    answered(request.header("x-twilio-signature", signature).form(fields)).await
}

/// Calls as Twilio does, signed with the account's token, and is answered with 200.
pub(crate) async fn twilio_calls(world: &World, path: &str, fields: &[(&str, &str)]) -> String {
    let signature = of_twilio(&format!("{PUBLIC_URL}{path}"), fields);
    let (status, answer) = form(world, path, fields, &signature).await;
    assert_eq!(status, 200, "{path} {fields:?}: {answer}");
    answer
}

/// The path of an address of ours that a vendor was given.
pub(crate) fn path_of(url: &str) -> &str {
    url.strip_prefix(PUBLIC_URL).unwrap_or_else(|| panic!("{url} is ours"))
}

/// Somebody writes a text message.
pub(crate) async fn text(world: &World, from: &str, said: &str, sid: &str) -> String {
    let fields = [
        ("From", from),
        ("To", "+14155550100"),
        ("Body", said),
        ("MessageSid", sid),
    ];
    twilio_calls(world, "/api/twilio/sms", &fields).await
}

/// The status and the text of an answer.
pub(crate) async fn answered(request: RequestBuilder) -> (StatusCode, String) {
    let response = request.send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// A body to Meta's webhook, signed with this secret (Meta, Webhooks, "Validating payloads").
pub(crate) async fn meta_posts(world: &World, body: &Value, secret: &str) -> StatusCode {
    let body = body.to_string();
    let signature = hex::encode(hmac_sha256(secret.as_bytes(), &[body.as_bytes()]));
    let request = world.api.http.post(format!("{}/api/whatsapp/webhook", world.api.base));
    let request = request
        .header("x-hub-signature-256", format!("sha256={signature}"))
        .header("content-type", "application/json");
    answered(request.body(body)).await.0
}

/// What Meta sends: messages of one person, or statuses of our messages.
pub(crate) fn of_meta(what: &str, one: Value) -> Value {
    let metadata = json!({ "display_phone_number": "14155550100", "phone_number_id": "106540352242922" });
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": metadata });
    value[what] = json!([one]);
    let changes = json!([{ "field": "messages", "value": value }]);
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "102290129340398", "changes": changes }] })
}

/// An event of Resend's, signed by Svix at this time (Svix, "Verifying webhooks manually").
pub(crate) fn of_resend(world: &World, event: &Value, secret: &str, at: Timestamp) -> RequestBuilder {
    let (body, at) = (event.to_string(), at.as_second().to_string());
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
    let parts: [&[u8]; 5] = [b"msg_1", b".", at.as_bytes(), b".", body.as_bytes()];
    let signature = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &parts)));
    let request = world.api.http.post(format!("{}/api/email/resend", world.api.base));
    let request = request.header("svix-id", "msg_1").header("svix-timestamp", at);
    request.header("svix-signature", signature).body(body)
}

/// The key by which SendGrid signs its events.
pub(crate) struct SendGridKey(EcdsaKeyPair);

impl SendGridKey {
    pub(crate) fn new() -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &SystemRandom::new());
        Self(key.unwrap())
    }

    /// As SendGrid shows it: the SubjectPublicKeyInfo of RFC 5480 in base64.
    pub(crate) fn shown(&self) -> String {
        let mut der = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        der.extend_from_slice(self.0.public_key().as_ref());
        STANDARD.encode(der)
    }

    /// Events, signed at this time (SendGrid, "Getting Started with the Event Webhook Security Features").
    pub(crate) fn posts(&self, world: &World, events: &Value, at: Timestamp) -> RequestBuilder {
        let (body, at) = (events.to_string(), at.as_second().to_string());
        let signed = [at.as_bytes(), body.as_bytes()].concat();
        let signature = STANDARD.encode(self.0.sign(&SystemRandom::new(), &signed).unwrap());
        let request = world.api.http.post(format!("{}/api/email/sendgrid", world.api.base));
        let request = request.header("x-twilio-email-event-webhook-signature", signature);
        request.header("x-twilio-email-event-webhook-timestamp", at).body(body)
    }
}
