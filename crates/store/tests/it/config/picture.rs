//! The picture of the configuration: made again after every kind of change, and never of a change that was not kept.

use std::sync::Arc;

use opsknight_domain::{
    directory::{Channel, NotificationRule, Role},
    id::{ContactMethodId, OverrideId, RuleId},
    oncall::Override,
    urgency::Urgency,
};
use opsknight_store::{
    Store,
    db::{Db, DbError, Tx, Wake},
    directory::{Picture, Ways},
    integrations, policies,
    refusal::ChangeError,
    schedules::{self, OverrideRow},
    seal::Sealer,
    services, settings, teams,
    testing::TestDb,
    users::{self, ContactMethodRow, RuleRow},
    webhooks,
};
use uuid::Uuid;

use super::{at, integration, policy, schedule, service, store, team, user, user_id, webhook};

async fn current(store: &Store) -> Arc<Picture> {
    let pictures = store.pictures.clone();
    store
        .db
        .read(async move |tx| pictures.current(tx, at(0)).await)
        .await
        .unwrap()
}

/// Makes a change and returns the picture after it, which must be a new one.
async fn after<F>(store: &Store, change: F) -> Arc<Picture>
where
    F: AsyncFn(&mut Tx<'_>, &Sealer) -> Result<(), ChangeError> + Send + Sync + 'static,
{
    let before = current(store).await;
    assert!(Arc::ptr_eq(&before, &current(store).await), "nothing changed");
    let sealer = Arc::clone(&store.sealer);
    store.db.write(async move |tx| change(tx, &sealer).await).await.unwrap();
    let now = current(store).await;
    assert!(now.directory.version > before.directory.version);
    assert!(Arc::ptr_eq(&now, &store.pictures.cached()));
    now
}

fn method() -> ContactMethodRow {
    ContactMethodRow {
        id: ContactMethodId::new(Uuid::from_u128(1)),
        user: user_id(1),
        channel: Channel::Sms,
        address: "+491".into(),
        verified_at: Some(at(0)),
        created_at: at(0),
    }
}

fn rule() -> RuleRow {
    RuleRow {
        id: RuleId::new(Uuid::from_u128(1)),
        user: user_id(1),
        rule: NotificationRule {
            urgency: Urgency::Low,
            channel: Channel::Email,
            delay_minutes: 3,
        },
    }
}

/// An override that ended so many minutes before.
fn ended(n: u128, minutes_ago: i64) -> OverrideRow {
    OverrideRow {
        schedule: schedule(1, Vec::new()).id,
        change: Override {
            id: OverrideId::new(Uuid::from_u128(n)),
            user: user_id(1),
            start: at(-minutes_ago - 60),
            end: at(-minutes_ago),
            replaces: None,
        },
        created_at: at(0),
    }
}

both! {
    async fn shows_every_kind_of_change(db: Db) {
        let store = store(&db);
        assert_eq!(store.pictures.cached().directory.version, 0, "nothing was read yet");
        assert_eq!(current(&store).await.directory.channels.len(), 1, "the environment's");

        let picture = after(&store, async |tx, _| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            users::insert(tx, &user(2, Role::User)).await
        })
        .await;
        assert_eq!(picture.directory.users[&user_id(1)].email, user(1, Role::Admin).email);
        let picture = after(&store, async |tx, _| users::delete(tx, user_id(2), at(1)).await).await;
        assert!(!picture.directory.users.contains_key(&user_id(2)));
        let picture = after(&store, async |tx, _| users::insert_contact_method(tx, &method()).await).await;
        assert_eq!(picture.directory.users[&user_id(1)].contact_methods, [method().into_domain()]);
        let picture = after(&store, async |tx, _| users::insert_rule(tx, &rule(), at(0)).await).await;
        assert_eq!(picture.directory.users[&user_id(1)].rules, [rule().rule]);

        let picture = after(&store, async |tx, _| teams::insert(tx, &team(1)).await).await;
        assert_eq!(picture.directory.teams[&team(1).id].name, team(1).name);
        let picture = after(&store, async |tx, _| policies::insert(tx, &policy(1, vec![])).await).await;
        assert_eq!(picture.directory.policies[&policy(1, vec![]).id].steps, policy(1, vec![]).steps);
        let picture = after(&store, async |tx, _| services::insert(tx, &service(1)).await).await;
        assert_eq!(picture.directory.services[&service(1).id], service(1).into_domain());

        let calls = schedule(1, vec![user_id(1)]);
        let picture = after(&store, async |tx, _| schedules::insert(tx, &schedule(1, vec![user_id(1)])).await).await;
        assert_eq!(picture.directory.schedules[&calls.id], calls.clone().with(Vec::new()));
        let picture = after(&store, async |tx, _| {
            schedules::insert_override(tx, &ended(1, 25 * 60)).await?;
            schedules::insert_override(tx, &ended(2, 23 * 60)).await
        })
        .await;
        let found = &picture.directory.schedules[&calls.id].overrides;
        assert_eq!(*found, [ended(2, 23 * 60).change], "those that ended long ago are left out");

        let picture = after(&store, async |tx, sealer| {
            let mut disabled = webhook(1);
            disabled.enabled = false;
            webhooks::insert(tx, sealer, &disabled).await
        })
        .await;
        assert_eq!(picture.directory.webhooks.len(), 1, "disabled ones too");
        let picture = after(&store, async |tx, sealer| {
            settings::put(tx, sealer, "notifications.whatsapp", &serde_json::json!({}), at(0)).await
        })
        .await;
        assert_eq!(picture.directory.channels, [Channel::Email, Channel::Whatsapp].into_iter().collect());
        let picture = after(&store, async |tx, _| settings::delete(tx, "notifications.whatsapp", at(0)).await).await;
        assert_eq!(picture.directory.channels, [Channel::Email].into_iter().collect());
    }

    async fn finds_integrations_by_identity_and_key(db: Db) {
        let store = store(&db);
        let row = integration(1, service(1).id);
        let picture = after(&store, async |tx, sealer| {
            services::insert(tx, &service(1)).await?;
            integrations::insert(tx, sealer, &integration(1, service(1).id)).await
        })
        .await;
        assert_eq!(*picture.integrations[&row.id], row);
        assert_eq!(picture.by_key[&row.key.hash()], row.id);
        let picture = after(&store, async |tx, sealer| {
            let mut rotated = integration(1, service(1).id);
            rotated.key = integrations::new_key([9; 16]);
            integrations::update(tx, sealer, &rotated).await
        })
        .await;
        assert!(!picture.by_key.contains_key(&row.key.hash()));

        // With another secret key the integration is left out, and all else is there.
        let other = Store::new(db.clone(), Sealer::new(&[8; 32]), Ways::default());
        let picture = current(&other).await;
        assert_eq!((picture.integrations.len(), picture.unreadable, picture.directory.services.len()), (0, 1, 1));
        let picture = after(&store, async |tx, _| services::delete(tx, service(1).id, at(1)).await).await;
        assert!(picture.integrations.is_empty() && picture.directory.services.is_empty());
    }

    async fn a_change_that_was_not_kept_is_in_no_picture(db: Db) {
        let store = store(&db);
        let before = current(&store).await;
        let pictures = store.pictures.clone();
        let outcome = db
            .write(async move |tx| {
                teams::insert(tx, &team(1)).await?;
                let own = pictures.current(tx, at(0)).await?;
                assert_eq!(own.directory.teams.len(), 1, "the unit sees its own change");
                Err::<(), _>(ChangeError::Missing("nothing"))
            })
            .await;
        assert!(outcome.is_err());
        assert!(Arc::ptr_eq(&before, &store.pictures.cached()));
        let now = current(&store).await;
        assert!(Arc::ptr_eq(&before, &now));
        let picture = after(&store, async |tx, _| policies::insert(tx, &policy(1, vec![])).await).await;
        assert_eq!((picture.directory.teams.len(), picture.directory.policies.len()), (0, 1));
    }

    async fn another_process_sees_it_and_is_woken(db: &TestDb) {
        let ours = store(db);
        let theirs = Store::open(db.settings(), Sealer::new(&[7; 32]), Ways::default()).await.unwrap();
        assert_eq!(current(&theirs).await.directory.teams.len(), 0);
        let mut wakes = db.subscribe();
        db.write(async |tx| teams::insert(tx, &team(1)).await).await.unwrap();
        let woken = tokio::time::timeout(crate::support::PATIENCE, wakes.recv()).await.unwrap();
        assert_eq!(woken.unwrap(), Wake::Config);
        assert_eq!(current(&theirs).await.directory.teams.len(), 1);
        assert_eq!(current(&ours).await.directory.teams.len(), 1);
        theirs.db.close().await;
    }

    async fn changes_at_once_are_all_kept(db: Db) {
        let store = store(&db);
        let changes = (1..=20).map(|n| db.write(async move |tx| teams::insert(tx, &team(n)).await));
        let outcomes = futures_util::future::join_all(changes).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(current(&store).await.directory.teams.len(), 20);
        let version = db
            .read(async |tx| {
                tx.query_one("SELECT n FROM counter WHERE name = 'directory_version'", &[]).await?.take::<i64>()
            })
            .await;
        let expected = at(0).as_microsecond() + 19;
        assert_eq!(version, Ok::<_, DbError>(expected), "each change has a version of its own");
    }
}
