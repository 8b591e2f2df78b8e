//! A test page: a test incident that pages one person, who asked for it, and nobody else.
//!
//! It is the smallest thing that proves the whole way: the person's own contact methods and rules decide, the engine
//! leases and sends it as it sends every page, the provider takes it, and the answer in the message acknowledges the
//! incident. A message past all that would only prove the provider. It tells no webhook, no room and no team, follows no
//! escalation policy, counts for no figure, and closes itself.

use jiff::Timestamp;
use opsknight_domain::{
    directory::{Directory, Service},
    id::{IncidentId, UserId},
    incident::{Actor, Incident},
};
use opsknight_store::{db::Tx, effects::Batch, incidents::Listed};

use super::incidents::listed;
use crate::{api::error::ApiError, state::AppState};

/// The service that a test page is about: an incident needs one, and any serves.
pub(crate) fn service(directory: &Directory) -> Option<&Service> {
    directory
        .services
        .values()
        .min_by_key(|service| (service.name.to_lowercase(), service.id))
}

/// Pages a person for a test, as often as codes may be sent to them.
///
/// # Errors
/// 404 when there is no such person, 409 when there is no service or no way to reach them, 429 when it is too often.
pub(crate) async fn send(state: &AppState, user: UserId, actor: Actor) -> Result<Listed, ApiError> {
    let now: Timestamp = state.clock.now();
    state.throttles.codes.take(&user.to_string(), now).await?;
    let id = IncidentId::new(state.clock.uuid_v7());
    let (clock, pictures) = (state.clock.clone(), state.store.pictures.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let picture = pictures.current(tx, now).await?;
        let directory = &picture.directory;
        if !directory.users.contains_key(&user) {
            return Err(ApiError::not_found("user"));
        }
        let service = service(directory).ok_or_else(|| {
            ApiError::conflict("a page is about an incident of a service, and there is none yet: add one first")
        })?;
        let change = Incident::test_page(id, service, user, &actor, directory, now);
        if change.deliveries.is_empty() {
            return Err(ApiError::conflict(
                "there is no way to reach this person: set up a provider, and add and verify a contact method",
            ));
        }
        let mut batch = Batch::default();
        batch.take(change, &mut || clock.uuid_v7(), now);
        batch.write(tx, &mut || clock.uuid_v7(), now).await?;
        listed(tx, id).await
    };
    state.store.db.write(unit).await
}
