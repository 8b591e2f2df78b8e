//! `/api/users/{id}/notification-rules`: on which channel a person is told first, and what follows after how long.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    directory::NotificationRule,
    id::{RuleId, UserId},
};
use opsknight_store::{
    db::Tx,
    users::{self, RuleRow},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{found, reach::record};
use crate::{
    api::{
        access::Caller,
        change::Change,
        check,
        error::{ApiError, ErrorBody, Problems},
        extract::{Json, Path, Query},
        page::{Listed, Page},
        wire::{Id, Word, ids, words},
    },
    state::AppState,
};

/// Most rules of a person, over all urgencies.
const RULES_MAX: usize = 60;
/// Longest that a rule may wait, in minutes: a day.
const RULE_DELAY_MINUTES_MAX: u32 = 24 * 60;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_rules, post_rule, put_rules))
        .routes(routes!(remove_rule))
}

/// A personal notification rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = NotificationRule)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleBody {
    /// Its id.
    #[schema(inline)]
    pub id: ids::Rule,
    /// For pages of which urgency.
    #[schema(inline)]
    pub urgency: words::Urgency,
    /// On which channel.
    #[schema(inline)]
    pub channel: words::Channel,
    /// Minutes after the page began.
    pub delay_minutes: u32,
}

impl From<RuleRow> for RuleBody {
    fn from(row: RuleRow) -> Self {
        Self {
            id: Id(row.id),
            urgency: Word(row.rule.urgency),
            channel: Word(row.rule.channel),
            delay_minutes: row.rule.delay_minutes,
        }
    }
}

/// A rule to be added.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = NewNotificationRule)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewRule {
    /// For pages of which urgency.
    #[schema(inline)]
    pub(crate) urgency: words::Urgency,
    /// On which channel.
    #[schema(inline)]
    pub(crate) channel: words::Channel,
    /// Minutes after the page began.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1440)]
    pub(crate) delay_minutes: u32,
}

impl NewRule {
    fn read(self, problems: &mut Problems, path: &str) -> NotificationRule {
        let field = format!("{path}delayMinutes");
        NotificationRule {
            urgency: self.urgency.0,
            channel: self.channel.0,
            delay_minutes: check::number(problems, &field, self.delay_minutes, (0, RULE_DELAY_MINUTES_MAX)),
        }
    }
}

/// All of a person's rules.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NotificationRules)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewRules {
    /// In their order; that of different urgencies does not matter. None for an urgency: the default order of channels.
    #[schema(max_items = 60)]
    pub(crate) rules: Vec<NewRule>,
}

/// Replaces all of a person's rules.
pub(crate) async fn replace_rules(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    rules: Vec<NewRule>,
) -> Result<Vec<RuleBody>, ApiError> {
    let mut problems = Problems::default();
    check::at_most(&mut problems, "rules", rules.len(), RULES_MAX);
    let mut rows = Vec::new();
    for (place, rule) in rules.into_iter().take(RULES_MAX).enumerate() {
        let rule = rule.read(&mut problems, &format!("rules[{place}]."));
        let id = RuleId::new(state.clock.uuid_v7());
        rows.push(RuleRow { id, user, rule });
    }
    problems.check()?;
    let change = Change::new(state, caller);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let person = found(tx, user).await?;
        users::replace_rules(tx, user, &rows, change.now).await?;
        let bodies = rule_bodies(tx, user).await?;
        record(&change, tx, &person, "notification_rules_replaced", &bodies).await?;
        Ok(bodies)
    };
    state.store.db.write(unit).await
}

async fn rule_bodies(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<RuleBody>, ApiError> {
    let rows = users::rules(tx, user).await?;
    Ok(rows.into_iter().map(RuleBody::from).collect())
}

/// A person's notification rules, by urgency and in their order.
#[utoipa::path(
    get, path = "/api/users/{id}/notification-rules", tag = "Users", operation_id = "listNotificationRules",
    params(("id" = inline(ids::User), Path), Page),
    responses((status = 200, body = Listed<RuleBody>), (status = 404, body = ErrorBody)),
)]
async fn list_rules(
    State(state): State<AppState>,
    Path(Id(user)): Path<ids::User>,
    Query(page): Query<Page>,
) -> Result<Json<Listed<RuleBody>>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| {
        found(tx, user).await?;
        rule_bodies(tx, user).await
    };
    Ok(Json(Listed::of_all(state.store.db.read(unit).await?, page)))
}

/// Adds a rule after the person's others.
#[utoipa::path(
    post, path = "/api/users/{id}/notification-rules", tag = "Users", operation_id = "createNotificationRule",
    params(("id" = inline(ids::User), Path)), request_body = NewRule,
    responses(
        (status = 201, body = RuleBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "The person has too many rules."),
    ),
)]
async fn post_rule(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(user)): Path<ids::User>,
    Json(new): Json<NewRule>,
) -> Result<(StatusCode, Json<RuleBody>), ApiError> {
    let mut problems = Problems::default();
    let rule = new.read(&mut problems, "");
    problems.check()?;
    let change = Change::new(&state, &caller);
    let row = RuleRow {
        id: RuleId::new(state.clock.uuid_v7()),
        user,
        rule,
    };
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let person = found(tx, user).await?;
        if users::rules(tx, user).await?.len() >= RULES_MAX {
            return Err(ApiError::conflict(format!("nobody has more than {RULES_MAX} rules")));
        }
        users::insert_rule(tx, &row, change.now).await?;
        let body = RuleBody::from(row.clone());
        record(&change, tx, &person, "notification_rule_added", &body).await?;
        Ok(body)
    };
    Ok((StatusCode::CREATED, Json(state.store.db.write(unit).await?)))
}

/// Replaces all of a person's rules.
#[utoipa::path(
    put, path = "/api/users/{id}/notification-rules", tag = "Users", operation_id = "replaceNotificationRules",
    params(("id" = inline(ids::User), Path)), request_body = NewRules,
    responses((status = 200, body = Listed<RuleBody>), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
async fn put_rules(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(user)): Path<ids::User>,
    Json(new): Json<NewRules>,
) -> Result<Json<Listed<RuleBody>>, ApiError> {
    let bodies = replace_rules(&state, &caller, user, new.rules).await?;
    Ok(Json(Listed::of_all(bodies, Page::default())))
}

/// Removes a rule.
#[utoipa::path(
    delete, path = "/api/users/{id}/notification-rules/{ruleId}", tag = "Users", operation_id = "deleteNotificationRule",
    params(("id" = inline(ids::User), Path), ("ruleId" = inline(ids::Rule), Path)),
    responses((status = 204, description = "It is removed."), (status = 404, body = ErrorBody)),
)]
async fn remove_rule(
    State(state): State<AppState>,
    caller: Caller,
    Path((user, id)): Path<(ids::User, ids::Rule)>,
) -> Result<StatusCode, ApiError> {
    let (change, user, id) = (Change::new(&state, &caller), user.0, id.0);
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let person = found(tx, user).await?;
        let row = users::rule(tx, user, id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("notification rule"))?;
        users::delete_rule(tx, user, id, change.now).await?;
        record(&change, tx, &person, "notification_rule_removed", &RuleBody::from(row)).await
    };
    state.store.db.write(unit).await?;
    Ok(StatusCode::NO_CONTENT)
}
