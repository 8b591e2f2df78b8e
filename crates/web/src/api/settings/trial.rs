//! Trying a channel out: a real message to an address of the caller's, by settings that may not have been saved yet.

use opsknight_domain::directory::Channel;
use opsknight_store::{
    db::Tx,
    users::{self, ContactMethodRow},
};
use serde_json::Value;

use super::{
    applied,
    shape::{BOT_TOKEN, DEFAULT_CHANNEL, SettingsPatch, Trial},
};
use crate::{
    api::{
        access::{Caller, Person, Who},
        address,
        check::SHORT_CHARS_MAX,
        error::{ApiError, Problems},
        webhooks::TrialBody,
    },
    state::AppState,
};

/// Sends a test message, by settings that have not been saved where some are given.
pub(crate) async fn try_out(
    state: &AppState,
    caller: &Caller,
    channel: Channel,
    trial: Trial,
) -> Result<TrialBody, ApiError> {
    let to = match (trial.to, &caller.who) {
        (Some(to), _) => to,
        (None, Who::Person(person)) => own_address(state, channel, person).await?,
        (None, Who::Key(_)) => return Err(ApiError::invalid("to", "is missing")),
    };
    let mut problems = Problems::default();
    let to = if channel == Channel::Slack && to.trim().starts_with('#') {
        room(&mut problems, to.trim())
    } else {
        address::checked(&mut problems, "to", channel, &to)
    };
    problems.check()?;
    let given = match trial.settings {
        None => None,
        Some(wish) => Some(unsaved(state, channel, wish).await?),
    };
    Ok(state.providers.test_channel(channel, given, &to).await.into())
}

/// A conversation by its name, which is nobody's contact method and can be tried all the same.
fn room(problems: &mut Problems, name: &str) -> String {
    if name.len() < 2 || name.chars().count() > SHORT_CHARS_MAX || name.contains(char::is_whitespace) {
        problems.add("to", "must be the name of a Slack channel, such as #ops");
    }
    name.to_owned()
}

/// The settings as they would be if they were saved. What goes with a workspace of Slack stands among them by its name.
async fn unsaved(
    state: &AppState,
    channel: Channel,
    SettingsPatch(mut wish): SettingsPatch,
) -> Result<Value, ApiError> {
    let mut besides = Vec::new();
    if channel == Channel::Slack {
        for name in [BOT_TOKEN, DEFAULT_CHANNEL] {
            besides.extend(wish.shift_remove(name).map(|value| (name.to_owned(), value)));
        }
    }
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| applied(tx, &at, channel, &wish, false).await;
    let (_, mut settings) = state.store.db.read(unit).await?;
    settings.extend(besides.into_iter().filter(|(_, value)| value.is_string()));
    Ok(Value::Object(settings))
}

/// Where the caller is reached on a channel.
async fn own_address(state: &AppState, channel: Channel, person: &Person) -> Result<String, ApiError> {
    let id = person.id;
    let unit = async move |tx: &mut Tx<'_>| {
        let row = users::get(tx, id).await?;
        Ok::<_, ApiError>((users::contact_methods(tx, id).await?, row.and_then(|row| row.phone)))
    };
    let (methods, phone) = state.store.db.read(unit).await?;
    let added = |method: &ContactMethodRow| method.channel == channel && method.verified_at.is_some();
    let first = methods.into_iter().find(added).map(|method| method.address);
    let (found, lacks) = match channel {
        // Their mail address is theirs from the start, and Slack knows people by it.
        Channel::Email => (Some(person.email.clone()), ""),
        Channel::Slack => (first.or_else(|| Some(person.email.clone())), ""),
        Channel::Sms | Channel::Whatsapp | Channel::Voice => (first.or(phone), "no telephone number"),
        Channel::Push => (first, "no device"),
    };
    found.ok_or_else(|| ApiError::invalid("to", format!("is missing, and your own account has {lacks}")))
}
