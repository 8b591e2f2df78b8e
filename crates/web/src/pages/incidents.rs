//! `/incidents`: finding incidents, saving how they were found, and working on many at once.

mod asked;
mod bulk;
mod new;
mod saved;

pub(super) use bulk::bulk;
pub(super) use new::{create, new};
pub(super) use saved::{change_view, save_view};

use axum::{extract::State, response::Response};
use http::Uri;
use opsknight_domain::incident::Status;
use opsknight_store::{
    db::Tx,
    incidents::{self, Cursor, Slice, States, Total},
    views::{self, ViewRow},
};

use self::asked::{Asked, Order, joined};
use super::{PageError, choices, rows::incident_row, viewer::Viewer};
use crate::{
    api::error::ApiError,
    state::AppState,
    views::{
        Bulk, Choice, Field, IncidentList, Link, QuickFilter, SavedView, Section, Select, ServiceFilter, Steps,
        grouped, status_name,
    },
};

/// The states of an incident that somebody still has to do something about.
const LIVE: &str = "OPEN,ACKNOWLEDGED";
/// Up to how many services a page names them all; more are found by typing.
const SERVICES_LISTED_MAX: usize = 100;

/// The address of a list.
fn address(query: &str) -> String {
    if query.is_empty() {
        "/incidents".to_owned()
    } else {
        format!("/incidents?{query}")
    }
}

/// `GET /incidents`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let asked = Asked::of(&uri)?;
    let filter = asked.filter(viewer.person.id, &viewer.zone, viewer.directory());
    let (place, me) = (asked.place, viewer.person.id);
    let unit = async move |tx: &mut Tx<'_>| {
        let slice = incidents::page(tx, &filter, place).await?;
        let states = incidents::states(tx).await?;
        let mine = incidents::waiting_for(tx, me).await?;
        Ok::<_, ApiError>((slice, states, mine, views::seen_by(tx, me).await?))
    };
    let (slice, states, mine, saved) = state.store.db.read(unit).await?;
    viewer.page(&page(&viewer, &asked, slice, &quick_lists(states, mine), &saved))
}

fn page(
    viewer: &Viewer,
    asked: &Asked,
    slice: Slice,
    quick: &[(&str, &str, Option<i64>)],
    saved: &[ViewRow],
) -> IncidentList {
    let here = asked.canonical();
    let query = &asked.query;
    let directory = viewer.directory();
    let tab = |(query, text, count): &(&str, &str, Option<i64>)| QuickFilter {
        link: Link::new(address(query), *text),
        count: count.and_then(|count| u64::try_from(count).ok()),
        current: here == *query,
    };
    let quick: Vec<QuickFilter> = quick.iter().map(tab).collect();
    let views: Vec<SavedView> = saved.iter().map(|row| saved_view(viewer, row, &here)).collect();
    let known = quick.iter().any(|tab| tab.current) || views.iter().any(|view| view.current);
    let filtered = asked.filters();
    let orders = Order::ALL
        .into_iter()
        .filter(|order| *order != Order::Changed || !asked.has_days() || asked.order == Order::Changed);
    let pager = steps(&here, &slice);
    IncidentList {
        quick,
        save: (!known && !here.is_empty()).then(|| here.clone()),
        views,
        status: select(
            "status",
            joined(query.status.iter().map(|status| status.word())),
            statuses(),
        ),
        urgency: select(
            "urgency",
            joined(query.urgency.iter().map(|urgency| urgency.word())),
            choices::or_none("Any", choices::urgencies()),
        ),
        service: service(viewer, asked),
        team: select(
            "teamId",
            joined(query.team_id.iter().map(ToString::to_string)),
            choices::or_none("Any", choices::teams(directory)),
        ),
        assignee: select(
            "assigneeId",
            joined(query.assignee_id.iter().map(ToString::to_string)),
            choices::or_none("Anybody", choices::people(directory)),
        ),
        order: Select::new(
            Field::new("sort").with(asked.order.word()),
            orders.map(|order| Choice::new(order.word(), order.name())),
        ),
        from: day("from", asked.from),
        to: day("to", asked.to),
        more_set: !query.team_id.is_empty() || !query.assignee_id.is_empty() || asked.has_days(),
        query: query.q.clone().unwrap_or_default(),
        mine: asked.mine,
        filtered,
        rows: slice.rows.into_iter().map(|row| incident_row(viewer, row)).collect(),
        pager,
        first_page: asked.place == incidents::From::Start,
        bulk: Bulk {
            back: here,
            assignee: Select::new(
                Field::new("assignee").within("bulk"),
                [Choice::new("", "Choose…"), Choice::new("nobody", "Nobody")]
                    .into_iter()
                    .chain(choices::assignees(directory)),
            ),
        },
        shell: viewer.shell("Incidents", Section::Incidents),
    }
}

fn day(name: &str, date: Option<jiff::civil::Date>) -> Field {
    Field::new(name).with(date.map(|date| date.to_string()).unwrap_or_default())
}

/// The lists that are asked for often, each with its query.
fn quick_lists(states: States, mine: i64) -> [(&'static str, &'static str, Option<i64>); 5] {
    [
        ("status=OPEN", "Open", Some(states.open)),
        ("status=ACKNOWLEDGED", "Acknowledged", Some(states.acknowledged)),
        ("status=OPEN,ACKNOWLEDGED&mine=true", "Mine", Some(mine)),
        (
            "status=SNOOZED,SUPPRESSED",
            "Put aside",
            Some(states.snoozed + states.suppressed),
        ),
        ("", "All", None),
    ]
}

fn saved_view(viewer: &Viewer, row: &ViewRow, here: &str) -> SavedView {
    let (own, admin) = (row.user == viewer.person.id, viewer.caller.is_admin());
    SavedView {
        id: row.id.to_string(),
        link: Link::new(address(&row.query), &row.name),
        current: row.query == here,
        shared: row.shared,
        may_change: admin || (own && !row.shared),
        may_share: admin,
    }
}

fn steps(here: &str, slice: &Slice) -> Steps {
    let step = |name: &str, cursor: Option<Cursor>| {
        let cursor = cursor?;
        let and = if here.is_empty() { "" } else { "&" };
        Some(format!("/incidents?{here}{and}{name}={cursor}"))
    };
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    Steps {
        says: match slice.total {
            Total::Exactly(1) => "1 incident".to_owned(),
            Total::Exactly(count) => format!("{} incidents", grouped(number(count))),
            Total::MoreThan(count) => format!("More than {} incidents", grouped(number(count))),
            Total::Unknown => String::new(),
        },
        first: slice.previous.is_some().then(|| address(here)),
        previous: step("before", slice.previous),
        next: step("after", slice.next),
    }
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

/// The service: chosen from a list, or typed where a list would be too long for a page.
fn service(viewer: &Viewer, asked: &Asked) -> ServiceFilter {
    let directory = viewer.directory();
    let ids = joined(asked.query.service_id.iter().map(ToString::to_string));
    if directory.services.len() <= SERVICES_LISTED_MAX && asked.service.is_none() {
        let options = choices::or_none("Any", choices::services(directory));
        return ServiceFilter::Listed(select("serviceId", ids, options));
    }
    let name = match asked.query.service_id.as_slice() {
        [one] => directory.services.get(one).map(|service| service.name.clone()),
        _ => None,
    };
    let name = asked.service.clone().or(name).unwrap_or_default();
    ServiceFilter::Typed(Field::new("service").with(name))
}
