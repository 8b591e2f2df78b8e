//! Integrations, webhooks and settings: credentials come back to those who hold the key, and stand nowhere in plain.

use opsknight_domain::directory::Channel;
use opsknight_store::{
    db::{Db, DbError},
    integrations,
    refusal::{ChangeError, Refusal},
    seal::Sealer,
    secret::Secret,
    services, settings,
    testing::TestDb,
    webhooks::{self, WebhookKind},
};
use serde_json::json;

use super::{ALL, at, integration, refusal, service, store, webhook};

both! {
    async fn integrations_come_back_as_they_went(db: Db) {
        let sealer = store(&db).sealer;
        db.write(async move |tx| {
            services::insert(tx, &service(1)).await?;
            let mut row = integration(1, service(1).id);
            integrations::insert(tx, &sealer, &row).await?;
            assert_eq!(integrations::get(tx, &sealer, row.service, row.id).await?, Some(row.clone()));
            assert_eq!(integrations::get(tx, &sealer, service(2).id, row.id).await?, None);
            row.name = "Prod".into();
            row.key = integrations::new_key([0xab; 16]);
            row.secret = None;
            row.enabled = false;
            row.require_key = true;
            row.rate_limit_per_minute = 7;
            row.field_mapping = None;
            row.updated_at = at(1);
            integrations::update(tx, &sealer, &row).await?;
            assert_eq!(integrations::list(tx, &sealer, row.service, ALL).await?, (vec![row.clone()], 1));
            assert!(integrations::last_events(tx, row.service).await?.is_empty());
            assert_eq!(row.key.expose(), "ab".repeat(16));
            integrations::delete(tx, row.service, row.id, at(2)).await
        })
        .await
        .unwrap();
    }

    async fn webhooks_come_back_as_they_went(db: Db) {
        let sealer = store(&db).sealer;
        db.write(async move |tx| {
            let mut row = webhook(1);
            webhooks::insert(tx, &sealer, &row).await?;
            assert_eq!(webhooks::get(tx, &sealer, row.id).await?, Some(row.clone()));
            row.kind = WebhookKind::Telegram;
            row.url = Secret::new("https://elsewhere.example");
            row.secret = None;
            row.channel = Some("-1001".into());
            row.enabled = false;
            row.happenings = opsknight_domain::incident::Happening::ALL.into_iter().collect();
            row.services = [service(1).id].into_iter().collect();
            webhooks::update(tx, &sealer, &row).await?;
            assert_eq!(webhooks::list(tx, &sealer, ALL).await?, (vec![row.clone()], 1));
            webhooks::delete(tx, row.id, at(1)).await?;
            assert_eq!(webhooks::get(tx, &sealer, row.id).await?, None);
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn settings_come_back_as_they_went(db: Db) {
        let sealer = store(&db).sealer;
        db.write(async move |tx| {
            let name = settings::of_channel(Channel::Email);
            assert_eq!(name, "notifications.email");
            assert_eq!(settings::get(tx, &sealer, &name).await?, None);
            settings::put(tx, &sealer, &name, &json!({ "host": "a" }), at(1)).await?;
            settings::put(tx, &sealer, &name, &json!({ "host": "b" }), at(2)).await?;
            assert_eq!(settings::get(tx, &sealer, &name).await?, Some((json!({ "host": "b" }), at(2))));
            let other = Sealer::new(&[8; 32]);
            assert!(matches!(settings::get(tx, &other, &name).await, Err(DbError::Corrupt { .. })));
            settings::delete(tx, &name, at(3)).await?;
            let again = settings::delete(tx, &name, at(3)).await;
            assert!(matches!(again, Err(ChangeError::Missing("setting"))), "{again:?}");
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn a_sealed_text_does_not_open_in_another_row(db: Db) {
        let sealer = store(&db).sealer;
        let outcome = db
            .write(async move |tx| {
                services::insert(tx, &service(1)).await?;
                for n in [1, 2] {
                    integrations::insert(tx, &sealer, &integration(n, service(1).id)).await?;
                }
                let sql = "UPDATE integration SET secret_sealed = \
                           (SELECT i.secret_sealed FROM integration i WHERE i.id = $1) WHERE id = $2";
                let (one, two) = (integration(1, service(1).id).id, integration(2, service(1).id).id);
                tx.execute(sql, &[one.into(), two.into()]).await?;
                let found = integrations::get(tx, &sealer, service(1).id, two).await;
                assert!(matches!(found, Err(DbError::Corrupt { .. })), "{found:?}");
                Ok::<_, ChangeError>(())
            })
            .await;
        outcome.unwrap();
    }

    async fn a_service_with_work_left_stays(db: Db) {
        let sealer = store(&db).sealer;
        db.write(async move |tx| {
            services::insert(tx, &service(1)).await?;
            integrations::insert(tx, &sealer, &integration(1, service(1).id)).await?;
            let sql = "INSERT INTO incident (id, number, title, status, urgency, is_test, dedup_key, service_id, \
                       assigned_by_hand, in_maintenance, escalation_round, escalation_next_step, escalations, ack_breached, resolve_breached, \
                       alert_count, created_at, updated_at) \
                       VALUES ('inc_1', 1, 't', 'SNOOZED', 'LOW', FALSE, 'k', $1, FALSE, FALSE, 0, 0, 0, FALSE, FALSE, 1, 0, 0)";
            tx.execute(sql, &[service(1).id.into()]).await?;
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
        let outcome = db.write(async |tx| services::delete(tx, service(1).id, at(1)).await).await;
        assert_eq!(refusal(outcome), Refusal::Unresolved { incidents: 1 });
        let sealer = store(&db).sealer;
        db.write(async move |tx| {
            tx.execute("UPDATE incident SET status = 'RESOLVED'", &[]).await?;
            services::delete(tx, service(1).id, at(1)).await?;
            assert_eq!(services::get(tx, service(1).id).await?, None);
            assert_eq!(integrations::list(tx, &sealer, service(1).id, ALL).await?, (Vec::new(), 0));
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }

    async fn nothing_stands_in_plain(db: &TestDb) {
        let sealer = store(db).sealer;
        let key = integration(0x5a, service(1).id).key;
        db.write(async move |tx| {
            services::insert(tx, &service(1)).await?;
            integrations::insert(tx, &sealer, &integration(0x5a, service(1).id)).await?;
            webhooks::insert(tx, &sealer, &webhook(1)).await?;
            settings::put(tx, &sealer, "notifications.email", &json!({ "password": "very private" }), at(1)).await
        })
        .await
        .unwrap();
        let mut texts = Vec::new();
        for sql in [
            "SELECT key_hash || ' ' || key_sealed || ' ' || secret_sealed FROM integration",
            "SELECT url_sealed || ' ' || secret_sealed FROM webhook",
            "SELECT sealed FROM setting",
        ] {
            let row = db.read(async move |tx| tx.query_one(sql, &[]).await?.take::<String>()).await;
            texts.push(row.unwrap().into_bytes());
        }
        for entry in std::fs::read_dir(db.dir()).unwrap() {
            texts.push(std::fs::read(entry.unwrap().path()).unwrap());
        }
        let plain = [key.expose(), "a signature secret", "very-private-path", "whsec_very_private", "very private"];
        for bytes in &texts {
            for secret in plain {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
            }
        }
        assert!(texts.len() >= 3);
    }
}
