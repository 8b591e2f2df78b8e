use serde_json::{Value, json};

use super::*;

fn body(value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": "15550783881", "phone_number_id": "106540352242922" });
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "102290129340398", "changes": [{ "value": value, "field": "messages" }] }],
    })
    .to_string()
    .into_bytes()
}

fn message(message: &Value) -> Vec<Incoming> {
    parse(&body(
        &json!({ "contacts": [{ "wa_id": "16505551234" }], "messages": [message] }),
    ))
    .unwrap()
}

fn state(status: &Value) -> State {
    match &parse(&body(&json!({ "statuses": [status] }))).unwrap()[..] {
        [Incoming::Status(status)] => status.state.clone(),
        other => panic!("{other:?}"),
    }
}

/// The HMAC of RFC 4231, test case 2.
#[test]
fn a_body_is_metas_where_its_signature_is() {
    let secret = Secret::new("Jefe");
    let said = b"what do ya want for nothing?";
    let header = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert!(verify(&secret, header, said));
    assert!(verify(&secret, &header.replace("5bdcc", "5BDCC"), said));
    assert!(!verify(&secret, header, b"what do ya want for nothing"));
    assert!(!verify(&Secret::new("Jeff"), header, said));
    assert!(!verify(&Secret::new(""), header, said));
    for wrong in ["", "sha256=", "sha1=5bdcc1", &header[7..], &header[..70], "sha256=zz"] {
        assert!(!verify(&secret, wrong, said), "{wrong}");
    }
}

#[test]
fn the_handshake_repeats_the_challenge_to_who_knows_the_word() {
    let query = |mode: &str, token: &str, challenge: &str| -> Vec<(String, String)> {
        [
            ("hub.mode", mode),
            ("hub.verify_token", token),
            ("hub.challenge", challenge),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into()
    };
    let token = Secret::new("our word");
    let answer = |query: &[(String, String)]| handshake(&token, query);
    assert_eq!(
        answer(&query("subscribe", "our word", "1158201444")).as_deref(),
        Some("1158201444")
    );
    assert_eq!(answer(&query("subscribe", "another", "1158201444")), None);
    assert_eq!(answer(&query("unsubscribe", "our word", "1158201444")), None);
    assert_eq!(answer(&query("subscribe", "our word", "<script>")), None);
    assert_eq!(answer(&query("subscribe", "our word", &"1".repeat(300))), None);
    assert_eq!(answer(&[]), None);
    assert_eq!(handshake(&Secret::new(""), &query("subscribe", "", "1158201444")), None);
}

#[test]
fn texts_and_both_kinds_of_buttons_are_read() {
    let inbound = |text: &str, payload: Option<&str>, in_reply_to: Option<&str>| {
        vec![Incoming::Message(Inbound {
            from: "+16505551234".into(),
            phone_number_id: "106540352242922".into(),
            id: "wamid.IN".into(),
            text: text.into(),
            payload: payload.map(Into::into),
            in_reply_to: in_reply_to.map(Into::into),
        })]
    };
    let mut raw = json!({
        "from": "16505551234", "id": "wamid.IN", "timestamp": "1749416383",
        "type": "text", "text": { "body": "ack 4217\n" },
    });
    assert_eq!(message(&raw), inbound("ack 4217", None, None));
    raw["context"] = json!({ "from": "15550783881", "id": "wamid.OURS" });
    assert_eq!(message(&raw), inbound("ack 4217", None, Some("wamid.OURS")));
    raw["type"] = json!("interactive");
    raw["interactive"] =
        json!({ "type": "button_reply", "button_reply": { "id": "ack:4217", "title": "Acknowledge" } });
    assert_eq!(
        message(&raw),
        inbound("Acknowledge", Some("ack:4217"), Some("wamid.OURS"))
    );
    raw["type"] = json!("button");
    raw["button"] = json!({ "payload": "Acknowledge", "text": "Acknowledge" });
    assert_eq!(
        message(&raw),
        inbound("Acknowledge", Some("Acknowledge"), Some("wamid.OURS"))
    );
    for kind in ["image", "reaction", "unsupported", ""] {
        raw["type"] = json!(kind);
        assert_eq!(message(&raw), [], "{kind}");
    }
}

#[test]
fn what_became_of_a_message_is_read() {
    let mut raw = json!({
        "id": "wamid.OURS", "status": "sent", "timestamp": "1750030073", "recipient_id": "16505551234",
        "biz_opaque_callback_data": "dlv_01ke3q5x9se8eba6ncyw3g4j1r",
        "pricing": { "billable": true, "pricing_model": "PMP", "category": "utility" },
    });
    let told = parse(&body(&json!({ "statuses": [raw] }))).unwrap();
    assert_eq!(
        told,
        [Incoming::Status(Status {
            id: "wamid.OURS".into(),
            delivery: Some("dlv_01ke3q5x9se8eba6ncyw3g4j1r".into()),
            state: State::Sent,
        })]
    );
    for (status, expected) in [
        ("delivered", State::Delivered),
        ("read", State::Read),
        ("played", State::Read),
        ("deleted", State::Other),
    ] {
        raw["status"] = json!(status);
        assert_eq!(state(&raw), expected, "{status}");
    }
    raw["status"] = json!("failed");
    assert!(matches!(state(&raw), State::Failed { code: None, .. }));
    raw["errors"] = json!([{
        "code": 131047, "title": "Re-engagement message", "message": "Re-engagement message",
        "error_data": { "details": "Message failed to send because more than 24 hours have passed" },
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }]);
    match state(&raw) {
        State::Failed { why, code } => {
            assert_eq!(code, Some(131_047));
            assert!(why.starts_with("error 131047: ") && why.contains("template"), "{why}");
            assert!(
                why.ends_with("(Message failed to send because more than 24 hours have passed)"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_of_this_form_is_refused_politely_and_other_subjects_are_left() {
    for wrong in [
        &b""[..],
        b"[]",
        b"{}",
        br#"{"object":"page"}"#,
        br#"{"object":7}"#,
        b"\xff\xfe",
    ] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(parse(&body(&json!({ "messages": 7 }))).is_err());
    let odd = json!({ "messages": [{ "from": 7 }, 8], "statuses": [{}, { "id": "wamid.OURS", "status": "read" }] });
    assert_eq!(parse(&body(&odd)).unwrap().len(), 1);
    let other = json!({
        "object": "whatsapp_business_account",
        "entry": [{ "changes": [{ "field": "account_update", "value": { "messages": 7 } }] }, {}],
    });
    assert_eq!(parse(other.to_string().as_bytes()), Ok(Vec::new()));
    let whole = body(&json!({ "messages": [{ "from": "1", "id": "w", "type": "text", "text": { "body": "x" } }] }));
    for end in 0..whole.len() {
        assert!(parse(&whole[..end]).is_err(), "{end}");
    }
}
