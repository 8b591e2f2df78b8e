//! What Telegram calls us with, read.

use opsknight_channels::{Secret, rooms::telegram::incoming};
use serde_json::json;

fn update(data: &str) -> Vec<u8> {
    json!({
        "update_id": 10000,
        "callback_query": {
            "id": "4382bfdwdsb323b2d9",
            "from": { "id": 1_111_111, "is_bot": false, "first_name": "Jane", "last_name": "Doe\u{202e}", "username": "jd" },
            "message": { "message_id": 77, "date": 1, "chat": { "id": -1_001_234, "type": "supergroup" } },
            "chat_instance": "x",
            "data": data,
        }
    })
    .to_string()
    .into_bytes()
}

#[test]
fn a_pressed_button_is_read() {
    let inc = "inc_01ke3q5x9se8eba6ncyw3g4j1n";
    for (data, action) in [
        ("ack", incoming::Action::Acknowledge),
        ("res", incoming::Action::Resolve),
    ] {
        assert_eq!(
            incoming::parse(&update(&format!("{data}:{inc}"))),
            Ok(incoming::Update::Pressed {
                callback_id: "4382bfdwdsb323b2d9".into(),
                action,
                incident: inc.into(),
                chat: "-1001234".into(),
                message_id: 77,
                person: "Jane Doe".into(),
                user_id: 1_111_111,
            })
        );
    }
    for data in [
        "",
        "ack",
        "ack:",
        "ack:inc_x",
        "nak:inc_01ke3q5x9se8eba6ncyw3g4j1n",
        "ack:svc_01ke3q5x9se8eba6ncyw3g4j1p",
    ] {
        assert_eq!(incoming::parse(&update(data)), Ok(incoming::Update::Other), "{data}");
    }
    assert_eq!(
        incoming::parse(br#"{"update_id":1,"message":{"text":"hi"}}"#),
        Ok(incoming::Update::Other)
    );
    for wrong in [&b""[..], b"[]", b"{}", b"{\"update_id\":\"x\"}", b"\xff", b"null"] {
        assert!(incoming::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_call_is_telegrams_only_with_the_token() {
    let token = Secret::new("abc-DEF_123");
    assert!(incoming::verify(&token, "abc-DEF_123"));
    for wrong in ["", "abc-DEF_12", "abc-DEF_1234", "ABC-def_123"] {
        assert!(!incoming::verify(&token, wrong), "{wrong}");
    }
    for useless in ["", "no good", &"x".repeat(257)] {
        assert!(!incoming::verify(&Secret::new(useless), useless), "{useless}");
    }
    assert!(incoming::verify(&Secret::new("x".repeat(256)), &"x".repeat(256)));
}
