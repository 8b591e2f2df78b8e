//! Asking further people for help. They are paged like everybody else, beside the assignee and whatever escalation does.

use jiff::Timestamp;
use serde_json::json;

use super::{Actor, Change, Entry, EntryKind, Incident, Refusal, Status};
use crate::{
    directory::{Directory, Standing, Target},
    escalation,
    event::clean,
    id::UserId,
};

/// Most people, teams and schedules that are called at once.
pub const CALLED_MAX: usize = 20;
/// Longest message to those who are called, in characters: it goes into text messages.
pub const MESSAGE_CHARS_MAX: usize = 300;

/// Who is called, and what they are told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// Whom: people, teams, whoever is on call.
    pub targets: Vec<Target>,
    /// What they are told besides.
    pub message: Option<String>,
}

/// Somebody who was asked for help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResponder {
    /// Who.
    pub user: UserId,
    /// Who asked.
    pub asked_by: String,
    /// Why this person: "Primary of Platform", or nothing where they were named themselves.
    pub why: String,
    /// What they were told.
    pub message: Option<String>,
}

impl Incident {
    /// Pages further people, with a message where one is given. Whoever asks for themselves is noted and not paged.
    ///
    /// # Errors
    /// When it is resolved or a test, when nobody is named or a target names nobody that there is, or the message is
    /// too long.
    pub fn add_responders(
        self,
        call: &Call,
        actor: &Actor,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Change, Refusal> {
        if self.status == Status::Resolved {
            return Err(Refusal::State("the incident is resolved; reopen it first".into()));
        }
        if self.is_test {
            return Err(Refusal::State("nobody is paged for a test".into()));
        }
        let message = call.message.as_deref().map(|text| clean(text, usize::MAX));
        let message = message.filter(|text| !text.is_empty());
        let length = message.as_ref().map_or(0, |text| text.chars().count());
        if length > MESSAGE_CHARS_MAX {
            let why = format!("must have at most {MESSAGE_CHARS_MAX} characters");
            return Err(Refusal::Field { field: "message", why });
        }
        check(&call.targets, directory)?;
        let (called, nobody) = escalation::called(&call.targets, directory, now);
        if called.is_empty() {
            let why = nobody.join(". ");
            return Err(Refusal::Field { field: "targets", why });
        }
        let mut change = Change::of(self);
        change.incident.updated_at = now;
        let names: Vec<&str> = called.iter().map(|person| directory.user_name(person.user)).collect();
        let text = match &message {
            None => format!("{} asked {} for help", actor.name(), names.join(", ")),
            Some(message) => format!("{} asked {} for help: “{message}”", actor.name(), names.join(", ")),
        };
        let ids: Vec<String> = called.iter().map(|person| person.user.to_string()).collect();
        change
            .entries
            .push(Entry::by(EntryKind::ResponderAdded, actor, text).with(json!({ "userIds": ids })));
        for why in nobody {
            change.entries.push(Entry::system(EntryKind::NotPaged, why));
        }
        let asks = match &message {
            None => format!("{} asks for your help", actor.name()),
            Some(message) => format!("{} asks for your help: “{message}”", actor.name()),
        };
        for person in called {
            if actor.user() != Some(person.user) {
                change.page(person.user, &asks, None, &[], directory, now);
            }
            let by_name = call.targets.contains(&Target::User(person.user));
            change.responders.push(NewResponder {
                user: person.user,
                asked_by: actor.name().to_owned(),
                why: if by_name { String::new() } else { person.why },
                message: message.clone(),
            });
        }
        Ok(change)
    }
}

/// Every target must be somebody or something that there is.
fn check(targets: &[Target], directory: &Directory) -> Result<(), Refusal> {
    let no = |why: String| {
        let field = "targets";
        Err(Refusal::Field { field, why })
    };
    if targets.is_empty() || targets.len() > CALLED_MAX {
        return no(format!("must name from 1 to {CALLED_MAX} people, teams or schedules"));
    }
    for target in targets {
        match target {
            Target::User(id) => match directory.users.get(id) {
                None => return no("there is no such user".to_owned()),
                Some(user) if user.standing == Standing::Disabled => return no(format!("{} is disabled", user.name)),
                Some(_) => {}
            },
            Target::Team { id, .. } if !directory.teams.contains_key(id) => {
                return no("there is no such team".to_owned());
            }
            Target::Schedule(id) if !directory.schedules.contains_key(id) => {
                return no("there is no such schedule".to_owned());
            }
            Target::Team { .. } | Target::Schedule(_) => {}
        }
    }
    Ok(())
}
