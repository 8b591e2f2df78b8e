//! `/api/schedules/{id}/calendar.ics`: the shifts of a schedule for calendar programs (RFC 5545).

use std::fmt::Write as _;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    id::ScheduleId,
    oncall::{Because, Shift},
};
use opsknight_store::db::Tx;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    on_call::{names, wrong_range},
    whole,
};
use crate::{
    api::{
        error::{ApiError, ErrorBody},
        extract::Path,
        wire::{Id, ids},
    },
    state::AppState,
};

/// How far back the calendar goes, in days.
const DAYS_BEFORE: i64 = 30;
/// How far ahead the calendar goes, in days.
const DAYS_AHEAD: i64 = 180;
/// Longest line of a calendar, in bytes without its end (RFC 5545, section 3.1).
const LINE_BYTES_MAX: usize = 75;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(calendar))
}

/// The shifts of a schedule as a calendar: the last 30 days and the next 180.
#[utoipa::path(
    get, path = "/api/schedules/{id}/calendar.ics", tag = "Schedules", operation_id = "getScheduleCalendar",
    params(("id" = inline(ids::Schedule), Path)),
    responses((status = 200, body = String, content_type = "text/calendar"), (status = 404, body = ErrorBody)),
)]
async fn calendar(State(state): State<AppState>, Path(Id(id)): Path<ids::Schedule>) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let from = now.checked_sub(days(DAYS_BEFORE)).unwrap_or(now);
    let to = now.checked_add(days(DAYS_AHEAD)).unwrap_or(now);
    let unit = async move |tx: &mut Tx<'_>| {
        let schedule = whole(tx, id, from).await?;
        let shifts = schedule.shifts(from, to).map_err(wrong_range)?;
        let names = names(tx, shifts.iter().filter_map(|shift| shift.user)).await?;
        Ok::<_, ApiError>((schedule.name, shifts, names))
    };
    let (name, shifts, names) = state.store.db.read(unit).await?;
    let text = write(id, &name, &shifts, now, |user| {
        names.get(&user).map_or("", String::as_str)
    });
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"on-call.ics\""),
    ];
    Ok((headers, text).into_response())
}

fn write<'n>(
    id: ScheduleId,
    name: &str,
    shifts: &[Shift],
    now: Timestamp,
    name_of: impl Fn(opsknight_domain::id::UserId) -> &'n str,
) -> String {
    let mut text = String::new();
    let mut line = |content: &str| fold(&mut text, content);
    for content in [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//OpsKnight//On call//EN",
        "CALSCALE:GREGORIAN",
    ] {
        line(content);
    }
    line(&format!("X-WR-CALNAME:{}", escape(name)));
    for shift in shifts {
        let Some(user) = shift.user else { continue };
        let because = shift.because.as_ref().map(Because::to_string).unwrap_or_default();
        line("BEGIN:VEVENT");
        line(&format!("UID:{id}-{}-{user}@opsknight", shift.start.as_second()));
        line(&format!("DTSTAMP:{}", instant(now)));
        line(&format!("DTSTART:{}", instant(shift.start)));
        line(&format!("DTEND:{}", instant(shift.end)));
        line(&format!("SUMMARY:{}", escape(&format!("{}: {name}", name_of(user)))));
        line(&format!("DESCRIPTION:{}", escape(&format!("On call by {because}"))));
        line("TRANSP:TRANSPARENT");
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    text
}

/// Form 2 of RFC 5545, section 3.3.5: `20260131T080000Z`.
fn instant(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// RFC 5545, section 3.3.11.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
        .replace("\r\n", "\\n")
        .replace(['\r', '\n'], "\\n")
}

/// A line goes on after a line break and a blank; no character is cut.
fn fold(text: &mut String, content: &str) {
    let mut room = LINE_BYTES_MAX;
    for sign in content.chars() {
        if sign.len_utf8() > room {
            text.push_str("\r\n ");
            room = LINE_BYTES_MAX - 1;
        }
        room -= sign.len_utf8();
        text.push(sign);
    }
    write!(text, "\r\n").expect("a String takes all text");
}

#[cfg(test)]
mod tests {
    use opsknight_domain::id::UserId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_calendar_has_an_event_for_every_shift_with_somebody() {
        let at = |second| Timestamp::from_second(second).expect("an instant");
        let shift = |start, user: Option<u128>| Shift {
            start: at(start),
            end: at(start + 3600),
            user: user.map(|n| UserId::new(Uuid::from_u128(n))),
            because: user.map(|_| Because::Layer {
                index: 0,
                name: "Days; nights".into(),
            }),
        };
        let id = ScheduleId::new(Uuid::from_u128(7));
        let shifts = [shift(0, Some(1)), shift(3600, None)];
        let text = write(
            id,
            "Platform, EU",
            &shifts,
            at(60),
            |_| "Ada Lovelace of a very long family name äöü",
        );
        assert_eq!(text.matches("BEGIN:VEVENT").count(), 1);
        assert!(
            text.contains("DTSTART:19700101T000000Z\r\nDTEND:19700101T010000Z\r\n"),
            "{text}"
        );
        assert!(text.contains("X-WR-CALNAME:Platform\\, EU\r\n"), "{text}");
        assert!(
            text.contains("DESCRIPTION:On call by layer Days\\; nights\r\n"),
            "{text}"
        );
        assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"));
        for line in text.split("\r\n") {
            assert!(line.len() <= LINE_BYTES_MAX, "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }
}
