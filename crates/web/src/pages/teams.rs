//! `/teams`: people who own services together.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use opsknight_domain::{
    directory::{Directory, Member, Target, Team},
    id::{TeamId, UserId},
};
use serde_json::{Value, json};

use super::{
    PageError, choices,
    form::{Form, Wrong},
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::{Path, from_value},
        teams as actions,
        wire::{Id, ids},
    },
    state::AppState,
    views::{Link, MemberRow, Person, Section, Select, TeamList, TeamPage, TeamRow},
};

/// `GET /teams`
pub(super) async fn list(viewer: Viewer) -> Result<Response, PageError> {
    viewer.page(&list_page(&viewer, &Form::default(), &Wrong::default()))
}

fn list_page(viewer: &Viewer, form: &Form, wrong: &Wrong) -> TeamList {
    let directory = viewer.directory();
    let mut teams: Vec<&Team> = directory.teams.values().collect();
    teams.sort_by_key(|team| team.name.to_lowercase());
    let row = |team: &&Team| TeamRow {
        link: Link::new(format!("/teams/{}", team.id), &team.name),
        members: members(directory, team)
            .map(|member| person(directory, member.user))
            .collect(),
        services: u64::try_from(services(directory, team.id).len()).unwrap_or_default(),
    };
    TeamList {
        shell: viewer.shell("Teams", Section::Teams),
        rows: teams.iter().map(row).collect(),
        name: form.field("name", wrong),
    }
}

/// The members, those who lead in front.
fn members<'a>(directory: &'a Directory, team: &'a Team) -> impl Iterator<Item = &'a Member> {
    let mut members: Vec<&Member> = team.members.iter().collect();
    members.sort_by_key(|member| (!member.lead, directory.user_name(member.user).to_lowercase()));
    members.into_iter()
}

fn person(directory: &Directory, id: UserId) -> Person {
    Person::new(id.to_string(), directory.user_name(id))
}

fn services(directory: &Directory, team: TeamId) -> Vec<Link> {
    let mut links: Vec<Link> = directory
        .services
        .values()
        .filter(|service| service.team == Some(team))
        .map(|service| Link::new(format!("/services/{}", service.id), &service.name))
        .collect();
    links.sort_by_key(|link| link.text.to_lowercase());
    links
}

fn policies(directory: &Directory, team: TeamId) -> Vec<Link> {
    let pages_it = |target: &Target| matches!(target, Target::Team { id, .. } if *id == team);
    let naming = directory
        .policies
        .values()
        .filter(|policy| policy.steps.iter().any(|step| step.targets.iter().any(pages_it)));
    let mut links: Vec<Link> = naming
        .map(|policy| Link::new(format!("/policies/{}", policy.id), &policy.name))
        .collect();
    links.sort_by_key(|link| link.text.to_lowercase());
    links
}

/// `POST /teams`
pub(super) async fn create(State(state): State<AppState>, viewer: Viewer, form: Form) -> Result<Response, PageError> {
    let new = from_value(json!({ "name": form.text("name") }))?;
    match actions::create(&state, &viewer.caller, new).await {
        Ok(team) => Ok(Redirect::to(&format!("/teams/{}", team.id.0)).into_response()),
        Err(error) => {
            let wrong = Wrong::of_error(error, &[])?;
            viewer.refused_page(&list_page(&viewer, &form, &wrong))
        }
    }
}

fn found(viewer: &Viewer, id: TeamId) -> Result<&Team, ApiError> {
    let team = viewer.directory().teams.get(&id);
    team.ok_or_else(|| ApiError::not_found("team"))
}

/// `GET /teams/{id}`
pub(super) async fn show(viewer: Viewer, Path(Id(id)): Path<ids::Team>) -> Result<Response, PageError> {
    let team = found(&viewer, id)?;
    let form = Form::of([("name".to_owned(), team.name.clone())]);
    viewer.page(&page(&viewer, team, &form, &Wrong::default()))
}

fn page(viewer: &Viewer, team: &Team, form: &Form, wrong: &Wrong) -> TeamPage {
    let directory = viewer.directory();
    let row = |member: &Member| MemberRow {
        person: person(directory, member.user),
        lead: member.lead,
        receives: member.receives_notifications,
    };
    let inside: Vec<String> = team.members.iter().map(|member| member.user.to_string()).collect();
    let others = choices::people(directory)
        .into_iter()
        .filter(|choice| !inside.contains(&choice.value));
    TeamPage {
        shell: viewer.shell(&team.name, Section::Teams),
        id: team.id.to_string(),
        name: form.field("name", wrong),
        title: team.name.clone(),
        members: members(directory, team).map(row).collect(),
        add: Select::new(form.field("user_id", wrong), others),
        services: services(directory, team.id),
        policies: policies(directory, team.id),
    }
}

/// `POST /teams/{id}`
pub(super) async fn rename(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Team>,
    form: Form,
) -> Result<Response, PageError> {
    let wish = from_value(json!({ "name": form.text("name") }))?;
    match actions::update(&state, &viewer.caller, id, wish).await {
        Ok(_) => Ok(done(&format!("/teams/{id}"), "The team was renamed.")),
        Err(error) => {
            let wrong = Wrong::of_error(error, &[])?;
            viewer.refused_page(&page(&viewer, found(&viewer, id)?, &form, &wrong))
        }
    }
}

/// `POST /teams/{id}/delete`
pub(super) async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Team>,
) -> Result<Response, PageError> {
    match actions::delete(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done("/teams", "The team was deleted.")),
        Err(error) => refused(&format!("/teams/{id}"), error),
    }
}

fn as_json(member: &Member) -> Value {
    json!({
        "userId": member.user.to_string(),
        "role": if member.lead { "LEAD" } else { "MEMBER" },
        "receiveTeamNotifications": member.receives_notifications,
    })
}

async fn set_members(
    state: &AppState,
    viewer: &Viewer,
    id: TeamId,
    members: &[Member],
    says: &str,
) -> Result<Response, PageError> {
    let members: Vec<Value> = members.iter().map(as_json).collect();
    let wish = from_value(json!({ "members": members }))?;
    let path = format!("/teams/{id}");
    match actions::update(state, &viewer.caller, id, wish).await {
        Ok(_) => Ok(done(&path, says)),
        Err(error) => refused(&path, error),
    }
}

/// `POST /teams/{id}/members`
pub(super) async fn add_member(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Team>,
    form: Form,
) -> Result<Response, PageError> {
    let mut members = found(&viewer, id)?.members.clone();
    let mut problems = Problems::default();
    let user = form.id::<UserId>("user_id", &mut problems);
    let Some(user) = user.filter(|user| members.iter().all(|member| member.user != *user)) else {
        let error = ApiError::invalid_request("choose somebody who is not in the team yet");
        return refused(&format!("/teams/{id}"), error);
    };
    members.push(Member {
        user,
        lead: false,
        receives_notifications: true,
    });
    set_members(&state, &viewer, id, &members, "Added to the team.").await
}

/// `POST /teams/{id}/members/{user}`
pub(super) async fn change_member(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), Id(user))): Path<(ids::Team, ids::User)>,
    form: Form,
) -> Result<Response, PageError> {
    let mut members = found(&viewer, id)?.members.clone();
    if form.given("remove").is_some() {
        members.retain(|member| member.user != user);
        return set_members(&state, &viewer, id, &members, "Removed from the team.").await;
    }
    let member = members.iter_mut().find(|member| member.user == user);
    let member = member.ok_or_else(|| ApiError::not_found("member"))?;
    member.lead = form.ticked("lead");
    member.receives_notifications = form.ticked("receives");
    set_members(&state, &viewer, id, &members, "Saved.").await
}
