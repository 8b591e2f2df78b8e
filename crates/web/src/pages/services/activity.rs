//! `/services/{id}/activity`: what happened at a service, in one list.

use axum::{extract::State, response::Response};
use http::Uri;
use jiff::Timestamp;
use opsknight_domain::maintenance::Window;
use opsknight_store::{
    activity::{self, Cursor, IncidentLine, What},
    audit::AuditRow,
    db::Tx,
};
use serde_json::Value;

use super::head;
use crate::{
    api::{
        error::ApiError,
        extract::Path,
        wire::{Id, ids},
    },
    pages::{PageError, rows::change_row, rows::shorten, viewer::Viewer},
    state::AppState,
    views::{Activity, ActivityRow, Link, Section},
};

/// How many things stand on one page.
const ROWS_MAX: usize = 50;

/// `GET /services/{id}/activity`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Service>,
    uri: Uri,
) -> Result<Response, PageError> {
    let (_, head) = head(&state, &viewer, id).await?;
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let before = query
        .filter(|(name, _)| name == "before")
        .map(|(_, value)| value)
        .next();
    let cursor = match &before {
        Some(text) => read_cursor(text).ok_or_else(|| ApiError::invalid("before", "must be taken from a link"))?,
        None => Cursor::NEWEST,
    };
    let now = viewer.now;
    let unit = async move |tx: &mut Tx<'_>| activity::of_service(tx, id, cursor, now, ROWS_MAX).await;
    let (rows, next) = state.store.db.read(unit).await.map_err(ApiError::from)?;
    let older = next.map(|next| {
        format!(
            "/services/{id}/activity?before={}.{}",
            next.at.as_microsecond(),
            next.told
        )
    });
    let page = Activity {
        shell: viewer.shell(format!("{}: activity", head.name), Section::Services),
        head,
        rows: rows.into_iter().map(|(at, what)| row(&viewer, at, what)).collect(),
        is_later_page: before.is_some(),
        older,
    };
    viewer.page(&page)
}

fn read_cursor(text: &str) -> Option<Cursor> {
    let (at, told) = text.split_once('.')?;
    let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
    let told = told.parse().ok().filter(|told| *told <= Cursor::TOLD_MAX)?;
    Some(Cursor { at, told })
}

fn row(viewer: &Viewer, at: Timestamp, what: What) -> ActivityRow {
    let row = |icon, class, text: String| ActivityRow {
        icon,
        class,
        text,
        link: None,
        detail: String::new(),
        links: Vec::new(),
        at: viewer.times(at),
    };
    match what {
        What::Audit(line) => audited(viewer, *line, row),
        What::Change(change) => {
            let change = change_row(viewer, *change);
            ActivityRow {
                detail: change.source.unwrap_or_default(),
                links: change.links,
                ..row("up", "", change.summary)
            }
        }
        What::Opened(line) => about(&line, row("open", "open", "Opened".to_owned())),
        What::Resolved(line) => about(&line, row("resolved", "resolved", "Resolved".to_owned())),
        What::MaintenanceBegan(window) => ActivityRow {
            detail: window.window.reason.unwrap_or_default(),
            ..row("wrench", "", "The maintenance that was planned began".to_owned())
        },
        What::MaintenanceEnded(window) => ActivityRow {
            detail: reason(&window.window),
            ..row("wrench", "", "The maintenance ended".to_owned())
        },
    }
}

fn reason(window: &Window) -> String {
    window.reason.clone().unwrap_or_default()
}

fn about(line: &IncidentLine, row: ActivityRow) -> ActivityRow {
    let kind = if line.is_test { "test incident" } else { "incident" };
    ActivityRow {
        text: format!("{} {kind}", row.text),
        link: Some(Link::new(
            format!("/incidents/{}", line.id),
            shorten(&format!("#{} {}", line.number, line.title)),
        )),
        ..row
    }
}

/// A line of the audit log. What a setting was and became is for administrators, who have the log itself.
fn audited(
    viewer: &Viewer,
    line: AuditRow,
    row: impl Fn(&'static str, &'static str, String) -> ActivityRow,
) -> ActivityRow {
    let who = &line.actor_name;
    let verb = line.action.rsplit('.').next().unwrap_or_default();
    let fields: Vec<String> = line
        .changes
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| named(name))
        .collect();
    let at = |name: &str, side: &str| {
        let at: Option<Timestamp> = line.changes[name][side].as_str().and_then(|text| text.parse().ok());
        at.map(|at| viewer.times(at).short).unwrap_or_default()
    };
    let said = |side: &str| line.changes["reason"][side].as_str().unwrap_or_default().to_owned();
    if let Some(what) = verb.strip_prefix("maintenance_") {
        let (text, detail) = match what {
            "added" => (
                format!(
                    "{who} set a maintenance from {} to {}",
                    at("start", "to"),
                    at("end", "to")
                ),
                said("to"),
            ),
            "changed" => (
                format!("{who} changed the maintenance: {}", moved(&line.changes, at)),
                said("to"),
            ),
            "ended" => (format!("{who} ended the maintenance early"), String::new()),
            _ => (
                format!(
                    "{who} cancelled the maintenance from {} to {}",
                    at("start", "from"),
                    at("end", "from")
                ),
                said("from"),
            ),
        };
        return ActivityRow {
            detail,
            ..row("wrench", "", text)
        };
    }
    let thing = match line.object_kind.as_str() {
        "service" => "the service".to_owned(),
        kind => format!("the {} {}", kind.replace('_', " "), line.object_name),
    };
    let text = match verb {
        "created" if line.object_kind == "service" => format!("{who} made the service"),
        "created" => format!("{who} added {thing}"),
        "deleted" => format!("{who} deleted {thing}"),
        "key_rotated" => format!("{who} gave {thing} a new key"),
        "secret_changed" => format!("{who} changed the signature secret of {thing}"),
        "updated" => format!("{who} changed {} of {thing}", listed(&fields)),
        other => format!("{who}: {} {thing}", other.replace('_', " ")),
    };
    row(
        if line.object_kind == "integration" {
            "link"
        } else {
            "pencil"
        },
        "",
        shorten(&text),
    )
}

/// Which end of a window was moved to when.
fn moved(changes: &Value, at: impl Fn(&str, &str) -> String) -> String {
    let mut parts = Vec::new();
    for (name, says) in [("start", "it begins"), ("end", "it ends")] {
        if !changes[name].is_null() {
            parts.push(format!("{says} {}", at(name, "to")));
        }
    }
    match parts.is_empty() {
        true => "its reason".to_owned(),
        false => parts.join(", "),
    }
}

/// `targetAckMinutes` as a person reads it: "target ack minutes".
fn named(field: &str) -> String {
    let mut words = String::with_capacity(field.len() + 4);
    for letter in field.chars() {
        if letter.is_uppercase() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words.trim_end_matches(" id").to_owned()
}

/// "name, team and region".
fn listed(fields: &[String]) -> String {
    match fields {
        [] => "something".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_words() {
        assert_eq!(named("targetAckMinutes"), "target ack minutes");
        assert_eq!(named("teamId"), "team");
        let fields = ["name", "team", "region"].map(str::to_owned);
        assert_eq!(listed(&fields), "name, team and region");
        assert_eq!(listed(&fields[..1]), "name");
    }

    #[test]
    fn a_list_goes_on_from_what_its_link_says() {
        let cursor = read_cursor("1780315200000000.3").unwrap();
        assert_eq!((cursor.at.as_second(), cursor.told), (1_780_315_200, 3));
        for wrong in ["", "1", "1.x", "x.1", "1.1001", "9223372036854775807.0"] {
            assert_eq!(read_cursor(wrong), None, "{wrong}");
        }
    }
}
