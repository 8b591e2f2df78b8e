//! A mail server in this process, for tests that send many mails or want to refuse some: plain SMTP (RFC 5321), no
//! login. It remembers what it took.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A mail that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) to: String,
    /// Headers and body as they came, without the encoding of long lines.
    pub(crate) content: String,
}

impl Letter {
    /// A header's value, unfolded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.content.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        let prefix = format!("{name}: ");
        head.lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .map(str::to_owned)
    }

    /// The identity of the delivery, which is the same at every try.
    pub(crate) fn id(&self) -> String {
        let id = self.header("Message-ID").expect("every mail has an id");
        id.trim_start_matches('<')
            .split('@')
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}

#[derive(Default)]
struct State {
    taken: Mutex<Vec<Letter>>,
    /// How many more mails are answered "try again later".
    busy: AtomicU32,
}

/// The running server; it ends with this value. Mail to `nobody@…` is refused for good.
pub(crate) struct PostOffice {
    pub(crate) port: u16,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

impl PostOffice {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = state.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                // Whoever calls may hang up at any time.
                conversations.spawn(async move { drop(converse(stream, &state).await) });
            }
        });
        Self {
            port,
            state,
            _tasks: tasks,
        }
    }

    pub(crate) fn taken(&self) -> Vec<Letter> {
        self.state.taken.lock().unwrap().clone()
    }

    /// Answers the next mails with "try again later".
    pub(crate) fn be_busy_for(&self, mails: u32) {
        self.state.busy.store(mails, Ordering::SeqCst);
    }

    /// To whom mails went, in their order.
    pub(crate) fn recipients(&self) -> Vec<String> {
        self.taken().into_iter().map(|letter| letter.to).collect()
    }

    /// The settings with which the real program sends by this server.
    pub(crate) fn variables(port: &str) -> [(&'static str, &str); 3] {
        [("SMTP_HOST", "127.0.0.1"), ("SMTP_PORT", port), ("SMTP_TLS", "none")]
    }
}

async fn converse(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 post.example.com ESMTP\r\n").await?;
    let mut to = String::new();
    while let Some(line) = lines.next_line().await? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => "250-post.example.com\r\n250 8BITMIME",
            "RCPT" if line.contains("<nobody@") => "550 5.1.1 no such user",
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                address.clone_into(&mut to);
                "250 2.1.5 Ok"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut content = String::new();
                loop {
                    // A mail without its end was not handed over (RFC 5321, section 4.1.1.4).
                    let Some(line) = lines.next_line().await? else {
                        return Ok(());
                    };
                    if line == "." {
                        break;
                    }
                    content.push_str(line.strip_prefix('.').unwrap_or(&line));
                    content.push_str("\r\n");
                }
                take(state, &to, content)
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 2.0.0 Ok",
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn take(state: &State, to: &str, content: String) -> &'static str {
    let one_less = |busy: u32| busy.checked_sub(1);
    if state
        .busy
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
        .is_ok()
    {
        return "451 4.3.0 try again later";
    }
    state.taken.lock().unwrap().push(Letter {
        to: to.to_owned(),
        content,
    });
    "250 2.0.0 Ok: queued"
}
