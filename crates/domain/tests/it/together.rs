//! More people on one incident, and two incidents that are one problem.

use opsknight_domain::{
    directory::{Directory, Step},
    escalation,
    event::{Action, Event, Severity},
    id::IncidentId,
    incident::{
        Actor, Call, Change, Edit, EntryKind, Happening, Incident, MESSAGE_CHARS_MAX, Merged, OpenedBy, Refusal, Route,
        Status, mentioned,
    },
    urgency::Urgency,
};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use crate::scenario::{
    ANN, BOB, CAT, Play, directory, service_id, start, step, to_schedule, to_team, to_user, trigger, user_id,
};

fn two_steps() -> Vec<Step> {
    vec![step(vec![to_user(ANN)], 30), step(vec![to_user(BOB)], 30)]
}

fn escalate(play: &mut Play) {
    play.act(|incident, directory, now| escalation::escalate(incident, &Play::ann(), directory, now));
}

#[test]
fn somebody_does_not_want_to_wait() {
    let mut play = Play::new(directory(0, two_steps()));
    play.event(&trigger(Severity::Critical));
    play.pass(2);
    escalate(&mut play);
    let progress = play.incident.as_ref().unwrap().progress;
    assert_eq!(progress.next_step, 2);
    assert_eq!(
        progress.due.unwrap().duration_since(start()).as_mins(),
        32,
        "the wait begins with the step"
    );
    play.pass(1);
    escalate(&mut play);
    play.act(|incident, directory, now| incident.acknowledge(&Play::ann(), directory, now));
    escalate(&mut play);
    insta::assert_snapshot!(play.story);
    assert_eq!(play.hears(Happening::Escalated), 2, "each is told once");
}

#[test]
fn who_failed_to_hear_before_escalation_began_anew_is_not_gone_on_with() {
    let mut play = Play::new(directory(0, two_steps()));
    play.event(&trigger(Severity::Critical));
    let goes_on = |play: &Play, escalation: u32| {
        let incident = || play.incident.clone().unwrap();
        let (directory, now) = (&play.directory, play.now);
        let moves = escalation::unheard(incident(), escalation, (0, 0), directory, now).is_some();
        let next = |step| escalation::next_channel(incident(), escalation, user_id(ANN), step, &[], directory, now);
        (moves, next(Some((0, 0))).is_some(), next(None).is_some())
    };
    assert_eq!(goes_on(&play, 1), (true, true, true));
    play.act(|incident, directory, now| incident.acknowledge(&Play::ann(), directory, now));
    play.act(|incident, directory, now| incident.reopen(&Play::ann(), directory, now));
    assert_eq!(
        goes_on(&play, 1),
        (false, false, true),
        "the step calls everybody again, and nobody again who was asked by hand"
    );
    assert_eq!(goes_on(&play, 2), (true, true, true));
    escalate(&mut play);
    assert_eq!(goes_on(&play, 2), (false, true, true), "the step is another");
    escalate(&mut play);
    assert_eq!(goes_on(&play, 2), (false, false, true), "from the first step");
    assert_eq!(goes_on(&play, 3), (true, true, true));
}

#[test]
fn what_has_nothing_to_escalate_is_refused_in_words() {
    let refused = |directory: Directory, wish: fn(Incident) -> Incident| {
        let mut play = Play::new(directory);
        play.event(&trigger(Severity::Critical));
        let incident = wish(play.incident.clone().unwrap());
        let refusal = escalation::escalate(incident, &Play::ann(), &play.directory, play.now);
        refusal.unwrap_err().to_string()
    };
    assert!(refused(directory(0, Vec::new()), |incident| incident).contains("no steps"));
    let without = |mut incident: Incident| {
        incident.policy = None;
        incident
    };
    assert!(refused(directory(0, two_steps()), without).contains("add a responder"));
    let test = |mut incident: Incident| {
        incident.is_test = true;
        incident
    };
    assert!(refused(directory(0, two_steps()), test).contains("test"));
}

#[test]
fn further_people_are_paged_beside_the_assignee() {
    let mut play = Play::new(directory(0, two_steps()));
    play.event(&trigger(Severity::Critical));
    play.act(|incident, directory, now| incident.acknowledge(&Play::ann(), directory, now));
    let call = |targets, message: &str| Call {
        targets,
        message: Some(message.to_owned()),
    };
    let asked = call(vec![to_schedule(), to_user(ANN)], "You know the cache");
    play.act(|incident, directory, now| incident.add_responders(&asked, &Play::ann(), directory, now));
    for (call, what) in [
        (call(Vec::new(), ""), "nobody"),
        (call(vec![to_user(CAT)], ""), "disabled"),
        (call(vec![to_user(99)], ""), "unknown"),
        (call(vec![to_user(BOB)], &"x".repeat(MESSAGE_CHARS_MAX + 1)), "too long"),
    ] {
        play.tell(what);
        play.act(|incident, directory, now| incident.add_responders(&call, &Play::ann(), directory, now));
    }
    let incident = play.incident.as_ref().unwrap();
    assert_eq!(
        (incident.assignee, incident.status),
        (Some(user_id(ANN)), Status::Acknowledged)
    );
    insta::assert_snapshot!(play.story);
}

#[test]
fn whoever_asked_for_help_is_kept_with_why() {
    let mut play = Play::new(directory(0, two_steps()));
    play.event(&trigger(Severity::Critical));
    let call = Call {
        targets: vec![to_user(BOB), to_team(false)],
        message: None,
    };
    let incident = play.incident.take().unwrap();
    let change = incident
        .add_responders(&call, &Play::ann(), &play.directory, play.now)
        .unwrap();
    // Cat is of the team too; that she is disabled is told where she would be paged.
    let kept: Vec<_> = change
        .responders
        .iter()
        .map(|one| (one.user, one.why.as_str()))
        .collect();
    assert_eq!(kept, [(user_id(BOB), ""), (user_id(CAT), "member of team Ops")]);
    assert!(change.deliveries.iter().all(|delivery| delivery.step.is_none()));
    assert!(change.deliveries[0].reason.contains("Ann asks for your help"));
}

#[test]
fn tags_are_told_and_changed_as_a_whole() {
    let mut play = Play::new(directory(0, two_steps()));
    play.event(&trigger(Severity::Critical));
    for tags in [vec!["Data Base", "eu"], vec!["data-base", "EU"], Vec::new()] {
        play.act(|incident, directory, now| {
            let edit = Edit {
                tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
                ..Edit::default()
            };
            incident.edit(&edit, &Play::ann(), directory, now)
        });
    }
    assert_eq!(play.story.matches("EDITED").count(), 2, "{}", play.story);
    assert!(play.story.contains("Tagged data-base, eu by Ann") && play.story.contains("Tags taken away by Ann"));
}

#[test]
fn whoever_is_mentioned_is_told_once_and_not_paged() {
    let play = Play::new(directory(0, two_steps()));
    let service = &play.directory.services[&service_id()];
    let event = trigger(Severity::Info);
    let id = IncidentId::new(Uuid::from_u128(1000));
    let opened = Incident::open(
        id,
        service,
        OpenedBy::Event(&event),
        &Play::ann(),
        &play.directory,
        play.now,
    );
    let text = "@bob and @Bob: see @cat, @ann and @nobody. Not bob@example.com";
    assert_eq!(mentioned(text, &play.directory), [user_id(BOB), user_id(ANN)]);
    let change = opened
        .incident
        .note(text, &Play::ann(), &play.directory, play.now)
        .unwrap();
    let told: Vec<_> = change
        .deliveries
        .iter()
        .filter_map(|delivery| match delivery.route {
            Route::Person { user, .. } => Some((user, delivery.purpose.word())),
            Route::Room { .. } | Route::Webhook(_) => None,
        })
        .collect();
    assert_eq!(
        told,
        [(user_id(BOB), "NOTICE")],
        "nobody is told of a note of their own"
    );
}

/// An incident under this key, of this number.
fn opened(n: u128, severity: Severity, directory: &Directory) -> Incident {
    let service = &directory.services[&service_id()];
    let event = Event::new(Action::Trigger, format!("key-{n}"), severity, format!("Problem {n}"));
    let id = IncidentId::new(Uuid::from_u128(1000 + n));
    let mut change = Incident::open(id, service, OpenedBy::Event(&event), &Play::ann(), directory, start());
    change.incident.number = i64::try_from(n).expect("numbers of tests are small");
    change.incident
}

fn merge(source: &Incident, target: &Incident, directory: &Directory) -> Result<Merged, Refusal> {
    source.clone().merge(target.clone(), &Play::ann(), directory, start())
}

fn says(change: &Change) -> Vec<&str> {
    change.entries.iter().map(|entry| entry.text.as_str()).collect()
}

#[test]
fn one_of_two_goes_on_with_what_both_have() {
    let directory = directory(0, two_steps());
    let (mut source, target) = (
        opened(1, Severity::Critical, &directory),
        opened(2, Severity::Info, &directory),
    );
    source.tags = vec!["eu".into()];
    let Merged { source, target } = merge(&source, &target, &directory).unwrap();
    assert_eq!(says(&source), ["Merged into #2 by Ann"]);
    assert_eq!(source.call_off_pages, Some("the incident was merged into another"));
    assert_eq!(
        (source.incident.status, source.incident.merged_into),
        (Status::Resolved, Some(target.incident.id))
    );
    assert_eq!(source.incident.due_at(), None);
    assert_eq!(
        says(&target),
        [
            "#1 “Problem 1” merged into this one by Ann",
            "Urgency raised from low to high by what was merged"
        ]
    );
    assert_eq!((target.incident.alert_count, source.incident.alert_count), (2, 0));
    assert_eq!((target.incident.tags.len(), target.retagged), (1, true));
    let again = source.incident.reopen(&Play::ann(), &directory, start());
    assert!(again.unwrap_err().to_string().contains("merged into another"));
}

#[test]
fn what_cannot_be_merged_is_refused_in_words() {
    let directory = directory(0, two_steps());
    let (one, two) = (
        opened(1, Severity::Info, &directory),
        opened(2, Severity::Info, &directory),
    );
    let over = one
        .clone()
        .resolve(&Play::ann(), None, &directory, start())
        .unwrap()
        .incident;
    let mut test = two.clone();
    test.is_test = true;
    for (source, target, why) in [
        (&one, &one, "into itself"),
        (&over, &two, "is resolved"),
        (&two, &over, "#1 is resolved"),
        (&one, &test, "test"),
        (&test, &one, "test"),
    ] {
        let refusal = merge(source, target, &directory).unwrap_err().to_string();
        assert!(refusal.contains(why), "{refusal}");
    }
}

#[test]
fn what_is_said_of_a_part_changes_the_whole_but_does_not_end_it() {
    let directory = directory(0, two_steps());
    let whole = opened(2, Severity::Info, &directory);
    let known = whole.changed_at;
    let tool = Actor::Integration {
        name: "Alertmanager".into(),
    };
    let mut event = Event::new(Action::Trigger, "key-1", Severity::Critical, "Problem 1");
    event.changed_at = Some(start() + jiff::SignedDuration::from_hours(1));
    let more = whole.add_of_part(&event, &tool, &directory, start());
    assert_eq!((more.incident.alert_count, more.incident.urgency), (2, Urgency::High));
    assert_eq!(
        more.incident.changed_at, known,
        "the time of a part says nothing of the whole"
    );
    let ended = Event::new(Action::Resolve, "key-1", Severity::Info, "");
    let less = more.incident.part_ended(&ended, &tool, start());
    assert_eq!(less.incident.status, Status::Open);
    assert_eq!(less.entries[0].kind, EntryKind::AlertAdded);
    assert!(
        less.entries[0].text.contains("has recovered: key-1"),
        "{}",
        less.entries[0].text
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// However incidents are merged, no alert is lost or counted twice, nothing that was merged is live or wakes
    /// anybody, and the one that goes on is as urgent as the gravest of what is in it.
    #[test]
    fn merging_loses_nothing_and_ends_at_one(pairs in vec((0..6usize, 0..6usize), 0..24)) {
        let directory = directory(1, two_steps());
        let severities = [Severity::Info, Severity::Critical, Severity::Warning];
        let mut all: Vec<Incident> = (0..6).map(|n| opened(n as u128, severities[n % 3], &directory)).collect();
        for (from, into) in pairs {
            // Whoever was merged stands for where it went; the store follows one step, and moves what followed before.
            let into = all[into].merged_into.map_or(into, |id| all.iter().position(|one| one.id == id).unwrap());
            let gravest = all[from].urgency.max(all[into].urgency);
            let Ok(Merged { source, target }) = merge(&all[from], &all[into], &directory) else {
                prop_assert!(from == into || all[from].merged_into.is_some());
                continue;
            };
            prop_assert_eq!(target.incident.urgency, gravest);
            prop_assert!(source.deliveries.iter().chain(&target.deliveries).all(|one| one.purpose.word() != "PAGE"));
            let (old, new) = (source.incident.id, target.incident.id);
            all[from] = source.incident;
            all[into] = target.incident;
            for one in &mut all {
                if one.merged_into == Some(old) {
                    one.merged_into = Some(new);
                }
            }
        }
        prop_assert_eq!(all.iter().map(|one| one.alert_count).sum::<i64>(), 6);
        for one in &all {
            let Some(into) = one.merged_into else {
                prop_assert!(one.status != Status::Resolved);
                continue;
            };
            prop_assert!(one.status == Status::Resolved && one.due_at().is_none() && one.alert_count == 0);
            let target = all.iter().find(|other| other.id == into).unwrap();
            prop_assert!(target.merged_into.is_none() && target.status != Status::Resolved, "one step leads there");
        }
    }
}
