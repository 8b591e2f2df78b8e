//! `/incidents` and `/incidents/new`: finding an incident, and opening one by hand.

use askama::Template;
use opsknight_domain::{incident::Status, urgency::Urgency};

use super::{Field, FormError, Link, Person, Select, Shell, Steps, Times, form::errors};

/// `/incidents`
#[derive(Debug, Clone, Template)]
#[template(path = "incidents/list.html")]
pub struct IncidentList {
    /// Around the page.
    pub shell: Shell,
    /// Lists that are asked for often, each with how many there are: Open, Acknowledged, Mine, Put aside, All.
    pub quick: Vec<QuickFilter>,
    /// The lists that the viewer has saved, and those that are shared.
    pub views: Vec<SavedView>,
    /// The query of this list, where it can be saved: nobody has a name for it yet.
    pub save: Option<String>,
    /// `status`
    pub status: Select,
    /// `urgency`
    pub urgency: Select,
    /// `serviceId` or `service`
    pub service: ServiceFilter,
    /// `teamId`
    pub team: Select,
    /// `assigneeId`
    pub assignee: Select,
    /// `sort`
    pub order: Select,
    /// `from`: a date.
    pub from: Field,
    /// `to`: a date.
    pub to: Field,
    /// One of the filters that are folded away is set.
    pub more_set: bool,
    /// `q`, repeated here so that other filters keep it.
    pub query: String,
    /// `mine=true` is set.
    pub mine: bool,
    /// Any filter is set.
    pub filtered: bool,
    /// This page of the list.
    pub rows: Vec<IncidentRow>,
    /// Where the list goes on.
    pub pager: Steps,
    /// It is the first page, on which new incidents appear.
    pub first_page: bool,
    /// What can be done to those that are selected.
    pub bulk: Bulk,
}

impl IncidentList {
    /// The saved list that is shown, where it is one that the viewer may change.
    #[must_use]
    pub fn current_view(&self) -> Option<&SavedView> {
        self.views.iter().find(|view| view.current && view.may_change)
    }
}

/// A list that somebody has saved.
#[derive(Debug, Clone)]
pub struct SavedView {
    /// Its identity.
    pub id: String,
    /// Its address and name.
    pub link: Link,
    /// It is the one shown.
    pub current: bool,
    /// Everybody sees it.
    pub shared: bool,
    /// The viewer may rename and remove it.
    pub may_change: bool,
    /// The viewer may share it.
    pub may_share: bool,
}

/// How a service is chosen.
#[derive(Debug, Clone)]
pub enum ServiceFilter {
    /// `serviceId`, from a list.
    Listed(Select),
    /// `service`, typed: there are too many for a list.
    Typed(Field),
}

impl ServiceFilter {
    /// The control.
    #[must_use]
    pub const fn field(&self) -> &Field {
        match self {
            Self::Listed(select) => &select.field,
            Self::Typed(field) => field,
        }
    }

    /// There is nothing to choose from.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Listed(select) => select.options.is_empty(),
            Self::Typed(_) => false,
        }
    }
}

/// What can be done to the incidents that are selected.
#[derive(Debug, Clone)]
pub struct Bulk {
    /// The query of the list, to come back to.
    pub back: String,
    /// `assignee`: `user:usr_…`, `team:team_…` or `nobody`.
    pub assignee: Select,
}

/// A list that is asked for often.
#[derive(Debug, Clone)]
pub struct QuickFilter {
    /// The list's address and name.
    pub link: Link,
    /// How many incidents are in it.
    pub count: Option<u64>,
    /// It is the one shown.
    pub current: bool,
}

/// An incident in a list.
#[derive(Debug, Clone)]
pub struct IncidentRow {
    /// Its identity.
    pub id: String,
    /// Its number.
    pub number: i64,
    /// One line.
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// How soon people must look.
    pub urgency: Urgency,
    /// Made by a test.
    pub is_test: bool,
    /// The service.
    pub service: Link,
    /// Who works on it.
    pub assignee: Option<Person>,
    /// How many alerts it holds.
    pub alerts: i64,
    /// When it began.
    pub created: Times,
    /// What must happen by when.
    pub due: Vec<Due>,
}

/// Something that must happen by a time.
#[derive(Debug, Clone)]
pub struct Due {
    /// "Acknowledge", "Resolve", "Opens again".
    pub what: &'static str,
    /// By when.
    pub at: Times,
    /// How long that time has passed: "5 min"; none when it is still to come.
    pub overdue: Option<String>,
}

impl IncidentRow {
    /// Its page.
    #[must_use]
    pub fn href(&self) -> String {
        format!("/incidents/{}", self.id)
    }
}

/// `/incidents/new`
#[derive(Debug, Clone, Template)]
#[template(path = "incidents/new.html")]
pub struct IncidentNew {
    /// Around the page.
    pub shell: Shell,
    /// `title`
    pub title: Field,
    /// `service_id` or `service`; no options: there is no service yet.
    pub service: ServiceFilter,
    /// `urgency`
    pub urgency: Select,
    /// `assignee`: a person's id, or empty for whoever the policy pages.
    pub assignee: Select,
    /// `description`
    pub description: Field,
}

impl IncidentNew {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        errors([
            &self.title,
            self.service.field(),
            &self.urgency.field,
            &self.assignee.field,
            &self.description,
        ])
    }
}
