//! Who is on call, found by walking from hand-off to hand-off on the wall clock since the rotation began.

use jiff::{SignedDuration, Span, Timestamp, ToSpan as _, civil::DateTime, tz::TimeZone};
use opsknight_domain::{
    id::UserId,
    oncall::{Layer, Unit},
};

use crate::org::Rota;

/// No clock is set by more than this, so that hand-offs further away than this are surely in order.
const ENOUGH: SignedDuration = SignedDuration::from_hours(72);

/// Who is on call on a schedule: the layer of the highest priority that has somebody, and then the overrides, each having
/// the word over those before it.
pub(crate) fn on_call(rota: &Rota, at: Timestamp) -> Option<UserId> {
    let zone = &rota.row.zone;
    let mut answer: Option<(i64, UserId)> = None;
    for layer in &rota.row.layers {
        let speaks = answer.is_none_or(|(priority, _)| layer.priority >= priority);
        if speaks && let Some(user) = in_layer(layer, zone, at) {
            answer = Some((layer.priority, user));
        }
    }
    let mut user = answer.map(|(_, user)| user);
    for row in &rota.overrides {
        let change = &row.change;
        let covered = change.start <= at && at < change.end;
        if covered && (change.replaces.is_none() || change.replaces == user) {
            user = Some(change.user);
        }
    }
    user
}

fn in_layer(layer: &Layer, zone: &TimeZone, at: Timestamp) -> Option<UserId> {
    if at < layer.rotation.start || layer.users.is_empty() || !is_open(layer, zone, at) {
        return None;
    }
    let step: Span = match layer.rotation.unit {
        Unit::Hours => i64::from(layer.rotation.length).hours(),
        Unit::Days => i64::from(layer.rotation.length).days(),
        Unit::Weeks => i64::from(layer.rotation.length).weeks(),
    };
    let start = zone.to_datetime(layer.rotation.start);
    let mut wall = start.date().to_datetime(layer.rotation.handoff);
    if layer.rotation.unit == Unit::Hours {
        // The turn into which the start falls is the first person's.
        while wall > start {
            wall -= step;
        }
        while wall + step <= start {
            wall += step;
        }
    }
    let (mut turn, mut number) = (0, 0);
    loop {
        wall += step;
        number += 1;
        let handoff = instant(zone, wall);
        if handoff <= at {
            turn = number;
        } else if handoff.duration_since(at) > ENOUGH {
            return layer.users.get(turn % layer.users.len()).copied();
        }
    }
}

/// Whether the layer speaks at this time of the week.
fn is_open(layer: &Layer, zone: &TimeZone, at: Timestamp) -> bool {
    let today = zone.to_datetime(at).date();
    layer.restrictions.is_empty()
        || layer.restrictions.iter().any(|window| {
            (-3_i64..=3).any(|away| {
                let day = today + away.days();
                let ends = if window.to > window.from { day } else { day + 1.day() };
                (window.days.is_empty() || window.days.contains(day.weekday()))
                    && instant(zone, day.to_datetime(window.from)) <= at
                    && at < instant(zone, ends.to_datetime(window.to))
            })
        })
}

/// The first instant at which the wall shows this; in a gap, the time by the offset before it.
fn instant(zone: &TimeZone, wall: DateTime) -> Timestamp {
    zone.to_timestamp(wall)
        .expect("the simulation lives in years that there are")
}
