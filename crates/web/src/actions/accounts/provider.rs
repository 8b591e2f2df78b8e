//! Signing in by an OpenID provider: setting out, coming back, and becoming a session. What is said on the way is
//! `auth::openid`'s business; who is let in, `auth::admission`'s.

use opsknight_domain::{
    directory::{Role, Standing},
    id::{AuditId, UserId},
};
use opsknight_store::{
    db::Tx,
    login_steps::{self, StepPurpose},
    provider_identities as identities,
    secret::{Secret, token_hash},
    users::{self, UserRow},
};
use subtle::ConstantTimeEq as _;
use tracing::warn;
use url::Url;

use super::{Device, Shown, enter, note, one_time, try_address};
use crate::{
    api::{
        check,
        error::{ApiError, Problems},
        settings::sign_in::{self as settings, SignIn},
    },
    auth::{
        admission::{Admission, Claims, Known, Turned, admit},
        openid::{self, Errand},
    },
    state::AppState,
};

/// The zone of people who have not chosen one.
const TIME_ZONE: &str = "UTC";

/// Why somebody was not signed in: what they are told.
#[derive(Debug, Clone, PartialEq)]
pub enum Unsigned {
    /// A sentence for them.
    Told(String),
    /// Another failure, which has a page of its own.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for Unsigned {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn told(words: impl Into<String>) -> Unsigned {
    Unsigned::Told(words.into())
}

/// Where somebody is sent, and the token with which their browser comes back.
///
/// # Errors
/// Why nobody can be sent there.
pub async fn set_out(state: &AppState, next: &str, device: &Device) -> Result<(Url, String), Unsigned> {
    let now = state.clock.now();
    if let Some(ip) = device.ip {
        state.throttles.links.take_from(ip, now).await?;
    }
    let provider = settings::current(state)
        .await?
        .ok_or_else(|| told("No provider is set up here."))?;
    let (url, errand) = openid::set_out(state, &provider, next).await.map_err(|why| {
        warn!(why, "nobody can be sent to the OpenID provider");
        told(format!(
            "{} cannot be reached now. Try again in a moment.",
            provider.name
        ))
    })?;
    let token = state.token();
    let kept = serde_json::to_string(&errand).map_err(|_| ApiError::internal())?;
    let (store, hash, kept) = (state.store.clone(), token_hash(&token), Secret::new(kept));
    let ends = now.saturating_add(openid::AWAY_MAX).unwrap_or(now);
    let unit = async move |tx: &mut Tx<'_>| {
        let key = (&*hash, StepPurpose::Provider);
        login_steps::insert(tx, &store.sealer, key, (None, &kept), (now, ends)).await
    };
    state.store.db.write(unit).await?;
    Ok((url, token))
}

/// With what a provider sends somebody back.
#[derive(Debug, Clone, Default)]
pub struct Back {
    /// What went along.
    pub state: String,
    /// The code.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
}

/// The errand of a browser that comes back, once, if what came back with it is what went along.
async fn errand(state: &AppState, token: &str, back: &Back) -> Result<Errand, Unsigned> {
    let too_old = || told("This way back is too old, was used, or was begun in another browser. Sign in again.");
    let hash = one_time(token).ok_or_else(too_old)?;
    let (store, now) = (state.store.clone(), state.clock.now());
    let unit =
        async move |tx: &mut Tx<'_>| login_steps::take(tx, &store.sealer, (&hash, StepPurpose::Provider), now).await;
    let step = state.store.db.write(unit).await?.ok_or_else(too_old)?;
    let errand: Errand = serde_json::from_str(step.state.expose()).map_err(|_| ApiError::internal())?;
    let same: bool = errand.state.as_bytes().ct_eq(back.state.as_bytes()).into();
    if same { Ok(errand) } else { Err(too_old()) }
}

/// Signs somebody in who comes back from the provider: the token of their session, and where they go.
///
/// # Errors
/// Why they were not signed in.
pub async fn come_back(
    state: &AppState,
    token: &str,
    back: Back,
    device: Device,
) -> Result<(String, String), Unsigned> {
    let now = state.clock.now();
    try_address(state, &device, now).await?;
    let errand = errand(state, token, &back).await?;
    let provider = settings::current(state)
        .await?
        .ok_or_else(|| told("No provider is set up here."))?;
    if let Some(error) = &back.error {
        warn!(error, "the OpenID provider sent somebody back without a code");
        return Err(match error.as_str() {
            "access_denied" => told(format!("{} did not let you in.", provider.name)),
            _ => told(format!(
                "{} sent you back without letting you in. Try again, or ask an administrator.",
                provider.name
            )),
        });
    }
    let (next, code) = (errand.next.clone(), back.code.unwrap_or_default());
    let claims = openid::come_back(state, &provider, errand, code, now).await.map_err(|why| {
        warn!(why, "what the OpenID provider says of somebody cannot be believed");
        told(format!("What {} says cannot be checked now. Try again; if it stays, an administrator finds the reason in the log.", provider.name))
    })?;
    let session = let_in(state, provider, claims, device).await?;
    Ok((session, next))
}

/// Lets in whom the provider vouches for, if they may be.
async fn let_in(state: &AppState, provider: SignIn, claims: Claims, device: Device) -> Result<String, Unsigned> {
    let now = state.clock.now();
    let (store, token) = (state.store.clone(), state.token());
    let fresh = UserId::new(state.clock.uuid_v7());
    let audit_id = AuditId::new(state.clock.uuid_v7());
    let unit = async move |tx: &mut Tx<'_>| {
        let known = known(tx, &provider.issuer, &claims).await?;
        let admission = match admit(&claims, &provider, known) {
            Ok(admission) => admission,
            Err(turned) => return Ok(Err(turned)),
        };
        let user = match admission {
            Admission::Known(user) => *user,
            Admission::New { email, name } => {
                let user = newcomer(fresh, &email, &name, provider.role(), now)?;
                users::insert(tx, &user).await?;
                note(tx, (audit_id, "user.created"), &user, &device, now).await?;
                user
            }
        };
        if user.standing == Standing::Invited {
            users::activate(tx, user.id, now).await?;
            note(tx, (audit_id, "user.invitation_accepted"), &user, &device, now).await?;
            opsknight_store::sessions::delete_links_of(tx, user.id).await?;
        }
        identities::seen(tx, &provider.issuer, &claims.subject, user.id, now).await?;
        enter(tx, &store, (user.id, Shown::Enough), (&token, &device), now).await?;
        Ok::<_, ApiError>(Ok::<_, Turned>(token.clone()))
    };
    match state.store.db.write(unit).await? {
        Ok(token) => Ok(token),
        Err(turned) => Err(told(turned.words())),
    }
}

async fn known(tx: &mut Tx<'_>, issuer: &str, claims: &Claims) -> Result<Known, ApiError> {
    let mut known = Known::default();
    if let Some(id) = identities::user(tx, issuer, &claims.subject).await? {
        known.linked = users::get(tx, id).await?;
    }
    if let Some(email) = &claims.email
        && let Some((user, _)) = users::by_email(tx, email).await?
    {
        let elsewhere = identities::is_linked(tx, issuer, user.id).await?;
        known.by_email = Some((user, elsewhere));
    }
    Ok(known)
}

fn newcomer(id: UserId, email: &str, name: &str, role: Role, now: jiff::Timestamp) -> Result<UserRow, ApiError> {
    let mut problems = Problems::default();
    let email = check::email(&mut problems, "email", email);
    let plain: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(check::NAME_CHARS_MAX)
        .collect();
    let name = check::name(&mut problems, "name", &plain);
    problems.check()?;
    Ok(UserRow {
        id,
        email,
        name,
        role,
        standing: Standing::Active,
        time_zone: TIME_ZONE.to_owned(),
        phone: None,
        wants_news: true,
        created_at: now,
        updated_at: now,
    })
}
