//! What the messages look like, and that Slack's description and limits have nothing against them.

use super::*;

/// The requests that a message leads to.
async fn sent(message: &Message) -> Vec<Request> {
    let server = saying([]).await;
    ours(&server).send("C0GENERAL", message, now()).await.unwrap();
    server.seen()
}

#[tokio::test]
async fn every_kind_of_message_is_shown() {
    for (name, message) in [
        ("slack_resolved", resolved()),
        ("slack_note", note()),
        ("slack_hostile", hostile()),
        ("slack_storm", storm()),
    ] {
        let seen = sent(&message).await;
        assert_eq!(seen.len(), 1, "{name}");
        insta::assert_json_snapshot!(name, seen[0].json());
    }
}

#[tokio::test]
async fn the_buttons_are_those_of_the_state() {
    for (status, ids) in [
        (
            Status::Open,
            &[
                "opsknight_acknowledge",
                "opsknight_resolve",
                "opsknight_snooze",
                "opsknight_view",
            ][..],
        ),
        (
            Status::Acknowledged,
            &["opsknight_resolve", "opsknight_snooze", "opsknight_view"],
        ),
        (
            Status::Snoozed,
            &["opsknight_acknowledge", "opsknight_resolve", "opsknight_view"],
        ),
        (
            Status::Suppressed,
            &["opsknight_acknowledge", "opsknight_resolve", "opsknight_view"],
        ),
        (Status::Resolved, &["opsknight_view"]),
    ] {
        let mut news = incident();
        news.incident.status = status;
        let body = sent(&message(news)).await[0].json();
        let actions = body["blocks"].as_array().unwrap().last().unwrap()["elements"].clone();
        let found: Vec<&str> = actions
            .as_array()
            .unwrap()
            .iter()
            .map(|action| action["action_id"].as_str().unwrap())
            .collect();
        assert_eq!(found, ids, "{status:?}");
    }
}

/// Slack's limits ("Block Kit reference"), checked on whatever is sent.
fn within_limits(body: &Value) {
    let chars = |value: &Value| value.as_str().unwrap().chars().count();
    assert!((1..=4000).contains(&chars(&body["text"])));
    let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
    assert!(blocks.len() <= 50);
    for block in &blocks {
        match block["type"].as_str().unwrap() {
            "header" => assert!((1..=150).contains(&chars(&block["text"]["text"]))),
            "section" => {
                if block["text"].is_object() {
                    assert!((1..=3000).contains(&chars(&block["text"]["text"])));
                }
                let fields = block["fields"].as_array().cloned().unwrap_or_default();
                assert!(fields.len() <= 10);
                assert!(fields.iter().all(|field| (1..=2000).contains(&chars(&field["text"]))));
            }
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!(elements.len() <= 10 && elements.iter().all(|one| (1..=3000).contains(&chars(&one["text"]))));
            }
            "actions" => {
                for element in block["elements"].as_array().unwrap() {
                    assert!(element["text"].is_null() || chars(&element["text"]["text"]) <= 75);
                    assert!(element["value"].is_null() || chars(&element["value"]) <= 2000);
                    assert!(element["url"].is_null() || chars(&element["url"]) <= 3000);
                    for option in element["options"].as_array().into_iter().flatten() {
                        assert!(chars(&option["value"]) <= 150 && chars(&option["text"]["text"]) <= 75);
                    }
                }
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn slacks_limits_are_kept_whatever_is_said() {
    let mut ampersands = incident();
    for text in [&mut ampersands.incident.title, &mut ampersands.incident.service.name] {
        *text = "&<>".repeat(5000);
    }
    ampersands.incident.description = Some("& https://example.com/a ".repeat(5000));
    ampersands.reason = Some("<".repeat(5000));
    let mut empty = incident();
    empty.incident.title = String::new();
    empty.incident.description = Some(" \n".into());
    empty.incident.url = String::new();
    empty.incident.service.name = "\u{202e}".into();
    let mut unseen = incident();
    unseen.incident.description = Some("\0\u{202e}".into());
    unseen.reason = Some("\u{202e}".into());
    let nothing = Message {
        content: Content::Note {
            subject: "\r\n".into(),
            text: String::new(),
        },
        ..note()
    };
    for message in [
        page(),
        resolved(),
        note(),
        hostile(),
        storm(),
        message(ampersands),
        message(empty),
        message(unseen),
        nothing,
    ] {
        for request in sent(&message).await {
            within_limits(&request.json());
        }
    }
}

#[tokio::test]
async fn nobody_is_called_by_what_comes_from_outside() {
    let mut news = incident();
    let evil = "<!channel> <!here|x> <@U0EVIL> <!subteam^S1> <https://evil.example|bank>";
    news.incident.title = evil.into();
    news.incident.description = Some(evil.into());
    news.incident.service.name = evil.into();
    news.incident.priority = Some(evil.into());
    news.incident.assignee.as_mut().unwrap().name = evil.into();
    news.incident.links[0].text = Some(evil.into());
    news.reason = Some(evil.into());
    let body = sent(&message(news)).await[0].json();
    // In plain text nothing is read; everywhere else the marks are entities.
    assert_eq!(body["blocks"][0]["text"]["type"], "plain_text");
    let mut rest = body.clone();
    rest["blocks"].as_array_mut().unwrap().remove(0);
    let rest = rest.to_string();
    for mark in ["<!channel", "<!here", "<@", "<!subteam", "<https://evil.example"] {
        assert!(!rest.contains(mark), "{mark} in {rest}");
    }
    assert!(rest.contains("&lt;!channel&gt;"));
}

#[tokio::test]
async fn what_is_sent_is_what_slack_describes() {
    let Some(slack) = Description::of("slack-web-adjusted-openapi3.json").await else {
        return;
    };
    let server = saying([]).await;
    let ours = ours(&server);
    for message in [
        page(),
        resolved(),
        note(),
        hostile(),
        storm(),
        follow_up(Happening::Resolved, Status::Resolved),
    ] {
        ours.send("jane@example.com", &message, now()).await.unwrap();
    }
    ours.check().await.unwrap();
    ours.member_email("T0OURS", "U0JANE", now()).await.unwrap();
    ours.post_ephemeral("T0OURS", "C0GENERAL", "U0JANE", &answers::help(), now())
        .await
        .unwrap();
    let joins = saying([error("not_in_channel")]).await;
    super::ours(&joins).send("C0GENERAL", &page(), now()).await.unwrap();
    let in_words = saying([error("invalid_blocks")]).await;
    super::ours(&in_words).send("C0GENERAL", &page(), now()).await.unwrap();
    let lists = saying([json!({ "ok": true, "channels": [] })]).await;
    super::ours(&lists).rooms("T0OURS", now()).await.unwrap();
    let all = [server, joins, in_words, lists].map(|server| server.seen()).concat();
    for request in &all {
        assert_eq!(slack.judge(request).await, Ok(()), "{} {}", request.uri, request.body);
    }
    for (path, field) in [
        ("/chat.postMessage", "channel"),
        ("/chat.update", "ts"),
        ("/chat.postEphemeral", "user"),
    ] {
        let request = all.iter().find(|request| request.uri.path() == path).unwrap();
        let mut body = request.json();
        body.as_object_mut().unwrap().remove(field);
        let judged = slack.judge_changed(request, body.to_string().into_bytes()).await;
        assert!(judged.is_err(), "{path} without {field}");
    }
}
