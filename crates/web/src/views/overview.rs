//! `/services/{id}`: how a service is, who is there for it, and what sends its alerts.

use askama::Template;

use super::{Badge, ChangeRow, IncidentRow, Link, Person, ServiceHead, Shell, Tile, Times, Tone, Window};

/// `/services/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "services/show.html")]
pub struct ServicePage {
    /// Around the page.
    pub shell: Shell,
    /// Above the page.
    pub head: ServiceHead,
    /// How it is, in a sentence.
    pub words: String,
    /// Its incidents that are not resolved, the newest first.
    pub live: Vec<IncidentRow>,
    /// How many there are in all.
    pub live_count: u64,
    /// The last ones that are resolved.
    pub recent: Vec<IncidentRow>,
    /// Whose it is.
    pub team: Option<Link>,
    /// Who is paged.
    pub policy: Option<Link>,
    /// Whom the first step of its policy would page now, each with why.
    pub on_call: Vec<(Person, String)>,
    /// Why it would page nobody.
    pub nobody: Vec<String>,
    /// How much there was and how fast it went in the last 30 days.
    pub figures: Vec<Tile>,
    /// How its targets were kept in that time.
    pub targets: Vec<TargetKept>,
    /// What was changed about it, newest first.
    pub changes: Vec<ChangeRow>,
    /// Its integrations, by name.
    pub integrations: Vec<IntegrationLine>,
    /// Its maintenance that has not ended, the next first.
    pub maintenance: Vec<Window>,
    /// Runbook, repository, dashboard.
    pub links: Vec<Link>,
    /// Further facts, such as the region: name and value.
    pub facts: Vec<(String, String)>,
}

impl ServicePage {
    /// There are more that are not resolved than are shown.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.live_count > u64::try_from(self.live.len()).unwrap_or(u64::MAX)
    }
}

/// A target of a service, and how it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetKept {
    /// "Acknowledge within 5 min".
    pub name: String,
    /// By how many incidents it was kept.
    pub kept: u64,
    /// Of how many.
    pub of: u64,
}

impl TargetKept {
    /// "38 of 40 in 30 days".
    #[must_use]
    pub fn words(&self) -> String {
        match self.of {
            0 => "No incident in 30 days".to_owned(),
            of => format!("Kept by {} of {of} in 30 days", self.kept),
        }
    }
}

/// Whether anything comes in through an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// It takes nothing.
    Disabled,
    /// Nothing has ever come in.
    Waiting,
    /// Something came in lately.
    Connected(Times),
    /// Nothing has come in for some days: how many, and when something last did.
    Silent(i64, Times),
}

impl Connection {
    /// In words, without the time.
    #[must_use]
    pub fn badge(&self) -> Badge {
        match self {
            Self::Disabled => Badge::new(Tone::Quiet, "Disabled"),
            Self::Waiting => Badge::new(Tone::Waiting, "Waiting for its first event"),
            Self::Connected(_) => Badge::new(Tone::Good, "Connected"),
            Self::Silent(days, _) => Badge::new(Tone::Quiet, format!("Silent for {days} days")),
        }
    }

    /// When something came in last.
    #[must_use]
    pub const fn last(&self) -> Option<&Times> {
        match self {
            Self::Connected(at) | Self::Silent(_, at) => Some(at),
            Self::Disabled | Self::Waiting => None,
        }
    }
}

/// An integration in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationLine {
    /// Its card and its name.
    pub link: Link,
    /// What kind of tool it is, for its mark.
    pub path: String,
    /// What that kind is called.
    pub kind: String,
    /// Whether anything comes in.
    pub connection: Connection,
}
