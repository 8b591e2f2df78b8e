//! The conversation with an SMTP server (RFC 5321), step by step, so that it is always known how far it came.
//!
//! lettre's own transport runs the whole conversation in one call and then no longer tells whether an error came before
//! or after the mail was handed over; and its timeout covers the TCP connection alone. So its connection is driven
//! from here, one command at a time, under one deadline. What a failure means follows from the [`Step`] it came at:
//! before the mail's content nothing was handed over; from the first byte of the content on, a line that is cut or
//! silent leaves the outcome unknown, because lettre does not tell whether the closing dot went out.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters},
        commands::{Data, Mail, Noop, Rcpt, Rset},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

use super::settings::{SmtpSettings, Tls};
use crate::{
    DeliveryError, Problem, Secret,
    http::{find, root_cause},
    tls::Roots,
    words,
};

/// Most lines that are open at a time; whoever comes next waits, within its own deadline.
const LINES_MAX: usize = 8;
/// Most lines that are kept for the next mail.
const IDLE_LINES_MAX: usize = 2;
/// How long a line is kept for the next mail. Servers close idle lines after minutes.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long a kept line has to show that it still lives.
const PROBE: Duration = Duration::from_secs(1);

/// How far a conversation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    StartTls,
    Auth,
    Sender,
    Recipient,
    Data,
    Content,
}

impl Step {
    const fn doing(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::StartTls => "beginning encryption",
            Self::Auth => "signing in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Data => "announcing the mail",
            Self::Content => "handing over the mail",
        }
    }
}

/// A conversation that may be taken up again.
struct Idle {
    line: Box<AsyncSmtpConnection>,
    since: Instant,
}

/// One SMTP server, and the lines to it.
pub(super) struct Server {
    host: String,
    port: u16,
    tls: Tls,
    encryption: Option<TlsParameters>,
    credentials: Option<Credentials>,
    /// What must not be shown should the server repeat it.
    secrets: Vec<Secret>,
    hello: ClientId,
    limit: Duration,
    slots: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

impl Server {
    /// `limit` is for one mail, from connecting to the last answer.
    pub(super) fn new(settings: &SmtpSettings, roots: &Roots, limit: Duration) -> Result<Self, DeliveryError> {
        let encryption = match settings.tls {
            Tls::None => None,
            Tls::StartTls | Tls::Tls => Some(encryption(&settings.host, roots)?),
        };
        let login = settings.user.as_ref().zip(settings.password.as_ref());
        let credentials = login.map(|(user, password)| Credentials::new(user.clone(), password.expose().to_owned()));
        let secrets = login.map(|(user, password)| {
            // The second is what AUTH PLAIN sends (RFC 4616).
            vec![
                password.clone(),
                Secret::new(format!("\0{user}\0{}", password.expose())),
            ]
        });
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port,
            tls: settings.tls,
            encryption,
            credentials,
            secrets: secrets.unwrap_or_default(),
            hello: ClientId::default(),
            limit,
            slots: Semaphore::new(LINES_MAX),
            idle: Mutex::default(),
        })
    }

    /// Hands one mail over and returns the server's words.
    pub(super) async fn deliver(&self, from: &Address, to: &Address, mail: &[u8]) -> Result<String, DeliveryError> {
        let deadline = Instant::now() + self.limit;
        let slot = timeout_at(deadline, self.slots.acquire())
            .await
            .map_err(|_| DeliveryError::Retry {
                why: format!("{LINES_MAX} mails are on their way to the server and none ended in time"),
                after: None,
            })?;
        let mut line = match self.kept(deadline).await {
            Some(line) => line,
            None => self.open(deadline).await?,
        };
        let outcome = Box::pin(self.converse(&mut line, from, to, mail, deadline)).await;
        match &outcome {
            Ok(_) => self.keep(line),
            // After the server said no it is where it was before: the line serves the next mail (RFC 5321, 4.1.1.5).
            Err(DeliveryError::Refused { .. }) if matches!(timeout(PROBE, line.command(Rset)).await, Ok(Ok(_))) => {
                self.keep(line);
            }
            Err(_) => {}
        }
        drop(slot);
        outcome
    }

    /// Connects, encrypts and signs in, as for a mail.
    pub(super) async fn check(&self) -> Result<String, DeliveryError> {
        let deadline = Instant::now() + self.limit;
        let mut line = self.open(deadline).await?;
        let answer = self.step(Step::Sender, deadline, line.command(Noop)).await?;
        self.keep(line);
        Ok(self.words(&answer))
    }

    /// One mail on an open line.
    async fn converse(
        &self,
        line: &mut AsyncSmtpConnection,
        from: &Address,
        to: &Address,
        mail: &[u8],
        deadline: Instant,
    ) -> Result<String, DeliveryError> {
        let mut options = Vec::new();
        if !from.to_string().is_ascii() || !to.to_string().is_ascii() {
            if !line.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the mail server takes no addresses with other than ASCII letters (it lacks SMTPUTF8)";
                return Err(DeliveryError::Refused { why: why.into() });
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        self.step(
            Step::Sender,
            deadline,
            line.command(Mail::new(Some(from.clone()), options)),
        )
        .await?;
        self.step(
            Step::Recipient,
            deadline,
            line.command(Rcpt::new(to.clone(), Vec::new())),
        )
        .await?;
        self.step(Step::Data, deadline, line.command(Data)).await?;
        let answer = self.step(Step::Content, deadline, line.message(mail)).await?;
        Ok(self.words(&answer))
    }

    /// A new line: connected, encrypted as the settings want it, signed in.
    async fn open(&self, deadline: Instant) -> Result<Box<AsyncSmtpConnection>, DeliveryError> {
        let from_first_byte = if self.tls == Tls::Tls {
            self.encryption.clone()
        } else {
            None
        };
        let address = (self.host.as_str(), self.port);
        let mut line = Box::new(if from_first_byte.is_some() {
            let connecting = AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, from_first_byte, None);
            self.step(Step::Connect, deadline, Box::pin(connecting)).await?
        } else {
            let stream: Box<dyn AsyncTokioStream> = Box::new(self.connect(address, deadline).await?);
            let greeting = AsyncSmtpConnection::connect_with_transport(stream, &self.hello);
            self.step(Step::Connect, deadline, Box::pin(greeting)).await?
        });
        if let (Tls::StartTls, Some(encryption)) = (self.tls, &self.encryption) {
            if !line.can_starttls() {
                let why = "the mail server does not offer STARTTLS, so neither password nor mail was sent";
                return Err(Problem {
                    field: "SMTP_TLS",
                    why: why.into(),
                }
                .into());
            }
            let upgrade = Box::pin(line.starttls(encryption.clone(), &self.hello));
            self.step(Step::StartTls, deadline, upgrade).await?;
        }
        if let Some(credentials) = &self.credentials {
            self.step(
                Step::Auth,
                deadline,
                line.auth(&[Mechanism::Plain, Mechanism::Login], credentials),
            )
            .await?;
        }
        Ok(line)
    }

    /// A TCP connection that sends at once what it is given. lettre writes a mail and its closing dot apart: with
    /// Nagle's algorithm the dot would wait for the server's delayed acknowledgement, 40 ms (RFC 1122, section 4.2.3.4).
    async fn connect(&self, address: (&str, u16), deadline: Instant) -> Result<TcpStream, DeliveryError> {
        let connected = timeout_at(deadline, TcpStream::connect(address)).await;
        let stream = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        stream
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|error| {
                let why = format!("the line failed while {}: {error}", Step::Connect.doing());
                DeliveryError::Retry { why, after: None }
            })
    }

    /// A line of before that still lives.
    async fn kept(&self, deadline: Instant) -> Option<Box<AsyncSmtpConnection>> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let mut line = idle.line;
            let probe = deadline.min(Instant::now() + PROBE);
            if idle.since.elapsed() < IDLE_MAX && timeout_at(probe, line.test_connected()).await.unwrap_or(false) {
                return Some(line);
            }
        }
    }

    /// Keeps a line for the next mail, where there is room.
    fn keep(&self, line: Box<AsyncSmtpConnection>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_LINES_MAX && !line.has_broken() {
            idle.push(Idle {
                line,
                since: Instant::now(),
            });
        }
    }

    /// One step before the deadline, and what its failure means.
    async fn step<T>(
        &self,
        step: Step,
        deadline: Instant,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, DeliveryError> {
        match timeout_at(deadline, doing).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.failure(step, &error)),
            Err(_) => {
                let why = format!("no answer within {} s while {}", self.limit.as_secs_f32(), step.doing());
                Err(if step == Step::Content {
                    DeliveryError::Unknown { why }
                } else {
                    DeliveryError::Retry { why, after: None }
                })
            }
        }
    }

    fn failure(&self, step: Step, error: &Error) -> DeliveryError {
        if let Some(code) = error.status() {
            let text = std::error::Error::source(error)
                .map(ToString::to_string)
                .unwrap_or_default();
            let code = code.to_string();
            let why = self.hide(&format!("{code} {text}"));
            return refusal(step, &code, why);
        }
        let cause = self.hide(&root_cause(error));
        let why = format!("the line failed while {}: {cause}", step.doing());
        match (step, find::<rustls::Error>(error)) {
            (Step::Content, _) => DeliveryError::Unknown { why },
            // It stays so until somebody does something.
            (_, Some(rustls::Error::InvalidCertificate(_))) => setting(
                "SMTP_TLS",
                format!("the mail server's certificate is not trusted: {cause}"),
            ),
            (Step::Auth, _) if error.is_client() => {
                let why = "the mail server offers neither AUTH PLAIN nor AUTH LOGIN on this line";
                setting("SMTP_USER/SMTP_PASSWORD", why.into())
            }
            _ => DeliveryError::Retry { why, after: None },
        }
    }

    /// What the server answered: code and text.
    fn words(&self, response: &Response) -> String {
        let text: Vec<&str> = response.message().collect();
        self.hide(&format!("{} {}", response.code(), text.join(" ")))
    }

    fn hide(&self, text: &str) -> String {
        // The longest first: it contains the others.
        words::answer(
            &self
                .secrets
                .iter()
                .rev()
                .fold(text.to_owned(), |text, secret| secret.hide_in(&text)),
        )
    }
}

/// What a negative answer means: 4yz may be otherwise later (RFC 5321, section 4.2.1); 5yz stays, and whose doing it
/// is follows from what was asked.
fn refusal(step: Step, code: &str, why: String) -> DeliveryError {
    match (step, code) {
        (_, code) if code.starts_with('4') => DeliveryError::Retry { why, after: None },
        // Signing in is wanted, or another way of it (RFC 4954, section 6).
        (Step::Auth, _) | (_, "530" | "534" | "535" | "538") => setting("SMTP_USER/SMTP_PASSWORD", why),
        // A server that turns everybody away says nothing about this mail.
        (Step::Connect | Step::StartTls, _) => DeliveryError::Retry { why, after: None },
        (Step::Sender, _) => setting("SMTP_FROM", why),
        (Step::Recipient | Step::Data | Step::Content, _) => DeliveryError::Refused { why },
    }
}

const fn setting(field: &'static str, why: String) -> DeliveryError {
    DeliveryError::Misconfigured { field, why }
}

/// How a line is encrypted: like all other lines, with the roots that were read at start.
fn encryption(host: &str, roots: &Roots) -> Result<TlsParameters, DeliveryError> {
    let wrong = |error: Error| {
        DeliveryError::from(Problem {
            field: "SMTP_TLS",
            why: words::answer(&error.to_string()),
        })
    };
    let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for certificate in roots.certificates() {
        let certificate = Certificate::from_der(certificate.to_vec()).map_err(wrong)?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(step: Step, code: &str) -> &'static str {
        match refusal(step, code, String::new()) {
            DeliveryError::Retry { .. } => "retry",
            DeliveryError::Refused { .. } => "refused",
            DeliveryError::Misconfigured { field, .. } => field,
            DeliveryError::Unknown { .. } => "unknown",
        }
    }

    #[test]
    fn what_a_code_means_depends_on_the_step() {
        assert_eq!(kind(Step::Connect, "554"), "retry");
        assert_eq!(kind(Step::Auth, "454"), "retry");
        assert_eq!(kind(Step::Auth, "535"), "SMTP_USER/SMTP_PASSWORD");
        assert_eq!(kind(Step::Sender, "530"), "SMTP_USER/SMTP_PASSWORD");
        assert_eq!(kind(Step::Sender, "553"), "SMTP_FROM");
        assert_eq!(kind(Step::Recipient, "450"), "retry");
        assert_eq!(kind(Step::Recipient, "550"), "refused");
        assert_eq!(kind(Step::Data, "554"), "refused");
        assert_eq!(kind(Step::Content, "451"), "retry");
        assert_eq!(kind(Step::Content, "552"), "refused");
    }
}
