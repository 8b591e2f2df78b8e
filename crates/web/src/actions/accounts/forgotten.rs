//! A forgotten password: a link by mail, whether or not anybody has the address.

use jiff::SignedDuration;
use opsknight_domain::{
    directory::{Channel, Role, Standing},
    id::{DeliveryId, UserId},
};
use opsknight_store::{
    db::Tx,
    secret::token_hash,
    sessions::{self, LinkPurpose},
    users::{self, UserRow},
};

use super::{Device, Letter, tell, try_address};
use crate::{
    api::{
        check,
        error::{ApiError, Problems},
        settings::sign_in as provider,
    },
    state::AppState,
};

/// How long a link that somebody asked for themselves works.
pub const RESET_LASTS: SignedDuration = SignedDuration::from_hours(1);

/// Sends a link with which somebody chooses a new password, where there is an account with this address. The answer is
/// the same where there is none, and so is the work: a link that is nobody's is stored in its place.
///
/// # Errors
/// 400 for what is no address, 409 where no mail can be sent, 429 after too many tries.
pub async fn forgot(state: &AppState, email: &str, device: &Device) -> Result<(), ApiError> {
    let now = state.clock.now();
    let mut problems = Problems::default();
    let email = check::email(&mut problems, "email", email);
    problems.check()?;
    try_address(state, device, now).await?;
    state.throttles.forgotten.take(&email.to_lowercase(), now).await?;
    let token = state.token();
    let link = state.link(&format!("/invite/{token}"));
    let login = state.link("/login");
    let letter_id = DeliveryId::new(state.clock.uuid_v7());
    let nobody = UserId::new(state.clock.uuid_v7());
    let store = state.store.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let picture = store.pictures.current(tx, now).await?;
        if !picture.directory.channels.contains(&Channel::Email) {
            return Err(ApiError::conflict(
                "no mail can be sent here; ask an administrator for a link",
            ));
        }
        let found = users::by_email(tx, &email).await?;
        let user = found
            .map(|(user, _)| user)
            .filter(|user| user.standing != Standing::Disabled);
        let ends = now.saturating_add(RESET_LASTS).unwrap_or(now);
        let hash = token_hash(&token);
        let owner = user.as_ref().map(|user| user.id);
        sessions::insert_link(tx, &hash, LinkPurpose::Reset, owner, now, ends).await?;
        let settings = provider::get(tx, &store).await?;
        let Some(user) = user else {
            // As much is sealed as for somebody, and nothing is sent.
            let text = format!("{nobody}{link}");
            let place = opsknight_store::seal::Place {
                table: "delivery",
                column: "snapshot",
                row: &text,
            };
            drop(store.sealer.seal(place, &text));
            return Ok(());
        };
        let letter = match settings {
            Some(settings) if !settings.passwords && user.role != Role::Admin => {
                Letter::ByProviderOnly(login.clone(), settings.name)
            }
            _ => Letter::Forgotten(link.clone()),
        };
        send(tx, &store, (letter_id, &user), &letter, now).await
    };
    state.store.db.write(unit).await
}

async fn send(
    tx: &mut Tx<'_>,
    store: &opsknight_store::Store,
    to: (DeliveryId, &UserRow),
    letter: &Letter,
    now: jiff::Timestamp,
) -> Result<(), ApiError> {
    tell(tx, store, to, letter, now).await?;
    Ok(())
}
