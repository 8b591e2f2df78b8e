//! The promises that every channel keeps, whatever its medium. A new channel joins [`all`].

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use opsknight_channels::{
    Channel, DeliveryError, Receipt, Secret, Timeouts,
    email::{Smtp, SmtpSettings, Tls},
    tls::Roots,
    webhook::{Endpoint, Webhooks},
};

use crate::{
    samples::{hostile, note, now, page, resolved},
    smtp_server::{Reply, Script, SmtpServer},
    web_server::{WebServer, answer},
};

/// No error and no receipt may contain these.
const SECRETS: [&str; 3] = ["PASSWORD-of-ours", "QUERYSECRET99", "TOKENTOKEN12"];

/// How the other side behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Takes,
    Busy,
    SilentAfter,
    CutAfter,
    Echoes,
}

impl Mood {
    /// How long one try may take: only a silent side is worth a short wait.
    const fn limit(self) -> Duration {
        match self {
            Self::SilentAfter => Duration::from_secs(1),
            Self::Takes | Self::Busy | Self::CutAfter | Self::Echoes => Duration::from_secs(10),
        }
    }
}

/// The other side of a channel.
#[async_trait]
trait Peer: Send + Sync {
    async fn send(&self, message: &opsknight_channels::Message) -> Result<Receipt, DeliveryError>;
    /// What the receiving side would tell a repetition by, one for every message that arrived.
    fn identities(&self) -> Vec<String>;
}

struct Mail(Arc<dyn Channel>, SmtpServer);

#[async_trait]
impl Peer for Mail {
    async fn send(&self, message: &opsknight_channels::Message) -> Result<Receipt, DeliveryError> {
        self.0.send("jane@example.com", message, now()).await
    }

    fn identities(&self) -> Vec<String> {
        let mails = self.1.seen().mails;
        mails
            .iter()
            .filter_map(|mail| {
                mail.lines()
                    .find(|line| line.starts_with("Message-ID:"))
                    .map(Into::into)
            })
            .collect()
    }
}

struct Hook(Webhooks, WebServer);

#[async_trait]
impl Peer for Hook {
    async fn send(&self, message: &opsknight_channels::Message) -> Result<Receipt, DeliveryError> {
        let endpoint = Endpoint {
            url: self.1.url.clone(),
            secret: Some(Secret::new(SECRETS[0])),
        };
        self.0.post(&endpoint, message, now()).await
    }

    fn identities(&self) -> Vec<String> {
        self.1
            .seen()
            .iter()
            .filter_map(|request| request.header("webhook-id").map(Into::into))
            .collect()
    }
}

async fn mail(mood: Mood) -> Mail {
    let script = match mood {
        Mood::Takes => Script::default(),
        Mood::Busy => Script {
            end: Reply::Say("451 4.7.1 try later"),
            ..Script::default()
        },
        Mood::SilentAfter => Script {
            end: Reply::Silent,
            ..Script::default()
        },
        Mood::CutAfter => Script {
            end: Reply::Cut,
            ..Script::default()
        },
        Mood::Echoes => Script {
            auth_reply: Reply::Say("535 not PASSWORD-of-ours"),
            ..Script::default()
        },
    };
    let server = SmtpServer::start(script).await;
    let settings = SmtpSettings {
        host: "127.0.0.1".into(),
        port: server.port,
        tls: Tls::None,
        user: Some("user".into()),
        password: Some(Secret::new(SECRETS[0])),
        from: "noreply@example.com".into(),
    };
    Mail(
        Arc::new(Smtp::with_limit(&settings, &server.roots, mood.limit()).unwrap()),
        server,
    )
}

async fn hook(mood: Mood) -> Hook {
    let timeouts = Timeouts {
        connect: mood.limit() / 2,
        total: mood.limit(),
    };
    let hooks = Webhooks::with_timeouts(true, &Roots::of(Vec::new()), timeouts).unwrap();
    let server = match mood {
        Mood::Takes => WebServer::start(|| answer(200, &[], "ok")).await,
        Mood::Busy => WebServer::start(|| answer(503, &[("retry-after", "30")], "busy")).await,
        Mood::SilentAfter => WebServer::raw(b"", false).await,
        Mood::CutAfter => WebServer::raw(b"", true).await,
        Mood::Echoes => WebServer::start(|| answer(403, &[], SECRETS.join(" "))).await,
    };
    Hook(hooks, server)
}

/// Every channel, with another side in this mood.
async fn all(mood: Mood) -> Vec<(&'static str, Box<dyn Peer>)> {
    vec![
        ("smtp", Box::new(mail(mood).await)),
        ("webhook", Box::new(hook(mood).await)),
    ]
}

#[tokio::test]
async fn every_message_is_taken_whatever_it_says() {
    for (name, peer) in all(Mood::Takes).await {
        for message in [page(), resolved(), note(), hostile()] {
            let outcome = peer.send(&message).await;
            assert!(outcome.is_ok_and(|receipt| !receipt.answer.is_empty()), "{name}");
        }
        assert_eq!(peer.identities().len(), 4, "{name}");
    }
}

#[tokio::test]
async fn a_repetition_can_be_told_by_its_identity() {
    for (name, peer) in all(Mood::Takes).await {
        peer.send(&page()).await.unwrap();
        peer.send(&page()).await.unwrap();
        peer.send(&note()).await.unwrap();
        let seen = peer.identities();
        assert!(seen[0] == seen[1] && seen[1] != seen[2], "{name}: {seen:?}");
        assert!(seen[0].contains(&page().delivery.to_string()), "{name}: {seen:?}");
    }
}

#[tokio::test]
async fn a_busy_provider_is_tried_again_with_its_own_words() {
    for (name, peer) in all(Mood::Busy).await {
        match peer.send(&page()).await {
            Err(DeliveryError::Retry { why, .. }) => assert!(why.starts_with(['4', '5']), "{name}: {why}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_was_handed_over_without_an_answer_is_unknown() {
    for mood in [Mood::SilentAfter, Mood::CutAfter] {
        for (name, peer) in all(mood).await {
            let outcome = peer.send(&page()).await;
            assert!(
                matches!(outcome, Err(DeliveryError::Unknown { .. })),
                "{name} {mood:?}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_any_error() {
    for mood in [Mood::Busy, Mood::SilentAfter, Mood::CutAfter, Mood::Echoes] {
        for (name, peer) in all(mood).await {
            let error = peer.send(&page()).await.unwrap_err();
            for secret in SECRETS {
                assert!(
                    !format!("{error} {error:?}").contains(secret),
                    "{name} {mood:?}: {error:?}"
                );
            }
        }
    }
}
