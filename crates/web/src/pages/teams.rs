//! `/teams`: people who own services together.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use opsknight_domain::{
    directory::{Directory, Member, Service, Target, Team},
    id::{ServiceId, TeamId, UserId},
};
use opsknight_store::{
    db::Tx,
    incidents::{self, Counts, Filter},
};
use serde_json::{Value, json};

use super::{
    PageError, choices, dashboard, duties,
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
    views::{Badge, Link, MemberRow, OwnIncident, Person, Section, Select, TeamList, TeamPage, TeamRow},
};

/// `GET /teams`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let counts = counts(&state).await?;
    viewer.page(&list_page(&viewer, &counts, &Form::default(), &Wrong::default()))
}

/// How many incidents of each service are not over.
async fn counts(state: &AppState) -> Result<Vec<(ServiceId, Counts)>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| incidents::counts(tx, None).await;
    Ok(state.store.db.read(unit).await?)
}

fn list_page(viewer: &Viewer, counts: &[(ServiceId, Counts)], form: &Form, wrong: &Wrong) -> TeamList {
    let directory = viewer.directory();
    let mut teams: Vec<&Team> = directory.teams.values().collect();
    teams.sort_by_key(|team| team.name.to_lowercase());
    let row = |team: &&Team| TeamRow {
        link: Link::new(format!("/teams/{}", team.id), &team.name),
        members: members(directory, team)
            .map(|member| person(directory, member.user))
            .collect(),
        on_call: on_call(viewer, team),
        open: open(directory, counts, team.id),
        services: u64::try_from(services(directory, team.id).len()).unwrap_or_default(),
    };
    TeamList {
        shell: viewer.shell("Teams", Section::Teams),
        rows: teams.iter().map(row).collect(),
        name: form.field("name", wrong),
    }
}

/// Who is on call now on the schedules of a team, each once.
fn on_call(viewer: &Viewer, team: &Team) -> Vec<Person> {
    let directory = viewer.directory();
    let schedules = duties::schedules_of(directory, team).into_iter();
    let mut found: Vec<UserId> = schedules
        .filter_map(|schedule| schedule.on_call(viewer.now).user())
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|id| person(directory, id)).collect()
}

fn open(directory: &Directory, counts: &[(ServiceId, Counts)], team: TeamId) -> u64 {
    let is_its = |id: &ServiceId| {
        directory
            .services
            .get(id)
            .is_some_and(|service| service.team == Some(team))
    };
    let counts = counts.iter().filter(|(id, _)| is_its(id)).map(|(_, counts)| counts);
    let sum: i64 = counts
        .map(|counts| counts.open + counts.acknowledged + counts.snoozed)
        .sum();
    u64::try_from(sum).unwrap_or_default()
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

fn services(directory: &Directory, team: TeamId) -> Vec<&Service> {
    let its = directory.services.values().filter(|service| service.team == Some(team));
    let mut its: Vec<&Service> = its.collect();
    its.sort_by_key(|service| service.name.to_lowercase());
    its
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
            viewer.refused_page(&list_page(&viewer, &counts(&state).await?, &form, &wrong))
        }
    }
}

fn found(viewer: &Viewer, id: TeamId) -> Result<&Team, ApiError> {
    let team = viewer.directory().teams.get(&id);
    team.ok_or_else(|| ApiError::not_found("team"))
}

/// `GET /teams/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Team>,
) -> Result<Response, PageError> {
    let team = found(&viewer, id)?;
    let form = Form::of([("name".to_owned(), team.name.clone())]);
    let desk = desk(&state, &viewer, team).await?;
    viewer.page(&page(&viewer, team, desk, &form, &Wrong::default()))
}

/// What is on a team's desk.
struct Desk {
    counts: Vec<(ServiceId, Counts)>,
    incidents: Vec<OwnIncident>,
}

async fn desk(state: &AppState, viewer: &Viewer, team: &Team) -> Result<Desk, ApiError> {
    let its = services(viewer.directory(), team.id);
    let filter = Filter {
        services: its.iter().map(|service| service.id).collect(),
        ..duties::live()
    };
    let unit = async move |tx: &mut Tx<'_>| {
        // No services would ask for the incidents of all.
        let rows = if filter.services.is_empty() {
            Vec::new()
        } else {
            incidents::list(tx, &filter).await?.0
        };
        Ok::<_, ApiError>((incidents::counts(tx, None).await?, rows))
    };
    let (counts, rows) = state.store.db.read(unit).await?;
    let incidents = rows.into_iter().map(|row| duties::own_incident(viewer, row));
    Ok(Desk {
        counts,
        incidents: incidents.collect(),
    })
}

/// A service, and whether it works.
fn service_row(service: &Service, counts: &[(ServiceId, Counts)]) -> (Link, Badge) {
    let known = counts.iter().find(|(id, _)| *id == service.id);
    let health = super::services::health(known.map(|(_, counts)| *counts).unwrap_or_default());
    let link = Link::new(format!("/services/{}", service.id), &service.name);
    (link, health.badge())
}

fn page(viewer: &Viewer, team: &Team, desk: Desk, form: &Form, wrong: &Wrong) -> TeamPage {
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
        services: services(directory, team.id)
            .into_iter()
            .map(|service| service_row(service, &desk.counts))
            .collect(),
        on_call: duties::schedules_of(directory, team)
            .into_iter()
            .map(|schedule| dashboard::duty(viewer, schedule))
            .collect(),
        incidents: desk.incidents,
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
            let team = found(&viewer, id)?;
            let desk = desk(&state, &viewer, team).await?;
            viewer.refused_page(&page(&viewer, team, desk, &form, &wrong))
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
