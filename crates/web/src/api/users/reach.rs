//! `/api/users/{id}/contact-methods`: the ways to reach a person besides their own mail address.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    directory::Channel,
    id::{ContactMethodId, UserId},
};
use opsknight_store::{
    db::Tx,
    users::{self, ContactMethodRow, UserRow},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    codes::{NewCode, send, unless_too_often, way_to},
    found, object,
};
use crate::{
    api::{
        access::Caller,
        address,
        change::Change,
        error::{ApiError, ErrorBody, Problems},
        extract::{Json, Path, Query},
        page::{Listed, Page},
        troubles::{FailingBody, Troubles, clear, only_false},
        wire::{Id, Time, Word, ids, present, words},
    },
    state::AppState,
};

/// Most contact methods of a person.
const CONTACT_METHODS_MAX: usize = 20;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_methods, post_method))
        .routes(routes!(edit_method, remove_method))
}

/// A way to reach a person.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ContactMethod)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContactMethodBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::ContactMethod,
    /// Which channel reaches it.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub channel: words::Channel,
    /// A mail address, a telephone number, a Slack member ID, a device; of a browser's subscription only the host that
    /// takes its messages, for the whole is a secret.
    pub address: String,
    /// What people call it: the same.
    pub label: String,
    /// It is known to be theirs. Nothing is paged on an address that is not.
    pub verified: bool,
    /// Messages came back; null: none did. Set it to false to give the address another chance.
    pub failing: Option<FailingBody>,
    /// Whoever has it asked for no more messages, by STOP.
    pub stopped: bool,
    /// When it was added.
    #[schema(inline)]
    pub created_at: Time,
}

impl ContactMethodBody {
    /// A contact method with what is known of its address.
    pub(crate) fn new(row: &ContactMethodRow, troubles: &Troubles) -> Self {
        let label = address::label(row.channel, &row.address);
        Self {
            id: Id(row.id),
            channel: Word(row.channel),
            address: label.clone(),
            label,
            verified: row.verified_at.is_some(),
            failing: troubles.failing(row.channel, &row.address),
            stopped: troubles.stopped(row.channel, &row.address),
            created_at: Time(row.created_at),
        }
    }
}

/// A way to reach a person, to be added.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewContactMethod {
    /// Which channel reaches it.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub(crate) channel: words::Channel,
    /// A mail address, a telephone number with its country code, a Slack member ID or the mail address that Slack knows
    /// them by; for PUSH a browser's `PushSubscription` as JSON, or OneSignal's subscription ID.
    #[schema(min_length = 1, max_length = 4096)]
    pub(crate) address: String,
}

/// What is to change about a way to reach a person.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContactMethodPatch {
    /// `false`: messages go there again, until they come back again.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) failing: Option<bool>,
}

/// A contact method that somebody asked for.
#[derive(Debug, Clone)]
pub(crate) struct Added {
    /// As it is now.
    pub(crate) method: ContactMethodBody,
    /// It was not there before.
    pub(crate) is_new: bool,
}

/// Adds a way to reach a person. What people add themselves is theirs once they have entered the code that is sent
/// there, except for the very device that they hold; what an administrator adds for others, or a program, is taken for
/// verified.
pub(crate) async fn add_contact_method(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    new: NewContactMethod,
) -> Result<Added, ApiError> {
    let mut problems = Problems::default();
    let channel = new.channel.0;
    let address = address::checked(&mut problems, "address", channel, &new.address);
    problems.check()?;
    let change = Change::new(state, caller);
    let is_own = caller.person().is_some_and(|person| person.id == user);
    let code = (is_own && channel != Channel::Push).then(|| NewCode::new(state));
    let row = ContactMethodRow {
        id: ContactMethodId::new(state.clock.uuid_v7()),
        user,
        channel,
        address,
        verified_at: code.is_none().then_some(change.now),
        created_at: change.now,
    };
    if code.is_some() {
        unless_too_often(state, &row, change.now).await?;
    }
    let at = state.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        if code.is_some() {
            way_to(tx, &at, channel, change.now).await?;
        }
        change.begin(tx).await?;
        let person = found(tx, user).await?;
        if let Some(method) = held_already(tx, &change, &row).await? {
            return Ok(Added { method, is_new: false });
        }
        if users::contact_methods(tx, user).await?.len() >= CONTACT_METHODS_MAX {
            let why = format!("nobody has more than {CONTACT_METHODS_MAX} contact methods");
            return Err(ApiError::conflict(why));
        }
        users::insert_contact_method(tx, &row).await?;
        if let Some(code) = &code {
            send(tx, &at, &row, code, change.now).await?;
        }
        let method = ContactMethodBody::new(&row, &Troubles::read(tx).await?);
        record(&change, tx, &person, "contact_method_added", &method).await?;
        Ok(Added { method, is_new: true })
    };
    state.store.db.write(unit).await
}

/// A device that this person has already. Where it was somebody else's, it is theirs no more: a browser tells everybody
/// who signs in on it the same subscription, and only one of them is in front of it.
async fn held_already(
    tx: &mut Tx<'_>,
    change: &Change,
    row: &ContactMethodRow,
) -> Result<Option<ContactMethodBody>, ApiError> {
    if row.channel != Channel::Push {
        return Ok(None);
    }
    let own = users::contact_methods(tx, row.user).await?;
    let same = own
        .iter()
        .find(|own| own.channel == row.channel && own.address == row.address);
    if let Some(same) = same {
        return Ok(Some(ContactMethodBody::new(same, &Troubles::read(tx).await?)));
    }
    users::delete_address(tx, row.channel, &row.address, change.now).await?;
    Ok(None)
}

/// Gives a contact method whose messages came back another chance.
pub(crate) async fn update_contact_method(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    id: ContactMethodId,
    wish: ContactMethodPatch,
) -> Result<ContactMethodBody, ApiError> {
    let clears = only_false("failing", wish.failing)?;
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let person = found(tx, user).await?;
        let row = method(tx, user, id).await?;
        let before = ContactMethodBody::new(&row, &Troubles::read(tx).await?);
        if clears {
            clear(tx, (row.channel, &row.address), change.now).await?;
        }
        let after = ContactMethodBody::new(&row, &Troubles::read(tx).await?);
        if after != before {
            record(&change, tx, &person, "contact_method_cleared", &after).await?;
        }
        Ok(after)
    };
    state.store.db.write(unit).await
}

/// The contact method, or 404.
pub(crate) async fn method(tx: &mut Tx<'_>, user: UserId, id: ContactMethodId) -> Result<ContactMethodRow, ApiError> {
    let row = users::contact_method(tx, user, id).await?;
    row.ok_or_else(|| ApiError::not_found("contact method"))
}

/// Removes a way to reach a person.
pub(crate) async fn delete_contact_method(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    id: ContactMethodId,
) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let person = found(tx, user).await?;
        let row = method(tx, user, id).await?;
        let body = ContactMethodBody::new(&row, &Troubles::read(tx).await?);
        users::delete_contact_method(tx, user, id, change.now).await?;
        record(&change, tx, &person, "contact_method_removed", &body).await
    };
    state.store.db.write(unit).await
}

/// Notes what became of how a person is reached.
pub(super) async fn record(
    change: &Change,
    tx: &mut Tx<'_>,
    person: &UserRow,
    what: &str,
    body: &(impl Serialize + Sync),
) -> Result<(), ApiError> {
    let changes = serde_json::json!({ what: body });
    change
        .record(tx, what, object(&person.name, &person.id), changes)
        .await?;
    Ok(())
}

/// The ways to reach a person besides their own email address, in the order in which they were added.
#[utoipa::path(
    get, path = "/api/users/{id}/contact-methods", tag = "Users", operation_id = "listContactMethods",
    params(("id" = inline(ids::User), Path), Page),
    responses((status = 200, body = Listed<ContactMethodBody>), (status = 404, body = ErrorBody)),
)]
async fn list_methods(
    State(state): State<AppState>,
    Path(Id(user)): Path<ids::User>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<ContactMethodBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        found(tx, user).await?;
        Ok::<_, ApiError>((users::contact_methods(tx, user).await?, Troubles::read(tx).await?))
    };
    let (rows, troubles) = state.store.db.read(unit).await?;
    let bodies = rows.iter().map(|row| ContactMethodBody::new(row, &troubles)).collect();
    Ok(Json(Listed::of_all(bodies, page)))
}

/// Adds a way to reach a person. What an administrator adds for others, or a program, is taken for verified. What people
/// add themselves is paged once they have entered the code that is sent there at once; the device that they hold, a
/// PUSH method, needs none, and adding it again changes nothing.
#[utoipa::path(
    post, path = "/api/users/{id}/contact-methods", tag = "Users", operation_id = "createContactMethod",
    params(("id" = inline(ids::User), Path)), request_body = NewContactMethod,
    responses(
        (status = 200, body = ContactMethodBody, description = "The person has this device already."),
        (status = 201, body = ContactMethodBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "The person has this address already, or too many, or no provider could send the code."),
        (status = 429, body = ErrorBody, description = "Too many codes were asked for."),
    ),
)]
async fn post_method(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(user)): Path<ids::User>,
    Json(new): Json<NewContactMethod>,
) -> Result<(StatusCode, Json<ContactMethodBody>), ApiError> {
    let added = add_contact_method(&state, &caller, user, new).await?;
    let status = if added.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(added.method)))
}

/// Gives a contact method whose messages came back another chance: `failing` is set to false.
#[utoipa::path(
    patch, path = "/api/users/{id}/contact-methods/{methodId}", tag = "Users", operation_id = "updateContactMethod",
    params(("id" = inline(ids::User), Path), ("methodId" = inline(ids::ContactMethod), Path)),
    request_body = ContactMethodPatch,
    responses(
        (status = 200, body = ContactMethodBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "Whoever has the address asked for no more messages."),
    ),
)]
async fn edit_method(
    State(state): State<AppState>,
    caller: Caller,
    Path((user, id)): Path<(ids::User, ids::ContactMethod)>,
    Json(wish): Json<ContactMethodPatch>,
) -> Result<Json<ContactMethodBody>, ApiError> {
    Ok(Json(update_contact_method(&state, &caller, user.0, id.0, wish).await?))
}

/// Removes a way to reach a person.
#[utoipa::path(
    delete, path = "/api/users/{id}/contact-methods/{methodId}", tag = "Users", operation_id = "deleteContactMethod",
    params(("id" = inline(ids::User), Path), ("methodId" = inline(ids::ContactMethod), Path)),
    responses((status = 204, description = "It is removed."), (status = 404, body = ErrorBody)),
)]
async fn remove_method(
    State(state): State<AppState>,
    caller: Caller,
    Path((user, id)): Path<(ids::User, ids::ContactMethod)>,
) -> Result<StatusCode, ApiError> {
    delete_contact_method(&state, &caller, user.0, id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
