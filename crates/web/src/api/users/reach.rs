//! `/api/users/{id}/contact-methods` and `/api/users/{id}/notification-rules`: how a person is reached.

use axum::extract::State;
use http::StatusCode;
use opsknight_domain::{
    directory::NotificationRule,
    id::{ContactMethodId, RuleId, UserId},
};
use opsknight_store::{
    db::Tx,
    users::{self, ContactMethodRow, RuleRow, UserRow},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{found, object};
use crate::{
    api::{
        access::Caller,
        change::Change,
        check,
        error::{ApiError, ErrorBody, Problems},
        extract::{Json, Path, Query},
        page::{Listed, Page},
        wire::{Id, Time, Word, ids, words},
    },
    state::AppState,
};

/// Most contact methods of a person.
const CONTACT_METHODS_MAX: usize = 20;
/// Most rules of a person, over all urgencies.
const RULES_MAX: usize = 60;
/// Longest that a rule may wait, in minutes: a day.
const RULE_DELAY_MINUTES_MAX: u32 = 24 * 60;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_methods, post_method))
        .routes(routes!(remove_method))
        .routes(routes!(list_rules, post_rule, put_rules))
        .routes(routes!(remove_rule))
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
    /// A mail address, a telephone number, a Slack member ID, a device.
    pub address: String,
    /// It is known to be theirs. Nothing is paged on an address that is not.
    pub verified: bool,
    /// When it was added.
    #[schema(inline)]
    pub created_at: Time,
}

impl From<ContactMethodRow> for ContactMethodBody {
    fn from(row: ContactMethodRow) -> Self {
        Self {
            id: Id(row.id),
            channel: Word(row.channel),
            address: row.address,
            verified: row.verified_at.is_some(),
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
    /// A mail address, a telephone number with its country code, a Slack member ID, a device.
    #[schema(min_length = 1, max_length = 2048)]
    pub(crate) address: String,
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

/// Adds a way to reach a person. What an administrator or a program adds is taken for verified; what people add
/// themselves is not.
pub(crate) async fn add_contact_method(
    state: &AppState,
    caller: &Caller,
    user: UserId,
    new: NewContactMethod,
) -> Result<ContactMethodBody, ApiError> {
    let mut problems = Problems::default();
    let channel = new.channel.0;
    let address = check::address(&mut problems, "address", channel, &new.address);
    problems.check()?;
    let change = Change::new(state, caller);
    let row = ContactMethodRow {
        id: ContactMethodId::new(state.clock.uuid_v7()),
        user,
        channel,
        address,
        verified_at: caller.is_admin().then_some(change.now),
        created_at: change.now,
    };
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        let person = found(tx, user).await?;
        if users::contact_methods(tx, user).await?.len() >= CONTACT_METHODS_MAX {
            let why = format!("nobody has more than {CONTACT_METHODS_MAX} contact methods");
            return Err(ApiError::conflict(why));
        }
        users::insert_contact_method(tx, &row).await?;
        let body = ContactMethodBody::from(row.clone());
        record(&change, tx, &person, "contact_method_added", &body).await?;
        Ok(body)
    };
    state.store.db.write(unit).await
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
        let row = users::contact_method(tx, user, id).await?;
        let row = row.ok_or_else(|| ApiError::not_found("contact method"))?;
        users::delete_contact_method(tx, user, id, change.now).await?;
        let body = ContactMethodBody::from(row);
        record(&change, tx, &person, "contact_method_removed", &body).await
    };
    state.store.db.write(unit).await
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

/// Notes what became of how a person is reached.
async fn record(
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
        Ok::<_, ApiError>(users::contact_methods(tx, user).await?)
    };
    let rows = state.store.db.read(unit).await?;
    let bodies = rows.into_iter().map(ContactMethodBody::from).collect();
    Ok(Json(Listed::of_all(bodies, page)))
}

/// Adds a way to reach a person. What an administrator or a program adds is taken for verified; what people add
/// themselves is not, and is not paged.
#[utoipa::path(
    post, path = "/api/users/{id}/contact-methods", tag = "Users", operation_id = "createContactMethod",
    params(("id" = inline(ids::User), Path)), request_body = NewContactMethod,
    responses(
        (status = 201, body = ContactMethodBody),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody, description = "The person has this address already, or too many."),
    ),
)]
async fn post_method(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(user)): Path<ids::User>,
    Json(new): Json<NewContactMethod>,
) -> Result<(StatusCode, Json<ContactMethodBody>), ApiError> {
    let body = add_contact_method(&state, &caller, user, new).await?;
    Ok((StatusCode::CREATED, Json(body)))
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
