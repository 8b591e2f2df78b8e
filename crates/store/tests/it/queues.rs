//! What is asked of the queues whenever `/metrics` is read costs the same however much there ever was.

use opsknight_store::{
    db::{Db, DbError, Dialect, Tx},
    queues,
    testing::MIGRATED_AT,
};

/// The index that answers each question.
const INDEXES: [&str; 5] = [
    "incident_due",
    "delivery_due_page",
    "delivery_due_news",
    "delivery_due_webhook",
    "delivery_leased",
];

both! {
    async fn every_queue_is_looked_at_through_its_index(db: Db) {
        let plans = db.write(async |tx: &mut Tx<'_>| {
            if tx.dialect() == Dialect::Postgres {
                // An empty table is read as a whole, whatever indexes it has.
                tx.query("SET LOCAL enable_seqscan = off", &[]).await?;
            }
            queues::plans(tx, MIGRATED_AT).await
        });
        let plans: Result<_, DbError> = plans.await;
        let plans: Vec<String> = plans.unwrap();
        assert_eq!(plans.len(), INDEXES.len());
        for (plan, index) in plans.iter().zip(INDEXES) {
            assert!(plan.contains(index), "{index} is not used: {plan}");
        }
    }

    async fn an_empty_database_has_empty_queues(db: Db) {
        let found = db.read(async |tx: &mut Tx<'_>| {
            Ok::<_, DbError>((queues::queues(tx, MIGRATED_AT).await?, queues::expired_leases(tx, MIGRATED_AT).await?))
        });
        let (queues, expired) = found.await.unwrap();
        assert_eq!(queues.iter().map(|queue| queue.name).collect::<Vec<_>>(), ["escalation", "pages", "news", "webhooks"]);
        assert!(queues.iter().all(|queue| queue.waiting == 0 && queue.oldest_due_at.is_none()));
        assert_eq!(expired, 0);
    }
}
