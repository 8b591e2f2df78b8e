use super::*;

fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

/// The form of the worked example in Twilio's documentation, "Webhooks security".
fn example() -> Vec<(String, String)> {
    form(&[
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ])
}

const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";

fn good(url: &str, params: &[(String, String)], signature: &str) -> bool {
    verify(&Secret::new("12345"), url, params, signature)
}

#[test]
fn the_worked_example_of_the_documentation_is_twilios() {
    let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    assert!(good(URL, &example(), signature));
    let mut unsorted = example();
    unsorted.reverse();
    assert!(good(URL, &unsorted, signature));
    assert!(!verify(&Secret::new("12346"), URL, &example(), signature));
    assert!(!verify(&Secret::new(""), URL, &example(), signature));
    assert!(!good(
        "https://mycompany.com/myapp.php?foo=1&bar=3",
        &example(),
        signature
    ));
    assert!(!good(
        "http://mycompany.com/myapp.php?foo=1&bar=2",
        &example(),
        signature
    ));
    assert!(!good(URL, &example()[1..], signature));
    for wrong in ["", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "rsoydt4t1cutdk1pdd93/vvr8b8="] {
        assert!(!good(URL, &example(), wrong), "{wrong}");
    }
}

/// The cases that Twilio's own library for Python tests itself with.
#[test]
fn a_port_may_be_signed_or_not() {
    let https = |port: &str| URL.replace(".com", &format!(".com{port}"));
    let http = |port: &str| https(port).replace("https", "http");
    assert!(good(&https(":1234"), &example(), "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
    assert!(good(&https(":443"), &example(), "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
    assert!(good(&http(":1234"), &example(), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="));
    assert!(good(&https(""), &example(), "kvajT1Ptam85bY51eRf/AJRuM3w="));
    assert!(good(&http(""), &example(), "0ZXoZLH/DfblKGATFgpif+LLRf4="));
    assert!(!good(&https(""), &example(), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="));
}

/// Signed by Twilio's library for Python, version 9.
#[test]
fn what_twilios_own_library_signs_is_twilios() {
    let params = form(&[
        ("CallSid", "CA1"),
        ("Digits", "4"),
        ("From", "+1415"),
        ("Body", "ack 4217 é+ &= 🔥"),
    ]);
    let url = |port: &str| format!("https://ops.example.com{port}/api/twilio/voice?token=eyJhbGciOi.SIGNED-token");
    assert!(good(&url(":8443"), &params, "SLJqEfR6+GjfDbnrA34nxWvU2dE="));
    assert!(good(&url(":8443"), &params, "qiESUIwvnZ4C6FzoHi15wDVqLdU="));
    assert!(good(&url(""), &params, "qiESUIwvnZ4C6FzoHi15wDVqLdU="));
    assert!(good(&url(""), &params, "HkjsMgfrwYTBLNPoMuNwu/qyfaY="));
    assert!(!good(&url(""), &params, "SLJqEfR6+GjfDbnrA34nxWvU2dE="));
}

#[test]
fn a_name_that_comes_twice_is_signed_in_order_and_once() {
    let params = form(&[
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ]);
    assert!(good(URL, &params, "IK+Dwps556ElfBT0I3Rgjkr1wJU="));
}

#[test]
fn odd_urls_are_only_not_good() {
    for url in [
        "",
        "://",
        "https://",
        "a:b",
        "https://[::1]:8080/x",
        "https://user:1@host/x",
        "https://h:/x",
    ] {
        assert!(!good(url, &example(), "RSOYDt4T1cUTdK1PDd93/VVr8B8="), "{url}");
    }
    assert_eq!(spellings("https://[::1]/x"), ["https://[::1]/x", "https://[::1]:443/x"]);
    assert_eq!(spellings("http://u:1@h/x"), ["http://u:1@h/x", "http://u:1@h:80/x"]);
    assert_eq!(spellings("https://h:99?x"), ["https://h:99?x", "https://h?x"]);
}

fn text(body: &str, more: &[(&str, &str)]) -> Inbound {
    let mut pairs = vec![
        ("MessageSid", "SM0001"),
        ("From", "+14155550123"),
        ("To", "+14155550199"),
        ("Body", body),
    ];
    pairs.extend(more);
    Inbound::of(&form(&pairs)).unwrap()
}

#[test]
fn a_text_is_read() {
    assert_eq!(
        text(" Ack 4217\r\n", &[("NumMedia", "0")]),
        Inbound {
            from: "+14155550123".into(),
            to: "+14155550199".into(),
            text: "Ack 4217".into(),
            sid: "SM0001".into(),
            opt_out: None,
            whatsapp: false,
            payload: None,
            in_reply_to: None,
        }
    );
    assert_eq!(text("", &[]).text, "");
    assert_eq!(text(&"x".repeat(9000), &[]).text.chars().count(), TEXT_CHARS_MAX);
    for missing in ["From", "To", "MessageSid"] {
        let mut params = form(&[("MessageSid", "SM0001"), ("From", "+1"), ("To", "+2"), ("Body", "x")]);
        params.retain(|(name, _)| name != missing);
        assert_eq!(Inbound::of(&params).unwrap_err(), format!("{missing} is missing"));
    }
}

#[test]
fn whatsapp_tells_which_message_and_which_button() {
    let inbound = Inbound::of(&form(&[
        ("SmsSid", "SM0002"),
        ("From", "whatsapp:+14155550123"),
        ("To", "whatsapp:+14155550199"),
        ("Body", "Acknowledge"),
        ("ButtonText", "Acknowledge"),
        ("ButtonPayload", "ack"),
        ("OriginalRepliedMessageSid", "SM0000"),
    ]))
    .unwrap();
    assert!(inbound.whatsapp);
    assert_eq!(
        (inbound.from.as_str(), inbound.to.as_str()),
        ("+14155550123", "+14155550199")
    );
    assert_eq!(inbound.payload.as_deref(), Some("ack"));
    assert_eq!(inbound.in_reply_to.as_deref(), Some("SM0000"));
}

#[test]
fn the_end_of_messages_is_told_by_twilio_or_by_its_words() {
    assert_eq!(text("Arrêter", &[("OptOutType", "STOP")]).opt_out, Some(OptOut::Stop));
    assert_eq!(text("Allez", &[("OptOutType", "START")]).opt_out, Some(OptOut::Start));
    assert_eq!(text("Quoi", &[("OptOutType", "HELP")]).opt_out, Some(OptOut::Help));
    assert_eq!(text("sToP", &[]).opt_out, Some(OptOut::Stop));
    assert_eq!(text("YES", &[]).opt_out, Some(OptOut::Start));
    assert_eq!(text("info", &[]).opt_out, Some(OptOut::Help));
    assert_eq!(text("please stop", &[]).opt_out, None);
}

#[test]
fn what_became_of_a_message_is_told_in_words() {
    let of = |pairs: &[(&str, &str)]| MessageStatus::of(&form(pairs));
    let state = |status: &str| of(&[("MessageSid", "SM1"), ("MessageStatus", status)]).unwrap().state;
    assert_eq!(state("delivered"), MessageState::Delivered);
    assert_eq!(state("sent"), MessageState::Sent);
    assert_eq!(state("read"), MessageState::Read);
    for status in ["queued", "sending", "accepted", "something new"] {
        assert_eq!(state(status), MessageState::Other, "{status}");
    }
    let failed = of(&[
        ("MessageSid", "SM1"),
        ("MessageStatus", "undelivered"),
        ("ErrorCode", "30005"),
    ])
    .unwrap();
    assert_eq!(failed.code, Some(30005));
    assert_eq!(
        failed.state,
        MessageState::Undelivered {
            why: "error 30005: the number is not in use".into()
        }
    );
    let failed = of(&[
        ("SmsSid", "SM1"),
        ("SmsStatus", "failed"),
        ("ErrorCode", "99999"),
        ("ErrorMessage", "New\r\nfault"),
    ])
    .unwrap();
    assert_eq!(
        failed.state,
        MessageState::Failed {
            why: "error 99999: New fault".into()
        }
    );
    assert!(matches!(state("failed"), MessageState::Failed { why } if why == "Twilio does not say why"));
    assert_eq!(of(&[("MessageStatus", "sent")]).unwrap_err(), "MessageSid is missing");
    assert_eq!(of(&[("MessageSid", "SM1")]).unwrap_err(), "MessageStatus is missing");
}

#[test]
fn how_a_call_ended_and_what_was_pressed() {
    for (status, state) in [
        ("completed", CallState::Completed),
        ("busy", CallState::Busy),
        ("no-answer", CallState::NoAnswer),
        ("failed", CallState::Failed),
        ("canceled", CallState::Canceled),
        ("in-progress", CallState::Other),
    ] {
        let read = CallStatus::of(&form(&[("CallSid", "CA1"), ("CallStatus", status)])).unwrap();
        assert_eq!((read.sid.as_str(), read.state), ("CA1", state));
    }
    assert_eq!(
        CallStatus::of(&form(&[("CallSid", "CA1")])).unwrap_err(),
        "CallStatus is missing"
    );
    let pressed = Pressed::of(&form(&[("CallSid", "CA1"), ("Digits", "4"), ("msg", "Gather End")])).unwrap();
    assert_eq!((pressed.call_sid.as_str(), pressed.digits.as_str()), ("CA1", "4"));
    assert_eq!(Pressed::of(&form(&[("CallSid", "CA1")])).unwrap().digits, "");
    assert_eq!(
        Pressed::of(&form(&[("Digits", "4")])).unwrap_err(),
        "CallSid is missing"
    );
}
