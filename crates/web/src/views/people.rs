//! `/teams`, `/users`, `/profile`: who there is, what they may do, how they are reached.

use askama::Template;
use opsknight_domain::{
    directory::{Role, Standing},
    incident::Status,
    urgency::Urgency,
};

use super::{
    Access, Badge, Duty, Field, FormError, InvitationRow, Link, Person, Reach, Select, Shell, Times, form::errors,
};

/// An incident beside a person or a team.
#[derive(Debug, Clone)]
pub struct OwnIncident {
    /// Its page, number and title.
    pub link: Link,
    /// Where it stands.
    pub status: Status,
    /// How grave it is.
    pub urgency: Urgency,
    /// What it is about.
    pub service: String,
    /// Since when.
    pub created: Times,
}

/// When somebody is on call next.
#[derive(Debug, Clone)]
pub struct NextDuty {
    /// On which schedule.
    pub schedule: Link,
    /// From when, or until when if they are on call now.
    pub at: Times,
    /// They are on call now.
    pub is_now: bool,
}

/// `/teams`
#[derive(Debug, Clone, Template)]
#[template(path = "people/teams.html")]
pub struct TeamList {
    /// Around the page.
    pub shell: Shell,
    /// The teams, by name: page and name, how many members, who leads.
    pub rows: Vec<TeamRow>,
    /// `name` of the form for a new one
    pub name: Field,
}

impl TeamList {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        errors([&self.name])
    }
}

/// A team in a list.
#[derive(Debug, Clone)]
pub struct TeamRow {
    /// Its page and name.
    pub link: Link,
    /// Who belongs to it.
    pub members: Vec<Person>,
    /// Who is on call on its schedules.
    pub on_call: Vec<Person>,
    /// How many services are its.
    pub services: u64,
    /// How many incidents of its services are not over.
    pub open: u64,
}

/// `/teams/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "people/team.html")]
pub struct TeamPage {
    /// Around the page.
    pub shell: Shell,
    /// Its identity.
    pub id: String,
    /// `name` of the form that renames
    pub name: Field,
    /// Its name as it is.
    pub title: String,
    /// Who belongs to it, leads first.
    pub members: Vec<MemberRow>,
    /// `user_id` of the form that adds; no options: everybody is in.
    pub add: Select,
    /// Its services, and whether they work.
    pub services: Vec<(Link, Badge)>,
    /// Who is on call on its schedules.
    pub on_call: Vec<Duty>,
    /// The incidents of its services that are not over.
    pub incidents: Vec<OwnIncident>,
    /// The policies that page it; while there are any it cannot be deleted.
    pub policies: Vec<Link>,
}

/// A member in the list.
#[derive(Debug, Clone)]
pub struct MemberRow {
    /// Who.
    pub person: Person,
    /// Leads the team.
    pub lead: bool,
    /// Is paged when the team is.
    pub receives: bool,
}

/// `/users`
#[derive(Debug, Clone, Template)]
#[template(path = "people/users.html")]
pub struct UserList {
    /// Around the page.
    pub shell: Shell,
    /// What was looked for.
    pub query: String,
    /// `role`, or empty for all
    pub role: Select,
    /// `standing`, or empty for all
    pub standing: Select,
    /// Somebody was looked for.
    pub filtered: bool,
    /// The people, by name.
    pub rows: Vec<UserRow>,
    /// Who is invited and has not come yet; for administrators.
    pub invitations: Vec<InvitationRow>,
}

/// A person in the list.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// Who.
    pub person: Person,
    /// Their mail address.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Whether they take part.
    pub standing: Standing,
    /// The names of their teams, with commas.
    pub teams: String,
    /// Whether a page would reach them, and by what.
    pub reach: Badge,
    /// When they are on call next.
    pub next: Option<NextDuty>,
    /// When they were last here.
    pub seen: Option<Times>,
}

/// `/users/new`: invite somebody.
#[derive(Debug, Clone, Template)]
#[template(path = "people/invite.html")]
pub struct UserInvite {
    /// Around the page.
    pub shell: Shell,
    /// `name`
    pub name: Field,
    /// `email`
    pub email: Field,
    /// `role`
    pub role: Select,
    /// Why no mail can be sent, so that the link must be handed over.
    pub no_mail: bool,
}

impl UserInvite {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        errors([&self.name, &self.email, &self.role.field])
    }
}

/// `/users/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "people/user.html")]
pub struct UserPage {
    /// Around the page.
    pub shell: Shell,
    /// Who.
    pub person: Person,
    /// Their mail address.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Whether they take part.
    pub standing: Standing,
    /// Their zone.
    pub zone: String,
    /// `name`
    pub name: Field,
    /// `role`
    pub new_role: Select,
    /// How they are reached.
    pub reach: Reach,
    /// Their teams.
    pub teams: Vec<Link>,
    /// Their incidents that are not over.
    pub incidents: Vec<OwnIncident>,
    /// When they are on call next: schedule, from, until.
    pub duties: Vec<(Link, Times, Times)>,
    /// The invitation link that was made just now.
    pub invitation: Option<String>,
    /// How they sign in; for administrators.
    pub access: Option<Access>,
    /// It is the viewer: nobody disables or demotes themselves.
    pub is_me: bool,
}

impl UserPage {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let mut all = errors([&self.name, &self.new_role.field]);
        all.extend(self.reach.errors());
        all
    }
}

/// `/profile`
#[derive(Debug, Clone, Template)]
#[template(path = "people/profile.html")]
pub struct Profile {
    /// Around the page.
    pub shell: Shell,
    /// `name`
    pub name: Field,
    /// `time_zone`
    pub time_zone: Select,
    /// How the viewer is reached.
    pub reach: Reach,
}

impl Profile {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let mut all = self.reach.errors();
        all.extend(errors([&self.name, &self.time_zone.field]));
        all
    }
}
