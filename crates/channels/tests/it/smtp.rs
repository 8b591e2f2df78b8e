//! What each turn of an SMTP conversation leads to.

use std::time::Duration;

use async_trait::async_trait;
use opsknight_channels::{
    Channel as _, DeliveryError, Message, Receipt, Secret,
    email::{Smtp, SmtpSettings, Tls},
    tls::Roots,
};

use tokio::task::JoinSet;

use crate::{
    conformance::{Mood, Peer, SECRETS},
    samples::{now, page},
    smtp_server::{Reply, Script, SmtpServer},
};

struct Mail(Smtp, SmtpServer);

#[async_trait]
impl Peer for Mail {
    async fn send(&self, message: &Message) -> Result<Receipt, DeliveryError> {
        self.0.send("jane@example.com", message, now()).await
    }

    fn arrived(&self) -> Vec<Option<String>> {
        let identity = |mail: &String| {
            mail.lines()
                .find(|line| line.starts_with("Message-ID:"))
                .map(Into::into)
        };
        self.1.seen().mails.iter().map(identity).collect()
    }

    fn goes_by_status(&self) -> bool {
        false
    }
}

/// A mail server, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let script = Script::default();
    let script = match mood {
        Mood::Takes => script,
        Mood::Busy => Script {
            end: Reply::Say("451 4.7.1 try later"),
            ..script
        },
        Mood::SilentAfter => Script {
            end: Reply::Silent,
            ..script
        },
        Mood::CutAfter => Script {
            end: Reply::Cut,
            ..script
        },
        Mood::Echoes | Mood::EchoesLate => Script {
            auth_reply: Reply::Say("535 not PASSWORD-of-ours"),
            ..script
        },
        Mood::Nonsense => Script {
            end: Reply::Say("<html><body>Welcome to the café</body></html>"),
            ..script
        },
    };
    let server = SmtpServer::start(script).await;
    let settings = SmtpSettings {
        password: Some(Secret::new(SECRETS[0])),
        ..settings(&server, Tls::None)
    };
    Mail(
        Smtp::with_limit(&settings, &server.roots, mood.limit()).unwrap(),
        server,
    )
}

const PASSWORD: &str = "correct horse battery";

fn settings(server: &SmtpServer, tls: Tls) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".into(),
        port: server.port,
        tls,
        user: Some("user@example.com".into()),
        password: Some(Secret::new(PASSWORD)),
        from: "noreply@example.com".into(),
    }
}

fn smtp(server: &SmtpServer, tls: Tls) -> Smtp {
    Smtp::new(&settings(server, tls), &server.roots).unwrap()
}

async fn send(script: Script, tls: Tls) -> (Result<Receipt, DeliveryError>, SmtpServer) {
    let server = SmtpServer::start(script).await;
    let outcome = smtp(&server, tls).send("jane@example.com", &page(), now()).await;
    if let Err(error) = &outcome {
        assert!(!error.to_string().contains(PASSWORD), "{error}");
    }
    (outcome, server)
}

fn kind(outcome: &Result<Receipt, DeliveryError>) -> &'static str {
    match outcome {
        Ok(_) => "sent",
        Err(DeliveryError::Retry { .. }) => "retry",
        Err(DeliveryError::Refused { .. }) => "refused",
        Err(DeliveryError::Unknown { .. }) => "unknown",
        Err(DeliveryError::Misconfigured { field, .. }) => field,
    }
}

#[tokio::test]
async fn every_way_of_encryption_works_and_hides_the_password() {
    let starttls = Script {
        starttls: Some(Reply::Say("220 go")),
        ..Script::default()
    };
    let implicit = Script {
        implicit_tls: true,
        ..Script::default()
    };
    for (script, tls, mechanisms) in [
        (Script::default(), Tls::None, "PLAIN LOGIN"),
        (starttls.clone(), Tls::StartTls, "PLAIN LOGIN"),
        (starttls, Tls::StartTls, "LOGIN"),
        (implicit, Tls::Tls, "PLAIN"),
    ] {
        let (outcome, server) = send(
            Script {
                auth: mechanisms,
                ..script
            },
            tls,
        )
        .await;
        let receipt = outcome.unwrap();
        assert_eq!(receipt.answer, "250 2.0.0 Ok: queued as 4F2B1");
        let seen = server.seen();
        assert_eq!(seen.logins, [format!("user@example.com:{PASSWORD}")]);
        assert!(
            seen.commands.contains(&"MAIL FROM:<noreply@example.com>".into()),
            "{seen:?}"
        );
        assert!(seen.commands.contains(&"RCPT TO:<jane@example.com>".into()), "{seen:?}");
        assert_eq!(seen.mails.len(), 1);
        if tls != Tls::None {
            assert!(
                !seen.in_the_clear.iter().any(|command| command.starts_with("AUTH")),
                "{seen:?}"
            );
        }
    }
}

#[tokio::test]
async fn without_the_encryption_that_was_asked_for_nothing_is_sent() {
    let none = Script::default();
    let refused = Script {
        starttls: Some(Reply::Say("454 not now")),
        ..Script::default()
    };
    for (script, expected) in [(none, "SMTP_TLS"), (refused, "retry")] {
        let (outcome, server) = send(script, Tls::StartTls).await;
        assert_eq!(kind(&outcome), expected, "{outcome:?}");
        let seen = server.seen();
        assert_eq!((seen.logins.len(), seen.mails.len()), (0, 0));
        assert!(
            !seen.commands.iter().any(|command| command.starts_with("MAIL")),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_accepted() {
    let starttls = Script {
        starttls: Some(Reply::Say("220 go")),
        ..Script::default()
    };
    let implicit = Script {
        implicit_tls: true,
        ..Script::default()
    };
    for (script, tls) in [(starttls, Tls::StartTls), (implicit, Tls::Tls)] {
        let server = SmtpServer::start(script).await;
        let smtp = Smtp::new(&settings(&server, tls), &Roots::of(Vec::new())).unwrap();
        let outcome = smtp.send("jane@example.com", &page(), now()).await;
        assert_eq!(kind(&outcome), "SMTP_TLS", "{outcome:?}");
        assert!(server.seen().logins.is_empty());
    }
}

/// A server that does all it is asked for but at one point.
fn but(point: &str, reply: Reply) -> Script {
    let usual = Script::default();
    match point {
        "greeting" => Script {
            greeting: reply,
            ..usual
        },
        "login" => Script {
            auth_reply: reply,
            ..usual
        },
        "sender" => Script { mail: reply, ..usual },
        "recipient" => Script { rcpt: reply, ..usual },
        "data" => Script { data: reply, ..usual },
        "end" => Script { end: reply, ..usual },
        other => panic!("no such point: {other}"),
    }
}

#[tokio::test]
async fn each_answer_leads_to_what_is_to_be_done_next() {
    for (point, reply, expected) in [
        ("greeting", "421 busy", "retry"),
        ("greeting", "554 go away", "retry"),
        ("greeting", "SSH-2.0-OpenSSH", "retry"),
        ("login", "535 5.7.8 no", "SMTP_USER/SMTP_PASSWORD"),
        ("login", "454 4.7.0 later", "retry"),
        ("sender", "553 5.7.1 not yours", "SMTP_FROM"),
        ("sender", "530 5.7.0 sign in", "SMTP_USER/SMTP_PASSWORD"),
        ("sender", "451 later", "retry"),
        ("recipient", "450 4.2.0 greylisted", "retry"),
        ("recipient", "550 5.1.1 no such user", "refused"),
        ("data", "554 no", "refused"),
        ("data", "421 later", "retry"),
        ("end", "550 5.7.1 spam", "refused"),
        ("end", "452 4.3.1 disk full", "retry"),
        ("end", "what?", "unknown"),
    ] {
        let (outcome, _server) = send(but(point, Reply::Say(reply)), Tls::None).await;
        assert_eq!(kind(&outcome), expected, "{point} {reply}: {outcome:?}");
    }
    let (outcome, _server) = send(
        Script {
            auth: "CRAM-MD5",
            ..Script::default()
        },
        Tls::None,
    )
    .await;
    assert_eq!(kind(&outcome), "SMTP_USER/SMTP_PASSWORD", "{outcome:?}");
}

#[tokio::test]
async fn a_broken_line_is_tried_again_until_the_mail_was_handed_over() {
    let mut tries = JoinSet::new();
    for point in ["greeting", "login", "sender", "recipient", "data", "end"] {
        for reply in [Reply::Cut, Reply::Silent] {
            tries.spawn(async move {
                let server = SmtpServer::start(but(point, reply)).await;
                let settings = settings(&server, Tls::None);
                let smtp = Smtp::with_limit(&settings, &server.roots, Duration::from_secs(1)).unwrap();
                (point, smtp.send("jane@example.com", &page(), now()).await)
            });
        }
    }
    for (point, outcome) in tries.join_all().await {
        let expected = if point == "end" { "unknown" } else { "retry" };
        assert_eq!(kind(&outcome), expected, "{point}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_servers_words_are_kept_short_clean_and_without_the_password() {
    let (outcome, _server) = send(
        Script {
            rcpt: Reply::Say("550-5.1.1 no\u{7} such\r\n550 5.1.1 user"),
            ..Script::default()
        },
        Tls::None,
    )
    .await;
    assert_eq!(
        outcome.unwrap_err(),
        DeliveryError::Refused {
            why: "550 5.1.1 no such user".into()
        }
    );
    for words in [
        "535 wrong: correct horse battery",
        "535 wrong: AHVzZXJAZXhhbXBsZS5jb20AY29ycmVjdCBob3JzZSBiYXR0ZXJ5",
    ] {
        let (outcome, _server) = send(
            Script {
                auth_reply: Reply::Say(words),
                ..Script::default()
            },
            Tls::None,
        )
        .await;
        let field = "SMTP_USER/SMTP_PASSWORD";
        assert_eq!(
            outcome.unwrap_err(),
            DeliveryError::Misconfigured {
                field,
                why: "535 wrong: [hidden]".into()
            }
        );
    }
    let long: &'static str = Box::leak(format!("550 {}", "x".repeat(900)).into_boxed_str());
    let (outcome, _server) = send(
        Script {
            rcpt: Reply::Say(long),
            ..Script::default()
        },
        Tls::None,
    )
    .await;
    assert_eq!(outcome.unwrap_err().to_string().chars().count(), 300);
}

#[tokio::test]
async fn nobody_listening_is_tried_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (host, port) in [("127.0.0.1", port), ("no-such-host.invalid", 25)] {
        let settings = SmtpSettings {
            host: host.into(),
            port,
            tls: Tls::None,
            user: None,
            password: None,
            from: "noreply@example.com".into(),
        };
        let smtp = Smtp::with_limit(&settings, &Roots::of(Vec::new()), Duration::from_millis(800)).unwrap();
        let outcome = smtp.send("jane@example.com", &page(), now()).await;
        assert_eq!(kind(&outcome), "retry", "{outcome:?}");
        assert_eq!(kind(&smtp.check().await.map(Receipt::of)), "retry");
    }
}

#[tokio::test]
async fn what_is_no_address_is_refused_before_anything_is_opened() {
    let server = SmtpServer::start(Script::default()).await;
    let smtp = smtp(&server, Tls::None);
    for to in [
        "",
        "jane",
        "jane@example.com\r\nRCPT TO:<x@example.org>",
        "Jane <jane@example.com>",
    ] {
        assert_eq!(kind(&smtp.send(to, &page(), now()).await), "refused", "{to}");
    }
    assert_eq!(server.seen().connections, 0);
    // This server does not say that it takes SMTPUTF8.
    assert_eq!(kind(&smtp.send("jané@example.com", &page(), now()).await), "refused");
    assert_eq!(kind(&smtp.send("jane@bücher.example", &page(), now()).await), "sent");
    assert!(
        server
            .seen()
            .commands
            .contains(&"RCPT TO:<jane@xn--bcher-kva.example>".into())
    );
}

#[tokio::test]
async fn a_line_is_used_again_and_replaced_when_the_server_closed_it() {
    let server = SmtpServer::start(Script::default()).await;
    let line = smtp(&server, Tls::None);
    for _ in 0..3 {
        line.send("jane@example.com", &page(), now()).await.unwrap();
    }
    assert_eq!((server.seen().connections, server.seen().mails.len()), (1, 3));
    let server = SmtpServer::start(Script {
        mails_max: 1,
        ..Script::default()
    })
    .await;
    let line = smtp(&server, Tls::None);
    for _ in 0..3 {
        line.send("jane@example.com", &page(), now()).await.unwrap();
    }
    assert_eq!((server.seen().connections, server.seen().mails.len()), (3, 3));
}

#[tokio::test]
async fn a_refusal_does_not_spoil_the_line() {
    let server = SmtpServer::start(Script {
        rcpt: Reply::Say("550 no"),
        ..Script::default()
    })
    .await;
    let line = smtp(&server, Tls::None);
    for _ in 0..2 {
        assert_eq!(kind(&line.send("jane@example.com", &page(), now()).await), "refused");
    }
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn a_check_signs_in_and_sends_nothing() {
    let server = SmtpServer::start(Script::default()).await;
    assert_eq!(smtp(&server, Tls::None).check().await.unwrap(), "250 ok");
    let seen = server.seen();
    assert_eq!((seen.logins.len(), seen.mails.len()), (1, 0));
    let server = SmtpServer::start(Script {
        auth_reply: Reply::Say("535 no"),
        ..Script::default()
    })
    .await;
    assert!(smtp(&server, Tls::None).check().await.is_err());
}
