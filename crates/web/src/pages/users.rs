//! `/users`: who there is, what they may do, how they are reached.

use axum::{extract::State, response::Response};
use http::{HeaderMap, Uri};
use jiff::SignedDuration;
use opsknight_domain::{
    directory::{Channel, Directory, Role, Standing, User},
    id::UserId,
};
use opsknight_store::{
    db::Tx,
    incidents::{self, Filter},
    users::{self, UserRow as Stored},
};
use serde_json::{Value, json};

use super::{
    PageError, choices, duties,
    form::{Form, Wrong},
    meanwhile::Editing,
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
    views::{
        Choice, Link, OwnIncident, Person, Reach, Section, Times, UserInvite, UserList, UserPage, UserRow, role_name,
        standing,
    },
};

/// How far ahead somebody's duties are shown.
const DUTIES_AHEAD: SignedDuration = SignedDuration::from_hours(28 * 24);
/// Most duties that are shown.
const DUTIES_MAX: usize = 6;

/// `GET /users`, with `?name=&role=&standing=` to look for some.
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let asked = asked(&uri);
    let directory = viewer.directory();
    let mut people: Vec<&User> = directory.users.values().filter(|user| is_asked(&asked, user)).collect();
    let mut next = duties::next_of_all(&viewer);
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
        reach: duties::reachable(directory, user.id, viewer.now),
        next: next.remove(&user.id),
        seen: None,
    };
    let rows = people.iter().map(row).collect();
    let page = UserList {
        shell: viewer.shell("Users", Section::Users),
        query: asked.text("name").to_owned(),
        role: asked.select("role", &Wrong::default(), choices::or_none("Any role", role_names())),
        standing: asked.select(
            "standing",
            &Wrong::default(),
            choices::or_none("Any account", standings()),
        ),
        filtered: ["name", "role", "standing"]
            .iter()
            .any(|name| asked.given(name).is_some()),
        rows,
        invitations: access::invitations(&state, &viewer).await?,
    };
    viewer.page(&page)
}

/// What the address asks for.
fn asked(uri: &Uri) -> Form {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    Form::of(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())))
}

fn is_asked(asked: &Form, user: &User) -> bool {
    let words = asked.text("name").to_lowercase();
    let named = user.name.to_lowercase().contains(&words) || user.email.to_lowercase().contains(&words);
    let role = Role::from_word(asked.text("role")).is_none_or(|role| role == user.role);
    let standing = Standing::from_word(asked.text("standing")).is_none_or(|standing| standing == user.standing);
    named && role && standing
}

fn role_names() -> Vec<Choice> {
    let choice = |role: Role| Choice::new(role.word(), role_name(role));
    Role::ALL.into_iter().map(choice).collect()
}

fn standings() -> Vec<Choice> {
    let choice = |known: Standing| Choice::new(known.word(), standing(known).text);
    Standing::ALL.into_iter().map(choice).collect()
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
    let viewer = &match is_refused {
        true => viewer.clone(),
        false => viewer.clone().editing(user.updated_at),
    };
    let reach = reach::reach(state, viewer, &user, Whose::of(id), &Typed::default()).await?;
    let mut page = page(viewer, &user, reach, invitation, typed);
    page.incidents = incidents_of(state, viewer, id).await?;
    page.access = access::access(state, viewer, id, headers).await?;
    if is_refused {
        viewer.refused_page(&page)
    } else {
        viewer.page(&page)
    }
}

/// The form as it is filled in for a person.
fn known(user: &Stored) -> Form {
    Form::of([
        ("name".to_owned(), user.name.clone()),
        ("role".to_owned(), user.role.word().to_owned()),
    ])
}

fn page(
    viewer: &Viewer,
    user: &Stored,
    reach: Reach,
    invitation: Option<Invitation>,
    typed: Option<(&Form, Wrong)>,
) -> UserPage {
    let known = known(user);
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
        incidents: Vec::new(),
        duties: ahead(viewer, user.id),
        invitation: invitation.map(|invitation| invitation.url),
        access: None,
        is_me: user.id == viewer.person.id,
    }
}

/// The incidents of a person that are not over.
async fn incidents_of(state: &AppState, viewer: &Viewer, id: UserId) -> Result<Vec<OwnIncident>, ApiError> {
    let filter = Filter {
        assignees: vec![id],
        ..duties::live()
    };
    let unit = async move |tx: &mut Tx<'_>| incidents::list(tx, &filter).await;
    let (rows, _) = state.store.db.read(unit).await?;
    Ok(rows.into_iter().map(|row| duties::own_incident(viewer, row)).collect())
}

/// When somebody is on call next, soonest first.
fn ahead(viewer: &Viewer, user: UserId) -> Vec<(Link, Times, Times)> {
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
    let is_me = id == viewer.person.id;
    let as_body = move |form: &Form| {
        let mut wish = json!({ "name": form.text("name") });
        if let Some(role) = form.given("role").filter(|_| !is_me) {
            wish["role"] = role.into();
        }
        wish
    };
    let changed = match from_value(as_body(&form)) {
        Ok(wish) => actions::update(&state, &viewer.saving(&form), id, wish).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(done(&format!("/users/{id}"), "Saved.")),
        Err(error) => {
            let user = found(&state, id).await?;
            let editing = Editing {
                object: &id,
                typed: form,
                current: known(&user),
                updated_at: user.updated_at,
                names: &[],
                as_body: &|form| Some(as_body(form)),
            };
            let (viewer, form, wrong) = viewer
                .again(&state, error, editing, |error| Wrong::of_error(error, &[]))
                .await?;
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
    page.incidents = incidents_of(state, viewer, id).await?;
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
