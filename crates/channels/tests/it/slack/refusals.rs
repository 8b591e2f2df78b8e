//! What Slack refuses, and what is done about it.

use super::*;

#[tokio::test]
async fn where_the_earlier_message_cannot_be_edited_a_new_one_is_posted() {
    let news = follow_up(Happening::Acknowledged, Status::Acknowledged);
    for code in [
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "channel_not_found",
    ] {
        let server = saying([error(code)]).await;
        let receipt = ours(&server).send("C0OTHER", &news, now()).await.unwrap();
        assert_eq!(methods(&server), ["chat.update", "chat.postMessage"], "{code}");
        let body = server.seen()[1].json();
        assert_eq!(
            (&body["channel"], &body["thread_ts"]),
            (&json!("C0OTHER"), &Value::Null)
        );
        assert_eq!(
            receipt.provider_id.as_deref(),
            Some("T0OURS/C0GENERAL/1503435956.000247")
        );
    }
    for earlier in ["T0GONE/C0GENERAL/1.2", "nonsense", ""] {
        let server = saying([]).await;
        let news = Message {
            earlier: Some(earlier.into()),
            ..news.clone()
        };
        ours(&server).send("C0OTHER", &news, now()).await.unwrap();
        assert_eq!(methods(&server), ["chat.postMessage"], "{earlier}");
    }
    // An edit that was perhaps made can be made again, and the news with it.
    let server = saying([error("internal_error")]).await;
    let outcome = ours(&server).send("C0OTHER", &news, now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Retry { .. })), "{outcome:?}");
    assert_eq!(methods(&server), ["chat.update"]);
}

#[tokio::test]
async fn a_public_channel_is_joined_and_a_private_one_asks_for_an_invitation() {
    let server = saying([error("not_in_channel")]).await;
    ours(&server).send("C0GENERAL", &page(), now()).await.unwrap();
    assert_eq!(
        methods(&server),
        ["chat.postMessage", "conversations.join", "chat.postMessage"]
    );
    let seen = server.seen();
    assert_eq!(seen[1].json(), json!({ "channel": "C0GENERAL" }));
    assert_eq!(seen[0].body, seen[2].body);
    for (to, join) in [
        ("C0SECRET", Some("method_not_supported_for_channel_type")),
        ("C0SECRET", Some("channel_not_found")),
        ("G0SECRET", None),
    ] {
        let server = saying([Some("not_in_channel"), join].into_iter().flatten().map(error)).await;
        match ours(&server).send(to, &page(), now()).await {
            Err(DeliveryError::Refused { why }) => assert!(why.contains("invite the app with /invite"), "{why}"),
            other => panic!("{to}: {other:?}"),
        }
    }
    // It is joined once, not for ever.
    let server = saying([error("not_in_channel"), json!({ "ok": true }), error("not_in_channel")]).await;
    let outcome = ours(&server).send("C0GENERAL", &page(), now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
    assert_eq!(server.seen().len(), 3);
    let denied = json!({ "ok": false, "error": "missing_scope", "needed": "channels:join" });
    let server = saying([error("not_in_channel"), denied]).await;
    match ours(&server).send("C0GENERAL", &page(), now()).await {
        Err(DeliveryError::Misconfigured { field: "token", why }) => assert!(why.contains("channels:join"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_page_whose_blocks_are_not_taken_arrives_in_words() {
    for code in ["invalid_blocks", "msg_too_long", "invalid_metadata_format"] {
        let server = saying([error(code)]).await;
        ours(&server).send("C0GENERAL", &page(), now()).await.unwrap();
        let body = server.seen()[1].json();
        assert_eq!(body["blocks"], Value::Null);
        assert_eq!(body["metadata"].is_object(), !code.contains("metadata"), "{code}");
        assert_eq!(
            body["text"],
            "[HIGH] #123 High CPU on web-01 (Web Application): A new incident was opened.\n\
             You are on call for Platform (step 1 of Default).\n\
             <https://opsknight.example.com/a/eyJhbGciOi.SIGNED-token?x=1&amp;y=2|Acknowledge>\n\
             <https://opsknight.example.com/incidents/inc_01ke3q5x9se8eba6ncyw3g4j1n|View>"
        );
    }
}

#[tokio::test]
async fn each_error_says_what_is_done_next() {
    async fn outcome(said: Value) -> DeliveryError {
        let server = saying([said.clone(), said]).await;
        ours(&server).send("G0GENERAL", &page(), now()).await.unwrap_err()
    }
    for code in [
        "ratelimited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "team_added_to_org",
        "request_timeout",
    ] {
        let error = outcome(error(code)).await;
        assert!(
            matches!(&error, DeliveryError::Retry { why, after: None } if why.contains(code)),
            "{error:?}"
        );
    }
    for code in [
        "invalid_auth",
        "token_revoked",
        "account_inactive",
        "not_authed",
        "missing_scope",
    ] {
        let mut said = error(code);
        said["needed"] = "chat:write".into();
        match outcome(said).await {
            DeliveryError::Misconfigured { field: "token", why } => {
                assert!(
                    why.contains(code) && why.contains("the app needs chat:write") && why.contains("Ours"),
                    "{why}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    for code in [
        "channel_not_found",
        "is_archived",
        "user_not_found",
        "messages_tab_disabled",
        "restricted_action",
        "msg_too_long",
        "an_error_of_tomorrow",
    ] {
        let error = outcome(error(code)).await;
        assert!(
            matches!(&error, DeliveryError::Refused { why } if why.contains(code)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn statuses_count_too() {
    for (status, headers, body) in [
        (
            429,
            &[("retry-after", "30")][..],
            r#"{"ok":false,"error":"ratelimited"}"#,
        ),
        (429, &[("retry-after", "30")], ""),
        (503, &[("retry-after", "30")], "<html>"),
    ] {
        let server = WebServer::start(move || answer(status, headers, body)).await;
        match ours(&server).send("C0GENERAL", &page(), now()).await {
            Err(DeliveryError::Retry { after, .. }) => assert_eq!(after, Some(SignedDuration::from_secs(30))),
            other => panic!("{other:?}"),
        }
    }
    for body in [
        "",
        "[]",
        "{}",
        "not JSON",
        r#"{"ok":"true"}"#,
        r#"{"ok":true}"#,
        r#"{"ok":true,"ts":5}"#,
    ] {
        let server = WebServer::start(move || answer(200, &[], body)).await;
        let outcome = ours(&server).send("C0GENERAL", &page(), now()).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Unknown { .. })),
            "{body}: {outcome:?}"
        );
    }
    let server = WebServer::start(|| answer(404, &[], "nothing here")).await;
    let outcome = ours(&server).send("C0GENERAL", &page(), now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
}

#[tokio::test]
async fn an_edit_alone_posts_nothing_whatever_slack_says() {
    let news = follow_up(Happening::Resolved, Status::Resolved);
    let server = saying([]).await;
    let receipt = ours(&server).edit(&news, now()).await.unwrap();
    assert_eq!(methods(&server), ["chat.update"]);
    assert_eq!(
        receipt.provider_id.as_deref(),
        Some("T0OURS/C0GENERAL/1503435956.000100")
    );
    for code in ["message_not_found", "edit_window_closed", "is_archived"] {
        let server = saying([error(code)]).await;
        let outcome = ours(&server).edit(&news, now()).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Refused { .. })),
            "{code}: {outcome:?}"
        );
        assert_eq!(methods(&server), ["chat.update"], "{code}");
    }
    let server = saying([error("internal_error")]).await;
    let outcome = ours(&server).edit(&news, now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Retry { .. })), "{outcome:?}");
    for earlier in [Some("T0GONE/C0GENERAL/1.2"), Some("nonsense"), None] {
        let server = saying([]).await;
        let news = Message {
            earlier: earlier.map(str::to_owned),
            ..news.clone()
        };
        let outcome = ours(&server).edit(&news, now()).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Refused { .. })),
            "{earlier:?}: {outcome:?}"
        );
        assert!(server.seen().is_empty(), "{earlier:?}");
    }
}
