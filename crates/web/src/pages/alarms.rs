//! From what the banner on pages is made: asked for every page, so only by indexes, and only what the viewer may hear of.
//! And `/pulse`, by which a page that stays open hears of it.

use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::{Channel, Role, Trouble, User, trouble_key},
    id::UserId,
};
use opsknight_store::{
    audit::{self, of_program},
    db::{DbError, Tx},
    deliveries,
    directory::Picture,
    troubles,
};

use super::{PageError, viewer::Viewer};
use crate::{
    views::{Pulse, Section},
    vitals::{Condition, Facts},
};

/// How far back failed deliveries make a banner.
pub(super) const FAILURES_LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);
/// How long a finding of the auditor stands in the banner.
const FINDINGS_LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);

/// `GET /pulse`
pub(super) async fn pulse(viewer: Viewer) -> Result<Response, PageError> {
    let shell = viewer.shell("", Section::Elsewhere);
    super::viewer::html(&Pulse { shell })
}

/// What is known that this viewer may have to be told.
pub(super) async fn facts(
    tx: &mut Tx<'_>,
    picture: &Picture,
    condition: &Condition,
    (viewer, role): (UserId, Role),
    now: Timestamp,
) -> Result<Facts, DbError> {
    let mut facts = Facts {
        workers: condition.workers.clone(),
        own: own_troubles(tx, picture, viewer).await?,
        ..Facts::default()
    };
    if role < Role::Admin {
        return Ok(facts);
    }
    let before = |length: SignedDuration| now.saturating_sub(length).unwrap_or(Timestamp::MIN);
    let health = deliveries::health(tx, now, before(FAILURES_LOOK_BACK)).await?;
    facts.waiting = (health.waiting, health.oldest_due_at);
    if health.failed > 0 {
        facts.failing = deliveries::failing(tx, before(FAILURES_LOOK_BACK)).await?;
    }
    let found = audit::last_of(tx, of_program::AUDITOR, 1).await?;
    let lately = found.into_iter().find(|line| line.at >= before(FINDINGS_LOOK_BACK));
    facts.found = lately.map(|line| (line.object_name, line.at));
    facts.unreadable = picture.unreadable;
    Ok(facts)
}

/// The viewer's addresses that messages come back from. The picture knows which; the store is only asked since when.
async fn own_troubles(tx: &mut Tx<'_>, picture: &Picture, viewer: UserId) -> Result<Vec<(String, Timestamp)>, DbError> {
    let directory = &picture.directory;
    let Some(user) = directory.users.get(&viewer) else {
        return Ok(Vec::new());
    };
    let failing: Vec<(Channel, &str)> = addresses(user)
        .filter(|(channel, address)| directory.trouble(*channel, address) == Some(Trouble::Failing))
        .collect();
    if failing.is_empty() {
        return Ok(Vec::new());
    }
    let known = troubles::all(tx).await?;
    let since = |(channel, address): (Channel, &str)| {
        let key = trouble_key(channel, address);
        let row = known.iter().find(|row| row.channel == channel && row.address == key)?;
        Some((
            crate::api::address::label_of_word(channel.word(), address.to_owned()),
            row.since,
        ))
    };
    Ok(failing.into_iter().filter_map(since).collect())
}

fn addresses(user: &User) -> impl Iterator<Item = (Channel, &str)> {
    let methods = user.contact_methods.iter();
    let others = methods.map(|method| (method.channel, method.address.as_str()));
    std::iter::once((Channel::Email, user.email.as_str())).chain(others)
}
