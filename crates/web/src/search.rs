//! Finding anything by a few words: what has a name, in memory, best first.
//!
//! It owns how well words fit a name, and who may see which group. It never asks the store: incidents, which are too
//! many to keep, are found there by their own index and stand in front.

mod fit;
mod places;

use opsknight_domain::directory::{Directory, Role, Standing};
use opsknight_store::{directory::Picture, integrations::IntegrationRow};

use crate::{
    api::{
        access::{Caller, Who},
        scope::Scope,
    },
    guide,
};

pub(crate) use fit::Words;

/// Most hits of one group in an answer.
pub(crate) const GROUP_MAX: usize = 8;

/// What kind of thing was found. The order is that of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Incidents, by number, title and key.
    Incidents,
    /// Services.
    Services,
    /// People.
    People,
    /// Teams.
    Teams,
    /// Schedules.
    Schedules,
    /// Escalation policies.
    Policies,
    /// The doors for monitoring tools.
    Integrations,
    /// Pages of this program, those of settings among them.
    Pages,
    /// Pages of the guide.
    Guide,
}

impl Group {
    /// All of them, in the order of an answer.
    pub const ALL: [Self; 9] = [
        Self::Incidents,
        Self::Services,
        Self::People,
        Self::Teams,
        Self::Schedules,
        Self::Policies,
        Self::Integrations,
        Self::Pages,
        Self::Guide,
    ];

    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Incidents => "INCIDENT",
            Self::Services => "SERVICE",
            Self::People => "USER",
            Self::Teams => "TEAM",
            Self::Schedules => "SCHEDULE",
            Self::Policies => "ESCALATION_POLICY",
            Self::Integrations => "INTEGRATION",
            Self::Pages => "PAGE",
            Self::Guide => "GUIDE",
        }
    }

    /// What a page calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incidents => "Incidents",
            Self::Services => "Services",
            Self::People => "People",
            Self::Teams => "Teams",
            Self::Schedules => "Schedules",
            Self::Policies => "Escalation policies",
            Self::Integrations => "Integrations",
            Self::Pages => "Pages",
            Self::Guide => "Guide",
        }
    }

    /// The name of its icon.
    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Incidents => "incident",
            Self::Services => "service",
            Self::People => "user",
            Self::Teams => "team",
            Self::Schedules => "calendar",
            Self::Policies => "policy",
            Self::Integrations => "hook",
            Self::Pages => "right",
            Self::Guide => "note",
        }
    }

    /// What a program needs to be told of it; none: it is for people only.
    const fn scope(self) -> Option<Scope> {
        match self {
            Self::Incidents => Some(Scope::IncidentsRead),
            Self::Services | Self::Integrations => Some(Scope::ServicesRead),
            Self::People => Some(Scope::UsersRead),
            Self::Teams => Some(Scope::TeamsRead),
            Self::Schedules => Some(Scope::SchedulesRead),
            Self::Policies => Some(Scope::PoliciesRead),
            Self::Pages | Self::Guide => None,
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What kind of thing.
    pub group: Group,
    /// Its identity; none for a page.
    pub id: Option<String>,
    /// Its name.
    pub title: String,
    /// What tells it from others of its name.
    pub detail: String,
    /// Its page, below the address of this server.
    pub path: String,
}

/// What somebody may be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    groups: Vec<Group>,
    role: Role,
}

impl Sight {
    /// That of a caller: people see what their role does, programs what their scopes are for.
    pub(crate) fn of(caller: &Caller) -> Self {
        match &caller.who {
            Who::Person(person) => Self {
                groups: Group::ALL.to_vec(),
                role: person.role,
            },
            Who::Key(key) => {
                let may = |group: &Group| group.scope().is_some_and(|scope| key.scopes.contains(&scope));
                Self {
                    groups: Group::ALL.into_iter().filter(may).collect(),
                    role: Role::User,
                }
            }
        }
    }

    /// Whether a group is shown at all.
    pub(crate) fn has(&self, group: Group) -> bool {
        self.groups.contains(&group)
    }
}

/// What fits the words, by group, the best of each first.
pub(crate) fn named(picture: &Picture, sight: &Sight, words: &Words) -> Vec<Hit> {
    if words.is_empty() {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for group in Group::ALL.into_iter().filter(|group| sight.has(*group)) {
        let mut found = Found {
            group,
            words,
            hits: Vec::new(),
        };
        of_group(&mut found, picture, sight.role);
        hits.extend(found.best());
    }
    hits
}

/// The things of one group that fit, with how well.
struct Found<'a> {
    group: Group,
    words: &'a Words,
    hits: Vec<(fit::Fit, Hit)>,
}

impl Found<'_> {
    /// Takes a thing where the words fit it. `others` are texts by which it is found as well; `detail` is only made then.
    fn take(
        &mut self,
        name: &str,
        others: &[&str],
        path: impl FnOnce() -> (Option<String>, String),
        detail: impl FnOnce() -> String,
    ) {
        if let Some(fit) = self.words.fit(name, others) {
            let (id, path) = path();
            let hit = Hit {
                group: self.group,
                id,
                title: name.to_owned(),
                detail: detail(),
                path,
            };
            self.hits.push((fit, hit));
        }
    }

    fn best(mut self) -> impl Iterator<Item = Hit> {
        self.hits.sort_by(|(a, one), (b, other)| {
            let by_name = || one.title.to_lowercase().cmp(&other.title.to_lowercase());
            a.cmp(b).then_with(by_name).then_with(|| one.path.cmp(&other.path))
        });
        self.hits.into_iter().take(GROUP_MAX).map(|(_, hit)| hit)
    }
}

fn at(folder: &str, id: impl std::fmt::Display) -> (Option<String>, String) {
    (Some(id.to_string()), format!("/{folder}/{id}"))
}

fn of_group(found: &mut Found<'_>, picture: &Picture, role: Role) {
    let directory = &picture.directory;
    match found.group {
        Group::Incidents => {}
        Group::Services => services(found, directory),
        Group::People => people(found, directory),
        Group::Teams => {
            for team in directory.teams.values() {
                let detail = || counted(team.members.len(), "member", "members");
                found.take(&team.name, &[], || at("teams", team.id), detail);
            }
        }
        Group::Schedules => {
            for schedule in directory.schedules.values() {
                let zone = || schedule.zone.iana_name().unwrap_or_default().to_owned();
                found.take(&schedule.name, &[], || at("schedules", schedule.id), zone);
            }
        }
        Group::Policies => {
            for policy in directory.policies.values() {
                let detail = || counted(policy.steps.len(), "step", "steps");
                found.take(&policy.name, &[], || at("policies", policy.id), detail);
            }
        }
        Group::Integrations => {
            for row in picture.integrations.values() {
                integration(found, directory, row);
            }
        }
        Group::Pages => {
            for place in places::pages(role) {
                found.take(
                    place.name,
                    place.also,
                    || (None, place.path.to_owned()),
                    || place.detail.to_owned(),
                );
            }
        }
        Group::Guide => {
            for page in guide::pages() {
                let headings: Vec<&str> = page.parts.iter().map(|part| part.title.as_str()).collect();
                let path = || (None, page.href());
                found.take(&page.title, &[&headings.join(" "), "guide help manual"], path, || {
                    "Guide".to_owned()
                });
            }
        }
    }
}

fn services(found: &mut Found<'_>, directory: &Directory) {
    for service in directory.services.values() {
        let team = service.team.and_then(|id| directory.teams.get(&id));
        let team = team.map_or("", |team| team.name.as_str());
        found.take(
            &service.name,
            &[team],
            || at("services", service.id),
            || team.to_owned(),
        );
    }
}

fn people(found: &mut Found<'_>, directory: &Directory) {
    for user in directory.users.values() {
        let detail = || match user.standing {
            Standing::Active => user.email.clone(),
            Standing::Invited => format!("{} · invited", user.email),
            Standing::Disabled => format!("{} · disabled", user.email),
        };
        found.take(&user.name, &[&user.email], || at("users", user.id), detail);
    }
}

/// The identity of an integration is a secret: what is told is where it is found.
fn integration(found: &mut Found<'_>, directory: &Directory, row: &IntegrationRow) {
    let service = directory.services.get(&row.service);
    let service = service.map_or("", |service| service.name.as_str());
    let kind = opsknight_sources::by_type(&row.type_name).map_or(row.type_name.as_str(), |source| source.title());
    let path = || (None, format!("/services/{}/integrations", row.service));
    found.take(&row.name, &[kind, service], path, || format!("{kind} · {service}"));
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
