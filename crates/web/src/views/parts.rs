//! Small things that many pages show: icons, words for states, links, pages of a list.

use std::{borrow::Borrow, fmt};

use askama::filters::HtmlSafe;
use opsknight_domain::{
    directory::{Role, Standing},
    incident::Status,
    urgency::Urgency,
};

use super::Times;
use crate::assets::asset;

/// An icon of our own sprite. Displayed, it is an `<svg>` that assistive technology skips.
#[derive(Debug, Clone, Copy)]
pub struct Icon {
    sprite: &'static str,
    class: &'static str,
    name: &'static str,
}

/// The icon of this name in `assets/icons.svg`.
#[must_use]
pub const fn icon(name: &'static str) -> Icon {
    Icon {
        sprite: "icons.svg",
        class: "icon",
        name,
    }
}

/// The same, to stand within a line of small text.
#[must_use]
pub const fn small_icon(name: &'static str) -> Icon {
    Icon {
        sprite: "icons.svg",
        class: "icon small",
        name,
    }
}

/// The mark of an integration type by its word in addresses: `prometheus`, `better-uptime`. Types that have no mark of
/// their own get that of a plain webhook.
#[must_use]
pub fn mark(kind: &str) -> Icon {
    let name = MARKS.iter().copied().find(|name| *name == kind).unwrap_or("webhook");
    Icon {
        sprite: "marks.svg",
        class: "mark",
        name,
    }
}

/// The types that `assets/marks.svg` has a mark for.
pub const MARKS: [&str; 28] = [
    "datadog",
    "prometheus",
    "grafana",
    "newrelic",
    "dynatrace",
    "appdynamics",
    "elastic",
    "honeycomb",
    "splunk-observability",
    "sentry",
    "cloudwatch",
    "azure",
    "google-cloud-monitoring",
    "github",
    "gitlab",
    "bitbucket",
    "uptimerobot",
    "pingdom",
    "better-uptime",
    "uptime-kuma",
    "events",
    "webhook",
    "splunk-oncall",
    "zabbix",
    "nagios",
    "icinga",
    "vercel",
    "pagerduty",
];

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sprite, class, name } = self;
        write!(
            f,
            r##"<svg class="{class}" aria-hidden="true"><use href="{}#{name}"></use></svg>"##,
            asset(sprite)
        )
    }
}

// Every part of it is a name in this program.
impl HtmlSafe for Icon {}

/// The word for a status as a person reads it.
#[must_use]
pub const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Open => "Open",
        Status::Acknowledged => "Acknowledged",
        Status::Snoozed => "Snoozed",
        Status::Suppressed => "Suppressed",
        Status::Resolved => "Resolved",
    }
}

/// The class of a status in the style sheet, also the name of its icon.
#[must_use]
pub fn status_class(status: impl Borrow<Status>) -> &'static str {
    match status.borrow() {
        Status::Open => "open",
        Status::Acknowledged => "acknowledged",
        Status::Snoozed => "snoozed",
        Status::Suppressed => "suppressed",
        Status::Resolved => "resolved",
    }
}

/// A status as a coloured word with its own shape. Displayed, it is HTML.
#[derive(Debug, Clone, Copy)]
pub struct StatusBadge(Status);

/// The badge of a status.
#[must_use]
pub fn status(status: impl Borrow<Status>) -> StatusBadge {
    StatusBadge(*status.borrow())
}

impl fmt::Display for StatusBadge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = status_class(self.0);
        write!(
            f,
            r#"<span class="status {class}">{}{}</span>"#,
            small_icon(class),
            status_name(self.0)
        )
    }
}

impl HtmlSafe for StatusBadge {}

/// An urgency as a badge: high filled, medium outlined, low plain. Displayed, it is HTML.
#[derive(Debug, Clone, Copy)]
pub struct UrgencyBadge(Urgency);

/// The badge of an urgency.
#[must_use]
pub fn urgency(urgency: impl Borrow<Urgency>) -> UrgencyBadge {
    UrgencyBadge(*urgency.borrow())
}

impl fmt::Display for UrgencyBadge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, name) = match self.0 {
            Urgency::High => ("high", "High"),
            Urgency::Medium => ("medium", "Medium"),
            Urgency::Low => ("low", "Low"),
        };
        write!(
            f,
            r#"<span class="urgency {class}"><span class="visually-hidden">Urgency </span>{name}</span>"#
        )
    }
}

impl HtmlSafe for UrgencyBadge {}

/// How something ended or stands, for badges other than an incident's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// It is under way.
    Waiting,
    /// It failed.
    Bad,
    /// It was left out, or says nothing either way.
    Quiet,
}

/// A word with a tone: "Sent", "Failed", "Enabled".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// Which colour and shape.
    pub tone: Tone,
    /// The word.
    pub text: String,
}

impl Badge {
    /// A word with a tone.
    #[must_use]
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
        }
    }

    /// The class in the style sheet.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self.tone {
            Tone::Good => "resolved",
            Tone::Waiting => "waiting",
            Tone::Bad => "open",
            Tone::Quiet => "quiet",
        }
    }

    /// The shape that tells the tone without its colour.
    #[must_use]
    pub const fn icon(&self) -> Icon {
        small_icon(match self.tone {
            Tone::Good => "resolved",
            Tone::Waiting => "snoozed",
            Tone::Bad => "alert",
            Tone::Quiet => "dash",
        })
    }
}

/// The word for a role as a person reads it.
#[must_use]
pub fn role_name(role: impl Borrow<Role>) -> &'static str {
    match role.borrow() {
        Role::User => "User",
        Role::Responder => "Responder",
        Role::Admin => "Admin",
    }
}

/// The badge of a person's standing.
#[must_use]
pub fn standing(standing: impl Borrow<Standing>) -> Badge {
    match standing.borrow() {
        Standing::Invited => Badge::new(Tone::Waiting, "Invited"),
        Standing::Active => Badge::new(Tone::Good, "Active"),
        Standing::Disabled => Badge::new(Tone::Quiet, "Disabled"),
    }
}

/// A place in this program: where it is and what it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// A path of ours, or an `http` or `https` address of somebody else's.
    pub href: String,
    /// What is read.
    pub text: String,
}

impl Link {
    /// A link.
    #[must_use]
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            href: href.into(),
            text: text.into(),
        }
    }

    /// The address if a browser may follow it: a path of ours, `http` or `https`. Anything else, such as a script
    /// that came in with an alert, becomes a link that leads nowhere.
    #[must_use]
    pub fn safe_href(&self) -> &str {
        let lower = self.href.get(..8).unwrap_or(&self.href).to_ascii_lowercase();
        let ours = lower.starts_with('/') && !lower.starts_with("//") && !lower.starts_with("/\\");
        if ours || lower.starts_with("http://") || lower.starts_with("https://") {
            &self.href
        } else {
            "#"
        }
    }
}

/// A person in a list: the circle with their initials, their name, where their page is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Their identity.
    pub id: String,
    /// Their name.
    pub name: String,
}

impl Person {
    /// A person.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
        }
    }

    /// One or two letters that stand for the name.
    #[must_use]
    pub fn initials(&self) -> String {
        let words = self
            .name
            .split_whitespace()
            .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
        let letters: Vec<char> = words.collect();
        let ends = match letters.as_slice() {
            [] => vec!['?'],
            [one] => vec![*one],
            [first, .., last] => vec![*first, *last],
        };
        ends.into_iter().flat_map(char::to_uppercase).collect()
    }

    /// Which of the colours is theirs, 0 to 5: the same on every page.
    #[must_use]
    pub fn colour(&self) -> u32 {
        self.id
            .bytes()
            .fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
            % 6
    }
}

/// Where a list goes on that has no page numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    /// How many there are: "1,204 incidents", "More than 10,000 incidents"; empty where nobody has counted.
    pub says: String,
    /// The address of the first page, where this is another.
    pub first: Option<String>,
    /// The address of the page before.
    pub previous: Option<String>,
    /// The address of the page after.
    pub next: Option<String>,
}

/// Where in a short list a page stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pager {
    /// The number of the first row shown, from 1; 0 when there is none.
    pub first: u64,
    /// The number of the last row shown.
    pub last: u64,
    /// How many rows there are.
    pub total: u64,
    /// The address of the page before.
    pub previous: Option<String>,
    /// The address of the page after.
    pub next: Option<String>,
}

/// A count as a person reads it: `10,000`.
#[must_use]
pub fn grouped(count: impl Borrow<u64>) -> String {
    let digits = count.borrow().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Something done by somebody at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who.
    pub by: String,
    /// When.
    pub at: Times,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_a_browser_may_follow_stay() {
        let href = |text: &str| Link::new(text, "x").safe_href().to_owned();
        for good in ["/incidents", "https://example.com/a?b", "HTTP://example.com"] {
            assert_eq!(href(good), good);
        }
        for bad in [
            "javascript:alert(1)",
            "//evil.example",
            "/\\evil.example",
            "data:text/html,x",
            "",
            "é",
        ] {
            assert_eq!(href(bad), "#");
        }
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0_u64, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn initials_are_the_first_and_the_last() {
        let initials = |name: &str| Person::new("usr_1", name).initials();
        assert_eq!(
            ["Jane Q Doe", "ada", "", "李 小龍"].map(initials),
            ["JD", "A", "?", "李小"]
        );
    }
}
