//! `/users`: who there is, what they may do, how they are reached.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use jiff::SignedDuration;
use opsknight_domain::{
    directory::{Channel, Directory, Role, Standing, User},
    id::UserId,
};
use opsknight_store::{
    db::Tx,
    users::{self, UserRow as Stored},
};
use serde_json::{Value, json};

use super::{
    PageError, choices,
    form::{Form, Wrong},
    reach::{self, Outcome, Typed, Whose},
    security::access,
    viewer::{Viewer, done, refused},
};
use crate::{
    actions::accounts::{self, Invitation},
    api::{
        error::ApiError,
        extract::{Path, from_value},
        users as actions,
        wire::{Id, ids},
    },
    state::AppState,
    views::{Link, Person, Reach, Section, Times, UserInvite, UserList, UserPage, UserRow},
};

/// How far ahead somebody's duties are shown.
const DUTIES_AHEAD: SignedDuration = SignedDuration::from_hours(28 * 24);
/// Most duties that are shown.
const DUTIES_MAX: usize = 6;

/// `GET /users`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let directory = viewer.directory();
    let mut people: Vec<&User> = directory.users.values().collect();
    people.sort_by_key(|user| user.name.to_lowercase());
    let row = |user: &&User| UserRow {
        person: Person::new(user.id.to_string(), &user.name),
        email: user.email.clone(),
        role: user.role,
        standing: user.standing,
        teams: teams(directory, user.id)
            .into_iter()
            .map(|team| team.text)
            .collect::<Vec<_>>()
            .join(", "),
        seen: None,
    };
    let page = UserList {
        shell: viewer.shell("Users", Section::Users),
        rows: people.iter().map(row).collect(),
        invitations: access::invitations(&state, &viewer).await?,
    };
    viewer.page(&page)
}

fn teams(directory: &Directory, user: UserId) -> Vec<Link> {
    let of_user = directory
        .teams
        .values()
        .filter(|team| team.members.iter().any(|member| member.user == user));
    let mut links: Vec<Link> = of_user
        .map(|team| Link::new(format!("/teams/{}", team.id), &team.name))
        .collect();
    links.sort_by_key(|link| link.text.to_lowercase());
    links
}

/// `GET /users/new`
pub(super) async fn new(viewer: Viewer) -> Result<Response, PageError> {
    let form = Form::of([("role".to_owned(), Role::Responder.word().to_owned())]);
    viewer.page(&new_page(&viewer, &form, &Wrong::default()))
}

fn new_page(viewer: &Viewer, form: &Form, wrong: &Wrong) -> UserInvite {
    UserInvite {
        shell: viewer.shell("Invite", Section::Users),
        name: form.field("name", wrong),
        email: form.field("email", wrong),
        role: form.select("role", wrong, choices::roles()),
        no_mail: !viewer.directory().channels.contains(&Channel::Email),
    }
}

/// `POST /users`
pub(super) async fn create(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let new = json!({
        "name": form.text("name"),
        "email": form.text("email"),
        "role": form.text("role"),
        "timeZone": viewer.person.time_zone,
    });
    let created = match from_value(new) {
        Ok(new) => actions::create(&state, &viewer.caller, new).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(user) => {
            let invitation = accounts::invite(&state, &viewer.caller, user.id.0).await?;
            shown(&state, &viewer, (user.id.0, &headers), Some(invitation), None).await
        }
        Err(error) => {
            let wrong = Wrong::of_error(error, &[])?;
            viewer.refused_page(&new_page(&viewer, &form, &wrong))
        }
    }
}

/// `GET /users/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(Id(id)): Path<ids::User>,
) -> Result<Response, PageError> {
    shown(&state, &viewer, (id, &headers), None, None).await
}

async fn found(state: &AppState, id: UserId) -> Result<Stored, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| users::get(tx, id).await;
    let row = state.store.db.read(unit).await?;
    row.ok_or_else(|| ApiError::not_found("user"))
}

async fn shown(
    state: &AppState,
    viewer: &Viewer,
    (id, headers): (UserId, &HeaderMap),
    invitation: Option<Invitation>,
    typed: Option<(&Form, Wrong)>,
) -> Result<Response, PageError> {
    let user = found(state, id).await?;
    let is_refused = typed.is_some();
    let reach = reach::reach(state, viewer, &user, Whose::of(id), &Typed::default()).await?;
    let mut page = page(viewer, &user, reach, invitation, typed);
    page.access = access::access(state, viewer, id, headers).await?;
    if is_refused {
        viewer.refused_page(&page)
    } else {
        viewer.page(&page)
    }
}

fn page(
    viewer: &Viewer,
    user: &Stored,
    reach: Reach,
    invitation: Option<Invitation>,
    typed: Option<(&Form, Wrong)>,
) -> UserPage {
    let known = Form::of([
        ("name".to_owned(), user.name.clone()),
        ("role".to_owned(), user.role.word().to_owned()),
    ]);
    let (form, wrong) = typed.unwrap_or((&known, Wrong::default()));
    UserPage {
        shell: viewer.shell(&user.name, Section::Users),
        person: Person::new(user.id.to_string(), &user.name),
        email: user.email.clone(),
        role: user.role,
        standing: user.standing,
        zone: user.time_zone.replace('_', " "),
        name: form.field("name", &wrong),
        new_role: form.select("role", &wrong, choices::roles()),
        reach,
        teams: teams(viewer.directory(), user.id),
        duties: duties(viewer, user.id),
        invitation: invitation.map(|invitation| invitation.url),
        access: None,
        is_me: user.id == viewer.person.id,
    }
}

/// When somebody is on call next, soonest first.
fn duties(viewer: &Viewer, user: UserId) -> Vec<(Link, Times, Times)> {
    let end = viewer.now.saturating_add(DUTIES_AHEAD).unwrap_or(viewer.now);
    let mut duties = Vec::new();
    for schedule in viewer.directory().schedules.values() {
        let shifts = schedule.shifts(viewer.now, end).unwrap_or_default();
        let mine = shifts.into_iter().filter(|shift| shift.user == Some(user));
        duties.extend(mine.map(|shift| (shift.start, shift.end, schedule)));
    }
    duties.sort_by_key(|(start, _, schedule)| (*start, schedule.id));
    let shown = duties.into_iter().take(DUTIES_MAX);
    shown
        .map(|(start, end, schedule)| {
            let link = Link::new(format!("/schedules/{}", schedule.id), &schedule.name);
            (link, viewer.times(start), viewer.times(end))
        })
        .collect()
}

/// `POST /users/{id}`
pub(super) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(Id(id)): Path<ids::User>,
    form: Form,
) -> Result<Response, PageError> {
    let mut wish = json!({ "name": form.text("name") });
    if let Some(role) = form.given("role").filter(|_| id != viewer.person.id) {
        wish["role"] = role.into();
    }
    let changed = match from_value(wish) {
        Ok(wish) => actions::update(&state, &viewer.caller, id, wish).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(done(&format!("/users/{id}"), "Saved.")),
        Err(error) => {
            let wrong = Wrong::of_error(error, &[])?;
            shown(&state, &viewer, (id, &headers), None, Some((&form, wrong))).await
        }
    }
}

/// `POST /users/{id}/invite`
pub(super) async fn invite(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(Id(id)): Path<ids::User>,
) -> Result<Response, PageError> {
    match accounts::invite(&state, &viewer.caller, id).await {
        Ok(invitation) => shown(&state, &viewer, (id, &headers), Some(invitation), None).await,
        Err(error) => refused(&format!("/users/{id}"), error),
    }
}

async fn stand(
    state: &AppState,
    viewer: &Viewer,
    id: UserId,
    standing: Standing,
    says: &str,
) -> Result<Response, PageError> {
    let path = format!("/users/{id}");
    if id == viewer.person.id {
        let error = ApiError::conflict("nobody disables themselves: ask another administrator");
        return refused(&path, error);
    }
    let wish: Value = json!({ "status": standing.word() });
    match actions::update(state, &viewer.caller, id, from_value(wish)?).await {
        Ok(_) => Ok(done(&path, says)),
        Err(error) => refused(&path, error),
    }
}

/// `POST /users/{id}/disable`
pub(super) async fn disable(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::User>,
) -> Result<Response, PageError> {
    let says = "Disabled. They are signed out everywhere and not paged any more.";
    stand(&state, &viewer, id, Standing::Disabled, says).await
}

/// `POST /users/{id}/enable`
pub(super) async fn enable(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::User>,
) -> Result<Response, PageError> {
    stand(&state, &viewer, id, Standing::Active, "Enabled.").await
}

/// The answer to a form about how somebody is reached.
async fn answer(state: &AppState, viewer: &Viewer, id: UserId, outcome: Outcome) -> Result<Response, PageError> {
    let (typed, is_refused) = match outcome {
        Outcome::Answered(response) => return Ok(response),
        Outcome::Refused(typed) => (typed, true),
        Outcome::Rearranged(typed) => (typed, false),
    };
    let user = found(state, id).await?;
    let reach = reach::reach(state, viewer, &user, Whose::of(id), &typed).await?;
    let mut page = page(viewer, &user, reach, None, None);
    page.access = access::access(state, viewer, id, &HeaderMap::new()).await?;
    match is_refused {
        true => viewer.refused_page(&page),
        false => viewer.page(&page),
    }
}

/// `POST /users/{id}/contact-methods`
pub(super) async fn add_method(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::User>,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::add(&state, &viewer, Whose::of(id), form).await?;
    answer(&state, &viewer, id, outcome).await
}

/// `POST /users/{id}/contact-methods/{methodId}`
pub(super) async fn change_method(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), Id(method))): Path<(ids::User, ids::ContactMethod)>,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::change(&state, &viewer, Whose::of(id), method, form).await?;
    answer(&state, &viewer, id, outcome).await
}

/// `POST /users/{id}/notification-rules`
pub(super) async fn save_rules(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::User>,
    form: Form,
) -> Result<Response, PageError> {
    let outcome = reach::save_rules(&state, &viewer, Whose::of(id), form).await?;
    answer(&state, &viewer, id, outcome).await
}

/// `POST /users/{id}/mail`
pub(super) async fn save_mail(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::User>,
    form: Form,
) -> Result<Response, PageError> {
    reach::save_mail(&state, &viewer, Whose::of(id), form).await
}
