//! What chats of Telegram are sent, and what each answer leads to.

use std::sync::Arc;

use opsknight_channels::{
    DeliveryError, Endpoint, Hook as _, Message, Receipt, Secret, Timeouts, rooms::telegram::Telegram, tls::Roots,
};
use opsknight_domain::{incident::Status, message::Content};
use serde_json::{Value, json};

use crate::{
    conformance::{Mood, Peer, Room, SECRETS},
    described::Description,
    samples::{hostile, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

mod incoming;
mod markdown;

const SENT: &str = r#"{"ok":true,"result":{"message_id":77,"date":1,"chat":{"id":-1001234,"type":"supergroup"}}}"#;

/// A chat, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| answer(200, &[], SENT)).await;
    Room {
        hook: Arc::new(Telegram::new(true, &Roots::of(Vec::new()), mood.timeouts(), None).unwrap()),
        endpoint: Endpoint {
            url: server
                .base()
                .join("/bot123456:TOKENTOKEN12/sendMessage?key=QUERYSECRET99")
                .unwrap()
                .to_string(),
            secret: Some(Secret::new(SECRETS[0])),
            channel: Some("-1001234".into()),
        },
        server,
        arrived: |_| Some(None),
        goes_by_status: false,
    }
}

/// The bot as people enter it, with the operator's base address in Telegram's place: no private target is allowed.
fn bot(server: &WebServer) -> (Telegram, Endpoint) {
    let telegram = Telegram::new(false, &Roots::of(Vec::new()), Timeouts::default(), Some(server.base())).unwrap();
    let endpoint = Endpoint {
        url: "https://api.telegram.org".into(),
        secret: Some(Secret::new("123456:BOT-TOKEN_of-ours")),
        channel: Some("-1001234:5".into()),
    };
    (telegram, endpoint)
}

async fn post(server: &WebServer, message: &Message) -> Result<Receipt, DeliveryError> {
    let (telegram, endpoint) = bot(server);
    telegram.post(&endpoint, message, now()).await
}

async fn requests(message: &Message) -> Vec<Request> {
    let server = WebServer::start(|| answer(200, &[], SENT)).await;
    post(&server, message).await.unwrap();
    server.seen()
}

fn method(request: &Request) -> String {
    let path = request.uri.path().to_owned();
    path.strip_prefix("/bot123456:BOT-TOKEN_of-ours/").unwrap().to_owned()
}

fn replying(mut message: Message) -> Message {
    message.earlier = Some("-1001234/76".into());
    message
}

#[tokio::test]
async fn the_messages_are_these() {
    for (name, message) in [
        ("page", page()),
        ("resolved", replying(resolved())),
        ("note", note()),
        ("storm", storm()),
        ("hostile", hostile()),
    ] {
        let requests = requests(&message).await;
        let told: Vec<(String, Value)> = requests
            .iter()
            .map(|request| (method(request), request.json()))
            .collect();
        insta::assert_json_snapshot!(format!("telegram_{name}"), told);
    }
}

#[tokio::test]
async fn every_request_is_as_described() {
    let Some(described) = Description::of("telegram-send-openapi.json").await else {
        return;
    };
    for message in [page(), replying(resolved()), note(), hostile(), storm()] {
        for request in requests(&message).await {
            assert_eq!(described.judge(&request).await, Ok(()), "{}", request.body);
            let mut wrong = request.json();
            wrong["unknown_field"] = json!(1);
            assert!(
                described
                    .judge_changed(&request, wrong.to_string().into())
                    .await
                    .is_err()
            );
            if method(&request) == "sendMessage" {
                let mut wrong = request.json();
                wrong.as_object_mut().unwrap().remove("chat_id");
                assert!(
                    described
                        .judge_changed(&request, wrong.to_string().into())
                        .await
                        .is_err()
                );
            }
        }
    }
    let server = WebServer::start(|| answer(200, &[], r#"{"ok":true,"result":{"username":"ops_bot"}}"#)).await;
    let (telegram, to) = bot(&server);
    let url = "https://opsknight.example.com/api/telegram/x";
    telegram
        .set_webhook(&to, url, &Secret::new("A-z_9"), now())
        .await
        .unwrap();
    telegram
        .answer_callback(&to, "4382bfdwdsb323b2d9", "Acknowledged", now())
        .await
        .unwrap();
    assert_eq!(telegram.get_me(&to, now()).await.unwrap(), "@ops_bot");
    let seen = server.seen();
    let names: Vec<String> = seen.iter().map(method).collect();
    assert_eq!(names, ["setWebhook", "answerCallbackQuery", "getMe"]);
    for request in &seen {
        assert_eq!(described.judge(request).await, Ok(()), "{}", request.body);
        let wrong = json!({ "unknown_field": 1 });
        assert!(
            described
                .judge_changed(request, wrong.to_string().into())
                .await
                .is_err()
        );
    }
    assert_eq!(
        seen[0].json(),
        json!({ "url": url, "secret_token": "A-z_9", "allowed_updates": ["callback_query"] })
    );
}

#[tokio::test]
async fn every_text_reads_as_what_was_written() {
    for message in [page(), resolved(), note(), hostile(), storm()] {
        let text = requests(&message).await[0].json()["text"].as_str().unwrap().to_owned();
        let read = markdown::read(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
        assert!(
            (1..=4096).contains(&read.shown.encode_utf16().count()),
            "{}",
            read.shown
        );
    }
    let text = requests(&hostile()).await[0].json()["text"]
        .as_str()
        .unwrap()
        .to_owned();
    let read = markdown::read(&text).unwrap();
    assert!(
        read.shown
            .contains("<script>alert(1)</script>\"' Bcc: victim@example.org . MAIL FROM:<x@example.org>")
    );
    let read = markdown::read(requests(&page()).await[0].json()["text"].as_str().unwrap()).unwrap();
    assert!(
        read.links
            .contains(&"https://grafana.example.com/d/1?a=1&b=2".to_owned()),
        "{:?}",
        read.links
    );
}

/// `sendMessage` takes 4096 characters once the markup is read.
#[tokio::test]
async fn the_longest_texts_fit() {
    for fill in ["_*[]()~`>#+-=|{}.!\\", "字🔥", "x"] {
        let long = fill.repeat(20_000);
        for url in ["https://a.example/", "http://localhost/"] {
            let mut message = page();
            let Content::Incident(news) = &mut message.content else {
                panic!()
            };
            news.incident.title = long.clone();
            news.incident.description = Some(long.clone());
            news.incident.service.name = long.clone();
            news.incident.assignee.as_mut().unwrap().name = long.clone();
            news.incident.priority = Some(long.clone());
            news.reason = Some(long.clone());
            let url = format!("{url}{}", "a".repeat(600));
            news.incident.runbook_url = Some(url.clone());
            news.incident
                .links
                .iter_mut()
                .for_each(|link| (link.text, link.href) = (Some(long.clone()), url.clone()));
            news.incident.url = url;
            let read = markdown::read(requests(&message).await[0].json()["text"].as_str().unwrap()).unwrap();
            let units = read.shown.encode_utf16().count();
            assert!((1000..=4096).contains(&units), "{units}");
        }
    }
}

/// Whatever stands in a title or a description, it is shown as it is and marks up nothing.
#[tokio::test]
async fn any_text_is_shown_as_it_is() {
    let alphabet: Vec<char> = (' '..='~').chain("äß字🔥\n".chars()).collect();
    // A fixed row of numbers: the same texts at every run.
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..300 {
        let text: String = (0..next(60) + 1).map(|_| alphabet[next(alphabet.len())]).collect();
        let mut message = page();
        let Content::Incident(news) = &mut message.content else {
            panic!()
        };
        news.incident.title = format!("x{text}x");
        news.incident.description = Some(format!("y{text}y"));
        let title = format!("x{text}x").split_whitespace().collect::<Vec<_>>().join(" ");
        let sent = requests(&message).await[0].json()["text"].as_str().unwrap().to_owned();
        let read = markdown::read(&sent).unwrap_or_else(|why| panic!("{why}: {sent}"));
        assert!(read.bold.contains(&title), "{title:?} {:?}", read.bold);
        assert!(read.shown.contains(&format!("y{text}y")), "{text:?}");
    }
}

#[tokio::test]
async fn buttons_are_those_that_the_state_allows() {
    for (status, data) in [
        (Status::Open, vec!["ack", "res"]),
        (Status::Acknowledged, vec!["res"]),
        (Status::Snoozed, vec!["res"]),
        (Status::Suppressed, vec!["res"]),
        (Status::Resolved, vec![]),
    ] {
        let mut message = page();
        let Content::Incident(news) = &mut message.content else {
            panic!()
        };
        news.incident.status = status;
        let body = requests(&message).await[0].json();
        let rows = body["reply_markup"]["inline_keyboard"].as_array().unwrap().clone();
        let buttons: Vec<&Value> = rows.iter().flat_map(|row| row.as_array().unwrap()).collect();
        let presses: Vec<&str> = buttons
            .iter()
            .filter_map(|button| button["callback_data"].as_str())
            .collect();
        let wanted: Vec<String> = data
            .iter()
            .map(|action| format!("{action}:inc_01ke3q5x9se8eba6ncyw3g4j1n"))
            .collect();
        assert_eq!(presses, wanted, "{status:?}");
        assert!(presses.iter().all(|data| data.len() <= 64));
        assert_eq!(
            buttons.last().unwrap()["url"],
            "https://opsknight.example.com/incidents/inc_01ke3q5x9se8eba6ncyw3g4j1n"
        );
    }
}

#[tokio::test]
async fn an_address_that_telegram_does_not_take_stands_in_the_text() {
    for url in [
        "http://localhost:8080/incidents/inc_1",
        "http://127.0.0.1:8080/incidents/inc_1",
    ] {
        let mut message = page();
        let Content::Incident(news) = &mut message.content else {
            panic!()
        };
        news.incident.url = url.into();
        let body = requests(&message).await[0].json();
        assert!(!body["reply_markup"].to_string().contains("\"url\""));
        let read = markdown::read(body["text"].as_str().unwrap()).unwrap();
        assert!(read.shown.contains(&format!("View: {url}")), "{}", read.shown);
    }
}

/// A server that answers each method in its own way.
async fn server(
    edit: (u16, &'static str),
    send: impl Fn(&Value) -> (u16, &'static str) + Clone + Send + Sync + 'static,
) -> WebServer {
    WebServer::asked(move |request| {
        let (status, said) = match method(request).as_str() {
            "editMessageText" => edit,
            _ => send(&request.json()),
        };
        answer(status, &[], said)
    })
    .await
}

#[tokio::test]
async fn news_brings_the_first_message_up_to_date_and_replies_to_it() {
    let same = r#"{"ok":false,"error_code":400,"description":"Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"}"#;
    for edited in [(200, SENT), (400, same)] {
        let server = server(edited, |_| (200, SENT)).await;
        let receipt = post(&server, &replying(resolved())).await.unwrap();
        assert_eq!(receipt.provider_id.as_deref(), Some("-1001234/77"));
        let seen = server.seen();
        assert_eq!(
            seen.iter().map(method).collect::<Vec<_>>(),
            ["editMessageText", "sendMessage"]
        );
        let edit = seen[0].json();
        assert_eq!(
            (&edit["chat_id"], &edit["message_id"]),
            (&json!("-1001234"), &json!(76))
        );
        let send = seen[1].json();
        assert_eq!(
            send["reply_parameters"],
            json!({ "message_id": 76, "allow_sending_without_reply": true })
        );
        assert_eq!(send["message_thread_id"], 5);
        assert!(send.get("reply_markup").is_none());
    }
}

#[tokio::test]
async fn a_first_message_that_is_gone_does_not_keep_the_news_back() {
    let gone = r#"{"ok":false,"error_code":400,"description":"Bad Request: message to edit not found"}"#;
    let server = server((400, gone), |_| (200, SENT)).await;
    post(&server, &replying(resolved())).await.unwrap();
    let whole = server.seen()[1].json();
    assert!(whole["text"].as_str().unwrap().contains("Service: Web Application"));
    let busy = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 8","parameters":{"retry_after":8}}"#;
    let server = self::server((429, busy), |_| (200, SENT)).await;
    match post(&server, &replying(resolved())).await {
        Err(DeliveryError::Retry { after, .. }) => assert_eq!(after.unwrap().as_secs(), 8),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn what_telegram_cannot_read_is_sent_once_more_without_markup() {
    for said in [
        r#"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'"}"#,
        r#"{"ok":false,"error_code":400,"description":"Bad Request: inline keyboard button URL 'http://x/' is invalid: Wrong HTTP URL"}"#,
        r#"{"ok":false,"error_code":400,"description":"Bad Request: BUTTON_URL_INVALID"}"#,
    ] {
        let server = server((200, SENT), move |body| match body.get("parse_mode") {
            Some(_) => (400, said),
            None => (200, SENT),
        })
        .await;
        post(&server, &page()).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        let plain = seen[1].json();
        let text = plain["text"].as_str().unwrap();
        assert!(text.contains("High CPU on web-01") && text.contains("95 %"), "{text}");
        assert!(
            text.contains("View: https://opsknight.example.com/incidents/"),
            "{text}"
        );
        assert!(!text.contains('\\'));
        let keyboard = plain["reply_markup"].to_string();
        assert!(
            keyboard.contains("ack:inc_") && !keyboard.contains("\"url\""),
            "{keyboard}"
        );
        // And not a third time.
        let server = self::server((200, SENT), move |_| (400, said)).await;
        assert!(matches!(
            post(&server, &page()).await,
            Err(DeliveryError::Refused { .. })
        ));
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn each_answer_leads_to_what_it_means() {
    let migrated = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-100777}}"#;
    for (status, said, meaning) in [
        (200, SENT, "taken"),
        (200, r#"{"ok":true,"result":{}}"#, "taken"),
        (200, "<html>", "unknown"),
        (
            200,
            r#"{"ok":false,"error_code":403,"description":"Forbidden"}"#,
            "refused",
        ),
        (
            400,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
            "refused",
        ),
        (
            400,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: message thread not found"}"#,
            "refused",
        ),
        (400, migrated, "channel"),
        (
            401,
            r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
            "secret",
        ),
        (
            403,
            r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the supergroup chat"}"#,
            "refused",
        ),
        (403, "a proxy's page", "secret"),
        (
            404,
            r#"{"ok":false,"error_code":404,"description":"Not Found"}"#,
            "secret",
        ),
        (
            429,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 31","parameters":{"retry_after":31}}"#,
            "later 31",
        ),
        (
            500,
            r#"{"ok":false,"error_code":500,"description":"Internal Server Error"}"#,
            "later 5",
        ),
        (502, "bad gateway", "later 5"),
        (302, "", "secret"),
    ] {
        let server = WebServer::start(move || answer(status, &[("retry-after", "5")], said)).await;
        let outcome = post(&server, &page()).await;
        let met = match &outcome {
            Ok(_) => "taken".to_owned(),
            Err(DeliveryError::Retry { after, .. }) => format!("later {}", after.unwrap().as_secs()),
            Err(DeliveryError::Refused { .. }) => "refused".into(),
            Err(DeliveryError::Misconfigured { field, .. }) => (*field).into(),
            Err(DeliveryError::Unknown { .. }) => "unknown".into(),
        };
        assert_eq!(met, meaning, "{status} {said}: {outcome:?}");
    }
    let server = WebServer::start(move || answer(400, &[], migrated)).await;
    let error = post(&server, &page()).await.unwrap_err();
    assert!(error.to_string().contains("is chat -100777 now"), "{error}");
}

#[tokio::test]
async fn a_webhook_that_telegram_does_not_take_names_the_setting() {
    let said = r#"{"ok":false,"error_code":400,"description":"Bad Request: bad webhook: HTTPS url must be provided for webhook"}"#;
    let server = WebServer::start(move || answer(400, &[], said)).await;
    let (telegram, to) = bot(&server);
    for (token, field) in [
        ("good", "OPSKNIGHT_PUBLIC_URL"),
        ("", "secret_token"),
        ("not good", "secret_token"),
    ] {
        match telegram
            .set_webhook(&to, "http://x.example/", &Secret::new(token), now())
            .await
        {
            Err(DeliveryError::Misconfigured { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_address_that_a_person_entered_may_not_be_private() {
    let server = WebServer::start(|| answer(200, &[], SENT)).await;
    let (telegram, mut to) = bot(&server);
    to.url = server.base().join("/bot123456:BOT-TOKEN_of-ours").unwrap().to_string();
    match telegram.post(&to, &page(), now()).await {
        Err(DeliveryError::Misconfigured { field: "url", why }) => assert!(why.contains("loopback"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(server.seen().is_empty());
}
