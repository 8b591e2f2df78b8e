//! The promises that every channel keeps, whatever its medium. A new channel joins [`all`].

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{body::Body, response::Response};
use opsknight_channels::{Channel, DeliveryError, Endpoint, Hook, Message, Receipt, Timeouts, Vendors, tls::Roots};

use crate::{
    discord, google_chat, onesignal, push, resend,
    samples::{hostile, note, now, page, resolved, storm},
    sendgrid, ses, slack, smtp, sns, teams, telegram, twilio, voice,
    web_server::{Request, WebServer, answer},
    webhook, whatsapp,
};

/// What peers are given as credentials; no error and no receipt may contain these. The last two stand in the path and
/// the query of [`WebServer::url`].
pub(crate) const SECRETS: [&str; 3] = ["PASSWORD-of-ours", "QUERYSECRET99", "TOKENTOKEN12"];

/// How the other side behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    /// It takes everything.
    Takes,
    /// It asks to be asked later.
    Busy,
    /// It says nothing once it has heard all.
    SilentAfter,
    /// It hangs up once it has heard all.
    CutAfter,
    /// It refuses us and repeats our credentials.
    Echoes,
    /// The same, where an answer is cut off.
    EchoesLate,
    /// It answers well and with 20 MB of nonsense.
    Nonsense,
}

impl Mood {
    /// How long one try may take: only a silent side is worth a short wait.
    pub(crate) const fn limit(self) -> Duration {
        match self {
            Self::SilentAfter => Duration::from_secs(1),
            Self::Takes | Self::Busy | Self::CutAfter | Self::Echoes | Self::EchoesLate | Self::Nonsense => {
                Duration::from_secs(10)
            }
        }
    }

    /// The same for calls by HTTP.
    pub(crate) fn timeouts(self) -> Timeouts {
        Timeouts {
            connect: self.limit() / 2,
            total: self.limit(),
        }
    }

    /// The calls of vendors' channels.
    pub(crate) fn vendors(self) -> Vendors {
        Vendors::new(&Roots::of(Vec::new()), self.timeouts()).unwrap()
    }

    /// A web server in this mood; `takes` is how it answers when it takes what it is asked.
    pub(crate) async fn server(
        self,
        takes: impl Fn(&Request) -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> WebServer {
        match self {
            Self::Takes => WebServer::asked(takes).await,
            Self::Busy => WebServer::start(|| answer(503, &[("retry-after", "30")], "busy")).await,
            Self::SilentAfter => WebServer::raw(b"", false).await,
            Self::CutAfter => WebServer::raw(b"", true).await,
            Self::Echoes => WebServer::start(|| answer(403, &[], SECRETS.join(" "))).await,
            Self::EchoesLate => WebServer::start(|| answer(403, &[], late())).await,
            Self::Nonsense => WebServer::start(|| answer(200, &[], vec![b'<'; 20 << 20])).await,
        }
    }
}

/// Our credentials again and again, so that one of them stands wherever an answer is cut off.
fn late() -> String {
    format!("{} ", SECRETS.join("")).repeat(40)
}

/// The other side of a channel.
#[async_trait]
pub(crate) trait Peer: Send + Sync {
    /// Hands a message over.
    async fn send(&self, message: &Message) -> Result<Receipt, DeliveryError>;
    /// One for every message that arrived: what the receiving side would tell a repetition by, where the medium has a
    /// place for it.
    fn arrived(&self) -> Vec<Option<String>>;
    /// What stands for a message is in the status alone, so that an answer of nonsense is a receipt.
    fn goes_by_status(&self) -> bool;
}

/// Finds a message among the requests of a server: none for a request that carries none, else by what a repetition of
/// it can be told.
pub(crate) type Arrived = fn(&Request) -> Option<Option<String>>;

/// A channel to people against a web server.
pub(crate) struct Person {
    pub(crate) channel: Arc<dyn Channel>,
    pub(crate) to: &'static str,
    pub(crate) server: WebServer,
    pub(crate) arrived: Arrived,
    pub(crate) goes_by_status: bool,
}

#[async_trait]
impl Peer for Person {
    async fn send(&self, message: &Message) -> Result<Receipt, DeliveryError> {
        self.channel.send(self.to, message, now()).await
    }

    fn arrived(&self) -> Vec<Option<String>> {
        self.server.seen().iter().filter_map(self.arrived).collect()
    }

    fn goes_by_status(&self) -> bool {
        self.goes_by_status
    }
}

/// A way to a room or a program against a web server.
pub(crate) struct Room {
    pub(crate) hook: Arc<dyn Hook>,
    pub(crate) endpoint: Endpoint,
    pub(crate) server: WebServer,
    pub(crate) arrived: Arrived,
    pub(crate) goes_by_status: bool,
}

#[async_trait]
impl Peer for Room {
    async fn send(&self, message: &Message) -> Result<Receipt, DeliveryError> {
        self.hook.post(&self.endpoint, message, now()).await
    }

    fn arrived(&self) -> Vec<Option<String>> {
        self.server.seen().iter().filter_map(self.arrived).collect()
    }

    fn goes_by_status(&self) -> bool {
        self.goes_by_status
    }
}

/// Every channel, with another side in this mood.
async fn all(mood: Mood) -> Vec<(&'static str, Box<dyn Peer>)> {
    vec![
        ("slack", Box::new(slack::peer(mood).await)),
        ("smtp", Box::new(smtp::peer(mood).await)),
        ("webhook", Box::new(webhook::peer(mood).await)),
        ("twilio-sms", Box::new(twilio::peer(mood).await)),
        ("twilio-voice", Box::new(voice::peer(mood).await)),
        ("twilio-whatsapp", Box::new(whatsapp::twilio_peer(mood).await)),
        ("meta-whatsapp", Box::new(whatsapp::peer(mood).await)),
        ("teams", Box::new(teams::peer(mood).await)),
        ("google_chat", Box::new(google_chat::peer(mood).await)),
        ("discord", Box::new(discord::peer(mood).await)),
        ("telegram", Box::new(telegram::peer(mood).await)),
        ("onesignal", Box::new(onesignal::peer(mood).await)),
        ("web_push", Box::new(push::peer(mood).await)),
        ("sendgrid", Box::new(sendgrid::peer(mood).await)),
        ("resend", Box::new(resend::peer(mood).await)),
        ("ses", Box::new(ses::peer(mood).await)),
        ("sns", Box::new(sns::peer(mood).await)),
    ]
}

#[tokio::test]
async fn every_message_is_taken_whatever_it_says() {
    for (name, peer) in all(Mood::Takes).await {
        for message in [page(), resolved(), note(), hostile(), storm()] {
            let outcome = peer.send(&message).await;
            assert!(
                outcome.as_ref().is_ok_and(|receipt| !receipt.answer.is_empty()),
                "{name}: {outcome:?}"
            );
        }
        assert_eq!(peer.arrived().len(), 5, "{name}");
    }
}

#[tokio::test]
async fn a_repetition_can_be_told_by_its_identity() {
    for (name, peer) in all(Mood::Takes).await {
        peer.send(&page()).await.unwrap();
        peer.send(&page()).await.unwrap();
        peer.send(&note()).await.unwrap();
        let arrived = peer.arrived();
        assert_eq!(arrived.len(), 3, "{name}: {arrived:?}");
        let told: Vec<String> = arrived.into_iter().flatten().collect();
        assert!(told.is_empty() || told.len() == 3, "{name}: {told:?}");
        if let [first, second, third] = &told[..] {
            assert!(first == second && second != third, "{name}: {told:?}");
            let id = page().delivery;
            let carried = first.contains(&id.to_string()) || first.contains(&id.uuid().to_string());
            assert!(carried, "{name}: {told:?}");
        }
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
async fn nonsense_harms_nobody() {
    for (name, peer) in all(Mood::Nonsense).await {
        let outcome = peer.send(&page()).await;
        match &outcome {
            Ok(receipt) => assert!(
                peer.goes_by_status() && receipt.answer.len() < 2000,
                "{name}: {outcome:?}"
            ),
            Err(error) => assert!(
                !matches!(error, DeliveryError::Refused { .. }) && error.to_string().len() < 2000,
                "{name}: {outcome:?}"
            ),
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_any_error() {
    let moods = [
        Mood::Busy,
        Mood::SilentAfter,
        Mood::CutAfter,
        Mood::Echoes,
        Mood::EchoesLate,
    ];
    for mood in moods {
        for (name, peer) in all(mood).await {
            let error = peer.send(&page()).await.unwrap_err();
            for secret in SECRETS {
                // Not even a part of it, where words are cut off.
                assert!(
                    !format!("{error} {error:?}").contains(&secret[..9]),
                    "{name} {mood:?}: {error:?}"
                );
            }
        }
    }
}
