//! What Slack is sent, and what each answer leads to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{body::Body, response::Response};
use jiff::SignedDuration;
use opsknight_channels::{
    Channel as _, DeliveryError, Message, Receipt, Secret,
    slack::{
        Member, Room, Slack, SlackSettings, Workspace, answers,
        incoming::{SignatureError, verify},
        oauth,
    },
};
use opsknight_domain::{
    incident::{Happening, Status},
    message::Content,
};
use serde_json::{Value, json};

use crate::{
    conformance::{Mood, Peer, Person, SECRETS},
    described::Description,
    python::python,
    samples::{hostile, incident, message, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

mod blocks;
mod connecting;
mod refusals;

/// What Slack answers where nothing is wrong, method by method.
fn takes(request: &Request) -> Response<Body> {
    let said = match request.uri.path() {
        "/chat.postMessage" => json!({ "ok": true, "channel": "C0GENERAL", "ts": "1503435956.000247" }),
        "/chat.update" => json!({ "ok": true, "channel": "C0GENERAL", "ts": "1503435956.000247", "text": "x" }),
        "/chat.postEphemeral" => json!({ "ok": true, "message_ts": "1502210682.580145" }),
        "/conversations.join" => {
            json!({ "ok": true, "channel": { "id": "C0GENERAL" }, "warning": "already_in_channel" })
        }
        "/users.lookupByEmail" | "/users.info" => json!({
            "ok": true,
            "user": {
                "id": "U0JANE",
                "name": "jane",
                "deleted": false,
                "real_name": "Jane Doe",
                "profile": { "email": "jane@example.com", "real_name": "Jane Doe" },
            },
        }),
        "/auth.test" => json!({
            "ok": true,
            "team": "Ours",
            "team_id": "T0OURS",
            "user": "opsknight",
            "user_id": "U0BOT",
            "url": "https://ours.slack.com/",
        }),
        "/views.open" => json!({ "ok": true, "view": { "id": "V1" } }),
        path => panic!("no method {path}"),
    };
    answer(200, &[("content-type", "application/json")], said.to_string())
}

/// Slack, for the promises of all channels. Its three workspaces have the three credentials as tokens.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(takes).await;
    let workspaces = SECRETS.iter().enumerate().map(|(n, secret)| Workspace {
        team: format!("T0{n}"),
        name: "Ours".into(),
        token: Secret::new(*secret),
        default_channel: None,
    });
    let settings = SlackSettings {
        workspaces: workspaces.collect(),
        base_url: Some(server.base()),
    };
    Person {
        channel: Arc::new(Slack::new(&settings, &mood.vendors()).unwrap()),
        to: "C0GENERAL",
        server,
        arrived: |request| {
            let posted = request.uri.path() == "/chat.postMessage";
            posted.then(|| {
                let delivery = &request.json()["metadata"]["event_payload"]["delivery"];
                delivery.as_str().map(Into::into)
            })
        },
        goes_by_status: false,
    }
}

/// A workspace.
fn workspace(team: &str) -> Workspace {
    Workspace {
        team: team.into(),
        name: "Ours".into(),
        token: Secret::new("xoxb-PASSWORD-of-ours"),
        default_channel: Some("C0DEFAULT".into()),
    }
}

/// Slack behind a server, with workspaces.
fn connected(server: &WebServer, workspaces: Vec<Workspace>) -> Slack {
    let settings = SlackSettings {
        workspaces,
        base_url: Some(server.base()),
    };
    Slack::new(&settings, &Mood::Takes.vendors()).unwrap()
}

fn ours(server: &WebServer) -> Slack {
    connected(server, vec![workspace("T0OURS")])
}

/// A server that gives these answers, each once, and then what it answers where nothing is wrong.
async fn saying(answers: impl IntoIterator<Item = Value>) -> WebServer {
    let answers: Arc<Mutex<VecDeque<Value>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
    WebServer::asked(move |request| {
        let next = answers.lock().unwrap().pop_front();
        next.map_or_else(|| takes(request), |said| answer(200, &[], said.to_string()))
    })
    .await
}

fn error(code: &str) -> Value {
    json!({ "ok": false, "error": code })
}

fn methods(server: &WebServer) -> Vec<String> {
    let path = |request: &Request| request.uri.path().trim_start_matches('/').to_owned();
    server.seen().iter().map(path).collect()
}

/// News about the message that was posted before.
fn follow_up(happening: Happening, status: Status) -> Message {
    let mut news = incident();
    news.happening = happening;
    news.incident.status = status;
    news.answer = None;
    news.reason = None;
    news.mention = Some("U0JANE".into());
    Message {
        earlier: Some("T0OURS/C0GENERAL/1503435956.000100".into()),
        ..message(news)
    }
}

#[tokio::test]
async fn a_page_is_posted_with_its_identity_and_told_where() {
    let server = saying([]).await;
    let receipt = ours(&server).send("C0GENERAL", &page(), now()).await.unwrap();
    assert_eq!(
        receipt,
        Receipt::of("posted in C0GENERAL as 1503435956.000247").with_id("T0OURS/C0GENERAL/1503435956.000247")
    );
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("authorization"), Some("Bearer xoxb-PASSWORD-of-ours"));
    assert_eq!(seen[0].header("content-type"), Some("application/json; charset=utf-8"));
    insta::assert_json_snapshot!("slack_page", seen[0].json());
}

#[tokio::test]
async fn each_address_leads_to_its_workspace_and_channel() {
    for (to, token, channel, calls) in [
        ("", "one", "C0DEFAULT", 1),
        ("#default", "one", "C0DEFAULT", 1),
        ("T0TWO/", "two", "C0DEFAULT", 1),
        ("C0GENERAL", "one", "C0GENERAL", 1),
        ("T0TWO/G0SECRET", "two", "G0SECRET", 1),
        ("#ops-alerts", "one", "#ops-alerts", 1),
        ("U0JANE", "one", "U0JANE", 1),
        ("T0TWO/W0JANE", "two", "W0JANE", 1),
        ("jane@example.com", "one", "U0JANE", 2),
        ("T0TWO/jane@example.com", "two", "U0JANE", 2),
    ] {
        let server = saying([]).await;
        let workspaces = [("T0ONE", "xoxb-one"), ("T0TWO", "xoxb-two")].map(|(team, token)| Workspace {
            token: Secret::new(token),
            ..workspace(team)
        });
        connected(&server, workspaces.into())
            .send(to, &note(), now())
            .await
            .unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), calls, "{to}");
        let last = seen.last().unwrap();
        assert_eq!(last.json()["channel"], channel, "{to}");
        let bearer = format!("Bearer xoxb-{token}");
        assert_eq!(last.header("authorization"), Some(bearer.as_str()), "{to}");
        if calls == 2 {
            assert_eq!(seen[0].uri, "/users.lookupByEmail?email=jane%40example.com");
        }
    }
}

#[tokio::test]
async fn a_mail_address_is_looked_for_in_every_workspace() {
    let server = saying([error("users_not_found")]).await;
    let slack = connected(&server, vec![workspace("T0ONE"), workspace("T0TWO")]);
    let receipt = slack.send("jane@example.com", &page(), now()).await.unwrap();
    assert_eq!(
        receipt.provider_id.as_deref(),
        Some("T0TWO/C0GENERAL/1503435956.000247")
    );
    let server = saying([error("users_not_found"), error("users_not_found")]).await;
    let slack = connected(&server, vec![workspace("T0ONE"), workspace("T0TWO")]);
    assert_eq!(
        slack.send("jane@example.com", &page(), now()).await.unwrap_err(),
        DeliveryError::Refused {
            why: "Slack knows nobody with the address jane@example.com".into()
        }
    );
    // Where one could not be asked, nobody can say that there is no such member.
    let server = saying([error("ratelimited"), error("users_not_found")]).await;
    let slack = connected(&server, vec![workspace("T0ONE"), workspace("T0TWO")]);
    let outcome = slack.send("jane@example.com", &page(), now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Retry { .. })), "{outcome:?}");
    let gone = json!({ "ok": true, "user": { "id": "U0JANE", "deleted": true } });
    let server = saying([gone]).await;
    let outcome = ours(&server).send("jane@example.com", &page(), now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
}

#[tokio::test]
async fn what_is_not_an_address_or_not_connected_reaches_nobody() {
    let server = saying([]).await;
    let outcome = ours(&server).send("@jane", &page(), now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
    let outcome = ours(&server).send("T0OTHER/C0GENERAL", &page(), now()).await;
    assert!(
        matches!(&outcome, Err(DeliveryError::Misconfigured { field: "workspaces", why }) if why.contains("T0OTHER")),
        "{outcome:?}"
    );
    let without = Workspace {
        default_channel: None,
        ..workspace("T0OURS")
    };
    let outcome = connected(&server, vec![without]).send("", &page(), now()).await;
    assert!(
        matches!(
            &outcome,
            Err(DeliveryError::Misconfigured {
                field: "defaultChannel",
                ..
            })
        ),
        "{outcome:?}"
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn news_edits_the_earlier_message_and_is_told_below_it() {
    let server = saying([]).await;
    let news = follow_up(Happening::Resolved, Status::Resolved);
    let receipt = ours(&server).send("C0GENERAL", &news, now()).await.unwrap();
    assert_eq!(
        receipt.provider_id.as_deref(),
        Some("T0OURS/C0GENERAL/1503435956.000100")
    );
    assert_eq!(methods(&server), ["chat.update", "chat.postMessage"]);
    let seen = server.seen();
    insta::assert_json_snapshot!("slack_edit", seen[0].json());
    insta::assert_json_snapshot!("slack_reply", seen[1].json());
}

#[tokio::test]
async fn whoever_must_act_is_called_in_the_thread_and_nobody_else() {
    for (happening, calls) in [
        (Happening::Escalated, true),
        (Happening::SlaBreached, true),
        (Happening::Reassigned, true),
        (Happening::Reopened, true),
        (Happening::Acknowledged, false),
        (Happening::NoteAdded, false),
        (Happening::Snoozed, false),
    ] {
        let server = saying([]).await;
        let news = follow_up(happening, Status::Open);
        ours(&server).send("C0GENERAL", &news, now()).await.unwrap();
        let told = server.seen()[1].json()["text"].as_str().unwrap().to_owned();
        assert_eq!(told.starts_with("<@U0JANE> "), calls, "{happening:?}: {told}");
    }
}

#[tokio::test]
async fn a_page_is_always_a_message_of_its_own() {
    let server = saying([]).await;
    let again = Message {
        earlier: Some("T0OURS/C0GENERAL/1503435956.000100".into()),
        ..page()
    };
    ours(&server).send("C0GENERAL", &again, now()).await.unwrap();
    assert_eq!(methods(&server), ["chat.postMessage"]);
    assert_eq!(server.seen()[0].json()["thread_ts"], Value::Null);
}

#[tokio::test]
async fn whoever_is_mentioned_is_looked_up_or_named() {
    let mentioning = |who: &str| {
        let mut news = incident();
        news.mention = Some(who.into());
        message(news)
    };
    for (who, answers, shown) in [
        ("U0JANE", vec![], "*Assignee*\n<@U0JANE>"),
        ("T0OURS/U0JANE", vec![], "*Assignee*\n<@U0JANE>"),
        ("jane@example.com", vec![], "*Assignee*\n<@U0JANE>"),
        (
            "jane@example.com",
            vec![error("users_not_found")],
            "*Assignee*\nJane Doe",
        ),
        ("jane@example.com", vec![error("missing_scope")], "*Assignee*\nJane Doe"),
        ("U0<!channel>", vec![], "*Assignee*\nJane Doe"),
    ] {
        let server = saying(answers).await;
        ours(&server).send("C0GENERAL", &mentioning(who), now()).await.unwrap();
        let body = server.seen().last().unwrap().json();
        assert_eq!(body["blocks"][1]["fields"][3]["text"], shown, "{who}");
    }
}

/// Slack's own signer, in another language, and our check.
#[test]
fn what_slack_signs_is_accepted() {
    let script = "import sys\nfrom slack_sdk.signature import SignatureVerifier\nsecret, at, body = sys.argv[1:]\n\
                  print(SignatureVerifier(secret).generate_signature(timestamp=at, body=body))";
    let secret = "e0f4b8a1c2d3e4f5";
    let at = now().as_second().to_string();
    for body in ["", "payload=%7B%7D", "text=ö&x=<!channel>"] {
        let signature = python(script, &[secret, &at, body], b"");
        let check =
            |secret: &str, body: &str| verify(&Secret::new(secret), &at, signature.trim(), body.as_bytes(), now());
        assert_eq!(check(secret, body), Ok(()));
        assert_eq!(check("another secret", body), Err(SignatureError::Wrong));
        assert_eq!(check(secret, &format!("{body} ")), Err(SignatureError::Wrong));
    }
}
