//! `/api/teams`.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    directory::Member,
    id::{TeamId, UserId},
};
use opsknight_store::{
    db::Tx,
    teams::{self, TeamRow},
    users,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::Caller,
    change::{Change, IfMatch, Object},
    check,
    error::{ApiError, ErrorBody, Problems},
    extract::{Json, Path, Query},
    page::{Listed, Page},
    search::Search,
    wire::{Id, Time, ids, present},
};
use crate::state::AppState;

/// Most people in a team.
const MEMBERS_MAX: usize = 500;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, edit, remove))
}

/// A team.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Team)]
#[serde(rename_all = "camelCase")]
pub struct TeamBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Team,
    /// Its name.
    pub name: String,
    /// Who belongs to it.
    pub members: Vec<MemberBody>,
    /// When it was made.
    #[schema(inline)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(inline)]
    pub updated_at: Time,
}

/// A person's place in a team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = TeamMember)]
#[serde(rename_all = "camelCase")]
pub struct MemberBody {
    /// Who.
    #[schema(inline)]
    pub user_id: ids::User,
    /// `LEAD` or `MEMBER`.
    #[serde(default)]
    pub role: MemberRole,
    /// Is paged when the team is.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub receive_team_notifications: bool,
}

/// What a person is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MemberRole {
    /// Leads it.
    Lead,
    /// Belongs to it.
    #[default]
    Member,
}

const fn yes() -> bool {
    true
}

impl From<TeamRow> for TeamBody {
    fn from(row: TeamRow) -> Self {
        let members = row.members.into_iter().map(|member| MemberBody {
            user_id: Id(member.user),
            role: if member.lead {
                MemberRole::Lead
            } else {
                MemberRole::Member
            },
            receive_team_notifications: member.receives_notifications,
        });
        Self {
            id: Id(row.id),
            name: row.name,
            members: members.collect(),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
        }
    }
}

/// A team to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewTeam {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    /// Who belongs to it.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub(crate) members: Vec<MemberBody>,
}

/// What is to change about a team; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TeamPatch {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub(crate) name: Option<String>,
    /// Everybody who belongs to it, as a whole.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 500, value_type = Vec<MemberBody>, required = false)]
    pub(crate) members: Option<Vec<MemberBody>>,
}

impl From<NewTeam> for TeamPatch {
    fn from(new: NewTeam) -> Self {
        Self {
            name: Some(new.name),
            members: Some(new.members),
        }
    }
}

impl TeamPatch {
    async fn apply(&self, tx: &mut Tx<'_>, row: &mut TeamRow) -> Result<(), ApiError> {
        let mut problems = Problems::default();
        if let Some(name) = &self.name {
            row.name = check::name(&mut problems, "name", name);
        }
        if let Some(members) = &self.members {
            check::at_most(&mut problems, "members", members.len(), MEMBERS_MAX);
            row.members.clear();
            for (place, member) in members.iter().take(MEMBERS_MAX).enumerate() {
                let user = member.user_id.0;
                let field = || format!("members[{place}].userId");
                if row.members.iter().any(|other| other.user == user) {
                    problems.add(field(), "is in the list twice");
                } else if users::get(tx, user).await?.is_none() {
                    problems.add(field(), "must be the id of a user");
                }
                row.members.push(Member {
                    user,
                    lead: member.role == MemberRole::Lead,
                    receives_notifications: member.receive_team_notifications,
                });
            }
        }
        problems.check()
    }
}

/// Makes a team.
pub(crate) async fn create(state: &AppState, caller: &Caller, new: NewTeam) -> Result<TeamBody, ApiError> {
    let change = Change::new(state, caller);
    let id = TeamId::new(state.clock.uuid_v7());
    let wish = TeamPatch::from(new);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = TeamRow {
            id,
            name: String::new(),
            members: Vec::new(),
            created_at: change.now,
            updated_at: change.now,
        };
        wish.apply(tx, &mut row).await?;
        teams::insert(tx, &row).await?;
        let body = TeamBody::from(row);
        change.created(tx, object(&body.name, &id), &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Changes a team.
pub(crate) async fn update(
    state: &AppState,
    caller: &Caller,
    id: TeamId,
    wish: TeamPatch,
) -> Result<TeamBody, ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, id).await?;
        let before = TeamBody::from(row.clone());
        wish.apply(tx, &mut row).await?;
        row.updated_at = change.follows(row.updated_at)?;
        teams::update(tx, &row).await?;
        let body = TeamBody::from(row);
        change.updated(tx, object(&body.name, &id), &before, &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Changes who belongs to a team: `edit` is given those who do at that moment.
pub(crate) async fn change_members(
    state: &AppState,
    caller: &Caller,
    id: TeamId,
    edit: impl Fn(&mut Vec<Member>) -> Result<(), ApiError> + Send + Sync + 'static,
) -> Result<TeamBody, ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let mut row = found(tx, id).await?;
        let before = TeamBody::from(row.clone());
        edit(&mut row.members)?;
        let mut problems = Problems::default();
        check::at_most(&mut problems, "members", row.members.len(), MEMBERS_MAX);
        problems.check()?;
        for member in &row.members {
            if users::get(tx, member.user).await?.is_none() {
                return Err(ApiError::not_found("user"));
            }
        }
        row.updated_at = change.follows(row.updated_at)?;
        teams::update(tx, &row).await?;
        let body = TeamBody::from(row);
        change.updated(tx, object(&body.name, &id), &before, &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
}

/// Removes a team.
pub(crate) async fn delete(state: &AppState, caller: &Caller, id: TeamId) -> Result<(), ApiError> {
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let row = found(tx, id).await?;
        teams::delete(tx, id, change.now).await?;
        change.deleted(tx, object(&row.name, &id)).await?;
        Ok(())
    };
    state.store.db.write(unit).await
}

fn object<'a>(name: &'a str, id: &'a TeamId) -> Object<'a> {
    Object { kind: "team", id, name }
}

async fn found(tx: &mut Tx<'_>, id: TeamId) -> Result<TeamRow, ApiError> {
    teams::get(tx, id).await?.ok_or_else(|| ApiError::not_found("team"))
}

/// Refuses a team that does not exist.
pub(super) async fn check_exists(
    tx: &mut Tx<'_>,
    problems: &mut Problems,
    field: &str,
    id: TeamId,
) -> Result<(), ApiError> {
    if teams::get(tx, id).await?.is_none() {
        problems.add(field, "must be the id of a team");
    }
    Ok(())
}

/// Refuses a person who does not exist.
pub(super) async fn check_user_exists(
    tx: &mut Tx<'_>,
    problems: &mut Problems,
    field: &str,
    id: UserId,
) -> Result<(), ApiError> {
    if users::get(tx, id).await?.is_none() {
        problems.add(field, "must be the id of a user");
    }
    Ok(())
}

/// Lists teams by name.
#[utoipa::path(
    get, path = "/api/teams", tag = "Teams", operation_id = "listTeams", params(Search, Page),
    responses((status = 200, body = Listed<TeamBody>), (status = 400, body = ErrorBody)),
)]
async fn list(
    State(state): State<AppState>,
    Query((search, page)): Query<(Search, Page)>,
) -> Result<Json<Listed<TeamBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| teams::list(tx, search.part(page)).await;
    let (rows, total) = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(TeamBody::from).collect();
    Ok(Json(Listed::new(bodies, total, page)))
}

/// One team.
#[utoipa::path(
    get, path = "/api/teams/{id}", tag = "Teams", operation_id = "getTeam", params(("id" = inline(ids::Team), Path)),
    responses((status = 200, body = TeamBody), (status = 404, body = ErrorBody)),
)]
async fn get(State(state): State<AppState>, Path(Id(id)): Path<ids::Team>) -> Result<Json<TeamBody>, ApiError> {
    let row = state
        .store
        .db
        .read(async move |tx: &mut Tx<'_>| found(tx, id).await)
        .await?;
    Ok(Json(row.into()))
}

/// Makes a team.
#[utoipa::path(
    post, path = "/api/teams", tag = "Teams", operation_id = "createTeam", request_body = NewTeam,
    responses((status = 201, body = TeamBody), (status = 400, body = ErrorBody)),
)]
async fn post(
    State(state): State<AppState>,
    caller: Caller,
    Json(new): Json<NewTeam>,
) -> Result<(StatusCode, Json<TeamBody>), ApiError> {
    Ok((StatusCode::CREATED, Json(create(&state, &caller, new).await?)))
}

/// Changes a team.
#[utoipa::path(
    patch, path = "/api/teams/{id}", tag = "Teams", operation_id = "updateTeam",
    params(("id" = inline(ids::Team), Path), IfMatch), request_body = TeamPatch,
    responses((status = 200, body = TeamBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Team>,
    Json(wish): Json<TeamPatch>,
) -> Result<Json<TeamBody>, ApiError> {
    Ok(Json(update(&state, &caller, id, wish).await?))
}

/// Removes a team.
#[utoipa::path(
    delete, path = "/api/teams/{id}", tag = "Teams", operation_id = "deleteTeam",
    params(("id" = inline(ids::Team), Path)),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "A service or a policy uses it."),
    ),
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Team>,
) -> Result<StatusCode, ApiError> {
    delete(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
