//! `/teams`: people who own services together.

use std::collections::HashMap;

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
    teams::{self, TeamRow as Stored},
};
use serde_json::json;

use super::{
    PageError, choices, dashboard, duties,
    form::{Form, Wrong},
    meanwhile::Editing,
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
async fn counts(state: &AppState) -> Result<HashMap<ServiceId, Counts>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| incidents::counts(tx, &[]).await;
    Ok(state.store.db.read(unit).await?)
}

fn list_page(viewer: &Viewer, counts: &HashMap<ServiceId, Counts>, form: &Form, wrong: &Wrong) -> TeamList {
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

fn open(directory: &Directory, counts: &HashMap<ServiceId, Counts>, team: TeamId) -> u64 {
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

async fn stored(state: &AppState, id: TeamId) -> Result<Option<Stored>, ApiError> {
    let unit = async move |tx: &mut Tx<'_>| teams::get(tx, id).await;
    Ok(state.store.db.read(unit).await?)
}

/// The form as it is filled in for a team.
fn known(name: &str) -> Form {
    Form::of([("name".to_owned(), name.to_owned())])
}

/// `GET /teams/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Team>,
) -> Result<Response, PageError> {
    let viewer = match stored(&state, id).await? {
        Some(row) => viewer.editing(row.updated_at),
        None => viewer,
    };
    let team = found(&viewer, id)?;
    let form = known(&team.name);
    let desk = desk(&state, &viewer, team).await?;
    viewer.page(&page(&viewer, team, desk, &form, &Wrong::default()))
}

/// What is on a team's desk.
struct Desk {
    counts: HashMap<ServiceId, Counts>,
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
        Ok::<_, ApiError>((incidents::counts(tx, &[]).await?, rows))
    };
    let (counts, rows) = state.store.db.read(unit).await?;
    let incidents = rows.into_iter().map(|row| duties::own_incident(viewer, row));
    Ok(Desk {
        counts,
        incidents: incidents.collect(),
    })
}

/// A service, and whether it works.
fn service_row(service: &Service, counts: &HashMap<ServiceId, Counts>) -> (Link, Badge) {
    let health = super::services::health(counts.get(&service.id).copied().unwrap_or_default());
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
    match actions::update(&state, &viewer.saving(&form), id, wish).await {
        Ok(_) => Ok(done(&format!("/teams/{id}"), "The team was renamed.")),
        Err(error) => {
            let row = stored(&state, id).await?.ok_or_else(|| ApiError::not_found("team"))?;
            let editing = Editing {
                object: &id,
                typed: form,
                current: known(&row.name),
                updated_at: row.updated_at,
                names: &[],
                as_body: &|form| Some(json!({ "name": form.text("name") })),
            };
            let (viewer, form, wrong) = viewer
                .again(&state, error, editing, |error| Wrong::of_error(error, &[]))
                .await?;
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

/// Changes who belongs to a team as it is then, not as the page had it: two who change it lose nothing of each other's.
async fn change_members(
    state: &AppState,
    viewer: &Viewer,
    id: TeamId,
    edit: impl Fn(&mut Vec<Member>) -> Result<(), ApiError> + Send + Sync + 'static,
    says: &str,
) -> Result<Response, PageError> {
    let path = format!("/teams/{id}");
    match actions::change_members(state, &viewer.caller, id, edit).await {
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
    let mut problems = Problems::default();
    let user = form.id::<UserId>("user_id", &mut problems);
    let add = move |members: &mut Vec<Member>| {
        let user = user.filter(|user| members.iter().all(|member| member.user != *user));
        let user = user.ok_or_else(|| ApiError::invalid_request("choose somebody who is not in the team yet"))?;
        members.push(Member {
            user,
            lead: false,
            receives_notifications: true,
        });
        Ok(())
    };
    change_members(&state, &viewer, id, add, "Added to the team.").await
}

/// `POST /teams/{id}/members/{user}`
pub(super) async fn change_member(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), Id(user))): Path<(ids::Team, ids::User)>,
    form: Form,
) -> Result<Response, PageError> {
    if form.given("remove").is_some() {
        let remove = move |members: &mut Vec<Member>| {
            members.retain(|member| member.user != user);
            Ok(())
        };
        return change_members(&state, &viewer, id, remove, "Removed from the team.").await;
    }
    let (lead, receives) = (form.ticked("lead"), form.ticked("receives"));
    let change = move |members: &mut Vec<Member>| {
        let member = members.iter_mut().find(|member| member.user == user);
        let member = member.ok_or_else(|| ApiError::not_found("member"))?;
        (member.lead, member.receives_notifications) = (lead, receives);
        Ok(())
    };
    change_members(&state, &viewer, id, change, "Saved.").await
}
