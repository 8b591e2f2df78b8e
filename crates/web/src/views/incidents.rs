//! `/incidents` and `/incidents/new`: finding an incident, and opening one by hand.

use askama::Template;
use opsknight_domain::{incident::Status, urgency::Urgency};

use super::{Field, FormError, Link, Pager, Person, Select, Shell, Times, form::errors};

/// `/incidents`
#[derive(Debug, Clone, Template)]
#[template(path = "incidents/list.html")]
pub struct IncidentList {
    /// Around the page.
    pub shell: Shell,
    /// Lists that are asked for often, each with how many there are: Open, Acknowledged, Mine, All.
    pub quick: Vec<QuickFilter>,
    /// `status`
    pub status: Select,
    /// `urgency`
    pub urgency: Select,
    /// `serviceId`
    pub service: Select,
    /// `teamId`
    pub team: Select,
    /// `q`, repeated here so that other filters keep it.
    pub query: String,
    /// `mine=true` is set.
    pub mine: bool,
    /// Any filter is set.
    pub filtered: bool,
    /// This page of the list.
    pub rows: Vec<IncidentRow>,
    /// Which part of it that is.
    pub pager: Pager,
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
    /// What must happen by when: "Acknowledge", "Resolve", "Snoozed", with the time.
    pub due: Option<(String, Times)>,
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
    /// `service_id`; no options: there is no service yet.
    pub service: Select,
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
            &self.service.field,
            &self.urgency.field,
            &self.assignee.field,
            &self.description,
        ])
    }
}
