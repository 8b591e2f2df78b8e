//! `/`: what is open now and whose it is, and who is on call.

use axum::{extract::State, response::Response};
use opsknight_domain::{directory::Directory, incident::Status, oncall::Schedule};
use opsknight_store::{
    db::Tx,
    incidents::{self, Filter, Sort},
};

use super::{PageError, rows::incident_row, viewer::Viewer};
use crate::{
    api::error::ApiError,
    state::AppState,
    views::{Dashboard, Duty, FirstStep, Link, Person, Section},
};

/// Most incidents on the page.
const INCIDENTS_MAX: i64 = 20;

/// `GET /`
pub(super) async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let live = Filter {
        statuses: vec![Status::Open, Status::Acknowledged],
        sort: Sort::Urgency,
        limit: INCIDENTS_MAX,
        ..Filter::default()
    };
    let mine = Filter {
        assignees: vec![viewer.person.id],
        limit: 1,
        ..live.clone()
    };
    let unit = async move |tx: &mut Tx<'_>| {
        let (rows, _) = incidents::list(tx, &live).await?;
        let (_, mine) = incidents::list(tx, &mine).await?;
        let counts = incidents::counts(tx, None).await?;
        Ok::<_, ApiError>((rows, mine, counts))
    };
    let (rows, mine, counts) = state.store.db.read(unit).await?;
    let acknowledged: i64 = counts.iter().map(|(_, counts)| counts.acknowledged).sum();
    let page = Dashboard {
        shell: viewer.shell("Dashboard", Section::Dashboard),
        open: viewer.open,
        acknowledged: u64::try_from(acknowledged).unwrap_or_default(),
        mine: u64::try_from(mine).unwrap_or_default(),
        incidents: rows.into_iter().map(|row| incident_row(&viewer, row)).collect(),
        on_call: duties(&viewer),
        first_steps: first_steps(&viewer),
    };
    viewer.page(&page)
}

fn duties(viewer: &Viewer) -> Vec<Duty> {
    let mut schedules: Vec<&Schedule> = viewer.directory().schedules.values().collect();
    schedules.sort_by_key(|schedule| schedule.name.to_lowercase());
    schedules.into_iter().map(|schedule| duty(viewer, schedule)).collect()
}

/// Who is on call on a schedule, until when, and who is next.
pub(super) fn duty(viewer: &Viewer, schedule: &Schedule) -> Duty {
    let directory = viewer.directory();
    let person = |id| Person::new(format!("{id}"), directory.user_name(id));
    let until = schedule.next_change(viewer.now);
    Duty {
        schedule: Link::new(format!("/schedules/{}", schedule.id), &schedule.name),
        now: schedule.on_call(viewer.now).user().map(person).into_iter().collect(),
        until: until.map(|until| viewer.times(until)),
        next: until.and_then(|until| schedule.on_call(until).user()).map(person),
    }
}

/// What is left to do before a first alert can page anybody; nothing once all of it is done.
fn first_steps(viewer: &Viewer) -> Vec<FirstStep> {
    let directory: &Directory = viewer.directory();
    let step = |href: &str, text: &str, why: &str, done: bool| FirstStep {
        link: Link::new(href, text),
        why: why.to_owned(),
        done,
    };
    let steps = vec![
        step(
            "/settings/email",
            "Set up email",
            "Pages go by email until other channels are set up.",
            !directory.channels.is_empty(),
        ),
        step(
            "/policies/new",
            "Add an escalation policy",
            "It says who is paged, in which order, until somebody acknowledges.",
            !directory.policies.is_empty(),
        ),
        step(
            "/services/new",
            "Add a service",
            "Alerts are about a service, and its policy says who is paged.",
            directory.services.values().any(|service| service.policy.is_some()),
        ),
        step(
            "/services",
            "Connect a monitoring tool",
            "A service has an integration for each tool that sends alerts about it.",
            !viewer.picture.integrations.is_empty(),
        ),
    ];
    if steps.iter().all(|step| step.done) {
        Vec::new()
    } else {
        steps
    }
}
