//! `/api/users/{id}/contact-methods/{methodId}/verify`: the code by which people show that an address is theirs.
//!
//! It never pages anybody: a code is an account message, and what is not verified is not paged.

use axum::extract::State;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::Channel,
    id::{ContactMethodId, DeliveryId, UserId},
};
use opsknight_store::{
    db::Tx,
    deliveries::{self, AccountMessage, AccountText},
    users::{self, Code, ContactMethodRow},
};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    found,
    reach::{ContactMethodBody, method, record},
};
use crate::{
    api::{
        access::Caller,
        change::Change,
        error::{ApiError, ErrorBody},
        extract::{Json, OptionalJson, Path},
        troubles::{Troubles, clear},
        wire::ids,
    },
    state::AppState,
};

/// How long a code counts.
const CODE_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// After how long another one may be sent.
const CODE_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// How many wrong ones may be entered before it is spent.
const CODE_TRIES_MAX: u32 = 5;
/// How many digits it has.
const CODE_DIGITS: usize = 6;
/// How many codes there are.
const CODES: u64 = 1_000_000;
/// The purpose for which `Sealer::signing_key` gives the key of stored codes: a million codes are soon tried out, so
/// that a plain hash would hide nothing.
const CODE_PURPOSE: &str = "contact-code";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(post_code))
        .routes(routes!(send_again))
}

/// A code that is about to be sent, and the identity of the message that carries it.
pub(super) struct NewCode {
    message: DeliveryId,
    digits: String,
}

impl NewCode {
    /// One that nobody can guess.
    pub(super) fn new(state: &AppState) -> Self {
        let mut bytes = [0; 8];
        state.clock.fill(&mut bytes);
        Self {
            message: DeliveryId::new(state.clock.uuid_v7()),
            digits: format!("{:06}", u64::from_be_bytes(bytes) % CODES),
        }
    }
}

/// What is stored of a code.
fn hash(state: &AppState, id: ContactMethodId, digits: &str) -> String {
    let key = state.store.sealer.signing_key(CODE_PURPOSE);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
    mac.update(id.uuid().as_bytes());
    mac.update(digits.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Bounds how many codes somebody has sent, and how many go to one address.
///
/// # Errors
/// 429 with the wait.
pub(super) async fn unless_too_often(state: &AppState, row: &ContactMethodRow, now: Timestamp) -> Result<(), ApiError> {
    let codes = &state.throttles.codes;
    codes.take(&row.user.to_string(), now).await?;
    let place = format!("{} {}", row.channel.word(), row.address);
    codes.take(&place, now).await
}

/// Refuses where no code could be sent.
///
/// # Errors
/// 409 with what an administrator can do.
pub(super) async fn way_to(
    tx: &mut Tx<'_>,
    state: &AppState,
    channel: Channel,
    now: Timestamp,
) -> Result<(), ApiError> {
    let picture = state.store.pictures.current(tx, now).await?;
    if picture.directory.channels.contains(&channel) {
        return Ok(());
    }
    Err(ApiError::conflict(format!(
        "no code can be sent: no provider is set up for {}; an administrator does that in the settings",
        channel.name()
    )))
}

/// Keeps a code and puts it on its way.
pub(super) async fn send(
    tx: &mut Tx<'_>,
    state: &AppState,
    row: &ContactMethodRow,
    code: &NewCode,
    now: Timestamp,
) -> Result<(), ApiError> {
    let kept = Code {
        hash: Some(hash(state, row.id, &code.digits)),
        sent_at: now,
        expires_at: now.saturating_add(CODE_LASTS).unwrap_or(now),
        tries: 0,
    };
    users::put_contact_code(tx, row.id, &kept).await?;
    let message = AccountMessage {
        id: code.message,
        user: row.user,
        channel: row.channel,
        address: row.address.clone(),
        text: AccountText {
            subject: "Your OpsKnight code".to_owned(),
            text: format!("Your OpsKnight code is {}. It works for ten minutes.", code.digits),
        },
        reason: "verification code".to_owned(),
    };
    deliveries::send_account_message(tx, &state.store.sealer, &message, now).await?;
    Ok(())
}

/// What came of a code that was entered.
enum Verdict {
    Right(ContactMethodBody),
    Wrong { left: u32 },
}

/// Takes the code that was sent to a contact method: it is known to be theirs from now on.
///
/// # Errors
/// 400 naming `code` when it is wrong, 409 when there is none that counts.
pub(crate) async fn verify(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    id: ContactMethodId,
    code: &str,
) -> Result<ContactMethodBody, ApiError> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if digits.len() != CODE_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ApiError::invalid("code", "must be the six digits that were sent"));
    }
    let (change, given) = (Change::new(state, caller), hash(state, id, &digits));
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        judge(tx, &change, (user, id), &given).await
    };
    // A wrong one is counted: the unit ends well, and only then its verdict is told.
    match state.store.db.write(unit).await? {
        Verdict::Right(body) => Ok(body),
        Verdict::Wrong { left: 0 } => Err(ApiError::invalid(
            "code",
            "is not right, and the one that was sent is spent now: ask for a new one",
        )),
        Verdict::Wrong { left: 1 } => Err(ApiError::invalid("code", "is not right; one try is left")),
        Verdict::Wrong { left } => Err(ApiError::invalid(
            "code",
            format!("is not right; {left} tries are left"),
        )),
    }
}

async fn judge(
    tx: &mut Tx<'_>,
    change: &Change,
    (user, id): (UserId, ContactMethodId),
    given: &str,
) -> Result<Verdict, ApiError> {
    let person = found(tx, user).await?;
    let mut row = method(tx, user, id).await?;
    if row.verified_at.is_some() {
        // The answer to the first time may have been lost.
        return Ok(Verdict::Right(ContactMethodBody::new(&row, &Troubles::read(tx).await?)));
    }
    let code = users::contact_code(tx, id).await?;
    let mut code = code.ok_or_else(|| ApiError::conflict("no code was sent there yet: ask for one"))?;
    let Some(right) = code.hash.take() else {
        return Err(ApiError::conflict("this code is spent: ask for a new one"));
    };
    if code.expires_at <= change.now {
        return Err(ApiError::conflict("this code is too old: ask for a new one"));
    }
    if !bool::from(right.as_bytes().ct_eq(given.as_bytes())) {
        code.tries = code.tries.saturating_add(1);
        let left = CODE_TRIES_MAX.saturating_sub(code.tries);
        code.hash = (left > 0).then_some(right);
        users::put_contact_code(tx, id, &code).await?;
        return Ok(Verdict::Wrong { left });
    }
    users::put_contact_code(tx, id, &code).await?;
    row.verified_at = Some(change.now);
    users::update_contact_method(tx, &row, change.now).await?;
    // What has just arrived does not come back.
    if Troubles::read(tx).await?.failing(row.channel, &row.address).is_some() {
        clear(tx, (row.channel, &row.address), change.now).await?;
    }
    let body = ContactMethodBody::new(&row, &Troubles::read(tx).await?);
    record(change, tx, &person, "contact_method_verified", &body).await?;
    Ok(Verdict::Right(body))
}

/// Sends a new code to a contact method; the one before it counts no more.
///
/// # Errors
/// 409 when it is verified or no provider could send one, 429 with the wait.
pub(crate) async fn send_code(state: &AppState, user: UserId, id: ContactMethodId) -> Result<(), ApiError> {
    let (now, code, at) = (state.clock.now(), NewCode::new(state), state.clone());
    let known = async move |tx: &mut Tx<'_>| method(tx, user, id).await;
    unless_too_often(state, &state.store.db.read(known).await?, now).await?;
    let unit = async move |tx: &mut Tx<'_>| {
        let row = method(tx, user, id).await?;
        if row.verified_at.is_some() {
            return Err(ApiError::conflict("this contact method is verified already"));
        }
        way_to(tx, &at, row.channel, now).await?;
        if let Some(last) = users::contact_code(tx, id).await? {
            let next = last.sent_at.saturating_add(CODE_AGAIN_AFTER).unwrap_or(now);
            if next > now {
                let wait = u64::try_from(next.duration_since(now).as_secs()).unwrap_or_default();
                return Err(ApiError::rate_limited(
                    "a code was sent a moment ago; wait for it",
                    wait,
                ));
            }
        }
        send(tx, &at, &row, &code, now).await
    };
    state.store.db.write(unit).await
}

/// A code that was sent to a contact method.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnteredCode {
    /// Its six digits.
    #[schema(min_length = 6, max_length = 20)]
    pub(crate) code: String,
}

/// Verifies a contact method by the code that was sent there. It counts for ten minutes and for five tries.
#[utoipa::path(
    post, path = "/api/users/{id}/contact-methods/{methodId}/verify", tag = "Users",
    operation_id = "verifyContactMethod",
    params(("id" = inline(ids::User), Path), ("methodId" = inline(ids::ContactMethod), Path)),
    request_body = EnteredCode,
    responses(
        (status = 200, body = ContactMethodBody),
        (status = 400, body = ErrorBody, description = "The code is wrong; it says how many tries are left."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "No code was sent, or it is too old or spent."),
    ),
)]
async fn post_code(
    State(state): State<AppState>,
    caller: Caller,
    Path((user, id)): Path<(ids::User, ids::ContactMethod)>,
    Json(entered): Json<EnteredCode>,
) -> Result<Json<ContactMethodBody>, ApiError> {
    Ok(Json(verify(&state, &caller, user.0, id.0, &entered.code).await?))
}

/// Nothing has to be said.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Nothing {}

/// Sends a new code to a contact method, at most once a minute.
#[utoipa::path(
    post, path = "/api/users/{id}/contact-methods/{methodId}/send-code", tag = "Users",
    operation_id = "sendContactMethodCode",
    params(("id" = inline(ids::User), Path), ("methodId" = inline(ids::ContactMethod), Path)),
    responses(
        (status = 202, description = "It is on its way."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "It is verified already, or no provider could send one."),
        (status = 429, body = ErrorBody, description = "One was sent a moment ago; Retry-After says how long to wait."),
    ),
)]
async fn send_again(
    State(state): State<AppState>,
    Path((user, id)): Path<(ids::User, ids::ContactMethod)>,
    OptionalJson(Nothing {}): OptionalJson<Nothing>,
) -> Result<StatusCode, ApiError> {
    send_code(&state, user.0, id.0).await?;
    Ok(StatusCode::ACCEPTED)
}
