//! The logs of messages and of changes, leaf by leaf, and what is told of what failed and of the database itself.

use jiff::Timestamp;
use opsknight_domain::{
    id::{AuditId, DeliveryId},
    incident::Actor,
};
use opsknight_store::{
    audit::{self, AuditFilter, AuditLine},
    db::{Db, DbError, Dialect, Tx},
    deliveries::{self, LogFilter},
    leaf::Edge,
    listing::Part,
    receipts,
};
use serde_json::json;
use uuid::Uuid;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
}

async fn message(db: &Db, n: u128, channel: &'static str, state: &'static str, words: &'static str) {
    let unit = async move |tx: &mut Tx<'_>| {
        let sql = "INSERT INTO delivery (id, purpose, channel, address, snapshot, reason, state, in_order, due_at, tries, \
             refusals, outcome, created_at, finished_at) \
             VALUES ($1, 'PAGE', $2, 'ann@example.com', '{}', 'on call', $3, TRUE, $4, 1, 0, $5, $4, $4)";
        let at = at(i64::try_from(n).unwrap());
        let id = DeliveryId::new(uuid(n));
        let params = [id.into(), channel.into(), state.into(), at.into(), words.into()];
        tx.execute(sql, &params).await.map(drop)
    };
    db.write::<_, DbError, _>(unit).await.unwrap();
}

both! {
    async fn messages_are_read_leaf_by_leaf(db: Db) {
        for n in 1..=5 {
            message(&db, n, "SMS", "SENT", "taken").await;
        }
        message(&db, 6, "EMAIL", "FAILED", "100% full").await;
        message(&db, 7, "EMAIL", "FAILED", "No such mailbox").await;
        let log = async |filter: LogFilter| {
            let filter = LogFilter { limit: 2, ..filter };
            let leaf = db.read(async move |tx| deliveries::log(tx, &filter).await).await.unwrap();
            let ids: Vec<u128> = leaf.rows.iter().map(|row| row.id.uuid().as_u128() & 0xff).collect();
            (ids, leaf.newer, leaf.older)
        };
        let id = |n| DeliveryId::new(uuid(n)).to_string();
        let edge = |edge| LogFilter { edge, ..LogFilter::default() };
        assert_eq!(log(LogFilter::default()).await, (vec![7, 6], false, true));
        assert_eq!(log(edge(Edge::OlderThan(id(6)))).await, (vec![5, 4], true, true));
        assert_eq!(log(edge(Edge::OlderThan(id(2)))).await, (vec![1], true, false));
        assert_eq!(log(edge(Edge::NewerThan(id(3)))).await, (vec![5, 4], true, true));
        assert_eq!(log(edge(Edge::NewerThan(id(5)))).await, (vec![7, 6], false, true));
        let text = |q: &str| LogFilter { q: Some(q.to_owned()), ..LogFilter::default() };
        assert_eq!(log(text("NO SUCH")).await.0, [7]);
        assert_eq!(log(text("100%")).await.0, [6], "a sign of LIKE is a sign like any other");
        let some = LogFilter {
            channel: Some("SMS".into()),
            after: Some(at(2)),
            before: Some(at(4)),
            ..LogFilter::default()
        };
        assert_eq!(log(some).await, (vec![3, 2], false, false));

        let failing = db.read(async |tx| deliveries::failing(tx, at(0)).await).await.unwrap();
        let told: Vec<_> = failing.iter().map(|one| (one.channel.as_str(), one.count, one.first_at, one.words.as_str())).collect();
        assert_eq!(told, [("EMAIL", 2, at(6), "No such mailbox")]);
        let later = db.read(async |tx| deliveries::failing(tx, at(8)).await).await.unwrap();
        assert_eq!(later, []);
        let none = db.read(async |tx| deliveries::get(tx, DeliveryId::new(uuid(9))).await).await.unwrap();
        assert_eq!(none, None);
    }

    async fn changes_are_read_leaf_by_leaf_and_by_thing(db: Db) {
        for n in 1..=4 {
            let unit = async move |tx: &mut Tx<'_>| {
                let line = AuditLine {
                    id: AuditId::new(uuid(n)),
                    at: at(0),
                    actor: &Actor::System,
                    actor_id: None,
                    ip: None,
                    action: "database.backed_up",
                    object_kind: "database",
                    object_id: if n == 3 { "other".to_owned() } else { "database".to_owned() },
                    object_name: "copy.db",
                    changes: json!({}),
                };
                audit::record(tx, &line).await
            };
            db.write(unit).await.unwrap();
        }
        let part = Part { limit: 3, offset: 0, q: None };
        let log = async |edge: Edge| {
            let leaf = db.read(async move |tx| audit::log(tx, &AuditFilter::all(part), &edge).await).await;
            let leaf = leaf.map_err(|error: DbError| error).unwrap();
            (leaf.rows.len(), leaf.newer, leaf.older)
        };
        assert_eq!(log(Edge::Newest).await, (3, false, true));
        assert_eq!(log(Edge::OlderThan(AuditId::new(uuid(2)).to_string())).await, (1, true, false));
        let last = db.read(async |tx| audit::last_of(tx, "database", 2).await).await.unwrap();
        assert_eq!(last.iter().map(|row| row.id).collect::<Vec<_>>(), [AuditId::new(uuid(4)), AuditId::new(uuid(2))]);
    }

    async fn the_log_of_requests_asks_what_both_databases_answer(db: Db) {
        let filter = receipts::LogFilter {
            action: Some("ignored"),
            after: Some(at(0)),
            before: Some(at(1)),
            q: Some("x".into()),
            edge: Edge::OlderThan("evt_1".into()),
            limit: 3,
            ..receipts::LogFilter::default()
        };
        let leaf = db.read(async move |tx| receipts::log(tx, &filter).await).await.unwrap();
        assert_eq!(leaf.rows, []);
    }

    async fn a_database_tells_which_it_is_and_how_large(db: Db) {
        let facts = db.facts().await.unwrap();
        assert_eq!(facts.dialect, db.dialect());
        assert!(facts.size_bytes > 0 && facts.schema.starts_with("000"), "{facts:?}");
        assert_eq!(facts.log_bytes.is_some(), facts.dialect == Dialect::Sqlite);
        assert_eq!(facts.connected_from.is_some(), facts.dialect == Dialect::Postgres);
        assert!(facts.version.starts_with(|sign: char| sign.is_ascii_digit()));
    }
}
