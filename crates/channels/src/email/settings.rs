//! What an administrator must give so that mail can be sent.

use std::fmt;

use lettre::message::Mailbox;

use super::letter;
use crate::{Problem, Secret};

/// Longest host name, in bytes (RFC 1035, section 2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// How the line to the server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tls {
    /// Not at all: for a relay on this machine or on a trusted network.
    None,
    /// From the `STARTTLS` command on (RFC 3207). A server that does not offer it gets neither password nor mail.
    StartTls,
    /// From the first byte (RFC 8314).
    Tls,
}

impl Tls {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::StartTls, Self::Tls];

    /// The word of `SMTP_TLS`: `none`, `starttls`, `tls`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StartTls => "starttls",
            Self::Tls => "tls",
        }
    }

    /// Reads a word of `SMTP_TLS`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tls| tls.word() == word)
    }

    /// The port that goes with it where none is given: 25, 587, 465.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

/// An SMTP server and how we appear to it.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpSettings {
    /// `SMTP_HOST`: a name or an address. A certificate must be made out to it.
    pub host: String,
    /// `SMTP_PORT`.
    pub port: u16,
    /// `SMTP_TLS`.
    pub tls: Tls,
    /// `SMTP_USER`; none: the server wants no password.
    pub user: Option<String>,
    /// `SMTP_PASSWORD`.
    pub password: Option<Secret>,
    /// `SMTP_FROM`: `noreply@example.com` or `Paging <noreply@example.com>`.
    pub from: String,
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            tls,
            user,
            password: _,
            from,
        } = self;
        f.debug_struct("SmtpSettings")
            .field("host", host)
            .field("port", port)
            .field("tls", tls)
            .field("user", user)
            .field("from", from)
            .finish_non_exhaustive()
    }
}

impl SmtpSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |field, why: &str| problems.push(Problem { field, why: why.into() });
        if self.host.is_empty() {
            wrong("SMTP_HOST", "must name the mail server, like smtp.example.com");
        } else if self.host.len() > HOST_BYTES_MAX || url::Host::parse(&host_for_url(&self.host)).is_err() {
            wrong(
                "SMTP_HOST",
                "must be a host name or an address, without a scheme or a port",
            );
        }
        if self.port == 0 {
            wrong("SMTP_PORT", "must be from 1 to 65535");
        }
        match (&self.user, &self.password) {
            (Some(user), _) if user.is_empty() => wrong("SMTP_USER", "must not be empty"),
            (Some(_), None) => wrong("SMTP_PASSWORD", "must be given together with SMTP_USER"),
            (Some(_), Some(password)) if password.is_empty() => wrong("SMTP_PASSWORD", "must not be empty"),
            (None, Some(_)) => wrong("SMTP_USER", "must be given together with SMTP_PASSWORD"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        problems.extend(self.mailbox().err());
        problems
    }

    /// The sender.
    pub(super) fn mailbox(&self) -> Result<Mailbox, Problem> {
        letter::sender(&self.from, "SMTP_FROM")
    }
}

/// An IPv6 address stands in brackets in a URL and without them in `SMTP_HOST`.
fn host_for_url(host: &str) -> String {
    if host.parse::<std::net::Ipv6Addr>().is_ok() {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> SmtpSettings {
        SmtpSettings {
            host: "smtp.example.com".into(),
            port: 587,
            tls: Tls::StartTls,
            user: Some("user".into()),
            password: Some(Secret::new("secret password")),
            from: "noreply@example.com".into(),
        }
    }

    fn fields(settings: &SmtpSettings) -> Vec<&'static str> {
        settings.problems().into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn each_problem_names_its_setting() {
        assert_eq!(fields(&good()), [""; 0]);
        for host in ["::1", "127.0.0.1", "mail"] {
            assert_eq!(
                fields(&SmtpSettings {
                    host: host.into(),
                    ..good()
                }),
                [""; 0],
                "{host}"
            );
        }
        for host in ["", "smtp.example.com:587", "smtp://smtp.example.com", "a b", "a\r\nb"] {
            assert_eq!(
                fields(&SmtpSettings {
                    host: host.into(),
                    ..good()
                }),
                ["SMTP_HOST"],
                "{host}"
            );
        }
        assert_eq!(fields(&SmtpSettings { port: 0, ..good() }), ["SMTP_PORT"]);
        assert_eq!(
            fields(&SmtpSettings {
                password: None,
                ..good()
            }),
            ["SMTP_PASSWORD"]
        );
        assert_eq!(fields(&SmtpSettings { user: None, ..good() }), ["SMTP_USER"]);
        assert_eq!(
            fields(&SmtpSettings {
                user: None,
                password: None,
                ..good()
            }),
            [""; 0]
        );
        for from in ["", "nobody", "a@b@c", "A <a@example.com>\r\nBcc: x@y.example"] {
            assert_eq!(
                fields(&SmtpSettings {
                    from: from.into(),
                    ..good()
                }),
                ["SMTP_FROM"],
                "{from}"
            );
        }
        let all = SmtpSettings {
            host: String::new(),
            port: 0,
            user: None,
            from: String::new(),
            ..good()
        };
        assert_eq!(fields(&all), ["SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_FROM"]);
    }

    #[test]
    fn the_sender_has_a_name() {
        assert_eq!(good().mailbox().unwrap().to_string(), "OpsKnight <noreply@example.com>");
        let named = SmtpSettings {
            from: "Paging <p@bücher.example>".into(),
            ..good()
        };
        assert_eq!(named.mailbox().unwrap().to_string(), "Paging <p@xn--bcher-kva.example>");
    }

    #[test]
    fn the_password_is_not_printed() {
        assert!(!format!("{:?}", good()).contains("secret password"));
    }
}
