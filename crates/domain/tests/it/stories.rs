//! Scenarios that read like the manual.

use opsknight_domain::{
    directory::{Channel, Target},
    event::{Action, Event, Severity},
    id::ScheduleId,
    incident::{Edit, Happening},
    urgency::Urgency,
};
use uuid::Uuid;

use crate::scenario::{ANN, BOB, CAT, Play, directory, rule, step, to_schedule, to_team, to_user, trigger, user_id};

#[test]
fn nobody_answers_and_everything_is_tried_twice() {
    let mut play = Play::new(directory(
        1,
        vec![step(vec![to_schedule()], 5), step(vec![to_team(true)], 10)],
    ));
    play.event(&trigger(Severity::Critical));
    play.pass(120);
    insta::assert_snapshot!(play.story);
}

#[test]
fn an_acknowledgement_stops_it_and_a_resolve_ends_it() {
    let mut directory = directory(0, vec![step(vec![to_user(ANN)], 5), step(vec![to_user(BOB)], 5)]);
    let ann = directory.users.get_mut(&user_id(ANN)).unwrap();
    ann.rules = vec![
        rule(Urgency::High, Channel::Email, 0),
        rule(Urgency::High, Channel::Email, 4),
    ];
    let mut play = Play::new(directory);
    play.event(&trigger(Severity::Critical));
    play.pass(2);
    play.act(|incident, directory, now| incident.acknowledge(&Play::ann(), directory, now));
    play.pass(30);
    play.act(|incident, directory, now| incident.acknowledge(&Play::ann(), directory, now));
    play.event(&Event::new(Action::Resolve, "cpu", Severity::Info, ""));
    play.event(&Event::new(Action::Resolve, "cpu", Severity::Info, ""));
    play.pass(600);
    insta::assert_snapshot!(play.story);
}

#[test]
fn a_step_that_reaches_nobody_does_not_wait() {
    let gone = Target::Schedule(ScheduleId::new(Uuid::from_u128(9)));
    let steps = vec![
        step(vec![gone], 30),
        step(vec![to_user(CAT)], 30),
        step(vec![to_team(false)], 30),
    ];
    let mut play = Play::new(directory(0, steps));
    play.event(&trigger(Severity::Error));
    insta::assert_snapshot!(play.story);
}

#[test]
fn nobody_at_all_is_said_and_tried_again_while_rounds_are_left() {
    let mut play = Play::new(directory(1, vec![step(vec![to_user(CAT)], 30)]));
    play.event(&trigger(Severity::Critical));
    play.pass(30);
    insta::assert_snapshot!(play.story);
}

#[test]
fn a_snooze_ends_and_escalation_begins_anew() {
    let mut play = Play::new(directory(
        0,
        vec![step(vec![to_user(ANN)], 5), step(vec![to_user(BOB)], 5)],
    ));
    play.event(&trigger(Severity::Critical));
    play.pass(6);
    play.act(|incident, directory, now| incident.snooze(30, &Play::ann(), directory, now));
    play.event(&trigger(Severity::Critical));
    play.pass(40);
    insta::assert_snapshot!(play.story);
}

#[test]
fn urgency_is_raised_by_a_graver_alert_and_never_lowered() {
    let mut play = Play::new(directory(0, vec![step(vec![to_user(ANN)], 5)]));
    play.event(&trigger(Severity::Info));
    play.event(&trigger(Severity::Critical));
    play.event(&trigger(Severity::Warning));
    assert_eq!(play.incident.as_ref().unwrap().urgency, Urgency::High);
    assert_eq!(play.incident.as_ref().unwrap().alert_count, 3);
    play.act(|incident, _, now| incident.suppress(&Play::ann(), now));
    play.act(|incident, directory, now| {
        let edit = Edit {
            urgency: Some(Urgency::Low),
            ..Edit::default()
        };
        incident.edit(&edit, &Play::ann(), directory, now)
    });
    play.event(&trigger(Severity::Critical));
    assert_eq!(
        play.incident.as_ref().unwrap().urgency,
        Urgency::Low,
        "a suppressed incident is left alone"
    );
    insta::assert_snapshot!(play.story);
}

#[test]
fn a_test_pages_nobody_and_closes_itself() {
    let mut play = Play::new(directory(0, vec![step(vec![to_user(ANN)], 5)]));
    let mut event = trigger(Severity::Critical);
    event.is_test = true;
    play.event(&event);
    assert_eq!(play.incident.as_ref().unwrap().urgency, Urgency::Low);
    play.pass(10);
    assert!(play.incident.as_ref().unwrap().resolved_at.is_some());
    assert_eq!(play.hears(Happening::Triggered), 0);
    insta::assert_snapshot!(play.story);
}

#[test]
fn without_a_policy_the_incident_opens_and_says_that_nobody_is_paged() {
    let mut directory = directory(0, Vec::new());
    directory
        .services
        .values_mut()
        .for_each(|service| service.policy = None);
    let mut play = Play::new(directory);
    play.event(&trigger(Severity::Critical));
    insta::assert_snapshot!(play.story);
}

#[test]
fn whoever_is_assigned_by_another_is_paged() {
    let mut play = Play::new(directory(
        0,
        vec![step(vec![to_user(ANN)], 5), step(vec![to_user(ANN)], 5)],
    ));
    play.event(&trigger(Severity::Critical));
    play.act(|incident, directory, now| {
        let edit = Edit {
            assignee: Some(Some(user_id(BOB))),
            ..Edit::default()
        };
        incident.edit(&edit, &Play::ann(), directory, now)
    });
    play.act(|incident, directory, now| {
        let edit = Edit {
            assignee: Some(Some(user_id(CAT))),
            ..Edit::default()
        };
        incident.edit(&edit, &Play::ann(), directory, now)
    });
    play.pass(6);
    assert_eq!(
        play.incident.as_ref().unwrap().assignee,
        Some(user_id(BOB)),
        "escalation leaves it alone"
    );
    insta::assert_snapshot!(play.story);
}
