//! The same done to many incidents at once: each in a unit of its own, so that one that refuses does not stop the
//! others.

use futures_util::{StreamExt as _, stream};
use opsknight_domain::{id::IncidentId, incident::Actor};
use opsknight_store::incidents::Listed;

use super::incidents::{Act, Repeat, act};
use crate::{api::error::ApiError, state::AppState};

/// Most incidents of one call.
pub const IDS_MAX: usize = 200;
/// How many are worked on at once: together they share commits.
const AT_ONCE: usize = 16;

/// What came of one incident.
pub type Outcome = (IncidentId, Result<Listed, ApiError>);

/// Does some things to each of these incidents, each of which is named once.
///
/// # Errors
/// 400 when there is no incident, or more than [`IDS_MAX`]; nothing is done then.
pub async fn act_on_each(
    state: &AppState,
    mut ids: Vec<IncidentId>,
    acts: &[Act],
    actor: &Actor,
    repeat: Repeat,
) -> Result<Vec<Outcome>, ApiError> {
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    if ids.is_empty() || ids.len() > IDS_MAX {
        return Err(ApiError::invalid(
            "ids",
            format!("must name from 1 to {IDS_MAX} incidents"),
        ));
    }
    let each = ids.into_iter().map(|id| async move {
        let outcome = act(state, id, acts.to_vec(), actor.clone(), repeat).await;
        (id, outcome)
    });
    Ok(stream::iter(each).buffered(AT_ONCE).collect().await)
}

/// What happened, in a sentence: "12 acknowledged, 1 was resolved already." `done` is what those are that took it.
#[must_use]
pub fn sentence(done: &str, outcomes: &[Outcome]) -> String {
    let count = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    let mut parts = vec![if count == 0 {
        format!("None {done}")
    } else {
        format!("{count} {done}")
    }];
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for error in outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err()) {
        // What is to be done about it is said on the page of the one incident.
        let why = error.message().split("; ").next().unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, count)) => *count += 1,
            None => reasons.push((why, 1)),
        }
    }
    for (why, count) in reasons {
        let were = if count == 1 { "was" } else { "were" };
        parts.push(match why.strip_prefix("the incident is ") {
            Some(state) => format!("{count} {were} {state}"),
            None => format!("{count} {were} refused ({why})"),
        });
    }
    format!("{}.", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(why: &str) -> Outcome {
        (IncidentId::new(uuid::Uuid::nil()), Err(ApiError::conflict(why)))
    }

    #[test]
    fn reasons_are_counted() {
        let outcomes = [
            refused("the incident is resolved; reopen it first"),
            refused("the incident is acknowledged already"),
            refused("the incident is resolved; reopen it first"),
            refused("there is no such incident"),
        ];
        assert_eq!(
            sentence("acknowledged", &outcomes),
            "None acknowledged, 2 were resolved, 1 was acknowledged already, 1 was refused (there is no such incident)."
        );
    }
}
