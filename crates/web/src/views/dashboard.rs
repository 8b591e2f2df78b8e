//! `/`: what is open now and whose it is, who is on call, how fast people answer; and the first steps of a newcomer.

use askama::Template;

use super::{Badge, DeliveryRow, EventRow, Health, IncidentRow, Link, Person, Shell, Spark, Tile, Times};

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
    /// How many there are besides.
    pub more: u64,
    /// Every schedule with who is on call on it.
    pub on_call: Vec<Duty>,
    /// The services that have something open.
    pub services: Vec<ServiceHealth>,
    /// How many services have not.
    pub quiet: usize,
    /// What came in last.
    pub events: Vec<EventRow>,
    /// What could not be sent lately.
    pub failures: Vec<DeliveryRow>,
    /// How much and how fast; left out where only what is now is asked for.
    pub glance: Option<Glance>,
    /// What is left to do before a first alert can page anybody.
    pub first_steps: Option<FirstSteps>,
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

/// A service that has something open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceHealth {
    /// Which.
    pub service: Link,
    /// How it is.
    pub health: Health,
    /// Open incidents.
    pub open: i64,
    /// Acknowledged ones.
    pub acknowledged: i64,
}

impl ServiceHealth {
    /// "2 open, 1 acknowledged".
    #[must_use]
    pub fn says(&self) -> String {
        match (self.open, self.acknowledged) {
            (0, acknowledged) => format!("{acknowledged} acknowledged"),
            (open, 0) => format!("{open} open"),
            (open, acknowledged) => format!("{open} open, {acknowledged} acknowledged"),
        }
    }
}

/// Figures of the last days.
#[derive(Debug, Clone)]
pub struct Glance {
    /// Of how many days.
    pub days: i64,
    /// The periods that can be chosen, and which one is.
    pub periods: Vec<(Link, bool)>,
    /// The figures.
    pub tiles: Vec<GlanceTile>,
}

/// A figure with how it went.
#[derive(Debug, Clone)]
pub struct GlanceTile {
    /// The figure.
    pub tile: Tile,
    /// How it went.
    pub spark: Spark,
}

/// What a newcomer does before alerts reach people, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstSteps {
    /// The steps.
    pub steps: Vec<FirstStep>,
    /// Which one is next.
    pub current: usize,
}

impl FirstSteps {
    /// How many are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.steps.iter().filter(|step| step.done).count()
    }
}

/// One thing to do before alerts reach people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstStep {
    /// What it is: "Write an escalation policy".
    pub name: String,
    /// Why.
    pub why: String,
    /// Where it is done, and what the button says.
    pub link: Link,
    /// It has been done.
    pub done: bool,
}

/// `/test-page`: how a page would reach the viewer, with the button that sends one.
#[derive(Debug, Clone, Template)]
#[template(path = "first_steps/test.html")]
pub struct TestPageNew {
    /// Around the page.
    pub shell: Shell,
    /// "Email, at once", with the address.
    pub sends: Vec<(String, String)>,
    /// What is not used, and why.
    pub skipped: Vec<String>,
    /// Why no test page can be sent, if it cannot.
    pub refusal: Option<String>,
}

/// `/test-page/{id}`: what came of a test page.
#[derive(Debug, Clone, Template)]
#[template(path = "first_steps/progress.html")]
pub struct TestPageShow {
    /// Around the page.
    pub shell: Shell,
    /// The incident's identity.
    pub id: String,
    /// Its number.
    pub number: i64,
    /// When it was asked for.
    pub at: Times,
    /// The messages.
    pub messages: Vec<TestMessage>,
    /// What was not used, and why.
    pub skipped: Vec<String>,
    /// Who answered, and how long that took.
    pub answered: Option<(String, String)>,
    /// It has ended, and nobody answered.
    pub over: bool,
}

/// A message of a test page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestMessage {
    /// By which medium.
    pub channel: String,
    /// To which address.
    pub address: String,
    /// How it ended.
    pub outcome: Badge,
    /// The provider that was asked last.
    pub provider: String,
    /// In the provider's words.
    pub words: String,
    /// When.
    pub at: Times,
}
