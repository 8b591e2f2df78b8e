//! People, teams, policies and schedules: what refers to what.

use opsknight_domain::{
    directory::{Channel, Member, NotificationRule, Role, Standing, Target},
    id::{ContactMethodId, OverrideId, RuleId},
    oncall::Override,
    urgency::Urgency,
};
use opsknight_store::{
    db::{Db, DbError},
    policies,
    refusal::{ChangeError, Refusal},
    schedules::{self, OverrideRow},
    services::{self, ServiceFilter},
    sessions::{self, SessionRow},
    teams,
    users::{self, ContactMethodRow, RuleRow, UserFilter},
};
use uuid::Uuid;

use super::{ALL, at, policy, refusal, schedule, service, team, user, user_id};

/// Adds people 1 (an administrator) and 2 (a responder).
async fn two_people(db: &Db) {
    db.write(async |tx| {
        users::insert(tx, &user(1, Role::Admin)).await?;
        users::insert(tx, &user(2, Role::Responder)).await
    })
    .await
    .unwrap();
}

const EVERYBODY: UserFilter<'static> = UserFilter {
    part: ALL,
    role: None,
    standing: None,
};

both! {
    async fn people_come_back_as_they_went(db: Db) {
        two_people(&db).await;
        let found = db.read(async |tx| users::get(tx, user_id(1)).await).await;
        assert_eq!(found, Ok(Some(user(1, Role::Admin))));

        let mut changed = user(2, Role::User);
        changed.name = "Zoë".into();
        changed.phone = None;
        changed.updated_at = at(1);
        let row = changed.clone();
        db.write(async move |tx| users::update(tx, &row).await).await.unwrap();
        let (people, total) = db.read(async |tx| users::list(tx, EVERYBODY).await).await.unwrap();
        assert_eq!((people, total), (vec![user(1, Role::Admin), changed.clone()], 2));

        let wanted = UserFilter { role: Some(Role::User), ..EVERYBODY };
        let (people, total) = db.read(async move |tx| users::list(tx, wanted).await).await.unwrap();
        assert_eq!((people, total), (vec![changed], 1));
        let outcome = db.write(async |tx| users::update(tx, &user(3, Role::User)).await).await;
        assert!(matches!(outcome, Err(ChangeError::Missing("user"))), "{outcome:?}");
    }

    async fn a_mail_address_belongs_to_one_person(db: Db) {
        two_people(&db).await;
        let mut third = user(3, Role::User);
        third.email = "PERSON1@example.COM".into();
        let row = third.clone();
        let outcome = db.write(async move |tx| users::insert(tx, &row).await).await;
        assert_eq!(refusal(outcome), Refusal::EmailTaken);
        let mut second = user(2, Role::Responder);
        second.email = third.email.clone();
        let outcome = db.write(async move |tx| users::update(tx, &second).await).await;
        assert_eq!(refusal(outcome), Refusal::EmailTaken);

        let found = db.read(async |tx| users::by_email(tx, "person2@EXAMPLE.com").await).await.unwrap();
        assert_eq!(found, Some((user(2, Role::Responder), None)));
        // Who was removed leaves the address free.
        db.write(async |tx| users::delete(tx, user_id(2), at(1)).await).await.unwrap();
        third.email = "person2@example.com".into();
        db.write(async move |tx| users::insert(tx, &third).await).await.unwrap();
    }

    async fn the_last_administrator_stays_one(db: Db) {
        two_people(&db).await;
        let outcome = db.write(async |tx| users::delete(tx, user_id(1), at(1)).await).await;
        assert_eq!(refusal(outcome), Refusal::LastAdministrator);
        for (role, standing) in [(Role::User, Standing::Active), (Role::Admin, Standing::Disabled)] {
            let mut less = user(1, Role::Admin);
            (less.role, less.standing) = (role, standing);
            let outcome = db.write(async move |tx| users::update(tx, &less).await).await;
            assert_eq!(refusal(outcome), Refusal::LastAdministrator);
        }
        db.write(async |tx| users::update(tx, &user(2, Role::Admin)).await).await.unwrap();
        db.write(async |tx| users::delete(tx, user_id(1), at(1)).await).await.unwrap();
    }

    async fn a_person_who_is_needed_is_not_removed(db: Db) {
        two_people(&db).await;
        db.write(async |tx| {
            schedules::insert(tx, &schedule(1, vec![user_id(2)])).await?;
            policies::insert(tx, &policy(1, vec![Target::User(user_id(2))])).await
        })
        .await
        .unwrap();
        let outcome = db.write(async |tx| users::delete(tx, user_id(2), at(1)).await).await;
        let text = "the user is used by escalation policy Policy 1, schedule Schedule 1";
        assert_eq!(refusal(outcome).to_string(), text);
    }

    async fn with_a_person_goes_what_is_theirs(db: Db) {
        two_people(&db).await;
        db.write(async |tx| {
            let member = Member { user: user_id(2), lead: true, receives_notifications: true };
            teams::insert(tx, &teams::TeamRow { members: vec![member], ..team(1) }).await?;
            users::insert_contact_method(tx, &method(1, "+491")).await?;
            users::replace_rules(tx, user_id(2), &[rule(1, 0)], at(0)).await?;
            schedules::insert(tx, &schedule(1, Vec::new())).await?;
            schedules::insert_override(tx, &takes_over(1, 2)).await?;
            sessions::insert(tx, &SessionRow::new("hash".into(), user_id(2), None, None, at(0))).await?;
            users::delete(tx, user_id(2), at(1)).await
        })
        .await
        .unwrap();
        db.read(async |tx| {
            assert_eq!(users::get(tx, user_id(2)).await?, None);
            assert_eq!(teams::get(tx, team(1).id).await?, Some(team(1)));
            assert_eq!(users::contact_methods(tx, user_id(2)).await?, []);
            assert_eq!(users::rules(tx, user_id(2)).await?, []);
            assert_eq!(schedules::overrides_since(tx, schedule(1, vec![]).id, at(-99)).await?, []);
            assert_eq!(sessions::find(tx, "hash", at(0)).await?, None);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }

    async fn ways_to_reach_people_and_their_rules(db: Db) {
        two_people(&db).await;
        db.write(async |tx| {
            users::insert_contact_method(tx, &method(1, "+491")).await?;
            users::insert_contact_method(tx, &method(2, "+492")).await
        })
        .await
        .unwrap();
        let outcome = db.write(async |tx| users::insert_contact_method(tx, &method(3, "+491")).await).await;
        assert_eq!(refusal(outcome), Refusal::AddressTaken);
        db.write(async |tx| {
            let verified = ContactMethodRow { verified_at: Some(at(2)), ..method(2, "+493") };
            users::update_contact_method(tx, &verified, at(2)).await?;
            assert_eq!(users::contact_methods(tx, user_id(2)).await?, [method(1, "+491"), verified]);
            users::delete_contact_method(tx, user_id(2), method(1, "").id, at(2)).await?;
            assert_eq!(users::contact_method(tx, user_id(2), method(1, "").id).await?, None);

            users::replace_rules(tx, user_id(2), &[rule(2, 5), rule(1, 0)], at(2)).await?;
            users::insert_rule(tx, &rule(3, 9), at(2)).await?;
            users::update_rule(tx, &rule(2, 6), at(2)).await?;
            assert_eq!(users::rules(tx, user_id(2)).await?, [rule(2, 6), rule(1, 0), rule(3, 9)]);
            assert_eq!(users::rule(tx, user_id(2), rule(1, 0).id).await?, Some(rule(1, 0)));
            users::delete_rule(tx, user_id(2), rule(2, 0).id, at(2)).await?;
            assert_eq!(users::rules(tx, user_id(2)).await?, [rule(1, 0), rule(3, 9)]);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
        // Nobody changes what is another person's.
        let outcome = db.write(async |tx| users::delete_rule(tx, user_id(1), rule(1, 0).id, at(2)).await).await;
        assert!(matches!(outcome, Err(ChangeError::Missing("notification rule"))), "{outcome:?}");
    }

    async fn teams_policies_and_schedules_that_are_used_stay(db: Db) {
        two_people(&db).await;
        db.write(async |tx| {
            teams::insert(tx, &team(1)).await?;
            schedules::insert(tx, &schedule(1, vec![user_id(2), user_id(1)])).await?;
            let targets = vec![
                Target::Team { id: team(1).id, lead_only: false },
                Target::Schedule(schedule(1, vec![]).id),
            ];
            policies::insert(tx, &policy(1, targets)).await?;
            let mut uses = service(1);
            uses.team = Some(team(1).id);
            uses.policy = Some(policy(1, vec![]).id);
            services::insert(tx, &uses).await
        })
        .await
        .unwrap();
        let outcome = db.write(async |tx| teams::delete(tx, team(1).id, at(1)).await).await;
        assert_eq!(
            refusal(outcome).to_string(),
            "the team is used by service Service 1, escalation policy Policy 1"
        );
        let outcome = db.write(async |tx| policies::delete(tx, policy(1, vec![]).id, at(1)).await).await;
        assert_eq!(refusal(outcome).to_string(), "the escalation policy is used by service Service 1");
        let outcome = db.write(async |tx| schedules::delete(tx, schedule(1, vec![]).id, at(1)).await).await;
        assert_eq!(refusal(outcome).to_string(), "the schedule is used by escalation policy Policy 1");

        // A service that was removed holds nothing back.
        db.write(async |tx| {
            services::delete(tx, service(1).id, at(1)).await?;
            policies::delete(tx, policy(1, vec![]).id, at(1)).await?;
            teams::delete(tx, team(1).id, at(1)).await?;
            schedules::delete(tx, schedule(1, vec![]).id, at(1)).await
        })
        .await
        .unwrap();
        let outcome = db.write(async |tx| teams::delete(tx, team(1).id, at(1)).await).await;
        assert!(matches!(outcome, Err(ChangeError::Missing("team"))), "{outcome:?}");
    }

    async fn documents_come_back_as_they_went(db: Db) {
        two_people(&db).await;
        db.write(async |tx| {
            let member = |n, lead| Member { user: user_id(n), lead, receives_notifications: !lead };
            let mut ours = team(1);
            ours.members = vec![member(2, true), member(1, false)];
            teams::insert(tx, &ours).await?;
            assert_eq!(teams::get(tx, ours.id).await?, Some(ours.clone()));
            assert_eq!(teams::of_user(tx, user_id(1)).await?, [(ours.id, ours.name.clone())]);
            ours.members.reverse();
            teams::update(tx, &ours).await?;
            assert_eq!(teams::list(tx, ALL).await?, (vec![ours], 1));

            let mut pages = policy(1, vec![Target::User(user_id(1)), Target::Schedule(schedule(1, vec![]).id)]);
            policies::insert(tx, &pages).await?;
            pages.repeat = 9;
            pages.description = Some("nights".into());
            pages.steps.reverse();
            policies::update(tx, &pages).await?;
            assert_eq!(policies::get(tx, pages.id).await?, Some(pages.clone()));
            assert_eq!(policies::list(tx, ALL).await?, (vec![pages], 1));

            let mut calls = schedule(1, vec![user_id(2), user_id(2)]);
            schedules::insert(tx, &calls).await?;
            calls.name = "Nights".into();
            schedules::update(tx, &calls).await?;
            assert_eq!(schedules::get(tx, calls.id).await?, Some(calls.clone()));
            assert_eq!(schedules::list(tx, ALL).await?, (vec![calls], 1));

            let mut watched = service(1);
            services::insert(tx, &watched).await?;
            watched.urgencies.info = Urgency::High;
            watched.region = None;
            watched.target_ack_minutes = None;
            services::update(tx, &watched).await?;
            assert_eq!(services::get(tx, watched.id).await?, Some(watched.clone()));
            let every = ServiceFilter { part: ALL, team: None, policy: None };
            assert_eq!(services::list(tx, every).await?, (vec![watched], 1));
            let none = ServiceFilter { team: Some(team(1).id), policy: Some(policy(1, vec![]).id), ..every };
            assert_eq!(services::list(tx, none).await?, (Vec::new(), 0));
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn overrides_belong_to_their_schedule(db: Db) {
        two_people(&db).await;
        let (ours, other) = (schedule(1, vec![]).id, schedule(2, vec![]).id);
        db.write(async move |tx| {
            schedules::insert(tx, &schedule(1, vec![])).await?;
            schedules::insert(tx, &schedule(2, vec![])).await?;
            schedules::insert_override(tx, &takes_over(1, 1)).await?;
            schedules::insert_override(tx, &takes_over(2, 2)).await?;
            let later = OverrideRow { change: Override { start: at(30), ..takes_over(1, 2).change }, ..takes_over(1, 2) };
            schedules::update_override(tx, &later, at(1)).await?;
            let (found, total) = schedules::list_overrides(tx, ours, ALL).await?;
            assert_eq!((found, total), (vec![later.clone(), takes_over(2, 2)], 2));
            let changes = schedules::overrides_since(tx, ours, at(0)).await?;
            assert_eq!(changes, [later.change, takes_over(2, 2).change], "in the order in which they were made");
            assert_eq!(schedules::overrides_since(tx, ours, at(60)).await?, [], "these have ended");
            assert_eq!(schedules::get_override(tx, other, later.change.id).await?, None);
            schedules::delete_override(tx, ours, later.change.id, at(1)).await
        })
        .await
        .unwrap();
        let outcome = db
            .write(async move |tx| schedules::delete_override(tx, other, takes_over(2, 2).change.id, at(1)).await)
            .await;
        assert!(matches!(outcome, Err(ChangeError::Missing("override"))), "{outcome:?}");
    }
}

fn method(n: u128, address: &str) -> ContactMethodRow {
    ContactMethodRow {
        id: ContactMethodId::new(Uuid::from_u128(n)),
        user: user_id(2),
        channel: Channel::Sms,
        address: address.into(),
        verified_at: None,
        created_at: at(0),
    }
}

fn rule(n: u128, delay_minutes: u32) -> RuleRow {
    RuleRow {
        id: RuleId::new(Uuid::from_u128(n)),
        user: user_id(2),
        rule: NotificationRule {
            urgency: Urgency::High,
            channel: Channel::Sms,
            delay_minutes,
        },
    }
}

/// Override number `n` of schedule 1 for an hour.
fn takes_over(n: u128, by: u128) -> OverrideRow {
    OverrideRow {
        schedule: schedule(1, Vec::new()).id,
        change: Override {
            id: OverrideId::new(Uuid::from_u128(n)),
            user: user_id(by),
            start: at(0),
            end: at(60),
            replaces: None,
        },
        created_at: at(0),
    }
}
