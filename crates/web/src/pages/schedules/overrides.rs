//! Overrides on a schedule's page: looked at before they are saved, made, changed, removed, and taken over at once.

use axum::{extract::State, response::Response};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use opsknight_domain::{
    id::OverrideId,
    oncall::{Because, Difference, Override, Schedule, Shift},
};
use serde_json::{Value, json};

use super::{
    look::Look,
    show::{self, Shown},
};
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::{Path, from_value},
        schedules::overrides as actions,
        wire::{Id, ids},
    },
    pages::{
        PageError, choices,
        form::{Form, Wrong},
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{Cover, CoverRow, Feed, OverrideForm, TAKE_HOURS, Times},
};

/// How many times at which somebody else would be on call are listed.
const CHANGES_SHOWN_MAX: usize = 8;
/// The names of fields as the API knows them, and as the form does.
const NAMES: [(&str, &str); 2] = [("userId", "user_id"), ("replacesUserId", "replaces_user_id")];

/// A time as the form has it, on these clocks.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%dT%H:%M")
        .to_string()
}

/// A time as somebody typed it, on these clocks.
pub(super) fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local: civil::DateTime = text.parse().ok()?;
    Some(local.to_zoned_datetime(zone.clone()).ok()?.timestamp())
}

/// The form before anybody typed: with the override that is to be changed, or the shift that is to be covered.
fn untouched(shown: &Shown<'_>) -> Form {
    let field = |name: &str, value: String| (name.to_owned(), value);
    let known = shown.look.edit.and_then(|id| shown.change(id));
    let times = shown.look.cover.or(known.map(|change| (change.start, change.end)));
    let replaces = known.map_or(shown.look.replaces, |change| change.replaces);
    let time = |at: Option<Timestamp>| at.map(|at| local(at, &shown.zone)).unwrap_or_default();
    Form::of([
        field(
            "user_id",
            known.map(|change| change.user.to_string()).unwrap_or_default(),
        ),
        field(
            "replaces_user_id",
            replaces.map(|id| id.to_string()).unwrap_or_default(),
        ),
        field("start", time(times.map(|times| times.0))),
        field("end", time(times.map(|times| times.1))),
    ])
}

/// The form for overrides, as it was typed where somebody has.
pub(super) fn form(shown: &Shown<'_>, typed: Option<(&Form, &Wrong)>, id: Option<OverrideId>) -> OverrideForm {
    let untouched = untouched(shown);
    let right = Wrong::default();
    let (form, wrong) = typed.unwrap_or((&untouched, &right));
    let id = id.or(shown.look.edit).filter(|id| shown.change(*id).is_some());
    let schedule = shown.schedule.id;
    let people = choices::people(shown.viewer.directory());
    let asked = shown.look.cover.is_some() || id.is_some();
    OverrideForm {
        action: match id {
            Some(id) => format!("/schedules/{schedule}/overrides/{id}"),
            None => format!("/schedules/{schedule}/overrides"),
        },
        id: id.map(|id| id.to_string()),
        open: typed.is_some() || asked,
        user: form.select("user_id", wrong, choices::or_none("Choose…", people.clone())),
        replaces: form.select(
            "replaces_user_id",
            wrong,
            choices::or_none("Whoever is on call", people),
        ),
        start: form.field("start", wrong),
        end: form.field("end", wrong),
        preview: (typed.is_some() || asked).then(|| cover(shown, form, id)),
    }
}

/// What is typed, as an override; none while something is missing.
fn as_override(form: &Form, zone: &TimeZone, id: Option<OverrideId>) -> Option<Override> {
    Some(Override {
        id: id.unwrap_or_else(|| OverrideId::new(uuid::Uuid::nil())),
        user: form.text("user_id").parse().ok()?,
        start: instant(form.text("start"), zone)?,
        end: instant(form.text("end"), zone)?,
        replaces: form.text("replaces_user_id").parse().ok(),
    })
}

/// What an override would come to.
fn cover(shown: &Shown<'_>, form: &Form, id: Option<OverrideId>) -> Cover {
    let says = |text: &str| Cover {
        says: text.to_owned(),
        ..Cover::default()
    };
    let Some(change) = as_override(form, &shown.zone, id) else {
        return says("Choose who, from when and until when to see what changes.");
    };
    if change.end <= change.start {
        return says("It must end after it begins.");
    }
    let planned = shown.schedule.with_override(change);
    // One that is moved gives its old time back.
    let old = id.and_then(|id| shown.change(id));
    let from = old.map_or(change.start, |old| old.start.min(change.start));
    let to = old.map_or(change.end, |old| old.end.max(change.end));
    let Ok(found) = shown.schedule.differences(&planned, from, to) else {
        return says("It is too long to be looked through.");
    };
    let directory = shown.viewer.directory();
    let name = |id: Option<_>| id.map_or("nobody", |id| directory.user_name(id)).to_owned();
    if found.is_empty() {
        return Cover {
            says: match change.replaces {
                Some(id) => format!("Nothing changes: {} is not on call then.", directory.user_name(id)),
                None => format!(
                    "Nothing changes: {} is on call then anyway.",
                    directory.user_name(change.user)
                ),
            },
            ..Cover::default()
        };
    }
    let row = |found: &Difference| CoverRow {
        from: shown.times(found.start),
        to: shown.times(found.end),
        who: name(found.after),
        instead: name(found.before),
    };
    Cover {
        says: String::new(),
        changes: found.iter().take(CHANGES_SHOWN_MAX).map(row).collect(),
        more: found.len().saturating_sub(CHANGES_SHOWN_MAX),
    }
}

/// What is typed, as the body of the API: times are read on the clocks that were shown.
fn body(form: &Form, zone: &TimeZone) -> Result<Value, ApiError> {
    let mut problems = Problems::default();
    if form.given("user_id").is_none() {
        problems.add("user_id", "must be chosen");
    }
    let mut time = |name: &str| {
        let why = "must be a date and a time of day";
        problems.take(name, instant(form.text(name), zone).map(|at| at.to_string()).ok_or(why))
    };
    let (start, end) = (time("start"), time("end"));
    problems.check()?;
    Ok(json!({
        "userId": form.given("user_id"),
        "replacesUserId": form.given("replaces_user_id"),
        "start": start,
        "end": end,
    }))
}

/// A form for an override as it came, on the page that it came from.
struct Sent<'a> {
    shown: Shown<'a>,
    feed: Feed,
    form: &'a Form,
    id: Option<OverrideId>,
}

impl<'a> Sent<'a> {
    fn new((viewer, schedule): (&'a Viewer, &'a Schedule), feed: Feed, form: &'a Form, id: Option<OverrideId>) -> Self {
        Self {
            shown: Shown::new(viewer, schedule, Look::of_form(form, schedule.id)),
            feed,
            form,
            id,
        }
    }

    /// The page again, with what was typed and, if it was refused, what is wrong with it.
    fn again(&self, error: Option<ApiError>) -> Result<Response, PageError> {
        let viewer = self.shown.viewer;
        match error {
            None => {
                let typed = (self.form, &Wrong::default());
                viewer.page(&show::page(&self.shown, self.feed.clone(), Some(typed), self.id))
            }
            Some(error) => {
                let wrong = Wrong::of_error(error, &NAMES)?;
                viewer.refused_page(&show::page(
                    &self.shown,
                    self.feed.clone(),
                    Some((self.form, &wrong)),
                    self.id,
                ))
            }
        }
    }

    fn is_preview(&self) -> bool {
        self.form.text("do") == "preview"
    }

    fn done(&self, says: &str) -> Response {
        done(&self.shown.look.href(&[]), says)
    }
}

/// `POST /schedules/{id}/overrides`
pub(in crate::pages) async fn add_override(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Schedule>,
    form: Form,
) -> Result<Response, PageError> {
    let schedule = show::found(&state, id, viewer.now).await?;
    let feed = show::feed(&state, &viewer, id).await?;
    let sent = Sent::new((&viewer, &schedule), feed, &form, None);
    if sent.is_preview() {
        return sent.again(None);
    }
    let added = match body(&form, &sent.shown.zone).and_then(from_value) {
        Ok(new) => actions::add_override(&state, &viewer.caller, id, new).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(_) => Ok(sent.done("The override was added.")),
        Err(error) => sent.again(Some(error)),
    }
}

/// `POST /schedules/{id}/overrides/{overrideId}`
pub(in crate::pages) async fn change_override(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), Id(change))): Path<(ids::Schedule, ids::Override)>,
    form: Form,
) -> Result<Response, PageError> {
    let schedule = show::found(&state, id, viewer.now).await?;
    let feed = show::feed(&state, &viewer, id).await?;
    let sent = Sent::new((&viewer, &schedule), feed, &form, Some(change));
    if sent.is_preview() {
        return sent.again(None);
    }
    if form.text("do") == "delete" {
        return match actions::delete_override(&state, &viewer.caller, id, change).await {
            Ok(()) => Ok(sent.done("The override was removed.")),
            Err(error) => refused(&sent.shown.look.href(&[]), error),
        };
    }
    let changed = match body(&form, &sent.shown.zone).and_then(from_value) {
        Ok(wish) => actions::update_override(&state, &viewer.caller, (id, change), wish).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(sent.done("The override was changed.")),
        Err(error) => sent.again(Some(error)),
    }
}

/// `POST /schedules/{id}/overrides/{overrideId}/delete`
pub(in crate::pages) async fn delete_override(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(id), Id(change))): Path<(ids::Schedule, ids::Override)>,
) -> Result<Response, PageError> {
    let path = format!("/schedules/{id}");
    match actions::delete_override(&state, &viewer.caller, id, change).await {
        Ok(()) => Ok(done(&path, "The override was removed.")),
        Err(error) => refused(&path, error),
    }
}

/// `POST /schedules/{id}/take`: the viewer is on call from now on, for a while.
pub(in crate::pages) async fn take_over(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Schedule>,
    form: Form,
) -> Result<Response, PageError> {
    let path = format!("/schedules/{id}");
    let hours = form.text("hours").parse::<i64>().ok();
    let Some(hours) = hours.filter(|hours| TAKE_HOURS.contains(hours)) else {
        return refused(
            &path,
            ApiError::invalid_request("choose for how many hours you take over"),
        );
    };
    let end = viewer
        .now
        .saturating_add(SignedDuration::from_hours(hours))
        .unwrap_or(viewer.now);
    let new = json!({
        "userId": viewer.person.id.to_string(),
        "start": viewer.now.to_string(),
        "end": end.to_string(),
    });
    match actions::add_override(&state, &viewer.caller, id, from_value(new)?).await {
        Ok(_) => {
            let end = Times::new(end, viewer.now, &viewer.zone);
            Ok(done(&path, format!("You are on call until {}.", end.short)))
        }
        Err(error) => refused(&path, error),
    }
}

/// Where a shift can be covered, or the override that makes it be changed; none where the viewer may not, or it is over.
pub(super) fn way(shown: &Shown<'_>, shift: &Shift) -> Option<String> {
    if !shown.can_respond() || shift.end <= shown.viewer.now {
        return None;
    }
    if let Some(Because::Override { id }) = shift.because {
        return Some(edit_way(shown, id));
    }
    let start = shift.start.max(shown.viewer.now).as_second().to_string();
    let end = shift.end.as_second().to_string();
    let whom = shift.user.map(|id| id.to_string());
    let mut more = vec![("cover_from", start.as_str()), ("cover_to", end.as_str())];
    more.extend(whom.as_deref().map(|whom| ("cover_for", whom)));
    Some(format!("{}#override", shown.look.href(&more)))
}

/// Where an override is changed.
pub(super) fn edit_way(shown: &Shown<'_>, id: OverrideId) -> String {
    format!("{}#override", shown.look.href(&[("edit", id.to_string().as_str())]))
}
