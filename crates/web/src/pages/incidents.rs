//! `/incidents` and `/incidents/new`: finding an incident, opening one by hand.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::Uri;
use opsknight_domain::{
    id::{ServiceId, UserId},
    incident::{Manual, Status},
    urgency::Urgency,
};
use opsknight_store::{db::Tx, incidents};
use serde_json::Value;

use super::{
    PageError, choices,
    form::{Form, Wrong},
    rows::{incident_row, pager},
    viewer::Viewer,
};
use crate::{
    actions::incidents::{self as actions, Opening},
    api::{
        error::{ApiError, Problems},
        extract::{FromParams as _, Params},
        incidents::IncidentQuery,
        page::Page,
    },
    state::AppState,
    views::{Choice, Field, IncidentList, IncidentNew, Link, QuickFilter, Section, Select, status_name},
};

/// The states of an incident that somebody still has to do something about.
const LIVE: &str = "OPEN,ACKNOWLEDGED";

/// What was asked for: the same filters as in the API, and `mine`.
struct Asked {
    query: IncidentQuery,
    page: Page,
    mine: bool,
}

fn asked(uri: &Uri) -> Result<Asked, ApiError> {
    let mut problems = Problems::default();
    let mut params = Params::of_form(uri.query().unwrap_or_default(), &mut problems);
    let asked = Asked {
        mine: params.flag("mine", &mut problems) == Some(true),
        query: IncidentQuery::from_params(&mut params, &mut problems),
        page: Page::from_params(&mut params, &mut problems),
    };
    problems.check().map(|()| asked)
}

/// `GET /incidents`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let Asked { query, page, mine } = asked(&uri)?;
    let mut filter = query.clone().filter(page);
    if mine {
        filter.assignees = vec![viewer.person.id];
    }
    let own = incidents::Filter {
        statuses: vec![Status::Open, Status::Acknowledged],
        assignees: vec![viewer.person.id],
        limit: 1,
        ..incidents::Filter::default()
    };
    let unit = async move |tx: &mut Tx<'_>| {
        let (rows, total) = incidents::list(tx, &filter).await?;
        let counts = incidents::counts(tx, None).await?;
        let (_, mine) = incidents::list(tx, &own).await?;
        Ok::<_, ApiError>((rows, total, counts, mine))
    };
    let (rows, total, counts, my_count) = state.store.db.read(unit).await?;
    let filtered = mine || query != IncidentQuery::default();
    let shown = rows.len();
    let list = IncidentList {
        shell: viewer.shell("Incidents", Section::Incidents),
        quick: quick_lists(&uri, &counts, my_count),
        status: select(
            "status",
            words(query.status.iter().map(|status| status.word())),
            statuses(),
        ),
        urgency: select(
            "urgency",
            words(query.urgency.iter().map(|urgency| urgency.word())),
            choices::or_none("Any", choices::urgencies()),
        ),
        service: select(
            "serviceId",
            words(query.service_id.iter().map(ToString::to_string)),
            choices::or_none("Any", choices::services(viewer.directory())),
        ),
        team: select(
            "teamId",
            words(query.team_id.iter().map(ToString::to_string)),
            choices::or_none("Any", choices::teams(viewer.directory())),
        ),
        query: query.q.clone().unwrap_or_default(),
        mine,
        filtered,
        rows: rows.into_iter().map(|row| incident_row(&viewer, row)).collect(),
        pager: pager(&uri, page, shown, total),
    };
    viewer.page(&list)
}

/// The lists that are asked for often.
fn quick_lists(uri: &Uri, counts: &[(ServiceId, incidents::Counts)], mine: i64) -> Vec<QuickFilter> {
    let count = |of: fn(&incidents::Counts) -> i64| {
        let sum = counts.iter().map(|(_, counts)| of(counts)).sum::<i64>();
        u64::try_from(sum).ok()
    };
    let acknowledged = count(|counts| counts.acknowledged);
    let lists = [
        ("/incidents", "All", None),
        ("/incidents?status=OPEN", "Open", count(|counts| counts.open)),
        ("/incidents?status=ACKNOWLEDGED", "Acknowledged", acknowledged),
        (
            "/incidents?mine=true&status=OPEN,ACKNOWLEDGED",
            "Mine",
            u64::try_from(mine).ok(),
        ),
    ];
    quick(uri, &lists)
}

fn quick(uri: &Uri, lists: &[(&str, &str, Option<u64>)]) -> Vec<QuickFilter> {
    let here = uri
        .path_and_query()
        .map_or("", |path| path.as_str())
        .replace("%2C", ",");
    let filter = |(href, text, count): &(&str, &str, Option<u64>)| QuickFilter {
        link: Link::new(*href, *text),
        count: *count,
        current: here == *href,
    };
    lists.iter().map(filter).collect()
}

fn words(words: impl Iterator<Item = impl AsRef<str>>) -> String {
    let all: Vec<String> = words.map(|word| word.as_ref().to_owned()).collect();
    all.join(",")
}

fn statuses() -> Vec<Choice> {
    let each = Status::ALL
        .into_iter()
        .map(|status| Choice::new(status.word(), status_name(status)));
    let live = Choice::new(LIVE, "Open or acknowledged");
    [Choice::new("", "Any"), live].into_iter().chain(each).collect()
}

/// A filter; several values that stand in the address stay one choice.
fn select(name: &str, value: String, mut options: Vec<Choice>) -> Select {
    if !options.iter().any(|option| option.value == value) {
        options.push(Choice::new(value.clone(), "Several"));
    }
    Select::new(Field::new(name).with(value), options)
}

/// `GET /incidents/new`
pub(super) async fn new(viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
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
        service: form.select("service_id", wrong, choices::services(directory)),
        urgency: form.select("urgency", wrong, choices::urgencies()),
        assignee: form.select("assignee", wrong, choices::or_none(nobody, choices::people(directory))),
        description: form.field("description", wrong),
    }
}

/// The names of fields as actions know them, and as the form here does.
const NAMES: [(&str, &str); 2] = [("serviceId", "service_id"), ("assigneeId", "assignee")];

/// `POST /incidents`
pub(super) async fn create(State(state): State<AppState>, viewer: Viewer, form: Form) -> Result<Response, PageError> {
    let opened = match opening(&form) {
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

fn opening(form: &Form) -> Result<Opening, ApiError> {
    let mut problems = Problems::default();
    let service = form.id::<ServiceId>("service_id", &mut problems);
    if service.is_none() {
        problems.add("service_id", "must be chosen");
    }
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
