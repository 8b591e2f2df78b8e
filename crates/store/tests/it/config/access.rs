//! Who gets in: sessions, one-time links, API keys; and the record of who changed what.

use opsknight_domain::{
    directory::{Role, Standing},
    id::{ApiKeyId, AuditId},
    incident::Actor,
};
use opsknight_store::{
    api_keys::{self, ApiKeyRow},
    audit::{self, AuditFilter, AuditLine},
    calendar_feeds,
    db::{Db, DbError},
    refusal::ChangeError,
    sessions::{self, LinkPurpose, SESSION_KEPT_FOR, SessionRow},
    users,
};
use serde_json::json;
use uuid::Uuid;

use super::{ALL, at, user, user_id};

both! {
    async fn sessions_slide_and_end(db: Db) {
        db.write(async |tx| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            users::insert(tx, &user(2, Role::User)).await?;
            let session = SessionRow::new("hash".into(), user_id(2), Some("::1".into()), Some("browser".into()), at(0));
            sessions::insert(tx, &session).await?;
            let found = sessions::find(tx, "hash", at(1)).await?;
            assert_eq!(found, Some((session.clone(), user(2, Role::User))));
            assert!(!session.wants_touch(at(0)));
            assert!(session.wants_touch(at(1)));
            sessions::touch(tx, "hash", at(10)).await?;
            let end = at(0) + SESSION_KEPT_FOR;
            assert!(sessions::find(tx, "hash", end).await?.is_some(), "it slides");
            let end = at(10) + SESSION_KEPT_FOR;
            assert_eq!(sessions::find(tx, "hash", end).await?, None, "it ends");

            sessions::insert(tx, &SessionRow::new("other".into(), user_id(2), None, None, at(0))).await?;
            sessions::delete_others(tx, user_id(2), "hash").await?;
            assert_eq!(sessions::of_user(tx, user_id(2), at(11)).await?.len(), 1);
            assert_eq!(sessions::sweep(tx, end).await?, 1);

            sessions::insert(tx, &session).await?;
            sessions::delete(tx, "hash").await?;
            assert_eq!(sessions::find(tx, "hash", at(1)).await?, None);
            sessions::insert(tx, &session).await?;
            let mut disabled = user(2, Role::User);
            disabled.standing = Standing::Disabled;
            users::update(tx, &disabled).await?;
            assert_eq!(sessions::of_user(tx, user_id(2), at(1)).await?, []);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn calendar_links_are_of_a_generation(db: Db) {
        db.write(async |tx| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            assert_eq!(calendar_feeds::generation(tx, user_id(1)).await?, 0);
            assert_eq!(calendar_feeds::renew(tx, user_id(1), at(0)).await?, 1);
            assert_eq!(calendar_feeds::renew(tx, user_id(1), at(1)).await?, 2);
            assert_eq!(calendar_feeds::generation(tx, user_id(1)).await?, 2);
            assert_eq!(calendar_feeds::generation(tx, user_id(2)).await?, 0);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn links_work_once(db: Db) {
        db.write(async |tx| {
            users::insert(tx, &user(1, Role::Admin)).await?;
            sessions::insert_link(tx, "first", LinkPurpose::Setup, None, at(0), at(60)).await?;
            sessions::insert_link(tx, "setup", LinkPurpose::Setup, None, at(0), at(60)).await?;
            sessions::insert_link(tx, "reset", LinkPurpose::Reset, Some(user_id(1)), at(0), at(60)).await?;
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
        db.write(async |tx| {
            assert_eq!(sessions::peek_link(tx, "first", LinkPurpose::Setup, at(1)).await?, None, "replaced");
            assert_eq!(sessions::peek_link(tx, "setup", LinkPurpose::Setup, at(1)).await?, Some(None));
            assert_eq!(sessions::take_link(tx, "reset", LinkPurpose::Invite, at(1)).await?, None, "another purpose");
            assert_eq!(sessions::take_link(tx, "reset", LinkPurpose::Reset, at(60)).await?, None, "expired");
            let taken = sessions::take_link(tx, "reset", LinkPurpose::Reset, at(59)).await?;
            assert_eq!(taken, Some(Some(user_id(1))));
            assert_eq!(sessions::take_link(tx, "reset", LinkPurpose::Reset, at(59)).await?, None, "used up");
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }

    async fn passwords_make_invited_people_active(db: Db) {
        db.write(async |tx| {
            assert!(!users::any(tx).await?);
            let mut invited = user(1, Role::Admin);
            invited.standing = Standing::Invited;
            users::insert(tx, &invited).await?;
            assert!(users::any(tx).await?);
            assert_eq!(users::password(tx, user_id(1)).await?, None);
            users::set_password(tx, user_id(1), "$argon2id$", at(1)).await?;
            assert_eq!(users::password(tx, user_id(1)).await?.as_deref(), Some("$argon2id$"));
            let found = users::get(tx, user_id(1)).await?.unwrap();
            assert_eq!((found.standing, found.updated_at), (Standing::Active, at(1)));
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn api_keys_are_known_by_their_hash(db: Db) {
        db.write(async |tx| {
            let key = api_keys::new_key([0xff; 32]);
            assert!(key.expose().starts_with("sk_live_"), "{}", key.expose());
            let mut row = ApiKeyRow {
                id: ApiKeyId::new(Uuid::from_u128(1)),
                name: "CI".into(),
                hint: api_keys::hint(&key),
                scopes: vec!["events:write".into()],
                created_by: Some(user_id(1).to_string()),
                created_at: at(0),
                expires_at: Some(at(60)),
                last_used_at: None,
            };
            assert_eq!(row.hint.len(), 4);
            api_keys::insert(tx, &row, &key).await?;
            assert_eq!(api_keys::by_hash(tx, &key.hash(), at(59)).await?, Some(row.clone()));
            assert_eq!(api_keys::by_hash(tx, &key.hash(), at(60)).await?, None, "expired");
            assert_eq!(api_keys::by_hash(tx, key.expose(), at(0)).await?, None);

            assert!(api_keys::wants_touch(&row, at(5)));
            api_keys::touch(tx, row.id, at(5)).await?;
            row.last_used_at = Some(at(5));
            row.expires_at = None;
            row.scopes = Vec::new();
            row.name = "Deploys".into();
            api_keys::update(tx, &row).await?;
            assert_eq!(api_keys::get(tx, row.id).await?, Some(row.clone()));
            assert!(!api_keys::wants_touch(&row, at(5)));
            assert_eq!(api_keys::list(tx, ALL).await?, (vec![row.clone()], 1));
            api_keys::delete(tx, row.id).await?;
            assert_eq!(api_keys::by_hash(tx, &key.hash(), at(0)).await?, None);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn the_audit_log_is_searched(db: Db) {
        db.write(async |tx| {
            let person = Actor::User { id: user_id(1), name: "Ada".into() };
            let program = Actor::ApiKey { name: "CI".into() };
            for (n, actor, action) in [(1, &person, "team.created"), (2, &program, "team.updated")] {
                let line = AuditLine {
                    id: AuditId::new(Uuid::from_u128(n)),
                    at: at(i64::try_from(n).unwrap()),
                    actor,
                    actor_id: (n == 2).then(|| "key_1".to_owned()),
                    ip: Some("10.0.0.1".into()),
                    action,
                    object_kind: "team",
                    object_id: format!("team_{n}"),
                    object_name: "Platform",
                    changes: json!({ "name": { "from": null, "to": "Platform" } }),
                };
                audit::record(tx, &line).await?;
            }
            let all = AuditFilter::all(ALL);
            let (lines, total) = audit::list(tx, &all).await?;
            assert_eq!((lines[0].action.as_str(), lines[1].action.as_str(), total), ("team.updated", "team.created", 2));
            assert_eq!(lines[0].actor_id.as_deref(), Some("key_1"));
            assert_eq!(lines[1].actor_id, Some(user_id(1).to_string()));
            assert_eq!(lines[1].changes["name"]["to"], "Platform");
            let person = user_id(1).to_string();
            let narrow = [
                AuditFilter { actor_id: Some(&person), ..all.clone() },
                AuditFilter { action: Some("team.created"), ..all.clone() },
                AuditFilter { object_id: Some("team_1"), object_kind: Some("team"), ..all.clone() },
                AuditFilter { before: Some(at(2)), after: Some(at(1)), ..all.clone() },
                AuditFilter { part: opsknight_store::listing::Part { q: Some("ADA"), ..ALL }, ..all.clone() },
            ];
            for filter in narrow {
                let (lines, total) = audit::list(tx, &filter).await?;
                assert_eq!((lines.len(), total), (1, 1), "{filter:?}");
                assert_eq!(lines[0].action, "team.created", "{filter:?}");
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }
}
