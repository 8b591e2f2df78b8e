//! `/analytics`: how much, how fast, what is noise, and whom it wakes.

use askama::Template;

use super::{Columns, Field, Heat, Line, Link, Person, Select, Shell};

/// `/analytics`
#[derive(Debug, Clone, Template)]
#[template(path = "analytics/show.html")]
pub struct Analytics {
    /// Around the page.
    pub shell: Shell,
    /// "25 Oct to 23 Nov in Europe/Berlin, compared with the 30 days before."
    pub says: String,
    /// So many days, or between two.
    pub days: Select,
    /// The first and the last day, where the period is between two.
    pub dates: Option<(Field, Field)>,
    /// Of which service.
    pub service: Select,
    /// Of which team's services.
    pub team: Select,
    /// With which urgency.
    pub urgency: Select,
    /// Something is filtered.
    pub filtered: bool,
    /// What is asked for, as a query string for files; begins with a question mark.
    pub query: String,
    /// The figures on top.
    pub tiles: Vec<Tile>,
    /// Nothing was opened in the period.
    pub is_empty: bool,
    /// Bars are weeks, not days.
    pub by_week: bool,
    /// Incidents by day and urgency.
    pub volume: Columns,
    /// The time to acknowledge by day.
    pub acknowledge: Line,
    /// The time to resolve by day.
    pub resolve: Line,
    /// The columns by which services can be sorted: where that is done, and whether they are.
    pub sorts: Vec<(Link, bool)>,
    /// Services.
    pub services: Vec<ServiceFigures>,
    /// Sources, the noisiest in front.
    pub sources: Vec<SourceFigures>,
    /// People, those who were paged most in front.
    pub people: Vec<PersonFigures>,
    /// How many lines of the tables are left out, in this order.
    pub more: (usize, usize, usize),
    /// When pages came.
    pub heat: Heat,
}

/// A figure with how it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// "MTTA".
    pub name: &'static str,
    /// What that means, on hover and read aloud.
    pub means: &'static str,
    /// "4 min 10 s".
    pub value: String,
    /// "median 2 min, 90% within 11 min"; may be empty.
    pub besides: String,
    /// Compared with the period before, where there is something to compare with.
    pub change: Option<Change>,
}

/// How a figure changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// "12% less".
    pub text: String,
    /// The name of the icon: `up`, `down` or `dash`.
    pub icon: &'static str,
    /// `good`, `bad` or `muted`: said by the words as well.
    pub class: &'static str,
}

/// A service in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFigures {
    /// Which.
    pub service: Link,
    /// Incidents.
    pub incidents: i64,
    /// MTTA; within which time nine of ten were.
    pub acknowledge: (String, String),
    /// The same of MTTR.
    pub resolve: (String, String),
    /// The share acknowledged in time.
    pub ack_kept: String,
    /// The share resolved in time.
    pub resolve_kept: String,
    /// The share that escalated.
    pub escalated: String,
}

/// A source in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFigures {
    /// The integration's name.
    pub name: String,
    /// What product it is.
    pub kind: String,
    /// Of which service.
    pub service: Link,
    /// Alerts.
    pub alerts: i64,
    /// The incidents that they made.
    pub incidents: i64,
    /// The share that ended unanswered, in words and of a hundred.
    pub unanswered: Option<(String, u32)>,
}

/// A person in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonFigures {
    /// Who.
    pub person: Person,
    /// Pages.
    pub pages: i64,
    /// By night.
    pub night: i64,
    /// By day at the weekend.
    pub weekend: i64,
    /// Nights with a page.
    pub nights: i64,
    /// How long on call.
    pub on_call: String,
}
