//! Settings: flags, then the environment, then `opsknight.toml`, then defaults. Read once, checked once.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::Args;
use opsknight_channels::{DeliveryError, Secret};
use serde::Deserialize;
use url::Url;

use crate::engine::outbox;

mod providers;
mod watch;

pub use providers::{Bases, Providers, RawProviders};
pub use watch::{InARow, Path as WatchPath, Proofs, RawWatch, SECRETS as WATCH_SECRETS, WatchSecrets, WatchSettings};

/// Longest body of the events calls, in bytes, unless set: PagerDuty's limit.
pub const EVENTS_BODY_BYTES: usize = 512 << 10;
/// Longest body of the webhooks of monitoring tools, in bytes, unless set.
pub const HOOK_BODY_BYTES: usize = 5 << 20;
/// Longest body that may be allowed, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Shortest secret key, in bytes.
const SECRET_KEY_BYTES_MIN: usize = 16;
/// The settings file that is read when it is there.
pub const FILE: &str = "opsknight.toml";

/// Settings as they are spelled: on the command line, in the environment, and in the file, where each has the name
/// shown behind "file:".
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:8080] [file: listen]
    #[arg(long, env = "OPSKNIGHT_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Directory of the embedded database and the generated secret key [default: ./data] [file: data_dir]
    #[arg(long, env = "OPSKNIGHT_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<String>,
    /// postgres://… for several replicas; without it an embedded SQLite [file: database_url]
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Address under which people and tools reach this server [default: from the listen address] [file: public_url]
    #[arg(long, env = "OPSKNIGHT_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Encrypts stored credentials, signs sessions and links [default: made in the data directory] [file: secret_key]
    #[arg(long, env = "OPSKNIGHT_SECRET_KEY", value_name = "TEXT", hide_env_values = true)]
    pub secret_key: Option<String>,
    /// What is logged, such as info or opsknight=debug [default: info] [file: log]
    #[arg(long, env = "OPSKNIGHT_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// text or json [default: text] [file: log_format]
    #[arg(long, env = "OPSKNIGHT_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Peers whose X-Forwarded-For is believed: addresses or networks, by comma [file: trusted_proxies]
    #[arg(long, env = "OPSKNIGHT_TRUSTED_PROXIES", value_name = "LIST")]
    pub trusted_proxies: Option<String>,
    /// false only for SNS emulators [default: true] [file: sns_verify_signatures]
    #[arg(long, env = "OPSKNIGHT_SNS_VERIFY_SIGNATURES", value_name = "BOOL")]
    pub sns_verify_signatures: Option<bool>,
    /// Where SNS is instead of at Amazon: certificates and confirmations may lie there too [file: aws_endpoint_url_sns]
    #[arg(long, env = "AWS_ENDPOINT_URL_SNS", value_name = "URL")]
    pub aws_endpoint_url_sns: Option<String>,
    /// The same for all of Amazon's services [file: aws_endpoint_url]
    #[arg(long, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    pub aws_endpoint_url: Option<String>,
    /// Where Google publishes the keys of its tokens [default: https://www.googleapis.com] [file: google_base_url]
    #[arg(long, env = "OPSKNIGHT_GOOGLE_BASE_URL", value_name = "URL")]
    pub google_base_url: Option<String>,
    /// Where Microsoft Entra is, another in some countries [default: https://login.microsoftonline.com] [file: entra_base_url]
    #[arg(long, env = "OPSKNIGHT_ENTRA_BASE_URL", value_name = "URL")]
    pub entra_base_url: Option<String>,
    /// Lets outbound webhooks reach private and loopback addresses [default: false] [file: allow_private_targets]
    #[arg(long, env = "OPSKNIGHT_ALLOW_PRIVATE_TARGETS", value_name = "BOOL")]
    pub allow_private_targets: Option<bool>,
    /// Longest body of the events calls, in bytes [default: 524288] [file: events_body_bytes]
    #[arg(long, env = "OPSKNIGHT_EVENTS_BODY_BYTES", value_name = "BYTES")]
    pub events_body_bytes: Option<usize>,
    /// Longest body of monitoring tools' webhooks, in bytes [default: 5242880] [file: hook_body_bytes]
    #[arg(long, env = "OPSKNIGHT_HOOK_BODY_BYTES", value_name = "BYTES")]
    pub hook_body_bytes: Option<usize>,
    /// Providers.
    #[command(flatten)]
    #[serde(skip)]
    pub providers: RawProviders,
}

macro_rules! first_of {
    ($this:ident, $file:ident: $($field:ident)*) => {
        Raw { $($field: $this.$field.filter(|value| !is_blank(value)).or($file.$field),)* providers: $this.providers.or($file.providers) }
    };
}

/// An empty environment variable is as good as none.
fn is_blank<T: ToString>(value: &T) -> bool {
    value.to_string().trim().is_empty()
}

impl Raw {
    /// Fills in what neither the command line nor the environment said from `opsknight.toml`, if it is there.
    ///
    /// # Errors
    /// When the file cannot be read or has a name in it that is no setting.
    pub fn with_file(self, path: &Path) -> Result<Self, Wrong> {
        let wrong = |why: String| Wrong {
            setting: path.display().to_string(),
            why,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let file = Self::from_toml(&text).map_err(|error| wrong(error.to_string()))?;
        Ok(
            first_of!(self, file: listen data_dir database_url public_url secret_key log log_format trusted_proxies
            sns_verify_signatures aws_endpoint_url_sns aws_endpoint_url google_base_url entra_base_url allow_private_targets events_body_bytes hook_body_bytes),
        )
    }

    /// Reads the text of a file. All names stand beside each other there.
    fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        let all: toml::Table = toml::from_str(text)?;
        let (providers, rest): (toml::Table, toml::Table) = all
            .into_iter()
            .partition(|(name, _)| RawProviders::NAMES.contains(&name.as_str()));
        // A port may stand there as a number.
        let written = |value| match value {
            toml::Value::Integer(n) => toml::Value::String(n.to_string()),
            other => other,
        };
        let providers: toml::Table = providers
            .into_iter()
            .map(|(name, value)| (name, written(value)))
            .collect();
        Ok(Self {
            providers: providers.try_into()?,
            ..rest.try_into()?
        })
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {why}")]
pub struct Wrong {
    /// Which one.
    pub setting: String,
    /// Why.
    pub why: String,
}

fn wrong(setting: &str, why: impl Into<String>) -> Wrong {
    Wrong {
        setting: setting.to_owned(),
        why: why.into(),
    }
}

/// A provider's settings that cannot work, as a wrong setting.
fn unusable(error: &DeliveryError) -> Wrong {
    match error {
        DeliveryError::Misconfigured { field, why } => wrong(field, why.clone()),
        DeliveryError::Retry { .. } | DeliveryError::Refused { .. } | DeliveryError::Unknown { .. } => {
            wrong("providers", error.to_string())
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Settings that were checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the embedded database and the secret key lie.
    pub data_dir: PathBuf,
    /// PostgreSQL instead of the embedded database.
    pub database_url: Option<Secret>,
    /// Under which address people and tools reach this server; none: that of the listening socket.
    pub public_url: Option<Url>,
    /// The secret key's text; none: the one in the data directory.
    pub secret_key: Option<Secret>,
    /// What is logged.
    pub log: String,
    /// How.
    pub log_format: LogFormat,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// What proofs of clouds' senders are held against.
    pub clouds: Clouds,
    /// Whether outbound webhooks may reach private addresses.
    pub allow_private_targets: bool,
    /// Longest body of the events calls, in bytes.
    pub events_body_bytes: usize,
    /// Longest body of monitoring tools' webhooks, in bytes.
    pub hook_body_bytes: usize,
    /// The providers that the environment sets up.
    pub providers: Providers,
}

/// What proofs of clouds' senders are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clouds {
    /// Whether signatures of SNS are checked.
    pub sns_verify_signatures: bool,
    /// Where SNS is instead of at Amazon.
    pub sns_endpoint: Option<Url>,
    /// Where Google publishes the keys of its tokens.
    pub google: Url,
    /// Where Microsoft Entra is.
    pub entra: Url,
}

impl Clouds {
    fn check(raw: &Raw) -> Result<Self, Wrong> {
        let address = |name: &str, given: Option<&String>, default: &str| {
            let text = given.map_or(default, String::as_str);
            let url = Url::parse(text)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            url.ok_or_else(|| {
                wrong(
                    name,
                    format!("{text} is not a URL, like https://login.microsoftonline.com"),
                )
            })
        };
        let sns = [
            ("AWS_ENDPOINT_URL_SNS", raw.aws_endpoint_url_sns.as_ref()),
            ("AWS_ENDPOINT_URL", raw.aws_endpoint_url.as_ref()),
        ];
        let sns = sns.into_iter().find(|(_, given)| given.is_some());
        Ok(Self {
            sns_verify_signatures: raw.sns_verify_signatures.unwrap_or(true),
            sns_endpoint: sns.map(|(name, given)| address(name, given, "")).transpose()?,
            google: address(
                "OPSKNIGHT_GOOGLE_BASE_URL",
                raw.google_base_url.as_ref(),
                "https://www.googleapis.com",
            )?,
            entra: address(
                "OPSKNIGHT_ENTRA_BASE_URL",
                raw.entra_base_url.as_ref(),
                "https://login.microsoftonline.com",
            )?,
        })
    }
}

impl Settings {
    /// Checks what was given.
    ///
    /// # Errors
    /// The first setting that cannot be used, and why.
    pub fn check(raw: Raw) -> Result<Self, Wrong> {
        let log_format = match raw.log_format.as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                return Err(wrong(
                    "OPSKNIGHT_LOG_FORMAT",
                    format!("must be text or json, not {other}"),
                ));
            }
        };
        if let Some(url) = raw.database_url.as_deref()
            && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
        {
            return Err(wrong(
                "DATABASE_URL",
                "must begin with postgres://; leave it out for the embedded database",
            ));
        }
        if raw
            .secret_key
            .as_ref()
            .is_some_and(|key| key.len() < SECRET_KEY_BYTES_MIN)
        {
            let why = format!("must have at least {SECRET_KEY_BYTES_MIN} characters; `openssl rand -hex 32` makes one");
            return Err(wrong("OPSKNIGHT_SECRET_KEY", why));
        }
        let clouds = Clouds::check(&raw)?;
        let aws = raw.aws_endpoint_url.as_deref().and_then(|url| Url::parse(url).ok());
        let providers = Providers::check(&raw.providers, clouds.sns_endpoint.as_ref(), aws.as_ref())?;
        for (channel, documents) in &providers.of {
            for document in documents {
                outbox::check(*channel, document, &providers.bases).map_err(|error| unusable(&error))?;
            }
        }
        let size = |name, given: Option<usize>, default| match given.unwrap_or(default) {
            bytes if (1024..=BODY_BYTES_MAX).contains(&bytes) => Ok(bytes),
            _ => Err(wrong(name, format!("must be from 1024 to {BODY_BYTES_MAX}"))),
        };
        Ok(Self {
            listen: listen(raw.listen.as_deref().unwrap_or("127.0.0.1:8080"))?,
            data_dir: raw.data_dir.clone().unwrap_or_else(|| "./data".into()).into(),
            public_url: raw.public_url.as_deref().map(public_url).transpose()?,
            log: raw.log.clone().unwrap_or_else(|| "info".into()),
            log_format,
            trusted_proxies: trusted_proxies(raw.trusted_proxies.as_deref().unwrap_or_default())?,
            clouds,
            allow_private_targets: raw.allow_private_targets.unwrap_or(false),
            events_body_bytes: size("OPSKNIGHT_EVENTS_BODY_BYTES", raw.events_body_bytes, EVENTS_BODY_BYTES)?,
            hook_body_bytes: size("OPSKNIGHT_HOOK_BODY_BYTES", raw.hook_body_bytes, HOOK_BODY_BYTES)?,
            providers,
            database_url: raw.database_url.map(Secret::new),
            secret_key: raw.secret_key.map(Secret::new),
        })
    }
}

fn listen(text: &str) -> Result<SocketAddr, Wrong> {
    let bare_port = text.strip_prefix(':').map(|port| format!("0.0.0.0:{port}"));
    let text = bare_port.as_deref().unwrap_or(text).replace("localhost:", "127.0.0.1:");
    text.parse().map_err(|_| {
        wrong(
            "OPSKNIGHT_LISTEN",
            format!("{text} is not an address and a port, like 127.0.0.1:8080"),
        )
    })
}

fn public_url(text: &str) -> Result<Url, Wrong> {
    let no = |why: &str| wrong("OPSKNIGHT_PUBLIC_URL", format!("{text} {why}"));
    let url = Url::parse(text).map_err(|_| no("is not a URL, like https://opsknight.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(no("must begin with http:// or https:// and a host"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.path() != "/" {
        return Err(no("must have nothing behind the host and the port"));
    }
    Ok(url)
}

fn trusted_proxies(text: &str) -> Result<Vec<ipnet::IpNet>, Wrong> {
    let network = |part: &str| {
        let address = part.parse::<IpAddr>().map(ipnet::IpNet::from);
        address.or_else(|_| part.parse()).map_err(|_| {
            wrong(
                "OPSKNIGHT_TRUSTED_PROXIES",
                format!("{part} is neither an address nor a network like 10.0.0.0/8"),
            )
        })
    };
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(network)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Raw)) -> Result<Settings, String> {
        let mut raw = Raw::default();
        change(&mut raw);
        Settings::check(raw).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let settings = with(|_| {}).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.data_dir, Path::new("./data"));
        assert!(
            settings.clouds.sns_verify_signatures
                && !settings.allow_private_targets
                && settings.providers.of.is_empty()
        );
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let error = |change: fn(&mut Raw)| with(change).unwrap_err();
        assert!(error(|raw| raw.listen = Some("nowhere".into())).starts_with("OPSKNIGHT_LISTEN: "));
        assert!(error(|raw| raw.database_url = Some("mysql://x".into())).starts_with("DATABASE_URL: "));
        assert!(error(|raw| raw.public_url = Some("https://x/y".into())).starts_with("OPSKNIGHT_PUBLIC_URL: "));
        assert!(error(|raw| raw.secret_key = Some("short".into())).starts_with("OPSKNIGHT_SECRET_KEY: "));
        let tls = |raw: &mut Raw| {
            raw.providers.smtp_host = Some("mail".into());
            raw.providers.smtp_tls = Some("maybe".into());
        };
        assert!(error(tls).starts_with("SMTP_TLS: "));
    }

    #[test]
    fn the_file_gives_what_the_environment_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\nlog = \"debug\"\n").unwrap();
        let raw = Raw {
            listen: Some("127.0.0.1:2".into()),
            ..Raw::default()
        }
        .with_file(&file)
        .unwrap();
        assert_eq!(
            (raw.listen.as_deref(), raw.log.as_deref()),
            (Some("127.0.0.1:2"), Some("debug"))
        );
        std::fs::write(&file, "lisen = 1\n").unwrap();
        assert!(
            Raw::default()
                .with_file(&file)
                .unwrap_err()
                .to_string()
                .contains("lisen")
        );
    }
}
