//! How people sign in: the second step, passkeys, identities at providers, and what was begun and not finished yet.

use opsknight_domain::directory::{Role, Standing};
use opsknight_store::{
    db::Db,
    login_steps::{self, StepPurpose},
    passkeys::{self, PasskeyRow},
    provider_identities as identities,
    refusal::ChangeError,
    second_factor,
    secret::Secret,
    sessions::{self, LinkPurpose},
    users,
};

use super::{at, store, user, user_id};

both! {
    async fn what_was_begun_is_finished_once_and_by_its_own_purpose(db: Db) {
        let sealer = store(&db).sealer;
        db.write(async move |tx| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            let second = ("hash", StepPurpose::Second);
            let state = Secret::new("a challenge");
            login_steps::insert(tx, &sealer, second, (Some(user_id(1)), &state), (at(0), at(10))).await?;
            let other = ("hash", StepPurpose::Passkey);
            assert_eq!(login_steps::take(tx, &sealer, other, at(1)).await?, None, "another purpose");
            login_steps::count_try(tx, "hash").await?;
            let seen = login_steps::peek(tx, &sealer, second, at(9)).await?.unwrap();
            assert_eq!((seen.user, seen.state, seen.tries), (Some(user_id(1)), state.clone(), 1));
            assert_eq!(login_steps::peek(tx, &sealer, second, at(10)).await?, None, "too late");
            assert!(login_steps::take(tx, &sealer, second, at(9)).await?.is_some());
            assert_eq!(login_steps::take(tx, &sealer, second, at(9)).await?, None, "once");
            login_steps::insert(tx, &sealer, other, (None, &state), (at(0), at(10))).await?;
            assert_eq!(sessions::sweep(tx, at(10)).await?, 1);
            login_steps::insert(tx, &sealer, second, (Some(user_id(1)), &state), (at(0), at(10))).await?;
            login_steps::delete_of(tx, user_id(1)).await?;
            assert_eq!(login_steps::peek(tx, &sealer, second, at(1)).await?, None);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn an_app_counts_once_it_is_confirmed_and_no_step_counts_twice(db: Db) {
        let sealer = store(&db).sealer;
        db.write(async move |tx| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            let (id, first, other) = (user_id(1), Secret::new("FIRST"), Secret::new("OTHER"));
            assert!(second_factor::begin(tx, &sealer, id, &first, at(0)).await?);
            assert!(second_factor::begin(tx, &sealer, id, &other, at(1)).await?, "it may be begun anew");
            let factor = second_factor::get(tx, &sealer, id).await?.unwrap();
            assert_eq!((factor.secret, factor.last_step, factor.confirmed_at), (other, 0, None));
            assert_eq!(second_factor::standing(tx, id).await?, None);
            assert_eq!(second_factor::everybody(tx).await?, []);

            assert!(second_factor::use_step(tx, id, 7).await?);
            assert!(!second_factor::use_step(tx, id, 7).await?, "used");
            assert!(!second_factor::use_step(tx, id, 6).await?, "an earlier one");
            second_factor::confirm(tx, id, at(2)).await?;
            second_factor::replace_codes(tx, id, &["a".into(), "b".into()]).await?;
            assert!(!second_factor::begin(tx, &sealer, id, &first, at(3)).await?, "one that counts stays");
            let standing = second_factor::standing(tx, id).await?.unwrap();
            assert_eq!((standing.since, standing.codes_left), (at(2), 2));
            assert_eq!(second_factor::everybody(tx).await?, [id]);

            assert!(second_factor::use_code(tx, id, "a").await?);
            assert!(!second_factor::use_code(tx, id, "a").await?, "once");
            second_factor::replace_codes(tx, id, &["c".into()]).await?;
            assert!(!second_factor::use_code(tx, id, "b").await?, "replaced");
            assert!(second_factor::delete(tx, id).await?);
            assert!(!second_factor::delete(tx, id).await?);
            assert!(!second_factor::use_code(tx, id, "c").await?, "gone with the app");
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn passkeys_are_their_owners_alone(db: Db) {
        db.write(async |tx| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            users::insert(tx, &user(2, Role::User)).await?;
            let mut passkey = PasskeyRow {
                id: "credential".into(),
                user: user_id(1),
                name: "Laptop".into(),
                credential: "{}".into(),
                created_at: at(0),
                last_used_at: None,
            };
            assert!(passkeys::insert(tx, &passkey).await?);
            assert!(!passkeys::insert(tx, &passkey).await?, "no identity stands twice");
            assert!(!passkeys::rename(tx, user_id(2), "credential", "Mine").await?);
            assert!(!passkeys::delete(tx, user_id(2), "credential").await?);
            assert!(passkeys::rename(tx, user_id(1), "credential", "Phone").await?);
            passkeys::used(tx, "credential", "{\"counter\":1}", at(5)).await?;
            passkey.name = "Phone".into();
            passkey.credential = "{\"counter\":1}".into();
            passkey.last_used_at = Some(at(5));
            assert_eq!(passkeys::of_user(tx, user_id(1)).await?, [passkey.clone()]);
            assert_eq!(passkeys::get(tx, "credential").await?, Some(passkey));
            assert!(passkeys::delete(tx, user_id(1), "credential").await?);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn whoever_has_a_way_in_can_sign_in_and_leaves_nothing_behind(db: Db) {
        db.write(async |tx| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            let mut invited = user(2, Role::User);
            invited.standing = Standing::Invited;
            users::insert(tx, &invited).await?;
            assert!(!users::can_sign_in(tx, user_id(2)).await?);
            assert_eq!(identities::user(tx, "https://id.example.com", "1").await?, None);
            for minute in [0, 1] {
                identities::seen(tx, "https://id.example.com", "1", user_id(2), at(minute)).await?;
            }
            assert_eq!(identities::user(tx, "https://id.example.com", "1").await?, Some(user_id(2)));
            assert_eq!(identities::user(tx, "https://other.example", "1").await?, None);
            assert!(identities::is_linked(tx, "https://id.example.com", user_id(2)).await?);
            assert!(users::can_sign_in(tx, user_id(2)).await?);
            users::activate(tx, user_id(2), at(2)).await?;
            assert_eq!(users::get(tx, user_id(2)).await?.unwrap().standing, Standing::Active);
            users::delete(tx, user_id(2), at(3)).await?;
            assert_eq!(identities::user(tx, "https://id.example.com", "1").await?, None);
            assert_eq!(identities::delete_of(tx, user_id(2)).await?, 0);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn invitations_are_listed_with_who_made_them(db: Db) {
        db.write(async |tx| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            users::insert(tx, &user(2, Role::User)).await?;
            for (hash, purpose, id, ends) in [
                ("later", LinkPurpose::Invite, 1, 90),
                ("sooner", LinkPurpose::Invite, 2, 60),
                ("reset", LinkPurpose::Reset, 1, 60),
            ] {
                sessions::insert_link(tx, hash, purpose, Some(user_id(id)), at(0), at(ends)).await?;
            }
            sessions::name_maker(tx, "sooner", "Ada").await?;
            let all = sessions::invitations(tx, at(1)).await?;
            let told: Vec<_> = all.iter().map(|row| (row.user, row.made_by.as_deref())).collect();
            assert_eq!(told, [(user_id(2), Some("Ada")), (user_id(1), None)]);
            assert_eq!(sessions::invitations(tx, at(60)).await?.len(), 1, "one has ended");
            assert_eq!(sessions::delete_links_of(tx, user_id(1)).await?, 2);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }
}
