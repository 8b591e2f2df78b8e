//! The settings of `opsknight watch`: flags, then the environment; what is secret comes from the environment only, where
//! no list of processes shows it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use jiff::SignedDuration;
use opsknight_channels::{Endpoint, Secret};
use opsknight_domain::directory::Channel;
use url::Url;

use super::{Settings, Wrong, wrong};

/// How often it is tried whether a page comes through, unless set.
const EVERY: &str = "5m";
/// How soon it is tried again while something is wrong, unless set.
const AGAIN: &str = "30s";
/// How long a page may take, unless set: longer than pages to one address are gathered for.
const WITHIN: &str = "3m";
/// Shortest and longest of these.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_hours(24);
/// After how many pages in a row that did not come through somebody is told, unless set.
const MISSES: u32 = 2;
/// After how many in a row that did, unless set.
const THROUGHS: u32 = 1;
/// The most of both that may be set.
const IN_A_ROW_MAX: u32 = 100;
/// What the watch calls itself, unless set.
const NAME: &str = "opsknight-watch";
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// The file in the data directory in which the watch keeps what it knows.
const STATE_FILE: &str = "watch.json";

/// What `--help` says of the secrets.
pub const SECRETS: &str = "\
Secrets, from the environment only:
  OPSKNIGHT_WATCH_ROUTING_KEY          key of an Events API integration of a service made for the watch
  OPSKNIGHT_WATCH_API_KEY              API key of the target with incidents:read: the watch sees that a page was taken
  OPSKNIGHT_WATCH_WEBHOOK_SECRET       secret of the target's webhook that leads to --watch-listen
  OPSKNIGHT_WATCH_PAGE_ROUTING_KEY     key of an Events API integration at --page-url
  OPSKNIGHT_WATCH_PAGE_WEBHOOK_URL     a webhook that is told
  OPSKNIGHT_WATCH_PAGE_WEBHOOK_SECRET  what its requests are signed with
  OPSKNIGHT_WATCH_HEARTBEAT_URL        is asked whenever a page came through: a dead man's switch for the watch itself";

/// Settings of the watch as they are spelled.
#[derive(Debug, Clone, Default, Args)]
pub struct RawWatch {
    /// Try once and exit: 0 when a page came through, 1 when it did not
    #[arg(long)]
    pub once: bool,
    /// The installation that is watched
    #[arg(long, env = "OPSKNIGHT_WATCH_TARGET", value_name = "URL")]
    pub target: Option<String>,
    /// What the watch calls itself; two that use one integration need two names [default: opsknight-watch]
    #[arg(long, env = "OPSKNIGHT_WATCH_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// How often to try [default: 5m]
    #[arg(long, env = "OPSKNIGHT_WATCH_EVERY", value_name = "TIME")]
    pub every: Option<String>,
    /// How soon to try again while something is wrong [default: 30s]
    #[arg(long, env = "OPSKNIGHT_WATCH_AGAIN", value_name = "TIME")]
    pub again: Option<String>,
    /// How long a page may take [default: 3m]
    #[arg(long, env = "OPSKNIGHT_WATCH_WITHIN", value_name = "TIME")]
    pub within: Option<String>,
    /// Tell after so many in a row that did not come through [default: 2]
    #[arg(long, env = "OPSKNIGHT_WATCH_MISSES", value_name = "N")]
    pub misses: Option<u32>,
    /// Tell that it is over after so many in a row that did [default: 1]
    #[arg(long, env = "OPSKNIGHT_WATCH_THROUGHS", value_name = "N")]
    pub throughs: Option<u32>,
    /// Where the target's webhook arrives, and /metrics and /healthz are [default: none]
    #[arg(long, env = "OPSKNIGHT_WATCH_LISTEN", value_name = "ADDRESS")]
    pub watch_listen: Option<String>,
    /// The file that outlives a restart [default: watch.json in the data directory]
    #[arg(long, env = "OPSKNIGHT_WATCH_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Second path: another OpsKnight, or whoever else takes events as PagerDuty does
    #[arg(long, env = "OPSKNIGHT_WATCH_PAGE_URL", value_name = "URL")]
    pub page_url: Option<String>,
    /// Second path: mail addresses by comma, by the SMTP_*, RESEND_* or SENDGRID_* of this environment
    #[arg(long, env = "OPSKNIGHT_WATCH_PAGE_EMAIL", value_name = "LIST")]
    pub page_email: Option<String>,
    /// Second path: telephone numbers by comma, by the TWILIO_* or AWS_* of this environment
    #[arg(long, env = "OPSKNIGHT_WATCH_PAGE_SMS", value_name = "LIST")]
    pub page_sms: Option<String>,
}

/// What comes from the environment only.
#[derive(Debug, Clone, Default)]
pub struct WatchSecrets {
    routing_key: Option<Secret>,
    api_key: Option<Secret>,
    webhook_secret: Option<Secret>,
    page_routing_key: Option<Secret>,
    page_webhook_url: Option<Secret>,
    page_webhook_secret: Option<Secret>,
    heartbeat_url: Option<Secret>,
}

impl WatchSecrets {
    /// Reads them.
    #[must_use]
    pub fn of_environment() -> Self {
        Self {
            routing_key: secret("OPSKNIGHT_WATCH_ROUTING_KEY"),
            api_key: secret("OPSKNIGHT_WATCH_API_KEY"),
            webhook_secret: secret("OPSKNIGHT_WATCH_WEBHOOK_SECRET"),
            page_routing_key: secret("OPSKNIGHT_WATCH_PAGE_ROUTING_KEY"),
            page_webhook_url: secret("OPSKNIGHT_WATCH_PAGE_WEBHOOK_URL"),
            page_webhook_secret: secret("OPSKNIGHT_WATCH_PAGE_WEBHOOK_SECRET"),
            heartbeat_url: secret("OPSKNIGHT_WATCH_HEARTBEAT_URL"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where settings are read, and no flag is to hold a secret"
)]
fn secret(name: &str) -> Option<Secret> {
    let text = std::env::var(name).ok()?;
    Some(Secret::new(text.trim())).filter(|secret| !secret.expose().is_empty())
}

/// How many in a row it takes to tell somebody, and that it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InARow {
    /// Pages that did not come through.
    pub misses: u32,
    /// Pages that did.
    pub throughs: u32,
}

/// How it is seen that a page came through. At least one is there; of both, both are asked for.
#[derive(Debug, Clone)]
pub struct Proofs {
    /// The key with which the target is asked whether a provider took a page.
    pub api_key: Option<Secret>,
    /// The secret of the target's webhook, which must arrive here.
    pub webhook_secret: Option<Secret>,
}

/// A second path.
#[derive(Debug, Clone)]
pub enum Path {
    /// An event for whoever takes them as PagerDuty does.
    Events {
        /// Where.
        url: Url,
        /// For which integration.
        routing_key: Secret,
    },
    /// A message by a provider of this environment.
    Message {
        /// By what.
        channel: Channel,
        /// To whom.
        address: String,
    },
    /// A webhook.
    Webhook(Endpoint),
}

impl Path {
    /// What it is called in logs and figures.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Events { .. } => "events",
            Self::Message { channel, .. } => channel.name(),
            Self::Webhook(_) => "webhook",
        }
    }
}

/// The settings of the watch, checked.
#[derive(Debug, Clone)]
pub struct WatchSettings {
    /// Try once.
    pub once: bool,
    /// What is watched.
    pub target: Url,
    /// What the watch calls itself.
    pub name: String,
    /// How often it is tried.
    pub every: Duration,
    /// How soon it is tried again while something is wrong.
    pub again: Duration,
    /// How long a page may take.
    pub within: Duration,
    /// How many in a row it takes.
    pub in_a_row: InARow,
    /// Where to listen.
    pub listen: Option<SocketAddr>,
    /// The file that outlives a restart.
    pub state: PathBuf,
    /// The key of the integration.
    pub routing_key: Secret,
    /// How it is seen that a page came through.
    pub proofs: Proofs,
    /// How somebody is told.
    pub paths: Vec<Path>,
    /// What is asked whenever a page came through.
    pub heartbeat: Option<Secret>,
}

impl WatchSettings {
    /// Checks what was given; `settings` are those that all commands have.
    ///
    /// # Errors
    /// The first setting that cannot be used, and why.
    pub fn check(raw: RawWatch, secrets: WatchSecrets, settings: &Settings) -> Result<Self, Wrong> {
        let paths = paths(&raw, &secrets, settings)?;
        let target = raw.target.as_deref().ok_or_else(|| {
            wrong(
                "OPSKNIGHT_WATCH_TARGET",
                "is missing: which installation is to be watched?",
            )
        })?;
        let target = base("OPSKNIGHT_WATCH_TARGET", target)?;
        let routing_key = secrets.routing_key.ok_or_else(|| {
            let why = "is missing: the key of an Events API integration at the target";
            wrong("OPSKNIGHT_WATCH_ROUTING_KEY", why)
        })?;
        let listen = raw
            .watch_listen
            .as_deref()
            .map(|text| super::listen(text).map_err(|error| wrong("OPSKNIGHT_WATCH_LISTEN", error.why)));
        let listen = listen.transpose()?;
        if secrets.webhook_secret.is_some() && listen.is_none() {
            let why = "is missing: where is the target's webhook to arrive?";
            return Err(wrong("OPSKNIGHT_WATCH_LISTEN", why));
        }
        if secrets.api_key.is_none() && secrets.webhook_secret.is_none() {
            let why =
                "is missing, and OPSKNIGHT_WATCH_WEBHOOK_SECRET too: how is it to be seen that a page came through?";
            return Err(wrong("OPSKNIGHT_WATCH_API_KEY", why));
        }
        if paths.is_empty() && secrets.heartbeat_url.is_none() && !raw.once {
            let why = "is missing, and every other second path too: nobody would be told. See `opsknight watch --help`";
            return Err(wrong("OPSKNIGHT_WATCH_PAGE_URL", why));
        }
        let name = raw.name.unwrap_or_else(|| NAME.to_owned());
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
            let why = format!("must have 1 to {NAME_CHARS_MAX} characters");
            return Err(wrong("OPSKNIGHT_WATCH_NAME", why));
        }
        Ok(Self {
            once: raw.once,
            target,
            name,
            every: wait("OPSKNIGHT_WATCH_EVERY", raw.every.as_deref().unwrap_or(EVERY))?,
            again: wait("OPSKNIGHT_WATCH_AGAIN", raw.again.as_deref().unwrap_or(AGAIN))?,
            within: wait("OPSKNIGHT_WATCH_WITHIN", raw.within.as_deref().unwrap_or(WITHIN))?,
            in_a_row: InARow {
                misses: in_a_row("OPSKNIGHT_WATCH_MISSES", raw.misses.unwrap_or(MISSES))?,
                throughs: in_a_row("OPSKNIGHT_WATCH_THROUGHS", raw.throughs.unwrap_or(THROUGHS))?,
            },
            listen,
            state: raw.state.unwrap_or_else(|| settings.data_dir.join(STATE_FILE)),
            routing_key,
            proofs: Proofs {
                api_key: secrets.api_key,
                webhook_secret: secrets.webhook_secret,
            },
            paths,
            heartbeat: secrets.heartbeat_url,
        })
    }
}

fn in_a_row(name: &str, n: u32) -> Result<u32, Wrong> {
    if (1..=IN_A_ROW_MAX).contains(&n) {
        Ok(n)
    } else {
        Err(wrong(name, format!("must be from 1 to {IN_A_ROW_MAX}")))
    }
}

fn wait(name: &str, text: &str) -> Result<Duration, Wrong> {
    let duration = text.parse::<SignedDuration>().ok();
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| (WAIT_MIN..=WAIT_MAX).contains(duration))
        .ok_or_else(|| wrong(name, format!("{text} is not a time from 1s to 24h, like 5m or 90s")))
}

fn base(name: &str, text: &str) -> Result<Url, Wrong> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.path() == "/" && url.query().is_none()
    });
    url.ok_or_else(|| {
        wrong(
            name,
            format!("{text} is not an address like https://opsknight.example.com"),
        )
    })
}

fn paths(raw: &RawWatch, secrets: &WatchSecrets, settings: &Settings) -> Result<Vec<Path>, Wrong> {
    let mut paths = Vec::new();
    match (&raw.page_url, &secrets.page_routing_key) {
        (Some(url), Some(routing_key)) => paths.push(Path::Events {
            url: base("OPSKNIGHT_WATCH_PAGE_URL", url)?,
            routing_key: routing_key.clone(),
        }),
        (Some(_), None) => {
            let why = "is missing: OPSKNIGHT_WATCH_PAGE_URL is set";
            return Err(wrong("OPSKNIGHT_WATCH_PAGE_ROUTING_KEY", why));
        }
        (None, Some(_)) => {
            let why = "is missing: OPSKNIGHT_WATCH_PAGE_ROUTING_KEY is set";
            return Err(wrong("OPSKNIGHT_WATCH_PAGE_URL", why));
        }
        (None, None) => {}
    }
    let lists = [
        ("OPSKNIGHT_WATCH_PAGE_EMAIL", Channel::Email, &raw.page_email),
        ("OPSKNIGHT_WATCH_PAGE_SMS", Channel::Sms, &raw.page_sms),
    ];
    for (name, channel, list) in lists {
        let addresses = list.as_deref().unwrap_or_default().split(',').map(str::trim);
        let addresses: Vec<&str> = addresses.filter(|address| !address.is_empty()).collect();
        if !addresses.is_empty() && !settings.providers.of.contains_key(&channel) {
            let why = format!(
                "names addresses, and this environment sets nothing up for {}",
                channel.name()
            );
            return Err(wrong(name, why));
        }
        paths.extend(addresses.into_iter().map(|address| Path::Message {
            channel,
            address: address.to_owned(),
        }));
    }
    if let Some(url) = &secrets.page_webhook_url {
        paths.push(Path::Webhook(Endpoint {
            url: url.expose().to_owned(),
            secret: secrets.page_webhook_secret.clone(),
            channel: None,
        }));
    }
    Ok(paths)
}
