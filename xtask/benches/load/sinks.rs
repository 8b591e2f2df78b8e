//! Where messages go: a receiver of webhooks and a mail server on the loopback interface. Both take everything at once
//! and only note when it came.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::http::Line;

/// Something came.
pub(crate) struct Arrival {
    /// When it was there in full.
    pub(crate) at: Instant,
    /// By mail; else by webhook.
    pub(crate) by_mail: bool,
    /// What it says.
    pub(crate) text: String,
}

/// Both receivers.
pub(crate) struct Sinks {
    /// Where webhooks go.
    pub(crate) webhook: SocketAddr,
    /// Where mail goes.
    pub(crate) mail: SocketAddr,
    /// How much of each came.
    pub(crate) counts: Arc<Counts>,
    /// What came, when it is wanted.
    pub(crate) arrivals: mpsc::UnboundedReceiver<Arrival>,
}

/// How much came.
#[derive(Default)]
pub(crate) struct Counts {
    webhooks: AtomicU64,
    mails: AtomicU64,
    /// Whether what came is to be kept: not under load, where counting is enough.
    quiet: std::sync::atomic::AtomicBool,
}

impl Counts {
    /// Webhook calls and mails until now.
    pub(crate) fn now(&self) -> (u64, u64) {
        (
            self.webhooks.load(Ordering::Relaxed),
            self.mails.load(Ordering::Relaxed),
        )
    }

    /// From now on only counts.
    pub(crate) fn only_count(&self) {
        self.quiet.store(true, Ordering::Relaxed);
    }
}

/// Opens both. They work for as long as the runtime does.
pub(crate) async fn open() -> anyhow::Result<Sinks> {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let counts = Arc::new(Counts::default());
    let webhooks = TcpListener::bind("127.0.0.1:0").await?;
    let mails = TcpListener::bind("127.0.0.1:0").await?;
    let sinks = Sinks {
        webhook: webhooks.local_addr()?,
        mail: mails.local_addr()?,
        counts: counts.clone(),
        arrivals,
    };
    let note = Note { counts, arrived };
    let for_mail = note.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = webhooks.accept().await {
            tokio::spawn(take_webhooks(stream, note.clone()));
        }
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = mails.accept().await {
            tokio::spawn(take_mails(stream, for_mail.clone()));
        }
    });
    Ok(sinks)
}

#[derive(Clone)]
struct Note {
    counts: Arc<Counts>,
    arrived: mpsc::UnboundedSender<Arrival>,
}

impl Note {
    fn take(&self, by_mail: bool, text: impl FnOnce() -> String) {
        let count = if by_mail {
            &self.counts.mails
        } else {
            &self.counts.webhooks
        };
        count.fetch_add(1, Ordering::Relaxed);
        if !self.counts.quiet.load(Ordering::Relaxed) {
            let at = Instant::now();
            // Nobody listens at the end of a part.
            let _gone = self.arrived.send(Arrival {
                at,
                by_mail,
                text: text(),
            });
        }
    }
}

async fn take_webhooks(stream: TcpStream, note: Note) -> anyhow::Result<()> {
    let mut line = Line::new(stream)?;
    while let Some(message) = line.read().await? {
        note.take(false, || String::from_utf8_lossy(message.body).into_owned());
        line.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
    Ok(())
}

/// RFC 5321 as far as a client in good order needs it.
async fn take_mails(stream: TcpStream, note: Note) -> anyhow::Result<()> {
    let mut line = Line::new(stream)?;
    line.send(b"220 sink\r\n").await?;
    while let Some(command) = line.text().await? {
        let verb = command.get(..4).unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "DATA" => {
                line.send(b"354 go on\r\n").await?;
                let mut text = String::new();
                while let Some(more) = line.text().await? {
                    if more == "." {
                        break;
                    }
                    text += &more;
                    text.push('\n');
                }
                note.take(true, || text);
                line.send(b"250 taken\r\n").await?;
            }
            "QUIT" => {
                line.send(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => line.send(b"250 sink\r\n").await?,
        }
    }
    Ok(())
}
