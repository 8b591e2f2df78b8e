//! Who it is that answers, and what they want done.

use opsknight_domain::{
    directory::{Channel, Directory, Role, Standing, User},
    id::{IncidentId, UserId},
    incident::{Actor, Status},
};
use opsknight_store::{
    db::Tx,
    deliveries,
    incidents::{self, Listed},
};
use opsknight_web::{
    ack::{ACK_LINK_PURPOSE, reply_code},
    actions::incidents::{Act, Repeat, act},
};

use super::{Denied, Desk, Refused, unavailable};
use opsknight_channels::commands::Which;

/// What came of a wish.
pub(super) enum Done {
    /// It was done.
    Did,
    /// It was not, for this reason.
    Not(String),
}

/// The person who has this address on one of these channels, and has shown that it is theirs.
pub(super) fn by_address<'d>(directory: &'d Directory, channels: &[Channel], address: &str) -> Option<&'d User> {
    let has = |user: &&User| {
        user.standing != Standing::Disabled
            && user
                .contact_methods
                .iter()
                .any(|method| method.verified && channels.contains(&method.channel) && method.address == address)
    };
    // The same number with two people is nobody's answer for certain; the one who came first is taken every time.
    directory.users.values().filter(has).min_by_key(|user| user.id)
}

/// The person with this mail address.
pub(super) fn by_email<'d>(directory: &'d Directory, email: &str) -> Option<&'d User> {
    directory
        .users
        .values()
        .find(|user| user.standing != Standing::Disabled && user.email.eq_ignore_ascii_case(email))
}

impl Desk {
    /// Does something to an incident in a person's name, if they may: whoever responds may, and whoever was called to
    /// that very incident.
    pub(super) async fn wish(&self, user: &User, incident: IncidentId, wish: Act) -> Result<Done, Refused> {
        if user.role < Role::Responder && !self.called_to(user.id).await?.contains(&incident) {
            return Ok(Done::Not("this needs the role RESPONDER".into()));
        }
        let actor = Actor::User {
            id: user.id,
            name: user.name.clone(),
        };
        self.wish_as(actor, incident, wish).await
    }

    /// The same in another name, where the way itself shows that it may be done.
    pub(super) async fn wish_as(&self, actor: Actor, incident: IncidentId, wish: Act) -> Result<Done, Refused> {
        match act(&self.state, incident, vec![wish], actor, Repeat::Refuse).await {
            Ok(_) => Ok(Done::Did),
            Err(error) if error.status().is_client_error() => Ok(Done::Not(error.message().to_owned())),
            Err(error) => {
                tracing::error!(error = error.message(), "what somebody answered could not be done");
                Err(Denied::Unavailable("it could not be done now".into()).into())
            }
        }
    }

    /// The incidents that a person was called to and that are not over, the last first.
    pub(super) async fn called_to(&self, user: UserId) -> Result<Vec<IncidentId>, Refused> {
        let unit = async move |tx: &mut Tx<'_>| deliveries::called_to(tx, user).await;
        Ok(self.store().db.read(unit).await.map_err(unavailable)?)
    }

    /// An incident as it stands.
    pub(super) async fn incident(&self, id: IncidentId) -> Result<Option<Listed>, Refused> {
        let unit = async move |tx: &mut Tx<'_>| incidents::get(tx, id).await;
        Ok(self.store().db.read(unit).await.map_err(unavailable)?)
    }

    /// Which incidents a person means. An empty list means none; more than one where they said so, or where a code
    /// happens to stand for two.
    pub(super) async fn meant(&self, user: UserId, which: &Which, status: &[Status]) -> Result<Vec<Listed>, Refused> {
        let key = self.store().sealer.signing_key(ACK_LINK_PURPOSE);
        let mut ids = self.called_to(user).await?;
        if let Which::Code(code) = which {
            ids.retain(|id| reply_code(&key, *id, user) == *code);
        }
        let unit = async move |tx: &mut Tx<'_>| incidents::get_each(tx, &ids).await;
        let found = self.store().db.read(unit).await.map_err(unavailable)?;
        let mut found: Vec<Listed> = found.into_iter().flatten().collect();
        if !matches!(which, Which::Code(_)) {
            found.retain(|listed| status.contains(&listed.incident.status));
        }
        Ok(found)
    }
}
