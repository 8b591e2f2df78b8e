//! `/`: what is open now and whose it is, and who is on call.

use askama::Template;

use super::{IncidentRow, Link, Person, Shell, Times};

/// `/`
#[derive(Debug, Clone, Template)]
#[template(path = "dashboard.html")]
pub struct Dashboard {
    /// Around the page.
    pub shell: Shell,
    /// How many incidents are open and not acknowledged.
    pub open: u64,
    /// How many are acknowledged.
    pub acknowledged: u64,
    /// How many of both are the viewer's.
    pub mine: u64,
    /// The first of those that are not resolved, the most urgent first.
    pub incidents: Vec<IncidentRow>,
    /// Every schedule with who is on call on it.
    pub on_call: Vec<Duty>,
    /// What is left to do before a first alert can page anybody; empty when nothing is.
    pub first_steps: Vec<FirstStep>,
}

/// Who is on call on a schedule.
#[derive(Debug, Clone)]
pub struct Duty {
    /// The schedule.
    pub schedule: Link,
    /// Who is on call now; nobody: a gap.
    pub now: Vec<Person>,
    /// Until when, where it ends.
    pub until: Option<Times>,
    /// Who comes next.
    pub next: Option<Person>,
}

/// One thing to do before alerts reach people.
#[derive(Debug, Clone)]
pub struct FirstStep {
    /// Where it is done, and what it is.
    pub link: Link,
    /// Why.
    pub why: String,
    /// It has been done.
    pub done: bool,
}
