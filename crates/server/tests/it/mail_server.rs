//! A real mail server, aiosmtpd, that insists on STARTTLS and on a login, and tells us what it took.

use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Child;

use crate::{
    certificates::Certificates,
    peers::{self, word},
    process::{Printed, SOON, wait_until},
};

/// A mail as Python's own mail library reads it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) tls: bool,
    pub(crate) login: Option<String>,
    pub(crate) subject: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Mail {
    /// The link with which its reader acknowledges.
    pub(crate) fn acknowledge_link(&self) -> Option<&str> {
        self.text.split_whitespace().find(|word| word.contains("/ack/"))
    }
}

/// The running server; it ends with this value.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    printed: Printed,
    _child: Child,
}

impl MailServer {
    pub(crate) async fn start(certificates: &Certificates) -> Self {
        let (certificate, key) = (certificates.certificate(), certificates.key());
        let mut command = peers::python("smtp_sink.py", &[word(&certificate), word(&key)]);
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Python starts");
        let printed = Printed::default();
        printed.gather(child.stdout.take().expect("its output is a pipe"));
        let listening = |line: &str| line.strip_prefix("listening ")?.parse().ok();
        let port = printed.wait_for("the mail server listens", listening).await;
        Self {
            port,
            printed,
            _child: child,
        }
    }

    /// The settings with which the program sends by this server.
    pub(crate) fn variables<'a>(&self, port: &'a str, authority: &'a str) -> [(&'static str, &'a str); 6] {
        assert_eq!(port, self.port.to_string());
        [
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", port),
            ("SMTP_USER", "user@example.com"),
            ("SMTP_PASSWORD", "password"),
            ("SMTP_FROM", "opsknight@example.com"),
            ("SSL_CERT_FILE", authority),
        ]
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        let lines = self.printed.lines();
        let mails = lines.iter().filter(|line| line.starts_with('{'));
        mails
            .map(|line| serde_json::from_str(line).expect("the script prints mails"))
            .collect()
    }

    /// Waits for a mail to anybody whose subject has these words.
    pub(crate) async fn wait_for_any(&self, words: &str) -> Mail {
        let wanted = |mail: &Mail| mail.subject.contains(words);
        let what = format!("a mail about {words} arrives");
        wait_until(&what, SOON, async || self.mails().into_iter().find(wanted)).await
    }

    /// Waits for a mail to this person whose subject has these words.
    pub(crate) async fn wait_for(&self, to: &str, words: &str) -> Mail {
        let wanted = |mail: &Mail| mail.to == [to] && mail.subject.contains(words);
        let what = format!("a mail to {to} about {words} arrives; there are {:?}", self.mails());
        wait_until(&what, SOON, async || self.mails().into_iter().find(wanted)).await
    }
}
