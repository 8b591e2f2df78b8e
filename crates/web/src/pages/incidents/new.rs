//! `/incidents/new`: opening an incident by hand.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::Uri;
use opsknight_domain::{
    directory::Directory,
    id::{ServiceId, UserId},
    incident::Manual,
    urgency::Urgency,
};
use serde_json::Value;

use super::SERVICES_LISTED_MAX;
use crate::{
    actions::incidents::{self as actions, Opening},
    api::error::{ApiError, Problems},
    pages::{
        PageError, choices,
        form::{Form, Wrong},
        viewer::Viewer,
    },
    state::AppState,
    views::{IncidentNew, Section, ServiceFilter},
};

/// `GET /incidents/new`
pub(in crate::pages) async fn new(viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let given = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned();
    let urgency = ("urgency".to_owned(), Urgency::High.word().to_owned());
    let form = Form::of(given.chain([urgency]));
    viewer.page(&new_page(&viewer, &form, &Wrong::default()))
}

fn new_page(viewer: &Viewer, form: &Form, wrong: &Wrong) -> IncidentNew {
    let directory = viewer.directory();
    let nobody = "Whoever the policy pages";
    IncidentNew {
        shell: viewer.shell("New incident", Section::Incidents),
        title: form.field("title", wrong),
        service: service(form, wrong, directory),
        urgency: form.select("urgency", wrong, choices::urgencies()),
        assignee: form.select("assignee", wrong, choices::or_none(nobody, choices::people(directory))),
        description: form.field("description", wrong),
    }
}

/// The service: chosen from a list, or typed where a list would be too long for a page. A link to the form may name it.
fn service(form: &Form, wrong: &Wrong, directory: &Directory) -> ServiceFilter {
    if directory.services.len() <= SERVICES_LISTED_MAX {
        return ServiceFilter::Listed(form.select("service_id", wrong, choices::services(directory)));
    }
    let field = form.field("service", wrong);
    let named = form.text("service_id").parse::<ServiceId>().ok();
    match named.and_then(|id| directory.services.get(&id)) {
        Some(service) if field.value.is_empty() => ServiceFilter::Typed(field.with(&service.name)),
        Some(_) | None => ServiceFilter::Typed(field),
    }
}

/// The service that was chosen, or the one that is called as was typed.
fn chosen(form: &Form, directory: &Directory, problems: &mut Problems) -> Option<ServiceId> {
    let Some(name) = form.given("service") else {
        let id = form.id::<ServiceId>("service_id", problems);
        if id.is_none() {
            problems.add("service_id", "must be chosen");
            problems.add("service", "must be chosen");
        }
        return id;
    };
    let wanted = name.to_lowercase();
    let mut called = directory
        .services
        .values()
        .filter(|service| service.name.to_lowercase() == wanted);
    match (called.next(), called.next()) {
        (Some(service), None) => Some(service.id),
        (None, _) => {
            problems.add("service", "no service has this name");
            None
        }
        (Some(_), Some(_)) => {
            problems.add("service", "several services have this name; rename all but one");
            None
        }
    }
}

/// The names of fields as actions know them, and as the form here does.
const NAMES: [(&str, &str); 2] = [("serviceId", "service_id"), ("assigneeId", "assignee")];

/// `POST /incidents`
pub(in crate::pages) async fn create(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let opened = match opening(&form, viewer.directory()) {
        Ok(opening) => actions::open(&state, opening, viewer.actor()).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(opened) => Ok(Redirect::to(&format!("/incidents/{}", opened.incident.id)).into_response()),
        Err(error) => {
            let wrong = Wrong::of_error(error, &NAMES)?;
            viewer.refused_page(&new_page(&viewer, &form, &wrong))
        }
    }
}

fn opening(form: &Form, directory: &Directory) -> Result<Opening, ApiError> {
    let mut problems = Problems::default();
    let service = chosen(form, directory, &mut problems);
    let assignee = form.id::<UserId>("assignee", &mut problems);
    let urgency = Urgency::from_word(form.text("urgency")).unwrap_or(Urgency::High);
    problems.check()?;
    Ok(Opening {
        service: service.ok_or_else(|| ApiError::not_found("service"))?,
        manual: Manual {
            title: form.text("title").to_owned(),
            description: form.given("description"),
            urgency,
            priority: None,
            assignee,
            team: None,
            dedup_key: String::new(),
            custom_details: Value::Null,
        },
    })
}
