//! Who looks at a page, and everything that stands around it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::FromRequestParts,
    response::{Html, IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use http::{HeaderMap, HeaderName, HeaderValue, request};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use opsknight_domain::{directory::Directory, incident::Actor, oncall::Schedule};
use opsknight_store::{
    db::{DbError, Tx},
    directory::Picture,
    incidents,
};
use tracing::error;

use super::{PageError, flash};
use crate::{
    api::{access::Caller, access::Person, error::ApiError},
    state::AppState,
    views::{AlarmLine, Conflict, Flash, Link, Me, OnCall, Section, Shell, Theme, Times},
    vitals::{self, Alarm},
};

/// The name of the cookie that holds the theme.
pub(super) const THEME_COOKIE: &str = "theme";
/// The name of the cookie that says whether shortcuts of a single key work.
pub(super) const KEYS_COOKIE: &str = "single-keys";
/// The header that tells a browser's own copy of pages whose they are.
const VIEWER_HEADER: HeaderName = HeaderName::from_static("opsknight-viewer");
/// How far ahead the viewer's next shift is looked for.
const SHIFT_LOOK_AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Somebody who is signed in, on a page.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    /// Who.
    pub(super) person: Person,
    /// The same as the gate let them through.
    pub(super) caller: Caller,
    /// The present time: one for the whole page.
    pub(super) now: Timestamp,
    /// The zone in which they read times.
    pub(super) zone: TimeZone,
    /// The configuration as it is.
    pub(super) picture: Arc<Picture>,
    /// How many incidents are open.
    pub(super) open: u64,
    /// When that last changed which the page's form is about.
    pub(super) version: Option<Timestamp>,
    /// What others changed while the form was filled in.
    pub(super) conflict: Option<Conflict>,
    alarms: Vec<Alarm>,
    theme: Theme,
    single_keys: bool,
    flash: Option<Flash>,
    path: String,
    query: String,
}

impl FromRequestParts<AppState> for Viewer {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, PageError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let Some(person) = caller.person().cloned() else {
            return Err(ApiError::forbidden("pages are for people").into());
        };
        let now = state.clock.now();
        let pictures = state.store.pictures.clone();
        let condition = state.vitals.read(now);
        let (who, role) = (person.id, person.role);
        let unit = async move |tx: &mut Tx<'_>| {
            let picture = pictures.current(tx, now).await?;
            let open = incidents::open_count(tx).await?;
            let facts = super::alarms::facts(tx, &picture, &condition, (who, role), now).await?;
            Ok::<_, DbError>((picture, open, vitals::alarms(&facts, role, now)))
        };
        let (picture, open, alarms) = state.store.db.read(unit).await?;
        let query = parts.uri.query().unwrap_or_default();
        let q = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "q");
        Ok(Self {
            zone: TimeZone::get(&person.time_zone).unwrap_or(TimeZone::UTC),
            person,
            caller,
            now,
            picture,
            open: u64::try_from(open).unwrap_or_default(),
            version: None,
            conflict: None,
            alarms,
            theme: theme(&parts.headers),
            single_keys: single_keys(&parts.headers),
            flash: flash::read(&parts.headers),
            path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            query: q.map(|(_, value)| value.into_owned()).unwrap_or_default(),
        })
    }
}

/// The theme that a browser was told to keep.
pub(super) fn theme(headers: &HeaderMap) -> Theme {
    let jar = CookieJar::from_headers(headers);
    jar.get(THEME_COOKIE)
        .map_or(Theme::System, |cookie| Theme::from_word(cookie.value()))
}

/// Shortcuts of a single key work unless a browser was told that they do not.
fn single_keys(headers: &HeaderMap) -> bool {
    let jar = CookieJar::from_headers(headers);
    jar.get(KEYS_COOKIE).is_none_or(|cookie| cookie.value() != "off")
}

impl Viewer {
    /// What decisions are made from.
    pub(super) fn directory(&self) -> &Directory {
        &self.picture.directory
    }

    /// As the timeline names them.
    pub(super) fn actor(&self) -> Actor {
        self.caller.actor()
    }

    /// Everything around a page.
    pub(super) fn shell(&self, title: impl Into<String>, section: Section) -> Shell {
        Shell {
            title: title.into(),
            section,
            me: Me {
                person: crate::views::Person::new(self.person.id.to_string(), &self.person.name),
                email: self.person.email.clone(),
                role: self.person.role,
            },
            theme: self.theme,
            on_call: self.on_call(),
            open_incidents: self.open,
            flash: self.flash.clone(),
            conflict: self.conflict.clone(),
            version: self.version.map(Timestamp::as_microsecond),
            alarms: self.alarms.iter().map(|alarm| self.alarm(alarm)).collect(),
            single_keys: self.single_keys,
            query: self.query.clone(),
            path: self.path.clone(),
        }
    }

    /// A point in time as they read it.
    pub(super) fn times(&self, at: Timestamp) -> Times {
        Times::new(at, self.now, &self.zone)
    }

    fn alarm(&self, alarm: &Alarm) -> AlarmLine {
        let (href, text) = alarm.look;
        AlarmLine {
            text: alarm.text.clone(),
            since: alarm.since.map(|since| self.times(since)),
            look: Link::new(href, text),
        }
    }

    fn on_call(&self) -> Option<OnCall> {
        let link = |schedule: &Schedule| Link::new(format!("/schedules/{}", schedule.id), &schedule.name);
        let schedules = self.directory().schedules.values();
        let on_call = schedules.filter(|schedule| schedule.on_call(self.now).user() == Some(self.person.id));
        let mut mine: Vec<_> = on_call
            .map(|schedule| (schedule.next_change(self.now), schedule))
            .collect();
        mine.sort_by_key(|(until, schedule)| (until.unwrap_or(Timestamp::MAX), schedule.id));
        if let Some((until, _)) = mine.first() {
            return Some(OnCall::Now {
                until: until.map(|until| self.times(until)),
                schedules: mine.iter().map(|(_, schedule)| link(schedule)).collect(),
            });
        }
        let (from, schedule) = self.next_shift()?;
        Some(OnCall::Next {
            schedule: link(schedule),
            from: self.times(from),
        })
    }

    /// The viewer's next shift. Only schedules that they stand in are looked through.
    fn next_shift(&self) -> Option<(Timestamp, &Schedule)> {
        let me = self.person.id;
        let until = self.now.saturating_add(SHIFT_LOOK_AHEAD).unwrap_or(Timestamp::MAX);
        let stands_in = |schedule: &&Schedule| {
            schedule.layers.iter().any(|layer| layer.users.contains(&me))
                || schedule.overrides.iter().any(|entry| entry.user == me)
        };
        let first = |schedule: &Schedule| {
            let shifts = schedule.shifts(self.now, until).ok()?;
            let mine = shifts.into_iter().filter(|shift| shift.user == Some(me));
            mine.map(|shift| shift.start).min()
        };
        let schedules = self.directory().schedules.values().filter(stands_in);
        let shifts = schedules.filter_map(|schedule| Some((first(schedule)?, schedule)));
        shifts.min_by_key(|(from, schedule)| (*from, schedule.id))
    }

    /// The page. What came of the last form has been shown then.
    pub(super) fn page(&self, page: &impl Template) -> Result<Response, PageError> {
        let mut response = html(page)?;
        if let Ok(viewer) = HeaderValue::from_str(&self.person.id.to_string()) {
            response.headers_mut().insert(VIEWER_HEADER, viewer);
        }
        if self.flash.is_some() {
            flash::add(response.headers_mut(), flash::clear());
        }
        Ok(response)
    }
}

impl Viewer {
    /// A form that was refused, with what was typed and what is wrong with it.
    pub(super) fn refused_page(&self, page: &impl Template) -> Result<Response, PageError> {
        let mut response = html(page)?;
        *response.status_mut() = match self.conflict {
            Some(_) => http::StatusCode::PRECONDITION_FAILED,
            None => http::StatusCode::UNPROCESSABLE_ENTITY,
        };
        Ok(response)
    }
}

/// A template as an answer.
pub(super) fn html(page: &impl Template) -> Result<Response, PageError> {
    match page.render() {
        Ok(text) => Ok(Html(text).into_response()),
        Err(error) => {
            error!(%error, "a page could not be drawn");
            Err(ApiError::internal().into())
        }
    }
}

/// After a form that was taken: to a page, which says what happened.
pub(super) fn done(path: &str, text: impl Into<String>) -> Response {
    say(path, true, text)
}

/// After a form that was refused for a reason that stands beside no field.
pub(super) fn refused(path: &str, error: ApiError) -> Result<Response, PageError> {
    match error.status().as_u16() {
        400 | 409 | 429 => Ok(say(path, false, super::error::sentence(error.message()))),
        _ => Err(error.into()),
    }
}

/// To a page that says what happened, also from outside of the pages.
pub(crate) fn say(path: &str, good: bool, text: impl Into<String>) -> Response {
    let mut response = Redirect::to(path).into_response();
    let text = text.into();
    flash::add(response.headers_mut(), flash::set(&Flash { good, text }));
    response
}
