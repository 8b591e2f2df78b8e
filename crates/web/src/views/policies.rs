//! `/policies`: who is paged, in which order, until somebody acknowledges.

use askama::Template;

use super::{Checks, Field, FormError, Link, Person, Select, Shell, Times, form::errors};

/// `/policies`
#[derive(Debug, Clone, Template)]
#[template(path = "policies/list.html")]
pub struct PolicyList {
    /// Around the page.
    pub shell: Shell,
    /// The policies, by name.
    pub rows: Vec<PolicyRow>,
}

/// A policy in a list.
#[derive(Debug, Clone)]
pub struct PolicyRow {
    /// Its page and name.
    pub link: Link,
    /// What it is for.
    pub description: String,
    /// How many steps it has.
    pub steps: usize,
    /// How many services escalate by it.
    pub services: u64,
    /// Whom the first step would page now; nobody is a fault.
    pub first: Vec<Person>,
}

/// `/policies/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "policies/show.html")]
pub struct PolicyPage {
    /// Around the page.
    pub shell: Shell,
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The steps in their order.
    pub steps: Vec<StepView>,
    /// How many more times the steps are gone through after the first.
    pub repeat: u32,
    /// Who would be paged if an incident of high urgency opened now.
    pub plan: Vec<PagedNow>,
    /// What would go wrong, as sentences.
    pub warnings: Vec<String>,
    /// The last incident that escalated by it, and when it began.
    pub last_used: Option<(Link, Times)>,
    /// The services that escalate by it; while there are any it cannot be deleted.
    pub services: Vec<Link>,
}

/// A step as it is read.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Whom it pages: people, teams, schedules.
    pub targets: Vec<Link>,
    /// Channels that replace the person's own rules; empty: their rules.
    pub channels: Vec<String>,
    /// Minutes to wait for an acknowledgement.
    pub delay_minutes: u32,
}

/// One page that would be sent.
#[derive(Debug, Clone)]
pub struct PagedNow {
    /// Minutes after the incident opened.
    pub minute: u32,
    /// Which step, from 1.
    pub step: usize,
    /// Who; none: the step reaches nobody.
    pub person: Option<Person>,
    /// By what, or why not: "email, then SMS in 5 min", "nobody is on call on Platform".
    pub how: String,
    /// It does reach them.
    pub reaches: bool,
}

/// `/policies/new` and `/policies/{id}/edit`
#[derive(Debug, Clone, Template)]
#[template(path = "policies/form.html")]
pub struct PolicyForm {
    /// Around the page.
    pub shell: Shell,
    /// The policy that is edited; none: a new one.
    pub id: Option<String>,
    /// `name`
    pub name: Field,
    /// `description`
    pub description: Field,
    /// `repeat`: 0 to 9
    pub repeat: Select,
    /// The steps in their order, at least one.
    pub steps: Vec<StepForm>,
    /// Who would be paged now by what is in the form.
    pub plan: Vec<PagedNow>,
    /// What would go wrong, as sentences.
    pub warnings: Vec<String>,
}

/// A step in the editor.
#[derive(Debug, Clone)]
pub struct StepForm {
    /// `steps.N.targets`, repeated: `user:usr_…`, `team:team_…`, `leads:team_…`, `schedule:sch_…`; empty ones are
    /// left out, and the last is always an empty one to add by.
    pub targets: Vec<Select>,
    /// `steps.N.delay`: minutes
    pub delay: Field,
    /// `steps.N.channels`, repeated; none: the person's own rules
    pub channels: Checks,
}

impl PolicyForm {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let head = [&self.name, &self.description, &self.repeat.field];
        let steps = self.steps.iter().flat_map(|step| {
            let targets = step.targets.iter().map(|target| &target.field);
            targets.chain([&step.delay, &step.channels.field])
        });
        errors(head.into_iter().chain(steps))
    }

    /// Where the form is sent.
    #[must_use]
    pub fn action(&self) -> String {
        self.id
            .as_ref()
            .map_or_else(|| "/policies".to_owned(), |id| format!("/policies/{id}"))
    }
}
