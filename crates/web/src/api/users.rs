//! `/api/users`, with the ways to reach people and their notification rules.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    directory::{Channel, Role, Standing},
    id::UserId,
};
use opsknight_store::{
    db::Tx,
    users::{self, UserFilter, UserRow},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::{Caller, Who},
    change::{Change, IfMatch, Object},
    check,
    error::{ApiError, ErrorBody, Problems},
    extract::{FromParams, Json, Params, Path, Query},
    page::{Listed, Page},
    search::Search,
    troubles::{FailingBody, Troubles, clear, only_false},
    wire::{Id, Time, Word, ids, patch, present, words},
};
use crate::state::AppState;

mod access;
pub(crate) mod codes;
pub(crate) mod reach;
pub(crate) mod rules;
mod test_page;

/// The zone of people who have not chosen one.
const TIME_ZONE_DEFAULT: &str = "UTC";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
        .merge(reach::routes())
        .merge(codes::routes())
        .merge(rules::routes())
        .merge(test_page::routes())
        .merge(access::routes())
}

/// A person.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = User)]
#[serde(rename_all = "camelCase")]
pub struct UserBody {
    /// Their id.
    #[schema(inline)]
    pub id: ids::User,
    /// Their mail address: a verified contact method from the start.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    #[schema(inline)]
    pub role: words::Role,
    /// Whether they take part. Everybody who is not disabled is paged.
    #[schema(inline)]
    pub status: words::Standing,
    /// The zone in which times are shown to them.
    pub time_zone: String,
    /// Their telephone number.
    pub phone: Option<String>,
    /// They want news of incidents that does not call them.
    pub receive_news: bool,
    /// Mail to them came back; null: none did.
    pub email_failing: Option<FailingBody>,
    /// When they were added.
    #[schema(inline)]
    pub created_at: Time,
    /// When their account last changed.
    #[schema(inline)]
    pub updated_at: Time,
}

impl UserBody {
    fn new(row: UserRow, troubles: &Troubles) -> Self {
        Self {
            id: Id(row.id),
            email_failing: troubles.failing(Channel::Email, &row.email),
            receive_news: row.wants_news,
            email: row.email,
            name: row.name,
            role: Word(row.role),
            status: Word(row.standing),
            time_zone: row.time_zone,
            phone: row.phone,
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
        }
    }
}

/// A person to be invited.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewUser {
    /// Their mail address.
    #[schema(min_length = 3, max_length = 254)]
    pub(crate) email: String,
    /// Their name.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    /// What they may do.
    #[schema(inline)]
    pub(crate) role: words::Role,
    /// The IANA name of the zone in which times are shown to them; `UTC` unless said.
    pub(crate) time_zone: Option<String>,
    /// Their telephone number with its country code.
    #[schema(max_length = 30)]
    pub(crate) phone: Option<String>,
}

/// What is to change about a person; what is left out stays. People change their own name, zone, telephone number and
/// whether they want news; their address, role and status are an administrator's work.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserPatch {
    /// Their mail address.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 3, max_length = 254, value_type = String, required = false)]
    pub(crate) email: Option<String>,
    /// Their name.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) name: Option<String>,
    /// What they may do.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = words::Role, required = false)]
    pub(crate) role: Option<words::Role>,
    /// `DISABLED` signs them out and pages them no more; `ACTIVE` takes that back.
    #[serde(default, deserialize_with = "present")]
    #[schema(inline, value_type = words::Standing, required = false)]
    pub(crate) status: Option<words::Standing>,
    /// The IANA name of the zone in which times are shown to them.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    pub(crate) time_zone: Option<String>,
    /// Their telephone number with its country code; null takes it away.
    #[serde(default, deserialize_with = "patch")]
    #[schema(max_length = 30, value_type = Option<String>)]
    pub(crate) phone: Option<Option<String>>,
    /// They want news of incidents that does not call them.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) receive_news: Option<bool>,
    /// `false`: mail goes to them again, until it comes back again.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub(crate) email_failing: Option<bool>,
}

impl From<NewUser> for UserPatch {
    fn from(new: NewUser) -> Self {
        Self {
            email: Some(new.email),
            name: Some(new.name),
            role: Some(new.role),
            status: None,
            time_zone: new.time_zone,
            phone: Some(new.phone),
            receive_news: None,
            email_failing: None,
        }
    }
}

impl UserPatch {
    /// Refuses what is an administrator's work.
    fn check_own(&self) -> Result<(), ApiError> {
        if self.email.is_some() || self.role.is_some() || self.status.is_some() {
            return Err(ApiError::forbidden(
                "only an administrator changes an email address, a role or a status",
            ));
        }
        Ok(())
    }

    async fn apply(&self, tx: &mut Tx<'_>, row: &mut UserRow) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        if let Some(email) = &self.email {
            row.email = check::email(&mut problems, "email", email);
        }
        if let Some(name) = &self.name {
            row.name = check::name(&mut problems, "name", name);
        }
        if let Some(Word(role)) = self.role {
            row.role = role;
        }
        if let Some(Word(standing)) = self.status {
            let can_sign_in = users::can_sign_in(tx, row.id).await?;
            row.standing = match (standing, can_sign_in) {
                (Standing::Disabled, _) => Standing::Disabled,
                (Standing::Active, true) => Standing::Active,
                // Whoever has never signed in is still only invited.
                (Standing::Active | Standing::Invited, false) => Standing::Invited,
                (Standing::Invited, true) => {
                    problems.add("status", "must be ACTIVE or DISABLED");
                    row.standing
                }
            };
        }
        if let Some(zone) = &self.time_zone {
            let zone = check::time_zone(&mut problems, "timeZone", zone);
            zone.iana_name()
                .unwrap_or(TIME_ZONE_DEFAULT)
                .clone_into(&mut row.time_zone);
        }
        if let Some(phone) = &self.phone {
            let phone = phone.as_deref().filter(|phone| !phone.trim().is_empty());
            row.phone = phone.map(|phone| check::phone(&mut problems, "phone", phone));
        }
        if let Some(receives) = self.receive_news {
            row.wants_news = receives;
        }
        problems.check()
    }
}

/// Adds a person. Their invitation is another step: [`crate::auth`] makes links.
pub(crate) async fn create(state: &AppState, caller: &Caller, new: NewUser) -> Result<UserBody, ApiError> {
    let change = Change::new(state, caller);
    let id = UserId::new(state.clock.uuid_v7());
    let wish = UserPatch::from(new);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = UserRow {
            id,
            email: String::new(),
            name: String::new(),
            role: Role::User,
            standing: Standing::Invited,
            time_zone: TIME_ZONE_DEFAULT.to_owned(),
            phone: None,
            wants_news: true,
            created_at: change.now,
            updated_at: change.now,
        };
        wish.apply(tx, &mut row).await?;
        users::insert(tx, &row).await?;
        let body = UserBody::new(row, &Troubles::read(tx).await?);
        change.created(tx, object(&body.name, &id), &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Changes a person.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    id: UserId,
    wish: UserPatch,
) -> Result<UserBody, ApiError> {
    if !caller.is_admin() {
        wish.check_own()?;
    }
    let clears = only_false("emailFailing", wish.email_failing)?;
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, id).await?;
        let before = UserBody::new(row.clone(), &Troubles::read(tx).await?);
        if clears {
            clear(tx, (Channel::Email, &row.email), change.now).await?;
        }
        wish.apply(tx, &mut row).await?;
        row.updated_at = change.follows(row.updated_at)?;
        users::update(tx, &row).await?;
        let body = UserBody::new(row, &Troubles::read(tx).await?);
        change.updated(tx, object(&body.name, &id), &before, &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Removes a person with their sessions, memberships, contact methods and rules.
pub(crate) async fn delete(state: &AppState, caller: &Caller, id: UserId) -> Result<(), ApiError> {
    if matches!(&caller.who, Who::Person(person) if person.id == id) {
        return Err(ApiError::conflict(
            "nobody removes themselves: ask another administrator",
        ));
    }
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let row = found(tx, id).await?;
        users::delete(tx, id, change.now).await?;
        change.deleted(tx, object(&row.name, &id)).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

fn object<'a>(name: &'a str, id: &'a UserId) -> Object<'a> {
    Object { kind: "user", id, name }
}

/// The person, or 404.
async fn found(tx: &mut Tx<'_>, id: UserId) -> Result<UserRow, ApiError> {
    users::get(tx, id).await?.ok_or_else(|| ApiError::not_found("user"))
}

/// Which people are wanted.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct UserQuery {
    /// Only those with this role.
    #[param(inline, value_type = Option<words::Role>)]
    role: Option<Role>,
    /// Only those who stand so.
    #[param(inline, value_type = Option<words::Standing>)]
    status: Option<Standing>,
}

impl FromParams for UserQuery {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        Self {
            role: params.one::<words::Role>("role", problems).map(|word| word.0),
            status: params.one::<words::Standing>("status", problems).map(|word| word.0),
        }
    }
}

/// Lists people by name; `q` is looked for in names and email addresses.
#[utoipa::path(
    get, path = "/api/users", tag = "Users", operation_id = "listUsers", params(UserQuery, Search, Page),
    responses((status = 200, body = Listed<UserBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((query, rest)): Query<(UserQuery, (Search, Page))>,
) -> Result<Json<Listed<UserBody>>, ApiError> {
    let (search, page) = rest;
    let unit = async move |tx: &mut Tx<'_>| {
        let filter = UserFilter {
            part: search.part(page),
            role: query.role,
            standing: query.status,
        };
        let (rows, total) = users::list(tx, filter).await?;
        Ok::<_, ApiError>((rows, total, Troubles::read(tx).await?))
    };
    let (rows, total, troubles) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(|row| UserBody::new(row, &troubles)).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// One person.
#[utoipa::path(
    get, path = "/api/users/{id}", tag = "Users", operation_id = "getUser", params(("id" = inline(ids::User), Path)),
    responses((status = 200, body = UserBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::User>) -> Result<Json<UserBody>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, id).await?;
        Ok::<_, ApiError>(UserBody::new(row, &Troubles::read(tx).await?))
    };
    Ok(Json(state.store.db.read(unit).await?))
}

/// Adds a person, who is paged from now on, also before they have signed in.
#[utoipa::path(
    post, path = "/api/users", tag = "Users", operation_id = "createUser", request_body = NewUser,
    responses(
        (status = 201, body = UserBody),
        (status = 400, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "Somebody has this email address."),
    ),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, Json<UserBody>), ApiError> {
    Ok((StatusCode::CREATED, Json(create(&state, &caller, new).await?)))
}

/// Changes a person.
#[utoipa::path(
    patch, path = "/api/users/{id}", tag = "Users", operation_id = "updateUser",
    params(("id" = inline(ids::User), Path), IfMatch), request_body = UserPatch,
    responses(
        (status = 200, body = UserBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "Somebody has this email address, or nobody would be left who is an administrator."),
    ),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::User>,
    Json(wish): Json<UserPatch>,
) -> Result<Json<UserBody>, ApiError> {
    Ok(Json(update(&state, &caller, id, wish).await?))
}

/// Removes a person with their sessions, memberships, contact methods and rules. What they did stays under their name.
#[utoipa::path(
    delete, path = "/api/users/{id}", tag = "Users", operation_id = "deleteUser",
    params(("id" = inline(ids::User), Path)),
    responses(
        (status = 204, description = "They are removed."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "A policy or a schedule names them, nobody would be left who is an administrator, or it is the caller."),
    ),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::User>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
