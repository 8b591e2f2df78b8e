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

/// The people who have this address on a channel and have shown that it is theirs, the one who came first first: a
/// telephone may be handed on from shift to shift.
pub(super) fn by_address<'d>(directory: &'d Directory, channel: Channel, address: &str) -> Vec<&'d User> {
    let has = |user: &&User| {
        user.standing != Standing::Disabled
            && user
                .contact_methods
                .iter()
                .any(|method| method.verified && method.channel == channel && method.address == address)
    };
    let mut found: Vec<&User> = directory.users.values().filter(has).collect();
    found.sort_unstable_by_key(|user| user.id);
    found
}

/// What somebody wants something done with.
pub(super) enum Wanted {
    /// The page with this code.
    Code(String),
    /// Everything that they were called to.
    All,
    /// The one thing that they were called to.
    Only,
    /// What the message with this identity at its provider told of: it was answered, or a button below it pressed.
    Of(String),
}

impl Wanted {
    /// What the words name; words that name nothing are about the message that they answer.
    pub(super) fn of(which: Which, in_reply_to: Option<&str>) -> Self {
        match (which, in_reply_to) {
            (Which::Code(code), _) => Self::Code(code),
            (Which::All, _) => Self::All,
            (Which::Only, Some(message)) => Self::Of(message.to_owned()),
            (Which::Only, None) => Self::Only,
        }
    }
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

    /// The incidents that a person was called to by the message with this identity at its provider.
    pub(super) async fn called_by(&self, message: &str, user: UserId) -> Result<Vec<IncidentId>, Refused> {
        let message = message.to_owned();
        let unit = async move |tx: &mut Tx<'_>| deliveries::called_by(tx, &message, user).await;
        Ok(self.store().db.read(unit).await.map_err(unavailable)?)
    }

    /// Which incidents a person means. An empty list means none; more than one where they said so, or where a code
    /// happens to stand for two.
    pub(super) async fn meant(&self, user: UserId, which: &Wanted, status: &[Status]) -> Result<Vec<Listed>, Refused> {
        let key = self.store().sealer.signing_key(ACK_LINK_PURPOSE);
        let ids = match which {
            Wanted::Of(message) => self.called_by(message, user).await?,
            Wanted::Code(code) => {
                let mut ids = self.called_to(user).await?;
                ids.retain(|id| reply_code(&key, *id, user) == *code);
                ids
            }
            Wanted::All | Wanted::Only => self.called_to(user).await?,
        };
        let unit = async move |tx: &mut Tx<'_>| incidents::get_each(tx, &ids).await;
        let found = self.store().db.read(unit).await.map_err(unavailable)?;
        let mut found: Vec<Listed> = found.into_iter().flatten().collect();
        // What is named is told of, whatever has become of it.
        if matches!(which, Wanted::All | Wanted::Only) {
            found.retain(|listed| status.contains(&listed.incident.status));
        }
        Ok(found)
    }
}
