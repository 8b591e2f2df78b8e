//! What holds of maintenance, whatever happens while windows come, go and move.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::Directory,
    event::{Action, Event, Severity},
    id::MaintenanceId,
    incident::{Incident, Manual, OpenedBy, Status},
    maintenance::{Window, until},
    urgency::Urgency,
};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;
use uuid::Uuid;

use crate::scenario::{ANN, BOB, Play, directory, service_id, start, step, to_user, trigger};

fn minute(n: i64) -> Timestamp {
    start() + SignedDuration::from_mins(n)
}

fn window(n: u128, from: i64, to: i64) -> Window {
    Window {
        id: MaintenanceId::new(Uuid::from_u128(n)),
        service: service_id(),
        start: minute(from),
        end: minute(to),
        reason: Some("new disks".into()),
    }
}

fn with_windows(windows: Vec<Window>) -> Directory {
    let mut directory = directory(1, vec![step(vec![to_user(ANN)], 5), step(vec![to_user(BOB)], 5)]);
    directory.maintenance.insert(service_id(), windows);
    directory
}

/// Changes the windows as the store does: what waits is looked at again at once.
fn change_windows(play: &mut Play, windows: Vec<Window>) {
    play.directory.maintenance.insert(service_id(), windows);
    if let Some(incident) = play.incident.as_mut().filter(|incident| incident.in_maintenance) {
        incident.snoozed_until = Some(play.now);
    }
    play.pass(0);
}

fn pages(play: &Play) -> usize {
    play.story.matches("-> page").count()
}

#[test]
fn a_window_is_quiet_and_its_end_is_not() {
    let mut play = Play::new(with_windows(vec![window(1, 0, 30)]));
    play.event(&trigger(Severity::Critical));
    play.pass(29);
    play.event(&trigger(Severity::Critical));
    play.pass(2);
    insta::assert_snapshot!(play.story);
}

#[test]
fn what_is_resolved_within_the_window_was_never_heard_of() {
    let mut play = Play::new(with_windows(vec![window(1, 0, 30)]));
    play.event(&trigger(Severity::Critical));
    play.pass(10);
    play.event(&Event::new(Action::Resolve, "cpu", Severity::Info, ""));
    play.pass(60);
    assert!(!play.story.contains("->"), "{}", play.story);
}

#[test]
fn a_graver_alert_is_not_forgotten() {
    let mut play = Play::new(with_windows(vec![window(1, 0, 30)]));
    play.event(&trigger(Severity::Info));
    play.event(&trigger(Severity::Critical));
    let incident = play.incident.as_ref().unwrap();
    assert_eq!((incident.urgency, incident.status), (Urgency::High, Status::Snoozed));
}

#[test]
fn an_end_that_moves_takes_the_incident_along() {
    let mut play = Play::new(with_windows(vec![window(1, 0, 30)]));
    play.event(&trigger(Severity::Critical));
    play.pass(10);
    change_windows(&mut play, vec![window(1, 0, 90)]);
    play.pass(79);
    assert_eq!(pages(&play), 0, "{}", play.story);
    change_windows(&mut play, Vec::new());
    assert_eq!(pages(&play), 1, "{}", play.story);
    assert_eq!(play.now, minute(89));
}

#[test]
fn people_open_incidents_within_a_window_as_ever() {
    let directory = with_windows(vec![window(1, 0, 30)]);
    let manual = Manual {
        title: "Nobody can pay".into(),
        description: None,
        urgency: Urgency::High,
        priority: None,
        assignee: None,
        team: None,
        dedup_key: "by hand".into(),
        custom_details: Value::Null,
    };
    let id = opsknight_domain::id::IncidentId::new(Uuid::from_u128(1000));
    let service = &directory.services[&service_id()];
    let opened = Incident::open(id, service, OpenedBy::Hand(&manual), &Play::ann(), &directory, start());
    assert_eq!(opened.incident.status, Status::Open);
    assert!(!opened.deliveries.is_empty());
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Happens {
    Trigger(Severity),
    ResolvedByTool,
    Minutes(i64),
    /// The windows are now these: how long from now each begins, and how long it lasts.
    Windows(Vec<(i64, i64)>),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => prop::sample::select(Severity::ALL.to_vec()).prop_map(Happens::Trigger),
        1 => Just(Happens::ResolvedByTool),
        5 => (0..40i64).prop_map(Happens::Minutes),
        3 => vec((-20..40i64, 1..60i64), 0..3).prop_map(Happens::Windows),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// Nobody hears of an incident while it waits; it waits exactly until the maintenance is over as the windows are now;
    /// and as soon as it is, it is open and its first step was run.
    #[test]
    fn nobody_is_paged_within_and_everybody_after(script in vec(happens(), 1..40)) {
        let mut play = Play::new(with_windows(Vec::new()));
        for what in &script {
            let (before, waited) = (play.story.len(), play.incident.as_ref().is_some_and(|incident| incident.in_maintenance));
            match what {
                Happens::Trigger(severity) => play.event(&trigger(*severity)),
                Happens::ResolvedByTool => play.event(&Event::new(Action::Resolve, "cpu", Severity::Info, "")),
                Happens::Minutes(minutes) => play.pass(*minutes),
                Happens::Windows(windows) => {
                    let now = play.now;
                    let at = |minutes: i64| now + SignedDuration::from_mins(minutes);
                    let windows = windows.iter().map(|(from, length)| Window {
                        start: at(*from),
                        end: at(from + length),
                        ..window(1, 0, 0)
                    });
                    change_windows(&mut play, windows.collect());
                }
            }
            let Some(incident) = &play.incident else { continue };
            let told = &play.story[before..];
            let lasts = until(&play.directory.maintenance[&service_id()], play.now);
            if incident.in_maintenance {
                prop_assert_eq!(incident.status, Status::Snoozed);
                prop_assert_eq!(incident.snoozed_until, lasts, "{}", play.story);
                prop_assert!(lasts.is_some_and(|end| end > play.now));
                // Whatever was before it was another incident.
                let its_own = told.rfind("TRIGGERED").map_or(told, |at| &told[at..]);
                prop_assert!(!its_own.contains("->"), "{}", play.story);
                prop_assert_eq!(incident.clocks.ack_due, None);
            } else if waited && incident.status != Status::Resolved && !matches!(what, Happens::ResolvedByTool) {
                prop_assert!(told.contains("ESCALATED Step 1 of Default") && told.contains("-> page"), "{}", play.story);
            }
            prop_assert!(incident.due_at().is_none_or(|due| due > play.now || incident.status == Status::Open), "{}", play.story);
        }
    }
}
