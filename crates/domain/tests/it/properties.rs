//! What holds whatever happens, in whatever order.

use opsknight_domain::{
    directory::Step,
    event::{Action, Event, Severity},
    incident::{EntryKind, Status},
};
use proptest::{collection::vec, prelude::*};

use crate::scenario::{ANN, BOB, CAT, Play, directory, start, step, to_schedule, to_team, to_user, trigger};

/// Something that happens.
#[derive(Debug, Clone)]
enum Happens {
    Trigger(Severity),
    AcknowledgedByTool,
    ResolvedByTool,
    Acknowledge,
    Resolve,
    Reopen,
    Snooze(i64),
    Suppress,
    Minutes(i64),
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(Severity::ALL.to_vec())
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => severity().prop_map(Happens::Trigger),
        1 => Just(Happens::AcknowledgedByTool),
        1 => Just(Happens::ResolvedByTool),
        2 => Just(Happens::Acknowledge),
        1 => Just(Happens::Resolve),
        1 => Just(Happens::Reopen),
        1 => (1..90i64).prop_map(Happens::Snooze),
        1 => Just(Happens::Suppress),
        6 => (0..40i64).prop_map(Happens::Minutes),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let target = prop::sample::select(vec![
        to_user(ANN),
        to_user(BOB),
        to_user(CAT),
        to_team(true),
        to_schedule(),
    ]);
    vec(
        (vec(target, 0..3), 0..20u32).prop_map(|(targets, delay)| step(targets, delay)),
        0..4,
    )
}

fn play(play: &mut Play, what: &Happens) {
    let event = |action| Event::new(action, "cpu", Severity::Info, "");
    match what {
        Happens::Trigger(severity) => play.event(&trigger(*severity)),
        Happens::AcknowledgedByTool => play.event(&event(Action::Acknowledge)),
        Happens::ResolvedByTool => play.event(&event(Action::Resolve)),
        Happens::Minutes(minutes) => play.pass(*minutes),
        _ if play.incident.is_none() => {}
        Happens::Acknowledge => play.act(|incident, directory, now| incident.acknowledge(&Play::ann(), directory, now)),
        Happens::Resolve => play.act(|incident, directory, now| incident.resolve(&Play::ann(), None, directory, now)),
        Happens::Reopen => play.act(|incident, directory, now| incident.reopen(&Play::ann(), directory, now)),
        Happens::Snooze(n) => play.act(|incident, directory, now| incident.snooze(*n, &Play::ann(), directory, now)),
        Happens::Suppress => play.act(|incident, _, now| incident.suppress(&Play::ann(), now)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// An open incident either has a time at which something will be done, or its timeline says why nothing will be.
    /// One that is not open is never escalated, and no page of it waits.
    #[test]
    fn nothing_open_is_forgotten_and_nothing_else_is_paged(
        repeat in 0..3u32,
        steps in steps(),
        script in vec(happens(), 1..30),
    ) {
        let mut scene = Play::new(directory(repeat, steps));
        for what in &script {
            let before = scene.story.len();
            let was_open = scene.incident.as_ref().is_some_and(|incident| incident.status == Status::Open);
            play(&mut scene, what);
            let Some(incident) = &scene.incident else { continue };
            if incident.status == Status::Open {
                let ended = [EntryKind::Exhausted.word(), EntryKind::NotPaged.word()];
                let told = ended.iter().any(|word| scene.story.contains(word));
                prop_assert!(incident.progress.due.is_some() || told, "{}", scene.story);
            } else {
                let page_waits = scene.waiting.iter().any(|(_, to)| to.starts_with("page"));
                prop_assert!(!page_waits, "a page waits though the incident is {:?}\n{}", incident.status, scene.story);
                if !was_open && !matches!(what, Happens::Trigger(_) | Happens::Reopen | Happens::Minutes(_)) {
                    prop_assert!(!scene.story[before..].contains("-> page"), "{}", &scene.story[before..]);
                }
            }
            if incident.status == Status::Snoozed {
                prop_assert!(incident.due_at().is_some());
            }
            prop_assert!(incident.due_at().is_none_or(|due| due >= scene.now), "something is overdue");
        }
    }

    /// However triggers are repeated, there is one incident, with the gravest urgency seen and every alert counted.
    #[test]
    fn repeated_triggers_make_one_incident(severities in vec(severity(), 1..12)) {
        let mut scene = Play::new(directory(0, vec![step(vec![to_user(ANN)], 5)]));
        for severity in &severities {
            scene.event(&trigger(*severity));
        }
        let incident = scene.incident.unwrap();
        let gravest = severities.iter().max().unwrap();
        let table = opsknight_domain::urgency::UrgencyTable::default();
        prop_assert_eq!(incident.urgency, table.of(*gravest));
        prop_assert_eq!(incident.alert_count, i64::try_from(severities.len()).unwrap());
        prop_assert_eq!(scene.story.matches("TRIGGERED").count(), 1);
    }

    /// Messages of a sender that says when things happened lead to the same end in whatever order they come, and each may
    /// come again: the incident is live if the newest of them is an alert.
    #[test]
    fn messages_that_overtake_each_other_do_no_harm(
        (begins_well, order) in (any::<bool>(), vec(0..8usize, 0..24)),
    ) {
        let mut scene = Play::new(directory(0, vec![step(vec![to_user(ANN)], 5)]));
        let wrong = |n: usize| n.is_multiple_of(2) != begins_well;
        for n in &order {
            let mut event = if wrong(*n) { trigger(Severity::Error) } else { Event::new(Action::Resolve, "cpu", Severity::Info, "") };
            event.changed_at = Some(start() + jiff::SignedDuration::from_secs(i64::try_from(*n).unwrap()));
            scene.event(&event);
        }
        let live = scene.incident.as_ref().is_some_and(|incident| incident.resolved_at.is_none());
        let newest = order.iter().max();
        prop_assert_eq!(live, newest.is_some_and(|n| wrong(*n)), "{:?}\n{}", order, scene.story);
    }

    /// With nobody answering, every step is run once a round, in order, each after the waits before it.
    #[test]
    fn every_step_is_run_at_its_time(repeat in 0..3u32, delays in vec(0..30u32, 1..5)) {
        let steps = delays.iter().map(|delay| step(vec![to_user(ANN)], *delay)).collect();
        let mut scene = Play::new(directory(repeat, steps));
        scene.event(&trigger(Severity::Critical));
        scene.pass(10_000);
        let mut expected = Vec::new();
        let mut minute = 0;
        for _ in 0..=repeat {
            for delay in &delays {
                expected.push(minute);
                minute += i64::from(*delay);
            }
        }
        let run: Vec<i64> = scene
            .story
            .lines()
            .filter(|line| line.contains(" ESCALATED "))
            .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
            .collect();
        prop_assert_eq!(run, expected);
        prop_assert_eq!(scene.now, start() + jiff::SignedDuration::from_mins(10_000));
        prop_assert!(scene.story.contains("EXHAUSTED"));
    }
}
