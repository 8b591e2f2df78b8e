//! The clock on the wall of a zone, and the instants behind it. Nothing here knows what a schedule is.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// No two offsets from UTC are further apart than this: jiff's offsets lie strictly between −26 and +26 hours.
const OFFSETS_APART_MAX: SignedDuration = SignedDuration::from_hours(52);

/// The instant at which the wall shows `wall`. In a fold (the clock is set back and shows it twice) the first; in a gap
/// (the clock is set forward and never shows it) as long after the gap's beginning as `wall` is: 02:30 becomes 03:30.
/// That is the "compatible" rule of RFC 5545 and of jiff. Beyond the years that have instants: the nearest that exists.
pub(super) fn instant(zone: &TimeZone, wall: DateTime) -> Timestamp {
    let nearest = if wall.year() > 0 {
        Timestamp::MAX
    } else {
        Timestamp::MIN
    };
    zone.to_timestamp(wall).unwrap_or(nearest)
}

/// How far the wall's reading at `at` can mislead about which other readings have been passed by then. After a fold a
/// later reading may have been passed already, after a gap an earlier one may still be to come. A reading at least this
/// much earlier has surely been passed, one more than this later surely has not. Zero when no clock is set near `at`,
/// which is nearly always, and keeps deciding cheap.
pub(super) fn reach(zone: &TimeZone, at: Timestamp) -> SignedDuration {
    let next = zone.following(before(at, OFFSETS_APART_MAX)).next();
    match next {
        Some(transition) if transition.timestamp() <= after(at, OFFSETS_APART_MAX) => OFFSETS_APART_MAX,
        _ => SignedDuration::ZERO,
    }
}

/// The instant this much earlier, or the first there is.
pub(super) fn before(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// The instant this much later, or the last there is.
pub(super) fn after(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::samples::{at, zone};

    #[test]
    fn gaps_are_passed_over_and_folds_taken_the_first_time() {
        let new_york = zone("America/New_York");
        let read = |wall: &str| instant(&new_york, wall.parse().unwrap());
        assert_eq!(read("2026-03-08T02:30"), at("2026-03-08T03:30-04:00"));
        assert_eq!(read("2026-11-01T01:30"), at("2026-11-01T01:30-04:00"));
        assert_eq!(instant(&new_york, DateTime::MAX), Timestamp::MAX);
        assert_eq!(instant(&zone("Asia/Kathmandu"), DateTime::MIN), Timestamp::MIN);
    }

    #[test]
    fn the_wall_misleads_only_near_a_transition() {
        let london = zone("Europe/London");
        assert_eq!(reach(&london, at("2026-06-15T12:00Z")), SignedDuration::ZERO);
        assert_eq!(reach(&london, at("2026-03-28T12:00Z")), OFFSETS_APART_MAX);
        assert_eq!(reach(&london, at("2026-03-30T12:00Z")), OFFSETS_APART_MAX);
        assert_eq!(reach(&london, Timestamp::MIN), SignedDuration::ZERO);
        assert_eq!(reach(&TimeZone::UTC, Timestamp::MAX), SignedDuration::ZERO);
    }
}
