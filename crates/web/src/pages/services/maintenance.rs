//! `/services/{id}/maintenance`: beginning, planning, changing and ending the maintenance of a service.

use axum::{extract::State, response::Response};
use http::Uri;
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use opsknight_domain::{
    id::{MaintenanceId, ServiceId},
    maintenance::{Phase, WINDOWS_MAX},
};
use opsknight_store::{
    db::Tx,
    maintenance::{self as stored, MaintenanceRow},
};
use serde_json::json;

use super::{head, overview::window_of};
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::{Path, from_value},
        maintenance as actions,
        page::Page,
        wire::{Id, ids},
    },
    pages::{
        PageError,
        form::{Form, Wrong},
        rows::pager,
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{Maintenance, Section, Times, Window, WindowForm},
};

/// How many past windows stand on one page.
const PAST_MAX: i64 = 20;
/// How far ahead the form that plans begins.
const PLANNED_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// How long what it plans lasts.
const PLANNED_LENGTH: SignedDuration = SignedDuration::from_hours(1);

/// Which form was sent, and what came of it.
#[derive(Default)]
struct Told {
    form: Form,
    wrong: Wrong,
    /// The window that it is about.
    window: Option<MaintenanceId>,
}

fn path(service: ServiceId) -> String {
    format!("/services/{service}/maintenance")
}

/// `GET /services/{id}/maintenance`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(service)): Path<ids::Service>,
    uri: Uri,
) -> Result<Response, PageError> {
    let page = page(&state, &viewer, service, &uri, &Told::default()).await?;
    viewer.page(&page)
}

async fn page(
    state: &AppState,
    viewer: &Viewer,
    service: ServiceId,
    uri: &Uri,
    told: &Told,
) -> Result<Maintenance, ApiError> {
    let (_, head) = head(state, viewer, service).await?;
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let offset = query
        .filter(|(name, _)| name == "offset")
        .filter_map(|(_, value)| value.parse().ok());
    let offset = offset
        .map(|offset: i64| offset.clamp(0, crate::api::page::OFFSET_MAX))
        .next()
        .unwrap_or_default();
    let now = viewer.now;
    let unit = async move |tx: &mut Tx<'_>| {
        let ahead = stored::count_since(tx, service, now).await?;
        // What has not ended stands in front of what has.
        let most = i64::try_from(WINDOWS_MAX).unwrap_or(i64::MAX);
        let (ahead_rows, total) = stored::list(tx, service, ahead.min(most), 0).await?;
        let (past, _) = stored::list(tx, service, PAST_MAX, ahead + offset).await?;
        Ok::<_, ApiError>((
            ahead_rows,
            past,
            total - ahead,
            stored::count_waiting(tx, service).await?,
        ))
    };
    let (mut ahead, past, total, waiting) = state.store.db.read(unit).await?;
    ahead.sort_by_key(|row| (row.window.start, row.window.id));
    let (active, planned): (Vec<_>, Vec<_>) = ahead.iter().partition(|row| row.window.phase(now) == Phase::Active);
    let windows = |rows: Vec<&MaintenanceRow>| rows.into_iter().map(|row| shown(viewer, row, told)).collect();
    let part = Page {
        limit: PAST_MAX,
        offset,
    };
    let (begins, plans) = forms(viewer, told);
    Ok(Maintenance {
        shell: viewer.shell(format!("{}: maintenance", head.name), Section::Services),
        head,
        waiting: u64::try_from(waiting).unwrap_or_default(),
        active: windows(active),
        planned: windows(planned),
        pager: pager(uri, part, past.len(), total),
        past: past.iter().map(|row| window(viewer, row)).collect(),
        now: begins,
        plan: plans,
        zone: viewer.zone.iana_name().unwrap_or("UTC").to_owned(),
        whole: told.wrong.whole(),
    })
}

type Begins = (crate::views::Field, crate::views::Field);
type Plans = (crate::views::Field, crate::views::Field, crate::views::Field);

/// The forms that begin and plan, with what was typed into the one that was sent.
fn forms(viewer: &Viewer, told: &Told) -> (Begins, Plans) {
    let nothing = (Form::default(), Wrong::default());
    let sent = |what: &str| match told.window.is_none() && told.form.text("do") == what {
        true => (&told.form, &told.wrong),
        false => (&nothing.0, &nothing.1),
    };
    let (form, wrong) = sent("start");
    let begins = ["reason", "end"].map(|name| form.field(name, wrong).within("now"));
    let (form, wrong) = sent("plan");
    let mut plans = ["start", "end", "reason"].map(|name| form.field(name, wrong).within("plan"));
    if !form.is_sent("start") {
        let start = whole_hour(viewer.now.saturating_add(PLANNED_AHEAD).unwrap_or(viewer.now));
        let end = start.saturating_add(PLANNED_LENGTH).unwrap_or(start);
        plans[0].value = local(start, &viewer.zone);
        plans[1].value = local(end, &viewer.zone);
    }
    let ([reason, end], [start, until, why]) = (begins, plans);
    ((reason, end), (start, until, why))
}

fn whole_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() / 3600 * 3600).unwrap_or(at)
}

/// An instant as a field for date and time of day has it.
fn local(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M").to_string()
}

fn window(viewer: &Viewer, row: &MaintenanceRow) -> Window {
    Window {
        by: row.created_by.clone(),
        ..window_of(viewer, &row.window)
    }
}

/// A window with the form that changes it.
fn shown(viewer: &Viewer, row: &MaintenanceRow, told: &Told) -> Window {
    let known = Form::of([
        ("start".to_owned(), local(row.window.start, &viewer.zone)),
        ("end".to_owned(), local(row.window.end, &viewer.zone)),
        ("reason".to_owned(), row.window.reason.clone().unwrap_or_default()),
    ]);
    let (form, wrong) = match told.window == Some(row.window.id) {
        true => (told.form.over(&known), told.wrong.clone()),
        false => (known, Wrong::default()),
    };
    let prefix = row.window.id.to_string();
    let field = |name: &str| form.field(name, &wrong).within(&prefix);
    Window {
        form: Some(WindowForm {
            start: field("start"),
            end: field("end"),
            reason: field("reason"),
        }),
        ..window(viewer, row)
    }
}

/// A date and a time of day on the viewer's clocks.
fn instant(form: &Form, name: &str, viewer: &Viewer, problems: &mut Problems) -> Option<Timestamp> {
    let local = form.text(name).parse::<civil::DateTime>().ok();
    let zoned = local.and_then(|local| local.to_zoned_datetime(viewer.zone.clone()).ok());
    problems.take(
        name,
        zoned
            .map(|zoned| zoned.timestamp())
            .ok_or("must be a date and a time of day"),
    )
}

fn new_window(form: &Form, viewer: &Viewer) -> Result<serde_json::Value, ApiError> {
    let mut problems = Problems::default();
    let reason = form.given("reason");
    if form.text("do") == "plan" {
        let start = instant(form, "start", viewer, &mut problems);
        let end = instant(form, "end", viewer, &mut problems);
        problems.check()?;
        return Ok(
            json!({ "start": start.map(|at| at.to_string()), "end": end.map(|at| at.to_string()), "reason": reason }),
        );
    }
    let minutes: Option<i64> = form.number("minutes", &mut problems);
    let end = match minutes {
        Some(minutes) => later(viewer.now, minutes),
        None => instant(form, "end", viewer, &mut problems),
    };
    problems.check()?;
    Ok(json!({ "end": end.map(|at| at.to_string()), "reason": reason }))
}

fn later(at: Timestamp, minutes: i64) -> Option<Timestamp> {
    at.checked_add(SignedDuration::from_secs(minutes.checked_mul(60)?)).ok()
}

/// `POST /services/{id}/maintenance`
pub(in crate::pages) async fn create(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(service)): Path<ids::Service>,
    uri: Uri,
    form: Form,
) -> Result<Response, PageError> {
    let made = match new_window(&form, &viewer).and_then(from_value) {
        Ok(new) => actions::create(&state, &viewer.caller, service, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => {
            let until = times(&viewer, made.end.0).short;
            let says = match made.start.0 <= viewer.now {
                true => format!("In maintenance until {until}. Nobody is paged for new alerts until then."),
                false => format!("Planned from {} to {until}.", times(&viewer, made.start.0).short),
            };
            Ok(done(&path(service), says))
        }
        Err(error) => {
            let told = Told {
                wrong: Wrong::of_error(error, &[])?,
                form,
                window: None,
            };
            let page = page(&state, &viewer, service, &uri, &told).await?;
            viewer.refused_page(&page)
        }
    }
}

fn times(viewer: &Viewer, at: Timestamp) -> Times {
    viewer.times(at)
}

/// What a window is to become.
async fn wish(
    state: &AppState,
    viewer: &Viewer,
    (service, id): (ServiceId, MaintenanceId),
    form: &Form,
) -> Result<serde_json::Value, ApiError> {
    let mut problems = Problems::default();
    let more: Option<i64> = form.number("more", &mut problems);
    if let Some(minutes) = more {
        problems.check()?;
        let unit = async move |tx: &mut Tx<'_>| stored::get(tx, service, id).await;
        let row = state.store.db.read(unit).await?;
        let row = row.ok_or_else(|| ApiError::not_found("maintenance"))?;
        let end = later(row.window.end, minutes);
        return Ok(json!({ "end": end.map(|at| at.to_string()) }));
    }
    let mut body = json!({ "reason": form.given("reason") });
    for name in ["start", "end"] {
        if form.is_sent(name) {
            body[name] =
                instant(form, name, viewer, &mut problems).map_or_else(Default::default, |at| at.to_string().into());
        }
    }
    problems.check()?;
    Ok(body)
}

/// `POST /services/{id}/maintenance/{mnt}`
pub(in crate::pages) async fn change(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Maintenance)>,
    form: Form,
) -> Result<Response, PageError> {
    let changed = match wish(&state, &viewer, (service, id), &form).await.and_then(from_value) {
        Ok(wish) => actions::update(&state, &viewer.caller, (service, id), wish).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(window) => {
            let (start, end) = (times(&viewer, window.start.0).short, times(&viewer, window.end.0).short);
            Ok(done(
                &path(service),
                format!("The maintenance is from {start} to {end} now."),
            ))
        }
        Err(error) if form.is_sent("more") => refused(&path(service), error),
        Err(error) => {
            let told = Told {
                wrong: Wrong::of_error(error, &[])?,
                form,
                window: Some(id),
            };
            let page = page(&state, &viewer, service, &Uri::default(), &told).await?;
            viewer.refused_page(&page)
        }
    }
}

/// `POST /services/{id}/maintenance/{mnt}/end`
pub(in crate::pages) async fn end(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Maintenance)>,
) -> Result<Response, PageError> {
    match actions::end(&state, &viewer.caller, service, id).await {
        Ok(true) => Ok(done(
            &path(service),
            "The maintenance has ended. Incidents that waited for it open now.",
        )),
        Ok(false) => Ok(done(&path(service), "The maintenance was cancelled.")),
        Err(error) => refused(&path(service), error),
    }
}
