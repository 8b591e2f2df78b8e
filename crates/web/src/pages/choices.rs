//! What can be chosen in forms: people, teams, services, policies, schedules, urgencies.

use std::fmt::Display;

use opsknight_domain::{
    directory::{Channel, Directory, Role, Standing},
    urgency::Urgency,
};

use crate::views::{Choice, role_name};

fn by_name(mut choices: Vec<Choice>) -> Vec<Choice> {
    choices.sort_by_key(|choice| choice.label.to_lowercase());
    choices
}

/// The same with a first choice that stands for none.
pub(super) fn or_none(none: &str, choices: Vec<Choice>) -> Vec<Choice> {
    std::iter::once(Choice::new("", none)).chain(choices).collect()
}

/// Everybody who takes part.
pub(super) fn people(directory: &Directory) -> Vec<Choice> {
    let active = directory
        .users
        .values()
        .filter(|user| user.standing != Standing::Disabled);
    by_name(
        active
            .map(|user| Choice::new(user.id.to_string(), &user.name))
            .collect(),
    )
}

fn named<'a>(things: impl Iterator<Item = (impl Display, &'a String)>) -> Vec<Choice> {
    by_name(things.map(|(id, name)| Choice::new(id.to_string(), name)).collect())
}

/// All teams.
pub(super) fn teams(directory: &Directory) -> Vec<Choice> {
    named(directory.teams.values().map(|team| (team.id, &team.name)))
}

/// All services.
pub(super) fn services(directory: &Directory) -> Vec<Choice> {
    named(directory.services.values().map(|service| (service.id, &service.name)))
}

/// All escalation policies.
pub(super) fn policies(directory: &Directory) -> Vec<Choice> {
    named(directory.policies.values().map(|policy| (policy.id, &policy.name)))
}

/// Everything that an escalation step can page: `user:…`, `team:…`, `leads:…`, `schedule:…`.
pub(super) fn targets(directory: &Directory) -> Vec<Choice> {
    let prefixed = |prefix: &str, kind: &str, choices: Vec<Choice>| -> Vec<Choice> {
        let with =
            |choice: Choice| Choice::new(format!("{prefix}:{}", choice.value), format!("{kind}{}", choice.label));
        choices.into_iter().map(with).collect()
    };
    let schedules = named(
        directory
            .schedules
            .values()
            .map(|schedule| (schedule.id, &schedule.name)),
    );
    [
        prefixed("schedule", "On call: ", schedules),
        prefixed("team", "Team: ", teams(directory)),
        prefixed("leads", "Leads of team: ", teams(directory)),
        prefixed("user", "", people(directory)),
    ]
    .concat()
}

/// Whoever an incident can be assigned to: `user:…`, `team:…`.
pub(super) fn assignees(directory: &Directory) -> Vec<Choice> {
    let users = people(directory);
    let users = users
        .into_iter()
        .map(|choice| Choice::new(format!("user:{}", choice.value), choice.label));
    let teams = teams(directory).into_iter();
    let teams = teams.map(|choice| Choice::new(format!("team:{}", choice.value), format!("Team: {}", choice.label)));
    users.chain(teams).collect()
}

/// The urgencies, the gravest first.
pub(super) fn urgencies() -> Vec<Choice> {
    let name = |urgency: &Urgency| match urgency {
        Urgency::High => "High",
        Urgency::Medium => "Medium",
        Urgency::Low => "Low",
    };
    let all = Urgency::ALL.iter().rev();
    all.map(|urgency| Choice::new(urgency.word(), name(urgency))).collect()
}

/// The roles, the least powerful first.
pub(super) fn roles() -> Vec<Choice> {
    let says = |role: Role| match role {
        Role::User => ": sees everything",
        Role::Responder => ": works on incidents, schedules and overrides",
        Role::Admin => ": may change everything",
    };
    let all = Role::ALL.into_iter();
    all.map(|role| Choice::new(role.word(), format!("{}{}", role_name(role), says(role))))
        .collect()
}

/// The channels, those in `chosen` ticked.
pub(super) fn channels(chosen: &[&str]) -> Vec<Choice> {
    let choice = |channel: Channel| {
        let name = super::rows::channel_name(channel.word());
        Choice::new(channel.word(), name).chosen(chosen.contains(&channel.word()))
    };
    Channel::ALL.into_iter().map(choice).collect()
}
