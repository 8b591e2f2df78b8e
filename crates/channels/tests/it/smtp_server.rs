//! A small SMTP server that answers as its script says and remembers what it was told.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use opsknight_channels::tls::Roots;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// What the server answers to one command.
#[derive(Clone, Copy)]
pub(crate) enum Reply {
    Say(&'static str),
    Cut,
    Silent,
}

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) greeting: Reply,
    pub(crate) starttls: Option<Reply>,
    pub(crate) implicit_tls: bool,
    pub(crate) auth: &'static str,
    pub(crate) auth_reply: Reply,
    pub(crate) mail: Reply,
    pub(crate) rcpt: Reply,
    pub(crate) data: Reply,
    pub(crate) end: Reply,
    /// Closes each connection after this many mails.
    pub(crate) mails_max: usize,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: Reply::Say("220 mail.test ESMTP"),
            starttls: None,
            implicit_tls: false,
            auth: "PLAIN LOGIN",
            auth_reply: Reply::Say("235 2.7.0 ok"),
            mail: Reply::Say("250 ok"),
            rcpt: Reply::Say("250 ok"),
            data: Reply::Say("354 go on"),
            end: Reply::Say("250 2.0.0 Ok: queued as 4F2B1"),
            mails_max: usize::MAX,
        }
    }
}

/// What was seen.
#[derive(Default, Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) commands: Vec<String>,
    /// Those that came over an unencrypted line.
    pub(crate) in_the_clear: Vec<String>,
    /// User and password, joined by a colon.
    pub(crate) logins: Vec<String>,
    pub(crate) mails: Vec<String>,
}

pub(crate) struct SmtpServer {
    pub(crate) port: u16,
    pub(crate) roots: Roots,
    seen: Arc<Mutex<Seen>>,
    _tasks: JoinSet<()>,
}

impl SmtpServer {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (acceptor, roots) = certificate();
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                shared.lock().unwrap().connections += 1;
                let (script, seen, acceptor) = (script.clone(), Arc::clone(&shared), acceptor.clone());
                // A client that goes away in the middle is what some tests are about.
                connections.spawn(async move { drop(serve(stream, script, seen, acceptor).await) });
            }
        });
        Self {
            port,
            roots,
            seen,
            _tasks: tasks,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

/// A certificate for 127.0.0.1 and the authority that signed it: itself.
fn certificate() -> (TlsAcceptor, Roots) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), Roots::of(vec![der]))
}

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

struct Talk {
    line: BufReader<Box<dyn Line>>,
    encrypted: bool,
    seen: Arc<Mutex<Seen>>,
}

impl Talk {
    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.line.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.line.flush().await
    }

    async fn hear(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        if self.line.read_line(&mut text).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Ends the conversation with an error unless there is something to say.
    async fn reply(&mut self, reply: Reply) -> std::io::Result<()> {
        match reply {
            Reply::Say(text) => self.say(text).await,
            Reply::Cut => Err(std::io::ErrorKind::ConnectionAborted.into()),
            Reply::Silent => {
                let mut nothing = [0; 64];
                while self.line.read(&mut nothing).await? > 0 {}
                Err(std::io::ErrorKind::UnexpectedEof.into())
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    script: Script,
    seen: Arc<Mutex<Seen>>,
    acceptor: TlsAcceptor,
) -> std::io::Result<()> {
    let line: Box<dyn Line> = if script.implicit_tls {
        Box::new(acceptor.accept(stream).await?)
    } else {
        Box::new(stream)
    };
    let mut talk = Talk {
        line: BufReader::new(line),
        encrypted: script.implicit_tls,
        seen,
    };
    talk.reply(script.greeting).await?;
    let mut mails = 0;
    loop {
        let command = talk.hear().await?;
        {
            let mut seen = talk.seen.lock().unwrap();
            seen.commands.push(command.clone());
            if !talk.encrypted {
                seen.in_the_clear.push(command.clone());
            }
        }
        match command.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => {
                talk.say("250-mail.test").await?;
                if script.starttls.is_some() && !talk.encrypted {
                    talk.say("250-STARTTLS").await?;
                }
                talk.say(&format!("250 AUTH {}", script.auth)).await?;
            }
            "STARTTLS" => {
                talk.reply(script.starttls.unwrap_or(Reply::Say("502 no"))).await?;
                talk.line = BufReader::new(Box::new(acceptor.accept(talk.line.into_inner()).await?));
                talk.encrypted = true;
            }
            "AUTH" => {
                let login = login(&mut talk, &command).await?;
                talk.seen.lock().unwrap().logins.push(login);
                talk.reply(script.auth_reply).await?;
            }
            "MAIL" => talk.reply(script.mail).await?,
            "RCPT" => talk.reply(script.rcpt).await?,
            "DATA" => {
                talk.reply(script.data).await?;
                if matches!(script.data, Reply::Say(text) if text.starts_with('3')) {
                    let mail = content(&mut talk).await?;
                    talk.seen.lock().unwrap().mails.push(mail);
                    talk.reply(script.end).await?;
                    mails += 1;
                    if mails >= script.mails_max {
                        return Ok(());
                    }
                }
            }
            "RSET" | "NOOP" => talk.say("250 ok").await?,
            "QUIT" => return talk.say("221 bye").await,
            _ => talk.say("500 what").await?,
        }
    }
}

async fn login(talk: &mut Talk, command: &str) -> std::io::Result<String> {
    let decode = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    if let Some(plain) = command.strip_prefix("AUTH PLAIN ") {
        return Ok(decode(plain).trim_start_matches('\0').replace('\0', ":"));
    }
    talk.say("334 VXNlcm5hbWU6").await?;
    let user = decode(&talk.hear().await?);
    talk.say("334 UGFzc3dvcmQ6").await?;
    Ok(format!("{user}:{}", decode(&talk.hear().await?)))
}

/// A mail up to its dot, as it was before the dots were doubled.
async fn content(talk: &mut Talk) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let line = talk.hear().await?;
        if line == "." {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
        mail.push_str("\r\n");
    }
}
