//! What stands around every page: who is looking, where they are, what they must know first.

use askama::Template;
use opsknight_domain::directory::Role;

use super::{Conflict, Link, Person, Times};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the device has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word in the cookie `theme` and in the form that sets it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the cookie; anything else is the device's choice.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|theme| theme.word() == word)
            .unwrap_or_default()
    }

    /// What the switch says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// Which entry of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `/`
    Dashboard,
    /// `/incidents`
    Incidents,
    /// `/services`
    Services,
    /// `/policies`
    Policies,
    /// `/schedules`
    Schedules,
    /// `/teams`
    Teams,
    /// `/users`
    Users,
    /// `/analytics`
    Analytics,
    /// `/events`
    Events,
    /// `/notifications`
    Notifications,
    /// `/audit`
    Audit,
    /// `/settings/…`
    Settings,
    /// A page that is in no entry, such as the profile.
    Elsewhere,
}

impl Section {
    /// The entries of the navigation, in order.
    pub const NAVIGATION: [Self; 12] = [
        Self::Dashboard,
        Self::Incidents,
        Self::Services,
        Self::Policies,
        Self::Schedules,
        Self::Teams,
        Self::Users,
        Self::Analytics,
        Self::Events,
        Self::Notifications,
        Self::Audit,
        Self::Settings,
    ];

    /// Where it begins.
    #[must_use]
    pub const fn href(self) -> &'static str {
        match self {
            Self::Dashboard | Self::Elsewhere => "/",
            Self::Incidents => "/incidents",
            Self::Services => "/services",
            Self::Policies => "/policies",
            Self::Schedules => "/schedules",
            Self::Teams => "/teams",
            Self::Users => "/users",
            Self::Analytics => "/analytics",
            Self::Events => "/events",
            Self::Notifications => "/notifications",
            Self::Audit => "/audit",
            Self::Settings => "/settings/notifications",
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "Dashboard",
            Self::Incidents => "Incidents",
            Self::Services => "Services",
            Self::Policies => "Escalation policies",
            Self::Schedules => "Schedules",
            Self::Teams => "Teams",
            Self::Users => "Users",
            Self::Analytics => "Analytics",
            Self::Events => "Events log",
            Self::Notifications => "Notifications log",
            Self::Audit => "Audit log",
            Self::Settings => "Settings",
            Self::Elsewhere => "",
        }
    }

    /// The name of its icon.
    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Incidents => "incident",
            Self::Services => "service",
            Self::Policies => "policy",
            Self::Schedules => "calendar",
            Self::Teams => "team",
            Self::Users => "user",
            Self::Analytics => "chart",
            Self::Events => "inbox",
            Self::Notifications => "send",
            Self::Audit => "list",
            Self::Settings | Self::Elsewhere => "settings",
        }
    }

    /// It begins a group, with a space above it.
    #[must_use]
    pub const fn begins_group(self) -> bool {
        matches!(self, Self::Services | Self::Teams | Self::Events | Self::Settings)
    }

    /// The key that leads there after `g`; none: it has none.
    #[must_use]
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::Dashboard => Some("d"),
            Self::Incidents => Some("i"),
            Self::Services => Some("s"),
            Self::Policies => Some("e"),
            Self::Schedules => Some("c"),
            Self::Teams => Some("t"),
            Self::Users => Some("u"),
            Self::Analytics => Some("a"),
            Self::Events | Self::Notifications | Self::Audit | Self::Settings | Self::Elsewhere => None,
        }
    }

    /// Only administrators see it.
    #[must_use]
    pub const fn admins_only(self) -> bool {
        matches!(self, Self::Audit | Self::Settings)
    }
}

/// Who is looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// Identity and name.
    pub person: Person,
    /// Their mail address.
    pub email: String,
    /// What they may do.
    pub role: Role,
}

/// The viewer's own duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnCall {
    /// They are on call.
    Now {
        /// The schedules, the one whose shift ends first in front.
        schedules: Vec<Link>,
        /// Until when on that one; none: with no end in sight.
        until: Option<Times>,
    },
    /// They will be.
    Next {
        /// On which schedule.
        schedule: Link,
        /// From when.
        from: Times,
    },
}

impl OnCall {
    /// Where the duty is shown.
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        match self {
            Self::Now { schedules, .. } => schedules.first(),
            Self::Next { schedule, .. } => Some(schedule),
        }
    }

    /// It has not begun.
    #[must_use]
    pub const fn is_next(&self) -> bool {
        matches!(self, Self::Next { .. })
    }

    /// The names of the schedules.
    #[must_use]
    pub fn names(&self) -> String {
        match self {
            Self::Now { schedules, .. } => {
                let names: Vec<&str> = schedules.iter().map(|link| link.text.as_str()).collect();
                names.join(", ")
            }
            Self::Next { schedule, .. } => schedule.text.clone(),
        }
    }
}

/// Something that is wrong with this server, or with how the viewer is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmLine {
    /// What is wrong.
    pub text: String,
    /// Since when.
    pub since: Option<Times>,
    /// Where to look.
    pub look: Link,
}

/// What came of the form that was just sent, shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// It did what was asked.
    pub good: bool,
    /// What happened, what was kept, what to do.
    pub text: String,
}

/// Everything around a page for somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// What the browser's tab says, without the program's name.
    pub title: String,
    /// Where in the navigation this is.
    pub section: Section,
    /// Who is looking.
    pub me: Me,
    /// Light or dark.
    pub theme: Theme,
    /// The viewer's own duty.
    pub on_call: Option<OnCall>,
    /// How many incidents are open, for the navigation.
    pub open_incidents: u64,
    /// What came of the last form.
    pub flash: Option<Flash>,
    /// That somebody else was faster, above the form that was not saved.
    pub conflict: Option<Conflict>,
    /// When that last changed which the page's form is about, in microseconds since 1970: the form sends it back.
    pub version: Option<i64>,
    /// What is wrong and the viewer can do something about, the worst first.
    pub alarms: Vec<AlarmLine>,
    /// Shortcuts of a single key work.
    pub single_keys: bool,
    /// What was searched for.
    pub query: String,
    /// The path and query of this page, to come back to.
    pub path: String,
}

impl Shell {
    /// The viewer may work on incidents, schedules and overrides.
    #[must_use]
    pub fn can_respond(&self) -> bool {
        self.me.role >= Role::Responder
    }

    /// The viewer may change everything.
    #[must_use]
    pub fn can_admin(&self) -> bool {
        self.me.role == Role::Admin
    }

    /// What the navigation shows to this viewer.
    #[must_use]
    pub fn navigation(&self) -> Vec<Section> {
        Section::NAVIGATION
            .into_iter()
            .filter(|section| self.can_admin() || !section.admins_only())
            .collect()
    }

    /// Where the guide tells of this page.
    #[must_use]
    pub fn guide(&self) -> String {
        crate::guide::about(self.section, &self.path)
    }

    /// `data-theme` of the page; none: as the device has it.
    #[must_use]
    pub const fn forced_theme(&self) -> Option<&'static str> {
        forced(self.theme)
    }
}

/// `/pulse`: the parts around every page that change by themselves.
#[derive(Debug, Clone, Template)]
#[template(path = "shell/pulse.html")]
pub struct Pulse {
    /// Around the page.
    pub shell: Shell,
}

/// Everything around a page for somebody who is not signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bare {
    /// What the browser's tab says, without the program's name.
    pub title: String,
    /// Light or dark.
    pub theme: Theme,
    /// What came of the last form.
    pub flash: Option<Flash>,
}

impl Bare {
    /// `data-theme` of the page; none: as the device has it.
    #[must_use]
    pub const fn forced_theme(&self) -> Option<&'static str> {
        forced(self.theme)
    }
}

const fn forced(theme: Theme) -> Option<&'static str> {
    match theme {
        Theme::System => None,
        Theme::Light | Theme::Dark => Some(theme.word()),
    }
}
